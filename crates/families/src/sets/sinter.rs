//! `SINTER key [key ...]` answers the members that all of these sets have, `SINTERSTORE destination key [key ...]` makes them a
//! set and answers how many they are, and `SINTERCARD numkeys key [key ...] [LIMIT limit]` only counts them, up to a limit. A
//! key that does not exist is an empty set.
//!
//! ```text
//! > SADD a 1 2 3
//! (integer) 3
//! > SADD b 2 3 4
//! (integer) 3
//! > SINTER a b
//! 1) "2"
//! 2) "3"
//! > SINTERSTORE both a b
//! (integer) 2
//! > SINTERCARD 2 a b LIMIT 1
//! (integer) 1
//! ```

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome,
    Spec, errors,
};
use perilune_keyspace::{ReadTxn, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Item, Set, parse_i64};

use super::{Sources, store};
use crate::items::reply_item;

/// SINTER.
pub const SINTER: Command = Command::new(
    Spec {
        name: "sinter",
        summary: "Returns the intersect of multiple sets.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
        arity: -2,
        keys: &[KeySpec::range(
            1,
            -1,
            1,
            KeyFlags::RO.with(KeyFlags::ACCESS),
        )],
        arguments: &[Arg::key("key", 0).multiple()],
        tips: &["nondeterministic_output_order"],
        ..Spec::DEFAULT
    },
    DataHandler::Read(sinter),
);

/// SINTERSTORE.
pub const SINTERSTORE: Command = Command::new(
    Spec {
        name: "sinterstore",
        summary: "Stores the intersect of multiple sets in a key.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
        arity: -3,
        flags: Flags::DENYOOM,
        keys: &[
            KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE)),
            KeySpec::range(2, -1, 1, KeyFlags::RO.with(KeyFlags::ACCESS)),
        ],
        arguments: &[Arg::key("destination", 0), Arg::key("key", 1).multiple()],
        ..Spec::DEFAULT
    },
    DataHandler::Write(sinterstore),
);

/// SINTERCARD.
pub const SINTERCARD: Command = Command::new(
    Spec {
        name: "sintercard",
        summary: "Returns the number of members of the intersect of multiple sets.",
        group: Group::Set,
        since: "7.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
        arity: -3,
        keys: &[KeySpec::counted(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::integer("numkeys"),
            Arg::key("key", 0).multiple(),
            Arg::integer("limit").after("LIMIT").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(sintercard),
);

fn sinter(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let sets = Sources::find(txn, &arguments[1..])?;
    let members: Vec<Item<'_>> = common(&sets).collect();
    reply.set(members.len());
    members
        .into_iter()
        .for_each(|member| reply_item(member, reply));
    Ok(())
}

fn sinterstore(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let limits = txn.limits();
    let sets = Sources::find(txn, &arguments[2..])?;
    let smallest = sets.by_len().next();
    let mut result = match smallest.map(Set::as_intset) {
        Some(Some(_)) => Set::default(),
        _ => Set::packed(),
    };
    for member in common(&sets) {
        result.add(member, &limits);
    }
    let result = result.into_intset_if_possible(&limits);
    store(txn, arguments[1], result, "sinterstore", reply)
}

fn sintercard(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let numkeys = parse_i64(arguments[1])
        .filter(|numkeys| *numkeys > 0)
        .ok_or(CommandError::new("ERR numkeys should be greater than 0"))?;
    let keys = usize::try_from(numkeys)
        .ok()
        .and_then(|numkeys| arguments[2..].get(..numkeys))
        .ok_or(CommandError::new(
            "ERR Number of keys can't be greater than number of args",
        ))?;
    let mut limit = 0;
    let mut options = Arguments::from(arguments, 2 + keys.len());
    while options.peek().is_some() {
        if !options.take_token("LIMIT") {
            return Err(errors::SYNTAX.into());
        }
        limit = parse_i64(options.required()?)
            .and_then(|limit| usize::try_from(limit).ok())
            .ok_or(CommandError::new("ERR LIMIT can't be negative"))?;
    }
    let sets = Sources::find(txn, keys)?;
    let limit = if limit == 0 { usize::MAX } else { limit };
    reply.integer(common(&sets).take(limit).count() as i64);
    Ok(())
}

/// The members that all sets have.
fn common<'a>(sets: &'a Sources<'a>) -> impl Iterator<Item = Item<'a>> {
    let mut sorted: Vec<&Set> = sets.by_len().collect();
    let smallest = (!sets.some_are_missing() && !sorted.is_empty()).then(|| sorted.remove(0));
    let members = smallest.into_iter().flat_map(Set::iter);
    members.filter(move |member| sorted.iter().all(|set| set.contains_item(*member)))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn what_all_have_is_told() {
        check(
            r#"
            > SADD a 1 2 3 4 => (integer) 4
            > SADD b 2 3 x => (integer) 3
            > SINTER a b
            1) "2"
            2) "3"
            > SINTER a => 1) "1"
            2) "2"
            3) "3"
            4) "4"
            > SINTER a a b => 1) "2"
            2) "3"
            > SINTER a none => (empty array)
            > SINTER none => (empty array)
            > :resp 3
            > SINTER a none => (empty set)
            > SET k v => OK
            > SINTER none k => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SINTER a k => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn the_result_is_stored() {
        check(
            r#"
            > SADD a 1 2 3 4 => (integer) 4
            > SADD b 2 3 x => (integer) 3
            > SINTERSTORE d a b => (integer) 2
            > :changes => 1
            > :sent => SINTERSTORE d a b
            > :encoding d => intset
            > :events
            n new d
            s sinterstore d
            > SINTERSTORE d b b => (integer) 3
            > :encoding d => listpack
            > SINTERSTORE a a b => (integer) 2
            > SMEMBERS a
            1) "2"
            2) "3"
            > SINTERSTORE d a none => (integer) 0
            > :events
            m keymiss none
            g del d
            > EXISTS d => (integer) 0
            > SINTERSTORE d a none => (integer) 0
            > :changes => 0
            > SET k v => OK
            > SINTERSTORE k a => (integer) 2
            > TYPE k => set
            "#,
        );
    }

    #[test]
    fn the_common_members_are_counted() {
        check(
            r#"
            > SADD a 1 2 3 4 => (integer) 4
            > SADD b 2 3 4 x => (integer) 4
            > SINTERCARD 2 a b => (integer) 3
            > SINTERCARD 2 a b LIMIT 2 => (integer) 2
            > SINTERCARD 2 a b LIMIT 0 LIMIT 9 => (integer) 3
            > SINTERCARD 2 a none => (integer) 0
            > SINTERCARD 0 a => (error) ERR numkeys should be greater than 0
            > SINTERCARD x a => (error) ERR numkeys should be greater than 0
            > SINTERCARD 3 a b => (error) ERR Number of keys can't be greater than number of args
            > SINTERCARD 1 a b => (error) ERR syntax error
            > SINTERCARD 1 a LIMIT => (error) ERR syntax error
            > SINTERCARD 1 a LIMIT -1 => (error) ERR LIMIT can't be negative
            > SINTERCARD 1 a LIMIT x => (error) ERR LIMIT can't be negative
            "#,
        );
    }
}
