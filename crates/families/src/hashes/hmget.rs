//! `HMGET key field [field ...]` answers the values of fields, null for those that are not there.
//!
//! ```text
//! > HSET user:1 name Ada born 1815
//! (integer) 2
//! > HMGET user:1 born died
//! 1) "1815"
//! 2) (nil)
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{Fields, ReadTxn};
use perilune_resp::Reply;

use super::read;
use crate::items::reply_item;

/// HMGET.
pub const HMGET: Command = Command::new(
    Spec {
        name: "hmget",
        summary: "Returns the values of all fields in a hash.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields being requested.",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0), Arg::string("field").multiple()],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hmget),
);

fn hmget(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let fields = &arguments[2..];
    read(txn, arguments[1], Fields::each(fields), |hash| {
        reply.array(fields.len());
        for field in fields {
            match hash.and_then(|hash| hash.get(field)) {
                Some(field) => reply_item(field.value, reply),
                None => reply.null(),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hmget_answers_values_and_nulls() {
        check(
            r#"
            > HMGET h a b
            1) (nil)
            2) (nil)
            > HSET h a 1 b 2 => (integer) 2
            > HMGET h b x b
            1) "2"
            2) (nil)
            3) "2"
            > SET s v => OK
            > HMGET s a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HMGET h => (error) ERR wrong number of arguments for 'hmget' command
            > HSETEX e PX 10 FIELDS 2 a 1 b 2 => (integer) 1
            > :wait 10
            > HMGET e a b
            1) (nil)
            2) (nil)
            > EXISTS e => (integer) 0
            "#,
        );
    }
}
