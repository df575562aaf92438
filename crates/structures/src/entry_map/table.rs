//! Table: the index of one database in one stripe; linear hashing over groups.
//!
//! ```text
//!  groups   0      1      2      3      4      5           6 groups: 4 and 5 have been split off 0 and 1,
//!         +------+------+------+------+------+------+      2 and 3 still hold both halves
//!         | 3 bit| 3 bit| 2 bit| 2 bit| 3 bit| 3 bit|      group = hash & 7, or hash & 3 where that is >= 6
//!         +------+------+------+------+------+------+
//!
//!  hash   63 ...... 54 53 .. 44 43 ............ 32 31 .. 24 23 ............... 0
//!         | stripe    |  free  |       mark       |  free  |       group        |
//! ```
//!
//! When the groups hold more than `GROUP_LOAD` entries on average, the next one in order is split into two; when
//! they hold less than half of that, the last one is merged back. Nothing else moves, so growth is incremental
//! by nature. A split asks the map for the hashes of one group's entries, whose keys are prefetched.
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

use super::bucket::{Bucket, Link, MARKS, Mark};
use super::group::Group;
use super::handle::Handle;
use super::reserve_tight;

/// Entries of a group on average, at most. More saves headers, less makes splits shorter.
const GROUP_LOAD: usize = 56;
const GROUP_LOAD_MIN: usize = GROUP_LOAD / 2;

/// Bits of a group's number, at most.
const GROUP_BITS_MAX: u32 = 24;
const MARK_BITS: u32 = MARKS.trailing_zeros();
const DEPTH_BITS: u32 = 5;
/// Cursors are below 2 to this.
pub(super) const CURSOR_BITS: u32 = GROUP_BITS_MAX + DEPTH_BITS + MARK_BITS;

const _: () = assert!(GROUP_BITS_MAX < 1 << DEPTH_BITS && CURSOR_BITS < 42);

/// What the table needs of the entries it points to.
pub(super) trait Entries {
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
    /// Groups of linear hashing.
    pub groups: usize,
    /// Buckets of 64 bytes in all groups.
    pub buckets: usize,
    /// Places for entries in all buckets.
    pub slots: usize,
    /// Entries that live in a later bucket than their home, because that was full.
    pub displaced: usize,
    /// Entries of the fullest group.
    pub group_entries_max: usize,
    /// Bytes of groups and buckets.
    pub memory_bytes: usize,
}

/// See the module.
#[derive(Default)]
pub(super) struct Table {
    groups: Vec<Group>,
    /// The bits that choose a group which has been split, or been split off, in this round; see `group_of`.
    mask: u32,
    len: u32,
    expiring: u32,
    buckets: usize,
}

const _: () = assert!(size_of::<Table>() == 48);

impl Table {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn expiring(&self) -> usize {
        self.expiring as usize
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Group>() + self.buckets * size_of::<Bucket>()
    }

