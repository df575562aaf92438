//! Table: the index of one database in one stripe; linear hashing with partial expansions.
//!
//! ```text
//!  hash   63 ...... 54 53 .. 44 43 ............ 32 31 .. 24 23 ............... 0
//!         | stripe    |  free  |       mark       |  free  |       group        |
//!                                     |                           |
//!                                  which of the group's        which buckets form the
//!                                  buckets: `store.rs`         group: `layout.rs`
//! ```
//!
//! An insert that brings the load over 10 entries for each bucket of 12 adds one bucket, which changes one group;
//! a removal that brings it under 6 takes the last bucket away. So growth is incremental by nature. Entries are
//! placed anew by their marks; only when a group is split in two are the hashes of its entries asked for, whose
//! keys are prefetched.
//!
//! # The scan
//!
//! Groups are visited in the order of their reversed numbers. Read like that, group `g` of `d` bits covers the
//! interval `[reverse(g), reverse(g) + 2^-d)` of all reversed hashes; a split halves the interval, a merge joins
//! two neighbours, so "all in front of the cursor has been visited" stays true whatever happens between calls.
//! A call covers one home bucket, in the order of marks:
//!
//! ```text
//!  cursor   40             17 16      12 11         0
//!          +-----------------+----------+------------+    the group, of so many bits, has been visited
//!          |      group      |   bits   |    mark    |    up to this mark
//!          +-----------------+----------+------------+
//! ```
//!
//! If that group has been split since, both halves have been visited up to the mark. If it has been merged, only
//! a part of what it is now has been; so the whole group is visited again.

use super::bucket::{Link, MARKS, Mark, SLOTS};
use super::handle::Handle;
use super::layout::{BUCKETS_MAX, GROUP_BITS_MAX, Group, Layout, Step};
use super::store::Store;

/// Entries for each bucket, at most and at least.
const LOAD_MAX: usize = 10;
const LOAD_MIN: usize = 6;

const MARK_BITS: u32 = MARKS.trailing_zeros();
const DEPTH_BITS: u32 = 5;
/// Cursors are below 2 to this.
const CURSOR_BITS: u32 = GROUP_BITS_MAX + DEPTH_BITS + MARK_BITS;

const _: () = assert!(GROUP_BITS_MAX < 1 << DEPTH_BITS && CURSOR_BITS < 42);
const _: () = assert!(LOAD_MIN < LOAD_MAX && LOAD_MAX <= SLOTS);

/// What the table needs of the entries it points to.
pub(crate) trait Entries {
    fn prefetch(&self, handle: Handle);
    fn hash(&self, handle: Handle) -> u64;
}

