//! How members of collections are hashed.

use std::sync::LazyLock;

use perilune_structures::KeyHash;

/// One seed for the whole process: a collection need not keep its own, and who sends members must not be able to
/// choose their buckets.
static SEED: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);

/// Hashes the members of collections.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemberHasher;

impl KeyHash for MemberHasher {
    #[inline]
    fn hash_key(&self, key: &[u8]) -> u64 {
        SEED.hash_one(key)
    }
}
