//! Group: a small hash table of a few buckets, the unit in which a table grows.
//!
//! ```text
//!   mark  0 ........................................... 4095
//!         |  home 0  |  home 1  |  home 2  |  home 3  |         home = mark * buckets / 4096
//!         +----------+----------+----------+----------+
//!         | bucket 0 | bucket 1 | bucket 2 | bucket 3 |
//!         +----------+----------+----------+----------+
//!                      full ------> an entry at home in 1 lives here: displaced
//! ```
//!
//! An entry lies in the first bucket from its home on (after the last comes the first) that had room. The
//! invariant that makes this searchable: **between an entry's home and its bucket all buckets are full.** Removal
//! keeps it by pulling later entries back into the hole. So a search ends at the first bucket with room, and at
//! the home already when its count of displaced entries is zero, which it mostly is.
//!
//! A group takes as many buckets as its entries need at a load of about 11/12, and is rebuilt with one more (or
//! one fewer) when that changes. Marks are in the buckets, so a rebuild reads a few cache lines and no entry.
//! This evens out the weakness of linear hashing, that groups not yet split hold twice as much as the others.

use super::bucket::{Bucket, Link, MARKS, Mark, SLOTS};
use super::handle::Handle;
use crate::cpu::prefetch;

/// See the module.
#[derive(Default)]
pub(super) struct Group {
    buckets: Box<[Bucket]>,
    len: u32,
}

/// Entries that so many buckets may hold. Below all slots, so that a search ends; one bucket may be full.
fn capacity(buckets: usize) -> usize {
    match buckets {
        0 => 0,
        n => n * (SLOTS - 1) + 1,
    }
}

/// The number of buckets for so many entries. Above eight it is even, as allocators have no sizes between.
fn buckets_for(len: usize) -> usize {
    let buckets = len
        .saturating_sub(1)
        .div_ceil(SLOTS - 1)
        .max(usize::from(len > 0));
    if buckets > 8 {
        buckets.next_multiple_of(2)
    } else {
        buckets
    }
}

fn home_of(mark: Mark, buckets: usize) -> usize {
    mark.index() * buckets / MARKS
}

/// The first mark that is at home behind bucket `home`.
fn marks_end(home: usize, buckets: usize) -> usize {
    ((home + 1) * MARKS).div_ceil(buckets)
}

