//! The block's place in its buffer, and room for more.

use super::{At, BYTES_MAX, COUNT_UNKNOWN, EMPTY_LEN, END, HEADER_LEN, Listpack};

/// A buffer is not cut down for less than this many unused bytes: a short list that is a queue would have a new one for
/// each push and pop.
const UNUSED_MIN: usize = 64;

impl Listpack {
    /// One without items.
    pub fn new() -> Listpack {
        Listpack::with_capacity(0)
    }

    /// One without items, whose buffer holds `bytes` (header and end included) before it has to grow.
    pub fn with_capacity(bytes: usize) -> Listpack {
        let mut buffer = vec![0; bytes.clamp(EMPTY_LEN, BYTES_MAX)].into_boxed_slice();
        buffer[0] = EMPTY_LEN as u8;
        buffer[HEADER_LEN] = END;
        Listpack {
            buffer,
            start: 0,
            end: EMPTY_LEN as u32,
        }
    }

    /// Of a block that is known to be one.
    pub(super) fn from_trusted(block: Box<[u8]>) -> Listpack {
        Listpack {
            start: 0,
            end: block.len() as u32,
            buffer: block,
        }
    }

    /// The block: what DUMP and RDB files hold.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start as usize..self.end as usize]
    }

    /// Length of the block, in bytes.
    #[inline]
    pub fn byte_len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Bytes of heap that it owns, unused ones included.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// May the block grow by `extra_bytes`? The reference never lets one grow over 1 GiB ([`BYTES_MAX`]); those who
    /// add ask first, and turn to another encoding if they must not.
    pub fn would_fit(&self, extra_bytes: usize) -> bool {
        self.byte_len().saturating_add(extra_bytes) <= BYTES_MAX
    }

    /// Gives back all unused bytes of the buffer.
    pub fn shrink_to_fit(&mut self) {
        if self.buffer.len() > self.byte_len() {
            self.resize_buffer(self.byte_len(), false);
        }
    }

    #[inline]
    pub(super) fn block_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start as usize..self.end as usize]
    }

    /// The header's count.
    #[inline]
    pub(super) fn count_field(&self) -> u16 {
        let start = self.start as usize;
        u16::from_le_bytes([self.buffer[start + 4], self.buffer[start + 5]])
    }

    /// Counts `added` items more and `removed` less. Once the count is unknown it stays so, as in the reference.
    #[inline]
    pub(super) fn count(&mut self, added: usize, removed: usize) {
        let count = self.count_field();
        if count != COUNT_UNKNOWN {
            self.set_count((usize::from(count) + added).saturating_sub(removed));
        }
    }

    #[inline]
    pub(super) fn set_count(&mut self, count: usize) {
        let count = count.min(usize::from(COUNT_UNKNOWN)) as u16;
        let start = self.start as usize;
        self.buffer[start + 4..start + 6].copy_from_slice(&count.to_le_bytes());
    }

    /// Makes the `removed` bytes at `at` into `added` bytes, whose content is left to the caller, and writes the
    /// header's length. Moves the shorter of the two parts around them, as long as there is room on its side.
    #[inline]
    pub(super) fn splice(&mut self, at: usize, removed: usize, added: usize) {
        if added == removed {
            return;
        }
        let front_is_shorter = at < self.byte_len() - at - removed;
        if added > removed {
            self.reserve(added - removed, front_is_shorter);
        }
        let (start, end) = (self.start as usize, self.end as usize);
        let (hole, rest) = (start + at, start + at + removed);
        if front_is_shorter {
            let new_start = start + removed - added;
            self.buffer.copy_within(start..hole, new_start);
            self.start = new_start as u32;
        } else {
            let new_rest = rest + added - removed;
            self.buffer.copy_within(rest..end, new_rest);
            self.end = (new_rest + end - rest) as u32;
        }
        let total = (self.end - self.start).to_le_bytes();
        let start = self.start as usize;
        self.buffer[start..start + 4].copy_from_slice(&total);
    }

    /// Makes place for one more item of so many bytes before the first.
    #[inline]
    pub(super) fn open_front(&mut self, len: usize) -> &mut [u8] {
        self.reserve(len, true);
        let count = self.count_field();
        self.start -= len as u32;
        // Unknown stays unknown, and what comes to it becomes it.
        self.set_header(count.saturating_add(1));
        let at = self.start as usize + HEADER_LEN;
        &mut self.buffer[at..at + len]
    }

    /// Makes place for one more item of so many bytes behind the last.
    #[inline]
    pub(super) fn open_back(&mut self, len: usize) -> &mut [u8] {
        self.reserve(len, false);
        let at = self.end as usize - 1;
        self.end += len as u32;
        self.set_header(self.count_field().saturating_add(1));
        let place = &mut self.buffer[at..=at + len];
        place[len] = END;
        &mut place[..len]
    }

    /// Removes the first item, which has so many bytes.
    #[inline]
    pub(super) fn close_front(&mut self, len: usize) {
        let count = self.count_field();
        self.start += len as u32;
        self.set_header(one_less(count));
    }

    /// Removes the last item, which has so many bytes.
    #[inline]
    pub(super) fn close_back(&mut self, len: usize) {
        self.end -= len as u32;
        self.set_header(one_less(self.count_field()));
        self.buffer[self.end as usize - 1] = END;
    }

    #[inline]
    fn set_header(&mut self, count: u16) {
        let start = self.start as usize;
        let header = u64::from(self.end - self.start) | u64::from(count) << 32;
        self.buffer[start..start + HEADER_LEN].copy_from_slice(&header.to_le_bytes()[..HEADER_LEN]);
    }

    /// Sees to it that the block can grow by `bytes` at its front or back.
    #[inline]
    fn reserve(&mut self, bytes: usize, at_front: bool) {
        let (start, end) = (self.start as usize, self.end as usize);
        let room = if at_front {
            start
        } else {
            self.buffer.len() - end
        };
        if room < bytes {
            self.make_room(bytes, at_front);
        }
    }

    #[cold]
    fn make_room(&mut self, bytes: usize, at_front: bool) {
        let needed = self.byte_len() + bytes;
        // The other end's room will do, if it is worth moving everything.
        if self.buffer.len() >= needed + needed / 16 {
            return self.slide(at_front);
        }
        self.resize_buffer((needed + needed / 8).next_multiple_of(16), at_front);
    }

    /// Moves the block so that all room is at its front, or all at its back.
    fn slide(&mut self, room_at_front: bool) {
        let len = self.byte_len();
        let new_start = if room_at_front {
            self.buffer.len() - len
        } else {
            0
        };
        self.buffer
            .copy_within(self.start as usize..self.end as usize, new_start);
        self.start = new_start as u32;
        self.end = (new_start + len) as u32;
    }

    /// Gives the block a buffer of `capacity` bytes, with all room at its front or all at its back. A new one, not the
    /// old one made longer or shorter: allocators leave a block that shrinks by less than half where it is, as long as
    /// it was.
    fn resize_buffer(&mut self, capacity: usize, room_at_front: bool) {
        let len = self.byte_len();
        // Offsets are 32 bits wide. Callers have asked `would_fit`, which is far below.
        assert!(
            len <= capacity && u32::try_from(capacity).is_ok(),
            "a listpack of {capacity} bytes"
        );
        let mut buffer = Vec::with_capacity(capacity);
        let start = if room_at_front { capacity - len } else { 0 };
        buffer.resize(start, 0);
        buffer.extend_from_slice(self.as_bytes());
        buffer.resize(capacity, 0);
        self.buffer = buffer.into_boxed_slice();
        (self.start, self.end) = (start as u32, (start + len) as u32);
    }

    /// Cuts the buffer down if a quarter of it is unused.
    #[inline]
    pub(crate) fn trim(&mut self) {
        let len = self.byte_len();
        let unused = self.buffer.len() - len;
        if unused > UNUSED_MIN && unused > self.buffer.len() / 4 {
            self.resize_buffer((len + len / 8).next_multiple_of(16), false);
        }
    }

    /// Cuts the buffer down if an eighth of it is unused: for one that is not expected to grow.
    pub(crate) fn settle(&mut self) {
        if self.buffer.len() - self.byte_len() > self.buffer.len() / 8 {
            self.shrink_to_fit();
        }
    }

    /// Is this the place behind the last item?
    pub(crate) fn is_end(&self, at: At) -> bool {
        self.item_at(at.offset()).is_none()
    }

    /// The place of an item at this offset of the block; nothing for the block's end.
    #[inline]
    pub(super) fn item_at(&self, offset: usize) -> Option<At> {
        (offset < self.byte_len() - 1).then(|| At::new(offset))
    }
}

/// The count after one item was removed.
fn one_less(count: u16) -> u16 {
    match count {
        COUNT_UNKNOWN => COUNT_UNKNOWN,
        count => count.saturating_sub(1),
    }
}
