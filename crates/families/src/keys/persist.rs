//! `PERSIST key` lets a key live for ever, and answers whether that changed something.
//!
//! ```text
//! > SET a 1 EX 100
//! OK
//! > PERSIST a
//! (integer) 1
//! > TTL a
//! (integer) -1
//! ```

use perilune_command::{
    Arg, Category, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
};
use perilune_keyspace::{EventClass, WriteTxn};
use perilune_resp::Reply;

/// PERSIST.
pub const PERSIST: Command = Command::new(
    Spec {
        name: "persist",
        summary: "Removes the expiration time of a key.",
        group: Group::Generic,
        since: "2.2.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::FAST,
        categories: Category::KEYSPACE,
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
        arguments: &[Arg::key("key", 0)],
        ..Spec::DEFAULT
    },
    DataHandler::Write(persist),
);

fn persist(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut slot = txn.slot(arguments[1])?;
    let expires = slot.expire_at_ms().is_some();
    if expires {
        slot.set_expiry(None)?;
        slot.notify(EventClass::GENERIC, "persist");
    }
    reply.integer(i64::from(expires));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn only_what_expires_is_changed() {
        check(
            "
            > PERSIST a => (integer) 0
            > SET a 1 => OK
            > PERSIST a => (integer) 0
            > :sent
            > PEXPIRE a 100 => (integer) 1
            > PERSIST a => (integer) 1
            > :sent => PERSIST a
            > :expires a => never
            ",
        );
    }
}
