//! Handle: the 28-bit address of an entry inside its map.
//!
//! ```text
//!  31   28 27                        9 8        0
//! +-------+---------------------------+----------+
//! |   0   |  chunk number + 1 (19)    | unit (9) |    unit: offset in the chunk, in steps of 8 bytes
//! +-------+---------------------------+----------+
//! ```
//!
//! Half the size of a pointer, and a type of its own. 2^19 chunks of up to 4 KiB address 2 GiB of entries for
//! each stripe, 2 TiB for 1024 of them. The four free bits are used by the table, which keeps four bits of the
//! hash there (`bucket.rs`).
//!
//! A handle stays valid until its entry moves or is freed; operations that may move an entry return the new
//! handle. A stale handle reads some other entry's bytes, or panics; it cannot touch memory outside the map.

use std::num::NonZeroU32;

/// Bits of a handle that the table may not use.
pub(super) const HANDLE_BITS: u32 = 28;
/// Bits for the offset in a chunk.
const UNIT_BITS: u32 = 9;
/// Entries start at multiples of this many bytes.
pub(super) const UNIT_BYTES: usize = 8;
/// All bytes of a chunk that a handle can address.
pub(super) const ADDRESSABLE_BYTES: usize = UNIT_BYTES << UNIT_BITS;
/// Chunks of one slab, at most.
pub(super) const CHUNKS_MAX: usize = (1 << (HANDLE_BITS - UNIT_BITS)) - 1;

/// The address of an entry inside its [`EntryMap`](super::EntryMap). See the module for its bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(NonZeroU32);

impl Handle {
    /// The handle of the first entry of all, to fill arrays with.
    pub(crate) const FIRST: Handle = Handle(NonZeroU32::new(1 << UNIT_BITS).unwrap());

    /// The handle of the entry that starts `unit` units into chunk `chunk`.
    pub(super) fn new(chunk: usize, unit: usize) -> Handle {
        debug_assert!(chunk < CHUNKS_MAX && unit < 1 << UNIT_BITS);
        let bits = ((chunk + 1) << UNIT_BITS | unit) as u32;
        Handle(NonZeroU32::new(bits).expect("chunk + 1 is not zero"))
    }

    /// The handle in the low bits of a table word, if there is one.
    #[inline]
    pub(super) fn from_low_bits(word: u32) -> Option<Handle> {
        NonZeroU32::new(word & ((1 << HANDLE_BITS) - 1)).map(Handle)
    }

    /// The bits, for a table word.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0.get()
    }

    /// The chunk's number. Wraps to a number that no chunk has for a handle that no slab gave out.
    #[inline]
    pub(super) fn chunk(self) -> usize {
        ((self.0.get() >> UNIT_BITS) as usize).wrapping_sub(1)
    }

    /// The offset in the chunk, in units.
    #[inline]
    pub(super) fn unit(self) -> usize {
        (self.0.get() & ((1 << UNIT_BITS) - 1)) as usize
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({}:{})", self.chunk(), self.unit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_gives_back_its_parts() {
        for (chunk, unit) in [(0, 0), (0, 511), (1, 0), (CHUNKS_MAX - 1, 511)] {
            let handle = Handle::new(chunk, unit);
            assert_eq!((handle.chunk(), handle.unit()), (chunk, unit));
            assert_eq!(
                Handle::from_low_bits(handle.bits() | 0xF000_0000),
                Some(handle)
            );
        }
        assert_eq!(Handle::from_low_bits(0xF000_0000), None);
    }
}
