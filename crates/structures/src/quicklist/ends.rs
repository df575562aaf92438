//! Pushing and popping: what lists are for.

use super::node::{Entry, NodeBuf};
use super::{Fill, QuickList};
use crate::{Item, Listpack};

impl QuickList {
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
        match self.nodes.front() {
            Some(first) if first.allows_insert(fill, text.len()) => self.change(0, |first| {
                let NodeBuf::Packed(pack) = &mut first.buf else {
                    return;
                };
                pack.push_front(Item::of(text));
                first.count += 1;
            }),
            _ => {
                let entry = self.new_end(self.nodes.front(), text, fill);
                self.settle(0);
                self.insert_entry(0, entry);
            }
        }
    }

    /// Adds an element behind the last.
    #[inline]
    pub fn push_back(&mut self, text: &[u8], fill: Fill) {
        let end = self.nodes.len();
        match self.nodes.back() {
            Some(last) if last.allows_insert(fill, text.len()) => self.change(end - 1, |last| {
                let NodeBuf::Packed(pack) = &mut last.buf else {
                    return;
                };
                pack.push_back(Item::of(text));
                last.count += 1;
            }),
            _ => {
                let entry = self.new_end(self.nodes.back(), text, fill);
                self.settle(end.wrapping_sub(1));
                self.insert_entry(end, entry);
            }
        }
    }

    /// Hands the first element to `read` and removes it.
    #[inline]
    pub fn pop_front<R>(&mut self, read: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let result = read(self.front()?);
        self.drop_end(0, Listpack::first);
        Some(result)
    }

    /// Hands the last element to `read` and removes it.
    #[inline]
    pub fn pop_back<R>(&mut self, read: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let result = read(self.back()?);
        self.drop_end(self.nodes.len() - 1, Listpack::last);
        Some(result)
    }

    /// Removes the first or last element from the first or last node; its buffer stays as long as it is.
    #[inline]
    fn drop_end(&mut self, index: usize, end: fn(&Listpack) -> Option<crate::At>) {
        if self.nodes[index].count == 1 {
            return self.remove_entry(index);
        }
        self.change(index, |entry| {
            let NodeBuf::Packed(pack) = &mut entry.buf else {
                return;
            };
            if let Some(at) = end(pack) {
                pack.remove_one(at);
                entry.count -= 1;
            }
        });
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
