//! The options of the commands that choose a range of elements.

use std::ops::{Bound, Range};

use perilune_command::{Arguments, CommandError, errors, integer, is_token};
use perilune_value::{Collection, LexBound, LexRange, ScoreRange, SortedSet, parse_f64_laxly};

/// `1.5`, or `(1.5`.
fn score_bound(argument: &[u8]) -> Option<Bound<f64>> {
    match argument {
        [b'(', score @ ..] => parse_f64_laxly(score).map(Bound::Excluded),
        score => parse_f64_laxly(score).map(Bound::Included),
    }
}

/// A range of scores.
pub fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, CommandError> {
    match (score_bound(min), score_bound(max)) {
        (Some(min), Some(max)) => Ok(ScoreRange { min, max }),
        _ => Err(CommandError::new("ERR min or max is not a float")),
    }
}

/// `-`, `[member`, `(member` or `+`. What stands behind a NUL the reference does not see where it looks for the end.
fn lex_bound(argument: &[u8]) -> Option<LexBound<'_>> {
    match argument {
        [b'-'] | [b'-', 0, ..] => Some(LexBound::First),
        [b'+'] | [b'+', 0, ..] => Some(LexBound::Last),
        [b'[', member @ ..] => Some(LexBound::Included(member)),
        [b'(', member @ ..] => Some(LexBound::Excluded(member)),
        _ => None,
    }
}

/// A range of members.
pub fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, CommandError> {
    match (lex_bound(min), lex_bound(max)) {
        (Some(min), Some(max)) => Ok(LexRange { min, max }),
        _ => Err(CommandError::new(
            "ERR min or max not valid string range item",
        )),
    }
}

/// The ranks from `start` to `stop`, both included, negative ones counted from the end.
pub fn ranks(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_start = |index: i64| if index < 0 { len + index } else { index };
    let (start, stop) = (from_start(start).max(0), from_start(stop).min(len - 1));
    if start > stop {
        return 0..0;
    }
    start as usize..stop as usize + 1
}

/// What elements are chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Their ranks.
    Rank,
    /// Their scores.
    Score,
    /// Their members.
    Member,
}

/// What a command has decided that others leave to options.
#[derive(Debug, Clone, Copy, Default)]
pub struct Form {
    /// What elements are chosen by, if BYSCORE and BYLEX do not say.
    pub by: Option<Key>,
    /// Whether from the end, if REV does not say.
    pub reversed: Option<bool>,
    /// Whether they are stored: then there is no WITHSCORES.
    pub stores: bool,
}

/// Which elements, and in which order.
#[derive(Debug)]
pub struct Query<'a> {
    by: Between<'a>,
    /// Whether from the last one on.
    pub reversed: bool,
    /// WITHSCORES.
    pub with_scores: bool,
    offset: i64,
    /// All where negative.
    count: i64,
}

#[derive(Debug)]
enum Between<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Members(LexRange<'a>),
}

impl<'a> Query<'a> {
    /// Reads the arguments from number `first` on: two bounds and the options.
    pub fn parse(
        arguments: &'a [&'a [u8]],
        first: usize,
        form: Form,
    ) -> Result<Self, CommandError> {
        let (mut by, mut reversed) = (form.by, form.reversed);
        let (mut with_scores, mut offset, mut count) = (false, 0, -1);
        let mut words = Arguments::from(arguments, first + 2);
        while let Some(word) = words.next() {
            if !form.stores && is_token(word, "WITHSCORES") {
                with_scores = true;
            } else if is_token(word, "LIMIT") && words.remaining() >= 2 {
                offset = words.integer()?;
                count = words.integer()?;
            } else if reversed.is_none() && is_token(word, "REV") {
                reversed = Some(true);
            } else if by.is_none() && is_token(word, "BYLEX") {
                by = Some(Key::Member);
            } else if by.is_none() && is_token(word, "BYSCORE") {
                by = Some(Key::Score);
            } else {
                return Err(errors::SYNTAX);
            }
        }
        let (by, reversed) = (by.unwrap_or(Key::Rank), reversed.unwrap_or(false));
        if count != -1 && by == Key::Rank {
            let text = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
            return Err(CommandError::new(text));
        }
        if with_scores && by == Key::Member {
            let text = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
            return Err(CommandError::new(text));
        }
        // what is taken from the end is bounded by the greater one first
        let (min, max) = match (by, reversed) {
            (Key::Score | Key::Member, true) => (arguments[first + 1], arguments[first]),
            _ => (arguments[first], arguments[first + 1]),
        };
        let by = match by {
            Key::Rank => Between::Ranks(integer(min)?, integer(max)?),
            Key::Score => Between::Scores(score_range(min, max)?),
            Key::Member => Between::Members(lex_range(min, max)?),
        };
        Ok(Self {
            by,
            reversed,
            with_scores,
            offset,
            count,
        })
    }

    /// Whether elements are chosen by their ranks.
    pub fn is_by_rank(&self) -> bool {
        matches!(self.by, Between::Ranks(..))
    }

    /// The ranks of the elements that are meant, in ascending order.
    pub fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let len = set.len();
        let found = match &self.by {
            Between::Ranks(start, stop) => {
                let ranks = ranks(*start, *stop, len);
                return match self.reversed {
                    true => len - ranks.end..len - ranks.start,
                    false => ranks,
                };
            }
            Between::Scores(range) => set.score_ranks(range),
            Between::Members(range) => set.lex_ranks(range, self.reversed),
        };
        self.limit(found, set.is_packed())
    }

    /// What offset and count leave of a range.
    fn limit(&self, found: Range<usize>, is_packed: bool) -> Range<usize> {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        let found_len = found.len();
        let before_end = |distance: usize| found.end - distance.min(found_len);
        match (usize::try_from(self.offset), self.reversed) {
            (Ok(offset), false) => {
                let start = (found.start + offset.min(found_len)).min(found.end);
                start..found.end.min(start.saturating_add(count))
            }
            (Ok(offset), true) => {
                let end = before_end(offset);
                found.start.max(end.saturating_sub(count))..end
            }
            (Err(_), _) if is_packed => 0..0,
            // The reference takes a negative offset of a big set from the far end of the range, and goes on from there
            // in the same direction.
            (Err(_), reversed) => {
                let distance = usize::try_from(self.offset.unsigned_abs()).unwrap_or(usize::MAX);
                if distance > found_len {
                    return 0..0;
                }
                if reversed {
                    let end = found.start + distance;
                    found.start.max(end.saturating_sub(count))..end
                } else {
                    let start = before_end(distance);
                    start..found.end.min(start.saturating_add(count))
                }
            }
        }
    }
}
