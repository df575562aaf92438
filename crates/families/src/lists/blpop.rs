//! `BLPOP key [key ...] timeout` removes the first element of the first of these lists that there is, `BRPOP` the last,
//! and answers the key and the element. Where there is none it waits, for `timeout` seconds or for ever if that is 0.
//!
//! Whoever pushes serves those who wait, in the order in which they came, before anybody else sees the list. The log gets
//! the LPOP or RPOP.
//!
//! ```text
//! > RPUSH jobs a b
//! (integer) 2
//! > BLPOP urgent jobs 0
//! 1) "jobs"
//! 2) "a"
//! > BRPOP urgent jobs 0.5
//! 1) "jobs"
//! 2) "b"
//! ```

use perilune_command::waiting::timeout;
use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::{List, Side};

use super::take;
use crate::waiting::{first_with, wait};

/// BLPOP.
pub const BLPOP: Command = Command::new(
    Spec {
        name: "blpop",
        summary: "Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        group: Group::List,
        since: "2.0.0",
        complexity: "O(N) where N is the number of provided keys.",
        arity: -3,
        flags: Flags::BLOCKING,
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
    DataHandler::Write(blpop),
);

/// BRPOP.
pub const BRPOP: Command = Command::new(
    Spec {
        name: "brpop",
        summary: "Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        group: Group::List,
        since: "2.0.0",
        complexity: "O(N) where N is the number of provided keys.",
        arity: -3,
        flags: Flags::BLOCKING,
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
    DataHandler::Write(brpop),
);

fn blpop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    pop_or_wait(txn, arguments, Side::Left, reply)
}

fn brpop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    pop_or_wait(txn, arguments, Side::Right, reply)
}

fn pop_or_wait(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    side: Side,
    reply: &mut dyn Reply,
) -> Outcome {
    let keys = 1..arguments.len() - 1;
    let timeout = timeout(arguments[keys.end], txn.now_ms())?;
    let Some(key) = first_with::<List>(txn, &arguments[keys.clone()])? else {
        return wait(txn, "list", keys, timeout, reply, |reply| {
            reply.null_array()
        });
    };
    reply.array(2);
    reply.bulk(key);
    take::one(&mut txn.slot(key)?, side, reply)?;
    txn.propagate(&[take::pop_name(side), key]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_is_there_is_taken_at_once() {
        check(
            r#"
            > RPUSH b 1 2 3 => (integer) 3
            > BLPOP a b 0
            1) "b"
            2) "1"
            > :sent => LPOP b
            > :events => l lpop b
            > BRPOP b a 0
            1) "b"
            2) "3"
            > :sent => RPOP b
            > BLPOP a b 0.1
            1) "b"
            2) "2"
            > :events
            l lpop b
            g del b
            > BLPOP a b 0.1 => (waits for a list at a b)
            > :changes => 0
            "#,
        );
    }

    #[test]
    fn bad_timeouts_are_refused_before_anything_else() {
        check(
            r#"
            > SET s 1 => OK
            > RPUSH l 1 => (integer) 1
            > BLPOP s x => (error) ERR timeout is not a float or out of range
            > BLPOP l -1 => (error) ERR timeout is negative
            > BRPOP l 1e30 => (error) ERR timeout is out of range
            > BLPOP s l 0 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > BLPOP l s 0
            1) "l"
            2) "1"
            "#,
        );
    }
}
