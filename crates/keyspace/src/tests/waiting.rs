//! Those who wait for keys: served in order, exactly once, before anybody else, and never lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use perilune_value::{Collection, Set};

use super::{World, members};
use crate::plan::{LockPlan, StripeIndex};
use crate::{Abort, Served, Service, Txn, Waiting, WriteTxn};

/// Takes the smallest member of the first of its keys that has one, and adds it to a set where it is to be moved to.
struct Taker {
    name: &'static str,
    database: usize,
    keys: Vec<&'static str>,
    to: Option<&'static str>,
    got: Mutex<Option<String>>,
    /// Names of those to whom an answer was brought, in order.
    told: Arc<Mutex<Vec<&'static str>>>,
}

impl Taker {
    fn take(&self, txn: &mut WriteTxn<'_, '_>) -> Result<Option<String>, Abort> {
        for key in &self.keys {
            if !txn.has_at_hand(key.as_bytes()) {
                continue;
            }
            if let Some(to) = self.to {
                txn.slot(to.as_bytes())?;
            }
            let mut slot = txn.slot(key.as_bytes())?;
            let Ok(Some(_)) = slot.collection::<Set>() else {
                continue;
            };
            let member = slot
                .found()
                .and_then(members)
                .and_then(|m| m.first().cloned());
            let member = member.expect("no set is empty");
            slot.edit::<Set, _>(|set| set.remove(member.as_bytes()))?;
            txn.propagate(&["SREM", key, member.as_str()]);
            if let Some(to) = self.to {
                txn.slot(to.as_bytes())?
                    .edit::<Set, _>(|set| set.insert(member.as_bytes()))?;
                txn.propagate(&["SADD", to, member.as_str()]);
            }
            return Ok(Some(member));
        }
        Ok(None)
    }
}

impl Waiting for Taker {
    fn serve(&self, txn: &mut Txn<'_>) -> Served {
        let mut got = self.got.lock().unwrap();
        if got.is_some() {
            return Served::Gone;
        }
        txn.start_command();
        match self.take(&mut WriteTxn::new(txn)) {
            Ok(Some(member)) => {
                *got = Some(member);
                Served::Done
            }
            Ok(None) => Served::NotYet,
            Err(Abort) => Served::Refused,
        }
    }

    fn deliver(&self) {
        self.told.lock().unwrap().push(self.name);
    }

    fn database(&self) -> usize {
        self.database
    }

    fn type_name(&self) -> &'static str {
        "set"
    }
}

/// Remembers what is owed.
#[derive(Default)]
struct Debts(Mutex<VecDeque<(StripeIndex, StripeIndex)>>);

impl Service for Debts {
    fn serve_later(&self, stripe: StripeIndex, needs: StripeIndex) {
        self.0.lock().unwrap().push_back((stripe, needs));
    }
}

struct Scene {
    world: World,
    told: Arc<Mutex<Vec<&'static str>>>,
    debts: Arc<Debts>,
}

impl Scene {
    fn new() -> Self {
        let world = World::logging();
        let debts = Arc::new(Debts::default());
        world.keyspace.set_service(debts.clone());
        Self {
            world,
            told: Arc::default(),
            debts,
        }
    }

