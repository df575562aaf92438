//! `GETDEL key` deletes a key and answers the string that it held, or null.
//!
//! ```text
//! > SET token abc
//! OK
//! > GETDEL token
//! "abc"
//! > GETDEL token
//! (nil)
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;

use super::reply_text;

/// GETDEL.
pub const GETDEL: Command = Command::new(
    Spec {
        name: "getdel",
        summary: "Returns the string value of a key after deleting the key.",
        group: Group::String,
        since: "6.2.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[Arg::key("key", 0)],
        ..Spec::DEFAULT
    },
    DataHandler::Write(getdel),
);

fn getdel(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut slot = txn.slot(arguments[1])?;
    slot.count_lookup();
    if slot.text()?.is_none() {
        reply.null();
        return Ok(());
    }
    let value = slot.take()?;
    slot.notify(EventClass::GENERIC, "del");
    txn.propagate(&[b"DEL".as_slice(), arguments[1]]);
    reply_text(value.text(), reply);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn getdel_is_del_elsewhere() {
        check(
            r#"
            > SET k 5 => OK
            > GETDEL k => "5"
            > :sent => DEL k
            > GETDEL k => (nil)
            > :changes => 0
            "#,
        );
    }
}
