//! `DISCARD` ends a transaction without running it, and unwatches all keys.

use perilune_command::{Command, CommandError, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// DISCARD.
pub const DISCARD: ServerCommand = Command::new(
    Spec {
        name: "discard",
        summary: "Discards a transaction.",
        group: Group::Transactions,
        since: "2.0.0",
        complexity: "O(N), when N is the number of queued commands",
        arity: 1,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::ALLOW_BUSY),
        ..Spec::DEFAULT
    },
    Handler::Server(discard),
);

fn discard(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    if call.session.multi.is_none() {
        return Err(CommandError::new("ERR DISCARD without MULTI").into());
    }
    call.session.end_transaction();
    reply.ok();
    Ok(())
}
