//! `LPUSH key element [element ...]` adds elements at the head of a list, `RPUSH` at its tail, one after the other; both
//! answer its length. `LPUSHX` and `RPUSHX` do so only if there is the list.
//!
//! ```text
//! > RPUSH queue a b
//! (integer) 2
//! > LPUSH queue y z
//! (integer) 4
//! > LRANGE queue 0 -1
//! 1) "z"
//! 2) "y"
//! 3) "a"
//! 4) "b"
//! > RPUSHX queue c
//! (integer) 5
//! > LPUSHX queue x
//! (integer) 6
//! > LPUSHX nothing x
//! (integer) 0
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Edit, List, Side};

use super::push_event;

/// LPUSH.
pub const LPUSH: Command = Command::new(
    Spec {
        name: "lpush",
        summary: "Prepends one or more elements to a list. Creates the key if it doesn't exist.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        arity: -3,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))],
        side: Some(Side::Left),
        arguments: &[Arg::key("key", 0), Arg::string("element").multiple()],
        history: &[("2.4.0", "Accepts multiple `element` arguments.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(lpush),
);

/// RPUSH.
pub const RPUSH: Command = Command::new(
    Spec {
        name: "rpush",
        summary: "Appends one or more elements to a list. Creates the key if it doesn't exist.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        arity: -3,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))],
        side: Some(Side::Right),
        arguments: &[Arg::key("key", 0), Arg::string("element").multiple()],
        history: &[("2.4.0", "Accepts multiple `element` arguments.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(rpush),
);

/// LPUSHX.
pub const LPUSHX: Command = Command::new(
    Spec {
        name: "lpushx",
        summary: "Prepends one or more elements to a list only when the list exists.",
        group: Group::List,
        since: "2.2.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        arity: -3,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))],
        side: Some(Side::Left),
        arguments: &[Arg::key("key", 0), Arg::string("element").multiple()],
        history: &[("4.0.0", "Accepts multiple `element` arguments.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(lpushx),
);

/// RPUSHX.
pub const RPUSHX: Command = Command::new(
    Spec {
        name: "rpushx",
        summary: "Appends an element to a list only when the list exists.",
        group: Group::List,
        since: "2.2.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        arity: -3,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))],
        side: Some(Side::Right),
        arguments: &[Arg::key("key", 0), Arg::string("element").multiple()],
        history: &[("4.0.0", "Accepts multiple `element` arguments.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(rpushx),
);

fn lpush(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    push(txn, arguments, Side::Left, reply)
}

fn rpush(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    push(txn, arguments, Side::Right, reply)
}

fn lpushx(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    push_if_there(txn, arguments, Side::Left, reply)
}

fn rpushx(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    push_if_there(txn, arguments, Side::Right, reply)
}

fn push_if_there(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    side: Side,
    reply: &mut dyn Reply,
) -> Outcome {
    if txn.slot(arguments[1])?.exists() {
        return push(txn, arguments, side, reply);
    }
    reply.integer(0);
    Ok(())
}

fn push(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    side: Side,
    reply: &mut dyn Reply,
) -> Outcome {
    let mut slot = txn.slot(arguments[1])?;
    slot.collection::<List>()?;
    let len = slot.edit(|list: &mut Edit<'_, List>| {
        list.push(side, &arguments[2..]);
        list.len()
    })?;
    slot.notify(EventClass::LIST, push_event(side));
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn pushes() {
        check(
            r#"
            > LPUSH l a b c => (integer) 3
            > :changes => 3
            > :sent => LPUSH l a b c
            > :events
            n new l
            l lpush l
            > RPUSH l d => (integer) 4
            > :events => l rpush l
            > LRANGE l 0 -1
            1) "c"
            2) "b"
            3) "a"
            4) "d"
            > LPUSHX l 1 2 => (integer) 6
            > :events => l lpush l
            > RPUSHX l 3 => (integer) 7
            > LINDEX l 0 => "2"
            > LINDEX l -1 => "3"
            > RPUSHX none 3 => (integer) 0
            > :events
            > :sent
            > SET s 1 => OK
            > LPUSH s 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > RPUSHX s 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LPUSH l => (error) ERR wrong number of arguments for 'lpush' command
            "#,
        );
    }

    #[test]
    fn what_is_pushed_comes_out_as_it_was() {
        check(
            r#"
            > RPUSH l 0 -0 00 12 -1 9223372036854775807 9223372036854775808 "" " 1" => (integer) 9
            > LRANGE l 0 -1
            1) "0"
            2) "-0"
            3) "00"
            4) "12"
            5) "-1"
            6) "9223372036854775807"
            7) "9223372036854775808"
            8) ""
            9) " 1"
            "#,
        );
    }

    #[test]
    fn a_long_element_makes_a_quicklist() {
        let long = "x".repeat(8186);
        check(&format!(
            r#"
            > RPUSH l {long} => (integer) 1
            > :encoding l => quicklist
            > RPUSH m {} => (integer) 1
            > :encoding m => listpack
            > RPUSH m 1 => (integer) 2
            > :encoding m => quicklist
            "#,
            &long[1..]
        ));
    }
}
