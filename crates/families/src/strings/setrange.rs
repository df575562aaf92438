//! `SETRANGE key offset value` writes over a part of a string, which grows with zeros where it is too short. Answers
//! its new length. An empty value changes nothing.
//!
//! ```text
//! > SET greeting "hello world"
//! OK
//! > SETRANGE greeting 6 moon!
//! (integer) 11
//! > GET greeting
//! "hello moon!"
//! > SETRANGE sparse 2 x
//! (integer) 3
//! > GET sparse
//! "\x00\x00x"
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
    integer,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;

use super::check_string_len;

/// SETRANGE.
pub const SETRANGE: Command = Command::new(
    Spec {
        name: "setrange",
        summary: "Overwrites a part of a string value with another by an offset. Creates the key if it doesn't exist.",
        group: Group::String,
        since: "2.2.0",
        complexity: "O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value argument.",
        arity: 4,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("offset"),
            Arg::string("value"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(setrange),
);

fn setrange(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let value = arguments[3];
    let offset = usize::try_from(integer(arguments[2])?)
        .map_err(|_| CommandError::new("ERR offset is out of range"))?;
    let len_max = txn.string_len_max();
    let mut slot = txn.slot(arguments[1])?;
    let len = slot.text()?.map_or(0, |text| text.len());
    if value.is_empty() {
        reply.integer(len as i64);
        return Ok(());
    }
    check_string_len(offset, value.len(), len_max)?;
    let end = offset + value.len();
    slot.edit_bytes(end, |bytes| bytes[offset..end].copy_from_slice(value))?;
    slot.notify(EventClass::STRING, "setrange");
    reply.integer(len.max(end) as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn setrange_writes_over_and_grows() {
        check(
            r#"
            > SETRANGE k 0 "" => (integer) 0
            > GET k => (nil)
            > SETRANGE k 1 ab => (integer) 3
            > GET k => "\x00ab"
            > SETRANGE k 1 "" => (integer) 3
            > :changes => 0
            > SET k 1234 => OK
            > SETRANGE k 1 x => (integer) 4
            > GET k => "1x34"
            > :encoding k => raw
            > SETRANGE k 1 x => (integer) 4
            > :changes => 1
            > SETEX k 10 v => OK
            > SETRANGE k 5 x => (integer) 6
            > :expires k => 1010000
            "#,
        );
    }

    #[test]
    fn setrange_refuses() {
        check(
            r#"
            > :string-max 10
            > SETRANGE k -1 "" => (error) ERR offset is out of range
            > SETRANGE k x v => (error) ERR value is not an integer or out of range
            > SETRANGE k 9223372036854775807 v => (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
            > SETRANGE k 9 ab => (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
            > SETRANGE k 8 ab => (integer) 10
            "#,
        );
    }
}
