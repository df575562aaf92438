//! `EXISTS key [key ...]` answers how many of the keys there are; one named twice counts twice.
//! `TOUCH key [key ...]` answers the same, and counts as using them, even where
//! the client is not to touch keys (CLIENT NO-TOUCH).
//!
//! ```text
//! > SET a 1
//! OK
//! > EXISTS a a b
//! (integer) 2
//! > TOUCH a b
//! (integer) 1
//! ```

use perilune_command::{
    Arg, Category, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

/// EXISTS.
pub const EXISTS: Command = Command::new(
    Spec {
        name: "exists",
        summary: "Determines whether one or more keys exist.",
        group: Group::Generic,
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys to check.",
        arity: -2,
        flags: Flags::FAST,
        categories: Category::KEYSPACE,
        keys: &[KeySpec::range(1, -1, 1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0).multiple()],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        history: &[("3.0.3", "Accepts multiple `key` arguments.")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(exists),
);

/// TOUCH.
pub const TOUCH: Command = Command::new(
    Spec {
        name: "touch",
        summary: "Returns the number of existing keys out of those specified after updating the time they were last accessed.",
        group: Group::Generic,
        since: "3.2.1",
        complexity: "O(N) where N is the number of keys that will be touched.",
        arity: -2,
        flags: Flags::FAST,
        categories: Category::KEYSPACE,
        keys: &[KeySpec::range(1, -1, 1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0).multiple()],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(touch),
);

fn exists(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut count = 0;
    for key in &arguments[1..] {
        let exists = txn.peek(key)?.is_some();
        txn.count_lookup(key, exists);
        count += i64::from(exists);
    }
    reply.integer(count);
    Ok(())
}

fn touch(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut count = 0;
    for key in &arguments[1..] {
        count += i64::from(txn.touch(key)?);
    }
    reply.integer(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_has_expired_does_not_exist() {
        check(
            "
            > SET a 1 PX 10 => OK
            > EXISTS a a b => (integer) 2
            > TOUCH a a b => (integer) 2
            > :wait 10
            > EXISTS a => (integer) 0
            > TOUCH a => (integer) 0
            ",
        );
    }

    #[test]
    fn events_of_misses() {
        check(
            r#"
            > EXISTS a => (integer) 0
            > :events => m keymiss a
            > TYPE a => none
            > :events => m keymiss a
            > TTL a => (integer) -2
            > :events => m keymiss a
            > TOUCH a => (integer) 0
            > :events => m keymiss a
            > OBJECT ENCODING a => (nil)
            > :events
            > MEMORY USAGE a => (nil)
            > :events
            > MGET a b
            1) (nil)
            2) (nil)
            > :events
            m keymiss a
            m keymiss b
            "#,
        );
    }
}
