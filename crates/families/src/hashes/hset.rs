//! `HSET key field value [field value ...]` sets fields and answers how many are new; `HMSET` is the same and answers
//! OK. A field that is set expires no more.
//!
//! ```text
//! > HSET user:1 name Ada born 1815
//! (integer) 2
//! > HMSET user:1 name "Ada Lovelace"
//! OK
//! > HGET user:1 name
//! "Ada Lovelace"
//! ```

use perilune_command::{
    Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{FieldExpiry, Hash, Item, Previous};

use super::check_room;

/// HSET.
pub const HSET: Command = Command::new(
    Spec {
        name: "hset",
        summary: "Creates or modifies the value of a field in a hash.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.",
        arity: -4,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
        ],
        history: &[("4.0.0", "Accepts multiple `field` and `value` arguments.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(hset),
);

/// HMSET.
pub const HMSET: Command = Command::new(
    Spec {
        name: "hmset",
        summary: "Sets the values of multiple fields.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields being set.",
        arity: -4,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
        ],
        deprecated: Some(("4.0.0", "`HSET` with multiple field-value pairs")),
        ..Spec::DEFAULT
    },
    DataHandler::Write(hmset),
);

fn hset(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let created = set_all(txn, "hset", arguments)?;
    reply.integer(created as i64);
    Ok(())
}

fn hmset(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    set_all(txn, "hmset", arguments)?;
    reply.ok();
    Ok(())
}

/// Sets all fields; how many are new.
fn set_all(txn: &mut WriteTxn<'_, '_>, command: &str, arguments: &[&[u8]]) -> Outcome<usize> {
    if !arguments.len().is_multiple_of(2) {
        return Err(errors::wrong_arity(command).into());
    }
    let pairs = &arguments[2..];
    let mut slot = txn.slot(arguments[1])?;
    check_room(slot.collection::<Hash>()?, pairs)?;
    let created = slot.edit::<Hash, _>(|hash| {
        hash.make_room(pairs);
        let mut created = 0;
        for pair in pairs.chunks_exact(2) {
            let previous = hash.set(pair[0], Item::of(pair[1]), FieldExpiry::Clear);
            created += usize::from(previous == Previous::New);
        }
        created
    })?;
    slot.notify(EventClass::HASH, "hset");
    Ok(created)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hset_counts_what_is_new() {
        check(
            r#"
            > HSET h a 1 b 2 => (integer) 2
            > :changes => 2
            > :events
            n new h
            h hset h
            > :encoding h => listpack
            > HSET h a 1 b 3 c 4 c 5 => (integer) 1
            > :changes => 4
            > :sent => HSET h a 1 b 3 c 4 c 5
            > HGETALL h
            1) "a"
            2) "1"
            3) "b"
            4) "3"
            5) "c"
            6) "5"
            > HMSET h "" "" => OK
            > HGET h "" => ""
            "#,
        );
    }

    #[test]
    fn hset_takes_expiries_away() {
        check(
            r#"
            > HSET h a 1 b 2 => (integer) 2
            > HPEXPIRE h 100 FIELDS 2 a b
            1) (integer) 1
            2) (integer) 1
            > HSET h a 3 => (integer) 0
            > HPTTL h FIELDS 2 a b
            1) (integer) -1
            2) (integer) 100
            > :wait 100
            > HSET h b 4 => (integer) 0
            > HGET h b => "4"
            "#,
        );
    }

    #[test]
    fn long_values_make_a_table() {
        check(
            r#"
            > HSET h a 0123456789012345678901234567890123456789012345678901234567890123 => (integer) 1
            > :encoding h => listpack
            > HSET h a 01234567890123456789012345678901234567890123456789012345678901234 => (integer) 0
            > :encoding h => hashtable
            "#,
        );
    }

    #[test]
    fn hset_refuses() {
        check(
            r#"
            > SET s v => OK
            > HSET s a 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > HSET s a 1 b => (error) ERR wrong number of arguments for 'hset' command
            > HMSET s a 1 b => (error) ERR wrong number of arguments for 'hmset' command
            > HSET h a => (error) ERR wrong number of arguments for 'hset' command
            "#,
        );
    }
}
