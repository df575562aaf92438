//! `PSUBSCRIBE pattern ...` gets a client all that is published to channels that match these patterns; `PUNSUBSCRIBE [pattern ...]` ends
//! that. Who is subscribed in several ways gets a message several times.
//!
//! ```text
//! > PSUBSCRIBE news.*
//! 1) "psubscribe"
//! 2) "news.*"
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

/// PSUBSCRIBE.
pub const PSUBSCRIBE: ServerCommand = Command::new(
    Spec {
        name: "psubscribe",
        summary: "Listens for messages published to channels that match one or more patterns.",
        group: Group::PubSub,
        since: "2.0.0",
        complexity: "O(N) where N is the number of patterns to subscribe to.",
        arity: -2,
        flags: FLAGS,
        arguments: &[Arg::pattern("pattern").multiple()],
        ..Spec::DEFAULT
    },
    Handler::Transaction(psubscribe),
);

/// PUNSUBSCRIBE.
pub const PUNSUBSCRIBE: ServerCommand = Command::new(
    Spec {
        name: "punsubscribe",
        summary: "Stops listening to messages published to channels that match one or more patterns.",
        group: Group::PubSub,
        since: "2.0.0",
        complexity: "O(N) where N is the number of patterns to unsubscribe.",
        arity: -1,
        flags: FLAGS,
        arguments: &[Arg::pattern("pattern").optional().multiple()],
        ..Spec::DEFAULT
    },
    Handler::Transaction(punsubscribe),
);

fn psubscribe(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    super::enter(call, txn, Kind::Pattern, arguments, reply)
}

fn punsubscribe(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    super::leave(call, txn, Kind::Pattern, arguments, reply)
}
