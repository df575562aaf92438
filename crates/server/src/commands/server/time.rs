//! `TIME` answers the time of day: seconds since 1970, and microseconds. In a script it stands still.
//!
//! ```text
//! > TIME
//! 1) "1763790000"
//! 2) "123456"
//! ```

use perilune_command::{Command, Flags, Group, Outcome, Spec};
use perilune_keyspace::Txn;
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// TIME.
pub const TIME: ServerCommand = Command::new(
    Spec {
        name: "time",
        summary: "Returns the server time.",
        group: Group::Server,
        since: "2.6.0",
        complexity: "O(1)",
        arity: 1,
        flags: Flags::LOADING.with(Flags::STALE).with(Flags::FAST),
        tips: &["nondeterministic_output"],
        ..Spec::DEFAULT
    },
    Handler::Transaction(time),
);

fn time(
    _call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    _arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let now_us = txn.now_us();
    reply.array(2);
    reply.bulk((now_us / 1_000_000).to_string().as_bytes());
    reply.bulk((now_us % 1_000_000).to_string().as_bytes());
    Ok(())
}
