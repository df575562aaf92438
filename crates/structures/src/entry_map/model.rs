//! The map against a model: random operations must leave both with the same content, and every table and figure
//! of the map in order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as ModelEntry;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::testing::Hasher;

const DBS: usize = 3;

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Int(i64),
    Bytes(Vec<u8>),
    Heap(String),
}

#[derive(Clone, Debug, PartialEq)]
struct Model {
    value: Value,
    encoding: u8,
    expire_at: Option<i64>,
    access: u32,
}

#[derive(Clone, Debug)]
enum Op {
    Set {
        db: usize,
        key: u16,
        model: Model,
    },
    Replace {
        db: usize,
        key: u16,
        value: Value,
        encoding: u8,
    },
    SetInt {
        db: usize,
        key: u16,
        value: i64,
    },
    SetExpiry {
        db: usize,
        key: u16,
        expire_at: Option<i64>,
    },
    Resize {
        db: usize,
        key: u16,
        len: usize,
    },
    Append {
        db: usize,
        key: u16,
        bytes: Vec<u8>,
    },
    Remove {
        db: usize,
        key: u16,
    },
    Detach {
        db: usize,
        key: u16,
    },
    Attach {
        db: usize,
        pick: usize,
    },
    Free {
        pick: usize,
    },
    Swap {
        a: usize,
        b: usize,
    },
    Clear {
        db: usize,
    },
    Abandon {
        db: usize,
    },
    Sweep {
        entries: usize,
    },
    TakeSetRestore {
        db: usize,
        key: u16,
        model: Model,
    },
}

fn value() -> impl Strategy<Value = Value> {
    let ints = prop_oneof![any::<i64>(), -300..300i64, any::<i32>().prop_map(i64::from)];
    let bytes = prop_oneof![4 => vec(any::<u8>(), 0..60), 1 => vec(any::<u8>(), 200..1500), 1 => Just(vec![7; 5000])];
    prop_oneof![
        ints.prop_map(Value::Int),
        bytes.prop_map(Value::Bytes),
        "[a-z]{0,9}".prop_map(Value::Heap),
    ]
}

fn model() -> impl Strategy<Value = Model> {
    (value(), 0..16u8, any::<Option<i64>>(), 0..1u32 << 24).prop_map(
        |(value, encoding, expire_at, access)| Model {
            value,
            encoding,
            expire_at,
            access,
        },
    )
}

fn op(keys: u16) -> impl Strategy<Value = Op> {
    let at = (0..DBS, 0..keys);
    prop_oneof![
        12 => (at.clone(), model()).prop_map(|((db, key), model)| Op::Set { db, key, model }),
        3 => (at.clone(), value(), 0..16u8)
            .prop_map(|((db, key), value, encoding)| Op::Replace { db, key, value, encoding }),
        1 => (at.clone(), any::<i64>()).prop_map(|((db, key), value)| Op::SetInt { db, key, value }),
        2 => (at.clone(), any::<Option<i64>>())
            .prop_map(|((db, key), expire_at)| Op::SetExpiry { db, key, expire_at }),
        1 => (at.clone(), 0..2000usize).prop_map(|((db, key), len)| Op::Resize { db, key, len }),
        1 => (at.clone(), vec(any::<u8>(), 0..90)).prop_map(|((db, key), bytes)| Op::Append { db, key, bytes }),
        6 => at.clone().prop_map(|(db, key)| Op::Remove { db, key }),
        2 => at.clone().prop_map(|(db, key)| Op::Detach { db, key }),
        2 => (0..DBS, 0..50usize).prop_map(|(db, pick)| Op::Attach { db, pick }),
        1 => (0..50usize).prop_map(|pick| Op::Free { pick }),
        1 => (0..DBS, 0..DBS).prop_map(|(a, b)| Op::Swap { a, b }),
        1 => (0..DBS).prop_map(|db| Op::Clear { db }),
        1 => (0..DBS).prop_map(|db| Op::Abandon { db }),
        2 => (1_usize..40).prop_map(|entries| Op::Sweep { entries }),
        1 => (at, model()).prop_map(|((db, key), model)| Op::TakeSetRestore { db, key, model }),
    ]
}

