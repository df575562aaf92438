//! `RANDOMKEY` answers the name of some key of the database, each with about the same probability, or null.
//!
//! ```text
//! > SET a 1
//! OK
//! > RANDOMKEY
//! "a"
//! ```

use perilune_command::{Category, Command, DataHandler, Group, Outcome, PlanKind, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

/// RANDOMKEY.
pub const RANDOMKEY: Command = Command::new(
    Spec {
        name: "randomkey",
        summary: "Returns a random key name from the database.",
        group: Group::Generic,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 1,
        categories: Category::KEYSPACE,
        tips: &[
            "request_policy:all_shards",
            "response_policy:special",
            "nondeterministic_output",
        ],
        plan: PlanKind::Walk,
        ..Spec::DEFAULT
    },
    DataHandler::Read(randomkey),
);

fn randomkey(txn: &mut ReadTxn<'_, '_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    match txn.random_key()? {
        Some(key) => reply.bulk(&key),
        None => reply.null(),
    }
    Ok(())
}