    /// The entry with this hash that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl FnMut(Handle) -> bool) -> Option<Handle> {
        self.groups
            .get(self.group_of(hash))?
            .find(Mark::of(hash), is_it)
    }

    /// Asks for the cache line where the search for this hash begins.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        if let Some(group) = self.groups.get(self.group_of(hash)) {
            group.prefetch(Mark::of(hash));
        }
    }

    /// Links an entry, and splits a group if it is time.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        handle: Handle,
        expiring: bool,
        entries: &impl Entries,
    ) {
        if self.groups.is_empty() {
            self.push_group(Group::default());
        }
        let group = self.group_of(hash);
        self.buckets += self.groups[group].insert(Link {
            mark: Mark::of(hash),
            handle,
            expiring,
        });
        self.len += 1;
        self.expiring += u32::from(expiring);
        if self.len() > self.groups.len() * GROUP_LOAD && self.groups.len() < 1 << GROUP_BITS_MAX {
            self.split(entries);
        }
    }

    /// Unlinks an entry, and merges groups if it is time.
    ///
    /// # Panics
    /// When the entry is not linked here.
    pub(super) fn remove(&mut self, hash: u64, handle: Handle, expiring: bool) {
        let group = self.group_of(hash);
        self.buckets -= self.groups[group].remove(Mark::of(hash), handle);
        self.len -= 1;
        self.expiring -= u32::from(expiring);
        if self.groups.len() > 1 && self.len() < self.groups.len() * GROUP_LOAD_MIN {
            self.merge();
        }
    }

    /// Follows an entry that has moved, or got or lost its expiry.
    ///
    /// # Panics
    /// When the entry is not linked here.
    pub(super) fn relink(&mut self, hash: u64, old: (Handle, bool), new: (Handle, bool)) {
        let group = self.group_of(hash);
        self.groups[group].relink(
            old.0,
            Link {
                mark: Mark::of(hash),
                handle: new.0,
                expiring: new.1,
            },
        );
        self.expiring = self.expiring + u32::from(new.1) - u32::from(old.1);
    }

    /// All entries, in no order.
    pub(super) fn handles(&self) -> impl Iterator<Item = Handle> {
        self.groups
            .iter()
            .flat_map(Group::links)
            .map(|link| link.handle)
    }

    /// Shows the entries from `cursor` on that share a home bucket; returns the cursor to go on with, 0 at the end.
    /// With `expiring`, entries without expiry are left out, and a group is gone through until something shows.
    pub(super) fn scan(&self, cursor: u64, expiring: bool, visit: &mut impl FnMut(Handle)) -> u64 {
        if self.groups.is_empty() {
            return 0;
        }
        let cursor = Cursor::unpack(cursor);
        let index = self.group_of(cursor.group);
        let depth = self.depth_of(index);
        let group = &self.groups[index];
        let merged = cursor.mark > 0 && depth < cursor.depth;
        let mut shown = false;
        let mut mark = if merged { 0 } else { cursor.mark };
        while mark < MARKS {
            mark = group.scan_home(mark, expiring, &mut |handle| {
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
    pub(super) fn random(&self, random: u64) -> Option<Handle> {
        let start = self.group_of(random);
        let mut indexes = (start..self.groups.len()).chain(0..start);
        let group =
            indexes.find_map(|index| self.groups.get(index).filter(|group| group.len() > 0))?;
        let mut skip = ((random >> 32) as usize * group.len()) >> 32;
        for bucket in group.buckets() {
            if skip < bucket.len() {
                return bucket.links().nth(skip).map(|(_, link)| link.handle);
            }
            skip -= bucket.len();
        }
        None
    }

    /// Figures; walks the table.
    pub(super) fn stats(&self) -> TableStats {
        TableStats {
            entries: self.len(),
            expiring: self.expiring(),
            groups: self.groups.len(),
            buckets: self.buckets,
            slots: self.buckets * super::bucket::SLOTS,
            displaced: self.groups.iter().map(Group::displaced).sum(),
            group_entries_max: self.groups.iter().map(Group::len).max().unwrap_or(0),
            memory_bytes: self.memory_bytes(),
        }
    }

    #[inline]
    fn group_of(&self, hash: u64) -> usize {
        let mask = self.mask as usize;
        // No branch, as nobody can foresee it.
        let not_split = usize::from(hash as usize & mask >= self.groups.len());
        hash as usize & (mask >> not_split)
    }

    /// Keeps the mask in step with the number of groups.
    fn set_mask(&mut self) {
        self.mask = (self.groups.len().next_power_of_two() - 1) as u32;
    }

    /// The bits that choose this group.
    fn depth_of(&self, index: usize) -> u32 {
        let depth = self.mask.count_ones();
        let half = (1 << depth) >> 1;
        if index < half && index + half >= self.groups.len() {
            depth - 1
        } else {
            depth
        }
    }

    /// The group that group `index`, the last, is split off and merged into, and the bit that tells them apart.
    fn buddy(index: usize) -> (usize, usize) {
        let bit = 1 << index.ilog2();
        (index - bit, bit)
    }

    fn push_group(&mut self, group: Group) {
        self.buckets += group.buckets().len();
        reserve_tight(&mut self.groups);
        self.groups.push(group);
        self.set_mask();
    }

    fn split(&mut self, entries: &impl Entries) {
        let (buddy, bit) = Table::buddy(self.groups.len());
        let old = std::mem::take(&mut self.groups[buddy]);
        self.buckets -= old.buckets().len();
        old.links().for_each(|link| entries.prefetch(link.handle));
        let moves: Vec<bool> = old
            .links()
            .map(|link| entries.hash(link.handle) as usize & bit != 0)
            .collect();
        let moving = moves.iter().filter(|&&moves| moves).count();
        let mut halves = [
            Group::with_room_for(old.len() - moving),
            Group::with_room_for(moving),
        ];
        for (link, moves) in old.links().zip(moves) {
            halves[usize::from(moves)].place(link);
        }
        let [stays, goes] = halves;
        self.buckets += stays.buckets().len();
        self.groups[buddy] = stays;
        self.push_group(goes);
    }

    fn merge(&mut self) {
        let (buddy, _) = Table::buddy(self.groups.len() - 1);
        let Some(last) = self.groups.pop() else {
            return;
        };
        self.set_mask();
        let kept = std::mem::take(&mut self.groups[buddy]);
        let mut merged = Group::with_room_for(last.len() + kept.len());
        kept.links()
            .chain(last.links())
            .for_each(|link| merged.place(link));
        self.buckets =
            self.buckets + merged.buckets().len() - kept.buckets().len() - last.buckets().len();
        self.groups[buddy] = merged;
        if self.groups.capacity() > 2 * self.groups.len() {
            self.groups.shrink_to(self.groups.len() * 5 / 4);
        }
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
    pub(super) fn check(&self, hash: impl Fn(Handle) -> u64, expiring: impl Fn(Handle) -> bool) {
        let mut totals = (0, 0, 0);
        for (index, group) in self.groups.iter().enumerate() {
            group.check();
            totals.0 += group.len();
            totals.1 += group.buckets().len();
            for link in group.links() {
                assert_eq!(self.group_of(hash(link.handle)), index);
                assert_eq!(link.mark, Mark::of(hash(link.handle)));
                assert_eq!(link.expiring, expiring(link.handle));
                totals.2 += usize::from(link.expiring);
            }
        }
        assert_eq!(totals, (self.len(), self.buckets, self.expiring()));
    }
}
