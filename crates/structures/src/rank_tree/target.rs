//! Target: a place between the items of a tree, and the search for it in a sorted array.
//!
//! Items are in the order of their scores, and among equal scores in the order of their members' bytes. Scores are
//! compared as integers (`Order`), and members are asked for only where scores are equal.

use std::cmp::Ordering;

use crate::entry_map::Handle;

/// What the tree asks of the owner of its items.
pub(crate) trait Items {
    /// The member that this item is.
    fn member(&self, handle: Handle) -> &[u8];
}

/// A score as an integer of the same order; -0.0 and 0.0 are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order(u64);

impl Order {
    /// The order of a score, which is not NaN.
    #[inline]
    pub(crate) fn of(score: f64) -> Order {
        const SIGN: u64 = 1 << 63;
        debug_assert!(!score.is_nan());
        let bits = (score + 0.0).to_bits(); // -0.0 + 0.0 is 0.0
        Order(if bits & SIGN == 0 { bits | SIGN } else { !bits })
    }
}

/// An item of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) order: Order,
    pub(crate) handle: Handle,
}

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

impl Target<'_> {
    /// How many items are in front of the place.
    #[inline]
    pub(super) fn position(
        &self,
        orders: &[Order],
        handles: &[Handle],
        items: &impl Items,
    ) -> usize {
        match *self {
            Target::Score {
                order,
                after: false,
            } => less(orders, order),
            Target::Score { order, after: true } => not_greater(orders, order),
            Target::Item {
                order,
                member,
                after,
            } => {
                let start = less(orders, order);
                if orders.get(start) != Some(&order) {
                    return start;
                }
                let end = not_greater(orders, order);
                let ties = &handles[start..end];
                start
                    + ties.partition_point(|&handle| is_before(items.member(handle), member, after))
            }
            Target::Member { member, after } => {
                handles.partition_point(|&handle| is_before(items.member(handle), member, after))
            }
        }
    }
}

fn is_before(found: &[u8], member: &[u8], after: bool) -> bool {
    match found.cmp(member) {
        Ordering::Less => true,
        Ordering::Equal => after,
        Ordering::Greater => false,
    }
}

/// How many of the sorted `orders` are less than `order`.
#[inline]
fn less(orders: &[Order], order: Order) -> usize {
    orders.partition_point(|&found| found < order)
}

/// How many of the sorted `orders` are not greater than `order`.
#[inline]
fn not_greater(orders: &[Order], order: Order) -> usize {
    orders.partition_point(|&found| found <= order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_ordered_as_scores_are() {
        let scores = [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.5,
            -1.0,
            -f64::MIN_POSITIVE,
            -5e-324,
            0.0,
            5e-324,
            1.0,
            1.0 + f64::EPSILON,
            f64::MAX,
            f64::INFINITY,
        ];
        assert!(scores.is_sorted_by_key(|&score| Order::of(score)));
        assert!(
            scores
                .windows(2)
                .all(|pair| Order::of(pair[0]) != Order::of(pair[1]))
        );
        assert_eq!(Order::of(-0.0), Order::of(0.0));
    }
}
