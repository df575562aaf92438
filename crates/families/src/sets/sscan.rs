//! `SSCAN key cursor [MATCH pattern] [COUNT count]` walks over the members of a set in steps, as SCAN does over the keys of a
//! database. A small set is shown in one step.
//!
//! ```text
//! > SADD tags red green
//! (integer) 2
//! > SSCAN tags 0 MATCH r*
//! 1) "0"
//! 2) 1) "red"
//! ```

use perilune_command::{
    Arg, Arguments, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, cursor,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

use super::find;
use crate::items::reply_item;
use crate::scanning::ScanOptions;

/// SSCAN.
pub const SSCAN: Command = Command::new(
    Spec {
        name: "sscan",
        summary: "Iterates over members of a set.",
        group: Group::Set,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        arity: -3,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("cursor"),
            Arg::pattern("pattern").after("MATCH").optional(),
            Arg::integer("count").after("COUNT").optional(),
        ],
        tips: &["nondeterministic_output"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(sscan),
);

fn sscan(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let cursor = cursor(arguments[2])?;
    let Some(set) = find(txn, arguments[1])? else {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(Arguments::from(arguments, 3), None)?;
    let mut selected = Vec::new();
    let mut digits = itoa::Buffer::new();
    let cursor = options.walk(cursor, |cursor, seen| {
        set.scan(cursor, |member| {
            *seen += 1;
            if options.selects(member.bytes(&mut digits)) {
                selected.push(member);
            }
        })
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    reply.array(selected.len());
    selected
        .into_iter()
        .for_each(|member| reply_item(member, reply));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_small_set_is_shown_at_once() {
        check(
            r#"
            > SSCAN none 0 FOO
            1) "0"
            2) (empty array)
            > SADD s 1 2 13 => (integer) 3
            > SSCAN s 7 COUNT 1
            1) "0"
            2) 1) "1"
               2) "2"
               3) "13"
            > SSCAN s 0 MATCH 1*
            1) "0"
            2) 1) "1"
               2) "13"
            > SSCAN s 0 NOVALUES => (error) ERR NOVALUES option can only be used in HSCAN
            > SSCAN s x => (error) ERR invalid cursor
            > SSCAN s 0 COUNT 0 => (error) ERR syntax error
            > SET k v => OK
            > SSCAN k 0 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn a_big_set_is_shown_in_steps() {
        use std::collections::BTreeSet;

        use crate::testing::Stage;
        let mut stage = Stage::new();
        for i in 0..300 {
            stage.call(&format!("SADD s member:{i}"));
        }
        let (mut cursor, mut seen, mut steps) = (String::from("0"), BTreeSet::new(), 0);
        loop {
            let answer = stage.call(&format!("SSCAN s {cursor} COUNT 20"));
            let mut words = answer.split('"').skip(1).step_by(2);
            cursor = words.next().expect("a cursor").to_owned();
            seen.extend(words.map(str::to_owned));
            steps += 1;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 300);
        assert!((5..=25).contains(&steps), "{steps}");
    }
}
