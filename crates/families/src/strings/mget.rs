//! `MGET key [key ...]` answers the strings that keys hold, null for those that hold none or another type.
//!
//! ```text
//! > MSET a 1 b 2
//! OK
//! > MGET a nothing b
//! 1) "1"
//! 2) (nil)
//! 3) "2"
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

use super::reply_text;

/// MGET.
pub const MGET: Command = Command::new(
    Spec {
        name: "mget",
        summary: "Atomically returns the string values of one or more keys.",
        group: Group::String,
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys to retrieve.",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::range(
            1,
            -1,
            1,
            KeyFlags::RO.with(KeyFlags::ACCESS),
        )],
        arguments: &[Arg::key("key", 0).multiple()],
        tips: &["request_policy:multi_shard"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(mget),
);

fn mget(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let found = txn.find_all(&arguments[1..])?;
    reply.array(found.len());
    for found in found {
        reply_text(found.and_then(|found| found.text().ok()), reply);
    }
    Ok(())
}
