//! Fields that expire: random transactions against a plain model, the queues, effects and events.

use std::collections::BTreeMap;
use std::time::Duration;

use perilune_value::{FieldExpiry, Hash, Item, Limits};

use super::{Entry, World};
use crate::plan::LockPlan;
use crate::{ExpireCycle, Fields, Savepoint, Txn, WriteTxn};

const DATABASES: usize = 2;

/// So few fields let a hash leave the encodings that undo copies.
const PACKED_FIELDS_MAX: usize = 4;

/// Fields of a hash: value and expiry. Some may have expired.
type Model = BTreeMap<(usize, String), BTreeMap<String, (i64, Option<i64>)>>;

/// What is live of a model.
fn live(model: &Model, now_ms: i64) -> Model {
    let mut live = model.clone();
    for fields in live.values_mut() {
        fields.retain(|_, (_, expire_at_ms)| expire_at_ms.is_none_or(|at_ms| at_ms > now_ms));
    }
    live.retain(|_, fields| !fields.is_empty());
    live
}

/// The hashes as they lie there.
fn stored(world: &World) -> Model {
    let mut model = Model::new();
    world.each_stripe(|_, data| {
        for database in 0..DATABASES {
            data.map.iterate(database, |handle| {
                let found = crate::Found {
                    map: &data.map,
                    handle,
                };
                let hash = found.collection::<Hash>().expect("there are hashes only");
                let fields = hash.iter().map(|field| {
                    let value = field.value.int().expect("a number");
                    (text(field.name), (value, field.expire_at_ms))
                });
                model.insert((database, super::text(found.key())), fields.collect());
            });
        }
    });
    model
}

fn text(item: Item<'_>) -> String {
    super::text(&item.to_vec())
}

struct Driver<'r> {
    random: &'r mut fastrand::Rng,
    /// What is live.
    model: Model,
    now_ms: i64,
}

impl Driver<'_> {
    fn key(&mut self) -> (usize, String) {
        let number = self.random.u8(..4);
        (self.random.usize(..DATABASES), format!("key:{number}"))
    }

    fn field(&mut self) -> String {
        format!("f{}", self.random.u8(..9))
    }

    fn in_a_while(&mut self) -> i64 {
        self.now_ms + self.random.i64(1..60)
    }

    /// As a command writes fields.
    fn write(&mut self, txn: &mut WriteTxn<'_, '_>, id: &(usize, String)) {
        let now_ms = self.now_ms;
        let field = self.field();
        let kind = self.random.u8(..8);
        let (value, at_ms) = (self.random.i64(..100), self.in_a_while());
        let fields = self.model.entry(id.clone()).or_default();
        let mut slot = txn
            .slot_in(id.0, id.1.as_bytes())
            .expect("nobody else is here");
        slot.expire_fields(Fields::These {
            arguments: &[field.as_bytes()],
            step: 1,
        });
        let old = slot
            .collection::<Hash>()
            .expect("there are hashes only")
            .and_then(|hash| hash.at(now_ms).get(field.as_bytes()))
            .map(|field| (field.value.int().expect("a number"), field.expire_at_ms));
        assert_eq!(old, fields.get(&field).copied());
        let (expiry, expire_at_ms) = match (kind, old) {
            (0 | 1, Some((_, expire_at_ms))) => (FieldExpiry::Keep, expire_at_ms),
            (2..=4, _) => (FieldExpiry::At(at_ms), Some(at_ms)),
            _ => (FieldExpiry::Clear, None),
        };
        match (kind, old) {
            (6, Some((value, _))) => {
                let expire_at_ms = self.random.bool().then_some(at_ms);
                slot.edit::<Hash, _>(|hash| hash.set_expiry(field.as_bytes(), expire_at_ms))
                    .expect("recorded");
                fields.insert(field, (value, expire_at_ms));
            }
            (7, Some(_)) => {
                slot.edit::<Hash, _>(|hash| hash.remove(field.as_bytes()))
                    .expect("recorded");
                fields.remove(&field);
            }
            (6 | 7, None) => {}
            _ => {
                slot.edit::<Hash, _>(|hash| {
                    hash.set(field.as_bytes(), Item::Int(value), expiry);
                })
                .expect("recorded");
                fields.insert(field, (value, expire_at_ms));
            }
        }
        if fields.is_empty() {
            self.model.remove(id);
        }
    }

    fn change(&mut self, txn: &mut Txn<'_>) {
        let id = self.key();
        let now_ms = self.now_ms;
        let mut txn = WriteTxn::new(txn);
        match self.random.u8(..32) {
            0..=21 => self.write(&mut txn, &id),
            22..=24 => {
                let fields = [b"f1".as_slice(), b"f2"];
                let fields = match self.random.bool() {
                    true => Fields::All,
                    false => Fields::These {
                        arguments: &fields,
                        step: 1,
                    },
                };
                let mut slot = txn
                    .slot_in(id.0, id.1.as_bytes())
                    .expect("nobody else is here");
                slot.expire_fields(fields);
                let hash = slot.collection::<Hash>().expect("there are hashes only");
                let found = hash.map_or(0, |hash| hash.at(now_ms).live_len());
                assert_eq!(found, self.model.get(&id).map_or(0, BTreeMap::len));
            }
            25 | 26 => {
                let mut slot = txn
                    .slot_in(id.0, id.1.as_bytes())
                    .expect("nobody else is here");
                slot.delete().expect("recorded");
                self.model.remove(&id);
            }
            27..=29 => {
                let to = self.key();
                let mut slot = txn
                    .slot_in(id.0, id.1.as_bytes())
                    .expect("nobody else is here");
                if !slot.exists() {
                    return;
                }
                let takes = self.random.bool();
                let value = match takes {
                    true => slot.take().expect("recorded"),
                    false => slot.copy(),
                };
                let fields = match takes {
                    true => self.model.remove(&id),
                    false => self.model.get(&id).cloned(),
                };
                txn.slot_in(to.0, to.1.as_bytes())
                    .and_then(|mut slot| slot.put(value))
                    .expect("recorded");
                self.model.insert(to, fields.unwrap_or_default());
                self.model.retain(|_, fields| !fields.is_empty());
            }
            30 if self.random.u8(..3) == 0 => {
                txn.clear(id.0).expect("recorded");
                self.model.retain(|(database, _), _| *database != id.0);
            }
            31 if self.random.u8(..3) == 0 => {
                txn.swap(0, 1).expect("recorded");
                let swapped = std::mem::take(&mut self.model).into_iter();
                self.model = swapped
                    .map(|((database, key), fields)| ((1 - database, key), fields))
                    .collect();
            }
            _ => {}
        }
    }

    fn run(&mut self, txn: &mut Txn<'_>, changes: usize) {
        let mut savepoint: Option<(Savepoint, Model)> = None;
        for _ in 0..changes {
            match self.random.u8(..20) {
                0 => {
                    let model = &self.model;
                    savepoint = txn.savepoint().map(|savepoint| (savepoint, model.clone()));
                }
                1 => {
                    if let Some((savepoint, model)) = savepoint.take() {
                        assert!(txn.roll_back_to(savepoint));
                        self.model = model;
                    }
                }
                _ => self.change(txn),
            }
        }
    }
}

