//! Payloads of the reference, our own ones, and damaged ones.

use proptest::prelude::*;

use super::*;
use crate::edit::{Collection, Edit};
use crate::hash::Hash;
use crate::list::{List, Side};
use crate::set::Set;
use crate::sorted_set::{Adding, SortedSet};
use perilune_structures::{FieldExpiry, Item};

const STRING_LEN_MAX: usize = 1 << 20;

fn from_hex(hex: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// The payloads of `judge.txt`, and whether the order of their elements is ours.
fn judged() -> impl Iterator<Item = (Vec<u8>, bool)> {
    include_str!("judge.txt").lines().filter_map(|line| {
        let (sign, hex) = line.split_once(' ')?;
        match sign {
            "=" | "~" => Some((from_hex(hex), sign == "=")),
            _ => None,
        }
    })
}

fn restored(payload: &[u8], limits: &Limits) -> Result<Object, RestoreError> {
    restore(payload, limits, STRING_LEN_MAX, VersionCheck::Strict)
}

/// The payload with another body, and the checksum that this has.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut payload = body.to_vec();
    payload.extend(VERSION.to_le_bytes());
    seal(&mut payload);
    payload
}

fn body(payload: &[u8]) -> &[u8] {
    &payload[..payload.len() - FOOTER_LEN]
}

#[test]
fn payloads_of_the_reference_come_back_as_they_were() {
    let limits = Limits::default();
    let mut count = 0;
    for (payload, is_ordered) in judged() {
        let object = restored(&payload, &limits).unwrap();
        let again = dump(Value::Object(&object));
        if is_ordered && payload[payload.len() - FOOTER_LEN] == VERSION as u8 {
            assert_eq!(again, payload, "{object:?}");
        } else if is_ordered {
            assert_eq!(body(&again), body(&payload), "{object:?}");
        }
        let copy = restored(&again, &limits).unwrap();
        assert_eq!(format!("{object:?}"), format!("{copy:?}"));
        assert_eq!(object.encoding_name(), copy.encoding_name());
        count += 1;
    }
    assert!(count > 30, "{count}");
}

/// Reads all of a value, changes it, and dumps it.
fn exercise(mut object: Object, limits: &Limits) {
    let _ = format!("{object:?}");
    if let Some(list) = List::of_mut(&mut object) {
        let mut edit = Edit::new(list, None, limits);
        edit.push(Side::Left, &[b"first"]);
        edit.push(Side::Right, &[b"12"]);
        edit.set(1, b"second");
        edit.pop(Side::Left, 2, |_| {});
    } else if let Some(set) = Set::of_mut(&mut object) {
        let first = set.iter().next().map(Item::to_vec).unwrap();
        let mut edit = Edit::new(set, None, limits);
        edit.insert(b"7");
        edit.insert(b"more");
        assert!(edit.remove(&first));
    } else if let Some(set) = SortedSet::of_mut(&mut object) {
        let first = set
            .iter()
            .next()
            .map(|(member, _)| member.to_vec())
            .unwrap();
        let mut edit = Edit::new(set, None, limits);
        edit.add(b"more", 1.5, Adding::default());
        assert!(edit.remove(&first));
        assert!(!edit.is_empty());
    } else if let Some(hash) = Hash::of_mut(&mut object) {
        let first = hash.iter().next().map(|field| field.name.to_vec()).unwrap();
        let mut edit = Edit::new(hash, None, limits);
        edit.set(b"more", Item::Int(1), FieldExpiry::Keep);
        edit.set_expiry(b"more", Some(5));
        assert!(edit.remove(&first));
        hash.remove_expired(10, usize::MAX, |_| {});
    }
    let payload = dump(Value::Object(&object));
    let is_empty = match &object {
        Object::Raw(_) => false,
        Object::List(list) => list.is_empty(),
        Object::Set(set) => set.is_empty(),
        Object::Hash(hash) => hash.is_empty(),
        Object::SortedSet(set) => set.is_empty(),
    };
    if !is_empty {
        let copy = restored(&payload, limits).expect("what was accepted can be dumped");
        assert_eq!(format!("{object:?}"), format!("{copy:?}"));
    }
}

