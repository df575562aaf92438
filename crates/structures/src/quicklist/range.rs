//! Taking out and putting in whole stretches; removal by text.

use super::node::Entry;
use super::{Fill, QuickList};
use crate::Item;

impl QuickList {
    /// Takes out `count` elements from `start` on, or as many as there are. Nodes that go as a whole are moved, so the
    /// cost is that of the nodes, not of the elements.
    pub fn take_range(&mut self, start: usize, count: usize) -> QuickList {
        let mut taken = QuickList::new();
        let mut left = count.min(self.len.saturating_sub(start));
        if left == self.len {
            return std::mem::take(self);
        }
        let Some((mut node, offset)) = self.locate(start) else {
            return taken;
        };
        if left > 0 && offset > 0 {
            taken.take_from(self, node, offset, left);
            left -= taken.len;
            node += 1;
        }
        let mut end = node;
        while left > 0 && self.nodes[end].len() <= left {
            left -= self.nodes[end].len();
            end += 1;
        }
        let mut whole = self.nodes.split_off(node);
        self.nodes.append(whole.split_off(end - node));
        let len: usize = whole.iter().map(Entry::len).sum();
        let bytes: usize = whole.iter().map(Entry::heap_bytes).sum();
        self.len -= len;
        self.node_bytes -= bytes;
        taken.len += len;
        taken.node_bytes += bytes;
        taken.nodes.append(whole);
        if left > 0 {
            taken.take_from(self, node, 0, left);
        }
        taken
    }

    /// Takes up to `count` elements out of a node of another list, and appends them as a node.
    fn take_from(&mut self, other: &mut QuickList, node: usize, offset: usize, count: usize) {
        if let Some(entry) = other.change(node, |entry| entry.take(offset, count)) {
            self.insert_entry(self.nodes.len(), entry);
        }
    }

    /// Removes `count` elements from `start` on, or as many as there are. What goes is freed here; where that must not
    /// be, use [`QuickList::take_range`].
    pub fn remove_range(&mut self, start: usize, count: usize) {
        self.take_range(start, count);
    }

    /// Puts all elements of `list` in, so that its first stands at `index`, which is at most [`QuickList::len`]: the
    /// inverse of [`QuickList::take_range`]. Nodes are moved; at the two seams they are merged where the limits allow
    /// it, so that what a cut has parted comes together again.
    pub fn insert_list(&mut self, index: usize, list: QuickList, fill: Fill) {
        if list.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = list;
            return;
        }
        let node = match self.locate(index) {
            None => self.nodes.len(),
            Some((node, 0)) => node,
            Some((node, offset)) => {
                self.split(node, offset);
                node + 1
            }
        };
        let added = list.nodes.len();
        self.len += list.len;
        self.node_bytes += list.node_bytes;
        let tail = self.nodes.split_off(node);
        self.nodes.append(list.nodes);
        self.nodes.append(tail);
        self.merge(node + added - 1, fill);
        if let Some(before) = node.checked_sub(1) {
            self.merge(before, fill);
        }
    }

    /// Removes the first `limit` elements with this text, or the last ones (`from_back`); returns how many. `removed` is
    /// told, in the order of removal, the index that each had before anything was removed.
    pub fn remove_matching(
        &mut self,
        needle: &[u8],
        from_back: bool,
        limit: usize,
        mut removed: impl FnMut(usize),
    ) -> usize {
        let (needle, mut left) = (Item::of(needle), limit);
        let nodes = self.nodes.len();
        let mut begin = if from_back { self.len } else { 0 };
        let mut emptied = false;
        for step in 0..nodes {
            if left == 0 {
                break;
            }
            let node = if from_back { nodes - 1 - step } else { step };
            let count = self.nodes[node].len();
            if from_back {
                begin -= count;
            }
            let found = self.change(node, |entry| {
                entry.remove_matching(needle, from_back, left, &mut |offset| {
                    removed(begin + offset);
                })
            });
            left -= found;
            emptied |= found == count;
            if !from_back {
                begin += count;
            }
        }
        if emptied {
            // They count nothing any more, but they own.
            let empty = self.nodes.iter().filter(|entry| entry.count == 0);
            self.node_bytes -= empty.map(|entry| entry.heap_bytes()).sum::<usize>();
            self.nodes.retain(|entry| entry.count > 0);
        }
        limit - left
    }
}
