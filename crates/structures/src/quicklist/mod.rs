//! QuickList: a long list, cut into nodes as the reference cuts it.
//!
//! ```text
//!   nodes (a tiered vector of 32 bytes each):  | packed, 455 | packed, 1 | plain | packed, 210 |
//!                                                  |             |         |          |
//!                                              Listpack      Listpack    bytes     Listpack
//! ```
//!
//! * A *packed* node is a listpack of as many elements as `list-max-listpack-size` allows ([`Fill`]). An element that is
//!   larger than any node may be is a *plain* node of its own.
//! * Which node an element goes to, when a node is split and when two are merged is decided exactly as in the reference,
//!   because DUMP shows it. Nodes are never compressed.
//! * The first and the last node may have spare room for what is pushed next; those between are as large as their
//!   content (up to an eighth more). A listpack has room at either end, so a push moves six bytes, at the front as at
//!   the back.
//! * An element is found by its index by adding up the nodes' counts from the nearer end. They stand side by side, 32
//!   bytes each: among a hundred million elements of 16 bytes that is a walk over 7 MB of memory, 4 KiB at a time, where
//!   the reference follows two hundred thousand pointers.
//!
//! | file | holds |
//! |---|---|
//! | `fill.rs` | [`Fill`]: how large nodes are |
//! | `node.rs` | a node |
//! | `ends.rs` | pushing and popping |
//! | `change.rs` | changes in the middle |
//! | `range.rs` | taking out and putting in whole stretches; removal by text |
//! | `iter.rs` | finding and walking |
//!
//! Follows `src/quicklist.c` of Valkey.

mod change;
mod ends;
mod fill;
mod iter;
#[cfg(test)]
mod model;
mod node;
mod range;

use crate::Listpack;
use crate::cpu::prefetch;
use crate::tiered_vec::TieredVec;
use node::Entry;

pub use ends::EndNode;
pub use fill::Fill;
pub use iter::{Iter, IterBack};
pub use node::{Node, NodeBuf};
pub use range::{Cut, Nodes, Removed};

/// A long list; see the module.
///
/// Indexes are from 0, the front; where an `i64` is asked for, negative ones count from the back.
#[derive(Default)]
pub struct QuickList {
    nodes: TieredVec<Entry>,
    /// Elements of all nodes.
    len: usize,
    /// Bytes of heap that the nodes own.
    node_bytes: usize,
}

impl QuickList {
    /// One without elements; allocates nothing.
    pub fn new() -> QuickList {
        QuickList::default()
    }

    /// Asks for what leads to the elements at these ends, as a hint, step after step, and at last for them; whether there
    /// is another step.
    #[inline]
    pub fn prefetch_ends(&self, step: usize, front: bool, back: bool) -> bool {
        // nothing has to be asked for before the nodes
        let step = step + usize::from(!self.nodes.is_spilled());
        if step == 0 {
            self.nodes.prefetch_ends();
            return true;
        }
        let at_front = front.then(|| self.nodes.front()).flatten();
        let at_back = back.then(|| self.nodes.back()).flatten();
        for (node, at_front) in [(at_front, true), (at_back, false)] {
            match node {
                Some(node) if step > 1 => node.prefetch_end(at_front),
                Some(node) => prefetch(node),
                None => {}
            }
        }
        step == 1
    }

    /// One of a single packed node.
    pub fn from_listpack(pack: Listpack) -> QuickList {
        QuickList::from_nodes([NodeBuf::Packed(pack)])
    }

    /// One of these nodes; empty listpacks are left out. No limit of [`Fill`] is asked: a node from outside stays as it
    /// is, as in the reference.
    pub fn from_nodes(nodes: impl IntoIterator<Item = NodeBuf>) -> QuickList {
        let mut list = QuickList::new();
        nodes.into_iter().for_each(|node| list.append_node(node));
        list
    }

    /// Adds a node behind the last, unless it is an empty listpack.
    pub fn append_node(&mut self, node: NodeBuf) {
        let entry = Entry::new(node);
        if entry.count > 0 {
            self.insert_entry(self.nodes.len(), entry);
        }
    }

    /// The nodes in order: what DUMP and RDB files hold.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = Node<'_>> + ExactSizeIterator {
        self.nodes.iter().map(Entry::node)
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Are there no elements?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of heap that it owns, unused ones included. Kept as a figure, so asking costs nothing.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.node_bytes + self.nodes.heap_bytes()
    }

    /// How many allocations it consists of, about: what dropping it costs.
    #[inline]
    pub fn allocations(&self) -> usize {
        self.nodes.len()
    }

    /// Should it be a single listpack instead? So it is with one packed node within the limits; while a list shrinks
    /// (`shrinking`), within half of them, so that it does not turn to and fro.
    pub fn fits_listpack(&self, fill: Fill, shrinking: bool) -> bool {
        // asked at every pop: most lists have more nodes, and none of them need be looked at
        if self.nodes.len() != 1 {
            return false;
        }
        let pack = self.nodes.front().and_then(Entry::pack);
        pack.is_some_and(|pack| fill.fits_listpack(pack.byte_len(), self.len, shrinking))
    }

    /// The listpack of the one node; the list itself if there are more, or none, or a plain one.
    pub fn into_listpack(mut self) -> Result<Listpack, QuickList> {
        if self.nodes.len() != 1 {
            return Err(self);
        }
        match self.nodes.remove(0).map(|entry| entry.buf) {
            Some(NodeBuf::Packed(pack)) => Ok(pack),
            Some(plain) => Err(QuickList::from_nodes([plain])),
            None => Err(self),
        }
    }

    fn insert_entry(&mut self, index: usize, entry: Entry) {
        self.len += entry.len();
        self.node_bytes += entry.heap_bytes();
        self.nodes.insert(index, entry);
    }

    fn remove_entry(&mut self, index: usize) {
        self.take_entry(index);
    }

    fn take_entry(&mut self, index: usize) -> Option<Entry> {
        let entry = self.nodes.remove(index)?;
        self.len -= entry.len();
        self.node_bytes -= entry.heap_bytes();
        Some(entry)
    }

    /// Changes a node, and the figures with it.
    #[inline]
    fn change<R>(&mut self, index: usize, change: impl FnOnce(&mut Entry) -> R) -> R {
        let entry = &mut self.nodes[index];
        let (len, bytes) = (entry.len(), entry.heap_bytes());
        let result = change(entry);
        self.len = self.len + entry.len() - len;
        self.node_bytes = self.node_bytes + entry.heap_bytes() - bytes;
        result
    }
}

impl Clone for QuickList {
    fn clone(&self) -> Self {
        let nodes = self.nodes.clone();
        QuickList {
            // those of the copies, which have no spare room
            node_bytes: nodes.iter().map(Entry::heap_bytes).sum(),
            nodes,
            len: self.len,
        }
    }
}

impl std::fmt::Debug for QuickList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.nodes()).finish()
    }
}
