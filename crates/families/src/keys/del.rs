//! `DEL key [key ...]` removes keys and answers how many there were.
//! `UNLINK key [key ...]` does the same: here no command waits for the memory of what it removes.
//!
//! ```text
//! > SET a 1
//! OK
//! > DEL a b
//! (integer) 1
//! > SET c 1
//! OK
//! > UNLINK c
//! (integer) 1
//! ```

use perilune_command::{
    Arg, Category, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;

/// DEL.
pub const DEL: Command = Command::new(
    Spec {
        name: "del",
        summary: "Deletes one or more keys.",
        group: Group::Generic,
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).",
        arity: -2,
        categories: Category::KEYSPACE,
        keys: &[KeySpec::range(
            1,
            -1,
            1,
            KeyFlags::RM.with(KeyFlags::DELETE),
        )],
        arguments: &[Arg::key("key", 0).multiple()],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Spec::DEFAULT
    },
    DataHandler::Write(del),
);

/// UNLINK.
pub const UNLINK: Command = Command::new(
    Spec {
        name: "unlink",
        summary: "Asynchronously deletes one or more keys.",
        group: Group::Generic,
        since: "4.0.0",
        complexity: "O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.",
        arity: -2,
        flags: Flags::FAST,
        categories: Category::KEYSPACE,
        keys: &[KeySpec::range(
            1,
            -1,
            1,
            KeyFlags::RM.with(KeyFlags::DELETE),
        )],
        arguments: &[Arg::key("key", 0).multiple()],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Spec::DEFAULT
    },
    DataHandler::Write(del),
);

fn del(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut deleted = 0;
    for key in &arguments[1..] {
        let mut slot = txn.slot(key)?;
        if slot.delete()? {
            slot.notify(EventClass::GENERIC, "del");
            deleted += 1;
        }
    }
    reply.integer(deleted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_key_named_twice_is_removed_once() {
        check(
            "
            > MSET a 1 b 2 => OK
            > DEL a nothing b a => (integer) 2
            > :changes => 2
            > :sent => DEL a nothing b a
            > DEL a => (integer) 0
            > :changes => 0
            > :sent
            > SET a 1 => OK
            > UNLINK a a => (integer) 1
            > :sent => UNLINK a a
            ",
        );
    }

    #[test]
    fn what_has_expired_is_not_there_to_be_removed() {
        check(
            "
            > SET a 1 PX 10 => OK
            > :wait 10
            > DEL a => (integer) 0
            ",
        );
    }

    #[test]
    fn events() {
        check(
            r#"
            > MSET a 1 b 2 => OK
            > DEL b none a => (integer) 2
            > :events
            g del b
            g del a
            > SET a 1 => OK
            > UNLINK a => (integer) 1
            > :events => g del a
            "#,
        );
    }
}
