//! `LREM key count element` removes elements that are `element`: the first so many, or where negative the last so many,
//! or where 0 all of them. Answers how many.
//!
//! ```text
//! > RPUSH l a b a c a
//! (integer) 5
//! > LREM l -1 a
//! (integer) 1
//! > LREM l 0 a
//! (integer) 2
//! > LRANGE l 0 -1
//! 1) "b"
//! 2) "c"
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec, integer_between,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Edit, List};

/// LREM.
pub const LREM: Command = Command::new(
    Spec {
        name: "lrem",
        summary: "Removes elements from a list. Deletes the list if the last element was removed.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N+M) where N is the length of the list and M is the number of elements removed.",
        arity: 4,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("count"),
            Arg::string("element"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(lrem),
);

fn lrem(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let count = integer_between(arguments[2], -i64::MAX, i64::MAX)?;
    let mut slot = txn.slot(arguments[1])?;
    if slot.collection::<List>()?.is_none() {
        reply.integer(0);
        return Ok(());
    }
    let removed = slot.edit(|list: &mut Edit<'_, List>| list.remove(count, arguments[3]))?;
    if removed > 0 {
        slot.notify(EventClass::LIST, "lrem");
        if !slot.exists() {
            slot.notify(EventClass::GENERIC, "del");
        }
    }
    reply.integer(removed as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn removes_by_text() {
        check(
            r#"
            > RPUSH l 1 a 1 b 1 c 1 => (integer) 7
            > LREM l 2 1 => (integer) 2
            > :changes => 2
            > :events => l lrem l
            > LREM l -1 1 => (integer) 1
            > LRANGE l 0 -1
            1) "a"
            2) "b"
            3) "1"
            4) "c"
            > LREM l 5 x => (integer) 0
            > :events
            > LREM l 0 01 => (integer) 0
            > LREM l -9223372036854775807 1 => (integer) 1
            > LREM l 0 a => (integer) 1
            > LREM l 0 b => (integer) 1
            > LREM l 9223372036854775807 c => (integer) 1
            > :events
            l lrem l
            g del l
            > LREM l 0 c => (integer) 0
            "#,
        );
    }

    #[test]
    fn lrem_refuses() {
        check(
            "
            > SET s 1 => OK
            > LREM s x 1 => (error) ERR value is not an integer or out of range
            > LREM s -9223372036854775808 1 => (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            > LREM s 0 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            ",
        );
    }
}
