//! A node: a listpack, or one large element.

use super::Fill;
use crate::cpu::prefetch;
use crate::{Item, Listpack, listpack};

/// A node of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Node<'a> {
    /// Elements in a listpack.
    Packed(&'a Listpack),
    /// One element, as it is.
    Plain(&'a [u8]),
}

/// A node that is given to a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NodeBuf {
    /// Elements in a listpack.
    Packed(Listpack),
    /// One element, as it is.
    Plain(Box<[u8]>),
}

/// A node with its count, which is needed where its bytes are not.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) buf: NodeBuf,
    pub(super) count: u32,
}

const _: () = assert!(size_of::<Entry>() == 32, "what is promised of an index");

impl Entry {
    pub(super) fn new(buf: NodeBuf) -> Entry {
        let count = match &buf {
            NodeBuf::Packed(pack) => pack.len() as u32,
            NodeBuf::Plain(_) => 1,
        };
        Entry { buf, count }
    }

    /// A plain node.
    pub(super) fn plain(text: &[u8]) -> Entry {
        Entry::new(NodeBuf::Plain(text.into()))
    }

    /// A packed node of one element.
    pub(super) fn packed(text: &[u8]) -> Entry {
        let mut pack = Listpack::new();
        pack.push_back(Item::of(text));
        Entry::new(NodeBuf::Packed(pack))
    }

    /// The kind of node that an element gets for itself.
    pub(super) fn single(text: &[u8], fill: Fill) -> Entry {
        if fill.is_large(text.len()) {
            Entry::plain(text)
        } else {
            Entry::packed(text)
        }
    }

    /// How many elements it has.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        match &self.buf {
            NodeBuf::Packed(pack) => pack.heap_bytes(),
            NodeBuf::Plain(bytes) => bytes.len(),
        }
    }

    /// Asks for the bytes at one end.
    #[inline]
    pub(super) fn prefetch_end(&self, at_front: bool) {
        match &self.buf {
            NodeBuf::Packed(pack) => pack.prefetch_end(at_front),
            NodeBuf::Plain(bytes) => bytes.first().map_or((), prefetch),
        }
    }

    pub(super) fn node(&self) -> Node<'_> {
        match &self.buf {
            NodeBuf::Packed(pack) => Node::Packed(pack),
            NodeBuf::Plain(bytes) => Node::Plain(bytes),
        }
    }

    #[inline]
    pub(super) fn pack(&self) -> Option<&Listpack> {
        match &self.buf {
            NodeBuf::Packed(pack) => Some(pack),
            NodeBuf::Plain(_) => None,
        }
    }

    #[inline]
    pub(super) fn pack_mut(&mut self) -> Option<&mut Listpack> {
        match &mut self.buf {
            NodeBuf::Packed(pack) => Some(pack),
            NodeBuf::Plain(_) => None,
        }
    }

    /// The listpack, and the count that must stay its length.
    #[inline]
    pub(super) fn pack_mut_with_count(&mut self) -> Option<(&mut Listpack, &mut u32)> {
        match &mut self.buf {
            NodeBuf::Packed(pack) => Some((pack, &mut self.count)),
            NodeBuf::Plain(_) => None,
        }
    }

    /// The element at this offset, which is below [`Entry::len`].
    pub(super) fn get(&self, offset: usize) -> Option<Item<'_>> {
        match &self.buf {
            NodeBuf::Packed(pack) => Some(pack.get(pack.seek(offset as i64)?)),
            NodeBuf::Plain(bytes) => (offset == 0).then_some(Item::Bytes(bytes)),
        }
    }

    /// May an element of `len` bytes be added?
    #[inline]
    pub(super) fn allows_insert(&self, fill: Fill, len: usize) -> bool {
        self.pack()
            .is_some_and(|pack| fill.allows_insert(pack.byte_len(), self.count, len))
    }

    /// May this one and the one behind it be one node?
    pub(super) fn allows_merge(&self, next: &Entry, fill: Fill) -> bool {
        let (Some(a), Some(b)) = (self.pack(), next.pack()) else {
            return false;
        };
        let bytes = a.byte_len() + b.byte_len() - listpack::EMPTY_LEN;
        !fill.exceeded(bytes, self.len() + next.len())
    }

    /// Takes out `count` elements from `offset` on. Of a plain node there is nothing to take but the whole.
    pub(super) fn take(&mut self, offset: usize, count: usize) -> Option<Entry> {
        let pack = self.pack_mut()?;
        let at = pack.seek(offset as i64)?;
        let taken = Entry::new(NodeBuf::Packed(pack.take_many(at, count)));
        self.count -= taken.count;
        Some(taken)
    }

    /// Puts a piece back that [`Entry::take`] took out at this offset.
    pub(super) fn put_back(&mut self, offset: usize, piece: Entry) {
        let tail = self.take(offset, usize::MAX);
        for part in [Some(piece), tail].into_iter().flatten() {
            if let (Some(pack), Some(part_pack)) = (self.pack_mut(), part.pack()) {
                pack.append(part_pack);
                self.count += part.count;
            }
        }
    }

    /// Removes up to `limit` elements with this text, from the front or the back; returns how many. `removed` is told
    /// the offset that each had before anything was removed. May leave a node without elements.
    pub(super) fn remove_matching(
        &mut self,
        needle: Item<'_>,
        from_back: bool,
        limit: usize,
        removed: &mut impl FnMut(usize),
    ) -> usize {
        let count = self.len();
        let mut found = 0;
        match &mut self.buf {
            NodeBuf::Plain(bytes) => {
                if limit > 0 && Item::Bytes(bytes).is(needle) {
                    removed(0);
                    found = 1;
                }
            }
            NodeBuf::Packed(pack) => {
                let mut place = if from_back { pack.last() } else { pack.first() };
                let mut walked = 0;
                while let Some(at) = place
                    && found < limit
                {
                    let here = pack.get(at).is(needle);
                    place = match (here, from_back) {
                        (false, false) => pack.next(at),
                        (_, true) => pack.prev(at),
                        (true, false) => Some(at),
                    };
                    if here {
                        removed(if from_back {
                            count - 1 - walked
                        } else {
                            walked
                        });
                        found += 1;
                        pack.remove_one(at);
                        if !from_back && pack.is_end(at) {
                            place = None;
                        }
                    }
                    walked += 1;
                }
                pack.trim();
            }
        }
        self.count -= found as u32;
        found
    }
}
