//! `DBSIZE` answers the number of keys in the database, those among them whose time has come but that nobody has
//! met since.
//!
//! ```text
//! > SET a 1
//! OK
//! > DBSIZE
//! (integer) 1
//! ```

use perilune_command::{Category, Command, DataHandler, Flags, Group, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

/// DBSIZE.
pub const DBSIZE: Command = Command::new(
    Spec {
        name: "dbsize",
        summary: "Returns the number of keys in the database.",
        group: Group::Server,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: Flags::FAST,
        categories: Category::KEYSPACE,
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(dbsize),
);

fn dbsize(txn: &mut ReadTxn<'_, '_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    reply.integer(i64::try_from(txn.len()).unwrap_or(i64::MAX));
    Ok(())
}