impl Group {
    /// An empty group with room for `len` entries.
    pub(super) fn with_room_for(len: usize) -> Group {
        Group {
            buckets: vec![Bucket::default(); buckets_for(len)].into_boxed_slice(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The entry with this mark that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, mark: Mark, mut is_it: impl FnMut(Handle) -> bool) -> Option<Handle> {
        let home = home_of(mark, self.buckets.len());
        let bucket = self.buckets.get(home)?;
        if let Some(handle) = bucket.find(mark, &mut is_it) {
            return Some(handle);
        }
        if bucket.displaced() == 0 {
            return None;
        }
        for index in self.after(home) {
            let bucket = &self.buckets[index];
            if let Some(handle) = bucket.find(mark, &mut is_it) {
                return Some(handle);
            }
            if !bucket.is_full() {
                break;
            }
        }
        None
    }

    /// Asks for the cache line where the search for this mark begins.
    #[inline]
    pub(super) fn prefetch(&self, mark: Mark) {
        if let Some(bucket) = self.buckets.get(home_of(mark, self.buckets.len())) {
            prefetch(bucket);
        }
    }

    /// Adds an entry; returns by how many buckets the group has grown.
    pub(super) fn insert(&mut self, link: Link) -> usize {
        let mut grown = 0;
        if self.len() == capacity(self.buckets.len()) {
            grown = buckets_for(self.len() + 1) - self.buckets.len();
            self.rebuild(self.len() + 1);
        }
        self.place(link);
        grown
    }

    /// Adds an entry to a group that has room.
    pub(super) fn place(&mut self, link: Link) {
        let home = home_of(link.mark, self.buckets.len());
        self.len += 1;
        if !self.buckets[home].is_full() {
            return self.buckets[home].add(link);
        }
        self.buckets[home].add_displaced();
        let index = self
            .after(home)
            .find(|&index| !self.buckets[index].is_full());
        self.buckets[index.expect("a group keeps a slot free")].add(link);
    }

    /// Takes an entry out; returns by how many buckets the group has shrunk.
    ///
    /// # Panics
    /// When the entry is not here.
    pub(super) fn remove(&mut self, mark: Mark, handle: Handle) -> usize {
        let (index, slot) = self.locate(mark, handle);
        self.take(index, slot);
        self.len -= 1;
        let before = self.buckets.len();
        // A bucket more than needed stays, so that no sequence of insert and remove rebuilds each time.
        let wanted = buckets_for(self.len() + SLOTS);
        if wanted < before && before > 1 {
            self.rebuild(self.len() + SLOTS / 2);
        }
        before - self.buckets.len()
    }

    /// Writes a new link over that of an entry which has moved, or got or lost its expiry. The mark is the same.
    ///
    /// # Panics
    /// When the entry is not here.
    pub(super) fn relink(&mut self, old: Handle, new: Link) {
        let (index, slot) = self.locate(new.mark, old);
        self.buckets[index].put(slot, new);
    }

    /// All entries.
    pub(super) fn links(&self) -> impl Iterator<Item = Link> {
        self.buckets
            .iter()
            .flat_map(|bucket| bucket.links().map(|(_, link)| link))
    }

    /// Shows the entries that are at home where `from` is and have no smaller mark; returns the first mark that
    /// was not covered, `MARKS` at the end. With `expiring`, entries without an expiry are left out.
    pub(super) fn scan_home(
        &self,
        from: usize,
        expiring: bool,
        visit: &mut impl FnMut(Handle),
    ) -> usize {
        let count = self.buckets.len();
        if count == 0 {
            return MARKS;
        }
        let home = from * count / MARKS;
        let end = marks_end(home, count);
        let mut show = |bucket: &Bucket| {
            let mut visit_inside = |(_, link): (usize, Link)| {
                if (from..end).contains(&link.mark.index()) {
                    visit(link.handle);
                }
            };
            match expiring {
                true => bucket.expiring_links().for_each(&mut visit_inside),
                false => bucket.links().for_each(&mut visit_inside),
            }
        };
        show(&self.buckets[home]);
        if self.buckets[home].displaced() > 0 {
            for index in self.after(home) {
                show(&self.buckets[index]);
                if !self.buckets[index].is_full() {
                    break;
                }
            }
        }
        end
    }

    /// Where an entry lies.
    fn locate(&self, mark: Mark, handle: Handle) -> (usize, usize) {
        let home = home_of(mark, self.buckets.len());
        let in_bucket = |index: usize| Some((index, self.buckets[index].slot_of(mark, handle)?));
        let place = in_bucket(home).or_else(|| self.after(home).find_map(in_bucket));
        place.expect("the handle and hash of an entry that is in this table")
    }

    /// The other buckets in the order of search.
    fn after(&self, home: usize) -> impl Iterator<Item = usize> + use<> {
        (home + 1..self.buckets.len()).chain(0..home)
    }

    /// How many buckets after `from` the bucket `to` is searched.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from {
            to - from
        } else {
            to + self.buckets.len() - from
        }
    }

