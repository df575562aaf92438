//! `ZCOUNT key min max` answers how many members have scores from `min` to `max`. `ZLEXCOUNT key min max` answers how
//! many members there are from `min` to `max`, in a set where all scores are equal.
//!
//! A score is included, unless `(` stands before it; `-inf` and `+inf` are scores. A member is written with `[` if it is
//! included and with `(` if not; `-` and `+` are before and behind all members.
//!
//! ```text
//! > ZADD board 10 alice 20 bob 30 carol
//! (integer) 3
//! > ZCOUNT board (10 +inf
//! (integer) 2
//! > ZADD words 0 one 0 three 0 two
//! (integer) 3
//! > ZLEXCOUNT words [one (two
//! (integer) 2
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

use super::find;
use super::range::{lex_range, score_range};

/// ZCOUNT.
pub const ZCOUNT: Command = Command::new(
    Spec {
        name: "zcount",
        summary: "Returns the count of members in a sorted set that have scores within a range.",
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        arity: 4,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0), Arg::double("min"), Arg::double("max")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zcount),
);

/// ZLEXCOUNT.
pub const ZLEXCOUNT: Command = Command::new(
    Spec {
        name: "zlexcount",
        summary: "Returns the number of members in a sorted set within a lexicographical range.",
        group: Group::SortedSet,
        since: "2.8.9",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        arity: 4,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0), Arg::string("min"), Arg::string("max")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zlexcount),
);

fn zcount(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let range = score_range(arguments[2], arguments[3])?;
    let set = find(txn, arguments[1])?;
    reply.integer(set.map_or(0, |set| set.score_ranks(&range).len() as i64));
    Ok(())
}

fn zlexcount(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let range = lex_range(arguments[2], arguments[3])?;
    let set = find(txn, arguments[1])?;
    reply.integer(set.map_or(0, |set| set.lex_ranks(&range, false).len() as i64));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn scores() {
        check(
            r#"
            > ZCOUNT z 1 x => (error) ERR min or max is not a float
            > ZCOUNT z 1 2 => (integer) 0
            > ZADD z -inf a 0 b 1 c 1 d 2 e inf f => (integer) 6
            > ZCOUNT z -inf inf => (integer) 6
            > ZCOUNT z (-inf (+inf => (integer) 4
            > ZCOUNT z 1 1 => (integer) 2
            > ZCOUNT z (1 1 => (integer) 0
            > ZCOUNT z 2 1 => (integer) 0
            > ZCOUNT z "" "" => (integer) 1
            > ZCOUNT z "( 0" " 2" => (integer) 3
            > ZCOUNT z ((0 2 => (error) ERR min or max is not a float
            > ZCOUNT z nan 2 => (error) ERR min or max is not a float
            > ZCOUNT z 0 1e999 => (integer) 5
            > SET s v => OK
            > ZCOUNT s 1 x => (error) ERR min or max is not a float
            > ZCOUNT s 1 2 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn members() {
        check(
            r#"
            > ZLEXCOUNT z [a b => (error) ERR min or max not valid string range item
            > ZLEXCOUNT z - + => (integer) 0
            > ZADD z 0 "" 0 a 0 b 0 c 0 10 => (integer) 5
            > ZLEXCOUNT z - + => (integer) 5
            > ZLEXCOUNT z + - => (integer) 0
            > ZLEXCOUNT z [ ( => (integer) 0
            > ZLEXCOUNT z [ [ => (integer) 1
            > ZLEXCOUNT z (10 [b => (integer) 2
            > ZLEXCOUNT z (a (c => (integer) 1
            > ZLEXCOUNT z 1 2 => (error) ERR min or max not valid string range item
            > ZLEXCOUNT z "" + => (error) ERR min or max not valid string range item
            > ZLEXCOUNT z -a + => (error) ERR min or max not valid string range item
            "#,
        );
    }
}
