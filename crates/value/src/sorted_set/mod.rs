//! Sorted sets: members with scores, in the order of the scores and, where these are equal, of the members' bytes.
//!
//! | encoding   | what                                                                      |
//! |------------|---------------------------------------------------------------------------|
//! | `listpack` | up to `zset-max-listpack-entries` members, none of them long (`packed.rs`) |
//! | `skiplist` | all others: a hash table and a tree with ranks ([`RankedMap`])             |
//!
//! Elements are chosen by their ranks: [`SortedSet::score_ranks`] and [`SortedSet::lex_ranks`] say which ranks a range
//! of scores or members is, and everything else takes ranks. A packed set stays packed only while it grows: it becomes a
//! `skiplist` at its limits and nothing turns it back, as in the reference.

mod edit;
mod packed;
mod range;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{Bound, Range};

use perilune_digits as digits;
use perilune_structures::{Corrupt, Item, Listpack, Ranked, RankedMap, prefetch};

use crate::edit::{Collection, Limits};
use crate::hasher::MemberHasher;
use crate::object::Object;

pub use edit::{Added, Adding, Removed, SortedSetInverse};
use packed::{Packed, PackedElements, parse_score};
pub use range::{LexBound, LexRange, ScoreRange};

/// A sorted set. Read through these methods, changed through [`Edit`](crate::Edit).
pub struct SortedSet(Encoding);

enum Encoding {
    Packed(Packed),
    Ranked(Box<RankedMap<MemberHasher>>),
}

impl SortedSet {
    /// Asks for the memory where it begins.
    #[inline]
    pub(crate) fn prefetch(&self) {
        match &self.0 {
            Encoding::Packed(packed) => packed.0.prefetch(),
            Encoding::Ranked(ranked) => prefetch(&**ranked),
        }
    }

    /// Asks for the memory of a member of a big set: see [`Object::prefetch_member`](crate::Object::prefetch_member).
    #[inline]
    pub(crate) fn prefetch_member(&self, member: &[u8], itself: bool) {
        match &self.0 {
            Encoding::Ranked(ranked) if itself => ranked.prefetch_member(member),
            Encoding::Ranked(ranked) => ranked.prefetch(member),
            Encoding::Packed(_) => {}
        }
    }
}

impl Default for SortedSet {
    /// An empty set, packed.
    fn default() -> Self {
        SortedSet(Encoding::Packed(Packed::new()))
    }
}

impl SortedSet {
    /// A set of `len` elements that come in order, in the encoding that the limits say.
    pub fn of_ordered<'a>(
        elements: impl Iterator<Item = (Item<'a>, f64)> + Clone,
        len: usize,
        limits: &Limits,
    ) -> SortedSet {
        let packs = len <= limits.zset_max_listpack_entries && {
            let mut lens = elements.clone().map(|(member, _)| member.len());
            let mut bytes = 0;
            let are_short = lens.all(|len| {
                bytes += len;
                len <= limits.zset_max_listpack_value
            });
            are_short && Listpack::new().would_fit(bytes)
        };
        if packs {
            SortedSet(Encoding::Packed(Packed::of(elements)))
        } else {
            SortedSet::ranked(elements)
        }
    }

