//! WATCH: which changes a watcher hears of, as the judge has it.

use super::{World, delete, set};
use crate::plan::LockPlan;
use crate::{Expiry, Txn, WatchSet, WriteTxn};

fn watch(world: &World, database: usize, keys: &[&str]) -> WatchSet {
    let mut set = WatchSet::default();
    let mut txn = Txn::begin(&world.keyspace, database);
    txn.record();
    for key in keys {
        assert_eq!(txn.watch(&mut set, key.as_bytes()), Ok(()));
    }
    txn.commit();
    set
}

fn changed(world: &World, set: &WatchSet) -> bool {
    let mut txn = world.recording();
    let changed = txn.watched_changed(set).expect("the stripes can be had");
    txn.commit();
    changed
}

/// Sets up, watches `x` in database 0, does something, and asks.
fn check(name: &str, before: impl Fn(&World), then: impl Fn(&World), expected: bool) {
    let world = World::new();
    before(&world);
    let set = watch(&world, 0, &["x"]);
    then(&world);
    assert_eq!(changed(&world, &set), expected, "{name}");
    world.audit();
}

fn in_all(world: &World, change: impl Fn(&mut WriteTxn<'_, '_>)) {
    let mut txn = Txn::begin(&world.keyspace, 0);
    assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
    change(&mut WriteTxn::new(&mut txn));
    txn.commit();
}

fn clear(world: &World) {
    in_all(world, |txn| assert!(txn.clear(0).is_ok()));
}

fn swap(world: &World) {
    in_all(world, |txn| assert!(txn.swap(0, 1).is_ok()));
}

fn nothing(_: &World) {}

fn live(world: &World) {
    world.set("x", "1", Expiry::Clear);
}

fn stale(world: &World) {
    world.set_for("x", "1", 1);
    world.clock.advance_ms(2);
}

/// The same in database 1.
fn in_other(world: &World, before: impl Fn(&World)) {
    before(world);
    swap(world);
}

#[test]
fn a_watcher_hears_of_every_change_of_its_key_and_of_no_other() {
    let expire = |world: &World| {
        let mut txn = world.locked(&["x"]);
        assert!(
            WriteTxn::new(&mut txn)
                .slot(b"x")
                .and_then(|mut slot| slot.set_expiry(Some(i64::MAX)))
                .is_ok()
        );
        txn.commit();
    };
    let remove = |world: &World| {
        let mut txn = world.locked(&["x"]);
        delete(&mut txn, "x");
        txn.commit();
    };
    check("nothing happens", live, nothing, false);
    check("it is set", nothing, live, true);
    check("it is set to the same", live, live, true);
    check("it gets an expiry", live, expire, true);
    check("it is deleted", live, remove, true);
    check("it is deleted where it is absent", nothing, remove, false);
    check(
        "another is set",
        live,
        |world| world.set("y", "1", Expiry::Clear),
        false,
    );
    check(
        "it is read",
        live,
        |world| assert!(world.get("x").is_some()),
        false,
    );
    check(
        "its time comes",
        |world| world.set_for("x", "1", 5),
        |world| world.clock.advance_ms(6),
        true,
    );
    check(
        "its time comes and it is removed",
        |world| world.set_for("x", "1", 5),
        |world| {
            world.clock.advance_ms(6);
            assert_eq!(world.get("x"), None);
        },
        true,
    );
}

#[test]
fn a_stale_key_that_vanishes_is_no_change() {
    check("it stays", stale, nothing, false);
    check(
        "it is removed",
        stale,
        |world| assert_eq!(world.get("x"), None),
        false,
    );
    check("its database is cleared", stale, clear, false);
    check("it is set", stale, live, true);
    check(
        "it is removed, then set",
        stale,
        |world| {
            assert_eq!(world.get("x"), None);
            live(world)
        },
        true,
    );
    check(
        "its database is cleared, then it is set",
        stale,
        |world| {
            clear(world);
            live(world)
        },
        true,
    );
}

#[test]
fn clearing_changes_what_is_there() {
    check("a live key", live, clear, true);
    check("no key", nothing, clear, false);
    check(
        "another database",
        |world| in_other(world, live),
        clear,
        false,
    );
}

#[test]
fn swapping_changes_what_reads_differently() {
    check("no key, no key", nothing, swap, false);
    check("a live key, no key", live, swap, true);
    check(
        "no key, a live key",
        |world| in_other(world, live),
        swap,
        true,
    );
    check("a stale key, no key", stale, swap, false);
    check(
        "no key, a stale key",
        |world| in_other(world, stale),
        swap,
        false,
    );
    check(
        "a stale key, a stale key",
        |world| {
            in_other(world, stale);
            stale(world)
        },
        swap,
        false,
    );
    check(
        "a stale key, a live key",
        |world| {
            in_other(world, live);
            stale(world)
        },
        swap,
        true,
    );
}

#[test]
fn a_key_is_watched_in_its_database() {
    let world = World::new();
    let set_5 = watch(&world, 5, &["x"]);
    live(&world);
    assert!(!changed(&world, &set_5));
    assert_eq!(set_5.keys()[0].database, 5);
}

#[test]
fn a_change_that_is_taken_back_is_none() {
    let world = World::new();
    stale(&world);
    world.set("y", "1", Expiry::Clear);
    let watched = watch(&world, 0, &["x", "y"]);
    let mut txn = world.recording();
    set(&mut txn, "y", "2", Expiry::Clear);
    assert!(WriteTxn::new(&mut txn).swap(0, 1).is_ok());
    assert!(WriteTxn::new(&mut txn).clear(0).is_ok());
    txn.roll_back();
    assert!(!changed(&world, &watched));

    let mut txn = world.recording();
    let savepoint = txn.savepoint().expect("there is a record");
    set(&mut txn, "y", "2", Expiry::Clear);
    assert!(txn.roll_back_to(savepoint));
    txn.commit();
    assert!(!changed(&world, &watched));
}

#[test]
fn a_watcher_hears_of_a_change_only_when_it_is_final() {
    let world = World::new();
    let watched = watch(&world, 0, &["x"]);
    let mut txn = world.recording();
    set(&mut txn, "x", "2", Expiry::Clear);
    assert!(!watched.changed());
    txn.commit();
    assert!(watched.changed());
}

#[test]
fn watching_twice_is_watching_once() {
    let world = World::new();
    let watched = watch(&world, 0, &["x", "x"]);
    assert_eq!(watched.keys().len(), 1);
    assert!(!watched.is_empty() && WatchSet::default().is_empty());
}

/// Who watches a new key each time and stops watching it unchanged left a reference behind, for ever.
#[test]
fn those_who_have_gone_are_swept_out() {
    let world = World::new();
    for index in 0..100_000 {
        drop(watch(&world, 0, &[&format!("order:{index}")]));
    }
    let mut left = 0;
    world.each_stripe(|_, data| left += data.watchers.keys_in(0).len());
    assert!(left <= 20 * 1024, "{left} keys of clients that have gone");
}
