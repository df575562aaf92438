//! FieldMap: the hash table of one big hash or set, field -> value, each field with an expiry of its own if it has one.
//!
//! It grows and shrinks one group of buckets at a time, and its SCAN shows everything that stays, whatever comes and
//! goes meanwhile. A set is a map whose values are empty. It knows no time: a field that has expired is a field. But
//! it knows which fields expire first: they stand in an order of their own, beside the table.
//!
//! A set's member of 16 bytes costs 25 bytes, all included, a field of 16 bytes with a value of 16 costs 43; an expiry
//! 34 more. `tests/memory.rs` measures it.

use std::collections::BTreeSet;

use crate::elements::Elements;
use crate::entry_map::{Handle, KeyHash};
use crate::listpack::Item;

/// A field with all it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// The field's name, or the set's member.
    pub field: &'a [u8],
    /// Its value; empty in a set.
    pub value: Item<'a>,
    /// When it expires, in Unix milliseconds.
    pub expire_at_ms: Option<i64>,
}

/// What becomes of a field's expiry when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldExpiry {
    /// It stays as it is; a new field has none.
    Keep,
    /// The field has none afterwards.
    Clear,
    /// The field expires then, in Unix milliseconds.
    At(i64),
}

/// What setting a field has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Previous {
    /// The field was not there.
    New,
    /// The field was there; its value has been replaced.
    Replaced,
}

/// Where a field is, or that it is not there: found once, then read and changed without another search. Valid until
/// the map is changed.
#[derive(Clone, Copy, Debug)]
pub struct FieldPlace {
    hash: u64,
    handle: Option<Handle>,
}

impl FieldPlace {
    /// Whether there is a field.
    #[inline]
    pub fn is_taken(self) -> bool {
        self.handle.is_some()
    }
}

/// What a field costs in the order of expiries, in bytes: 16 in nodes of eleven, which are two thirds full.
const DUE_BYTES: usize = 26;

/// Fields in a node of that order, about.
const DUE_PER_NODE: usize = 7;

/// See the [module](self).
pub struct FieldMap<S> {
    /// The stamp is the expiry, as the bits of an `i64`.
    elements: Elements<S>,
    /// Each field that has an expiry, by that.
    due: BTreeSet<(i64, Handle)>,
}

impl<S: KeyHash> FieldMap<S> {
    /// An empty map. It allocates nothing.
    pub fn new(hasher: S) -> FieldMap<S> {
        FieldMap {
            elements: Elements::new(hasher),
            due: BTreeSet::new(),
        }
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks for the memory where the search for a field begins, as a hint.
    #[inline]
    pub fn prefetch(&self, field: &[u8]) {
        self.elements.prefetch(self.elements.hash(field));
    }

    /// Asks for the field itself, as a hint, when [`prefetch`](Self::prefetch) has been given the time it takes.
    #[inline]
    pub fn prefetch_field(&self, field: &[u8]) {
        self.elements.prefetch_probable(self.elements.hash(field));
    }

    /// A field with its value.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<FieldRef<'_>> {
        let handle = self.find(self.elements.hash(field), field)?;
        Some(self.view(handle))
    }

