//! What transactions tell others: in which order, when, and what becomes of it when they are taken back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{START_MS, World, delete, read, set, text};
use crate::{
    Abort, Announcement, Announcements, Announcer, EventClass, ExpireCycle, Expiry, Txn, WriteTxn,
};

/// Writes everything down: one line for each transaction.
#[derive(Default)]
struct Scribe(Mutex<Vec<String>>);

impl Scribe {
    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics in here"))
    }
}

impl Announcer for Scribe {
    fn announce(&self, announcements: &Announcements) {
        let told: Vec<String> = announcements
            .iter()
            .map(|announcement| match announcement {
                Announcement::Event {
                    database,
                    event,
                    key,
                    ..
                } => format!("{event} {}@{database}", text(key)),
                Announcement::Message { kind, topic, body } => {
                    format!("#{kind} {}: {}", text(topic), text(body))
                }
            })
            .collect();
        self.0
            .lock()
            .expect("no test panics in here")
            .push(told.join(", "));
    }
}

/// A world whose every event is written down.
fn overheard(classes: EventClass) -> (World, Arc<Scribe>) {
    let (world, scribe) = (World::new(), Arc::new(Scribe::default()));
    assert!(world.keyspace.set_announcer(scribe.clone()));
    assert!(
        !world.keyspace.set_announcer(scribe.clone()),
        "there is one for good"
    );
    world.keyspace.set_event_classes(classes);
    (world, scribe)
}

/// Sets a key as SET does.
fn set_and_tell(txn: &mut Txn<'_>, key: &str, value: &str) {
    set(txn, key, value, Expiry::Clear);
    WriteTxn::new(txn).notify(EventClass::STRING, "set", key.as_bytes());
}

fn pass_on(txn: &mut Txn<'_>, topic: &str, body: &str) {
    txn.announce(Announcement::Message {
        kind: 1,
        topic: topic.as_bytes(),
        body: body.as_bytes(),
    });
}

#[test]
fn what_is_told_goes_out_at_commit_in_order() {
    let (world, scribe) = overheard(EventClass::ALL);
    let mut txn = world.recording();
    set_and_tell(&mut txn, "a", "1");
    pass_on(&mut txn, "news", "a is there");
    txn.select(3);
    set_and_tell(&mut txn, "a", "1");
    set_and_tell(&mut txn, "a", "2");
    WriteTxn::new(&mut txn).notify_in(5, EventClass::GENERIC, "move_to", b"z");
    assert_eq!(read(&mut txn, "b"), None);
    assert!(scribe.lines().is_empty(), "it has not committed");
    assert!(txn.commit().announced);
    assert_eq!(
        scribe.lines(),
        [
            "new a@0, set a@0, #1 news: a is there, new a@3, set a@3, set a@3, move_to z@5, keymiss b@3"
        ]
    );
    let mut txn = world.recording();
    set(&mut txn, "a", "3", Expiry::Clear);
    assert!(!txn.commit().announced, "there was nothing to tell");
}

#[test]
fn only_what_somebody_listens_to_is_told() {
    let (world, scribe) = overheard(EventClass::GENERIC);
    let mut txn = world.recording();
    set_and_tell(&mut txn, "a", "1");
    WriteTxn::new(&mut txn).notify(EventClass::GENERIC, "del", b"a");
    world.keyspace.set_event_classes(EventClass::NONE);
    WriteTxn::new(&mut txn).notify(EventClass::GENERIC, "del", b"a");
    pass_on(&mut txn, "t", "whatever the classes are");
    txn.commit();
    assert_eq!(scribe.lines(), ["del a@0, #1 t: whatever the classes are"]);
}

#[test]
fn what_is_taken_back_is_not_told() {
    let (world, scribe) = overheard(EventClass::ALL);
    let mut txn = world.recording();
    set_and_tell(&mut txn, "a", "1");
    pass_on(&mut txn, "t", "b");
    txn.roll_back();
    assert!(scribe.lines().is_empty());

    let mut txn = world.recording();
    pass_on(&mut txn, "t", "before");
    let savepoint = txn.savepoint().expect("there is a record");
    set_and_tell(&mut txn, "a", "1");
    pass_on(&mut txn, "t", "since");
    assert_eq!(txn.announcements().len(), 4);
    assert!(txn.roll_back_to(savepoint));
    pass_on(&mut txn, "t", "after");
    txn.commit();
    assert_eq!(scribe.lines(), ["#1 t: before, #1 t: after"]);
}

