//! How large a node may be.

/// The limits of a node, as `list-max-listpack-size` says them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// Bytes of a packed node.
    bytes_max: u32,
    /// Elements of a packed node; [`NO_COUNT`] where bytes alone decide.
    count_max: u32,
    /// Bytes from which on an element has a plain node.
    large_from: u32,
}

/// By negative setting: -1, -2, ...
const SIZE_LEVELS: [u32; 5] = [4096, 8192, 16_384, 32_768, 65_536];
/// Bytes of a node whose elements are counted.
const SIZE_SAFETY_LIMIT: u32 = 8192;
/// What an element is supposed to take beside its text, before it is encoded.
const ELEMENT_OVERHEAD: usize = 8;
const NO_COUNT: u32 = u32::MAX;
/// A higher count is taken as this one.
const COUNT_MAX: i64 = (1 << 15) - 1;

impl Fill {
    /// The limits that `list-max-listpack-size` stands for: -1 to -5 for 4 to 64 KiB, from 1 on a number of elements (and
    /// 8 KiB). Values beyond are taken as the nearest, 0 as 1.
    pub fn new(list_max_listpack_size: i64) -> Fill {
        let (bytes_max, count_max) = match list_max_listpack_size {
            ..0 => {
                let level = list_max_listpack_size.unsigned_abs().min(5) as usize;
                (SIZE_LEVELS[level - 1], NO_COUNT)
            }
            count => (SIZE_SAFETY_LIMIT, count.clamp(1, COUNT_MAX) as u32),
        };
        Fill {
            bytes_max,
            count_max,
            large_from: bytes_max + 1,
        }
    }

    /// The same, but for elements of `threshold` bytes and more, which get plain nodes: what DEBUG
    /// QUICKLIST-PACKED-THRESHOLD sets. 0 changes nothing.
    pub fn with_packed_threshold(self, threshold: u32) -> Fill {
        match threshold {
            0 => self,
            large_from => Fill { large_from, ..self },
        }
    }

    /// Would a listpack of so many bytes and elements be too large for one node?
    #[inline]
    pub fn exceeded(self, bytes: usize, count: usize) -> bool {
        bytes > self.bytes_max as usize || count > self.count_max as usize
    }

    /// Does an element of this length get a plain node?
    #[inline]
    pub fn is_large(self, len: usize) -> bool {
        len >= self.large_from as usize
    }

    /// May an element of `len` bytes be added to a packed node of so many bytes and elements? The reference estimates, and
    /// rather too much.
    #[inline]
    pub(super) fn allows_insert(self, bytes: usize, count: u32, len: usize) -> bool {
        !self.is_large(len) && !self.exceeded(bytes + len + ELEMENT_OVERHEAD, count as usize + 1)
    }

    /// Bytes of a packed node at most, as long as elements are only pushed.
    pub(super) fn node_bytes_max(self) -> usize {
        self.bytes_max as usize
    }

    /// May a list of one packed node of so many bytes and elements be a listpack?
    pub(super) fn fits_listpack(self, bytes: usize, count: usize, shrinking: bool) -> bool {
        let half = usize::from(shrinking);
        if self.count_max == NO_COUNT {
            bytes <= self.bytes_max as usize >> half
        } else {
            count <= self.count_max as usize >> half
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_references() {
        let check = |setting, bytes_max, count_max| {
            let fill = Fill::new(setting);
            assert!(!fill.exceeded(bytes_max, count_max));
            assert!(fill.exceeded(bytes_max + 1, 1));
            assert_eq!(fill.exceeded(1, count_max + 1), setting >= 0);
            assert!(fill.is_large(bytes_max + 1) && !fill.is_large(bytes_max));
        };
        check(-1, 4096, 10);
        check(-2, 8192, 10);
        check(-5, 65_536, 10);
        check(-6, 65_536, 10);
        check(i64::MIN, 65_536, 10);
        check(0, 8192, 1);
        check(1, 8192, 1);
        check(128, 8192, 128);
        check(i64::MAX, 8192, 32_767);
        let fill = Fill::new(-2).with_packed_threshold(100);
        assert!(fill.is_large(100) && !fill.is_large(99));
        assert_eq!(fill.with_packed_threshold(0), fill);
    }

    #[test]
    fn a_shrinking_list_turns_at_half_the_limit() {
        let check = |setting, bytes, count, shrinking, expected| {
            let fits = Fill::new(setting).fits_listpack(bytes, count, shrinking);
            assert_eq!(fits, expected, "{setting} {bytes} {count} {shrinking}");
        };
        check(-2, 8192, 9999, false, true);
        check(-2, 8193, 1, false, false);
        check(-2, 4096, 1, true, true);
        check(-2, 4097, 1, true, false);
        check(10, 9999, 10, false, true);
        check(10, 9999, 6, true, false);
        check(10, 9999, 5, true, true);
        // half of one is none, so such a list stays as it is
        check(1, 10, 1, true, false);
    }
}
