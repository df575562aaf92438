//! Hashes: field -> value, each field with an expiry of its own if it has one.
//!
//! | encoding     | what                                                                                            |
//! |--------------|-------------------------------------------------------------------------------------------------|
//! | `listpack`   | field and value in turn; up to `hash-max-listpack-entries` fields, nothing long                   |
//! | `listpackex` | field, value and expiry in turn, ordered by expiry; from the first time that a field gets one on |
//! | `hashtable`  | all others                                                                                      |
//!
//! A hash knows no time: a field that has expired is a field, until somebody who knows the time removes it
//! ([`Hash::remove_expired`]). What reads it as absent until then is [`HashAt`], the hash at a moment.
//!
//! | file | holds |
//! |---|---|
//! | `packed.rs` | the two packed encodings |
//! | `edit.rs` | the changes, and what takes them back |
//! | `at.rs` | [`HashAt`] |

mod at;
mod counter;
mod edit;
mod packed;
#[cfg(test)]
mod tests;

use std::fmt;

use perilune_structures::{FieldExpiry, FieldMap, FieldPlace, FieldRef, Item, Listpack, prefetch};

use crate::edit::Collection;
use crate::hasher::MemberHasher;
use crate::object::Object;
use packed::{Pack, PackPlace};

pub use at::HashAt;
pub use counter::Counter;
pub use edit::{HashInverse, SavedValue};

/// A hash. Read through these methods, changed through [`Edit`](crate::Edit).
pub struct Hash(Encoding);

enum Encoding {
    Packed(Pack),
    /// Boxed, as few packs have expiries and all would pay for the note.
    Expiring(Box<Expiring<Pack>>),
    Table(Box<Expiring<FieldMap<MemberHasher>>>),
}

impl Hash {
    /// Asks for the memory where it begins.
    #[inline]
    pub(crate) fn prefetch(&self) {
        match &self.0 {
            Encoding::Packed(pack) => pack.prefetch(),
            Encoding::Expiring(expiring) => prefetch(&**expiring),
            Encoding::Table(table) => prefetch(&**table),
        }
    }

    /// Asks for the memory of a field of a big hash: see [`Object::prefetch_member`](crate::Object::prefetch_member).
    #[inline]
    pub(crate) fn prefetch_field(&self, field: &[u8], itself: bool) {
        match &self.0 {
            Encoding::Table(table) if itself => table.fields.prefetch_field(field),
            Encoding::Table(table) => table.fields.prefetch(field),
            _ => {}
        }
    }
}

/// Fields of which some may expire, with a note of who looks after that.
struct Expiring<T> {
    fields: T,
    /// See [`Hash::queued_ms`].
    queued_ms: i64,
}

impl<T> Expiring<T> {
    fn new(fields: T) -> Box<Self> {
        Box::new(Self {
            fields,
            queued_ms: NOT_QUEUED,
        })
    }
}

/// The note of a hash that stands in no queue.
const NOT_QUEUED: i64 = i64::MAX;

/// A field of a hash with all it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: Item<'a>,
    /// Its value.
    pub value: Item<'a>,
    /// When it expires, in Unix milliseconds.
    pub expire_at_ms: Option<i64>,
}

/// Where a field of a hash is, or that it is not there: found once, then read and changed without another search.
/// Valid until the hash is changed.
#[derive(Debug, Clone, Copy)]
pub struct Place(Spot);

#[derive(Debug, Clone, Copy)]
enum Spot {
    Packed(Option<PackPlace>),
    Table(FieldPlace),
}

impl Place {
    /// Whether there is a field.
    #[inline]
    pub fn is_taken(self) -> bool {
        match self.0 {
            Spot::Packed(place) => place.is_some(),
            Spot::Table(place) => place.is_taken(),
        }
    }
}

impl Hash {
    /// The hash whose fields and values stand in a listpack in turn, no field twice.
    pub(crate) fn from_pairs(pack: Listpack) -> Hash {
        Hash(Encoding::Packed(Pack::from_listpack(pack, 2)))
    }

    /// The hash whose fields, values and expiries stand in a listpack in turn, no field twice, in the order of expiry.
    pub(crate) fn from_triples(pack: Listpack) -> Hash {
        Hash(Encoding::Expiring(Expiring::new(Pack::from_listpack(
            pack, 3,
        ))))
    }

