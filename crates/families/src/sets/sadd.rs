//! `SADD key member [member ...]` adds members to a set, and answers how many of them are new.
//!
//! ```text
//! > SADD tags red green red
//! (integer) 2
//! > SADD tags green blue
//! (integer) 1
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Edit, Item, Set};

use super::FULL;

/// SADD.
pub const SADD: Command = Command::new(
    Spec {
        name: "sadd",
        summary: "Adds one or more members to a set. Creates the key if it doesn't exist.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        arity: -3,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))],
        arguments: &[Arg::key("key", 0), Arg::string("member").multiple()],
        history: &[("2.4.0", "Accepts multiple `member` arguments.")],
        ..Spec::DEFAULT
    },
    DataHandler::Write(sadd),
);

fn sadd(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let members = &arguments[2..];
    let limits = txn.limits();
    let mut slot = txn.slot(arguments[1])?;
    match slot.collection::<Set>()? {
        Some(set) if !set.has_room(members) => return Err(FULL.into()),
        // so many that the set is unpacked for them do that even where they are all there
        Some(set)
            if !set.is_outgrown_by(members.len(), &limits)
                && members.iter().all(|member| set.contains(member)) =>
        {
            reply.integer(0);
            return Ok(());
        }
        Some(_) => {}
        None => {
            let mut set = Set::for_members(members[0], members.len(), &limits);
            for member in members {
                set.add(Item::of(member), &limits);
            }
            let added = set.len();
            slot.set_collection(set, Expiry::Clear)?;
            slot.notify(EventClass::SET, "sadd");
            txn.count_changes(added as u64 - 1);
            reply.integer(added as i64);
            return Ok(());
        }
    }
    let added = slot.edit(|set: &mut Edit<'_, Set>| {
        set.expect(members.len());
        members.iter().filter(|member| set.insert(member)).count()
    })?;
    if added > 0 {
        slot.notify(EventClass::SET, "sadd");
    }
    reply.integer(added as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    /// The reference looks at how many members come before it looks at which.
    #[test]
    fn a_set_is_unpacked_for_many_members_even_if_it_has_them_all() {
        let again = format!("SADD s{}", " 1".repeat(600));
        let check = |first: &str, packed: &str| {
            crate::testing::check(&format!(
                "
                > SADD s {first} 1 => (integer) 2
                > :encoding s => {packed}
                > {again} => (integer) 0
                > :changes => 0
                > :encoding s => hashtable
                "
            ));
        };
        check("2", "intset");
        check("a", "listpack");
    }

    #[test]
    fn members_are_added_once() {
        check(
            r#"
            > SADD s 1 2 1 => (integer) 2
            > :changes => 2
            > :encoding s => intset
            > :events
            n new s
            s sadd s
            > SADD s 2 => (integer) 0
            > :changes => 0
            > :events =>
            > SADD s word => (integer) 1
            > :encoding s => listpack
            > :events => s sadd s
            > PEXPIREAT s 2000000 => (integer) 1
            > SADD s more => (integer) 1
            > :expires s => 2000000
            > :sent => SADD s more
            > SET k v => OK
            > SADD k v => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn the_number_of_members_to_come_decides_on_the_encoding() {
        let words = |count| (0..count).map(|i| format!(" w{i}")).collect::<String>();
        check(&format!(
            r#"
            > SADD a{} => (integer) 128
            > :encoding a => listpack
            > SADD b{} => (integer) 129
            > :encoding b => hashtable
            > SADD c 1 => (integer) 1
            > SADD c{} => (integer) 128
            > :encoding c => hashtable
            "#,
            words(128),
            words(129),
            words(128),
        ));
    }
}
