//! `BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count]` does as ZMPOP, but waits where there is no sorted set, for
//! `timeout` seconds or for ever if that is 0.
//!
//! ```text
//! > ZADD later 1 first 2 second
//! (integer) 2
//! > BZMPOP 0 2 now later MIN
//! 1) "later"
//! 2) 1) 1) "first"
//!       2) "1"
//! ```

use perilune_command::waiting::timeout;
use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::SortedSet;

use super::pop::pop_with_key;
use super::zmpop::Options;
use crate::waiting::{first_with, wait};

/// BZMPOP.
pub const BZMPOP: Command = Command::new(
    Spec {
        name: "bzmpop",
        summary: "Removes and returns a member by score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.",
        group: Group::SortedSet,
        since: "7.0.0",
        complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
        arity: -5,
        flags: Flags::BLOCKING,
        keys: &[KeySpec::counted(
            2,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[
            Arg::double("timeout"),
            Arg::integer("numkeys"),
            Arg::key("key", 0).multiple(),
            Arg::one_of("where", &[Arg::word("min", "MIN"), Arg::word("max", "MAX")]),
            Arg::integer("count").after("COUNT").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(bzmpop),
);

fn bzmpop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let Options { keys, end, count } = Options::parse(arguments, 2)?;
    let timeout = timeout(arguments[1], txn.now_ms())?;
    match first_with::<SortedSet>(txn, keys)? {
        Some(key) => pop_with_key(txn, key, end, count, reply),
        None => {
            let keys = 3..3 + keys.len();
            wait(txn, "zset", keys, timeout, reply, |reply| {
                reply.null_array()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn it_takes_what_is_there_or_waits() {
        check(
            r#"
            > ZADD b 1 x 2 y 3 z => (integer) 3
            > BZMPOP 0 2 a b MAX COUNT 2
            1) "b"
            2) 1) 1) "z"
                  2) "3"
               2) 1) "y"
                  2) "2"
            > :sent => ZPOPMAX b 2
            > BZMPOP 0 1 a MIN => (waits for a zset at a)
            > BZMPOP 0 2 a b MIN
            1) "b"
            2) 1) 1) "x"
                  2) "1"
            > BZMPOP x 2 a b MIN => (error) ERR timeout is not a float or out of range
            > BZMPOP 0 0 a MIN => (error) ERR numkeys should be greater than 0
            > BZMPOP x 0 a MIN => (error) ERR numkeys should be greater than 0
            > BZMPOP -1 1 a MIN => (error) ERR timeout is negative
            > BZMPOP 0 2 a MIN => (error) ERR syntax error
            "#,
        );
    }
}
