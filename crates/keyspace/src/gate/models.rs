//! The gate under loom: every interleaving of a few threads. A lost wake-up is a deadlock, which loom reports.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p perilune-keyspace --release --lib gate`

use std::sync::Arc;

use loom::sync::Notify;
use loom::thread;

use super::*;

/// A thread that sleeps until it is its turn, as a parked connection does.
struct Bell(Notify);

impl Bell {
    fn new() -> Arc<Self> {
        Arc::new(Self(Notify::new()))
    }
}

impl Wake for Bell {
    fn wake(&self, _: u64) {
        self.0.notify();
    }
}

/// Who has been in, in order.
struct Room {
    log: Vec<u64>,
    /// Touched by all who are in: leaving is no point at which loom looks at other threads, so being in must be one.
    stay: AtomicU32,
}

impl Room {
    fn gate() -> Arc<Gate<Self>> {
        Arc::new(Gate::new(Self {
            log: Vec::new(),
            stay: AtomicU32::new(0),
        }))
    }

    fn visit(&mut self, ticket: u64) {
        self.stay.fetch_add(1, Ordering::Relaxed);
        self.log.push(ticket);
    }
}

fn models(preemptions_max: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions_max);
    builder.check(model);
}

fn waiter(ticket: u64, bell: &Arc<Bell>) -> Waiter {
    Waiter {
        ticket,
        target: bell.clone(),
    }
}

/// Waits as one who stands in the queue, goes in and out.
fn pass_queued(gate: &Gate<Room>, ticket: u64, bell: &Bell, mut is_told: bool) {
    loop {
        if !is_told {
            bell.0.wait();
        }
        is_told = false;
        if let Some(mut guard) = gate.try_enter(Turn::Queued(ticket)) {
            guard.visit(ticket);
            gate.leave(guard);
            return;
        }
    }
}

/// Goes in and out, waiting where it must.
fn pass(gate: &Gate<Room>, ticket: u64) {
    if let Some(mut guard) = gate.try_enter(Turn::New) {
        guard.visit(ticket);
        gate.leave(guard);
        return;
    }
    let bell = Bell::new();
    let parked = gate.park(waiter(ticket, &bell));
    pass_queued(gate, ticket, &bell, parked == Parked::Free);
}

fn log_of(gate: &Gate<Room>) -> Vec<u64> {
    let guard = gate.try_enter(Turn::New).expect("all have gone");
    guard.log.clone()
}

#[test]
fn two_who_meet_both_get_in() {
    models(5, || {
        let gate = Room::gate();
        let other = thread::spawn({
            let gate = gate.clone();
            move || pass(&gate, 1)
        });
        pass(&gate, 2);
        other.join().expect("no panic");
        assert_eq!(log_of(&gate).len(), 2);
        assert_eq!(gate.waiting(), 0);
    });
}

#[test]
fn three_who_meet_all_get_in() {
    models(2, || {
        let gate = Room::gate();
        let others: Vec<_> = [1, 2]
            .into_iter()
            .map(|ticket| {
                let gate = gate.clone();
                thread::spawn(move || pass(&gate, ticket))
            })
            .collect();
        pass(&gate, 3);
        others
            .into_iter()
            .for_each(|other| other.join().expect("no panic"));
        assert_eq!(log_of(&gate).len(), 3);
        assert_eq!(gate.waiting(), 0);
    });
}

#[test]
fn those_who_wait_go_in_in_order_and_a_newcomer_behind_them() {
    models(3, || {
        let gate = Room::gate();
        let guard = gate.try_enter(Turn::New).expect("nobody is there");
        let threads: Vec<_> = [1, 2]
            .into_iter()
            .map(|ticket| {
                let bell = Bell::new();
                assert_eq!(gate.park(waiter(ticket, &bell)), Parked::Waiting);
                let gate = gate.clone();
                thread::spawn(move || pass_queued(&gate, ticket, &bell, false))
            })
            .collect();
        gate.leave(guard);
        pass(&gate, 3);
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("no panic"));
        let log = log_of(&gate);
        assert_eq!(
            log.iter()
                .filter(|ticket| **ticket != 3)
                .collect::<Vec<_>>(),
            [&1, &2]
        );
        assert_eq!(
            log,
            [1, 2, 3],
            "both stood in the queue before the newcomer came"
        );
    });
}

#[test]
fn who_gives_up_passes_the_word_on() {
    models(3, || {
        let gate = Room::gate();
        let guard = gate.try_enter(Turn::New).expect("nobody is there");
        let (first, second) = (Bell::new(), Bell::new());
        assert_eq!(gate.park(waiter(1, &first)), Parked::Waiting);
        assert_eq!(gate.park(waiter(2, &second)), Parked::Waiting);
        let gives_up = thread::spawn({
            let gate = gate.clone();
            move || gate.give_up(1)
        });
        let waits = thread::spawn({
            let gate = gate.clone();
            move || pass_queued(&gate, 2, &second, false)
        });
        gate.leave(guard);
        gives_up.join().expect("no panic");
        waits.join().expect("no panic");
        assert_eq!(log_of(&gate), [2]);
    });
}

/// The connection of the first in the queue closes although it has been told that the gate is free.
#[test]
fn who_finds_the_gate_free_and_goes_away_leaves_no_one_behind() {
    models(3, || {
        let gate = Room::gate();
        let goes_away = thread::spawn({
            let gate = gate.clone();
            move || {
                gate.park(waiter(1, &Bell::new()));
                gate.give_up(1);
            }
        });
        pass(&gate, 2);
        goes_away.join().expect("no panic");
        assert_eq!(log_of(&gate), [2]);
        assert_eq!(gate.waiting(), 0);
    });
}
