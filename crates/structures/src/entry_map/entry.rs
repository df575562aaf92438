//! Entry: the bytes of one key with its value.
//!
//! ```text
//!  0      1          4       5       6          (14)        6 + key
//! +------+----------+-------+-------+----------+-----------+-----------------+~~~~~~~~+
//! | tag  |  access  |  key  |payload| expiry   | key bytes | payload bytes   | unused |
//! |      |  3 bytes |  len  |  len  | 8 bytes, |           |                 |        |
//! +------+----------+-------+-------+-if any --+-----------+-----------------+~~~~~~~~+
//!
//!  tag    7        4    3      2      1    0     kind: 0 no entry (a free slot of the slab)
//!        +----------+------+--------+-------+          1 Int: little endian, 1, 2, 4 or 8 bytes
//!        | encoding | wide | expiry | kind  |          2 Bytes: as they are
//!        +----------+------+--------+-------+          3 Heap: 4 bytes, the object's number in the map's heap
//! ```
//!
//! A *wide* entry, whose key or payload is longer than 255 bytes, has both lengths in 4 bytes each. All numbers
//! are little endian. `access` (the clock of LRU or counter of LFU) and `encoding` belong to the layer above.
//! A 16-byte key with a 32-byte value takes 54 bytes and a slot of 56.

use super::bucket::{Bucket, SLOTS};

const WIDE: u8 = 1 << 3;
const EXPIRING: u8 = 1 << 2;
const KIND: u8 = 0b11;
const ENCODING_SHIFT: u32 = 4;
/// Encodings are numbers up to this.
pub(super) const ENCODING_MAX: u8 = 15;
/// Access clocks are numbers up to this.
pub(super) const ACCESS_MAX: u32 = (1 << 24) - 1;

const LENGTHS_AT: usize = 4;
/// The part of an entry that does not depend on its shape: the tag (in parts) and access.
pub(super) const HEADER_BYTES: usize = LENGTHS_AT;
const EXPIRY_BYTES: usize = 8;
/// Bytes of a heap object's number.
pub(super) const NUMBER_BYTES: usize = 4;

/// A linked entry's share of the table, about: 64 bytes for 12 entries at a load of 0.8, and the group's header.
pub(super) const TABLE_BYTES_PER_ENTRY: usize = (size_of::<Bucket>() + SLOTS) / SLOTS + 1;

/// What the payload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Int = 1,
    Bytes = 2,
    Heap = 3,
}

/// Everything that decides where the parts of an entry lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) expiring: bool,
    pub(super) key_len: usize,
    pub(super) payload_len: usize,
}

impl Shape {
    #[inline]
    fn is_wide(self) -> bool {
        self.key_len > 0xFF || self.payload_len > 0xFF
    }

    #[inline]
    fn expiry_at(self) -> usize {
        LENGTHS_AT + if self.is_wide() { 8 } else { 2 }
    }

    #[inline]
    pub(super) fn key_at(self) -> usize {
        self.expiry_at() + if self.expiring { EXPIRY_BYTES } else { 0 }
    }

    #[inline]
    pub(super) fn payload_at(self) -> usize {
        self.key_at() + self.key_len
    }

    /// The entry's length.
    #[inline]
    pub(super) fn len(self) -> usize {
        self.payload_at() + self.payload_len
    }

    /// The shape of the entry in this slot.
    #[inline]
    pub(super) fn read(slot: &[u8]) -> Shape {
        let tag = slot[0];
        let kind = match tag & KIND {
            1 => Kind::Int,
            2 => Kind::Bytes,
            3 => Kind::Heap,
            _ => panic!("a handle whose entry has been freed"),
        };
        let (key_len, payload_len) = if tag & WIDE == 0 {
            (slot[LENGTHS_AT] as usize, slot[LENGTHS_AT + 1] as usize)
        } else {
            (
                read_u32(slot, LENGTHS_AT) as usize,
                read_u32(slot, LENGTHS_AT + 4) as usize,
            )
        };
        Shape {
            kind,
            expiring: tag & EXPIRING != 0,
            key_len,
            payload_len,
        }
    }