    /// The listpack of fields and values, if there is one.
    pub(crate) fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Encoding::Packed(pack) => Some(pack.listpack()),
            Encoding::Expiring(_) | Encoding::Table(_) => None,
        }
    }

    /// The listpack of fields, values and expiries, if there is one.
    pub(crate) fn as_listpack_of_triples(&self) -> Option<&Listpack> {
        match &self.0 {
            Encoding::Expiring(pack) => Some(pack.fields.listpack()),
            Encoding::Packed(_) | Encoding::Table(_) => None,
        }
    }

    /// Where a field is, or that it is not there.
    #[inline]
    pub fn locate(&self, field: &[u8]) -> Place {
        Place(match &self.0 {
            Encoding::Packed(pack) => Spot::Packed(pack.find(field)),
            Encoding::Expiring(pack) => Spot::Packed(pack.fields.find(field)),
            Encoding::Table(table) => Spot::Table(table.fields.locate(field)),
        })
    }

    /// The field at a place, if there is one.
    #[inline]
    pub fn at_place(&self, place: Place) -> Option<Field<'_>> {
        match (&self.0, place.0) {
            (Encoding::Packed(pack), Spot::Packed(place)) => place.map(|place| pack.get(place)),
            (Encoding::Expiring(pack), Spot::Packed(place)) => {
                place.map(|place| pack.fields.get(place))
            }
            (Encoding::Table(table), Spot::Table(place)) => table.fields.at(place).map(Field::from),
            _ => None,
        }
    }

    /// A field, if there is one of this name.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<Field<'_>> {
        self.at_place(self.locate(field))
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        let (pack, table) = match &self.0 {
            Encoding::Packed(pack) => (Some(pack), None),
            Encoding::Expiring(pack) => (Some(&pack.fields), None),
            Encoding::Table(table) => (None, Some(&table.fields)),
        };
        let packed = pack.into_iter().flat_map(Pack::iter);
        let in_table = table.into_iter().flat_map(FieldMap::iter).map(Field::from);
        packed.chain(in_table)
    }

    /// Shows a few fields from `cursor` on, all of a packed hash, and returns the cursor for the next call. A scan
    /// begins with 0 and has ended when it gets 0. A field that is there all the time is shown at least once.
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(Field<'a>)) -> u64 {
        match &self.0 {
            Encoding::Table(table) => table.fields.scan(cursor, |field| visit(field.into())),
            Encoding::Packed(_) | Encoding::Expiring(_) => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// A field chosen by random bits. Walks through a packed hash.
    pub fn random(&self, bits: u64) -> Option<Field<'_>> {
        match &self.0 {
            Encoding::Table(table) => table.fields.random(bits).map(Field::from),
            Encoding::Packed(_) | Encoding::Expiring(_) => {
                let number = bits.checked_rem(self.len() as u64)?;
                self.iter().nth(number as usize)
            }
        }
    }

    /// Whether these fields and values, in turn, find room besides those that are there: a table can be full.
    #[inline]
    pub fn has_room(&self, fields_and_values: &[&[u8]]) -> bool {
        match &self.0 {
            Encoding::Packed(_) | Encoding::Expiring(_) => true,
            Encoding::Table(table) => {
                let bytes = fields_and_values.iter().map(|item| item.len()).sum();
                table.fields.has_room(fields_and_values.len() / 2, bytes)
            }
        }
    }

    /// When the first field expires, in Unix milliseconds, if one does.
    #[inline]
    pub fn expire_at_ms_min(&self) -> Option<i64> {
        match &self.0 {
            Encoding::Packed(_) => None,
            Encoding::Expiring(pack) => pack.fields.expire_at_ms_min(),
            Encoding::Table(table) => table.fields.expire_at_ms_min(),
        }
    }

    /// Removes fields whose time has come, `limit` at most, those first that expired first, and tells their names.
    ///
    /// Such a removal is no part of the transaction that meets the field, and is never taken back with it; so it is
    /// none of the changes that an [`Edit`](crate::Edit) makes.
    pub fn remove_expired(&mut self, now_ms: i64, limit: usize, mut visit: impl FnMut(&[u8])) {
        match &mut self.0 {
            Encoding::Packed(_) => {}
            Encoding::Expiring(pack) => pack.fields.remove_expired(now_ms, limit, visit),
            Encoding::Table(table) => {
                let map = &mut table.fields;
                for _ in 0..limit {
                    let Some(first) = map.first_expiring().filter(|first| {
                        first
                            .expire_at_ms
                            .is_some_and(|expire_at_ms| expire_at_ms <= now_ms)
                    }) else {
                        return;
                    };
                    let place = map.locate(first.field);
                    visit(first.field);
                    map.remove_at(place);
                }
            }
        }
    }

    /// As [`Hash::remove_expired`], for one field. Whether its time had come.
    pub fn remove_if_expired(&mut self, now_ms: i64, field: &[u8]) -> bool {
        let place = self.locate(field);
        let is_expired = self
            .at_place(place)
            .is_some_and(|field| field.is_expired(now_ms));
        if is_expired {
            self.take(place);
        }
        is_expired
    }

    /// The time by which the hash stands in a queue of hashes whose fields expire; none if it stands in none. Kept for
    /// the keeper of the queue, who finds it there again by this. No copy of a hash has it.
    #[inline]
    pub fn queued_ms(&self) -> Option<i64> {
        let queued_ms = match &self.0 {
            Encoding::Packed(_) => NOT_QUEUED,
            Encoding::Expiring(pack) => pack.queued_ms,
            Encoding::Table(table) => table.queued_ms,
        };
        (queued_ms != NOT_QUEUED).then_some(queued_ms)
    }

    /// Sets [`Hash::queued_ms`]. Only a hash with a field that expires has a place for it.
    pub fn set_queued_ms(&mut self, queued_ms: Option<i64>) {
        let queued_ms = queued_ms.unwrap_or(NOT_QUEUED);
        match &mut self.0 {
            Encoding::Packed(_) => debug_assert_eq!(queued_ms, NOT_QUEUED),
            Encoding::Expiring(pack) => pack.queued_ms = queued_ms,
            Encoding::Table(table) => table.queued_ms = queued_ms,
        }
    }

    /// The encoding's name, as OBJECT ENCODING answers it.
    pub fn encoding_name(&self) -> &'static str {
        match self.0 {
            Encoding::Packed(_) => "listpack",
            Encoding::Expiring(_) => "listpackex",
            Encoding::Table(_) => "hashtable",
        }
    }
}

