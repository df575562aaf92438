//! `READONLY` and `READWRITE` are about replicas in a cluster, and there is none yet. Clients look at the error: with it
//! `valkey-cli --bigkeys` goes on, with that of an unknown command it gives up.

use perilune_command::{Category, Command, CommandError, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// READONLY.
pub const READONLY: ServerCommand = Command::new(
    Spec {
        name: "readonly",
        summary: "Enables read-only queries for a connection to a Valkey replica node.",
        group: Group::Cluster,
        since: "3.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: Flags::LOADING.with(Flags::STALE).with(Flags::FAST),
        categories: Category::CONNECTION,
        ..Spec::DEFAULT
    },
    Handler::Server(no_cluster),
);

/// READWRITE.
pub const READWRITE: ServerCommand = Command::new(
    Spec {
        name: "readwrite",
        summary: "Enables read-write queries for a connection to a Valkey replica node.",
        group: Group::Cluster,
        since: "3.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: Flags::LOADING.with(Flags::STALE).with(Flags::FAST),
        categories: Category::CONNECTION,
        ..Spec::DEFAULT
    },
    Handler::Server(no_cluster),
);

fn no_cluster(_call: &mut Call<'_>, _arguments: &[&[u8]], _reply: &mut dyn Reply) -> Outcome {
    Err(CommandError::new("ERR This instance has cluster support disabled").into())
}
