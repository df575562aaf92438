//! What commands see of a transaction: the reading side, the writing side, and entries.

use std::sync::atomic::Ordering;

use perilune_structures::{Handle, Payload};
use perilune_value::rdb::VersionCheck;
use perilune_value::{Collection, Limits, Object, StringEncoding, Text, WrongType};
use smallvec::SmallVec;

use super::{Abort, AccessMode, Txn};
use crate::announce::EventClass;
use crate::plan::StripeIndex;
use crate::slot::Slot;
use crate::stripe::Map;
use crate::waiters::Wait;

/// A live entry, as a handler reads it.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    pub(crate) map: &'a Map,
    pub(crate) handle: Handle,
}

impl<'a> Found<'a> {
    /// The string that the key holds.
    ///
    /// # Errors
    /// If it holds another type.
    #[inline]
    pub fn text(&self) -> Result<Text<'a>, WrongType> {
        match self.map.payload(self.handle) {
            Payload::Int(integer) => Ok(Text::Int(integer)),
            Payload::Bytes(bytes) => Ok(Text::Bytes(bytes)),
            Payload::Heap(Object::Raw(bytes)) => Ok(Text::Bytes(bytes)),
            Payload::Heap(_) => Err(WrongType),
        }
    }

    /// The collection that the key holds.
    ///
    /// # Errors
    /// If it holds another type.
    #[inline]
    pub fn collection<T: Collection>(&self) -> Result<&'a T, WrongType> {
        self.object().and_then(T::of).ok_or(WrongType)
    }

    /// The value, if it is too big to stand in its entry, or a collection.
    #[inline]
    pub fn object(&self) -> Option<&'a Object> {
        self.map.object(self.handle)
    }

    /// The type's name, as TYPE answers it.
    pub fn type_name(&self) -> &'static str {
        self.object().map_or("string", Object::type_name)
    }

    /// The encoding's name, as OBJECT ENCODING answers it.
    pub fn encoding_name(&self) -> &'static str {
        match self.object() {
            Some(object) => object.encoding_name(),
            None => StringEncoding::from_code(self.map.encoding(self.handle)).name(),
        }
    }

    /// When the key expires, in milliseconds since the Unix epoch.
    pub fn expire_at_ms(&self) -> Option<i64> {
        self.map.expire_at(self.handle)
    }

    /// The stamp of its use: its time (see [`ReadTxn::access_clock`]), or its frequency (see [`ReadTxn::frequency`]).
    pub fn access(&self) -> u32 {
        self.map.access(self.handle)
    }

    /// The key itself.
    pub fn key(&self) -> &'a [u8] {
        self.map.key(self.handle)
    }

    /// Bytes that key, value and their share of the table take.
    pub fn memory_bytes(&self) -> usize {
        let heap = match self.map.payload(self.handle) {
            Payload::Heap(object) => size_of::<Object>() + object.heap_bytes(),
            _ => 0,
        };
        self.map.entry_bytes(self.handle) + heap
    }
}

/// What a reading command may do.
pub struct ReadTxn<'t, 'k> {
    pub(crate) txn: &'t mut Txn<'k>,
}

impl<'t, 'k> ReadTxn<'t, 'k> {
    /// The reading side of a transaction.
    #[inline]
    pub fn new(txn: &'t mut Txn<'k>) -> Self {
        Self { txn }
    }

    /// See [`Txn::set_wants_order`].
    pub fn wants_order(&self) -> bool {
        self.txn.wants_order
    }

