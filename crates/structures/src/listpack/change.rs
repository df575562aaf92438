//! Changing a listpack. All of it comes down to one [`splice`](Listpack::splice) and a count.
//!
//! Whoever adds has asked [`Listpack::would_fit`].

use super::encoding::{Encoded, Short, overwrite_int, step};
use super::{At, EMPTY_LEN, END, HEADER_LEN, Item, Listpack};

impl Listpack {
    /// Adds an item behind the last.
    #[inline]
    pub fn push_back(&mut self, item: Item<'_>) {
        match Short::of(item) {
            Some(short) => short.write(self.open_back(short.len())),
            None => self.push_back_other(item),
        }
    }

    fn push_back_other(&mut self, item: Item<'_>) {
        let encoded = Encoded::of(item);
        encoded.write(self.open_back(encoded.len()));
    }

    /// Adds an item before the first.
    #[inline]
    pub fn push_front(&mut self, item: Item<'_>) {
        match Short::of(item) {
            Some(short) => short.write(self.open_front(short.len())),
            None => self.push_front_other(item),
        }
    }

    fn push_front_other(&mut self, item: Item<'_>) {
        let encoded = Encoded::of(item);
        encoded.write(self.open_front(encoded.len()));
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

    /// Adds two items before the one at `at`, or behind the last: what is moved for them is moved once.
    pub fn insert_two(&mut self, at: Option<At>, first: Item<'_>, second: Item<'_>) {
        let at = at.map_or(self.byte_len() - 1, At::offset);
        let second = Encoded::of(second);
        match Short::of(first) {
            Some(first) => {
                let place = self.open(at, 0, first.len() + second.len());
                let (place, rest) = place.split_at_mut(first.len());
                first.write(place);
                second.write(rest);
            }
            None => {
                let first = Encoded::of(first);
                let place = self.open(at, 0, first.len() + second.len());
                let (place, rest) = place.split_at_mut(first.len());
                first.write(place);
                second.write(rest);
            }
        }
        self.count(2, 0);
    }

    /// Puts an item in the place of the one at `at`; returns its place.
    pub fn replace(&mut self, at: At, item: Item<'_>) -> At {
        let replaced = step(self.as_bytes(), at.offset());
        self.put(at.offset(), replaced, item);
        self.trim();
        at
    }

    /// Puts an integer in the place of the integer at `at`, if both have the same length, so that nothing is moved. False, and
    /// nothing is changed, if not, or if there is none.
    #[inline]
    pub fn replace_int(&mut self, at: At, int: i64) -> bool {
        overwrite_int(self.block_mut(), at.offset(), int)
    }

    /// Removes the item at `at`; returns the place of the one behind it.
    pub fn remove(&mut self, at: At) -> Option<At> {
        self.remove_many(at, 1)
    }

    /// Removes the item at `at` and those behind it, `count` in all or up to the end; returns the place of the one
    /// behind them.
    pub fn remove_many(&mut self, at: At, count: usize) -> Option<At> {
        let (end, removed) = self.end_of(at, count);
        self.cut(at.offset(), end, removed);
        self.item_at(at.offset())
    }

    /// Takes out the item at `at` and those behind it, `count` in all or up to the end.
    pub fn take_many(&mut self, at: At, count: usize) -> Listpack {
        let (end, removed) = self.end_of(at, count);
        let items = &self.as_bytes()[at.offset()..end];
        let total = EMPTY_LEN + items.len();
        let mut block = Vec::with_capacity(total);
        block.extend_from_slice(&(total as u32).to_le_bytes());
        block.extend_from_slice(&[0, 0]);
        block.extend_from_slice(items);
        block.push(END);
        let mut taken = Listpack::from_trusted(block.into_boxed_slice());
        taken.set_count(removed);
        self.cut(at.offset(), end, removed);
        taken
    }

    /// Where the last of `count` items from `at` on ends, and how many there are in fact.
    pub(super) fn end_of(&self, at: At, count: usize) -> (usize, usize) {
        let block = self.as_bytes();
        let (mut end, mut found) = (at.offset(), 0);
        while found < count && end < block.len() - 1 {
            end += step(block, end);
            found += 1;
        }
        (end, found)
    }

    /// Removes the bytes of these `removed` items.
    fn cut(&mut self, at: usize, end: usize, removed: usize) {
        self.splice(at, end - at, 0);
        self.count(0, removed);
        self.trim();
    }

    /// Removes the first item.
    #[inline]
    pub fn pop_front(&mut self) {
        if let Some(at) = self.first() {
            self.drop_first(at);
            self.trim();
        }
    }

    /// Removes the last item.
    #[inline]
    pub fn pop_back(&mut self) {
        if let Some(at) = self.last() {
            self.drop_last(at);
            self.trim();
        }
    }

    /// Removes the first item, which is at `at`, and leaves the buffer as long as it is.
    #[inline]
    pub(crate) fn drop_first(&mut self, at: At) {
        self.close_front(step(self.as_bytes(), at.offset()));
    }

    /// Removes the last item, which is at `at`, and leaves the buffer as long as it is.
    #[inline]
    pub(crate) fn drop_last(&mut self, at: At) {
        self.close_back(self.byte_len() - 1 - at.offset());
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
        self.take_many(at, usize::MAX)
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
        match Short::of(item) {
            Some(short) => short.write(self.open(at, replaced, short.len())),
            None => {
                let encoded = Encoded::of(item);
                encoded.write(self.open(at, replaced, encoded.len()));
            }
        }
    }

    #[inline]
    fn open(&mut self, at: usize, replaced: usize, len: usize) -> &mut [u8] {
        self.splice(at, replaced, len);
        &mut self.block_mut()[at..at + len]
    }
}
