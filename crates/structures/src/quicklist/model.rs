//! Lists against a model: random changes must leave both with the same elements, every node in order, and every figure
//! right.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::Item;

#[derive(Clone, Debug)]
enum Op {
    PushFront(Vec<u8>),
    PushBack(Vec<u8>),
    PopFront,
    PopBack,
    Set(i64, Vec<u8>),
    Insert(usize, Vec<u8>),
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Remove(usize),
    Cut(usize, usize),
    CutAndHeal(usize, usize),
    PopAndPutBack(bool),
    SetAndBack(usize, Vec<u8>),
    InsertAndBack(usize, bool, Vec<u8>),
    RemoveMatching(Vec<u8>, bool, usize),
}

/// Of a few texts there are many, so that they are found.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..4u8).prop_map(|byte| vec![b'a' + byte; 3]),
        2 => any::<i16>().prop_map(|int| int.to_string().into_bytes()),
        3 => vec(any::<u8>(), 0..300),
        1 => (any::<u8>(), 0..9000usize).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let at = || 0..60usize;
    prop_oneof![
        12 => text().prop_map(Op::PushFront),
        12 => text().prop_map(Op::PushBack),
        3 => Just(Op::PopFront),
        3 => Just(Op::PopBack),
        4 => (-40..40i64, text()).prop_map(|(at, text)| Op::Set(at, text)),
        4 => (at(), text()).prop_map(|(at, text)| Op::Insert(at, text)),
        4 => (at(), text()).prop_map(|(at, text)| Op::InsertBefore(at, text)),
        4 => (at(), text()).prop_map(|(at, text)| Op::InsertAfter(at, text)),
        4 => at().prop_map(Op::Remove),
        1 => (at(), 0..20usize).prop_map(|(at, count)| Op::Cut(at, count)),
        2 => (at(), at()).prop_map(|(at, count)| Op::CutAndHeal(at, count)),
        2 => any::<bool>().prop_map(Op::PopAndPutBack),
        2 => (at(), text()).prop_map(|(at, text)| Op::SetAndBack(at, text)),
        2 => (at(), any::<bool>(), text())
            .prop_map(|(at, after, text)| Op::InsertAndBack(at, after, text)),
        1 => (text(), any::<bool>(), 0..5usize)
            .prop_map(|(text, from_back, limit)| Op::RemoveMatching(text, from_back, limit)),
    ]
}

fn apply(op: &Op, fill: Fill, list: &mut QuickList, model: &mut Vec<Vec<u8>>) {
    match op {
        Op::PushFront(text) => {
            list.push_front(text, fill);
            model.insert(0, text.clone());
        }
        Op::PushBack(text) => {
            list.push_back(text, fill);
            model.push(text.clone());
        }
        Op::PopFront => {
            let expected = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(list.pop_front(|item| item.to_vec()), expected);
        }
        Op::PopBack => assert_eq!(list.pop_back(|item| item.to_vec()), model.pop()),
        Op::Set(index, text) => {
            let len = model.len() as i64;
            let place = if *index < 0 { len + index } else { *index };
            let there = (0..len).contains(&place);
            assert_eq!(list.set(*index, text, fill), there);
            if there {
                model[place as usize] = text.clone();
            }
        }
        Op::Insert(index, text) => {
            let index = *index.min(&model.len());
            list.insert(index, text, fill);
            model.insert(index, text.clone());
        }
        Op::InsertBefore(index, text) => {
            list.insert_before(*index, text, fill);
            if *index < model.len() {
                model.insert(*index, text.clone());
            }
        }
        Op::InsertAfter(index, text) => {
            list.insert_after(*index, text, fill);
            if *index < model.len() {
                model.insert(index + 1, text.clone());
            }
        }
        Op::Remove(index) => {
            assert_eq!(list.remove(*index), *index < model.len());
            if *index < model.len() {
                model.remove(*index);
            }
        }
        Op::Cut(start, count) => {
            let cut = list.cut(*start, *count);
            check(cut.list(), &take(model, *start, *count));
        }
        Op::CutAndHeal(start, count) => {
            let before = list.clone();
            let cut = list.cut(*start, *count);
            list.heal(cut);
            assert_eq!(nodes(list), nodes(&before));
        }
        Op::PopAndPutBack(at_front) => {
            let before = list.clone();
            let node = list.end_node(*at_front);
            let text = match at_front {
                true => list.pop_front(|item| item.to_vec()),
                false => list.pop_back(|item| item.to_vec()),
            };
            if let Some(text) = text {
                list.put_back_end(*at_front, &text, node);
            }
            assert_eq!(nodes(list), nodes(&before));
        }
        Op::SetAndBack(index, text) => {
            let index = *index.min(&model.len().saturating_sub(1));
            let (before, old) = (list.clone(), model.get(index));
            if let Some(old) = old {
                if list.set_moves(index, text.len(), fill) {
                    let nodes = list.nodes_around(index);
                    list.set(index as i64, text, fill);
                    list.put_back_nodes(nodes);
                } else {
                    list.set(index as i64, text, fill);
                    list.set_back(index, old);
                }
            }
            assert_eq!(nodes(list), nodes(&before));
        }
        Op::InsertAndBack(index, after, text) => {
            let before = list.clone();
            if *index < model.len() {
                let insert = |list: &mut QuickList| match after {
                    true => list.insert_after(*index, text, fill),
                    false => list.insert_before(*index, text, fill),
                };
                if list.insert_parts(*index, *after, text.len(), fill) {
                    let nodes = list.nodes_around(*index);
                    insert(list);
                    list.put_back_nodes(nodes);
                } else {
                    insert(list);
                    list.remove(index + usize::from(*after));
                }
            }
            assert_eq!(nodes(list), nodes(&before));
        }
        Op::RemoveMatching(text, from_back, limit) => {
            let found = (0..model.len()).filter(|&index| model[index] == *text);
            let expected: Vec<usize> = if *from_back {
                found.rev().take(*limit).collect()
            } else {
                found.take(*limit).collect()
            };
            let before = list.clone();
            let mut removed = Removed::default();
            let count = list.remove_matching(text, *from_back, *limit, Some(&mut removed));
            assert_eq!(count, expected.len());
            let mut back = list.clone();
            back.put_back(text, removed);
            assert_eq!(nodes(&back), nodes(&before));
            check(&back, model);
            let mut index = 0;
            model.retain(|_| (!expected.contains(&index), index += 1).0);
        }
    }
}

