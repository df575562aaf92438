//! `SUNION key [key ...]` answers the members that any of these sets has, `SDIFF key [key ...]` those of the first that no other has;
//! `SUNIONSTORE destination key [key ...]` and `SDIFFSTORE destination key [key ...]` make them a set and answer how many they
//! are. A key that does not exist is an empty set.
//!
//! ```text
//! > SADD a 1 2 3
//! (integer) 3
//! > SADD b 3 4
//! (integer) 2
//! > SUNION a b
//! 1) "1"
//! 2) "2"
//! 3) "3"
//! 4) "4"
//! > SDIFF a b
//! 1) "1"
//! 2) "2"
//! > SDIFFSTORE rest a b
//! (integer) 2
//! > SUNIONSTORE all a b
//! (integer) 4
//! ```

use perilune_command::{
    Arg, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec,
};
use perilune_keyspace::{ReadTxn, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Edit, Limits, Set};

use super::{FULL, Sources, store};
use crate::items::reply_item;

/// SUNION.
pub const SUNION: Command = Command::new(
    Spec {
        name: "sunion",
        summary: "Returns the union of multiple sets.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
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
    DataHandler::Read(sunion),
);

/// SUNIONSTORE.
pub const SUNIONSTORE: Command = Command::new(
    Spec {
        name: "sunionstore",
        summary: "Stores the union of multiple sets in a key.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        arity: -3,
        flags: Flags::DENYOOM,
        keys: &[
            KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE)),
            KeySpec::range(2, -1, 1, KeyFlags::RO.with(KeyFlags::ACCESS)),
        ],
        arguments: &[Arg::key("destination", 0), Arg::key("key", 1).multiple()],
        ..Spec::DEFAULT
    },
    DataHandler::Write(sunionstore),
);

/// SDIFF.
pub const SDIFF: Command = Command::new(
    Spec {
        name: "sdiff",
        summary: "Returns the difference of multiple sets.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
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
    DataHandler::Read(sdiff),
);

/// SDIFFSTORE.
pub const SDIFFSTORE: Command = Command::new(
    Spec {
        name: "sdiffstore",
        summary: "Stores the difference of multiple sets in a key.",
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        arity: -3,
        flags: Flags::DENYOOM,
        keys: &[
            KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE)),
            KeySpec::range(2, -1, 1, KeyFlags::RO.with(KeyFlags::ACCESS)),
        ],
        arguments: &[Arg::key("destination", 0), Arg::key("key", 1).multiple()],
        ..Spec::DEFAULT
    },
    DataHandler::Write(sdiffstore),
);

fn sunion(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let limits = txn.limits();
    let sets = Sources::find(txn, &arguments[1..])?;
    reply_set(&union(&sets, &limits)?, reply);
    Ok(())
}

fn sdiff(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let limits = txn.limits();
    let sets = Sources::find(txn, &arguments[1..])?;
    reply_set(&difference(&sets, &limits), reply);
    Ok(())
}

fn sunionstore(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let limits = txn.limits();
    let result = union(&Sources::find(txn, &arguments[2..])?, &limits)?;
    store(txn, arguments[1], result, "sunionstore", reply)
}

fn sdiffstore(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let limits = txn.limits();
    let result = difference(&Sources::find(txn, &arguments[2..])?, &limits);
    store(txn, arguments[1], result, "sdiffstore", reply)
}

fn reply_set(set: &Set, reply: &mut dyn Reply) {
    reply.set(set.len());
    set.iter().for_each(|member| reply_item(member, reply));
}

/// # Errors
/// If there are more members than a set can have: only a union can be greater than every set that it is made of.
fn union(sets: &Sources<'_>, limits: &Limits) -> Result<Set, CommandError> {
    let mut result = begin(sets.present());
    for set in sets.present() {
        let fits = Set::can_hold(
            result.len() + set.len(),
            result.heap_bytes() + set.heap_bytes(),
        );
        let mut digits = itoa::Buffer::new();
        for member in set.iter() {
            if !fits && !result.has_room(&[member.bytes(&mut digits)]) {
                return Err(FULL);
            }
            result.add(member, limits);
        }
    }
    Ok(settled(result, sets.present(), limits))
}

/// What a result begins as. A table shows its members in any order, and which encoding they come to one after the other may
/// depend on that; so that it does not, they begin as strings, and are [turned](settled) to integers together.
fn begin<'t>(mut sources: impl Iterator<Item = &'t Set>) -> Set {
    match sources.all(Set::is_packed) {
        true => Set::default(),
        false => Set::packed(),
    }
}

