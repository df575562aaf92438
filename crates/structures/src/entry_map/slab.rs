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
//! But a handle is a chunk's number and an offset, so **a chunk can move**: of each class all chunks but one have
//! their full size of 3.5 KiB, and that one grows by a fifth whenever the class has no free slot. So a slab wastes
//! about a tenth of one chunk for each class, whatever it holds. An empty chunk goes back to the allocator at once
//! and its number is used again.
//!
//! Every access is a checked index into a slice, so a stale [`Handle`] cannot read outside a chunk.

use super::handle::{ADDRESSABLE_BYTES, CHUNKS_MAX, Handle, UNIT_BYTES};
use super::reserve_tight;
use crate::cpu::prefetch;

/// Slots up to this size come in steps of `FINE_STEP_BYTES`.
const FINE_BYTES_MAX: usize = 512;
const FINE_STEP_BYTES: usize = UNIT_BYTES;
/// Slots up to this size share chunks, in steps of `COARSE_STEP_BYTES`.
const SHARED_BYTES_MAX: usize = 1024;
const COARSE_STEP_BYTES: usize = 64;
/// The full size of a chunk. Not 4096: mimalloc puts blocks whose size is a power of two at multiples of it, behind
/// the header of a page of 64 KiB, and so loses one block of 16. Of 3584 bytes 18 blocks fit.
const CHUNK_BYTES_MAX: usize = 3584;
/// A class that holds so many times a full chunk starts its next chunk at full size: the copies that growing
/// takes are no longer worth the slots that it saves.
const FULL_START_CHUNKS: usize = 64;

/// The chunk's share of `Slab::chunks`.
const HEADER_BYTES: usize = size_of::<Chunk>();

const _: () = assert!(SHARED_BYTES_MAX <= CHUNK_BYTES_MAX && CHUNK_BYTES_MAX <= ADDRESSABLE_BYTES);
const _: () = assert!(FINE_BYTES_MAX < SHARED_BYTES_MAX);
const _: () = assert!(SHARED_BYTES_MAX / UNIT_BYTES <= u8::MAX as usize);
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
    used: u16,
    free_head: u16,
    /// Size of a slot in units, 0 for a chunk with a single big entry.
    slot_units: u8,
    /// Index in `Slab::classes`.
    class: u8,
}

struct Class {
    slot_units: u8,
    /// First chunk with room.
    with_room: u32,
    /// The chunk that has not its full size yet.
    growing: u32,
    /// Bytes of all its chunks.
    bytes: usize,
}

