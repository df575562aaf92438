//! The packed encoding: one listpack, in which each member is followed by its score.
//!
//! ```text
//!   member, score, member, score, ...       in the order of scores, then of members
//! ```
//!
//! A score stands there as the reference writes it: as an integer where it is one (up to 2^62), else as its digits. So
//! -0 becomes 0 in here, which the bigger encoding keeps; the reference does just the same.

use std::ops::Range;

use perilune_digits as digits;
use perilune_structures::{At, Item, Listpack, listpack};

use super::{LexRange, ScoreRange};

/// Doubles up to this are stored as integers, if they are any.
const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;

const SCORE_EXPECTED: &str =
    "each member is followed by a score: looked at when it came from outside";

#[derive(Clone)]
pub(super) struct Packed(pub Listpack);

/// A score as the reference stores it.
fn put_score<R>(score: f64, put: impl FnOnce(Item<'_>) -> R) -> R {
    if (-INTEGER_MAX..=INTEGER_MAX).contains(&score) && score.trunc() == score {
        put(Item::Int(score as i64))
    } else {
        put(Item::of(digits::Buffer::new().format(score)))
    }
}

/// The score that an item is; none if it is not a number.
#[inline]
pub(super) fn parse_score(item: Item<'_>) -> Option<f64> {
    match item {
        Item::Int(score) => Some(score as f64),
        Item::Bytes(text) => {
            let score: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            (!score.is_nan()).then_some(score)
        }
    }
}

impl Packed {
    pub fn new() -> Self {
        Self(Listpack::new())
    }

    /// Of elements in order.
    pub fn of<'a>(elements: impl Iterator<Item = (Item<'a>, f64)>) -> Self {
        let mut pack = Listpack::new();
        for (member, score) in elements {
            pack.push_back(match member {
                Item::Bytes(text) => Item::of(text),
                integer => integer,
            });
            put_score(score, |score| pack.push_back(score));
        }
        Self(pack)
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// The score that follows the member at `at`.
    #[inline]
    fn score_at(&self, at: At) -> f64 {
        self.0
            .next(at)
            .and_then(|at| self.parse_at(at))
            .expect(SCORE_EXPECTED)
    }

    /// The score that stands at `at`.
    #[inline]
    fn parse_at(&self, at: At) -> Option<f64> {
        match self.0.get_int(at) {
            Some(score) => Some(score as f64),
            None => parse_score(self.0.get(at)),
        }
    }

    /// A member's place and score.
    #[inline]
    pub fn find(&self, member: &[u8]) -> Option<(At, f64)> {
        let at = self.0.find(None, member, 1)?;
        Some((at, self.score_at(at)))
    }

    /// As [`Packed::find`], of a member that is to be added: among many it is most often not there.
    pub fn find_to_add(&self, member: &[u8]) -> Option<(At, f64)> {
        const MANY_BYTES: usize = 512;
        if self.0.byte_len() > MANY_BYTES && !self.0.may_hold(member) {
            return None;
        }
        self.find(member)
    }

    /// A member's rank and score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let needle = Item::of(member);
        let mut elements = self.0.iter();
        let mut rank = 0;
        loop {
            let is_it = elements.next()?.is(needle);
            let score = elements.next()?;
            if is_it {
                return Some((rank, parse_score(score)?));
            }
            rank += 1;
        }
    }

    /// Adds an element whose member is not there, before the one whose member is at `place` or behind all.
    #[inline]
    pub fn insert(&mut self, place: Option<At>, member: &[u8], score: f64) {
        let member = Item::of(member);
        put_score(score, |score| self.0.insert_two(place, member, score));
    }

    /// Where an element belongs whose member is not there: before the one whose member is at this place, or behind all.
    pub fn place_of(&self, member: &[u8], score: f64) -> Option<At> {
        let is_before = |at: At, found_score: f64| {
            found_score < score
                || found_score == score && self.0.get(at).bytes(&mut itoa::Buffer::new()) < member
        };
        let first = self.0.first()?;
        let first_score = self.score_at(first);
        if !is_before(first, first_score) {
            return Some(first);
        }
        let last = self.last()?;
        let last_score = self.score_at(last);
        if is_before(last, last_score) {
            return None; // most sets grow at their end
        }
        // from where the way is likely to be the shorter one: the first is before it, and the last is not
        if score - first_score < last_score - score {
            let mut place = self.behind(first);
            while let Some(at) = place
                && is_before(at, self.score_at(at))
            {
                place = self.behind(at);
            }
            place
        } else {
            let mut place = last;
            while let Some(at) = self.before(place)
                && !is_before(at, self.score_at(at))
            {
                place = at;
            }
            Some(place)
        }
    }

    /// Removes so many elements from the one on whose member is at `at`.
    #[inline]
    pub fn remove(&mut self, at: At, count: usize) {
        self.0.remove_many(at, count * 2);
    }

    /// The place of the member of this rank.
    #[inline]
    pub fn at(&self, rank: usize) -> Option<At> {
        self.0.seek(rank as i64 * 2)
    }

    /// The place of the last member.
    #[inline]
    fn last(&self) -> Option<At> {
        self.0.last().and_then(|score| self.0.prev(score))
    }

    /// The place of the member before the one at `at`.
    #[inline]
    fn before(&self, at: At) -> Option<At> {
        self.0.prev(at).and_then(|score| self.0.prev(score))
    }

    /// The place of the member behind the one at `at`.
    #[inline]
    fn behind(&self, at: At) -> Option<At> {
        self.0.next(at).and_then(|score| self.0.next(score))
    }

    /// The ranks of the elements whose scores are within a range.
    pub fn score_ranks(&self, range: &ScoreRange) -> Range<usize> {
        if range.is_void() {
            return 0..0;
        }
        let (mut start, mut end) = (0, 0);
        let mut member = self.0.first();
        while let Some(at) = member.and_then(|at| self.0.next(at)) {
            let Some(score) = self.parse_at(at) else {
                break;
            };
            if !range.reaches(score) {
                start += 1;
            } else if !range.keeps(score) {
                break;
            }
            end += 1;
            member = self.0.next(at);
        }
        start..end.max(start)
    }

    /// The ranks of the members within a range, walking from the first or from the last one as the reference does: which
    /// makes a difference where scores are not equal.
    pub fn lex_ranks(&self, range: &LexRange<'_>, reversed: bool) -> Range<usize> {
        let (Some(first), Some(last)) = (self.0.first(), self.last()) else {
            return 0..0;
        };
        let mut digits = itoa::Buffer::new();
        if range.is_void()
            || !range.reaches(self.0.get(last).bytes(&mut digits))
            || !range.keeps(self.0.get(first).bytes(&mut digits))
        {
            return 0..0;
        }
        // from the one end up to the first within the near bound, then on while within the far one
        let (mut at, step): (_, fn(&Self, At) -> Option<At>) = if reversed {
            (Some(last), Self::before)
        } else {
            (Some(first), Self::behind)
        };
        let (mut skipped, mut taken) = (0, 0);
        while let Some(place) = at {
            let member = self.0.get(place).bytes(&mut digits);
            let (is_reached, is_kept) = match reversed {
                false => (range.reaches(member), range.keeps(member)),
                true => (range.keeps(member), range.reaches(member)),
            };
            match (is_reached || taken > 0, is_kept) {
                (false, _) => skipped += 1,
                (true, true) => taken += 1,
                (true, false) => break,
            }
            at = step(self, place);
        }
        if reversed {
            let end = self.len() - skipped;
            end - taken..end
        } else {
            skipped..skipped + taken
        }
    }

    /// The elements of these ranks, from the first or from the last one on.
    #[inline]
    pub fn elements(&self, ranks: Range<usize>, reversed: bool) -> PackedElements<'_> {
        let at = match ranks.is_empty() {
            true => None,
            false if reversed => self.at(ranks.end - 1),
            false => self.at(ranks.start),
        };
        PackedElements {
            packed: self,
            at,
            left: ranks.len(),
            reversed,
        }
    }
}