    /// Writes the tag and the lengths; the encoding, access and all behind the lengths stay as they are.
    pub(super) fn write(self, slot: &mut [u8]) {
        let wide = self.is_wide();
        let encoding = slot[0] >> ENCODING_SHIFT << ENCODING_SHIFT;
        let flags = if wide { WIDE } else { 0 } | if self.expiring { EXPIRING } else { 0 };
        slot[0] = encoding | flags | self.kind as u8;
        if wide {
            slot[LENGTHS_AT..LENGTHS_AT + 4].copy_from_slice(&(self.key_len as u32).to_le_bytes());
            slot[LENGTHS_AT + 4..LENGTHS_AT + 8]
                .copy_from_slice(&(self.payload_len as u32).to_le_bytes());
        } else {
            slot[LENGTHS_AT] = self.key_len as u8;
            slot[LENGTHS_AT + 1] = self.payload_len as u8;
        }
    }
}

/// Whether the entry in this slot has this key. The first thing that every command asks.
#[inline]
pub(super) fn has_key(slot: &[u8], key: &[u8]) -> bool {
    let tag = slot[0];
    let (len, at) = if tag & WIDE == 0 {
        (slot[LENGTHS_AT] as usize, LENGTHS_AT + 2)
    } else {
        (read_u32(slot, LENGTHS_AT) as usize, LENGTHS_AT + 8)
    };
    let at = at + if tag & EXPIRING != 0 { EXPIRY_BYTES } else { 0 };
    len == key.len() && slot.get(at..at + len).is_some_and(|found| same(found, key))
}

/// Whether two keys are the same. The usual lengths are compared in two or four words, in half the time of a call of
/// memcmp.
#[inline]
pub fn same_key(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && same(a, b)
}

/// [`same_key`] for keys of one length.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    fn ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
        a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
    }
    match a.len() {
        4..=7 => ends::<4>(a, b),
        8..=16 => ends::<8>(a, b),
        17..=32 => ends::<16>(a, b),
        _ => a == b,
    }
}

/// The number of an entry's object, if it has one, without a look at the rest.
#[inline]
pub(super) fn object_number(slot: &[u8]) -> Option<u32> {
    let tag = slot[0];
    if tag & KIND != Kind::Heap as u8 {
        return None;
    }
    let (len, at) = if tag & WIDE == 0 {
        (slot[LENGTHS_AT] as usize, LENGTHS_AT + 2)
    } else {
        (read_u32(slot, LENGTHS_AT) as usize, LENGTHS_AT + 8)
    };
    let at = at + if tag & EXPIRING != 0 { EXPIRY_BYTES } else { 0 };
    Some(read_u32(slot, at + len))
}

#[inline]
pub(super) fn is_expiring(slot: &[u8]) -> bool {
    slot[0] & EXPIRING != 0
}

#[inline]
pub(super) fn encoding(slot: &[u8]) -> u8 {
    slot[0] >> ENCODING_SHIFT
}

pub(super) fn set_encoding(slot: &mut [u8], encoding: u8) {
    debug_assert!(encoding <= ENCODING_MAX);
    slot[0] = (slot[0] & ((1 << ENCODING_SHIFT) - 1)) | encoding << ENCODING_SHIFT;
}

#[inline]
pub(super) fn access(slot: &[u8]) -> u32 {
    read_u32(slot, 0) >> 8
}

#[inline]
pub(super) fn set_access(slot: &mut [u8], access: u32) {
    debug_assert!(access <= ACCESS_MAX);
    // with the tag in front of it, as one word: a copy of three bytes is a call
    if let Some(head) = slot.first_chunk_mut::<LENGTHS_AT>() {
        *head = (access << 8 | u32::from(head[0])).to_le_bytes();
    }
}

#[inline]
pub(super) fn expiry(slot: &[u8], shape: Shape) -> Option<i64> {
    shape
        .expiring
        .then(|| i64::from_le_bytes(array(slot, shape.expiry_at())))
}

/// The expiry of an entry, without a look at the rest. Most have none, and that is known from the first byte.
#[inline]
pub(super) fn expiry_alone(slot: &[u8]) -> Option<i64> {
    let tag = slot[0];
    if tag & EXPIRING == 0 {
        return None;
    }
    let at = LENGTHS_AT + if tag & WIDE == 0 { 2 } else { 8 };
    Some(i64::from_le_bytes(array(slot, at)))
}

pub(super) fn set_expiry(slot: &mut [u8], shape: Shape, at_ms: i64) {
    debug_assert!(shape.expiring);
    let at = shape.expiry_at();
    slot[at..at + EXPIRY_BYTES].copy_from_slice(&at_ms.to_le_bytes());
}

#[inline]
pub(super) fn key(slot: &[u8], shape: Shape) -> &[u8] {
    &slot[shape.key_at()..shape.payload_at()]
}