/// The result of all members of these sets that are in it.
fn settled<'t>(result: Set, mut sources: impl Iterator<Item = &'t Set>, limits: &Limits) -> Set {
    match sources.all(Set::is_packed) {
        true => result,
        false => result.into_intset_if_possible(limits),
    }
}

/// Goes over the first set and asks all others, or, where those are small beside it, over all of them: what costs less.
fn difference(sets: &Sources<'_>, limits: &Limits) -> Set {
    let Some((Some(first), others)) = sets.split_first() else {
        return Set::default();
    };
    let source = || std::iter::once(first);
    let mut result = begin(source());
    let others: Vec<&Set> = others.collect();
    let lookups = first.len() * (others.len() + 1) / 2;
    let walks = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    if lookups <= walks {
        for member in first.iter() {
            if !others.iter().any(|set| set.contains_item(member)) {
                result.add(member, limits);
            }
        }
        return settled(result, source(), limits);
    }
    for member in first.iter() {
        result.add(member, limits);
    }
    let mut result = settled(result, source(), limits);
    let mut edit = Edit::new(&mut result, None, limits);
    for member in others.into_iter().flat_map(Set::iter) {
        edit.remove(member.bytes(&mut itoa::Buffer::new()));
    }
    result
}

#[cfg(test)]
mod tests {
    use perilune_value::{Item, Limits, Set};

    use super::{Sources, difference, union};
    use crate::testing::check;

    /// A table shows its members in an order that depends on what it held before.
    #[test]
    fn the_encoding_of_a_result_does_not_depend_on_the_order_of_a_table() {
        let small = Limits {
            set_max_listpack_entries: 1,
            ..Limits::default()
        };
        let limits = Limits {
            set_max_intset_entries: 2,
            ..Limits::default()
        };
        for past in 0..64 {
            let mut set = Set::default();
            set.add(Item::Bytes(b"a"), &small);
            for int in [past, 1, 2, 3, 4] {
                set.add(Item::Int(int), &small);
            }
            let sources = || Sources(vec![Some(&set)]);
            let results = [
                difference(&sources(), &limits),
                union(&sources(), &limits).expect("there is room"),
            ];
            assert_eq!(
                results.map(|result| result.encoding_name()),
                ["listpack"; 2]
            );
        }
    }

    #[test]
    fn sets_are_joined_and_subtracted() {
        check(
            r#"
            > SADD a 1 2 3 => (integer) 3
            > SADD b 3 4 => (integer) 2
            > SUNION a b none => 1) "1"
            2) "2"
            3) "3"
            4) "4"
            > SDIFF a b => 1) "1"
            2) "2"
            > SDIFF a => 1) "1"
            2) "2"
            3) "3"
            > SDIFF a b a => (empty array)
            > SDIFF none a => (empty array)
            > SUNION none => (empty array)
            > SDIFF b none a => 1) "4"
            > :resp 3
            > SUNION none => (empty set)
            > SDIFF a b => 1~ "1"
            2~ "2"
            > SET k v => OK
            > SUNION a k => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > SDIFF none k => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn results_are_stored() {
        check(
            r#"
            > SADD a 1 2 3 => (integer) 3
            > SADD b 3 x => (integer) 2
            > SUNIONSTORE d a b => (integer) 4
            > :encoding d => listpack
            > :sent => SUNIONSTORE d a b
            > :changes => 1
            > :events
            n new d
            s sunionstore d
            > SDIFFSTORE d a b => (integer) 2
            > :encoding d => intset
            > SDIFFSTORE d a d => (integer) 1
            > SMEMBERS d => 1) "3"
            > SDIFFSTORE d a a => (integer) 0
            > :events => g del d
            > SUNIONSTORE d none => (integer) 0
            > :changes => 0
            "#,
        );
    }

    #[test]
    fn a_big_set_less_small_ones_is_right_by_either_way() {
        use crate::testing::Stage;
        let mut stage = Stage::new();
        for i in 0..200 {
            stage.call(&format!("SADD big {i} w{i}"));
        }
        let mut call = String::from("SDIFFSTORE rest big");
        for i in 0..6 {
            stage.call(&format!("SADD small{i} {i} w{} none{i}", i + 50));
            call += &format!(" small{i}");
        }
        assert_eq!(stage.call(&call), "(integer) 388");
        assert_eq!(
            stage.call("SMISMEMBER rest 5 6 w50 w56"),
            "1) (integer) 0\n2) (integer) 1\n3) (integer) 0\n4) (integer) 1"
        );
    }
}