/// Some elements of a packed set.
#[derive(Clone)]
pub(super) struct PackedElements<'a> {
    packed: &'a Packed,
    /// Where the next one's member is.
    at: Option<At>,
    left: usize,
    reversed: bool,
}

impl<'a> Iterator for PackedElements<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at?;
        self.left = self.left.checked_sub(1)?;
        let packed = self.packed;
        let element = (packed.0.get(at), packed.score_at(at));
        self.at = match self.reversed {
            false => packed.behind(at),
            true => packed.before(at),
        };
        Some(element)
    }

    /// Upwards, elements come out of one loop over the items.
    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut f: F) -> B {
        let Some(items) = self.upwards() else {
            let mut folded = init;
            for element in self {
                folded = f(folded, element);
            }
            return folded;
        };
        let mut member = None;
        items.fold(init, |folded, item| match member.take() {
            None => {
                member = Some(item);
                folded
            }
            Some(member) => f(folded, (member, parse_score(item).expect(SCORE_EXPECTED))),
        })
    }
}

impl<'a> PackedElements<'a> {
    /// Shows the members; their scores are not even read.
    #[inline]
    pub(super) fn for_each_member(mut self, mut visit: impl FnMut(Item<'a>)) {
        match self.upwards() {
            Some(items) => {
                let mut is_member = false;
                items.for_each(|item| {
                    is_member = !is_member;
                    if is_member {
                        visit(item);
                    }
                });
            }
            None => self.for_each(|(member, _)| visit(member)),
        }
    }

    /// Members and scores in turn, unless they are wanted from the last one on.
    #[inline]
    fn upwards(&mut self) -> Option<listpack::Iter<'a>> {
        let at = self.at.filter(|_| !self.reversed)?;
        Some(self.packed.0.iter_at(at, self.left * 2))
    }
}
