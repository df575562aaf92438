//! Random transactions against a plain model: what is taken back leaves no trace, what is committed is what
//! the model says.

use std::collections::{BTreeMap, BTreeSet};

use perilune_value::{Limits, Set};

use super::{Entry, World, members, shown};
use crate::plan::LockPlan;
use crate::{Expiry, ReadTxn, Savepoint, Txn, WriteTxn};

const DATABASES: usize = 3;

/// So few members let a set leave the encoding that undo copies.
const PACKED_MEMBERS_MAX: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Value {
    /// Of a string.
    text: Vec<u8>,
    /// Of a set.
    members: Option<BTreeSet<String>>,
    encoding: &'static str,
    expire_at_ms: Option<i64>,
}

type Model = BTreeMap<(usize, String), Value>;

/// One random transaction: what is done to the keyspace is done to the model.
struct Driver<'r> {
    random: &'r mut fastrand::Rng,
    model: Model,
    now_ms: i64,
}

fn encoding_of(text: &[u8]) -> &'static str {
    perilune_value::StringEncoding::of(text).0.name()
}

impl Driver<'_> {
    fn key(&mut self) -> (usize, String) {
        (
            self.random.usize(..DATABASES),
            format!("key:{}", self.random.u8(..12)),
        )
    }

    fn text(&mut self) -> Vec<u8> {
        match self.random.u8(..6) {
            0 => self.random.i64(..).to_string().into_bytes(),
            1 => self.random.u8(..100).to_string().into_bytes(),
            2 => vec![b'l'; self.random.usize(400..1500)],
            3 => vec![b'm'; self.random.usize(40..448)],
            _ => vec![b's'; self.random.usize(..44)],
        }
    }

    fn expiry(&mut self, old: Option<i64>) -> (Expiry, Option<i64>) {
        match self.random.u8(..3) {
            0 => (Expiry::Keep, old),
            1 => (Expiry::Clear, None),
            _ => {
                let at_ms = self.now_ms + self.random.i64(1..50);
                (Expiry::At(at_ms), Some(at_ms))
            }
        }
    }

    /// One random change.
    fn change(&mut self, txn: &mut Txn<'_>) {
        let (database, key) = self.key();
        let id = (database, key.clone());
        let old = self.model.get(&id).cloned();
        let is_set = old.as_ref().is_some_and(|old| old.members.is_some());
        let mut txn = WriteTxn::new(txn);
        let kind = self.random.u8(..32);
        let mut slot = txn
            .slot_in(database, key.as_bytes())
            .expect("nobody else is here");
        assert_eq!(slot.exists(), old.is_some(), "{id:?}");
        let expire_at_ms = old.as_ref().and_then(|old| old.expire_at_ms);
        match (kind, old) {
            (0..=4, _) => {
                let text = self.text();
                let (expiry, expire_at_ms) = self.expiry(expire_at_ms);
                let encoding = match self.random.u8(..4) {
                    0 => {
                        slot.set_text(&text, expiry).expect("recorded");
                        perilune_value::StringEncoding::of_text(&text).name()
                    }
                    1 => {
                        slot.set_raw(text.clone(), expiry).expect("recorded");
                        "raw"
                    }
                    _ => {
                        slot.set(&text, expiry).expect("recorded");
                        encoding_of(&text)
                    }
                };
                self.model.insert(
                    id,
                    Value {
                        text,
                        members: None,
                        encoding,
                        expire_at_ms,
                    },
                );
            }
            (5..=6, _) => {
                let integer = self.random.i64(-300..300) * self.random.i64(1..1 << 40);
                slot.set_integer(integer).expect("recorded");
                let text = integer.to_string().into_bytes();
                self.model.insert(
                    id,
                    Value {
                        text,
                        members: None,
                        encoding: "int",
                        expire_at_ms,
                    },
                );
            }
            (7..=8, Some(mut old)) if !is_set => {
                let more = self.text();
                old.text.extend_from_slice(&more);
                old.encoding = "raw";
                assert_eq!(slot.append(&more), Ok(old.text.len()));
                self.model.insert(id, old);
            }
            (9..=10, old) if !is_set => {
                let len_min = self.random.usize(1..900);
                slot.edit_bytes(len_min, |bytes| bytes[len_min - 1] = b'!')
                    .expect("recorded");
                let mut text = old.map(|old| old.text).unwrap_or_default();
                text.resize(text.len().max(len_min), 0);
                text[len_min - 1] = b'!';
                self.model.insert(
                    id,
                    Value {
                        text,
                        members: None,
                        encoding: "raw",
                        expire_at_ms,
                    },
                );
            }
            (11..=13, old) => {
                assert_eq!(slot.delete(), Ok(old.is_some()));
                self.model.remove(&id);
            }
            (14..=15, Some(mut old)) => {
                old.expire_at_ms = self
                    .random
                    .bool()
                    .then(|| self.now_ms + self.random.i64(1..50));
                slot.set_expiry(old.expire_at_ms).expect("recorded");
                self.model.insert(id, old);
            }
            (16..=20, Some(old)) => {
                let (to, new_key) = self.key();
                let value = if kind < 19 {
                    slot.take().expect("recorded")
                } else {
                    slot.copy()
                };
                if kind < 19 {
                    self.model.remove(&id);
                }
                txn.slot_in(to, new_key.as_bytes())
                    .and_then(|mut slot| slot.put(value))
                    .expect("recorded");
                self.model.insert((to, new_key), old);
            }
            (21, Some(old)) if database == 0 => {
                let (to, new_key) = self.key();
                txn.relocate(key.as_bytes(), to, new_key.as_bytes())
                    .expect("recorded");
                self.model.remove(&id);
                self.model.insert((to, new_key), old);
            }
            (22, _) if self.random.u8(..3) == 0 => {
                txn.clear(database).expect("recorded");
                self.model.retain(|(d, _), _| *d != database);
            }
            (23, _) if self.random.u8(..3) == 0 => {
                let other = self.random.usize(..DATABASES);
                txn.swap(database, other).expect("recorded");
                let place = |d| {
                    if d == database {
                        other
                    } else if d == other {
                        database
                    } else {
                        d
                    }
                };
                self.model = std::mem::take(&mut self.model)
                    .into_iter()
                    .map(|((d, k), v)| ((place(d), k), v))
                    .collect();
            }
            (24..=31, old) if is_set || old.is_none() => {
                let mut new = old.unwrap_or(Value {
                    text: Vec::new(),
                    members: Some(BTreeSet::new()),
                    encoding: "listpack",
                    expire_at_ms,
                });
                let members = new.members.get_or_insert_default();
                let (before, random) = (members.clone(), &mut *self.random);
                let changes = slot
                    .edit::<Set, _>(|set| {
                        for _ in 0..random.usize(..12) {
                            let member = format!("m{}", random.u8(..10));
                            if random.u8(..3) == 0 {
                                assert_eq!(set.remove(member.as_bytes()), members.remove(&member));
                                continue;
                            }
                            let is_new = members.insert(member.clone());
                            assert_eq!(set.insert(member.as_bytes()), is_new);
                            if members.len() > PACKED_MEMBERS_MAX {
                                new.encoding = "hashtable";
                            }
                        }
                        set.changes()
                    })
                    .expect("recorded");
                assert!(changes > 0 || before == *members);
                if members.is_empty() {
                    self.model.remove(&id);
                } else {
                    self.model.insert(id, new);
                }
            }
            _ => {}
        }
    }

    fn check_reads(&mut self, txn: &mut Txn<'_>) {
        for _ in 0..3 {
            let (database, key) = self.key();
            let mut txn = ReadTxn::new(txn);
            let found = txn
                .peek_in(database, key.as_bytes())
                .expect("nobody else is here");
            let seen = found.map(|found| {
                let members = members(found);
                let text = members.is_none().then(|| shown(found).into_bytes());
                Value {
                    text: text.unwrap_or_default(),
                    members,
                    encoding: found.encoding_name(),
                    expire_at_ms: found.expire_at_ms(),
                }
            });
            assert_eq!(seen, self.model.get(&(database, key)).cloned());
        }
    }

    fn run(&mut self, txn: &mut Txn<'_>, changes: usize) {
        let mut savepoints: Vec<(Savepoint, Model)> = Vec::new();
        for _ in 0..changes {
            match self.random.u8(..20) {
                0 => savepoints.extend(
                    txn.savepoint()
                        .map(|savepoint| (savepoint, self.model.clone())),
                ),
                1 if !savepoints.is_empty() => {
                    let at = self.random.usize(..savepoints.len());
                    let (savepoint, model) = savepoints.swap_remove(at);
                    savepoints.truncate(at);
                    assert!(txn.roll_back_to(savepoint));
                    self.model = model;
                }
                _ => self.change(txn),
            }
            self.check_reads(txn);
        }
    }
}

