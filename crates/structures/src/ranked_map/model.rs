//! The map against a model: random operations must leave both with the same content, and the tree in order.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::testing::Hasher;

#[derive(Clone, Debug)]
enum Op {
    Set(u16, f64),
    /// Scores or members that go up or down in steps.
    Run {
        start: u16,
        count: u16,
        down: bool,
    },
    Remove(u16),
    RemoveRange(usize, usize),
}

/// Few enough to meet again, and all that is special.
fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-20..20i8).prop_map(f64::from),
        4 => any::<f64>().prop_filter("no NaN", |score| !score.is_nan()),
        4 => (0..100_000u32).prop_map(|i| 0.1 + f64::from(i) * 1e-7),
        2 => (0..100_000u32).prop_map(|i| 1.75e12 + f64::from(i)),
        2 => prop::sample::select(vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX]),
    ]
}

fn op(keys: u16, score: BoxedStrategy<f64>) -> impl Strategy<Value = Op> {
    prop_oneof![
        20 => (0..keys, score).prop_map(|(key, score)| Op::Set(key, score)),
        1 => (0..keys, 1..keys, any::<bool>()).prop_map(|(start, count, down)| Op::Run { start, count, down }),
        12 => (0..keys).prop_map(Op::Remove),
        1 => (0..2 * keys as usize, 0..keys as usize / 2).prop_map(|(start, len)| Op::RemoveRange(start, len)),
    ]
}

fn member(key: u16) -> Vec<u8> {
    let mut bytes = format!("{}", key.wrapping_mul(40503)).into_bytes();
    if key.is_multiple_of(97) {
        bytes.resize(300, b'.');
    }
    bytes
}

struct Pair {
    map: RankedMap<Hasher>,
    scores: BTreeMap<Vec<u8>, f64>,
}

impl Pair {
    fn new(mask: u64) -> Pair {
        Pair {
            map: RankedMap::new(Hasher { mask }),
            scores: BTreeMap::new(),
        }
    }

    fn set(&mut self, key: u16, score: f64) {
        let member = member(key);
        let old = self.map.insert_or_update(&member, score);
        let expected = self.scores.insert(member, score);
        assert_eq!(old.map(f64::to_bits), expected.map(f64::to_bits));
    }

    fn sorted(&self) -> Vec<(&[u8], f64)> {
        let mut sorted: Vec<(&[u8], f64)> = self
            .scores
            .iter()
            .map(|(member, &score)| (member.as_slice(), score))
            .collect();
        sorted.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then(a.0.cmp(b.0)));
        sorted
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Set(key, score) => self.set(key, score),
            Op::Run { start, count, down } => {
                for i in 0..count {
                    let step = if down { count - i } else { i };
                    self.set(start.wrapping_add(step), f64::from(step));
                }
            }
            Op::Remove(key) => {
                let member = member(key);
                assert_eq!(self.map.remove(&member), self.scores.remove(&member));
            }
            Op::RemoveRange(start, len) => {
                let sorted = self.sorted();
                let from = start.min(sorted.len());
                let expected: Vec<(Vec<u8>, f64)> = sorted[from..(from + len).min(sorted.len())]
                    .iter()
                    .map(|&(member, score)| (member.to_vec(), score))
                    .collect();
                let mut removed = Vec::new();
                self.map.remove_range(start..start + len, |member, score| {
                    removed.push((member.to_vec(), score));
                });
                assert_eq!(removed, expected);
                for (member, _) in removed {
                    self.scores.remove(&member);
                }
            }
        }
    }

    /// The map is in order and holds what the model holds.
    fn check(&self) {
        self.map.check();
        assert_eq!(self.map.len(), self.scores.len());
        let same = |a: (&[u8], f64), b: (&[u8], f64)| a.0 == b.0 && a.1.to_bits() == b.1.to_bits();
        let sorted = self.sorted();
        assert!(self.map.iter().eq_by_pairs(&sorted, same));
        let mut backward: Vec<(&[u8], f64)> = self.map.iter().rev().collect();
        backward.reverse();
        assert!(backward.into_iter().eq_by_pairs(&sorted, same));
        for (rank, &(member, score)) in sorted.iter().enumerate() {
            assert_eq!(self.map.rank(member), Some((rank, score)));
            assert_eq!(
                self.map.score(member).map(f64::to_bits),
                Some(score.to_bits())
            );
            assert_eq!(self.map.get(rank), Some((member, score)));
        }
        assert_eq!(self.map.get(sorted.len()), None);
        assert_eq!(
            (self.map.rank(b"absent"), self.map.score(b"absent")),
            (None, None)
        );
    }

    fn check_bounds(&self, a: f64, b: f64) {
        let sorted = self.sorted();
        for min in [Bound::Unbounded, Bound::Included(a), Bound::Excluded(a)] {
            for max in [Bound::Unbounded, Bound::Included(b), Bound::Excluded(b)] {
                let found = self.map.score_range(min, max);
                let start = sorted.partition_point(|&(_, score)| match min {
                    Bound::Unbounded => false,
                    Bound::Included(min) => score < min,
                    Bound::Excluded(min) => score <= min,
                });
                let end = sorted.partition_point(|&(_, score)| match max {
                    Bound::Unbounded => true,
                    Bound::Included(max) => score <= max,
                    Bound::Excluded(max) => score < max,
                });
                assert_eq!(found, start..end.max(start), "{min:?} {max:?}");
            }
        }
    }
}

