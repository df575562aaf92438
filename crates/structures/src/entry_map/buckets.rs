//! Buckets: the array of a table's buckets, which grows and shrinks at its end without moving.
//!
//! ```text
//!  segments  +---+---+---+
//!            | * | * | * |
//!            +-|-+-|-+-|-+
//!              v   v   v
//!             16  16   8 buckets     the last has 4, 8 or 16 (the first, while it is alone, also 1 or 2)
//! ```
//!
//! Segments are powers of two, so that allocators put them at cache lines without padding.

use std::ops::{Index, IndexMut};

use super::bucket::Bucket;
use super::reserve_tight;
use crate::cpu::prefetch;

const SEGMENT_BUCKETS: usize = 16;
const SEGMENT_BUCKETS_MIN: usize = 4;

/// See the module.
#[derive(Default)]
pub(super) struct Buckets {
    segments: Vec<Box<[Bucket]>>,
    len: u32,
}

impl Buckets {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Asks for what says where a bucket lies, as a hint.
    #[inline]
    pub(super) fn prefetch_place(&self, index: usize) {
        prefetch(&self.segments[index / SEGMENT_BUCKETS]);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Bucket> {
        self.segments
            .iter()
            .flat_map(|segment| segment.iter())
            .take(self.len())
    }

    /// Room for so many buckets is allocated.
    fn capacity(&self) -> usize {
        let last = self.segments.last().map_or(0, |segment| segment.len());
        self.segments.len().saturating_sub(1) * SEGMENT_BUCKETS + last
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.capacity() * size_of::<Bucket>()
            + self.segments.capacity() * size_of::<Box<[Bucket]>>()
    }

    /// How many allocations it consists of, about.
    pub(super) fn allocations(&self) -> usize {
        self.segments.len()
    }

    /// Adds an empty bucket.
    pub(super) fn push(&mut self) {
        if self.len() == self.capacity() {
            match self.segments.last_mut() {
                Some(last) if last.len() < SEGMENT_BUCKETS => {
                    let mut longer = segment(2 * last.len());
                    last.iter_mut()
                        .zip(&mut longer)
                        .for_each(|(old, new)| std::mem::swap(old, new));
                    *last = longer;
                }
                last => {
                    let start = if last.is_some() {
                        SEGMENT_BUCKETS_MIN
                    } else {
                        1
                    };
                    reserve_tight(&mut self.segments);
                    self.segments.push(segment(start));
                }
            }
        }
        self.len += 1;
    }

    /// Takes the last bucket away, which must be empty.
    pub(super) fn pop(&mut self) {
        debug_assert_eq!(self[self.len() - 1].len(), 0);
        self.len -= 1;
        if self.len().is_multiple_of(SEGMENT_BUCKETS) {
            self.segments.pop();
            self.segments.shrink_to(self.segments.len() * 5 / 4);
        }
    }
}

fn segment(buckets: usize) -> Box<[Bucket]> {
    vec![Bucket::default(); buckets].into_boxed_slice()
}

impl Index<usize> for Buckets {
    type Output = Bucket;

    #[inline]
    fn index(&self, index: usize) -> &Bucket {
        &self.segments[index / SEGMENT_BUCKETS][index % SEGMENT_BUCKETS]
    }
}

impl IndexMut<usize> for Buckets {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut Bucket {
        &mut self.segments[index / SEGMENT_BUCKETS][index % SEGMENT_BUCKETS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_follows_length() {
        let mut buckets = Buckets::default();
        assert_eq!(buckets.memory_bytes(), 0);
        for len in 1..200 {
            buckets.push();
            assert_eq!((buckets.len(), buckets.iter().count()), (len, len));
            assert!(buckets.capacity() >= len && buckets.capacity() - len < SEGMENT_BUCKETS / 2);
            buckets[len - 1].add_displaced();
        }
        assert!(
            buckets.iter().all(|bucket| bucket.displaced() == 1),
            "buckets keep their content"
        );
        for len in (0..199).rev() {
            buckets.pop();
            assert_eq!(buckets.len(), len);
            assert!(buckets.capacity() - len < SEGMENT_BUCKETS);
        }
    }
}
