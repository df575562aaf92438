//! `BZPOPMIN key [key ...] timeout` removes the member with the lowest score of the first of these sorted sets that there is,
//! `BZPOPMAX` the one with the highest, and answers key, member and score. Where there is none it waits, for `timeout` seconds or
//! for ever if that is 0.
//!
//! ```text
//! > ZADD later 1 first 2 second
//! (integer) 2
//! > BZPOPMIN now later 0
//! 1) "later"
//! 2) "first"
//! 3) "1"
//! > BZPOPMAX now later 0.5
//! 1) "later"
//! 2) "second"
//! 3) "2"
//! ```

use perilune_command::waiting::timeout;
use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::SortedSet;

use super::pop::{End, Shape, pop};
use crate::waiting::{first_with, wait};

/// BZPOPMIN.
pub const BZPOPMIN: Command = Command::new(
    Spec {
        name: "bzpopmin",
        summary: "Removes and returns the member with the lowest score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.",
        group: Group::SortedSet,
        since: "5.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        arity: -3,
        flags: Flags::FAST.with(Flags::BLOCKING),
        keys: &[KeySpec::range(
            1,
            -2,
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[Arg::key("key", 0).multiple(), Arg::double("timeout")],
        history: &[(
            "6.0.0",
            "`timeout` is interpreted as a double instead of an integer.",
        )],
        ..Spec::DEFAULT
    },
    DataHandler::Write(bzpopmin),
);

/// BZPOPMAX.
pub const BZPOPMAX: Command = Command::new(
    Spec {
        name: "bzpopmax",
        summary: "Removes and returns the member with the highest score from one or more sorted sets. Blocks until a member available otherwise.  Deletes the sorted set if the last element was popped.",
        group: Group::SortedSet,
        since: "5.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        arity: -3,
        flags: Flags::FAST.with(Flags::BLOCKING),
        keys: &[KeySpec::range(
            1,
            -2,
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[Arg::key("key", 0).multiple(), Arg::double("timeout")],
        history: &[(
            "6.0.0",
            "`timeout` is interpreted as a double instead of an integer.",
        )],
        ..Spec::DEFAULT
    },
    DataHandler::Write(bzpopmax),
);

fn bzpopmin(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    pop_or_wait(txn, arguments, End::Min, reply)
}

fn bzpopmax(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    pop_or_wait(txn, arguments, End::Max, reply)
}

fn pop_or_wait(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    end: End,
    reply: &mut dyn Reply,
) -> Outcome {
    let keys = 1..arguments.len() - 1;
    let timeout = timeout(arguments[keys.end], txn.now_ms())?;
    let Some(key) = first_with::<SortedSet>(txn, &arguments[keys.clone()])? else {
        return wait(txn, "zset", keys, timeout, reply, |reply| {
            reply.null_array()
        });
    };
    pop(&mut txn.slot(key)?, key, end, 1, Shape::KeyAndOne, reply)?;
    txn.propagate(&[end.command().as_bytes(), key]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_is_there_is_taken_at_once() {
        check(
            r#"
            > ZADD b 1 x 2 y 3 z => (integer) 3
            > BZPOPMIN a b 0
            1) "b"
            2) "x"
            3) "1"
            > :sent => ZPOPMIN b
            > :events => z zpopmin b
            > :resp 3
            > BZPOPMAX b a 0
            1) "b"
            2) "z"
            3) (double) 3
            > :sent => ZPOPMAX b
            > BZPOPMAX a b 0.1
            1) "b"
            2) "y"
            3) (double) 2
            > :events
            z zpopmax b
            g del b
            > BZPOPMIN a b 0.1 => (waits for a zset at a b)
            > :changes => 0
            > SET s 1 => OK
            > BZPOPMIN s x => (error) ERR timeout is not a float or out of range
            > BZPOPMAX s -1 => (error) ERR timeout is negative
            > BZPOPMIN a s 0 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
