//! `GETSET key value` sets a key and answers the string that it held, or null.
//!
//! ```text
//! > GETSET counter 5
//! (nil)
//! > GETSET counter 0
//! "5"
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;

use super::reply_text;

/// GETSET.
pub const GETSET: Command = Command::new(
    Spec {
        name: "getset",
        summary: "Returns the previous string value of a key after setting it to a new value.",
        group: Group::String,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )],
        arguments: &[Arg::key("key", 0), Arg::string("value")],
        deprecated: Some(("6.2.0", "`SET` with the `!GET` argument")),
        ..Spec::DEFAULT
    },
    DataHandler::Write(getset),
);

fn getset(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (key, value) = (arguments[1], arguments[2]);
    let mut slot = txn.slot(key)?;
    slot.count_lookup();
    let old = slot.text()?.is_some().then(|| slot.copy());
    slot.set(value, Expiry::Clear)?;
    slot.notify(EventClass::STRING, "set");
    txn.propagate(&[b"SET".as_slice(), key, value]);
    reply_text(old.as_ref().and_then(|old| old.text()), reply);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn getset_is_set_elsewhere() {
        check(
            r#"
            > SETEX k 10 v => OK
            > GETSET k w => "v"
            > :expires k => never
            > :sent => SET k w
            "#,
        );
    }
}