/// Keys of very different lengths.
fn key_bytes(key: u16) -> Vec<u8> {
    let mut bytes = format!("key:{key}").into_bytes();
    if key.is_multiple_of(7) {
        bytes.resize(100 + key as usize, b'.');
    }
    bytes
}

/// A map and its model, changed in step.
struct Pair {
    map: EntryMap<String, Hasher>,
    dbs: Vec<BTreeMap<Vec<u8>, Model>>,
    detached: Vec<(Handle, Vec<u8>, Model)>,
}

impl Pair {
    fn new(mask: u64) -> Pair {
        Pair {
            map: EntryMap::new(Hasher { mask }),
            dbs: vec![BTreeMap::new(); DBS],
            detached: Vec::new(),
        }
    }

    fn hash(&self, key: &[u8]) -> u64 {
        self.map.hasher.hash_key(key)
    }

    fn find(&self, db: usize, key: &[u8]) -> Option<Handle> {
        self.map.find(db, self.hash(key), key)
    }

    fn insert(&mut self, db: usize, key: &[u8], model: Model) {
        let Model {
            value,
            encoding,
            expire_at,
            access,
        } = &model;
        let payload = new_payload(value);
        let new = NewEntry {
            key,
            payload,
            encoding: *encoding,
            expire_at: *expire_at,
            access: *access,
        };
        self.map.insert(db, self.hash(key), new);
        self.dbs[db].insert(key.to_vec(), model);
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Set { db, key, model } => {
                let key = key_bytes(key);
                match self.find(db, &key) {
                    Some(_) => self.replace(db, &key, model.value, model.encoding),
                    None => self.insert(db, &key, model),
                }
            }
            Op::Replace {
                db,
                key,
                value,
                encoding,
            } => self.replace(db, &key_bytes(key), value, encoding),
            Op::SetInt { db, key, value } => {
                let key = key_bytes(key);
                let Some(handle) = self.find(db, &key) else {
                    return;
                };
                let model = self.dbs[db].get_mut(&key).unwrap();
                if self.map.set_int(handle, value) {
                    assert!(matches!(model.value, Value::Int(_)));
                    model.value = Value::Int(value);
                }
            }
            Op::SetExpiry { db, key, expire_at } => {
                let key = key_bytes(key);
                let Some(handle) = self.find(db, &key) else {
                    return;
                };
                self.map.set_expiry(db, self.hash(&key), handle, expire_at);
                self.dbs[db].get_mut(&key).unwrap().expire_at = expire_at;
            }
            Op::Resize { db, key, len } => {
                let (key, hash) = self.keyed(key);
                let Some(handle) = self.find(db, &key) else {
                    return;
                };
                if let Value::Bytes(bytes) = &mut self.dbs[db].get_mut(&key).unwrap().value {
                    bytes.resize(len, 0);
                    self.map.resize_bytes(db, hash, handle, len);
                }
            }
            Op::Append {
                db,
                key,
                bytes: more,
            } => {
                let (key, hash) = self.keyed(key);
                let Some(handle) = self.find(db, &key) else {
                    return;
                };
                if let Value::Bytes(bytes) = &mut self.dbs[db].get_mut(&key).unwrap().value {
                    bytes.extend_from_slice(&more);
                    let handle = self.map.append(db, hash, handle, &more);
                    if let Some(last) = self.map.bytes_mut(handle).unwrap().last_mut() {
                        *last ^= 1;
                        *bytes.last_mut().unwrap() ^= 1;
                    }
                }
            }
            Op::Remove { db, key } => {
                let key = key_bytes(key);
                let Some(handle) = self.find(db, &key) else {
                    return;
                };
                let object = self.map.remove(db, self.hash(&key), handle);
                let model = self.dbs[db].remove(&key).unwrap();
                assert_eq!(object.map(Value::Heap), is_heap(model.value));
            }
            Op::Detach { db, key } => {
                let key = key_bytes(key);
                let Some(handle) = self.find(db, &key) else {
                    return;
                };
                self.map.detach(db, self.hash(&key), handle);
                let model = self.dbs[db].remove(&key).unwrap();
                self.detached.push((handle, key, model));
            }
            Op::Attach { db, pick } => {
                let Some((handle, key, model)) = self.pick(pick) else {
                    return;
                };
                let hash = self.hash(&key);
                match self.dbs[db].entry(key.clone()) {
                    ModelEntry::Vacant(vacant) => {
                        vacant.insert(model);
                        self.map.attach(db, hash, handle);
                    }
                    ModelEntry::Occupied(_) => self.detached.push((handle, key, model)),
                }
            }
            Op::Free { pick } => {
                let Some((handle, _, model)) = self.pick(pick) else {
                    return;
                };
                assert_eq!(self.map.free(handle).map(Value::Heap), is_heap(model.value));
            }
            Op::Swap { a, b } => {
                self.map.swap_dbs(a, b);
                self.dbs.swap(a, b);
            }
            Op::Clear { db } => {
                let abandoned = self.map.abandoned();
                let cleared = self.map.clear(db);
                let len = cleared.len() + self.map.abandoned();
                assert_eq!(len, abandoned + self.dbs[db].len());
                self.dbs[db].clear();
            }
            Op::Abandon { db } => {
                let (taken, before) = (self.map.take_db(db), self.map.abandoned());
                let len = taken.len();
                assert_eq!(len, self.dbs[db].len());
                let cleared = self.map.free_db(taken, 2);
                match (cleared.is_whole(), len) {
                    (true, _) => assert_eq!(cleared.len(), before + len),
                    (false, 0..=2) => assert_eq!(cleared.len(), len),
                    (false, _) => assert_eq!((cleared.len(), cleared.objects().len()), (0, 0)),
                }
                let freed = cleared.len();
                assert_eq!(self.map.abandoned(), before + len - freed);
                self.dbs[db].clear();
            }
            Op::Sweep { entries } => {
                let before = self.map.abandoned();
                let heaps = |map: &EntryMap<String, Hasher>| {
                    let all = map.abandoned_handles();
                    all.filter(|&handle| map.object(handle).is_some()).count()
                };
                let heaps_before = heaps(&self.map);
                let mut cleared = Cleared::default();
                self.map.sweep(entries, &mut cleared);
                assert!(cleared.len() >= entries.min(before));
                assert_eq!(self.map.abandoned(), before - cleared.len());
                assert_eq!(self.map.abandoned_handles().count(), self.map.abandoned());
                assert_eq!(heaps(&self.map), heaps_before - cleared.objects().len());
            }
            Op::TakeSetRestore { db, key, model } => {
                let taken = self.map.take_db(db);
                let before = std::mem::take(&mut self.dbs[db]);
                self.insert(db, &key_bytes(key), model);
                let since = self.map.restore_db(db, taken);
                let abandoned = self.map.abandoned();
                let cleared = self.map.free_db(since, 1);
                assert_eq!(cleared.len() + self.map.abandoned(), abandoned + 1);
                self.dbs[db] = before;
            }
        }
    }

    fn keyed(&self, key: u16) -> (Vec<u8>, u64) {
        let key = key_bytes(key);
        let hash = self.hash(&key);
        (key, hash)
    }

    fn pick(&mut self, pick: usize) -> Option<(Handle, Vec<u8>, Model)> {
        (pick < self.detached.len()).then(|| self.detached.swap_remove(pick))
    }

    fn replace(&mut self, db: usize, key: &[u8], value: Value, encoding: u8) {
        let Some(handle) = self.find(db, key) else {
            return;
        };
        let (_, object) =
            self.map
                .replace_payload(db, self.hash(key), handle, new_payload(&value), encoding);
        let model = self.dbs[db].get_mut(key).unwrap();
        let old = std::mem::replace(&mut model.value, value);
        model.encoding = encoding;
        assert_eq!(object.map(Value::Heap), is_heap(old));
    }

    /// The map is in order and holds what the model holds.
    fn check(&self) {
        let mut live = self.detached.len() + self.map.abandoned();
        for (db, models) in self.dbs.iter().enumerate() {
            live += models.len();
            assert_eq!(self.map.len(db), models.len());
            assert_eq!(
                self.map.expires_len(db),
                models.values().filter(|m| m.expire_at.is_some()).count()
            );
            for (key, model) in models {
                self.check_entry(self.find(db, key).expect("the key is there"), key, model);
            }
            if let Some(table) = self.map.tables.get(db) {
                let hash = |h| self.hash(self.map.key(h));
                table.check(hash, |h| self.map.expire_at(h).is_some());
            }
            let mut shown = Vec::new();
            self.map
                .iterate(db, |handle| shown.push(self.map.key(handle).to_vec()));
            shown.sort();
            assert!(shown.iter().eq(models.keys()));
            assert_eq!(
                self.map
                    .random(db, live as u64 * 0x1234_5678_9ABC)
                    .is_some(),
                !models.is_empty()
            );
        }
        self.detached
            .iter()
            .for_each(|(handle, key, model)| self.check_entry(*handle, key, model));
        assert_eq!(self.map.slab.live(), live);
    }

    fn check_entry(&self, handle: Handle, key: &[u8], model: &Model) {
        let view = self.map.view(handle);
        assert_eq!(view.key, key);
        assert_eq!(
            (view.encoding, view.expire_at, view.access),
            (model.encoding, model.expire_at, model.access)
        );
        match (&model.value, view.payload) {
            (Value::Int(a), Payload::Int(b)) => assert_eq!(*a, b),
            (Value::Bytes(a), Payload::Bytes(b)) => assert_eq!(a, b),
            (Value::Heap(a), Payload::Heap(b)) => assert_eq!(a, b),
            (a, b) => panic!("{a:?} has become {b:?}"),
        }
    }
}