fn check(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::logging();
    world.keyspace.set_limits(Limits {
        hash_max_listpack_entries: PACKED_FIELDS_MAX,
        ..Limits::default()
    });
    let mut cycle = ExpireCycle::default();
    for round in 0..20 {
        world.clock.advance_ms(random.i64(0..40));
        let now_ms = world.keyspace.clock().unix_ms();
        if random.u8(..4) == 0 {
            cycle.run(&world.keyspace, Duration::from_secs(60));
            assert_eq!(stored(&world), live(&stored(&world), now_ms));
            world.audit();
        }
        world.keyspace.pause_expiry(random.u8(..4) == 0);
        let before = live(&stored(&world), now_ms);
        let mut driver = Driver {
            random: &mut random,
            model: before.clone(),
            now_ms,
        };
        let mut txn = Txn::begin(&world.keyspace, 0);
        let takes_back = driver.random.bool();
        if takes_back || driver.random.bool() {
            txn.record();
        }
        if !takes_back {
            assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
        }
        driver.run(&mut txn, 60);
        let expected = match takes_back {
            true => before,
            false => driver.model,
        };
        match takes_back {
            true => txn.roll_back(),
            false => drop(txn.commit()),
        }
        let after = live(&stored(&world), now_ms);
        assert_eq!(after, expected, "seed {seed}, round {round}");
        world.audit();
        world.keyspace.pause_expiry(false);
    }
}

#[test]
fn fields_expire_and_are_taken_back_as_a_model_says() {
    let first = std::env::var("PERILUNE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    match first {
        Some(seed) => check(seed),
        None => (1..=80).for_each(check),
    }
}

/// Sets fields of a hash of database 0, each with the time that it has to live.
fn set_fields(world: &World, key: &str, fields: &[(&str, Option<i64>)]) {
    let now_ms = world.keyspace.clock().unix_ms();
    let mut txn = world.locked(&[key]);
    let mut writing = WriteTxn::new(&mut txn);
    let mut slot = writing.slot(key.as_bytes()).expect("nobody else is here");
    slot.edit::<Hash, _>(|hash| {
        for (field, ttl_ms) in fields {
            let expiry = ttl_ms.map_or(FieldExpiry::Clear, |ms| FieldExpiry::At(now_ms + ms));
            hash.set(field.as_bytes(), Item::Int(1), expiry);
        }
    })
    .expect("nothing is recorded");
    txn.commit();
}

