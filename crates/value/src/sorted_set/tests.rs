//! Both encodings against a model, with everything taken back.

use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::prelude::*;

use super::*;
use crate::edit::{Edit, Inverse, Journal};

/// Keeps everything, as an undo log does.
#[derive(Default)]
struct Log(Vec<Inverse>);

impl Journal for Log {
    fn record(&mut self, inverse: Inverse) {
        self.0.push(inverse);
    }
}

/// Limits that a few members cross.
fn small() -> Limits {
    Limits {
        zset_max_listpack_entries: 6,
        zset_max_listpack_value: 8,
        ..Limits::default()
    }
}

fn set_of(elements: &[(&str, f64)], limits: &Limits) -> SortedSet {
    let mut set = SortedSet::default();
    let mut edit = Edit::new(&mut set, None, limits);
    for &(member, score) in elements {
        edit.add(member.as_bytes(), score, Adding::default());
    }
    set
}

fn listed(set: &SortedSet) -> Vec<(Vec<u8>, f64)> {
    set.iter()
        .map(|(member, score)| (member.to_vec(), score))
        .collect()
}

#[test]
fn a_set_leaves_the_packed_encoding_at_its_limits() {
    let limits = Limits::default();
    let members: Vec<String> = (0..129).map(|i| format!("member:{i}")).collect();
    let elements: Vec<(&str, f64)> = members.iter().map(|m| (m.as_str(), 1.5)).collect();
    assert_eq!(
        set_of(&elements[..128], &limits).encoding_name(),
        "listpack"
    );
    assert_eq!(set_of(&elements, &limits).encoding_name(), "skiplist");
    let long = "x".repeat(65);
    assert_eq!(
        set_of(&[(&long[1..], 1.0)], &limits).encoding_name(),
        "listpack"
    );
    assert_eq!(set_of(&[(&long, 1.0)], &limits).encoding_name(), "skiplist");

    // the reference turns to the bigger one as soon as it sees what comes
    for (count, len_max, name) in [
        (128, 64, "listpack"),
        (129, 1, "skiplist"),
        (1, 65, "skiplist"),
    ] {
        let mut set = SortedSet::default();
        Edit::new(&mut set, None, &limits).expect(count, len_max);
        assert_eq!(set.encoding_name(), name);
    }
}

#[test]
fn a_packed_set_has_the_reference_bytes() {
    let set = set_of(
        &[
            ("b", 2.0),
            ("a", 1.5),
            ("7", 2.0),
            ("z", -0.0),
            ("i", f64::INFINITY),
        ],
        &Limits::default(),
    );
    let pack = set.listpack().expect("it is small");
    let items: Vec<Item<'_>> = pack.iter().collect();
    assert_eq!(
        items,
        [
            Item::Bytes(b"z"),
            Item::Int(0),
            Item::Bytes(b"a"),
            Item::Bytes(b"1.5"),
            Item::Int(7),
            Item::Int(2),
            Item::Bytes(b"b"),
            Item::Int(2),
            Item::Bytes(b"i"),
            Item::Bytes(b"inf"),
        ]
    );
    let again = SortedSet::from_listpack(pack.clone()).expect("it is one");
    assert_eq!(listed(&again), listed(&set));
}

#[test]
fn a_corrupt_listpack_is_refused() {
    let pack = |items: &[&str]| {
        let mut pack = Listpack::new();
        items
            .iter()
            .for_each(|item| pack.push_back(Item::of(item.as_bytes())));
        SortedSet::from_listpack(pack).map(|set| listed(&set))
    };
    assert!(pack(&["a", "1", "b", "1", "a", "2"]).is_err(), "twice");
    assert!(pack(&["b", "1", "a", "1"]).is_err(), "out of order");
    assert!(pack(&["b", "2", "a", "1"]).is_err(), "out of order");
    assert!(pack(&["a", "1", "b"]).is_err(), "half");
    assert!(pack(&["a", "x"]).is_err(), "no number");
    assert!(pack(&["a", "nan"]).is_err(), "no number");
    assert!(pack(&[]).is_err(), "empty");
    assert!(pack(&["a", "1", "b", "1"]).is_ok());
}

