//! Planning, growing, time, randomness, access stamps and counters.

use super::{START_MS, World, read, set, try_read};
use crate::plan::{LockPlan, StripeIndex};
use crate::{Abort, AccessMode, Expiry, ReadTxn, Tally, Txn, Unended, WriteTxn};

#[test]
fn a_plan_is_ascending_without_repetition_and_joins_with_another() {
    let stripes = |list: &[usize]| LockPlan::of(list.iter().map(|&index| StripeIndex::new(index)));
    assert_eq!(stripes(&[5, 1, 5, 3]), stripes(&[1, 3, 5]));
    assert_eq!(
        stripes(&[1, 3]).union(stripes(&[2, 3])),
        stripes(&[1, 2, 3])
    );
    assert_eq!(LockPlan::none().union(stripes(&[7])), stripes(&[7]));
    assert_eq!(stripes(&[7]).union(LockPlan::All), LockPlan::All);
}

#[test]
fn a_refused_plan_holds_nothing() {
    let world = World::new();
    let held = world.locked(&["b"]);
    let plan = LockPlan::of(["a", "b", "c"].map(|key| world.stripe_of(key)));
    let mut txn = Txn::begin(&world.keyspace, 0);
    assert_eq!(txn.lock(&plan, &mut None), Err(world.stripe_of("b")));
    for key in ["a", "c"] {
        drop(world.locked(&[key]));
    }
    let mut all = Txn::begin(&world.keyspace, 0);
    assert_eq!(
        all.lock(&LockPlan::All, &mut None),
        Err(world.stripe_of("b"))
    );
    drop(held);
    assert_eq!(all.lock(&LockPlan::All, &mut None), Ok(()));
}

#[test]
fn what_is_not_ended_is_let_go_of_and_what_is_committed_owns_nothing() {
    let world = World::new();
    let keys = ["a", "b", "c", "d", "e"];
    let plan = LockPlan::of(keys.map(|key| world.stripe_of(key)));
    let begin = || std::mem::ManuallyDrop::new(Txn::begin(&world.keyspace, 0));

    let mut place = begin();
    let mut txn = Unended::new(&mut place);
    assert_eq!(txn.lock(&plan, &mut None), Ok(()));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _unended = txn;
        panic!("as planned");
    }));
    assert!(panic.is_err());
    drop(world.locked(&keys));

    let mut place = begin();
    let mut txn = Unended::new(&mut place);
    assert_eq!(txn.lock(&plan, &mut None), Ok(()));
    for key in keys {
        set(&mut txn, key, &"x".repeat(1000), Expiry::Clear);
        // what is replaced is freed behind the commit
        set(&mut txn, key, &"y".repeat(1000), Expiry::Clear);
    }
    assert!(txn.held.spilled() && txn.aside.is_some());
    assert_eq!(txn.commit().changes, 10);
    assert!(place.held.is_empty() && !place.held.spilled());
    assert!(place.undo.is_none() && place.aside.is_none());
    drop(world.locked(&keys));
    world.audit();
}

#[test]
fn a_transaction_grows_by_keys_that_nobody_declared() {
    let world = World::new();
    let mut txn = world.locked(&["a"]);
    set(&mut txn, "a", "1", Expiry::Clear);
    txn.commit();

    let mut txn = world.recording();
    for key in ["x", "b", "m"] {
        set(&mut txn, key, key, Expiry::Clear);
    }
    let plan = txn.learned_plan();
    assert_eq!(
        plan,
        LockPlan::of(["b", "m", "x"].map(|key| world.stripe_of(key)))
    );
    txn.commit();
    assert_eq!(world.get("m"), Some("m".into()));
    world.audit();
}

