//! `CLIENT REPLY ON | OFF | SKIP`: whether the client wants answers. OFF and SKIP themselves answer nothing.
//!
//! Inside of EXEC they leave out parts of its answer, which is then no array any more of the length that it says. That is how
//! the reference does it, and what a client that asks for it gets.

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec, errors, is_token};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// CLIENT REPLY.
pub const REPLY: ServerCommand = Command::new(
    Spec {
        name: "reply",
        summary: "Instructs the server whether to reply to commands.",
        group: Group::Connection,
        since: "3.2.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        arguments: &[Arg::one_of(
            "action",
            &[
                Arg::word("on", "ON"),
                Arg::word("off", "OFF"),
                Arg::word("skip", "SKIP"),
            ],
        )],
        ..Spec::DEFAULT
    },
    Handler::Server(reply_mode),
);

fn reply_mode(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mode = &mut call.session.reply_mode;
    match () {
        () if is_token(arguments[2], "on") => {
            mode.turn_on();
            reply.ok();
        }
        () if is_token(arguments[2], "off") => mode.turn_off(),
        () if is_token(arguments[2], "skip") => mode.skip_next(),
        () => return Err(errors::SYNTAX.into()),
    }
    Ok(())
}
