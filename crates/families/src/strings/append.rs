//! `APPEND key value` adds to the end of a string; a key that does not exist is an empty one. Answers its new length.
//!
//! ```text
//! > APPEND greeting hello
//! (integer) 5
//! > APPEND greeting " world"
//! (integer) 11
//! > GET greeting
//! "hello world"
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;

use super::check_string_len;

/// APPEND.
pub const APPEND: Command = Command::new(
    Spec {
        name: "append",
        summary: "Appends a string to the value of a key. Creates the key if it doesn't exist.",
        group: Group::String,
        since: "2.0.0",
        complexity: "O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by the server will double the free space available on every reallocation.",
        arity: 3,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))],
        arguments: &[Arg::key("key", 0), Arg::string("value")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(append),
);

fn append(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let value = arguments[2];
    let len_max = txn.string_len_max();
    let mut slot = txn.slot(arguments[1])?;
    let len = match slot.text()?.map(|text| text.len()) {
        Some(len) => {
            check_string_len(len, value.len(), len_max)?;
            slot.append(value)?
        }
        None => {
            slot.set(value, Expiry::Clear)?;
            value.len()
        }
    };
    slot.notify(EventClass::STRING, "append");
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn append_makes_a_raw_string_of_what_there_was() {
        check(
            r#"
            > APPEND k 12 => (integer) 2
            > :encoding k => int
            > APPEND k "" => (integer) 2
            > :changes => 1
            > :encoding k => raw
            > APPEND k 3 => (integer) 3
            > GET k => "123"
            > INCR k => (integer) 124
            > :encoding k => int
            > SETEX k 10 v => OK
            > APPEND k w => (integer) 2
            > :expires k => 1010000
            > APPEND n "" => (integer) 0
            > GET n => ""
            "#,
        );
    }

    #[test]
    fn append_is_limited() {
        check(
            r#"
            > :string-max 5
            > APPEND k 12345 => (integer) 5
            > APPEND k 6 => (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
            > APPEND k "" => (integer) 5
            "#,
        );
    }

    #[test]
    fn events_of_those_that_edit() {
        check(
            r#"
            > APPEND k a => (integer) 1
            > :events
            n new k
            $ append k
            > SETRANGE k 1 "" => (integer) 1
            > :events
            > SETRANGE k 0 5 => (integer) 1
            > :events => $ setrange k
            > INCR k => (integer) 6
            > :events => $ incrby k
            > DECRBY k 2 => (integer) 4
            > :events => $ incrby k
            > INCRBYFLOAT k 0.5 => "4.5"
            > :events => $ incrbyfloat k
            > GETSET k 1 => "4.5"
            > :events => $ set k
            > GETDEL k => "1"
            > :events => g del k
            > SETNX k 1 => (integer) 1
            > :events
            n new k
            $ set k
            > SETEX k 10 1 => OK
            > :events
            $ set k
            g expire k
            "#,
        );
    }
}
