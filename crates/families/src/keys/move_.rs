//! `MOVE key db` moves a key to another database, with its expiry, and answers whether it did: not where there is
//! no such key, or where the other database has one of that name.
//!
//! ```text
//! > SET a 1
//! OK
//! > MOVE a 5
//! (integer) 1
//! > EXISTS a
//! (integer) 0
//! ```

use perilune_command::{Arg, Category, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;

use super::database::database;

/// MOVE.
pub const MOVE: Command = Command::new(
    Spec {
        name: "move",
        summary: "Moves a key to another database.",
        group: Group::Generic,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::FAST,
        categories: Category::KEYSPACE,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE))],
        arguments: &[Arg::key("key", 0), Arg::integer("db")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(move_),
);

fn move_(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let key = arguments[1];
    let database = database(arguments[2], txn)?;
    if database == txn.database() {
        return Err(errors::SAME_OBJECT.into());
    }
    let is_moved = txn.peek(key)?.is_some() && txn.peek_in(database, key)?.is_none();
    if is_moved {
        txn.relocate(key, database, key)?;
    }
    reply.integer(i64::from(is_moved));
    Ok(())
}
