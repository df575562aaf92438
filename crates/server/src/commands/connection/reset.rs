//! `RESET` makes a connection as it was when it connected: database 0, RESP2, no transaction, no subscription, no name,
//! not authenticated.
//!
//! ```text
//! > RESET
//! RESET
//! ```

use perilune_command::{Command, Flags, Group, Outcome, Spec};
use perilune_resp::{Protocol, Reply};

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// RESET.
pub const RESET: ServerCommand = Command::new(
    Spec {
        name: "reset",
        summary: "Resets the connection.",
        group: Group::Connection,
        since: "6.2.0",
        complexity: "O(1)",
        arity: 1,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::NO_AUTH)
            .with(Flags::ALLOW_BUSY),
        ..Spec::DEFAULT
    },
    Handler::Server(reset),
);

fn reset(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let needs_password = !call.server.settings.security.requirepass.is_empty();
    call.server.pubsub.unsubscribe_all(&call.session.client);
    call.session.reset(!needs_password);
    reply.switch_protocol(Protocol::Resp2);
    reply.status("RESET");
    Ok(())
}
