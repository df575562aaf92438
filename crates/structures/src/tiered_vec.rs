//! TieredVec: a long sequence that never moves as a whole.
//!
//! ```text
//!   tiers:   | 128 items | 128 items | 90 items |
//! ```
//!
//! A ring buffer that doubles copies all that it holds, at a moment that somebody waits for, and asks for one block as large
//! as all of it. Here every block is a tier of at most [`TIER_LEN`] items. Both ends cost what they cost in a `Vec`; an item in the
//! middle moves at most a tier, and is found by adding up the lengths of the tiers from the nearer end.
//!
//! The tiers themselves stand in a plain vector, in place while there is but one: among a hundred million elements of a list,
//! a new tier in front moves 40 KB, once in 58,000 pushes.
//!
//! After M. T. Goodrich and J. G. Kloss, "Tiered Vectors" (1999), with one level and tiers of any length.

use std::ops::{Index, IndexMut};
use std::slice;

use smallvec::SmallVec;

use crate::cpu::prefetch;

/// Items of a full tier.
pub(crate) const TIER_LEN: usize = 128;

type Tiers<T> = SmallVec<[Vec<T>; 1]>;

/// A long sequence; see the module. No tier is empty.
pub(crate) struct TieredVec<T> {
    tiers: Tiers<T>,
    len: usize,
    /// Items that the tiers have room for.
    capacity: usize,
}

