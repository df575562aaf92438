//! Overflow: the few entries of a table whose whole group was full, about one in a hundred.
//!
//! ```text
//!  blocks   +----------+----------+--
//!           | ..group 7| ..group 9|        each with the last group that is in it
//!           +----|-----+----|-----+--
//!                v          v
//!             (5, link)  (8, link)         in the order of groups; all of a group in one block
//!             (7, link)  (8, link)
//!             (7, link)  (9, link)
//! ```
//!
//! Blocks are short, so that putting a link in between costs nothing that matters. In the table of a stripe there is
//! one.

use std::ops::Range;

use super::bucket::Link;
use super::reserve_tight;

/// A block that gets longer is cut in two.
const BLOCK_LINKS: usize = if cfg!(test) { 8 } else { 512 };

struct Block {
    last_group: u32,
    /// Never empty.
    links: Vec<(u32, Link)>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Overflow {
    blocks: Vec<Block>,
    len: usize,
    /// Links that all blocks have room for.
    capacity: usize,
}

impl Overflow {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Block>() + self.capacity * size_of::<(u32, Link)>()
    }

    /// All links.
    pub(super) fn iter(&self) -> impl Iterator<Item = Link> {
        let all = self.blocks.iter().flat_map(|block| &block.links);
        all.map(|&(_, link)| link)
    }

    /// The links of a group.
    #[inline]
    pub(super) fn of(&self, group: usize) -> impl Iterator<Item = Link> {
        let block = self.blocks.get(self.block_of(group));
        let links = block.map_or(&[][..], |block| &block.links[block.places_of(group)]);
        links.iter().map(|&(_, link)| link)
    }

    /// The first block that may have links of a group.
    fn block_of(&self, group: usize) -> usize {
        self.blocks
            .partition_point(|block| (block.last_group as usize) < group)
    }

    pub(super) fn add(&mut self, group: usize, link: Link) {
        if self.blocks.is_empty() {
            reserve_tight(&mut self.blocks);
            self.blocks.push(Block {
                last_group: group as u32,
                links: Vec::new(),
            });
        }
        let number = self.block_of(group).min(self.blocks.len() - 1);
        let block = &mut self.blocks[number];
        let at = block.places_of(group).end;
        self.len += 1;
        self.capacity -= block.links.capacity();
        reserve_tight(&mut block.links);
        block.links.insert(at, (group as u32, link));
        block.last_group = block.last_group.max(group as u32);
        let rest = block.cut();
        self.capacity += block.links.capacity();
        if let Some(rest) = rest {
            self.capacity += rest.links.capacity();
            reserve_tight(&mut self.blocks);
            self.blocks.insert(number + 1, rest);
        }
    }

    /// Takes all links of a group out; adds them to `taken`.
    pub(super) fn drain(&mut self, group: usize, taken: &mut Vec<Link>) {
        let number = self.block_of(group);
        if let Some(block) = self.blocks.get(number) {
            let places = block.places_of(group);
            taken.extend(block.links[places.clone()].iter().map(|&(_, link)| link));
            self.remove(number, places);
        }
    }

    /// Takes a link out that `is_it` accepts.
    pub(super) fn take(&mut self, group: usize, is_it: impl Fn(Link) -> bool) -> Option<Link> {
        let number = self.block_of(group);
        let block = self.blocks.get(number)?;
        let at = block
            .places_of(group)
            .find(|&at| is_it(block.links[at].1))?;
        let (_, link) = block.links[at];
        self.remove(number, at..at + 1);
        Some(link)
    }

    fn remove(&mut self, number: usize, places: Range<usize>) {
        let block = &mut self.blocks[number];
        self.len -= places.len();
        self.capacity -= block.links.capacity();
        block.links.drain(places);
        if let Some(&(last_group, _)) = block.links.last() {
            block.last_group = last_group;
            block.links.shrink_to(2 * block.links.len());
            self.capacity += block.links.capacity();
        } else {
            self.blocks.remove(number);
        }
        if self.blocks.is_empty() {
            *self = Overflow::default();
        }
    }
}

impl Block {
    /// Where the links of a group are.
    fn places_of(&self, group: usize) -> Range<usize> {
        let start = self.links.partition_point(|&(of, _)| (of as usize) < group);
        let more = self.links[start..].iter();
        let count = more.take_while(|&&(of, _)| of as usize == group).count();
        start..start + count
    }

    /// If the block is too long, cuts it in two between groups and returns the second half.
    fn cut(&mut self) -> Option<Block> {
        if self.links.len() <= BLOCK_LINKS {
            return None;
        }
        let group = self.links[self.links.len() / 2].0 as usize;
        let places = self.places_of(group);
        let at = match places.start {
            0 => places.end,
            start => start,
        };
        if at == self.links.len() {
            return None; // one group has so many
        }
        let links = self.links.split_off(at);
        let rest = Block {
            last_group: self.last_group,
            links,
        };
        self.links.shrink_to_fit();
        self.last_group = self.links[at - 1].0;
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::Mark;
    use super::super::handle::Handle;
    use super::*;

    fn link(number: usize) -> Link {
        Link {
            mark: Mark::at(number % 4096),
            handle: Handle::new(number, 0),
            expiring: false,
        }
    }

    /// Fills in one order and empties in another; with few groups, so that some have more links than a block.
    #[test]
    fn links_are_found_until_they_are_taken() {
        for groups in [1, 3, 40, 1000] {
            let mut overflow = Overflow::default();
            let group = |number: usize| number * 37 % groups;
            for number in 0..300 {
                overflow.add(group(number), link(number));
                overflow.check();
            }
            assert_eq!((overflow.len(), overflow.iter().count()), (300, 300));
            for number in (0..300).map(|i| i * 77 % 300) {
                if number % 10 == 0 {
                    let mut taken = Vec::new();
                    let expected: Vec<Link> = overflow.of(group(number)).collect();
                    overflow.drain(group(number), &mut taken);
                    assert!(taken == expected);
                    for link in taken {
                        overflow.add(group(number), link);
                    }
                }
                let is_it = |found: Link| found.handle == link(number).handle;
                assert!(overflow.of(group(number)).any(is_it));
                assert!(overflow.take(group(number), is_it) == Some(link(number)));
                assert!(overflow.take(group(number), is_it).is_none());
                overflow.check();
            }
            assert_eq!((overflow.len(), overflow.memory_bytes()), (0, 0));
        }
    }

    impl Overflow {
        fn check(&self) {
            let links: Vec<(u32, Link)> =
                self.blocks.iter().flat_map(|b| b.links.clone()).collect();
            assert!(links.is_sorted_by_key(|&(group, _)| group));
            assert_eq!(links.len(), self.len);
            let capacities = self.blocks.iter().map(|b| b.links.capacity());
            assert_eq!(capacities.sum::<usize>(), self.capacity);
            for pair in self.blocks.windows(2) {
                assert!(pair[0].last_group < pair[1].links[0].0);
            }
            for block in &self.blocks {
                assert_eq!(
                    Some(block.last_group),
                    block.links.last().map(|&(of, _)| of)
                );
            }
        }
    }
}
