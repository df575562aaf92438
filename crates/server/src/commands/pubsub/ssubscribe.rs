//! `SSUBSCRIBE shardchannel ...` gets a client all that is published to these channels of a shard from now on;
//! `SUNSUBSCRIBE [shardchannel ...]` ends that. Channels of shards are apart from the others, even without a cluster.
//!
//! ```text
//! > SSUBSCRIBE news
//! 1) "ssubscribe"
//! 2) "news"
//! 3) (integer) 1
//! ```

use perilune_command::{Arg, Command, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::Txn;
use perilune_resp::Reply;

use crate::call::Call;
use crate::pubsub::Kind;
use crate::table::{Handler, ServerCommand};

const FLAGS: Flags = Flags::PUBSUB
    .with(Flags::NOSCRIPT)
    .with(Flags::LOADING)
    .with(Flags::STALE);

/// SSUBSCRIBE.
pub const SSUBSCRIBE: ServerCommand = Command::new(
    Spec {
        name: "ssubscribe",
        summary: "Listens for messages published to shard channels.",
        group: Group::PubSub,
        since: "7.0.0",
        complexity: "O(N) where N is the number of shard channels to subscribe to.",
        arity: -2,
        flags: FLAGS,
        keys: &[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)],
        arguments: &[Arg::string("shardchannel").multiple()],
        ..Spec::DEFAULT
    },
    Handler::Transaction(ssubscribe),
);

/// SUNSUBSCRIBE.
pub const SUNSUBSCRIBE: ServerCommand = Command::new(
    Spec {
        name: "sunsubscribe",
        summary: "Stops listening to messages posted to shard channels.",
        group: Group::PubSub,
        since: "7.0.0",
        complexity: "O(N) where N is the number of shard channels to unsubscribe.",
        arity: -1,
        flags: FLAGS,
        keys: &[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)],
        arguments: &[Arg::string("shardchannel").optional().multiple()],
        ..Spec::DEFAULT
    },
    Handler::Transaction(sunsubscribe),
);

fn ssubscribe(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    super::enter(call, txn, Kind::ShardChannel, arguments, reply)
}

fn sunsubscribe(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    super::leave(call, txn, Kind::ShardChannel, arguments, reply)
}
