//! Overflow: the few entries of a table whose whole group was full, about one in a hundred.
//!
//! A sorted array of pairs (group, link). Short, so that putting one in between costs nothing that matters, and
//! looked at only when a search has found a whole group full.

use super::bucket::Link;
use super::reserve_tight;

/// See the module.
#[derive(Default)]
pub(super) struct Overflow {
    /// In the order of groups' numbers.
    links: Vec<(u32, Link)>,
}

impl Overflow {
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.links.capacity() * size_of::<(u32, Link)>()
    }

    /// All links, or those of one group.
    pub(super) fn iter(&self) -> impl Iterator<Item = Link> {
        self.links.iter().map(|&(_, link)| link)
    }

    fn start(&self, group: usize) -> usize {
        self.links.partition_point(|&(of, _)| (of as usize) < group)
    }

    fn end(&self, group: usize) -> usize {
        self.links.partition_point(|&(of, _)| of as usize <= group)
    }

    /// The links of a group.
    pub(super) fn of(&self, group: usize) -> impl Iterator<Item = Link> {
        self.links[self.start(group)..self.end(group)]
            .iter()
            .map(|&(_, link)| link)
    }

    pub(super) fn add(&mut self, group: usize, link: Link) {
        let at = self.end(group);
        reserve_tight(&mut self.links);
        self.links.insert(at, (group as u32, link));
    }

    /// Takes all links of a group out.
    pub(super) fn drain(&mut self, group: usize) -> impl Iterator<Item = Link> {
        let range = self.start(group)..self.end(group);
        self.links.drain(range).map(|(_, link)| link)
    }

    /// Takes some link of a group out.
    pub(super) fn take_any(&mut self, group: usize) -> Option<Link> {
        let last = self
            .end(group)
            .checked_sub(1)
            .filter(|&at| self.links[at].0 as usize == group)?;
        Some(self.remove_at(last))
    }

    /// Takes the link out that `is_it` accepts.
    pub(super) fn take(&mut self, group: usize, is_it: impl FnMut(Link) -> bool) -> Option<Link> {
        let at = self.start(group) + self.of(group).position(is_it)?;
        Some(self.remove_at(at))
    }

    /// The link that `is_it` accepts, for changes.
    pub(super) fn find_mut(
        &mut self,
        group: usize,
        is_it: impl FnMut(Link) -> bool,
    ) -> Option<&mut Link> {
        let at = self.start(group) + self.of(group).position(is_it)?;
        Some(&mut self.links[at].1)
    }

    fn remove_at(&mut self, at: usize) -> Link {
        let (_, link) = self.links.remove(at);
        if self.links.is_empty() {
            self.links = Vec::new();
        }
        link
    }
}
