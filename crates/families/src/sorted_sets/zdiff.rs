//! `ZDIFF numkeys key [key ...] [WITHSCORES]` answers the members that the first of several sorted sets has and no other.
//! `ZDIFFSTORE destination numkeys key [key ...]` makes a key hold them and answers how many they are.
//!
//! ```text
//! > ZADD monday 3 alice 5 bob
//! (integer) 2
//! > ZADD tuesday 4 alice
//! (integer) 1
//! > ZDIFF 2 monday tuesday WITHSCORES
//! 1) "bob"
//! 2) "5"
//! > ZDIFFSTORE gone 2 monday tuesday
//! (integer) 1
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{ReadTxn, WriteTxn};
use perilune_resp::Reply;

use super::combine::{Operation, answer, answer_stored};

/// ZDIFF.
pub const ZDIFF: Command = Command::new(
    Spec {
        name: "zdiff",
        summary: "Returns the difference between multiple sorted sets.",
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
        arity: -3,
        keys: &[KeySpec::counted(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::integer("numkeys"),
            Arg::key("key", 0).multiple(),
            Arg::word("withscores", "WITHSCORES").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zdiff),
);

/// ZDIFFSTORE.
pub const ZDIFFSTORE: Command = Command::new(
    Spec {
        name: "zdiffstore",
        summary: "Stores the difference of multiple sorted sets in a key.",
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
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
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(zdiffstore),
);

fn zdiff(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, ("zdiff", Operation::Diff), reply)
}

fn zdiffstore(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer_stored(txn, arguments, ("zdiffstore", Operation::Diff), reply)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_the_first_has_alone() {
        check(
            r#"
            > ZADD a 1 x 2 y 3 7 4 z => (integer) 4
            > ZADD b 10 y 20 q => (integer) 2
            > ZDIFF 2 a b WITHSCORES
            1) "x"
            2) "1"
            3) "7"
            4) "3"
            5) "z"
            6) "4"
            > ZDIFF 3 a b a => (empty array)
            > ZDIFF 2 missing a => (empty array)
            > ZDIFF 5 a b missing missing missing
            1) "x"
            2) "7"
            3) "z"
            > ZDIFFSTORE a 2 a b => (integer) 3
            > :events => z zdiffstore a
            > ZDIFFSTORE a 2 a a => (integer) 0
            > :events => g del a
            > ZDIFF 1 b WEIGHTS 1 => (error) ERR syntax error
            > ZDIFF 1 b AGGREGATE SUM => (error) ERR syntax error
            > ZDIFFSTORE a 1 b WITHSCORES => (error) ERR syntax error
            > ZDIFF 0 b => (error) ERR at least 1 input key is needed for 'zdiff' command
            "#,
        );
    }
}
