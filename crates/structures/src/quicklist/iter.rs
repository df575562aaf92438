//! Finding and walking.

use super::QuickList;
use super::node::{Entry, NodeBuf};
use crate::listpack::Walk;
use crate::{Item, tiered_vec};

impl QuickList {
    /// The element at `index`, negative ones counting from the back.
    pub fn get(&self, index: i64) -> Option<Item<'_>> {
        let (node, offset) = self.locate(self.index_of(index)?)?;
        self.nodes[node].get(offset)
    }

    /// All elements, from the front.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// The elements from `index` on.
    pub fn iter_from(&self, index: usize) -> Iter<'_> {
        let (node, offset) = self.locate(index).unwrap_or((self.nodes.len(), 0));
        let mut nodes = self.nodes.range(node, self.nodes.len());
        let items = nodes.next().map(|entry| entry.items(offset, entry.len()));
        Iter {
            nodes,
            items: items.unwrap_or_default(),
            left: self.len.saturating_sub(index),
        }
    }

    /// Hands up to `count` elements from index `first` on to `visit`.
    #[inline]
    pub fn show(&self, first: usize, count: usize, mut visit: impl FnMut(Item<'_>)) {
        let Some((node, mut offset)) = self.locate(first) else {
            return;
        };
        let mut left = count;
        for entry in self.nodes.range(node, self.nodes.len()) {
            if left == 0 {
                return;
            }
            left = entry.items(offset, entry.len()).show(left, &mut visit);
            offset = 0;
        }
    }

    /// All elements, from the back.
    pub fn iter_back(&self) -> IterBack<'_> {
        self.iter_back_from(self.len.saturating_sub(1))
    }

    /// The element at `index` and those before it, from it towards the front. One beyond the last is taken as the last.
    pub fn iter_back_from(&self, index: usize) -> IterBack<'_> {
        let index = index.min(self.len.saturating_sub(1));
        let Some((node, offset)) = self.locate(index) else {
            return IterBack {
                nodes: self.nodes.range(0, 0),
                items: Items::default(),
                left: 0,
            };
        };
        IterBack {
            nodes: self.nodes.range(0, node),
            items: self.nodes[node].items(0, offset + 1),
            left: index + 1,
        }
    }

    /// From the front, if there is such an element.
    pub(super) fn index_of(&self, index: i64) -> Option<usize> {
        let index = match usize::try_from(index) {
            Ok(index) => index,
            Err(_) => self.len.checked_sub(index.unsigned_abs() as usize)?,
        };
        (index < self.len).then_some(index)
    }

    /// The node of the element at `index`, and its offset there. Adds up the counts from the nearer end.
    pub(super) fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let (mut node, mut offset) = (0, index);
            for entry in self.nodes.stretches().flatten() {
                if offset < entry.len() {
                    return Some((node, offset));
                }
                offset -= entry.len();
                node += 1;
            }
        } else {
            let (mut node, mut behind) = (self.nodes.len(), self.len);
            for entry in self
                .nodes
                .stretches()
                .rev()
                .flat_map(|nodes| nodes.iter().rev())
            {
                behind -= entry.len();
                node -= 1;
                if behind <= index {
                    return Some((node, index - behind));
                }
            }
        }
        None
    }
}

impl Entry {
    /// The elements at offsets from `begin` to below `end`.
    fn items(&self, begin: usize, end: usize) -> Items<'_> {
        match &self.buf {
            NodeBuf::Packed(pack) => Items::Packed(pack.walk_range(begin, end, self.len())),
            NodeBuf::Plain(bytes) => Items::Plain((begin < end).then_some(bytes)),
        }
    }
}

/// Elements of one node.
#[derive(Clone)]
enum Items<'a> {
    Packed(Walk<'a>),
    Plain(Option<&'a [u8]>),
}

impl Default for Items<'_> {
    fn default() -> Self {
        Items::Plain(None)
    }
}

impl<'a> Items<'a> {
    /// Hands up to `count` elements to `visit`; how many of those there were not.
    #[inline]
    fn show(&mut self, count: usize, visit: &mut impl FnMut(Item<'a>)) -> usize {
        match self {
            Items::Packed(items) => items.show(count, visit),
            Items::Plain(item) => match item.take() {
                Some(bytes) => {
                    visit(Item::Bytes(bytes));
                    count - 1
                }
                None => count,
            },
        }
    }

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Items::Packed(items) => items.next(),
            Items::Plain(item) => item.take().map(Item::Bytes),
        }
    }

    #[inline]
    fn next_back(&mut self) -> Option<Item<'a>> {
        match self {
            Items::Packed(items) => items.next_back(),
            Items::Plain(item) => item.take().map(Item::Bytes),
        }
    }
}

/// Elements in order; see [`QuickList::iter_from`].
#[derive(Clone)]
pub struct Iter<'a> {
    nodes: tiered_vec::Iter<'a, Entry>,
    items: Items<'a>,
    left: usize,
}

impl<'a> Iter<'a> {
    /// Goes to the next node, and returns its first element.
    #[cold]
    fn enter_next(&mut self) -> Option<Item<'a>> {
        let entry = self.nodes.next()?;
        self.items = entry.items(0, entry.len());
        self.next()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self.items.next() {
            None => self.enter_next(),
            item => {
                self.left -= 1;
                item
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Elements in reverse order; see [`QuickList::iter_back_from`].
#[derive(Clone)]
pub struct IterBack<'a> {
    nodes: tiered_vec::Iter<'a, Entry>,
    items: Items<'a>,
    left: usize,
}

impl<'a> IterBack<'a> {
    /// Goes to the node before, and returns its last element.
    #[cold]
    fn enter_next(&mut self) -> Option<Item<'a>> {
        let entry = self.nodes.next_back()?;
        self.items = entry.items(0, entry.len());
        self.next()
    }
}

impl<'a> Iterator for IterBack<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self.items.next_back() {
            None => self.enter_next(),
            item => {
                self.left -= 1;
                item
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl ExactSizeIterator for IterBack<'_> {}
impl std::iter::FusedIterator for Iter<'_> {}
impl std::iter::FusedIterator for IterBack<'_> {}
