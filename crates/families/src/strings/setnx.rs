//! `SETNX key value` sets a key that does not exist. Answers whether it did.
//!
//! ```text
//! > SETNX k v
//! (integer) 1
//! > SETNX k w
//! (integer) 0
//! > GET k
//! "v"
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;

/// SETNX.
pub const SETNX: Command = Command::new(
    Spec {
        name: "setnx",
        summary: "Set the string value of a key only when the key doesn't exist.",
        group: Group::String,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::OW.with(KeyFlags::INSERT))],
        arguments: &[Arg::key("key", 0), Arg::string("value")],
        deprecated: Some(("2.6.12", "`SET` with the `NX` argument")),
        ..Spec::DEFAULT
    },
    DataHandler::Write(setnx),
);

fn setnx(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut slot = txn.slot(arguments[1])?;
    let is_new = !slot.exists();
    if is_new {
        slot.set(arguments[2], Expiry::Clear)?;
        slot.notify(EventClass::STRING, "set");
    }
    reply.integer(i64::from(is_new));
    Ok(())
}
