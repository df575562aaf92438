//! `STRLEN key` answers the length of a string in bytes, 0 for a key that does not exist.
//!
//! ```text
//! > SET greeting hello
//! OK
//! > STRLEN greeting
//! (integer) 5
//! > STRLEN nothing
//! (integer) 0
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

/// STRLEN.
pub const STRLEN: Command = Command::new(
    Spec {
        name: "strlen",
        summary: "Returns the length of a string value.",
        group: Group::String,
        since: "2.2.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0)],
        ..Spec::DEFAULT
    },
    DataHandler::Read(strlen),
);

fn strlen(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let len = match txn.find(arguments[1])? {
        Some(found) => found.text()?.len(),
        None => 0,
    };
    reply.integer(len as i64);
    Ok(())
}
