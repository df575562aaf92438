//! Target: a place between the items of a tree.
//!
//! Items are in the order of their scores, and among equal scores in the order of their members' bytes.

use std::cmp::Ordering;

use super::order::{Members, Order};
use crate::entry_map::Handle;

/// A place between items: behind all that are less, in front of all others. With `after`, behind those that are
/// equal, too.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// The place of all items with this score.
    Score { order: Order, after: bool },
    /// The place of this member with this score.
    Item {
        order: Order,
        member: &'a [u8],
        after: bool,
    },
    /// The place of this member in a tree where all scores are equal.
    Member { member: &'a [u8], after: bool },
}

/// A sorted array of items, as a search sees it.
pub(super) trait Run {
    fn handles(&self) -> &[Handle];
    /// How many are less than `order`.
    fn less(&self, order: Order, members: &impl Members) -> usize;
    /// How many are not greater than `order`, if so many are less.
    fn not_greater(&self, order: Order, less: usize, members: &impl Members) -> usize;
}

impl Target<'_> {
    /// How many items are in front of the place.
    #[inline]
    pub(super) fn position(&self, run: &impl Run, members: &impl Members) -> usize {
        match *self {
            Target::Score { order, after } => {
                let start = run.less(order, members);
                match after {
                    true => run.not_greater(order, start, members),
                    false => start,
                }
            }
            Target::Item {
                order,
                member,
                after,
            } => {
                let start = run.less(order, members);
                let end = run.not_greater(order, start, members);
                match end - start {
                    0 => start,
                    _ => start + position_of(member, after, &run.handles()[start..end], members),
                }
            }
            Target::Member { member, after } => position_of(member, after, run.handles(), members),
        }
    }
}

/// How many of these items, which have one score, are in front of a member's place.
fn position_of(member: &[u8], after: bool, handles: &[Handle], members: &impl Members) -> usize {
    handles.partition_point(|&handle| match members.member(handle).cmp(member) {
        Ordering::Less => true,
        Ordering::Equal => after,
        Ordering::Greater => false,
    })
}
