//! `HGETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] FIELDS
//! numfields field [field ...]` answers the values of fields, or null, and gives the fields another expiry or none. A
//! time that has passed deletes them.
//!
//! ```text
//! > HSET session token abc
//! (integer) 1
//! > HGETEX session EX 60 FIELDS 2 token user
//! 1) "abc"
//! 2) (nil)
//! > HTTL session FIELDS 1 token
//! 1) (integer) 60
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
    is_token,
};
use perilune_keyspace::{EventClass, Fields, WriteTxn};
use perilune_resp::Reply;
use perilune_value::Hash;

use super::fields::{
    NUMBER_NOT_POSITIVE, expire_at_ms, named, notify_deleted, propagate_deleted, propagate_expiry,
};
use super::open;
use crate::items::reply_item;
use crate::strings::Clocking;

/// HGETEX.
pub const HGETEX: Command = Command::new(
    Spec {
        name: "hgetex",
        summary: "Get the value of one or more fields of a given hash key, and optionally set their expiration.",
        group: Group::Hash,
        since: "8.0.0",
        complexity: "O(N) where N is the number of specified fields",
        arity: -5,
        flags: Flags::FAST,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )
        .noted("RW and UPDATE because it changes the TTL")],
        arguments: &[
            Arg::key("key", 0),
            Arg::one_of(
                "expiration",
                &[
                    Arg::integer("seconds").after("EX"),
                    Arg::integer("milliseconds").after("PX"),
                    Arg::unix_time("unix-time-seconds").after("EXAT"),
                    Arg::unix_time("unix-time-milliseconds").after("PXAT"),
                    Arg::word("persist", "PERSIST"),
                ],
            )
            .optional(),
            Arg::block(
                "fields",
                &[Arg::integer("numfields"), Arg::string("field").multiple()],
            )
            .after("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(hgetex),
);

/// What becomes of the expiries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Nothing,
    Persist,
    At(i64),
}

impl Change {
    /// The change, and the number of arguments that say it.
    fn parse(arguments: &[&[u8]], now_ms: i64) -> Result<(Self, usize), CommandError> {
        if is_token(arguments[2], "PERSIST") {
            return Ok((Self::Persist, 1));
        }
        match Clocking::of(arguments[2]) {
            Some(clocking) => {
                let at_ms = expire_at_ms(arguments[3], clocking, "hgetex", now_ms)?;
                Ok((Self::At(at_ms), 2))
            }
            None => Ok((Self::Nothing, 0)),
        }
    }
}

fn hgetex(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let key = arguments[1];
    let now_ms = txn.now_ms();
    // what type the key holds is asked first
    txn.slot(key)?.collection::<Hash>()?;
    let (change, words) = Change::parse(arguments, now_ms)?;
    let fields = named(arguments, 4 + words, NUMBER_NOT_POSITIVE)?;
    let (mut slot, fields_now_ms) = open(txn, key, Fields::each(fields))?;
    reply.array(fields.len());
    let Some(hash) = slot.collection::<Hash>()? else {
        fields.iter().for_each(|_| reply.null());
        return Ok(());
    };
    if change == Change::Nothing {
        for field in fields {
            match hash.at(fields_now_ms).get(field) {
                Some(found) => reply_item(found.value, reply),
                None => reply.null(),
            }
        }
        return Ok(());
    }
    let mut changed: Vec<&[u8]> = Vec::new();
    slot.edit::<Hash, _>(|hash| {
        for field in fields {
            let Some(found) = hash.at(fields_now_ms).get(field) else {
                reply.null();
                continue;
            };
            let expires = found.expire_at_ms.is_some();
            reply_item(found.value, reply);
            match change {
                Change::At(at_ms) if at_ms <= now_ms => {
                    hash.remove(field);
                }
                Change::At(at_ms) => {
                    hash.set_expiry(field, Some(at_ms));
                }
                Change::Persist if expires => {
                    hash.set_expiry(field, None);
                }
                Change::Persist | Change::Nothing => continue,
            }
            changed.push(field);
        }
    })?;
    if changed.is_empty() {
        return Ok(());
    }
    match change {
        Change::At(at_ms) if at_ms <= now_ms => {
            slot.count_expired_fields(changed.len());
            notify_deleted(&mut slot);
            propagate_deleted(txn, key, &changed);
        }
        Change::At(at_ms) => {
            slot.notify(EventClass::HASH, "hexpire");
            propagate_expiry(txn, key, at_ms, None, fields);
        }
        Change::Persist | Change::Nothing => {
            slot.notify(EventClass::HASH, "hpersist");
            let mut call: Vec<&[u8]> = vec![b"HPERSIST", key];
            call.extend(&arguments[3..]);
            txn.propagate(&call);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hgetex_answers_and_sets_expiries() {
        check(
            r#"
            > HGETEX h EX 10 FIELDS 1 a => 1) (nil)
            > HSET h a 1 b 2 => (integer) 2
            > HGETEX h FIELDS 2 a x
            1) "1"
            2) (nil)
            > :changes => 0
            > HGETEX h EX 10 FIELDS 2 a x
            1) "1"
            2) (nil)
            > :events => h hexpire h
            > :sent => HPEXPIREAT h 1010000 FIELDS 2 a x
            > HGETEX h px 10 FIELDS 1 a => 1) "1"
            > HGETEX h EXAT 2000 FIELDS 1 a => 1) "1"
            > :sent => HPEXPIREAT h 2000000 FIELDS 1 a
            > HGETEX h PXAT 1000010 FIELDS 1 a => 1) "1"
            > HPTTL h FIELDS 1 a => 1) (integer) 10
            > HGETEX h PERSIST FIELDS 2 a b
            1) "1"
            2) "2"
            > :changes => 1
            > :events => h hpersist h
            > :sent => HPERSIST h FIELDS 2 a b
            > HGETEX h PERSIST FIELDS 2 a b
            1) "1"
            2) "2"
            > :changes => 0
            "#,
        );
    }

    #[test]
    fn a_time_that_has_passed_deletes() {
        check(
            r#"
            > HSETEX h PX 10 FIELDS 1 old 0 => (integer) 1
            > HSET h a 1 b 2 => (integer) 2
            > :wait 10
            > HGETEX h PXAT 1 FIELDS 4 a x old a
            1) "1"
            2) (nil)
            3) (nil)
            4) (nil)
            > :sent => HDEL h a
            > :events => h hdel h
            > HGETEX h EX 0 FIELDS 1 b => 1) "2"
            > :events
            h hdel h
            g del h
            > EXISTS h => (integer) 0
            "#,
        );
    }

    #[test]
    fn hgetex_refuses() {
        check(
            r#"
            > SET s v => OK
            > HGETEX s FOO 1 a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HGETEX h FOO 1 a => (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HGETEX h PXAT 1 1 => (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HGETEX h PERSIST 1 FIELDS 1 a => (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HGETEX h EX 10 FIELDS => (error) ERR Number of fields must be a positive integer
            > HGETEX h PERSIST FIELDS 1 => (error) ERR The `numfields` parameter must match the number of arguments
            > HGETEX h FIELDS 0 a => (error) ERR Number of fields must be a positive integer
            > HGETEX h EX x FIELDS 1 a => (error) ERR value is not an integer or out of range
            > HGETEX h PX -1 FIELDS 1 a => (error) ERR invalid expire time, must be >= 0
            > HGETEX h EX 281474976710656 FIELDS 1 a => (error) ERR invalid expire time in 'hgetex' command
            > HGETEX h FIELDS 1 => (error) ERR wrong number of arguments for 'hgetex' command
            "#,
        );
    }
}
