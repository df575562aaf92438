//! The record's limit, savepoints, and what a record holds on to.

use super::{World, delete, read, set, set_command};
use crate::plan::LockPlan;
use crate::{Abort, Expiry, ReadTxn, WriteTxn};

fn long(byte: char) -> String {
    byte.to_string().repeat(2000)
}

#[test]
fn a_record_past_its_limit_asks_for_all_stripes_and_is_dropped_when_it_has_them() {
    let world = World::new();
    world.set("a", &long('a'), Expiry::Clear);
    world.keyspace.set_undo_limit_bytes(1000);

    let mut txn = world.recording();
    set(&mut txn, "b", "1", Expiry::Clear);
    let full = WriteTxn::new(&mut txn)
        .slot(b"a")
        .and_then(|mut slot| slot.append(b"!"));
    assert_eq!(full, Err(Abort));
    assert_eq!(
        (txn.learned_plan(), txn.blocked_on()),
        (LockPlan::All, None)
    );
    txn.roll_back();
    assert_eq!((world.get("a"), world.get("b")), (Some(long('a')), None));
    world.audit();

    let mut txn = world.recording();
    assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
    let savepoint = txn.savepoint().expect("there is a record");
    set(&mut txn, "b", "1", Expiry::Clear);
    assert!(txn.can_roll_back() && !txn.record_was_dropped());
    let done = WriteTxn::new(&mut txn)
        .slot(b"a")
        .and_then(|mut slot| slot.append(b"!"));
    assert_eq!(done, Ok(2001));
    assert!(txn.record_was_dropped() && !txn.can_roll_back());
    assert!(
        !txn.roll_back_to(savepoint),
        "there is nothing to go back to"
    );
    assert!(delete(&mut txn, "a"));
    txn.commit();
    assert_eq!((world.get("a"), world.get("b")), (None, Some("1".into())));
    world.audit();
}

#[test]
fn an_all_or_nothing_transaction_keeps_its_record_and_says_that_it_is_full() {
    let world = World::new();
    world.keyspace.set_undo_limit_bytes(1000);
    world.set("a", &long('a'), Expiry::Clear);
    let mut txn = world.recording();
    txn.set_all_or_nothing(true);
    assert!(!txn.record_is_full());
    assert!(delete(&mut txn, "a"));
    assert!(txn.record_is_full() && txn.can_roll_back());
    txn.roll_back();
    assert_eq!(world.get("a"), Some(long('a')));
    world.audit();
}

#[test]
fn effects_count_towards_the_limit() {
    let world = World::logging();
    world.keyspace.set_undo_limit_bytes(4000);
    let mut txn = world.recording();
    txn.set_all_or_nothing(true);
    set_command(&mut txn, "a", &long('a'));
    set_command(&mut txn, "a", &long('b'));
    assert!(!txn.record_is_full() || txn.effects().memory_bytes() >= 4000);
    set_command(&mut txn, "a", &long('c'));
    assert!(txn.record_is_full());
    txn.roll_back();
}

#[test]
fn a_cleared_database_counts_towards_the_limit_while_it_can_come_back() {
    let world = World::new();
    for index in 0..50 {
        world.set(&format!("key:{index}"), &long('x'), Expiry::Clear);
    }
    world.keyspace.set_undo_limit_bytes(50_000);
    let mut txn = world.recording();
    txn.set_all_or_nothing(true);
    assert_eq!(WriteTxn::new(&mut txn).clear(0), Ok(50));
    assert!(txn.record_is_full());
    txn.roll_back();
    assert_eq!(world.keyspace.database(0).keys(), 50);
    world.audit();

    let mut txn = world.recording();
    assert_eq!(WriteTxn::new(&mut txn).clear(0), Ok(50));
    assert!(txn.record_was_dropped());
    txn.commit();
    assert_eq!(world.keyspace.database(0).keys(), 0);
    world.audit();
}

#[test]
fn what_goes_back_to_a_savepoint_makes_room_in_the_record() {
    let world = World::new();
    world.set("a", &long('a'), Expiry::Clear);
    world.keyspace.set_undo_limit_bytes(8000);
    let mut txn = world.recording();
    txn.set_all_or_nothing(true);
    for _ in 0..20 {
        let savepoint = txn.savepoint().expect("there is a record");
        assert!(delete(&mut txn, "a"));
        assert!(txn.roll_back_to(savepoint));
        assert!(!txn.record_is_full());
    }
    txn.commit();
    assert_eq!(world.get("a"), Some(long('a')));
}

#[test]
fn a_savepoint_takes_back_effects_changes_and_the_selected_database_with_the_data() {
    let world = World::logging();
    let mut txn = world.recording();
    set_command(&mut txn, "a", "1");
    let savepoint = txn.savepoint().expect("there is a record");
    txn.select(3);
    set_command(&mut txn, "a", "2");
    set_command(&mut txn, "b", "2");
    assert_eq!(txn.changes(), 3);
    assert!(txn.roll_back_to(savepoint));
    assert_eq!(
        (txn.changes(), txn.database(), txn.effects().len()),
        (1, 0, 1)
    );
    set_command(&mut txn, "c", "3");
    txn.commit();
    assert_eq!(world.effects(), [["0: SET a 1", "0: SET c 3"]]);
    assert_eq!(world.keyspace.database(3).keys(), 0);
}

/// The bytes of objects were counted anew from what was linked when a cleared database came back; what the record held
/// besides was forgotten, and the memory figure went below zero later.
#[test]
fn a_long_string_deleted_before_a_clearing_is_counted_when_both_are_taken_back() {
    let world = World::new();
    for key in ["a", "b", "c"] {
        world.set(key, &long('x'), Expiry::Clear);
    }
    for commits in [false, true] {
        let mut txn = world.recording();
        assert!(delete(&mut txn, "a"));
        assert_eq!(WriteTxn::new(&mut txn).clear(0), Ok(2));
        set(&mut txn, "b", &long('y'), Expiry::Clear);
        assert!(delete(&mut txn, "b"));
        if commits {
            txn.commit();
        } else {
            txn.roll_back();
        }
        world.audit();
    }
}

/// RENAME with a new name whose stripe cannot be had must leave the old one where it is, recorded or not.
#[test]
fn a_value_on_its_way_is_not_lost_when_its_destination_cannot_be_had() {
    let world = World::new();
    world.set("from", "1", Expiry::Clear);
    let held = world.locked(&["to"]);
    let mut txn = world.locked(&["from"]);
    assert_eq!(
        WriteTxn::new(&mut txn).relocate(b"from", 0, b"to"),
        Err(Abort)
    );
    txn.roll_back();
    drop(held);
    assert_eq!(world.get("from"), Some("1".into()));
}

#[test]
fn the_figures_of_a_transaction_count_its_own_changes_at_once() {
    let world = World::new();
    world.set("a", "1", Expiry::Clear);
    let mut txn = world.recording();
    set(&mut txn, "b", "1", Expiry::Clear);
    assert_eq!(ReadTxn::new(&mut txn).len(), 2);
    assert!(delete(&mut txn, "a") && delete(&mut txn, "b"));
    assert!(ReadTxn::new(&mut txn).is_empty());
    assert_eq!(
        world.keyspace.database(0).keys(),
        1,
        "others see what is committed"
    );
    assert_eq!(read(&mut txn, "a"), None);
    txn.roll_back();
    assert_eq!(world.keyspace.database(0).keys(), 1);
}
