//! RankTree: items in the order of their scores, with their ranks; a B+tree that counts.
//!
//! ```text
//!                  +---------------------------+-------
//!   inner          | first item, count, child  |  ...       up to 63 children
//!                  +---------------------------+-------
//!                         |                  |
//!                         v                  v
//!   leaves         +---------------+   +---------------+
//!                  | keys, handles |<->| keys, handles |    up to 124 items
//!                  +---------------+   +---------------+
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `order.rs` | scores as integers ([`Order`]), and what the tree asks of the owner of its items ([`Members`]) |
//! | `target.rs` | places between items, and how they are searched ([`Target`]) |
//! | `grid.rs` | the scores of a leaf in 32 bits each |
//! | `leaf.rs`, `inner.rs`, `arena.rs` | the nodes and their memory |
//!
//! An item is a score and the [`Handle`] of its member; the tree asks for members only where scores are equal. Each
//! inner node knows the first item and the number of items below each child. So the rank of a place is summed up on
//! the way down, and a rank is found without looking at any score.
//!
//! What keeps leaves full: an insert into a full leaf gives to a neighbour with room before it splits, and one at
//! either end of all items begins a new leaf instead of halving one, so that ascending and descending inserts fill
//! them. A leaf that falls under a quarter joins a neighbour with which it is not too full.

mod arena;
#[cfg(test)]
mod check;
mod grid;
mod inner;
mod leaf;
mod order;
mod target;

use std::ops::Range;

use crate::entry_map::Handle;
use arena::{Arena, NONE};
use inner::{CHILDREN, Child, Inner};
use leaf::{LEAF_ITEMS, Leaf};
pub(crate) use order::{Item, Members, Order};
pub(crate) use target::Target;

/// Inner levels of a tree, at most. 2^28 items need 4 in nodes that are half full, and 6 in nodes with a quarter.
const HEIGHT_MAX: usize = if cfg!(test) { 24 } else { 12 };
/// A node with fewer joins a neighbour if they have no more than the second together.
const LEAF_ITEMS_MIN: usize = LEAF_ITEMS / 4;
const LEAF_ITEMS_JOINED: usize = LEAF_ITEMS * 3 / 4;
const CHILDREN_MIN: usize = CHILDREN / 4;
const CHILDREN_JOINED: usize = CHILDREN * 3 / 4;
/// A leaf takes items from a full neighbour if it has room for so many.
const ROOM_WORTH_A_MOVE: usize = LEAF_ITEMS / 6;
const _: () = assert!(ROOM_WORTH_A_MOVE >= 2, "half of it is moved");

/// See the module.
pub(crate) struct RankTree {
    leaves: Arena<Leaf>,
    inners: Arena<Inner>,
    /// A leaf if `height` is 0, else an inner node; `NONE` in an empty tree.
    root: u32,
    /// Inner levels.
    height: usize,
    len: usize,
}

/// The way down to a leaf: at each inner level the node, and which child.
struct Path {
    steps: [(u32, u32); HEIGHT_MAX],
    leaf: u32,
}

/// A leaf, to whom walks along the items.
#[derive(Clone, Copy)]
pub(crate) struct LeafRef<'a>(&'a Leaf);

impl<'a> LeafRef<'a> {
    /// Its items, in order.
    #[inline]
    pub(crate) fn handles(self) -> &'a [Handle] {
        self.0.handles()
    }
}

impl RankTree {
    pub(crate) const fn new() -> RankTree {
        RankTree {
            leaves: Arena::new(),
            inners: Arena::new(),
            root: NONE,
            height: 0,
            len: 0,
        }
    }

