//! `LLEN key` answers the length of a list, 0 if there is none.
//!
//! ```text
//! > RPUSH l a b
//! (integer) 2
//! > LLEN l
//! (integer) 2
//! > LLEN nothing
//! (integer) 0
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::{Collection, List};

/// LLEN.
pub const LLEN: Command = Command::new(
    Spec {
        name: "llen",
        summary: "Returns the length of a list.",
        group: Group::List,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0)],
        ..Spec::DEFAULT
    },
    DataHandler::Read(llen),
);

fn llen(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let len = match txn.find(arguments[1])? {
        Some(found) => found.collection::<List>()?.len(),
        None => 0,
    };
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn lengths() {
        check(
            "
            > SET s 1 => OK
            > LLEN s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LLEN none => (integer) 0
            > :events => m keymiss none
            ",
        );
    }
}
