//! `PUBLISH channel message` sends a message to all who are subscribed to the channel now, and answers how many they are. `SPUBLISH` does the
//! same with channels of a shard.
//!
//! ```text
//! > PUBLISH news hello
//! (integer) 2
//! ```
//!
//! Inside EXEC and scripts the message goes out when the transaction commits, in order with its keyspace events, and not at all
//! if it is taken back; the number is that of the moment of the call.

use perilune_command::{Arg, Command, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{Announcement, Txn};
use perilune_resp::Reply;

use crate::call::{Call, Origin};
use crate::pubsub::{Scope, Told};
use crate::table::{Handler, ServerCommand};

const FLAGS: Flags = Flags::PUBSUB
    .with(Flags::LOADING)
    .with(Flags::STALE)
    .with(Flags::FAST);

/// PUBLISH.
pub const PUBLISH: ServerCommand = Command::new(
    Spec {
        name: "publish",
        summary: "Posts a message to a channel.",
        group: Group::PubSub,
        since: "2.0.0",
        complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).",
        arity: 3,
        flags: FLAGS,
        may_replicate: true,
        arguments: &[Arg::string("channel"), Arg::string("message")],
        ..Spec::DEFAULT
    },
    Handler::Transaction(publish),
);

/// SPUBLISH.
pub const SPUBLISH: ServerCommand = Command::new(
    Spec {
        name: "spublish",
        summary: "Post a message to a shard channel",
        group: Group::PubSub,
        since: "7.0.0",
        complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
        arity: 3,
        flags: FLAGS,
        may_replicate: true,
        keys: &[KeySpec::one(1, KeyFlags::NOT_KEY)],
        arguments: &[Arg::string("shardchannel"), Arg::string("message")],
        ..Spec::DEFAULT
    },
    Handler::Transaction(spublish),
);

fn publish(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    send(call, txn, Scope::Global, arguments, reply);
    Ok(())
}

fn spublish(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    send(call, txn, Scope::Shard, arguments, reply);
    Ok(())
}

fn send(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    scope: Scope,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) {
    let (channel, message) = (arguments[1], arguments[2]);
    let pubsub = &call.server.pubsub;
    let receivers = if call.origin == Origin::Client {
        call.thread.published.set(true);
        pubsub.publish(scope, channel, message)
    } else {
        txn.announce(Announcement::Message {
            kind: Told::Message(scope).code(),
            topic: channel,
            body: message,
        });
        pubsub.receivers_for(call.session, scope, channel)
    };
    reply.integer(receivers as i64);
}