    /// Empties a slot, and pulls entries back so that the invariant holds.
    fn take(&mut self, index: usize, slot: usize) {
        let count = self.buckets.len();
        let mut was_full = self.buckets[index].is_full();
        if let Some(link) = self.buckets[index].link(slot)
            && home_of(link.mark, count) != index
        {
            self.buckets[home_of(link.mark, count)].sub_displaced();
        }
        self.buckets[index].clear(slot);
        let (mut hole, mut at) = (index, index);
        while was_full && count > 1 {
            at = if at + 1 == count { 0 } else { at + 1 };
            let pulled = self.buckets[at].links().find(|(_, link)| {
                let home = home_of(link.mark, count);
                self.distance(home, hole) < self.distance(home, at)
            });
            was_full = self.buckets[at].is_full();
            if let Some((slot, link)) = pulled {
                if home_of(link.mark, count) == hole {
                    self.buckets[hole].sub_displaced();
                }
                self.buckets[hole].add(link);
                self.buckets[at].clear(slot);
                hole = at;
            }
        }
    }

    /// Places all entries anew into as many buckets as `len` entries need.
    fn rebuild(&mut self, len: usize) {
        let old = std::mem::replace(self, Group::with_room_for(len));
        old.links().for_each(|link| self.place(link));
    }

    /// Entries that do not live at home.
    pub(super) fn displaced(&self) -> usize {
        let count = self.buckets.len();
        let away = |(index, bucket): (usize, &Bucket)| {
            bucket
                .links()
                .filter(|(_, link)| home_of(link.mark, count) != index)
                .count()
        };
        self.buckets.iter().enumerate().map(away).sum()
    }
}

#[cfg(test)]
impl Group {
    /// The invariants of the module's description.
    pub(super) fn check(&self) {
        let count = self.buckets.len();
        assert_eq!(self.links().count(), self.len());
        assert!(self.len() <= capacity(count));
        let mut displaced = vec![0; count];
        for (index, bucket) in self.buckets.iter().enumerate() {
            for (_, link) in bucket.links() {
                let home = home_of(link.mark, count);
                displaced[home] += u32::from(home != index);
                let mut between = home;
                while between != index {
                    assert!(
                        self.buckets[between].is_full(),
                        "bucket {between} between {home} and {index} has room"
                    );
                    between = (between + 1) % count;
                }
            }
        }
        for (index, bucket) in self.buckets.iter().enumerate() {
            let count = bucket.displaced();
            assert!(
                count == displaced[index] || count == 255,
                "bucket {index}: {count}, not {}",
                displaced[index]
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(i: usize, spread: u64) -> Link {
        let hash = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) % spread;
        Link {
            mark: Mark::of(hash << 32),
            handle: Handle::new(i, 0),
            expiring: false,
        }
    }

    /// Fills a group and empties it in another order, with marks from all values down to a single one.
    #[test]
    fn entries_are_found_until_they_are_removed() {
        for spread in [1 << 12, 100, 3, 1] {
            for total in [1, 12, 13, 24, 60, 100, 400] {
                let mut group = Group::default();
                for i in 0..total {
                    group.insert(link(i, spread));
                    group.check();
                }
                for i in 0..total {
                    let i = i * 37 % total;
                    let Link { mark, handle, .. } = link(i, spread);
                    assert_eq!(
                        group.find(mark, |h| h == handle).is_some(),
                        group.links().any(|l| l.handle == handle)
                    );
                    if group.links().any(|l| l.handle == handle) {
                        group.remove(mark, handle);
                        group.check();
                        assert_eq!(group.find(mark, |h| h == handle), None);
                    }
                }
            }
        }
    }

    #[test]
    fn homes_cover_all_marks() {
        for count in 1..20 {
            let mut from = 0;
            for home in 0..count {
                let end = marks_end(home, count);
                assert!(end > from);
                assert_eq!(
                    (from * count / MARKS, (end - 1) * count / MARKS),
                    (home, home)
                );
                from = end;
            }
            assert_eq!(from, MARKS);
        }
    }

    #[test]
    fn bucket_counts_fit_their_capacity() {
        for len in 0..500 {
            assert!(capacity(buckets_for(len)) >= len);
            assert!(buckets_for(len) <= buckets_for(len + 1));
        }
        assert_eq!(
            (buckets_for(1), buckets_for(12), buckets_for(13)),
            (1, 1, 2)
        );
    }
}
