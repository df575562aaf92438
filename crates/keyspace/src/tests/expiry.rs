//! Expired keys: read as absent, removed by whoever meets them, and by the cycle.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{START_MS, World, delete, read, set};
use crate::{ExpireCycle, Expiry, ReadTxn, WatchSet, WriteTxn};

const LONG: Duration = Duration::from_secs(60);

fn expired_keys(world: &World) -> u64 {
    world
        .keyspace
        .counters()
        .expired_keys
        .load(Ordering::Relaxed)
}

#[test]
fn a_key_lives_until_its_time_and_not_a_millisecond_longer() {
    let world = World::new();
    world.set_for("a", "1", 10);
    world.clock.advance_ms(9);
    assert_eq!(world.get("a"), Some("1".into()));
    world.clock.advance_ms(1);
    assert_eq!(world.get("a"), None);
    assert_eq!((expired_keys(&world), world.entries().len()), (1, 0));
    world.audit();
}

#[test]
fn an_expired_removal_is_an_effect_of_its_own_that_outlives_its_transaction() {
    let world = World::logging();
    world.set_for("a", "1", 10);
    world.set_for("b", "1", 10);
    world.clock.advance_ms(20);
    let mut txn = world.recording();
    super::set_command(&mut txn, "a", "2");
    txn.roll_back();
    assert_eq!(world.effects(), [["0: DEL a"]]);
    assert_eq!(expired_keys(&world), 1);
    let mut txn = world.recording();
    super::set_command(&mut txn, "b", "2");
    txn.commit();
    assert_eq!(
        world.effects(),
        [["0: DEL a"], ["0: DEL b"], ["0: SET b 2"]]
    );
    assert_eq!(world.get("b"), Some("2".into()));
    world.audit();
}

#[test]
fn a_key_that_is_given_a_time_in_the_past_counts_as_expired() {
    let world = World::new();
    world.set("a", "1", Expiry::Clear);
    let mut txn = world.locked(&["a"]);
    assert_eq!(
        WriteTxn::new(&mut txn)
            .slot(b"a")
            .and_then(|mut slot| slot.delete_expired()),
        Ok(true)
    );
    assert_eq!(
        WriteTxn::new(&mut txn)
            .slot(b"a")
            .and_then(|mut slot| slot.delete_expired()),
        Ok(false)
    );
    txn.commit();
    assert_eq!(expired_keys(&world), 1);
}

#[test]
fn while_expiry_is_paused_expired_keys_stay_and_read_as_absent() {
    let world = World::new();
    world.set_for("a", "1", 10);
    world.clock.advance_ms(20);
    world.keyspace.pause_expiry(true);
    assert_eq!(world.get("a"), None);
    let mut seen = Vec::new();
    let mut txn = world.recording();
    assert!(
        ReadTxn::new(&mut txn)
            .scan(0, 10, &|_| true, &mut |found| seen
                .push(found.key().to_vec()))
            .is_ok()
    );
    txn.commit();
    assert_eq!(ExpireCycle::default().run(&world.keyspace, LONG).removed, 0);
    assert_eq!(
        (seen.len(), world.entries().len(), expired_keys(&world)),
        (0, 1, 0)
    );
    world.keyspace.pause_expiry(false);
    assert_eq!(ExpireCycle::default().run(&world.keyspace, LONG).removed, 1);
    world.audit();
}

/// The expired entry stayed and a second one with the same key was linked beside it.
#[test]
fn while_expiry_is_paused_a_write_replaces_the_expired_entry() {
    let world = World::new();
    world.set_for("a", "old", 10);
    world.clock.advance_ms(20);
    world.keyspace.pause_expiry(true);
    world.set("a", "new", Expiry::Clear);
    assert_eq!(
        (world.get("a"), world.entries().len()),
        (Some("new".into()), 1)
    );
    let mut txn = world.recording();
    assert!(delete(&mut txn, "a"));
    txn.commit();
    assert_eq!(world.entries(), []);
    world.audit();
}

#[test]
fn what_expired_does_not_come_back_when_its_transaction_is_taken_back() {
    let world = World::new();
    world.set_for("a", "1", 10);
    world.clock.advance_ms(20);
    let mut txn = world.recording();
    set(&mut txn, "a", "2", Expiry::Clear);
    assert_eq!(read(&mut txn, "a"), Some("2".into()));
    txn.roll_back();
    assert_eq!(world.entries(), []);
    world.audit();
}

