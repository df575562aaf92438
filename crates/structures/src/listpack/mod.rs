//! Listpack: a list of strings and integers in one block of bytes, byte-exact with the reference's.
//!
//! ```text
//!   total bytes   items    item                                              end
//!  +-------------+--------+----------------------------------+-- ... -------+------+
//!  | u32 LE      | u16 LE | encoding | data      | backlen   |              | 0xFF |
//!  +-------------+--------+----------------------------------+-- ... -------+------+
//! ```
//!
//! * `items` is 65535 where there are that many or more; then they must be counted.
//! * An item's first byte says what it is (`encoding.rs` has the table); `backlen` repeats the length of encoding and
//!   data, readable from its end, so that one can walk backwards.
//! * What looks like a 64-bit integer is stored as one, in the shortest form.
//!
//! DUMP, RDB files and RESTORE hold these very bytes, so [`Listpack::as_bytes`] and [`Listpack::from_bytes`] copy them.
//!
//! In memory the block stands somewhere in a buffer:
//!
//! ```text
//!   buffer:  | front room | the block | back room |
//!                         ^ start     ^ end
//! ```
//!
//! so that pushing to and popping from either end moves nothing but the header's six bytes, and a change in the middle
//! moves the shorter part. Both rooms together are small: a buffer grows by an eighth and shrinks when a quarter of it is
//! unused.
//!
//! | file | holds |
//! |---|---|
//! | `encoding.rs` | how one item is written and read |
//! | `item.rs` | [`Item`]: what an item is to others |
//! | `buffer.rs` | the block's place in its buffer, and room for more |
//! | `excerpt.rs` | [`Excerpt`]: what takes a change back |
//! | `read.rs`, `change.rs`, `search.rs`, `validate.rs` | what its name says |
//!
//! Follows `src/listpack.c` of Valkey and its format document <https://github.com/antirez/listpack>.

mod buffer;
mod change;
mod encoding;
mod excerpt;
mod item;
#[cfg(test)]
mod model;
mod read;
mod search;
mod validate;

pub use excerpt::Excerpt;
pub use item::Item;
pub use read::Iter;
pub(crate) use read::Walk;

use crate::cpu::prefetch;

/// Bytes before the first item.
const HEADER_LEN: usize = 6;
/// Bytes of a listpack without items: header and end.
pub const EMPTY_LEN: usize = HEADER_LEN + 1;
/// The byte behind the last item.
const END: u8 = 0xFF;
/// In the header's count: "this many or more, count them".
const COUNT_UNKNOWN: u16 = u16::MAX;
/// No listpack grows over this many bytes; the reference's limit, see [`Listpack::would_fit`].
pub const BYTES_MAX: usize = 1 << 30;

/// A list of strings and integers in one block of bytes; see the module.
///
/// Two are equal if their blocks are. A copy has no spare room.
pub struct Listpack {
    buffer: Box<[u8]>,
    /// Where in the buffer the block begins.
    start: u32,
    /// Where it ends.
    end: u32,
}

/// Where an item begins: its distance from the begin of the block, in bytes.
///
/// Valid until the listpack is changed. One from elsewhere can panic or give nonsense, and does no other harm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct At(u32);

impl At {
    #[inline]
    fn new(offset: usize) -> At {
        At(offset as u32)
    }

    #[inline]
    fn offset(self) -> usize {
        self.0 as usize
    }
}

impl Listpack {
    /// Asks for the first cache lines of the block.
    #[inline]
    pub fn prefetch(&self) {
        let start = self.start as usize;
        for at in [start, start + 64, start + 128] {
            if let Some(byte) = self.buffer.get(at) {
                prefetch(byte);
            }
        }
    }
}

impl Listpack {
    /// Asks for the header and the bytes at one end, where an item is as well as where the next would come.
    #[inline]
    pub fn prefetch_end(&self, at_front: bool) {
        /// What a short item takes, or somewhat more.
        const NEAR: usize = 32;
        let (start, end) = (self.start as usize, self.end as usize);
        let last = if at_front { start } else { end };
        for at in [start, last.saturating_sub(NEAR), last + NEAR] {
            if let Some(byte) = self.buffer.get(at) {
                prefetch(byte);
            }
        }
    }
}

impl Default for Listpack {
    fn default() -> Self {
        Listpack::new()
    }
}

impl Clone for Listpack {
    fn clone(&self) -> Self {
        Listpack::from_trusted(self.as_bytes().into())
    }
}

impl PartialEq for Listpack {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Listpack {}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
