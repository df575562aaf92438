//! Listpacks against a model: random changes must leave both with the same items, and the block valid.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::Corrupt;

#[derive(Clone, Debug)]
enum Op {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    InsertTwo(usize, Vec<u8>, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize),
    RemoveMany(usize, usize),
    PopFront,
    PopBack,
    SplitAndAppend(usize),
    TakeAndAppend(usize, usize),
    Truncate(usize),
    Shrink,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let around = |edge: i64| (edge - 2..=edge + 2).prop_map(|int| int.to_string().into_bytes());
    prop_oneof![
        4 => vec(any::<u8>(), 0..40),
        2 => any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        1 => (0..64u32, any::<bool>()).prop_flat_map(move |(bit, negative)| {
            let edge = (1i128 << bit).min(i128::from(i64::MAX) - 2) as i64;
            around(if negative { -edge } else { edge })
        }),
        2 => (0..200i64).prop_map(|int| int.to_string().into_bytes()),
        1 => (0..3usize, 0..4usize)
            .prop_map(|(edge, more)| vec![b'x'; [62, 124, 4094][edge] + more]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let at = 0..40usize;
    prop_oneof![
        6 => text().prop_map(Op::PushBack),
        6 => text().prop_map(Op::PushFront),
        4 => (at.clone(), text()).prop_map(|(at, text)| Op::InsertBefore(at, text)),
        4 => (at.clone(), text()).prop_map(|(at, text)| Op::InsertAfter(at, text)),
        2 => (at.clone(), text(), text())
            .prop_map(|(at, first, second)| Op::InsertTwo(at, first, second)),
        4 => (at.clone(), text()).prop_map(|(at, text)| Op::Replace(at, text)),
        4 => at.clone().prop_map(Op::Remove),
        2 => (at.clone(), 0..6usize).prop_map(|(at, count)| Op::RemoveMany(at, count)),
        3 => Just(Op::PopFront),
        3 => Just(Op::PopBack),
        1 => at.clone().prop_map(Op::SplitAndAppend),
        1 => (at.clone(), 0..6usize).prop_map(|(at, count)| Op::TakeAndAppend(at, count)),
        1 => at.prop_map(Op::Truncate),
        1 => Just(Op::Shrink),
    ]
}

fn apply(op: &Op, pack: &mut Listpack, model: &mut Vec<Vec<u8>>) {
    let place = |at: usize| (at < model.len()).then(|| pack.seek(at as i64).unwrap());
    let index_of = |pack: &Listpack, at: Option<At>| match at {
        None => pack.len(),
        Some(at) => std::iter::successors(pack.prev(at), |&at| pack.prev(at)).count(),
    };
    match op {
        Op::PushBack(text) => {
            pack.push_back(Item::of(text));
            model.push(text.clone());
        }
        Op::PushFront(text) => {
            pack.push_front(Item::of(text));
            model.insert(0, text.clone());
        }
        Op::InsertBefore(index, text) => {
            let Some(at) = place(*index) else { return };
            let at = pack.insert_before(at, Item::of(text));
            assert_eq!(index_of(pack, Some(at)), *index);
            model.insert(*index, text.clone());
        }
        Op::InsertAfter(index, text) => {
            let Some(at) = place(*index) else { return };
            let at = pack.insert_after(at, Item::of(text));
            assert_eq!(index_of(pack, Some(at)), index + 1);
            model.insert(index + 1, text.clone());
        }
        Op::InsertTwo(index, first, second) => {
            let index = (*index).min(model.len());
            pack.insert_two(place(index), Item::of(first), Item::of(second));
            model.splice(index..index, [first.clone(), second.clone()]);
        }
        Op::Replace(index, text) => {
            let Some(at) = place(*index) else { return };
            let at = pack.replace(at, Item::of(text));
            assert_eq!(index_of(pack, Some(at)), *index);
            model[*index] = text.clone();
        }
        Op::Remove(index) => {
            let Some(at) = place(*index) else { return };
            let next = pack.remove(at);
            assert_eq!(index_of(pack, next), *index);
            model.remove(*index);
        }
        Op::RemoveMany(index, count) => {
            let Some(at) = place(*index) else { return };
            let next = pack.remove_many(at, *count);
            assert_eq!(index_of(pack, next), *index);
            let end = (index + count).min(model.len());
            model.drain(index..&end);
        }
        Op::PopFront => {
            pack.pop_front();
            model.drain(..usize::from(!model.is_empty()));
        }
        Op::PopBack => {
            pack.pop_back();
            model.pop();
        }
        Op::SplitAndAppend(index) => {
            let Some(at) = place(*index) else { return };
            let tail = pack.split_off(at);
            assert_eq!((pack.len(), tail.len()), (*index, model.len() - index));
            pack.append(&tail);
        }
        Op::TakeAndAppend(index, count) => {
            let Some(at) = place(*index) else { return };
            let taken = pack.take_many(at, *count);
            let end = (index + count).min(model.len());
            let model_taken: Vec<Vec<u8>> = model.drain(index..&end).collect();
            check(&taken, &model_taken);
            pack.append(&taken);
            model.extend(model_taken);
        }
        Op::Truncate(index) => {
            let Some(at) = place(*index) else { return };
            pack.truncate(at);
            model.truncate(*index);
        }
        Op::Shrink => {
            pack.shrink_to_fit();
            assert_eq!(pack.heap_bytes(), pack.byte_len());
        }
    }
}

fn check(pack: &Listpack, model: &[Vec<u8>]) {
    let texts: Vec<Vec<u8>> = pack.iter().map(Item::to_vec).collect();
    assert_eq!(texts, model);
    let mut back: Vec<Vec<u8>> = pack.iter().rev().map(Item::to_vec).collect();
    back.reverse();
    assert_eq!(back, model);
    assert_eq!(
        (pack.len(), pack.is_empty()),
        (model.len(), model.is_empty())
    );
    assert_eq!(
        Listpack::from_bytes(pack.as_bytes().to_vec()).as_ref(),
        Ok(pack)
    );
    let unused = pack.heap_bytes() - pack.byte_len();
    assert!(
        unused <= 64 + pack.heap_bytes() / 4,
        "{unused} bytes unused"
    );
    for first in [0, model.len() / 2, model.len()] {
        for count in [0, 1, usize::MAX] {
            let mut shown = Vec::new();
            pack.show(first, count, |item| shown.push(item.to_vec()));
            assert!(shown.iter().eq(model[first..].iter().take(count)));
        }
    }
    let mut inner = pack.iter();
    let ends = (inner.next(), inner.next_back());
    let mut folded = Vec::new();
    inner.for_each(|item| folded.push(item.to_vec()));
    let (first, last) = (ends.0.map(Item::to_vec), ends.1.map(Item::to_vec));
    assert!(
        first
            .into_iter()
            .chain(folded)
            .chain(last)
            .eq(model.iter().cloned())
    );
    for (index, text) in model.iter().enumerate() {
        let at = pack.seek(index as i64);
        let mut from_there = Vec::new();
        pack.iter_at(at.unwrap(), 3)
            .for_each(|item| from_there.push(item.to_vec()));
        assert!(from_there.iter().eq(model[index..].iter().take(3)));
        assert_eq!(pack.seek(index as i64 - model.len() as i64), at);
        assert!(pack.get(at.unwrap()).is(Item::of(text)));
    }
    assert_eq!(pack.seek(model.len() as i64), None);
    assert_eq!(pack.seek(-1 - model.len() as i64), None);
    for needle in model
        .iter()
        .take(5)
        .map(Vec::as_slice)
        .chain([&b"no such"[..]])
    {
        for skip in 0..3 {
            let found = pack.find(None, needle, skip);
            assert!(found.is_none() || pack.may_hold(needle), "{needle:?}");
            let expected = model
                .iter()
                .step_by(skip + 1)
                .position(|text| text == needle)
                .map(|place| pack.seek((place * (skip + 1)) as i64).unwrap());
            assert_eq!(found, expected);
        }
    }
}

proptest! {
    #[test]
    fn an_excerpt_takes_back_what_was_done_in_its_stretch(
        texts in vec(text(), 0..20),
        (index, count) in (0..21usize, 0..5usize),
        inserted in vec(text(), 0..5),
    ) {
        let mut pack = Listpack::new();
        texts.iter().for_each(|text| pack.push_back(Item::of(text)));
        let (before, model) = (pack.clone(), texts);
        let index = index.min(model.len());
        let excerpt = pack.excerpt(pack.seek(index as i64), count);
        prop_assert!(excerpt.heap_bytes() <= before.byte_len());
        if let Some(at) = pack.seek(index as i64) {
            pack.remove_many(at, count);
        }
        for text in &inserted {
            match pack.seek(index as i64) {
                Some(at) => drop(pack.insert_before(at, Item::of(text))),
                None => pack.push_back(Item::of(text)),
            }
        }
        pack.put_back(&excerpt);
        prop_assert_eq!(&pack, &before);
        check(&pack, &model);
    }

    #[test]
    fn random_changes_agree_with_a_model(ops in vec(op(), 1..80)) {
        let (mut pack, mut model) = (Listpack::new(), Vec::new());
        for op in &ops {
            apply(op, &mut pack, &mut model);
            check(&pack, &model);
        }
    }
}

/// Everything that can be read of it, and then changed.
fn exercise(mut pack: Listpack) {
    let texts: Vec<Vec<u8>> = pack.iter().map(Item::to_vec).collect();
    let mut back: Vec<Vec<u8>> = pack.iter().rev().map(Item::to_vec).collect();
    back.reverse();
    assert_eq!(texts, back);
    assert_eq!(texts.len(), pack.len());
    let places: Vec<At> = std::iter::successors(pack.first(), |&at| pack.next(at)).collect();
    assert_eq!(places.len(), texts.len());
    for (index, (&at, text)) in places.iter().zip(&texts).enumerate() {
        assert_eq!(pack.seek(index as i64), Some(at));
        assert_eq!(pack.seek(index as i64 - texts.len() as i64), Some(at));
        assert_eq!(
            pack.prev(at),
            index.checked_sub(1).map(|before| places[before])
        );
        let item = pack.get(at);
        assert_eq!((item.len(), item.to_vec()), (text.len(), text.clone()));
        // one that is written otherwise, but is the same, may come earlier
        assert!(
            pack.find(None, text, 0)
                .is_some_and(|found| found <= at && pack.get(found).is(item))
        );
        pack.find(Some(at), b"no such", 1);
    }
    if let Some(at) = pack.seek(texts.len() as i64 / 2) {
        pack.replace(at, Item::Int(1 << 40));
        pack.remove(at);
    }
    pack.push_front(Item::Bytes(b"front"));
    pack.push_back(Item::Bytes(b"back"));
    let tail = pack.seek(1).map(|at| pack.take_many(at, 2));
    pack.append(&tail.unwrap());
    while !pack.is_empty() {
        pack.pop_back();
        pack.pop_front();
    }
    assert_eq!(pack.len(), 0);
}

proptest! {
    #[test]
    fn corrupt_blocks_are_refused_or_harmless(
        texts in vec(text(), 0..12),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        removed in any::<Option<prop::sample::Index>>(),
        honest in any::<bool>(),
    ) {
        let mut pack = Listpack::new();
        texts.iter().for_each(|text| pack.push_back(Item::of(text)));
        let mut block = pack.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(block.len());
            block[at] = byte;
        }
        if let Some(at) = removed {
            block.remove(at.index(block.len()));
        }
        if honest && block.len() >= HEADER_LEN {
            let total = block.len() as u32;
            block[..4].copy_from_slice(&total.to_le_bytes());
            block[4..6].copy_from_slice(&COUNT_UNKNOWN.to_le_bytes());
        }
        if let Ok(pack) = Listpack::from_bytes(block) {
            exercise(pack);
        }
    }

    #[test]
    fn random_bytes_are_refused_or_harmless(items in vec(any::<u8>(), 0..30)) {
        let total = (EMPTY_LEN + items.len()) as u32;
        let block = [&total.to_le_bytes()[..], &COUNT_UNKNOWN.to_le_bytes(), &items, &[END]].concat();
        if let Ok(pack) = Listpack::from_bytes(block) {
            exercise(pack);
        }
    }
}

#[test]
fn blocks_that_are_none_are_refused() {
    let check = |block: &[u8], what| {
        assert_eq!(Listpack::from_bytes(block.to_vec()), Err(Corrupt { what }));
    };
    check(&[], "a listpack without header or end");
    check(&[7, 0, 0, 0, 0, 0, 0], "a listpack without header or end");
    check(&[6, 0, 0, 0, 0, END], "a listpack without header or end");
    check(
        &[8, 0, 0, 0, 0, 0, END],
        "a listpack whose length is not what it says",
    );
    check(
        &[9, 0, 0, 0, 2, 0, 1, 1, END],
        "a listpack whose count is wrong",
    );
    // an end in the middle, an encoding that is none, a string beyond the end, a backlen that lies
    check(
        &[9, 0, 0, 0, 1, 0, END, 1, END],
        "a listpack with a broken item",
    );
    check(
        &[9, 0, 0, 0, 1, 0, 0xF5, 1, END],
        "a listpack with a broken item",
    );
    check(
        &[9, 0, 0, 0, 1, 0, 0x82, 1, END],
        "a listpack with a broken item",
    );
    check(
        &[9, 0, 0, 0, 1, 0, 1, 2, END],
        "a listpack with a broken item",
    );
    check(
        &[13, 0, 0, 0, 1, 0, 0xF0, 255, 255, 255, 255, 1, END],
        "a listpack with a broken item",
    );
    // more digits than there should be
    check(
        &[10, 0, 0, 0, 1, 0, 1, 0, 0x81, END],
        "a listpack with a broken item",
    );
}

#[test]
fn foreign_ways_to_write_an_item_are_read() {
    // 5 as a 64-bit integer, "12" as a string, "a" with a 12-bit length, and a count that nobody knows
    let items = [
        &[0xF4, 5, 0, 0, 0, 0, 0, 0, 0, 9][..],
        &[0x82, b'1', b'2', 3],
        &[0xE0, 1, b'a', 3],
    ];
    let items = items.concat();
    let total = (EMPTY_LEN + items.len()) as u8;
    let block = [&[total, 0, 0, 0, 255, 255][..], &items, &[END]].concat();
    let pack = Listpack::from_bytes(block).unwrap();
    assert_eq!(pack.len(), 3);
    let places: Vec<At> = (0..3).filter_map(|index| pack.seek(index)).collect();
    for (needle, at) in [&b"5"[..], b"12", b"a"].iter().zip(places) {
        assert_eq!(pack.find(None, needle, 0), Some(at));
    }
    exercise(pack);
}

#[test]
fn from_65535_items_on_the_count_is_unknown() {
    let mut pack = Listpack::new();
    for i in 0..70_000 {
        pack.push_back(Item::Int(i % 100));
        assert_eq!(
            pack.as_bytes()[4..6],
            (i + 1).min(65_535).to_le_bytes()[..2]
        );
    }
    assert_eq!(pack.len(), 70_000);
    assert_eq!(pack.iter().len(), 70_000);
    assert_eq!(pack.seek(69_999), pack.last());
    assert_eq!(pack.seek(-70_000), pack.first());
    assert_eq!((pack.seek(70_000), pack.seek(-70_001)), (None, None));
    let copy = Listpack::from_bytes(pack.as_bytes().to_vec()).unwrap();
    assert_eq!(copy, pack);
    // taking away makes no unknown count known, as in the reference
    let tail = pack.split_off(pack.seek(60_000).unwrap());
    assert_eq!(
        (pack.len(), &pack.as_bytes()[4..6]),
        (60_000, &[255; 2][..])
    );
    assert_eq!(tail.len(), 10_000);
}
