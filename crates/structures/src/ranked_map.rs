//! RankedMap: the members of one big sorted set, by member and by rank.
//!
//! ```text
//!   hash of member -> table -> Handle -> entry: member, score
//!                                ^
//!   score, rank    -> RankTree --+
//! ```
//!
//! A member's bytes are stored once: the tree holds the handles of the table's entries, and asks for members only
//! where scores are equal. An entry never changes its length, so it never moves and its handle holds as long as it
//! is a member.

use std::ops::{Bound, Range};

use crate::elements::Elements;
use crate::entry_map::{Handle, KeyHash};
use crate::listpack;
use crate::rank_tree::{Item, LeafRef, Members, Order, RankTree, Target};

/// The stamp is the score, as the bits of an `f64`.
type Scores<S> = Elements<S>;

/// See the [module](self). Scores are any numbers but NaN; -0.0 and 0.0 are equal in order, and are kept as they
/// were given.
pub struct RankedMap<S> {
    scores: Scores<S>,
    tree: RankTree,
}

/// Where a member is in its map, or would be put: see [`RankedMap::seat`]. Void when the map has been changed.
#[derive(Debug)]
pub struct Seat {
    hash: u64,
    handle: Option<Handle>,
}

impl<S: KeyHash> Members for Scores<S> {
    #[inline]
    fn member(&self, handle: Handle) -> &[u8] {
        self.key(handle)
    }

    #[inline]
    fn order(&self, handle: Handle) -> Order {
        Order::of(score_of(self, handle))
    }

    #[inline]
    fn prefetch(&self, handle: Handle) {
        self.prefetch_element(handle);
    }
}

impl<S: KeyHash> RankedMap<S> {
    /// An empty map. It allocates nothing.
    pub fn new(hasher: S) -> RankedMap<S> {
        RankedMap {
            scores: Elements::new(hasher),
            tree: RankTree::new(),
        }
    }

    /// The number of members.
    #[inline]
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks for the memory where the search for a member begins, as a hint.
    #[inline]
    pub fn prefetch(&self, member: &[u8]) {
        self.scores.prefetch(self.scores.hash(member));
    }

    /// Asks for the member itself, as a hint, when [`prefetch`](Self::prefetch) has been given the time it takes.
    #[inline]
    pub fn prefetch_member(&self, member: &[u8]) {
        self.scores.prefetch_probable(self.scores.hash(member));
    }

    /// Whether so many more members, of so many bytes in all, surely find room. A map holds about 200 million.
    pub fn has_room(&self, members: usize, bytes: usize) -> bool {
        self.scores.has_room(members, bytes)
    }

    /// Looks for a member once, for several questions and changes.
    #[inline]
    pub fn seat(&self, member: &[u8]) -> Seat {
        let hash = self.scores.hash(member);
        Seat {
            hash,
            handle: self.scores.find(hash, member),
        }
    }

    /// The score of the member whose seat this is, if it is there.
    #[inline]
    pub fn score_at(&self, seat: &Seat) -> Option<f64> {
        seat.handle.map(|handle| score_of(&self.scores, handle))
    }

    /// As [`insert_or_update`](Self::insert_or_update), of the member whose seat this is.
    pub fn put_at(&mut self, seat: Seat, member: &[u8], score: f64) -> Option<f64> {
        let RankedMap { scores, tree } = self;
        let order = Order::of(score);
        let Some(handle) = seat.handle else {
            let no_value = listpack::Item::Bytes(b"");
            let handle = scores.insert(seat.hash, member, Some(score.to_bits()), no_value);
            tree.insert(Item { order, handle }, member, scores);
            return None;
        };
        let old_score = score_of(scores, handle);
        let old = item(handle, old_score);
        let stays = old.order == order || tree.shift_or_remove(old, member, order, scores);
        scores.set_stamp(seat.hash, handle, Some(score.to_bits()));
        if !stays {
            tree.insert(Item { order, handle }, member, scores);
        }
        Some(old_score)
    }

    /// As [`remove`](Self::remove), of the member whose seat this is.
    pub fn remove_at(&mut self, seat: Seat, member: &[u8]) -> Option<f64> {
        let handle = seat.handle?;
        let score = score_of(&self.scores, handle);
        self.tree.remove(item(handle, score), member, &self.scores);
        self.scores.remove(seat.hash, handle);
        Some(score)
    }

