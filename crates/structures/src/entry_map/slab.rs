//! Slab: the memory of entries, of one stripe or of one big collection.
//!
//! Entries are byte strings of any length. They are rounded up to a *slot* size, and slots of one size share
//! *chunks*; what is longer than 1 KiB has a chunk to itself.
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
//!                                   a free slot: byte 0 is 0 (no entry has that), bytes 2..4 the next free slot
//! ```
//!
//! A general allocator would round and pad each entry by itself, and a handle would have to be a pointer. Chunks
//! of a fixed size, on the other hand, would waste most of a chunk for every class of every one of 1024 stripes.
//! But a handle is a chunk's number and a slot's, so **a chunk can move**: of each class all chunks but one have
//! their full size, and that one grows by a fifth whenever the class has no free slot. So a slab wastes
//! about a tenth of one chunk for each class, whatever it holds. An empty chunk goes back to the allocator at once
//! and its number is used again.
//!
//! What the sizes are is the user's choice ([`Sizes`]).
//!
//! Every access is a checked index into a slice, so a stale [`Handle`] cannot read outside a chunk.

use std::marker::PhantomData;

use super::handle::{CHUNKS_MAX, Handle, SLOTS_MAX};
use super::reserve_tight;
use crate::cpu::prefetch;

/// Slots up to this size share chunks.
const SHARED_BYTES_MAX: usize = 1024;
/// Above `FINE_BYTES_MAX` slots come in steps of `COARSE_STEP_BYTES`, below in steps of 8 or less.
const FINE_BYTES_MAX: usize = 512;
const COARSE_STEP_BYTES: usize = 64;
const STEP_BYTES: usize = 8;
/// What the processor fetches at once.
const LINE_BYTES: usize = 64;
/// A free slot has its mark and the number of the next.
const SLOT_BYTES_MIN: usize = 4;
/// The full size of a chunk, in a class that is not big. Not 4096: mimalloc puts blocks whose size is a power of two
/// at multiples of it, behind the header of a page of 64 KiB, and so loses one block of 16. Of 3584 bytes 18 blocks
/// fit.
const CHUNK_BYTES: usize = 3584;
/// A class that holds so many times a full chunk starts its next chunk at full size: the copies that growing
/// takes are no longer worth the slots that it saves.
const FULL_START_CHUNKS: usize = 64;

/// The chunk's share of `Slab::chunks`.
const HEADER_BYTES: usize = size_of::<Chunk>();

const _: () = assert!(SHARED_BYTES_MAX <= CHUNK_BYTES && FINE_BYTES_MAX < SHARED_BYTES_MAX);
const _: () = assert!(HEADER_BYTES == 32);

/// No chunk, or no slot: the end of a list.
const NO_CHUNK: u32 = u32::MAX;
const NO_SLOT: u16 = u16::MAX;

/// The sizes of a slab's slots and chunks.
pub(crate) trait Sizes {
    /// The size of the slot for an entry of `len` bytes; not less for a greater `len`. At most 255 sizes up to
    /// `SHARED_BYTES_MAX`.
    fn slot_bytes(len: usize) -> usize;

    /// The full size of a chunk for slots of `slot_bytes`, whose class has so many bytes already. At most
    /// `SLOTS_MAX` slots.
    fn chunk_bytes(slot_bytes: usize, class_bytes: usize) -> usize;
}

/// For the entries of a stripe, which have all lengths and are few of each: steps of 8 bytes up to 512, then of 64,
/// and small chunks.
pub(crate) struct StripeSizes;

impl Sizes for StripeSizes {
    fn slot_bytes(len: usize) -> usize {
        match len {
            _ if len <= FINE_BYTES_MAX => len.next_multiple_of(STEP_BYTES),
            _ if len <= SHARED_BYTES_MAX => len.next_multiple_of(COARSE_STEP_BYTES),
            _ => len.next_multiple_of(STEP_BYTES),
        }
    }

