//! `LPOP key [count]` removes the first element of a list and answers it, `RPOP` the last; with a count up to so many,
//! as an array. A list that has lost its last element is gone.
//!
//! ```text
//! > RPUSH queue a b c d
//! (integer) 4
//! > LPOP queue
//! "a"
//! > RPOP queue 2
//! 1) "d"
//! 2) "c"
//! > LPOP queue 10
//! 1) "b"
//! > EXISTS queue
//! (integer) 0
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::{List, Side};

use super::{non_negative, take};

/// LPOP.
pub const LPOP: Command = Command::new(
    Spec {
        name: "lpop",
        summary: "Returns the first elements in a list after removing it. Deletes the list if the last element was popped.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements returned",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        side: Some(Side::Left),
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("count").since("6.2.0").optional(),
        ],
        history: &[("6.2.0", "Added the `count` argument.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(lpop),
);

/// RPOP.
pub const RPOP: Command = Command::new(
    Spec {
        name: "rpop",
        summary: "Returns and removes the last elements of a list. Deletes the list if the last element was popped.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements returned",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        side: Some(Side::Right),
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("count").since("6.2.0").optional(),
        ],
        history: &[("6.2.0", "Added the `count` argument.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(rpop),
);

fn lpop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    pop(txn, arguments, Side::Left, reply)
}

fn rpop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    pop(txn, arguments, Side::Right, reply)
}

fn pop(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    side: Side,
    reply: &mut dyn Reply,
) -> Outcome {
    let count = match arguments {
        [_, _] => None,
        [_, _, count] => {
            let text = "ERR value is out of range, must be positive";
            Some(non_negative(count, text)? as usize)
        }
        _ => {
            let name = match side {
                Side::Left => LPOP.spec.name,
                Side::Right => RPOP.spec.name,
            };
            return Err(errors::wrong_arity(name).into());
        }
    };
    let mut slot = txn.slot(arguments[1])?;
    match (slot.collection::<List>()?, count) {
        (None, None) => reply.null(),
        (None, Some(_)) => reply.null_array(),
        (Some(_), Some(0)) => reply.array(0),
        (Some(_), None) => take::one(&mut slot, side, reply)?,
        (Some(_), Some(count)) => {
            take::many(&mut slot, side, count, reply)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn pops() {
        check(
            r#"
            > LPOP none => (nil)
            > LPOP none 1 => (nil)
            > LPOP none 0 => (nil)
            > RPUSH l a 2 c d e => (integer) 5
            > LPOP l => "a"
            > :changes => 1
            > :sent => LPOP l
            > :events => l lpop l
            > RPOP l => "e"
            > :events => l rpop l
            > LPOP l 0 => (empty array)
            > :changes => 0
            > RPOP l 2
            1) "d"
            2) "c"
            > :changes => 2
            > :sent => RPOP l 2
            > RPOP l 2 => 1) "2"
            > :changes => 1
            > :events
            l rpop l
            g del l
            > EXISTS l => (integer) 0
            "#,
        );
    }

    #[test]
    fn pops_refuse() {
        check(
            r#"
            > SET s 1 => OK
            > LPOP s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LPOP s 0 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LPOP s -1 => (error) ERR value is out of range, must be positive
            > LPOP s x => (error) ERR value is out of range, must be positive
            > LPOP l 1 2 => (error) ERR wrong number of arguments for 'lpop' command
            > RPOP l 1 2 => (error) ERR wrong number of arguments for 'rpop' command
            > :resp 3
            > RPOP none => (nil)
            > RPOP none 1 => (nil)
            "#,
        );
    }

    #[test]
    fn a_list_that_shrinks_turns_back() {
        let (half, quarter) = ("x".repeat(4080), "y".repeat(2000));
        check(&format!(
            r#"
            > RPUSH l {half} {half} {half} {quarter} => (integer) 4
            > :encoding l => quicklist
            > RPOP l 1 => 1) "{quarter}"
            > RPOP l 2
            1) "{half}"
            2) "{half}"
            > :encoding l => listpack
            > LPOP l => "{half}"
            "#
        ));
    }
}