fn new_payload(value: &Value) -> NewPayload<'_, String> {
    match value {
        Value::Int(int) => NewPayload::Int(*int),
        Value::Bytes(bytes) => NewPayload::Bytes(bytes),
        Value::Heap(object) => NewPayload::Heap(object.clone()),
    }
}

fn is_heap(value: Value) -> Option<Value> {
    matches!(value, Value::Heap(_)).then_some(value)
}

const ALL_BITS: u64 = u64::MAX;
/// Two bits for groups and two for marks.
const FEW_BITS: u64 = 0x0C00_0000_0003;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_map_does_what_the_model_does(
        mask in prop_oneof![4 => Just(ALL_BITS), 1 => Just(FEW_BITS), 1 => Just(0)],
        ops in prop_oneof![vec(op(40), 0..300), vec(op(1000), 500..3000)],
    ) {
        let mut pair = Pair::new(mask);
        for (i, op) in ops.into_iter().enumerate() {
            pair.apply(op);
            if i.is_multiple_of(97) {
                pair.check();
            }
        }
        pair.check();
        for db in 0..DBS {
            pair.apply(Op::Clear { db });
        }
        while !pair.detached.is_empty() {
            pair.apply(Op::Free { pick: 0 });
        }
        pair.apply(Op::Sweep { entries: usize::MAX >> 1 });
        pair.check();
        prop_assert!(pair.map.memory_bytes() <= DBS * 8, "{} bytes left", pair.map.memory_bytes());
    }

    /// Some keys stay for the whole scan; between its calls others come and go, so that groups split and merge.
    #[test]
    fn a_scan_shows_what_stays(
        mask in prop_oneof![4 => Just(ALL_BITS), 1 => Just(FEW_BITS)],
        stays in 0..300u32,
        bursts in vec((any::<bool>(), 0..800u32), 1..40),
        calls_between in 1..12usize,
        expiring in any::<bool>(),
    ) {
        let mut map: EntryMap<String, Hasher> = EntryMap::new(Hasher { mask });
        let hasher = map.hasher;
        let change = |map: &mut EntryMap<String, Hasher>, number: u32, add: bool| {
            let key = number.to_string();
            let hash = hasher.hash_key(key.as_bytes());
            match (map.find(0, hash, key.as_bytes()), add) {
                (None, true) => {
                    let expire_at = number.is_multiple_of(2).then_some(1);
                    let payload = NewPayload::Int(i64::from(number));
                    map.insert(0, hash, NewEntry { key: key.as_bytes(), payload, encoding: 0, expire_at, access: 0 });
                }
                (Some(handle), false) => drop(map.remove(0, hash, handle)),
                _ => {}
            }
        };
        for number in 0..stays {
            change(&mut map, number, true);
        }
        let mut seen = std::collections::BTreeSet::new();
        let (mut cursor, mut calls, mut bursts) = (0, 0, bursts.into_iter());
        loop {
            let mut show = |handle| {
                if let Payload::Int(number) = map.payload(handle) {
                    seen.insert(number);
                }
            };
            cursor = if expiring { map.scan_expiring(0, cursor, &mut show) } else { map.scan(0, cursor, &mut show) };
            prop_assert!(cursor < 1 << 42);
            if cursor == 0 {
                break;
            }
            calls += 1;
            prop_assert!(calls < 100_000, "the scan ends");
            if calls % calls_between == 0 && let Some((add, count)) = bursts.next() {
                (stays..stays + count).for_each(|number| change(&mut map, number, add));
            }
        }
        for number in (0..i64::from(stays)).filter(|number| !expiring || number % 2 == 0) {
            prop_assert!(seen.contains(&number), "{number} has not been shown");
        }
    }
}

