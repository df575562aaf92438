//! Strings as rows of bits: counted, searched, combined, and read and written as integers of any width.
//!
//! Bit 0 is the highest bit of the first byte:
//!
//! ```text
//! byte      0                 1
//! bit       0 1 2 3 4 5 6 7   8 9 10 ...
//! weight  128                 128
//! ```
//!
//! Values may be hundreds of megabytes, so whatever walks over them does so in words that the compiler can turn into vectors.

use std::ops::RangeInclusive;

use crate::number::parse_i64;

/// Counts the bits that are set.
pub fn count_ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let in_words: u64 = words
        .iter()
        .map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()))
        .sum();
    in_words
        + rest
            .iter()
            .map(|byte| u64::from(byte.count_ones()))
            .sum::<u64>()
}

/// Counts the bits that are set in a range of bits, which lies within the bytes.
pub fn count_ones_in(bytes: &[u8], range: RangeInclusive<u64>) -> u64 {
    let (first, last) = (*range.start(), *range.end());
    if first > last {
        return 0;
    }
    let (first_byte, last_byte) = ((first / 8) as usize, (last / 8) as usize);
    let before = u64::from((bytes[first_byte] & !from_bit(first)).count_ones());
    let behind = u64::from((bytes[last_byte] & !to_bit(last)).count_ones());
    count_ones(&bytes[first_byte..=last_byte]) - before - behind
}

/// The first bit of this value in a range of bits, which lies within the bytes.
pub fn find_bit(bytes: &[u8], value: bool, range: RangeInclusive<u64>) -> Option<u64> {
    let (first, last) = (*range.start(), *range.end());
    if first > last {
        return None;
    }
    // turned over where a 0 is looked for, so that it is always a 1
    let flip = if value { 0 } else { 0xff };
    let (first_byte, last_byte) = ((first / 8) as usize, (last / 8) as usize);
    let in_byte = |at: usize, mask: u8| {
        let byte = (bytes[at] ^ flip) & mask;
        (byte != 0).then(|| at as u64 * 8 + u64::from(byte.leading_zeros()))
    };
    if first_byte == last_byte {
        return in_byte(first_byte, from_bit(first) & to_bit(last));
    }
    in_byte(first_byte, from_bit(first))
        .or_else(|| {
            let found = find_other(&bytes[first_byte + 1..last_byte], flip)?;
            in_byte(first_byte + 1 + found, 0xff)
        })
        .or_else(|| in_byte(last_byte, to_bit(last)))
}

/// The bits of a byte from this one on.
fn from_bit(bit: u64) -> u8 {
    0xff >> (bit % 8)
}

/// The bits of a byte up to this one.
fn to_bit(bit: u64) -> u8 {
    0xff << (7 - bit % 8)
}

/// The first byte that is not this one.
fn find_other(bytes: &[u8], byte: u8) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<64>();
    // without a way out inside a block, so that it becomes a few vector instructions
    let differs = |block: &[u8; 64]| {
        block
            .iter()
            .fold(0, |differences, b| differences | (b ^ byte))
            != 0
    };
    let start = 64 * blocks.iter().position(differs).unwrap_or(blocks.len());
    bytes[start..]
        .iter()
        .position(|b| *b != byte)
        .map(|at| start + at)
}

/// How BITOP combines strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitOperation {
    /// Set where all are set.
    And,
    /// Set where at least one is.
    Or,
    /// Set where an odd number is.
    Xor,
    /// Set where the only one is not.
    Not,
}

/// Combines strings into one as long as the longest: the shorter ones go on with zeros.
pub fn combine<'a>(
    operation: BitOperation,
    sources: impl Iterator<Item = &'a [u8]> + Clone,
) -> Vec<u8> {
    let len = sources.clone().map(<[u8]>::len).max().unwrap_or(0);
    let mut sources = sources;
    let mut result = Vec::with_capacity(len);
    result.extend_from_slice(sources.next().unwrap_or_default());
    result.resize(len, 0);
    for source in sources {
        let pairs = result.iter_mut().zip(source);
        match operation {
            BitOperation::And => {
                pairs.for_each(|(to, from)| *to &= from);
                result[source.len()..].fill(0);
            }
            BitOperation::Or => pairs.for_each(|(to, from)| *to |= from),
            BitOperation::Xor => pairs.for_each(|(to, from)| *to ^= from),
            BitOperation::Not => {}
        }
    }
    if operation == BitOperation::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    result
}

/// An integer inside a row of bits: `i1` to `i64` and `u1` to `u63`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitField {
    signed: bool,
    bits: u32,
}

/// What becomes of a number that does not fit its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Its low bits stay.
    #[default]
    Wrap,
    /// It becomes the greatest or the least that fits.
    Saturate,
    /// It is refused.
    Fail,
}