    /// The number of items.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All that the tree has taken from the allocator.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.leaves.heap_bytes() + self.inners.heap_bytes()
    }

    /// How many allocations the tree consists of, about.
    pub(crate) fn allocations(&self) -> usize {
        self.leaves.len() + self.inners.len()
    }

    /// How many items are in front of a place.
    pub(crate) fn rank(&self, target: &Target<'_>, members: &impl Members) -> usize {
        let (mut node, mut rank) = (self.root, 0);
        if node == NONE {
            return 0;
        }
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let child = inner.child_of(target, members);
            rank += inner.count_before(child);
            node = inner.number(child);
        }
        let leaf = self.leaves.get(node);
        leaf.prefetch();
        rank + leaf.position(target, members)
    }

    /// The leaf with the item of this rank, which must be less than the number of items, and its place there.
    pub(crate) fn at(&self, rank: usize) -> (LeafRef<'_>, usize) {
        debug_assert!(rank < self.len);
        let (mut node, mut rank) = (self.root, rank);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let child;
            (child, rank) = inner.child_at(rank);
            node = inner.number(child);
        }
        (LeafRef(self.leaves.get(node)), rank)
    }

    /// The leaf behind this one.
    pub(crate) fn next<'a>(&'a self, leaf: LeafRef<'a>) -> Option<LeafRef<'a>> {
        let next = leaf.0.next;
        (next != NONE).then(|| LeafRef(self.leaves.get(next)))
    }

    /// The leaf before this one.
    pub(crate) fn prev<'a>(&'a self, leaf: LeafRef<'a>) -> Option<LeafRef<'a>> {
        let prev = leaf.0.prev;
        (prev != NONE).then(|| LeafRef(self.leaves.get(prev)))
    }

    /// Adds an item whose member is `member` and not in the tree.
    pub(crate) fn insert(&mut self, item: Item, member: &[u8], members: &impl Members) {
        if self.root == NONE {
            self.root = self.leaves.add(Leaf::new());
        }
        let target = Target::Item {
            order: item.order,
            member,
            after: false,
        };
        loop {
            let path = self.descend(|inner| inner.child_of(&target, members));
            let leaf = self.leaves.get_mut(path.leaf);
            let position = leaf.position(&target, members);
            if leaf.is_full() {
                self.make_room(&path, position, members);
                continue;
            }
            leaf.insert(position, item, members);
            for &(node, index) in &path.steps[..self.height] {
                *self.inners.get_mut(node).count_mut(index as usize) += 1;
            }
            if position == 0 {
                self.follow_first(&path, self.height, members);
            }
            self.len += 1;
            return;
        }
    }

    /// Removes an item, whose member is `member`.
    ///
    /// # Panics
    /// When it is not in the tree.
    pub(crate) fn remove(&mut self, item: Item, member: &[u8], members: &impl Members) {
        let (path, index) = self.locate(item, member, members);
        self.remove_from_leaf(&path, index..index + 1, members);
    }

    /// Moves an item, whose member is `member`, to where another score belongs, if that is in the same leaf; else
    /// removes it and returns false. The owner gives the member its score afterwards.
    pub(crate) fn shift_or_remove(
        &mut self,
        item: Item,
        member: &[u8],
        order: Order,
        members: &impl Members,
    ) -> bool {
        let (path, from) = self.locate(item, member, members);
        let target = Target::Item {
            order,
            member,
            after: false,
        };
        let leaf = self.leaves.get_mut(path.leaf);
        let to = leaf.position(&target, members);
        // at the ends the place may be in another leaf, or the first item changes
        let is_inside = from > 0 && (1..leaf.len()).contains(&to);
        let shifted = is_inside && leaf.shift(from, to, order);
        if !shifted {
            self.remove_from_leaf(&path, from..from + 1, members);
        }
        shifted
    }

    /// Removes items from `rank` on, at most `count`, but no more than are in the leaf; adds them to `removed`.
    pub(crate) fn remove_some(
        &mut self,
        mut rank: usize,
        count: usize,
        members: &impl Members,
        removed: &mut Vec<Handle>,
    ) {
        let path = self.descend(|inner| {
            let child;
            (child, rank) = inner.child_at(rank);
            child
        });
        let handles = self.leaves.get(path.leaf).handles();
        let range = rank..handles.len().min(rank + count);
        removed.extend_from_slice(&handles[range.clone()]);
        self.remove_from_leaf(&path, range, members);
    }

    /// The rank of an item, whose member is `member`.
    ///
    /// # Panics
    /// When it is not in the tree.
    pub(crate) fn rank_of(&self, item: Item, member: &[u8], members: &impl Members) -> usize {
        let (path, index) = self.locate(item, member, members);
        let before = path.steps[..self.height]
            .iter()
            .map(|&(node, child)| self.inners.get(node).count_before(child as usize));
        before.sum::<usize>() + index
    }

    /// The way to an item, whose member is `member`, and its place in the leaf.
    ///
    /// # Panics
    /// When it is not in the tree.
    fn locate(&self, item: Item, member: &[u8], members: &impl Members) -> (Path, usize) {
        let target = Target::Item {
            order: item.order,
            member,
            after: true,
        };
        let path = self.descend(|inner| inner.child_of(&target, members));
        let index = self.leaves.get(path.leaf).find(item);
        (path, index.expect("the item is in the tree"))
    }

    /// Goes down to a leaf, where `choose` says.
    #[inline]
    fn descend(&self, mut choose: impl FnMut(&Inner) -> usize) -> Path {
        let mut path = Path {
            steps: [(NONE, 0); HEIGHT_MAX],
            leaf: self.root,
        };
        for step in &mut path.steps[..self.height] {
            let inner = self.inners.get(path.leaf);
            let child = choose(inner);
            *step = (path.leaf, child as u32);
            path.leaf = inner.number(child);
        }
        self.leaves.get(path.leaf).prefetch();
        path
    }

    /// Makes room in the full leaf at the end of the path, for an item at `position`. Paths are void afterwards.
    fn make_room(&mut self, path: &Path, position: usize, members: &impl Members) {
        let Leaf { prev, next, .. } = *self.leaves.get(path.leaf);
        let kept = match position {
            LEAF_ITEMS if next == NONE => LEAF_ITEMS - 1,
            0 if prev == NONE => 1,
            _ if self.share(path, members) => return,
            _ => LEAF_ITEMS / 2,
        };
        let added = self.leaves.add(Leaf::new());
        let (leaf, new) = self.leaves.get_two(path.leaf, added);
        leaf.move_back(LEAF_ITEMS - kept, new, members);
        leaf.refine(members);
        new.refine(members);
        self.link(path.leaf, added);
        self.link(added, next);
        let child = self.leaf_as_child(added, members);
        self.add_behind(path, self.height, child, members);
    }

    /// Moves items from the full leaf at the end of the path to a neighbour with room. False if there is none.
    fn share(&mut self, path: &Path, members: &impl Members) -> bool {
        let Some(&(parent, index)) = path.steps[..self.height].last() else {
            return false;
        };
        let (index, parent) = (index as usize, self.inners.get_mut(parent));
        let room = |child: usize| LEAF_ITEMS - parent.child(child).count as usize;
        if index + 1 < parent.len() && room(index + 1) >= ROOM_WORTH_A_MOVE {
            let count = room(index + 1) / 2;
            let (leaf, next) = self.leaves.get_two(path.leaf, parent.number(index + 1));
            leaf.move_back(count, next, members);
            parent.set_first(index + 1, next.first(members));
            *parent.count_mut(index) -= count as u32;
            *parent.count_mut(index + 1) += count as u32;
            true
        } else if index > 0 && room(index - 1) >= ROOM_WORTH_A_MOVE {
            let count = room(index - 1) / 2;
            let (leaf, prev) = self.leaves.get_two(path.leaf, parent.number(index - 1));
            leaf.move_front(count, prev, members);
            parent.set_first(index, leaf.first(members));
            *parent.count_mut(index) -= count as u32;
            *parent.count_mut(index - 1) += count as u32;
            true
        } else {
            false
        }
    }

    /// Puts a new node behind the path's node at `depth`, out of which its items have come.
    fn add_behind(&mut self, path: &Path, depth: usize, child: Child, members: &impl Members) {
        if depth == 0 {
            let mut root = Inner::new();
            root.insert(0, self.root_as_child(members));
            root.insert(1, child);
            self.root = self.inners.add(root);
            self.height += 1;
            assert!(self.height <= HEIGHT_MAX, "the tree is too high");
            return;
        }
        let (number, index) = path.steps[depth - 1];
        let (parent, index) = (self.inners.get_mut(number), index as usize);
        *parent.count_mut(index) -= child.count;
        if !parent.is_full() {
            return parent.insert(index + 1, child);
        }
        let kept = match index + 1 {
            CHILDREN => CHILDREN - 1,
            _ => CHILDREN / 2,
        };
        let mut new = Inner::new();
        parent.move_to(kept, &mut new);
        if index < kept {
            parent.insert(index + 1, child);
        } else {
            new.insert(index + 1 - kept, child);
        }
        let added = self.inners.add(new);
        let child = self.inner_as_child(added);
        self.add_behind(path, depth - 1, child, members);
    }

    /// Takes items out of the leaf at the end of the path. Paths are void afterwards.
    fn remove_from_leaf(&mut self, path: &Path, range: Range<usize>, members: &impl Members) {
        self.len -= range.len();
        for &(node, index) in &path.steps[..self.height] {
            *self.inners.get_mut(node).count_mut(index as usize) -= range.len() as u32;
        }
        let leaf = self.leaves.get_mut(path.leaf);
        leaf.remove(range.clone());
        match leaf.len() {
            0 => {
                self.remove_leaf(path.leaf);
                self.remove_child(path, self.height, members);
            }
            len => {
                if range.start == 0 {
                    self.follow_first(path, self.height, members);
                }
                if len < LEAF_ITEMS_MIN {
                    self.join(path, self.height, members);
                }
            }
        }
    }

    /// Takes the path's node at `depth`, which is no more, out of its parent.
    fn remove_child(&mut self, path: &Path, depth: usize, members: &impl Members) {
        if depth == 0 {
            (self.root, self.height) = (NONE, 0);
            return;
        }
        let (number, index) = path.steps[depth - 1];
        let parent = self.inners.get_mut(number);
        parent.remove(index as usize);
        match parent.len() {
            0 => {
                self.inners.remove(number);
                self.remove_child(path, depth - 1, members);
            }
            len => {
                if index == 0 {
                    self.follow_first(path, depth - 1, members);
                }
                if len < CHILDREN_MIN {
                    self.join(path, depth - 1, members);
                }
            }
        }
    }

    /// Joins the path's node at `depth` with a neighbour, if that does not make it too full.
    fn join(&mut self, path: &Path, depth: usize, members: &impl Members) {
        if depth == 0 {
            return self.lower_root();
        }
        let (number, index) = path.steps[depth - 1];
        let (parent, index) = (self.inners.get(number), index as usize);
        let is_leaf = depth == self.height;
        let len = |index: usize| match is_leaf {
            true => self.leaves.get(parent.number(index)).len(),
            false => self.inners.get(parent.number(index)).len(),
        };
        let joined = if is_leaf {
            LEAF_ITEMS_JOINED
        } else {
            CHILDREN_JOINED
        };
        let fits = |left: usize| left + 1 < parent.len() && len(left) + len(left + 1) <= joined;
        let Some(left) = [index, index.wrapping_sub(1)]
            .into_iter()
            .find(|&left| left < parent.len() && fits(left))
        else {
            return;
        };
        let (target, source) = (parent.number(left), parent.child(left + 1));
        if is_leaf {
            let (source, target) = self.leaves.get_two(source.number, target);
            source.move_front(source.len(), target, members);
        } else {
            let (source, target) = self.inners.get_two(source.number, target);
            source.move_to(0, target);
        }
        let parent = self.inners.get_mut(number);
        *parent.count_mut(left) += source.count;
        parent.remove(left + 1);
        let len = parent.len();
        match is_leaf {
            true => self.remove_leaf(source.number),
            false => self.inners.remove(source.number),
        }
        if len < CHILDREN_MIN {
            self.join(path, depth - 1, members);
        }
    }

    /// Lets the only child of the root be the root.
    fn lower_root(&mut self) {
        while self.height > 0 && self.inners.get(self.root).len() == 1 {
            let child = self.inners.get(self.root).number(0);
            self.inners.remove(self.root);
            self.root = child;
            self.height -= 1;
        }
    }

    /// The path's node at `depth` has another first item: tells those above it.
    fn follow_first(&mut self, path: &Path, depth: usize, members: &impl Members) {
        let first = match path.steps[..self.height].get(depth) {
            Some(&(inner, _)) => self.inners.get(inner).child(0).first,
            None => self.leaves.get(path.leaf).first(members),
        };
        for &(node, index) in path.steps[..depth].iter().rev() {
            self.inners.get_mut(node).set_first(index as usize, first);
            if index > 0 {
                return;
            }
        }
    }

    /// Frees an empty leaf.
    fn remove_leaf(&mut self, number: u32) {
        let Leaf { prev, next, .. } = *self.leaves.get(number);
        self.link(prev, next);
        self.leaves.remove(number);
    }

    /// Makes two leaves neighbours; either may be `NONE`.
    fn link(&mut self, prev: u32, next: u32) {
        if prev != NONE {
            self.leaves.get_mut(prev).next = next;
        }
        if next != NONE {
            self.leaves.get_mut(next).prev = prev;
        }
    }

    fn leaf_as_child(&self, number: u32, members: &impl Members) -> Child {
        let leaf = self.leaves.get(number);
        Child {
            number,
            count: leaf.len() as u32,
            first: leaf.first(members),
        }
    }

    fn inner_as_child(&self, number: u32) -> Child {
        let inner = self.inners.get(number);
        Child {
            number,
            count: inner.count_before(inner.len()) as u32,
            first: inner.child(0).first,
        }
    }

    fn root_as_child(&self, members: &impl Members) -> Child {
        match self.height {
            0 => self.leaf_as_child(self.root, members),
            _ => self.inner_as_child(self.root),
        }
    }
}
