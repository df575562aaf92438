//! `LTRIM key start stop` removes all elements of a list but those from `start` to `stop`, both included; negative ones
//! count from its tail.
//!
//! ```text
//! > RPUSH log a b c d
//! (integer) 4
//! > LTRIM log -3 -1
//! OK
//! > LRANGE log 0 -1
//! 1) "b"
//! 2) "c"
//! 3) "d"
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, integer,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Edit, List, range_of};

/// LTRIM.
pub const LTRIM: Command = Command::new(
    Spec {
        name: "ltrim",
        summary: "Removes elements from both ends a list. Deletes the list if all elements were trimmed.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements to be removed by the operation.",
        arity: 4,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("start"),
            Arg::integer("stop"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(ltrim),
);

fn ltrim(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (start, stop) = (integer(arguments[2])?, integer(arguments[3])?);
    let mut slot = txn.slot(arguments[1])?;
    if slot.collection::<List>()?.is_some() {
        slot.edit(|list: &mut Edit<'_, List>| list.keep(range_of(start, stop, list.len())))?;
        slot.notify(EventClass::LIST, "ltrim");
        if !slot.exists() {
            slot.notify(EventClass::GENERIC, "del");
        }
    }
    reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn trims() {
        check(
            r#"
            > LTRIM none 0 1 => OK
            > :events
            > RPUSH l a b c d e f => (integer) 6
            > LTRIM l 1 -2 => OK
            > :changes => 2
            > :events => l ltrim l
            > LTRIM l 0 -1 => OK
            > :changes => 0
            > :events => l ltrim l
            > LTRIM l -100 100 => OK
            > LRANGE l 0 -1
            1) "b"
            2) "c"
            3) "d"
            4) "e"
            > LTRIM l 4 5 => OK
            > :changes => 4
            > :events
            l ltrim l
            g del l
            > RPUSH l a b => (integer) 2
            > LTRIM l 1 0 => OK
            > EXISTS l => (integer) 0
            > SET s 1 => OK
            > LTRIM s 0 x => (error) ERR value is not an integer or out of range
            > LTRIM s 0 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
