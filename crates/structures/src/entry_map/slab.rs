//! Slab: the memory of one stripe's entries.
//!
//! Entries are byte strings of any length. They are rounded up to a *slot* size (steps of 8 bytes up to 512, of
//! 64 up to 1024), and slots of one size share *chunks*; what is longer has a chunk to itself.
//!
//! ```text
//!  classes[7] (slots of 56 bytes)
//!      |  chunks with room, doubly linked
//!      v
//!  Chunk --> Chunk --> ...          Chunk.bytes, cut into slots:
//!                                   +-----------+-----------+-----------+-----------+
//!                                   | entry     | 0 . next  | entry     | 0 . end   |
//!                                   +-----------+-----------+-----------+-----------+
//!                                        free_head --^ ----------------------^
//!                                   a free slot: byte 0 is 0 (no entry has that), bytes 2..4 the next free unit
//! ```
//!
//! A general allocator would round and pad each entry by itself, and a handle would have to be a pointer. Chunks
//! of a fixed size, on the other hand, would waste most of a chunk for every class of every one of 1024 stripes.
//! So a chunk's size follows what its class already holds: with `held` slots of `size` bytes and a chunk header
//! of `HEADER_BYTES`, chunks of `n` slots leave `n * size / 2` bytes unused on average and cost
//! `held / n * HEADER_BYTES` bytes of headers; the sum is smallest at `n = sqrt(2 * HEADER_BYTES * held / size)`.
//! An empty chunk goes back to the allocator at once and its number is used again.
//!
//! Every access is a checked index into a slice, so a stale [`Handle`] cannot read outside a chunk.

use super::handle::{CHUNK_BYTES_MAX, CHUNKS_MAX, Handle, UNIT_BYTES};
use super::reserve_tight;
use crate::cpu::prefetch;

/// Slots up to this size come in steps of `FINE_STEP_BYTES`.
const FINE_BYTES_MAX: usize = 512;
const FINE_STEP_BYTES: usize = UNIT_BYTES;
/// Slots up to this size share chunks, in steps of `COARSE_STEP_BYTES`.
const SHARED_BYTES_MAX: usize = 1024;
const COARSE_STEP_BYTES: usize = 64;
const FINE_CLASSES: usize = FINE_BYTES_MAX / FINE_STEP_BYTES + 1;

/// The chunk's share of `Slab::chunks`.
const HEADER_BYTES: usize = size_of::<Chunk>();

const _: () = assert!(SHARED_BYTES_MAX <= CHUNK_BYTES_MAX && FINE_BYTES_MAX < SHARED_BYTES_MAX);
const _: () = assert!(HEADER_BYTES == 32);

/// No chunk, or no unit: the end of a list.
const NO_CHUNK: u32 = u32::MAX;
const NO_UNIT: u16 = u16::MAX;

struct Chunk {
    /// The slots, or the one big entry. Empty when the chunk's number is free.
    bytes: Box<[u8]>,
    /// Next chunk of the class with room; for a free number the next free number.
    next: u32,
    /// Previous chunk of the class with room.
    prev: u32,
    /// Size of a slot in units, 0 for a chunk with a single big entry.
    slot_units: u16,
    used: u16,
    free_head: u16,
}

#[derive(Clone)]
struct Class {
    /// First chunk with room.
    with_room: u32,
    /// Slots in all chunks of the class, used or not.
    held: u32,
}

/// See the module.
pub(super) struct Slab {
    chunks: Vec<Chunk>,
    free_numbers: u32,
    /// Entries allocated.
    live: usize,
    /// Indexed by class number, grown to the largest class seen.
    classes: Vec<Class>,
    chunk_bytes: usize,
}

/// The size of the slot for an entry of `len` bytes.
pub(super) fn slot_bytes(len: usize) -> usize {
    if len <= FINE_BYTES_MAX {
        len.next_multiple_of(FINE_STEP_BYTES)
    } else if len <= SHARED_BYTES_MAX {
        len.next_multiple_of(COARSE_STEP_BYTES)
    } else {
        len.next_multiple_of(UNIT_BYTES)
    }
}

fn class_of(slot_bytes: usize) -> usize {
    if slot_bytes <= FINE_BYTES_MAX {
        slot_bytes / FINE_STEP_BYTES
    } else {
        FINE_CLASSES + (slot_bytes - FINE_BYTES_MAX) / COARSE_STEP_BYTES - 1
    }
}

/// Slots of a new chunk of a class that holds `held` slots of `slot_bytes`. See the module for the root.
fn slots_of_new_chunk(slot_bytes: usize, held: usize) -> usize {
    let best = (2 * HEADER_BYTES * held / slot_bytes).isqrt();
    let max = CHUNK_BYTES_MAX / slot_bytes;
    let wanted = best.clamp(2, max.max(2)) * slot_bytes;
    // Allocators have about eight sizes for each doubling; fill the one we would get anyway.
    let step = (wanted.next_power_of_two() / 16).max(16);
    (wanted.next_multiple_of(step) / slot_bytes).clamp(1, max)
}

