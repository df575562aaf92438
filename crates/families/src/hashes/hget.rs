//! `HGET key field` answers a field's value, or null.
//!
//! ```text
//! > HSET user:1 name Ada
//! (integer) 1
//! > HGET user:1 name
//! "Ada"
//! > HGET user:1 born
//! (nil)
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{Fields, ReadTxn};
use perilune_resp::Reply;

use super::read;
use crate::items::reply_item;

/// HGET.
pub const HGET: Command = Command::new(
    Spec {
        name: "hget",
        summary: "Returns the value of a field in a hash.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0), Arg::string("field")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hget),
);

fn hget(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let field = arguments[2];
    read(txn, arguments[1], Fields::each(&[field]), |hash| match hash
        .and_then(|hash| hash.get(field))
    {
        Some(field) => reply_item(field.value, reply),
        None => reply.null(),
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hget_answers_a_value_or_null() {
        check(
            r#"
            > HGET h a => (nil)
            > :events => m keymiss h
            > HSET h a 1 b text => (integer) 2
            > HGET h a => "1"
            > HGET h b => "text"
            > HGET h c => (nil)
            > :resp 3
            > HGET h c => (nil)
            > SET s v => OK
            > HGET s a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn an_expired_field_is_removed_where_it_is_met() {
        check(
            r#"
            > HSET h a 1 b 2 c 3 => (integer) 3
            > HPEXPIRE h 10 FIELDS 2 a b
            1) (integer) 1
            2) (integer) 1
            > :wait 9
            > HGET h a => "1"
            > :wait 1
            > HLEN h => (integer) 3
            > HGET h a => (nil)
            > HLEN h => (integer) 2
            > HGET h c => "3"
            > HLEN h => (integer) 2
            > HSETEX last PX 10 FIELDS 1 a 1 => (integer) 1
            > :wait 10
            > EXISTS last => (integer) 1
            > HGET last a => (nil)
            > EXISTS last => (integer) 0
            "#,
        );
    }
}