#[test]
fn an_expired_key_is_told_of_first_and_whatever_becomes_of_who_met_it() {
    let (world, scribe) = overheard(EventClass::ALL);
    world.set_for("a", "1", 10);
    world.set_for("b", "1", 10);
    scribe.lines();
    world.clock.advance_ms(10);
    let mut txn = world.recording();
    set_and_tell(&mut txn, "c", "1");
    set_and_tell(&mut txn, "a", "2");
    txn.roll_back();
    assert_eq!(scribe.lines(), ["expired a@0"]);
    let mut txn = world.recording();
    set_and_tell(&mut txn, "c", "1");
    assert!(!delete(&mut txn, "b"));
    txn.commit();
    assert_eq!(scribe.lines(), ["expired b@0", "new c@0, set c@0"]);

    world.set_for("d", "1", 10);
    scribe.lines();
    world.clock.advance_ms(10);
    let mut cycle = ExpireCycle::default();
    let report = cycle.run(&world.keyspace, Duration::from_secs(60));
    assert_eq!(report.removed, 1);
    assert_eq!(scribe.lines(), ["expired d@0"]);
}

#[test]
fn a_time_that_has_passed_is_an_event_of_the_transaction() {
    let (world, scribe) = overheard(EventClass::ALL);
    world.set("a", "1", Expiry::At(START_MS + 1));
    scribe.lines();
    for commits in [false, true] {
        let mut txn = world.recording();
        let expired = WriteTxn::new(&mut txn)
            .slot(b"a")
            .and_then(|mut slot| slot.delete_expired());
        assert_eq!(expired, Ok(true));
        if commits {
            txn.commit();
        } else {
            txn.roll_back();
        }
    }
    assert_eq!(scribe.lines(), ["expired a@0"]);
}

#[test]
fn what_is_told_counts_towards_the_limit_of_the_record() {
    let (world, _scribe) = overheard(EventClass::NONE);
    world.keyspace.set_undo_limit_bytes(10_000);
    let mut txn = world.recording();
    txn.set_all_or_nothing(true);
    set(&mut txn, "a", "1", Expiry::Clear);
    assert!(!txn.record_is_full());
    pass_on(&mut txn, "t", &"b".repeat(10_000));
    assert!(txn.record_is_full());
    txn.roll_back();

    let mut txn = world.recording();
    pass_on(&mut txn, "t", &"b".repeat(10_000));
    let slot = WriteTxn::new(&mut txn)
        .slot(b"a")
        .and_then(|mut slot| slot.set(b"1", Expiry::Clear));
    assert_eq!(slot, Err(Abort), "it is to hold all stripes first");
    txn.roll_back();
}

#[test]
fn transactions_on_one_key_are_told_in_the_order_of_their_commits() {
    const EACH: usize = 300;
    let (world, scribe) = overheard(EventClass::NONE);
    world.set("n", "0", Expiry::Clear);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut done = 0;
                while done < EACH {
                    let mut txn = Txn::begin(&world.keyspace, 0);
                    let plan = crate::LockPlan::one(world.stripe_of("n"));
                    if txn.lock(&plan, &mut None).is_err() {
                        std::thread::yield_now();
                        continue;
                    }
                    let old: usize = read(&mut txn, "n")
                        .and_then(|n| n.parse().ok())
                        .expect("a number");
                    let new = (old + 1).to_string();
                    set(&mut txn, "n", &new, Expiry::Clear);
                    pass_on(&mut txn, "n", &new);
                    txn.commit();
                    done += 1;
                }
            });
        }
    });
    let expected: Vec<String> = (1..=4 * EACH).map(|n| format!("#1 n: {n}")).collect();
    assert_eq!(scribe.lines(), expected);
}
