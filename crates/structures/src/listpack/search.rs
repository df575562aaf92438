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

    /// Whether there may be an item with this text: false is certain. Looks for its last bytes wherever they stand, without going
    /// from item to item. Most items that differ do so there, so few places are looked at; and what to look for is found out
    /// quickly. (The whole text took twice the time among members that begin in the same way.)
    pub fn may_hold(&self, needle: &[u8]) -> bool {
        let Item::Bytes(needle) = Item::of(needle) else {
            return true;
        };
        let block = self.as_bytes();
        let tail = &needle[needle.len().saturating_sub(TAIL_LEN)..];
        let finder = memchr::memmem::Finder::new(tail);
        let mut from = 0;
        for _ in 0..PLACES_MAX {
            let Some(at) = finder.find(&block[from..]) else {
                return false;
            };
            if block[..from + at + tail.len()].ends_with(needle) {
                return true;
            }
            // another may begin in the middle of this one
            from += at + 1;
        }
        true
    }
}

/// So many last bytes of a text are looked for.
const TAIL_LEN: usize = 3;

/// At so many places that end so and are something else one goes from item to item after all.
const PLACES_MAX: usize = 64;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_holds_it_may_hold_and_what_is_a_byte_off_it_may_not() {
        let text = |len: usize| -> Vec<u8> { (0..len).map(|at| b'a' + (at % 26) as u8).collect() };
        for len in (1..140).chain([200, 1000, 4095, 4096, 17_000]) {
            let mut pack = Listpack::new();
            pack.push_back(Item::of(&text(len)));
            pack.push_back(Item::Int(len as i64));
            assert!(pack.may_hold(&text(len)), "{len}");
            assert!(pack.may_hold(len.to_string().as_bytes()), "{len}");
            assert!(pack.may_hold(b""), "{len}");
            for at in [0, len / 2, len - 1] {
                let mut other = text(len);
                other[at] = b'.';
                // where the end stands too often, it is not sure
                let is_sure = len < 26 * PLACES_MAX || at == len - 1;
                assert_eq!(pack.may_hold(&other), !is_sure, "{len}, {at}");
            }
        }
    }

    #[test]
    fn what_begins_in_the_middle_of_something_else_is_found() {
        let mut pack = Listpack::new();
        pack.push_back(Item::of(b"aab"));
        pack.push_back(Item::of(b"xxxxxxxx"));
        assert!(pack.may_hold(b"xxxxxxxx"));
        assert!(pack.may_hold(b"aab"));
        assert!(!pack.may_hold(b"axxxxxxxx"));
        pack.push_back(Item::of(&[b'y'; 500]));
        assert!(pack.may_hold(&[b'y'; 500]));
    }
}
