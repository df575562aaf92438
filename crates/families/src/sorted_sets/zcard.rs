//! `ZCARD key` answers how many members a sorted set has.
//!
//! ```text
//! > ZADD board 10 alice 20 bob
//! (integer) 2
//! > ZCARD board
//! (integer) 2
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::Collection;

use super::find;

/// ZCARD.
pub const ZCARD: Command = Command::new(
    Spec {
        name: "zcard",
        summary: "Returns the number of members in a sorted set.",
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0)],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zcard),
);

fn zcard(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let set = find(txn, arguments[1])?;
    reply.integer(set.map_or(0, |set| set.len() as i64));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn zcard() {
        check(
            "
            > ZCARD z => (integer) 0
            > ZADD z 1 a => (integer) 1
            > ZCARD z => (integer) 1
            > SET s v => OK
            > ZCARD s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            ",
        );
    }
}
