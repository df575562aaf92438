//! Handle: the 28-bit address of an entry inside its map.
//!
//! ```text
//!  31   28 27                        9 8        0
//! +-------+---------------------------+----------+
//! |   0   |  chunk number + 1 (19)    | slot (9) |    slot: its number in the chunk
//! +-------+---------------------------+----------+
//! ```
//!
//! Half the size of a pointer, and a type of its own. 2^19 chunks of up to 3.5 KiB address 1.8 GB of entries for
//! each stripe, 1.8 TB for 1024 of them; chunks of big collections hold up to 512 entries each, whatever their size,
//! so that one holds up to 2^28. The four free bits are used by the table, which keeps four bits of the hash there
//! (`bucket.rs`).
//!
//! A handle stays valid until its entry moves or is freed; operations that may move an entry return the new
//! handle. A stale handle reads some other entry's bytes, or panics; it cannot touch memory outside the map.

use std::num::NonZeroU32;

/// Bits of a handle that the table may not use.
pub(crate) const HANDLE_BITS: u32 = 28;
/// Bits for the slot in a chunk.
const SLOT_BITS: u32 = 9;
/// Slots of a chunk that a handle can tell apart.
pub(crate) const SLOTS_MAX: usize = 1 << SLOT_BITS;
/// Chunks of one slab, at most.
pub(crate) const CHUNKS_MAX: usize = (1 << (HANDLE_BITS - SLOT_BITS)) - 1;

/// The address of an entry inside its [`EntryMap`](super::EntryMap). See the module for its bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(NonZeroU32);

impl Handle {
    /// The handle of the first entry of all, to fill arrays with.
    pub(crate) const FIRST: Handle = Handle(NonZeroU32::new(1 << SLOT_BITS).unwrap());

    /// The handle of the entry in this slot of chunk `chunk`.
    pub(crate) fn new(chunk: usize, slot: usize) -> Handle {
        debug_assert!(chunk < CHUNKS_MAX && slot < SLOTS_MAX);
        let bits = ((chunk + 1) << SLOT_BITS | slot) as u32;
        Handle(NonZeroU32::new(bits).expect("chunk + 1 is not zero"))
    }

    /// The handle in the low bits of a table word, if there is one.
    #[inline]
    pub(crate) fn from_low_bits(word: u32) -> Option<Handle> {
        NonZeroU32::new(word & ((1 << HANDLE_BITS) - 1)).map(Handle)
    }

    /// The bits, for a table word.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0.get()
    }

    /// The chunk's number. Wraps to a number that no chunk has for a handle that no slab gave out.
    #[inline]
    pub(crate) fn chunk(self) -> usize {
        ((self.0.get() >> SLOT_BITS) as usize).wrapping_sub(1)
    }

    /// The slot's number in the chunk.
    #[inline]
    pub(crate) fn slot(self) -> usize {
        (self.0.get() & ((1 << SLOT_BITS) - 1)) as usize
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({}:{})", self.chunk(), self.slot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_gives_back_its_parts() {
        for (chunk, slot) in [(0, 0), (0, 511), (1, 0), (CHUNKS_MAX - 1, 511)] {
            let handle = Handle::new(chunk, slot);
            assert_eq!((handle.chunk(), handle.slot()), (chunk, slot));
            assert_eq!(
                Handle::from_low_bits(handle.bits() | 0xF000_0000),
                Some(handle)
            );
        }
        assert_eq!(Handle::from_low_bits(0xF000_0000), None);
    }
}