#[test]
fn refused_growth_takes_back_and_the_next_run_plans_for_all_that_is_known() {
    let world = World::new();
    let held = world.locked(&["c"]);
    let mut txn = world.recording();
    set(&mut txn, "a", "1", Expiry::Clear);
    set(&mut txn, "b", "1", Expiry::Clear);
    assert_eq!(try_read(&mut txn, "c"), Err(Abort));
    let plan = LockPlan::of(["a", "b", "c"].map(|key| world.stripe_of(key)));
    assert_eq!(
        (txn.learned_plan(), txn.blocked_on()),
        (plan.clone(), Some(world.stripe_of("c")))
    );
    txn.roll_back();
    drop(held);
    assert_eq!((world.get("a"), world.get("b")), (None, None));

    let mut again = world.recording();
    assert_eq!(again.lock(&plan, &mut None), Ok(()));
    assert_eq!(try_read(&mut again, "c"), Ok(false));
    again.commit();
    world.audit();
}

#[test]
fn a_plain_reader_that_grows_can_be_taken_back() {
    let world = World::new();
    let mut txn = world.locked(&["a"]);
    assert_eq!(try_read(&mut txn, "a"), Ok(false));
    assert_eq!(try_read(&mut txn, "b"), Ok(false));
    assert!(txn.can_roll_back());
    txn.roll_back();
}

#[test]
fn a_refused_clearing_asks_for_everything_next_time() {
    let world = World::new();
    let held = world.locked(&["a"]);
    let mut txn = world.recording();
    set(&mut txn, "b", "1", Expiry::Clear);
    assert_eq!(WriteTxn::new(&mut txn).clear(0), Err(Abort));
    assert_eq!(txn.learned_plan(), LockPlan::All);
    txn.roll_back();
    drop(held);
    assert_eq!(world.get("b"), None);
    world.audit();
}

#[test]
fn time_stands_still_in_a_transaction_and_never_runs_back_on_a_stripe() {
    let world = World::new();
    let mut txn = world.locked(&["a"]);
    assert_eq!(txn.now_ms(), START_MS);
    world.clock.advance_ms(500);
    assert_eq!(txn.now_ms(), START_MS);
    txn.commit();

    let mut txn = world.locked(&["a"]);
    assert_eq!(txn.now_ms(), START_MS + 500);
    txn.commit();
    world.clock.advance_ms(-10_000);
    let mut same = world.locked(&["a"]);
    assert_eq!(
        same.now_ms(),
        START_MS + 500,
        "the clock was set back, this stripe has seen later"
    );
    same.commit();
    let mut other = world.locked(&["b"]);
    assert_eq!(other.now_ms(), START_MS - 9500, "this one has not");
    other.commit();
    let mut both = world.locked(&["a", "b"]);
    assert_eq!(both.now_ms(), START_MS + 500, "the latest of all counts");
    both.commit();
}

#[test]
fn a_stripe_whose_past_is_ahead_of_the_transactions_time_is_not_grown_into() {
    let world = World::new();
    let mut txn = world.recording();
    assert_eq!(txn.now_ms(), START_MS);
    world.clock.advance_ms(10);
    let mut later = world.locked(&["a"]);
    assert_eq!(later.now_ms(), START_MS + 10);
    later.commit();
    assert_eq!(try_read(&mut txn, "a"), Err(Abort));
    let plan = txn.learned_plan();
    txn.roll_back();
    let mut again = world.recording();
    assert_eq!(again.lock(&plan, &mut None), Ok(()));
    assert_eq!(try_read(&mut again, "a"), Ok(false));
    assert_eq!(again.now_ms(), START_MS + 10);
    again.commit();
}

#[test]
fn the_same_seed_draws_the_same_numbers() {
    let world = World::new();
    let draw = |seed: u64| {
        let mut txn = Txn::begin(&world.keyspace, 0);
        txn.set_random_seed(seed);
        [txn.random(), txn.random(), ReadTxn::new(&mut txn).random()]
    };
    assert_eq!(draw(5), draw(5));
    assert_ne!(draw(5), draw(6));
    assert_ne!(
        draw(0),
        draw(0),
        "without a seed each transaction has its own"
    );
}

