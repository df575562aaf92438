//! The map's types, and the operations that read it or link and unlink entries.

use std::cell::Cell;

use super::database::Abandoned;
use super::entry::{self, Kind, Shape};
use super::handle::Handle;
use super::heap::Heap;
use super::slab::{Slab, StripeSizes};
use super::table::Entries;
use super::tables::Tables;

/// Keys and inline values are at most this long.
const LEN_MAX: usize = u32::MAX as usize;

/// The hash of a key, the same in all maps. Its low 24 bits choose the group of a table and bits 32 to 43 the
/// place in it; the top ten are free for the choice of the map.
pub trait KeyHash {
    /// The hash of `key`.
    fn hash_key(&self, key: &[u8]) -> u64;
}

impl<F: Fn(&[u8]) -> u64> KeyHash for F {
    fn hash_key(&self, key: &[u8]) -> u64 {
        self(key)
    }
}

/// The value of an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Payload<'a, H> {
    /// An integer, inline.
    Int(i64),
    /// A byte string, inline.
    Bytes(&'a [u8]),
    /// An object of the layer above.
    Heap(&'a H),
}

impl<H> Clone for Payload<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Payload<'_, H> {}

/// A value to be stored.
#[derive(Debug)]
pub enum NewPayload<'a, H> {
    /// An integer; takes 1, 2, 4 or 8 bytes.
    Int(i64),
    /// A byte string, which is copied into the entry.
    Bytes(&'a [u8]),
    /// An object, which the map owns from now on.
    Heap(H),
}

/// An entry to be stored.
#[derive(Debug)]
pub struct NewEntry<'a, H> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub payload: NewPayload<'a, H>,
    /// 0 to 15; the meaning is the caller's.
    pub encoding: u8,
    /// When the entry expires, in Unix milliseconds. A number like any other to the map.
    pub expire_at: Option<i64>,
    /// 24 bits for LRU or LFU; the meaning is the caller's.
    pub access: u32,
}

/// All parts of an entry, its header read once.
#[derive(Debug)]
pub struct EntryView<'a, H> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub payload: Payload<'a, H>,
    /// 0 to 15; the meaning is the caller's.
    pub encoding: u8,
    /// When the entry expires, in Unix milliseconds.
    pub expire_at: Option<i64>,
    /// 24 bits for LRU or LFU; the meaning is the caller's.
    pub access: u32,
}

/// All entries of one stripe. See the [module](super).
///
/// `H` are the objects that entries may own, `S` hashes keys anew when a table grows; the hashes that callers
/// pass must be those of `S`. Databases are numbered from 0; those above 0 cost 8 bytes up to the
/// highest that has been used, and a table of their own when they are.
///
/// # Panics
/// Methods that take a [`Handle`] may panic when its entry has been freed or moved; those that take a hash and a
/// handle, when that entry is not linked in that database. That is a bug of the caller. Nothing else panics.
// In the order of use, here and in its parts: what a search touches lies together.
#[repr(C)]
pub struct EntryMap<H, S> {
    /// What was found last: many look for one key several times in a row. Nothing, once an entry has been unlinked or
    /// has moved.
    pub(super) last: Cell<Last>,
    pub(super) heap: Heap<H>,
    pub(super) tables: Tables,
    pub(super) slab: Slab<StripeSizes>,
    pub(super) abandoned: Abandoned,
    pub(super) hasher: S,
}

/// A linked entry. Whether it has a certain key is still to be looked at.
#[derive(Clone, Copy, Default)]
pub(super) struct Last {
    hash: u64,
    handle: Option<Handle>,
    db: u32,
}

/// What [`EntryMap::recall`] tells.
#[derive(Debug, Clone, Copy)]
pub struct Recalled {
    /// The entry.
    pub handle: Handle,
    /// When it expires, in Unix milliseconds.
    pub expire_at: Option<i64>,
    /// 24 bits for LRU or LFU; the meaning is the caller's.
    pub access: u32,
}

/// What a table may ask of the entries.
pub(super) struct Keys<'a, S>(pub(super) &'a Slab<StripeSizes>, pub(super) &'a S);

impl<S: KeyHash> Entries for Keys<'_, S> {
    fn prefetch(&self, handle: Handle) {
        self.0.prefetch(handle);
    }

    fn hash(&self, handle: Handle) -> u64 {
        let slot = self.0.entry(handle);
        self.1.hash_key(entry::key(slot, Shape::read(slot)))
    }
}

