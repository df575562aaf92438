//! `HSETNX key field value` sets a field that is not there: 1, or 0 if it is there and stays as it is.
//!
//! ```text
//! > HSETNX job owner alice
//! (integer) 1
//! > HSETNX job owner bob
//! (integer) 0
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::{EventClass, Fields, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{FieldExpiry, Hash, Item};

use super::{check_room, open};

/// HSETNX.
pub const HSETNX: Command = Command::new(
    Spec {
        name: "hsetnx",
        summary: "Sets the value of a field in a hash only when the field doesn't exist.",
        group: Group::Hash,
        since: "2.0.0",
        complexity: "O(1)",
        arity: 4,
        flags: Flags::DENYOOM.with(Flags::FAST),
        keys: &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))],
        arguments: &[
            Arg::key("key", 0),
            Arg::string("field"),
            Arg::string("value"),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(hsetnx),
);

fn hsetnx(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (field, value) = (arguments[2], arguments[3]);
    let (mut slot, now_ms) = open(txn, arguments[1], Fields::each(&[field]))?;
    let hash = slot.collection::<Hash>()?;
    if hash.is_some_and(|hash| hash.at(now_ms).get(field).is_some()) {
        reply.integer(0);
        return Ok(());
    }
    check_room(hash, &arguments[2..])?;
    slot.edit::<Hash, _>(|hash| {
        hash.make_room(&arguments[2..]);
        hash.set(field, Item::of(value), FieldExpiry::Clear);
    })?;
    slot.notify(EventClass::HASH, "hset");
    reply.integer(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hsetnx_sets_what_is_not_there() {
        check(
            r#"
            > HSETNX h a 1 => (integer) 1
            > :events
            n new h
            h hset h
            > HSETNX h a 2 => (integer) 0
            > :changes => 0
            > HSETNX h b 2 => (integer) 1
            > HGET h a => "1"
            > SET s v => OK
            > HSETNX s a 1 => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn an_expired_field_is_not_there() {
        check(
            r#"
            > HSETEX h PX 10 FIELDS 1 a 1 => (integer) 1
            > HSETNX h a 2 => (integer) 0
            > :wait 10
            > HSETNX h a 2 => (integer) 1
            > HPTTL h FIELDS 1 a => 1) (integer) -1
            "#,
        );
    }
}