/// Figures of one table, for DEBUG HTSTATS and for tuning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStats {
    /// Entries linked.
    pub entries: usize,
    /// Entries linked that have an expiry time.
    pub expiring: usize,
    /// Groups of buckets.
    pub groups: usize,
    /// Buckets of 64 bytes in all groups.
    pub buckets: usize,
    /// Places for entries in all buckets.
    pub slots: usize,
    /// Entries that do not live in their home bucket, because that was full.
    pub displaced: usize,
    /// Those of them for which their whole group was full.
    pub overflowing: usize,
    /// Entries of the fullest group.
    pub group_entries_max: usize,
    /// Bytes of the table.
    pub memory_bytes: usize,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Table {
    store: Store,
    layout: Layout,
    len: u32,
    expiring: u32,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn expiring(&self) -> usize {
        self.expiring as usize
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.buckets.memory_bytes() + self.store.overflow.memory_bytes()
    }

    /// How many allocations the table consists of, about.
    pub(crate) fn allocations(&self) -> usize {
        self.store.buckets.allocations()
    }

    /// The entry with this hash that `is_it` accepts.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is_it: impl FnMut(Handle) -> bool) -> Option<Handle> {
        self.store
            .find(self.layout.group(hash), Mark::of(hash), is_it)
    }

    /// Asks for what says where that cache line is, as a hint.
    #[inline]
    pub(crate) fn prefetch_place(&self, hash: u64) {
        let group = self.layout.group(hash);
        self.store.prefetch_place(group, Mark::of(hash));
    }

    /// Asks for the cache line where the search for this hash begins.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        self.store.prefetch(self.layout.group(hash), Mark::of(hash));
    }

    /// Links an entry, and adds a bucket if it is time.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        handle: Handle,
        expiring: bool,
        entries: &impl Entries,
    ) {
        let buckets = self.store.buckets.len();
        if self.len() >= buckets * LOAD_MAX && buckets < BUCKETS_MAX {
            self.expand(entries);
        }
        let link = Link {
            mark: Mark::of(hash),
            handle,
            expiring,
        };
        self.store.place(self.layout.group(hash), link);
        self.len += 1;
        self.expiring += u32::from(expiring);
    }

    /// Unlinks an entry, and takes a bucket away if it is time.
    ///
    /// # Panics
    /// When the entry is not linked here.
    pub(crate) fn remove(&mut self, hash: u64, handle: Handle, expiring: bool) {
        self.store
            .remove(self.layout.group(hash), Mark::of(hash), handle);
        self.len -= 1;
        self.expiring -= u32::from(expiring);
        let buckets = self.store.buckets.len();
        if buckets > 1 && self.len() < buckets * LOAD_MIN {
            self.contract();
        }
    }

    /// Follows an entry that has moved, or got or lost its expiry.
    ///
    /// # Panics
    /// When the entry is not linked here.
    pub(crate) fn relink(&mut self, hash: u64, old: (Handle, bool), new: (Handle, bool)) {
        let link = Link {
            mark: Mark::of(hash),
            handle: new.0,
            expiring: new.1,
        };
        self.store.relink(self.layout.group(hash), old.0, link);
        self.expiring = self.expiring + u32::from(new.1) - u32::from(old.1);
    }

    /// All entries, in no order.
    pub(crate) fn handles(&self) -> impl Iterator<Item = Handle> {
        let inside = self
            .store
            .buckets
            .iter()
            .flat_map(|bucket| bucket.links())
            .map(|(_, link)| link);
        inside
            .chain(self.store.overflow.iter())
            .map(|link| link.handle)
    }

    /// The number of places at which entries stand together, see [`Table::handles_at`].
    pub(crate) fn places(&self) -> usize {
        self.store.buckets.len() + 1
    }

    /// All entries that stand at a place: in a bucket, or, at the last place, those whose group is full.
    pub(crate) fn handles_at(&self, place: usize) -> impl Iterator<Item = Handle> {
        let is_bucket = place < self.store.buckets.len();
        let inside = is_bucket.then(|| self.store.buckets[place].links());
        let outside = (!is_bucket).then(|| self.store.overflow.iter());
        let inside = inside.into_iter().flatten().map(|(_, link)| link);
        inside
            .chain(outside.into_iter().flatten())
            .map(|link| link.handle)
    }

    /// Shows the entries from `cursor` on that share a home bucket; returns the cursor to go on with, 0 at the end.
    /// With `expiring`, entries without expiry are left out, and a group is gone through until something shows.
    pub(crate) fn scan(&self, cursor: u64, expiring: bool, visit: &mut impl FnMut(Handle)) -> u64 {
        if self.store.buckets.len() == 0 {
            return 0;
        }
        let cursor = Cursor::unpack(cursor);
        let group = self.layout.group(cursor.group);
        let depth = group.depth();
        let merged = cursor.mark > 0 && depth < cursor.depth;
        let mut shown = false;
        let mut mark = if merged { 0 } else { cursor.mark };
        while mark < MARKS {
            mark = self.store.scan_home(group, mark, expiring, &mut |handle| {
                shown = true;
                visit(handle);
            });
            if mark < MARKS && !merged && (shown || !expiring) {
                return Cursor::inside_group(cursor.group, depth, mark);
            }
        }
        Cursor::after_group(cursor.group, depth)
    }

    /// An entry, chosen by the bits of `random`; nearly uniform, as hashes are.
    pub(crate) fn random(&self, random: u64) -> Option<Handle> {
        let group = self.layout.group(random);
        let len = self.store.len(group);
        let index = ((random >> 32) as usize * len) >> 32;
        let inside = self.store.links(group).nth(index).map(|link| link.handle);
        // A group is empty only in tables with hardly any entries.
        inside.or_else(|| self.handles().nth(index % self.len().max(1)))
    }

    /// Figures; walks the table.
    pub(crate) fn stats(&self) -> TableStats {
        let buckets = self.store.buckets.len();
        TableStats {
            entries: self.len(),
            expiring: self.expiring(),
            groups: self.layout.groups().count(),
            buckets,
            slots: buckets * SLOTS,
            displaced: self
                .layout
                .groups()
                .map(|group| self.store.displaced(group))
                .sum(),
            overflowing: self.store.overflow.len(),
            group_entries_max: self
                .layout
                .groups()
                .map(|group| self.store.len(group))
                .max()
                .unwrap_or(0),
            memory_bytes: self.memory_bytes(),
        }
    }

    /// Adds a bucket.
    fn expand(&mut self, entries: &impl Entries) {
        self.store.buckets.push();
        let larger = Layout::of(self.store.buckets.len());
        let smaller = std::mem::replace(&mut self.layout, larger);
        if self.store.buckets.len() == 1 {
            return;
        }
        let Step {
            before,
            after,
            split_off,
        } = smaller.step(larger);
        if split_off.is_some() {
            self.store
                .links(before)
                .for_each(|link| entries.prefetch(link.handle));
        }
        let mut links = Vec::with_capacity(before.count * SLOTS);
        self.store.drain(before, &mut links);
        let Some(split_off) = split_off else {
            return self.store.fill_group(after, &mut links);
        };
        let mut others = Vec::with_capacity(links.len());
        links.retain(|&link| {
            let stays = larger.group(entries.hash(link.handle)) == after;
            if !stays {
                others.push(link);
            }
            stays
        });
        self.store.fill_group(after, &mut links);
        self.store.fill_group(split_off, &mut others);
    }

    /// Takes the last bucket away.
    fn contract(&mut self) {
        let smaller = Layout::of(self.store.buckets.len() - 1);
        let Step {
            before,
            after,
            split_off,
        } = smaller.step(self.layout);
        let mut links = Vec::with_capacity(before.count * SLOTS);
        let groups: [Option<Group>; 2] = [Some(after), split_off];
        groups
            .into_iter()
            .flatten()
            .for_each(|group| self.store.drain(group, &mut links));
        self.store.buckets.pop();
        self.layout = smaller;
        self.store.fill_group(before, &mut links);
    }
}