#[test]
fn conditions_of_adding() {
    for limits in [
        Limits::default(),
        Limits {
            zset_max_listpack_entries: 0,
            ..Limits::default()
        },
    ] {
        let mut set = set_of(&[("a", 2.0), ("inf", f64::INFINITY)], &limits);
        let mut add = |member: &str, score: f64, how: Adding| {
            let mut edit = Edit::new(&mut set, None, &limits);
            let added = edit.add(member.as_bytes(), score, how);
            let changed = matches!(added, Added::New(_) | Added::Rescored(_));
            assert_eq!(edit.changes(), u64::from(changed));
            added
        };
        let (nx, xx, gt, lt, incr) = (
            Adding {
                if_absent: true,
                ..Adding::default()
            },
            Adding {
                if_present: true,
                ..Adding::default()
            },
            Adding {
                if_greater: true,
                ..Adding::default()
            },
            Adding {
                if_less: true,
                ..Adding::default()
            },
            Adding {
                increment: true,
                ..Adding::default()
            },
        );
        assert_eq!(add("a", 3.0, nx), Added::Refused);
        assert_eq!(add("b", 3.0, xx), Added::Refused);
        assert_eq!(add("a", 2.0, gt), Added::Refused);
        assert_eq!(add("a", 2.0, lt), Added::Refused);
        assert_eq!(add("a", 2.0, xx), Added::Same(2.0));
        assert_eq!(add("a", 3.0, gt), Added::Rescored(3.0));
        assert_eq!(add("a", 1.0, lt), Added::Rescored(1.0));
        assert_eq!(add("b", 1.0, lt), Added::New(1.0));
        assert_eq!(add("b", 1.5, incr), Added::Rescored(2.5));
        assert_eq!(add("c", 1.5, incr), Added::New(1.5));
        assert_eq!(add("inf", f64::NEG_INFINITY, incr), Added::NotANumber);
        let gt_incr = Adding {
            if_greater: true,
            ..incr
        };
        assert_eq!(add("c", -1.0, gt_incr), Added::Refused);
        assert_eq!(add("c", 1.0, gt_incr), Added::Rescored(2.5));
    }
}

/// One change.
#[derive(Debug, Clone)]
enum Change {
    Add(Vec<u8>, f64),
    Remove(Vec<u8>),
    RemoveRanks(usize, usize),
}

fn members() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..30u8).prop_map(|i| i.to_string().into_bytes()),
        "[ab]{0,3}".prop_map(String::into_bytes),
        Just(b"longer than all".to_vec()),
    ]
}

fn scores() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-3..3i32).prop_map(f64::from),
        Just(0.5),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(1e300),
    ]
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (members(), scores()).prop_map(|(member, score)| Change::Add(member, score)),
        2 => members().prop_map(Change::Remove),
        1 => (0..8usize, 0..4usize).prop_map(|(start, len)| Change::RemoveRanks(start, len)),
    ]
}

fn sorted(model: &BTreeMap<Vec<u8>, f64>) -> Vec<(Vec<u8>, f64)> {
    let mut sorted: Vec<_> = model.clone().into_iter().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    sorted
}

