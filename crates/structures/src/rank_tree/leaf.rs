//! Leaf: a sorted run of items, linked to its neighbours.

use super::arena::NONE;
use super::target::{Item, Items, Order, Target};
use crate::entry_map::Handle;

/// Items of a leaf, at most.
pub(super) const LEAF_ITEMS: usize = 83;

/// See the module.
#[repr(C)]
pub(super) struct Leaf {
    len: u32,
    /// The leaves before and behind this one, or `NONE`.
    pub(super) prev: u32,
    pub(super) next: u32,
    orders: [Order; LEAF_ITEMS],
    handles: [Handle; LEAF_ITEMS],
}

impl Leaf {
    pub(super) fn new() -> Box<Leaf> {
        Box::new(Leaf {
            len: 0,
            prev: NONE,
            next: NONE,
            orders: [Order::default(); LEAF_ITEMS],
            handles: [Handle::FIRST; LEAF_ITEMS],
        })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.len() == LEAF_ITEMS
    }

    #[inline]
    pub(super) fn handles(&self) -> &[Handle] {
        &self.handles[..self.len()]
    }

    /// The first item. There must be one.
    #[inline]
    pub(super) fn first(&self) -> Item {
        debug_assert!(self.len > 0);
        Item {
            order: self.orders[0],
            handle: self.handles[0],
        }
    }

    #[cfg(test)]
    pub(super) fn orders(&self) -> &[Order] {
        &self.orders[..self.len()]
    }

    /// How many items are in front of a place.
    #[inline]
    pub(super) fn position(&self, target: &Target<'_>, items: &impl Items) -> usize {
        target.position(&self.orders[..self.len()], self.handles(), items)
    }

    /// Where an item is that is here.
    pub(super) fn find(&self, item: Item) -> Option<usize> {
        let start = self.orders[..self.len()].partition_point(|&order| order < item.order);
        let at = self.handles()[start..]
            .iter()
            .position(|&handle| handle == item.handle)?;
        Some(start + at)
    }

    /// Adds an item. There must be room.
    #[inline]
    pub(super) fn insert(&mut self, position: usize, item: Item) {
        let len = self.len();
        self.orders.copy_within(position..len, position + 1);
        self.handles.copy_within(position..len, position + 1);
        self.orders[position] = item.order;
        self.handles[position] = item.handle;
        self.len += 1;
    }

    /// Takes items away.
    #[inline]
    pub(super) fn remove(&mut self, range: std::ops::Range<usize>) {
        let len = self.len();
        self.orders.copy_within(range.end..len, range.start);
        self.handles.copy_within(range.end..len, range.start);
        self.len -= range.len() as u32;
    }

    /// Moves the last `count` items to the front of the leaf behind this one.
    pub(super) fn move_back(&mut self, count: usize, next: &mut Leaf) {
        let (start, end) = (self.len() - count, self.len());
        next.orders.copy_within(..next.len as usize, count);
        next.handles.copy_within(..next.len as usize, count);
        next.orders[..count].copy_from_slice(&self.orders[start..end]);
        next.handles[..count].copy_from_slice(&self.handles[start..end]);
        next.len += count as u32;
        self.len -= count as u32;
    }

    /// Moves the first `count` items behind those of the leaf before this one.
    pub(super) fn move_front(&mut self, count: usize, prev: &mut Leaf) {
        let target = prev.len()..prev.len() + count;
        prev.orders[target.clone()].copy_from_slice(&self.orders[..count]);
        prev.handles[target].copy_from_slice(&self.handles[..count]);
        prev.len += count as u32;
        self.remove(0..count);
    }
}