#[test]
fn reading_stamps_an_entry_unless_it_must_leave_no_trace() {
    let world = World::new();
    world.keyspace.set_access_clock(1);
    world.set("a", "1", Expiry::Clear);
    world.keyspace.set_access_clock(2);
    let access = |read: &dyn Fn(&mut Txn<'_>)| {
        let mut txn = world.locked(&["a"]);
        read(&mut txn);
        txn.commit();
        world.entries()[0].access
    };
    let peek = |txn: &mut Txn<'_>| assert!(ReadTxn::new(txn).peek(b"a").is_ok());
    let find = |txn: &mut Txn<'_>| assert!(ReadTxn::new(txn).find(b"a").is_ok());
    let find_no_touch = |txn: &mut Txn<'_>| {
        txn.set_access_mode(AccessMode::NoTouch);
        assert!(ReadTxn::new(txn).find(b"a").is_ok());
    };
    assert_eq!(access(&peek), 1);
    assert_eq!(access(&find_no_touch), 1);
    assert_eq!(access(&find), 2);
    world.keyspace.set_access_clock(3);
    let touch = |txn: &mut Txn<'_>| {
        txn.set_access_mode(AccessMode::NoTouch);
        assert_eq!(ReadTxn::new(txn).touch(b"a"), Ok(true));
        assert!(ReadTxn::new(txn).find(b"a").is_ok());
    };
    assert_eq!(access(&touch), 3, "TOUCH does, whatever its client says");
    world.keyspace.set_access_clock(4);
    assert_eq!(access(&find_no_touch), 3);
}

#[test]
fn writing_stamps_an_entry_and_so_does_looking_where_to_write() {
    let world = World::new();
    let access = |clock, write: &dyn Fn(&mut WriteTxn<'_, '_>)| {
        world.keyspace.set_access_clock(1);
        world.set("a", "1", Expiry::Clear);
        world.keyspace.set_access_clock(clock);
        for records in [false, true] {
            let mut txn = world.locked(&["a"]);
            if records {
                txn.record();
            }
            write(&mut WriteTxn::new(&mut txn));
            txn.commit();
        }
        world.entries()[0].access
    };
    let slot = |txn: &mut WriteTxn<'_, '_>| assert!(txn.slot(b"a").is_ok());
    let append = |txn: &mut WriteTxn<'_, '_>| {
        let mut slot = txn.slot(b"a").expect("it is locked");
        assert!(slot.append(b"x").is_ok());
    };
    let set = |txn: &mut WriteTxn<'_, '_>| {
        let mut slot = txn.slot(b"a").expect("it is locked");
        assert!(slot.set(b"new", Expiry::Keep).is_ok());
    };
    let expire = |txn: &mut WriteTxn<'_, '_>| {
        let mut slot = txn.slot(b"a").expect("it is locked");
        assert!(slot.set_expiry(Some(i64::MAX)).is_ok());
    };
    assert_eq!(access(2, &slot), 2);
    assert_eq!(access(3, &append), 3);
    assert_eq!(access(4, &set), 4);
    assert_eq!(access(5, &expire), 5);
    let no_touch = |write: &dyn Fn(&mut WriteTxn<'_, '_>)| {
        world.keyspace.set_access_clock(1);
        world.set("a", "1", Expiry::Clear);
        world.keyspace.set_access_clock(2);
        let mut txn = world.locked(&["a"]);
        txn.set_access_mode(AccessMode::NoTouch);
        write(&mut WriteTxn::new(&mut txn));
        txn.commit();
        world.entries()[0].access
    };
    assert_eq!(no_touch(&append), 1);
    assert_eq!(no_touch(&set), 1, "a new value is as old as the one before");
}

#[test]
fn counters_move_when_a_transaction_ends() {
    let world = World::new();
    let mut txn = world.recording();
    set(&mut txn, "a", "1", Expiry::Clear);
    assert_eq!(
        (read(&mut txn, "a"), read(&mut txn, "b")),
        (Some("1".into()), None)
    );
    let run = txn.run_tally();
    assert_eq!((run.grew, run.ran_alone), (true, false));
    assert_eq!(
        txn.commit(),
        Tally {
            changes: 1,
            hits: 1,
            misses: 1,
            announced: false,
        }
    );
    let mut txn = Txn::begin(&world.keyspace, 0);
    assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
    let run = txn.run_tally();
    assert_eq!((run.grew, run.ran_alone), (false, true));
    assert_eq!(txn.commit(), Tally::default());
}
