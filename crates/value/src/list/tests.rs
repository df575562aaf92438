//! Lists against a model: encodings, every change, what takes it back.

use std::collections::VecDeque;

use perilune_structures::Item;

use super::{Beside, List, Side, range_of};
use crate::edit::{Collection, Edit, Inverse, Journal, Limits};
use crate::object::Object;

/// Keeps everything, as an undo log does.
#[derive(Default)]
struct Log(Vec<Inverse>);

impl Journal for Log {
    fn record(&mut self, inverse: Inverse) {
        self.0.push(inverse);
    }
}

fn limits(list_max_listpack_size: i32) -> Limits {
    Limits {
        list_max_listpack_size,
        ..Limits::default()
    }
}

fn contents(list: &List) -> Vec<Vec<u8>> {
    let mut contents = Vec::new();
    list.show(0, usize::MAX, Side::Right, |element| {
        contents.push(element.to_vec());
    });
    contents
}

/// Pushes these at the tail, one by one.
fn pushed(limits: &Limits, elements: &[&str]) -> List {
    let mut list = List::default();
    let mut edit = Edit::new(&mut list, None, limits);
    for element in elements {
        edit.push(Side::Right, &[element.as_bytes()]);
    }
    assert_eq!(edit.changes(), elements.len() as u64);
    list
}

#[test]
fn a_list_turns_where_the_reference_turns_it() {
    let limits = limits(4);
    let mut list = pushed(&limits, &["a", "b", "c", "d"]);
    assert_eq!(list.encoding_name(), "listpack");
    let mut edit = Edit::new(&mut list, None, &limits);
    edit.push(Side::Left, &[b"z"]);
    assert_eq!(edit.encoding_name(), "quicklist");
    // two nodes are left: z, and a b c
    edit.pop_one(Side::Right, |_, _| ());
    edit.pop_one(Side::Right, |_, _| ());
    assert_eq!(edit.encoding_name(), "quicklist");
    edit.pop_one(Side::Left, |_, _| ());
    assert_eq!((edit.encoding_name(), edit.len()), ("listpack", 2));
}

#[test]
fn bytes_are_estimated_before_they_are_added() {
    let limits = limits(-1);
    // header and end, and what the elements of one push have in bytes
    for (len, encoding) in [(4096 - 7, "listpack"), (4096 - 6, "quicklist")] {
        let mut list = List::default();
        let element = vec![b'x'; len];
        Edit::new(&mut list, None, &limits).push(Side::Left, &[&element]);
        assert_eq!(list.encoding_name(), encoding, "{len}");
    }
}

#[test]
fn a_change_that_fails_may_turn_the_list_as_in_the_reference() {
    let limits = limits(2);
    let mut list = pushed(&limits, &["a", "b"]);
    let before = contents(&list);
    let mut log = Log::default();
    let mut edit = Edit::new(&mut list, Some(&mut log), &limits);
    assert!(!edit.insert(Beside::After, b"none", b"new"));
    assert_eq!((edit.changes(), edit.has_changed()), (0, false));
    assert_eq!(edit.encoding_name(), "quicklist");
    assert_eq!(contents(&list), before);
    let mut object = Object::from(list);
    log.0
        .into_iter()
        .rev()
        .for_each(|inverse| drop(object.undo(inverse)));
    assert_eq!(object.encoding_name(), "listpack");
}

#[test]
fn an_integer_that_moves_out_of_a_quicklist_is_not_estimated() {
    let limits = limits(1);
    let mut quick = pushed(&limits, &["12", "x"]);
    let mut packed = pushed(&limits, &["12"]);
    for (list, expected) in [(&mut quick, 0), (&mut packed, 2)] {
        let mut edit = Edit::new(list, None, &limits);
        let len = edit.pop_one(Side::Left, |element, len| {
            (element, len).1 == len && element == Item::Int(12) && len == expected
        });
        assert_eq!(len, Some(true));
    }
}

