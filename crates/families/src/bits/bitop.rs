//! `BITOP AND | OR | XOR | NOT destkey key [key ...]` combines strings bit by bit, stores the result, which is as long
//! as the longest, and answers its length. Shorter strings go on with zeros. Where all are empty, `destkey` is deleted.
//!
//! ```text
//! > MSET a abc b "\xff\x0f"
//! OK
//! > BITOP AND d a b
//! (integer) 3
//! > GET d
//! "a\x02\x00"
//! > BITOP NOT d d
//! (integer) 3
//! > GET d
//! "\x9e\xfd\xff"
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
    errors, is_token,
};
use perilune_keyspace::{EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{BitOperation, Text, combine};

/// BITOP.
pub const BITOP: Command = Command::new(
    Spec {
        name: "bitop",
        summary: "Performs bitwise operations on multiple strings, and stores the result.",
        group: Group::Bitmap,
        since: "2.6.0",
        complexity: "O(N)",
        arity: -4,
        flags: Flags::DENYOOM,
        keys: &[
            KeySpec::one(2, KeyFlags::OW.with(KeyFlags::UPDATE)),
            KeySpec::range(3, -1, 1, KeyFlags::RO.with(KeyFlags::ACCESS)),
        ],
        arguments: &[
            Arg::one_of(
                "operation",
                &[
                    Arg::word("and", "AND"),
                    Arg::word("or", "OR"),
                    Arg::word("xor", "XOR"),
                    Arg::word("not", "NOT"),
                ],
            ),
            Arg::key("destkey", 0),
            Arg::key("key", 1).multiple(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(bitop),
);

fn parse_operation(word: &[u8]) -> Result<BitOperation, CommandError> {
    let names = [
        ("AND", BitOperation::And),
        ("OR", BitOperation::Or),
        ("XOR", BitOperation::Xor),
        ("NOT", BitOperation::Not),
    ];
    let found = names.into_iter().find(|(name, _)| is_token(word, name));
    found.map(|(_, operation)| operation).ok_or(errors::SYNTAX)
}

fn bitop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let operation = parse_operation(arguments[1])?;
    let (destination, sources) = (arguments[2], &arguments[3..]);
    if operation == BitOperation::Not && sources.len() != 1 {
        return Err(
            CommandError::new("ERR BITOP NOT must be called with a single source key.").into(),
        );
    }
    let mut texts = Vec::with_capacity(sources.len());
    for found in txn.find_all_until(sources, |found| found.text().is_err())? {
        let text = found.map_or(Ok(Text::Bytes(b"")), |found| found.text())?;
        texts.push((text, itoa::Buffer::new()));
    }
    let bytes: Vec<&[u8]> = texts
        .iter_mut()
        .map(|(text, digits)| text.bytes(digits))
        .collect();
    let result = combine(operation, bytes.iter().copied());
    let len = result.len();
    let mut slot = txn.slot(destination)?;
    if len > 0 {
        slot.set_raw(result, Expiry::Clear)?;
        slot.notify(EventClass::STRING, "set");
    } else if slot.delete()? {
        slot.notify(EventClass::GENERIC, "del");
    }
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn strings_are_combined() {
        check(
            r#"
            > MSET a "\x0f\x01" b "\xf0" n 12 => OK
            > BITOP or d a b => (integer) 2
            > GET d => "\xff\x01"
            > :encoding d => raw
            > BITOP XOR d a a => (integer) 2
            > GET d => "\x00\x00"
            > BITOP AND d a nothing => (integer) 2
            > GET d => "\x00\x00"
            > BITOP NOT d n => (integer) 2
            > GET d => "\xce\xcd"
            > SETEX d 10 v => OK
            > BITOP OR d d => (integer) 1
            > GET d => "v"
            > :expires d => never
            > BITOP OR d nothing nowhere => (integer) 0
            > :changes => 1
            > GET d => (nil)
            > BITOP OR d nothing => (integer) 0
            > :changes => 0
            "#,
        );
    }

    #[test]
    fn bitop_refuses() {
        check(
            r#"
            > BITOP FOO d a => (error) ERR syntax error
            > BITOP NOT d a b => (error) ERR BITOP NOT must be called with a single source key.
            > BITOP AND d => (error) ERR wrong number of arguments for 'bitop' command
            "#,
        );
    }

    #[test]
    fn events() {
        check(
            r#"
            > BITOP NOT a none => (integer) 0
            > :events => m keymiss none
            > SETBIT a 7 1 => (integer) 0
            > :events
            n new a
            $ setbit a
            > SETBIT a 7 1 => (integer) 1
            > :events
            > BITFIELD a SET u8 0 1 => 1) (integer) 1
            > :events
            > BITFIELD a SET u8 0 2 => 1) (integer) 1
            > :events => $ setbit a
            > BITOP NOT b a => (integer) 1
            > :events
            n new b
            $ set b
            > BITOP NOT b none => (integer) 0
            > :events
            m keymiss none
            g del b
            "#,
        );
    }

    #[test]
    fn a_key_behind_one_of_the_wrong_type_is_not_looked_up() {
        check(
            r#"
            > SADD s a => (integer) 1
            > BITOP OR d none s other => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > :events => m keymiss none
            "#,
        );
    }
}
