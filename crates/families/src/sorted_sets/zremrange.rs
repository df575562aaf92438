//! `ZREMRANGEBYRANK key start stop`, `ZREMRANGEBYSCORE key min max` and `ZREMRANGEBYLEX key min max` remove all elements
//! of a range and answer how many they were. What the bounds mean is said at ZRANGE and ZCOUNT.
//!
//! ```text
//! > ZADD hits 100 a 105 b 250 c
//! (integer) 3
//! > ZREMRANGEBYSCORE hits -inf (105
//! (integer) 1
//! > ZREMRANGEBYRANK hits -1 -1
//! (integer) 1
//! > ZREMRANGEBYLEX hits - +
//! (integer) 1
//! ```

use std::ops::Range;

use perilune_command::{
    Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, integer,
};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::{Collection, SortedSet};

use super::notify_removal;
use super::range::{lex_range, ranks, score_range};

/// ZREMRANGEBYRANK.
pub const ZREMRANGEBYRANK: Command = Command::new(
    Spec {
        name: "zremrangebyrank",
        summary: "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were removed.",
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
        arity: 4,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("start"),
            Arg::integer("stop"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(by_rank),
);

/// ZREMRANGEBYSCORE.
pub const ZREMRANGEBYSCORE: Command = Command::new(
    Spec {
        name: "zremrangebyscore",
        summary: "Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were removed.",
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
        arity: 4,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))],
        arguments: &[Arg::key("key", 0), Arg::double("min"), Arg::double("max")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(by_score),
);

/// ZREMRANGEBYLEX.
pub const ZREMRANGEBYLEX: Command = Command::new(
    Spec {
        name: "zremrangebylex",
        summary: "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members were removed.",
        group: Group::SortedSet,
        since: "2.8.9",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
        arity: 4,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))],
        arguments: &[Arg::key("key", 0), Arg::string("min"), Arg::string("max")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(by_lex),
);

fn by_rank(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (start, stop) = (integer(arguments[2])?, integer(arguments[3])?);
    let choose = |set: &SortedSet| ranks(start, stop, set.len());
    remove(txn, arguments[1], choose, "zremrangebyrank", reply)
}

fn by_score(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let range = score_range(arguments[2], arguments[3])?;
    let choose = |set: &SortedSet| set.score_ranks(&range);
    remove(txn, arguments[1], choose, "zremrangebyscore", reply)
}

fn by_lex(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let range = lex_range(arguments[2], arguments[3])?;
    let choose = |set: &SortedSet| set.lex_ranks(&range, false);
    remove(txn, arguments[1], choose, "zremrangebylex", reply)
}

fn remove(
    txn: &mut WriteTxn<'_, '_>,
    key: &[u8],
    choose: impl FnOnce(&SortedSet) -> Range<usize>,
    event: &'static str,
    reply: &mut dyn Reply,
) -> Outcome {
    let mut slot = txn.slot(key)?;
    let ranks = slot.collection()?.map(choose).unwrap_or_default();
    let removed = ranks.len();
    if removed > 0 {
        slot.edit::<SortedSet, _>(|set| set.remove_ranks(ranks))?;
        notify_removal(&mut slot, event);
    }
    reply.integer(removed as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn by_rank() {
        check(
            r#"
            > ZREMRANGEBYRANK z 0 -1 => (integer) 0
            > ZADD z 1 a 2 b 3 c 4 d => (integer) 4
            > ZREMRANGEBYRANK z 4 9 => (integer) 0
            > ZREMRANGEBYRANK z -9 -5 => (integer) 0
            > :events
            > ZREMRANGEBYRANK z 1 -2 => (integer) 2
            > :changes => 2
            > :events => z zremrangebyrank z
            > ZRANGE z 0 -1
            1) "a"
            2) "d"
            > ZREMRANGEBYRANK z -9 9 => (integer) 2
            > :events
            z zremrangebyrank z
            g del z
            > ZREMRANGEBYRANK z 0 x => (error) ERR value is not an integer or out of range
            > SET s v => OK
            > ZREMRANGEBYRANK s 0 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn by_score_and_by_member() {
        check(
            r#"
            > ZADD z 1 a 2 b 2 c 3 d => (integer) 4
            > ZREMRANGEBYSCORE z (1 (3 => (integer) 2
            > :events => z zremrangebyscore z
            > ZREMRANGEBYSCORE z (3 inf => (integer) 0
            > ZREMRANGEBYSCORE z -inf 1 => (integer) 1
            > ZADD z 3 e 3 f => (integer) 2
            > ZREMRANGEBYLEX z (d [e => (integer) 1
            > :events => z zremrangebylex z
            > ZREMRANGEBYLEX z - + => (integer) 2
            > EXISTS z => (integer) 0
            > ZREMRANGEBYSCORE z 1 x => (error) ERR min or max is not a float
            > ZREMRANGEBYLEX z 1 x => (error) ERR min or max not valid string range item
            "#,
        );
    }

    #[test]
    fn a_big_set() {
        check(
            r#"
            > ZADD z 0 this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set 1 a 1 b 2 c => (integer) 4
            > ZREMRANGEBYSCORE z (0 1 => (integer) 2
            > ZREMRANGEBYRANK z 0 0 => (integer) 1
            > ZREMRANGEBYLEX z [c [c => (integer) 1
            > EXISTS z => (integer) 0
            "#,
        );
    }
}
