//! Intsets against a model: random changes must leave both with the same integers, and the block valid.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn value() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => -20..20i64,
        2 => any::<i16>().prop_map(i64::from),
        1 => any::<i32>().prop_map(i64::from),
        1 => any::<i64>(),
        1 => (0..4usize, -1..=1i64).prop_map(|(edge, more)| {
            [i64::from(i16::MIN), i64::from(i16::MAX), i64::from(i32::MIN), i64::from(i32::MAX)][edge] + more
        }),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)],
    ]
}

fn check(set: &Intset, model: &BTreeSet<i64>) {
    assert!(set.iter().eq(model.iter().copied()));
    assert!(set.iter().rev().eq(model.iter().rev().copied()));
    assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
    assert_eq!(
        (set.min(), set.max()),
        (model.first().copied(), model.last().copied())
    );
    assert!(
        (0..set.len())
            .map(|index| set.get(index))
            .eq(model.iter().map(|&value| Some(value)))
    );
    assert_eq!(set.get(set.len()), None);
    assert!(set.heap_bytes() <= set.as_bytes().len() * 4 / 3 + 86);
    match Intset::from_bytes(set.as_bytes().to_vec()) {
        Ok(copy) => assert_eq!(copy, *set),
        Err(_) => assert!(model.is_empty()),
    }
}

proptest! {
    #[test]
    fn random_changes_agree_with_a_model(ops in vec((any::<bool>(), value()), 1..200)) {
        let (mut set, mut model) = (Intset::new(), BTreeSet::new());
        for (insert, value) in ops {
            assert_eq!(set.contains(value), model.contains(&value));
            if insert {
                assert_eq!(set.insert(value), model.insert(value));
            } else {
                assert_eq!(set.remove(value), model.remove(&value));
            }
            check(&set, &model);
        }
    }

    #[test]
    fn corrupt_blocks_are_refused_or_harmless(
        values in vec(value(), 1..20),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut set = Intset::new();
        values.iter().for_each(|&value| { set.insert(value); });
        let mut block = set.as_bytes().to_vec();
        changes.iter().for_each(|(at, byte)| block[at.index(set.as_bytes().len())] = *byte);
        if let Some(cut) = cut {
            block.truncate(cut.index(block.len()));
        }
        if let Ok(mut read) = Intset::from_bytes(block) {
            let model: BTreeSet<i64> = read.iter().collect();
            check(&read, &model);
            values.iter().for_each(|&value| assert_eq!(read.contains(value), model.contains(&value)));
            values.iter().for_each(|&value| { read.remove(value); read.insert(value); });
            assert!(values.iter().all(|&value| read.contains(value)));
        }
    }
}

#[test]
fn blocks_that_are_none_are_refused() {
    let check = |block: &[u8], what| {
        assert_eq!(Intset::from_bytes(block.to_vec()), Err(Corrupt { what }));
    };
    check(&[2, 0, 0, 0, 0, 0, 0], "an intset without header");
    check(
        &[3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0],
        "an intset of unknown width",
    );
    check(
        &[2, 0, 0, 0, 0, 0, 0, 0],
        "an intset whose length is not what it says",
    );
    check(
        &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0],
        "an intset whose length is not what it says",
    );
    // a length that wraps around in 32 bits
    check(
        &[8, 0, 0, 0, 1, 0, 0, 0x20, 1, 0, 0, 0, 0, 0, 0, 0],
        "an intset whose length is not what it says",
    );
    check(
        &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
        "an intset out of order",
    );
    check(
        &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 255, 255],
        "an intset out of order",
    );
}
