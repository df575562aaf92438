//! Taking elements from an end of a sorted set: what ZPOPMIN, ZPOPMAX, ZMPOP and the blocking commands share.

use std::ops::Range;

use perilune_command::{CommandError, Outcome, errors, is_token};
use perilune_keyspace::{Slot, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, SortedSet};

use super::notify_removal;
use crate::items::reply_item;

/// An end of a sorted set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The lowest scores.
    Min,
    /// The highest scores.
    Max,
}

impl End {
    /// `MIN` or `MAX`.
    pub fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match () {
            () if is_token(word, "MIN") => Ok(End::Min),
            () if is_token(word, "MAX") => Ok(End::Max),
            () => Err(errors::SYNTAX),
        }
    }

    /// The command that takes from this end, as it is repeated elsewhere.
    pub fn command(self) -> &'static str {
        match self {
            End::Min => "ZPOPMIN",
            End::Max => "ZPOPMAX",
        }
    }

    fn event(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }

    /// The ranks of the `count` elements at this end.
    fn ranks(self, count: usize, len: usize) -> Range<usize> {
        match self {
            End::Min => 0..count.min(len),
            End::Max => len - count.min(len)..len,
        }
    }
}

/// How the elements are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Members and scores in turn: ZPOPMIN.
    Flat,
    /// Pairs of member and score: ZPOPMIN with a count, in RESP3.
    Pairs,
    /// The key, and pairs in an array of their own: ZMPOP.
    KeyAndPairs,
    /// The key, one member and its score: BZPOPMIN.
    KeyAndOne,
}

impl Shape {
    fn begin(self, key: &[u8], len: usize, reply: &mut dyn Reply) {
        match self {
            Shape::Flat => reply.array(len * 2),
            Shape::Pairs => reply.array(len),
            Shape::KeyAndPairs => {
                reply.array(2);
                reply.bulk(key);
                reply.array(len);
            }
            Shape::KeyAndOne => {
                reply.array(3);
                reply.bulk(key);
            }
        }
    }
}

/// Takes up to `count` elements, which is not 0, and answers them. The key, whose place this is, holds a sorted set. How
/// many they are: at least one.
pub fn pop(
    slot: &mut Slot<'_, '_>,
    key: &[u8],
    end: End,
    count: usize,
    shape: Shape,
    reply: &mut dyn Reply,
) -> Outcome<usize> {
    let popped = slot.edit::<SortedSet, _>(|set| {
        let ranks = end.ranks(count, set.len());
        shape.begin(key, ranks.len(), reply);
        for (member, score) in set.elements(ranks.clone(), end == End::Max) {
            if matches!(shape, Shape::Pairs | Shape::KeyAndPairs) {
                reply.array(2);
            }
            reply_item(member, reply);
            reply.double(score);
        }
        set.remove_ranks(ranks.clone());
        ranks.len()
    })?;
    notify_removal(slot, end.event());
    Ok(popped)
}

/// Takes up to `count` elements, which is not 0, from the sorted set that `key` holds, and answers the key and them: what
/// ZMPOP and BZMPOP do. Says how that is to be repeated, as who repeats it must not search.
pub fn pop_with_key(
    txn: &mut WriteTxn<'_, '_>,
    key: &[u8],
    end: End,
    count: usize,
    reply: &mut dyn Reply,
) -> Outcome {
    let popped = pop(
        &mut txn.slot(key)?,
        key,
        end,
        count,
        Shape::KeyAndPairs,
        reply,
    )?;
    let mut digits = itoa::Buffer::new();
    let count = digits.format(popped);
    txn.propagate(&[end.command().as_bytes(), key, count.as_bytes()]);
    Ok(())
}
