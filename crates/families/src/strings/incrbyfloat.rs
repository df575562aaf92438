//! `INCRBYFLOAT key increment` adds to a number and answers it. A key that does not exist is 0.
//!
//! ```text
//! > INCRBYFLOAT price 10.5
//! "10.5"
//! > INCRBYFLOAT price 0.1
//! "10.6"
//! > INCRBYFLOAT price -1.0e-1
//! "10.5"
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
};
use perilune_keyspace::{EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Extended, Text};

/// INCRBYFLOAT.
pub const INCRBYFLOAT: Command = Command::new(
    Spec {
        name: "incrbyfloat",
        summary: "Increment the floating point value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
        group: Group::String,
        since: "2.6.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )],
        arguments: &[Arg::key("key", 0), Arg::double("increment")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(incrbyfloat),
);

fn incrbyfloat(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let key = arguments[1];
    let mut slot = txn.slot(key)?;
    let old = match slot.text()? {
        Some(Text::Int(integer)) => Extended::from(integer),
        Some(Text::Bytes(bytes)) => Extended::parse(bytes).ok_or(errors::NOT_FLOAT)?,
        None => Extended::from(0),
    };
    let increment = Extended::parse(arguments[2]).ok_or(errors::NOT_FLOAT)?;
    let sum = old
        .checked_add(increment)
        .ok_or(CommandError::new(
            "ERR increment would produce NaN or Infinity",
        ))?
        .to_string();
    slot.set_text(sum.as_bytes(), Expiry::Keep)?;
    slot.notify(EventClass::STRING, "incrbyfloat");
    // the sum, so that no other arithmetic can disagree with it
    txn.propagate(&[b"SET".as_slice(), key, sum.as_bytes(), b"KEEPTTL"]);
    reply.bulk(sum.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn incrbyfloat_adds_as_people_expect() {
        check(
            r#"
            > SETEX k 10 0.1 => OK
            > INCRBYFLOAT k 0.2 => "0.3"
            > :sent => SET k 0.3 KEEPTTL
            > :expires k => 1010000
            > INCRBYFLOAT k 0.7 => "1"
            > :encoding k => embstr
            > INCRBYFLOAT n 1.23e-3 => "0.00123"
            > SET k 9007199254740993 => OK
            > INCRBYFLOAT k 1 => "9007199254740994"
            > SET k 3.0e3 => OK
            > INCRBYFLOAT k 0x10 => "3016"
            > INCRBYFLOAT k -3016 => "0"
            "#,
        );
    }

    #[test]
    fn incrbyfloat_refuses() {
        check(
            r#"
            > SET k " 1" => OK
            > INCRBYFLOAT k 1 => (error) ERR value is not a valid float
            > SET k 1 => OK
            > INCRBYFLOAT k one => (error) ERR value is not a valid float
            > INCRBYFLOAT k nan => (error) ERR value is not a valid float
            > INCRBYFLOAT k +inf => (error) ERR increment would produce NaN or Infinity
            > SET k -inf => OK
            > INCRBYFLOAT k inf => (error) ERR increment would produce NaN or Infinity
            "#,
        );
    }
}
