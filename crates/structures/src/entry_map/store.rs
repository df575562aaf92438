//! Store: the search inside a group of buckets, and what keeps it right.
//!
//! ```text
//!   mark  0 ........................................... 4095
//!         |  home 0  |  home 1  |  home 2  |  home 3  |         home = mark * buckets / 4096
//!         +----------+----------+----------+----------+    +----------+
//!         | bucket 0 | bucket 1 | bucket 2 | bucket 3 |    | overflow |
//!         +----------+----------+----------+----------+    +----------+
//!                      full ------> an entry at home in 1 lives here: displaced
//! ```
//!
//! An entry lies in the first bucket from its home on (after the last comes the first) that had room, and in the
//! overflow when none had. The invariant that makes this searchable: **from an entry's home up to the place where
//! it lies all buckets are full.** Removal keeps it by pulling later entries back into the hole. So a search ends
//! at the first bucket with room, and at the home already when its count of displaced entries is zero, which it
//! mostly is.
//!
//! When a group gets or loses a bucket, its entries are placed anew. Their marks are in the buckets, so this reads
//! a few cache lines and no entry.

use super::bucket::{Bucket, Link, Mark};
use super::buckets::Buckets;
use super::handle::Handle;
use super::layout::{GROUP_BUCKETS_MAX, Group};
use super::overflow::Overflow;
use crate::cpu::prefetch;

/// See the module.
#[derive(Default)]
pub(super) struct Store {
    pub(super) buckets: Buckets,
    pub(super) overflow: Overflow,
}

impl Store {
    #[inline]
    fn at(&self, group: Group, position: usize) -> &Bucket {
        &self.buckets[group.bucket(position)]
    }

    fn at_mut(&mut self, group: Group, position: usize) -> &mut Bucket {
        &mut self.buckets[group.bucket(position)]
    }

    /// The entry with this mark that `is_it` accepts.
    #[inline]
    pub(super) fn find(
        &self,
        group: Group,
        mark: Mark,
        mut is_it: impl FnMut(Handle) -> bool,
    ) -> Option<Handle> {
        if group.count == 0 {
            return None;
        }
        let home = group.home(mark);
        let bucket = self.at(group, home);
        if let Some(handle) = bucket.find(mark, &mut is_it) {
            return Some(handle);
        }
        if bucket.displaced() == 0 {
            return None;
        }
        self.find_displaced(group, mark, is_it)
    }

    /// Goes on searching behind the home.
    fn find_displaced(
        &self,
        group: Group,
        mark: Mark,
        mut is_it: impl FnMut(Handle) -> bool,
    ) -> Option<Handle> {
        for position in group.after(group.home(mark)) {
            let bucket = self.at(group, position);
            if let Some(handle) = bucket.find(mark, &mut is_it) {
                return Some(handle);
            }
            if !bucket.is_full() {
                return None;
            }
        }
        let mut links = self.overflow.of(group.number);
        links
            .find(|link| link.mark == mark && is_it(link.handle))
            .map(|link| link.handle)
    }

    /// Asks for what says where that cache line is, as a hint.
    #[inline]
    pub(super) fn prefetch_place(&self, group: Group, mark: Mark) {
        if group.count > 0 {
            self.buckets.prefetch_place(group.bucket(group.home(mark)));
        }
    }

    /// Asks for the cache line where the search for this mark begins.
    #[inline]
    pub(super) fn prefetch(&self, group: Group, mark: Mark) {
        if group.count > 0 {
            prefetch(self.at(group, group.home(mark)));
        }
    }

    /// Adds an entry. The group must have a bucket.
    pub(super) fn place(&mut self, group: Group, link: Link) {
        let home = group.home(link.mark);
        let bucket = self.at_mut(group, home);
        if !bucket.is_full() {
            return bucket.add(link);
        }
        bucket.add_displaced();
        match group
            .after(home)
            .find(|&position| !self.at(group, position).is_full())
        {
            Some(position) => self.at_mut(group, position).add(link),
            None => self.overflow.add(group.number, link),
        }
    }

