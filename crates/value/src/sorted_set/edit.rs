//! What changes a sorted set, and what takes that back.

use std::ops::Range;

use perilune_structures::{At, Excerpt, Item};

use super::packed::Packed;
use super::{Encoding, SortedSet};
use crate::edit::{Collection, Edit, Inverse, Limits};

/// When and how [`Edit::add`](Edit<SortedSet>::add) gives a member its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adding {
    /// NX: only a member that is not there.
    pub if_absent: bool,
    /// XX: only a member that is there.
    pub if_present: bool,
    /// GT: one that is there only if that makes its score greater.
    pub if_greater: bool,
    /// LT: one that is there only if that makes its score less.
    pub if_less: bool,
    /// The score is added to the one that the member has, if any.
    pub increment: bool,
}

/// What has become of a member that was to be added; with the score that it has now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Added {
    /// A condition was not met.
    Refused,
    /// The sum of both scores is no number. Nothing has changed.
    NotANumber,
    /// It was not there.
    New(f64),
    /// It had another score.
    Rescored(f64),
    /// It had the same score.
    Same(f64),
}

/// What takes a change of a sorted set back.
#[derive(Debug)]
pub enum SortedSetInverse {
    /// The set is packed, and a stretch of it was this one.
    Packed(Excerpt),
    /// The member was not there.
    Remove(Box<[u8]>),
    /// The member was there with this score.
    Put(Box<[u8]>, f64),
    /// These members were there.
    PutAll(Removed),
}

impl SortedSetInverse {
    /// Bytes that it holds.
    pub fn memory_bytes(&self) -> usize {
        match self {
            SortedSetInverse::Packed(excerpt) => excerpt.heap_bytes(),
            SortedSetInverse::Remove(member) | SortedSetInverse::Put(member, _) => member.len(),
            SortedSetInverse::PutAll(removed) => removed.bytes.len(),
        }
    }
}

impl From<SortedSetInverse> for Inverse {
    fn from(inverse: SortedSetInverse) -> Inverse {
        Inverse::SortedSet(inverse)
    }
}

/// Elements that were removed together, one behind the other: score, length of the member, member.
#[derive(Debug)]
pub struct Removed {
    bytes: Box<[u8]>,
}

impl Removed {
    fn of<'a>(elements: impl Iterator<Item = (Item<'a>, f64)>) -> Self {
        let mut bytes = Vec::new();
        let mut digits = itoa::Buffer::new();
        for (member, score) in elements {
            let member = member.bytes(&mut digits);
            bytes.extend_from_slice(&score.to_le_bytes());
            bytes.extend_from_slice(&member.len().to_le_bytes());
            bytes.extend_from_slice(member);
        }
        Self {
            bytes: bytes.into(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], f64)> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (score, behind) = rest.split_first_chunk()?;
            let (len, behind) = behind.split_first_chunk()?;
            let (member, behind) = behind.split_at(usize::from_le_bytes(*len));
            rest = behind;
            Some((member, f64::from_le_bytes(*score)))
        })
    }
}

impl SortedSet {
    pub(super) fn take_back(&mut self, inverse: SortedSetInverse) {
        match (&mut self.0, inverse) {
            (Encoding::Packed(packed), SortedSetInverse::Packed(excerpt)) => {
                packed.0.put_back(&excerpt);
            }
            (Encoding::Ranked(map), SortedSetInverse::Remove(member)) => {
                map.remove(&member);
            }
            (Encoding::Ranked(map), SortedSetInverse::Put(member, score)) => {
                map.insert_or_update(&member, score);
            }
            (Encoding::Ranked(map), SortedSetInverse::PutAll(removed)) => {
                for (member, score) in removed.iter() {
                    map.insert_or_update(member, score);
                }
            }
            (_, inverse) => unreachable!("{inverse:?} is of another encoding"),
        }
    }

    /// Whether the packed encoding may take another member.
    fn may_stay_packed(packed: &Packed, member: &[u8], limits: &Limits) -> bool {
        packed.len() < limits.zset_max_listpack_entries
            && member.len() <= limits.zset_max_listpack_value
            && packed.0.would_fit(member.len())
    }
}

impl Adding {
    /// The score that a member gets which has one.
    #[inline]
    fn rescored(self, old: f64, score: f64) -> Added {
        if self.if_absent {
            return Added::Refused;
        }
        let score = if self.increment { old + score } else { score };
        if score.is_nan() {
            Added::NotANumber
        } else if self.if_less && score >= old || self.if_greater && score <= old {
            Added::Refused
        } else if score == old {
            Added::Same(score)
        } else {
            Added::Rescored(score)
        }
    }
}

