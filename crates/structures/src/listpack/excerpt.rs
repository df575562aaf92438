//! A stretch of a listpack as it was, which takes back what is changed in it.
//!
//! ```text
//!   before   | header |  front  | items kept |  rest  | end |
//!   after    | header |  front  | whatever   |  rest  | end |
//! ```
//!
//! What is before and behind the stretch is known by its length alone, so that whatever becomes of the stretch is found
//! again, and an insertion is taken back without keeping anything.

use smallvec::SmallVec;

use super::{At, Listpack};

/// A stretch of a listpack as it was; see [`Listpack::excerpt`].
#[derive(Debug)]
pub struct Excerpt {
    /// Bytes of the block before the stretch.
    front: u32,
    /// Bytes of the block behind it.
    rest: u32,
    /// The header's count.
    count: u16,
    /// The stretch: a member of a sorted set and its score often take no allocation.
    bytes: SmallVec<[u8; 24]>,
}

impl Excerpt {
    /// Bytes that it holds on the heap.
    pub fn heap_bytes(&self) -> usize {
        if self.bytes.spilled() {
            self.bytes.capacity()
        } else {
            0
        }
    }
}

impl Listpack {
    /// Copies the items from `at` on, `count` of them or up to the end: to be handed to [`Listpack::put_back`] when nothing but
    /// these has been changed since, or something has been put where they begin. `None` is the place behind the last.
    pub fn excerpt(&self, at: Option<At>, count: usize) -> Excerpt {
        let at = at.map_or(self.byte_len() - 1, At::offset);
        let (end, bytes) = match count {
            0 => (at, SmallVec::new()),
            count => {
                let (end, _) = self.end_of(At::new(at), count);
                (end, SmallVec::from_slice(&self.as_bytes()[at..end]))
            }
        };
        Excerpt {
            front: at as u32,
            rest: (self.byte_len() - end) as u32,
            count: self.count_field(),
            bytes,
        }
    }

    /// Makes the block what it was when the excerpt was made: byte for byte, header included.
    ///
    /// # Panics
    /// If it is shorter now than what was around the stretch.
    pub fn put_back(&mut self, excerpt: &Excerpt) {
        let (front, rest) = (excerpt.front as usize, excerpt.rest as usize);
        let replaced = self.byte_len() - front - rest;
        self.splice(front, replaced, excerpt.bytes.len());
        self.block_mut()[front..front + excerpt.bytes.len()].copy_from_slice(&excerpt.bytes);
        self.set_count(usize::from(excerpt.count));
        self.trim();
    }
}
