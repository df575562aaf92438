//! `SREM key member [member ...]` removes members of a set, and answers how many of them there were. A set that has lost its
//! last member is gone.
//!
//! ```text
//! > SADD tags red green blue
//! (integer) 3
//! > SREM tags red black
//! (integer) 1
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::{Edit, Set};

use super::notify_removal;

/// SREM.
pub const SREM: Command = Command::new(
    Spec {
        name: "srem",
        summary: "Removes one or more members from a set. Deletes the set if the last member was removed.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the number of members to be removed.",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))],
        arguments: &[Arg::key("key", 0), Arg::string("member").multiple()],
        history: &[("2.4.0", "Accepts multiple `member` arguments.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(srem),
);

fn srem(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let members = &arguments[2..];
    let mut slot = txn.slot(arguments[1])?;
    let Some(set) = slot.collection::<Set>()? else {
        reply.integer(0);
        return Ok(());
    };
    if !members.iter().any(|member| set.contains(member)) {
        reply.integer(0);
        return Ok(());
    }
    let removed = slot.edit(|set: &mut Edit<'_, Set>| {
        members.iter().filter(|member| set.remove(member)).count()
    })?;
    notify_removal(&mut slot, "srem");
    reply.integer(removed as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn members_are_removed() {
        check(
            r#"
            > SREM none a => (integer) 0
            > SADD s a b c => (integer) 3
            > SREM s x => (integer) 0
            > :changes => 0
            > :events =>
            > SREM s a x a => (integer) 1
            > :changes => 1
            > :events => s srem s
            > SREM s c b a => (integer) 2
            > :events
            s srem s
            g del s
            > EXISTS s => (integer) 0
            > SET k v => OK
            > SREM k v => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
