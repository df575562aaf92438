//! Layout: which buckets form a group; linear hashing with partial expansions (P.-A. Larson, 1980).
//!
//! A table of `n` buckets has `2^d` groups of four to seven buckets. Bucket `j` of group `g` is number
//! `g + j * 2^d`, so that adding a bucket at the end of the array gives one group one more, in the order of groups:
//!
//! ```text
//!   n = 16   g0 g1 g2 g3 | g0 g1 g2 g3 | g0 g1 g2 g3 | g0 g1 g2 g3                4 groups of 4
//!   n = 17   g0 g1 g2 g3 | g0 g1 g2 g3 | g0 g1 g2 g3 | g0 g1 g2 g3 | g0           group 0 has 5
//!   n = 18   g0 g1 g2 g3 | g0 g1 g2 g3 | g0 g1 g2 g3 | g0 g1 g2 g3 | g0 g1        groups 0 and 1 have 5
//!    ...
//!   n = 28   g0 g1 g2 g3 | ... seven times                                        4 groups of 7
//!   n = 29   g0 g1 g2 g3 | g4 g1 g2 g3 | g0 g1 .. | g4 .. | g0 .. | g4 .. | g0 .. | g4     group 0 has 8, and
//!                                                              splits: its even buckets stay, its odd ones are g4
//! ```
//!
//! Plain linear hashing doubles groups in one step, so those not yet split hold twice as much as the others, and
//! either the ones overflow or the others waste. Here the difference is a quarter at most, so a table can be 5/6
//! full at all times. All of it is arithmetic on `n`; nothing is stored for a group.

use super::bucket::{MARKS, Mark};

/// A group has at least so many buckets, in a table that has them, and less than twice as many.
const GROUP_BUCKETS_MIN: usize = 4;
pub(super) const GROUP_BUCKETS_MAX: usize = 2 * GROUP_BUCKETS_MIN - 1;

/// Bits of a group's number, at most.
pub(super) const GROUP_BITS_MAX: u32 = 24;
/// Buckets of a table, at most. A table that is full fills up.
pub(super) const BUCKETS_MAX: usize = GROUP_BUCKETS_MIN << GROUP_BITS_MAX;

/// See the module.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// A power of two; 0 in an empty table.
    groups: u32,
    /// So many groups have a bucket more than the others, or have been split.
    expanded: u32,
    /// Buckets of a group that has not been expanded.
    count: u8,
}

/// A group's buckets. See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The bits of the hash that all its entries share.
    pub(super) number: usize,
    /// A power of two: one more than the mask of these bits, and the distance between its buckets.
    pub(super) stride: usize,
    /// How many buckets it has.
    pub(super) count: usize,
}

/// What adding a bucket changes.
pub(super) struct Step {
    /// The group that is expanded.
    pub(super) before: Group,
    /// What it becomes.
    pub(super) after: Group,
    /// The group that is split off, if it is split.
    pub(super) split_off: Option<Group>,
}

impl Layout {
    /// The layout of so many buckets.
    pub(super) fn of(buckets: usize) -> Layout {
        let groups = match buckets / GROUP_BUCKETS_MIN {
            0 => usize::from(buckets > 0),
            most => 1 << most.ilog2(),
        };
        let count = buckets.checked_div(groups).unwrap_or(0);
        let expanded = buckets - count * groups;
        Layout {
            groups: groups as u32,
            expanded: expanded as u32,
            count: count as u8,
        }
    }

    /// The group of a hash.
    #[inline]
    pub(super) fn group(self, hash: u64) -> Group {
        let groups = self.groups as usize;
        // No branches, as nobody can foresee them.
        let is_expanded =
            usize::from((hash as usize & groups.wrapping_sub(1)) < self.expanded as usize);
        let count = self.count as usize + is_expanded;
        let is_split = usize::from(count > GROUP_BUCKETS_MAX);
        let stride = groups << is_split;
        Group {
            number: hash as usize & stride.wrapping_sub(1),
            stride,
            count: count >> is_split,
        }
    }

