//! A ranked map with nodes of their real sizes against a model: one long run of random changes for each kind of score.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use perilune_structures::RankedMap;

/// A score that a set can order.
#[derive(Clone, Copy, PartialEq)]
struct Score(f64);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.partial_cmp(&other.0).expect("no NaN")
    }
}

fn hash(member: &[u8]) -> u64 {
    ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(member)
}

/// xorshift64*, by Marsaglia and Vigna.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }
}

fn check(map: &RankedMap<fn(&[u8]) -> u64>, model: &BTreeSet<(Score, String)>) {
    assert_eq!(map.len(), model.len());
    let same = |(found, expected): ((&[u8], f64), &(Score, String))| {
        assert_eq!(found, (expected.1.as_bytes(), expected.0.0));
    };
    map.iter().zip(model).for_each(same);
    map.iter().rev().zip(model.iter().rev()).for_each(same);
    for (rank, (score, member)) in model.iter().enumerate().step_by(97) {
        assert_eq!(map.rank(member.as_bytes()), Some((rank, score.0)));
        assert_eq!(map.score(member.as_bytes()), Some(score.0));
        assert_eq!(map.get(rank), Some((member.as_bytes(), score.0)));
        let (first, last) = (
            model.range((*score, String::new())..).next(),
            model
                .range(..(Score(score.0), "\u{7f}".to_string()))
                .next_back(),
        );
        let ranks = map.score_range(Bound::Included(score.0), Bound::Included(score.0));
        let at = |rank| map.get(rank).map(|(member, _)| member.to_vec());
        let member = |found: Option<&(Score, String)>| found.map(|(_, m)| m.clone().into_bytes());
        assert_eq!(
            (at(ranks.start), at(ranks.end - 1)),
            (member(first), member(last))
        );
        let inside = map.score_range(Bound::Excluded(score.0), Bound::Excluded(score.0));
        assert!(inside.is_empty());
    }
}

fn run(seed: u64, score: impl Fn(&mut Random) -> f64) {
    let mut random = Random(seed);
    let mut map = RankedMap::new(hash as fn(&[u8]) -> u64);
    let (mut scores, mut model) = (BTreeMap::new(), BTreeSet::new());
    // grows, stays, shrinks
    for (changes, removals_in_100) in [(60_000, 10), (60_000, 50), (60_000, 75)] {
        for _ in 0..changes {
            let member = format!("{:x}", random.below(40_000));
            if random.below(100) < removals_in_100 {
                let expected = scores.remove(&member);
                assert_eq!(map.remove(member.as_bytes()), expected);
                if let Some(score) = expected {
                    model.remove(&(Score(score), member));
                }
            } else {
                let score = score(&mut random);
                let expected = scores.insert(member.clone(), score);
                assert_eq!(map.insert_or_update(member.as_bytes(), score), expected);
                if let Some(score) = expected {
                    model.remove(&(Score(score), member.clone()));
                }
                model.insert((Score(score), member));
            }
        }
        check(&map, &model);
        let start = random.below(model.len() as u64 / 2) as usize;
        let len = model.len() / 3;
        let mut expected = model
            .iter()
            .skip(start)
            .take(len)
            .cloned()
            .collect::<Vec<_>>()
            .into_iter();
        map.remove_range(start..start + len, |member, score| {
            let (expected_score, expected) = expected.next().expect("no more than these");
            assert_eq!((member, score), (expected.as_bytes(), expected_score.0));
            scores.remove(&expected);
            model.remove(&(expected_score, expected));
        });
        assert_eq!(expected.next(), None);
        check(&map, &model);
    }
    map.remove_range(0..usize::MAX, |_, _| ());
    assert!(map.is_empty() && map.heap_bytes() < 10_000);
}

impl std::fmt::Debug for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[test]
fn random_scores() {
    run(1, |random| {
        random.below(1 << 53) as f64 / (1u64 << 53) as f64
    });
}

#[test]
fn small_integers() {
    run(2, |random| random.below(2000) as f64 - 1000.0);
}

#[test]
fn one_score() {
    run(3, |_| 0.0);
}

#[test]
fn scores_of_all_sizes() {
    run(4, |random| {
        let exponent = random.below(600) as i32 - 300;
        (random.below(2000) as f64 - 1000.0) * 10f64.powi(exponent)
    });
}

#[test]
fn clusters() {
    run(5, |random| {
        let cluster = random.below(20) as f64;
        cluster * 1e6 + random.below(1 << 30) as f64 * 1e-9
    });
}
