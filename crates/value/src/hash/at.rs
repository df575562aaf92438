//! A hash as it is at a moment: fields whose time has come are absent, though they may still be in it.

use std::fmt;
use std::ops::Deref;

use super::{Field, Hash, Place};
use crate::edit::Collection;

/// A hash at a moment.
#[derive(Clone, Copy)]
pub struct HashAt<'a> {
    hash: &'a Hash,
    now_ms: i64,
}

impl Hash {
    /// The hash at this moment, in Unix milliseconds. `i64::MIN` will do where no field expires.
    #[inline]
    pub fn at(&self, now_ms: i64) -> HashAt<'_> {
        HashAt { hash: self, now_ms }
    }
}

impl<'a> HashAt<'a> {
    /// The field at a place, if there is one.
    #[inline]
    pub fn at_place(self, place: Place) -> Option<Field<'a>> {
        let field = self.hash.at_place(place)?;
        (!field.is_expired(self.now_ms)).then_some(field)
    }

    /// A field, if there is one of this name.
    #[inline]
    pub fn get(self, field: &[u8]) -> Option<Field<'a>> {
        self.at_place(self.hash.locate(field))
    }

    /// All fields.
    pub fn iter(self) -> impl Iterator<Item = Field<'a>> {
        self.hash
            .iter()
            .filter(move |field| !field.is_expired(self.now_ms))
    }

    /// As [`Hash::scan`], but shows nothing in the place of a field whose time has come: it has been looked at, too.
    pub fn scan(self, cursor: u64, mut visit: impl FnMut(Option<Field<'a>>)) -> u64 {
        self.hash.scan(cursor, |field| {
            visit((!field.is_expired(self.now_ms)).then_some(field));
        })
    }

    /// A field chosen by random bits; none if its time has come.
    pub fn random(self, bits: u64) -> Option<Field<'a>> {
        let field = self.hash.random(bits)?;
        (!field.is_expired(self.now_ms)).then_some(field)
    }

    /// Whether there may be fields whose time has come.
    #[inline]
    pub fn may_have_expired(self) -> bool {
        self.hash
            .expire_at_ms_min()
            .is_some_and(|expire_at_ms| expire_at_ms <= self.now_ms)
    }

    /// The number of fields. Counts where some have expired.
    pub fn live_len(self) -> usize {
        if self.may_have_expired() {
            self.iter().count()
        } else {
            self.hash.len()
        }
    }
}

impl Deref for HashAt<'_> {
    type Target = Hash;

    #[inline]
    fn deref(&self) -> &Hash {
        self.hash
    }
}

impl fmt::Debug for HashAt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields: Vec<_> = self
            .iter()
            .map(|field| {
                (
                    field.name.to_vec(),
                    field.value.to_vec(),
                    field.expire_at_ms,
                )
            })
            .collect();
        fields.sort();
        let shown = fields.iter().map(|(name, value, expire_at_ms)| {
            let text = String::from_utf8_lossy(value);
            let expiry = expire_at_ms.map_or(String::new(), |ms| format!(" until {ms}"));
            (String::from_utf8_lossy(name), format!("{text:?}{expiry}"))
        });
        f.debug_map().entries(shown).finish()
    }
}
