//! How one item is written and read.
//!
//! | first byte | item | bytes of encoding and data |
//! |---|---|---|
//! | `0xxx_xxxx` | integer 0 to 127 | 1 |
//! | `10xx_xxxx` | string of less than 64 bytes | 1 + length |
//! | `110x_xxxx` | integer of 13 bits, high bits first | 2 |
//! | `1110_xxxx` | string of less than 4096 bytes, high bits of the length first | 2 + length |
//! | `1111_0000` | string, length as u32 LE | 5 + length |
//! | `1111_0001` | i16 LE | 3 |
//! | `1111_0010` | integer of 24 bits LE | 4 |
//! | `1111_0011` | i32 LE | 5 |
//! | `1111_0100` | i64 LE | 9 |
//! | `1111_1111` | no item: the end | |
//!
//! Behind them stands the backlen: their length in digits of 7 bits, the last byte being the lowest digit; all but the
//! first byte have their highest bit set, which says "more to the left".

use super::Item;

const STR_6: u8 = 0x80;
const INT_13: u8 = 0xC0;
const STR_12: u8 = 0xE0;
const STR_32: u8 = 0xF0;
const INT_16: u8 = 0xF1;
const INT_24: u8 = 0xF2;
const INT_32: u8 = 0xF3;
const INT_64: u8 = 0xF4;

/// Bytes of a backlen at most.
const BACKLEN_LEN_MAX: usize = 5;

/// By the first byte: the length of an item with its backlen; 0 where more has to be read, or nothing begins so.
const STEP: [u8; 256] = {
    let mut step = [0; 256];
    let mut first = 0;
    while first < 256 {
        step[first] = match first as u8 {
            0..STR_6 => 1 + 1,
            byte @ STR_6..INT_13 => 1 + (byte & 0x3F) + 1,
            INT_13..STR_12 => 2 + 1,
            INT_16 => 3 + 1,
            INT_24 => 4 + 1,
            INT_32 => 5 + 1,
            INT_64 => 9 + 1,
            _ => 0,
        };
        first += 1;
    }
    step
};

/// A string short enough for one byte before and one behind it: what most items are.
#[derive(Clone, Copy)]
pub(super) struct Short<'a>(&'a [u8]);

impl<'a> Short<'a> {
    /// The item, if it is such a string.
    #[inline(always)]
    pub(super) fn of(item: Item<'a>) -> Option<Short<'a>> {
        match item {
            Item::Bytes(data) if data.len() < 64 => Some(Short(data)),
            _ => None,
        }
    }

    /// With the backlen.
    #[inline(always)]
    pub(super) fn len(self) -> usize {
        self.0.len() + 2
    }

    /// Fills `place`, which is [`Short::len`] bytes.
    #[inline(always)]
    pub(super) fn write(self, place: &mut [u8]) {
        if let [head, data @ .., backlen] = place {
            *head = STR_6 | self.0.len() as u8;
            data.copy_from_slice(self.0);
            *backlen = self.0.len() as u8 + 1;
        }
    }
}

/// An item ready to be written.
pub(super) struct Encoded<'a> {
    head: [u8; 9],
    head_len: u8,
    backlen_len: u8,
    backlen: [u8; BACKLEN_LEN_MAX],
    data: &'a [u8],
}

