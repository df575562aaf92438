//! Leaf: a sorted run of items, linked to its neighbours.
//!
//! ```text
//!  0                         16    18     20     24     28          28 + 4n        28 + 8n
//! +-------------------------+-----+------+------+------+~~~~~~~~~~~+~~~~~~~~~~~~~~+
//! | grid: start, shift, ... | len |      | prev | next |  keys[n]  |  handles[n]  |
//! +-------------------------+-----+------+------+------+~~~~~~~~~~~+~~~~~~~~~~~~~~+
//! ```
//!
//! Scores are kept as keys on the leaf's [`Grid`]: 8 bytes for an item instead of 12, and half the cache lines to
//! search. When an item does not fit the grid, all get a new one.

use super::arena::NONE;
use super::grid::{Grid, Place};
use super::order::{Item, Members, Order};
use super::target::{Run, Target};
use crate::cpu::prefetch;
use crate::entry_map::Handle;

/// Items of a leaf, at most. Few in tests, so that trees get high.
pub(super) const LEAF_ITEMS: usize = if cfg!(test) { 12 } else { 124 };
/// A leaf whose items are within fewer steps of its grid gets a new one when it is split.
const SPREAD_STEPS_MIN: u32 = 1 << 12;

/// A size that allocators have.
const _: () = assert!(size_of::<Leaf>() == 1024 || cfg!(test));

/// See the module.
#[repr(C, align(64))]
pub(super) struct Leaf {
    grid: Grid,
    len: u16,
    /// The leaves before and behind this one, or `NONE`.
    pub(super) prev: u32,
    pub(super) next: u32,
    keys: [u32; LEAF_ITEMS],
    handles: [Handle; LEAF_ITEMS],
}