/// Everything that can be asked, against the model.
fn check(set: &SortedSet, model: &BTreeMap<Vec<u8>, f64>) {
    let sorted = sorted(model);
    assert_eq!(listed(set), sorted);
    for (rank, (member, score)) in sorted.iter().enumerate() {
        assert_eq!(set.rank(member), Some((rank, *score)));
        assert_eq!(set.score(member), Some(*score));
    }
    assert_eq!((set.rank(b"absent"), set.score(b"absent")), (None, None));
    let backwards: Vec<_> = set
        .elements(0..set.len(), true)
        .map(|(member, score)| (member.to_vec(), score))
        .collect();
    assert!(backwards.iter().eq(sorted.iter().rev()));
    // what is folded and not iterated is the same
    for (begin, reversed) in [(0, false), (set.len() / 2, false), (0, true)] {
        let elements = set.elements(begin..set.len(), reversed);
        let iterated: Vec<_> = elements.clone().collect();
        let (mut folded, mut members) = (Vec::new(), Vec::new());
        elements.clone().for_each(|element| folded.push(element));
        elements.for_each_member(|member| members.push(member));
        assert_eq!(folded, iterated);
        assert!(
            members
                .into_iter()
                .eq(iterated.into_iter().map(|(member, _)| member))
        );
    }
    for (low, high) in [
        (-1.0, 1.0),
        (0.0, 0.0),
        (f64::NEG_INFINITY, 0.5),
        (2.0, -2.0),
    ] {
        for min in [Bound::Included(low), Bound::Excluded(low)] {
            for max in [Bound::Included(high), Bound::Excluded(high)] {
                let range = ScoreRange { min, max };
                let ranks = set.score_ranks(&range);
                let within = |score: f64| range.reaches(score) && range.keeps(score);
                let expected: Vec<usize> = (0..sorted.len())
                    .filter(|&rank| within(sorted[rank].1))
                    .collect();
                assert!(ranks.clone().eq(expected), "{range:?}: {ranks:?}");
            }
        }
    }
    let mut shown = BTreeMap::new();
    let mut cursor = 0;
    loop {
        cursor = set.scan(cursor, |member, score| {
            shown.insert(member.to_vec(), score);
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(&shown, model);
}

proptest! {
    #[test]
    fn changes_do_as_the_model_does_and_are_taken_back(
        before in prop::collection::vec(changes(), 0..20),
        then in prop::collection::vec(changes(), 0..20),
    ) {
        let limits = small();
        let mut model = BTreeMap::new();
        let mut set = SortedSet::default();
        let mut log = Log::default();
        let mut saved = None;
        for (number, change) in before.iter().chain(&then).enumerate() {
            if number == before.len() {
                saved = Some((model.clone(), set.encoding_name(), set.listpack().cloned()));
            }
            let journal = saved.is_some().then_some(&mut log as &mut dyn Journal);
            let mut edit = Edit::new(&mut set, journal, &limits);
            match change {
                Change::Add(member, score) => {
                    let added = edit.add(member, *score, Adding::default());
                    let expected = match model.insert(member.clone(), *score) {
                        None => Added::New(*score),
                        Some(old) if old == *score => Added::Same(*score),
                        Some(_) => Added::Rescored(*score),
                    };
                    prop_assert_eq!(added, expected);
                }
                Change::Remove(member) => {
                    prop_assert_eq!(edit.remove(member), model.remove(member).is_some());
                }
                Change::RemoveRanks(start, len) => {
                    let start = (*start).min(model.len());
                    let ranks = start..(start + len).min(model.len());
                    for (member, _) in &sorted(&model)[ranks.clone()] {
                        model.remove(member);
                    }
                    edit.remove_ranks(ranks.clone());
                    prop_assert_eq!(edit.changes(), ranks.len() as u64);
                }
            }
            check(&set, &model);
            check(&set.clone(), &model);
        }
        if let Some((model, encoding, pack)) = saved {
            let mut object = Object::from(set);
            log.0.into_iter().rev().for_each(|inverse| drop(object.undo(inverse)));
            let set = SortedSet::of(&object).expect("it was one");
            check(set, &model);
            prop_assert_eq!(set.encoding_name(), encoding);
            prop_assert_eq!(set.listpack(), pack.as_ref());
        }
    }

    #[test]
    fn ranges_of_members_where_scores_are_equal(
        found in prop::collection::btree_set(members(), 1..12),
        low in members(), high in members(), edges in 0..16u8, reversed: bool,
    ) {
        let bound = |member, edge| match edge {
            0 => LexBound::First,
            1 => LexBound::Included(member),
            2 => LexBound::Excluded(member),
            _ => LexBound::Last,
        };
        let range = LexRange { min: bound(&low, edges % 4), max: bound(&high, edges / 4) };
        let found: Vec<&[u8]> = found.iter().map(|member| &member[..]).collect();
        let expected: Vec<usize> = (0..found.len())
            .filter(|&rank| range.reaches(found[rank]) && range.keeps(found[rank]))
            .collect();
        for entries_max in [0, 128] {
            let limits = Limits { zset_max_listpack_entries: entries_max, ..Limits::default() };
            let elements = found.iter().map(|member| (Item::of(member), 3.0));
            let set = SortedSet::of_ordered(elements, found.len(), &limits);
            let ranks = set.lex_ranks(&range, reversed);
            prop_assert!(ranks.clone().eq(expected.iter().copied()), "{:?}", ranks);
        }
    }
}