    fn waiter(
        &self,
        name: &'static str,
        keys: &[&'static str],
        to: Option<&'static str>,
    ) -> Arc<Taker> {
        self.waiter_in(0, name, keys, to)
    }

    fn waiter_in(
        &self,
        database: usize,
        name: &'static str,
        keys: &[&'static str],
        to: Option<&'static str>,
    ) -> Arc<Taker> {
        let waiter = Arc::new(Taker {
            name,
            database,
            keys: keys.to_vec(),
            to,
            got: Mutex::new(None),
            told: self.told.clone(),
        });
        let mut txn = self.world.locked(keys);
        txn.select(database);
        for key in keys {
            txn.wait_for(key.as_bytes(), waiter.clone());
        }
        txn.commit();
        waiter
    }

    fn add(&self, key: &str, members: &[&str]) {
        let mut txn = self.world.locked(&[key]);
        add(&mut txn, key, members);
        txn.commit();
    }

    fn members(&self, key: &str) -> Vec<String> {
        let mut txn = self.world.locked(&[key]);
        let mut view = WriteTxn::new(&mut txn);
        let found = view.find(key.as_bytes()).unwrap().and_then(members);
        found.unwrap_or_default().into_iter().collect()
    }

    fn told(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

fn add(txn: &mut Txn<'_>, key: &str, members: &[&str]) {
    let (start, database) = (txn.start_command(), txn.database());
    WriteTxn::new(txn)
        .slot(key.as_bytes())
        .unwrap()
        .edit::<Set, _>(|set| {
            for member in members {
                set.insert(member.as_bytes());
            }
        })
        .unwrap();
    let mut arguments = vec![b"SADD".as_slice(), key.as_bytes()];
    arguments.extend(members.iter().map(|m| m.as_bytes()));
    txn.end_command(start, database, &arguments);
}

fn got(waiter: &Taker) -> Option<String> {
    waiter.got.lock().unwrap().clone()
}

#[test]
fn who_waited_longest_is_served_first_and_each_once() {
    let scene = Scene::new();
    let waiters = ["a", "b", "c"].map(|name| scene.waiter(name, &["k"], None));
    scene.add("k", &["1", "2"]);
    assert_eq!(
        waiters.each_ref().map(|w| got(w)),
        [Some("1".into()), Some("2".into()), None]
    );
    assert_eq!(scene.told(), ["a", "b"]);
    assert!(scene.members("k").is_empty());
    scene.add("k", &["3", "4"]);
    assert_eq!(got(&waiters[2]), Some("3".into()));
    assert_eq!(scene.members("k"), ["4"]);
    assert_eq!(scene.world.keyspace.awaited_keys(), 0);
    // each service is a unit of its own, behind the one that made it possible
    assert_eq!(
        scene.world.effects(),
        [
            vec!["0: SADD k 1 2"],
            vec!["0: SREM k 1"],
            vec!["0: SREM k 2"],
            vec!["0: SADD k 3 4"],
            vec!["0: SREM k 3"]
        ]
    );
    scene.world.audit();
}

#[test]
fn one_who_waits_for_several_keys_is_served_once() {
    let scene = Scene::new();
    let both = scene.waiter("both", &["k", "l"], None);
    let next = scene.waiter("next", &["l"], None);
    let mut txn = scene.world.locked(&["k", "l"]);
    add(&mut txn, "l", &["1"]);
    add(&mut txn, "k", &["2"]);
    txn.commit();
    // both keys were ready by then: the first of its own is taken, and the other is left to the next
    assert_eq!(
        (got(&both), got(&next)),
        (Some("2".into()), Some("1".into()))
    );
    assert_eq!(scene.told(), ["both", "next"]);
}

#[test]
fn what_has_expired_by_the_end_of_the_pushers_transaction_serves_nobody() {
    let scene = Scene::new();
    let waiter = scene.waiter("a", &["k"], None);
    let mut txn = scene.world.locked(&["k"]);
    let expires_at_ms = txn.now_ms() + 100;
    add(&mut txn, "k", &["1"]);
    let mut view = WriteTxn::new(&mut txn);
    let mut slot = view.slot(b"k").unwrap();
    slot.set_expiry(Some(expires_at_ms)).unwrap();
    scene.world.clock.advance_ms(200);
    txn.commit();
    assert_eq!((got(&waiter), scene.told()), (None, vec![]));
    scene.add("k", &["2"]);
    assert_eq!(got(&waiter), Some("2".into()));
}

#[test]
fn what_is_moved_serves_those_who_wait_there() {
    let scene = Scene::new();
    let keys = ["k", "l"];
    let mover = scene.waiter("mover", &["k"], Some("l"));
    let taker = scene.waiter("taker", &["l"], None);
    let mut txn = scene.world.locked(&keys);
    add(&mut txn, "k", &["1"]);
    txn.commit();
    assert_eq!(
        (got(&mover), got(&taker)),
        (Some("1".into()), Some("1".into()))
    );
    assert_eq!(scene.told(), ["mover", "taker"]);
    assert_eq!(scene.world.effects()[1], ["0: SREM k 1", "0: SADD l 1"]);
}

#[test]
fn nobody_is_served_by_what_is_taken_back() {
    let scene = Scene::new();
    let waiter = scene.waiter("a", &["k"], None);
    let mut txn = scene.world.recording();
    add(&mut txn, "k", &["1"]);
    txn.roll_back();
    assert_eq!((got(&waiter), scene.told()), (None, vec![]));
    let mut txn = scene.world.recording();
    let savepoint = txn.savepoint().unwrap();
    add(&mut txn, "k", &["1"]);
    assert!(txn.roll_back_to(savepoint));
    txn.commit();
    assert_eq!((got(&waiter), scene.told()), (None, vec![]));
    scene.add("k", &["2"]);
    assert_eq!(got(&waiter), Some("2".into()));
}

#[test]
fn who_left_is_passed_over() {
    let scene = Scene::new();
    let gone = scene.waiter("gone", &["k", "l"], None);
    let stays = scene.waiter("stays", &["k"], None);
    let handle: Arc<dyn Waiting> = gone.clone();
    for key in &gone.keys {
        scene.world.keyspace.leave(0, key.as_bytes(), &handle);
    }
    scene.add("k", &["1"]);
    assert_eq!((got(&gone), got(&stays)), (None, Some("1".into())));
    assert_eq!(scene.world.keyspace.awaited_keys(), 0);
}

#[test]
fn a_database_that_comes_in_by_swapping_serves_too() {
    let scene = Scene::new();
    let waiter = scene.waiter_in(1, "a", &["k"], None);
    scene.add("k", &["1"]);
    assert_eq!(got(&waiter), None);
    let mut txn = scene.world.recording();
    WriteTxn::new(&mut txn).swap(0, 1).unwrap();
    txn.commit();
    assert_eq!(got(&waiter), Some("1".into()));
}

#[test]
fn a_stripe_that_cannot_be_had_leaves_a_debt_that_is_paid_before_anything_else() {
    let scene = Scene::new();
    let world = &scene.world;
    let mover = scene.waiter("mover", &["k"], Some("l"));
    let taker = scene.waiter("taker", &["k"], None);
    let (k, l) = (world.stripe_of("k"), world.stripe_of("l"));

    let mut held = world.locked(&["l"]);
    scene.add("k", &["1"]);
    // its destination is taken, and nobody overtakes it
    assert_eq!((got(&mover), got(&taker)), (None, None));
    assert_eq!(scene.debts.0.lock().unwrap().pop_front(), Some((k, l)));
    let mut late = Txn::begin(&world.keyspace, 0);
    assert_eq!(late.lock(&LockPlan::one(k), &mut None), Err(l));
    assert_eq!(
        late.lock_key(b"k", world.keyspace.hash(b"k"), &mut None),
        Err(l)
    );
    // nor one that comes upon the key on its way
    let mut growing = world.recording();
    assert!(matches!(WriteTxn::new(&mut growing).slot(b"k"), Err(Abort)));
    assert_eq!(growing.learned_plan(), LockPlan::one(k));
    growing.roll_back();
    assert!(world.keyspace.serve_pending(k, &mut None).is_err());
    held.commit();

    let mut late = Txn::begin(&world.keyspace, 0);
    assert_eq!(late.lock(&LockPlan::one(k), &mut None), Ok(()));
    assert_eq!(got(&mover), Some("1".into()));
    assert!(WriteTxn::new(&mut late).find(b"k").unwrap().is_none());
    late.commit();
    assert_eq!(scene.members("l"), ["1"]);
    assert_eq!(scene.told(), ["mover"]);
    assert_eq!(
        scene
            .world
            .keyspace
            .serve_pending(k, &mut None)
            .map(|t| t.changes),
        Ok(0)
    );
    scene.add("k", &["2"]);
    assert_eq!(
        (got(&taker), scene.told()),
        (Some("2".into()), vec!["taker"])
    );
    world.audit();
}

#[test]
fn a_debt_is_paid_by_the_one_who_waited_for_the_missing_stripe() {
    let scene = Scene::new();
    let world = &scene.world;
    let mover = scene.waiter("mover", &["k"], Some("l"));
    let (k, l) = (world.stripe_of("k"), world.stripe_of("l"));
    let mut held = world.locked(&["l"]);
    scene.add("k", &["1"]);
    let sleeper = Arc::new(super::Sleeper::default());
    let (ticket, _) = world.keyspace.park(l, sleeper.clone());
    held.commit();
    // who queues up keeps newcomers out, so the place in the queue must be used
    let mut queued = Some((l, ticket));
    let tally = world.keyspace.serve_pending(k, &mut queued).unwrap();
    assert_eq!((tally.changes, queued), (2, None));
    assert_eq!(got(&mover), Some("1".into()));
    assert_eq!(world.keyspace.parked(), 0);
}

#[test]
fn a_value_of_another_type_makes_nobody_ready() {
    let scene = Scene::new();
    let waiter = scene.waiter("a", &["k"], None);
    scene.world.set("k", "text", crate::Expiry::Clear);
    assert_eq!(got(&waiter), None);
    let mut txn = scene.world.locked(&["k"]);
    super::delete(&mut txn, "k");
    add(&mut txn, "k", &["1"]);
    txn.commit();
    assert_eq!(got(&waiter), Some("1".into()));
}

#[test]
fn an_empty_set_makes_nobody_ready() {
    let scene = Scene::new();
    let waiter = scene.waiter("a", &["k"], None);
    let mut txn = scene.world.locked(&["k"]);
    add(&mut txn, "k", &["1"]);
    WriteTxn::new(&mut txn)
        .slot(b"k")
        .unwrap()
        .edit::<Set, _>(|set| assert!(set.remove(b"1") && set.is_empty()))
        .unwrap();
    txn.commit();
    assert_eq!(got(&waiter), None);
}
