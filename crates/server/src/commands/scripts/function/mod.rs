//! FUNCTION: the libraries of functions that the server knows, and the functions that run.

mod delete;
mod dump;
mod flush;
mod help;
mod kill;
mod list;
mod load;
mod restore;
mod stats;

use perilune_command::{Command, CommandError, Group, Spec};

use crate::table::ServerCommand;

/// FUNCTION.
pub const FUNCTION: ServerCommand = Command::container(
    Spec {
        name: "function",
        summary: "A container for function commands.",
        complexity: "Depends on subcommand.",
        arity: -2,
        ..COMMON
    },
    &[
        delete::DELETE,
        dump::DUMP,
        flush::FLUSH,
        help::HELP,
        kill::KILL,
        list::LIST,
        load::LOAD,
        restore::RESTORE,
        stats::STATS,
    ],
);

/// What all of them have in common.
const COMMON: Spec = Spec {
    group: Group::Scripting,
    since: "7.0.0",
    ..Spec::DEFAULT
};

/// The error for too many arguments of a subcommand that takes a few.
fn wrong_syntax(arguments: &[&[u8]]) -> CommandError {
    CommandError::quoting(&[
        b"ERR unknown subcommand or wrong number of arguments for '",
        arguments[1],
        b"'. Try FUNCTION HELP.",
    ])
}

/// The hints of those that change libraries.
const CHANGE_TIPS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];
