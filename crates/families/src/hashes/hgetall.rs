//! All of a hash: `HGETALL key` answers its fields with their values, `HKEYS key` the fields, `HVALS key` the values.
//!
//! ```text
//! > HSET user:1 name Ada born 1815
//! (integer) 2
//! > HGETALL user:1
//! 1) "name"
//! 2) "Ada"
//! 3) "born"
//! 4) "1815"
//! > HKEYS user:1
//! 1) "name"
//! 2) "born"
//! > HVALS user:1
//! 1) "Ada"
//! 2) "1815"
//! ```

use perilune_command::{Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{Fields, ReadTxn};
use perilune_resp::Reply;
use perilune_value::HashAt;

use super::read;
use crate::items::reply_item;

/// HGETALL.
pub const HGETALL: Command = Command::new(
    Spec {
        name: "hgetall",
        summary: "Returns all fields and values in a hash.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        arity: 2,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0)],
        tips: &["nondeterministic_output_order"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hgetall),
);

/// HKEYS.
pub const HKEYS: Command = Command::new(
    Spec {
        name: "hkeys",
        summary: "Returns all fields in a hash.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        arity: 2,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0)],
        tips: &["nondeterministic_output_order"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hkeys),
);

/// HVALS.
pub const HVALS: Command = Command::new(
    Spec {
        name: "hvals",
        summary: "Returns all values in a hash.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        arity: 2,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0)],
        tips: &["nondeterministic_output_order"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(hvals),
);

fn hgetall(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    all(txn, arguments[1], Part::Both, reply)
}

fn hkeys(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    all(txn, arguments[1], Part::Names, reply)
}

fn hvals(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    all(txn, arguments[1], Part::Values, reply)
}

/// What is told of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Names,
    Values,
    Both,
}

fn all(txn: &mut ReadTxn<'_, '_>, key: &[u8], part: Part, reply: &mut dyn Reply) -> Outcome {
    read(txn, key, Fields::NONE, |hash| match reply.as_writer() {
        Some(mut writer) => answer(hash, part, &mut writer),
        None => answer(hash, part, reply),
    })
}

fn answer<R: Reply + ?Sized>(hash: Option<HashAt<'_>>, part: Part, reply: &mut R) {
    let len = hash.map_or(0, |hash| hash.live_len());
    match part {
        Part::Both => reply.map(len),
        Part::Names | Part::Values => reply.array(len),
    }
    let fields = hash.into_iter().flat_map(|hash| hash.iter());
    fields.for_each(|field| {
        if part != Part::Values {
            reply_item(field.name, reply);
        }
        if part != Part::Names {
            reply_item(field.value, reply);
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hgetall_is_a_map() {
        check(
            r#"
            > HGETALL h => (empty array)
            > HKEYS h => (empty array)
            > HVALS h => (empty array)
            > HSET h a 1 => (integer) 1
            > HGETALL h
            1) "a"
            2) "1"
            > :resp 3
            > HGETALL h
            1# "a" => "1"
            > HGETALL none => (empty hash)
            > HKEYS h => 1) "a"
            > HVALS none => (empty array)
            > SET s v => OK
            > HGETALL s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HKEYS s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HVALS s => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn what_has_expired_is_left_out_and_stays() {
        check(
            r#"
            > HSET h a 1 b 2 => (integer) 2
            > HPEXPIRE h 10 FIELDS 1 a => 1) (integer) 1
            > :wait 10
            > HGETALL h
            1) "b"
            2) "2"
            > HKEYS h => 1) "b"
            > HVALS h => 1) "2"
            > HLEN h => (integer) 2
            "#,
        );
    }
}
