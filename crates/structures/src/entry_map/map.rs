//! The map's types, and the operations that read it or link and unlink entries.

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
pub struct EntryMap<H, S> {
    pub(super) tables: Tables,
    pub(super) slab: Slab<StripeSizes>,
    pub(super) heap: Heap<H>,
    pub(super) hasher: S,
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
            slab: Slab::new(),
            heap: Heap::new(),
            hasher,
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
        self.tables
            .get(db)?
            .find(hash, |handle| entry::has_key(self.slab.entry(handle), key))
    }

    /// Asks for the memory where a search begins, as a hint: call it for each key of a batch, then
    /// [`prefetch_entry`](Self::prefetch_entry) for each, then execute.
    #[inline]
    pub fn prefetch(&self, db: usize, hash: u64) {
        if let Some(table) = self.tables.get(db) {
            table.prefetch(hash);
        }
    }

    /// Asks for the entry that a search will probably look at, as a hint. Reads the bucket.
    #[inline]
    pub fn prefetch_entry(&self, db: usize, hash: u64) {
        if let Some(table) = self.tables.get(db)
            && let Some(handle) = table.find(hash, |_| true)
        {
            self.slab.prefetch(handle);
        }
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
        if !entry::is_expiring(self.slab.entry(handle)) {
            // most do not, and that is known from the first byte
            return None;
        }
        let (slot, shape) = self.read(handle);
        entry::expiry(slot, shape)
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
        let expiring = entry::is_expiring(self.slab.entry(handle));
        self.tables
            .get_mut(db)
            .insert(hash, handle, expiring, &Keys(&self.slab, &self.hasher));
    }

    /// Unlinks an entry, which keeps its handle and all it has until [`attach`](Self::attach) or
    /// [`free`](Self::free).
    pub fn detach(&mut self, db: usize, hash: u64, handle: Handle) {
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
