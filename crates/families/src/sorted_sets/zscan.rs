//! `ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES]` walks over the elements of a sorted set in steps, as SCAN
//! walks over keys. A packed set is shown at once, in order.
//!
//! ```text
//! > ZADD board 10 alice 20.5 bob
//! (integer) 2
//! > ZSCAN board 0 MATCH b*
//! 1) "0"
//! 2) 1) "bob"
//!    2) "20.5"
//! ```

use perilune_command::{
    Arg, Arguments, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, cursor,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

use super::find;
use crate::items::reply_item;
use crate::scanning::ScanOptions;

/// ZSCAN.
pub const ZSCAN: Command = Command::new(
    Spec {
        name: "zscan",
        summary: "Iterates over members and scores of a sorted set.",
        group: Group::SortedSet,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        arity: -3,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("cursor"),
            Arg::pattern("pattern").after("MATCH").optional(),
            Arg::integer("count").after("COUNT").optional(),
            Arg::word("noscores", "NOSCORES").optional(),
        ],
        tips: &["nondeterministic_output"],
        history: &[("8.0.0", "Added noscores option.")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(zscan),
);

fn zscan(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let cursor = cursor(arguments[2])?;
    let Some(set) = find(txn, arguments[1])? else {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(Arguments::from(arguments, 3), Some("NOSCORES"))?;
    let mut selected = Vec::new();
    let mut digits = itoa::Buffer::new();
    let cursor = options.walk(cursor, |cursor, seen| {
        set.scan(cursor, |member, score| {
            *seen += 1;
            if options.selects(member.bytes(&mut digits)) {
                selected.push((member, score));
            }
        })
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    reply.array(selected.len() * if options.keys_only { 1 } else { 2 });
    for (member, score) in selected {
        reply_item(member, reply);
        if !options.keys_only {
            reply.bulk(&set.scanned_score(score));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_packed_set_is_shown_at_once() {
        check(
            r#"
            > ZSCAN z 0 FOO
            1) "0"
            2) (empty array)
            > ZADD z 0.1 a 2 b 3 17 => (integer) 3
            > ZSCAN z 5 COUNT 1
            1) "0"
            2) 1) "a"
               2) "0.1"
               3) "b"
               4) "2"
               5) "17"
               6) "3"
            > ZSCAN z 0 MATCH [a1]* NOSCORES
            1) "0"
            2) 1) "a"
               2) "17"
            > :resp 3
            > ZSCAN z 0 MATCH a
            1) "0"
            2) 1) "a"
               2) "0.1"
            "#,
        );
    }

    #[test]
    fn scores_of_a_big_set_have_seventeen_digits() {
        check(
            r#"
            > ZADD z 0.1 this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set => (integer) 1
            > ZSCAN z 0
            1) "0"
            2) 1) "this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set"
               2) "0.10000000000000001"
            "#,
        );
    }

    #[test]
    fn errors() {
        check(
            r#"
            > ZADD z 1 a => (integer) 1
            > ZSCAN z x => (error) ERR invalid cursor
            > ZSCAN z 0 COUNT 0 => (error) ERR syntax error
            > ZSCAN z 0 COUNT x => (error) ERR value is not an integer or out of range
            > ZSCAN z 0 COUNT => (error) ERR syntax error
            > ZSCAN z 0 TYPE zset => (error) ERR syntax error
            > ZSCAN z 0 NOVALUES => (error) ERR NOVALUES option can only be used in HSCAN
            > SET s v => OK
            > ZSCAN s 0 FOO => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
