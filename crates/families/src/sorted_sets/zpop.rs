//! `ZPOPMIN key [count]` removes the members with the lowest scores, one or up to `count`, and answers them with their
//! scores, the lowest first. `ZPOPMAX` takes the highest, the highest first.
//!
//! ```text
//! > ZADD jobs 1 first 2 second 3 third
//! (integer) 3
//! > ZPOPMIN jobs
//! 1) "first"
//! 2) "1"
//! > ZPOPMAX jobs 5
//! 1) "third"
//! 2) "3"
//! 3) "second"
//! 4) "2"
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
};
use perilune_keyspace::WriteTxn;
use perilune_resp::{Protocol, Reply};
use perilune_value::{SortedSet, parse_i64};

use super::pop::{End, Shape, pop};

/// ZPOPMIN.
pub const ZPOPMIN: Command = Command::new(
    Spec {
        name: "zpopmin",
        summary: "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.",
        group: Group::SortedSet,
        since: "5.0.0",
        complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[Arg::key("key", 0), Arg::integer("count").optional()],
        ..Spec::DEFAULT
    },
    DataHandler::Write(zpopmin),
);

/// ZPOPMAX.
pub const ZPOPMAX: Command = Command::new(
    Spec {
        name: "zpopmax",
        summary: "Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.",
        group: Group::SortedSet,
        since: "5.0.0",
        complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[Arg::key("key", 0), Arg::integer("count").optional()],
        ..Spec::DEFAULT
    },
    DataHandler::Write(zpopmax),
);

fn zpopmin(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, End::Min, reply)
}

fn zpopmax(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    answer(txn, arguments, End::Max, reply)
}

fn answer(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    end: End,
    reply: &mut dyn Reply,
) -> Outcome {
    let count = match arguments[2..] {
        [] => None,
        [count] => Some(count_of(count)?),
        _ => return Err(errors::SYNTAX.into()),
    };
    let mut slot = txn.slot(arguments[1])?;
    let exists = slot.collection::<SortedSet>()?.is_some();
    let shape = match count {
        Some(_) if reply.protocol() == Protocol::Resp3 => Shape::Pairs,
        _ => Shape::Flat,
    };
    match count.unwrap_or(1) {
        count @ 1.. if exists => {
            pop(&mut slot, arguments[1], end, count, shape, reply)?;
        }
        _ => reply.array(0),
    }
    Ok(())
}

fn count_of(argument: &[u8]) -> Result<usize, CommandError> {
    parse_i64(argument)
        .and_then(|count| usize::try_from(count).ok())
        .ok_or(CommandError::new(
            "ERR value is out of range, must be positive",
        ))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn from_both_ends() {
        check(
            r#"
            > ZPOPMIN z => (empty array)
            > ZADD z 1 a 2 b 2 c 3 d 4 e => (integer) 5
            > ZPOPMIN z 0 => (empty array)
            > :changes => 0
            > ZPOPMIN z 2
            1) "a"
            2) "1"
            3) "b"
            4) "2"
            > :changes => 2
            > :events => z zpopmin z
            > :sent => ZPOPMIN z 2
            > :resp 3
            > ZPOPMAX z
            1) "e"
            2) (double) 4
            > ZPOPMAX z 9
            1) 1) "d"
               2) (double) 3
            2) 1) "c"
               2) (double) 2
            > :events
            z zpopmax z
            g del z
            > ZPOPMAX z 9 => (empty array)
            "#,
        );
    }

    #[test]
    fn a_big_set() {
        check(
            r#"
            > ZADD z 0 this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set 1 a 1 b 2 c => (integer) 4
            > ZPOPMAX z 2
            1) "c"
            2) "2"
            3) "b"
            4) "1"
            > ZPOPMIN z
            1) "this-member-is-much-too-long-to-stay-in-a-packed-encoding-of-any-sorted-set"
            2) "0"
            "#,
        );
    }

    #[test]
    fn errors() {
        check(
            r#"
            > SET s v => OK
            > ZPOPMIN s 0 1 => (error) ERR syntax error
            > ZPOPMIN s x => (error) ERR value is out of range, must be positive
            > ZPOPMIN s -1 => (error) ERR value is out of range, must be positive
            > ZPOPMIN s 0 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
