//! Taking out and putting in whole stretches; removal by text.

use std::ops::Range;

use super::QuickList;
use super::node::{Entry, NodeBuf};
use crate::{Item, Listpack};

/// An insertion, or a replacement, changes this many nodes on either side of the one that it concerns.
const REACH: usize = 2;

/// What was cut out of a list, and where; see [`QuickList::cut`].
#[derive(Debug, Default)]
pub struct Cut {
    list: QuickList,
    /// The node and the offset of the first element. If that is not the first of its node, the first node of `list` is a
    /// piece of that one.
    node: usize,
    offset: usize,
    /// The last node of `list` is the beginning of the node that is behind it.
    parts_last: bool,
}

impl Cut {
    /// The elements.
    pub fn list(&self) -> &QuickList {
        &self.list
    }

    /// The elements.
    pub fn into_list(self) -> QuickList {
        self.list
    }
}

/// Some nodes of a list as they were; see [`QuickList::nodes_around`].
#[derive(Debug)]
pub struct Nodes {
    begin: usize,
    /// Nodes behind these.
    behind: usize,
    list: QuickList,
}

impl Nodes {
    /// Bytes of heap that they own.
    pub fn heap_bytes(&self) -> usize {
        self.list.heap_bytes()
    }
}

/// Where elements were that were removed; see [`QuickList::remove_matching`].
#[derive(Debug, Default)]
pub struct Removed {
    /// The number of the node and the offset in it that each had before anything was removed.
    places: Vec<(u32, u32)>,
    /// Nodes that went with them, and whether they were plain.
    emptied: Vec<(u32, bool)>,
}

impl Removed {
    /// Bytes of heap that it owns.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(self.places.as_slice()) + size_of_val(self.emptied.as_slice())
    }
}

impl QuickList {
    /// Takes out `count` elements from `start` on, or as many as there are. Nodes that go as a whole are moved, so the
    /// cost is that of the nodes, not of the elements.
    pub fn cut(&mut self, start: usize, count: usize) -> Cut {
        let mut left = count.min(self.len.saturating_sub(start));
        let mut cut = Cut::default();
        if left == self.len {
            cut.list = std::mem::take(self);
            return cut;
        }
        let Some((mut node, offset)) = self.locate(start) else {
            return cut;
        };
        (cut.node, cut.offset) = (node, offset);
        let taken = &mut cut.list;
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
            cut.parts_last = true;
        }
        cut
    }

    /// Puts back what was cut out, when the list is as the cut has left it: every element into the node that it was in.
    pub fn heal(&mut self, cut: Cut) {
        let (mut list, mut node) = (cut.list, cut.node);
        if cut.offset > 0
            && let Some(piece) = list.take_entry(0)
        {
            self.change(node, |entry| entry.put_back(cut.offset, piece));
            node += 1;
        }
        let last = match cut.parts_last {
            true => list.take_entry(list.nodes.len() - 1),
            false => None,
        };
        let behind = node + list.nodes.len();
        self.replace_nodes(node..node, list);
        if let Some(piece) = last {
            self.change(behind, |entry| entry.put_back(0, piece));
        }
    }

    /// Puts the nodes of a list in the place of some.
    fn replace_nodes(&mut self, nodes: Range<usize>, list: QuickList) {
        let tail = self.nodes.split_off(nodes.end);
        let gone = self.nodes.split_off(nodes.start);
        self.len -= gone.iter().map(Entry::len).sum::<usize>();
        self.node_bytes -= gone.iter().map(Entry::heap_bytes).sum::<usize>();
        self.len += list.len;
        self.node_bytes += list.node_bytes;
        self.nodes.append(list.nodes);
        self.nodes.append(tail);
    }

    /// Copies the nodes that may be split and merged when something is put beside the element at `index`, or in its place.
    pub fn nodes_around(&self, index: usize) -> Nodes {
        let node = self.locate(index).map_or(0, |(node, _)| node);
        let begin = node.saturating_sub(REACH);
        let end = (node + REACH + 1).min(self.nodes.len());
        let mut list = QuickList::new();
        for entry in self.nodes.range(begin, end) {
            list.insert_entry(list.nodes.len(), entry.clone());
        }
        Nodes {
            begin,
            behind: self.nodes.len() - end,
            list,
        }
    }

    /// Puts back these nodes, in the place of what they have become.
    pub fn put_back_nodes(&mut self, nodes: Nodes) {
        let end = self.nodes.len() - nodes.behind;
        self.replace_nodes(nodes.begin..end, nodes.list);
    }

    /// Takes up to `count` elements out of a node of another list, and appends them as a node.
    fn take_from(&mut self, other: &mut QuickList, node: usize, offset: usize, count: usize) {
        if let Some(entry) = other.change(node, |entry| entry.take(offset, count)) {
            self.insert_entry(self.nodes.len(), entry);
        }
    }

    /// Removes `count` elements from `start` on, or as many as there are. What goes is freed here; where that must not
    /// be, use [`QuickList::cut`].
    pub fn remove_range(&mut self, start: usize, count: usize) {
        self.cut(start, count);
    }

    /// Removes the first `limit` elements with this text, or the last ones (`from_back`); returns how many. If `removed` is
    /// given it is told what [`QuickList::put_back`] needs.
    pub fn remove_matching(
        &mut self,
        needle: &[u8],
        from_back: bool,
        limit: usize,
        mut removed: Option<&mut Removed>,
    ) -> usize {
        let (needle, mut left) = (Item::of(needle), limit);
        let nodes = self.nodes.len();
        let mut emptied = false;
        for step in 0..nodes {
            if left == 0 {
                break;
            }
            let node = if from_back { nodes - 1 - step } else { step };
            let count = self.nodes[node].len();
            let found = self.change(node, |entry| {
                entry.remove_matching(needle, from_back, left, &mut |offset| {
                    if let Some(removed) = &mut removed {
                        removed.places.push((node as u32, offset as u32));
                    }
                })
            });
            left -= found;
            if found == count {
                emptied = true;
                if let Some(removed) = &mut removed {
                    let is_plain = self.nodes[node].pack().is_none();
                    removed.emptied.push((node as u32, is_plain));
                }
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

    /// Puts back the elements with this text that were removed, each into the node that it was in.
    pub fn put_back(&mut self, text: &[u8], removed: Removed) {
        let Removed {
            mut places,
            mut emptied,
        } = removed;
        places.sort_unstable();
        emptied.sort_unstable();
        for (node, is_plain) in emptied {
            let entry = match is_plain {
                true => Entry::plain(text),
                false => Entry::new(NodeBuf::Packed(Listpack::new())),
            };
            self.insert_entry(node as usize, entry);
        }
        for (node, offset) in places {
            // one that is plain is the element
            self.insert_into(node as usize, offset as usize, text);
        }
    }
}