    /// A set of elements in order, whatever the limits say, not packed.
    pub(crate) fn ranked<'a>(elements: impl Iterator<Item = (Item<'a>, f64)>) -> SortedSet {
        let mut map = Box::new(RankedMap::new(MemberHasher));
        let mut digits = itoa::Buffer::new();
        for (member, score) in elements {
            map.insert_or_update(member.bytes(&mut digits), score);
        }
        SortedSet(Encoding::Ranked(map))
    }

    /// A packed set of a listpack from outside, after a look at all of it.
    ///
    /// # Errors
    /// If it is not members and scores in order, or a member is there twice.
    pub fn from_listpack(pack: Listpack) -> Result<SortedSet, Corrupt> {
        let corrupt = |what| Err(Corrupt { what });
        if pack.is_empty() || !pack.len().is_multiple_of(2) {
            return corrupt("a packed sorted set without members, or with half an element");
        }
        let mut members = Vec::with_capacity(pack.len() / 2);
        let mut last: Option<(f64, Vec<u8>)> = None;
        let mut items = pack.iter();
        while let (Some(member), Some(score)) = (items.next(), items.next()) {
            let Some(score) = parse_score(score) else {
                return corrupt("a score that is not a number");
            };
            let member = member.to_vec();
            let is_behind = last.as_ref().is_none_or(|(last_score, last_member)| {
                *last_score < score || *last_score == score && *last_member < member
            });
            if !is_behind {
                return corrupt("a packed sorted set out of order");
            }
            members.push(member.clone());
            last = Some((score, member));
        }
        members.sort_unstable();
        if members.windows(2).any(|pair| pair[0] == pair[1]) {
            return corrupt("a member that is there twice");
        }
        Ok(SortedSet(Encoding::Packed(Packed(pack))))
    }

    /// The listpack of a packed set.
    pub fn listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Encoding::Packed(packed) => Some(&packed.0),
            Encoding::Ranked(_) => None,
        }
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Encoding::Packed(packed) => packed.find(member).map(|(_, score)| score),
            Encoding::Ranked(map) => map.score(member),
        }
    }

    /// How many elements are in front of a member, and its score.
    #[inline]
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Encoding::Packed(packed) => packed.rank(member),
            Encoding::Ranked(map) => map.rank(member),
        }
    }

    /// The ranks of the elements whose scores are within a range.
    pub fn score_ranks(&self, range: &ScoreRange) -> Range<usize> {
        match &self.0 {
            Encoding::Packed(packed) => packed.score_ranks(range),
            Encoding::Ranked(map) => {
                // an end of all elements needs no search
                let min = match range.min {
                    Bound::Included(f64::NEG_INFINITY) => Bound::Unbounded,
                    min => min,
                };
                let max = match range.max {
                    Bound::Included(f64::INFINITY) => Bound::Unbounded,
                    max => max,
                };
                map.score_range(min, max)
            }
        }
    }

    /// The ranks of the members within a range, in a set where all scores are equal. In others, what the reference takes
    /// if the set is packed (from the last member backwards if `reversed`), else any ranks.
    pub fn lex_ranks(&self, range: &LexRange<'_>, reversed: bool) -> Range<usize> {
        match &self.0 {
            Encoding::Packed(packed) => packed.lex_ranks(range, reversed),
            Encoding::Ranked(_) if range.is_void() => 0..0,
            Encoding::Ranked(map) => map.lex_range(bound(range.min), bound(range.max)),
        }
    }

    /// The elements of these ranks, from the first or from the last one on. All ranks are below the number of elements.
    #[inline]
    pub fn elements(&self, ranks: Range<usize>, reversed: bool) -> Elements<'_> {
        Elements(match &self.0 {
            Encoding::Packed(packed) => Inner::Packed(packed.elements(ranks, reversed)),
            Encoding::Ranked(map) => Inner::Ranked(map.range(ranks), reversed),
        })
    }

    /// All elements, in order.
    pub fn iter(&self) -> Elements<'_> {
        self.elements(0..self.len(), false)
    }

    /// Whether `members` more members, of so many bytes in all, find room. What is packed becomes another encoding before
    /// it is full, and no call brings more than that has room for.
    pub fn has_room(&self, members: usize, bytes: usize) -> bool {
        match &self.0 {
            Encoding::Packed(_) => true,
            Encoding::Ranked(map) => map.has_room(members, bytes),
        }
    }

    /// Whether a set can have `members` members, of so many bytes in all.
    pub fn can_hold(members: usize, bytes: usize) -> bool {
        RankedMap::new(MemberHasher).has_room(members, bytes)
    }

    /// Shows a few elements from `cursor` on and returns the cursor for the next call: 0 at the end. A packed set is shown
    /// at once. An element that is there during the whole walk is shown at least once.
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(Item<'a>, f64)) -> u64 {
        match &self.0 {
            Encoding::Packed(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            Encoding::Ranked(map) => {
                map.scan(cursor, |member, score| visit(Item::Bytes(member), score))
            }
        }
    }

    /// A score as ZSCAN shows it: as it stands in a packed set, with 17 digits out of others.
    pub fn scanned_score(&self, score: f64) -> Vec<u8> {
        match &self.0 {
            Encoding::Packed(_) => digits::Buffer::new().format(score).to_vec(),
            Encoding::Ranked(_) => digits::general_17(score).into_bytes(),
        }
    }

    /// The encoding's name, as OBJECT ENCODING answers it.
    pub fn encoding_name(&self) -> &'static str {
        match &self.0 {
            Encoding::Packed(_) => "listpack",
            Encoding::Ranked(_) => "skiplist",
        }
    }
}

