//! `CLIENT CAPA capability ...`: the client says what it can do. What is not known does not matter.

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec, is_token};
use perilune_resp::Reply;

use crate::call::Call;
use crate::clients::flag;
use crate::table::{Handler, ServerCommand};

/// CLIENT CAPA.
pub const CAPA: ServerCommand = Command::new(
    Spec {
        name: "capa",
        summary: "A client claims its capability.",
        group: Group::Connection,
        since: "8.0.0",
        complexity: "O(1)",
        arity: -3,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        arguments: &[Arg::string("capability").multiple()],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(capa),
);

fn capa(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    if arguments[2..]
        .iter()
        .any(|capability| is_token(capability, "redirect"))
    {
        call.session.client.flags.set(flag::CAN_REDIRECT, true);
    }
    reply.ok();
    Ok(())
}
