//! Form: how the bytes of one element lie in its slot.
//!
//! ```text
//!  0      1       2        (3)         + 8     + key
//! +------+-------+--------+-----------+-------+---------+~~~~~~~~+
//! |      |  len  | len,   |  8 bytes, | bytes |  bytes  |        |
//! |      |       | if any |  if any   |       |         |        |
//! +------+-------+--------+-----------+-------+---------+~~~~~~~~+
//!
//!  tag    7     6  5      4      3          2   0     kind: 0 no element (a free slot of the slab)
//!        +--------+------+------+----------+------+         1 None: no value
//!        | int len| long | wide | stamped  | kind |         2 Int: little endian, 1 << `int len` bytes
//!        +--------+------+------+----------+------+         3 Bytes: as they are; the only ones with a value len
//!                                                           4 Long: 4 bytes, the number of the value
//! ```
//!
//! The *stamp* is what the element's owner keeps with it: a field's expiry, a member's score. With *wide* both
//! lengths have 2 bytes. With *long* the key is a long one, too: its 4 bytes are the number of the key. All numbers
//! are little endian. So a set's member has 2 bytes of header, a field with its value 3, a sorted set's member 10.

use crate::entry_map::entry::{array, int, same};
use crate::listpack::Item;

const KIND: u8 = 0b111;
const STAMPED: u8 = 1 << 3;
const WIDE: u8 = 1 << 4;
const LONG_KEY: u8 = 1 << 5;
const INT_LEN_SHIFT: u32 = 6;

const STAMP_BYTES: usize = 8;
/// Bytes of the number of a long key or value.
pub(super) const LONG_BYTES: usize = 4;
/// Keys and values that are longer are long ones.
pub(super) const KEY_BYTES_MAX: usize = 512;
pub(super) const VALUE_BYTES_MAX: usize = 448;
const HEADER_BYTES_MAX: usize = 1 + 2 + 2 + STAMP_BYTES;
/// Every element shares a chunk with others, so that handles do not run out.
const _: () = assert!(HEADER_BYTES_MAX + KEY_BYTES_MAX + VALUE_BYTES_MAX <= 1024);

/// What the value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    None = 1,
    Int = 2,
    Bytes = 3,
    Long = 4,
}

/// See the module. Lengths are those in the slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Form {
    pub(super) kind: Kind,
    pub(super) stamped: bool,
    pub(super) long_key: bool,
    pub(super) key_len: usize,
    pub(super) value_len: usize,
}

impl Form {
    #[inline]
    fn is_wide(self) -> bool {
        self.key_len > 0xFF || self.value_len > 0xFF
    }

    #[inline]
    fn stamp_at(self) -> usize {
        let lengths = 1 + usize::from(self.kind == Kind::Bytes);
        1 + (lengths << usize::from(self.is_wide()))
    }

    #[inline]
    pub(super) fn key_at(self) -> usize {
        self.stamp_at() + if self.stamped { STAMP_BYTES } else { 0 }
    }

    #[inline]
    pub(super) fn value_at(self) -> usize {
        self.key_at() + self.key_len
    }

    /// The element's length.
    #[inline]
    pub(super) fn len(self) -> usize {
        self.value_at() + self.value_len
    }

    /// The form of the element in this slot.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub(super) fn read(slot: &[u8]) -> Form {
        let tag = slot[0];
        let kind = match tag & KIND {
            1 => Kind::None,
            2 => Kind::Int,
            3 => Kind::Bytes,
            4 => Kind::Long,
            _ => panic!("a handle whose element has been freed"),
        };
        let length = |index: usize| match tag & WIDE {
            0 => slot[1 + index] as usize,
            _ => u16::from_le_bytes(array(slot, 1 + 2 * index)) as usize,
        };
        let value_len = match kind {
            Kind::None => 0,
            Kind::Int => 1 << (tag >> INT_LEN_SHIFT),
            Kind::Bytes => length(1),
            Kind::Long => LONG_BYTES,
        };
        Form {
            kind,
            stamped: tag & STAMPED != 0,
            long_key: tag & LONG_KEY != 0,
            key_len: length(0),
            value_len,
        }
    }

    /// Writes the tag and the lengths; what is behind them stays as it is.
    #[inline]
    pub(super) fn write(self, slot: &mut [u8]) {
        let wide = self.is_wide();
        let int_len = match self.kind {
            Kind::Int => self.value_len.trailing_zeros() as u8,
            _ => 0,
        };
        slot[0] = self.kind as u8
            | if self.stamped { STAMPED } else { 0 }
            | if wide { WIDE } else { 0 }
            | if self.long_key { LONG_KEY } else { 0 }
            | int_len << INT_LEN_SHIFT;
        let with_value_len = self.kind == Kind::Bytes;
        if !wide {
            slot[1] = self.key_len as u8;
            if with_value_len {
                slot[2] = self.value_len as u8;
            }
            return;
        }
        slot[1..3].copy_from_slice(&(self.key_len as u16).to_le_bytes());
        if with_value_len {
            slot[3..5].copy_from_slice(&(self.value_len as u16).to_le_bytes());
        }
    }

    #[inline]
    pub(super) fn key(self, slot: &[u8]) -> &[u8] {
        &slot[self.key_at()..self.value_at()]
    }

    #[inline]
    pub(super) fn value(self, slot: &[u8]) -> &[u8] {
        &slot[self.value_at()..self.len()]
    }

    #[inline]
    pub(super) fn value_mut(self, slot: &mut [u8]) -> &mut [u8] {
        &mut slot[self.value_at()..self.len()]
    }

    #[inline]
    pub(super) fn stamp(self, slot: &[u8]) -> Option<u64> {
        self.stamped
            .then(|| u64::from_le_bytes(array(slot, self.stamp_at())))
    }

    #[inline]
    pub(super) fn set_stamp(self, slot: &mut [u8], stamp: u64) {
        debug_assert!(self.stamped);
        let at = self.stamp_at();
        slot[at..at + STAMP_BYTES].copy_from_slice(&stamp.to_le_bytes());
    }
}

