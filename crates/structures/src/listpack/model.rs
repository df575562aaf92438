//! Listpacks against a model: random changes must leave both with the same items, and the block valid.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
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
    for (index, text) in model.iter().enumerate() {
        let at = pack.seek(index as i64);
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
    fn random_changes_agree_with_a_model(ops in vec(op(), 1..80)) {
        let (mut pack, mut model) = (Listpack::new(), Vec::new());
        for op in &ops {
            apply(op, &mut pack, &mut model);
            check(&pack, &model);
        }
    }
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
