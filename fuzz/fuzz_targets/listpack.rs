//! Listpacks: hostile blocks are refused or harmless, and changes agree with a list of texts.
//!
//! The first byte says which: with its lowest bit set the rest is a block, else changes. What a block lets through is then
//! changed as well.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use perilune_structures::{Item, Listpack};

/// Texts are up to so long: beyond 4,095 bytes, where their encoding changes, and 16,383, where the length behind them does.
const TEXT_LEN_MAX: usize = 20_000;
/// Everything is looked at after each change, so a listpack that grows beyond this is left alone: else there would be few
/// changes in a minute.
const BYTES_MAX: usize = 1 << 16;

#[derive(Arbitrary)]
enum Op<'a> {
    PushBack(Text<'a>),
    PushFront(Text<'a>),
    InsertBefore(u8, Text<'a>),
    InsertAfter(u8, Text<'a>),
    Replace(u8, Text<'a>),
    RemoveMany(u8, u8),
    TakeAndAppend(u8, u8),
    PopFront,
    PopBack,
    Find(u8, u8),
    ShrinkToFit,
}

#[derive(Arbitrary)]
enum Text<'a> {
    Bytes(&'a [u8]),
    Int(i64),
    Small(i16),
    Long(u8, u16),
}

impl Text<'_> {
    fn to_vec(&self) -> Vec<u8> {
        match self {
            Text::Bytes(bytes) => bytes.to_vec(),
            Text::Int(int) => int.to_string().into_bytes(),
            Text::Small(int) => int.to_string().into_bytes(),
            Text::Long(byte, len) => vec![*byte; usize::from(*len) % TEXT_LEN_MAX],
        }
    }
}

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(Item::to_vec).collect()
}

fn check(pack: &Listpack, model: &[Vec<u8>]) {
    assert_eq!(texts(pack), model);
    assert!(
        pack.iter()
            .rev()
            .map(Item::to_vec)
            .eq(model.iter().rev().cloned())
    );
    assert_eq!(pack.len(), model.len());
    assert_eq!(
        Listpack::from_bytes(pack.as_bytes().to_vec()).as_ref(),
        Ok(pack)
    );
    assert!(pack.heap_bytes() - pack.byte_len() <= 64 + pack.heap_bytes() / 4);
    for (index, text) in model.iter().enumerate().step_by(model.len() / 8 + 1) {
        let at = pack.seek(index as i64).unwrap();
        assert_eq!(pack.seek(index as i64 - model.len() as i64), Some(at));
        assert_eq!(pack.get(at).len(), text.len());
        assert!(pack.find(None, text, 0).unwrap() <= at);
    }
}

fn apply(op: Op, pack: &mut Listpack, model: &mut Vec<Vec<u8>>) {
    let place = |index: u8| {
        let index = usize::from(index) % model.len().max(1);
        pack.seek(index as i64).map(|at| (index, at))
    };
    match op {
        Op::PushBack(text) => {
            pack.push_back(Item::of(&text.to_vec()));
            model.push(text.to_vec());
        }
        Op::PushFront(text) => {
            pack.push_front(Item::of(&text.to_vec()));
            model.insert(0, text.to_vec());
        }
        Op::InsertBefore(index, text) => {
            let Some((index, at)) = place(index) else {
                return;
            };
            pack.insert_before(at, Item::of(&text.to_vec()));
            model.insert(index, text.to_vec());
        }
        Op::InsertAfter(index, text) => {
            let Some((index, at)) = place(index) else {
                return;
            };
            pack.insert_after(at, Item::of(&text.to_vec()));
            model.insert(index + 1, text.to_vec());
        }
        Op::Replace(index, text) => {
            let Some((index, at)) = place(index) else {
                return;
            };
            pack.replace(at, Item::of(&text.to_vec()));
            model[index] = text.to_vec();
        }
        Op::RemoveMany(index, count) => {
            let Some((index, at)) = place(index) else {
                return;
            };
            let next = pack.remove_many(at, usize::from(count));
            let end = model.len().min(index + usize::from(count));
            model.drain(index..end);
            assert_eq!(next, pack.seek(index as i64));
        }
        Op::TakeAndAppend(index, count) => {
            let Some((index, at)) = place(index) else {
                return;
            };
            let taken = pack.take_many(at, usize::from(count));
            let end = model.len().min(index + usize::from(count));
            let model_taken: Vec<Vec<u8>> = model.drain(index..end).collect();
            check(&taken, &model_taken);
            pack.append(&taken);
            model.extend(model_taken);
        }
        Op::PopFront => {
            pack.pop_front();
            model.drain(..model.len().min(1));
        }
        Op::PopBack => {
            pack.pop_back();
            model.pop();
        }
        Op::Find(index, skip) => {
            let Some((index, _)) = place(index) else {
                return;
            };
            let step = usize::from(skip) + 1;
            let found = pack.find(None, &model[index], usize::from(skip));
            let expected = (0..model.len())
                .step_by(step)
                .find(|&other| model[other] == model[index]);
            assert_eq!(
                found,
                expected.map(|index| pack.seek(index as i64).unwrap())
            );
        }
        Op::ShrinkToFit => pack.shrink_to_fit(),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let (mut pack, ops) = if kind & 1 == 0 {
        (Listpack::new(), data)
    } else {
        let (block, ops) = data.split_at(data.len() - data.len() / 4);
        let Ok(pack) = Listpack::from_bytes(block.to_vec()) else {
            return;
        };
        (pack, ops)
    };
    let mut model = texts(&pack);
    check(&pack, &model);
    let mut input = Unstructured::new(ops);
    while !input.is_empty()
        && pack.byte_len() <= BYTES_MAX
        && let Ok(op) = Op::arbitrary(&mut input)
    {
        apply(op, &mut pack, &mut model);
        check(&pack, &model);
    }
});