    /// All groups.
    pub(super) fn groups(self) -> impl Iterator<Item = Group> {
        let splits = self.count as usize == GROUP_BUCKETS_MAX;
        let split_off = if splits { self.expanded } else { 0 };
        (0..u64::from(self.groups + split_off)).map(move |number| self.group(number))
    }

    /// What a step from this layout to that of one bucket more changes. The table must not be empty.
    pub(super) fn step(self, larger: Layout) -> Step {
        let number = u64::from(self.expanded);
        let splits = self.count as usize == GROUP_BUCKETS_MAX;
        let split_off = splits.then(|| larger.group(number + u64::from(self.groups)));
        Step {
            before: self.group(number),
            after: larger.group(number),
            split_off,
        }
    }
}

impl Group {
    /// Where entries with this mark are at home: the number of a bucket within the group.
    #[inline]
    pub(super) fn home(self, mark: Mark) -> usize {
        mark.index() * self.count / MARKS
    }

    /// The first mark that is not at home in bucket `home` or before it.
    pub(super) fn marks_end(self, home: usize) -> usize {
        ((home + 1) * MARKS).div_ceil(self.count)
    }

    /// The number in the table of a bucket of the group.
    #[inline]
    pub(super) fn bucket(self, position: usize) -> usize {
        self.number + position * self.stride
    }

    /// The positions behind `home`, in the order of search.
    pub(super) fn after(self, home: usize) -> impl Iterator<Item = usize> {
        (home + 1..self.count).chain(0..home)
    }

    /// How many positions after `from` the position `to` is searched.
    pub(super) fn distance(self, from: usize, to: usize) -> usize {
        if to >= from {
            to - from
        } else {
            to + self.count - from
        }
    }

    /// Bits of the hash that all its entries share.
    pub(super) fn depth(self) -> u32 {
        self.stride.trailing_zeros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each bucket belongs to one group, each hash to one group, and groups have the size they should have.
    #[test]
    fn groups_share_the_buckets_out() {
        for buckets in 1..300 {
            let layout = Layout::of(buckets);
            let groups: Vec<Group> = layout.groups().collect();
            let mut owned: Vec<usize> = groups
                .iter()
                .flat_map(|group| (0..group.count).map(|i| group.bucket(i)))
                .collect();
            owned.sort();
            assert!(owned.into_iter().eq(0..buckets), "{buckets}");
            for hash in 0..1000 {
                assert!(groups.contains(&layout.group(hash)), "{buckets} {hash}");
            }
            let sizes = if buckets < 4 {
                buckets..=buckets
            } else {
                4..=7
            };
            assert!(groups.iter().all(|group| sizes.contains(&group.count)));
        }
    }

    #[test]
    fn a_step_changes_one_group() {
        for buckets in 1..300 {
            let (smaller, larger) = (Layout::of(buckets), Layout::of(buckets + 1));
            let step = smaller.step(larger);
            for hash in 0..1000 {
                let (before, after) = (smaller.group(hash), larger.group(hash));
                if before == step.before {
                    assert!(after == step.after || Some(after) == step.split_off);
                } else {
                    let same = |g: Group| (0..g.count).map(|i| g.bucket(i)).collect::<Vec<_>>();
                    assert_eq!(
                        (before.number, same(before)),
                        (after.number, same(after)),
                        "{buckets} {hash}"
                    );
                }
            }
        }
    }

    #[test]
    fn homes_cover_all_marks() {
        for count in 1..=GROUP_BUCKETS_MAX {
            let group = Group {
                number: 0,
                stride: 1,
                count,
            };
            let ends = (0..count).map(|home| group.marks_end(home));
            assert_eq!(group.marks_end(count - 1), MARKS);
            for (home, end) in ends.enumerate() {
                assert_eq!(group.home(Mark::of((end as u64 - 1) << 32)), home);
                assert!(end == MARKS || group.home(Mark::of((end as u64) << 32)) == home + 1);
            }
        }
    }
}