    fn chunk_bytes(_slot_bytes: usize, _class_bytes: usize) -> usize {
        CHUNK_BYTES
    }
}

/// For the elements of a big collection, which are many and small: steps of 2 bytes up to 128, and chunks that grow
/// with their class up to 512 slots.
pub(crate) struct CollectionSizes;

impl CollectionSizes {
    const FINEST_BYTES_MAX: usize = 128;
    const FINEST_STEP_BYTES: usize = 2;
    const FINEST_BYTES_MIN: usize = 8;
    /// A full chunk is at most this part of its class, unless it has `CHUNK_BYTES`.
    const CHUNK_SHARE: usize = 128;
}

impl Sizes for CollectionSizes {
    fn slot_bytes(len: usize) -> usize {
        if len <= Self::FINEST_BYTES_MAX {
            len.next_multiple_of(Self::FINEST_STEP_BYTES)
                .max(Self::FINEST_BYTES_MIN)
        } else {
            StripeSizes::slot_bytes(len)
        }
    }

    fn chunk_bytes(slot_bytes: usize, class_bytes: usize) -> usize {
        let most = (slot_bytes * SLOTS_MAX).min(class_bytes / Self::CHUNK_SHARE);
        if most < 2 * CHUNK_BYTES {
            return CHUNK_BYTES.min(slot_bytes * SLOTS_MAX);
        }
        // the next lower size that allocators have, which is four for each doubling, but no power of two
        let power = 1 << most.ilog2();
        let step = power / 4;
        match most / step * step {
            size if size == power => power - power / 8,
            size => size,
        }
    }
}

struct Chunk {
    /// The slots, or the one big entry. Empty when the chunk's number is free.
    bytes: Box<[u8]>,
    /// Next chunk of the class with room; for a free number the next free number.
    next: u32,
    /// Previous chunk of the class with room.
    prev: u32,
    used: u16,
    free_head: u16,
    /// Size of a slot, 0 for a chunk with a single big entry.
    slot_bytes: u16,
    /// Index in `Slab::classes`.
    class: u8,
}

struct Class {
    slot_bytes: u16,
    /// First chunk with room.
    with_room: u32,
    /// The chunk that has not its full size yet.
    growing: u32,
    /// Bytes of all its chunks.
    bytes: usize,
}

/// See the module.
#[repr(C)]
pub(crate) struct Slab<Z> {
    chunks: Vec<Chunk>,
    free_numbers: u32,
    /// Entries allocated.
    live: usize,
    /// In the order of first use. Few, so they are searched.
    classes: Vec<Class>,
    chunk_bytes: usize,
    sizes: PhantomData<Z>,
}

/// Bytes of a chunk that has outgrown `bytes`: as many slots as fit into the next size that allocators have, which
/// is four sizes for each doubling.
fn next_chunk_bytes(bytes: usize, slot_bytes: usize, full_bytes: usize) -> usize {
    let wanted = (bytes + slot_bytes).max(2 * slot_bytes);
    let step = (wanted.next_power_of_two() / 8).max(STEP_BYTES);
    let size = wanted.next_multiple_of(step).min(full_bytes);
    size / slot_bytes * slot_bytes
}

impl<Z: Sizes> Slab<Z> {
    pub(crate) fn new() -> Slab<Z> {
        Slab {
            chunks: Vec::new(),
            free_numbers: NO_CHUNK,
            live: 0,
            classes: Vec::new(),
            chunk_bytes: 0,
            sizes: PhantomData,
        }
    }

