//! Values in the RDB format: hostile bytes are refused or harmless. What is taken is read, changed, dumped and restored.
//!
//! The bytes are a payload without its footer, whose checksum would stop all but a few of them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use perilune_value::rdb::{self, Reader, Value, VersionCheck};
use perilune_value::{
    Adding, Collection, Edit, FieldExpiry, Hash, Item, Limits, List, Object, Set, Side, SortedSet,
};

const STRING_LEN_MAX: usize = 1 << 16;

/// Changes a value; whether anything is left of it.
fn change(object: &mut Object, limits: &Limits) -> bool {
    if let Some(list) = List::of_mut(object) {
        let mut edit = Edit::new(list, None, limits);
        edit.push(Side::Left, &[b"first"]);
        edit.push(Side::Right, &[b"12"]);
        edit.set(1, b"second");
        edit.pop(Side::Left, 2, |_| {});
        return !edit.is_empty();
    }
    if let Some(set) = Set::of_mut(object) {
        let first = set.iter().next().map(Item::to_vec);
        let mut edit = Edit::new(set, None, limits);
        edit.insert(b"7");
        edit.insert(b"more");
        assert!(first.is_some_and(|first| edit.remove(&first)));
        return !edit.is_empty();
    }
    if let Some(set) = SortedSet::of_mut(object) {
        let first = set.iter().next().map(|(member, _)| member.to_vec());
        let mut edit = Edit::new(set, None, limits);
        edit.add(b"more", 1.5, Adding::default());
        assert!(first.is_some_and(|first| edit.remove(&first)));
        return !edit.is_empty();
    }
    if let Some(hash) = Hash::of_mut(object) {
        let first = hash.iter().next().map(|field| field.name.to_vec());
        let mut edit = Edit::new(hash, None, limits);
        edit.set(b"more", Item::Int(1), FieldExpiry::Keep);
        edit.set_expiry(b"more", Some(5));
        assert!(first.is_some_and(|first| edit.remove(&first)));
        hash.remove_expired(4, usize::MAX, |_| {});
        return !hash.is_empty();
    }
    true
}

/// A payload does not say which encoding its value has, and a packed sorted set, here as in the reference, does not tell
/// the scores -0 and 0 apart. So scores are compared as numbers, and everything else as it prints.
fn check_same(one: &Object, other: &Object) {
    if let (Some(one), Some(other)) = (SortedSet::of(one), SortedSet::of(other)) {
        let bytes = |(member, score): (Item<'_>, f64)| (member.to_vec(), score);
        assert!(
            one.iter().map(bytes).eq(other.iter().map(bytes)),
            "{one:?} {other:?}"
        );
    } else {
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    let Ok(mut object) = Reader::new(data, STRING_LEN_MAX).value_with_kind(&limits) else {
        return;
    };
    for _ in 0..2 {
        let payload = rdb::dump(Value::Object(&object));
        let copy = rdb::restore(&payload, &limits, usize::MAX, VersionCheck::Strict)
            .expect("it has just been dumped");
        check_same(&object, &copy);
        if !change(&mut object, &limits) {
            return;
        }
    }
});
