//! Integers in packed hashes that are counted up and down in their place.

use super::edit::INT_LEN_MAX;
use super::packed::PackPlace;
use super::{Encoding, Hash};
use crate::edit::{InPlace, Limits};

/// An integer in a hash. Valid until the hash is changed.
#[derive(Debug, Clone, Copy)]
pub struct Counter {
    at: PackPlace,
    value: i64,
}

impl Counter {
    /// The integer.
    #[inline]
    pub fn value(self) -> i64 {
        self.value
    }
}

impl Hash {
    /// The integer in a field, where [`InPlace::set_counter`] may do: the hash is packed and stays so, nothing in it
    /// expires, and there is an integer.
    #[inline]
    pub fn counter(&self, name: &[u8], limits: &Limits) -> Option<Counter> {
        let Encoding::Packed(pack) = &self.0 else {
            return None;
        };
        let len_max = limits.hash_max_listpack_value;
        let stays_packed = name.len() <= len_max
            && INT_LEN_MAX <= len_max
            && pack.would_fit(name.len() + INT_LEN_MAX)
            && pack.len() <= limits.hash_max_listpack_entries;
        if !stays_packed {
            return None;
        }
        let (at, value) = pack.int_of(pack.find(name)?)?;
        Some(Counter { at, value })
    }
}

impl InPlace<'_, Hash> {
    /// Sets an integer to another. False, and nothing is changed, where that is shorter or longer than it was.
    #[inline]
    pub fn set_counter(&mut self, counter: Counter, value: i64) -> bool {
        match &mut self.0.0 {
            Encoding::Packed(pack) => pack.set_int(counter.at, value),
            Encoding::Expiring(_) | Encoding::Table(_) => false,
        }
    }
}
