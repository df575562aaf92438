//! SCAN, KEYS and RANDOMKEY.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::{World, delete, set, text};
use crate::{Abort, Expiry, ReadTxn, Txn};

fn filled(keys: usize) -> World {
    let world = World::new();
    for index in 0..keys {
        world.set(&format!("key:{index}"), "1", Expiry::Clear);
    }
    world
}

fn all_keys(txn: &mut Txn<'_>) -> Result<BTreeSet<String>, Abort> {
    let mut keys = BTreeSet::new();
    ReadTxn::new(txn).for_each(&mut |found| {
        assert!(keys.insert(text(found.key())), "each is seen once");
        ControlFlow::Continue(())
    })?;
    Ok(keys)
}

#[test]
fn a_walk_sees_every_live_key_once() {
    let world = filled(500);
    world.set_for("gone", "1", 1);
    world.clock.advance_ms(2);
    let mut txn = Txn::begin(&world.keyspace, 0);
    let keys = all_keys(&mut txn).expect("nobody holds a stripe");
    txn.commit();
    assert_eq!(keys.len(), 500);
    assert_eq!(
        world.entries().len(),
        500,
        "the expired one has been removed on the way"
    );
    world.audit();
}

#[test]
fn a_plain_walk_holds_one_stripe_at_a_time_and_a_recording_one_keeps_them() {
    let world = filled(10);
    for recording in [false, true] {
        let mut txn = Txn::begin(&world.keyspace, 0);
        if recording {
            txn.record();
        }
        assert!(all_keys(&mut txn).is_ok());
        let mut other = Txn::begin(&world.keyspace, 0);
        let plan = crate::LockPlan::one(world.stripe_of("key:1"));
        assert_eq!(other.lock(&plan, &mut None).is_err(), recording);
        drop(other);
        txn.commit();
    }
}

#[test]
fn a_walk_that_meets_a_held_stripe_is_run_again_behind_it() {
    let world = filled(10);
    let held = world.locked(&["key:1"]);
    let mut txn = Txn::begin(&world.keyspace, 0);
    assert_eq!(all_keys(&mut txn), Err(Abort));
    assert_eq!(txn.blocked_on(), Some(world.stripe_of("key:1")));
    txn.roll_back();
    drop(held);
}

/// Deletions of the expired in the stripes walked over go out although the walk itself changes nothing.
#[test]
fn a_walk_logs_what_it_removes_before_it_leaves_the_stripe() {
    let world = World::logging();
    world.set_for("a", "1", 1);
    world.clock.advance_ms(2);
    let mut txn = Txn::begin(&world.keyspace, 0);
    assert!(all_keys(&mut txn).is_ok());
    assert_eq!(
        world.effects(),
        [["0: DEL a"]],
        "before the transaction ends"
    );
    txn.commit();
    assert_eq!(world.effects().len(), 1);
}

#[test]
fn a_scan_shows_whatever_is_there_all_the_time_however_much_comes_and_goes() {
    for count in [1, 10, 1000] {
        let world = filled(400);
        let mut random = fastrand::Rng::with_seed(count);
        let mut seen = BTreeSet::new();
        let mut cursor = 0;
        let mut calls = 0;
        loop {
            let mut txn = Txn::begin(&world.keyspace, 0);
            let next =
                ReadTxn::new(&mut txn).scan(cursor, count as usize, &|_| true, &mut |found| {
                    seen.insert(text(found.key()));
                });
            txn.commit();
            cursor = next.expect("nobody holds a stripe");
            assert!(cursor < 1 << 53, "clients keep cursors in doubles");
            calls += 1;
            if cursor == 0 {
                break;
            }
            // thousands of others come, then go
            let mut txn = world.recording();
            for _ in 0..random.usize(..400) {
                set(
                    &mut txn,
                    &format!("other:{}", random.u16(..5000)),
                    "1",
                    Expiry::Clear,
                );
            }
            if random.bool() {
                for _ in 0..3000 {
                    delete(&mut txn, &format!("other:{}", random.u16(..5000)));
                }
            }
            txn.commit();
        }
        let stayed = (0..400)
            .filter(|index| seen.contains(&format!("key:{index}")))
            .count();
        assert_eq!(stayed, 400, "count {count}, {calls} calls");
    }
}

#[test]
fn a_scan_of_an_empty_database_ends_with_the_first_call_and_any_cursor_is_valid() {
    let world = World::new();
    for cursor in [0, 1, 1023, 1024, u64::MAX, u64::MAX - 1023] {
        let mut txn = Txn::begin(&world.keyspace, 0);
        let next = ReadTxn::new(&mut txn).scan(cursor, 10, &|_| true, &mut |_| {
            unreachable!("there is nothing")
        });
        assert_eq!(next, Ok(0), "cursor {cursor}");
    }
}

#[test]
fn a_random_key_is_any_of_them() {
    let world = filled(5);
    world.set_for("gone", "1", 1);
    world.clock.advance_ms(2);
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..1000 {
        let mut txn = Txn::begin(&world.keyspace, 0);
        let key = ReadTxn::new(&mut txn)
            .random_key()
            .expect("nobody holds a stripe")
            .expect("there are keys");
        txn.commit();
        *counts.entry(text(&key)).or_default() += 1;
    }
    assert_eq!(counts.len(), 5, "{counts:?}");
    assert!(counts.values().all(|&count| count > 120), "{counts:?}");
}

#[test]
fn there_is_no_random_key_in_an_empty_database_or_among_the_expired() {
    let world = World::new();
    let random_key = || {
        let mut txn = Txn::begin(&world.keyspace, 0);
        let key = ReadTxn::new(&mut txn).random_key();
        txn.commit();
        key
    };
    assert_eq!(random_key(), Ok(None));
    world.set_for("gone", "1", 1);
    world.clock.advance_ms(2);
    assert_eq!(random_key(), Ok(None));
}

/// A clock set back between two stripes of one walk.
#[test]
fn a_walk_never_shows_what_another_has_seen_expire() {
    let world = World::new();
    let names: Vec<String> = (0..50).map(|index| format!("key:{index}")).collect();
    for name in &names {
        world.set_for(name, "1", 100);
    }
    world.clock.advance_ms(200);
    for name in &names[1..] {
        let mut txn = world.locked(&[name]);
        assert!(txn.now_ms() > 0);
        txn.commit();
    }
    world.clock.advance_ms(-200);
    let mut txn = Txn::begin(&world.keyspace, 0);
    txn.now_ms();
    let keys = all_keys(&mut txn).expect("nobody holds a stripe");
    txn.commit();
    assert!(keys.len() <= 1, "{keys:?}");
}
