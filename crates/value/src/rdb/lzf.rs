//! LZF, the compression of long strings in RDB.
//!
//! ```text
//!   000LLLLL                      L+1 bytes follow as they are (1 to 32)
//!   LLLooooo oooooooo             L+2 bytes from o+1 bytes before (3 to 8)
//!   111ooooo LLLLLLLL oooooooo    L+9 bytes from o+1 bytes before (9 to 264)
//! ```
//!
//! [`Compressor`] finds the same matches as liblzf's `lzf_c.c` in the reference's configuration (VERY_FAST, a table of
//! 2^16 places), so that DUMP is the reference's to the byte.

use perilune_structures::Corrupt;

/// Bytes of a run of literals.
const LITERALS_MAX: usize = 1 << 5;
/// A match is fewer bytes before.
const OFFSET_END: usize = 1 << 13;
/// Bytes of a match.
const MATCH_MAX: usize = (1 << 8) + (1 << 3);
/// A byte of compressed text stands for at most so many: three of them for [`MATCH_MAX`].
const EXPANSION_MAX: usize = MATCH_MAX / 3;

const TABLE_BITS: u32 = 16;

/// Compresses one string after the other; the table is cleared only once in a while.
pub(super) struct Compressor {
    /// By hash of three bytes: `base` plus the position of those that were seen last; less than `base`: none.
    table: Vec<u32>,
    base: u32,
}

impl Compressor {
    pub(super) fn new() -> Compressor {
        Compressor {
            table: Vec::new(),
            base: 1,
        }
    }

    /// The compressed text, if it takes at most `len_max` bytes.
    pub(super) fn compress(&mut self, text: &[u8], len_max: usize) -> Option<Vec<u8>> {
        if text.len() < 3 || len_max == 0 {
            return None;
        }
        let len = u32::try_from(text.len()).ok()?;
        if self.table.is_empty() || self.base.checked_add(len).is_none() {
            self.table = vec![0; 1 << TABLE_BITS];
            self.base = 1;
        }
        let base = self.base;
        self.base = base.checked_add(len)?;
        compress(text, len_max, &mut self.table, base)
    }
}

/// Where three bytes stand in the table.
fn place_of(text: &[u8], at: usize) -> usize {
    let hash = u32::from(text[at]) << 16 | u32::from(text[at + 1]) << 8 | u32::from(text[at + 2]);
    let mixed = (hash >> (24 - TABLE_BITS)).wrapping_sub(hash.wrapping_mul(5));
    (mixed & ((1 << TABLE_BITS) - 1)) as usize
}

/// How many bytes from `at` on are those from `from` on, of which three are.
fn match_len(text: &[u8], from: usize, at: usize) -> usize {
    let len_max = (text.len() - at - 2).min(MATCH_MAX);
    let mut len = 2;
    if len_max > 16 {
        // these are not held against the longest match, which they may pass by one
        for _ in 0..16 {
            len += 1;
            if text[from + len] != text[at + len] {
                return len;
            }
        }
    }
    loop {
        len += 1;
        if len >= len_max || text[from + len] != text[at + len] {
            return len;
        }
    }
}

/// Notes the length of the run of literals that ends here, or takes back what was kept free for it.
fn end_run(out: &mut Vec<u8>, literals: usize) {
    if literals == 0 {
        out.pop();
    } else {
        let head = out.len() - literals - 1;
        out[head] = (literals - 1) as u8;
    }
}

