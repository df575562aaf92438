//! `GET key` answers the string that a key holds, or null.
//!
//! ```text
//! > SET greeting hello
//! OK
//! > GET greeting
//! "hello"
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

use super::reply_text;

/// GET.
pub const GET: Command = Command::new(
    Spec {
        name: "get",
        summary: "Returns the string value of a key.",
        group: Group::String,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0)],
        ..Spec::DEFAULT
    },
    DataHandler::Read(get),
);

fn get(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let text = txn
        .find(arguments[1])?
        .map(|found| found.text())
        .transpose()?;
    reply_text(text, reply);
    Ok(())
}
