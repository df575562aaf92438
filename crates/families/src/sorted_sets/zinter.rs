//! `ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]` answers the
//! members that all of several sorted sets have. `ZINTERSTORE destination numkeys key [key ...] [WEIGHTS ...]
//! [AGGREGATE ...]` makes a key hold them and answers how many they are. `ZINTERCARD numkeys key [key ...]
//! [LIMIT limit]` only counts them, and not beyond `limit`.
//!
//! What the options mean is said at ZUNION.
//!
//! ```text
//! > ZADD monday 3 alice 5 bob
//! (integer) 2
//! > ZADD tuesday 4 alice
//! (integer) 1
//! > ZINTER 2 monday tuesday WITHSCORES
//! 1) "alice"
//! 2) "7"
//! > ZINTERSTORE both 2 monday tuesday
//! (integer) 1
//! > ZINTERCARD 2 monday tuesday
//! (integer) 1
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{ReadTxn, WriteTxn};
use perilune_resp::Reply;

use super::combine::{Operation, answer, answer_count, answer_stored};

/// ZINTER.
pub const ZINTER: Command = Command::new(
    Spec {
        name: "zinter",
        summary: "Returns the intersect of multiple sorted sets.",
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
        arity: -3,
        keys: &[KeySpec::counted(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::integer("numkeys"),
            Arg::key("key", 0).multiple(),
            Arg::integer("weight")
                .after("WEIGHTS")
                .optional()
                .multiple(),
            Arg::one_of(
                "aggregate",
                &[
                    Arg::word("sum", "SUM"),
                    Arg::word("min", "MIN"),
                    Arg::word("max", "MAX"),
                ],
            )
            .after("AGGREGATE")
            .optional(),
            Arg::word("withscores", "WITHSCORES").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zinter),
);

/// ZINTERSTORE.
pub const ZINTERSTORE: Command = Command::new(
    Spec {
        name: "zinterstore",
        summary: "Stores the intersect of multiple sorted sets in a key.",
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
        arity: -4,
        flags: Flags::DENYOOM,
        keys: &[
            KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE)),
            KeySpec::counted(2, KeyFlags::RO.with(KeyFlags::ACCESS)),
        ],
        arguments: &[
            Arg::key("destination", 0),
            Arg::integer("numkeys"),
            Arg::key("key", 1).multiple(),
            Arg::integer("weight")
                .after("WEIGHTS")
                .optional()
                .multiple(),
            Arg::one_of(
                "aggregate",
                &[
                    Arg::word("sum", "SUM"),
                    Arg::word("min", "MIN"),
                    Arg::word("max", "MAX"),
                ],
            )
            .after("AGGREGATE")
            .optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(zinterstore),
);

/// ZINTERCARD.
pub const ZINTERCARD: Command = Command::new(
    Spec {
        name: "zintercard",
        summary: "Returns the number of members of the intersect of multiple sorted sets.",
        group: Group::SortedSet,
        since: "7.0.0",
        complexity: "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.",
        arity: -3,
        keys: &[KeySpec::counted(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::integer("numkeys"),
            Arg::key("key", 0).multiple(),
            Arg::integer("limit").after("LIMIT").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zintercard),
);

fn zinter(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, ("zinter", Operation::Inter), reply)
}

fn zinterstore(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer_stored(txn, arguments, ("zinterstore", Operation::Inter), reply)
}

fn zintercard(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer_count(txn, arguments, "zintercard", reply)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_all_have() {
        check(
            r#"
            > ZADD a 1 x 2 y 3 7 => (integer) 3
            > ZADD b 10 y 20 7 => (integer) 2
            > ZINTER 2 a b
            1) "y"
            2) "7"
            > ZINTER 2 a b WITHSCORES WEIGHTS 0.5 1 AGGREGATE MIN
            1) "y"
            2) "1"
            3) "7"
            4) "1.5"
            > ZINTER 2 a missing => (empty array)
            > ZINTER 2 a a WITHSCORES
            1) "x"
            2) "2"
            3) "y"
            4) "4"
            5) "7"
            6) "6"
            > ZINTERCARD 2 a b => (integer) 2
            > ZINTERCARD 2 a b LIMIT 1 => (integer) 1
            > ZINTERCARD 2 a b LIMIT 0 => (integer) 2
            > ZINTERCARD 2 a missing LIMIT 5 => (integer) 0
            > ZINTERSTORE d 2 a b => (integer) 2
            > :events
            n new d
            z zinterstore d
            > ZSCORE d 7 => "23"
            "#,
        );
    }

    #[test]
    fn errors() {
        check(
            r#"
            > ZINTERCARD 0 a => (error) ERR at least 1 input key is needed for 'zintercard' command
            > ZINTERCARD 1 a LIMIT -1 => (error) ERR LIMIT can't be negative
            > ZINTERCARD 1 a LIMIT x => (error) ERR LIMIT can't be negative
            > ZINTERCARD 1 a LIMIT => (error) ERR syntax error
            > ZINTERCARD 1 a WITHSCORES => (error) ERR syntax error
            > ZINTERCARD 1 a WEIGHTS 1 => (error) ERR syntax error
            > ZINTERSTORE d 0 a => (error) ERR at least 1 input key is needed for 'zinterstore' command
            "#,
        );
    }
}