#[test]
fn the_cycle_removes_what_has_expired_and_says_so_for_each_field() {
    let world = World::logging();
    set_fields(
        &world,
        "a",
        &[("x", Some(10)), ("y", Some(20)), ("z", None)],
    );
    set_fields(&world, "b", &[("x", Some(10))]);
    assert_eq!(world.keyspace.database(0).field_expiring(), 2);
    let mut cycle = ExpireCycle::default();
    let mut run = || {
        cycle
            .run(&world.keyspace, Duration::from_secs(60))
            .fields_removed
    };
    assert_eq!(run(), 0);
    world.clock.advance_ms(10);
    assert_eq!(run(), 2);
    let mut told = world.effects();
    told.sort();
    assert_eq!(told, [["0: HDEL a x"], ["0: HDEL b x"]]);
    assert_eq!(world.entries().len(), 1);
    assert_eq!(world.keyspace.database(0).field_expiring(), 1);
    world.clock.advance_ms(10);
    assert_eq!((run(), run()), (1, 0));
    assert_eq!(world.keyspace.database(0).field_expiring(), 0);
    let expired = &world.keyspace.counters().expired_fields;
    assert_eq!(expired.load(std::sync::atomic::Ordering::Relaxed), 3);
    world.audit();
}

#[test]
fn a_big_hash_expires_in_slices() {
    let world = World::new();
    let names: Vec<String> = (0..1000).map(|n| format!("field:{n}")).collect();
    let fields: Vec<(&str, Option<i64>)> =
        names.iter().map(|name| (name.as_str(), Some(10))).collect();
    set_fields(&world, "big", &fields);
    world.clock.advance_ms(10);
    let mut cycle = ExpireCycle::default();
    let report = cycle.run(&world.keyspace, Duration::ZERO);
    assert!(report.out_of_time && report.fields_removed > 0 && report.fields_removed < 1000);
    let report = cycle.run(&world.keyspace, Duration::from_secs(60));
    assert!(!report.out_of_time);
    assert!(world.entries().is_empty());
    world.audit();
}

#[test]
fn a_watched_hash_has_changed_when_a_field_expires() {
    let world = World::new();
    set_fields(&world, "a", &[("x", Some(10)), ("y", None)]);
    let mut watch = crate::WatchSet::default();
    let mut txn = world.locked(&["a"]);
    txn.watch(&mut watch, b"a").expect("the stripe is held");
    txn.commit();
    world.clock.advance_ms(10);
    assert!(!watch.changed());
    ExpireCycle::default().run(&world.keyspace, Duration::from_secs(60));
    assert!(watch.changed());
}

/// An entry is compared as it lies there.
#[test]
fn what_a_rollback_meets_of_expired_fields_stays_absent() {
    let world = World::logging();
    world.keyspace.set_limits(Limits {
        hash_max_listpack_entries: 0,
        ..Limits::default()
    });
    set_fields(&world, "a", &[("x", Some(10)), ("y", None)]);
    world.clock.advance_ms(10);
    let mut txn = world.recording();
    let mut writing = WriteTxn::new(&mut txn);
    let mut slot = writing.slot(b"a").expect("nobody else is here");
    slot.edit::<Hash, _>(|hash| hash.remove(b"y"))
        .expect("recorded");
    // the last field: its removal waits, as the log holds a change of the hash
    slot.expire_fields(Fields::These {
        arguments: &[b"x"],
        step: 1,
    });
    txn.roll_back();
    let entries: Vec<Entry> = world.entries();
    assert_eq!(entries.len(), 1);
    assert!(world.effects().is_empty());
    ExpireCycle::default().run(&world.keyspace, Duration::from_secs(60));
    assert_eq!(world.effects(), [["0: HDEL a x"]]);
    let entry = world.entries().remove(0).value;
    assert!(
        entry.contains("\"y\"") && !entry.contains("\"x\""),
        "{entry}"
    );
    world.audit();
}

/// Ahead of the transaction, where removals are told, there is no hash by this name.
#[test]
fn a_field_that_has_expired_in_a_hash_from_elsewhere_is_told_in_its_place() {
    for is_committed in [false, true] {
        let world = World::logging();
        set_fields(&world, "a", &[("x", Some(10)), ("y", None)]);
        world.clock.advance_ms(10);
        let before = world.entries();
        let mut txn = world.recording();
        let mut writing = WriteTxn::new(&mut txn);
        writing.relocate(b"a", 0, b"b").expect("recorded");
        writing.propagate(&["RENAME", "a", "b"]);
        let mut slot = writing.slot(b"b").expect("nobody else is here");
        slot.expire_fields(Fields::each(&[b"x"]));
        if is_committed {
            txn.commit();
            assert_eq!(world.effects(), [["0: RENAME a b", "0: HDEL b x"]]);
        } else {
            txn.roll_back();
            assert!(world.effects().is_empty());
            assert_eq!(world.entries(), before);
        }
        world.audit();
    }
}
