//! Bucket: one cache line with the addresses of up to twelve entries.
//!
//! ```text
//!  0          12     16                                           64
//! +------------+------+--------------------------------------------+
//! | prints[12] | meta |                 words[12]                  |
//! +------------+------+--------------------------------------------+
//!
//!  meta   31  28 27     24 23        12 11         0
//!        +------+---------+------------+------------+    displaced: entries at home here that live in later buckets
//!        |   0  |displaced|  expiring  |    used    |    expiring, used: a bit for each slot
//!        +------+---------+------------+------------+    bits 28-31 wait for the epochs of snapshots
//!
//!  word   31      28 27                        0     print: the mark's low 8 bits
//!        +----------+---------------------------+
//!        | mark 8-11|          handle           |
//!        +----------+---------------------------+
//! ```
//!
//! The *mark* is twelve bits of an entry's hash, and all of it is kept: its high bits say at which bucket of its
//! group the entry is at home (`store.rs`), its low bits tell it from the others in this bucket. So entries can
//! be placed anew when a group grows or shrinks without a look at their keys.

use super::handle::{HANDLE_BITS, Handle};
use crate::cpu::equal_bytes;

/// Entries of a bucket.
pub(super) const SLOTS: usize = 12;
const ALL: u32 = (1 << SLOTS) - 1;
const EXPIRING_SHIFT: u32 = SLOTS as u32;
const DISPLACED_SHIFT: u32 = 2 * SLOTS as u32;
const DISPLACED_BITS: u32 = 4;
/// A count that has got here stays, as a lower bound, until the bucket is emptied.
pub(super) const DISPLACED_MAX: u32 = (1 << DISPLACED_BITS) - 1;

/// Marks are below this.
pub(super) const MARKS: usize = 1 << 12;

/// Twelve bits of an entry's hash. See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark(u16);

impl Mark {
    /// Bits 32 to 43: above those that choose the group, below those that choose the stripe.
    #[inline]
    pub(super) fn of(hash: u64) -> Mark {
        Mark((hash >> 32) as u16 & (MARKS - 1) as u16)
    }

    /// The mark of this number, below `MARKS`.
    pub(super) fn at(index: usize) -> Mark {
        debug_assert!(index < MARKS);
        Mark(index as u16)
    }

    #[inline]
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    #[inline]
    fn print(self) -> u8 {
        self.0 as u8
    }

    #[inline]
    fn word(self, handle: Handle) -> u32 {
        u32::from(self.0 >> 8) << HANDLE_BITS | handle.bits()
    }

    #[inline]
    fn fits(self, word: u32) -> bool {
        word >> HANDLE_BITS == u32::from(self.0 >> 8)
    }
}

/// A full slot's content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) mark: Mark,
    pub(super) handle: Handle,
    /// The entry has an expiry time.
    pub(super) expiring: bool,
}

