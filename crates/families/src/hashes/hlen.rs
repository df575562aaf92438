//! `HLEN key` answers the number of fields. Fields that have expired count as long as they are not removed.
//!
//! ```text
//! > HSET user:1 name Ada born 1815
//! (integer) 2
//! > HLEN user:1
//! (integer) 2
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::{Collection, Hash};

/// HLEN.
pub const HLEN: Command = Command::new(
    Spec {
        name: "hlen",
        summary: "Returns the number of fields in a hash.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0)],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hlen),
);

fn hlen(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let len = match txn.find(arguments[1])? {
        Some(found) => found.collection::<Hash>()?.len(),
        None => 0,
    };
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hlen_counts_fields() {
        check(
            r#"
            > HLEN h => (integer) 0
            > HSET h a 1 b 2 => (integer) 2
            > HLEN h => (integer) 2
            > SET s v => OK
            > HLEN s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
