//! The transaction: one command, one EXEC, or one script.
//!
//! ```text
//! Txn::begin -> lock(plan) -> commands -> commit             the usual way
//!                   |            |
//!                   |            +-- Err(Abort): roll_back   a stripe nobody declared could not be had,
//!                   |                                        or the record is full: run again with more
//!                   +-- Err(stripe): nothing is held         park on it, then run again
//! ```
//!
//! **Two-phase.** All stripes that a transaction holds are released together, after its effects are recorded.
//!
//! **Growing.** [`ReadTxn::find`] and [`WriteTxn::slot`] take the stripe of a key that was not planned, if it
//! can be had at once. If not, the transaction aborts: what it knows of its stripes by then becomes the plan
//! of its next run. Taking back needs the undo log, so growing starts recording, which must be before the first change.
//!
//! **Recording** is on for whatever may have to be taken back: scripts, EXEC, and what grows. A plain command
//! has all its keys planned and validates before it changes; it pays nothing.
//!
//! **Time** is read when it is first asked for, with the locks held, and stands still from then on.
//!
//! The thread that began a transaction ends it: the guards inside cannot move to another.

use std::sync::Weak;
use std::sync::atomic::Ordering;

use perilune_structures::{Cleared, Handle, NewEntry, NewPayload, Payload};
use perilune_value::{Object, StringEncoding, Text, WrongType};
use smallvec::SmallVec;

use crate::effects::EffectUnit;
use crate::gate::Turn;
use crate::keyspace::Keyspace;
use crate::plan::{LockPlan, STRIPE_COUNT, StripeIndex};
use crate::slot::Slot;
use crate::stripe::{Map, StripeData};
use crate::sync::MutexGuard;
use crate::undo::{Prior, SavedPayload, Undo, UndoLog};
use crate::watch::WatchState;

/// How often a try is repeated before a stripe counts as taken: about as long as a plain command holds it.
const SPIN_TRIES: u32 = 64;

/// The transaction cannot go on as it is. It must be rolled back, and run again when its stripe can be had.
///
/// Never an answer to a client, and nothing that a script may catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort;

/// Whether using an entry stamps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessMode {
    /// It does.
    #[default]
    Touch,
    /// CLIENT NO-TOUCH, or a command that only asks about the entry.
    NoTouch,
}

/// A moment inside a transaction, see [`Txn::savepoint`].
#[derive(Debug, Clone, Copy)]
pub struct Savepoint {
    records: usize,
    effects: usize,
    touched: usize,
    changes: u64,
    database: usize,
}

/// A stripe that a transaction holds.
pub(crate) struct Held<'k> {
    pub stripe: StripeIndex,
    /// Something in it was changed: its published figures are to be brought up to date.
    pub changed: bool,
    pub guard: MutexGuard<'k, StripeData>,
}

/// A transaction. See the module's documentation.
pub struct Txn<'k> {
    pub(crate) keyspace: &'k Keyspace,
    /// Ascending.
    pub(crate) held: SmallVec<[Held<'k>; 2]>,
    pub(crate) database: usize,
    now_us: Option<i64>,
    access: AccessMode,
    /// Runs of this transaction before this one.
    attempt: u32,
    pub(crate) undo: Option<Box<UndoLog>>,
    /// The record grew past its limit and was given up: all stripes are held, nothing can be taken back.
    record_dropped: bool,
    /// Dropping the record is allowed (Redis's mode); otherwise the transaction fails at the limit.
    may_drop_record: bool,
    changes: u64,
    hits: u32,
    misses: u32,
    effects: EffectUnit,
    effect_is_own: bool,
    /// Expired keys that were removed on the way: effects of their own, whatever becomes of the transaction.
    expired: Vec<(usize, Box<[u8]>)>,
    /// Flags to raise at commit.
    touched: Vec<Weak<WatchState>>,
    pub(crate) garbage: Vec<Object>,
    garbage_databases: Vec<Cleared<Object>>,
    blocked_on: Option<StripeIndex>,
    wants_all: bool,
    holder: u64,
    random_state: u64,
    /// The one planned key and its hash, so that a command on a single key hashes it once.
    hinted_key: (*const u8, usize),
    hinted_hash: u64,
}

