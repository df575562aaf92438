//! Which elements of a sorted set one means: by score, or by member where all scores are equal.

use std::cmp::Ordering;
use std::ops::Bound;

/// Scores between two bounds, neither of them NaN nor unbounded (infinity is a score like any other).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRange {
    /// The lower bound.
    pub min: Bound<f64>,
    /// The upper bound.
    pub max: Bound<f64>,
}

impl ScoreRange {
    /// Whether a score is not below the range.
    #[inline]
    pub fn reaches(&self, score: f64) -> bool {
        match self.min {
            Bound::Included(min) => score >= min,
            Bound::Excluded(min) => score > min,
            Bound::Unbounded => true,
        }
    }

    /// Whether a score is not above the range.
    #[inline]
    pub fn keeps(&self, score: f64) -> bool {
        match self.max {
            Bound::Included(max) => score <= max,
            Bound::Excluded(max) => score < max,
            Bound::Unbounded => true,
        }
    }

    /// Whether no score at all is in it.
    pub fn is_void(&self) -> bool {
        match (self.min, self.max) {
            (Bound::Included(min), Bound::Included(max)) => min > max,
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (
                Bound::Included(min) | Bound::Excluded(min),
                Bound::Included(max) | Bound::Excluded(max),
            ) => min >= max,
        }
    }
}

/// A bound among members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before all members.
    First,
    /// `[member`: this member belongs to the range.
    Included(&'a [u8]),
    /// `(member`: this member does not.
    Excluded(&'a [u8]),
    /// `+`: behind all members.
    Last,
}

impl LexBound<'_> {
    /// How a member lies to it; equal only where it is the bound's own.
    fn of_member(&self, member: &[u8]) -> Ordering {
        match *self {
            LexBound::First => Ordering::Greater,
            LexBound::Included(bound) | LexBound::Excluded(bound) => member.cmp(bound),
            LexBound::Last => Ordering::Less,
        }
    }
}

/// Members between two bounds, in the order of their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The lower bound.
    pub min: LexBound<'a>,
    /// The upper bound.
    pub max: LexBound<'a>,
}

impl LexRange<'_> {
    /// Whether a member is not below the range.
    #[inline]
    pub fn reaches(&self, member: &[u8]) -> bool {
        match self.min.of_member(member) {
            Ordering::Less => false,
            Ordering::Equal => matches!(self.min, LexBound::Included(_)),
            Ordering::Greater => true,
        }
    }

    /// Whether a member is not above the range.
    #[inline]
    pub fn keeps(&self, member: &[u8]) -> bool {
        match self.max.of_member(member) {
            Ordering::Less => true,
            Ordering::Equal => matches!(self.max, LexBound::Included(_)),
            Ordering::Greater => false,
        }
    }

    /// Whether no member at all is in it.
    pub fn is_void(&self) -> bool {
        use LexBound::{Excluded, First, Included, Last};
        match (self.min, self.max) {
            (Last, _) | (_, First) => true,
            (First, _) | (_, Last) => false,
            (Included(min), Included(max)) => min > max,
            (Included(min) | Excluded(min), Included(max) | Excluded(max)) => min >= max,
        }
    }
}
