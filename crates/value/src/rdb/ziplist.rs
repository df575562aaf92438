//! Ziplists and zipmaps: the packed forms before Redis 7 and before 2.6. They are only read, into what we have.
//!
//! ```text
//!   ziplist   bytes:u32 tail:u32 count:u16   entry...   FF
//!   entry     length of the one before (1 byte, or FE and u32), encoding and length, data
//!   zipmap    count:u8   (length, field, length, free:u8, value, free bytes)...   FF
//! ```

use perilune_structures::{Corrupt, Item};

const HEADER_LEN: usize = 10;
const END: u8 = 0xFF;
/// From here on a length or a count does not fit the one byte it has.
const BIG: u8 = 0xFE;

/// The items of a ziplist, after a look at every byte that decides how others are read.
///
/// # Errors
/// If it is no ziplist.
pub(super) fn items(block: &[u8]) -> Result<Vec<Item<'_>>, Corrupt> {
    let corrupt = Corrupt { what: "a ziplist" };
    let (header, _) = block.split_first_chunk::<HEADER_LEN>().ok_or(corrupt)?;
    let [a, b, c, d, e, f, g, h, i, j] = *header;
    let (bytes, tail) = (
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    );
    let count = u16::from_le_bytes([i, j]);
    if bytes as usize != block.len() || block.len() <= HEADER_LEN {
        return Err(corrupt);
    }
    let end = block.len() - 1;
    let mut found = Vec::new();
    let (mut at, mut last) = (HEADER_LEN, None);
    while at < end {
        let (item, entry_len) =
            entry(&block[at..end], last.map_or(0, |last| at - last)).ok_or(corrupt)?;
        found.push(item);
        last = Some(at);
        at += entry_len;
    }
    let is_right = block[end] == END
        && last.unwrap_or(tail as usize) == tail as usize
        && tail as usize <= end
        && (count == u16::MAX || usize::from(count) == found.len());
    if is_right { Ok(found) } else { Err(corrupt) }
}

/// The entry at the beginning, behind one of `len_before` bytes, and its length.
fn entry(bytes: &[u8], len_before: usize) -> Option<(Item<'_>, usize)> {
    let mut rest = bytes;
    let said_before = match take::<1>(&mut rest)?[0] {
        END => return None,
        BIG => u32::from_le_bytes(*take(&mut rest)?) as usize,
        len => usize::from(len),
    };
    if said_before != len_before {
        return None;
    }
    let encoding = take::<1>(&mut rest)?[0];
    let text_len = match encoding {
        0x00..0x40 => Some(usize::from(encoding)),
        0x40..0x80 => {
            let low = take::<1>(&mut rest)?[0];
            Some(usize::from(encoding & 0x3F) << 8 | usize::from(low))
        }
        0x80..0xC0 => Some(u32::from_be_bytes(*take(&mut rest)?) as usize),
        _ => None,
    };
    let item = match (text_len, encoding) {
        // text that is digits becomes an integer, as whatever is added to a listpack
        (Some(len), _) => Item::of(rest.split_off(..len)?),
        (None, 0xC0) => Item::Int(i16::from_le_bytes(*take(&mut rest)?).into()),
        (None, 0xD0) => Item::Int(i32::from_le_bytes(*take(&mut rest)?).into()),
        (None, 0xE0) => Item::Int(i64::from_le_bytes(*take(&mut rest)?)),
        (None, 0xF0) => {
            let [low, middle, high] = *take(&mut rest)?;
            Item::Int((i32::from_le_bytes([0, low, middle, high]) >> 8).into())
        }
        (None, 0xFE) => Item::Int(i8::from_le_bytes(*take(&mut rest)?).into()),
        (None, 0xF1..=0xFD) => Item::Int(i64::from(encoding & 0x0F) - 1),
        (None, _) => return None,
    };
    Some((item, bytes.len() - rest.len()))
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(taken)
}

/// Fields and values of a zipmap, in turn.
///
/// # Errors
/// If it is no zipmap.
pub(super) fn zipmap_items(block: &[u8]) -> Result<Vec<&[u8]>, Corrupt> {
    let corrupt = Corrupt { what: "a zipmap" };
    let &[count, ref rest @ .., END] = block else {
        return Err(corrupt);
    };
    let mut rest = rest;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let mut pair = || {
            let len = zipmap_len(&mut rest)?;
            let field = rest.split_off(..len)?;
            let len = zipmap_len(&mut rest)?;
            let free = take::<1>(&mut rest)?[0];
            let value = rest.split_off(..len)?;
            rest.split_off(..usize::from(free))?;
            Some([field, value])
        };
        found.extend(pair().ok_or(corrupt)?);
    }
    if count < BIG && usize::from(count) != found.len() / 2 {
        return Err(corrupt);
    }
    Ok(found)
}

fn zipmap_len(rest: &mut &[u8]) -> Option<usize> {
    match take::<1>(rest)?[0] {
        END => None,
        BIG => Some(u32::from_le_bytes(*take(rest)?) as usize),
        len => Some(usize::from(len)),
    }
}