impl<'k> Txn<'k> {
    /// A transaction that holds nothing yet.
    #[inline]
    pub fn begin(keyspace: &'k Keyspace, database: usize) -> Self {
        Self {
            keyspace,
            held: SmallVec::new(),
            database,
            now_us: None,
            access: AccessMode::Touch,
            attempt: 0,
            undo: None,
            record_dropped: false,
            may_drop_record: true,
            changes: 0,
            hits: 0,
            misses: 0,
            effects: EffectUnit::default(),
            effect_is_own: false,
            expired: Vec::new(),
            touched: Vec::new(),
            garbage: Vec::new(),
            garbage_databases: Vec::new(),
            blocked_on: None,
            wants_all: false,
            holder: 0,
            random_state: 0,
            hinted_key: (std::ptr::null(), 0),
            hinted_hash: 0,
        }
    }

    /// Records everything from now on, so that it can be taken back.
    pub fn record(&mut self) {
        if self.undo.is_none() && !self.record_dropped {
            self.undo = Some(Box::new(UndoLog::new()));
        }
    }

    /// Says how using an entry stamps it.
    pub fn set_access_mode(&mut self, access: AccessMode) {
        self.access = access;
    }

    /// Says which long transaction this is, so that those who wait for its stripes can be told. Before [`Txn::lock`].
    pub fn set_holder(&mut self, holder: u64) {
        self.holder = holder;
    }

    /// Makes the random numbers of this transaction a function of `seed`: a rerun must draw the same.
    pub fn set_random_seed(&mut self, seed: u64) {
        self.random_state = seed;
    }

    /// The next random number of this transaction (splitmix64).
    pub fn random(&mut self) -> u64 {
        if self.random_state == 0 {
            self.random_state = self.keyspace.fresh_seed();
        }
        self.random_state = self.random_state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random_state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Says how often this transaction has run already.
    pub fn set_attempt(&mut self, attempt: u32) {
        self.attempt = attempt;
    }

    /// Says that the transaction must be all or nothing: past the undo limit it fails instead of going on without a record.
    pub fn forbid_dropping_record(&mut self) {
        self.may_drop_record = false;
    }

    /// Takes all stripes of a plan, or none and says which could not be had.
    ///
    /// `queued`: the stripe on which this transaction was parked, with its ticket. It is used up where the stripe is
    /// entered, and stays in the queue where that very stripe still cannot be had; the caller gives it up where
    /// it goes to wait for another.
    #[inline]
    pub fn lock(&mut self, plan: &LockPlan, queued: &mut Option<(StripeIndex, u64)>) -> Result<(), StripeIndex> {
        debug_assert!(self.held.is_empty());
        match plan {
            LockPlan::Some(stripes) => {
                for &stripe in stripes {
                    self.take_planned(stripe, queued)?;
                }
            }
            LockPlan::All => {
                self.held.reserve_exact(STRIPE_COUNT);
                for index in 0..STRIPE_COUNT {
                    self.take_planned(StripeIndex::new(index), queued)?;
                }
            }
        }
        Ok(())
    }

    /// [`Txn::lock`] for a transaction that consists of one command on one key, which must stay where it is until the end.
    #[inline]
    pub fn lock_key(&mut self, key: &'k [u8], queued: &mut Option<(StripeIndex, u64)>) -> Result<(), StripeIndex> {
        let hash = self.keyspace.hash(key);
        self.hinted_key = (key.as_ptr(), key.len());
        self.hinted_hash = hash;
        self.take_planned(StripeIndex::of_hash(hash), queued)
    }

    /// The hash of a key.
    #[inline]
    pub(crate) fn hash_of(&self, key: &[u8]) -> u64 {
        // the planned key is borrowed for as long as the transaction lives: the same place is the same bytes
        if self.hinted_key == (key.as_ptr(), key.len()) { self.hinted_hash } else { self.keyspace.hash(key) }
    }

    #[inline]
    fn take_planned(&mut self, stripe: StripeIndex, queued: &mut Option<(StripeIndex, u64)>) -> Result<(), StripeIndex> {
        let turn = match *queued {
            Some((at, ticket)) if at == stripe => Turn::Queued(ticket),
            _ => Turn::New,
        };
        let Some(guard) = self.try_enter(stripe, turn) else {
            self.release();
            return Err(stripe);
        };
        if turn != Turn::New {
            *queued = None;
        }
        self.held.push(Held { stripe, changed: false, guard });
        Ok(())
    }

    #[inline]
    pub(crate) fn try_enter(&self, stripe: StripeIndex, turn: Turn) -> Option<MutexGuard<'k, StripeData>> {
        #[cfg(feature = "lock-chaos")]
        if self.attempt < 3 && fastrand::u8(..) < 51 {
            return None;
        }
        let gate = &self.keyspace.stripe(stripe).gate;
        let mut guard = gate.try_enter(turn);
        if guard.is_none() {
            guard = self.spin_to_enter(stripe, turn);
        }
        if self.holder != 0 && guard.is_some() {
            gate.set_holder(self.holder);
        }
        guard
    }