impl BitField {
    /// Reads `i8`, `u63`. There is no `u64`: its numbers would not all fit an answer.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (signed, bits, bits_max) = match text {
            [b'i', bits @ ..] => (true, bits, 64),
            [b'u', bits @ ..] => (false, bits, 63),
            _ => return None,
        };
        let bits = parse_i64(bits).filter(|bits| (1..=bits_max).contains(bits))?;
        Some(Self {
            signed,
            bits: bits as u32,
        })
    }

    /// The number of bits.
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// The integer at this bit. Behind the end of the bytes there are zeros.
    pub fn get(self, bytes: &[u8], offset: u64) -> i64 {
        self.interpret((self.window(bytes, offset) >> self.shift(offset)) as u64)
    }

    /// Writes an integer at this bit, cut to the width of the field. The bytes reach as far.
    pub fn set(self, bytes: &mut [u8], offset: u64, value: i64) {
        let (shift, mask) = (self.shift(offset), self.mask() << self.shift(offset));
        let window =
            (self.window(bytes, offset) & !mask) | ((u128::from(value as u64) << shift) & mask);
        let first = (offset / 8) as usize;
        let touched = (offset % 8 + u64::from(self.bits)).div_ceil(8) as usize;
        bytes[first..first + touched]
            .copy_from_slice(&window.to_be_bytes()[16 - WINDOW_LEN..][..touched]);
    }

    /// What is stored for an integer that a client gives. None if it is refused.
    pub fn fit(self, value: i64, overflow: Overflow) -> Option<i64> {
        // the reference's check wraps around for numbers that are very far below, and finds them too great: so do we
        if self.signed && self.bits < 64 && overflow == Overflow::Saturate {
            let max = (1_i64 << (self.bits - 1)) - 1;
            if max.checked_sub(value).is_none() {
                return Some(max);
            }
        }
        // an unsigned field takes a negative number for a very great one
        self.fit_wide(
            if self.signed {
                value.into()
            } else {
                (value as u64).into()
            },
            overflow,
        )
    }

    /// What is stored for the sum of what the field holds and an increment. None if it is refused.
    pub fn fit_sum(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        self.fit_wide(i128::from(value) + i128::from(increment), overflow)
    }

    fn fit_wide(self, value: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = match self.signed {
            true => (-1i128 << (self.bits - 1), (1 << (self.bits - 1)) - 1),
            false => (0, (1 << self.bits) - 1),
        };
        match overflow {
            _ if (min..=max).contains(&value) => Some(value as i64),
            Overflow::Wrap => Some(self.interpret(value as u64)),
            Overflow::Saturate => Some(value.clamp(min, max) as i64),
            Overflow::Fail => None,
        }
    }

    /// The low bits of a word as an integer of this field.
    fn interpret(self, word: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed {
            ((word << unused) as i64) >> unused
        } else {
            (word << unused >> unused) as i64
        }
    }

    /// The bytes from the one with this bit on, as an integer: as many as a field may touch.
    fn window(self, bytes: &[u8], offset: u64) -> u128 {
        let mut window = [0; 16];
        let first = usize::try_from(offset / 8)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let len = WINDOW_LEN.min(bytes.len() - first);
        window[16 - WINDOW_LEN..][..len].copy_from_slice(&bytes[first..first + len]);
        u128::from_be_bytes(window)
    }

    /// How far above the end of its window the field ends.
    fn shift(self, offset: u64) -> u32 {
        WINDOW_LEN as u32 * 8 - (offset % 8) as u32 - self.bits
    }

    fn mask(self) -> u128 {
        (1 << self.bits) - 1
    }
}

