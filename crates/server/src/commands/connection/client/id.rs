//! `CLIENT ID` answers the connection's number, which no other has had before.

use perilune_command::{Command, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// CLIENT ID.
pub const ID: ServerCommand = Command::new(
    Spec {
        name: "id",
        summary: "Returns the unique client ID of the connection.",
        group: Group::Connection,
        since: "5.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        ..Spec::DEFAULT
    },
    Handler::Server(id),
);

fn id(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    reply.integer(call.session.id as i64);
    Ok(())
}