    /// Takes an entry out.
    ///
    /// # Panics
    /// When the entry is not here.
    pub(super) fn remove(&mut self, group: Group, mark: Mark, handle: Handle) {
        if let Some((position, slot)) = self.locate(group, mark, handle) {
            let home = group.home(mark);
            if home != position {
                self.at_mut(group, home).sub_displaced();
            }
            let was_full = self.at(group, position).is_full();
            self.at_mut(group, position).clear(slot);
            if was_full {
                self.fill(group, position);
            }
        } else {
            let taken = self
                .overflow
                .take(group.number, |link| link.handle == handle);
            assert!(taken.is_some(), "the entry is linked in this table");
            self.at_mut(group, group.home(mark)).sub_displaced();
        }
    }

    /// Writes a new link over that of an entry which has moved, or got or lost its expiry. The mark is the same.
    ///
    /// # Panics
    /// When the entry is not here.
    pub(super) fn relink(&mut self, group: Group, old: Handle, new: Link) {
        if let Some((position, slot)) = self.locate(group, new.mark, old) {
            self.at_mut(group, position).put(slot, new);
        } else {
            let taken = self.overflow.take(group.number, |link| link.handle == old);
            assert!(taken.is_some(), "the entry is linked in this table");
            self.overflow.add(group.number, new);
        }
    }

    /// The position and slot of an entry that is not in the overflow.
    fn locate(&self, group: Group, mark: Mark, handle: Handle) -> Option<(usize, usize)> {
        let in_bucket =
            |position| Some((position, self.at(group, position).slot_of(mark, handle)?));
        let home = (group.count > 0).then(|| group.home(mark))?;
        in_bucket(home).or_else(|| group.after(home).find_map(in_bucket))
    }

    /// Pulls entries back into the hole in a bucket that was full, and into the holes that this makes.
    fn fill(&mut self, group: Group, hole: usize) {
        let (mut hole, mut at) = (hole, hole);
        loop {
            at = if at + 1 == group.count { 0 } else { at + 1 };
            if at == hole {
                // All others are full, so the overflow may have entries, and each of them fits here.
                if let Some(link) = self.overflow.take(group.number, |_| true) {
                    self.move_to(group, hole, link);
                }
                return;
            }
            let pulled = self.at(group, at).links().find(|(_, link)| {
                let home = group.home(link.mark);
                group.distance(home, hole) < group.distance(home, at)
            });
            let was_full = self.at(group, at).is_full();
            if let Some((slot, link)) = pulled {
                self.at_mut(group, at).clear(slot);
                self.move_to(group, hole, link);
                hole = at;
            }
            if !was_full {
                return;
            }
        }
    }

    /// Adds a displaced entry to a bucket that is nearer to its home.
    fn move_to(&mut self, group: Group, position: usize, link: Link) {
        if group.home(link.mark) == position {
            self.at_mut(group, position).sub_displaced();
        }
        self.at_mut(group, position).add(link);
    }

    /// How many entries a group has.
    pub(super) fn len(&self, group: Group) -> usize {
        let inside: usize = (0..group.count)
            .map(|position| self.at(group, position).len())
            .sum();
        inside + self.overflow.of(group.number).count()
    }

    /// The entries of a group.
    pub(super) fn links(&self, group: Group) -> impl Iterator<Item = Link> {
        let inside = (0..group.count).flat_map(move |position| self.at(group, position).links());
        inside
            .map(|(_, link)| link)
            .chain(self.overflow.of(group.number))
    }

    /// Empties a group; adds what was in it to `links`.
    pub(super) fn drain(&mut self, group: Group, links: &mut Vec<Link>) {
        for position in 0..group.count {
            self.at_mut(group, position).drain(links);
        }
        if self.overflow.len() > 0 {
            self.overflow.drain(group.number, links);
        }
    }

    /// Fills a group that is empty. What is in `links` is arbitrary afterwards.
    pub(super) fn fill_group(&mut self, group: Group, links: &mut [Link]) {
        let mut buckets: [Bucket; GROUP_BUCKETS_MAX] = Default::default();
        let buckets = &mut buckets[..group.count];
        let mut displaced = 0;
        for index in 0..links.len() {
            let link = links[index];
            let home = &mut buckets[group.home(link.mark)];
            if home.is_full() {
                links[displaced] = link;
                displaced += 1;
            } else {
                home.add(link);
            }
        }
        for &link in &links[..displaced] {
            let home = group.home(link.mark);
            buckets[home].add_displaced();
            let with_room = group
                .after(home)
                .find(|&position| !buckets[position].is_full());
            match with_room {
                Some(position) => buckets[position].add(link),
                None => self.overflow.add(group.number, link),
            }
        }
        for (position, bucket) in buckets.iter_mut().enumerate() {
            *self.at_mut(group, position) = std::mem::take(bucket);
        }
    }

