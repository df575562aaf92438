//! `COPY source destination [DB destination-db] [REPLACE]` copies a value, with its expiry, and answers whether it did:
//! not where there is no source, or where there is a destination already and REPLACE is not given.
//!
//! ```text
//! > SET a 1
//! OK
//! > COPY a b
//! (integer) 1
//! > COPY a b
//! (integer) 0
//! ```

use perilune_command::{
    Arg, Arguments, Category, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec,
    Outcome, Spec, errors, is_token,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;

use super::database::database;

/// COPY.
pub const COPY: Command = Command::new(
    Spec {
        name: "copy",
        summary: "Copies the value of a key to a new key.",
        group: Group::Generic,
        since: "6.2.0",
        complexity: "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
        arity: -3,
        flags: Flags::DENYOOM,
        categories: Category::KEYSPACE,
        keys: &[
            KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS)),
            KeySpec::one(2, KeyFlags::OW.with(KeyFlags::UPDATE)),
        ],
        arguments: &[
            Arg::key("source", 0),
            Arg::key("destination", 1),
            Arg::integer("destination-db").after("DB").optional(),
            Arg::word("replace", "REPLACE").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(copy),
);

struct Options {
    database: usize,
    replace: bool,
}

impl Options {
    fn parse(mut arguments: Arguments<'_>, txn: &WriteTxn<'_, '_>) -> Result<Self, CommandError> {
        let mut options = Self {
            database: txn.database(),
            replace: false,
        };
        while let Some(option) = arguments.next() {
            match () {
                () if is_token(option, "REPLACE") => options.replace = true,
                () if is_token(option, "DB") => {
                    options.database = database(arguments.required()?, txn)?
                }
                () => return Err(errors::SYNTAX),
            }
        }
        Ok(options)
    }
}

fn copy(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (source, destination) = (arguments[1], arguments[2]);
    let Options { database, replace } = Options::parse(Arguments::from(arguments, 3), txn)?;
    if database == txn.database() && source == destination {
        return Err(errors::SAME_OBJECT.into());
    }
    // what stands in the way has been looked at to be written
    let is_copied =
        txn.find(source)?.is_some() && (!txn.slot_in(database, destination)?.exists() || replace);
    if is_copied {
        let value = txn.slot(source)?.copy();
        let mut slot = txn.slot_in(database, destination)?;
        slot.put(value)?;
        slot.notify(EventClass::GENERIC, "copy_to");
    }
    reply.integer(i64::from(is_copied));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_copy_has_value_and_expiry() {
        check(
            r#"
            > SET a 1 PX 100 => OK
            > COPY a b => (integer) 1
            > :changes => 1
            > :sent => COPY a b
            > :expires b => 1000100
            > SET c 2 => OK
            > COPY a c => (integer) 0
            > COPY a c REPLACE => (integer) 1
            > GET c => "1"
            > COPY a a DB 1 DB 2 => (integer) 1
            > COPY a a REPLACE DB 2 => (integer) 1
            > :select 2
            > GET a => "1"
            > COPY nothing b => (integer) 0
            "#,
        );
    }

    #[test]
    fn errors_come_from_left_to_right() {
        check(
            "
            > COPY a b DB 99 foo => (error) ERR DB index is out of range
            > COPY a b foo DB 99 => (error) ERR syntax error
            > COPY a b DB -1 => (error) ERR DB index is out of range
            > COPY a b DB x => (error) ERR value is not an integer or out of range
            > COPY a b DB 2147483648 => (error) ERR value is out of range, value must between -2147483648 and 2147483647
            > COPY a b DB => (error) ERR syntax error
            > COPY a a DB 0 => (error) ERR source and destination objects are the same
            ",
        );
    }

    #[test]
    fn events() {
        check(
            r#"
            > COPY a b => (integer) 0
            > :events => m keymiss a
            > SET a 1 => OK
            > COPY a b => (integer) 1
            > :events
            n new b
            g copy_to b
            > COPY a b REPLACE DB 2 => (integer) 1
            > :events
            n new b 2
            g copy_to b 2
            > COPY a b => (integer) 0
            > :events
            > COPY a b REPLACE => (integer) 1
            > :events
            n new b
            g copy_to b
            "#,
        );
    }
}