/// An element with neither wide lengths nor a long key, as nearly all are: where its parts lie, read with few steps.
#[derive(Clone, Copy)]
pub(super) struct Short<'a> {
    slot: &'a [u8],
    key_at: usize,
}

impl<'a> Short<'a> {
    /// None for an element that is not short. A free slot reads as an element without value.
    #[inline]
    pub(super) fn read(slot: &'a [u8]) -> Option<Short<'a>> {
        let tag = slot[0];
        let lengths = 1 + usize::from(tag & KIND == Kind::Bytes as u8);
        let key_at = 1 + lengths + (tag & STAMPED) as usize;
        (tag & (WIDE | LONG_KEY) == 0).then_some(Short { slot, key_at })
    }

    #[inline]
    pub(super) fn key(self) -> &'a [u8] {
        &self.slot[self.key_at..self.value_at()]
    }

    #[inline]
    pub(super) fn has_key(self, key: &[u8]) -> bool {
        let found = self.slot.get(self.key_at..self.value_at());
        self.slot[1] as usize == key.len() && found.is_some_and(|found| same(found, key))
    }

    #[inline]
    fn value_at(self) -> usize {
        self.key_at + self.slot[1] as usize
    }

    /// The value, if it is not a long one.
    #[inline]
    pub(super) fn value(self) -> Option<Item<'a>> {
        let (tag, at) = (self.slot[0], self.value_at());
        match tag & KIND {
            1 => Some(Item::Bytes(&[])),
            2 => Some(Item::Int(int(
                &self.slot[at..at + (1 << (tag >> INT_LEN_SHIFT))]
            ))),
            3 => Some(Item::Bytes(&self.slot[at..at + self.slot[2] as usize])),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn stamp(self) -> Option<u64> {
        (self.slot[0] & STAMPED != 0)
            .then(|| u64::from_le_bytes(array(self.slot, self.key_at - STAMP_BYTES)))
    }
}

/// The stamp's bit is its length.
const _: () = assert!(STAMPED as usize == STAMP_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_short() {
        let member = Form {
            kind: Kind::None,
            stamped: false,
            long_key: false,
            key_len: 16,
            value_len: 0,
        };
        let field = Form {
            kind: Kind::Bytes,
            value_len: 16,
            ..member
        };
        let scored = Form {
            stamped: true,
            ..member
        };
        assert_eq!([member, field, scored].map(Form::len), [18, 35, 26]);
    }

    #[test]
    fn what_is_written_is_read() {
        for (kind, value_lens) in [
            (Kind::None, &[0][..]),
            (Kind::Int, &[1, 2, 4, 8]),
            (Kind::Bytes, &[0, 1, 255, 256, VALUE_BYTES_MAX]),
            (Kind::Long, &[LONG_BYTES]),
        ] {
            for &value_len in value_lens {
                for key_len in [0, 1, 255, 256, KEY_BYTES_MAX] {
                    for stamped in [false, true] {
                        let form = Form {
                            kind,
                            stamped,
                            long_key: key_len == LONG_BYTES,
                            key_len,
                            value_len,
                        };
                        check(form);
                        check(Form {
                            long_key: true,
                            key_len: LONG_BYTES,
                            ..form
                        });
                    }
                }
            }
        }
    }

    fn check(form: Form) {
        let mut slot = vec![0xAA; form.len()];
        form.write(&mut slot);
        if form.stamped {
            form.set_stamp(&mut slot, u64::MAX - 1);
        }
        slot[form.key_at()..].fill(7);
        form.value_mut(&mut slot).fill(8);
        assert_eq!(Form::read(&slot), form);
        assert_eq!(form.stamp(&slot), form.stamped.then_some(u64::MAX - 1));
        assert_eq!(form.key(&slot), vec![7; form.key_len]);
        assert_eq!(form.value(&slot), vec![8; form.value_len]);
        let short = !form.long_key && !form.is_wide();
        let read = Short::read(&slot);
        assert_eq!(read.is_some(), short);
        if let Some(read) = read {
            assert_eq!(
                (read.key(), read.stamp()),
                (form.key(&slot), form.stamp(&slot))
            );
            let value = form.value(&slot);
            let expected = match form.kind {
                Kind::None | Kind::Bytes => Some(Item::Bytes(value)),
                Kind::Int => Some(Item::Int(int(value))),
                Kind::Long => None,
            };
            assert_eq!(read.value(), expected);
            assert!(read.has_key(&vec![7; form.key_len]));
            assert!(!read.has_key(&vec![7; form.key_len + 1]));
        }
    }
}
