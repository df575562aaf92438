//! Changing a hash, and what takes each change back.

use perilune_structures::{FieldExpiry, FieldMap, Item, Previous};

use super::{Encoding, Expiring, Field, Hash, Place, Spot};
use crate::edit::{Collection, Edit, Inverse};
use crate::hasher::MemberHasher;

/// What takes a change of a hash back.
#[derive(Debug)]
pub enum HashInverse {
    /// The field was not there.
    Remove(Box<[u8]>),
    /// The field was there.
    Set {
        /// Its name.
        field: Box<[u8]>,
        /// Its value.
        value: SavedValue,
        /// When it was to expire, in Unix milliseconds.
        expire_at_ms: Option<i64>,
    },
    /// The field had another expiry or none.
    Expire {
        /// Its name.
        field: Box<[u8]>,
        /// When it was to expire, in Unix milliseconds.
        expire_at_ms: Option<i64>,
    },
}

/// A field's value, copied.
#[derive(Debug)]
pub enum SavedValue {
    /// An integer.
    Int(i64),
    /// A byte string.
    Bytes(Box<[u8]>),
}

impl SavedValue {
    fn of(value: Item<'_>) -> SavedValue {
        match value {
            Item::Int(value) => SavedValue::Int(value),
            Item::Bytes(value) => SavedValue::Bytes(value.into()),
        }
    }

    pub(super) fn item(&self) -> Item<'_> {
        match self {
            SavedValue::Int(value) => Item::Int(*value),
            SavedValue::Bytes(value) => Item::Bytes(value),
        }
    }
}

impl HashInverse {
    /// Bytes that it holds.
    pub fn memory_bytes(&self) -> usize {
        match self {
            HashInverse::Remove(field) | HashInverse::Expire { field, .. } => field.len(),
            HashInverse::Set { field, value, .. } => {
                let value = match value {
                    SavedValue::Int(_) => 0,
                    SavedValue::Bytes(value) => value.len(),
                };
                field.len() + value
            }
        }
    }

    /// What takes back that a field is set or removed, which is `old` now, or is not there.
    fn of(name: &[u8], old: Option<Field<'_>>) -> HashInverse {
        match old {
            None => HashInverse::Remove(name.into()),
            Some(old) => HashInverse::Set {
                field: name.into(),
                value: SavedValue::of(old.value),
                expire_at_ms: old.expire_at_ms,
            },
        }
    }
}

impl From<HashInverse> for Inverse {
    fn from(inverse: HashInverse) -> Inverse {
        Inverse::Hash(inverse)
    }
}

impl Hash {
    /// Sets the field at a place, or one that is not there, in the encoding that there is.
    #[inline]
    pub(super) fn put(&mut self, place: Place, name: &[u8], value: Item<'_>, expiry: FieldExpiry) {
        match (&mut self.0, place.0) {
            (Encoding::Packed(pack), Spot::Packed(place)) => pack.set(place, name, value, expiry),
            (Encoding::Expiring(pack), Spot::Packed(place)) => {
                pack.fields.set(place, name, value, expiry);
            }
            (Encoding::Table(table), Spot::Table(place)) => {
                table.fields.set_at(place, name, value, expiry);
            }
            _ => unreachable!("a place of another encoding"),
        }
    }

    /// Sets or removes the expiry of the field at a place.
    pub(super) fn put_expiry(&mut self, place: Place, expire_at_ms: Option<i64>) {
        match (&mut self.0, place.0) {
            (Encoding::Expiring(pack), Spot::Packed(Some(place))) => {
                pack.fields.set_expiry(place, expire_at_ms);
            }
            (Encoding::Table(table), Spot::Table(place)) => {
                table.fields.set_expiry_at(place, expire_at_ms);
            }
            _ => {}
        }
    }

    /// Removes the field at a place.
    #[inline]
    pub(super) fn take(&mut self, place: Place) {
        match (&mut self.0, place.0) {
            (Encoding::Packed(pack), Spot::Packed(Some(place))) => pack.remove(place),
            (Encoding::Expiring(pack), Spot::Packed(Some(place))) => pack.fields.remove(place),
            (Encoding::Table(table), Spot::Table(place)) => {
                table.fields.remove_at(place);
            }
            _ => {}
        }
    }

    /// The same fields in a table.
    pub(crate) fn to_table(&self) -> Hash {
        let mut map = FieldMap::new(MemberHasher);
        let mut digits = itoa::Buffer::new();
        for field in self.iter() {
            let expiry = field
                .expire_at_ms
                .map_or(FieldExpiry::Clear, FieldExpiry::At);
            map.set(field.name.bytes(&mut digits), field.value, expiry);
        }
        Hash(Encoding::Table(Expiring::new(map)))
    }