/// See the module.
pub(super) struct Slab {
    chunks: Vec<Chunk>,
    free_numbers: u32,
    /// Entries allocated.
    live: usize,
    /// In the order of first use. Few, so they are searched.
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

/// Bytes of a chunk that has outgrown `bytes`: as many slots as fit into the next size that allocators have, which
/// is four sizes for each doubling.
fn next_chunk_bytes(bytes: usize, slot_bytes: usize) -> usize {
    let wanted = (bytes + slot_bytes).max(2 * slot_bytes);
    let step = (wanted.next_power_of_two() / 8).max(UNIT_BYTES);
    let size = wanted.next_multiple_of(step).min(CHUNK_BYTES_MAX);
    size / slot_bytes * slot_bytes
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

    /// Whether so many more entries of `bytes` in all surely find room. Errs by saying no a little early.
    pub(super) fn has_room(&self, entries: usize, bytes: usize) -> bool {
        // At worst each entry is rounded up by a coarse step and has wide lengths, and a fifth of a chunk is unused
        // where its last slot would not have fitted.
        const ENTRY_BYTES_MAX: usize = COARSE_STEP_BYTES + 20;
        let most = entries
            .saturating_mul(ENTRY_BYTES_MAX)
            .saturating_add(bytes);
        let chunks = most / (CHUNK_BYTES_MAX * 4 / 5) + self.classes.len() + 1;
        // what is longer than `SHARED_BYTES_MAX` takes a chunk, whatever its length
        self.chunks.len() + chunks.min(entries) <= CHUNKS_MAX
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
            return Handle::new(self.add_chunk(slot_bytes, 0, 0), 0);
        }
        let class = self.class_of(slot_bytes);
        if self.classes[class].with_room == NO_CHUNK {
            self.make_room(class, slot_bytes);
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
        let class = chunk.class as usize;
        let was_full = chunk.free_head == NO_UNIT;
        chunk.set_free(handle.unit(), chunk.free_head);
        chunk.used -= 1;
        if chunk.used > 0 {
            if was_full {
                self.link(class, number);
            }
            return;
        }
        self.classes[class].bytes -= chunk.bytes.len();
        if !was_full {
            self.unlink(class, number);
        }
        if self.classes[class].growing == number as u32 {
            self.classes[class].growing = NO_CHUNK;
        }
        self.remove_chunk(number);
    }

    /// The whole slot, which may be longer than the entry in it.
    #[inline]
    pub(super) fn slot(&self, handle: Handle) -> &[u8] {
        let chunk = &self.chunks[handle.chunk()];
        &chunk.bytes[chunk.range(handle)]
    }

    /// The bytes from the start of an entry on, to behind its end; quicker to have than the slot.
    #[inline]
    pub(super) fn entry(&self, handle: Handle) -> &[u8] {
        &self.chunks[handle.chunk()].bytes[handle.unit() * UNIT_BYTES..]
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

    /// The index of the class with slots of this size.
    fn class_of(&mut self, slot_bytes: usize) -> usize {
        let slot_units = (slot_bytes / UNIT_BYTES) as u8;
        let known = self
            .classes
            .iter()
            .position(|class| class.slot_units == slot_units);
        known.unwrap_or_else(|| {
            reserve_tight(&mut self.classes);
            self.classes.push(Class {
                slot_units,
                with_room: NO_CHUNK,
                growing: NO_CHUNK,
                bytes: 0,
            });
            self.classes.len() - 1
        })
    }

    /// Links a chunk with room into a class that has none: the growing one, grown, or else a new one.
    fn make_room(&mut self, class: usize, slot_bytes: usize) {
        let Class {
            slot_units,
            growing,
            bytes,
            ..
        } = self.classes[class];
        let (number, added) = if growing == NO_CHUNK {
            let start =
                next_chunk_bytes((bytes / FULL_START_CHUNKS).min(CHUNK_BYTES_MAX), slot_bytes);
            (self.add_chunk(start, slot_units, class), start)
        } else {
            (
                growing as usize,
                self.grow_chunk(growing as usize, slot_bytes),
            )
        };
        let grows = self.chunks[number].bytes.len() + slot_bytes <= CHUNK_BYTES_MAX;
        let class_of_it = &mut self.classes[class];
        class_of_it.growing = if grows { number as u32 } else { NO_CHUNK };
        class_of_it.bytes += added;
        self.link(class, number);
    }

    /// Moves a full chunk into more memory; returns how many bytes it has got.
    fn grow_chunk(&mut self, number: usize, slot_bytes: usize) -> usize {
        let chunk = &mut self.chunks[number];
        let before = chunk.bytes.len();
        let after = next_chunk_bytes(before, slot_bytes);
        let mut bytes = Vec::with_capacity(after);
        bytes.extend_from_slice(&chunk.bytes);
        bytes.resize(after, 0);
        chunk.bytes = bytes.into_boxed_slice();
        chunk.set_all_free(before);
        self.chunk_bytes += after - before;
        after - before
    }

    /// A new chunk of `bytes`, all slots free, not linked.
    fn add_chunk(&mut self, bytes: usize, slot_units: u8, class: usize) -> usize {
        let mut chunk = Chunk {
            bytes: vec![0; bytes].into_boxed_slice(),
            next: NO_CHUNK,
            prev: NO_CHUNK,
            used: 0,
            free_head: NO_UNIT,
            slot_units,
            class: class as u8,
        };
        chunk.set_all_free(0);
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

    /// Puts all slots from byte `start` on into the free list.
    fn set_all_free(&mut self, start: usize) {
        let units = self.slot_units as usize;
        if units > 0 {
            let slots = start / UNIT_BYTES..self.bytes.len() / UNIT_BYTES;
            for unit in slots.step_by(units).rev() {
                self.set_free(unit, self.free_head);
            }
        }
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
    fn slots_round_up() {
        let mut previous = 0;
        for len in 1..3000 {
            let size = slot_bytes(len);
            assert!(size >= len && size >= previous && size - len < COARSE_STEP_BYTES);
            assert!(len > FINE_BYTES_MAX || size - len < FINE_STEP_BYTES);
            previous = size;
        }
    }

    #[test]
    fn chunks_grow_by_a_fifth_to_their_full_size() {
        for slot in (8..=512).step_by(8).chain((576..=1024).step_by(64)) {
            let (mut bytes, mut steps) = (0, 0);
            while bytes + slot <= CHUNK_BYTES_MAX {
                let next = next_chunk_bytes(bytes, slot);
                assert!(next > bytes && next.is_multiple_of(slot) && next <= CHUNK_BYTES_MAX);
                assert!(
                    next - bytes <= 2 * slot + bytes / 4,
                    "{slot}: {bytes}, {next}"
                );
                (bytes, steps) = (next, steps + 1);
            }
            assert!(steps < 40);
        }
    }

    #[test]
    #[should_panic(expected = "out of bounds")]
    fn a_handle_of_a_freed_chunk_panics() {
        let mut slab = Slab::new();
        let (first, _second) = (fill(&mut slab, 2000, 1), fill(&mut slab, 50, 2));
        slab.free(first);
        let _ = slab.slot(first)[0];
    }
}