    #[cold]
    fn spin_to_enter(&self, stripe: StripeIndex, turn: Turn) -> Option<MutexGuard<'k, StripeData>> {
        let gate = &self.keyspace.stripe(stripe).gate;
        // who runs long is not worth waiting for
        if gate.holder().is_some() {
            return None;
        }
        (0..SPIN_TRIES).find_map(|_| {
            std::hint::spin_loop();
            gate.try_enter(turn)
        })
    }

    /// Where in `held` a stripe is, taking it if it is not there yet.
    #[inline]
    pub(crate) fn hold(&mut self, stripe: StripeIndex) -> Result<usize, Abort> {
        if let [only] = self.held.as_slice()
            && only.stripe == stripe
        {
            return Ok(0);
        }
        if self.held.len() == STRIPE_COUNT {
            return Ok(stripe.get());
        }
        match self.held.binary_search_by_key(&stripe, |h| h.stripe) {
            Ok(at) => Ok(at),
            Err(at) => self.grow(stripe, at),
        }
    }

    #[cold]
    fn grow(&mut self, stripe: StripeIndex, at: usize) -> Result<usize, Abort> {
        if self.undo.is_none() {
            assert!(self.changes == 0, "a transaction that does not record grows after its first change");
            self.record();
        }
        let guard = self.try_enter(stripe, Turn::New);
        let time_agrees = |g: &MutexGuard<'_, StripeData>| self.now_us.is_none_or(|now| g.now_floor_us <= now);
        match guard {
            Some(guard) if time_agrees(&guard) => {
                self.held.insert(at, Held { stripe, changed: false, guard });
                Ok(at)
            }
            taken => {
                // taken by somebody, or its past is ahead of the time that this transaction has seen already
                if let Some(guard) = taken {
                    self.keyspace.stripe(stripe).gate.set_holder(0);
                    self.keyspace.stripe(stripe).gate.leave(guard);
                }
                self.blocked_on = Some(stripe);
                Err(Abort)
            }
        }
    }

    /// Notes which stripe could not be had, for the plan of the next run.
    pub(crate) fn set_blocked_on(&mut self, stripe: StripeIndex) {
        self.blocked_on = Some(stripe);
    }

    /// The time of this transaction, in milliseconds since the Unix epoch.
    #[inline]
    pub fn now_ms(&mut self) -> i64 {
        self.now_us() / 1000
    }

    /// The time of this transaction, in microseconds since the Unix epoch.
    #[inline]
    pub fn now_us(&mut self) -> i64 {
        match self.now_us {
            Some(now) => now,
            None => {
                let floor = self.held.iter().map(|h| h.guard.now_floor_us).max().unwrap_or(i64::MIN);
                let now = self.keyspace.clock.unix_us().max(floor);
                self.now_us = Some(now);
                now
            }
        }
    }

    /// Finds a live entry. An expired one is removed on the way.
    #[inline]
    pub(crate) fn locate(&mut self, database: usize, hash: u64, key: &[u8]) -> Result<(usize, Option<Handle>), Abort> {
        let at = self.hold(StripeIndex::of_hash(hash))?;
        let map = &self.held[at].guard.map;
        let Some(handle) = map.find(database, hash, key) else { return Ok((at, None)) };
        match map.expire_at(handle) {
            None => Ok((at, Some(handle))),
            Some(expire_at_ms) if expire_at_ms > self.now_ms() => Ok((at, Some(handle))),
            Some(_) => {
                self.expire(at, database, hash, key, handle);
                Ok((at, None))
            }
        }
    }

    /// Removes an expired entry.
    #[cold]
    pub(crate) fn expire(&mut self, at: usize, database: usize, hash: u64, key: &[u8], handle: Handle) {
        if self.keyspace.expiry_paused() {
            return;
        }
        let held = &mut self.held[at];
        held.changed = true;
        if let Some(object) = held.guard.map.remove(database, hash, handle) {
            held.guard.heap_bytes -= object.heap_bytes() as i64;
            self.garbage.push(object);
        }
        if !held.guard.watchers.is_empty() {
            // its own unit, so its watchers are told whatever becomes of this transaction
            for state in held.guard.watchers.of_key(database, key, true) {
                if let Some(state) = state.upgrade() {
                    state.mark_changed();
                }
            }
        }
        self.keyspace.counters().expired_keys.fetch_add(1, Ordering::Relaxed);
        if self.keyspace.consuming() {
            self.expired.push((database, key.into()));
        }
    }

    /// Notes that a key has changed: the one place that every change passes.
    #[inline]
    pub(crate) fn note_change(&mut self, at: usize, database: usize, key: &[u8]) {
        let held = &mut self.held[at];
        held.changed = true;
        if !held.guard.watchers.is_empty() {
            let states = held.guard.watchers.of_key(database, key, false);
            self.touched.extend(states);
        }
    }

    /// Counts changes, as the `rdb_changes_since_last_save` of Redis counts them. No change counted means: nothing to propagate.
    #[inline]
    pub(crate) fn count_changes(&mut self, changes: u64) {
        self.changes += changes;
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
    fn check_record(&mut self) -> Result<(), Abort> {
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

    /// The number of changes so far.
    #[inline]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// What goes to the log if the transaction is committed now; nothing while nobody consumes effects.
    pub fn effects(&self) -> &EffectUnit {
        &self.effects
    }

    /// Counts a lookup for reading.
    #[inline]
    fn count_lookup(&mut self, found: bool) {
        if found {
            self.hits += 1;
        } else {
            self.misses += 1;
        }
    }

    /// Marks the start of a command: what [`Txn::end_command`] compares with.
    #[inline]
    pub fn start_command(&mut self) -> u64 {
        self.effect_is_own = false;
        self.changes
    }

    /// Ends a command that began at `start`: if it changed something and did not say how to repeat that, it is repeated as it came.
    #[inline]
    pub fn end_command(&mut self, start: u64, database: usize, arguments: &[&[u8]]) {
        if self.changes > start && !self.effect_is_own && self.keyspace.consuming() {
            self.effects.push(database, arguments);
        }
    }

    /// The database that commands work on now.
    pub fn database(&self) -> usize {
        self.database
    }

    /// Makes another database the one that commands work on.
    pub fn select(&mut self, database: usize) {
        debug_assert!(database < self.keyspace.database_count());
        self.database = database;
    }

    /// The keyspace that this is a transaction on.
    pub fn keyspace(&self) -> &'k Keyspace {
        self.keyspace
    }

    /// The stripes held now and the one that could not be had: the plan of the next run.
    pub fn learned_plan(&self) -> LockPlan {
        if self.wants_all || self.held.len() == STRIPE_COUNT {
            return LockPlan::All;
        }
        LockPlan::of(self.held.iter().map(|h| h.stripe).chain(self.blocked_on))
    }

    /// The stripe whose refusal aborted the transaction.
    pub fn blocked_on(&self) -> Option<StripeIndex> {
        self.blocked_on
    }

    /// Makes everything final: effects go out, watchers are told, stripes are released, what was replaced is freed.
    #[inline]
    pub fn commit(mut self) {
        if !self.effects.is_empty() || !self.expired.is_empty() {
            self.publish_effects();
        }
        for state in std::mem::take(&mut self.touched) {
            if let Some(state) = state.upgrade() {
                state.mark_changed();
            }
        }
        if let Some(undo) = self.undo.take() {
            self.free_record(Some(undo));
            self.keyspace.counters().transactions.fetch_add(1, Ordering::Relaxed);
        }
        if self.changes > 0 {
            self.keyspace.counters().changes.fetch_add(self.changes, Ordering::Relaxed);
        }
        self.release();
    }

    #[cold]
    fn publish_effects(&mut self) {
        self.publish_expired();
        if !self.effects.is_empty() {
            self.keyspace.publish(&self.effects);
        }
    }

    /// The removals of expired keys go out while their stripes are still held.
    fn publish_expired(&mut self) {
        for (database, key) in std::mem::take(&mut self.expired) {
            let mut unit = EffectUnit::default();
            unit.push(database, &[b"DEL".as_slice(), &key]);
            self.keyspace.publish(&unit);
        }
    }

    /// Drops a record that is not needed any more, freeing the entries that were moved into it.
    fn free_record(&mut self, undo: Option<Box<UndoLog>>) {
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

    fn held_at(&self, stripe: StripeIndex) -> usize {
        match self.held.binary_search_by_key(&stripe, |h| h.stripe) {
            Ok(at) => at,
            Err(_) => unreachable!("a record names a stripe that the transaction does not hold"),
        }
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

    fn restore(&mut self, record: Undo) {
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

    /// Lets go of all stripes, bringing their published figures up to date, and frees what was set aside.
    #[inline]
    pub(crate) fn release(&mut self) {
        let counters = self.keyspace.counters();
        if self.hits > 0 {
            counters.hits.fetch_add(u64::from(std::mem::take(&mut self.hits)), Ordering::Relaxed);
        }
        if self.misses > 0 {
            counters.misses.fetch_add(u64::from(std::mem::take(&mut self.misses)), Ordering::Relaxed);
        }
        while let Some(held) = self.held.pop() {
            self.let_go(held);
        }
        if !self.garbage.is_empty() {
            self.garbage.clear();
        }
        if !self.garbage_databases.is_empty() {
            self.garbage_databases.clear();
        }
    }

    #[inline]
    fn let_go(&self, held: Held<'k>) {
        let Held { stripe, changed, mut guard } = held;
        if let Some(now) = self.now_us {
            guard.now_floor_us = guard.now_floor_us.max(now);
        }
        if changed {
            self.keyspace.publish_figures(stripe, &mut guard);
        }
        let gate = &self.keyspace.stripe(stripe).gate;
        if self.holder != 0 {
            gate.set_holder(0);
        }
        gate.leave(guard);
    }

    /// Lets go of one stripe before the others: only for what need not see all of its stripes at one moment.
    pub(crate) fn leave(&mut self, at: usize) {
        self.publish_expired();
        let held = self.held.remove(at);
        self.let_go(held);
    }

    /// Clears one database in all stripes. Holds all of them.
    fn clear_database(&mut self, database: usize) -> Result<u64, Abort> {
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
    fn swap_databases(&mut self, a: usize, b: usize) -> Result<(), Abort> {
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

impl Drop for Txn<'_> {
    /// A transaction that is dropped without commit or roll-back (a panic passed it) still lets go of its stripes.
    fn drop(&mut self) {
        if !self.held.is_empty() {
            self.release();
        }
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
        Ok(match self.map.payload(self.handle) {
            Payload::Int(integer) => Text::Int(integer),
            Payload::Bytes(bytes) => Text::Bytes(bytes),
            Payload::Heap(Object::Raw(bytes)) => Text::Bytes(bytes),
        })
    }

    /// The type's name, as TYPE answers it.
    pub fn type_name(&self) -> &'static str {
        "string"
    }

    /// The encoding's name, as OBJECT ENCODING answers it.
    pub fn encoding_name(&self) -> &'static str {
        StringEncoding::from_code(self.map.encoding(self.handle)).name()
    }

    /// When the key expires, in milliseconds since the Unix epoch.
    pub fn expire_at_ms(&self) -> Option<i64> {
        self.map.expire_at(self.handle)
    }

    /// The stamp of its last use (see [`Keyspace::access_clock`]).
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

    /// The live entry of a key, for reading its value: counts as a hit or a miss and stamps the entry.
    #[inline]
    pub fn find(&mut self, key: &[u8]) -> Result<Option<Found<'_>>, Abort> {
        let database = self.txn.database;
        let (at, handle) = self.txn.locate(database, self.txn.hash_of(key), key)?;
        self.txn.count_lookup(handle.is_some());
        let Some(handle) = handle else { return Ok(None) };
        if self.txn.access == AccessMode::Touch {
            let stamp = self.txn.keyspace.access_clock();
            let map = &mut self.txn.held[at].guard.map;
            if map.access(handle) != stamp {
                map.set_access(handle, stamp);
            }
        }
        Ok(Some(Found { map: &self.txn.held[at].guard.map, handle }))
    }

    /// As [`ReadTxn::find`], for several keys that are to be read together.
    pub fn find_all<K: AsRef<[u8]>>(&mut self, keys: &[K]) -> Result<SmallVec<[Option<Found<'_>>; 4]>, Abort> {
        let mut handles: SmallVec<[(StripeIndex, Option<Handle>); 4]> = SmallVec::with_capacity(keys.len());
        for key in keys {
            let handle = self.find(key.as_ref())?.map(|found| found.handle);
            handles.push((self.txn.keyspace.stripe_of(key.as_ref()), handle));
        }
        // only now, as a stripe's place among the held ones changes when another is taken
        let found = |(stripe, handle): (StripeIndex, Option<Handle>)| {
            handle.map(|handle| Found { map: &self.txn.held[self.txn.held_at(stripe)].guard.map, handle })
        };
        Ok(handles.into_iter().map(found).collect())
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
        Ok(map.find(database, hash, key).map(|handle| Found { map, handle }))
    }

    /// As [`ReadTxn::peek`], in another database.
    pub fn peek_in(&mut self, database: usize, key: &[u8]) -> Result<Option<Found<'_>>, Abort> {
        let (at, handle) = self.txn.locate(database, self.txn.hash_of(key), key)?;
        Ok(handle.map(|handle| Found { map: &self.txn.held[at].guard.map, handle }))
    }

    /// Counts a lookup that [`ReadTxn::peek`] made, for commands that Redis counts although they only ask.
    pub fn count_lookup(&mut self, found: bool) {
        self.txn.count_lookup(found);
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
            .filter(|h| h.changed)
            .map(|h| h.guard.map.len(database) as i64 - h.guard.published_keys(database))
            .sum();
        (self.txn.keyspace.databases[database].keys.load(Ordering::Relaxed) + own).max(0) as usize
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

    /// The current access clock, to compare [`Found::access`] with.
    pub fn access_clock(&self) -> u32 {
        self.txn.keyspace.access_clock()
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
        Self { read: ReadTxn { txn } }
    }

    /// The place of a key in the selected database, whether there is an entry or not.
    #[inline]
    pub fn slot<'s>(&'s mut self, key: &'s [u8]) -> Result<Slot<'s, 'k>, Abort> {
        let database = self.read.txn.database;
        self.slot_in(database, key)
    }

    /// As [`WriteTxn::slot`], in another database.
    #[inline]
    pub fn slot_in<'s>(&'s mut self, database: usize, key: &'s [u8]) -> Result<Slot<'s, 'k>, Abort> {
        let txn = &mut *self.read.txn;
        let hash = txn.hash_of(key);
        let (at, handle) = txn.locate(database, hash, key)?;
        Ok(Slot { txn, at, database, hash, key, handle })
    }

    /// Counts changes beyond those that [`Slot`] counts by itself (FLUSHDB of an empty database is a change).
    pub fn count_changes(&mut self, changes: u64) {
        self.read.txn.count_changes(changes);
    }

    /// Says how to repeat what this command changed, instead of the command as it came (EXPIRE -> PEXPIREAT). May be called several times, for several commands.
    pub fn propagate<A: AsRef<[u8]>>(&mut self, arguments: &[A]) {
        let txn = &mut *self.read.txn;
        txn.effect_is_own = true;
        if txn.keyspace.consuming() {
            let database = txn.database;
            txn.effects.push(database, arguments);
        }
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
