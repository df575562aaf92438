//! The map against a model: random operations must leave both with the same content and figures.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::testing::Hasher;

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Int(i64),
    Bytes(Vec<u8>),
}

impl Value {
    fn as_item(&self) -> Item<'_> {
        match self {
            Value::Int(value) => Item::Int(*value),
            Value::Bytes(value) => Item::Bytes(value),
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Set(u16, Value, FieldExpiry),
    Insert(u16),
    Remove(u16),
    SetExpiry(u16, Option<i64>),
}

fn value() -> impl Strategy<Value = Value> {
    let ints = prop_oneof![any::<i64>(), -300..300i64];
    let bytes = prop_oneof![8 => vec(any::<u8>(), 0..60), 1 => vec(any::<u8>(), 200..1500), 1 => Just(vec![7; 5000])];
    prop_oneof![ints.prop_map(Value::Int), bytes.prop_map(Value::Bytes)]
}

fn op(fields: u16) -> impl Strategy<Value = Op> {
    let expiry = prop_oneof![
        3 => Just(FieldExpiry::Keep),
        1 => Just(FieldExpiry::Clear),
        1 => any::<i64>().prop_map(FieldExpiry::At),
    ];
    prop_oneof![
        6 => (0..fields, value(), expiry).prop_map(|(field, value, expiry)| Op::Set(field, value, expiry)),
        2 => (0..fields).prop_map(Op::Insert),
        5 => (0..fields).prop_map(Op::Remove),
        2 => (0..fields, any::<Option<i64>>()).prop_map(|(field, at)| Op::SetExpiry(field, at)),
    ]
}

/// Fields of very different lengths.
fn field_bytes(field: u16) -> Vec<u8> {
    let mut bytes = format!("{field}").into_bytes();
    if field.is_multiple_of(7) {
        bytes.resize(100 + 3 * field as usize, b'.');
    }
    bytes
}

struct Pair {
    map: FieldMap<Hasher>,
    fields: BTreeMap<Vec<u8>, (Value, Option<i64>)>,
}

impl Pair {
    fn new(mask: u64) -> Pair {
        Pair {
            map: FieldMap::new(Hasher { mask }),
            fields: BTreeMap::new(),
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Set(field, value, expiry) => {
                let field = field_bytes(field);
                let previous = self.map.set(&field, value.as_item(), expiry);
                let old = self.fields.get(&field);
                let expected = match old {
                    Some(_) => Previous::Replaced,
                    None => Previous::New,
                };
                assert_eq!(previous, expected);
                let expire_at = match expiry {
                    FieldExpiry::Keep => old.and_then(|(_, at)| *at),
                    FieldExpiry::Clear => None,
                    FieldExpiry::At(at) => Some(at),
                };
                self.fields.insert(field, (value, expire_at));
            }
            Op::Insert(field) => {
                let field = field_bytes(field);
                assert_eq!(self.map.insert(&field), !self.fields.contains_key(&field));
                let empty = (Value::Bytes(Vec::new()), None);
                self.fields.entry(field).or_insert(empty);
            }
            Op::Remove(field) => {
                let field = field_bytes(field);
                assert_eq!(
                    self.map.remove(&field),
                    self.fields.remove(&field).is_some()
                );
            }
            Op::SetExpiry(field, at) => {
                let field = field_bytes(field);
                let model = self.fields.get_mut(&field);
                assert_eq!(self.map.set_expiry(&field, at), model.is_some());
                if let Some((_, expire_at)) = model {
                    *expire_at = at;
                }
            }
        }
    }

    fn check(&self) {
        let map = &self.map;
        map.elements.check();
        assert_eq!(
            (map.len(), map.is_empty()),
            (self.fields.len(), self.fields.is_empty())
        );
        let times: Vec<i64> = self.fields.values().filter_map(|(_, at)| *at).collect();
        assert_eq!(map.expiring(), times.len());
        let first = map.first_expiring().and_then(|found| found.expire_at_ms);
        assert_eq!(map.expire_at_ms_min(), times.iter().min().copied());
        assert_eq!(first, map.expire_at_ms_min());
        for (field, (value, at)) in &self.fields {
            let expected = FieldRef {
                field,
                value: value.as_item(),
                expire_at_ms: *at,
            };
            assert_eq!(map.get(field), Some(expected));
            assert_eq!(map.at(map.locate(field)), Some(expected));
            assert!(map.contains(field));
        }
        assert!(!map.contains(b"absent") && map.get(b"absent").is_none());
        let mut shown: Vec<&[u8]> = map.iter().map(|found| found.field).collect();
        shown.sort();
        assert!(
            shown
                .iter()
                .copied()
                .eq(self.fields.keys().map(Vec::as_slice))
        );
        assert_eq!(map.random(0x1234_5678_9ABC).is_some(), !map.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_map_does_what_the_model_does(
        (mask, fields, ops) in prop_oneof![
            vec(op(40), 0..200).prop_map(|ops| (u64::MAX, 40, ops)),
            vec(op(40), 0..200).prop_map(|ops| (0, 40, ops)),
            vec(op(1000), 500..2000).prop_map(|ops| (u64::MAX, 1000, ops)),
        ],
    ) {
        let mut pair = Pair::new(mask);
        for (i, op) in ops.into_iter().enumerate() {
            pair.apply(op);
            if fields < 100 || i.is_multiple_of(97) {
                pair.check();
            }
        }
        pair.check();
        for field in 0..fields {
            pair.apply(Op::Remove(field));
        }
        pair.check();
        prop_assert!(pair.map.heap_bytes() < 4096, "{} bytes left", pair.map.heap_bytes());
    }

    /// Some fields stay for the whole scan; between its calls others come and go, so that the table grows and shrinks.
    #[test]
    fn a_scan_shows_what_stays(
        stays in 0..300u32,
        bursts in vec((any::<bool>(), 0..800u32), 1..40),
        calls_between in 1..12usize,
    ) {
        let mut map = FieldMap::new(Hasher { mask: u64::MAX });
        for number in 0..stays {
            map.insert(number.to_string().as_bytes());
        }
        let mut seen = BTreeSet::new();
        let (mut cursor, mut calls, mut bursts) = (0, 0, bursts.into_iter());
        loop {
            cursor = map.scan(cursor, |found| {
                seen.insert(found.field.to_vec());
            });
            if cursor == 0 {
                break;
            }
            calls += 1;
            prop_assert!(calls < 100_000, "the scan ends");
            if calls % calls_between == 0 && let Some((add, count)) = bursts.next() {
                for number in stays..stays + count {
                    let field = number.to_string();
                    if add { map.insert(field.as_bytes()) } else { map.remove(field.as_bytes()) };
                }
            }
        }
        for number in 0..stays {
            prop_assert!(seen.contains(number.to_string().as_bytes()), "{} has not been shown", number);
        }
    }
}