#[test]
fn the_cycle_removes_what_has_expired_in_every_database_and_nothing_else() {
    let world = World::logging();
    let mut txn = world.recording();
    for database in [0, 3, 15] {
        txn.select(database);
        for index in 0..200 {
            let key = format!("key:{index}");
            let expiry = match index % 4 {
                0 => Expiry::At(START_MS + 10),
                1 => Expiry::At(START_MS + 1000),
                _ => Expiry::Clear,
            };
            set(&mut txn, &key, "1", expiry);
        }
    }
    txn.commit();
    let mut cycle = ExpireCycle::default();
    assert_eq!(cycle.run(&world.keyspace, LONG).removed, 0);
    world.clock.advance_ms(20);
    let report = cycle.run(&world.keyspace, LONG);
    assert_eq!((report.removed, report.out_of_time), (150, false));
    assert!(report.examined >= 300, "{report:?}");
    assert_eq!(
        [0, 3, 15].map(|database| world.keyspace.database(database).keys()),
        [150, 150, 150]
    );
    assert_eq!(
        [0, 3, 15].map(|database| world.keyspace.database(database).expiring()),
        [50, 50, 50]
    );
    assert_eq!((world.effects().len(), expired_keys(&world)), (150, 150));
    assert!(world.effects().iter().all(|unit| unit.len() == 1));
    world.audit();
    world.clock.advance_ms(2000);
    assert_eq!(cycle.run(&world.keyspace, LONG).removed, 150);
    assert_eq!(
        cycle.run(&world.keyspace, LONG).examined,
        0,
        "stripes without an expiry are passed by"
    );
}

#[test]
fn slices_of_no_time_get_there_in_the_end() {
    let world = World::new();
    for index in 0..300 {
        world.set_for(&format!("key:{index}"), "1", 5);
    }
    world.clock.advance_ms(10);
    let mut cycle = ExpireCycle::default();
    let mut slices = 0;
    while world.keyspace.database(0).keys() > 0 {
        let report = cycle.run(&world.keyspace, Duration::ZERO);
        assert!(report.out_of_time || world.keyspace.database(0).keys() == 0);
        slices += 1;
        assert!(slices < 20_000, "it goes round without getting on");
    }
    assert!(slices > 100, "{slices}");
    world.audit();
}

#[test]
fn the_cycle_passes_by_a_stripe_that_somebody_holds() {
    let world = World::new();
    world.set_for("a", "1", 5);
    world.clock.advance_ms(10);
    let held = world.locked(&["a"]);
    assert_eq!(ExpireCycle::default().run(&world.keyspace, LONG).removed, 0);
    drop(held);
    assert_eq!(ExpireCycle::default().run(&world.keyspace, LONG).removed, 1);
}

/// Its removal goes out ahead of the transaction, and even if there is no swap in the end.
#[test]
fn what_has_expired_in_swapped_databases_is_told_by_its_old_number() {
    for is_committed in [false, true] {
        let world = World::logging();
        let mut txn = world.locked(&["a"]);
        for (database, expiry) in [(0, Expiry::At(START_MS + 5)), (1, Expiry::Clear)] {
            txn.select(database);
            set(&mut txn, "a", "1", expiry);
        }
        txn.select(1);
        let mut watch = WatchSet::default();
        assert_eq!(txn.watch(&mut watch, b"a"), Ok(()));
        txn.commit();
        world.clock.advance_ms(10);
        let mut txn = world.recording();
        assert_eq!(WriteTxn::new(&mut txn).swap(0, 1), Ok(()));
        let savepoint = txn.savepoint().expect("it records");
        assert_eq!(WriteTxn::new(&mut txn).swap(1, 2), Ok(()));
        assert!(txn.roll_back_to(savepoint));
        txn.select(1);
        assert_eq!(read(&mut txn, "a"), None);
        if is_committed {
            txn.commit();
        } else {
            txn.roll_back();
        }
        assert_eq!(world.effects(), [["0: DEL a"]]);
        assert_eq!(
            watch.changed(),
            is_committed,
            "the other database's key is as it was"
        );
        world.audit();
    }
}
