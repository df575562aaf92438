//! What undo needs to know, and taking back.
//!
//! Whatever changes an entry first calls [`Txn::save_copy`], [`Txn::save_absent`] or [`Txn::take_out`]. Without a
//! record they only note that the stripe has changed.

use perilune_structures::{Handle, NewEntry, NewPayload, Payload};

use super::{Abort, Savepoint, Txn};
use crate::plan::{STRIPE_COUNT, StripeIndex};
use crate::stripe::Map;
use crate::undo::{Prior, SavedPayload, Undo, UndoLog};

impl Txn<'_> {
    /// Records everything from now on, so that it can be taken back.
    pub fn record(&mut self) {
        if self.undo.is_none() && !self.record_dropped {
            self.undo = Some(Box::new(UndoLog::new()));
        }
    }

    /// Says that the transaction must be all or nothing: past the undo limit it fails instead of going on without a record.
    pub fn forbid_dropping_record(&mut self) {
        self.may_drop_record = false;
    }

    /// Saves an entry's state before it is changed in place.
    pub(crate) fn save_copy(&mut self, at: usize, database: usize, hash: u64, key: &[u8], handle: Handle) -> Result<(), Abort> {
        self.held[at].changed = true;
        let Some(undo) = &mut self.undo else { return Ok(()) };
        if undo.has(database, hash, key) {
            return Ok(());
        }
        let held = &self.held[at];
        let map = &held.guard.map;
        let payload = match map.payload(handle) {
            Payload::Int(integer) => SavedPayload::Int(integer),
            Payload::Bytes(bytes) => SavedPayload::Bytes(bytes.into()),
            Payload::Heap(object) => SavedPayload::Heap(object.clone()),
        };
        let prior = Prior::Copied {
            payload,
            encoding: map.encoding(handle),
            expire_at_ms: map.expire_at(handle),
            access: map.access(handle),
        };
        undo.save(held.stripe, database, hash, key, prior);
        self.check_record()
    }

    /// Saves that a key does not exist, before it is created.
    pub(crate) fn save_absent(&mut self, at: usize, database: usize, hash: u64, key: &[u8]) -> Result<(), Abort> {
        self.held[at].changed = true;
        let Some(undo) = &mut self.undo else { return Ok(()) };
        if undo.has(database, hash, key) {
            return Ok(());
        }
        undo.save(self.held[at].stripe, database, hash, key, Prior::Absent);
        self.check_record()
    }

    /// Takes an entry out: into the record where there is one and it has not been saved, else for good.
    pub(crate) fn take_out(&mut self, at: usize, database: usize, hash: u64, key: &[u8], handle: Handle) -> Result<(), Abort> {
        let held = &mut self.held[at];
        held.changed = true;
        if let Some(undo) = &mut self.undo
            && !undo.has(database, hash, key)
        {
            undo.add_bytes(held.guard.map.entry_bytes(handle));
            if let Payload::Heap(object) = held.guard.map.payload(handle) {
                undo.add_bytes(object.heap_bytes());
            }
            held.guard.map.detach(database, hash, handle);
            undo.save(held.stripe, database, hash, key, Prior::Moved(handle));
            return self.check_record();
        }
        if let Some(object) = held.guard.map.remove(database, hash, handle) {
            held.guard.heap_bytes -= object.heap_bytes() as i64;
            self.garbage.push(object);
        }
        Ok(())
    }

    /// Past its limit a record is given up, with all stripes held, or the transaction fails.
    pub(super) fn check_record(&mut self) -> Result<(), Abort> {
        let bytes = self.undo.as_ref().map_or(0, |u| u.bytes()) + self.effects.memory_bytes();
        if bytes <= self.keyspace.undo_limit_bytes() || !self.may_drop_record {
            // an all-or-nothing transaction is failed by its owner, who asks `record_is_full`
            return Ok(());
        }
        if self.held.len() < STRIPE_COUNT {
            self.wants_all = true;
            return Err(Abort);
        }
        let undo = self.undo.take();
        self.record_dropped = true;
        self.free_record(undo);
        Ok(())
    }

    /// Whether the record has outgrown its limit and may not be given up.
    pub fn record_is_full(&self) -> bool {
        !self.may_drop_record
            && self.undo.as_ref().map_or(0, |u| u.bytes()) + self.effects.memory_bytes() > self.keyspace.undo_limit_bytes()
    }

    /// Whether everything done so far can still be taken back. Where not, a panic must end the process: half-changed data is worse than none.
    pub fn can_roll_back(&self) -> bool {
        self.undo.is_some() || (self.changes == 0 && !self.record_dropped && self.held.iter().all(|h| !h.changed))
    }

    /// Whether the record was given up because it outgrew its limit.
    pub fn record_was_dropped(&self) -> bool {
        self.record_dropped
    }

    /// Marks this moment, for [`Txn::roll_back_to`]. None without a record.
    pub fn savepoint(&mut self) -> Option<Savepoint> {
        let undo = self.undo.as_mut()?;
        Some(Savepoint {
            records: undo.mark(),
            effects: self.effects.len(),
            touched: self.touched.len(),
            changes: self.changes,
            database: self.database,
        })
    }

    /// Takes back everything since a savepoint; what was before it stays to be committed. False where the record was given up since: then nothing is taken back.
    pub fn roll_back_to(&mut self, savepoint: Savepoint) -> bool {
        let Some(undo) = self.undo.as_mut() else { return false };
        let records = undo.split_off(savepoint.records);
        for record in records.into_iter().rev() {
            self.restore(record);
        }
        self.effects.truncate(savepoint.effects);
        self.touched.truncate(savepoint.touched);
        self.changes = savepoint.changes;
        self.database = savepoint.database;
        true
    }

    /// Takes everything back and releases the stripes. The keyspace is as it was, values, encodings, expiries and all.
    ///
    /// # Panics
    /// If something was changed without a record: see [`Txn::can_roll_back`].
    pub fn roll_back(mut self) {
        assert!(self.changes == 0 || self.undo.is_some(), "a transaction without a record cannot be taken back");
        if let Some(undo) = self.undo.take() {
            for record in undo.records.into_iter().rev() {
                self.restore(record);
            }
        }
        self.publish_expired();
        self.changes = 0;
        self.release();
    }

    pub(super) fn restore(&mut self, record: Undo) {
        match record {
            Undo::Key { stripe, database, hash, key, prior } => {
                let at = self.held_at(stripe);
                let guard = &mut self.held[at].guard;
                let database = database as usize;
                if let Some(handle) = guard.map.find(database, hash, &key)
                    && let Some(object) = guard.map.remove(database, hash, handle)
                {
                    guard.heap_bytes -= object.heap_bytes() as i64;
                    self.garbage.push(object);
                }
                match prior {
                    Prior::Absent => {}
                    Prior::Moved(handle) => guard.map.attach(database, hash, handle),
                    Prior::Copied { payload, encoding, expire_at_ms, access } => {
                        let payload = match &payload {
                            SavedPayload::Int(integer) => NewPayload::Int(*integer),
                            SavedPayload::Bytes(bytes) => NewPayload::Bytes(bytes),
                            SavedPayload::Heap(object) => {
                                guard.heap_bytes += object.heap_bytes() as i64;
                                NewPayload::Heap(object.clone())
                            }
                        };
                        guard.map.insert(database, hash, NewEntry { key: &key, payload, encoding, expire_at: expire_at_ms, access });
                    }
                }
            }
            Undo::Cleared { stripe, database, taken } => {
                let at = self.held_at(stripe);
                let guard = &mut self.held[at].guard;
                let refilled = guard.map.restore_db(database as usize, taken);
                if !refilled.is_empty() {
                    // what was put there after the clearing; its keys' own records have taken it back already
                    self.garbage_databases.push(guard.map.free_db(refilled));
                }
                guard.heap_bytes = heap_bytes(&guard.map, self.keyspace.database_count());
            }
            Undo::Swapped { stripe, databases: (a, b) } => {
                let at = self.held_at(stripe);
                self.held[at].guard.map.swap_dbs(a as usize, b as usize);
            }
        }
    }

    /// Drops a record that is not needed any more, freeing the entries that were moved into it.
    pub(super) fn free_record(&mut self, undo: Option<Box<UndoLog>>) {
        let Some(undo) = undo else { return };
        for record in undo.records {
            match record {
                Undo::Key { stripe, prior: Prior::Moved(handle), .. } => {
                    let at = self.held_at(stripe);
                    let guard = &mut self.held[at].guard;
                    if let Some(object) = guard.map.free(handle) {
                        guard.heap_bytes -= object.heap_bytes() as i64;
                        self.garbage.push(object);
                    }
                }
                Undo::Key { .. } | Undo::Swapped { .. } => {}
                Undo::Cleared { stripe, taken, .. } => {
                    let at = self.held_at(stripe);
                    let guard = &mut self.held[at].guard;
                    self.garbage_databases.push(guard.map.free_db(taken));
                    guard.heap_bytes = heap_bytes(&guard.map, self.keyspace.database_count());
                }
            }
        }
    }

    /// Clears one database in all stripes. Holds all of them.
    pub(super) fn clear_database(&mut self, database: usize) -> Result<u64, Abort> {
        let mut removed = 0;
        for index in 0..STRIPE_COUNT {
            let at = self.hold(StripeIndex::new(index))?;
            let held = &mut self.held[at];
            let stripe = held.stripe;
            let len = held.guard.map.len(database);
            if len == 0 {
                continue;
            }
            removed += len as u64;
            held.changed = true;
            let keys: Vec<Box<[u8]>> = held.guard.watchers.keys_in(database);
            for key in keys {
                let hash = self.keyspace.hash(&key);
                if self.held[at].guard.map.find(database, hash, &key).is_some() {
                    self.note_change(at, database, &key);
                }
            }
            let guard = &mut self.held[at].guard;
            match &mut self.undo {
                Some(undo) => undo.clear(stripe, database, guard.map.take_db(database)),
                None => {
                    self.garbage_databases.push(guard.map.clear(database));
                    guard.heap_bytes = heap_bytes(&guard.map, self.keyspace.database_count());
                }
            }
        }
        Ok(removed)
    }

    /// Lets two databases change places. Holds all stripes.
    pub(super) fn swap_databases(&mut self, a: usize, b: usize) -> Result<(), Abort> {
        for index in 0..STRIPE_COUNT {
            let at = self.hold(StripeIndex::new(index))?;
            for database in [a, b] {
                for key in self.held[at].guard.watchers.keys_in(database) {
                    let hash = self.keyspace.hash(&key);
                    let map = &self.held[at].guard.map;
                    if map.find(a, hash, &key).is_some() || map.find(b, hash, &key).is_some() {
                        self.note_change(at, database, &key);
                    }
                }
            }
            let held = &mut self.held[at];
            held.changed = true;
            held.guard.map.swap_dbs(a, b);
            let stripe = held.stripe;
            if let Some(undo) = &mut self.undo {
                undo.swap(stripe, a, b);
            }
        }
        Ok(())
    }
}

/// Bytes of all heap objects in a map.
fn heap_bytes(map: &Map, databases: usize) -> i64 {
    let mut bytes = 0;
    for database in 0..databases {
        map.iterate(database, |handle| {
            if let Payload::Heap(object) = map.payload(handle) {
                bytes += object.heap_bytes() as i64;
            }
        });
    }
    bytes
}