impl<'a> Encoded<'a> {
    pub(super) fn of(item: Item<'a>) -> Encoded<'a> {
        let (head, head_len, data) = match item {
            Item::Int(int) => {
                let (head, len) = encode_int(int);
                (head, len, &[][..])
            }
            Item::Bytes(data) => {
                let (head, len) = encode_str_len(data.len());
                (head, len, data)
            }
        };
        let (backlen, backlen_len) = encode_backlen(usize::from(head_len) + data.len());
        Encoded {
            head,
            head_len,
            backlen_len,
            backlen,
            data,
        }
    }

    /// With the backlen.
    pub(super) fn len(&self) -> usize {
        usize::from(self.head_len) + self.data.len() + usize::from(self.backlen_len)
    }

    /// Fills `place`, which is [`Encoded::len`] bytes.
    pub(super) fn write(&self, place: &mut [u8]) {
        let (head, rest) = place.split_at_mut(usize::from(self.head_len));
        let (data, backlen) = rest.split_at_mut(self.data.len());
        head.copy_from_slice(&self.head[..head.len()]);
        data.copy_from_slice(self.data);
        backlen.copy_from_slice(&self.backlen[..backlen.len()]);
    }
}

/// The bytes of an integer, and how many they are.
#[inline]
fn encode_int(int: i64) -> ([u8; 9], u8) {
    let mut head = [0; 9];
    let wide = int.to_le_bytes();
    let len = match int {
        0..=127 => {
            head[0] = int as u8;
            return (head, 1);
        }
        -4096..=4095 => {
            head[0] = INT_13 | (int >> 8) as u8 & 0x1F;
            head[1] = int as u8;
            return (head, 2);
        }
        -0x8000..=0x7FFF => {
            head[0] = INT_16;
            2
        }
        -0x80_0000..=0x7F_FFFF => {
            head[0] = INT_24;
            3
        }
        -0x8000_0000..=0x7FFF_FFFF => {
            head[0] = INT_32;
            4
        }
        _ => {
            head[0] = INT_64;
            8
        }
    };
    head[1..].copy_from_slice(&wide);
    (head, 1 + len)
}

/// Writes an integer in the place of the one at `at`, if that has just as many bytes. False, and nothing is changed, if not, or
/// if there is none.
#[inline]
pub(super) fn overwrite_int(block: &mut [u8], at: usize, int: i64) -> bool {
    let (head, len) = encode_int(int);
    let is_as_long = match block[at] {
        0..STR_6 => len == 1,
        INT_13..STR_12 => len == 2,
        first @ INT_16..=INT_64 => len + 1 == STEP[usize::from(first)],
        _ => false,
    };
    if !is_as_long {
        return false;
    }
    match len {
        1 => block[at] = head[0],
        2 => block[at..at + 2].copy_from_slice(&head[..2]),
        _ => {
            let len = usize::from(len);
            block[at..at + len].copy_from_slice(&head[..len]);
        }
    }
    true
}

/// What stands before a string of this length, and how many bytes that is.
#[inline]
fn encode_str_len(len: usize) -> ([u8; 9], u8) {
    let mut head = [0; 9];
    match len {
        0..64 => {
            head[0] = STR_6 | len as u8;
            (head, 1)
        }
        64..4096 => {
            head[0] = STR_12 | (len >> 8) as u8;
            head[1] = len as u8;
            (head, 2)
        }
        _ => {
            head[0] = STR_32;
            head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
            (head, 5)
        }
    }
}

/// How many bytes the backlen of `len` bytes takes. (One less than the digits would hold is the limit, from three bytes
/// on: the reference has it so.)
#[inline]
fn backlen_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

#[inline]
fn encode_backlen(len: usize) -> ([u8; BACKLEN_LEN_MAX], u8) {
    let mut backlen = [0; BACKLEN_LEN_MAX];
    if len <= 127 {
        backlen[0] = len as u8;
        return (backlen, 1);
    }
    let count = backlen_len(len);
    for (place, byte) in backlen[..count].iter_mut().enumerate() {
        let digit = (len >> (7 * (count - 1 - place))) as u8 & 0x7F;
        *byte = if place == 0 { digit } else { digit | 0x80 };
    }
    (backlen, count as u8)
}

/// The length of the item at `at`, with its backlen.
#[inline(always)]
pub(super) fn step(block: &[u8], at: usize) -> usize {
    match STEP[usize::from(block[at])] {
        0 => long_step(block, at),
        step => usize::from(step),
    }
}

#[inline(never)]
fn long_step(block: &[u8], at: usize) -> usize {
    let (data_at, data_len) = long_str(block, at);
    let len = data_at - at + data_len;
    len + backlen_len(len)
}

/// The length of the item that ends at `end`, with its backlen.
#[inline(always)]
pub(super) fn step_back(block: &[u8], end: usize) -> usize {
    match block[end - 1] {
        len @ ..0x80 => usize::from(len) + 1,
        _ => long_step_back(block, end),
    }
}

#[inline(never)]
fn long_step_back(block: &[u8], end: usize) -> usize {
    let (mut len, mut shift) = (0, 0);
    for &byte in block[..end].iter().rev().take(BACKLEN_LEN_MAX) {
        len |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    len + backlen_len(len)
}

/// Where the data of the string at `at`, which is not of the shortest kind, begins, and how long it is.
fn long_str(block: &[u8], at: usize) -> (usize, usize) {
    let first = block[at];
    if first & 0xF0 == STR_12 {
        let len = usize::from(first & 0x0F) << 8 | usize::from(block[at + 1]);
        return (at + 2, len);
    }
    debug_assert_eq!(first, STR_32);
    let len = [block[at + 1], block[at + 2], block[at + 3], block[at + 4]];
    (at + 5, u32::from_le_bytes(len) as usize)
}

/// The item at `at`.
#[inline(always)]
pub(super) fn decode(block: &[u8], at: usize) -> Item<'_> {
    match short_str_len(block, at) {
        Some(len) => Item::Bytes(&block[at + 1..at + 1 + len]),
        None => decode_other(block, at),
    }
}

fn decode_other(block: &[u8], at: usize) -> Item<'_> {
    match decode_int(block, at) {
        Some(int) => Item::Int(int),
        None => {
            let (data_at, len) = long_str(block, at);
            Item::Bytes(&block[data_at..data_at + len])
        }
    }
}

