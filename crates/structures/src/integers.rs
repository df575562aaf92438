//! Integers of any width in blocks of bytes.

/// The signed little-endian integer of `LEN` bytes (at most 8) at `at`.
#[inline]
pub(crate) fn le_int<const LEN: usize>(block: &[u8], at: usize) -> i64 {
    let mut wide = [0; 8];
    wide[8 - LEN..].copy_from_slice(&block[at..at + LEN]);
    i64::from_le_bytes(wide) >> (64 - 8 * LEN)
}
