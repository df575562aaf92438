//! `HDEL key field [field ...]` deletes fields and answers how many there were. With the last one the key goes.
//!
//! ```text
//! > HSET user:1 name Ada born 1815
//! (integer) 2
//! > HDEL user:1 born died
//! (integer) 1
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Hash};

/// HDEL.
pub const HDEL: Command = Command::new(
    Spec {
        name: "hdel",
        summary: "Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields to be removed.",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))],
        arguments: &[Arg::key("key", 0), Arg::string("field").multiple()],
        history: &[("2.4.0", "Accepts multiple `field` arguments.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(hdel),
);

fn hdel(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut slot = txn.slot(arguments[1])?;
    if slot.collection::<Hash>()?.is_none() {
        reply.integer(0);
        return Ok(());
    }
    let deleted = slot.edit::<Hash, _>(|hash| {
        for field in &arguments[2..] {
            if hash.remove(field) && hash.is_empty() {
                break;
            }
        }
        hash.changes()
    })?;
    if deleted > 0 {
        slot.notify(EventClass::HASH, "hdel");
        if !slot.exists() {
            slot.notify(EventClass::GENERIC, "del");
        }
    }
    reply.integer(deleted as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hdel_deletes_fields_and_the_key_with_the_last() {
        check(
            r#"
            > HDEL h a => (integer) 0
            > HSET h a 1 b 2 c 3 => (integer) 3
            > HDEL h a x a => (integer) 1
            > :changes => 1
            > :events => h hdel h
            > :sent => HDEL h a x a
            > HDEL h x => (integer) 0
            > :sent =>
            > HDEL h b c b => (integer) 2
            > :events
            h hdel h
            g del h
            > EXISTS h => (integer) 0
            > SET s v => OK
            > HDEL s a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn hdel_counts_what_has_expired_and_is_still_there() {
        check(
            r#"
            > HSETEX h PX 10 FIELDS 2 a 1 b 2 => (integer) 1
            > :wait 10
            > HDEL h a => (integer) 1
            "#,
        );
    }
}