fn compress(text: &[u8], len_max: usize, table: &mut [u32], base: u32) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(len_max.min(text.len()));
    let mut literals = 0;
    out.push(0);
    let mut at = 0;
    while at + 2 < text.len() {
        let place = &mut table[place_of(text, at)];
        let seen = place.checked_sub(base).map(|seen| seen as usize);
        *place = base + at as u32;
        // a match at the very beginning is never taken
        let found = seen.filter(|&seen| {
            seen > 0 && at - seen - 1 < OFFSET_END && text[seen..seen + 3] == text[at..at + 3]
        });
        if let Some(from) = found {
            let offset = at - from - 1;
            let empty = usize::from(literals == 0);
            if out.len() + 4 >= len_max && out.len() - empty + 4 >= len_max {
                return None;
            }
            end_run(&mut out, literals);
            let len = match_len(text, from, at);
            let high = (offset >> 8) as u8;
            match len - 2 {
                short @ ..7 => out.push(high + ((short as u8) << 5)),
                long => out.extend([high + (7 << 5), (long - 7) as u8]),
            }
            out.push(offset as u8);
            literals = 0;
            out.push(0);
            at += len;
            if at + 2 >= text.len() {
                break;
            }
            // of the places within a match only the last two are noted
            for behind in [at - 2, at - 1] {
                table[place_of(text, behind)] = base + behind as u32;
            }
        } else {
            if out.len() >= len_max {
                return None;
            }
            put_literal(&mut out, &mut literals, text[at]);
            at += 1;
        }
    }
    if out.len() + 3 > len_max {
        return None;
    }
    for &byte in &text[at..] {
        put_literal(&mut out, &mut literals, byte);
    }
    end_run(&mut out, literals);
    Some(out)
}

fn put_literal(out: &mut Vec<u8>, literals: &mut usize, byte: u8) {
    out.push(byte);
    *literals += 1;
    if *literals == LITERALS_MAX {
        end_run(out, *literals);
        *literals = 0;
        out.push(0);
    }
}

/// The text of `len` bytes that was compressed.
///
/// # Errors
/// If it is not one of that length.
pub(super) fn decompress(compressed: &[u8], len: usize) -> Result<Vec<u8>, Corrupt> {
    let corrupt = Corrupt {
        what: "a compressed string",
    };
    if len > compressed.len().saturating_mul(EXPANSION_MAX) {
        return Err(corrupt);
    }
    let mut out = Vec::with_capacity(len);
    let mut rest = compressed;
    while let Some((&control, behind)) = rest.split_first() {
        rest = behind;
        if usize::from(control) < LITERALS_MAX {
            let literals = rest
                .split_off(..usize::from(control) + 1)
                .filter(|literals| out.len() + literals.len() <= len)
                .ok_or(corrupt)?;
            out.extend_from_slice(literals);
            continue;
        }
        let mut next = || rest.split_off_first().map(|&byte| usize::from(byte));
        let mut count = usize::from(control >> 5) + 2;
        if count == 7 + 2 {
            count += next().ok_or(corrupt)?;
        }
        let offset = (usize::from(control & 0x1F) << 8) + next().ok_or(corrupt)? + 1;
        let from = out.len().checked_sub(offset).ok_or(corrupt)?;
        if out.len() + count > len {
            return Err(corrupt);
        }
        // what is copied may reach into what is being written
        for at in from..from + count {
            out.push(out[at]);
        }
    }
    if out.len() == len {
        Ok(out)
    } else {
        Err(corrupt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(b'a'..b'd', 0..60),
            (any::<u8>(), 0usize..600).prop_map(|(byte, len)| vec![byte; len]),
        ];
        (prop::collection::vec(piece, 0..12), 1usize..4)
            .prop_map(|(pieces, times)| pieces.concat().repeat(times))
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(texts in prop::collection::vec(text(), 1..4)) {
            let mut compressor = Compressor::new();
            for text in texts {
                let alone = Compressor::new().compress(&text, text.len() + 100);
                let compressed = compressor.compress(&text, text.len() + 100);
                // strings that were compressed before leave no trace
                prop_assert_eq!(&alone, &compressed);
                if let Some(compressed) = compressed {
                    prop_assert_eq!(decompress(&compressed, text.len()).unwrap(), text);
                }
            }
        }

        #[test]
        fn whatever_is_decompressed_has_the_length_asked_for(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            len in 0usize..600,
        ) {
            if let Ok(text) = decompress(&bytes, len) {
                prop_assert_eq!(text.len(), len);
            }
        }
    }

    #[test]
    fn a_length_beyond_all_compression_allocates_nothing() {
        assert!(decompress(b"\x00a", usize::MAX).is_err());
        assert!(decompress(b"", 1).is_err());
        assert_eq!(decompress(b"", 0), Ok(Vec::new()));
    }
}
