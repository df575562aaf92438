//! `ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]` answers all
//! members that any of several sorted sets has. `ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS ...]
//! [AGGREGATE ...]` makes a key hold them, and answers how many they are.
//!
//! * `WEIGHTS`: each key's scores are multiplied by its weight.
//! * `AGGREGATE`: what becomes of the scores of a member that several have: their sum, the lowest, the highest.
//! * A plain set counts as a sorted one whose scores are all 1.
//!
//! ```text
//! > ZADD monday 3 alice 5 bob
//! (integer) 2
//! > ZADD tuesday 4 alice
//! (integer) 1
//! > ZUNION 2 monday tuesday WEIGHTS 1 10 WITHSCORES
//! 1) "bob"
//! 2) "5"
//! 3) "alice"
//! 4) "43"
//! > ZUNIONSTORE week 2 monday tuesday AGGREGATE MAX
//! (integer) 2
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{ReadTxn, WriteTxn};
use perilune_resp::Reply;

use super::combine::{Operation, answer, answer_stored};

/// ZUNION.
pub const ZUNION: Command = Command::new(
    Spec {
        name: "zunion",
        summary: "Returns the union of multiple sorted sets.",
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
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
    DataHandler::Read(zunion),
);

/// ZUNIONSTORE.
pub const ZUNIONSTORE: Command = Command::new(
    Spec {
        name: "zunionstore",
        summary: "Stores the union of multiple sorted sets in a key.",
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
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
    DataHandler::Write(zunionstore),
);

fn zunion(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, ("zunion", Operation::Union), reply)
}

fn zunionstore(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer_stored(txn, arguments, ("zunionstore", Operation::Union), reply)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn weights_and_aggregates() {
        check(
            r#"
            > ZADD a 1 x 2 y 3 7 => (integer) 3
            > ZADD b 10 y 20 z => (integer) 2
            > ZUNION 2 a b
            1) "x"
            2) "7"
            3) "y"
            4) "z"
            > ZUNION 3 a missing b WITHSCORES WEIGHTS 2 5 -1
            1) "z"
            2) "-20"
            3) "y"
            4) "-6"
            5) "x"
            6) "2"
            7) "7"
            8) "6"
            > ZUNION 2 a b AGGREGATE MIN WITHSCORES AGGREGATE max
            1) "x"
            2) "1"
            3) "7"
            4) "3"
            5) "y"
            6) "10"
            7) "z"
            8) "20"
            > :resp 3
            > ZUNION 2 a a WITHSCORES
            1) 1) "x"
               2) (double) 2
            2) 1) "y"
               2) (double) 4
            3) 1) "7"
               2) (double) 6
            > ZUNION 1 missing => (empty array)
            "#,
        );
    }

    #[test]
    fn infinities_make_zero() {
        check(
            r#"
            > ZADD a inf x => (integer) 1
            > ZADD b -inf x => (integer) 1
            > ZUNION 2 a b WITHSCORES
            1) "x"
            2) "0"
            > ZUNION 1 a WITHSCORES WEIGHTS 0
            1) "x"
            2) "0"
            "#,
        );
    }

    #[test]
    fn storing() {
        check(
            r#"
            > ZADD a 1 x 2 y => (integer) 2
            > SET d v => OK
            > ZUNIONSTORE d 1 a WEIGHTS 3 => (integer) 2
            > :changes => 1
            > :sent => ZUNIONSTORE d 1 a WEIGHTS 3
            > :encoding d => listpack
            > ZRANGE d 0 -1 WITHSCORES
            1) "x"
            2) "3"
            3) "y"
            4) "6"
            > ZUNIONSTORE a 2 a d => (integer) 2
            > :events => z zunionstore a
            > ZSCORE a y => "8"
            > ZUNIONSTORE d 1 missing => (integer) 0
            > :events
            m keymiss missing
            g del d
            > EXISTS d => (integer) 0
            > ZUNIONSTORE d 1 missing => (integer) 0
            > :changes => 0
            "#,
        );
    }

    #[test]
    fn errors() {
        check(
            r#"
            > ZUNION 0 a => (error) ERR at least 1 input key is needed for 'zunion' command
            > ZUNIONSTORE d -1 a => (error) ERR at least 1 input key is needed for 'zunionstore' command
            > ZUNION x a => (error) ERR value is not an integer or out of range
            > ZUNION 2 a => (error) ERR syntax error
            > ZUNION 1 a WEIGHTS => (error) ERR syntax error
            > ZUNION 1 a WEIGHTS x => (error) ERR weight value is not a float
            > ZUNION 1 a WEIGHTS nan => (error) ERR weight value is not a float
            > ZUNION 1 a AGGREGATE => (error) ERR syntax error
            > ZUNION 1 a AGGREGATE mean => (error) ERR syntax error
            > ZUNION 1 a LIMIT 1 => (error) ERR syntax error
            > ZUNIONSTORE d 1 a WITHSCORES => (error) ERR syntax error
            > SET s v => OK
            > ZUNION 1 s FOO => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