    /// Shows the entries of a group that are at home where `from` is and have no smaller mark; returns the first
    /// mark that was not covered. With `expiring`, entries without an expiry are left out.
    pub(super) fn scan_home(
        &self,
        group: Group,
        from: usize,
        expiring: bool,
        visit: &mut impl FnMut(Handle),
    ) -> usize {
        let home = group.home(Mark::at(from));
        let end = group.marks_end(home);
        let mut show = |link: Link| {
            if (from..end).contains(&link.mark.index()) && (link.expiring || !expiring) {
                visit(link.handle);
            }
        };
        let mut show_bucket = |bucket: &Bucket| match expiring {
            true => bucket.expiring_links().for_each(|(_, link)| show(link)),
            false => bucket.links().for_each(|(_, link)| show(link)),
        };
        show_bucket(self.at(group, home));
        if self.at(group, home).displaced() == 0 {
            return end;
        }
        for position in group.after(home) {
            show_bucket(self.at(group, position));
            if !self.at(group, position).is_full() {
                return end;
            }
        }
        self.overflow.of(group.number).for_each(show);
        end
    }

    /// Entries of a group that do not live at home.
    pub(super) fn displaced(&self, group: Group) -> usize {
        let at_home = |position: usize| {
            self.at(group, position)
                .links()
                .filter(|(_, link)| group.home(link.mark) == position)
                .count()
        };
        self.len(group) - (0..group.count).map(at_home).sum::<usize>()
    }
}

#[cfg(test)]
use super::bucket::DISPLACED_MAX;

#[cfg(test)]
impl Store {
    /// The invariants of the module's description.
    pub(super) fn check(&self, group: Group) {
        let mut displaced = vec![0; group.count];
        let mut all_full_from = |home: usize, to: Option<usize>| {
            displaced[home] += 1;
            let others = group
                .after(home)
                .take_while(|&position| Some(position) != to);
            for position in std::iter::once(home).chain(others) {
                assert!(
                    self.at(group, position).is_full(),
                    "{position} between {home} and {to:?} has room"
                );
            }
        };
        for position in 0..group.count {
            for (_, link) in self.at(group, position).links() {
                if group.home(link.mark) != position {
                    all_full_from(group.home(link.mark), Some(position));
                }
            }
        }
        self.overflow
            .of(group.number)
            .for_each(|link| all_full_from(group.home(link.mark), None));
        for (position, &displaced) in displaced.iter().enumerate() {
            let count = self.at(group, position).displaced();
            assert!(
                count == displaced || count == DISPLACED_MAX,
                "bucket {position}: {count}, not {displaced}"
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

    /// Fills a group to overflowing and empties it in another order, with marks from all values down to one.
    #[test]
    fn entries_are_found_until_they_are_removed() {
        for spread in [1 << 12, 100, 3, 1] {
            for (count, total) in [
                (1, 12),
                (1, 20),
                (2, 24),
                (4, 47),
                (4, 49),
                (7, 60),
                (7, 100),
                (5, 400),
            ] {
                let group = Group {
                    number: 0,
                    stride: 1,
                    count,
                };
                let mut store = Store::default();
                (0..count).for_each(|_| store.buckets.push());
                for i in 0..total {
                    store.place(group, link(i, spread));
                    store.check(group);
                }
                assert_eq!(store.overflow.len(), total.saturating_sub(12 * count));
                for i in 0..total {
                    let Link { mark, handle, .. } = link(i * 37 % total, spread);
                    assert_eq!(store.len(group), total - i);
                    assert_eq!(store.find(group, mark, |h| h == handle), Some(handle));
                    store.remove(group, mark, handle);
                    store.check(group);
                    assert_eq!(store.find(group, mark, |h| h == handle), None);
                }
            }
        }
    }
}