#[test]
fn damaged_payloads_are_refused_or_harmless() {
    let limits = Limits::default();
    let (mut refused, mut taken) = (0, 0);
    let mut check = |payload: &[u8]| match restored(payload, &limits) {
        Ok(object) => {
            taken += 1;
            exercise(object, &limits);
        }
        Err(_) => refused += 1,
    };
    for (payload, _) in judged().filter(|(payload, _)| payload.len() < 400) {
        let body = body(&payload);
        for len in 0..body.len() {
            check(&sealed(&body[..len]));
        }
        for at in 0..body.len() {
            for change in [1, 0x80, 0xFF, 0x40, 2, 0x10] {
                let mut body = body.to_vec();
                body[at] ^= change;
                check(&sealed(&body));
            }
        }
        for kind in 0..30 {
            let mut body = body.to_vec();
            body[0] = kind;
            check(&sealed(&body));
        }
    }
    assert!(refused > 1000 && taken > 100, "{refused} {taken}");
}

#[test]
fn a_footer_is_looked_at_first() {
    let limits = Limits::default();
    let payload = dump(Value::Text(Text::Bytes(b"hello")));
    for at in 0..payload.len() {
        let mut damaged = payload.clone();
        damaged[at] ^= 4;
        assert_eq!(
            restored(&damaged, &limits).unwrap_err(),
            RestoreError::Footer
        );
        assert_eq!(
            restored(&payload[..at], &limits).unwrap_err(),
            RestoreError::Footer
        );
    }
    let mut newer = payload[..payload.len() - FOOTER_LEN].to_vec();
    newer.extend(13_u16.to_le_bytes());
    seal(&mut newer);
    assert_eq!(restored(&newer, &limits).unwrap_err(), RestoreError::Footer);
    for (version, is_taken) in [(12_u16, true), (13, false), (79, false), (80, true)] {
        let mut payload = body(&payload).to_vec();
        payload.extend(version.to_le_bytes());
        seal(&mut payload);
        let taken = restore(&payload, &limits, STRING_LEN_MAX, VersionCheck::Relaxed);
        assert_eq!(taken.is_ok(), is_taken, "{version}");
    }
}

