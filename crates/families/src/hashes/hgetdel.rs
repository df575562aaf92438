//! `HGETDEL key FIELDS numfields field [field ...]` answers the values of fields, or null, and deletes the fields. With
//! the last one the key goes.
//!
//! ```text
//! > HSET session token abc user 7
//! (integer) 2
//! > HGETDEL session FIELDS 2 token none
//! 1) "abc"
//! 2) (nil)
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{Fields, WriteTxn};
use perilune_resp::Reply;
use perilune_value::Hash;

use super::fields::{NUMBER_NOT_POSITIVE, named, notify_deleted};
use super::open;
use crate::items::reply_item;

/// HGETDEL.
pub const HGETDEL: Command = Command::new(
    Spec {
        name: "hgetdel",
        summary: "Returns the value of a field and deletes it from the hash.",
        group: Group::Hash,
        since: "8.0.0",
        complexity: "O(N) where N is the number of specified fields",
        arity: -5,
        flags: Flags::FAST,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[
            Arg::key("key", 0),
            Arg::block(
                "fields",
                &[Arg::integer("numfields"), Arg::string("field").multiple()],
            )
            .after("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(hgetdel),
);

fn hgetdel(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let key = arguments[1];
    // what type the key holds is asked first
    txn.slot(key)?.collection::<Hash>()?;
    let fields = named(arguments, 4, NUMBER_NOT_POSITIVE)?;
    let (mut slot, now_ms) = open(txn, key, Fields::each(fields))?;
    reply.array(fields.len());
    if !slot.exists() {
        fields.iter().for_each(|_| reply.null());
        return Ok(());
    }
    let deleted = slot.edit::<Hash, _>(|hash| {
        for field in fields {
            match hash.at(now_ms).get(field) {
                Some(found) => reply_item(found.value, reply),
                None => {
                    reply.null();
                    continue;
                }
            }
            hash.remove(field);
        }
        hash.changes()
    })?;
    if deleted > 0 {
        notify_deleted(&mut slot);
        let mut call: Vec<&[u8]> = vec![b"HDEL", key];
        call.extend(fields);
        txn.propagate(&call);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hgetdel_answers_and_deletes() {
        check(
            r#"
            > HGETDEL h FIELDS 1 a => 1) (nil)
            > HSET h a 1 b 2 c 3 => (integer) 3
            > HGETDEL h FIELDS 3 a x a
            1) "1"
            2) (nil)
            3) (nil)
            > :changes => 1
            > :events => h hdel h
            > :sent => HDEL h a x a
            > HGETDEL h FIELDS 1 x => 1) (nil)
            > :changes => 0
            > HPEXPIRE h 10 FIELDS 1 b => 1) (integer) 1
            > :wait 10
            > HGETDEL h FIELDS 2 b c
            1) (nil)
            2) "3"
            > :events
            h hdel h
            g del h
            > EXISTS h => (integer) 0
            "#,
        );
    }

    #[test]
    fn hgetdel_refuses() {
        check(
            r#"
            > SET s v => OK
            > HGETDEL s FOO 1 a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HGETDEL h FOO 1 a => (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HGETDEL h FIELDS 0 a => (error) ERR Number of fields must be a positive integer
            > HGETDEL h FIELDS 2 a => (error) ERR The `numfields` parameter must match the number of arguments
            "#,
        );
    }
}
