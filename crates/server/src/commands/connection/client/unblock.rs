//! `CLIENT UNBLOCK client-id [TIMEOUT | ERROR]` ends the wait of a blocking command, as if its time were up or with an
//! error. Answers whether the client waited.

use perilune_command::{
    Arg, Command, CommandError, Flags, Group, Outcome, Spec, integer, is_token,
};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// CLIENT UNBLOCK.
pub const UNBLOCK: ServerCommand = Command::new(
    Spec {
        name: "unblock",
        summary: "Unblocks a client blocked by a blocking command from a different connection.",
        group: Group::Connection,
        since: "5.0.0",
        complexity: "O(log N) where N is the number of client connections",
        arity: -3,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        arguments: &[
            Arg::integer("client-id"),
            Arg::one_of(
                "unblock-type",
                &[Arg::word("timeout", "TIMEOUT"), Arg::word("error", "ERROR")],
            )
            .optional(),
        ],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(unblock),
);

fn unblock(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let with_error = match arguments {
        [_, _, _, how] if is_token(how, "timeout") => false,
        [_, _, _, how] if is_token(how, "error") => true,
        [_, _, _, _] => {
            return Err(
                CommandError::new("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR").into(),
            );
        }
        // like the reference, which looks at no more than four words
        _ => false,
    };
    let id = integer(arguments[2])?;
    let blocked = u64::try_from(id)
        .ok()
        .and_then(|id| call.server.clients.get(id))
        .and_then(|client| client.blocked());
    let ended = blocked.is_some_and(|blocked| blocked.unblock(with_error));
    reply.integer(i64::from(ended));
    Ok(())
}
