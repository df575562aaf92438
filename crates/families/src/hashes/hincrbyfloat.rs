//! `HINCRBYFLOAT key field increment` adds to the number in a field and answers it. A field that is not there is 0; an
//! expiry stays.
//!
//! ```text
//! > HINCRBYFLOAT cart total 10.5
//! "10.5"
//! > HINCRBYFLOAT cart total -0.5
//! "10"
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
};
use perilune_keyspace::{EventClass, Fields, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Extended, FieldExpiry, Hash, Item};

use super::{check_room, open};

/// HINCRBYFLOAT.
pub const HINCRBYFLOAT: Command = Command::new(
    Spec {
        name: "hincrbyfloat",
        summary: "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist.",
        group: Group::Hash,
        since: "2.6.0",
        complexity: "O(1)",
        arity: 4,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )],
        arguments: &[
            Arg::key("key", 0),
            Arg::string("field"),
            Arg::double("increment"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(hincrbyfloat),
);

fn hincrbyfloat(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (key, name) = (arguments[1], arguments[2]);
    let increment = Extended::parse(arguments[3]).ok_or(errors::NOT_FLOAT)?;
    if !increment.is_finite() {
        return Err(CommandError::new("ERR value is NaN or Infinity").into());
    }
    let (mut slot, now_ms) = open(txn, key, Fields::each(&[name]))?;
    let hash = slot.collection::<Hash>()?;
    let place = hash.map(|hash| hash.locate(name));
    let field = hash
        .zip(place)
        .and_then(|(hash, place)| hash.at(now_ms).at_place(place));
    let old = match field.map(|field| field.value) {
        Some(Item::Int(integer)) => Extended::from(integer),
        Some(Item::Bytes(bytes)) => {
            Extended::parse(bytes).ok_or(CommandError::new("ERR hash value is not a float"))?
        }
        None => Extended::from(0),
    };
    let (expiry, expires) = match field {
        Some(field) => (FieldExpiry::Keep, field.expire_at_ms.is_some()),
        None => {
            check_room(hash, &arguments[2..])?;
            (FieldExpiry::Clear, false)
        }
    };
    let sum = old
        .checked_add(increment)
        .ok_or(CommandError::new(
            "ERR increment would produce NaN or Infinity",
        ))?
        .to_string();
    slot.edit::<Hash, _>(|hash| {
        let place = place.unwrap_or_else(|| hash.locate(name));
        hash.set_at(place, name, Item::of(sum.as_bytes()), expiry);
    })?;
    slot.notify(EventClass::HASH, "hincrbyfloat");
    // the sum, so that no other arithmetic can disagree with it; HSET would take an expiry away
    let sum = sum.as_bytes();
    if expires {
        txn.propagate(&[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", name, sum]);
    } else {
        txn.propagate(&[b"HSET", key, name, sum]);
    }
    reply.bulk(sum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hincrbyfloat_adds_as_people_expect() {
        check(
            r#"
            > HINCRBYFLOAT h n 0.1 => "0.1"
            > :events
            n new h
            h hincrbyfloat h
            > HINCRBYFLOAT h n 0.2 => "0.3"
            > :sent => HSET h n 0.3
            > HINCRBYFLOAT h n 4.7 => "5"
            > HINCRBY h n 1 => (integer) 6
            > HSETEX h PX 10 FIELDS 1 n 1.5 => (integer) 1
            > HINCRBYFLOAT h n 1e1 => "11.5"
            > :sent => HSETEX h KEEPTTL FIELDS 1 n 11.5
            > HPTTL h FIELDS 1 n => 1) (integer) 10
            > :wait 10
            > HINCRBYFLOAT h n 1 => "1"
            > HPTTL h FIELDS 1 n => 1) (integer) -1
            "#,
        );
    }

    #[test]
    fn hincrbyfloat_refuses() {
        check(
            r#"
            > HSET h t text s " 1" i inf => (integer) 3
            > HINCRBYFLOAT h t 1 => (error) ERR hash value is not a float
            > HINCRBYFLOAT h s 1 => (error) ERR hash value is not a float
            > HINCRBYFLOAT h i 1 => (error) ERR increment would produce NaN or Infinity
            > HINCRBYFLOAT h n x => (error) ERR value is not a valid float
            > HINCRBYFLOAT h n inf => (error) ERR value is NaN or Infinity
            > SET k v => OK
            > HINCRBYFLOAT k n 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
