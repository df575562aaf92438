//! `CLIENT subcommand ...`: the connections, this one and the others.
//!
//! What Redis calls a client is a connection. What a connection may know of another is in `crate::clients`; the lines of
//! CLIENT LIST are written in [`view`].

mod atomicity;
mod capa;
mod filter;
mod getredir;
mod help;
mod id;
mod kill;
mod list;
mod modes;
mod name;
mod pause;
mod reply;
mod unblock;
mod view;

use perilune_command::{Command, Group, Spec};

use crate::table::ServerCommand;

/// CLIENT.
pub const CLIENT: ServerCommand = Command::container(
    Spec {
        name: "client",
        summary: "A container for client connection commands.",
        group: Group::Connection,
        since: "2.4.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        ..Spec::DEFAULT
    },
    &[
        atomicity::ATOMICITY,
        capa::CAPA,
        name::GETNAME,
        getredir::GETREDIR,
        help::HELP,
        id::ID,
        modes::IMPORT_SOURCE,
        list::INFO,
        kill::KILL,
        list::LIST,
        modes::NO_EVICT,
        modes::NO_TOUCH,
        pause::PAUSE,
        reply::REPLY,
        name::SETINFO,
        name::SETNAME,
        unblock::UNBLOCK,
        pause::UNPAUSE,
    ],
);