/// A bound of a range that is not void.
fn bound(bound: LexBound<'_>) -> Bound<&[u8]> {
    match bound {
        LexBound::Included(member) => Bound::Included(member),
        LexBound::Excluded(member) => Bound::Excluded(member),
        LexBound::First | LexBound::Last => Bound::Unbounded,
    }
}

/// Some elements of a sorted set: members with their scores.
#[derive(Clone)]
pub struct Elements<'a>(Inner<'a>);

#[derive(Clone)]
enum Inner<'a> {
    Packed(PackedElements<'a>),
    /// From the last one on, if true.
    Ranked(Ranked<'a, MemberHasher>, bool),
}

impl<'a> Iterator for Elements<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Inner::Packed(elements) => elements.next(),
            Inner::Ranked(elements, reversed) => {
                let next = if *reversed {
                    elements.next_back()
                } else {
                    elements.next()
                };
                next.map(|(member, score)| (Item::Bytes(member), score))
            }
        }
    }

    /// Asks once which kind it is, not for each element.
    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut f: F) -> B {
        let (elements, reversed) = match self.0 {
            Inner::Packed(elements) => return elements.fold(init, f),
            Inner::Ranked(elements, reversed) => (elements, reversed),
        };
        let f = |folded, (member, score)| f(folded, (Item::Bytes(member), score));
        match reversed {
            false => elements.fold(init, f),
            true => elements.rfold(init, f),
        }
    }
}

impl<'a> Elements<'a> {
    /// Shows the members alone, which costs less than with their scores.
    #[inline]
    pub fn for_each_member(self, mut visit: impl FnMut(Item<'a>)) {
        match self.0 {
            Inner::Packed(elements) => elements.for_each_member(visit),
            _ => self.for_each(|(member, _)| visit(member)),
        }
    }
}

impl Collection for SortedSet {
    type Inverse = SortedSetInverse;

    fn of(object: &Object) -> Option<&Self> {
        match object {
            Object::SortedSet(set) => Some(set),
            _ => None,
        }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::SortedSet(set) => Some(set),
            _ => None,
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match &self.0 {
            Encoding::Packed(packed) => packed.len(),
            Encoding::Ranked(map) => map.len(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match &self.0 {
            Encoding::Packed(packed) => packed.0.heap_bytes(),
            Encoding::Ranked(map) => size_of::<RankedMap<MemberHasher>>() + map.heap_bytes(),
        }
    }

    fn allocations(&self) -> usize {
        match &self.0 {
            Encoding::Ranked(map) => map.allocations(),
            _ => 1,
        }
    }

    fn is_packed(&self) -> bool {
        matches!(self.0, Encoding::Packed(_))
    }

    fn undo(&mut self, inverse: SortedSetInverse) {
        self.take_back(inverse);
    }
}

impl From<SortedSet> for Object {
    fn from(set: SortedSet) -> Object {
        Object::SortedSet(set)
    }
}

impl Clone for SortedSet {
    fn clone(&self) -> Self {
        match &self.0 {
            Encoding::Packed(packed) => SortedSet(Encoding::Packed(packed.clone())),
            Encoding::Ranked(_) => SortedSet::ranked(self.iter()),
        }
    }
}

impl fmt::Debug for SortedSet {
    /// Its elements in order, whatever the encoding: two sets that are the same show the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .iter()
            .map(|(member, score)| (member.to_vec().escape_ascii().to_string(), score));
        f.debug_map().entries(shown).finish()
    }
}