#[test]
fn ranges() {
    let check = |start, stop, len, expected| assert_eq!(range_of(start, stop, len), expected);
    check(0, -1, 3, 0..3);
    check(0, 100, 3, 0..3);
    check(-100, 0, 3, 0..1);
    check(1, 1, 3, 1..2);
    check(-2, -1, 3, 1..3);
    check(2, 1, 3, 0..0);
    check(3, 5, 3, 0..0);
    check(0, -4, 3, 0..0);
    check(i64::MIN, i64::MAX, 3, 0..3);
    check(i64::MAX, i64::MIN, 3, 0..0);
}

/// A source of the same random numbers in each run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    /// Few different ones, some integers, and now and then one too long for any node.
    fn element(&mut self) -> Vec<u8> {
        match self.below(40) {
            0 => vec![b'L'; 9000],
            1..20 => self.below(6).to_string().into_bytes(),
            _ => format!("element:{}", self.below(6)).into_bytes(),
        }
    }

    fn side(&mut self) -> Side {
        if self.below(2) == 0 {
            Side::Left
        } else {
            Side::Right
        }
    }
}

type Model = VecDeque<Vec<u8>>;

fn push(model: &mut Model, side: Side, element: Vec<u8>) {
    match side {
        Side::Left => model.push_front(element),
        Side::Right => model.push_back(element),
    }
}

fn pop(model: &mut Model, side: Side) -> Option<Vec<u8>> {
    match side {
        Side::Left => model.pop_front(),
        Side::Right => model.pop_back(),
    }
}

/// Makes the same random change to both, and compares what it answers.
fn change_both(random: &mut Random, edit: &mut Edit<'_, List>, model: &mut Model) {
    let (side, element, len) = (random.side(), random.element(), model.len());
    match random.below(10) {
        0..=3 => {
            let count = 1 + random.below(4);
            let elements: Vec<Vec<u8>> = (0..count).map(|_| random.element()).collect();
            let refs: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
            edit.push(side, &refs);
            elements.into_iter().for_each(|e| push(model, side, e));
        }
        4 => {
            let count = random.below(8);
            let mut popped = Vec::new();
            edit.pop(side, count, |element| popped.push(element.to_vec()));
            let expected: Vec<_> = (0..count).map_while(|_| pop(model, side)).collect();
            assert_eq!(popped, expected);
        }
        5 => {
            let index = random.below(len + 2) as i64 - 1;
            let at = if index < 0 {
                len.checked_sub(1)
            } else {
                Some(index as usize)
            };
            let there = at.filter(|at| *at < len);
            assert_eq!(edit.set(index, &element), there.is_some());
            if let Some(at) = there {
                model[at] = element;
            }
        }
        6 => {
            let (pivot, after) = (random.element(), random.below(2));
            let place = if after == 0 {
                Beside::Before
            } else {
                Beside::After
            };
            let at = model.iter().position(|e| *e == pivot);
            assert_eq!(edit.insert(place, &pivot, &element), at.is_some());
            if let Some(at) = at {
                model.insert(at + after, element);
            }
        }
        7 => {
            let count = random.below(5) as i64 - 2;
            let mut removed = 0;
            let limit = if count == 0 {
                usize::MAX
            } else {
                count.unsigned_abs() as usize
            };
            let mut at: Vec<usize> = (0..len).filter(|i| model[*i] == element).collect();
            if count < 0 {
                at.reverse();
            }
            at.truncate(limit);
            at.sort_unstable();
            for index in at.iter().rev() {
                model.remove(*index);
                removed += 1;
            }
            assert_eq!(edit.remove(count, &element), removed);
        }
        8 => {
            let to = random.side();
            let moved = edit.rotate(side, to, <[u8]>::to_vec);
            let expected = pop(model, side);
            assert_eq!(moved, expected);
            if let Some(element) = expected {
                push(model, to, element);
            }
        }
        _ => {
            // mostly at the edges, seldom everything
            let start = random.below(4.min(len + 1));
            let end = len.saturating_sub(random.below(4));
            let range = if random.below(10) == 0 {
                0..0
            } else {
                start..end.max(start)
            };
            let gone = edit.keep(range.clone());
            model.truncate(range.end);
            model.drain(..range.start.min(model.len()));
            if range.is_empty() {
                model.clear();
            }
            assert_eq!(gone, len - model.len());
        }
    }
}

