//! `ECHO message` answers the message.
//!
//! ```text
//! > ECHO hello
//! "hello"
//! ```

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// ECHO.
pub const ECHO: ServerCommand = Command::new(
    Spec {
        name: "echo",
        summary: "Returns the given string.",
        group: Group::Connection,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE).with(Flags::FAST),
        arguments: &[Arg::string("message")],
        ..Spec::DEFAULT
    },
    Handler::Server(echo),
);

fn echo(_call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    reply.bulk(arguments[1]);
    Ok(())
}