    /// The same fields in a pack that takes expiries.
    fn to_triples(&self) -> Hash {
        match &self.0 {
            Encoding::Packed(pack) => Hash(Encoding::Expiring(Expiring::new(pack.to_triples()))),
            Encoding::Expiring(_) | Encoding::Table(_) => self.clone(),
        }
    }

    /// Whether items of so many bytes, all together, fit into the encoding that there is.
    fn would_fit(&self, bytes: usize) -> bool {
        match &self.0 {
            Encoding::Packed(pack) => pack.would_fit(bytes),
            Encoding::Expiring(pack) => pack.fields.would_fit(bytes),
            Encoding::Table(_) => true,
        }
    }
}

/// The digits of the longest integer.
pub(super) const INT_LEN_MAX: usize = 20;

/// The length of a value, or more.
#[inline]
fn value_len_max(value: Item<'_>) -> usize {
    match value {
        Item::Int(_) => INT_LEN_MAX,
        Item::Bytes(bytes) => bytes.len(),
    }
}

/// Whether a value is longer than this. Digits are counted only where that matters.
#[inline]
fn is_longer(value: Item<'_>, len_max: usize) -> bool {
    value_len_max(value) > len_max && value.len() > len_max
}

impl Edit<'_, Hash> {
    /// Makes ready for fields and values, in turn, that are all going to be set: where they would not stay packed, the
    /// hash becomes a table before and not in between.
    #[inline]
    pub fn make_room(&mut self, fields_and_values: &[&[u8]]) {
        if !self.is_packed() {
            return;
        }
        let limits = self.limits();
        let len_max = limits.hash_max_listpack_value;
        let bytes = fields_and_values.iter().try_fold(0usize, |sum, item| {
            (item.len() <= len_max).then(|| sum.saturating_add(item.len()))
        });
        let stays_packed = fields_and_values.len() / 2 <= limits.hash_max_listpack_entries
            && bytes.is_some_and(|bytes| self.would_fit(bytes));
        if !stays_packed {
            self.change_encoding(Hash::to_table);
        }
    }

    /// Sets a field, whether it is there or not: one change.
    #[inline]
    pub fn set(&mut self, name: &[u8], value: Item<'_>, expiry: FieldExpiry) -> Previous {
        let place = self.locate(name);
        self.set_at(place, name, value, expiry)
    }

    /// As [`set`](Self::set), for a field whose place is known.
    #[inline]
    pub fn set_at(
        &mut self,
        place: Place,
        name: &[u8],
        value: Item<'_>,
        expiry: FieldExpiry,
    ) -> Previous {
        let mut place = place;
        if self.is_packed() {
            let len_max = self.limits().hash_max_listpack_value;
            if name.len() > len_max
                || is_longer(value, len_max)
                || !self.would_fit(name.len() + value_len_max(value))
            {
                self.change_encoding(Hash::to_table);
                place = self.locate(name);
            } else if let (Encoding::Packed(_), FieldExpiry::At(_)) = (&self.0, expiry) {
                self.change_encoding(Hash::to_triples);
                place = self.locate(name);
            }
        }
        let previous = match place.is_taken() {
            true => Previous::Replaced,
            false => Previous::New,
        };
        self.change(|hash| HashInverse::of(name, hash.at_place(place)))
            .put(place, name, value, expiry);
        if self.is_packed() && self.len() > self.limits().hash_max_listpack_entries {
            self.change_encoding(Hash::to_table);
        }
        previous
    }

    /// Removes a field: one change. False, and none, if there is no such field.
    #[inline]
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let place = self.locate(name);
        let was_there = place.is_taken();
        if was_there {
            self.change(|hash| HashInverse::of(name, hash.at_place(place)))
                .take(place);
        }
        was_there
    }

    /// Sets or removes the expiry of a field, in Unix milliseconds: one change. False, and none, if there is no such field.
    pub fn set_expiry(&mut self, name: &[u8], expire_at_ms: Option<i64>) -> bool {
        let mut place = self.locate(name);
        let Some(old) = self.at_place(place).map(|field| field.expire_at_ms) else {
            return false;
        };
        if let (Encoding::Packed(_), Some(_)) = (&self.0, expire_at_ms) {
            self.change_encoding(Hash::to_triples);
            place = self.locate(name);
        }
        self.change(|_| HashInverse::Expire {
            field: name.into(),
            expire_at_ms: old,
        })
        .put_expiry(place, expire_at_ms);
        true
    }

    /// Puts the hash into another encoding. Who looks after its expiries stays the same.
    #[cold]
    fn change_encoding(&mut self, change: fn(&Hash) -> Hash) {
        self.convert(|hash| {
            let mut changed = change(hash);
            changed.set_queued_ms(hash.queued_ms());
            changed
        });
    }
}
