//! `LINSERT key BEFORE|AFTER pivot element` puts an element beside the first one that is `pivot`, and answers the new
//! length; -1 if there is no such element, 0 if there is no list.
//!
//! ```text
//! > RPUSH l a c
//! (integer) 2
//! > LINSERT l BEFORE c b
//! (integer) 3
//! > LRANGE l 0 -1
//! 1) "a"
//! 2) "b"
//! 3) "c"
//! > LINSERT l AFTER x b
//! (integer) -1
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors, is_token,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Beside, Collection, Edit, List};

/// LINSERT.
pub const LINSERT: Command = Command::new(
    Spec {
        name: "linsert",
        summary: "Inserts an element before or after another element in a list.",
        group: Group::List,
        since: "2.2.0",
        complexity: "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).",
        arity: 5,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))],
        arguments: &[
            Arg::key("key", 0),
            Arg::one_of(
                "where",
                &[Arg::word("before", "BEFORE"), Arg::word("after", "AFTER")],
            ),
            Arg::string("pivot"),
            Arg::string("element"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(linsert),
);

fn linsert(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let place = if is_token(arguments[2], "AFTER") {
        Beside::After
    } else if is_token(arguments[2], "BEFORE") {
        Beside::Before
    } else {
        return Err(errors::SYNTAX.into());
    };
    let mut slot = txn.slot(arguments[1])?;
    if slot.collection::<List>()?.is_none() {
        reply.integer(0);
        return Ok(());
    }
    let len = slot.edit(|list: &mut Edit<'_, List>| {
        let inserted = list.insert(place, arguments[3], arguments[4]);
        inserted.then(|| list.len())
    })?;
    match len {
        Some(len) => {
            slot.notify(EventClass::LIST, "linsert");
            reply.integer(len as i64);
        }
        None => reply.integer(-1),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn inserts_beside_the_first() {
        check(
            r#"
            > RPUSH l a 1 a => (integer) 3
            > LINSERT l before a x => (integer) 4
            > :events => l linsert l
            > :changes => 1
            > LINSERT l AFTER a y => (integer) 5
            > LINSERT l AFTER 1 z => (integer) 6
            > LRANGE l 0 -1
            1) "x"
            2) "a"
            3) "y"
            4) "1"
            5) "z"
            6) "a"
            > LINSERT l AFTER none z => (integer) -1
            > :events
            > LINSERT none AFTER a z => (integer) 0
            > LINSERT l BESIDE a z => (error) ERR syntax error
            > SET s 1 => OK
            > LINSERT s BESIDE a z => (error) ERR syntax error
            > LINSERT s AFTER a z => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