/// What is live, as the model knows it.
fn live(entries: &[Entry], now_ms: i64) -> Vec<&Entry> {
    entries
        .iter()
        .filter(|entry| entry.expire_at_ms.is_none_or(|at_ms| at_ms > now_ms))
        .collect()
}

fn model_of(entries: &[Entry], now_ms: i64) -> Model {
    let text = |entry: &Entry| match entry.members {
        None => entry.value.clone().into_bytes(),
        Some(_) => Vec::new(),
    };
    let value = |entry: &Entry| Value {
        text: text(entry),
        members: entry.members.clone(),
        encoding: entry.encoding,
        expire_at_ms: entry.expire_at_ms,
    };
    live(entries, now_ms)
        .into_iter()
        .map(|entry| ((entry.database, entry.key.clone()), value(entry)))
        .collect()
}

fn check(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::new();
    world.keyspace.set_limits(Limits {
        set_max_listpack_entries: PACKED_MEMBERS_MAX,
        ..Limits::default()
    });
    for round in 0..12 {
        world.clock.advance_ms(random.i64(0..40));
        world.keyspace.set_access_clock(round);
        let now_ms = super::START_MS.max(world.keyspace.clock().unix_ms());
        let before = world.entries();
        let mut driver = Driver {
            random: &mut random,
            model: model_of(&before, now_ms),
            now_ms,
        };
        let mut txn = Txn::begin(&world.keyspace, 0);
        let takes_back = round % 3 != 0 || driver.random.u8(..4) == 0;
        if takes_back || driver.random.bool() {
            txn.record();
        }
        if !takes_back || driver.random.bool() {
            assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
        }
        driver.run(&mut txn, 60);
        let model = driver.model;
        if takes_back {
            txn.roll_back();
            let mut after = world.entries();
            // that it has been looked at stays, as after reading
            for entry in after.iter_mut().filter(|entry| entry.access == round) {
                let same = |old: &&Entry| (old.database, &old.key) == (entry.database, &entry.key);
                entry.access = before.iter().find(same).map_or(round, |old| old.access);
            }
            assert_eq!(
                live(&after, now_ms),
                live(&before, now_ms),
                "seed {seed}, round {round}"
            );
        } else {
            txn.commit();
            assert_eq!(
                model_of(&world.entries(), now_ms),
                model,
                "seed {seed}, round {round}"
            );
        }
        world.audit();
    }
    let mut txn = world.recording();
    for database in 0..DATABASES {
        WriteTxn::new(&mut txn)
            .clear(database)
            .expect("nobody else is here");
    }
    txn.commit();
    world.audit();
    assert!(world.entries().is_empty());
    // an entry that a record forgot to free would keep its stripe's memory alive
    world.each_stripe(|index, data| {
        let left_bytes = data.map.memory_bytes();
        assert!(
            left_bytes <= 1024,
            "seed {seed}, stripe {index}: {left_bytes} bytes are left"
        );
    });
}

