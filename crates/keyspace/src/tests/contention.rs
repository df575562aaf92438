//! Parking, turns and fairness, as the server uses them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Sleeper, World, try_read};
use crate::gate::Parked;
use crate::plan::LockPlan;
use crate::{Txn, WriteTxn};

#[test]
fn who_waits_is_served_in_order_and_newcomers_queue_behind() {
    let world = World::new();
    let stripe = world.stripe_of("a");
    let plan = LockPlan::one(stripe);
    let held = world.locked(&["a"]);
    let sleepers: Vec<Arc<Sleeper>> = (0..3).map(|_| Arc::default()).collect();
    let tickets: Vec<u64> = sleepers
        .iter()
        .map(|sleeper| {
            let (ticket, parked) = world.keyspace.park(stripe, sleeper.clone());
            assert_eq!(parked, Parked::Waiting);
            ticket
        })
        .collect();
    assert_eq!(world.keyspace.parked(), 3);
    drop(held);
    for (at, sleeper) in sleepers.iter().enumerate() {
        assert_eq!(
            sleeper.ticket.load(Ordering::SeqCst),
            tickets[at],
            "woken in its turn"
        );
        let mut newcomer = Txn::begin(&world.keyspace, 0);
        assert_eq!(newcomer.lock(&plan, &mut None), Err(stripe), "others wait");
        for (other, ticket) in tickets.iter().enumerate().skip(at + 1) {
            let mut txn = Txn::begin(&world.keyspace, 0);
            assert_eq!(
                txn.lock(&plan, &mut Some((stripe, *ticket))),
                Err(stripe),
                "{other} before its turn"
            );
        }
        let mut queued = Some((stripe, tickets[at]));
        let mut txn = Txn::begin(&world.keyspace, 0);
        assert_eq!(txn.lock(&plan, &mut queued), Ok(()));
        assert_eq!(queued, None, "its place is used up");
        assert_eq!(world.keyspace.parked(), 2 - at);
        txn.commit();
    }
    assert!(
        sleepers
            .iter()
            .all(|sleeper| sleeper.woken.load(Ordering::SeqCst) == 1)
    );
    drop(world.locked(&["a"]));
}

#[test]
fn who_gives_up_passes_the_word_on() {
    let world = World::new();
    let stripe = world.stripe_of("a");
    let held = world.locked(&["a"]);
    let [first, second] = [Arc::<Sleeper>::default(), Arc::default()];
    let (first_ticket, _) = world.keyspace.park(stripe, first.clone());
    let (second_ticket, _) = world.keyspace.park(stripe, second.clone());
    drop(held);
    assert_eq!(
        (
            first.woken.load(Ordering::SeqCst),
            second.woken.load(Ordering::SeqCst)
        ),
        (1, 0)
    );
    world.keyspace.give_up(stripe, first_ticket);
    assert_eq!(second.ticket.load(Ordering::SeqCst), second_ticket);
    world.keyspace.give_up(stripe, second_ticket);
    assert_eq!(world.keyspace.parked(), 0);
    drop(world.locked(&["a"]));
}

#[test]
fn the_holder_of_a_stripe_is_known_while_it_holds() {
    let world = World::new();
    let stripe = world.stripe_of("a");
    let mut txn = world.recording();
    txn.set_holder(77);
    assert_eq!(txn.lock(&LockPlan::one(stripe), &mut None), Ok(()));
    assert_eq!(try_read(&mut txn, "b"), Ok(false));
    assert_eq!(
        [stripe, world.stripe_of("b")].map(|stripe| world.keyspace.holder(stripe)),
        [Some(77), Some(77)]
    );
    txn.roll_back();
    assert_eq!(
        [stripe, world.stripe_of("b")].map(|stripe| world.keyspace.holder(stripe)),
        [None, None]
    );
}

/// Threads count up, each transaction on two keys in either order, with parking as the server does it.
#[test]
fn no_update_is_lost_and_nobody_starves() {
    const ROUNDS: i64 = 2000;
    const THREADS: usize = 4;
    let world = Arc::new(World::new());
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let world = world.clone();
            std::thread::spawn(move || {
                for round in 0..ROUNDS {
                    let keys = if (thread as i64 + round) % 2 == 0 {
                        ["a", "b"]
                    } else {
                        ["b", "c"]
                    };
                    count_up(&world, keys);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    let total: i64 = ["a", "b", "c"]
        .iter()
        .map(|key| world.get(key).map_or(0, |n| n.parse().expect("a number")))
        .sum();
    assert_eq!(total, 2 * ROUNDS * THREADS as i64);
    assert_eq!(world.keyspace.parked(), 0);
    world.audit();
}

struct Unpark(std::thread::Thread);

impl crate::Wake for Unpark {
    fn wake(&self, _: u64) {
        self.0.unpark();
    }
}

fn count_up(world: &World, keys: [&str; 2]) {
    let plan = LockPlan::of(keys.map(|key| world.stripe_of(key)));
    let mut queued: Option<(crate::StripeIndex, u64)> = None;
    let mut attempt = 0;
    loop {
        let mut txn = Txn::begin(&world.keyspace, 0);
        txn.set_attempt(attempt);
        let Err(stripe) = txn.lock(&plan, &mut queued) else {
            for key in keys {
                let mut write = WriteTxn::new(&mut txn);
                let mut slot = write.slot(key.as_bytes()).expect("planned");
                let before = slot
                    .text()
                    .expect("a string")
                    .and_then(|text| text.integer())
                    .unwrap_or(0);
                slot.set_integer(before + 1).expect("not recorded");
            }
            txn.commit();
            return;
        };
        drop(txn);
        attempt += 1;
        if let Some((at, ticket)) = queued
            && at != stripe
        {
            world.keyspace.give_up(at, ticket);
            queued = None;
        }
        if queued.is_none() {
            let (ticket, parked) = world
                .keyspace
                .park(stripe, Arc::new(Unpark(std::thread::current())));
            queued = Some((stripe, ticket));
            if parked == Parked::Free {
                continue;
            }
        }
        let started = std::time::Instant::now();
        std::thread::park_timeout(std::time::Duration::from_secs(60));
        assert!(started.elapsed().as_secs() < 59, "a wake-up was lost");
    }
}
