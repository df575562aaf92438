//! Grid: the scores of a leaf in 32 bits each.
//!
//! ```text
//!   orders  0 .......................................................................... 2^64
//!                      |       :                           |
//!                    start     : items                   start + 2^32 steps
//!                              :
//!                     key of an order = (order - start) / step, rounded down;  step = 2^shift
//! ```
//!
//! The items of a leaf are neighbours, so the distance between their scores is small beside the scores. Rounding
//! down keeps them in order. Where two keys are equal the scores themselves decide, and the leaf's owner knows
//! them; but where all scores are multiples of the step, as integers usually are, equal keys are equal scores.
//!
//! Otherwise the step is about the least that lets the items lie within 2^`SPREAD_BITS` steps, so that others can
//! come on both sides. Windows start at multiples of half their length. So neighbours mostly have the same grid, and
//! then items are moved between them as they are.

use super::order::Order;

/// Items that are put on a new grid are within so many steps, as a power of two.
const SPREAD_BITS: u32 = 24;
/// The same where all are multiples of the step.
const EXACT_SPREAD_BITS: u32 = 28;
/// The shift of an inexact grid is a multiple of this.
const SHIFT_STEP: u32 = 4;
/// A window is 2 to this steps wide.
const WINDOW_BITS: u32 = 32;
/// With this shift the window is all there is.
const SHIFT_MAX: u32 = 64 - WINDOW_BITS;

const _: () = assert!(SHIFT_MAX.is_multiple_of(SHIFT_STEP));
const _: () = assert!(SPREAD_BITS < EXACT_SPREAD_BITS && EXACT_SPREAD_BITS < WINDOW_BITS - 1);

/// Where an order is on a grid.
pub(super) enum Place {
    /// Before its window.
    Before,
    /// In it; with `exact`, it is a multiple of the step.
    At { key: u32, exact: bool },
    /// Behind its window.
    Behind,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    start: u64,
    shift: u8,
    /// All items are multiples of the step.
    exact: bool,
}

impl Grid {
    /// A grid without items.
    pub(super) const EMPTY: Grid = Grid {
        start: 0,
        shift: 0,
        exact: true,
    };

    /// A grid for items between two orders, whose orders have all these bits in common or zero.
    pub(super) fn new(least: Order, greatest: Order, bits: u64) -> Grid {
        let spread_bits = u64::BITS - (greatest.0 - least.0).leading_zeros();
        // what all share, as integers do, makes an exact grid
        let exact_shift = bits.trailing_zeros().min(SHIFT_MAX);
        let shift = if spread_bits <= exact_shift + EXACT_SPREAD_BITS {
            exact_shift
        } else {
            let least = spread_bits - SPREAD_BITS;
            least.next_multiple_of(SHIFT_STEP).min(SHIFT_MAX)
        };
        let half_window = shift + WINDOW_BITS - 1;
        Grid {
            start: least.0 >> half_window << half_window,
            shift: shift as u8,
            exact: exact_shift >= shift,
        }
    }

    #[inline]
    pub(super) fn is_exact(self) -> bool {
        self.exact
    }

    #[inline]
    pub(super) fn place(self, order: Order) -> Place {
        if order.0 < self.start {
            return Place::Before;
        }
        let from_start = order.0 - self.start;
        match u32::try_from(from_start >> self.shift) {
            Ok(key) => Place::At {
                key,
                exact: from_start.trailing_zeros() >= u32::from(self.shift),
            },
            Err(_) => Place::Behind,
        }
    }

    /// The order of a key, on an exact grid.
    #[inline]
    pub(super) fn order(self, key: u32) -> Order {
        debug_assert!(self.exact);
        Order(self.start + (u64::from(key) << self.shift))
    }

    /// Whether both have the same window and step.
    pub(super) fn same_keys(self, other: Grid) -> bool {
        self.start == other.start && self.shift == other.shift
    }

    /// Takes items in from a grid with the same keys.
    pub(super) fn join(&mut self, other: Grid) {
        self.exact &= other.exact;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The grid of these scores, which must be within its window.
    fn grid(scores: &[f64]) -> Grid {
        let orders = || scores.iter().map(|&score| Order::of(score));
        let bits = orders().fold(0, |bits, order| bits | order.0);
        let grid = Grid::new(orders().min().unwrap(), orders().max().unwrap(), bits);
        for order in orders() {
            let Place::At { key, exact } = grid.place(order) else {
                panic!("{order:?} is outside of {grid:?}")
            };
            if grid.exact {
                assert!(exact);
                assert_eq!(grid.order(key), order);
            }
        }
        grid
    }

    #[test]
    fn integers_are_exact() {
        let time_ms = 1.75e12;
        assert!(grid(&[time_ms, time_ms + 1.0, time_ms + 86_400_000.0]).exact);
        assert!(grid(&[0.0, 1.0, 1e6]).exact);
        assert!(grid(&[-1e6, -7.0]).exact);
        assert!(grid(&[0.1, 0.1 + f64::EPSILON]).exact);
        assert!(!grid(&[0.1, 0.2, 0.3]).exact);
        assert!(!grid(&[0.1, 1e300]).exact);
    }

    #[test]
    fn any_scores_fit() {
        grid(&[f64::NEG_INFINITY, 5e-324, f64::INFINITY]);
        grid(&[-5e-324, 0.0, 5e-324]);
        grid(&[f64::MAX, f64::INFINITY]);
        grid(&[f64::NEG_INFINITY]);
    }

    #[test]
    fn neighbours_have_the_same_grid() {
        let (a, b) = (grid(&[0.60001, 0.60002]), grid(&[0.60003, 0.60004]));
        assert!(a.same_keys(b), "{a:?} {b:?}");
    }

    #[test]
    fn there_is_room_on_both_sides() {
        let grid = grid(&[0.5, 0.50001]);
        assert!(matches!(grid.place(Order::of(0.5009)), Place::At { .. }));
        assert!(matches!(grid.place(Order::of(0.6)), Place::Behind));
        assert!(matches!(grid.place(Order::of(0.3)), Place::Before));
    }
}
