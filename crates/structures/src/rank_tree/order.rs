//! Order: a score as an integer, and what a tree asks of the owner of its items.

use crate::entry_map::Handle;

const SIGN: u64 = 1 << 63;

/// A score as an integer of the same order; -0.0 and 0.0 are one. A score with few significant digits keeps its
/// trailing zeros, whatever its sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order(pub(super) u64);

impl Order {
    /// The order of a score, which is not NaN.
    #[inline]
    pub(crate) fn of(score: f64) -> Order {
        debug_assert!(!score.is_nan());
        let bits = score.to_bits();
        Order(match bits & SIGN {
            0 => SIGN + bits,
            _ => SIGN - (bits - SIGN),
        })
    }
}

/// What is in a tree: a member, with its score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) order: Order,
    pub(crate) handle: Handle,
}

/// The owner of a tree's items, which knows their members and scores.
pub(crate) trait Members {
    /// The member's bytes.
    fn member(&self, handle: Handle) -> &[u8];

    /// The order of the member's score.
    fn order(&self, handle: Handle) -> Order;

    /// Asks for the member's memory, as a hint.
    fn prefetch(&self, handle: Handle);
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
        assert!(
            scores
                .windows(2)
                .all(|pair| Order::of(pair[0]) < Order::of(pair[1]))
        );
        assert_eq!(Order::of(-0.0), Order::of(0.0));
        assert_eq!(Order::of(-3.0).0.trailing_zeros(), 51);
    }
}