    /// The live entry of a key, for reading its value: counts as a hit or a miss and stamps the entry.
    #[inline]
    pub fn find(&mut self, key: &[u8]) -> Result<Option<Found<'_>>, Abort> {
        let database = self.txn.database;
        let hash = self.txn.hash_of(key);
        if let Some(handle) = self.txn.recall(database, hash, key, self.txn.access) {
            self.txn.tally_lookup(true);
            let map = &self.txn.held[0].guard.map;
            return Ok(Some(Found { map, handle }));
        }
        let (at, handle) = self.txn.locate(database, hash, key)?;
        self.txn.count_lookup(database, key, handle.is_some());
        let Some(handle) = handle else {
            return Ok(None);
        };
        self.txn.touch(at, handle);
        Ok(Some(Found {
            map: &self.txn.held[at].guard.map,
            handle,
        }))
    }

    /// As [`ReadTxn::find`], for several keys that are to be read together.
    pub fn find_all<K: AsRef<[u8]>>(
        &mut self,
        keys: &[K],
    ) -> Result<SmallVec<[Option<Found<'_>>; 4]>, Abort> {
        self.find_all_until(keys, |_| false)
    }

    /// As [`ReadTxn::find_all`], but no key is looked up behind one whose value `is_wrong`: a command that fails for its type has
    /// neither counted nor announced what it has not come to. The answer ends with that one.
    pub fn find_all_until<K: AsRef<[u8]>>(
        &mut self,
        keys: &[K],
        is_wrong: impl Fn(Found<'_>) -> bool,
    ) -> Result<SmallVec<[Option<Found<'_>>; 4]>, Abort> {
        let mut handles: SmallVec<[(StripeIndex, Option<Handle>); 4]> =
            SmallVec::with_capacity(keys.len());
        for key in keys {
            let found = self.find(key.as_ref())?;
            let is_last = found.is_some_and(&is_wrong);
            let handle = found.map(|found| found.handle);
            handles.push((self.txn.keyspace.stripe_of(key.as_ref()), handle));
            if is_last {
                break;
            }
        }
        // only now, as a stripe's place among the held ones changes when another is taken
        let found = |(stripe, handle): (StripeIndex, Option<Handle>)| {
            handle.map(|handle| Found {
                map: &self.txn.held[self.txn.held_at(stripe)].guard.map,
                handle,
            })
        };
        Ok(handles.into_iter().map(found).collect())
    }

    /// Stamps a key as used now, if it is there, whatever the client says of others (CLIENT NO-TOUCH). Whether it is.
    pub fn touch(&mut self, key: &[u8]) -> Result<bool, Abort> {
        let access = std::mem::replace(&mut self.txn.access, AccessMode::Touch);
        let found = self.find(key).map(|found| found.is_some());
        self.txn.access = access;
        found
    }

    /// The live entry of a key, for asking about it: leaves no trace (TYPE, TTL, OBJECT).
    pub fn peek(&mut self, key: &[u8]) -> Result<Option<Found<'_>>, Abort> {
        self.peek_in(self.txn.database, key)
    }

    /// The entry of a key as it lies there, expired or not.
    pub fn peek_raw(&mut self, key: &[u8]) -> Result<Option<Found<'_>>, Abort> {
        let database = self.txn.database;
        let hash = self.txn.hash_of(key);
        let at = self.txn.hold(StripeIndex::of_hash(hash))?;
        let map = &self.txn.held[at].guard.map;
        Ok(map
            .find(database, hash, key)
            .map(|handle| Found { map, handle }))
    }

    /// As [`ReadTxn::peek`], in another database.
    pub fn peek_in(&mut self, database: usize, key: &[u8]) -> Result<Option<Found<'_>>, Abort> {
        let hash = self.txn.hash_of(key);
        let known = self.txn.recall(database, hash, key, AccessMode::NoTouch);
        let (at, handle) = match known {
            Some(_) => (0, known),
            None => self.txn.locate(database, hash, key)?,
        };
        Ok(handle.map(|handle| Found {
            map: &self.txn.held[at].guard.map,
            handle,
        }))
    }

    /// Counts a lookup that [`ReadTxn::peek`] made, for commands that Redis counts although they only ask. A miss is an
    /// event, as one of [`ReadTxn::find`] is.
    pub fn count_lookup(&mut self, key: &[u8], found: bool) {
        self.txn.count_lookup(self.txn.database, key, found);
    }

    /// As [`ReadTxn::count_lookup`], for OBJECT, whose misses are no events.
    pub fn count_lookup_quietly(&mut self, found: bool) {
        self.txn.tally_lookup(found);
    }

    /// The time of this transaction, in milliseconds since the Unix epoch.
    pub fn now_ms(&mut self) -> i64 {
        self.txn.now_ms()
    }

    /// The selected database.
    pub fn database(&self) -> usize {
        self.txn.database
    }

    /// The number of databases.
    pub fn database_count(&self) -> usize {
        self.txn.keyspace.database_count()
    }

    /// The number of keys in the selected database, this transaction's own changes included.
    pub fn len(&self) -> usize {
        let database = self.txn.database;
        let own: i64 = self
            .txn
            .held
            .iter()
            .filter(|h| !h.changed.is_empty())
            .map(|h| h.guard.map.len(database) as i64 - h.guard.published_keys(database))
            .sum();
        (self.txn.keyspace.databases[database]
            .keys
            .load(Ordering::Relaxed)
            + own)
            .max(0) as usize
    }

    /// Whether the selected database has no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A random number, the same again in a rerun of this transaction.
    pub fn random(&mut self) -> u64 {
        self.txn.random()
    }

    /// The longest string that may be built, in bytes (`proto-max-bulk-len`).
    pub fn string_len_max(&self) -> usize {
        self.txn.keyspace.string_len_max()
    }

    /// Which versions of payloads are read (`rdb-version-check`).
    pub fn version_check(&self) -> VersionCheck {
        self.txn.keyspace.version_check()
    }

    /// The limits of packed collections, for those that are built outside their place.
    pub fn limits(&self) -> Limits {
        self.txn.keyspace.limits()
    }

    /// The clock of uses, to compare [`Found::access`] with where [uses are not counted](Self::counts_uses).
    pub fn access_clock(&self) -> u32 {
        self.txn.keyspace.access_clock()
    }

    /// Are uses counted, and their times not noted? So it is with an LFU policy.
    pub fn counts_uses(&self) -> bool {
        self.txn.keyspace.usage.counts()
    }

    /// The counter in a [stamp](Found::access): about the logarithm of the number of uses, where they are counted.
    pub fn frequency(&self, stamp: u32) -> u8 {
        self.txn.keyspace.usage.counter(stamp)
    }

    /// The stamp of an entry that comes from outside, with what is told of its use: since when it was not used, in seconds, or its
    /// [frequency](Self::frequency). What does not fit the policy is not looked at.
    pub fn use_told(&self, idle_s: Option<u32>, frequency: Option<u8>) -> u32 {
        self.txn.keyspace.usage.told(idle_s, frequency)
    }
}

