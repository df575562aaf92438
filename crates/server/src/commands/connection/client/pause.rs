//! `CLIENT PAUSE milliseconds [WRITE | ALL]` lets commands wait for a while, `CLIENT UNPAUSE` ends that.
//!
//! With WRITE only those wait that may write. Keys do not expire meanwhile: that would be a change too.

use perilune_command::{
    Arg, Command, CommandError, Flags, Group, Outcome, Spec, integer, is_token,
};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// CLIENT PAUSE.
pub const PAUSE: ServerCommand = Command::new(
    Spec {
        name: "pause",
        summary: "Suspends commands processing.",
        group: Group::Connection,
        since: "3.0.0",
        complexity: "O(1)",
        arity: -3,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        arguments: &[
            Arg::integer("timeout"),
            Arg::one_of(
                "mode",
                &[Arg::word("write", "WRITE"), Arg::word("all", "ALL")],
            )
            .optional()
            .since("6.2.0"),
        ],
        history: &[(
            "6.2.0",
            "`CLIENT PAUSE WRITE` mode added along with the `mode` option.",
        )],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(pause),
);

/// CLIENT UNPAUSE.
pub const UNPAUSE: ServerCommand = Command::new(
    Spec {
        name: "unpause",
        summary: "Resumes processing commands from paused clients.",
        group: Group::Connection,
        since: "6.2.0",
        complexity: "O(N) Where N is the number of paused clients",
        arity: 2,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(unpause),
);

fn pause(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let writes_only = match arguments {
        [_, _, _, mode] if is_token(mode, "write") => true,
        [_, _, _, mode] if !is_token(mode, "all") => {
            return Err(CommandError::new("ERR CLIENT PAUSE mode must be WRITE or ALL").into());
        }
        _ => false,
    };
    let time_ms = integer(arguments[2])
        .map_err(|_| CommandError::new("ERR timeout is not an integer or out of range"))?;
    if time_ms < 0 {
        return Err(CommandError::new("ERR timeout is negative").into());
    }
    let now_ms = call.server.keyspace.clock().unix_ms();
    let until_ms = now_ms
        .checked_add(time_ms)
        .ok_or(CommandError::new("ERR timeout is out of range"))?;
    call.server.start_pause(until_ms, writes_only);
    reply.ok();
    Ok(())
}

fn unpause(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    call.server.end_pause();
    reply.ok();
    Ok(())
}