#[test]
fn what_is_taken_back_was_never_there_and_what_is_committed_is_there() {
    let first = std::env::var("PERILUNE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    match first {
        Some(seed) => check(seed),
        None => (1..=60).for_each(check),
    }
}

/// A big value that gets another name is moved, whether that may be taken back or not.
#[test]
fn a_move_is_taken_back_with_all_that_was_done_around_it() {
    let world = World::new();
    world.keyspace.set_limits(Limits {
        set_max_listpack_entries: PACKED_MEMBERS_MAX,
        set_max_intset_entries: 0,
        ..Limits::default()
    });
    let edit = |txn: &mut Txn<'_>, key: &str, add: &[&str], remove: &[&str]| {
        let done = WriteTxn::new(txn)
            .slot(key.as_bytes())
            .and_then(|mut slot| {
                slot.edit::<Set, _>(|set| {
                    add.iter().for_each(|member| {
                        set.insert(member.as_bytes());
                    });
                    remove.iter().for_each(|member| {
                        set.remove(member.as_bytes());
                    });
                })
            });
        assert_eq!(done, Ok(()));
    };
    let mut txn = world.locked(&["a", "b"]);
    edit(&mut txn, "a", &["1", "2", "3", "4", "5", "6", "7"], &[]);
    edit(&mut txn, "b", &["x", "y"], &[]);
    let expires = WriteTxn::new(&mut txn)
        .slot(b"a")
        .and_then(|mut slot| slot.set_expiry(Some(super::START_MS + 1000)));
    assert_eq!(expires, Ok(()));
    txn.commit();
    let before = world.entries();

    let mut txn = world.recording();
    edit(&mut txn, "a", &["8"], &["1"]);
    edit(&mut txn, "b", &["z"], &[]);
    assert_eq!(WriteTxn::new(&mut txn).relocate(b"a", 0, b"b"), Ok(()));
    edit(&mut txn, "b", &["9"], &["2"]);
    edit(&mut txn, "a", &["new"], &[]);
    let savepoint = txn.savepoint().expect("it records");
    assert_eq!(WriteTxn::new(&mut txn).relocate(b"b", 1, b"b"), Ok(()));
    txn.select(1);
    edit(&mut txn, "b", &["10"], &["3"]);
    assert!(super::delete(&mut txn, "b"));
    assert!(txn.roll_back_to(savepoint));
    txn.select(0);
    assert_eq!(WriteTxn::new(&mut txn).relocate(b"b", 0, b"c"), Ok(()));
    edit(&mut txn, "c", &[], &["4", "5", "6", "7", "8", "9"]);
    txn.roll_back();
    assert_eq!(world.entries(), before);
    world.audit();
}
