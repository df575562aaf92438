//! What tests of several modules share.

use crate::KeyHash;

/// FNV-1a with a final mix, of which only the bits of `mask` are kept: a small mask makes collisions.
#[derive(Clone, Copy)]
pub(crate) struct Hasher {
    pub(crate) mask: u64,
}

impl KeyHash for Hasher {
    fn hash_key(&self, key: &[u8]) -> u64 {
        let hash = key.iter().fold(0xCBF2_9CE4_8422_2325u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        (hash ^ hash >> 29)
            .wrapping_mul(0xBF58_476D_1CE4_E5B9)
            .rotate_left(31)
            & self.mask
    }
}
