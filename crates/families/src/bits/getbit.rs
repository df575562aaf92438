//! `GETBIT key offset` answers a bit of a string: 0 behind its end.
//!
//! ```text
//! > SETBIT flags 7 1
//! (integer) 0
//! > GETBIT flags 7
//! (integer) 1
//! > GETBIT flags 1000
//! (integer) 0
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

use super::offset::bit_offset;

/// GETBIT.
pub const GETBIT: Command = Command::new(
    Spec {
        name: "getbit",
        summary: "Returns a bit value by offset.",
        group: Group::Bitmap,
        since: "2.2.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0), Arg::integer("offset")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(getbit),
);

fn getbit(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let offset = bit_offset(arguments[2], txn.string_len_max())?;
    let is_set = match txn.find(arguments[1])? {
        Some(found) => {
            let (text, mut digits) = (found.text()?, itoa::Buffer::new());
            text.bytes(&mut digits)
                .get((offset / 8) as usize)
                .is_some_and(|byte| byte & (128 >> (offset % 8)) != 0)
        }
        None => false,
    };
    reply.integer(i64::from(is_set));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn bits_are_read_from_the_highest_on() {
        check(
            r#"
            > SET k "`" => OK
            > GETBIT k 0 => (integer) 0
            > GETBIT k 1 => (integer) 1
            > GETBIT k 2 => (integer) 1
            > GETBIT k 8 => (integer) 0
            > SET k 12 => OK
            > GETBIT k 2 => (integer) 1
            > GETBIT nothing 0 => (integer) 0
            > GETBIT k -1 => (error) ERR bit offset is not an integer or out of range
            > GETBIT k 4294967296 => (error) ERR bit offset is not an integer or out of range
            > GETBIT k 4294967295 => (integer) 0
            > GETBIT k #1 => (error) ERR bit offset is not an integer or out of range
            "#,
        );
    }
}