#[inline]
pub(super) fn payload(slot: &[u8], shape: Shape) -> &[u8] {
    &slot[shape.payload_at()..shape.len()]
}

#[inline]
pub(super) fn payload_mut(slot: &mut [u8], shape: Shape) -> &mut [u8] {
    &mut slot[shape.payload_at()..shape.len()]
}

/// The number of a Heap payload.
#[inline]
pub(super) fn number(payload: &[u8]) -> u32 {
    read_u32(payload, 0)
}

/// How many bytes an integer takes.
pub(crate) fn int_bytes(value: i64) -> usize {
    match value {
        _ if i8::try_from(value).is_ok() => 1,
        _ if i16::try_from(value).is_ok() => 2,
        _ if i32::try_from(value).is_ok() => 4,
        _ => 8,
    }
}

/// The integer in 1, 2, 4 or 8 bytes.
#[inline]
pub(crate) fn int(payload: &[u8]) -> i64 {
    match *payload {
        [a] => i64::from(a as i8),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => i64::from_le_bytes(array(payload, 0)),
    }
}

/// Where in the slot the integer of an entry lies that holds one, short key and all: counters.
#[inline]
pub(super) fn int_place(slot: &[u8]) -> Option<std::ops::Range<usize>> {
    let tag = slot[0];
    if tag & (KIND | WIDE) != Kind::Int as u8 {
        return None;
    }
    let expiry = if tag & EXPIRING != 0 { EXPIRY_BYTES } else { 0 };
    let at = LENGTHS_AT + 2 + expiry + slot[LENGTHS_AT] as usize;
    Some(at..at + slot[LENGTHS_AT + 1] as usize)
}

#[inline]
fn read_u32(slot: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(slot, at))
}

#[inline]
pub(crate) fn array<const N: usize>(slot: &[u8], at: usize) -> [u8; N] {
    slot[at..at + N].try_into().expect("the range has N bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_with_a_short_value_has_six_bytes_of_header() {
        let shape = Shape {
            kind: Kind::Bytes,
            expiring: false,
            key_len: 16,
            payload_len: 32,
        };
        assert_eq!(shape.len(), 54);
        assert_eq!(
            Shape {
                expiring: true,
                ..shape
            }
            .len(),
            62
        );
        assert_eq!(
            Shape {
                payload_len: 256,
                ..shape
            }
            .len(),
            12 + 16 + 256
        );
    }

    #[test]
    fn what_is_written_is_read() {
        for (key_len, payload_len) in [
            (0, 0),
            (3, 5),
            (255, 255),
            (256, 1),
            (1, 256),
            (70_000, 70_000),
        ] {
            for expiring in [false, true] {
                for kind in [Kind::Int, Kind::Bytes, Kind::Heap] {
                    let shape = Shape {
                        kind,
                        expiring,
                        key_len,
                        payload_len,
                    };
                    let mut slot = vec![0; shape.len()];
                    set_encoding(&mut slot, 13);
                    set_access(&mut slot, 0xABCDEF);
                    shape.write(&mut slot);
                    if expiring {
                        set_expiry(&mut slot, shape, i64::MIN + 1);
                    }
                    slot[shape.key_at()..].fill(7);
                    assert_eq!(Shape::read(&slot), shape);
                    assert_eq!((encoding(&slot), access(&slot)), (13, 0xABCDEF));
                    assert_eq!(expiry(&slot, shape), expiring.then_some(i64::MIN + 1));
                    assert!(
                        has_key(&slot, &vec![7; key_len]) && !has_key(&slot, &vec![7; key_len + 1])
                    );
                    assert_eq!(payload(&slot, shape).len(), payload_len);
                }
            }
        }
    }

    #[test]
    fn keys_are_compared_to_the_last_byte() {
        for len in 0..70 {
            let key: Vec<u8> = (0..len).collect();
            assert!(same(&key, &key.clone()));
            for at in 0..key.len() {
                let mut other = key.clone();
                other[at] ^= 1;
                assert!(!same(&key, &other), "{len} {at}");
            }
        }
    }

    #[test]
    fn integers_take_the_bytes_they_need() {
        for shift in 0..64 {
            for value in [
                1i64 << shift,
                (1i64 << shift).wrapping_neg(),
                (1i64 << shift).wrapping_sub(1),
            ] {
                assert_eq!(int(&value.to_le_bytes()[..int_bytes(value)]), value);
            }
        }
        assert_eq!(
            [0, -128, 128, 32768, 1 << 31].map(int_bytes),
            [1, 1, 2, 4, 8]
        );
    }
}