impl Leaf {
    pub(super) fn new() -> Box<Leaf> {
        Box::new(Leaf {
            grid: Grid::EMPTY,
            len: 0,
            prev: NONE,
            next: NONE,
            keys: [0; LEAF_ITEMS],
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

    #[inline]
    fn keys(&self) -> &[u32] {
        &self.keys[..self.len()]
    }

    /// Asks for the memory that a search will look at: the misses of a binary search would come one after another.
    #[inline]
    pub(super) fn prefetch(&self) {
        /// Keys of a cache line.
        const STRIDE: usize = 16;
        prefetch(&self.len);
        for keys in self.keys.chunks(STRIDE) {
            prefetch(keys);
        }
    }

    /// The first item. There must be one.
    #[inline]
    pub(super) fn first(&self, members: &impl Members) -> Item {
        debug_assert!(self.len > 0);
        Item {
            order: self.order(0, members),
            handle: self.handles[0],
        }
    }

    #[inline]
    pub(super) fn order(&self, index: usize, members: &impl Members) -> Order {
        match self.grid.is_exact() {
            true => self.grid.order(self.keys[index]),
            false => members.order(self.handles[index]),
        }
    }

    /// Where an item is, if it is here.
    #[inline]
    pub(super) fn find(&self, item: Item) -> Option<usize> {
        let Place::At { key, .. } = self.grid.place(item.order) else {
            return None;
        };
        let start = self.keys().partition_point(|&found| found < key);
        let mut handles = self.handles()[start..].iter();
        Some(start + handles.position(|&handle| handle == item.handle)?)
    }

    /// How many items are in front of a place.
    #[inline]
    pub(super) fn position(&self, target: &Target<'_>, members: &impl Members) -> usize {
        target.position(self, members)
    }

    /// Adds an item. There must be room.
    #[inline]
    pub(super) fn insert(&mut self, position: usize, item: Item, members: &impl Members) {
        let key = self.key_for(item.order, members);
        let len = self.len();
        self.keys.copy_within(position..len, position + 1);
        self.handles.copy_within(position..len, position + 1);
        self.keys[position] = key;
        self.handles[position] = item.handle;
        self.len += 1;
    }

    /// Takes items away.
    #[inline]
    pub(super) fn remove(&mut self, range: std::ops::Range<usize>) {
        let len = self.len();
        self.keys.copy_within(range.end..len, range.start);
        self.handles.copy_within(range.end..len, range.start);
        self.len -= range.len() as u16;
    }

    /// Moves an item to the place in front of which `position` items are, if it fits the grid with its new order.
    pub(super) fn shift(&mut self, from: usize, position: usize, order: Order) -> bool {
        let key = match self.grid.place(order) {
            Place::At { key, exact } if exact || !self.grid.is_exact() => key,
            _ => return false,
        };
        let handle = self.handles[from];
        let to = position - usize::from(position > from);
        if from < to {
            self.keys.copy_within(from + 1..=to, from);
            self.handles.copy_within(from + 1..=to, from);
        } else {
            self.keys.copy_within(to..from, to + 1);
            self.handles.copy_within(to..from, to + 1);
        }
        self.keys[to] = key;
        self.handles[to] = handle;
        true
    }

    /// Moves the last `count` items to the front of the leaf behind this one, which has room.
    pub(super) fn move_back(&mut self, count: usize, next: &mut Leaf, members: &impl Members) {
        let (start, end) = (self.len() - count, self.len());
        self.move_items(start..end, next, 0, members);
        self.len = start as u16;
    }

    /// Moves the first `count` items behind those of the leaf before this one, which has room.
    pub(super) fn move_front(&mut self, count: usize, prev: &mut Leaf, members: &impl Members) {
        let at = prev.len();
        self.move_items(0..count, prev, at, members);
        self.remove(0..count);
    }

    /// Copies items into another leaf.
    fn move_items(
        &self,
        range: std::ops::Range<usize>,
        to: &mut Leaf,
        at: usize,
        members: &impl Members,
    ) {
        if to.len == 0 {
            to.grid = self.grid;
        }
        let (count, len) = (range.len(), to.len());
        let mut keys = [0; LEAF_ITEMS];
        let keys = &mut keys[..count];
        if to.grid.same_keys(self.grid) {
            to.grid.join(self.grid);
            keys.copy_from_slice(&self.keys[range.clone()]);
        } else {
            let mut orders = [Order::default(); LEAF_ITEMS];
            let orders = &mut orders[..count];
            self.read_orders(range.clone(), orders, members);
            to.make_fit(orders, members);
            for (key, &order) in keys.iter_mut().zip(&*orders) {
                *key = to.key_of(order);
            }
        }
        to.keys.copy_within(at..len, at + count);
        to.handles.copy_within(at..len, at + count);
        to.keys[at..at + count].copy_from_slice(keys);
        to.handles[at..at + count].copy_from_slice(&self.handles[range]);
        to.len += count as u16;
    }

    /// Gives the leaf a finer grid if its items need one.
    pub(super) fn refine(&mut self, members: &impl Members) {
        if let [first, .., last] = *self.keys()
            && !self.grid.is_exact()
            && last - first < SPREAD_STEPS_MIN
        {
            self.lay_out(&[], members);
        }
    }

    /// The key for an order that comes in; the grid is made to fit.
    #[inline]
    fn key_for(&mut self, order: Order, members: &impl Members) -> u32 {
        match self.grid.place(order) {
            Place::At { key, exact } if exact || !self.grid.is_exact() => key,
            _ => {
                self.lay_out(&[order], members);
                self.key_of(order)
            }
        }
    }

    /// The key of an order that fits the grid.
    fn key_of(&self, order: Order) -> u32 {
        match self.grid.place(order) {
            Place::At { key, .. } => key,
            Place::Before | Place::Behind => panic!("an order outside of its grid"),
        }
    }

    /// Makes the grid fit sorted orders that come in.
    fn make_fit(&mut self, orders: &[Order], members: &impl Members) {
        let fits = |&order| match self.grid.place(order) {
            Place::At { exact, .. } => exact || !self.grid.is_exact(),
            Place::Before | Place::Behind => false,
        };
        if !orders.iter().all(fits) {
            self.lay_out(orders, members);
        }
    }

    /// Lays the items, with others that are about to come, on a new grid.
    #[cold]
    fn lay_out(&mut self, coming: &[Order], members: &impl Members) {
        let len = self.len();
        let mut orders = [Order::default(); LEAF_ITEMS];
        let orders = &mut orders[..len];
        self.read_orders(0..len, orders, members);
        let all = || orders.iter().chain(coming).copied();
        let (Some(least), Some(greatest)) = (all().min(), all().max()) else {
            return;
        };
        self.grid = Grid::new(least, greatest, all().fold(0, |bits, order| bits | order.0));
        for (index, &order) in orders.iter().enumerate() {
            self.keys[index] = self.key_of(order);
        }
    }

    /// The orders of some items.
    fn read_orders(
        &self,
        range: std::ops::Range<usize>,
        orders: &mut [Order],
        members: &impl Members,
    ) {
        if !self.grid.is_exact() {
            for &handle in &self.handles[range.clone()] {
                members.prefetch(handle);
            }
        }
        for (order, index) in orders.iter_mut().zip(range) {
            *order = self.order(index, members);
        }
    }
}

impl Run for Leaf {
    #[inline]
    fn handles(&self) -> &[Handle] {
        self.handles()
    }

    #[inline]
    fn less(&self, order: Order, members: &impl Members) -> usize {
        let (key, exact) = match self.grid.place(order) {
            Place::Before => return 0,
            Place::Behind => return self.len(),
            Place::At { key, exact } => (key, exact),
        };
        let start = self.keys().partition_point(|&found| found < key);
        if self.keys().get(start) != Some(&key) || exact && self.grid.is_exact() {
            return start;
        }
        let same = self.keys()[start..].partition_point(|&found| found == key);
        if self.grid.is_exact() {
            return start + same; // they are multiples of the step, and the order is not
        }
        let handles = &self.handles()[start..start + same];
        start + handles.partition_point(|&handle| members.order(handle) < order)
    }

    #[inline]
    fn not_greater(&self, order: Order, less: usize, members: &impl Members) -> usize {
        let Place::At { key, exact } = self.grid.place(order) else {
            return less;
        };
        if self.keys().get(less) != Some(&key) {
            return less;
        }
        let same = self.keys()[less..].partition_point(|&found| found == key);
        if self.grid.is_exact() {
            return less + if exact { same } else { 0 };
        }
        let handles = &self.handles()[less..less + same];
        less + handles.partition_point(|&handle| members.order(handle) <= order)
    }
}

#[cfg(test)]
impl Leaf {
    /// Keys are those of the members' scores.
    pub(super) fn check(&self, members: &impl Members) {
        for (index, (&key, &handle)) in self.keys().iter().zip(self.handles()).enumerate() {
            assert_eq!(self.key_of(members.order(handle)), key);
            assert_eq!(self.order(index, members), members.order(handle));
        }
    }
}