    /// Entries allocated.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// All that the slab has taken from the allocator.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.chunk_bytes
            + self.chunks.capacity() * HEADER_BYTES
            + self.classes.capacity() * size_of::<Class>()
    }

    /// How many allocations the slab consists of, about.
    pub(crate) fn allocations(&self) -> usize {
        self.chunks.len()
    }

    /// Whether so many more entries of `bytes` in all surely find room. Errs by saying no a little early.
    pub(crate) fn has_room(&self, entries: usize, bytes: usize) -> bool {
        // At worst each entry is rounded up by a coarse step and has wide lengths, and a fifth of a chunk is unused
        // where its last slot would not have fitted.
        const ENTRY_BYTES_MAX: usize = COARSE_STEP_BYTES + 20;
        let most = entries
            .saturating_mul(ENTRY_BYTES_MAX)
            .saturating_add(bytes);
        let chunks = most / (CHUNK_BYTES * 4 / 5) + self.classes.len() + 1;
        // what is longer than `SHARED_BYTES_MAX` takes a chunk, whatever its length
        self.chunks.len() + chunks.min(entries) <= CHUNKS_MAX
    }

    /// A slot for an entry of `len` bytes, at least one. Its content is arbitrary; the caller must write a byte 0
    /// other than 0.
    ///
    /// # Panics
    /// When the slab is full (2^19 chunks, which is 2 GiB of small entries).
    pub(crate) fn allocate(&mut self, len: usize) -> Handle {
        debug_assert!(len > 0);
        self.live += 1;
        let slot_bytes = Z::slot_bytes(len);
        debug_assert!(slot_bytes >= len.max(SLOT_BYTES_MIN));
        if slot_bytes > SHARED_BYTES_MAX {
            return Handle::new(self.add_chunk(slot_bytes, 0, 0), 0);
        }
        let class = self.class_of(slot_bytes);
        if self.classes[class].with_room == NO_CHUNK {
            self.make_room(class, slot_bytes);
        }
        let number = self.classes[class].with_room as usize;
        let chunk = &mut self.chunks[number];
        let slot = chunk.free_head as usize;
        chunk.free_head = chunk.next_free(slot);
        chunk.used += 1;
        if chunk.free_head == NO_SLOT {
            self.unlink(class, number);
        }
        Handle::new(number, slot)
    }

    /// Gives a slot back.
    pub(crate) fn free(&mut self, handle: Handle) {
        let number = handle.chunk();
        let chunk = &mut self.chunks[number];
        self.live -= 1;
        if chunk.slot_bytes == 0 {
            return self.remove_chunk(number);
        }
        let class = chunk.class as usize;
        let was_full = chunk.free_head == NO_SLOT;
        chunk.set_free(handle.slot(), chunk.free_head);
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
    pub(crate) fn slot(&self, handle: Handle) -> &[u8] {
        let chunk = &self.chunks[handle.chunk()];
        &chunk.bytes[chunk.range(handle)]
    }

    /// The bytes from the start of an entry on, to behind its end; quicker to have than the slot.
    #[inline]
    pub(crate) fn entry(&self, handle: Handle) -> &[u8] {
        let chunk = &self.chunks[handle.chunk()];
        &chunk.bytes[chunk.start(handle)..]
    }

    /// The whole slot, for writing.
    #[inline]
    pub(crate) fn slot_mut(&mut self, handle: Handle) -> &mut [u8] {
        let chunk = &mut self.chunks[handle.chunk()];
        let range = chunk.range(handle);
        &mut chunk.bytes[range]
    }

    /// Two different slots, the first for reading and the second for writing, shown to `work`.
    pub(crate) fn with_two<R>(
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

    /// Asks for what says where the entries of a chunk lie.
    #[inline]
    pub(crate) fn prefetch_chunk(&self, handle: Handle) {
        prefetch(&self.chunks[handle.chunk()]);
    }

    /// Asks for the first two cache lines of an entry, or the one that it has.
    #[inline]
    pub(crate) fn prefetch(&self, handle: Handle) {
        let chunk = &self.chunks[handle.chunk()];
        let slot = &chunk.bytes[chunk.range(handle)];
        prefetch(&slot[0]);
        prefetch(&slot[LINE_BYTES.min(slot.len() - 1)]);
    }

    /// The index of the class with slots of this size.
    fn class_of(&mut self, slot_bytes: usize) -> usize {
        let slot_bytes = slot_bytes as u16;
        let known = self
            .classes
            .iter()
            .position(|class| class.slot_bytes == slot_bytes);
        known.unwrap_or_else(|| {
            reserve_tight(&mut self.classes);
            self.classes.push(Class {
                slot_bytes,
                with_room: NO_CHUNK,
                growing: NO_CHUNK,
                bytes: 0,
            });
            self.classes.len() - 1
        })
    }

    /// Links a chunk with room into a class that has none: the growing one, grown, or else a new one.
    fn make_room(&mut self, class: usize, slot_bytes: usize) {
        let Class { growing, bytes, .. } = self.classes[class];
        let full_bytes = Z::chunk_bytes(slot_bytes, bytes);
        let start_bytes = (bytes / FULL_START_CHUNKS).min(full_bytes);
        let grows = |bytes: usize| bytes + slot_bytes <= full_bytes;
        let (number, added) = match self.chunks.get(growing as usize) {
            // a class that has shrunk has smaller full chunks than when this one began
            Some(chunk) if grows(chunk.bytes.len()) => {
                let added = self.grow_chunk(growing as usize, slot_bytes, full_bytes);
                (growing as usize, added)
            }
            _ => {
                let start = next_chunk_bytes(start_bytes, slot_bytes, full_bytes);
                (self.add_chunk(start, slot_bytes as u16, class), start)
            }
        };
        let still_grows = grows(self.chunks[number].bytes.len());
        let class_of_it = &mut self.classes[class];
        class_of_it.growing = if still_grows { number as u32 } else { NO_CHUNK };
        class_of_it.bytes += added;
        self.link(class, number);
    }

    /// Moves a full chunk into more memory; returns how many bytes it has got.
    fn grow_chunk(&mut self, number: usize, slot_bytes: usize, full_bytes: usize) -> usize {
        let chunk = &mut self.chunks[number];
        let before = chunk.bytes.len();
        let after = next_chunk_bytes(before, slot_bytes, full_bytes);
        let mut bytes = Vec::with_capacity(after);
        bytes.extend_from_slice(&chunk.bytes);
        bytes.resize(after, 0);
        chunk.bytes = bytes.into_boxed_slice();
        chunk.set_all_free(before);
        self.chunk_bytes += after - before;
        after - before
    }

    /// A new chunk of `bytes`, all slots free, not linked.
    fn add_chunk(&mut self, bytes: usize, slot_bytes: u16, class: usize) -> usize {
        let mut chunk = Chunk {
            bytes: vec![0; bytes].into_boxed_slice(),
            next: NO_CHUNK,
            prev: NO_CHUNK,
            used: 0,
            free_head: NO_SLOT,
            slot_bytes,
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
    /// Where the entry begins.
    #[inline]
    fn start(&self, handle: Handle) -> usize {
        handle.slot() * self.slot_bytes as usize
    }

    /// Where the slot lies.
    #[inline]
    fn range(&self, handle: Handle) -> std::ops::Range<usize> {
        let start = self.start(handle);
        match self.slot_bytes {
            0 => start..self.bytes.len(),
            bytes => start..start + bytes as usize,
        }
    }

    fn next_free(&self, slot: usize) -> u16 {
        let start = slot * self.slot_bytes as usize;
        u16::from_le_bytes([self.bytes[start + 2], self.bytes[start + 3]])
    }

    /// Puts all slots from byte `start` on into the free list.
    fn set_all_free(&mut self, start: usize) {
        if let Some(end) = self.bytes.len().checked_div(self.slot_bytes as usize) {
            let slots = start / self.slot_bytes as usize..end;
            for slot in slots.rev() {
                self.set_free(slot, self.free_head);
            }
        }
    }

    /// Puts a slot in front of the free list, whose head has been `next`.
    fn set_free(&mut self, slot: usize, next: u16) {
        let start = slot * self.slot_bytes as usize;
        self.bytes[start] = 0;
        self.bytes[start + 2..start + 4].copy_from_slice(&next.to_le_bytes());
        self.free_head = slot as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_reuse<Z: Sizes>() {
        let mut slab: Slab<Z> = Slab::new();
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

    #[test]
    fn slots_are_given_back_and_used_again() {
        check_reuse::<StripeSizes>();
        check_reuse::<CollectionSizes>();
    }

    fn fill(slab: &mut Slab<impl Sizes>, len: usize, byte: u8) -> Handle {
        let handle = slab.allocate(len);
        slab.slot_mut(handle)[..len].fill(byte);
        slab.slot_mut(handle)[0] = 1;
        handle
    }

    fn check_slots<Z: Sizes>() {
        let (mut previous, mut sizes) = (0, 0);
        for len in 1..3000 {
            let size = Z::slot_bytes(len);
            assert!(size >= len && size >= previous && size >= SLOT_BYTES_MIN);
            assert!(size - len < COARSE_STEP_BYTES);
            assert!(len > FINE_BYTES_MAX || size - len < STEP_BYTES);
            sizes += usize::from(size != previous && size <= SHARED_BYTES_MAX);
            previous = size;
        }
        assert!(sizes <= u8::MAX as usize);
    }

    #[test]
    fn slots_round_up() {
        check_slots::<StripeSizes>();
        check_slots::<CollectionSizes>();
        assert_eq!([18, 26, 35].map(CollectionSizes::slot_bytes), [18, 26, 36]);
    }

    fn check_growth<Z: Sizes>() {
        for slot in (1..=SHARED_BYTES_MAX).map(Z::slot_bytes) {
            for class_bytes in [0, 1 << 20, 1 << 24, 1 << 28] {
                let full = Z::chunk_bytes(slot, class_bytes);
                assert!((CHUNK_BYTES..=slot * SLOTS_MAX).contains(&full), "{slot}");
                assert!(full == CHUNK_BYTES || full <= class_bytes / 128);
                let (mut bytes, mut steps) = (0, 0);
                while bytes + slot <= full {
                    let next = next_chunk_bytes(bytes, slot, full);
                    assert!(next > bytes && next.is_multiple_of(slot) && next <= full);
                    assert!(
                        next - bytes <= 2 * slot + bytes / 4,
                        "{slot}: {bytes}, {next}"
                    );
                    (bytes, steps) = (next, steps + 1);
                }
                assert!(steps < 60);
            }
        }
    }

    #[test]
    fn chunks_grow_by_a_fifth_to_their_full_size() {
        check_growth::<StripeSizes>();
        check_growth::<CollectionSizes>();
    }

    /// Also where a class shrinks, so that its full chunks get smaller.
    #[test]
    fn big_classes_have_big_chunks() {
        let mut slab: Slab<CollectionSizes> = Slab::new();
        for _ in 0..3 {
            let mut handles: Vec<Handle> =
                (0..300_000).map(|i| fill(&mut slab, 26, i as u8)).collect();
            assert!(slab.chunks.len() < 1000, "{}", slab.chunks.len());
            assert!(slab.memory_bytes() < 300_000 * 264 / 10);
            while handles.len() > 1000 {
                slab.free(handles.swap_remove(handles.len() / 3));
            }
            for handle in handles {
                slab.free(handle);
            }
        }
    }

    #[test]
    #[should_panic(expected = "out of bounds")]
    fn a_handle_of_a_freed_chunk_panics() {
        let mut slab: Slab<StripeSizes> = Slab::new();
        let (first, _second) = (fill(&mut slab, 2000, 1), fill(&mut slab, 50, 2));
        slab.free(first);
        let _ = slab.slot(first)[0];
    }
}
