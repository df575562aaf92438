//! Intset: a set of integers as a sorted array in one block of bytes, byte-exact with the reference's.
//!
//! ```text
//!   width    length   integers, sorted, each of `width` bytes
//!  +--------+--------+------------------------- ... -+
//!  | u32 LE | u32 LE | i16, i32 or i64 LE            |
//!  +--------+--------+------------------------- ... -+
//! ```
//!
//! All integers are as wide as the widest that was ever in: 2, 4 or 8 bytes. The width grows when it has to and never
//! shrinks. DUMP, RDB files and RESTORE hold these very bytes.
//!
//! Follows `src/intset.c` of Valkey.

#[cfg(test)]
mod model;

use crate::Corrupt;
use crate::integers::le_int;

const HEADER_LEN: usize = 8;

/// A set of integers as a sorted array; see the module. Two are equal if their blocks are.
#[derive(Clone, PartialEq, Eq)]
pub struct Intset {
    block: Vec<u8>,
}

/// Bytes that an integer needs.
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

impl Intset {
    /// An empty one.
    pub fn new() -> Intset {
        Intset {
            block: vec![2, 0, 0, 0, 0, 0, 0, 0],
        }
    }

    /// Takes a block from outside, after it has seen that the integers are sorted and none is there twice. Like the
    /// reference it takes integers wider than they need to be, and no empty set.
    pub fn from_bytes(block: Vec<u8>) -> Result<Intset, Corrupt> {
        let corrupt = |what| Err(Corrupt { what });
        let Some((header, integers)) = block.split_first_chunk::<HEADER_LEN>() else {
            return corrupt("an intset without header");
        };
        let [a, b, c, d, e, f, g, h] = *header;
        let (width, len) = (
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
        );
        if !matches!(width, 2 | 4 | 8) {
            return corrupt("an intset of unknown width");
        }
        if len == 0 || u64::from(len) * u64::from(width) != integers.len() as u64 {
            return corrupt("an intset whose length is not what it says");
        }
        let set = Intset { block };
        if !set.iter().is_sorted_by(|a, b| a < b) {
            return corrupt("an intset out of order");
        }
        Ok(set)
    }

    /// The block: what DUMP and RDB files hold.
    pub fn as_bytes(&self) -> &[u8] {
        &self.block
    }

    /// How many integers there are.
    #[inline]
    pub fn len(&self) -> usize {
        let len = self.block[4..HEADER_LEN].iter().rev();
        len.fold(0, |len, &byte| len << 8 | usize::from(byte))
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.block.len() == HEADER_LEN
    }

    /// Bytes of heap that it owns, unused ones included.
    pub fn heap_bytes(&self) -> usize {
        self.block.capacity()
    }

    /// Is `value` in it? Looks at no more than log2 of [`Intset::len`] integers.
    #[inline]
    pub fn contains(&self, value: i64) -> bool {
        width_of(value) <= self.width() && self.search(value).is_ok()
    }

    /// Puts `value` in; false if it was there.
    pub fn insert(&mut self, value: i64) -> bool {
        let width = width_of(value);
        if width > self.width() {
            self.widen(width);
        }
        let Err(index) = self.search(value) else {
            return false;
        };
        let (at, width, end) = (self.offset(index), self.width(), self.block.len());
        if self.block.capacity() < end + width {
            self.block.reserve_exact(width + end / 8);
        }
        self.block.resize(end + width, 0);
        self.block.copy_within(at..end, at + width);
        self.block[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        self.set_len(self.len() + 1);
        true
    }

    /// Takes `value` out; false if it was not there.
    pub fn remove(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            return false;
        }
        let Ok(index) = self.search(value) else {
            return false;
        };
        let (at, width) = (self.offset(index), self.width());
        self.block.copy_within(at + width.., at);
        self.block.truncate(self.block.len() - width);
        self.set_len(self.len() - 1);
        if self.block.capacity() - self.block.len() > 64 + self.block.capacity() / 4 {
            self.block
                .shrink_to(self.block.len() + self.block.len() / 8);
        }
        true
    }

    /// The integer at this index, in ascending order.
    #[inline]
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The smallest.
    pub fn min(&self) -> Option<i64> {
        self.get(0)
    }

    /// The greatest.
    pub fn max(&self) -> Option<i64> {
        self.get(self.len().checked_sub(1)?)
    }

    /// All integers in ascending order, from either end.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone + '_ {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Bytes of each integer.
    #[inline]
    fn width(&self) -> usize {
        usize::from(self.block[0])
    }

    #[inline]
    fn offset(&self, index: usize) -> usize {
        HEADER_LEN + index * self.width()
    }

    #[inline]
    fn at(&self, index: usize) -> i64 {
        let at = self.offset(index);
        match self.width() {
            2 => le_int::<2>(&self.block, at),
            4 => le_int::<4>(&self.block, at),
            _ => le_int::<8>(&self.block, at),
        }
    }

    /// The index of `value`, or else the one where it belongs.
    #[inline]
    fn search(&self, value: i64) -> Result<usize, usize> {
        let integers = &self.block[HEADER_LEN..];
        match self.width() {
            2 => search::<2>(integers, value),
            4 => search::<4>(integers, value),
            _ => search::<8>(integers, value),
        }
    }

    fn set_len(&mut self, len: usize) {
        self.block[4..HEADER_LEN].copy_from_slice(&(len as u32).to_le_bytes());
    }

    /// Makes all integers `width` bytes wide.
    fn widen(&mut self, width: usize) {
        let mut block = Vec::with_capacity(HEADER_LEN + (self.len() + 1) * width);
        block.extend_from_slice(&[width as u8, 0, 0, 0]);
        block.extend_from_slice(&self.block[4..HEADER_LEN]);
        for value in self.iter() {
            block.extend_from_slice(&value.to_le_bytes()[..width]);
        }
        self.block = block;
    }
}

/// Where `value` is among sorted integers of `LEN` bytes, or belongs.
#[inline]
fn search<const LEN: usize>(integers: &[u8], value: i64) -> Result<usize, usize> {
    let (integers, _) = integers.as_chunks::<LEN>();
    // Appending in order is common enough to look there first.
    if integers
        .last()
        .is_none_or(|last| le_int::<LEN>(last, 0) < value)
    {
        return Err(integers.len());
    }
    integers.binary_search_by(|integer| le_int::<LEN>(integer, 0).cmp(&value))
}

impl Default for Intset {
    fn default() -> Self {
        Intset::new()
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
