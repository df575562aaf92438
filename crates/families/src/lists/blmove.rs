//! `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout` does as LMOVE, but waits for the source, for `timeout` seconds or
//! for ever if that is 0. `BRPOPLPUSH source destination timeout` is the older `BLMOVE source destination RIGHT LEFT
//! timeout`.
//!
//! ```text
//! > RPUSH todo a b
//! (integer) 2
//! > BLMOVE todo doing LEFT RIGHT 0
//! "a"
//! > BRPOPLPUSH todo doing 0.5
//! "b"
//! ```

use perilune_command::waiting::timeout;
use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::Side;

use super::{side, take};
use crate::waiting::wait;

/// BLMOVE.
pub const BLMOVE: Command = Command::new(
    Spec {
        name: "blmove",
        summary: "Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was moved.",
        group: Group::List,
        since: "6.2.0",
        complexity: "O(1)",
        arity: 6,
        flags: Flags::DENYOOM.with(Flags::BLOCKING),
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
            Arg::double("timeout"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(blmove),
);

/// BRPOPLPUSH.
pub const BRPOPLPUSH: Command = Command::new(
    Spec {
        name: "brpoplpush",
        summary: "Pops an element from a list, pushes it to another list and returns it. Block until an element is available otherwise. Deletes the list if the last element was popped.",
        group: Group::List,
        since: "2.2.0",
        complexity: "O(1)",
        arity: 4,
        flags: Flags::DENYOOM.with(Flags::BLOCKING),
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
            Arg::double("timeout"),
        ],
        history: &[(
            "6.0.0",
            "`timeout` is interpreted as a double instead of an integer.",
        )],
        deprecated: Some(("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")),
        ..Spec::DEFAULT
    },
    DataHandler::Write(brpoplpush),
);

fn blmove(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (from, to) = (side(arguments[3])?, side(arguments[4])?);
    move_or_wait(txn, arguments, from, to, reply)
}

fn brpoplpush(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    move_or_wait(txn, arguments, Side::Right, Side::Left, reply)
}

fn move_or_wait(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    from: Side,
    to: Side,
    reply: &mut dyn Reply,
) -> Outcome {
    let (source, destination) = (arguments[1], arguments[2]);
    let timeout = timeout(arguments[arguments.len() - 1], txn.now_ms())?;
    if !take::move_one(txn, (source, from), (destination, to), reply)? {
        return wait(txn, "list", 1..2, timeout, reply, |reply| reply.null());
    }
    let word = |side| match side {
        Side::Left => b"LEFT".as_slice(),
        Side::Right => b"RIGHT",
    };
    txn.propagate(&[
        b"LMOVE".as_slice(),
        source,
        destination,
        word(from),
        word(to),
    ]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_is_there_is_moved_at_once() {
        check(
            r#"
            > RPUSH a 1 2 3 => (integer) 3
            > BLMOVE a b RIGHT LEFT 0 => "3"
            > :sent => LMOVE a b RIGHT LEFT
            > :events
            n new b
            l lpush b
            l rpop a
            > BRPOPLPUSH a b 1 => "2"
            > BLMOVE a a LEFT RIGHT 0 => "1"
            > BLMOVE none b LEFT LEFT 0 => (waits for a list at none)
            > :changes => 0
            "#,
        );
    }

    #[test]
    fn it_refuses() {
        check(
            r#"
            > SET s 1 => OK
            > RPUSH a 1 => (integer) 1
            > BLMOVE a s LEFT LEFT 0 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > BLMOVE s a LEFT LEFT 0 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > BLMOVE none s LEFT LEFT 0 => (waits for a list at none)
            > BLMOVE a b UP LEFT x => (error) ERR syntax error
            > BLMOVE a b LEFT LEFT x => (error) ERR timeout is not a float or out of range
            > BRPOPLPUSH a b -1 => (error) ERR timeout is negative
            "#,
        );
    }
}
