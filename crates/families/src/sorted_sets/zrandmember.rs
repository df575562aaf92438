//! `ZRANDMEMBER key [count [WITHSCORES]]` answers a random member, or null; with a count so many different ones, as far as
//! there are; with a negative count so many that may be the same.
//!
//! ```text
//! > ZADD board 10 alice
//! (integer) 1
//! > ZRANDMEMBER board
//! "alice"
//! > ZRANDMEMBER board -2 WITHSCORES
//! 1) "alice"
//! 2) "10"
//! 3) "alice"
//! 4) "10"
//! ```

use std::collections::HashSet;

use fastrand::Rng;
use perilune_command::{
    Arg, Command, CommandError, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
    integer_between, is_token,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::{Collection, Item, SortedSet};

use super::{find, reply_elements};
use crate::items::reply_item;
use crate::sampling::repeated;

/// ZRANDMEMBER.
pub const ZRANDMEMBER: Command = Command::new(
    Spec {
        name: "zrandmember",
        summary: "Returns one or more random members from a sorted set.",
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(N) where N is the number of members returned",
        arity: -2,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::block(
                "options",
                &[
                    Arg::integer("count"),
                    Arg::word("withscores", "WITHSCORES").optional(),
                ],
            )
            .optional(),
        ],
        tips: &["nondeterministic_output"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zrandmember),
);

fn zrandmember(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    // the transaction's numbers, so that a rerun draws the same
    let mut random = Rng::with_seed(txn.random());
    let Some(count) = arguments.get(2) else {
        match find(txn, arguments[1])? {
            Some(set) => {
                let rank = random.usize(..set.len());
                let member = set.elements(rank..rank + 1, false).next();
                member
                    .into_iter()
                    .for_each(|(member, _)| reply_item(member, reply));
            }
            None => reply.null(),
        }
        return Ok(());
    };
    let count = integer_between(count, -i64::MAX, i64::MAX)?;
    let with_scores = match arguments[3..] {
        [] => false,
        [word] if is_token(word, "WITHSCORES") => true,
        _ => return Err(errors::SYNTAX.into()),
    };
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CommandError::new("ERR value is out of range").into());
    }
    let string_len_max = txn.string_len_max();
    let Some(set) = find(txn, arguments[1])? else {
        reply.array(0);
        return Ok(());
    };
    let len = set.len();
    match usize::try_from(count) {
        Ok(count) if count >= len => {
            // as the reference walks through it
            reply_elements(set.elements(0..len, true), len, with_scores, reply);
        }
        Ok(count) => {
            let ranks = sample(&mut random, len, count);
            let elements = ranks.iter().map(|&rank| at(set, rank));
            reply_elements(elements, count, with_scores, reply);
        }
        Err(_) => {
            let count = repeated(count, string_len_max)?;
            let elements = (0..count).map(|_| at(set, random.usize(..len)));
            reply_elements(elements, count, with_scores, reply);
        }
    }
    Ok(())
}

/// The element of a rank, which is there.
fn at(set: &SortedSet, rank: usize) -> (Item<'_>, f64) {
    let mut elements = set.elements(rank..rank + 1, false);
    elements
        .next()
        .unwrap_or_else(|| unreachable!("ranks are drawn below the length"))
}

/// `count` different numbers below `len`, which is greater, all choices equally probable. (Robert Floyd's algorithm:
/// J. Bentley, "A Sample of Brilliance", CACM 30, 1987.)
fn sample(random: &mut Rng, len: usize, count: usize) -> Vec<usize> {
    let mut chosen = HashSet::with_capacity(count);
    let draw = |last| {
        let drawn = random.usize(..=last);
        // one that there is already stands for the last one, which cannot be there yet
        let number = if chosen.contains(&drawn) { last } else { drawn };
        chosen.insert(number);
        number
    };
    (len - count..len).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Stage, check};

    #[test]
    fn all_of_them_or_none() {
        check(
            r#"
            > ZRANDMEMBER z => (nil)
            > ZRANDMEMBER z 5 => (empty array)
            > ZADD z 1 a 2 b => (integer) 2
            > ZRANDMEMBER z 0 => (empty array)
            > ZRANDMEMBER z 2
            1) "b"
            2) "a"
            > :resp 3
            > ZRANDMEMBER z 9 WITHSCORES
            1) 1) "b"
               2) (double) 2
            2) 1) "a"
               2) (double) 1
            "#,
        );
    }

    #[test]
    fn some_of_them() {
        for long in ["", "x"] {
            let mut stage = Stage::new();
            // a long member takes the set out of its packed encoding
            let long = long.repeat(99);
            stage.call(&format!("ZADD z 1 a 2 b 3 c 4 \"{long}\""));
            let members = ["a", "b", "c", &long].map(|member| format!("\"{member}\""));
            let one = stage.call("ZRANDMEMBER z");
            assert!(members.contains(&one));
            let three = stage.call("ZRANDMEMBER z 3");
            let distinct: HashSet<&str> = three.lines().map(|line| &line[3..]).collect();
            assert_eq!(distinct.len(), 3, "{three}");
            assert!(
                distinct
                    .iter()
                    .all(|found| members.iter().any(|m| m == found))
            );
            assert_eq!(stage.call("ZRANDMEMBER z -20").lines().count(), 20);
        }
    }

    #[test]
    fn every_sample_can_be_drawn() {
        let mut random = Rng::with_seed(1);
        let mut drawn = HashSet::new();
        for _ in 0..200 {
            let sample = sample(&mut random, 4, 2);
            assert_eq!(sample.len(), 2);
            drawn.insert(sample.iter().fold(0, |bits, number| bits | 1 << number));
        }
        assert_eq!(drawn.len(), 6, "4 over 2");
    }

    #[test]
    fn errors() {
        check(
            r#"
            > ZADD z 1 a => (integer) 1
            > ZRANDMEMBER z x => (error) ERR value is not an integer or out of range
            > ZRANDMEMBER z -9223372036854775808 => (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            > ZRANDMEMBER z -4611686018427387904 WITHSCORES => (error) ERR value is out of range
            > ZRANDMEMBER z 4611686018427387904 WITHSCORES => (error) ERR value is out of range
            > ZRANDMEMBER z -4611686018427387904 => (error) ERR value is out of range
            > ZRANDMEMBER z 1 WITHSCORE => (error) ERR syntax error
            > ZRANDMEMBER z 1 WITHSCORES 1 => (error) ERR syntax error
            > SET s v => OK
            > ZRANDMEMBER s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > ZRANDMEMBER s 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
