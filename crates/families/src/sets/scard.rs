//! `SCARD key` answers how many members a set has.
//!
//! ```text
//! > SADD tags red green
//! (integer) 2
//! > SCARD tags
//! (integer) 2
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::Collection;

use super::find;

/// SCARD.
pub const SCARD: Command = Command::new(
    Spec {
        name: "scard",
        summary: "Returns the number of members in a set.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0)],
        ..Spec::DEFAULT
    },
    DataHandler::Read(scard),
);

fn scard(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let len = find(txn, arguments[1])?.map_or(0, |set| set.len());
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn members_are_counted() {
        check(
            r#"
            > SCARD none => (integer) 0
            > SADD s a b => (integer) 2
            > SCARD s => (integer) 2
            > SET k v => OK
            > SCARD k => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
