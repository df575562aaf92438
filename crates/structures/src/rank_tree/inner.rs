//! Inner: a node above others, with the first item of each of its children and the number of items below it.

use super::order::{Item, Members, Order};
use super::target::{Run, Target};
use crate::entry_map::Handle;

/// Children of an inner node, at most. Few in tests, so that trees get high.
pub(super) const CHILDREN: usize = if cfg!(test) { 7 } else { 63 };

/// A size that allocators have.
const _: () = assert!(size_of::<Inner>() <= 1280);

/// A node's part in its parent.
#[derive(Clone, Copy)]
pub(super) struct Child {
    /// Its number: of a leaf above the leaves, else of an inner node.
    pub(super) number: u32,
    /// Items below it.
    pub(super) count: u32,
    /// The first of them.
    pub(super) first: Item,
}

/// See the module.
#[repr(C)]
pub(super) struct Inner {
    len: u32,
    orders: [Order; CHILDREN],
    handles: [Handle; CHILDREN],
    counts: [u32; CHILDREN],
    numbers: [u32; CHILDREN],
}

impl Inner {
    pub(super) fn new() -> Box<Inner> {
        Box::new(Inner {
            len: 0,
            orders: [Order::default(); CHILDREN],
            handles: [Handle::FIRST; CHILDREN],
            counts: [0; CHILDREN],
            numbers: [0; CHILDREN],
        })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == CHILDREN
    }

    #[inline]
    pub(super) fn child(&self, index: usize) -> Child {
        Child {
            number: self.numbers[index],
            count: self.counts[index],
            first: Item {
                order: self.orders[index],
                handle: self.handles[index],
            },
        }
    }

    #[inline]
    pub(super) fn number(&self, index: usize) -> u32 {
        self.numbers[index]
    }

    #[inline]
    pub(super) fn count_mut(&mut self, index: usize) -> &mut u32 {
        &mut self.counts[index]
    }

    pub(super) fn set_first(&mut self, index: usize, first: Item) {
        self.orders[index] = first.order;
        self.handles[index] = first.handle;
    }

    /// Items below the first `children` children.
    #[inline]
    pub(super) fn count_before(&self, children: usize) -> usize {
        // no more than a tree has, which is fewer than 2^28
        self.counts[..children].iter().sum::<u32>() as usize
    }

    /// The child below which a place is.
    #[inline]
    pub(super) fn child_of(&self, target: &Target<'_>, members: &impl Members) -> usize {
        // what is before the first item of the second child is below the first
        let others = 1..self.len().max(1);
        let firsts = Firsts {
            orders: &self.orders[others.clone()],
            handles: &self.handles[others],
        };
        target.position(&firsts, members)
    }

    /// The child below which the item of this rank is, and its rank there.
    #[inline]
    pub(super) fn child_at(&self, rank: usize) -> (usize, usize) {
        /// Counts are skipped by so many at a time.
        const STRIDE: usize = 8;
        let (mut index, mut rank) = (0, rank as u32);
        for counts in self.counts[..self.len()].chunks_exact(STRIDE) {
            let count: u32 = counts.iter().sum();
            if rank < count {
                break;
            }
            rank -= count;
            index += STRIDE;
        }
        for &count in &self.counts[index..self.len()] {
            if rank < count {
                break;
            }
            rank -= count;
            index += 1;
        }
        (index, rank as usize)
    }

    /// Adds a child. There must be room.
    pub(super) fn insert(&mut self, index: usize, child: Child) {
        let len = self.len();
        self.orders.copy_within(index..len, index + 1);
        self.handles.copy_within(index..len, index + 1);
        self.counts.copy_within(index..len, index + 1);
        self.numbers.copy_within(index..len, index + 1);
        self.set_first(index, child.first);
        self.counts[index] = child.count;
        self.numbers[index] = child.number;
        self.len += 1;
    }

    pub(super) fn remove(&mut self, index: usize) {
        let len = self.len();
        self.orders.copy_within(index + 1..len, index);
        self.handles.copy_within(index + 1..len, index);
        self.counts.copy_within(index + 1..len, index);
        self.numbers.copy_within(index + 1..len, index);
        self.len -= 1;
    }

    /// Moves the children from `start` on behind those of the node before this one.
    pub(super) fn move_to(&mut self, start: usize, end_of: &mut Inner) {
        for index in start..self.len() {
            end_of.insert(end_of.len(), self.child(index));
        }
        self.len = start as u32;
    }
}

/// The first items of children, but not that of the first child.
struct Firsts<'a> {
    orders: &'a [Order],
    handles: &'a [Handle],
}

impl Run for Firsts<'_> {
    #[inline]
    fn handles(&self) -> &[Handle] {
        self.handles
    }

    #[inline]
    fn less(&self, order: Order, _: &impl Members) -> usize {
        self.orders.partition_point(|&found| found < order)
    }

    #[inline]
    fn not_greater(&self, order: Order, less: usize, _: &impl Members) -> usize {
        match self.orders.get(less) {
            Some(&found) if found == order => {
                less + self.orders[less..].partition_point(|&found| found == order)
            }
            _ => less,
        }
    }
}
