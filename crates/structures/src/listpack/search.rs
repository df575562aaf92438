//! Looking for an item by its text.

use super::encoding::{decode, step};
use super::{At, HEADER_LEN, Item, Listpack};

impl Listpack {
    /// The first item with this text, from the one at `from` (the first if none is given) on, of which `skip` items
    /// are jumped over after each that is looked at: 1 finds a hash's field among fields and values.
    pub fn find(&self, from: Option<At>, needle: &[u8], skip: usize) -> Option<At> {
        let block = self.as_bytes();
        let end = block.len() - 1;
        let needle = Item::of(needle);
        let mut at = from.map_or(HEADER_LEN, At::offset);
        while at < end {
            if decode(block, at).is(needle) {
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
}
