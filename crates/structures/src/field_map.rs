//! FieldMap: the hash table of one big hash or set, field -> value, each field with an expiry of its own if it has one.
//!
//! It finds a field in about three cache misses, grows and shrinks one group of buckets at a time, and its SCAN
//! shows everything that stays, whatever comes and goes meanwhile (`entry_map` says how). A set is a map whose
//! values are empty.
//!
//! Values up to `INLINE_BYTES_MAX` stand beside their field; longer ones have an allocation of their own, so that
//! writing one does not move its field. It knows no time: a field that has expired is a field. But it knows which
//! fields expire first: they stand in an order of their own, beside the table.

use std::collections::BTreeSet;

use crate::entry_map::{EntryMap, Handle, KeyHash, NewEntry, NewPayload, Payload};
use crate::listpack::Item;

/// A value that is longer has an allocation of its own.
const INLINE_BYTES_MAX: usize = 448;

/// The one database of the map below.
const DB: usize = 0;

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

/// What a field costs in the order of expiries, in bytes: 16 in nodes of eleven, which are two thirds full.
const DUE_BYTES: usize = 26;

/// See the [module](self).
pub struct FieldMap<S> {
    entries: EntryMap<Box<[u8]>, S>,
    /// Bytes of the values that have an allocation of their own.
    long_bytes: usize,
    /// Each field that has an expiry, by that.
    due: BTreeSet<(i64, Handle)>,
}

impl<S: KeyHash> FieldMap<S> {
    /// An empty map. It allocates nothing.
    pub fn new(hasher: S) -> FieldMap<S> {
        FieldMap {
            entries: EntryMap::new(hasher),
            long_bytes: 0,
            due: BTreeSet::new(),
        }
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.entries.len(DB)
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks for the memory where the search for a field begins, as a hint.
    #[inline]
    pub fn prefetch(&self, field: &[u8]) {
        self.entries.prefetch(DB, self.entries.hash(field));
    }

    /// A field with its value.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<FieldRef<'_>> {
        let handle = self.find(self.entries.hash(field), field)?;
        Some(self.view(handle))
    }

    /// Whether there is such a field.
    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        self.find(self.entries.hash(field), field).is_some()
    }

    /// Where a field is, or that it is not there.
    #[inline]
    pub fn locate(&self, field: &[u8]) -> FieldPlace {
        let hash = self.entries.hash(field);
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
        let payload = self.new_payload(value);
        let new = NewEntry {
            key: field,
            payload,
            encoding: 0,
            expire_at,
            access: 0,
        };
        let handle = self.entries.insert(DB, hash, new);
        self.due.extend(expire_at.map(|at_ms| (at_ms, handle)));
    }

    fn replace(&mut self, hash: u64, handle: Handle, value: Item<'_>, expiry: FieldExpiry) {
        let old_at = self.expiry_of(handle);
        let in_place = match value {
            Item::Int(value) => self.entries.set_int(handle, value),
            Item::Bytes(_) => false,
        };
        let mut target = handle;
        if !in_place {
            let payload = self.new_payload(value);
            let (moved, long) = self.entries.replace_payload(DB, hash, handle, payload, 0);
            self.long_bytes -= long.map_or(0, |value| value.len());
            target = moved;
        }
        let new_at = match expiry {
            FieldExpiry::Keep => old_at,
            FieldExpiry::Clear => None,
            FieldExpiry::At(at_ms) => Some(at_ms),
        };
        if new_at != old_at {
            target = self.entries.set_expiry(DB, hash, target, new_at);
        }
        self.note_expiry((handle, old_at), (target, new_at));
    }

    /// Adds a member to a set: a field without value and expiry. False, and nothing changed, if it is there.
    ///
    /// # Panics
    /// As [`set`](Self::set).
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let hash = self.entries.hash(member);
        let is_new = self.find(hash, member).is_none();
        if is_new {
            let new = NewEntry {
                key: member,
                payload: NewPayload::Bytes(b""),
                encoding: 0,
                expire_at: None,
                access: 0,
            };
            self.entries.insert(DB, hash, new);
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
        let long = self.entries.remove(DB, place.hash, handle);
        self.long_bytes -= long.map_or(0, |value| value.len());
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
        let target = self
            .entries
            .set_expiry(DB, place.hash, handle, expire_at_ms);
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
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(FieldRef<'_>)) -> u64 {
        self.entries
            .scan(DB, cursor, |handle| visit(self.view(handle)))
    }

    /// A field chosen by random bits; none if there are no fields. All are about equally probable.
    pub fn random(&self, bits: u64) -> Option<FieldRef<'_>> {
        self.entries
            .random(DB, bits)
            .map(|handle| self.view(handle))
    }

    /// All fields, in no order.
    pub fn iter(&self) -> impl Iterator<Item = FieldRef<'_>> {
        self.entries.handles(DB).map(|handle| self.view(handle))
    }

    /// All that the map has taken from the allocator, in bytes. Takes a few nanoseconds.
    pub fn heap_bytes(&self) -> usize {
        self.entries.memory_bytes() + self.long_bytes + self.due.len() * DUE_BYTES
    }

    /// What a field costs, in bytes, with its share of the table; none if there is no such field.
    pub fn field_bytes(&self, field: &[u8]) -> Option<usize> {
        let handle = self.find(self.entries.hash(field), field)?;
        let long = match self.entries.payload(handle) {
            Payload::Heap(value) => value.len(),
            Payload::Int(_) | Payload::Bytes(_) => 0,
        };
        Some(self.entries.entry_bytes(handle) + long)
    }

    /// Whether `fields` more fields find room, with all their names and values in so many bytes.
    pub fn has_room(&self, fields: usize, bytes: usize) -> bool {
        self.entries.has_room(fields, bytes)
    }

    #[inline]
    fn find(&self, hash: u64, field: &[u8]) -> Option<Handle> {
        self.entries.find(DB, hash, field)
    }

    #[inline]
    fn view(&self, handle: Handle) -> FieldRef<'_> {
        let view = self.entries.view(handle);
        FieldRef {
            field: view.key,
            value: match view.payload {
                Payload::Int(value) => Item::Int(value),
                Payload::Bytes(value) => Item::Bytes(value),
                Payload::Heap(value) => Item::Bytes(value),
            },
            expire_at_ms: view.expire_at,
        }
    }

    /// A value to be stored; counts it if it is a long one.
    fn new_payload<'a>(&mut self, value: Item<'a>) -> NewPayload<'a, Box<[u8]>> {
        match value {
            Item::Int(value) => NewPayload::Int(value),
            Item::Bytes(value) if value.len() <= INLINE_BYTES_MAX => NewPayload::Bytes(value),
            Item::Bytes(value) => {
                self.long_bytes += value.len();
                NewPayload::Heap(value.into())
            }
        }
    }

    /// A field's expiry. Where no field has one, none is read.
    #[inline]
    fn expiry_of(&self, handle: Handle) -> Option<i64> {
        if self.due.is_empty() {
            return None;
        }
        self.entries.expire_at(handle)
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
