//! Looking for an item by its text.

use super::encoding::{decode, decode_int, short_str_len, step, window};
use super::{At, HEADER_LEN, Item, Listpack};

impl Listpack {
    /// The first item with this text, from the one at `from` (the first if none is given) on, of which `skip` items
    /// are jumped over after each that is looked at: 1 finds a hash's field among fields and values.
    pub fn find(&self, from: Option<At>, needle: &[u8], skip: usize) -> Option<At> {
        let block = self.as_bytes();
        let from = from.map_or(HEADER_LEN, At::offset);
        match Item::of(needle) {
            Item::Int(int) => search(block, from, skip, |at| match decode_int(block, at) {
                Some(found) => found == int,
                None => decode(block, at).is(Item::Bytes(needle)),
            }),
            Item::Bytes([]) => search(block, from, skip, |at| decode(block, at).is_empty()),
            Item::Bytes(needle) => {
                // Most of those that differ differ in their last bytes: eight of them, or all.
                let unused = 8 * 8usize.saturating_sub(needle.len());
                let mut last = [0; 8];
                let known = needle.len().min(8);
                last[8 - known..].copy_from_slice(&needle[needle.len() - known..]);
                let last = u64::from_le_bytes(last) >> unused;
                search(block, from, skip, |at| match short_str_len(block, at) {
                    Some(len) => {
                        len == needle.len()
                            && window(block, at + 1 + len) >> unused == last
                            && (len <= 8 || block[at + 1..].starts_with(needle))
                    }
                    None => decode(block, at) == Item::Bytes(needle),
                })
            }
        }
    }

    /// Whether there may be an item with this text: false is certain. Looks for its bytes wherever they stand, without going from
    /// item to item, which takes 90 ns among a hundred members and scores where [`Listpack::find`] takes 390; among eight 50
    /// and 20.
    pub fn may_hold(&self, needle: &[u8]) -> bool {
        match Item::of(needle) {
            Item::Int(_) => true,
            Item::Bytes(needle) => memchr::memmem::find(self.as_bytes(), needle).is_some(),
        }
    }
}

#[inline]
fn search(
    block: &[u8],
    from: usize,
    skip: usize,
    mut is_it: impl FnMut(usize) -> bool,
) -> Option<At> {
    let end = block.len() - 1;
    let mut at = from;
    while at < end {
        if is_it(at) {
            return Some(At::new(at));
        }
        at += step(block, at);
        for _ in 0..skip {
            if at >= end {
                return None;
            }
            at += step(block, at);
        }
    }
    None
}
