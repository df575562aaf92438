//! `BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]` does as LMPOP, but waits where there is no list, for `timeout`
//! seconds or for ever if that is 0.
//!
//! ```text
//! > RPUSH jobs a b c
//! (integer) 3
//! > BLMPOP 0 2 urgent jobs LEFT COUNT 2
//! 1) "jobs"
//! 2) 1) "a"
//!    2) "b"
//! ```

use perilune_command::waiting::timeout;
use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::List;

use super::lmpop::Options;
use super::take;
use crate::waiting::{first_with, wait};

/// BLMPOP.
pub const BLMPOP: Command = Command::new(
    Spec {
        name: "blmpop",
        summary: "Pops the first element from one of multiple lists. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        group: Group::List,
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
        arity: -5,
        flags: Flags::BLOCKING,
        keys: &[KeySpec::counted(
            2,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[
            Arg::double("timeout"),
            Arg::integer("numkeys"),
            Arg::key("key", 0).multiple(),
            Arg::one_of(
                "where",
                &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")],
            ),
            Arg::integer("count").after("COUNT").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(blmpop),
);

fn blmpop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let Options { keys, side, count } = Options::parse(arguments, 2)?;
    let timeout = timeout(arguments[1], txn.now_ms())?;
    match first_with::<List>(txn, keys)? {
        Some(key) => take::many_with_key(txn, key, side, count, reply),
        None => wait(txn, "list", 3..3 + keys.len(), timeout, reply, |reply| {
            reply.null_array()
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn it_takes_what_is_there_or_waits() {
        check(
            r#"
            > RPUSH b 1 2 3 => (integer) 3
            > BLMPOP 0 2 a b RIGHT COUNT 2
            1) "b"
            2) 1) "3"
               2) "2"
            > :sent => RPOP b 2
            > BLMPOP 0.5 2 a b LEFT
            1) "b"
            2) 1) "1"
            > BLMPOP 0 2 a b LEFT => (waits for a list at a b)
            > BLMPOP x 2 a b LEFT => (error) ERR timeout is not a float or out of range
            > BLMPOP 0 0 a LEFT => (error) ERR numkeys should be greater than 0
            > BLMPOP x 0 a LEFT => (error) ERR numkeys should be greater than 0
            > BLMPOP x 1 a LEFT COUNT 0 => (error) ERR count should be greater than 0
            > BLMPOP -1 1 a LEFT => (error) ERR timeout is negative
            > BLMPOP 0 2 a LEFT => (error) ERR syntax error
            "#,
        );
    }
}