impl<T> TieredVec<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of heap that it owns, without what its items own.
    #[inline]
    pub(crate) fn heap_bytes(&self) -> usize {
        let tiers = match self.tiers.spilled() {
            true => self.tiers.capacity() * size_of::<Vec<T>>(),
            false => 0,
        };
        self.capacity * size_of::<T>() + tiers
    }

    /// Do the tiers not stand in place?
    #[inline]
    pub(crate) fn is_spilled(&self) -> bool {
        self.tiers.spilled()
    }

    /// Asks for what says where the items at the ends lie, as a hint.
    #[inline]
    pub(crate) fn prefetch_ends(&self) {
        let ends = [self.tiers.first(), self.tiers.last()];
        ends.into_iter().flatten().for_each(prefetch);
    }

    #[inline]
    pub(crate) fn front(&self) -> Option<&T> {
        self.tiers.first()?.first()
    }

    #[inline]
    pub(crate) fn back(&self) -> Option<&T> {
        self.tiers.last()?.last()
    }

    #[inline]
    pub(crate) fn front_mut(&mut self) -> Option<&mut T> {
        self.tiers.first_mut()?.first_mut()
    }

    #[inline]
    pub(crate) fn back_mut(&mut self) -> Option<&mut T> {
        self.tiers.last_mut()?.last_mut()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        let (tier, offset) = self.place(index)?;
        self.tiers[tier].get(offset)
    }

    /// The tier of an item, and where it stands there.
    fn place(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let mut offset = index;
            for (number, tier) in self.tiers.iter().enumerate() {
                if offset < tier.len() {
                    return Some((number, offset));
                }
                offset -= tier.len();
            }
        } else {
            let mut behind = self.len;
            for (number, tier) in self.tiers.iter().enumerate().rev() {
                behind -= tier.len();
                if behind <= index {
                    return Some((number, index - behind));
                }
            }
        }
        None
    }

    /// Puts an item where `index` is, which is at most the length.
    pub(crate) fn insert(&mut self, index: usize, item: T) {
        assert!(index <= self.len, "{index} of {}", self.len);
        let last = self.tiers.len().wrapping_sub(1);
        let (mut tier, mut offset) = match self.place(index) {
            Some(place) => place,
            None if self.tiers.is_empty() => {
                self.tiers.push(Vec::new());
                (0, 0)
            }
            None => (last, self.tiers[last].len()),
        };
        if self.tiers[tier].len() == TIER_LEN {
            let behind = match offset {
                // what is pushed at an end goes on there: a tier for it
                0 | TIER_LEN => Vec::with_capacity(TIER_LEN),
                _ => self.tiers[tier].split_off(TIER_LEN / 2),
            };
            let first_behind = self.tiers[tier].len();
            self.capacity += behind.capacity();
            if offset == 0 {
                self.tiers.insert(tier, behind);
            } else {
                self.tiers.insert(tier + 1, behind);
                if offset >= first_behind {
                    (tier, offset) = (tier + 1, offset - first_behind);
                }
            }
        }
        let tier = &mut self.tiers[tier];
        let before = tier.capacity();
        tier.insert(offset, item);
        self.capacity += tier.capacity() - before;
        self.len += 1;
    }

    /// Takes out the item at `index`.
    pub(crate) fn remove(&mut self, index: usize) -> Option<T> {
        let (tier, offset) = self.place(index)?;
        let item = self.tiers[tier].remove(offset);
        self.len -= 1;
        if self.tiers[tier].is_empty() {
            self.drop_tier(tier);
        } else {
            self.join(tier);
            self.join(tier.wrapping_sub(1));
        }
        Some(item)
    }

    fn drop_tier(&mut self, tier: usize) {
        self.capacity -= self.tiers.remove(tier).capacity();
    }

    /// Makes this tier and the one behind it one, if that is at most half full.
    fn join(&mut self, tier: usize) {
        let (Some(one), Some(next)) = (self.tiers.get(tier), self.tiers.get(tier.wrapping_add(1)))
        else {
            return;
        };
        if one.len() + next.len() > TIER_LEN / 2 {
            return;
        }
        let mut next = self.tiers.remove(tier + 1);
        let one = &mut self.tiers[tier];
        self.capacity -= one.capacity() + next.capacity();
        one.append(&mut next);
        self.capacity += one.capacity();
    }

    /// Cuts off the item at `at` and all behind it.
    pub(crate) fn split_off(&mut self, at: usize) -> TieredVec<T> {
        let Some((tier, offset)) = self.place(at) else {
            return TieredVec::default();
        };
        let mut tiers: Tiers<T> = self.tiers.drain(tier..).collect();
        if offset > 0 {
            let behind = tiers[0].split_off(offset);
            self.tiers.push(std::mem::replace(&mut tiers[0], behind));
        }
        let tail = TieredVec::of(tiers, self.len - at);
        *self = TieredVec::of(std::mem::take(&mut self.tiers), at);
        tail
    }

    /// Adds all items of `other` behind the last.
    pub(crate) fn append(&mut self, mut other: TieredVec<T>) {
        let seam = self.tiers.len().wrapping_sub(1);
        self.tiers.append(&mut other.tiers);
        self.len += other.len;
        self.capacity += other.capacity;
        self.join(seam);
    }

    /// Keeps those that `keep` says.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let mut tiers = std::mem::take(&mut self.tiers);
        for tier in &mut tiers {
            tier.retain(&mut keep);
        }
        tiers.retain(|tier| !tier.is_empty());
        let len = tiers.iter().map(Vec::len).sum();
        *self = TieredVec::of(tiers, len);
    }

    fn of(tiers: Tiers<T>, len: usize) -> TieredVec<T> {
        let capacity = tiers.iter().map(Vec::capacity).sum();
        TieredVec {
            tiers,
            len,
            capacity,
        }
    }

    /// The items in stretches, as they stand in memory.
    pub(crate) fn stretches(
        &self,
    ) -> impl DoubleEndedIterator<Item = &[T]> + ExactSizeIterator + use<'_, T> {
        self.tiers.iter().map(Vec::as_slice)
    }

    /// All items.
    pub(crate) fn iter(&self) -> Iter<'_, T> {
        self.range(0, self.len)
    }

    /// The items from `begin` to below `end`, or as many of them as there are.
    pub(crate) fn range(&self, begin: usize, end: usize) -> Iter<'_, T> {
        let end = end.min(self.len);
        let Some((first, from)) = self.place(begin).filter(|_| begin < end) else {
            return Iter::default();
        };
        let left = end - begin;
        let (last, to) = match self.place(end) {
            Some((tier, 0)) => (tier - 1, self.tiers[tier - 1].len()),
            Some(place) => place,
            None => {
                let last = self.tiers.len() - 1;
                (last, self.tiers[last].len())
            }
        };
        if first == last {
            return Iter {
                front: self.tiers[first][from..to].iter(),
                left,
                ..Iter::default()
            };
        }
        Iter {
            front: self.tiers[first][from..].iter(),
            tiers: self.tiers[first + 1..last].iter(),
            back: self.tiers[last][..to].iter(),
            left,
        }
    }
}

impl<T> Default for TieredVec<T> {
    fn default() -> Self {
        TieredVec {
            tiers: Tiers::new(),
            len: 0,
            capacity: 0,
        }
    }
}

impl<T: Clone> Clone for TieredVec<T> {
    fn clone(&self) -> Self {
        TieredVec::of(self.tiers.clone(), self.len)
    }
}

impl<T> Index<usize> for TieredVec<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        self.get(index).expect("an index below the length")
    }
}

impl<T> IndexMut<usize> for TieredVec<T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        let (tier, offset) = self.place(index).expect("an index below the length");
        &mut self.tiers[tier][offset]
    }
}

/// Some of the items, from either end.
pub(crate) struct Iter<'a, T> {
    front: slice::Iter<'a, T>,
    tiers: slice::Iter<'a, Vec<T>>,
    back: slice::Iter<'a, T>,
    left: usize,
}

