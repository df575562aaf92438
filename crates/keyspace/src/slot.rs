//! A key's place: found once, then read and changed without another lookup.
//!
//! Every change of a value passes here. Each method saves what undo needs, changes the entry, notes the change
//! for watchers, and counts it; so a command cannot forget one of them.

use perilune_structures::{Handle, NewEntry, NewPayload, Payload};
use perilune_value::{
    COLLECTION_CODE, Collection, Edit, INLINE_LEN_MAX, InPlace, Inverse, Journal, Limits, Object,
    StringEncoding, Text, WrongType,
};

use crate::announce::EventClass;
use crate::txn::{Abort, Found, Txn, WriteTxn, aside};
use crate::undo::{Place, Relocated, Saved, UndoLog};
use crate::usage::STAMP_MASK;

/// What becomes of a key's expiry when its value is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It stays as it is.
    Keep,
    /// The key expires no more.
    Clear,
    /// The key expires then, in milliseconds since the Unix epoch.
    At(i64),
}

/// A value on its way from one key to another.
#[derive(Debug, Clone)]
pub struct Detached {
    payload: DetachedPayload,
    encoding: u8,
    access: u32,
    /// When it expires: the taker decides whether to keep that.
    pub expire_at_ms: Option<i64>,
}

#[derive(Debug, Clone)]
enum DetachedPayload {
    Int(i64),
    Bytes(Box<[u8]>),
    Heap(Object),
}

impl Detached {
    /// A value from outside: a string gets the encoding of a new one. `access` is the stamp of its last use (see
    /// [`ReadTxn::use_told`](crate::ReadTxn::use_told)), of which 24 bits count.
    pub fn new(object: Object, access: u32, expire_at_ms: Option<i64>) -> Detached {
        let (payload, encoding) = match object {
            Object::Raw(bytes) => match StringEncoding::of(&bytes) {
                (encoding, Some(integer)) => (DetachedPayload::Int(integer), encoding.code()),
                (encoding, None) if bytes.len() <= INLINE_LEN_MAX => {
                    (DetachedPayload::Bytes(bytes.into()), encoding.code())
                }
                (encoding, None) => (DetachedPayload::Heap(Object::Raw(bytes)), encoding.code()),
            },
            object => (DetachedPayload::Heap(object), COLLECTION_CODE),
        };
        Detached {
            payload,
            encoding,
            access: access & STAMP_MASK,
            expire_at_ms,
        }
    }

    /// The string that this is, if it is one.
    pub fn text(&self) -> Option<Text<'_>> {
        match &self.payload {
            DetachedPayload::Int(integer) => Some(Text::Int(*integer)),
            DetachedPayload::Bytes(bytes) => Some(Text::Bytes(bytes)),
            DetachedPayload::Heap(Object::Raw(bytes)) => Some(Text::Bytes(bytes)),
            DetachedPayload::Heap(_) => None,
        }
    }
}

/// The place of a key. See the module's documentation.
pub struct Slot<'t, 'k> {
    pub(crate) txn: &'t mut Txn<'k>,
    pub(crate) at: usize,
    pub(crate) database: usize,
    pub(crate) hash: u64,
    pub(crate) key: &'t [u8],
    pub(crate) handle: Option<Handle>,
}

impl Slot<'_, '_> {
    /// Whether the key exists.
    #[inline]
    pub fn exists(&self) -> bool {
        self.handle.is_some()
    }

