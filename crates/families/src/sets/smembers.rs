//! `SMEMBERS key` answers all members of a set.
//!
//! ```text
//! > SADD tags 3 1 2
//! (integer) 3
//! > SMEMBERS tags
//! 1) "1"
//! 2) "2"
//! 3) "3"
//! ```

use perilune_command::{Arg, Command, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::{Collection, Set};

use super::find;
use crate::items::reply_item;

/// SMEMBERS.
pub const SMEMBERS: Command = Command::new(
    Spec {
        name: "smembers",
        summary: "Returns all members of a set.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the set cardinality.",
        arity: 2,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[Arg::key("key", 0)],
        tips: &["nondeterministic_output_order"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(smembers),
);

fn smembers(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    match (find(txn, arguments[1])?, reply.as_writer()) {
        (None, _) => reply.set(0),
        (Some(set), Some(mut writer)) => answer(set, &mut writer),
        (Some(set), None) => answer(set, reply),
    }
    Ok(())
}

fn answer<R: Reply + ?Sized>(set: &Set, reply: &mut R) {
    reply.set(set.len());
    set.iter().for_each(|member| reply_item(member, reply));
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn all_members_are_told() {
        check(
            r#"
            > SMEMBERS none => (empty array)
            > SADD s 10 2 => (integer) 2
            > SMEMBERS s
            1) "2"
            2) "10"
            > SADD s a => (integer) 1
            > :resp 3
            > SMEMBERS s
            1~ "2"
            2~ "10"
            3~ "a"
            > SMEMBERS none => (empty set)
            > SET k v => OK
            > SMEMBERS k => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