impl Slab {
    pub(super) fn new() -> Slab {
        Slab {
            chunks: Vec::new(),
            free_numbers: NO_CHUNK,
            live: 0,
            classes: Vec::new(),
            chunk_bytes: 0,
        }
    }

    /// Entries allocated.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// All that the slab has taken from the allocator.
    pub(super) fn memory_bytes(&self) -> usize {
        self.chunk_bytes
            + self.chunks.capacity() * HEADER_BYTES
            + self.classes.capacity() * size_of::<Class>()
    }

    /// A slot for an entry of `len` bytes, at least one. Its content is arbitrary; the caller must write a byte 0
    /// other than 0.
    ///
    /// # Panics
    /// When the slab is full (2^19 chunks, which is 2 GiB of small entries).
    pub(super) fn allocate(&mut self, len: usize) -> Handle {
        debug_assert!(len > 0);
        self.live += 1;
        let slot_bytes = slot_bytes(len);
        if slot_bytes > SHARED_BYTES_MAX {
            return Handle::new(self.add_chunk(slot_bytes, 0), 0);
        }
        let class = class_of(slot_bytes);
        if class >= self.classes.len() {
            self.classes.reserve_exact(class + 1 - self.classes.len());
            self.classes.resize(
                class + 1,
                Class {
                    with_room: NO_CHUNK,
                    held: 0,
                },
            );
        }
        if self.classes[class].with_room == NO_CHUNK {
            let slots = slots_of_new_chunk(slot_bytes, self.classes[class].held as usize);
            let number = self.add_chunk(slots * slot_bytes, slot_bytes / UNIT_BYTES);
            self.classes[class].held += slots as u32;
            self.link(class, number);
        }
        let number = self.classes[class].with_room as usize;
        let chunk = &mut self.chunks[number];
        let unit = chunk.free_head as usize;
        chunk.free_head = chunk.next_free(unit);
        chunk.used += 1;
        if chunk.free_head == NO_UNIT {
            self.unlink(class, number);
        }
        Handle::new(number, unit)
    }

    /// Gives a slot back.
    pub(super) fn free(&mut self, handle: Handle) {
        let number = handle.chunk();
        let chunk = &mut self.chunks[number];
        self.live -= 1;
        if chunk.slot_units == 0 {
            return self.remove_chunk(number);
        }
        let was_full = chunk.free_head == NO_UNIT;
        let units = chunk.slot_units as usize;
        chunk.set_free(handle.unit(), chunk.free_head);
        chunk.used -= 1;
        let emptied = chunk.used == 0;
        let slots = chunk.bytes.len() / (units * UNIT_BYTES);
        let class = class_of(units * UNIT_BYTES);
        if emptied {
            if !was_full {
                self.unlink(class, number);
            }
            self.classes[class].held -= slots as u32;
            self.remove_chunk(number);
        } else if was_full {
            self.link(class, number);
        }
    }

    /// The whole slot, which may be longer than the entry in it.
    #[inline]
    pub(super) fn slot(&self, handle: Handle) -> &[u8] {
        let chunk = &self.chunks[handle.chunk()];
        &chunk.bytes[chunk.range(handle)]
    }

    /// The whole slot, for writing.
    #[inline]
    pub(super) fn slot_mut(&mut self, handle: Handle) -> &mut [u8] {
        let chunk = &mut self.chunks[handle.chunk()];
        let range = chunk.range(handle);
        &mut chunk.bytes[range]
    }

    /// Two different slots, the first for reading and the second for writing, shown to `work`.
    pub(super) fn with_two<R>(
        &mut self,
        from: Handle,
        to: Handle,
        work: impl FnOnce(&[u8], &mut [u8]) -> R,
    ) -> R {
        assert_ne!(from, to);
        if from.chunk() == to.chunk() {
            let chunk = &mut self.chunks[from.chunk()];
            let ranges = [chunk.range(from), chunk.range(to)];
            let [from, to] = chunk
                .bytes
                .get_disjoint_mut(ranges)
                .expect("slots do not overlap");
            work(from, to)
        } else {
            let both = self.chunks.get_disjoint_mut([from.chunk(), to.chunk()]);
            let [source, target] = both.expect("both handles are of this slab");
            let range = target.range(to);
            work(&source.bytes[source.range(from)], &mut target.bytes[range])
        }
    }

    /// Asks for the first cache line of an entry.
    #[inline]
    pub(super) fn prefetch(&self, handle: Handle) {
        if let Some(chunk) = self.chunks.get(handle.chunk())
            && let Some(byte) = chunk.bytes.get(handle.unit() * UNIT_BYTES)
        {
            prefetch(byte);
        }
    }

