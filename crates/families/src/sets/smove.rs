//! `SMOVE source destination member` takes a member out of one set and adds it to another. Answers whether it was in the
//! first.
//!
//! ```text
//! > SADD free seat:1 seat:2
//! (integer) 2
//! > SMOVE free taken seat:1
//! (integer) 1
//! > SMOVE free taken seat:1
//! (integer) 0
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, Expiry, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Edit, Item, Set};

use super::{FULL, notify_removal};

/// SMOVE.
pub const SMOVE: Command = Command::new(
    Spec {
        name: "smove",
        summary: "Moves a member from one set to another.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 4,
        flags: Flags::FAST,
        keys: &[
            KeySpec::one(
                1,
                KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
            ),
            KeySpec::one(2, KeyFlags::RW.with(KeyFlags::INSERT)),
        ],
        arguments: &[
            Arg::key("source", 0),
            Arg::key("destination", 1),
            Arg::string("member"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(smove),
);

fn smove(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (source, destination, member) = (arguments[1], arguments[2], arguments[3]);
    let limits = txn.limits();
    let slot = txn.slot(source)?;
    if !slot.exists() {
        // looked up, and so used, all the same
        txn.slot(destination)?;
        reply.integer(0);
        return Ok(());
    }
    let is_member = slot
        .collection::<Set>()?
        .is_some_and(|set| set.contains(member));
    if source == destination {
        reply.integer(i64::from(is_member));
        return Ok(());
    }
    let at_destination = txn.slot(destination)?;
    if let Some(set) = at_destination.collection::<Set>()?
        && !set.has_room(&[member])
    {
        return Err(FULL.into());
    }
    if !is_member {
        reply.integer(0);
        return Ok(());
    }
    let mut slot = txn.slot(source)?;
    slot.edit(|set: &mut Edit<'_, Set>| set.remove(member))?;
    notify_removal(&mut slot, "srem");
    let mut slot = txn.slot(destination)?;
    if !slot.exists() {
        let mut set = Set::for_members(member, 1, &limits);
        set.add(Item::of(member), &limits);
        slot.set_collection(set, Expiry::Clear)?;
        slot.notify(EventClass::SET, "sadd");
    } else if slot.edit(|set: &mut Edit<'_, Set>| set.insert(member))? {
        slot.notify(EventClass::SET, "sadd");
    }
    reply.integer(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_member_moves() {
        check(
            r#"
            > SADD a 1 2 => (integer) 2
            > SMOVE none b 1 => (integer) 0
            > SMOVE a b 3 => (integer) 0
            > :changes => 0
            > SMOVE a b 1 => (integer) 1
            > :changes => 2
            > :sent => SMOVE a b 1
            > :events
            s srem a
            n new b
            s sadd b
            > SMOVE a a 2 => (integer) 1
            > SMOVE a a 3 => (integer) 0
            > :changes => 0
            > SADD b 2 => (integer) 1
            > SMOVE a b 2 => (integer) 1
            > :changes => 1
            > :events
            s srem a
            g del a
            > EXISTS a => (integer) 0
            > SMEMBERS b
            1) "1"
            2) "2"
            > SET k v => OK
            > SMOVE none k 1 => (integer) 0
            > SMOVE b k 3 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SMOVE k b 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
