//! `QUIT` answers OK and closes the connection.
//!
//! ```text
//! > QUIT
//! OK
//! ```

use perilune_command::{Command, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// QUIT.
pub const QUIT: ServerCommand = Command::new(
    Spec {
        name: "quit",
        summary: "Closes the connection.",
        group: Group::Connection,
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::NO_AUTH)
            .with(Flags::ALLOW_BUSY),
        deprecated: Some(("7.2.0", "just closing the connection")),
        ..Spec::DEFAULT
    },
    Handler::Server(quit),
);

fn quit(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    // whoever publishes from now on must not count it, and closing takes its time
    call.server.pubsub.unsubscribe_all(&call.session.client);
    reply.ok();
    call.session.close_after_reply = true;
    Ok(())
}