/// What a writing command may do: all that a reading one may, and change.
pub struct WriteTxn<'t, 'k> {
    read: ReadTxn<'t, 'k>,
}

impl<'t, 'k> std::ops::Deref for WriteTxn<'t, 'k> {
    type Target = ReadTxn<'t, 'k>;
    fn deref(&self) -> &Self::Target {
        &self.read
    }
}

impl std::ops::DerefMut for WriteTxn<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.read
    }
}

impl<'t, 'k> WriteTxn<'t, 'k> {
    /// The writing side of a transaction.
    #[inline]
    pub fn new(txn: &'t mut Txn<'k>) -> Self {
        Self {
            read: ReadTxn { txn },
        }
    }

    /// The place of a key in the selected database, whether there is an entry or not. An entry is stamped as used.
    #[inline(always)]
    pub fn slot<'s>(&'s mut self, key: &'s [u8]) -> Result<Slot<'s, 'k>, Abort> {
        let database = self.read.txn.database;
        self.slot_in(database, key)
    }

    /// As [`WriteTxn::slot`], in another database.
    ///
    /// Part of its caller, always: a slot that comes back as a result is copied in halves of 16 bytes right after it was written
    /// in eights, for which a processor waits. A script of 100 INCRs took 1.06 of its time with that.
    #[inline(always)]
    pub fn slot_in<'s>(
        &'s mut self,
        database: usize,
        key: &'s [u8],
    ) -> Result<Slot<'s, 'k>, Abort> {
        let txn = &mut *self.read.txn;
        let hash = txn.hash_of(key);
        let (at, handle) = match txn.recall(database, hash, key, txn.access) {
            Some(handle) => (0, Some(handle)),
            None => txn.reach(database, hash, key)?,
        };
        Ok(Slot {
            txn,
            at,
            database,
            hash,
            key,
            handle,
        })
    }

    /// Waits, having found nothing and changed nothing; there is no answer then. False where the command may not wait (inside
    /// of EXEC and scripts): it answers at once that there is nothing.
    pub fn wait(&mut self, wait: Wait) -> bool {
        let txn = &mut *self.read.txn;
        if txn.may_wait {
            super::aside(&mut txn.aside).wait = Some(wait);
        }
        txn.may_wait
    }

    /// Whether a key's stripe is held. A blocking command that is being served passes over keys that are not at hand: nothing has
    /// become ready there. Elsewhere every key is.
    pub fn has_at_hand(&self, key: &[u8]) -> bool {
        let txn = &*self.read.txn;
        !txn.is_service() || {
            let stripe = txn.keyspace.stripe_of(key);
            txn.held.iter().any(|held| held.stripe == stripe)
        }
    }

    /// Counts changes beyond those that [`Slot`] counts by itself (the keys that FLUSHDB removes).
    pub fn count_changes(&mut self, changes: u64) {
        self.read.txn.count_changes(changes);
    }

    /// Says that `event` happened to `key` of the selected database. It is announced when the transaction commits, in the
    /// order of the calls, and not at all if it is taken back. One relaxed load where nobody listens to `class`.
    ///
    /// `class` is exactly one class ([`EventClass::LIST`]), `event` its name in Redis (`"lpush"`). Called after the change,
    /// where the reference calls `notifyKeyspaceEvent`. Three events come by themselves and are never to be
    /// announced by a command: `new` (from the [`Slot`] that creates a key), `keymiss` (from [`ReadTxn::find`],
    /// [`ReadTxn::count_lookup`] and [`Slot::count_lookup`]) and `expired`.
    ///
    /// With a [`Slot`] in hand, [`Slot::notify`] spares the key.
    #[inline]
    pub fn notify(&mut self, class: EventClass, event: &'static str, key: &[u8]) {
        let database = self.read.txn.database;
        self.read.txn.notify(database, class, event, key);
    }

    /// As [`WriteTxn::notify`], for a key of another database.
    #[inline]
    pub fn notify_in(
        &mut self,
        database: usize,
        class: EventClass,
        event: &'static str,
        key: &[u8],
    ) {
        self.read.txn.notify(database, class, event, key);
    }

    /// Says how to repeat what this command changed, instead of the command as it came (EXPIRE -> PEXPIREAT). May be called several times, for several commands.
    pub fn propagate<A: AsRef<[u8]>>(&mut self, arguments: &[A]) {
        let txn = &mut *self.read.txn;
        txn.effect_is_own = true;
        if txn.keyspace.consuming() {
            let database = txn.database;
            super::aside(&mut txn.aside)
                .effects
                .push(database, arguments);
        }
    }

    /// As [`WriteTxn::propagate`], for what it takes some work to say: it is asked only where somebody wants to know.
    #[inline]
    pub fn propagate_with<A: AsRef<[u8]>>(&mut self, effect: impl FnOnce() -> Vec<A>) {
        let txn = &mut *self.read.txn;
        txn.effect_is_own = true;
        if txn.keyspace.consuming() {
            self.propagate(&effect());
        }
    }

    /// What this transaction removes is to be freed when it is answered, and not at some time after.
    pub fn free_before_answer(&mut self) {
        super::aside(&mut self.read.txn.aside).garbage.in_place = true;
    }

    /// Removes all keys of a database; how many they were.
    pub fn clear(&mut self, database: usize) -> Result<u64, Abort> {
        self.read.txn.clear_database(database)
    }

    /// Lets two databases change places.
    pub fn swap(&mut self, a: usize, b: usize) -> Result<(), Abort> {
        if a != b {
            self.read.txn.swap_databases(a, b)?;
        }
        self.read.txn.count_changes(1);
        Ok(())
    }
}
