//! `ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]` makes `dst` hold a range of the sorted set
//! `src`, whatever it held, and answers how many members that are. What the options mean is said at ZRANGE.
//!
//! ```text
//! > ZADD board 10 alice 20 bob 30 carol
//! (integer) 3
//! > ZRANGESTORE top board 0 1 REV
//! (integer) 2
//! > ZRANGE top 0 -1
//! 1) "bob"
//! 2) "carol"
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::{Adding, Edit, SortedSet};

use super::range::{Form, Query};
use super::{find, store};

/// ZRANGESTORE.
pub const ZRANGESTORE: Command = Command::new(
    Spec {
        name: "zrangestore",
        summary: "Stores a range of members from sorted set in a key.",
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.",
        arity: -5,
        flags: Flags::DENYOOM,
        keys: &[
            KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE)),
            KeySpec::one(2, KeyFlags::RO.with(KeyFlags::ACCESS)),
        ],
        arguments: &[
            Arg::key("dst", 0),
            Arg::key("src", 1),
            Arg::string("min"),
            Arg::string("max"),
            Arg::one_of(
                "sortby",
                &[Arg::word("byscore", "BYSCORE"), Arg::word("bylex", "BYLEX")],
            )
            .optional(),
            Arg::word("rev", "REV").optional(),
            Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
                .after("LIMIT")
                .optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(zrangestore),
);

fn zrangestore(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let form = Form {
        stores: true,
        ..Form::default()
    };
    let query = Query::parse(arguments, 3, form)?;
    let limits = txn.limits();
    let mut stored = SortedSet::default();
    if let Some(set) = find(txn, arguments[2])? {
        // One after the other as the reference does it, because what has been packed once has lost the sign of 0.
        let mut stored = Edit::new(&mut stored, None, &limits);
        let ranks = query.ranks(set);
        if query.is_by_rank() {
            stored.expect(ranks.len(), 0);
        }
        let mut digits = itoa::Buffer::new();
        for (member, score) in set.elements(ranks, query.reversed) {
            stored.add(member.bytes(&mut digits), score, Adding::default());
        }
    }
    let len = store(txn, arguments[1], stored, "zrangestore")?;
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn zrangestore() {
        check(
            r#"
            > ZADD z 1 a 2 b 3 c => (integer) 3
            > SET d v => OK
            > ZRANGESTORE d z 2 +inf BYSCORE => (integer) 2
            > :changes => 1
            > ZRANGE d 0 -1 WITHSCORES
            1) "b"
            2) "2"
            3) "c"
            4) "3"
            > ZRANGESTORE z z (b - BYLEX REV LIMIT 0 1 => (integer) 1
            > ZRANGE z 0 -1 => 1) "a"
            > ZRANGESTORE d missing 0 -1 => (integer) 0
            > EXISTS d => (integer) 0
            > ZRANGESTORE d missing 0 -1 => (integer) 0
            > :changes => 0
            > ZRANGESTORE d z 0 -1 WITHSCORES => (error) ERR syntax error
            > ZRANGESTORE d z 0 x => (error) ERR value is not an integer or out of range
            > SET s v => OK
            > ZRANGESTORE d s 0 -1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn what_has_been_packed_once_has_lost_the_sign_of_zero() {
        check(
            r#"
            > ZADD z 1 this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set -0 a => (integer) 2
            > ZRANGESTORE d z 0 -1 => (integer) 2
            > ZSCORE d a => "0"
            > ZRANGESTORE d z 0 -1 REV => (integer) 2
            > ZSCORE d a => "-0"
            "#,
        );
    }

    #[test]
    fn events_and_effects() {
        check(
            r#"
            > ZADD z 1 a => (integer) 1
            > ZRANGESTORE d z 0 -1 => (integer) 1
            > :events
            n new d
            z zrangestore d
            > :sent => ZRANGESTORE d z 0 -1
            > ZRANGESTORE d z 5 6 => (integer) 0
            > :events => g del d
            > :sent => ZRANGESTORE d z 5 6
            "#,
        );
    }
}
