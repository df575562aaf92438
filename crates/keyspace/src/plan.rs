//! Which stripes a transaction needs.

use perilune_structures::KeyHash;
use smallvec::SmallVec;

/// The number of stripes: enough that two of some dozens of threads seldom meet by chance, few enough that
/// taking all of them costs tens of microseconds.
pub const STRIPE_COUNT: usize = 1024;

const STRIPE_BITS: u32 = STRIPE_COUNT.trailing_zeros();
const _: () = assert!(STRIPE_COUNT.is_power_of_two() && STRIPE_COUNT <= u16::MAX as usize + 1);

/// Names one stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StripeIndex(u16);

impl StripeIndex {
    /// The stripe in which keys with this hash live, in whichever database.
    pub fn of_hash(hash: u64) -> Self {
        // the top bits: the tables inside a stripe use the low ones
        Self((hash >> (64 - STRIPE_BITS)) as u16)
    }

    /// The stripe number `index`.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn new(index: usize) -> Self {
        assert!(index < STRIPE_COUNT);
        Self(index as u16)
    }

    /// The number of this stripe.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

/// Hashes keys, with a seed of its own in every process: who sends keys must not be able to choose their stripes and buckets.
#[derive(Debug, Clone)]
pub struct KeyHasher {
    state: ahash::RandomState,
}

impl KeyHasher {
    /// A hasher with a random seed.
    pub fn random() -> Self {
        Self {
            state: ahash::RandomState::new(),
        }
    }

    /// A hasher with a given seed, for tests that must repeat.
    pub fn with_seed(seed: u64) -> Self {
        Self {
            state: ahash::RandomState::with_seeds(
                seed,
                !seed,
                seed.rotate_left(17),
                seed ^ 0x9e37_79b9_7f4a_7c15,
            ),
        }
    }
}

impl KeyHash for KeyHasher {
    fn hash_key(&self, key: &[u8]) -> u64 {
        self.state.hash_one(key)
    }
}

/// The stripes that a transaction takes before it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockPlan {
    /// These, in ascending order, each once. None, for a command without keys.
    Some(SmallVec<[StripeIndex; 4]>),
    /// Every one.
    All,
}

impl LockPlan {
    /// The plan without any stripe.
    pub fn none() -> Self {
        Self::Some(SmallVec::new())
    }

    /// The plan for a single key.
    pub fn one(stripe: StripeIndex) -> Self {
        let mut stripes = SmallVec::new();
        stripes.push(stripe);
        Self::Some(stripes)
    }

    /// The plan for all of these, in any order and with repetitions.
    pub fn of(stripes: impl IntoIterator<Item = StripeIndex>) -> Self {
        let mut stripes: SmallVec<[StripeIndex; 4]> = stripes.into_iter().collect();
        stripes.sort_unstable();
        stripes.dedup();
        Self::Some(stripes)
    }

    /// What either plan takes.
    pub fn union(self, other: LockPlan) -> Self {
        match (self, other) {
            (Self::Some(a), Self::Some(b)) => Self::of(a.into_iter().chain(b)),
            _ => Self::All,
        }
    }
}
