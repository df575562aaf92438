//! `ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]` gives members their scores.
//! `ZINCRBY key increment member` adds to a member's score.
//!
//! * `NX`, `XX`: only members that are not there, that are there.
//! * `GT`, `LT`: a member that is there only if that makes its score greater, less.
//! * The answer is how many members are new; with `CH`, also those that have got another score.
//! * `INCR` makes it ZINCRBY, of one member: the answer is the new score, or null if a condition was not met.
//!
//! ```text
//! > ZADD board 10 alice 20 bob
//! (integer) 2
//! > ZADD board GT CH 15 alice 5 bob
//! (integer) 1
//! > ZINCRBY board 2.5 bob
//! "22.5"
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
    errors, float, is_token,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Added, Adding, SortedSet};
use smallvec::SmallVec;

use super::FULL;

/// ZADD.
pub const ZADD: Command = Command::new(
    Spec {
        name: "zadd",
        summary: "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist.",
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
        arity: -4,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")])
                .optional()
                .since("3.0.2"),
            Arg::one_of(
                "comparison",
                &[Arg::word("gt", "GT"), Arg::word("lt", "LT")],
            )
            .optional()
            .since("6.2.0"),
            Arg::word("change", "CH").optional().since("3.0.2"),
            Arg::word("increment", "INCR").optional().since("3.0.2"),
            Arg::block("data", &[Arg::double("score"), Arg::string("member")]).multiple(),
        ],
        history: &[
            ("2.4.0", "Accepts multiple elements."),
            ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
            ("6.2.0", "Added the `GT` and `LT` options."),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(zadd),
);

/// ZINCRBY.
pub const ZINCRBY: Command = Command::new(
    Spec {
        name: "zincrby",
        summary: "Increments the score of a member in a sorted set.",
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)) where N is the number of elements in the sorted set.",
        arity: 4,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("increment"),
            Arg::string("member"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(zincrby),
);

fn zadd(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    add(txn, arguments, Adding::default(), reply)
}

fn zincrby(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let incrementing = Adding {
        increment: true,
        ..Adding::default()
    };
    add(txn, arguments, incrementing, reply)
}

struct Options {
    how: Adding,
    /// CH.
    counts_rescored: bool,
    /// The argument with the first score.
    first: usize,
}

impl Options {
    fn parse(arguments: &[&[u8]], mut how: Adding) -> Result<Self, CommandError> {
        let mut counts_rescored = false;
        let mut first = 2;
        while let Some(word) = arguments.get(first) {
            match () {
                () if is_token(word, "NX") => how.if_absent = true,
                () if is_token(word, "XX") => how.if_present = true,
                () if is_token(word, "CH") => counts_rescored = true,
                () if is_token(word, "INCR") => how.increment = true,
                () if is_token(word, "GT") => how.if_greater = true,
                () if is_token(word, "LT") => how.if_less = true,
                () => break,
            }
            first += 1;
        }
        let rest = arguments.len() - first;
        if rest == 0 || !rest.is_multiple_of(2) {
            return Err(errors::SYNTAX);
        }
        if how.if_absent && how.if_present {
            return Err(CommandError::new(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        if u8::from(how.if_absent) + u8::from(how.if_greater) + u8::from(how.if_less) > 1 {
            return Err(CommandError::new(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if how.increment && rest > 2 {
            return Err(CommandError::new(
                "ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok(Self {
            how,
            counts_rescored,
            first,
        })
    }
}

/// What has become of the members.
#[derive(Default)]
struct Tally {
    new: i64,
    rescored: i64,
    /// The score of the last one that no condition kept away.
    score: Option<f64>,
}

fn add(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    how: Adding,
    reply: &mut dyn Reply,
) -> Outcome {
    let Options {
        how,
        counts_rescored,
        first,
    } = Options::parse(arguments, how)?;
    let pairs = arguments[first..].chunks_exact(2);
    let mut scores = SmallVec::<[f64; 8]>::new();
    let (mut bytes, mut len_max) = (0, 0);
    for pair in pairs.clone() {
        scores.push(float(pair[0])?);
        bytes += pair[1].len();
        len_max = len_max.max(pair[1].len());
    }
    let mut slot = txn.slot(arguments[1])?;
    let exists = match slot.collection::<SortedSet>()? {
        Some(set) => {
            if !set.has_room(scores.len(), bytes) {
                return Err(FULL.into());
            }
            true
        }
        None => false,
    };
    let mut tally = Tally::default();
    if exists || !how.if_present {
        slot.edit::<SortedSet, _>(|set| {
            set.expect(scores.len(), len_max);
            for (pair, &score) in pairs.zip(&scores) {
                match set.add(pair[1], score, how) {
                    Added::Refused => continue,
                    Added::NotANumber => {
                        let text = "ERR resulting score is not a number (NaN)";
                        return Err(CommandError::new(text));
                    }
                    Added::New(score) => {
                        tally.new += 1;
                        tally.score = Some(score);
                    }
                    Added::Rescored(score) => {
                        tally.rescored += 1;
                        tally.score = Some(score);
                    }
                    Added::Same(score) => tally.score = Some(score),
                }
            }
            Ok(())
        })??;
    }
    if tally.new + tally.rescored > 0 {
        let event = if how.increment { "zincr" } else { "zadd" };
        slot.notify(EventClass::SORTED_SET, event);
    }
    match tally.score {
        Some(score) if how.increment => reply.double(score),
        None if how.increment => reply.null(),
        _ if counts_rescored => reply.integer(tally.new + tally.rescored),
        _ => reply.integer(tally.new),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn members_get_scores() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c => (integer) 3
            > ZADD z 1 a 2.5 b 4 d => (integer) 1
            > ZADD z CH 1 a 2 b 5 d 6 e => (integer) 3
            > :changes => 3
            > ZADD z 1 a => (integer) 0
            > :changes => 0
            > ZADD z 1 x 2 x => (integer) 1
            > :changes => 2
            > ZRANGE z 0 -1 WITHSCORES
             1) "a"
             2) "1"
             3) "b"
             4) "2"
             5) "x"
             6) "2"
             7) "c"
             8) "3"
             9) "d"
            10) "5"
            11) "e"
            12) "6"
            "#,
        );
    }

    #[test]
    fn conditions() {
        check(
            r#"
            > ZADD z XX 1 a => (integer) 0
            > ZADD z XX INCR 1 a => (nil)
            > EXISTS z => (integer) 0
            > ZADD z NX 1 a => (integer) 1
            > ZADD z NX 2 a 2 b => (integer) 1
            > ZADD z XX CH 2 a 2 c => (integer) 1
            > ZADD z GT CH 1 a 3 b 1 c => (integer) 2
            > ZADD z LT CH 1 a 4 b 0.5 c => (integer) 2
            > ZADD z XX GT CH 9 a 9 d => (integer) 1
            > ZRANGE z 0 -1 WITHSCORES
            1) "c"
            2) "0.5"
            3) "b"
            4) "3"
            5) "a"
            6) "9"
            > ZADD z NX XX 1 a => (error) ERR XX and NX options at the same time are not compatible
            > ZADD z NX GT 1 a => (error) ERR GT, LT, and/or NX options at the same time are not compatible
            > ZADD z LT NX 1 a => (error) ERR GT, LT, and/or NX options at the same time are not compatible
            > ZADD z GT LT 1 a => (error) ERR GT, LT, and/or NX options at the same time are not compatible
            "#,
        );
    }

    #[test]
    fn increments() {
        check(
            r#"
            > ZINCRBY z 1.5 a => "1.5"
            > ZADD z INCR 1 a => "2.5"
            > ZADD z INCR NX 1 a => (nil)
            > ZADD z INCR GT -1 a => (nil)
            > ZADD z INCR LT -1 a => "1.5"
            > ZINCRBY z 0 a => "1.5"
            > :changes => 0
            > ZINCRBY z -inf a => "-inf"
            > ZINCRBY z inf a => (error) ERR resulting score is not a number (NaN)
            > ZINCRBY z NX a => (error) ERR syntax error
            > ZINCRBY z x a => (error) ERR value is not a valid float
            > ZADD z INCR 1 a 2 b => (error) ERR INCR option supports a single increment-element pair
            > :resp 3
            > ZINCRBY z 1 b => (double) 1
            > ZADD z XX INCR 1 c => (nil)
            "#,
        );
    }

    #[test]
    fn what_is_wrong_is_said_before_anything_changes() {
        check(
            r#"
            > ZADD z 1 a 2 => (error) ERR syntax error
            > ZADD z NX CH => (error) ERR syntax error
            > ZADD z NX XX 1 => (error) ERR syntax error
            > ZADD z 1 a x b => (error) ERR value is not a valid float
            > ZADD z nan a => (error) ERR value is not a valid float
            > ZADD z 1 a " 2" b => (error) ERR value is not a valid float
            > EXISTS z => (integer) 0
            > SET s v => OK
            > ZADD s x a => (error) ERR value is not a valid float
            > ZADD s 1 a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > ZADD s XX 1 a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn scores_are_read_and_shown_as_the_reference_does() {
        check(
            r#"
            > ZADD z 0x10 hex -0 zero 1e22 big 0.1 tenth inf end -Infinity start 3.0 three 4611686018427387905 long => (integer) 8
            > ZRANGE z 0 -1 WITHSCORES
             1) "start"
             2) "-inf"
             3) "zero"
             4) "0"
             5) "tenth"
             6) "0.1"
             7) "three"
             8) "3"
             9) "hex"
            10) "16"
            11) "long"
            12) "4611686018427387904"
            13) "big"
            14) "1e+22"
            15) "end"
            16) "inf"
            "#,
        );
    }

    #[test]
    fn minus_zero_is_zero_once_it_is_packed() {
        check(
            r#"
            > ZINCRBY z -0 a => "-0"
            > ZSCORE z a => "0"
            > ZADD z -0 this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set => (integer) 1
            > :encoding z => skiplist
            > ZSCORE z a => "0"
            > ZADD z -0 b => (integer) 1
            > ZSCORE z b => "-0"
            > ZADD z CH 0 b => (integer) 0
            > ZSCORE z b => "-0"
            "#,
        );
    }

    #[test]
    fn a_long_member_changes_the_encoding_whatever_becomes_of_it() {
        check(
            r#"
            > ZADD z 1 a => (integer) 1
            > :encoding z => listpack
            > ZADD z 1 this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set => (integer) 1
            > :encoding z => skiplist
            > ZREM z this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set => (integer) 1
            > :encoding z => skiplist
            "#,
        );
    }

    #[test]
    fn events_and_effects() {
        check(
            r#"
            > ZADD z 1 a 2 b => (integer) 2
            > :events
            n new z
            z zadd z
            > :sent => ZADD z 1 a 2 b
            > ZADD z 1 a => (integer) 0
            > :events
            > :sent =>
            > ZADD z INCR 1 a => "2"
            > :events => z zincr z
            > :sent => ZADD z INCR 1 a
            > ZINCRBY z 1 a => "3"
            > :events => z zincr z
            > ZINCRBY z 0 a => "3"
            > :events
            "#,
        );
    }
}