#[test]
fn a_scan_of_a_table_at_rest_shows_each_entry_once() {
    for count in [0, 1, 12, 100, 57, 1000, 5000] {
        let mut pair = Pair::new(ALL_BITS);
        for key in 0..count {
            let model = Model {
                value: Value::Int(0),
                encoding: 0,
                expire_at: None,
                access: 0,
            };
            pair.insert(0, &key_bytes(key), model);
        }
        let (mut cursor, mut shown) = (0, Vec::new());
        loop {
            let before = shown.len();
            cursor = pair.map.scan(0, cursor, |handle| shown.push(handle));
            assert!(shown.len() - before <= 40, "one home at a time");
            if cursor == 0 {
                break;
            }
        }
        shown.sort();
        shown.dedup();
        assert_eq!(shown.len(), count as usize);
        assert_eq!(
            pair.map.scan_expiring(0, 0, |_| panic!("nothing expires")),
            if count <= 56 {
                0
            } else {
                pair.map.scan_expiring(0, 0, |_| ())
            }
        );
    }
}

#[test]
fn random_entries_are_about_equally_probable() {
    const KEYS: u16 = 300;
    const DRAWS_PER_KEY: u64 = 200;
    let mut pair = Pair::new(ALL_BITS);
    for key in 0..KEYS {
        let model = Model {
            value: Value::Int(0),
            encoding: 0,
            expire_at: None,
            access: 0,
        };
        pair.insert(0, &key_bytes(key), model);
    }
    let mut draws = BTreeMap::new();
    for draw in 0..u64::from(KEYS) * DRAWS_PER_KEY {
        let random = (draw + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let handle = pair
            .map
            .random(0, random ^ random >> 31)
            .expect("there are entries");
        *draws.entry(handle).or_insert(0) += 1;
    }
    assert_eq!(draws.len(), KEYS as usize);
    let (least, most) = (draws.values().min().unwrap(), draws.values().max().unwrap());
    assert!(
        *least > DRAWS_PER_KEY / 3 && *most < DRAWS_PER_KEY * 3,
        "{least} {most}"
    );
}