trait EqByPairs<'a>: Iterator<Item = (&'a [u8], f64)> + Sized {
    fn eq_by_pairs(
        self,
        other: &[(&[u8], f64)],
        same: impl Fn((&[u8], f64), (&[u8], f64)) -> bool,
    ) -> bool {
        let found: Vec<(&[u8], f64)> = self.collect();
        found.len() == other.len() && found.iter().zip(other).all(|(&a, &b)| same(a, b))
    }
}

impl<'a, I: Iterator<Item = (&'a [u8], f64)>> EqByPairs<'a> for I {}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_map_does_what_the_model_does(
        (mask, keys, ops) in prop_oneof![
            vec(op(60, score().boxed()), 0..200).prop_map(|ops| (u64::MAX, 60, ops)),
            vec(op(60, score().boxed()), 0..200).prop_map(|ops| (0, 60, ops)),
            vec(op(3000, score().boxed()), 100..1000).prop_map(|ops| (u64::MAX, 3000, ops)),
            vec(op(3000, Just(7.0).boxed()), 100..1000).prop_map(|ops| (u64::MAX, 3000, ops)),
        ],
        bounds in vec((score(), score()), 1..10),
    ) {
        let mut pair = Pair::new(mask);
        for (i, op) in ops.into_iter().enumerate() {
            pair.apply(op);
            if keys < 100 || i.is_multiple_of(97) {
                pair.check();
            }
        }
        pair.check();
        for (a, b) in bounds {
            pair.check_bounds(a, b);
        }
        pair.apply(Op::RemoveRange(0, usize::MAX / 2));
        pair.check();
        prop_assert!(pair.map.heap_bytes() < 4096, "{} bytes left", pair.map.heap_bytes());
    }

    #[test]
    fn lex_ranges_are_those_of_the_members(
        members in prop::collection::btree_set(vec(0..4u8, 0..6), 0..400),
        bounds in vec((vec(0..4u8, 0..6), vec(0..4u8, 0..6)), 1..20),
    ) {
        let mut map = RankedMap::new(Hasher { mask: u64::MAX });
        for member in &members {
            map.insert_or_update(member, 1.0);
        }
        let sorted: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
        for (a, b) in &bounds {
            let (a, b) = (a.as_slice(), b.as_slice());
            for (min, start) in [
                (Bound::Unbounded, 0),
                (Bound::Included(a), sorted.partition_point(|&m| m < a)),
                (Bound::Excluded(a), sorted.partition_point(|&m| m <= a)),
            ] {
                for (max, end) in [
                    (Bound::Unbounded, sorted.len()),
                    (Bound::Included(b), sorted.partition_point(|&m| m <= b)),
                    (Bound::Excluded(b), sorted.partition_point(|&m| m < b)),
                ] {
                    prop_assert_eq!(map.lex_range(min, max), start..end.max(start));
                }
            }
        }
    }
}

#[test]
fn a_range_can_be_walked_from_both_ends_at_once() {
    let mut map = RankedMap::new(Hasher { mask: u64::MAX });
    for i in 0..1000 {
        map.insert_or_update(format!("{i:04}").as_bytes(), f64::from(i / 10));
    }
    let mut range = map.range(100..900);
    assert_eq!(range.len(), 800);
    let (mut low, mut high) = (100, 900);
    while low < high {
        assert_eq!(range.next().unwrap().0, format!("{low:04}").as_bytes());
        low += 1;
        if low < high {
            high -= 1;
            let (member, score) = range.next_back().unwrap();
            assert_eq!(
                (member, score),
                (format!("{high:04}").as_bytes(), f64::from(high / 10))
            );
        }
    }
    assert_eq!((range.next(), range.next_back()), (None, None));
    assert_eq!(map.range(1000..2000).count(), 0);
    assert_eq!(map.range(990..2000).count(), 10);
}

#[test]
fn a_scan_shows_each_member() {
    let mut map = RankedMap::new(Hasher { mask: u64::MAX });
    for i in 0..5000u32 {
        map.insert_or_update(format!("{i}").as_bytes(), f64::from(i));
    }
    let (mut cursor, mut shown) = (0, std::collections::BTreeSet::new());
    loop {
        cursor = map.scan(cursor, |member, score| {
            assert_eq!(member, format!("{score}").as_bytes());
            shown.insert(member.to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(shown.len(), 5000);
}
