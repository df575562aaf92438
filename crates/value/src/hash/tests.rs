//! Hashes by themselves: encodings, the order of expiries, what takes changes back.

use perilune_structures::Previous;

use super::*;
use crate::edit::{Edit, Inverse, Journal, Limits};

/// Keeps everything, as an undo log does.
#[derive(Default)]
struct Log(Vec<Inverse>);

impl Journal for Log {
    fn record(&mut self, inverse: Inverse) {
        self.0.push(inverse);
    }
}

const LIMITS: &Limits = &Limits {
    hash_max_listpack_entries: 4,
    hash_max_listpack_value: 8,
    list_max_listpack_size: -2,
    list_packed_threshold: 0,
    set_max_intset_entries: 512,
    set_max_listpack_entries: 128,
    set_max_listpack_value: 64,
    zset_max_listpack_entries: 128,
    zset_max_listpack_value: 64,
};

fn edit<R>(hash: &mut Hash, change: impl FnOnce(&mut Edit<'_, Hash>) -> R) -> R {
    change(&mut Edit::new(hash, None, LIMITS))
}

/// A hash of `count` fields, all `f<n> = <n>`.
fn hash(count: usize) -> Hash {
    let mut hash = Hash::default();
    for n in 0..count {
        edit(&mut hash, |edit| {
            let value = n.to_string();
            edit.set(
                format!("f{n}").as_bytes(),
                Item::of(value.as_bytes()),
                FieldExpiry::Clear,
            )
        });
    }
    hash
}

fn set(hash: &mut Hash, name: &str, value: &str, expiry: FieldExpiry) -> Previous {
    edit(hash, |edit| {
        edit.set(name.as_bytes(), Item::of(value.as_bytes()), expiry)
    })
}

/// A field's name, value and expiry.
type Shown = (Vec<u8>, Vec<u8>, Option<i64>);

/// All fields, by the iterator's `next`, and by its `fold`.
fn both_ways(hash: &Hash) -> [Vec<Shown>; 2] {
    let shown = |field: Field<'_>| {
        (
            field.name.to_vec(),
            field.value.to_vec(),
            field.expire_at_ms,
        )
    };
    let mut fields = hash.iter();
    let iterated = std::iter::from_fn(|| fields.next().map(shown)).collect();
    let mut folded = Vec::new();
    hash.iter().for_each(|field| folded.push(shown(field)));
    [iterated, folded]
}

#[test]
fn fields_are_shown_alike_one_by_one_and_all_at_once() {
    for (count, expires, encoding) in [
        (0, false, "listpack"),
        (4, false, "listpack"),
        (3, true, "listpackex"),
        (30, true, "hashtable"),
    ] {
        let mut hash = hash(count);
        if expires {
            edit(&mut hash, |edit| edit.set_expiry(b"f1", Some(7)));
        }
        let [iterated, folded] = both_ways(&hash);
        assert_eq!(hash.encoding_name(), encoding);
        assert_eq!(iterated.len(), hash.len());
        assert_eq!(iterated, folded);
    }
}

/// Names and expiries in the order that they stand in.
fn order(hash: &Hash) -> Vec<(String, Option<i64>)> {
    hash.iter()
        .map(|field| {
            let name = String::from_utf8_lossy(&field.name.to_vec()).into_owned();
            (name, field.expire_at_ms)
        })
        .collect()
}

#[test]
fn a_hash_leaves_the_packed_encoding_at_its_limits() {
    assert_eq!(hash(4).encoding_name(), "listpack");
    assert_eq!(hash(5).encoding_name(), "hashtable");
    let mut long = hash(1);
    set(&mut long, "12345678", "12345678", FieldExpiry::Clear);
    assert_eq!(long.encoding_name(), "listpack");
    set(&mut long, "f", "123456789", FieldExpiry::Clear);
    assert_eq!((long.encoding_name(), long.len()), ("hashtable", 3));
    // a shorter one does not bring it back
    set(&mut long, "f", "1", FieldExpiry::Clear);
    assert_eq!(long.encoding_name(), "hashtable");
}

#[test]
fn what_is_to_be_set_together_decides_together() {
    let mut few = Hash::default();
    edit(&mut few, |edit| {
        edit.make_room(&[b"a", b"1", b"a", b"2", b"a", b"3", b"a", b"4"]);
    });
    assert_eq!(few.encoding_name(), "listpack");
    edit(&mut few, |edit| {
        edit.make_room(&[b"a", b"1", b"a", b"2", b"a", b"3", b"a", b"4", b"a", b"5"]);
    });
    assert_eq!(few.encoding_name(), "hashtable");
    let mut long = Hash::default();
    edit(&mut long, |edit| edit.make_room(&[b"a", b"123456789"]));
    assert_eq!(long.encoding_name(), "hashtable");
}