    /// Gives a member this score, whether it is there or not; returns the score that it had.
    ///
    /// # Panics
    /// When the map is full; ask [`has_room`](Self::has_room) before.
    pub fn insert_or_update(&mut self, member: &[u8], score: f64) -> Option<f64> {
        self.put_at(self.seat(member), member, score)
    }

    /// Removes a member; returns the score that it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        self.remove_at(self.seat(member), member)
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.score_at(&self.seat(member))
    }

    /// How many members are in front of this one, in the order of scores and, where these are equal, of bytes; and its
    /// score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let handle = self.seat(member).handle?;
        let score = score_of(&self.scores, handle);
        let rank = self.tree.rank_of(item(handle, score), member, &self.scores);
        Some((rank, score))
    }

    /// The member of this rank, and its score.
    pub fn get(&self, rank: usize) -> Option<(&[u8], f64)> {
        let (leaf, index) = (rank < self.len()).then(|| self.tree.at(rank))?;
        Some(self.view(leaf.handles()[index]))
    }

    /// The members of these ranks with their scores, from either end. Ranks that nobody has are left out.
    pub fn range(&self, ranks: Range<usize>) -> Ranked<'_, S> {
        Ranked {
            map: self,
            ranks: ranks.start..ranks.end.min(self.len()),
            front: End::default(),
            back: End::default(),
        }
    }

    /// All members with their scores, in order.
    pub fn iter(&self) -> Ranked<'_, S> {
        self.range(0..self.len())
    }

    /// The ranks of the members whose scores are within these bounds. Empty ranges begin where such members would.
    pub fn score_range(&self, min: Bound<f64>, max: Bound<f64>) -> Range<usize> {
        let place = |score: f64, after: bool| {
            let order = Order::of(score);
            self.tree
                .rank(&Target::Score { order, after }, &self.scores)
        };
        let start = match min {
            Bound::Unbounded => 0,
            Bound::Included(score) => place(score, false),
            Bound::Excluded(score) => place(score, true),
        };
        let end = match max {
            Bound::Unbounded => self.len(),
            Bound::Included(score) => place(score, true),
            Bound::Excluded(score) => place(score, false),
        };
        start..end.max(start)
    }

    /// The ranks of the members within these bounds, in a map where all scores are equal; in others, some range.
    pub fn lex_range(&self, min: Bound<&[u8]>, max: Bound<&[u8]>) -> Range<usize> {
        let place = |member: &[u8], after: bool| {
            self.tree
                .rank(&Target::Member { member, after }, &self.scores)
        };
        let start = match min {
            Bound::Unbounded => 0,
            Bound::Included(member) => place(member, false),
            Bound::Excluded(member) => place(member, true),
        };
        let end = match max {
            Bound::Unbounded => self.len(),
            Bound::Included(member) => place(member, true),
            Bound::Excluded(member) => place(member, false),
        };
        start..end.max(start)
    }

    /// Removes the members of these ranks, and shows each, in order.
    pub fn remove_range(&mut self, ranks: Range<usize>, mut removed: impl FnMut(&[u8], f64)) {
        let RankedMap { scores, tree } = self;
        let mut left = ranks.end.min(tree.len()).saturating_sub(ranks.start);
        let mut handles = Vec::new();
        while left > 0 {
            tree.remove_some(ranks.start, left, scores, &mut handles);
            left -= handles.len();
            for &handle in &handles {
                scores.prefetch_element(handle);
            }
            for handle in handles.drain(..) {
                let (member, score) = view(scores, handle);
                removed(member, score);
                let hash = scores.hash(member);
                scores.remove(hash, handle);
            }
        }
    }

    /// A member chosen by random bits, with its score; none if there are no members. All are equally probable.
    pub fn random(&self, bits: u64) -> Option<(&[u8], f64)> {
        let rank = (u128::from(bits) * self.len() as u128) >> 64;
        self.get(rank as usize)
    }

    /// Shows a few members from `cursor` on and returns the cursor for the next call. A scan begins with 0 and has
    /// ended when it gets 0; cursors are below 2^42, and any number is a valid one. A member that is there during
    /// the whole scan is shown at least once, whatever comes and goes between the calls.
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(&'a [u8], f64)) -> u64 {
        self.scores.scan(cursor, |handle| {
            let (member, score) = self.view(handle);
            visit(member, score);
        })
    }

    /// All that the map has taken from the allocator, in bytes. Takes a few nanoseconds.
    pub fn heap_bytes(&self) -> usize {
        self.scores.heap_bytes() + self.tree.heap_bytes()
    }

    /// How many allocations it consists of, about: what dropping it costs.
    pub fn allocations(&self) -> usize {
        self.scores.allocations() + self.tree.allocations()
    }

    #[inline]
    fn view(&self, handle: Handle) -> (&[u8], f64) {
        view(&self.scores, handle)
    }
}

