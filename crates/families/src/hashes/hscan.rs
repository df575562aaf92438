//! `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]` walks over the fields of a hash in steps, as SCAN does over
//! the keys of a database. A small hash is shown in one step; NOVALUES shows the fields without their values.
//!
//! ```text
//! > HSET user:1 name Ada born 1815
//! (integer) 2
//! > HSCAN user:1 0 MATCH n*
//! 1) "0"
//! 2) 1) "name"
//!    2) "Ada"
//! ```

use perilune_command::{
    Arg, Arguments, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, cursor,
};
use perilune_keyspace::{Fields, ReadTxn};
use perilune_resp::Reply;
use perilune_value::{Field, Hash};

use super::read;
use crate::items::reply_item;
use crate::scanning::ScanOptions;

/// HSCAN.
pub const HSCAN: Command = Command::new(
    Spec {
        name: "hscan",
        summary: "Iterates over fields and values of a hash.",
        group: Group::Hash,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        arity: -3,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("cursor"),
            Arg::pattern("pattern").after("MATCH").optional(),
            Arg::integer("count").after("COUNT").optional(),
            Arg::word("novalues", "NOVALUES").optional(),
        ],
        tips: &["nondeterministic_output"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hscan),
);

fn hscan(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let cursor = cursor(arguments[2])?;
    let options = match txn.peek(arguments[1])? {
        Some(found) => {
            if let Err(error) = found.collection::<Hash>() {
                // what is of another type counts as looked up, too
                txn.find(arguments[1])?;
                return Err(error.into());
            }
            ScanOptions::parse(Arguments::from(arguments, 3), Some("NOVALUES"))?
        }
        // of a key that does not exist nothing else is asked
        None => ScanOptions::parse(Arguments::from(&[], 0), None)?,
    };
    read(txn, arguments[1], Fields::NONE, |hash| {
        let mut selected: Vec<Field<'_>> = Vec::new();
        let mut digits = itoa::Buffer::new();
        let next = hash.map_or(0, |hash| {
            options.walk(cursor, |cursor, seen| {
                hash.scan(cursor, |field| {
                    *seen += 1;
                    let is_selected =
                        |field: &Field<'_>| options.selects(field.name.bytes(&mut digits));
                    selected.extend(field.filter(is_selected));
                })
            })
        });
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(next).as_bytes());
        let per_field = if options.keys_only { 1 } else { 2 };
        reply.array(per_field * selected.len());
        for field in selected {
            reply_item(field.name, reply);
            if !options.keys_only {
                reply_item(field.value, reply);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::{Stage, check};

    #[test]
    fn a_small_hash_is_shown_in_one_step() {
        check(
            r#"
            > HSCAN h 5 FOO
            1) "0"
            2) (empty array)
            > HSET h a 1 b 2 12 3 => (integer) 3
            > HSCAN h 0 COUNT 1
            1) "0"
            2) 1) "a"
               2) "1"
               3) "b"
               4) "2"
               5) "12"
               6) "3"
            > HSCAN h 0 MATCH [a1]* NOVALUES
            1) "0"
            2) 1) "a"
               2) "12"
            > HPEXPIRE h 10 FIELDS 1 a => 1) (integer) 1
            > :wait 10
            > HSCAN h 0 NOVALUES
            1) "0"
            2) 1) "b"
               2) "12"
            > HLEN h => (integer) 3
            "#,
        );
    }

    #[test]
    fn a_walk_over_a_table_shows_all() {
        let mut stage = Stage::new();
        for n in 0..600 {
            stage.call(&format!("HSET h f{n} {n}"));
        }
        let (mut seen, mut cursor, mut calls) = (BTreeSet::new(), "0".to_owned(), 0);
        loop {
            let answer = stage.call(&format!("HSCAN h {cursor} NOVALUES COUNT 50"));
            let mut quoted = answer.split('"').skip(1).step_by(2).map(str::to_owned);
            cursor = quoted.next().expect("a cursor");
            seen.extend(quoted);
            calls += 1;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 600);
        assert!((6..=20).contains(&calls), "{calls} calls");
    }

    #[test]
    fn hscan_refuses() {
        check(
            r#"
            > SET s v => OK
            > HSCAN s x => (error) ERR invalid cursor
            > HSCAN s 0 FOO => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HSET h a 1 => (integer) 1
            > HSCAN h 0 FOO => (error) ERR syntax error
            > HSCAN h 0 COUNT 0 => (error) ERR syntax error
            > HSCAN h 0 COUNT => (error) ERR syntax error
            > HSCAN h 0 MATCH => (error) ERR syntax error
            > HSCAN h 0 TYPE hash => (error) ERR syntax error
            > HSCAN h 0 NOSCORES => (error) ERR NOSCORES option can only be used in ZSCAN
            > HSCAN h 0 COUNT x => (error) ERR value is not an integer or out of range
            "#,
        );
    }
}
