//! `ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]` answers a range of a sorted set: by
//! rank, by score, or by member where all scores are equal.
//!
//! The older commands say by their names what options say to ZRANGE: `ZREVRANGE`, `ZRANGEBYSCORE`, `ZREVRANGEBYSCORE`,
//! `ZRANGEBYLEX` and `ZREVRANGEBYLEX`.
//!
//! * Ranks begin with 0, negative ones are counted from the end. How scores and members are bounded is said at ZCOUNT.
//! * `REV`: from the highest on; then the greater bound of scores and members comes first.
//! * `LIMIT`: of what is in the range, up to `count` elements behind the first `offset`; all where `count` is negative.
//!
//! ```text
//! > ZADD board 10 alice 20 bob 30 carol
//! (integer) 3
//! > ZRANGE board 0 0 REV WITHSCORES
//! 1) "carol"
//! 2) "30"
//! > ZRANGEBYSCORE board (10 +inf LIMIT 0 1
//! 1) "bob"
//! > ZREVRANGE board 0 -1
//! 1) "carol"
//! 2) "bob"
//! 3) "alice"
//! > ZREVRANGEBYSCORE board 20 0
//! 1) "bob"
//! 2) "alice"
//! > ZADD words 0 one 0 three 0 two
//! (integer) 3
//! > ZRANGEBYLEX words [p +
//! 1) "three"
//! 2) "two"
//! > ZREVRANGEBYLEX words + [p
//! 1) "two"
//! 2) "three"
//! ```

use perilune_command::{Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::SortedSet;

use super::range::{Form, Key, Query};
use super::{find, reply_elements};
use crate::items::reply_item;

/// ZRANGE.
pub const ZRANGE: Command = Command::new(
    Spec {
        name: "zrange",
        summary: "Returns members in a sorted set within a range of indexes.",
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
        arity: -4,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::string("start"),
            Arg::string("stop"),
            Arg::one_of(
                "sortby",
                &[Arg::word("byscore", "BYSCORE"), Arg::word("bylex", "BYLEX")],
            )
            .optional()
            .since("6.2.0"),
            Arg::word("rev", "REV").optional().since("6.2.0"),
            Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
                .after("LIMIT")
                .optional()
                .since("6.2.0"),
            Arg::word("withscores", "WITHSCORES").optional(),
        ],
        history: &[(
            "6.2.0",
            "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.",
        )],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zrange),
);

