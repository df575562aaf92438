//! `math.random` with Redis's sequence: the 48-bit generator of POSIX's `lrand48`, so that a seed gives the same
//! numbers on every machine and on every server of the family.

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
const LOW_BITS: u64 = 0x330E;

/// One past the greatest number that [`Random::next`] gives.
const NEXT_END: f64 = 2_147_483_647.0;

/// A generator of pseudo-random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: i32) -> Self {
        Self(u64::from(seed as u32) << 16 | LOW_BITS)
    }

    /// A number in [0, 1), as Redis makes one of its generator.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        let number = (self.0 >> 17) as f64;
        (number % NEXT_END) / NEXT_END
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_reference_servers_sequence() {
        let mut random = Random::new(42);
        assert_eq!(format!("{:.14}", random.next()), "0.74452500033403");
        assert_eq!(format!("{:.14}", random.next()), "0.34270147855519");
        assert_eq!(format!("{:.14}", Random::new(0).next()), "0.17082803611217");
    }
}