    /// Whether there is such a field.
    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        self.find(self.elements.hash(field), field).is_some()
    }

    /// Where a field is, or that it is not there.
    #[inline]
    pub fn locate(&self, field: &[u8]) -> FieldPlace {
        let hash = self.elements.hash(field);
        FieldPlace {
            hash,
            handle: self.find(hash, field),
        }
    }

    /// The field at a place, if there is one.
    #[inline]
    pub fn at(&self, place: FieldPlace) -> Option<FieldRef<'_>> {
        place.handle.map(|handle| self.view(handle))
    }

    /// Sets a field, whether it is there or not.
    ///
    /// # Panics
    /// When the map is full; ask [`has_room`](Self::has_room) before.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: Item<'_>, expiry: FieldExpiry) -> Previous {
        self.set_at(self.locate(field), field, value, expiry)
    }

    /// As [`set`](Self::set), for a field whose place is known.
    pub fn set_at(
        &mut self,
        place: FieldPlace,
        field: &[u8],
        value: Item<'_>,
        expiry: FieldExpiry,
    ) -> Previous {
        match place.handle {
            Some(handle) => {
                self.replace(place.hash, handle, value, expiry);
                Previous::Replaced
            }
            None => {
                self.add(place.hash, field, value, expiry);
                Previous::New
            }
        }
    }

    fn add(&mut self, hash: u64, field: &[u8], value: Item<'_>, expiry: FieldExpiry) {
        let expire_at = match expiry {
            FieldExpiry::At(at_ms) => Some(at_ms),
            FieldExpiry::Keep | FieldExpiry::Clear => None,
        };
        let stamp = expire_at.map(i64::cast_unsigned);
        let handle = self.elements.insert(hash, field, stamp, value);
        self.due.extend(expire_at.map(|at_ms| (at_ms, handle)));
    }

    fn replace(&mut self, hash: u64, handle: Handle, value: Item<'_>, expiry: FieldExpiry) {
        let old_at = self.expiry_of(handle);
        let mut target = self.elements.set_value(hash, handle, value);
        let new_at = match expiry {
            FieldExpiry::Keep => old_at,
            FieldExpiry::Clear => None,
            FieldExpiry::At(at_ms) => Some(at_ms),
        };
        if new_at != old_at {
            let stamp = new_at.map(i64::cast_unsigned);
            target = self.elements.set_stamp(hash, target, stamp);
        }
        self.note_expiry((handle, old_at), (target, new_at));
    }

    /// Adds a member to a set: a field without value and expiry. False, and nothing changed, if it is there.
    ///
    /// # Panics
    /// As [`set`](Self::set).
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let hash = self.elements.hash(member);
        let is_new = self.find(hash, member).is_none();
        if is_new {
            self.elements.insert(hash, member, None, Item::Bytes(b""));
        }
        is_new
    }

    /// Removes a field. False if there is none.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.remove_at(self.locate(field))
    }

    /// Removes the field at a place. False if there is none.
    pub fn remove_at(&mut self, place: FieldPlace) -> bool {
        let Some(handle) = place.handle else {
            return false;
        };
        if let Some(at_ms) = self.expiry_of(handle) {
            self.due.remove(&(at_ms, handle));
        }
        self.elements.remove(place.hash, handle);
        true
    }

    /// Sets or removes a field's expiry, in Unix milliseconds. False if there is no such field.
    pub fn set_expiry(&mut self, field: &[u8], expire_at_ms: Option<i64>) -> bool {
        self.set_expiry_at(self.locate(field), expire_at_ms)
    }

    /// As [`set_expiry`](Self::set_expiry), for a field whose place is known.
    pub fn set_expiry_at(&mut self, place: FieldPlace, expire_at_ms: Option<i64>) -> bool {
        let Some(handle) = place.handle else {
            return false;
        };
        let old_at = self.expiry_of(handle);
        let stamp = expire_at_ms.map(i64::cast_unsigned);
        let target = self.elements.set_stamp(place.hash, handle, stamp);
        self.note_expiry((handle, old_at), (target, expire_at_ms));
        true
    }

    /// The number of fields that have an expiry.
    pub fn expiring(&self) -> usize {
        self.due.len()
    }

    /// The field that expires first, if one does.
    pub fn first_expiring(&self) -> Option<FieldRef<'_>> {
        self.due.first().map(|&(_, handle)| self.view(handle))
    }

    /// When the first field expires, in Unix milliseconds, if one does.
    #[inline]
    pub fn expire_at_ms_min(&self) -> Option<i64> {
        self.due.first().map(|&(at_ms, _)| at_ms)
    }

    /// Shows a few fields from `cursor` on and returns the cursor for the next call. A scan begins with 0 and has
    /// ended when it gets 0; cursors are below 2^42, and any number is a valid one. A field that is there during the
    /// whole scan is shown at least once, whatever comes and goes between the calls.
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(FieldRef<'a>)) -> u64 {
        self.elements
            .scan(cursor, |handle| visit(self.view(handle)))
    }

    /// A field chosen by random bits; none if there are no fields. All are about equally probable.
    pub fn random(&self, bits: u64) -> Option<FieldRef<'_>> {
        self.elements.random(bits).map(|handle| self.view(handle))
    }

    /// All fields, in no order.
    pub fn iter(&self) -> impl Iterator<Item = FieldRef<'_>> {
        self.elements.handles().map(|handle| self.view(handle))
    }

    /// All that the map has taken from the allocator, in bytes. Takes a few nanoseconds.
    pub fn heap_bytes(&self) -> usize {
        self.elements.heap_bytes() + self.due.len() * DUE_BYTES
    }

    /// How many allocations it consists of, about: what dropping it costs.
    pub fn allocations(&self) -> usize {
        self.elements.allocations() + self.due.len() / DUE_PER_NODE
    }

    /// Whether so many more fields, whose names and values have so many bytes in all, surely find room. A map holds
    /// about 200 million.
    pub fn has_room(&self, fields: usize, bytes: usize) -> bool {
        self.elements.has_room(fields, bytes)
    }

    #[inline]
    fn find(&self, hash: u64, field: &[u8]) -> Option<Handle> {
        self.elements.find(hash, field)
    }

    #[inline]
    fn view(&self, handle: Handle) -> FieldRef<'_> {
        let element = self.elements.view(handle);
        FieldRef {
            field: element.key,
            value: element.value,
            expire_at_ms: element.stamp.map(u64::cast_signed),
        }
    }

    /// A field's expiry. Where no field has one, none is read.
    #[inline]
    fn expiry_of(&self, handle: Handle) -> Option<i64> {
        if self.due.is_empty() {
            return None;
        }
        self.elements.stamp(handle).map(u64::cast_signed)
    }

    /// Keeps the order of expiries: a field that may have moved has another one now.
    #[inline]
    fn note_expiry(&mut self, old: (Handle, Option<i64>), new: (Handle, Option<i64>)) {
        if old == new || (old.1.is_none() && new.1.is_none()) {
            return;
        }
        if let (handle, Some(at_ms)) = old {
            self.due.remove(&(at_ms, handle));
        }
        if let (handle, Some(at_ms)) = new {
            self.due.insert((at_ms, handle));
        }
    }
}

#[cfg(test)]
mod model;
