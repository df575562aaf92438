//! What is dropped in the background, and when.

use std::time::{Duration, Instant};

use perilune_value::Set;

use super::{World, delete, set};
use crate::plan::LockPlan;
use crate::{Expiry, Reclaiming, Txn, WriteTxn};

/// Members of a set that is worth a thread.
const MANY: usize = 50_000;

/// Makes `key` a set of so many members.
fn fill(world: &World, key: &str, members: usize) {
    let mut txn = world.locked(&[key]);
    let done = WriteTxn::new(&mut txn)
        .slot(key.as_bytes())
        .and_then(|mut slot| {
            slot.edit(|set: &mut perilune_value::Edit<'_, Set>| {
                (0..members).for_each(|i| {
                    set.insert(format!("member:{i}").as_bytes());
                });
            })
        });
    assert_eq!(done, Ok(()));
    txn.commit();
}

/// What has been done when nothing waits any more.
fn settled(world: &World) -> Reclaiming {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let figures = world.keyspace.reclaiming();
        if figures.pending_objects == 0 {
            assert_eq!(figures.pending_bytes, 0);
            return figures;
        }
        assert!(Instant::now() < deadline, "never freed: {figures:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[track_caller]
fn assert_freed(world: &World, objects: u64, what: &str) {
    assert_eq!(settled(world).freed_objects, objects, "{what}");
    world.keyspace.reset_reclaimed();
}

#[test]
fn what_is_big_is_freed_in_the_background_and_what_is_small_at_once() {
    let world = World::new();
    fill(&world, "small", 200);
    fill(&world, "big", MANY);
    let with_both = world.keyspace.memory_bytes();
    for (key, objects) in [("small", 0), ("big", 1)] {
        let mut txn = world.locked(&[key]);
        assert!(delete(&mut txn, key));
        txn.commit();
        assert_freed(&world, objects, key);
    }
    assert!(world.keyspace.memory_bytes() < with_both / 10);

    fill(&world, "big", MANY);
    world.set("big", "replaced", Expiry::Clear);
    assert_freed(&world, 1, "replaced");

    fill(&world, "expiring", MANY);
    let mut txn = world.locked(&["expiring"]);
    let expires = WriteTxn::new(&mut txn)
        .slot(b"expiring")
        .and_then(|mut slot| slot.set_expiry(Some(super::START_MS + 5)));
    assert_eq!(expires, Ok(()));
    txn.commit();
    world.clock.advance_ms(10);
    assert_eq!(world.get("expiring"), None);
    assert_freed(&world, 1, "expired");

    let long = "x".repeat(64 << 20);
    world.set("long", &long, Expiry::Clear);
    world.set("long", "replaced", Expiry::Clear);
    assert_freed(&world, 1, "a string whose pages take their time");
    world.audit();
}

#[test]
fn what_may_be_taken_back_is_kept() {
    let world = World::new();
    fill(&world, "big", MANY);
    let before = world.entries();

    let mut txn = world.locked(&["big"]);
    txn.record();
    assert!(delete(&mut txn, "big"));
    let savepoint = txn.savepoint().expect("a record");
    set(&mut txn, "big", "x", Expiry::Clear);
    assert!(txn.roll_back_to(savepoint));
    txn.roll_back();
    assert_freed(&world, 0, "rolled back");
    assert!(world.entries() == before);

    let mut txn = world.locked(&["big"]);
    txn.record();
    assert!(delete(&mut txn, "big"));
    assert_eq!(world.keyspace.reclaiming(), Reclaiming::default());
    txn.commit();
    assert_freed(&world, 1, "committed");
    world.audit();
}

#[test]
fn a_flush_counts_the_keys_and_can_be_waited_for() {
    let world = World::new();
    for (is_recorded, in_place, freed) in [
        (false, false, 2),
        (true, false, 2),
        (false, true, 0),
        (true, true, 0),
    ] {
        fill(&world, "big", MANY);
        world.set("a", "x", Expiry::Clear);
        let mut txn = Txn::begin(&world.keyspace, 0);
        if is_recorded {
            txn.record();
        }
        assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
        let mut write = WriteTxn::new(&mut txn);
        if in_place {
            write.free_before_answer();
        }
        assert_eq!(write.clear(0), Ok(2));
        txn.commit();
        assert_freed(&world, freed, "flushed");
        assert_eq!(world.keyspace.memory_bytes(), 0);
        world.audit();
    }
}

/// What lies beside another database is taken from sight at once, and freed stripe by stripe when nobody waits for it.
#[test]
fn a_database_beside_others_is_swept() {
    let world = World::new();
    let fill_all = || {
        let keys: Vec<String> = (0..40_000).map(|i| format!("key:{i}")).collect();
        for keys in keys.chunks(1000) {
            let mut txn = Txn::begin(&world.keyspace, 0);
            assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
            for key in keys {
                set(&mut txn, key, "a value", Expiry::Clear);
            }
            txn.commit();
        }
        fill(&world, "big", MANY);
    };
    let mut txn = Txn::begin(&world.keyspace, 1);
    assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
    for i in 0..5000 {
        set(&mut txn, &format!("other:{i}"), "a value", Expiry::Clear);
    }
    txn.commit();
    let others = world.keyspace.memory_bytes();
    let clear = |database, is_recorded, in_place| {
        let mut txn = Txn::begin(&world.keyspace, 0);
        if is_recorded {
            txn.record();
        }
        assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
        let mut write = WriteTxn::new(&mut txn);
        if in_place {
            write.free_before_answer();
        }
        let removed = write.clear(database);
        txn.commit();
        removed
    };

    for is_recorded in [false, true] {
        fill_all();
        let filled = world.keyspace.memory_bytes();
        assert_eq!(clear(0, is_recorded, false), Ok(40_001));
        let waiting = world.keyspace.reclaiming();
        assert!(waiting.pending_objects > 39_000, "{waiting:?}");
        let counted = world.keyspace.memory_bytes() + waiting.pending_bytes as usize;
        assert!(counted > filled * 4 / 5, "{counted} of {filled}");
        assert!(world.keyspace.memory_bytes() < filled / 2);
        world.audit();
        // what comes meanwhile is not concerned
        world.set("key:1", "new", Expiry::Clear);

        assert!(
            world.keyspace.sweep(Duration::ZERO),
            "no time, nothing done"
        );
        assert!(world.keyspace.reclaiming().pending_objects > 39_000);
        assert!(!world.keyspace.sweep(Duration::from_secs(3600)));
        assert_freed(&world, 40_001, "swept");
        world.audit();
        assert_eq!(world.get("key:1").as_deref(), Some("new"));
        assert_eq!(clear(0, is_recorded, false), Ok(1));
        assert_freed(&world, 1, "one is freed at once");
        // (chunks in which an entry of the other database lies stay)
        let left = world.keyspace.memory_bytes();
        assert!(left < filled * 3 / 5, "{left} of {filled}, {others} before");
    }

    fill_all();
    assert_eq!(clear(0, false, true), Ok(40_001));
    assert_eq!(
        settled(&world),
        Reclaiming::default(),
        "freed before the answer"
    );
    world.audit();

    fill_all();
    assert_eq!(clear(0, false, false), Ok(40_001));
    assert_eq!(clear(1, false, false), Ok(5000));
    assert_freed(&world, 45_001, "all is moved out, with what waited");
    // a pointer for the second database's table in each stripe
    assert!(world.keyspace.memory_bytes() <= 8 * crate::STRIPE_COUNT);
    assert!(!world.keyspace.sweep(Duration::ZERO));
    world.audit();
}

/// A script that replaces a long string again and again must not keep all of them to its end.
#[test]
fn what_nobody_can_see_any_more_does_not_pile_up() {
    let world = World::new();
    let mut txn = world.locked(&["a"]);
    txn.record();
    let value = "x".repeat(1_000_000);
    for _ in 0..100 {
        set(&mut txn, "a", &value, Expiry::Clear);
    }
    let handed_over = {
        let Reclaiming {
            pending_objects,
            freed_objects,
            ..
        } = world.keyspace.reclaiming();
        pending_objects + freed_objects
    };
    assert!(handed_over >= 80, "{handed_over}");
    txn.roll_back();
    settled(&world);
    assert_eq!(world.get("a"), None);
    world.audit();
}

/// The record of a transaction that has changed much is no small thing either.
#[test]
fn a_long_record_is_dropped_in_the_background() {
    let world = World::new();
    fill(&world, "big", MANY);
    let mut txn = world.locked(&["big"]);
    txn.record();
    let done = WriteTxn::new(&mut txn).slot(b"big").and_then(|mut slot| {
        slot.edit(|set: &mut perilune_value::Edit<'_, Set>| {
            (0..MANY - 1).for_each(|i| {
                set.remove(format!("member:{i}").as_bytes());
            });
        })
    });
    assert_eq!(done, Ok(()));
    txn.commit();
    assert_freed(&world, 0, "a record is no value");
    assert!(world.keyspace.reclaimer.is_started());
    world.audit();
}
