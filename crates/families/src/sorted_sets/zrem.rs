//! `ZREM key member [member ...]` removes members and answers how many were there. With the last one the key goes.
//!
//! ```text
//! > ZADD board 10 alice 20 bob
//! (integer) 2
//! > ZREM board alice carol
//! (integer) 1
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::SortedSet;

use super::notify_removal;

/// ZREM.
pub const ZREM: Command = Command::new(
    Spec {
        name: "zrem",
        summary: "Removes one or more members from a sorted set. Deletes the sorted set if all members were removed.",
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))],
        arguments: &[Arg::key("key", 0), Arg::string("member").multiple()],
        history: &[("2.4.0", "Accepts multiple elements.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(zrem),
);

fn zrem(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut slot = txn.slot(arguments[1])?;
    if slot.collection::<SortedSet>()?.is_none() {
        reply.integer(0);
        return Ok(());
    }
    let removed = slot.edit::<SortedSet, _>(|set| {
        let members = arguments[2..].iter();
        members.filter(|member| set.remove(member)).count()
    })?;
    if removed > 0 {
        notify_removal(&mut slot, "zrem");
    }
    reply.integer(removed as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn zrem() {
        check(
            r#"
            > ZREM z a => (integer) 0
            > ZADD z 1 a 2 b 3 c => (integer) 3
            > ZREM z x => (integer) 0
            > :changes => 0
            > :events
            > ZREM z a x a c => (integer) 2
            > :changes => 2
            > :events => z zrem z
            > :sent => ZREM z a x a c
            > ZREM z b a => (integer) 1
            > :events
            z zrem z
            g del z
            > EXISTS z => (integer) 0
            > SET s v => OK
            > ZREM s a => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
