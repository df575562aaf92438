//! `LSET key index element` puts an element in the place of the one at an index; negative ones count from the tail.
//!
//! ```text
//! > RPUSH l a b c
//! (integer) 3
//! > LSET l -1 z
//! OK
//! > LINDEX l 2
//! "z"
//! > LSET l 3 z
//! (error) ERR index out of range
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
    errors, integer,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Edit, List};

/// LSET.
pub const LSET: Command = Command::new(
    Spec {
        name: "lset",
        summary: "Sets the value of an element in a list by its index.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).",
        arity: 4,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("index"),
            Arg::string("element"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(lset),
);

fn lset(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut slot = txn.slot(arguments[1])?;
    if slot.collection::<List>()?.is_none() {
        return Err(errors::NO_SUCH_KEY.into());
    }
    let index = integer(arguments[2])?;
    if !slot.edit(|list: &mut Edit<'_, List>| list.set(index, arguments[3]))? {
        return Err(CommandError::new("ERR index out of range").into());
    }
    slot.notify(EventClass::LIST, "lset");
    reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn sets_elements() {
        check(
            r#"
            > RPUSH l a b c => (integer) 3
            > LSET l 0 12 => OK
            > :events => l lset l
            > :changes => 1
            > LSET l -3 13 => OK
            > LRANGE l 0 -1
            1) "13"
            2) "b"
            3) "c"
            > LSET l -4 x => (error) ERR index out of range
            > LSET l 3 x => (error) ERR index out of range
            > LSET l 9223372036854775807 x => (error) ERR index out of range
            > LSET l -9223372036854775808 x => (error) ERR index out of range
            > LSET l x x => (error) ERR value is not an integer or out of range
            > LSET none x x => (error) ERR no such key
            > SET s 1 => OK
            > LSET s x x => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn an_index_is_no_smaller_than_it_is() {
        // in the reference it is cut down to 32 bits
        check(
            "
            > RPUSH l a => (integer) 1
            > LSET l 4294967296 x => (error) ERR index out of range
            ",
        );
    }
}