#[test]
fn random_changes_are_those_of_a_deque_and_can_be_taken_back() {
    for (seed, size) in [-1, -2, 1, 2, 3, 5, 20, 128]
        .into_iter()
        .cycle()
        .enumerate()
        .take(200)
    {
        let (mut random, limits) = (Random(seed as u64), limits(size));
        let (mut list, mut model) = (List::default(), Model::new());
        let mut edit = Edit::new(&mut list, None, &limits);
        for _ in 0..random.below(60) {
            change_both(&mut random, &mut edit, &mut model);
        }
        assert_eq!(contents(&edit), Vec::from(model.clone()));
        let (before, encoding) = (contents(&edit), edit.encoding_name());

        let mut log = Log::default();
        let mut edit = Edit::new(&mut list, Some(&mut log), &limits);
        for _ in 0..random.below(200) {
            change_both(&mut random, &mut edit, &mut model);
            assert_eq!(edit.len(), model.len());
        }
        assert_eq!(contents(&edit), Vec::from(model.clone()));
        for index in 0..model.len() {
            let element = edit.get(index as i64).map(Item::to_vec);
            assert_eq!(element.as_ref(), model.get(index));
            let element = edit.get(-1 - index as i64).map(Item::to_vec);
            assert_eq!(element.as_ref(), model.get(model.len() - 1 - index));
        }
        let mut object = Object::from(list);
        log.0
            .into_iter()
            .rev()
            .for_each(|inverse| drop(object.undo(inverse)));
        let list = List::of(&object).map(contents);
        assert_eq!(list.as_ref(), Some(&before), "size {size}, seed {seed}");
        assert_eq!(object.encoding_name(), encoding, "size {size}, seed {seed}");
    }
}

#[test]
fn many_scattered_elements_are_put_back() {
    let limits = limits(3);
    let mut list = List::default();
    let mut edit = Edit::new(&mut list, None, &limits);
    for index in 0..1000 {
        let element = if index % 3 == 0 {
            "same".into()
        } else {
            format!("{index}")
        };
        edit.push(Side::Right, &[element.as_bytes()]);
    }
    let before = contents(&list);
    for count in [0, 5, -5, 40, -40] {
        let mut log = Log::default();
        let mut edit = Edit::new(&mut list, Some(&mut log), &limits);
        let removed = edit.remove(count, b"same");
        assert_eq!(edit.changes(), removed as u64);
        let mut object = Object::from(list);
        log.0
            .into_iter()
            .rev()
            .for_each(|inverse| drop(object.undo(inverse)));
        list = List::of(&object).cloned().unwrap_or_default();
        assert_eq!(contents(&list), before, "{count}");
    }
}

#[test]
fn what_is_cut_out_of_a_big_list_is_set_aside_or_moved_into_the_journal() {
    let limits = limits(10);
    let elements: Vec<String> = (0..1000).map(|index| index.to_string()).collect();
    let elements: Vec<&str> = elements.iter().map(String::as_str).collect();
    let mut list = pushed(&limits, &elements);
    let mut edit = Edit::new(&mut list, None, &limits);
    assert_eq!(edit.keep(0..500), 500);
    let garbage = edit.take_garbage();
    assert_eq!(
        garbage
            .iter()
            .filter_map(List::of)
            .map(List::len)
            .sum::<usize>(),
        500
    );
    let mut log = Log::default();
    let mut edit = Edit::new(&mut list, Some(&mut log), &limits);
    assert_eq!(edit.pop(Side::Right, 400, |_| ()), 400);
    assert_eq!((edit.take_garbage().len(), log.0.len()), (0, 1));
    assert!(log.0[0].memory_bytes() > 400);
}