/// What stands before the version, and why it is not taken.
#[test]
fn what_is_wrong_is_found() {
    let limits = Limits::default();
    let check = |body: &[u8], what: &str| match restored(&sealed(body), &limits) {
        Err(RestoreError::Value(corrupt)) => assert_eq!(corrupt.what, what),
        other => panic!("{other:?}"),
    };
    let cut_off = "a value that is cut off";
    let too_long = "a string longer than strings may be";
    check(b"", cut_off);
    check(b"\x00", cut_off);
    check(b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff", too_long);
    check(b"\x00\x80\x00\x10\x00\x01", too_long);
    check(b"\x00\x80\x00\x10\x00\x00abc", cut_off);
    check(
        b"\x00\xc3\x02\x80\x00\x10\x00\x00\x00a",
        "a compressed string",
    );
    check(b"\x00\x82", "a length");
    check(b"\x00\x01ab", "a payload with something behind its value");
    check(b"\x63", "a value of unknown kind");
    let empty = "a collection without elements";
    for kind in [1, 2, 3, 4, 5, 14, 18] {
        check(&[kind, 0], empty);
        check(
            &[kind, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            cut_off,
        );
    }
    check(b"\x10\x07\x07\x00\x00\x00\x00\x00\xff", empty);
    check(b"\x12\x01\x02\x07\x07\x00\x00\x00\x00\x00\xff", empty);
    check(b"\x12\x01\x01\x00", empty);
    check(b"\x12\x01\x03\x00", "a node of a list");
    let twice = "an element that is there twice";
    check(b"\x02\x02\x01a\x01a", twice);
    check(b"\x02\x02\xc0\x07\x017", twice);
    check(b"\x04\x02\x01a\x01b\x01a\x01c", twice);
    check(
        b"\x14\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x81a\x02\xff",
        twice,
    );
    check(
        b"\x10\x0a\x0a\x00\x00\x00\x01\x00\x81a\x02\xff",
        "half an element",
    );
    check(b"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f", "a score");
    check(b"\x03\x01\x01a\xfd", "a score");
    check(b"\x03\x01\x01a\x01x", "a score");
}

#[test]
fn older_forms_are_read() {
    let limits = Limits::default();
    let check = |body: &[u8], encoding: &str, shown: &str| {
        let object = restored(&sealed(body), &limits).unwrap();
        assert_eq!(object.encoding_name(), encoding);
        assert_eq!(format!("{object:?}"), shown);
        exercise(object, &limits);
    };
    let ziplist = b"\x1a\x1a\x00\x00\x00\x13\x00\x00\x00\x04\x00\x00\x01a\x03\xf3\x02\xc0\xe8\x03\x04\x04text\xff";
    let of = |kind: u8, before: &[u8]| [&[kind], before, ziplist].concat();
    check(
        &of(10, b""),
        "quicklist",
        r#"List(["a", "2", "1000", "text"])"#,
    );
    check(
        &of(14, b"\x01"),
        "listpack",
        r#"List(["a", "2", "1000", "text"])"#,
    );
    check(
        &of(13, b""),
        "listpack",
        r#"Hash({"1000": "\"text\"", "a": "\"2\""})"#,
    );
    check(b"\x01\x02\x01a\xc0\x07", "listpack", r#"List(["a", "7"])"#);
    check(
        b"\x03\x02\x01b\x03\x2d.5\x01a\xff",
        "listpack",
        r#"SortedSet({"a": -inf, "b": -0.5})"#,
    );
    check(
        b"\x09\x09\x01\x01f\x02\x01v1_\xff",
        "listpack",
        r#"Hash({"f": "\"v1\""})"#,
    );
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..20),
        2 => any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        2 => (-200i64..200).prop_map(|int| int.to_string().into_bytes()),
        1 => (b'a'..b'd', 0usize..200).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn object() -> impl Strategy<Value = Object> {
    let limits = Limits {
        hash_max_listpack_entries: 8,
        list_max_listpack_size: 4,
        set_max_intset_entries: 8,
        set_max_listpack_entries: 8,
        zset_max_listpack_entries: 8,
        ..Limits::default()
    };
    let texts = || prop::collection::vec(text(), 1..20);
    let expiry = prop::option::weighted(0.2, 1i64..1 << 46);
    prop_oneof![
        text().prop_map(Object::Raw),
        texts().prop_map(move |texts| {
            let mut list = List::default();
            for text in &texts {
                Edit::new(&mut list, None, &limits).push(Side::Right, &[text]);
            }
            list.into()
        }),
        texts().prop_map(move |texts| {
            let mut set = Set::default();
            for text in &texts {
                Edit::new(&mut set, None, &limits).insert(text);
            }
            set.into()
        }),
        prop::collection::vec((text(), -1e9..1e9), 1..20).prop_map(move |elements| {
            let mut set = SortedSet::default();
            for (member, score) in &elements {
                Edit::new(&mut set, None, &limits).add(member, *score, Adding::default());
            }
            set.into()
        }),
        prop::collection::vec((text(), text(), expiry), 1..20).prop_map(move |fields| {
            let mut hash = Hash::default();
            for (name, value, expiry) in &fields {
                let expiry = expiry.map_or(FieldExpiry::Clear, FieldExpiry::At);
                Edit::new(&mut hash, None, &limits).set(name, Item::of(value), expiry);
            }
            hash.into()
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_dumped_is_restored(object in object()) {
        let payload = dump(Value::Object(&object));
        let copy = restored(&payload, &Limits::default()).unwrap();
        prop_assert_eq!(format!("{object:?}"), format!("{copy:?}"));
    }

    #[test]
    fn damage_is_refused_or_harmless(
        object in object(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let payload = dump(Value::Object(&object));
        let mut body = body(&payload).to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Ok(object) = restored(&sealed(&body), &Limits::default()) {
            exercise(object, &Limits::default());
        }
    }
}