impl<H, S: KeyHash> EntryMap<H, S> {
    /// An empty map. It allocates nothing.
    pub fn new(hasher: S) -> EntryMap<H, S> {
        EntryMap {
            tables: Tables::default(),
            abandoned: Abandoned::default(),
            slab: Slab::new(),
            heap: Heap::new(),
            hasher,
            last: Cell::default(),
        }
    }

    /// The hash of a key, as the methods that take one expect it.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_key(key)
    }

    /// Whether so many more entries find room, with all their keys and inline values in so many bytes.
    pub fn has_room(&self, entries: usize, bytes: usize) -> bool {
        self.slab.has_room(entries, bytes)
    }

    /// The entry with this key.
    #[inline]
    pub fn find(&self, db: usize, hash: u64, key: &[u8]) -> Option<Handle> {
        let last = self.last.get();
        if let Some(handle) = last.handle
            && last.hash == hash
            && last.db as usize == db
            && entry::has_key(self.slab.entry(handle), key)
        {
            return Some(handle);
        }
        let is_it = |handle| entry::has_key(self.slab.entry(handle), key);
        let handle = self.tables.get(db)?.find(hash, is_it)?;
        self.last.set(Last {
            hash,
            handle: Some(handle),
            db: db as u32,
        });
        Some(handle)
    }

    /// What a command first asks of the entry that was found last, if it has this key; none says nothing. As
    /// [`find`](Self::find), [`expire_at`](Self::expire_at) and [`access`](Self::access), with one look at the entry.
    #[inline]
    pub fn recall(&self, db: usize, hash: u64, key: &[u8]) -> Option<Recalled> {
        let Last {
            hash: last,
            handle: Some(handle),
            db: last_db,
        } = self.last.get()
        else {
            return None;
        };
        if last != hash || last_db as usize != db {
            return None;
        }
        let slot = self.slab.entry(handle);
        entry::has_key(slot, key).then(|| Recalled {
            handle,
            expire_at: entry::expiry_alone(slot),
            access: entry::access(slot),
        })
    }

    /// Forgets what was found last.
    #[inline]
    pub(super) fn forget_last(&mut self) {
        self.last.set(Last::default());
    }

    /// Asks for what says where a search begins, as a hint: call it for each key of a batch, then
    /// [`prefetch_bucket`](Self::prefetch_bucket).
    #[inline]
    pub fn prefetch_segment(&self, db: usize, hash: u64) {
        if let Some(table) = self.tables.get(db) {
            table.prefetch_place(hash);
        }
    }

    /// Asks for the memory where a search begins, as a hint: call it for each key of a batch, then ask for what
    /// [`probable`](Self::probable) finds there, then execute.
    #[inline]
    pub fn prefetch_bucket(&self, db: usize, hash: u64) {
        if let Some(table) = self.tables.get(db) {
            table.prefetch(hash);
        }
    }

    /// The entry that a search will look at first: that of the key, if it has one, nearly always.
    #[inline]
    pub fn probable(&self, db: usize, hash: u64) -> Option<Handle> {
        self.tables.get(db)?.find(hash, |_| true)
    }

    /// Asks for what says where an entry lies, as a hint.
    #[inline]
    pub fn prefetch_place(&self, handle: Handle) {
        self.slab.prefetch_chunk(handle);
    }

    /// Asks for an entry, as a hint.
    #[inline]
    pub fn prefetch_entry(&self, handle: Handle) {
        self.slab.prefetch(handle);
    }

    /// Asks for the object of an entry, as a hint, if it has one, and tells its number: see
    /// [`object_of_number`](Self::object_of_number). Reads the entry.
    #[inline]
    pub fn prefetch_object(&self, handle: Handle) -> Option<u32> {
        let number = self.object_number(handle);
        if let Some(number) = number {
            self.heap.prefetch(number);
        }
        number
    }

    /// The object with a number that [`prefetch_object`](Self::prefetch_object) has told, if nothing was changed since.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn object_of_number(&self, number: u32) -> &H {
        self.heap.get(number)
    }

    #[inline]
    pub(super) fn object_number(&self, handle: Handle) -> Option<u32> {
        entry::object_number(self.slab.entry(handle))
    }

    /// All parts of an entry.
    #[inline]
    pub fn view(&self, handle: Handle) -> EntryView<'_, H> {
        let (slot, shape) = self.read(handle);
        EntryView {
            key: entry::key(slot, shape),
            payload: self.payload_in(slot, shape),
            encoding: entry::encoding(slot),
            expire_at: entry::expiry(slot, shape),
            access: entry::access(slot),
        }
    }

    /// An entry's key.
    #[inline]
    pub fn key(&self, handle: Handle) -> &[u8] {
        let (slot, shape) = self.read(handle);
        entry::key(slot, shape)
    }

    /// An entry's value.
    #[inline]
    pub fn payload(&self, handle: Handle) -> Payload<'_, H> {
        let (slot, shape) = self.read(handle);
        self.payload_in(slot, shape)
    }

    /// An entry's object, if it has one.
    #[inline]
    pub fn object(&self, handle: Handle) -> Option<&H> {
        self.object_number(handle)
            .map(|number| self.heap.get(number))
    }

    /// An entry's value, if it is an integer.
    #[inline]
    pub fn int(&self, handle: Handle) -> Option<i64> {
        let slot = self.slab.entry(handle);
        entry::int_place(slot).map(|place| entry::int(&slot[place]))
    }

    /// An entry's encoding: 0 to 15, the meaning is the caller's.
    #[inline]
    pub fn encoding(&self, handle: Handle) -> u8 {
        entry::encoding(self.slab.entry(handle))
    }

    /// When an entry expires, in Unix milliseconds.
    #[inline]
    pub fn expire_at(&self, handle: Handle) -> Option<i64> {
        entry::expiry_alone(self.slab.entry(handle))
    }

    /// An entry's access clock: 24 bits, the meaning is the caller's.
    #[inline]
    pub fn access(&self, handle: Handle) -> u32 {
        entry::access(self.slab.entry(handle))
    }

    /// Links an entry that is not linked: a new one's second half, the undo of [`detach`](Self::detach), or a
    /// move to another database. The key must be absent there.
    pub fn attach(&mut self, db: usize, hash: u64, handle: Handle) {
        debug_assert!(
            self.find(db, hash, self.key(handle)).is_none(),
            "the key is already there"
        );
        debug_assert_eq!(
            self.hasher.hash_key(self.key(handle)),
            hash,
            "the hash of another key"
        );
        self.last.set(Last {
            hash,
            handle: Some(handle),
            db: db as u32,
        });
        let expiring = entry::is_expiring(self.slab.entry(handle));
        self.tables
            .get_mut(db)
            .insert(hash, handle, expiring, &Keys(&self.slab, &self.hasher));
    }

    /// Unlinks an entry, which keeps its handle and all it has until [`attach`](Self::attach) or
    /// [`free`](Self::free).
    pub fn detach(&mut self, db: usize, hash: u64, handle: Handle) {
        self.forget_last();
        let expiring = entry::is_expiring(self.slab.entry(handle));
        self.tables.get_mut(db).remove(hash, handle, expiring);
    }

    /// Stores an entry. Its key must be absent from the database.
    ///
    /// # Panics
    /// When the key or an inline value is longer than `u32::MAX`, or the stripe is full (over 2 GiB).
    pub fn insert(&mut self, db: usize, hash: u64, new: NewEntry<'_, H>) -> Handle {
        let handle = self.insert_detached(new);
        self.attach(db, hash, handle);
        handle
    }

    /// Stores an entry without linking it; [`attach`](Self::attach) makes it visible.
    ///
    /// # Panics
    /// As [`insert`](Self::insert).
    pub fn insert_detached(&mut self, new: NewEntry<'_, H>) -> Handle {
        assert!(new.key.len() <= LEN_MAX, "a key of over 4 GiB");
        let (kind, payload_len) = payload_form(&new.payload);
        let shape = Shape {
            kind,
            expiring: new.expire_at.is_some(),
            key_len: new.key.len(),
            payload_len,
        };
        let handle = self.slab.allocate(shape.len());
        let slot = self.slab.slot_mut(handle);
        slot[0] = 0;
        shape.write(slot);
        entry::set_encoding(slot, new.encoding);
        entry::set_access(slot, new.access);
        if let Some(at_ms) = new.expire_at {
            entry::set_expiry(slot, shape, at_ms);
        }
        slot[shape.key_at()..shape.payload_at()].copy_from_slice(new.key);
        write_payload(slot, shape, new.payload, &mut self.heap);
        handle
    }

    /// Frees an entry that is not linked, and hands over its object, to be dropped where that is convenient.
    #[must_use = "a big object should be dropped off the lock"]
    pub fn free(&mut self, handle: Handle) -> Option<H> {
        let (slot, shape) = self.read(handle);
        let number = (shape.kind == Kind::Heap).then(|| entry::number(entry::payload(slot, shape)));
        self.forget_last();
        self.slab.free(handle);
        number.map(|number| self.heap.remove(number))
    }

    /// Unlinks and frees an entry.
    #[must_use = "a big object should be dropped off the lock"]
    pub fn remove(&mut self, db: usize, hash: u64, handle: Handle) -> Option<H> {
        self.detach(db, hash, handle);
        self.free(handle)
    }

    /// The memory of one linked entry, in bytes: its slot and its share of the table, but not what its object
    /// has allocated.
    pub fn entry_bytes(&self, handle: Handle) -> usize {
        let slot = self.slab.slot(handle);
        let shape = Shape::read(slot);
        let object = if shape.kind == Kind::Heap {
            size_of::<H>()
        } else {
            0
        };
        slot.len() + object + entry::TABLE_BYTES_PER_ENTRY
    }

    /// All that the map has taken from the allocator, in bytes, but not what objects have allocated. Takes a few
    /// nanoseconds for each database.
    pub fn memory_bytes(&self) -> usize {
        self.slab.memory_bytes() + self.heap.memory_bytes() + self.tables.memory_bytes()
    }

    #[inline]
    pub(super) fn read(&self, handle: Handle) -> (&[u8], Shape) {
        let slot = self.slab.entry(handle);
        (slot, Shape::read(slot))
    }

    #[inline]
    fn payload_in<'a>(&'a self, slot: &'a [u8], shape: Shape) -> Payload<'a, H> {
        let payload = entry::payload(slot, shape);
        match shape.kind {
            Kind::Int => Payload::Int(entry::int(payload)),
            Kind::Bytes => Payload::Bytes(payload),
            Kind::Heap => Payload::Heap(self.heap.get(entry::number(payload))),
        }
    }
}

