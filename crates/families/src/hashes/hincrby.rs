//! `HINCRBY key field increment` adds to the integer in a field and answers it. A field that is not there is 0; an
//! expiry stays.
//!
//! ```text
//! > HINCRBY page:1 visits 1
//! (integer) 1
//! > HINCRBY page:1 visits 41
//! (integer) 42
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
    integer,
};
use perilune_keyspace::{EventClass, Fields, Slot, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{FieldExpiry, Hash, Item};

use super::{check_room, inspect};

/// HINCRBY.
pub const HINCRBY: Command = Command::new(
    Spec {
        name: "hincrby",
        summary: "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist.",
        group: Group::Hash,
        since: "2.0.0",
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
            Arg::integer("increment"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(hincrby),
);

const OVERFLOW: CommandError = CommandError::new("ERR increment or decrement would overflow");

fn hincrby(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let name = arguments[2];
    let increment = integer(arguments[3])?;
    let mut slot = txn.slot(arguments[1])?;
    let new = match add_in_place(&mut slot, name, increment)? {
        Some(new) => new,
        None => add(&mut slot, arguments, increment)?,
    };
    slot.notify(EventClass::HASH, "hincrby");
    reply.integer(new);
    Ok(())
}

/// Nearly all: adds to an integer in a packed hash that stays as long as it is. None, and nothing is changed, where it is not so.
/// (In a script of 100 HINCRBYs each takes 500 instructions less than by way of [`add`], of 2,200.)
#[inline]
fn add_in_place(slot: &mut Slot<'_, '_>, name: &[u8], increment: i64) -> Outcome<Option<i64>> {
    let limits = slot.limits();
    let hash = slot.collection::<Hash>()?;
    let Some(counter) = hash.and_then(|hash| hash.counter(name, &limits)) else {
        return Ok(None);
    };
    let new = counter.value().checked_add(increment).ok_or(OVERFLOW)?;
    let is_done = slot.change_in_place::<Hash>(|hash| hash.set_counter(counter, new))?;
    Ok(is_done.then_some(new))
}

#[inline(never)]
fn add(slot: &mut Slot<'_, '_>, arguments: &[&[u8]], increment: i64) -> Outcome<i64> {
    let name = arguments[2];
    let (place, old, expiry) = inspect(slot, Fields::each(&[name]), |hash| {
        let place = hash.map(|hash| hash.locate(name));
        let field = hash.and_then(|hash| hash.at_place(place?));
        match field.map(|field| field.value.int()) {
            Some(Some(old)) => Ok((place, old, FieldExpiry::Keep)),
            Some(None) => Err(CommandError::new("ERR hash value is not an integer")),
            None => {
                check_room(hash.as_deref(), &arguments[2..])?;
                Ok((place, 0, FieldExpiry::Clear))
            }
        }
    })??;
    let new = old.checked_add(increment).ok_or(OVERFLOW)?;
    slot.edit::<Hash, _>(|hash| {
        let place = place.unwrap_or_else(|| hash.locate(name));
        hash.set_at(place, name, Item::Int(new), expiry);
    })?;
    Ok(new)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hincrby_counts() {
        check(
            r#"
            > HINCRBY h n 5 => (integer) 5
            > :events
            n new h
            h hincrby h
            > HINCRBY h n -7 => (integer) -2
            > :sent => HINCRBY h n -7
            > HINCRBY h n 0 => (integer) -2
            > :changes => 1
            > HSET h big 17179869184 => (integer) 1
            > HINCRBY h big 1 => (integer) 17179869185
            "#,
        );
    }

    #[test]
    fn hincrby_keeps_an_expiry_unless_it_has_passed() {
        check(
            r#"
            > HSETEX h PX 10 FIELDS 2 n 10 m 10 => (integer) 1
            > HINCRBY h n 1 => (integer) 11
            > HPTTL h FIELDS 1 n => 1) (integer) 10
            > :wait 10
            > HINCRBY h n 1 => (integer) 1
            > HPTTL h FIELDS 1 n => 1) (integer) -1
            > HINCRBY h m 1 => (integer) 1
            "#,
        );
    }

    #[test]
    fn hincrby_counts_over_the_widths_of_integers() {
        check(
            r#"
            > HSET h a x n 126 z y => (integer) 3
            > HINCRBY h n 1 => (integer) 127
            > HINCRBY h n 1 => (integer) 128
            > HINCRBY h n 1 => (integer) 129
            > :changes => 1
            > HINCRBY h n -2 => (integer) 127
            > HINCRBY h n -127 => (integer) 0
            > HINCRBY h n -1 => (integer) -1
            > HINCRBY h n -4095 => (integer) -4096
            > HINCRBY h n -1 => (integer) -4097
            > HINCRBY h n -1 => (integer) -4098
            > HINCRBY h n -28670 => (integer) -32768
            > HINCRBY h n 65535 => (integer) 32767
            > HINCRBY h n 1 => (integer) 32768
            > HINCRBY h n -65537 => (integer) -32769
            > HINCRBY h n 8421376 => (integer) 8388607
            > HINCRBY h n 1 => (integer) 8388608
            > HINCRBY h n 2139095039 => (integer) 2147483647
            > HINCRBY h n -4294967295 => (integer) -2147483648
            > HINCRBY h n -1 => (integer) -2147483649
            > HINCRBY h n 9223372036854775807 => (integer) 9223372034707292158
            > HINCRBY h n 9223372036854775807 => (error) ERR increment or decrement would overflow
            > HGETALL h
            1) "a"
            2) "x"
            3) "n"
            4) "9223372034707292158"
            5) "z"
            6) "y"
            "#,
        );
    }

    #[test]
    fn hincrby_refuses() {
        check(
            r#"
            > HSET h n 9223372036854775807 m -9223372036854775808 t text s " 1" => (integer) 4
            > HINCRBY h n 1 => (error) ERR increment or decrement would overflow
            > HINCRBY h m -1 => (error) ERR increment or decrement would overflow
            > HINCRBY h t 1 => (error) ERR hash value is not an integer
            > HINCRBY h s 1 => (error) ERR hash value is not an integer
            > HINCRBY h n x => (error) ERR value is not an integer or out of range
            > SET k v => OK
            > HINCRBY k n x => (error) ERR value is not an integer or out of range
            > HINCRBY k n 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
