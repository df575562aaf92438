//! `MULTI` starts a transaction: commands are queued from now on.
//!
//! ```text
//! > MULTI
//! OK
//! > SET k v
//! QUEUED
//! > EXEC
//! 1) OK
//! ```

use perilune_command::{Command, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::clients::flag;
use crate::table::{Handler, ServerCommand};

/// MULTI.
pub const MULTI: ServerCommand = Command::new(
    Spec {
        name: "multi",
        summary: "Starts a transaction.",
        group: Group::Transactions,
        since: "1.2.0",
        complexity: "O(1)",
        arity: 1,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::NO_MULTI)
            .with(Flags::ALLOW_BUSY),
        ..Spec::DEFAULT
    },
    Handler::Server(multi),
);

fn multi(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    call.session.multi = Some(Box::default());
    call.session.client.flags.set(flag::MULTI, true);
    call.session.client.show_transaction();
    reply.ok();
    Ok(())
}