/// The most bytes that a field touches: 64 bits that begin in the middle of a byte.
const WINDOW_LEN: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look random, and their bits one by one.
    fn samples() -> impl Iterator<Item = (Vec<u8>, Vec<bool>)> {
        (0..300).map(|len| {
            let mut state = len as u64 + 1;
            let mut next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            };
            // long runs of the same bit, now and then broken
            let bytes: Vec<u8> = (0..len)
                .map(|_| {
                    if next() % 32 == 0 {
                        next()
                    } else {
                        0xff * (len % 2) as u8
                    }
                })
                .collect();
            let bits = bytes
                .iter()
                .flat_map(|byte| (0..8).map(move |bit| byte & (128 >> bit) != 0))
                .collect();
            (bytes, bits)
        })
    }

    #[test]
    fn words_count_and_find_what_single_bits_do() {
        for (bytes, bits) in samples() {
            assert_eq!(
                count_ones(&bytes),
                bits.iter().filter(|bit| **bit).count() as u64
            );
            for (first, last) in [
                (0, 0),
                (3, 5),
                (0, 63),
                (7, 8),
                (17, 300),
                (1, 1000),
                (64, 2000),
                (9, 3),
            ] {
                if last >= bits.len() {
                    continue;
                }
                let range = first as u64..=last as u64;
                let inside = bits.get(first..=last).unwrap_or_default();
                let ones = inside.iter().filter(|bit| **bit).count() as u64;
                assert_eq!(count_ones_in(&bytes, range.clone()), ones, "{first} {last}");
                for value in [false, true] {
                    let found = inside
                        .iter()
                        .position(|bit| *bit == value)
                        .map(|at| (first + at) as u64);
                    assert_eq!(
                        find_bit(&bytes, value, range.clone()),
                        found,
                        "{first} {last} {value}"
                    );
                }
            }
        }
    }

    #[test]
    fn shorter_strings_go_on_with_zeros() {
        for (operation, sources, result) in [
            (
                BitOperation::And,
                &[b"\xff\x0f\xff".as_slice(), b"\xf0\xff"] as &[&[u8]],
                b"\xf0\x0f\x00".as_slice(),
            ),
            (
                BitOperation::And,
                &[b"\xf0\xff", b"\xff\x0f\xff"],
                b"\xf0\x0f\x00",
            ),
            (BitOperation::And, &[b"\xff", b""], b"\x00"),
            (BitOperation::Or, &[b"\x01", b"\x10\x01", b""], b"\x11\x01"),
            (BitOperation::Xor, &[b"\x11\x0f", b"\x10"], b"\x01\x0f"),
            (BitOperation::Not, &[b"\x0f\x00"], b"\xf0\xff"),
            (BitOperation::Or, &[b"", b""], b""),
        ] {
            assert_eq!(
                combine(operation, sources.iter().copied()),
                result,
                "{operation:?} {sources:?}"
            );
        }
    }

    #[test]
    fn fields_are_written_and_read_bit_by_bit() {
        for (bytes, bits) in samples().skip(9).step_by(7) {
            for (name, offset) in [
                ("u1", 0),
                ("i1", 5),
                ("u5", 7),
                ("i8", 3),
                ("u8", 16),
                ("u63", 5),
                ("i64", 1),
                ("i33", 0),
            ] {
                let Some(field) = BitField::parse(name.as_bytes()) else {
                    panic!("{name}")
                };
                let width = field.bits() as usize;
                let expected = bits[offset..offset + width]
                    .iter()
                    .fold(0u64, |word, bit| word << 1 | u64::from(*bit));
                let value = field.get(&bytes, offset as u64);
                let mask = u64::MAX >> (64 - width);
                assert_eq!(value as u64 & mask, expected, "{name} {offset}");
                assert_eq!(
                    field.fit(value, Overflow::Fail),
                    Some(value),
                    "{name} {offset}"
                );
                let mut copy = bytes.clone();
                field.set(&mut copy, offset as u64, !value);
                assert_eq!(
                    field.get(&copy, offset as u64) as u64 & mask,
                    !value as u64 & mask
                );
                field.set(&mut copy, offset as u64, value);
                assert_eq!(copy, bytes, "{name} {offset}: its neighbours");
            }
        }
        let field = BitField {
            signed: true,
            bits: 12,
        };
        assert_eq!(
            (
                field.get(b"\x7f", 0),
                field.get(b"\x7f", 4),
                field.get(b"", 1 << 40)
            ),
            (0x7f0, -256, 0)
        );
    }

    #[test]
    fn what_does_not_fit_wraps_saturates_or_fails() {
        for (name, value, increment, wrapped, saturated) in [
            ("u2", 3, 1, 0, 3),
            ("u2", 0, -1, 3, 0),
            ("i8", 127, 1, -128, 127),
            ("i8", -128, -1, 127, -128),
            ("i64", i64::MAX, 1, i64::MIN, i64::MAX),
            ("i64", i64::MIN, i64::MIN, 0, i64::MIN),
            ("u63", 0, i64::MIN, 0, 0),
            ("i1", 0, 1, -1, 0),
        ] {
            let Some(field) = BitField::parse(name.as_bytes()) else {
                panic!("{name}")
            };
            let sums = [Overflow::Wrap, Overflow::Saturate, Overflow::Fail]
                .map(|o| field.fit_sum(value, increment, o));
            assert_eq!(
                sums,
                [Some(wrapped), Some(saturated), None],
                "{name} {value} {increment}"
            );
        }
        let field = BitField {
            signed: false,
            bits: 8,
        };
        assert_eq!(field.fit(-1, Overflow::Saturate), Some(255));
        for refused in ["", "i", "i0", "i65", "u64", "u0", "i-1", "i08", "x8", "I8"] {
            assert_eq!(BitField::parse(refused.as_bytes()), None, "{refused}");
        }
    }
}