    /// A new chunk of `bytes`, all slots free, not linked.
    fn add_chunk(&mut self, bytes: usize, slot_units: usize) -> usize {
        let mut chunk = Chunk {
            bytes: vec![0; bytes].into_boxed_slice(),
            next: NO_CHUNK,
            prev: NO_CHUNK,
            slot_units: slot_units as u16,
            used: 0,
            free_head: NO_UNIT,
        };
        if slot_units > 0 {
            let slots = bytes / (slot_units * UNIT_BYTES);
            for slot in (0..slots).rev() {
                chunk.set_free(slot * slot_units, chunk.free_head);
            }
        }
        self.chunk_bytes += bytes;
        if self.free_numbers != NO_CHUNK {
            let number = self.free_numbers as usize;
            self.free_numbers = self.chunks[number].next;
            self.chunks[number] = chunk;
            return number;
        }
        assert!(
            self.chunks.len() < CHUNKS_MAX,
            "a stripe holds at most {CHUNKS_MAX} chunks"
        );
        reserve_tight(&mut self.chunks);
        self.chunks.push(chunk);
        self.chunks.len() - 1
    }

    /// Gives a chunk's bytes back and its number to the free ones.
    fn remove_chunk(&mut self, number: usize) {
        let chunk = &mut self.chunks[number];
        self.chunk_bytes -= chunk.bytes.len();
        chunk.bytes = Box::default();
        chunk.next = self.free_numbers;
        self.free_numbers = number as u32;
        if self.live == 0 {
            *self = Slab::new();
        }
    }

    fn link(&mut self, class: usize, number: usize) {
        let head = std::mem::replace(&mut self.classes[class].with_room, number as u32);
        if head != NO_CHUNK {
            self.chunks[head as usize].prev = number as u32;
        }
        let chunk = &mut self.chunks[number];
        (chunk.prev, chunk.next) = (NO_CHUNK, head);
    }

    fn unlink(&mut self, class: usize, number: usize) {
        let (prev, next) = (self.chunks[number].prev, self.chunks[number].next);
        match prev {
            NO_CHUNK => self.classes[class].with_room = next,
            prev => self.chunks[prev as usize].next = next,
        }
        if next != NO_CHUNK {
            self.chunks[next as usize].prev = prev;
        }
    }
}

impl Chunk {
    /// Where the slot lies.
    #[inline]
    fn range(&self, handle: Handle) -> std::ops::Range<usize> {
        let start = handle.unit() * UNIT_BYTES;
        match self.slot_units {
            0 => start..self.bytes.len(),
            units => start..start + units as usize * UNIT_BYTES,
        }
    }

    fn next_free(&self, unit: usize) -> u16 {
        let start = unit * UNIT_BYTES;
        u16::from_le_bytes([self.bytes[start + 2], self.bytes[start + 3]])
    }

    /// Puts the slot at `unit` in front of the free list, whose head has been `next`.
    fn set_free(&mut self, unit: usize, next: u16) {
        let start = unit * UNIT_BYTES;
        self.bytes[start] = 0;
        self.bytes[start + 2..start + 4].copy_from_slice(&next.to_le_bytes());
        self.free_head = unit as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_given_back_and_used_again() {
        let mut slab = Slab::new();
        let handles: Vec<Handle> = (0..1000)
            .map(|i| fill(&mut slab, 1 + i * 3, i as u8))
            .collect();
        for (i, &handle) in handles.iter().enumerate() {
            assert!(
                slab.slot(handle)[1..]
                    .iter()
                    .take(i * 3)
                    .all(|&b| b == i as u8),
                "{i}"
            );
        }
        let full = slab.memory_bytes();
        for &handle in &handles[..999] {
            slab.free(handle);
        }
        assert!(slab.memory_bytes() < full / 2);
        slab.free(handles[999]);
        assert_eq!(slab.memory_bytes(), 0);
    }

    fn fill(slab: &mut Slab, len: usize, byte: u8) -> Handle {
        let handle = slab.allocate(len);
        slab.slot_mut(handle)[..len].fill(byte);
        slab.slot_mut(handle)[0] = 1;
        handle
    }

    #[test]
    fn classes_round_up_and_are_distinct() {
        let mut previous = 0;
        let mut sizes = std::collections::BTreeSet::new();
        for len in 1..=SHARED_BYTES_MAX {
            let size = slot_bytes(len);
            assert!(size >= len && size >= previous && size <= SHARED_BYTES_MAX);
            if sizes.insert(size) && sizes.len() > 1 {
                assert_eq!(class_of(size), class_of(previous) + 1, "classes are dense");
            }
            previous = size;
        }
    }

    #[test]
    fn chunks_follow_what_the_class_holds() {
        assert_eq!(slots_of_new_chunk(1024, 100_000), 4);
        assert_eq!(slots_of_new_chunk(8, 10_000_000), 512);
        let few = slots_of_new_chunk(56, 0);
        let many = slots_of_new_chunk(56, 100_000);
        assert!((2..=4).contains(&few) && many == 73, "{few} {many}");
    }

    #[test]
    #[should_panic]
    fn a_handle_of_a_freed_chunk_panics() {
        let mut slab = Slab::new();
        let (first, _second) = (fill(&mut slab, 2000, 1), fill(&mut slab, 50, 2));
        slab.free(first);
        let _ = slab.slot(first)[0];
    }
}