/// ZREVRANGE.
pub const ZREVRANGE: Command = Command::new(
    Spec {
        name: "zrevrange",
        summary: "Returns members in a sorted set within a range of indexes in reverse order.",
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
        arity: -4,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("start"),
            Arg::integer("stop"),
            Arg::word("withscores", "WITHSCORES").optional(),
        ],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` argument")),
        ..Spec::DEFAULT
    },
    DataHandler::Read(zrevrange),
);

/// ZRANGEBYSCORE.
pub const ZRANGEBYSCORE: Command = Command::new(
    Spec {
        name: "zrangebyscore",
        summary: "Returns members in a sorted set within a range of scores.",
        group: Group::SortedSet,
        since: "1.0.5",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
        arity: -4,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::double("min"),
            Arg::double("max"),
            Arg::word("withscores", "WITHSCORES")
                .optional()
                .since("2.0.0"),
            Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
                .after("LIMIT")
                .optional(),
        ],
        history: &[("2.0.0", "Added the `WITHSCORES` modifier.")],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `BYSCORE` argument")),
        ..Spec::DEFAULT
    },
    DataHandler::Read(zrangebyscore),
);

/// ZREVRANGEBYSCORE.
pub const ZREVRANGEBYSCORE: Command = Command::new(
    Spec {
        name: "zrevrangebyscore",
        summary: "Returns members in a sorted set within a range of scores in reverse order.",
        group: Group::SortedSet,
        since: "2.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
        arity: -4,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::double("max"),
            Arg::double("min"),
            Arg::word("withscores", "WITHSCORES").optional(),
            Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
                .after("LIMIT")
                .optional(),
        ],
        history: &[("2.1.6", "`min` and `max` can be exclusive.")],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")),
        ..Spec::DEFAULT
    },
    DataHandler::Read(zrevrangebyscore),
);

/// ZRANGEBYLEX.
pub const ZRANGEBYLEX: Command = Command::new(
    Spec {
        name: "zrangebylex",
        summary: "Returns members in a sorted set within a lexicographical range.",
        group: Group::SortedSet,
        since: "2.8.9",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
        arity: -4,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::string("min"),
            Arg::string("max"),
            Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
                .after("LIMIT")
                .optional(),
        ],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `BYLEX` argument")),
        ..Spec::DEFAULT
    },
    DataHandler::Read(zrangebylex),
);

/// ZREVRANGEBYLEX.
pub const ZREVRANGEBYLEX: Command = Command::new(
    Spec {
        name: "zrevrangebylex",
        summary: "Returns members in a sorted set within a lexicographical range in reverse order.",
        group: Group::SortedSet,
        since: "2.8.9",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
        arity: -4,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::string("max"),
            Arg::string("min"),
            Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
                .after("LIMIT")
                .optional(),
        ],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")),
        ..Spec::DEFAULT
    },
    DataHandler::Read(zrevrangebylex),
);

fn zrange(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, Form::default(), reply)
}

fn zrevrange(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, form(Key::Rank, true), reply)
}

fn zrangebyscore(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, form(Key::Score, false), reply)
}

fn zrevrangebyscore(
    txn: &mut ReadTxn<'_, '_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    answer(txn, arguments, form(Key::Score, true), reply)
}

fn zrangebylex(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, form(Key::Member, false), reply)
}

fn zrevrangebylex(
    txn: &mut ReadTxn<'_, '_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    answer(txn, arguments, form(Key::Member, true), reply)
}

fn form(by: Key, reversed: bool) -> Form {
    Form {
        by: Some(by),
        reversed: Some(reversed),
        stores: false,
    }
}

fn answer(
    txn: &mut ReadTxn<'_, '_>,
    arguments: &[&[u8]],
    form: Form,
    reply: &mut dyn Reply,
) -> Outcome {
    let query = Query::parse(arguments, 2, form)?;
    let Some(set) = find(txn, arguments[1])? else {
        reply.array(0);
        return Ok(());
    };
    match reply.as_writer() {
        Some(mut writer) => answer_from(set, &query, &mut writer),
        None => answer_from(set, &query, reply),
    }
    Ok(())
}

fn answer_from<R: Reply + ?Sized>(set: &SortedSet, query: &Query, reply: &mut R) {
    let ranks = query.ranks(set);
    let len = ranks.len();
    let elements = set.elements(ranks, query.reversed);
    if query.with_scores {
        reply_elements(elements, len, true, reply);
    } else {
        reply.array(len);
        elements.for_each_member(|member| reply_item(member, reply));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn by_rank() {
        check(
            r#"
            > ZRANGE z 0 -1 => (empty array)
            > ZADD z 1 a 2 b 3 c => (integer) 3
            > ZRANGE z 1 1 => 1) "b"
            > ZRANGE z -2 9
            1) "b"
            2) "c"
            > ZRANGE z -9 -3 REV => 1) "c"
            > ZRANGE z -9 -4 REV => (empty array)
            > ZREVRANGE z 0 0 WITHSCORES
            1) "c"
            2) "3"
            > ZRANGE z 2 1 => (empty array)
            > ZRANGE z 3 9 => (empty array)
            > ZRANGE z 0 0 LIMIT 5 -1 => 1) "a"
            > :resp 3
            > ZRANGE z 0 1 WITHSCORES REV
            1) 1) "c"
               2) (double) 3
            2) 1) "b"
               2) (double) 2
            "#,
        );
    }

    #[test]
    fn by_score() {
        check(
            r#"
            > ZADD z 1 a 2 b 2 c 3 d => (integer) 4
            > ZRANGE z 2 +inf BYSCORE WITHSCORES
            1) "b"
            2) "2"
            3) "c"
            4) "2"
            5) "d"
            6) "3"
            > ZRANGE z (3 (1 BYSCORE REV
            1) "c"
            2) "b"
            > ZRANGE z (1 (3 BYSCORE REV => (empty array)
            > ZRANGEBYSCORE z -inf +inf LIMIT 1 2
            1) "b"
            2) "c"
            > ZRANGEBYSCORE z -inf +inf LIMIT 3 -1 => 1) "d"
            > ZRANGEBYSCORE z -inf +inf LIMIT 4 1 => (empty array)
            > ZRANGEBYSCORE z 2 2 LIMIT 0 0 => (empty array)
            > ZREVRANGEBYSCORE z +inf -inf LIMIT 1 2 WITHSCORES
            1) "c"
            2) "2"
            3) "b"
            4) "2"
            > ZRANGEBYSCORE z -inf +inf LIMIT -1 2 => (empty array)
            > ZRANGEBYSCORE z 9 10 => (empty array)
            "#,
        );
    }

    #[test]
    fn a_negative_offset_of_a_big_set_comes_from_the_far_end() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c 4 d 9 this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set => (integer) 5
            > ZRANGEBYSCORE z 1 4 LIMIT -2 9
            1) "c"
            2) "d"
            > ZRANGEBYSCORE z 1 4 LIMIT -5 9 => (empty array)
            > ZREVRANGEBYSCORE z 4 1 LIMIT -2 9
            1) "b"
            2) "a"
            > ZREVRANGEBYSCORE z 4 1 LIMIT -3 1 => 1) "c"
            "#,
        );
    }

    #[test]
    fn by_member() {
        check(
            r#"
            > ZADD z 0 a 0 b 0 c 0 d => (integer) 4
            > ZRANGE z [b (d BYLEX
            1) "b"
            2) "c"
            > ZRANGE z (d - BYLEX REV LIMIT 1 5
            1) "b"
            2) "a"
            > ZRANGEBYLEX z - + LIMIT 3 1 => 1) "d"
            > ZREVRANGEBYLEX z [b [b => 1) "b"
            > ZREVRANGEBYLEX z [b [c => (empty array)
            "#,
        );
    }

    #[test]
    fn what_does_not_go_together() {
        check(
            r#"
            > ZRANGE z 0 1 LIMIT 0 1 => (error) ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
            > ZREVRANGE z 0 1 LIMIT 0 1 => (error) ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
            > ZRANGE z - + BYLEX WITHSCORES => (error) ERR syntax error, WITHSCORES not supported in combination with BYLEX
            > ZRANGEBYLEX z - + WITHSCORES => (error) ERR syntax error, WITHSCORES not supported in combination with BYLEX
            > ZRANGE z 0 1 BYSCORE BYLEX => (error) ERR syntax error
            > ZRANGEBYSCORE z 0 1 BYSCORE => (error) ERR syntax error
            > ZRANGEBYSCORE z 0 1 REV => (error) ERR syntax error
            > ZREVRANGE z 0 1 REV => (error) ERR syntax error
            > ZRANGE z 0 1 REV REV => (error) ERR syntax error
            > ZRANGEBYSCORE z 0 1 LIMIT 1 => (error) ERR syntax error
            > ZRANGEBYSCORE z x 1 LIMIT 1 x => (error) ERR value is not an integer or out of range
            > ZRANGEBYSCORE z x 1 LIMIT 1 1 => (error) ERR min or max is not a float
            > ZRANGEBYLEX z x + => (error) ERR min or max not valid string range item
            > ZRANGE z 0 x => (error) ERR value is not an integer or out of range
            > SET s v => OK
            > ZRANGE s 0 x => (error) ERR value is not an integer or out of range
            > ZRANGE s 0 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
