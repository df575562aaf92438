//! `HSTRLEN key field` answers the length of a field's value in bytes; 0 if there is none.
//!
//! ```text
//! > HSET user:1 name Ada
//! (integer) 1
//! > HSTRLEN user:1 name
//! (integer) 3
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{Fields, ReadTxn};
use perilune_resp::Reply;

use super::read;

/// HSTRLEN.
pub const HSTRLEN: Command = Command::new(
    Spec {
        name: "hstrlen",
        summary: "Returns the length of the value of a field.",
        group: Group::Hash,
        since: "3.2.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0), Arg::string("field")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hstrlen),
);

fn hstrlen(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let field = arguments[2];
    read(txn, arguments[1], Fields::each(&[field]), |hash| {
        let field = hash.and_then(|hash| hash.get(field));
        reply.integer(field.map_or(0, |field| field.value.len()) as i64);
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hstrlen_answers_bytes() {
        check(
            r#"
            > HSTRLEN h a => (integer) 0
            > HSET h a text b -12345 c "" => (integer) 3
            > HSTRLEN h a => (integer) 4
            > HSTRLEN h b => (integer) 6
            > HSTRLEN h c => (integer) 0
            > HSTRLEN h d => (integer) 0
            > SET s v => OK
            > HSTRLEN s a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