#[test]
fn fields_with_expiries_stand_in_their_order() {
    let mut hash = hash(4);
    let at = |hash: &mut Hash, name: &str, ms| {
        assert!(edit(hash, |edit| edit.set_expiry(name.as_bytes(), ms)));
    };
    assert!(!edit(&mut hash, |edit| edit.set_expiry(b"none", Some(1))));
    assert_eq!(hash.encoding_name(), "listpack");
    at(&mut hash, "f1", Some(300));
    assert_eq!(hash.encoding_name(), "listpackex");
    at(&mut hash, "f2", Some(200));
    at(&mut hash, "f3", Some(300));
    let owned = |expected: [(&str, Option<i64>); 4]| expected.map(|(n, ms)| (n.to_owned(), ms));
    assert_eq!(
        order(&hash),
        owned([
            ("f2", Some(200)),
            ("f3", Some(300)),
            ("f1", Some(300)),
            ("f0", None)
        ])
    );
    // a value that is set clears the expiry, one that is changed keeps it
    assert_eq!(
        set(&mut hash, "f2", "x", FieldExpiry::Clear),
        Previous::Replaced
    );
    assert_eq!(
        set(&mut hash, "f3", "y", FieldExpiry::Keep),
        Previous::Replaced
    );
    assert_eq!(
        order(&hash),
        owned([
            ("f3", Some(300)),
            ("f1", Some(300)),
            ("f0", None),
            ("f2", None)
        ])
    );
    at(&mut hash, "f3", None);
    assert_eq!(hash.expire_at_ms_min(), Some(300));
    at(&mut hash, "f1", None);
    assert_eq!(hash.expire_at_ms_min(), None);
    assert_eq!(hash.encoding_name(), "listpackex");
    assert_eq!(
        set(&mut hash, "new", "1", FieldExpiry::At(5)),
        Previous::New
    );
    assert_eq!(hash.encoding_name(), "hashtable");
    assert_eq!(hash.expire_at_ms_min(), Some(5));
}

#[test]
fn an_expired_field_reads_as_absent_and_can_be_removed() {
    for count in [3, 30] {
        let mut hash = hash(count);
        for (name, ms) in [("f0", 10), ("f1", 20), ("f2", 30)] {
            edit(&mut hash, |edit| edit.set_expiry(name.as_bytes(), Some(ms)));
        }
        let live = |hash: &Hash, ms| {
            let at = hash.at(ms);
            assert_eq!(at.iter().count(), at.live_len());
            ["f0", "f1", "f2"].map(|name| at.get(name.as_bytes()).is_some())
        };
        assert_eq!(live(&hash, 9), [true, true, true]);
        assert_eq!(live(&hash, 10), [false, true, true]);
        assert_eq!(live(&hash, 20), [false, false, true]);
        assert!(!hash.remove_if_expired(19, b"f1") && !hash.remove_if_expired(99, b"none"));
        let mut removed = Vec::new();
        hash.remove_expired(25, 1, |name| removed.push(name.to_vec()));
        assert_eq!(removed, [b"f0"]);
        hash.remove_expired(25, 9, |name| removed.push(name.to_vec()));
        assert_eq!(removed, [b"f0", b"f1"]);
        assert!(hash.remove_if_expired(30, b"f2"));
        assert_eq!((hash.len(), hash.expire_at_ms_min()), (count - 3, None));
    }
}

#[test]
fn the_note_of_a_queue_survives_another_encoding_but_no_copy() {
    let mut hash = hash(3);
    edit(&mut hash, |edit| edit.set_expiry(b"f0", Some(10)));
    hash.set_queued_ms(Some(7));
    assert_eq!(hash.clone().queued_ms(), None);
    for n in 3..9 {
        set(&mut hash, &n.to_string(), "v", FieldExpiry::Clear);
    }
    assert_eq!(
        (hash.encoding_name(), hash.queued_ms()),
        ("hashtable", Some(7))
    );
    assert_eq!(hash.clone().queued_ms(), None);
}

#[test]
fn changes_of_a_big_hash_are_taken_back_in_reverse() {
    let mut hash = hash(50);
    edit(&mut hash, |edit| edit.set_expiry(b"f7", Some(10)));
    let before = format!("{hash:?}");
    let mut log = Log::default();
    let mut edit = Edit::new(&mut hash, Some(&mut log), LIMITS);
    assert!(edit.remove(b"f7") && !edit.remove(b"f7"));
    edit.set(b"f7", Item::Int(1), FieldExpiry::Clear);
    edit.set(b"f8", Item::Bytes(b"text"), FieldExpiry::At(5));
    edit.set(b"f8", Item::Bytes(b"other"), FieldExpiry::Keep);
    assert!(edit.set_expiry(b"f9", Some(9)) && edit.set_expiry(b"f9", None));
    edit.set(b"new", Item::Int(2), FieldExpiry::At(3));
    assert!(edit.remove(b"new"));
    assert_eq!((edit.changes(), log.0.len()), (8, 8));
    assert!(log.0.iter().all(|inverse| inverse.memory_bytes() > 0));
    let mut object = Object::from(hash);
    for inverse in log.0.into_iter().rev() {
        object.undo(inverse);
    }
    assert_eq!(format!("{:?}", Hash::of(&object).unwrap()), before);
    assert!(before.contains("\"f7\": \"\\\"7\\\" until 10\"") || before.contains("until 10"));
}

#[test]
fn packed_and_in_a_table_a_hash_is_the_same() {
    let mut packed = hash(4);
    edit(&mut packed, |edit| edit.set_expiry(b"f1", Some(10)));
    let table = packed.to_table();
    assert_eq!(format!("{packed:?}"), format!("{table:?}"));
    for bits in 0..20 {
        assert!(packed.random(bits).is_some() && table.random(bits).is_some());
    }
    assert!(Hash::default().random(1).is_none());
    let mut seen = 0;
    assert_eq!(packed.scan(0, |_| seen += 1), 0);
    assert_eq!(seen, 4);
}
