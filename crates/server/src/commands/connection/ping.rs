//! `PING [message]` answers PONG, or the message: the way to see whether a connection lives.
//!
//! ```text
//! > PING
//! PONG
//! > PING hello
//! "hello"
//! ```

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec, errors};
use perilune_resp::{Protocol, Reply};

use crate::call::{Call, Origin};
use crate::clients::flag;
use crate::table::{Handler, ServerCommand};

/// PING.
pub const PING: ServerCommand = Command::new(
    Spec {
        name: "ping",
        summary: "Returns the server's liveliness response.",
        group: Group::Connection,
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: Flags::FAST,
        arguments: &[Arg::string("message").optional()],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Spec::DEFAULT
    },
    Handler::Server(ping),
);

fn ping(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let session = &call.session;
    let is_subscriber = session.client.flags.has(flag::PUBSUB)
        && session.protocol == Protocol::Resp2
        && !matches!(call.origin, Origin::Script { .. });
    if is_subscriber && arguments.len() <= 2 {
        // shaped like a message, so that who listens can tell it from one
        reply.array(2);
        reply.bulk(b"pong");
        reply.bulk(arguments.get(1).unwrap_or(&b"".as_slice()));
        return Ok(());
    }
    match arguments {
        [_] => reply.status("PONG"),
        [_, message] => reply.bulk(message),
        _ => return Err(errors::wrong_arity("ping").into()),
    }
    Ok(())
}
