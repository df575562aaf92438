//! Elements: the hash table of one big collection, whose layers above give it its meaning.
//!
//! ```text
//!                 table                        slab                           longs
//!  hash of key -> Bucket -------------> Handle -> element: stamp, key, value -> keys over 512, values over 448 bytes
//!                 64 bytes                        one slot of a chunk
//! ```
//!
//! It is an [`EntryMap`](crate::EntryMap) without what only keys have (databases, an access clock, an encoding, objects
//! of the layers above), over the same table and the same slab. An element is a key with a value and, if its owner
//! likes, a *stamp* of 64 bits: the expiry of a hash's field, the score of a sorted set's member.
//!
//! It knows no more than that (the table's own mark for entries that expire is not used), does as it is told, and does not look for a key before it inserts one. A handle holds
//! until its element is removed or gets a value or a stamp of another length.

mod form;

use form::{Form, KEY_BYTES_MAX, Kind, LONG_BYTES, Short, VALUE_BYTES_MAX};

use crate::entry_map::entry::{int, int_bytes};
use crate::entry_map::heap::Heap;
use crate::entry_map::slab::{CollectionSizes, Sizes, Slab};
use crate::entry_map::table::{Entries, Table};
use crate::entry_map::{Handle, KeyHash};
use crate::listpack::Item;

/// See the module.
pub(crate) struct Elements<S> {
    table: Table,
    slab: Slab<CollectionSizes>,
    longs: Heap<Box<[u8]>>,
    /// Bytes of all long keys and values.
    long_bytes: usize,
    hasher: S,
}

/// All parts of an element, its header read once.
pub(crate) struct Element<'a> {
    pub(crate) key: &'a [u8],
    /// Empty bytes if it has none.
    pub(crate) value: Item<'a>,
    pub(crate) stamp: Option<u64>,
}

/// What the table may ask of the elements.
struct Keys<'a, S> {
    slab: &'a Slab<CollectionSizes>,
    longs: &'a Heap<Box<[u8]>>,
    hasher: &'a S,
}

impl<S: KeyHash> Entries for Keys<'_, S> {
    fn prefetch(&self, handle: Handle) {
        self.slab.prefetch(handle);
    }

    fn hash(&self, handle: Handle) -> u64 {
        self.hasher
            .hash_key(key_in(self.slab.entry(handle), self.longs))
    }
}

impl<S: KeyHash> Elements<S> {
    /// Allocates nothing.
    pub(crate) fn new(hasher: S) -> Self {
        Elements {
            table: Table::default(),
            slab: Slab::new(),
            longs: Heap::new(),
            long_bytes: 0,
            hasher,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_key(key)
    }

    /// Asks for the memory where the search for a hash begins.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        self.table.prefetch(hash);
    }

    /// Asks for the element that the search for a hash will look at first. Reads the bucket.
    #[inline]
    pub(crate) fn prefetch_probable(&self, hash: u64) {
        if let Some(handle) = self.table.find(hash, |_| true) {
            self.slab.prefetch(handle);
        }
    }

    /// Asks for the memory of an element.
    #[inline]
    pub(crate) fn prefetch_element(&self, handle: Handle) {
        self.slab.prefetch(handle);
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<Handle> {
        self.table
            .find(hash, |handle| match Short::read(self.slab.entry(handle)) {
                Some(short) => short.has_key(key),
                None => self.key(handle) == key,
            })
    }

    #[inline]
    pub(crate) fn view(&self, handle: Handle) -> Element<'_> {
        let slot = self.slab.entry(handle);
        if let Some(short) = Short::read(slot)
            && let Some(value) = short.value()
        {
            return Element {
                key: short.key(),
                value,
                stamp: short.stamp(),
            };
        }
        self.view_any(slot)
    }

    #[inline(never)]
    fn view_any<'a>(&'a self, slot: &'a [u8]) -> Element<'a> {
        let form = Form::read(slot);
        let value = form.value(slot);
        Element {
            key: key_in(slot, &self.longs),
            value: match form.kind {
                Kind::None | Kind::Bytes => Item::Bytes(value),
                Kind::Int => Item::Int(int(value)),
                Kind::Long => Item::Bytes(self.longs.get(long_number(value))),
            },
            stamp: form.stamp(slot),
        }
    }