#[inline]
fn view<S: KeyHash>(scores: &Scores<S>, handle: Handle) -> (&[u8], f64) {
    let (member, score) = scores.key_and_stamp(handle);
    (member, f64::from_bits(score.expect(SCORED)))
}

#[inline]
fn score_of<S: KeyHash>(scores: &Scores<S>, handle: Handle) -> f64 {
    f64::from_bits(scores.stamp(handle).expect(SCORED))
}

const SCORED: &str = "every member has a score";

#[inline]
fn item(handle: Handle, score: f64) -> Item {
    Item {
        order: Order::of(score),
        handle,
    }
}

/// Members of a [`RankedMap`] with their scores, in the order of ranks, from either end. A step takes no search but
/// the first at each end, and the members that come next are on their way from memory.
pub struct Ranked<'a, S> {
    map: &'a RankedMap<S>,
    ranks: Range<usize>,
    front: End<'a>,
    back: End<'a>,
}

/// Where a walk stands: a leaf, and those of its items that come. Both may reach beyond the walk's other end.
#[derive(Clone, Copy, Default)]
struct End<'a> {
    leaf: Option<LeafRef<'a>>,
    handles: &'a [Handle],
}

/// Members ahead whose memory is asked for.
const AHEAD: usize = 8;

impl<S> Clone for Ranked<'_, S> {
    fn clone(&self) -> Self {
        Ranked {
            map: self.map,
            ranks: self.ranks.clone(),
            front: self.front,
            back: self.back,
        }
    }
}

impl<S: KeyHash> Ranked<'_, S> {
    /// Goes to the leaf with the item of this rank, which is the first that comes.
    #[cold]
    fn turn_front(&mut self, rank: usize) {
        let tree = &self.map.tree;
        let (leaf, index) = match self.front.leaf.and_then(|leaf| tree.next(leaf)) {
            Some(leaf) => (leaf, 0),
            None => tree.at(rank),
        };
        self.front.leaf = Some(leaf);
        self.front.handles = &leaf.handles()[index..];
        self.prefetch(self.front.handles.iter());
    }

    /// The same at the other end.
    #[cold]
    fn turn_back(&mut self, rank: usize) {
        let tree = &self.map.tree;
        let (leaf, index) = match self.back.leaf.and_then(|leaf| tree.prev(leaf)) {
            Some(leaf) => (leaf, leaf.handles().len() - 1),
            None => tree.at(rank),
        };
        self.back.leaf = Some(leaf);
        self.back.handles = &leaf.handles()[..=index];
        self.prefetch(self.back.handles.iter().rev());
    }

    /// Asks for the first members that come.
    fn prefetch<'b>(&self, handles: impl Iterator<Item = &'b Handle>) {
        for &handle in handles.take(AHEAD.min(1 + self.ranks.len())) {
            self.map.scores.prefetch_element(handle);
        }
    }
}

impl<'a, S: KeyHash> Iterator for Ranked<'a, S> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next()?;
        if self.front.handles.is_empty() {
            self.turn_front(rank);
        }
        let (&handle, rest) = self.front.handles.split_first()?;
        self.front.handles = rest;
        if rest.len() >= AHEAD && self.ranks.len() >= AHEAD {
            self.map.scores.prefetch_element(rest[AHEAD - 1]);
        }
        Some(self.map.view(handle))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl<S: KeyHash> DoubleEndedIterator for Ranked<'_, S> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next_back()?;
        if self.back.handles.is_empty() {
            self.turn_back(rank);
        }
        let (&handle, rest) = self.back.handles.split_last()?;
        self.back.handles = rest;
        if rest.len() >= AHEAD && self.ranks.len() >= AHEAD {
            self.map.scores.prefetch_element(rest[rest.len() - AHEAD]);
        }
        Some(self.map.view(handle))
    }
}

impl<S: KeyHash> ExactSizeIterator for Ranked<'_, S> {}

#[cfg(test)]
impl<S: KeyHash> RankedMap<S> {
    /// The tree is in order and names exactly the members.
    pub(crate) fn check(&self) {
        self.scores.check();
        let named = self.tree.check(&self.scores);
        let mut linked: Vec<Handle> = self.scores.handles().collect();
        linked.sort();
        assert_eq!(named, linked);
    }
}

#[cfg(test)]
mod model;
