//! `CLIENT GETREDIR` answers the connection that gets this one's invalidation messages. Nothing is tracked yet: -1.

use perilune_command::{Command, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// CLIENT GETREDIR.
pub const GETREDIR: ServerCommand = Command::new(
    Spec {
        name: "getredir",
        summary: "Returns the client ID to which the connection's tracking notifications are redirected.",
        group: Group::Connection,
        since: "6.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        ..Spec::DEFAULT
    },
    Handler::Server(getredir),
);

fn getredir(_call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    reply.integer(-1);
    Ok(())
}
