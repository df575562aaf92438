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

use perilune_command::{
    Arg, Category, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
};
use perilune_keyspace::{EventClass, WriteTxn};
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
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )],
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
    let is_moved = txn.slot(key)?.exists() && !txn.slot_in(database, key)?.exists();
    if is_moved {
        txn.relocate(key, database, key)?;
        txn.notify(EventClass::GENERIC, "move_from", key);
        txn.notify_in(database, EventClass::GENERIC, "move_to", key);
    }
    reply.integer(i64::from(is_moved));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_moved_key_keeps_its_expiry() {
        check(
            r#"
            > SET a 1 PX 100 => OK
            > MOVE a 3 => (integer) 1
            > :changes => 1
            > :sent => MOVE a 3
            > MOVE a 3 => (integer) 0
            > SET a 2 => OK
            > MOVE a 3 => (integer) 0
            > :select 3
            > GET a => "1"
            > :expires a => 1000100
            "#,
        );
    }

    #[test]
    fn the_other_database_must_be_another() {
        check(
            "
            > MOVE nothing 0 => (error) ERR source and destination objects are the same
            > MOVE nothing x => (error) ERR value is not an integer or out of range
            > MOVE nothing 16 => (error) ERR DB index is out of range
            > MOVE nothing -1 => (error) ERR DB index is out of range
            > MOVE nothing 99999999999 => (error) ERR value is out of range, value must between -2147483648 and 2147483647
            ",
        );
    }

    #[test]
    fn events() {
        check(
            r#"
            > MOVE a 1 => (integer) 0
            > :events
            > SET a 1 => OK
            > MOVE a 1 => (integer) 1
            > :events
            n new a 1
            g move_from a
            g move_to a 1
            "#,
        );
    }
}
