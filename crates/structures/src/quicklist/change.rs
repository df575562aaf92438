//! Changes in the middle.

use super::node::{Entry, NodeBuf};
use super::{Fill, QuickList};
use crate::Item;

impl QuickList {
    /// Puts an element in the place of the one at `index`; false if there is none.
    pub fn set(&mut self, index: i64, text: &[u8], fill: Fill) -> bool {
        let Some((node, offset)) = self.index_of(index).and_then(|index| self.locate(index)) else {
            return false;
        };
        let large = fill.is_large(text.len());
        match &mut self.nodes[node].buf {
            NodeBuf::Packed(_) if large => self.set_large(node, offset, text, fill),
            // However long the node becomes: so does the reference.
            NodeBuf::Packed(_) => self.change(node, |entry| {
                if let Some(pack) = entry.pack_mut()
                    && let Some(at) = pack.seek(offset as i64)
                {
                    pack.replace(at, Item::of(text));
                }
            }),
            NodeBuf::Plain(_) if large => {
                self.change(node, |entry| *entry = Entry::plain(text));
            }
            NodeBuf::Plain(_) => {
                self.insert_beside(node, offset, true, text, fill);
                self.remove_entry(node);
            }
        }
        true
    }

    /// Whether [`QuickList::set`] puts the element into another node than the one at `index` is in.
    pub fn set_moves(&self, index: usize, len: usize, fill: Fill) -> bool {
        let node = self
            .locate(index)
            .and_then(|(node, _)| self.nodes.get(node));
        node.is_some_and(|entry| entry.pack().is_some() == fill.is_large(len))
    }

    /// Puts back the element that was at `index` before a [`QuickList::set`] that did not move it.
    pub fn set_back(&mut self, index: usize, text: &[u8]) {
        let Some((node, offset)) = self.locate(index) else {
            return;
        };
        self.change(node, |entry| match entry.pack_mut() {
            Some(pack) => {
                if let Some(at) = pack.seek(offset as i64) {
                    pack.replace(at, Item::of(text));
                }
            }
            None => *entry = Entry::plain(text),
        });
    }

    /// Puts an element too large for a packed node in the place of one in a packed node.
    fn set_large(&mut self, node: usize, offset: usize, text: &[u8], fill: Fill) {
        self.split(node, offset + 1);
        self.insert_entry(node + 1, Entry::plain(text));
        if self.nodes[node].count == 1 {
            self.remove_entry(node);
            return;
        }
        self.change(node, |entry| drop(entry.take(offset, 1)));
        self.merge_around(node + 1, fill);
    }

    /// Adds an element so that it stands at `index`, which is at most [`QuickList::len`].
    pub fn insert(&mut self, index: usize, text: &[u8], fill: Fill) {
        if index < self.len {
            self.insert_before(index, text, fill);
        } else {
            self.push_back(text, fill);
        }
    }

    /// Adds an element before the one at `index`. (To which node it goes can depend on whether one says "before this" or
    /// "behind the one before".) Nothing happens if there is none.
    pub fn insert_before(&mut self, index: usize, text: &[u8], fill: Fill) {
        if let Some((node, offset)) = self.locate(index) {
            self.insert_beside(node, offset, false, text, fill);
        }
    }

    /// Adds an element behind the one at `index`. Nothing happens if there is none.
    pub fn insert_after(&mut self, index: usize, text: &[u8], fill: Fill) {
        if let Some((node, offset)) = self.locate(index) {
            self.insert_beside(node, offset, true, text, fill);
        }
    }

    /// Whether an element that is added beside the one at `index`, `after` or before it, parts nodes.
    pub fn insert_parts(&self, index: usize, after: bool, len: usize, fill: Fill) -> bool {
        let Some((node, offset)) = self.locate(index) else {
            return false;
        };
        let entry = &self.nodes[node];
        let place = offset + usize::from(after);
        !entry.allows_insert(fill, len) && (1..entry.len()).contains(&place)
    }

    /// Adds an element beside the one at `offset` of a node: `after` or before it.
    fn insert_beside(&mut self, node: usize, offset: usize, after: bool, text: &[u8], fill: Fill) {
        let entry = &self.nodes[node];
        // Where in the node the new one would stand, and if that is its edge, the node on the other side.
        let place = offset + usize::from(after);
        let beyond = match place {
            0 => Some(node.wrapping_sub(1)),
            place if place == entry.len() => Some(node + 1),
            _ => None,
        };
        if entry.allows_insert(fill, text.len()) {
            return self.insert_into(node, place, text);
        }
        if let Some(beyond) = beyond {
            return match self.nodes.get(beyond) {
                Some(entry) if entry.allows_insert(fill, text.len()) => {
                    let place = if after { 0 } else { entry.len() };
                    self.insert_into(beyond, place, text);
                }
                _ => {
                    self.insert_entry(node + usize::from(after), Entry::single(text, fill));
                }
            };
        }
        self.split(node, place);
        if fill.is_large(text.len()) {
            return self.insert_entry(node + 1, Entry::plain(text));
        }
        // To the half that the element beside is not in, which may then find a place with a neighbour.
        if after {
            self.insert_into(node + 1, 0, text);
            self.merge_around(node, fill);
        } else {
            self.insert_into(node, place, text);
            self.merge_around(node + 1, fill);
        }
    }

    /// Adds an element at this place of a packed node.
    pub(super) fn insert_into(&mut self, node: usize, place: usize, text: &[u8]) {
        self.change(node, |entry| {
            let NodeBuf::Packed(pack) = &mut entry.buf else {
                return;
            };
            match pack.seek(place as i64) {
                Some(at) => {
                    pack.insert_before(at, Item::of(text));
                }
                None => pack.push_back(Item::of(text)),
            }
            entry.count += 1;
        });
    }

    /// Cuts a packed node in two, so that the first has `keep` elements. Not if the second would have none.
    pub(super) fn split(&mut self, node: usize, keep: usize) {
        if let Some(tail) = self.change(node, |entry| entry.take(keep, usize::MAX)) {
            self.insert_entry(node + 1, tail);
        }
    }

    /// Merges the node with those around it, and those with their neighbours, where the limits allow it: first the two
    /// before it, then the two behind it, then it with what is before and what is behind.
    fn merge_around(&mut self, center: usize, fill: Fill) {
        let mut center = center;
        if center >= 2 && self.merge(center - 2, fill) {
            center -= 1;
        }
        self.merge(center + 1, fill);
        if center >= 1 && self.merge(center - 1, fill) {
            center -= 1;
        }
        self.merge(center, fill);
    }

    /// Makes this node and the one behind it one, if the limits allow it.
    pub(super) fn merge(&mut self, node: usize, fill: Fill) -> bool {
        let (Some(a), Some(b)) = (self.nodes.get(node), self.nodes.get(node + 1)) else {
            return false;
        };
        if !a.allows_merge(b, fill) {
            return false;
        }
        let Some(next) = self.nodes.remove(node + 1) else {
            return false;
        };
        self.len -= next.len();
        self.node_bytes -= next.heap_bytes();
        self.change(node, |entry| {
            if let (Some(pack), Some(next)) = (entry.pack_mut(), next.pack()) {
                pack.append(next);
            }
            entry.count += next.count;
        });
        true
    }

    /// Removes the element at `index`; false if there is none.
    pub fn remove(&mut self, index: usize) -> bool {
        let Some((node, offset)) = self.locate(index) else {
            return false;
        };
        if self.nodes[node].count == 1 {
            self.remove_entry(node);
        } else {
            self.change(node, |entry| drop(entry.take(offset, 1)));
        }
        true
    }
}