/// A scan's position. See the module.
struct Cursor {
    group: u64,
    depth: u32,
    mark: usize,
}

impl Cursor {
    fn unpack(bits: u64) -> Cursor {
        Cursor {
            group: bits >> (DEPTH_BITS + MARK_BITS) & ((1 << GROUP_BITS_MAX) - 1),
            depth: (bits >> MARK_BITS) as u32 & ((1 << DEPTH_BITS) - 1),
            mark: bits as usize & (MARKS - 1),
        }
    }

    /// Inside a group of `depth` bits.
    fn inside_group(group: u64, depth: u32, mark: usize) -> u64 {
        group << (DEPTH_BITS + MARK_BITS) | u64::from(depth) << MARK_BITS | mark as u64
    }

    /// At the beginning of the group behind this one in reversed order; 0 behind the last.
    fn after_group(group: u64, depth: u32) -> u64 {
        // Counting up from the highest of the group's bits down: set all above them and let the carry run.
        let all_above = group | u64::MAX << depth;
        let next = all_above.reverse_bits().wrapping_add(1).reverse_bits();
        Cursor::inside_group(next, 0, 0)
    }
}

#[cfg(test)]
impl Table {
    /// The table's figures are those of its groups, and each entry is in the group of its hash.
    pub(crate) fn check(&self, hash: impl Fn(Handle) -> u64, expiring: impl Fn(Handle) -> bool) {
        assert_eq!(self.layout, Layout::of(self.store.buckets.len()));
        let (mut len, mut expiring_len) = (0, 0);
        for group in self.layout.groups() {
            self.store.check(group);
            len += self.store.len(group);
            for link in self.store.links(group) {
                assert_eq!(self.layout.group(hash(link.handle)), group);
                assert_eq!(link.mark, Mark::of(hash(link.handle)));
                assert_eq!(link.expiring, expiring(link.handle));
                expiring_len += usize::from(link.expiring);
            }
        }
        assert_eq!((len, expiring_len), (self.len(), self.expiring()));
    }
}