    #[inline]
    pub(crate) fn key(&self, handle: Handle) -> &[u8] {
        key_in(self.slab.entry(handle), &self.longs)
    }

    #[inline]
    pub(crate) fn key_and_stamp(&self, handle: Handle) -> (&[u8], Option<u64>) {
        match Short::read(self.slab.entry(handle)) {
            Some(short) => (short.key(), short.stamp()),
            None => (self.key(handle), self.stamp(handle)),
        }
    }

    #[inline]
    pub(crate) fn stamp(&self, handle: Handle) -> Option<u64> {
        let slot = self.slab.entry(handle);
        match Short::read(slot) {
            Some(short) => short.stamp(),
            None => Form::read(slot).stamp(slot),
        }
    }

    /// Whether so many more elements, with keys and values of so many bytes in all, surely find room.
    pub(crate) fn has_room(&self, elements: usize, bytes: usize) -> bool {
        self.slab.has_room(elements, bytes)
    }

    /// Adds an element, whose key must be absent.
    ///
    /// # Panics
    /// When there is no room.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        stamp: Option<u64>,
        value: Item<'_>,
    ) -> Handle {
        let long_key = key.len() > KEY_BYTES_MAX;
        let (kind, value_len) = value_form(value);
        let form = Form {
            kind,
            stamped: stamp.is_some(),
            long_key,
            key_len: if long_key { LONG_BYTES } else { key.len() },
            value_len,
        };
        let key_number = long_key.then(|| self.add_long(key).to_le_bytes());
        let handle = self.slab.allocate(form.len());
        let slot = self.slab.slot_mut(handle);
        form.write(slot);
        if let Some(stamp) = stamp {
            form.set_stamp(slot, stamp);
        }
        let key = key_number.as_ref().map_or(key, |number| number.as_slice());
        slot[form.key_at()..form.value_at()].copy_from_slice(key);
        self.write_value(handle, form, value);
        let Elements {
            table,
            slab,
            longs,
            hasher,
            ..
        } = self;
        let keys = Keys {
            slab,
            longs,
            hasher,
        };
        table.insert(hash, handle, false, &keys);
        handle
    }

    /// Removes an element.
    pub(crate) fn remove(&mut self, hash: u64, handle: Handle) {
        let slot = self.slab.entry(handle);
        let form = Form::read(slot);
        let key_number = form.long_key.then(|| long_number(form.key(slot)));
        let value_number = (form.kind == Kind::Long).then(|| long_number(form.value(slot)));
        self.table.remove(hash, handle, false);
        self.slab.free(handle);
        for number in key_number.into_iter().chain(value_number) {
            self.remove_long(number);
        }
    }

    /// Gives an element another value. It may move.
    ///
    /// # Panics
    /// When there is no room.
    pub(crate) fn set_value(&mut self, hash: u64, handle: Handle, value: Item<'_>) -> Handle {
        let slot = self.slab.entry(handle);
        let old = Form::read(slot);
        if old.kind == Kind::Long {
            let number = long_number(old.value(slot));
            self.remove_long(number);
        }
        let (kind, value_len) = value_form(value);
        let new = Form {
            kind,
            value_len,
            ..old
        };
        let handle = match new == old {
            true => handle,
            false => self.reshape(hash, handle, old, 0, new),
        };
        self.write_value(handle, new, value);
        handle
    }

    /// Gives an element a stamp, or takes it away. An element that has one keeps its place when it gets another.
    ///
    /// # Panics
    /// When there is no room.
    pub(crate) fn set_stamp(&mut self, hash: u64, handle: Handle, stamp: Option<u64>) -> Handle {
        let old = Form::read(self.slab.entry(handle));
        let new = Form {
            stamped: stamp.is_some(),
            ..old
        };
        let handle = match new.stamped == old.stamped {
            true => handle,
            false => self.reshape(hash, handle, old, old.value_len, new),
        };
        if let Some(stamp) = stamp {
            new.set_stamp(self.slab.slot_mut(handle), stamp);
        }
        handle
    }

    /// Shows a few elements from `cursor` on; see [`FieldMap::scan`](crate::FieldMap::scan).
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(Handle)) -> u64 {
        self.table.scan(cursor, false, &mut visit)
    }

    /// An element chosen by random bits, nearly uniformly.
    pub(crate) fn random(&self, bits: u64) -> Option<Handle> {
        self.table.random(bits)
    }

    /// All elements, in no order.
    pub(crate) fn handles(&self) -> impl Iterator<Item = Handle> {
        self.table.handles()
    }

    /// How many allocations it consists of, about.
    pub(crate) fn allocations(&self) -> usize {
        self.table.allocations() + self.slab.allocations() + self.longs.len()
    }

    /// All that has been taken from the allocator.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.table.memory_bytes()
            + self.slab.memory_bytes()
            + self.longs.memory_bytes()
            + self.long_bytes
    }

    /// Writes a value of the form's kind and length.
    fn write_value(&mut self, handle: Handle, form: Form, value: Item<'_>) {
        let number;
        let int_bytes;
        let bytes = match value {
            Item::Int(int) => {
                int_bytes = int.to_le_bytes();
                &int_bytes[..form.value_len]
            }
            Item::Bytes(bytes) if form.kind == Kind::Long => {
                number = self.add_long(bytes).to_le_bytes();
                &number
            }
            Item::Bytes(bytes) => bytes,
        };
        form.value_mut(self.slab.slot_mut(handle))
            .copy_from_slice(bytes);
    }

    fn add_long(&mut self, bytes: &[u8]) -> u32 {
        self.long_bytes += bytes.len();
        self.longs.insert(bytes.into())
    }

    fn remove_long(&mut self, number: u32) {
        self.long_bytes -= self.longs.remove(number).len();
    }

    /// Gives an element another form with the same key, keeping the first `kept` bytes of its value, and finds a
    /// slot for it. A new stamp and the rest of the value are left to the caller.
    fn reshape(&mut self, hash: u64, handle: Handle, old: Form, kept: usize, new: Form) -> Handle {
        let slot = self.slab.slot_mut(handle);
        let (from, to, len) = (old.key_at(), new.key_at(), old.key_len + kept);
        let stamp = old.stamp(slot);
        let target = if may_stay(new.len(), slot.len()) {
            if from != to {
                slot.copy_within(from..from + len, to);
            }
            handle
        } else {
            let target = self.slab.allocate(new.len());
            self.slab.with_two(handle, target, |source, target| {
                target[to..to + len].copy_from_slice(&source[from..from + len]);
            });
            self.slab.free(handle);
            target
        };
        let slot = self.slab.slot_mut(target);
        new.write(slot);
        if let (true, Some(stamp)) = (new.stamped, stamp) {
            new.set_stamp(slot, stamp);
        }
        if target != handle {
            self.table.relink(hash, (handle, false), (target, false));
        }
        target
    }
}

