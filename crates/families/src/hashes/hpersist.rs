//! `HPERSIST key FIELDS numfields field [field ...]` takes the expiries of fields away: for each 1, -1 if it does not
//! expire, -2 if it is not there.
//!
//! ```text
//! > HSETEX session EX 60 FIELDS 1 token abc
//! (integer) 1
//! > HPERSIST session FIELDS 2 token user
//! 1) (integer) 1
//! 2) (integer) -2
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, Fields, WriteTxn};
use perilune_resp::Reply;
use perilune_value::Hash;

use super::fields::{NO_FIELD, NUMBER_NOT_POSITIVE, named, reply_each};
use super::open;

/// HPERSIST.
pub const HPERSIST: Command = Command::new(
    Spec {
        name: "hpersist",
        summary: "Removes the expiration time for each specified field",
        group: Group::Hash,
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arity: -5,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
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
    DataHandler::Write(hpersist),
);

/// The expiry of a field was taken away.
const PERSISTED: i64 = 1;
/// It had none.
const NO_EXPIRY: i64 = -1;

fn hpersist(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    // what type the key holds is asked first
    let (mut slot, now_ms) = open(txn, arguments[1], Fields::NONE)?;
    let fields = named(arguments, 4, NUMBER_NOT_POSITIVE)?;
    if !slot.exists() {
        return reply_each(NO_FIELD, fields.len(), reply);
    }
    reply.array(fields.len());
    let changes = slot.edit::<Hash, _>(|hash| {
        for field in fields {
            let found = hash.at(now_ms).get(field);
            reply.integer(match found.map(|found| found.expire_at_ms) {
                None => NO_FIELD,
                Some(None) => NO_EXPIRY,
                Some(Some(_)) => {
                    hash.set_expiry(field, None);
                    PERSISTED
                }
            });
        }
        hash.changes()
    })?;
    if changes > 0 {
        slot.notify(EventClass::HASH, "hpersist");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hpersist_takes_expiries_away() {
        check(
            r#"
            > HPERSIST h FIELDS 1 a => 1) (integer) -2
            > HSET h a 1 b 2 c 3 => (integer) 3
            > HPEXPIRE h 10 FIELDS 2 a c
            1) (integer) 1
            2) (integer) 1
            > HPERSIST h FIELDS 3 a b x
            1) (integer) 1
            2) (integer) -1
            3) (integer) -2
            > :events => h hpersist h
            > :sent => HPERSIST h FIELDS 3 a b x
            > HPERSIST h FIELDS 1 a => 1) (integer) -1
            > :changes => 0
            > :wait 10
            > HPERSIST h FIELDS 2 a c
            1) (integer) -1
            2) (integer) -2
            > HGET h a => "1"
            "#,
        );
    }

    #[test]
    fn hpersist_refuses() {
        check(
            r#"
            > SET s v => OK
            > HPERSIST s FOO 1 a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HPERSIST h FOO 1 a => (error) ERR Mandatory argument FIELDS is missing or not at the right position
            > HPERSIST h FIELDS 0 a => (error) ERR Number of fields must be a positive integer
            > HPERSIST h FIELDS 2 a => (error) ERR The `numfields` parameter must match the number of arguments
            "#,
        );
    }
}