    /// The live entry.
    #[inline]
    pub fn found(&self) -> Option<Found<'_>> {
        self.handle.map(|handle| Found {
            map: &self.txn.held[self.at].guard.map,
            handle,
        })
    }

    /// The string that the key holds, if it exists.
    #[inline]
    pub fn text(&self) -> Result<Option<Text<'_>>, WrongType> {
        self.found().map(|found| found.text()).transpose()
    }

    /// The integer that the key holds, if it is kept as one.
    #[inline]
    pub fn kept_integer(&self) -> Option<i64> {
        self.txn.held[self.at].guard.map.int(self.handle?)
    }

    /// The collection that the key holds, if it exists.
    #[inline]
    pub fn collection<T: Collection>(&self) -> Result<Option<&T>, WrongType> {
        self.found().map(|found| found.collection()).transpose()
    }

    /// When the key expires.
    pub fn expire_at_ms(&self) -> Option<i64> {
        self.found().and_then(|found| found.expire_at_ms())
    }

    /// The time of the transaction.
    pub fn now_ms(&mut self) -> i64 {
        self.txn.now_ms()
    }

    /// Counts this lookup among hits and misses, and stamps the entry: for commands that read before they write.
    pub fn count_lookup(&mut self) {
        let found = self.exists();
        self.txn.count_lookup(self.database, self.key, found);
    }

    /// Announces an event of this key, see [`WriteTxn::notify`].
    #[inline]
    pub fn notify(&mut self, class: EventClass, event: &'static str) {
        self.txn.notify(self.database, class, event, self.key);
    }

    /// Sets the key to a string, whatever it held. The encoding becomes that of a new string.
    pub fn set(&mut self, bytes: &[u8], expiry: Expiry) -> Result<(), Abort> {
        let (encoding, integer) = StringEncoding::of(bytes);
        match integer {
            Some(integer) => self.replace(NewPayload::Int(integer), encoding, expiry),
            None => self.replace(string_payload(bytes), encoding, expiry),
        }
    }

    /// As [`Slot::set`], but digits stay text (the result of INCRBYFLOAT).
    pub fn set_text(&mut self, bytes: &[u8], expiry: Expiry) -> Result<(), Abort> {
        self.replace(
            string_payload(bytes),
            StringEncoding::of_text(bytes),
            expiry,
        )
    }

    /// As [`Slot::set`], but the string counts as changed in place: encoding `raw`. A long one is not copied.
    pub fn set_raw(&mut self, bytes: Vec<u8>, expiry: Expiry) -> Result<(), Abort> {
        let payload = if bytes.len() <= INLINE_LEN_MAX {
            NewPayload::Bytes(&bytes)
        } else {
            NewPayload::Heap(Object::Raw(bytes))
        };
        self.replace(payload, StringEncoding::Raw, expiry)
    }

    /// Sets the key to an integer and keeps its expiry.
    #[inline]
    pub fn set_integer(&mut self, integer: i64) -> Result<(), Abort> {
        if let Some(handle) = self.handle {
            // first, whatever the encoding: what follows is to be one look at the entry
            self.save_copy(handle)?;
            let map = &mut self.txn.held[self.at].guard.map;
            if map.encoding(handle) == StringEncoding::Int.code() && map.set_int(handle, integer) {
                self.txn
                    .note_change_in_place(self.at, self.database, self.key);
                self.txn.count_changes(1);
                return Ok(());
            }
        }
        self.replace(NewPayload::Int(integer), StringEncoding::Int, Expiry::Keep)
    }

    fn replace(
        &mut self,
        payload: NewPayload<'_, Object>,
        encoding: StringEncoding,
        expiry: Expiry,
    ) -> Result<(), Abort> {
        let expire_at = match expiry {
            Expiry::Keep => self.expire_at_ms(),
            Expiry::Clear => None,
            Expiry::At(ms) => Some(ms),
        };
        let saved = match (&self.txn.undo, self.handle) {
            (None, _) => true,
            (Some(undo), Some(_)) => undo.saved(self.database, self.hash, self.key) == Saved::Whole,
            (Some(_), None) => false,
        };
        match self.handle {
            Some(handle) if saved => {
                self.txn.held[self.at].changed.add(self.database);
                let guard = &mut self.txn.held[self.at].guard;
                guard.dequeue(self.database, handle);
                guard.heap_bytes += heap_bytes(&payload);
                let (mut handle, old) = guard.map.replace_payload(
                    self.database,
                    self.hash,
                    handle,
                    payload,
                    encoding.code(),
                );
                if guard.map.expire_at(handle) != expire_at {
                    handle = guard
                        .map
                        .set_expiry(self.database, self.hash, handle, expire_at);
                }
                if let Some(old) = old {
                    guard.heap_bytes -= old.heap_bytes() as i64;
                    self.txn.discard(old);
                }
                self.handle = Some(handle);
            }
            Some(handle) => {
                // as old as it was, if looking at it has not made it young: CLIENT NO-TOUCH
                let access = self.txn.held[self.at].guard.map.access(handle);
                self.take_out(handle)?;
                self.insert(payload, encoding.code(), expire_at, access);
            }
            None => {
                self.save_absent()?;
                self.insert(
                    payload,
                    encoding.code(),
                    expire_at,
                    self.txn.keyspace.usage.fresh(),
                );
            }
        }
        self.changed();
        Ok(())
    }

    /// Adds bytes to the end of a string, which becomes `raw`. The key exists and holds a string. Returns the new length.
    pub fn append(&mut self, bytes: &[u8]) -> Result<usize, Abort> {
        let handle = self.existing();
        self.save_copy(handle)?;
        let len = self.text_len();
        let handle = self.make_raw(handle, len + bytes.len())?;
        let guard = &mut self.txn.held[self.at].guard;
        if let Some(Object::Raw(string)) = guard.map.heap_mut(handle) {
            let before = string.capacity();
            string.extend_from_slice(bytes);
            let grown = string.capacity() - before;
            guard.heap_bytes += grown as i64;
        } else {
            self.handle = Some(guard.map.append(self.database, self.hash, handle, bytes));
        }
        self.changed();
        Ok(len + bytes.len())
    }

    /// Changes the bytes of a string in place, which becomes `raw` and, with zeros, at least `len_min` long.
    /// The key holds a string; one that does not exist is an empty one.
    pub fn edit_bytes<R>(
        &mut self,
        len_min: usize,
        change: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, Abort> {
        let result = self.edit_raw(len_min, change)?;
        self.changed();
        Ok(result)
    }

    /// Makes a string what [`Slot::edit_bytes`] makes of it where there turned out to be nothing to write: `raw`, and with
    /// zeros at least `len_min` long. Nobody is told of that, and it does not count as a change; a command that lengthens
    /// has to say by itself how to repeat it ([`WriteTxn::propagate`]).
    pub fn edit_nothing(&mut self, len_min: usize) -> Result<(), Abort> {
        self.edit_raw(len_min, |_| ())?;
        self.txn.held[self.at].changed.add(self.database);
        Ok(())
    }

    fn edit_raw<R>(
        &mut self,
        len_min: usize,
        change: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, Abort> {
        let handle = match self.handle {
            Some(handle) => {
                self.save_copy(handle)?;
                handle
            }
            None => self.create_zeros(len_min)?,
        };
        let len = self.text_len();
        let mut handle = self.make_raw(handle, len.max(len_min))?;
        let guard = &mut self.txn.held[self.at].guard;
        let result = if let Some(Object::Raw(string)) = guard.map.heap_mut(handle) {
            let before = string.capacity();
            if string.len() < len_min {
                string.resize(len_min, 0);
            }
            let grown = string.capacity() - before;
            let result = change(string);
            guard.heap_bytes += grown as i64;
            result
        } else {
            if len < len_min {
                handle = guard
                    .map
                    .resize_bytes(self.database, self.hash, handle, len_min);
                self.handle = Some(handle);
            }
            match guard.map.bytes_mut(handle) {
                Some(bytes) => change(bytes),
                None => unreachable!("a raw string is either inline or on the heap"),
            }
        };
        Ok(result)
    }

    /// Changes the elements of a collection. The key holds one of this type or does not exist: then it is created.
    /// A collection that is empty afterwards goes, and its key with it.
    ///
    /// Every primitive change counts as a change. Where there is none nothing is told to watchers.
    pub fn edit<T: Collection, R>(
        &mut self,
        change: impl FnOnce(&mut Edit<'_, T>) -> R,
    ) -> Result<R, Abort> {
        let limits = self.txn.keyspace.limits();
        let existed = self.exists();
        let (handle, of) = match self.handle {
            Some(handle) => {
                let of = self
                    .txn
                    .save_edit(self.at, self.database, self.hash, self.key, handle)?;
                (handle, of)
            }
            None => {
                self.save_absent()?;
                let payload = NewPayload::Heap(T::default().into());
                let access = self.txn.keyspace.usage.fresh();
                self.insert(payload, COLLECTION_CODE, None, access);
                (self.existing(), None)
            }
        };
        let Txn { undo, held, .. } = &mut *self.txn;
        let mut changes_of = undo
            .as_deref_mut()
            .zip(of)
            .map(|(undo, of)| ChangesOf { undo, of });
        let guard = &mut held[self.at].guard;
        let Some(value) = guard.map.heap_mut(handle).and_then(T::of_mut) else {
            unreachable!("the caller has looked that the key holds a collection of this type");
        };
        let before = value.heap_bytes();
        let journal = changes_of
            .as_mut()
            .map(|changes| changes as &mut dyn Journal);
        let mut edit = Edit::new(value, journal, &limits);
        let result = change(&mut edit);
        let (changes, has_changed) = (edit.changes(), edit.has_changed());
        let garbage = edit.take_garbage();
        let (after, is_empty) = (value.heap_bytes(), value.is_empty());
        let has_expiries = value.has_expiries();
        guard.heap_bytes += after as i64 - before as i64;
        if has_expiries {
            guard.enqueue(self.database, handle);
            held[self.at].changed.add(self.database);
        }
        if is_empty {
            self.take_out(handle)?;
            self.handle = None;
        }
        if !garbage.is_empty() {
            self.discard_all(garbage);
        }
        if has_changed || changes > 0 {
            if existed && !is_empty && !has_expiries {
                self.txn
                    .note_change_in_place(self.at, self.database, self.key);
            } else {
                self.note_change();
            }
        }
        self.txn.count_changes(changes);
        Ok(result)
    }

    #[cold]
    fn discard_all(&mut self, garbage: Vec<Object>) {
        for leftover in garbage {
            self.txn.discard(leftover);
        }
    }

    /// Where collections leave their packed encodings.
    #[inline]
    pub fn limits(&self) -> Limits {
        self.txn.keyspace.limits()
    }

    /// Changes an element of a packed collection in its place, which counts as one change. False, and nothing is changed, where
    /// `change` says so, where there is no collection of this type, or where changes of it are saved one by one:
    /// [`Slot::edit`] does it then.
    #[inline]
    pub fn change_in_place<T: Collection>(
        &mut self,
        change: impl FnOnce(&mut InPlace<'_, T>) -> bool,
    ) -> Result<bool, Abort> {
        let Some(handle) = self.handle else {
            return Ok(false);
        };
        let of = self
            .txn
            .save_edit(self.at, self.database, self.hash, self.key, handle)?;
        let map = &mut self.txn.held[self.at].guard.map;
        let value = map.heap_mut(handle).and_then(T::of_mut);
        let is_changed =
            of.is_none() && value.is_some_and(|value| change(&mut InPlace::new(value)));
        if is_changed {
            self.changed();
        }
        Ok(is_changed)
    }

    /// Makes the key hold a collection, whatever it held; an empty one leaves no key.
    pub fn set_collection<T: Collection>(&mut self, value: T, expiry: Expiry) -> Result<(), Abort> {
        if value.is_empty() {
            self.delete()?;
            return Ok(());
        }
        let expire_at = match expiry {
            Expiry::Keep => self.expire_at_ms(),
            Expiry::Clear => None,
            Expiry::At(ms) => Some(ms),
        };
        // as old as what it replaces, like a string that replaces another
        let access = match self.handle {
            Some(handle) => self.txn.held[self.at].guard.map.access(handle),
            None => self.txn.keyspace.usage.fresh(),
        };
        self.place(Detached {
            payload: DetachedPayload::Heap(value.into()),
            encoding: COLLECTION_CODE,
            access,
            expire_at_ms: expire_at,
        })
    }

    /// Creates the key as a string of zeros.
    fn create_zeros(&mut self, len: usize) -> Result<Handle, Abort> {
        self.save_absent()?;
        let zeros = [0; INLINE_LEN_MAX];
        let payload = match zeros.get(..len) {
            Some(bytes) => NewPayload::Bytes(bytes),
            None => NewPayload::Heap(Object::Raw(vec![0; len])),
        };
        self.insert(
            payload,
            StringEncoding::Raw.code(),
            None,
            self.txn.keyspace.usage.fresh(),
        );
        Ok(self.existing())
    }

    /// Gives a string the encoding `raw`, on the heap where it is to hold more than fits inline. Already saved.
    fn make_raw(&mut self, handle: Handle, len_wanted: usize) -> Result<Handle, Abort> {
        let guard = &mut self.txn.held[self.at].guard;
        let (is_raw, is_heap) = (
            guard.map.encoding(handle) == StringEncoding::Raw.code(),
            matches!(guard.map.payload(handle), Payload::Heap(_)),
        );
        if is_heap || (is_raw && len_wanted <= INLINE_LEN_MAX) {
            return Ok(handle);
        }
        let mut digits = itoa::Buffer::new();
        let bytes: Vec<u8> = match guard.map.payload(handle) {
            Payload::Int(integer) => digits.format(integer).as_bytes().to_vec(),
            Payload::Bytes(bytes) => bytes.to_vec(),
            Payload::Heap(Object::Raw(bytes)) => bytes.clone(),
            Payload::Heap(_) => unreachable!("the caller has looked that the key holds a string"),
        };
        let payload = if len_wanted <= INLINE_LEN_MAX {
            NewPayload::Bytes(&bytes)
        } else {
            let mut string = Vec::with_capacity(len_wanted);
            string.extend_from_slice(&bytes);
            guard.heap_bytes += string.capacity() as i64;
            NewPayload::Heap(Object::Raw(string))
        };
        let (handle, _) = guard.map.replace_payload(
            self.database,
            self.hash,
            handle,
            payload,
            StringEncoding::Raw.code(),
        );
        self.handle = Some(handle);
        Ok(handle)
    }

    /// Removes the key. Whether it existed.
    pub fn delete(&mut self) -> Result<bool, Abort> {
        let Some(handle) = self.handle else {
            return Ok(false);
        };
        self.take_out(handle)?;
        self.handle = None;
        self.changed();
        Ok(true)
    }

    /// Removes the key, if it exists, because the time that a command gives it has passed: it counts as expired, and the
    /// event `expired` is announced.
    pub fn delete_expired(&mut self) -> Result<bool, Abort> {
        let existed = self.delete()?;
        if existed {
            aside(&mut self.txn.aside).expired_by_command.keys += 1;
            self.notify(EventClass::EXPIRED, "expired");
        }
        Ok(existed)
    }

    /// Sets or clears when the key expires. The key exists.
    pub fn set_expiry(&mut self, expire_at_ms: Option<i64>) -> Result<(), Abort> {
        let handle = self.existing();
        self.save_copy(handle)?;
        let guard = &mut self.txn.held[self.at].guard;
        self.handle = Some(
            guard
                .map
                .set_expiry(self.database, self.hash, handle, expire_at_ms),
        );
        self.changed();
        Ok(())
    }

    /// A copy of the value, not used yet. The key exists.
    pub fn copy(&self) -> Detached {
        let handle = self.existing();
        let map = &self.txn.held[self.at].guard.map;
        Detached {
            payload: match map.payload(handle) {
                Payload::Int(integer) => DetachedPayload::Int(integer),
                Payload::Bytes(bytes) => DetachedPayload::Bytes(bytes.into()),
                Payload::Heap(object) => DetachedPayload::Heap(object.clone()),
            },
            encoding: map.encoding(handle),
            access: self.txn.keyspace.usage.fresh(),
            expire_at_ms: map.expire_at(handle),
        }
    }

    /// Takes the value out and removes the key, without a copy of a big value where nothing may be taken back. The key exists.
    pub fn take(&mut self) -> Result<Detached, Abort> {
        let value = self.detach()?;
        self.txn.count_changes(1);
        Ok(value)
    }

    /// As [`Slot::take`], but counts no change: it is half of one. Elsewhere it is new, as in the reference.
    fn detach(&mut self) -> Result<Detached, Abort> {
        let handle = self.existing();
        if self.txn.undo.is_none()
            && let Payload::Heap(_) = self.txn.held[self.at].guard.map.payload(handle)
        {
            let guard = &mut self.txn.held[self.at].guard;
            let (encoding, expire_at_ms) =
                (guard.map.encoding(handle), guard.map.expire_at(handle));
            guard.dequeue(self.database, handle);
            if let Some(object) = guard.map.remove(self.database, self.hash, handle) {
                guard.heap_bytes -= object.heap_bytes() as i64;
                self.handle = None;
                self.note_change();
                return Ok(Detached {
                    payload: DetachedPayload::Heap(object),
                    encoding,
                    access: self.txn.keyspace.usage.fresh(),
                    expire_at_ms,
                });
            }
        }
        let value = self.copy();
        self.take_out(handle)?;
        self.handle = None;
        self.note_change();
        Ok(value)
    }

    /// Makes this key hold a value from elsewhere, replacing what it held.
    pub fn put(&mut self, value: Detached) -> Result<(), Abort> {
        if self.exists() {
            // unlike SET, what moves a whole value makes a new key of it
            self.notify(EventClass::NEW, "new");
        }
        self.place(value)
    }

    /// As [`Slot::put`], without saying that the key is new where it is not.
    fn place(&mut self, value: Detached) -> Result<(), Abort> {
        if let Some(handle) = self.handle.take() {
            self.take_out(handle)?;
        } else {
            self.save_absent()?;
        }
        let payload = match &value.payload {
            DetachedPayload::Int(integer) => NewPayload::Int(*integer),
            DetachedPayload::Bytes(bytes) => NewPayload::Bytes(bytes),
            DetachedPayload::Heap(_) => {
                let DetachedPayload::Heap(object) = value.payload else {
                    unreachable!("matched above")
                };
                self.insert(
                    NewPayload::Heap(object),
                    value.encoding,
                    value.expire_at_ms,
                    value.access,
                );
                self.changed();
                return Ok(());
            }
        };
        self.insert(payload, value.encoding, value.expire_at_ms, value.access);
        self.changed();
        Ok(())
    }

    fn insert(
        &mut self,
        payload: NewPayload<'_, Object>,
        encoding: u8,
        expire_at: Option<i64>,
        access: u32,
    ) {
        let guard = &mut self.txn.held[self.at].guard;
        guard.heap_bytes += heap_bytes(&payload);
        let has_expiries = matches!(&payload, NewPayload::Heap(object) if object.has_expiries());
        let entry = NewEntry {
            key: self.key,
            payload,
            encoding,
            expire_at,
            access,
        };
        let handle = guard.map.insert(self.database, self.hash, entry);
        if has_expiries {
            guard.enqueue(self.database, handle);
            if let Some(undo) = &mut self.txn.undo {
                undo.note_hash(self.hash);
            }
        }
        self.handle = Some(handle);
    }

    fn whereabouts(&self) -> Place {
        Place {
            stripe: self.txn.held[self.at].stripe,
            database: self.database as u32,
            hash: self.hash,
            key: self.key.into(),
        }
    }

    fn existing(&self) -> Handle {
        match self.handle {
            Some(handle) => handle,
            None => unreachable!("the caller has looked that the key exists"),
        }
    }

    fn text_len(&self) -> usize {
        match self.text() {
            Ok(Some(text)) => text.len(),
            _ => unreachable!("the caller has looked that the key holds a string"),
        }
    }

    #[inline]
    fn changed(&mut self) {
        self.note_change();
        self.txn.count_changes(1);
    }

    #[inline]
    fn note_change(&mut self) {
        self.txn.note_change(self.at, self.database, self.key);
    }

    // What can abort does so before the first change of this command: saving comes first.

    #[inline(always)]
    fn save_copy(&mut self, handle: Handle) -> Result<(), Abort> {
        self.txn
            .save_copy(self.at, self.database, self.hash, self.key, handle)
    }

    /// Whatever creates the key passes here first, so this is where that is announced.
    #[inline(always)]
    fn save_absent(&mut self) -> Result<(), Abort> {
        self.txn
            .save_absent(self.at, self.database, self.hash, self.key)?;
        self.notify(EventClass::NEW, "new");
        Ok(())
    }

    fn take_out(&mut self, handle: Handle) -> Result<(), Abort> {
        self.txn
            .take_out(self.at, self.database, self.hash, self.key, handle)
    }
}

/// The journal of one collection: a part of the undo log.
struct ChangesOf<'u> {
    undo: &'u mut UndoLog,
    of: u32,
}

impl Journal for ChangesOf<'_> {
    fn record(&mut self, inverse: Inverse) {
        self.undo.change(self.of, inverse);
    }
}

impl WriteTxn<'_, '_> {
    /// Moves a value, with its expiry, from a key of the selected database to one that may be in another; what that
    /// held is gone. One change. The key exists.
    pub fn relocate(&mut self, key: &[u8], database: usize, new_key: &[u8]) -> Result<(), Abort> {
        // taken first: where it cannot be had, nothing has changed yet
        self.slot_in(database, new_key)?;
        let mut slot = self.slot(key)?;
        let is_big = slot.found().is_some_and(|found| found.object().is_some());
        let is_moved = slot.database != database || key != new_key;
        if is_big && is_moved && slot.txn.undo.is_some() {
            return self.relocate_recorded(key, database, new_key);
        }
        let value = slot.detach()?;
        self.slot_in(database, new_key)?.put(value)
    }

    /// As [`WriteTxn::relocate`], for what is not copied, though it may have to come back.
    fn relocate_recorded(
        &mut self,
        key: &[u8],
        database: usize,
        new_key: &[u8],
    ) -> Result<(), Abort> {
        let mut slot = self.slot_in(database, new_key)?;
        slot.notify(EventClass::NEW, "new");
        if let Some(handle) = slot.handle.take() {
            slot.take_out(handle)?;
        }
        let to = slot.whereabouts();

        let mut slot = self.slot(key)?;
        let (from, handle) = (slot.whereabouts(), slot.existing());
        slot.txn.held[slot.at].changed.add(slot.database);
        let guard = &mut slot.txn.held[slot.at].guard;
        let relocated = Relocated {
            from,
            to,
            encoding: guard.map.encoding(handle),
            expire_at_ms: guard.map.expire_at(handle),
            access: guard.map.access(handle),
        };
        guard.dequeue(slot.database, handle);
        let Some(object) = guard.map.remove(slot.database, slot.hash, handle) else {
            unreachable!("the caller has looked that the value is an object");
        };
        guard.heap_bytes -= object.heap_bytes() as i64;
        slot.handle = None;
        slot.note_change();

        let (encoding, expire_at_ms) = (relocated.encoding, relocated.expire_at_ms);
        let mut slot = self.slot_in(database, new_key)?;
        let access = slot.txn.keyspace.usage.fresh();
        slot.txn.held[slot.at].changed.add(database);
        slot.insert(NewPayload::Heap(object), encoding, expire_at_ms, access);
        slot.changed();
        slot.txn.save_move(relocated)
    }
}

fn string_payload(bytes: &[u8]) -> NewPayload<'_, Object> {
    if bytes.len() <= INLINE_LEN_MAX {
        NewPayload::Bytes(bytes)
    } else {
        NewPayload::Heap(Object::Raw(bytes.to_vec()))
    }
}

fn heap_bytes(payload: &NewPayload<'_, Object>) -> i64 {
    match payload {
        NewPayload::Heap(object) => object.heap_bytes() as i64,
        _ => 0,
    }
}