/// Whether an element of `len` bytes may stay in a slot of `slot` bytes: at most 8 of them or an eighth are unused.
fn may_stay(len: usize, slot: usize) -> bool {
    len <= slot && (slot - len <= (slot / 8).max(8) || CollectionSizes::slot_bytes(len) == slot)
}

/// A value's kind and its length in the slot.
fn value_form(value: Item<'_>) -> (Kind, usize) {
    match value {
        Item::Int(int) => (Kind::Int, int_bytes(int)),
        Item::Bytes(b"") => (Kind::None, 0),
        Item::Bytes(bytes) if bytes.len() <= VALUE_BYTES_MAX => (Kind::Bytes, bytes.len()),
        Item::Bytes(_) => (Kind::Long, LONG_BYTES),
    }
}

#[inline]
fn key_in<'a>(slot: &'a [u8], longs: &'a Heap<Box<[u8]>>) -> &'a [u8] {
    #[cold]
    fn key_in_any<'a>(slot: &'a [u8], longs: &'a Heap<Box<[u8]>>) -> &'a [u8] {
        let form = Form::read(slot);
        match form.long_key {
            false => form.key(slot),
            true => longs.get(long_number(form.key(slot))),
        }
    }
    match Short::read(slot) {
        Some(short) => short.key(),
        None => key_in_any(slot, longs),
    }
}

/// The number of a long key or value, in its four bytes.
fn long_number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("a number has 4 bytes"))
}

#[cfg(test)]
impl<S: KeyHash> Elements<S> {
    /// The table is in order, and links all elements of the slab.
    pub(crate) fn check(&self) {
        self.table
            .check(|handle| self.hash(self.key(handle)), |_| false);
        assert_eq!(self.slab.live(), self.len());
    }
}