impl<T> Default for Iter<'_, T> {
    fn default() -> Self {
        Iter {
            front: slice::Iter::default(),
            tiers: slice::Iter::default(),
            back: slice::Iter::default(),
            left: 0,
        }
    }
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter {
            front: self.front.clone(),
            tiers: self.tiers.clone(),
            back: self.back.clone(),
            left: self.left,
        }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(item) = self.front.next() {
                return Some(item);
            }
            match self.tiers.next() {
                Some(tier) => self.front = tier.iter(),
                None => return self.back.next(),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(item) = self.back.next_back() {
                return Some(item);
            }
            match self.tiers.next_back() {
                Some(tier) => self.back = tier.iter(),
                None => return self.front.next_back(),
            }
        }
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}
impl<T> std::iter::FusedIterator for Iter<'_, T> {}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{TIER_LEN, TieredVec};

    #[derive(Clone, Debug)]
    enum Op {
        Insert(usize),
        /// So many at one place, at either end most often.
        Fill(usize, usize),
        Remove(usize),
        Drain(usize, usize),
        /// Cuts at one place, and puts the parts together the other way round.
        Turn(usize),
        Retain(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        let at = || prop_oneof![Just(0), Just(usize::MAX), any::<usize>()];
        prop_oneof![
            3 => at().prop_map(Op::Insert),
            3 => (at(), 1..400usize).prop_map(|(at, count)| Op::Fill(at, count)),
            3 => at().prop_map(Op::Remove),
            2 => (at(), 1..300usize).prop_map(|(at, count)| Op::Drain(at, count)),
            1 => at().prop_map(Op::Turn),
            1 => (2..5usize).prop_map(Op::Retain),
        ]
    }

    fn check(tiered: &TieredVec<usize>, model: &[usize]) {
        assert!(tiered.iter().eq(model) && tiered.iter().rev().eq(model.iter().rev()));
        assert_eq!(
            (tiered.len(), tiered.iter().len()),
            (model.len(), model.len())
        );
        assert_eq!(
            (tiered.front(), tiered.back()),
            (model.first(), model.last())
        );
        for begin in (0..=model.len()).step_by(97) {
            assert_eq!(tiered.get(begin), model.get(begin));
            for end in (begin..model.len() + 2).step_by(61) {
                let part = &model[begin..end.min(model.len())];
                let range = tiered.range(begin, end);
                assert!(range.clone().eq(part) && range.rev().eq(part.iter().rev()));
            }
        }
        assert!(tiered.stretches().flatten().eq(model));
        assert!(
            tiered
                .stretches()
                .all(|tier| (1..=TIER_LEN).contains(&tier.len()))
        );
        let capacity: usize = tiered.tiers.iter().map(Vec::capacity).sum();
        assert_eq!(tiered.capacity, capacity);
    }

    proptest! {
        #[test]
        fn random_changes_agree_with_a_vec(ops in vec(op(), 1..40)) {
            let (mut tiered, mut model) = (TieredVec::default(), Vec::new());
            let mut fresh = 0;
            for op in ops {
                match op {
                    Op::Insert(at) => {
                        let at = at % (model.len() + 1);
                        tiered.insert(at, fresh);
                        model.insert(at, fresh);
                    }
                    Op::Fill(at, count) => {
                        let at = at.min(model.len());
                        for step in 0..count {
                            let at = if at == 0 { 0 } else { at + step };
                            tiered.insert(at, fresh + step);
                            model.insert(at, fresh + step);
                        }
                        fresh += count;
                    }
                    Op::Remove(at) => {
                        let at = at.min(model.len());
                        let expected = (at < model.len()).then(|| model.remove(at));
                        prop_assert_eq!(tiered.remove(at), expected);
                    }
                    Op::Drain(at, count) => {
                        let at = at % (model.len() + 1);
                        for _ in 0..count.min(model.len() - at) {
                            prop_assert_eq!(tiered.remove(at), Some(model.remove(at)));
                        }
                    }
                    Op::Turn(at) => {
                        let at = at % (model.len() + 1);
                        let mut tail = tiered.split_off(at);
                        check(&tail, &model[at..]);
                        check(&tiered, &model[..at]);
                        tail.append(tiered);
                        tiered = tail;
                        model.rotate_left(at);
                    }
                    Op::Retain(part) => {
                        tiered.retain(|item| item % part != 0);
                        model.retain(|item| item % part != 0);
                    }
                }
                fresh += 1;
                if let Some(item) = tiered.back_mut() {
                    *item += 1_000_000;
                    *model.last_mut().expect("as long") += 1_000_000;
                }
                check(&tiered, &model);
            }
            check(&tiered.clone(), &model);
        }
    }

    #[test]
    fn tiers_are_full_where_items_come_at_the_ends_and_few_where_most_have_gone() {
        let mut tiered = TieredVec::default();
        for item in 0..100 * TIER_LEN {
            tiered.insert(tiered.len(), item);
        }
        assert_eq!(tiered.stretches().len(), 100);
        for item in 0..100 * TIER_LEN {
            tiered.insert(0, item);
        }
        assert_eq!(tiered.stretches().len(), 200);
        for at in 0..200 * TIER_LEN - 200 {
            tiered.remove((at * 7919) % tiered.len());
        }
        assert_eq!(tiered.len(), 200);
        assert!(tiered.stretches().len() <= 8);
    }
}