/// The integer at `at`, if it is one.
#[inline(always)]
pub(super) fn decode_int(block: &[u8], at: usize) -> Option<i64> {
    let first = block[at];
    match first {
        0..STR_6 => Some(i64::from(first)),
        INT_13..STR_12 => {
            let bits = u16::from(first & 0x1F) << 8 | u16::from(block[at + 1]);
            Some(i64::from((bits << 3) as i16 >> 3))
        }
        INT_16..=INT_64 => {
            let len = usize::from(STEP[usize::from(first)]) - 2;
            Some(window(block, at + 1 + len) as i64 >> (64 - 8 * len))
        }
        _ => None,
    }
}

/// The eight bytes before `end`. Before the first item there are six of the header, so there are eight before the end of
/// any that has two bytes.
#[inline]
pub(super) fn window(block: &[u8], end: usize) -> u64 {
    block[..end]
        .last_chunk()
        .map_or(0, |window| u64::from_le_bytes(*window))
}

/// The length of the string at `at`, if it is one of the shortest kind.
#[inline(always)]
pub(super) fn short_str_len(block: &[u8], at: usize) -> Option<usize> {
    let first = block[at];
    (first & 0xC0 == STR_6).then_some(usize::from(first & 0x3F))
}

/// The length of the item at `at` with its backlen, if it is one and ends before the end of `block`: what has passed
/// this can be read by the functions above.
pub(super) fn checked_step(block: &[u8], at: usize) -> Option<usize> {
    let first = *block.get(at)?;
    let len = match first {
        STR_12..STR_32 => {
            let low = *block.get(at + 1)?;
            2 + (usize::from(first & 0x0F) << 8 | usize::from(low))
        }
        STR_32 => {
            let len = block.get(at + 1..at + 5)?;
            5 + u32::from_le_bytes([len[0], len[1], len[2], len[3]]) as usize
        }
        _ => match STEP[usize::from(first)] {
            0 => return None,
            step => usize::from(step) - 1,
        },
    };
    let (backlen, backlen_len) = encode_backlen(len);
    let backlen = &backlen[..usize::from(backlen_len)];
    let found = block.get(at + len..at + len + backlen.len())?;
    (found == backlen).then_some(len + backlen.len())
}
