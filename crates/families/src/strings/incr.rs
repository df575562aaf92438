//! `INCR key`, `DECR key`, `INCRBY key increment` and `DECRBY key decrement` change an integer and answer it. A key
//! that does not exist is 0.
//!
//! ```text
//! > INCR visits
//! (integer) 1
//! > INCRBY visits 10
//! (integer) 11
//! > DECR visits
//! (integer) 10
//! > DECRBY visits 15
//! (integer) -5
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
    errors, integer,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;

/// What the four have in common.
const SPEC: Spec = Spec {
    group: Group::String,
    since: "1.0.0",
    complexity: "O(1)",
    flags: Flags::DENYOOM.with(Flags::FAST),
    keys: &[KeySpec::one(
        1,
        KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
    )],
    ..Spec::DEFAULT
};

/// INCR.
pub const INCR: Command = Command::new(
    Spec {
        name: "incr",
        summary: "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
        arity: 2,
        arguments: &[Arg::key("key", 0)],
        ..SPEC
    },
    DataHandler::Write(|txn, arguments, reply| add(txn, arguments[1], 1, reply)),
);

/// DECR.
pub const DECR: Command = Command::new(
    Spec {
        name: "decr",
        summary: "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
        arity: 2,
        arguments: &[Arg::key("key", 0)],
        ..SPEC
    },
    DataHandler::Write(|txn, arguments, reply| add(txn, arguments[1], -1, reply)),
);

/// INCRBY.
pub const INCRBY: Command = Command::new(
    Spec {
        name: "incrby",
        summary: "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
        arity: 3,
        arguments: &[Arg::key("key", 0), Arg::integer("increment")],
        ..SPEC
    },
    DataHandler::Write(|txn, arguments, reply| {
        add(txn, arguments[1], integer(arguments[2])?, reply)
    }),
);

/// DECRBY.
pub const DECRBY: Command = Command::new(
    Spec {
        name: "decrby",
        summary: "Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't exist.",
        arity: 3,
        arguments: &[Arg::key("key", 0), Arg::integer("decrement")],
        ..SPEC
    },
    DataHandler::Write(decrby),
);

fn decrby(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let increment = integer(arguments[2])?
        .checked_neg()
        .ok_or(CommandError::new("ERR decrement would overflow"))?;
    add(txn, arguments[1], increment, reply)
}

fn add(txn: &mut WriteTxn<'_, '_>, key: &[u8], increment: i64, reply: &mut dyn Reply) -> Outcome {
    let mut slot = txn.slot(key)?;
    let old = match slot.kept_integer() {
        Some(integer) => integer,
        None => match slot.text()? {
            Some(text) => text.integer().ok_or(errors::NOT_INTEGER)?,
            None => 0,
        },
    };
    let new = old.checked_add(increment).ok_or(CommandError::new(
        "ERR increment or decrement would overflow",
    ))?;
    slot.set_integer(new)?;
    slot.notify(EventClass::STRING, "incrby");
    reply.integer(new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn incr_and_kin_count() {
        check(
            r#"
            > SETEX k 10 5 => OK
            > INCR k => (integer) 6
            > :expires k => 1010000
            > :sent => INCR k
            > INCRBY k -7 => (integer) -1
            > DECRBY k -1 => (integer) 0
            > INCRBY k 0 => (integer) 0
            > :changes => 1
            > DECR n => (integer) -1
            > :encoding n => int
            "#,
        );
    }

    #[test]
    fn incr_and_kin_refuse() {
        check(
            r#"
            > SET k 9223372036854775807 => OK
            > INCR k => (error) ERR increment or decrement would overflow
            > DECRBY k -1 => (error) ERR increment or decrement would overflow
            > DECRBY k -9223372036854775808 => (error) ERR decrement would overflow
            > INCRBY k 1.5 => (error) ERR value is not an integer or out of range
            > SET k "1 " => OK
            > INCR k => (error) ERR value is not an integer or out of range
            > SET k 01 => OK
            > INCR k => (error) ERR value is not an integer or out of range
            > SET k 9223372036854775808 => OK
            > DECR k => (error) ERR value is not an integer or out of range
            "#,
        );
    }
}