fn nodes(list: &QuickList) -> Vec<Node<'_>> {
    list.nodes().collect()
}

fn take(model: &mut Vec<Vec<u8>>, start: usize, count: usize) -> Vec<Vec<u8>> {
    let (start, end) = (start.min(model.len()), (start + count).min(model.len()));
    model.drain(start..end.max(start)).collect()
}

fn check(list: &QuickList, model: &[Vec<u8>]) {
    assert!(list.iter().map(Item::to_vec).eq(model.iter().cloned()));
    assert!(
        list.iter_back()
            .map(Item::to_vec)
            .eq(model.iter().rev().cloned())
    );
    assert_eq!(
        (list.iter().len(), list.iter_back().len()),
        (model.len(), model.len())
    );
    assert_eq!(
        (list.len(), list.is_empty()),
        (model.len(), model.is_empty())
    );
    assert_eq!(list.front().map(Item::to_vec).as_ref(), model.first());
    assert_eq!(list.back().map(Item::to_vec).as_ref(), model.last());
    for index in (0..model.len() + 1).step_by(7) {
        let text = list.get(index as i64).map(Item::to_vec);
        assert_eq!(text.as_ref(), model.get(index));
        let text = list.get(-1 - index as i64).map(Item::to_vec);
        assert_eq!(text.as_ref(), model.iter().rev().nth(index));
        let behind = list.iter_from(index);
        assert_eq!(behind.len(), model.len() - index);
        assert!(behind.map(Item::to_vec).eq(model[index..].iter().cloned()));
        for count in [0, 1, 3, model.len() - index, usize::MAX] {
            let mut shown = Vec::new();
            list.show(index, count, |item| shown.push(item.to_vec()));
            assert!(shown.iter().eq(model[index..].iter().take(count)));
        }
        let before = list.iter_back_from(index);
        let end = model.len().min(index + 1);
        assert_eq!(before.len(), end);
        assert!(
            before
                .map(Item::to_vec)
                .eq(model[..end].iter().rev().cloned())
        );
    }
    assert_eq!(list.get(-1 - model.len() as i64), None);

    let mut bytes = 0;
    for entry in list.nodes.iter() {
        bytes += entry.heap_bytes();
        assert!(entry.count > 0);
        if let NodeBuf::Packed(pack) = &entry.buf {
            assert_eq!(pack.len(), entry.len());
            assert!(Listpack::from_bytes(pack.as_bytes().to_vec()).is_ok());
        }
    }
    assert_eq!(bytes, list.node_bytes);
}

proptest! {
    #[test]
    fn random_changes_agree_with_a_model(
        setting in prop_oneof![-3..0i64, 1..8i64, Just(128)],
        threshold in prop_oneof![3 => Just(0u32), 1 => 50..400u32],
        ops in vec(op(), 1..120),
    ) {
        let fill = Fill::new(setting).with_packed_threshold(threshold);
        let (mut list, mut model) = (QuickList::new(), Vec::new());
        for op in &ops {
            apply(op, fill, &mut list, &mut model);
            check(&list, &model);
        }
        let nodes = list.nodes().map(|node| match node {
            Node::Packed(pack) => NodeBuf::Packed(pack.clone()),
            Node::Plain(bytes) => NodeBuf::Plain(bytes.into()),
        });
        check(&QuickList::from_nodes(nodes), &model);
    }
}

#[test]
fn a_list_of_one_packed_node_can_be_a_listpack() {
    let fill = Fill::new(-2);
    let mut list = QuickList::new();
    assert!(!list.fits_listpack(fill, false));
    assert!(list.clone().into_listpack().is_err());
    list.push_back(b"a", fill);
    assert!(list.fits_listpack(fill, true));
    let pack = list.clone().into_listpack().unwrap();
    check(&QuickList::from_listpack(pack), &[b"a".to_vec()]);
    list.push_back(&[b'x'; 9000], fill);
    assert!(!list.fits_listpack(fill, false));
    // a copy has no spare room, and its figures say so
    check(&list.clone(), &[b"a".to_vec(), vec![b'x'; 9000]]);
    assert_eq!(list.clone().into_listpack().unwrap_err().len(), 2);
    list.remove(0);
    assert!(!list.fits_listpack(fill, false));
    check(&list.into_listpack().unwrap_err(), &[vec![b'x'; 9000]]);
    check(&QuickList::from_listpack(Listpack::new()), &[]);
}