/// A new payload's kind and length in the entry.
pub(super) fn payload_form<H>(payload: &NewPayload<'_, H>) -> (Kind, usize) {
    match payload {
        NewPayload::Int(value) => (Kind::Int, entry::int_bytes(*value)),
        NewPayload::Bytes(bytes) => {
            assert!(bytes.len() <= LEN_MAX, "a value of over 4 GiB");
            (Kind::Bytes, bytes.len())
        }
        NewPayload::Heap(_) => (Kind::Heap, entry::NUMBER_BYTES),
    }
}

/// Writes a payload of the shape's kind and length; an object goes to the heap.
pub(super) fn write_payload<H>(
    slot: &mut [u8],
    shape: Shape,
    payload: NewPayload<'_, H>,
    heap: &mut Heap<H>,
) {
    let target = entry::payload_mut(slot, shape);
    match payload {
        NewPayload::Int(value) => target.copy_from_slice(&value.to_le_bytes()[..shape.payload_len]),
        NewPayload::Bytes(bytes) => target.copy_from_slice(bytes),
        NewPayload::Heap(object) => target.copy_from_slice(&heap.insert(object).to_le_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(key: &[u8]) -> u64 {
        key.iter().fold(7, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    fn entry(payload: NewPayload<'_, String>) -> NewEntry<'_, String> {
        NewEntry {
            key: b"key",
            payload,
            encoding: 0,
            expire_at: None,
            access: 0,
        }
    }

    /// The map remembers what it found last. Whatever takes that away or moves it must make it forget.
    #[test]
    fn what_was_found_last_is_forgotten_when_it_goes() {
        let mut map = EntryMap::<String, _>::new(hash);
        let h = hash(b"key");
        let find = |map: &EntryMap<String, _>, db| map.find(db, h, b"key");

        let first = map.insert(0, h, entry(NewPayload::Int(1)));
        assert_eq!(find(&map, 0), Some(first));
        assert_eq!(find(&map, 1), None, "another database");
        assert_eq!(map.find(0, h, b"yek"), None, "another key with this hash");

        map.detach(0, h, first);
        assert_eq!(find(&map, 0), None, "detached");
        map.attach(1, h, first);
        assert_eq!((find(&map, 0), find(&map, 1)), (None, Some(first)));

        map.swap_dbs(0, 1);
        assert_eq!((find(&map, 1), find(&map, 0)), (None, Some(first)));

        let long = [b'x'; 200];
        let (moved, _) = map.replace_payload(0, h, first, NewPayload::Bytes(&long), 0);
        assert_ne!(moved, first);
        assert_eq!(find(&map, 0), Some(moved));

        let taken = map.take_db(0);
        assert_eq!(find(&map, 0), None, "taken out");
        let refilled = map.restore_db(0, taken);
        assert_eq!(find(&map, 0), Some(moved));
        drop(map.free_db(refilled, 0));
        assert_eq!(find(&map, 0), Some(moved));

        assert!(map.remove(0, h, moved).is_none());
        assert_eq!(find(&map, 0), None, "removed");
        let second = map.insert(0, h, entry(NewPayload::Int(2)));
        assert_eq!(find(&map, 0), Some(second));
        drop(map.clear(0));
        assert_eq!(find(&map, 0), None, "cleared");
    }
}
