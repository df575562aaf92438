//! `SUBSCRIBE channel ...` gets a client all that is published to these channels from now on; `UNSUBSCRIBE [channel ...]` ends that.
//!
//! ```text
//! > SUBSCRIBE news
//! 1) "subscribe"
//! 2) "news"
//! 3) (integer) 1
//! ```

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec};
use perilune_keyspace::Txn;
use perilune_resp::Reply;

use crate::call::Call;
use crate::pubsub::Kind;
use crate::table::{Handler, ServerCommand};

const FLAGS: Flags = Flags::PUBSUB
    .with(Flags::NOSCRIPT)
    .with(Flags::LOADING)
    .with(Flags::STALE);

/// SUBSCRIBE.
pub const SUBSCRIBE: ServerCommand = Command::new(
    Spec {
        name: "subscribe",
        summary: "Listens for messages published to channels.",
        group: Group::PubSub,
        since: "2.0.0",
        complexity: "O(N) where N is the number of channels to subscribe to.",
        arity: -2,
        flags: FLAGS,
        arguments: &[Arg::string("channel").multiple()],
        ..Spec::DEFAULT
    },
    Handler::Transaction(subscribe),
);

/// UNSUBSCRIBE.
pub const UNSUBSCRIBE: ServerCommand = Command::new(
    Spec {
        name: "unsubscribe",
        summary: "Stops listening to messages posted to channels.",
        group: Group::PubSub,
        since: "2.0.0",
        complexity: "O(N) where N is the number of channels to unsubscribe.",
        arity: -1,
        flags: FLAGS,
        arguments: &[Arg::string("channel").optional().multiple()],
        ..Spec::DEFAULT
    },
    Handler::Transaction(unsubscribe),
);

fn subscribe(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    super::enter(call, txn, Kind::Channel, arguments, reply)
}

fn unsubscribe(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    super::leave(call, txn, Kind::Channel, arguments, reply)
}
