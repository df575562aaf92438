//! Intsets: hostile blocks are refused or harmless, and changes agree with a set of integers.
//!
//! The first byte says which: with its lowest bit set the rest is a block, else changes. What a block lets through is then
//! changed as well.

#![no_main]

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use perilune_structures::Intset;

#[derive(Arbitrary)]
enum Value {
    Tiny(i8),
    Small(i16),
    Medium(i32),
    Large(i64),
}

impl Value {
    fn get(self) -> i64 {
        match self {
            Value::Tiny(value) => value.into(),
            Value::Small(value) => value.into(),
            Value::Medium(value) => value.into(),
            Value::Large(value) => value,
        }
    }
}

fn check(set: &Intset, model: &BTreeSet<i64>) {
    assert!(set.iter().eq(model.iter().copied()));
    assert!(set.iter().rev().eq(model.iter().rev().copied()));
    assert_eq!(set.len(), model.len());
    assert_eq!(
        (set.min(), set.max()),
        (model.first().copied(), model.last().copied())
    );
    assert_eq!(set.get(model.len()), None);
    match Intset::from_bytes(set.as_bytes().to_vec()) {
        Ok(copy) => assert_eq!(copy, *set),
        Err(_) => assert!(model.is_empty()),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let (mut set, ops) = if kind & 1 == 0 {
        (Intset::new(), data)
    } else {
        let (block, ops) = data.split_at(data.len() - data.len() / 4);
        let Ok(set) = Intset::from_bytes(block.to_vec()) else {
            return;
        };
        (set, ops)
    };
    let mut model: BTreeSet<i64> = set.iter().collect();
    check(&set, &model);
    let mut input = Unstructured::new(ops);
    while !input.is_empty()
        && let Ok((insert, value)) = <(bool, Value)>::arbitrary(&mut input)
    {
        let value = value.get();
        assert_eq!(set.contains(value), model.contains(&value));
        if insert {
            assert_eq!(set.insert(value), model.insert(value));
        } else {
            assert_eq!(set.remove(value), model.remove(&value));
        }
        check(&set, &model);
    }
});
