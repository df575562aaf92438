//! `SPOP key [count]` removes a member chosen at random and answers it, or null where there is none; with a count up to so many
//! different ones, as a set.
//!
//! The log gets the SREM of what was chosen, or the DEL of a set that was taken whole.
//!
//! ```text
//! > SADD winner alice
//! (integer) 1
//! > SPOP winner
//! "alice"
//! > SPOP winner 3
//! (empty array)
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec, errors,
};
use perilune_keyspace::{EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Edit, Item, Set, parse_i64};

use fastrand::Rng;

use super::{notify_removal, sample};
use crate::items::reply_item;

/// SPOP.
pub const SPOP: Command = Command::new(
    Spec {
        name: "spop",
        summary: "Returns one or more random members from a set after removing them. Deletes the set if the last member was popped.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::one(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("count").since("3.2.0").optional(),
        ],
        tips: &["nondeterministic_output"],
        history: &[("3.2.0", "Added the `count` argument.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(spop),
);

/// Members of one SREM in the log.
const BATCH: usize = 1024;

/// Where at most one member in so many stays, those that stay are chosen and make a new set.
const MOVE_STRATEGY_FACTOR: usize = 5;

fn spop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let key = arguments[1];
    match arguments {
        [_, _] => pop_one(txn, key, reply),
        [_, _, count] => {
            let count = parse_i64(count)
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(CommandError::new(
                    "ERR value is out of range, must be positive",
                ))?;
            pop_many(txn, key, count, reply)
        }
        _ => Err(errors::SYNTAX.into()),
    }
}

fn pop_one(txn: &mut WriteTxn<'_, '_>, key: &[u8], reply: &mut dyn Reply) -> Outcome {
    let bits = txn.random();
    let mut slot = txn.slot(key)?;
    let chosen = slot.collection::<Set>()?.and_then(|set| set.random(bits));
    let Some(member) = chosen.map(Item::to_vec) else {
        reply.null();
        return Ok(());
    };
    slot.edit(|set: &mut Edit<'_, Set>| set.remove(&member))?;
    notify_removal(&mut slot, "spop");
    reply.bulk(&member);
    txn.propagate(&[b"SREM".as_slice(), key, &member]);
    Ok(())
}

fn pop_many(
    txn: &mut WriteTxn<'_, '_>,
    key: &[u8],
    count: usize,
    reply: &mut dyn Reply,
) -> Outcome {
    let limits = txn.limits();
    let mut random = Rng::with_seed(txn.random());
    let mut slot = txn.slot(key)?;
    let Some(set) = slot.collection::<Set>()?.filter(|_| count > 0) else {
        reply.set(0);
        return Ok(());
    };
    let len = set.len();
    if count >= len {
        reply.set(len);
        set.iter().for_each(|member| reply_item(member, reply));
        slot.notify(EventClass::SET, "spop");
        slot.delete()?;
        slot.notify(EventClass::GENERIC, "del");
        txn.count_changes(len as u64 - 1);
        txn.propagate(&[b"DEL".as_slice(), key]);
        return Ok(());
    }
    let stay = len - count;
    let popped: Vec<Vec<u8>> = if stay * MOVE_STRATEGY_FACTOR > count {
        let popped = sample(set, count, &mut random);
        slot.edit(|set: &mut Edit<'_, Set>| {
            for member in &popped {
                set.remove(member);
            }
        })?;
        popped
    } else {
        let staying = sample(set, stay, &mut random);
        let mut kept = match set.as_intset() {
            Some(_) => Set::default(),
            None => Set::packed(),
        };
        for member in &staying {
            kept.add(Item::of(member), &limits);
        }
        let popped = set
            .iter()
            .filter(|member| !kept.contains_item(*member))
            .map(Item::to_vec)
            .collect();
        slot.set_collection(kept, Expiry::Keep)?;
        txn.count_changes(count as u64 - 1);
        popped
    };
    txn.notify(EventClass::SET, "spop", key);
    reply.set(count);
    for batch in popped.chunks(BATCH) {
        let mut words = vec![b"SREM".as_slice(), key];
        for member in batch {
            reply.bulk(member);
            words.push(member);
        }
        txn.propagate(&words);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn one_is_popped() {
        check(
            r#"
            > SPOP none => (nil)
            > SADD s a => (integer) 1
            > SPOP s => "a"
            > :sent => SREM s a
            > :changes => 1
            > :events
            s spop s
            g del s
            > EXISTS s => (integer) 0
            > SET k v => OK
            > SPOP k => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SPOP k 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SPOP k 1 2 => (error) ERR syntax error
            > SPOP k -1 => (error) ERR value is out of range, must be positive
            > SPOP k x => (error) ERR value is out of range, must be positive
            "#,
        );
    }

    #[test]
    fn as_many_as_there_are_are_popped() {
        check(
            r#"
            > SPOP none 3 => (empty array)
            > SADD s 1 2 3 => (integer) 3
            > SPOP s 0 => (empty array)
            > :changes => 0
            > SPOP s 3
            1) "1"
            2) "2"
            3) "3"
            > :changes => 3
            > :sent => DEL s
            > :events
            s spop s
            g del s
            > EXISTS s => (integer) 0
            "#,
        );
    }

    #[test]
    fn what_is_popped_is_gone_and_the_rest_stays() {
        use crate::testing::Stage;
        for (count, encoding) in [(10, "hashtable"), (250, "listpack")] {
            let mut stage = Stage::new();
            for i in 0..300 {
                stage.call(&format!("SADD s member:{i}"));
            }
            stage.call("PEXPIREAT s 2000000");
            let answer = stage.call(&format!("SPOP s {count}"));
            assert_eq!(answer.lines().count(), count);
            assert_eq!(stage.call("SCARD s"), format!("(integer) {}", 300 - count));
            for line in answer.lines() {
                let member = line.split('"').nth(1).expect("a quoted member");
                assert_eq!(stage.call(&format!("SISMEMBER s {member}")), "(integer) 0");
            }
            stage.play(&format!("> :encoding s => {encoding}"));
            stage.play("> :expires s => 2000000");
        }
    }
}
