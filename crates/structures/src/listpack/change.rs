//! Changing a listpack. All of it comes down to one [`splice`](Listpack::splice) and a count.
//!
//! Whoever adds has asked [`Listpack::would_fit`].

use super::encoding::{Encoded, step};
use super::{At, EMPTY_LEN, END, HEADER_LEN, Item, Listpack};

impl Listpack {
    /// Adds an item behind the last.
    #[inline]
    pub fn push_back(&mut self, item: Item<'_>) {
        self.put(self.byte_len() - 1, 0, item);
        self.count(1, 0);
    }

    /// Adds an item before the first.
    #[inline]
    pub fn push_front(&mut self, item: Item<'_>) {
        self.put(HEADER_LEN, 0, item);
        self.count(1, 0);
    }

    /// Adds an item before the one at `at`; returns the new one's place.
    pub fn insert_before(&mut self, at: At, item: Item<'_>) -> At {
        self.put(at.offset(), 0, item);
        self.count(1, 0);
        at
    }

    /// Adds an item behind the one at `at`; returns the new one's place.
    pub fn insert_after(&mut self, at: At, item: Item<'_>) -> At {
        let at = at.offset() + step(self.as_bytes(), at.offset());
        self.insert_before(At::new(at), item)
    }

    /// Puts an item in the place of the one at `at`; returns its place.
    pub fn replace(&mut self, at: At, item: Item<'_>) -> At {
        let replaced = step(self.as_bytes(), at.offset());
        self.put(at.offset(), replaced, item);
        self.trim();
        at
    }

    /// Removes the item at `at`; returns the place of the one behind it.
    pub fn remove(&mut self, at: At) -> Option<At> {
        self.remove_many(at, 1)
    }

    /// Removes the item at `at` and those behind it, `count` in all or up to the end; returns the place of the one
    /// behind them.
    pub fn remove_many(&mut self, at: At, count: usize) -> Option<At> {
        let (block, at) = (self.as_bytes(), at.offset());
        let (mut end, mut removed) = (at, 0);
        while removed < count && end < block.len() - 1 {
            end += step(block, end);
            removed += 1;
        }
        self.splice(at, end - at, 0);
        self.count(0, removed);
        self.trim();
        self.item_at(at)
    }

    /// Removes the first item.
    #[inline]
    pub fn pop_front(&mut self) {
        if let Some(at) = self.first() {
            self.remove_one(at);
            self.trim();
        }
    }

    /// Removes the last item.
    #[inline]
    pub fn pop_back(&mut self) {
        if let Some(at) = self.last() {
            self.remove_one(at);
            self.trim();
        }
    }

    /// Removes the item at `at` and all behind it.
    pub fn truncate(&mut self, at: At) {
        self.remove_many(at, usize::MAX);
    }

    /// Removes all items.
    pub fn clear(&mut self) {
        *self = Listpack::new();
    }

    /// Adds all items of `other` behind the last.
    pub fn append(&mut self, other: &Listpack) {
        let (at, added) = (self.byte_len() - 1, other.byte_len() - EMPTY_LEN);
        let len = self.len() + other.len();
        self.splice(at, 0, added);
        self.block_mut()[at..at + added]
            .copy_from_slice(&other.as_bytes()[HEADER_LEN..HEADER_LEN + added]);
        self.set_count(len);
    }

    /// Cuts it in two: keeps what is before `at`, returns the item at `at` and all behind it.
    pub fn split_off(&mut self, at: At) -> Listpack {
        let (len, at) = (self.len(), at.offset());
        let tail = &self.as_bytes()[at..];
        let total = HEADER_LEN + tail.len();
        let mut block = vec![0; total].into_boxed_slice();
        block[..4].copy_from_slice(&(total as u32).to_le_bytes());
        block[HEADER_LEN..].copy_from_slice(tail);
        let mut split = Listpack::from_trusted(block);
        // Unknown, so that it is counted.
        split.set_count(usize::MAX);
        let split_len = split.len();
        split.set_count(split_len);

        self.splice(at, self.byte_len() - 1 - at, 0);
        self.set_count(len - split_len);
        self.trim();
        split
    }

    /// Removes the item at `at` and leaves the buffer as long as it is.
    #[inline]
    pub(crate) fn remove_one(&mut self, at: At) {
        let at = at.offset();
        self.splice(at, step(self.as_bytes(), at), 0);
        self.count(0, 1);
    }

    /// Writes an item in the place of the `replaced` bytes at `at`.
    #[inline]
    fn put(&mut self, at: usize, replaced: usize, item: Item<'_>) {
        let encoded = Encoded::of(item);
        self.splice(at, replaced, encoded.len());
        encoded.write(&mut self.block_mut()[at..]);
        debug_assert_eq!(self.as_bytes().last(), Some(&END));
    }
}
