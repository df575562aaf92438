//! `RENAME key newkey` gives a value another name, with its expiry; what `newkey` held is gone.
//! `RENAMENX key newkey` does so only if there is no `newkey`, and answers whether it did.
//!
//! ```text
//! > SET a 1
//! OK
//! > RENAME a b
//! OK
//! > RENAMENX b c
//! (integer) 1
//! ```

use perilune_command::{
    Arg, Category, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
};
use perilune_keyspace::{Abort, EventClass, WriteTxn};
use perilune_resp::Reply;

/// RENAME.
pub const RENAME: Command = Command::new(
    Spec {
        name: "rename",
        summary: "Renames a key and overwrites the destination.",
        group: Group::Generic,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 3,
        categories: Category::KEYSPACE,
        keys: &[
            KeySpec::one(
                1,
                KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
            ),
            KeySpec::one(2, KeyFlags::OW.with(KeyFlags::UPDATE)),
        ],
        arguments: &[Arg::key("key", 0), Arg::key("newkey", 1)],
        ..Spec::DEFAULT
    },
    DataHandler::Write(rename),
);

/// RENAMENX.
pub const RENAMENX: Command = Command::new(
    Spec {
        name: "renamenx",
        summary: "Renames a key only when the target key name doesn't exist.",
        group: Group::Generic,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::FAST,
        categories: Category::KEYSPACE,
        keys: &[
            KeySpec::one(
                1,
                KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
            ),
            KeySpec::one(2, KeyFlags::OW.with(KeyFlags::INSERT)),
        ],
        arguments: &[Arg::key("key", 0), Arg::key("newkey", 1)],
        history: &[(
            "3.2.0",
            "The command no longer returns an error when source and destination names are the same.",
        )],
        ..Spec::DEFAULT
    },
    DataHandler::Write(renamenx),
);

fn rename(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (key, new_key) = (arguments[1], arguments[2]);
    if !txn.slot(key)?.exists() {
        return Err(errors::NO_SUCH_KEY.into());
    }
    if key != new_key {
        relocate(txn, key, new_key)?;
    }
    reply.ok();
    Ok(())
}

fn renamenx(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (key, new_key) = (arguments[1], arguments[2]);
    if !txn.slot(key)?.exists() {
        return Err(errors::NO_SUCH_KEY.into());
    }
    // the same name is one that exists
    let is_free = !txn.slot(new_key)?.exists();
    if is_free {
        relocate(txn, key, new_key)?;
    }
    reply.integer(i64::from(is_free));
    Ok(())
}

fn relocate(txn: &mut WriteTxn<'_, '_>, key: &[u8], new_key: &[u8]) -> Result<(), Abort> {
    txn.relocate(key, txn.database(), new_key)?;
    txn.notify(EventClass::GENERIC, "rename_from", key);
    txn.notify(EventClass::GENERIC, "rename_to", new_key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_value_takes_its_expiry_along_and_that_is_one_change() {
        check(
            r#"
            > SET a 1 PX 100 => OK
            > SET b 2 => OK
            > RENAME a b => OK
            > :changes => 1
            > :sent => RENAME a b
            > :expires b => 1000100
            > :expires a => no such key
            > GET b => "1"
            > RENAMENX b c => (integer) 1
            > :changes => 1
            > :expires c => 1000100
            > SET d 4 => OK
            > RENAMENX c d => (integer) 0
            > :changes => 0
            "#,
        );
    }

    #[test]
    fn its_own_name_changes_nothing() {
        check(
            "
            > RENAME a a => (error) ERR no such key
            > RENAMENX a b => (error) ERR no such key
            > SET a 1 => OK
            > RENAME a a => OK
            > :sent
            > RENAMENX a a => (integer) 0
            > :sent
            ",
        );
    }

    #[test]
    fn events() {
        check(
            r#"
            > MSET a 1 b 2 => OK
            > :events
            n new a
            $ set a
            n new b
            $ set b
            > RENAME a b => OK
            > :events
            n new b
            g rename_from a
            g rename_to b
            > RENAMENX b c => (integer) 1
            > :events
            n new c
            g rename_from b
            g rename_to c
            > RENAME c c => OK
            > :events
            "#,
        );
    }
}