impl Field<'_> {
    /// Whether its time has come.
    #[inline]
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expire_at_ms
            .is_some_and(|expire_at_ms| expire_at_ms <= now_ms)
    }
}

impl<'a> From<FieldRef<'a>> for Field<'a> {
    #[inline]
    fn from(field: FieldRef<'a>) -> Field<'a> {
        Field {
            name: Item::Bytes(field.field),
            value: field.value,
            expire_at_ms: field.expire_at_ms,
        }
    }
}

impl From<Hash> for Object {
    fn from(hash: Hash) -> Object {
        Object::Hash(hash)
    }
}

impl Default for Hash {
    /// An empty hash, packed.
    fn default() -> Self {
        Hash(Encoding::Packed(Pack::pairs()))
    }
}

impl Collection for Hash {
    type Inverse = HashInverse;

    fn of(object: &Object) -> Option<&Self> {
        match object {
            Object::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match &self.0 {
            Encoding::Packed(pack) => pack.len(),
            Encoding::Expiring(pack) => pack.fields.len(),
            Encoding::Table(table) => table.fields.len(),
        }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        match &self.0 {
            Encoding::Packed(pack) => pack.is_empty(),
            Encoding::Expiring(pack) => pack.fields.is_empty(),
            Encoding::Table(table) => table.fields.is_empty(),
        }
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        match &self.0 {
            Encoding::Packed(pack) => pack.heap_bytes(),
            Encoding::Expiring(pack) => size_of::<Expiring<Pack>>() + pack.fields.heap_bytes(),
            Encoding::Table(table) => {
                size_of::<Expiring<FieldMap<MemberHasher>>>() + table.fields.heap_bytes()
            }
        }
    }

    fn allocations(&self) -> usize {
        match &self.0 {
            Encoding::Packed(_) | Encoding::Expiring(_) => 1,
            Encoding::Table(table) => table.fields.allocations(),
        }
    }

    #[inline]
    fn is_packed(&self) -> bool {
        !matches!(self.0, Encoding::Table(_))
    }

    #[inline]
    fn has_expiries(&self) -> bool {
        self.queued_ms().is_some() || self.expire_at_ms_min().is_some()
    }

    fn undo(&mut self, inverse: HashInverse) {
        match inverse {
            HashInverse::Remove(field) => {
                let place = self.locate(&field);
                self.take(place);
            }
            HashInverse::Set {
                field,
                value,
                expire_at_ms,
            } => {
                let expiry = expire_at_ms.map_or(FieldExpiry::Clear, FieldExpiry::At);
                let place = self.locate(&field);
                self.put(place, &field, value.item(), expiry);
            }
            HashInverse::Expire {
                field,
                expire_at_ms,
            } => {
                let place = self.locate(&field);
                self.put_expiry(place, expire_at_ms);
            }
        }
    }
}

impl Clone for Hash {
    fn clone(&self) -> Self {
        Hash(match &self.0 {
            Encoding::Packed(pack) => Encoding::Packed(pack.clone()),
            Encoding::Expiring(pack) => Encoding::Expiring(Expiring::new(pack.fields.clone())),
            Encoding::Table(_) => return self.to_table(),
        })
    }
}

impl fmt::Debug for Hash {
    /// Its fields in order, whatever the encoding: two hashes that are the same show the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.at(i64::MIN), f)
    }
}
