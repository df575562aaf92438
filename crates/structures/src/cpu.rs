//! What the processor does better than the language: a hint and a comparison. All `unsafe` of this crate is here.

/// Asks for the cache line at the start of `place`: "I shall read this soon". Costs about a nanosecond, changes
/// no result, and turns the cache misses of a batch of commands, which would come one after another, into misses
/// that overlap.
#[inline(always)]
pub fn prefetch<T: ?Sized>(place: &T) {
    prefetch_address(std::ptr::from_ref(place).cast());
}

/// As [`prefetch`], for the first so many bytes of a value, and no more than it has.
#[inline(always)]
pub fn prefetch_bytes<T>(value: &T, bytes: usize) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    let mut offset = 0;
    while offset < bytes.min(size_of::<T>()) {
        prefetch_address(start.wrapping_add(offset));
        offset += LINE_BYTES;
    }
}

/// As [`prefetch`], for all lines of `bytes`.
#[inline]
pub(crate) fn prefetch_lines(bytes: &[u8]) {
    for line in bytes.chunks(LINE_BYTES) {
        prefetch(line);
    }
}

/// Of a cache line.
const LINE_BYTES: usize = 64;

#[inline(always)]
#[allow(unsafe_code)]
fn prefetch_address(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch accesses no memory in the sense of the language and faults on no address; SSE, which
        // it needs, is part of every x86_64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast::<i8>()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Bit set of those of 16 bytes (8 of `low`, then 8 of `high`, lowest first) that equal `byte`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
pub(crate) fn equal_bytes(low: u64, high: u64, byte: u8) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    // SAFETY: these work on values only; SSE2, which they need, is part of every x86_64.
    unsafe {
        let lanes = _mm_set_epi64x(high as i64, low as i64);
        _mm_movemask_epi8(_mm_cmpeq_epi8(lanes, _mm_set1_epi8(byte as i8))) as u32
    }
}

/// Bit set of those of 16 bytes (8 of `low`, then 8 of `high`, lowest first) that equal `byte`.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn equal_bytes(low: u64, high: u64, byte: u8) -> u32 {
    equal_bytes_portably(low, high, byte)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn equal_bytes_portably(low: u64, high: u64, byte: u8) -> u32 {
    let bytes = low.to_le_bytes().into_iter().chain(high.to_le_bytes());
    bytes
        .enumerate()
        .fold(0, |set, (i, b)| set | u32::from(b == byte) << i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_comparisons_agree() {
        let (low, high) = (0x0102_0304_0501_0007, 0xFF00_0180_0000_0001);
        for byte in 0..=255 {
            assert_eq!(
                equal_bytes(low, high, byte),
                equal_bytes_portably(low, high, byte)
            );
        }
        assert_eq!(equal_bytes(low, high, 1), 0b0010_0001_1000_0100);
    }
}
