//! `UNWATCH` watches no key any more.

use perilune_command::{Command, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// UNWATCH.
pub const UNWATCH: ServerCommand = Command::new(
    Spec {
        name: "unwatch",
        summary: "Forgets about watched keys of a transaction.",
        group: Group::Transactions,
        since: "2.2.0",
        complexity: "O(1)",
        arity: 1,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::ALLOW_BUSY),
        ..Spec::DEFAULT
    },
    Handler::Server(unwatch),
);

fn unwatch(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    call.session.watch = None;
    call.session.client.watching.set(0);
    reply.ok();
    Ok(())
}
