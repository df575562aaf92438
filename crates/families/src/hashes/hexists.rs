//! `HEXISTS key field` answers whether a hash has a field: 1 or 0.
//!
//! ```text
//! > HSET user:1 name Ada
//! (integer) 1
//! > HEXISTS user:1 name
//! (integer) 1
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{Fields, ReadTxn};
use perilune_resp::Reply;

use super::read;

/// HEXISTS.
pub const HEXISTS: Command = Command::new(
    Spec {
        name: "hexists",
        summary: "Determines whether a field exists in a hash.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0), Arg::string("field")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hexists),
);

fn hexists(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let field = arguments[2];
    read(txn, arguments[1], Fields::each(&[field]), |hash| {
        let exists = hash.is_some_and(|hash| hash.get(field).is_some());
        reply.integer(i64::from(exists));
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hexists_answers_one_or_zero() {
        check(
            r#"
            > HEXISTS h a => (integer) 0
            > HSETEX h PX 10 FIELDS 1 a 1 => (integer) 1
            > HEXISTS h a => (integer) 1
            > HEXISTS h b => (integer) 0
            > :wait 10
            > HEXISTS h a => (integer) 0
            > EXISTS h => (integer) 0
            > SET s v => OK
            > HEXISTS s a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
