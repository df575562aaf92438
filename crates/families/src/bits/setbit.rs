//! `SETBIT key offset value` sets a bit of a string to 0 or 1 and answers what it was. The string grows with zeros
//! where it is too short.
//!
//! ```text
//! > SETBIT flags 7 1
//! (integer) 0
//! > SETBIT flags 7 0
//! (integer) 1
//! > GET flags
//! "\x00"
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;

use super::offset::bit_offset;

/// SETBIT.
pub const SETBIT: Command = Command::new(
    Spec {
        name: "setbit",
        summary: "Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.",
        group: Group::Bitmap,
        since: "2.2.0",
        complexity: "O(1)",
        arity: 4,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("offset"),
            Arg::integer("value"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(setbit),
);

fn setbit(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let offset = bit_offset(arguments[2], txn.string_len_max())?;
    let bit = match arguments[3] {
        b"0" => false,
        b"1" => true,
        _ => return Err(CommandError::new("ERR bit is not an integer or out of range").into()),
    };
    let (at, mask) = ((offset / 8) as usize, 128 >> (offset % 8));
    let mut slot = txn.slot(arguments[1])?;
    let mut digits = itoa::Buffer::new();
    let old_byte = slot
        .text()?
        .and_then(|text| text.bytes(&mut digits).get(at).copied());
    let old = old_byte.unwrap_or(0) & mask != 0;
    // a bit that has its value already is no change, unless the string grows
    if old != bit || old_byte.is_none() {
        slot.edit_bytes(at + 1, |bytes| {
            if bit {
                bytes[at] |= mask
            } else {
                bytes[at] &= !mask
            }
        })?;
        slot.notify(EventClass::STRING, "setbit");
    } else {
        slot.edit_nothing(0)?;
    }
    reply.integer(i64::from(old));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn only_what_changes_something_counts() {
        check(
            r#"
            > SETBIT k 15 0 => (integer) 0
            > :changes => 1
            > GET k => "\x00\x00"
            > :encoding k => raw
            > SETBIT k 15 0 => (integer) 0
            > :changes => 0
            > SETBIT k 15 1 => (integer) 0
            > SETBIT k 15 1 => (integer) 1
            > :changes => 0
            > SETBIT k 16 0 => (integer) 0
            > :changes => 1
            > SETEX k 10 1 => OK
            > SETBIT k 6 1 => (integer) 0
            > GET k => "3"
            > :encoding k => raw
            > :expires k => 1010000
            > SET k 5 => OK
            > SETBIT k 0 0 => (integer) 0
            > :changes => 0
            > :encoding k => raw
            "#,
        );
    }

    #[test]
    fn setbit_refuses() {
        check(
            r#"
            > SETBIT k 0 2 => (error) ERR bit is not an integer or out of range
            > SETBIT k 0 x => (error) ERR bit is not an integer or out of range
            > SETBIT k x 2 => (error) ERR bit offset is not an integer or out of range
            > SETBIT k 4294967296 1 => (error) ERR bit offset is not an integer or out of range
            > :string-max 2
            > SETBIT k 16 1 => (error) ERR bit offset is not an integer or out of range
            > SETBIT k 15 1 => (integer) 0
            "#,
        );
    }
}