/// See the module.
#[derive(Clone, Default)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    prints: [u8; SLOTS],
    meta: u32,
    words: [u32; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    #[inline]
    fn used(&self) -> u32 {
        self.meta & ALL
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.used() == ALL
    }

    pub(super) fn len(&self) -> usize {
        self.used().count_ones() as usize
    }

    /// Entries at home here that live in a later bucket; `DISPLACED_MAX` stands for that and more.
    #[inline]
    pub(super) fn displaced(&self) -> u32 {
        self.meta >> DISPLACED_SHIFT & DISPLACED_MAX
    }

    pub(super) fn add_displaced(&mut self) {
        if self.displaced() < DISPLACED_MAX {
            self.meta += 1 << DISPLACED_SHIFT;
        }
    }

    /// Counts one back, unless the count has stuck at its maximum.
    pub(super) fn sub_displaced(&mut self) {
        debug_assert!(self.displaced() > 0);
        if self.displaced() < DISPLACED_MAX {
            self.meta -= 1 << DISPLACED_SHIFT;
        }
    }

    /// The entry with this mark that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, mark: Mark, mut is_it: impl FnMut(Handle) -> bool) -> Option<Handle> {
        let mut matches = self.matches(mark.print());
        while matches != 0 {
            let word = self.words[matches.trailing_zeros() as usize & 15];
            if mark.fits(word)
                && let Some(handle) = Handle::from_low_bits(word)
                && is_it(handle)
            {
                return Some(handle);
            }
            matches &= matches - 1;
        }
        None
    }

    /// The slot that holds this handle.
    pub(super) fn slot_of(&self, mark: Mark, handle: Handle) -> Option<usize> {
        let word = mark.word(handle);
        slots(self.used()).find(|&slot| self.words[slot] == word)
    }

    /// The content of a slot, if it is full.
    #[inline]
    pub(super) fn link(&self, slot: usize) -> Option<Link> {
        let handle = Handle::from_low_bits(self.words[slot])?;
        let mark = (self.words[slot] >> HANDLE_BITS << 8) as u16 | u16::from(self.prints[slot]);
        Some(Link {
            mark: Mark(mark),
            handle,
            expiring: self.meta >> EXPIRING_SHIFT & 1 << slot != 0,
        })
    }

    /// The contents of all full slots, with the slot's number.
    pub(super) fn links(&self) -> impl Iterator<Item = (usize, Link)> {
        slots(self.used()).filter_map(|slot| Some((slot, self.link(slot)?)))
    }

    /// Empties the bucket; adds what was in it to `links`.
    #[inline]
    pub(super) fn drain(&mut self, links: &mut Vec<Link>) {
        links.reserve(SLOTS);
        for slot in 0..SLOTS {
            if let Some(link) = self.link(slot) {
                links.push(link);
            }
        }
        *self = Bucket::default();
    }

    /// The contents of the slots whose entries expire.
    pub(super) fn expiring_links(&self) -> impl Iterator<Item = (usize, Link)> {
        slots(self.meta >> EXPIRING_SHIFT & ALL).filter_map(|slot| Some((slot, self.link(slot)?)))
    }

    /// Fills a free slot. The bucket must not be full.
    #[inline]
    pub(super) fn add(&mut self, link: Link) {
        let slot = self.used().trailing_ones() as usize;
        self.put(slot, link);
    }

    /// Overwrites a slot.
    #[inline]
    pub(super) fn put(&mut self, slot: usize, link: Link) {
        self.words[slot] = link.mark.word(link.handle);
        self.prints[slot] = link.mark.print();
        let expiring = u32::from(link.expiring) << EXPIRING_SHIFT;
        let bits = 1 << slot | 1 << EXPIRING_SHIFT << slot;
        self.meta = self.meta & !bits | (1 | expiring) << slot;
    }

    /// Empties a slot.
    pub(super) fn clear(&mut self, slot: usize) {
        self.words[slot] = 0;
        self.meta &= !((1 | 1 << EXPIRING_SHIFT) << slot);
    }

    /// Bit set of the full slots with this print.
    #[inline]
    fn matches(&self, print: u8) -> u32 {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.prints;
        let low = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let high = u64::from(u32::from_le_bytes([i, j, k, l])) | u64::from(self.meta) << 32;
        equal_bytes(low, high, print) & self.used()
    }
}

/// The numbers of the bits that are set.
fn slots(mut set: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let slot = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(slot)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(i: usize) -> Link {
        Link {
            mark: Mark(i as u16 * 273 % 4096),
            handle: Handle::new(i, i),
            expiring: i.is_multiple_of(3),
        }
    }

    #[test]
    fn what_is_put_in_is_found_again() {
        let mut bucket = Bucket::default();
        for i in 0..SLOTS {
            assert!(!bucket.is_full());
            bucket.add(link(i));
        }
        assert!(bucket.is_full());
        for i in 0..SLOTS {
            let Link { mark, handle, .. } = link(i);
            assert_eq!(bucket.slot_of(mark, handle), Some(i));
            assert_eq!(bucket.find(mark, |h| h == handle), Some(handle));
            assert_eq!(
                bucket.link(i).map(|l| (l.mark, l.handle, l.expiring)),
                Some((mark, handle, i % 3 == 0))
            );
        }
        assert_eq!(
            bucket
                .expiring_links()
                .map(|(slot, _)| slot)
                .collect::<Vec<_>>(),
            [0, 3, 6, 9]
        );
        bucket.clear(3);
        assert_eq!(
            (bucket.len(), bucket.slot_of(link(3).mark, link(3).handle)),
            (SLOTS - 1, None)
        );
        assert_eq!(bucket.find(link(3).mark, |_| true), None);
        assert_eq!(bucket.links().count(), 11);
        assert_eq!(bucket.expiring_links().count(), 3);
    }

    #[test]
    fn the_displaced_count_sticks_at_its_maximum() {
        let mut bucket = Bucket::default();
        bucket.add_displaced();
        bucket.sub_displaced();
        assert_eq!(bucket.displaced(), 0);
        (0..300).for_each(|_| bucket.add_displaced());
        (0..300).for_each(|_| bucket.sub_displaced());
        assert_eq!(bucket.displaced(), DISPLACED_MAX);
    }
}
