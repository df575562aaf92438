//! Pushing and popping: what lists are for.

use super::node::{Entry, NodeBuf};
use super::{Fill, QuickList};
use crate::{Item, Listpack};

/// What the element at an end shares its node with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndNode {
    /// With others.
    Shared,
    /// With none, but others might come.
    Packed,
    /// With none, as it is large.
    Plain,
}

impl QuickList {
    /// What the first or the last element shares its node with.
    #[inline]
    pub fn end_node(&self, at_front: bool) -> EndNode {
        let end = match at_front {
            true => self.nodes.front(),
            false => self.nodes.back(),
        };
        match end {
            Some(entry) if entry.count > 1 => EndNode::Shared,
            Some(entry) if entry.pack().is_some() => EndNode::Packed,
            _ => EndNode::Plain,
        }
    }

    /// Puts back an element that was popped, when the list is as that has left it: into a node like the one that it was in.
    pub fn put_back_end(&mut self, at_front: bool, text: &[u8], node: EndNode) {
        let behind = self.nodes.len();
        let entry = match (node, at_front) {
            (EndNode::Shared, true) => return self.insert_into(0, 0, text),
            (EndNode::Shared, false) => {
                let count = self.nodes.back().map_or(0, Entry::len);
                return self.insert_into(behind.saturating_sub(1), count, text);
            }
            (EndNode::Packed, _) => Entry::packed(text),
            (EndNode::Plain, _) => Entry::plain(text),
        };
        self.insert_entry(if at_front { 0 } else { behind }, entry);
    }

    /// The first element.
    #[inline]
    pub fn front(&self) -> Option<Item<'_>> {
        match &self.nodes.front()?.buf {
            NodeBuf::Packed(pack) => Some(pack.get(pack.first()?)),
            NodeBuf::Plain(bytes) => Some(Item::Bytes(bytes)),
        }
    }

    /// The last element.
    #[inline]
    pub fn back(&self) -> Option<Item<'_>> {
        match &self.nodes.back()?.buf {
            NodeBuf::Packed(pack) => Some(pack.get(pack.last()?)),
            NodeBuf::Plain(bytes) => Some(Item::Bytes(bytes)),
        }
    }

    /// Adds an element before the first.
    #[inline]
    pub fn push_front(&mut self, text: &[u8], fill: Fill) {
        match self.nodes.front_mut().map(Entry::pack_mut_with_count) {
            Some(Some((pack, count)))
                if fill.allows_insert(pack.byte_len(), *count, text.len()) =>
            {
                let bytes = pack.heap_bytes();
                pack.push_front(Item::of(text));
                self.node_bytes += pack.heap_bytes() - bytes;
                *count += 1;
                self.len += 1;
            }
            _ => self.push_front_node(text, fill),
        }
    }

    /// Adds an element behind the last.
    #[inline]
    pub fn push_back(&mut self, text: &[u8], fill: Fill) {
        match self.nodes.back_mut().map(Entry::pack_mut_with_count) {
            Some(Some((pack, count)))
                if fill.allows_insert(pack.byte_len(), *count, text.len()) =>
            {
                let bytes = pack.heap_bytes();
                pack.push_back(Item::of(text));
                self.node_bytes += pack.heap_bytes() - bytes;
                *count += 1;
                self.len += 1;
            }
            _ => self.push_back_node(text, fill),
        }
    }

    /// Hands the first element to `read` and removes it.
    #[inline]
    pub fn pop_front<R>(&mut self, read: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let entry = self.nodes.front_mut()?;
        if let NodeBuf::Packed(pack) = &mut entry.buf
            && entry.count > 1
        {
            let at = pack.first()?;
            let result = read(pack.get(at));
            pack.drop_first(at);
            entry.count -= 1;
            self.len -= 1;
            return Some(result);
        }
        let result = read(self.front()?);
        self.remove_entry(0);
        Some(result)
    }

    /// Hands the last element to `read` and removes it.
    #[inline]
    pub fn pop_back<R>(&mut self, read: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let entry = self.nodes.back_mut()?;
        if let NodeBuf::Packed(pack) = &mut entry.buf
            && entry.count > 1
        {
            let at = pack.last()?;
            let result = read(pack.get(at));
            pack.drop_last(at);
            entry.count -= 1;
            self.len -= 1;
            return Some(result);
        }
        let result = read(self.back()?);
        self.remove_entry(self.nodes.len() - 1);
        Some(result)
    }

    #[cold]
    fn push_front_node(&mut self, text: &[u8], fill: Fill) {
        let entry = self.new_end(self.nodes.front(), text, fill);
        self.settle(0);
        self.insert_entry(0, entry);
    }

    #[cold]
    fn push_back_node(&mut self, text: &[u8], fill: Fill) {
        let entry = self.new_end(self.nodes.back(), text, fill);
        self.settle(self.nodes.len().wrapping_sub(1));
        self.insert_entry(self.nodes.len(), entry);
    }

    /// A node for an element at an end of the list, beside the `neighbour` that has no place for it. If that is a full
    /// one, the new one will probably be as long.
    fn new_end(&self, neighbour: Option<&Entry>, text: &[u8], fill: Fill) -> Entry {
        if fill.is_large(text.len()) {
            return Entry::plain(text);
        }
        let like = neighbour
            .and_then(Entry::pack)
            .map_or(0, Listpack::byte_len);
        let mut pack = Listpack::with_capacity((like + like / 8).min(fill.node_bytes_max()));
        pack.push_back(Item::of(text));
        Entry::new(NodeBuf::Packed(pack))
    }

    /// Takes spare room from a node that will be no end any more.
    fn settle(&mut self, index: usize) {
        if index < self.nodes.len() {
            self.change(index, |entry| {
                if let Some(pack) = entry.pack_mut() {
                    pack.settle();
                }
            });
        }
    }
}