impl Edit<'_, SortedSet> {
    /// Says that `count` members are going to be added, none of them longer than `len_max` bytes: turns to the bigger
    /// encoding if these alone are too much for the packed one. The reference does so whatever becomes of them.
    pub fn expect(&mut self, count: usize, len_max: usize) {
        let limits = self.limits();
        if self.is_packed()
            && (count > limits.zset_max_listpack_entries
                || len_max > limits.zset_max_listpack_value)
        {
            self.convert(|set| SortedSet::ranked(set.iter()));
        }
    }

    /// Gives a member a score, which is not NaN, if it may.
    pub fn add(&mut self, member: &[u8], score: f64, how: Adding) -> Added {
        match &self.0 {
            Encoding::Packed(packed) => match packed.find_to_add(member) {
                Some((at, old)) => {
                    let added = how.rescored(old, score);
                    if let Added::Rescored(score) = added {
                        let changes = self.changes();
                        self.change_packed(Some(at), 1).remove(at, 1);
                        self.insert_packed(member, score);
                        self.count_as(changes + 1);
                    }
                    return added;
                }
                None if how.if_present => return Added::Refused,
                None if !SortedSet::may_stay_packed(packed, member, self.limits()) => {
                    self.convert(|set| SortedSet::ranked(set.iter()));
                }
                None => {
                    self.insert_packed(member, score);
                    return Added::New(score);
                }
            },
            Encoding::Ranked(_) => {}
        }
        self.add_ranked(member, score, how)
    }

    /// A packed set, to change so many elements from the one on whose member is at `at`, or to insert one there.
    #[inline]
    fn change_packed(&mut self, at: Option<At>, count: usize) -> &mut Packed {
        let set = self.change(|set| match &set.0 {
            Encoding::Packed(packed) => SortedSetInverse::Packed(packed.0.excerpt(at, count * 2)),
            Encoding::Ranked(_) => unreachable!("the caller has looked that the set is packed"),
        });
        match &mut set.0 {
            Encoding::Packed(packed) => packed,
            Encoding::Ranked(_) => unreachable!("the caller has looked that the set is packed"),
        }
    }

    /// Adds an element to a packed set that has room for it, and not its member.
    fn insert_packed(&mut self, member: &[u8], score: f64) {
        let Encoding::Packed(packed) = &self.0 else {
            unreachable!("the caller has looked that the set is packed");
        };
        let place = packed.place_of(member, score);
        self.change_packed(place, 0).insert(place, member, score);
    }

    /// As [`Edit::add`](Edit<SortedSet>::add), to a set that is not packed.
    fn add_ranked(&mut self, member: &[u8], score: f64, how: Adding) -> Added {
        let Encoding::Ranked(map) = &self.0 else {
            unreachable!("the set has just left the packed encoding");
        };
        let seat = map.seat(member);
        let (added, inverse) = match map.score_at(&seat) {
            Some(old) => (how.rescored(old, score), Some(old)),
            None if how.if_present => (Added::Refused, None),
            None => (Added::New(score), None),
        };
        if let Added::New(score) | Added::Rescored(score) = added {
            let set = self.change(|_| match inverse {
                Some(old) => SortedSetInverse::Put(member.into(), old),
                None => SortedSetInverse::Remove(member.into()),
            });
            if let Encoding::Ranked(map) = &mut set.0 {
                map.put_at(seat, member, score);
            }
        }
        added
    }

    /// Removes a member. Whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &self.0 {
            Encoding::Packed(packed) => {
                let Some((at, _)) = packed.find(member) else {
                    return false;
                };
                self.change_packed(Some(at), 1).remove(at, 1);
            }
            Encoding::Ranked(map) => {
                let seat = map.seat(member);
                let Some(score) = map.score_at(&seat) else {
                    return false;
                };
                let set = self.change(|_| SortedSetInverse::Put(member.into(), score));
                if let Encoding::Ranked(map) = &mut set.0 {
                    map.remove_at(seat, member);
                }
            }
        }
        true
    }

    /// Removes the elements of these ranks, all of which are there. Each counts as a change.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        if ranks.is_empty() {
            return;
        }
        self.count_changes(ranks.len() as u64 - 1);
        if let Encoding::Packed(packed) = &self.0 {
            if let Some(at) = packed.at(ranks.start) {
                let count = ranks.len();
                self.change_packed(Some(at), count).remove(at, count);
            }
            return;
        }
        let set = self.change(|set| {
            SortedSetInverse::PutAll(Removed::of(set.elements(ranks.clone(), false)))
        });
        if let Encoding::Ranked(map) = &mut set.0 {
            map.remove_range(ranks, |_, _| {});
        }
    }
}
