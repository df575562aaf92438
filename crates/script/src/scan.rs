//! How far a text goes on without a byte of a kind: sixteen bytes at a time where every processor of the kind can (SSE2 is part of
//! x86-64), eight elsewhere.

/// A kind of byte that is looked for.
trait Kind {
    /// Bit `n` is set where byte `n` of the block is of the kind.
    #[cfg(target_arch = "x86_64")]
    fn in_block(block: &[u8; 16]) -> u32;

    /// The high bit of a byte is set where it is of the kind; only the lowest that is set is certain.
    fn in_word(word: u64) -> u64;

    fn is(byte: u8) -> bool;
}

/// How many bytes precede the first of a kind.
#[inline]
fn until<K: Kind>(bytes: &[u8]) -> usize {
    let mut at = 0;
    #[cfg(target_arch = "x86_64")]
    while let Some(block) = bytes[at..].first_chunk::<16>() {
        let found = K::in_block(block);
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 16;
    }
    while let Some(word) = bytes[at..].first_chunk::<8>() {
        let found = K::in_word(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let tail = &bytes[at..];
    let found = tail.iter().position(|&byte| K::is(byte));
    at + found.unwrap_or(tail.len())
}

/// How many bytes precede the first quote, backslash or zero byte.
#[inline]
pub(crate) fn until_quote(bytes: &[u8]) -> usize {
    until::<Quote>(bytes)
}

/// How many bytes precede the first that JSON, as cjson writes it, has another form for: control characters, `"`, `/`, `\`.
#[inline]
pub(crate) fn until_escaped(bytes: &[u8]) -> usize {
    until::<Escaped>(bytes)
}

/// See [`until_quote`].
struct Quote;

impl Kind for Quote {
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn in_block(block: &[u8; 16]) -> u32 {
        sse2::quotes(block)
    }

    #[inline]
    fn in_word(word: u64) -> u64 {
        equals(word, b'"') | equals(word, b'\\') | equals(word, 0)
    }

    #[inline]
    fn is(byte: u8) -> bool {
        matches!(byte, b'"' | b'\\' | 0)
    }
}

/// See [`until_escaped`].
struct Escaped;

impl Kind for Escaped {
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn in_block(block: &[u8; 16]) -> u32 {
        sse2::escaped(block)
    }

    #[inline]
    fn in_word(word: u64) -> u64 {
        less(word, b' ')
            | equals(word, b'"')
            | equals(word, b'/')
            | equals(word, b'\\')
            | equals(word, 127)
    }

    #[inline]
    fn is(byte: u8) -> bool {
        matches!(byte, 0..b' ' | b'"' | b'/' | b'\\' | 127)
    }
}

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// A byte's high bit is set where it is less than `limit`, which is at most 128; only the lowest that is set is certain.
#[inline]
fn less(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS
}

/// The same where it is `byte`.
#[inline]
fn equals(word: u64, byte: u8) -> u64 {
    less(word ^ (ONES * u64::from(byte)), 1)
}

/// Whether [`until_escaped`] finds none among the first `len` bytes.
#[inline]
pub(crate) fn block_is_plain(block: &[u8; 16], len: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    return sse2::escaped(block) & ((1 << len) - 1) == 0;
    #[cfg(not(target_arch = "x86_64"))]
    return until_escaped(&block[..len]) == len;
}

/// See [`Kind::in_block`].
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::*;

    #[inline]
    fn load(block: &[u8; 16]) -> __m128i {
        // SAFETY: sixteen bytes that may be read.
        unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
    }

    #[inline]
    fn equals(block: __m128i, byte: u8) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_cmpeq_epi8(block, _mm_set1_epi8(byte.cast_signed())) }
    }

    #[inline]
    pub(super) fn quotes(block: &[u8; 16]) -> u32 {
        let block = load(block);
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let special = _mm_or_si128(equals(block, b'"'), equals(block, b'\\'));
            _mm_movemask_epi8(_mm_or_si128(special, equals(block, 0))).cast_unsigned()
        }
    }

    #[inline]
    pub(super) fn escaped(block: &[u8; 16]) -> u32 {
        let block = load(block);
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
            let quote = _mm_or_si128(equals(block, b'"'), equals(block, b'\\'));
            let other = _mm_or_si128(equals(block, b'/'), equals(block, 127));
            let special = _mm_or_si128(control, _mm_or_si128(quote, other));
            _mm_movemask_epi8(special).cast_unsigned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_found_wherever_it_is() {
        for byte in 0..=255 {
            let is_quote = Quote::is(byte);
            for len in 0..40 {
                for at in 0..len {
                    let mut text = vec![b'x'; len];
                    text[at] = byte;
                    let expected = |is_it: bool| if is_it { at } else { len };
                    assert_eq!(until_quote(&text), expected(is_quote), "{byte} {at} {len}");
                    assert_eq!(
                        until_escaped(&text),
                        expected(Escaped::is(byte)),
                        "{byte} {at} {len}"
                    );
                    if let Ok(block) = text.as_slice().try_into() {
                        assert!(block_is_plain(block, at));
                        assert_eq!(block_is_plain(block, at + 1), !Escaped::is(byte));
                    }
                    // what follows does not count
                    text[at + 1..].fill(b'"');
                    if is_quote {
                        assert_eq!(until_quote(&text), at);
                    }
                    if Escaped::is(byte) {
                        assert_eq!(until_escaped(&text), at);
                    }
                }
            }
        }
    }
}
