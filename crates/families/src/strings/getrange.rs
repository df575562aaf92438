//! `GETRANGE key start end` answers the bytes of a string from `start` to `end`, both included; negative ones count
//! from its end. `SUBSTR` is its old name.
//!
//! ```text
//! > SET greeting "hello world"
//! OK
//! > GETRANGE greeting 0 4
//! "hello"
//! > GETRANGE greeting -5 -1
//! "world"
//! > SUBSTR greeting 20 30
//! ""
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, integer,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

/// GETRANGE.
pub const GETRANGE: Command = Command::new(
    Spec {
        name: "getrange",
        summary: "Returns a substring of the string stored at a key.",
        group: Group::String,
        since: "2.4.0",
        complexity: "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.",
        arity: 4,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("start"),
            Arg::integer("end"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(getrange),
);

/// SUBSTR.
pub const SUBSTR: Command = Command::new(
    Spec {
        name: "substr",
        summary: "Returns a substring from a string value.",
        group: Group::String,
        since: "1.0.0",
        complexity: "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.",
        arity: 4,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("start"),
            Arg::integer("end"),
        ],
        deprecated: Some(("2.0.0", "`GETRANGE`")),
        ..Spec::DEFAULT
    },
    DataHandler::Read(getrange),
);

fn getrange(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (start, end) = (integer(arguments[2])?, integer(arguments[3])?);
    let Some(found) = txn.find(arguments[1])? else {
        reply.bulk(b"");
        return Ok(());
    };
    let (text, mut digits) = (found.text()?, itoa::Buffer::new());
    reply.bulk(range(text.bytes(&mut digits), start, end));
    Ok(())
}

/// The bytes from `start` to `end`, both included.
fn range(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let len = bytes.len() as i64;
    let from_start = |index: i64| {
        if index < 0 {
            (len + index).max(0)
        } else {
            index
        }
    };
    let (start, end) = (from_start(start), from_start(end).min(len - 1));
    if start > end {
        b""
    } else {
        &bytes[start as usize..=end as usize]
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn ranges() {
        check(
            r#"
            > SET k 12345 => OK
            > GETRANGE k 0 -1 => "12345"
            > GETRANGE k 1 3 => "234"
            > GETRANGE k -3 -2 => "34"
            > GETRANGE k -2 -3 => ""
            > GETRANGE k 3 1 => ""
            > GETRANGE k -100 100 => "12345"
            > GETRANGE k -100 -99 => "1"
            > GETRANGE k 0 -100 => "1"
            > GETRANGE k 5 5 => ""
            > GETRANGE k -9223372036854775808 9223372036854775807 => "12345"
            > GETRANGE nothing 0 -1 => ""
            > SET e "" => OK
            > GETRANGE e 0 -1 => ""
            > GETRANGE k 0 x => (error) ERR value is not an integer or out of range
            > GETRANGE k 9223372036854775808 0 => (error) ERR value is not an integer or out of range
            "#,
        );
    }
}
