//! What undo needs to know, and taking back.
//!
//! Whatever changes an entry first calls [`Txn::save_copy`], [`Txn::save_absent`] or [`Txn::take_out`]. Without a
//! record they only note that the stripe has changed.

use perilune_structures::{Handle, NewEntry, NewPayload, Payload};
use perilune_value::Object;

use super::{Abort, Aside, Held, Savepoint, Txn, aside};
use crate::plan::STRIPE_COUNT;
use crate::reclaim::record_takes_long;
use crate::undo::{Prior, Relocated, Saved, SavedPayload, SpareRecord, Undo, UndoLog, new_record};
use crate::watch::Presence;

/// A packed collection that is edited again more often is copied after all.
const EDITS_IN_PLACE_MAX: u32 = 3;

impl Txn<'_> {
    /// Records everything from now on, so that it can be taken back.
    pub fn record(&mut self) {
        if self.undo.is_none() && !self.record_dropped {
            self.undo = new_record();
        }
    }

    /// As [`Txn::record`], into the record that another transaction has left, if there is one.
    pub fn record_in(&mut self, spare: Option<SpareRecord>) {
        match spare {
            Some(SpareRecord(record)) if self.undo.is_none() && !self.record_dropped => {
                self.undo = Some(record);
            }
            _ => self.record(),
        }
    }

    /// Says whether the transaction, or the part of it that begins here, must be all or nothing: past the undo limit it does not
    /// go on without a record, and its owner fails it, who asks [`Txn::record_is_full`].
    pub fn set_all_or_nothing(&mut self, on: bool) {
        self.may_drop_record = !on;
        self.must_look = on || self.record_dropped;
    }

    /// Whether it must be all or nothing.
    #[inline]
    pub fn is_all_or_nothing(&self) -> bool {
        !self.may_drop_record
    }

    /// Whether its owner has to look after each command: at [`Txn::record_is_full`], [`Txn::record_was_dropped`] and
    /// [`Txn::check_record`].
    #[inline]
    pub fn needs_a_look(&self) -> bool {
        self.must_look
    }

    /// Saves an entry's state before it is changed in place.
    ///
    /// Part of its caller, always, as far as a plain command goes: to be called for nothing cost an INCR a hundredth.
    #[inline(always)]
    pub(crate) fn save_copy(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
    ) -> Result<(), Abort> {
        self.held[at].changed_in_place = true;
        match self.undo {
            None => Ok(()),
            Some(_) => self.save_copy_if_new(at, database, hash, key, handle),
        }
    }

    /// As [`Txn::save_copy`], where there is a record.
    #[inline(never)]
    fn save_copy_if_new(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
    ) -> Result<(), Abort> {
        match &self.undo {
            Some(undo)
                if undo.saved_last(database, hash, key) == Saved::No
                    && undo.saved_earlier(database, hash, key) == Saved::No =>
            {
                self.save_fresh(at, database, hash, key, handle)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Saves an entry that has not been saved. What is saved of it now.
    #[inline(never)]
    fn save_fresh(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
    ) -> Result<Saved, Abort> {
        let Some(undo) = &mut self.undo else {
            unreachable!("the caller has looked that there is a record");
        };
        let held = &self.held[at];
        let map = &held.guard.map;
        let (expire_at_ms, access) = (map.expire_at(handle), map.access(handle));
        let copied = |payload| Prior::Copied {
            payload,
            encoding: map.encoding(handle),
            expire_at_ms,
            access,
        };
        let is_changed_in_place =
            |object: &&Object| !object.is_packed() || object.is_long_to_copy();
        let prior = match map.object(handle).filter(is_changed_in_place) {
            Some(object) => {
                if let Object::Hash(_) = object {
                    undo.note_hash(hash);
                }
                Prior::InPlace {
                    expire_at_ms,
                    access,
                    edits: 0,
                }
            }
            None => copied(match map.payload(handle) {
                Payload::Int(integer) => SavedPayload::Int(integer),
                Payload::Bytes(bytes) => SavedPayload::Bytes(bytes.into()),
                Payload::Heap(object) => SavedPayload::Heap(object.clone()),
            }),
        };
        let saved = match prior {
            Prior::InPlace { .. } => Saved::InPlace(undo.records.len() as u32),
            _ => Saved::Whole,
        };
        undo.save(held.stripe, database, hash, key, prior);
        self.check_record()?;
        Ok(saved)
    }

    /// As [`Txn::save_copy`], before the elements of a collection are changed. Where that has not saved them, the
    /// number of the record that the inverses of the changes belong to.
    #[inline(always)]
    pub(crate) fn save_edit(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
    ) -> Result<Option<u32>, Abort> {
        self.held[at].changed_in_place = true;
        match self.undo {
            None => Ok(None),
            Some(_) => self.save_edit_if_new(at, database, hash, key, handle),
        }
    }

    /// As [`Txn::save_edit`], where there is a record.
    #[inline(never)]
    fn save_edit_if_new(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
    ) -> Result<Option<u32>, Abort> {
        let Some(undo) = &self.undo else {
            return Ok(None);
        };
        match undo.saved_last(database, hash, key) {
            Saved::Whole => Ok(None),
            Saved::InPlace(record) => self.save_next_edit(at, database, hash, key, handle, record),
            Saved::No => self.save_edit_anew(at, database, hash, key, handle),
        }
    }

    /// As [`Txn::save_edit`], of an entry that the last record has not saved as a whole.
    #[inline(never)]
    fn save_edit_anew(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
    ) -> Result<Option<u32>, Abort> {
        let Some(undo) = &self.undo else {
            return Ok(None);
        };
        match undo.saved_earlier(database, hash, key) {
            Saved::Whole => Ok(None),
            Saved::InPlace(record) => self.save_next_edit(at, database, hash, key, handle, record),
            Saved::No => match self.save_fresh(at, database, hash, key, handle)? {
                Saved::InPlace(record) => Ok(self.undo.is_some().then_some(record)),
                Saved::Whole | Saved::No => Ok(None),
            },
        }
    }

    /// As [`Txn::save_edit`], of an entry that a record has saved in place.
    #[inline(never)]
    fn save_next_edit(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
        record: u32,
    ) -> Result<Option<u32>, Abort> {
        let Some(undo) = &mut self.undo else {
            return Ok(None);
        };
        let is_saved_whole = undo.count_edit(record) > EDITS_IN_PLACE_MAX
            && self.save_packed(at, database, hash, key, handle);
        // inverses pile up without asking, so the limit is asked for here
        self.check_record()?;
        Ok((self.undo.is_some() && !is_saved_whole).then_some(record))
    }

    /// Saves a collection as it is now after all, behind the inverses of what was changed before, if it can be copied. Whether it was.
    #[cold]
    fn save_packed(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
    ) -> bool {
        let held = &self.held[at];
        let map = &held.guard.map;
        let (Some(undo), Payload::Heap(object)) = (&mut self.undo, map.payload(handle)) else {
            return false;
        };
        let is_packed = object.is_packed();
        if is_packed {
            let prior = Prior::Copied {
                payload: SavedPayload::Heap(object.clone()),
                encoding: map.encoding(handle),
                expire_at_ms: map.expire_at(handle),
                access: map.access(handle),
            };
            undo.save(held.stripe, database, hash, key, prior);
        }
        is_packed
    }

    /// Saves that a key does not exist, before it is created. Part of its caller, as [`Txn::save_copy`] is.
    #[inline(always)]
    pub(crate) fn save_absent(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
    ) -> Result<(), Abort> {
        self.held[at].changed.add(database);
        match self.undo {
            None => Ok(()),
            Some(_) => self.save_absent_if_new(at, database, hash, key),
        }
    }

    /// As [`Txn::save_absent`], where there is a record.
    #[inline(never)]
    fn save_absent_if_new(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
    ) -> Result<(), Abort> {
        let Some(undo) = &mut self.undo else {
            return Ok(());
        };
        if undo.saved(database, hash, key) != Saved::No {
            return Ok(());
        }
        undo.save(self.held[at].stripe, database, hash, key, Prior::Absent);
        self.check_record()
    }

    /// Saves that a value has been moved.
    pub(crate) fn save_move(&mut self, relocated: Relocated) -> Result<(), Abort> {
        if let Some(undo) = &mut self.undo {
            undo.relocate(relocated);
        }
        self.check_record()
    }

    /// Takes an entry out: into the record where there is one and it has not been saved, else for good.
    pub(crate) fn take_out(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
    ) -> Result<(), Abort> {
        let held = &mut self.held[at];
        held.changed.add(database);
        if let Some(undo) = &mut self.undo
            && undo.saved(database, hash, key) != Saved::Whole
        {
            undo.add_moved(held.guard.map.entry_bytes(handle));
            if let Payload::Heap(object) = held.guard.map.payload(handle) {
                undo.add_moved(object.heap_bytes());
            }
            held.guard.dequeue(database, handle);
            held.guard.map.detach(database, hash, handle);
            undo.save(held.stripe, database, hash, key, Prior::Moved(handle));
            return self.check_record();
        }
        held.guard.dequeue(database, handle);
        if let Some(object) = held.guard.map.remove(database, hash, handle) {
            held.guard.heap_bytes -= object.heap_bytes() as i64;
            self.discard(object);
        }
        Ok(())
    }

    /// Past its limit a record is given up, with all stripes held, or the transaction fails.
    ///
    /// # Errors
    /// [`Abort`] where it does not hold all stripes yet.
    #[inline]
    pub fn check_record(&mut self) -> Result<(), Abort> {
        if self.record_bytes() <= self.keyspace.undo_limit_bytes() || !self.may_drop_record {
            // an all-or-nothing transaction is failed by its owner, who asks `record_is_full`
            return Ok(());
        }
        self.drop_record()
    }

    #[cold]
    fn drop_record(&mut self) -> Result<(), Abort> {
        if self.undo.is_some() && self.held.len() < STRIPE_COUNT {
            self.wants_all = true;
            return Err(Abort);
        }
        self.record_dropped = true;
        self.must_look = true;
        if let Some(mut undo) = self.undo.take() {
            self.free_moved(&mut undo);
            // at once: the transaction may go on for long, and this is as much as it may hold
            self.keyspace.reclaimer.free_record(undo);
        }
        Ok(())
    }

    /// Whether the record has outgrown its limit and may not be given up.
    pub fn record_is_full(&self) -> bool {
        !self.may_drop_record && self.record_bytes() > self.keyspace.undo_limit_bytes()
    }

    /// Bytes of all that is kept until the commit.
    #[inline]
    fn record_bytes(&self) -> usize {
        let aside_bytes =
            |aside: &Aside| aside.effects.memory_bytes() + aside.announcements.memory_bytes();
        self.undo.as_ref().map_or(0, |undo| undo.bytes())
            + self.aside.as_deref().map_or(0, aside_bytes)
    }

    /// Whether everything done so far can still be taken back. Where not, a panic must end the process: half-changed data is worse than none.
    pub fn can_roll_back(&self) -> bool {
        self.undo.is_some()
            || (self.changes == 0
                && !self.record_dropped
                && !self.held.iter().any(Held::is_changed))
    }

    /// Whether the record was given up because it outgrew its limit.
    pub fn record_was_dropped(&self) -> bool {
        self.record_dropped
    }

    /// Marks this moment, for [`Txn::roll_back_to`]. None without a record.
    pub fn savepoint(&mut self) -> Option<Savepoint> {
        let undo = self.undo.as_mut()?;
        Some(Savepoint {
            record: undo.mark(),
            effects: self.aside.as_ref().map_or(0, |aside| aside.effects.len()),
            announcements: self.announcements().len(),
            touched: self.aside.as_ref().map_or(0, |aside| aside.touched.len()),
            swaps: self.aside.as_ref().map_or(0, |aside| aside.swaps.len()),
            expired_by_command: self
                .aside
                .as_ref()
                .map_or_else(Default::default, |aside| aside.expired_by_command),
            changes: self.changes,
            database: self.database,
        })
    }

    /// Takes back everything since a savepoint; what was before it stays to be committed. False where the record was given up since: then nothing is taken back.
    pub fn roll_back_to(&mut self, savepoint: Savepoint) -> bool {
        let Some(undo) = self.undo.as_mut() else {
            return false;
        };
        let takes_long = record_takes_long(undo);
        let records = undo.split_off(savepoint.record);
        self.restore_all(records, savepoint.record.records());
        if takes_long {
            self.keyspace.reclaimer.settle();
        }
        if let Some(aside) = &mut self.aside {
            aside.effects.truncate(savepoint.effects);
            aside.announcements.truncate(savepoint.announcements);
            aside.touched.truncate(savepoint.touched);
            aside.swaps.truncate(savepoint.swaps);
            aside.expired_by_command = savepoint.expired_by_command;
        }
        self.changes = savepoint.changes;
        self.database = savepoint.database;
        true
    }

    /// Takes everything back and releases the stripes. The keyspace is as it was, values, encodings, expiries and all.
    ///
    /// # Panics
    /// If something was changed without a record: see [`Txn::can_roll_back`].
    pub fn roll_back(mut self) {
        self.take_back();
    }

    /// As [`Txn::roll_back`], of a transaction that is only borrowed: it is not to be used again.
    ///
    /// # Panics
    /// As [`Txn::roll_back`].
    pub fn take_back(&mut self) {
        assert!(
            self.changes == 0 || self.undo.is_some(),
            "a transaction without a record cannot be taken back"
        );
        let mut takes_long = false;
        if let Some(mut undo) = self.undo.take() {
            takes_long = record_takes_long(&undo);
            self.restore_all(undo.take_records(), 0);
        }
        self.publish_expired();
        (self.changes, self.hits, self.misses) = (0, 0, 0);
        self.release();
        if takes_long {
            self.keyspace.reclaimer.settle();
        }
    }

    /// Takes back what is in these records, of which the first has the number `first`.
    pub(crate) fn restore_all(&mut self, mut records: Vec<Undo>, first: usize) {
        while let Some(record) = records.pop() {
            self.restore(record, |number| &records[number as usize - first]);
        }
    }

    fn restore<'r>(&mut self, record: Undo, earlier: impl FnOnce(u32) -> &'r Undo) {
        match record {
            Undo::Change { of, inverse } => {
                let Undo::Key {
                    stripe,
                    database,
                    hash,
                    key,
                    ..
                } = earlier(of)
                else {
                    unreachable!("a change names the record of its key");
                };
                let at = self.held_at(*stripe);
                let database = *database as usize;
                self.held[at].changed.add(database);
                let guard = &mut self.held[at].guard;
                let mut leftover = None;
                if let Some(handle) = guard.map.find(database, *hash, key) {
                    guard.dequeue(database, handle);
                    if let Some(object) = guard.map.heap_mut(handle) {
                        let before = object.heap_bytes();
                        leftover = object.undo(inverse);
                        guard.heap_bytes += object.heap_bytes() as i64 - before as i64;
                    }
                    guard.enqueue_anew(database, handle);
                }
                if let Some(leftover) = leftover {
                    self.discard(leftover);
                }
            }
            Undo::Key {
                stripe,
                database,
                hash,
                key,
                prior:
                    Prior::InPlace {
                        expire_at_ms,
                        access,
                        ..
                    },
            } => {
                let at = self.held_at(stripe);
                let database = database as usize;
                self.held[at].changed.add(database);
                let map = &mut self.held[at].guard.map;
                if let Some(handle) = map.find(database, hash, &key) {
                    map.set_access(handle, access);
                    if map.expire_at(handle) != expire_at_ms {
                        map.set_expiry(database, hash, handle, expire_at_ms);
                    }
                }
            }
            Undo::Key {
                stripe,
                database,
                hash,
                key,
                prior,
            } => {
                let at = self.held_at(stripe);
                let database = database as usize;
                self.held[at].changed.add(database);
                let guard = &mut self.held[at].guard;
                if let Some(handle) = guard.map.find(database, hash, &key) {
                    guard.dequeue(database, handle);
                    if let Some(object) = guard.map.remove(database, hash, handle) {
                        guard.heap_bytes -= object.heap_bytes() as i64;
                        aside(&mut self.aside).garbage.add(object);
                    }
                }
                match prior {
                    Prior::Absent | Prior::InPlace { .. } => {}
                    Prior::Moved(handle) => {
                        guard.map.attach(database, hash, handle);
                        guard.enqueue(database, handle);
                    }
                    Prior::Copied {
                        payload,
                        encoding,
                        expire_at_ms,
                        access,
                    } => {
                        let payload = match payload {
                            SavedPayload::Int(integer) => NewPayload::Int(integer),
                            SavedPayload::Bytes(ref bytes) => NewPayload::Bytes(bytes),
                            SavedPayload::Heap(object) => {
                                guard.heap_bytes += object.heap_bytes() as i64;
                                NewPayload::Heap(object)
                            }
                        };
                        let handle = guard.map.insert(
                            database,
                            hash,
                            NewEntry {
                                key: &key,
                                payload,
                                encoding,
                                expire_at: expire_at_ms,
                                access,
                            },
                        );
                        guard.enqueue(database, handle);
                    }
                }
            }
            Undo::Cleared {
                stripe,
                database,
                taken,
                queue,
                ..
            } => {
                let at = self.held_at(stripe);
                let guard = &mut self.held[at].guard;
                guard.queues.restore(database as usize, queue);
                let refilled = guard.map.restore_db(database as usize, taken);
                // what was put there after the clearing: the keys' own records have taken it out again
                debug_assert!(refilled.is_empty());
                self.free_database(at, refilled);
            }
            Undo::Relocated(relocated) => self.move_back(*relocated),
            Undo::Swapped {
                stripe,
                databases: (a, b),
            } => {
                let at = self.held_at(stripe);
                let guard = &mut self.held[at].guard;
                guard.map.swap_dbs(a as usize, b as usize);
                guard.queues.swap(a as usize, b as usize);
            }
        }
    }

    /// Takes a move back: the key that the value has come to is as that has left it.
    fn move_back(&mut self, relocated: Relocated) {
        let Relocated {
            from,
            to,
            encoding,
            expire_at_ms,
            access,
        } = relocated;
        let (at, database) = (self.held_at(to.stripe), to.database as usize);
        let guard = &mut self.held[at].guard;
        let Some(handle) = guard.map.find(database, to.hash, &to.key) else {
            unreachable!("what came later has been taken back");
        };
        guard.dequeue(database, handle);
        let Some(object) = guard.map.remove(database, to.hash, handle) else {
            unreachable!("only objects are moved");
        };
        let heap_bytes = object.heap_bytes() as i64;
        guard.heap_bytes -= heap_bytes;
        let (at, database) = (self.held_at(from.stripe), from.database as usize);
        let guard = &mut self.held[at].guard;
        guard.heap_bytes += heap_bytes;
        let entry = NewEntry {
            key: &from.key,
            payload: NewPayload::Heap(object),
            encoding,
            expire_at: expire_at_ms,
            access,
        };
        let handle = guard.map.insert(database, from.hash, entry);
        guard.enqueue(database, handle);
    }

    /// Frees the entries that were moved into a record that is not needed any more. What is left of it is to be dropped when
    /// no stripe is held.
    #[inline]
    pub(crate) fn free_moved(&mut self, undo: &mut UndoLog) {
        if undo.has_moved {
            self.free_all_moved(undo);
        }
    }

    #[inline(never)]
    fn free_all_moved(&mut self, undo: &mut UndoLog) {
        for record in &mut undo.records {
            match record {
                Undo::Key {
                    stripe,
                    prior: Prior::Moved(handle),
                    ..
                } => {
                    let at = self.held_at(*stripe);
                    let guard = &mut self.held[at].guard;
                    if let Some(object) = guard.map.free(*handle) {
                        guard.heap_bytes -= object.heap_bytes() as i64;
                        self.discard(object);
                    }
                }
                Undo::Key { .. }
                | Undo::Change { .. }
                | Undo::Swapped { .. }
                | Undo::Relocated(_) => {}
                Undo::Cleared { stripe, taken, .. } => {
                    let at = self.held_at(*stripe);
                    self.free_database(at, std::mem::take(taken));
                }
            }
        }
    }

    /// Clears one database in all stripes; how many keys it had.
    pub(super) fn clear_database(&mut self, database: usize) -> Result<u64, Abort> {
        self.hold_all()?;
        let mut removed = 0;
        for at in 0..STRIPE_COUNT {
            let len = self.held[at].guard.map.len(database);
            if len == 0 {
                continue;
            }
            removed += len as u64;
            self.held[at].changed.add(database);
            self.note_exchange(at, database, None);
            let Held { stripe, guard, .. } = &mut self.held[at];
            let queue = guard.queues.take(database);
            let bytes = guard.share_bytes(len);
            let taken = guard.map.take_db(database);
            match &mut self.undo {
                Some(undo) => undo.clear(*stripe, database, (taken, queue), bytes),
                None => self.free_database(at, taken),
            }
            self.check_record()?;
        }
        Ok(removed)
    }

    /// Lets two databases change places.
    pub(super) fn swap_databases(&mut self, a: usize, b: usize) -> Result<(), Abort> {
        self.hold_all()?;
        for at in 0..STRIPE_COUNT {
            self.note_exchange(at, a, Some(b));
            self.note_exchange(at, b, Some(a));
            let held = &mut self.held[at];
            held.changed.add(a);
            held.changed.add(b);
            held.guard.map.swap_dbs(a, b);
            held.guard.queues.swap(a, b);
            if let Some(undo) = &mut self.undo {
                undo.swap(held.stripe, a, b);
            }
            if held.guard.has_waiters {
                self.note_all_ready(at, a);
                self.note_all_ready(at, b);
            }
        }
        aside(&mut self.aside).swaps.push((a, b));
        Ok(())
    }

    /// Notes for the watchers of a database that it becomes empty, or what `replacement` is.
    fn note_exchange(&mut self, at: usize, database: usize, replacement: Option<usize>) {
        if self.held[at].guard.watchers.is_empty() {
            return;
        }
        let now_ms = self.now_ms();
        let Held { guard, .. } = &mut self.held[at];
        for key in guard.watchers.keys_in(database) {
            let hash = self.keyspace.hash(&key);
            let presence = |database| match guard.map.find(database, hash, &key) {
                None => Presence::Absent,
                Some(handle)
                    if guard
                        .map
                        .expire_at(handle)
                        .is_some_and(|at_ms| at_ms <= now_ms) =>
                {
                    Presence::Stale
                }
                Some(_) => Presence::Live,
            };
            let (before, after) = (
                presence(database),
                replacement.map_or(Presence::Absent, presence),
            );
            aside(&mut self.aside)
                .touched
                .extend(guard.watchers.of_exchange(database, &key, before, after));
        }
    }
}
