//! Listpacks from outside.

use super::encoding::checked_step;
use super::{COUNT_UNKNOWN, END, HEADER_LEN, Listpack};
use crate::Corrupt;

impl Listpack {
    /// Takes a block from outside, after it has looked at every byte that decides how others are read: what it lets
    /// through can be read and changed like one of our own.
    ///
    /// Like the reference it takes integers in other than their shortest form, integers written as strings, and the
    /// count "unknown" of a few items.
    pub fn from_bytes(block: Vec<u8>) -> Result<Listpack, Corrupt> {
        check(&block)?;
        Ok(Listpack::from_trusted(block.into_boxed_slice()))
    }
}

fn check(block: &[u8]) -> Result<(), Corrupt> {
    let corrupt = |what| Err(Corrupt { what });
    let &[a, b, c, d, e, f, .., END] = block else {
        return corrupt("a listpack without header or end");
    };
    let (total, count) = (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]));
    if total as usize != block.len() {
        return corrupt("a listpack whose length is not what it says");
    }
    let end = block.len() - 1;
    let (mut at, mut items) = (HEADER_LEN, 0usize);
    while at < end {
        let Some(step) = checked_step(&block[..end], at) else {
            return corrupt("a listpack with a broken item");
        };
        at += step;
        items += 1;
    }
    if count != COUNT_UNKNOWN && usize::from(count) != items {
        return corrupt("a listpack whose count is wrong");
    }
    Ok(())
}
