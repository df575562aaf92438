//! `SISMEMBER key member` answers whether something is a member of a set, `SMISMEMBER key member [member ...]` does so for
//! several.
//!
//! ```text
//! > SADD tags red green
//! (integer) 2
//! > SISMEMBER tags red
//! (integer) 1
//! > SMISMEMBER tags blue green
//! 1) (integer) 0
//! 2) (integer) 1
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

use super::find;

/// SISMEMBER.
pub const SISMEMBER: Command = Command::new(
    Spec {
        name: "sismember",
        summary: "Determines whether a member belongs to a set.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0), Arg::string("member")],
        ..Spec::DEFAULT
    },
    DataHandler::Read(sismember),
);

/// SMISMEMBER.
pub const SMISMEMBER: Command = Command::new(
    Spec {
        name: "smismember",
        summary: "Determines whether multiple members belong to a set.",
        group: Group::Set,
        since: "6.2.0",
        complexity: "O(N) where N is the number of elements being checked for membership",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0), Arg::string("member").multiple()],
        ..Spec::DEFAULT
    },
    DataHandler::Read(smismember),
);

fn sismember(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let is_member = find(txn, arguments[1])?.is_some_and(|set| set.contains(arguments[2]));
    reply.integer(i64::from(is_member));
    Ok(())
}

fn smismember(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let set = find(txn, arguments[1])?;
    let members = &arguments[2..];
    reply.array(members.len());
    for member in members {
        let is_member = set.is_some_and(|set| set.contains(member));
        reply.integer(i64::from(is_member));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn members_are_told_from_others() {
        check(
            r#"
            > SISMEMBER none a => (integer) 0
            > SADD s 1 2 => (integer) 2
            > SISMEMBER s 1 => (integer) 1
            > SISMEMBER s 01 => (integer) 0
            > SADD s a => (integer) 1
            > SISMEMBER s 1 => (integer) 1
            > SMISMEMBER s a 2 3
            1) (integer) 1
            2) (integer) 1
            3) (integer) 0
            > SMISMEMBER none a => 1) (integer) 0
            > SET k v => OK
            > SISMEMBER k v => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SMISMEMBER k v => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
