//! `LMOVE source destination LEFT|RIGHT LEFT|RIGHT` takes the element at an end of one list, puts it at an end of
//! another, and answers it. Source and destination may be the same list. `RPOPLPUSH source destination` is the older
//! `LMOVE source destination RIGHT LEFT`.
//!
//! ```text
//! > RPUSH todo a b c
//! (integer) 3
//! > LMOVE todo doing LEFT RIGHT
//! "a"
//! > RPOPLPUSH todo doing
//! "c"
//! > LRANGE doing 0 -1
//! 1) "c"
//! 2) "a"
//! > LMOVE todo todo LEFT RIGHT
//! "b"
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::Side;

use super::{side, take};

/// LMOVE.
pub const LMOVE: Command = Command::new(
    Spec {
        name: "lmove",
        summary: "Returns an element after popping it from one list and pushing it to another. Deletes the list if the last element was moved.",
        group: Group::List,
        since: "6.2.0",
        complexity: "O(1)",
        arity: 5,
        flags: Flags::DENYOOM,
        keys: &[
            KeySpec::one(
                1,
                KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
            ),
            KeySpec::one(2, KeyFlags::RW.with(KeyFlags::INSERT)),
        ],
        arguments: &[
            Arg::key("source", 0),
            Arg::key("destination", 1),
            Arg::one_of(
                "wherefrom",
                &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")],
            ),
            Arg::one_of(
                "whereto",
                &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")],
            ),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(lmove),
);

/// RPOPLPUSH.
pub const RPOPLPUSH: Command = Command::new(
    Spec {
        name: "rpoplpush",
        summary: "Returns the last element of a list after removing and pushing it to another list. Deletes the list if the last element was popped.",
        group: Group::List,
        since: "1.2.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::DENYOOM,
        keys: &[
            KeySpec::one(
                1,
                KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
            ),
            KeySpec::one(2, KeyFlags::RW.with(KeyFlags::INSERT)),
        ],
        arguments: &[Arg::key("source", 0), Arg::key("destination", 1)],
        deprecated: Some(("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")),
        ..Spec::DEFAULT
    },
    DataHandler::Write(rpoplpush),
);

fn lmove(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (from, to) = (side(arguments[3])?, side(arguments[4])?);
    move_or_null(txn, arguments, from, to, reply)
}

fn rpoplpush(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    move_or_null(txn, arguments, Side::Right, Side::Left, reply)
}

fn move_or_null(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    from: Side,
    to: Side,
    reply: &mut dyn Reply,
) -> Outcome {
    if !take::move_one(txn, (arguments[1], from), (arguments[2], to), reply)? {
        reply.null();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn moves_between_lists() {
        check(
            r#"
            > LMOVE a b LEFT LEFT => (nil)
            > RPUSH a 1 2 3 4 => (integer) 4
            > LMOVE a b LEFT LEFT => "1"
            > :changes => 1
            > :sent => LMOVE a b LEFT LEFT
            > :events
            n new b
            l lpush b
            l lpop a
            > LMOVE a b RIGHT LEFT => "4"
            > :events
            l lpush b
            l rpop a
            > lmove a b left right => "2"
            > RPOPLPUSH a b => "3"
            > :sent => RPOPLPUSH a b
            > :events
            l lpush b
            l rpop a
            g del a
            > LRANGE b 0 -1
            1) "3"
            2) "4"
            3) "1"
            4) "2"
            > EXISTS a => (integer) 0
            "#,
        );
    }

    #[test]
    fn moves_within_a_list() {
        check(
            r#"
            > RPUSH a 1 2 3 => (integer) 3
            > LMOVE a a LEFT RIGHT => "1"
            > :changes => 1
            > :events
            l rpush a
            l lpop a
            > LMOVE a a RIGHT RIGHT => "1"
            > :changes => 1
            > RPOPLPUSH a a => "1"
            > LRANGE a 0 -1
            1) "1"
            2) "2"
            3) "3"
            > DEL a => (integer) 1
            > RPUSH a only => (integer) 1
            > PEXPIREAT a 2000000 => (integer) 1
            > LMOVE a a LEFT RIGHT => "only"
            > :events
            l rpush a
            l lpop a
            > :expires a => 2000000
            "#,
        );
    }

    #[test]
    fn moves_refuse() {
        check(
            r#"
            > SET s 1 => OK
            > LMOVE none s LEFT LEFT => (nil)
            > LMOVE s a LEFT LEFT => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > RPUSH a 1 => (integer) 1
            > LMOVE a s LEFT LEFT => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > RPOPLPUSH a s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LMOVE a s LEFT UP => (error) ERR syntax error
            > LMOVE a s UP LEFT => (error) ERR syntax error
            "#,
        );
    }
}
