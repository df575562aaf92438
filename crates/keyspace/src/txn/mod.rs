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
//!
//! | file | holds |
//! |---|---|
//! | `fields` | fields of hashes whose time has come |
//! | `lock` | taking stripes: planned, grown, and letting them go |
//! | `record` | what undo needs to know, savepoints, taking back |
//! | `views` | what commands see of a transaction: [`ReadTxn`], [`WriteTxn`], [`Found`] |

mod fields;
mod lock;
mod record;
mod views;

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use perilune_structures::Handle;
use perilune_value::Object;
use smallvec::SmallVec;

use crate::announce::{Announcement, Announcements, EventClass};
use crate::effects::EffectUnit;
use crate::gate::Wake;
use crate::keyspace::Keyspace;
use crate::plan::{STRIPE_COUNT, StripeIndex};
use crate::reclaim::Garbage;
use crate::stripe::StripeData;
use crate::sync::MutexGuard;
use crate::undo::{Mark, Record, SpareRecord};
use crate::waiters::{KeyId, Wait, Waiting};
use crate::watch::Notice;

pub(crate) use fields::{EntryAt, Expired};

pub use fields::Fields;
pub use views::{Found, ReadTxn, WriteTxn};

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
    record: Mark,
    effects: usize,
    announcements: usize,
    touched: usize,
    swaps: usize,
    expired_by_command: ExpiredByCommand,
    changes: u64,
    database: usize,
}

/// A stripe that a transaction holds.
pub(crate) struct Held<'k> {
    pub stripe: StripeIndex,
    /// The databases in which something was changed: their published figures are to be brought up to date.
    pub changed: Databases,
    /// Entries were changed where they are: no key and no expiry came or went, no table has grown, and of the published
    /// figures only the bytes of objects may differ.
    pub changed_in_place: bool,
    pub guard: MutexGuard<'k, StripeData>,
}

impl<'k> Held<'k> {
    /// A stripe that has just been taken.
    #[inline]
    pub fn new(stripe: StripeIndex, guard: MutexGuard<'k, StripeData>) -> Self {
        Held {
            stripe,
            changed: Databases::default(),
            changed_in_place: false,
            guard,
        }
    }

    /// Whether anything was changed.
    pub fn is_changed(&self) -> bool {
        self.changed_in_place || !self.changed.is_empty()
    }
}

/// A set of databases. Those from number 63 on count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Databases(u64);

impl Databases {
    #[inline]
    pub fn add(&mut self, database: usize) {
        self.0 |= 1 << database.min(63);
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of them that there are among `count`.
    #[inline]
    pub fn iter(self, count: usize) -> impl Iterator<Item = usize> {
        let mut rest = self.0 & (u64::MAX >> 1);
        let low = std::iter::from_fn(move || {
            let database = rest.trailing_zeros() as usize;
            rest &= rest.wrapping_sub(1);
            (database < 64).then_some(database)
        });
        let high = if self.0 >> 63 == 0 {
            count
        } else {
            63.min(count)
        };
        low.chain(high..count)
    }
}

/// What a committed transaction counted, for whoever keeps the figures: a shared counter here would be
/// an atomic operation more per command, on a cache line that all threads want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Changes, as the `rdb_changes_since_last_save` of Redis counts them.
    pub changes: u64,
    /// Lookups for reading that found the key.
    pub hits: u32,
    /// Lookups for reading that did not.
    pub misses: u32,
    /// Whether it has handed something to the [`Announcer`](crate::Announcer).
    pub announced: bool,
}

/// How a transaction has run that met keys on its way: what few are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunTally {
    /// It met a key on the way that nobody had declared, and whose stripe it did not hold.
    pub grew: bool,
    /// It held all stripes, so that nobody else could run.
    pub ran_alone: bool,
}

/// Keys and fields that commands have removed because the time that they give them has passed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ExpiredByCommand {
    pub keys: u64,
    pub fields: u64,
}

/// What few transactions have: apart, so that the others need not set it up and take it down.
#[derive(Default)]
pub(crate) struct Aside {
    pub effects: EffectUnit,
    /// What others are told at commit.
    pub announcements: Announcements,
    /// What had expired and was met on the way: effects of their own, whatever becomes of the transaction.
    pub expired: Vec<Expired>,
    /// Databases that have changed places so far.
    pub swaps: Vec<(usize, usize)>,
    /// What watchers are told at commit.
    pub touched: Vec<Notice>,
    /// What the command that runs now waits for.
    pub wait: Option<Wait>,
    /// Keys that have changed and for which somebody waits.
    pub ready: VecDeque<(StripeIndex, KeyId)>,
    /// Waiters who have been served and must be told when the stripes are released.
    pub served: Vec<Arc<dyn Waiting>>,
    /// Stripes in which somebody could not be served, with the stripe that this takes.
    pub unserved: Vec<(StripeIndex, StripeIndex)>,
    /// Keys and fields that count as expired at commit, because a command has given them a time that had passed.
    pub expired_by_command: ExpiredByCommand,
    /// What is freed when the stripes are released.
    pub garbage: Garbage,
    /// Whom to wake where it queues up while it holds; none: it never waits while it holds.
    pub patient: Option<Arc<dyn Wake>>,
}

/// The place for what few transactions have.
pub(crate) fn aside(place: &mut Option<Box<Aside>>) -> &mut Aside {
    place.get_or_insert_default()
}

/// A transaction. See the module's documentation.
pub struct Txn<'k> {
    pub(crate) keyspace: &'k Keyspace,
    /// Ascending.
    pub(crate) held: SmallVec<[Held<'k>; 2]>,
    pub(crate) database: usize,
    /// When it began, if somebody has looked.
    began: Option<Instant>,
    pub(crate) now_us: Option<i64>,
    access: AccessMode,
    pub(crate) sees_expired: bool,
    /// Runs of this transaction before this one.
    attempt: u32,
    pub(crate) undo: Option<Record>,
    /// It failed in the middle of a change: it can only be taken back, and is not run again.
    doomed: bool,
    /// The record grew past its limit and was given up: all stripes are held, nothing can be taken back.
    record_dropped: bool,
    /// It has taken a stripe that was not planned.
    grew: bool,
    /// Dropping the record is allowed (Redis's mode); otherwise the transaction fails at the limit.
    may_drop_record: bool,
    /// Its owner has to look after each command: it is all or nothing, its record was given up, or what it is to tell others
    /// has outgrown the limit.
    must_look: bool,
    pub(crate) changes: u64,
    hits: u32,
    misses: u32,
    effect_is_own: bool,
    pub(crate) announced: bool,
    pub(crate) aside: Option<Box<Aside>>,
    blocked_on: Option<StripeIndex>,
    wants_all: bool,
    /// Blocking commands may wait; otherwise they answer at once that there is nothing.
    pub(crate) may_wait: bool,
    /// See [`Txn::set_wants_order`].
    pub(crate) wants_order: bool,
    /// It serves a waiter, on stripes lent by the transaction that made it ready.
    pub(crate) is_service: bool,
    pub(crate) holder: u64,
    random_state: u64,
    /// The one planned key and its hash, so that a command on a single key hashes it once.
    hinted_key: Option<&'k [u8]>,
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
            began: None,
            now_us: None,
            access: AccessMode::Touch,
            sees_expired: false,
            attempt: 0,
            undo: None,
            doomed: false,
            record_dropped: false,
            grew: false,
            may_drop_record: true,
            must_look: false,
            changes: 0,
            hits: 0,
            misses: 0,
            effect_is_own: false,
            announced: false,
            aside: None,
            blocked_on: None,
            wants_all: false,
            may_wait: false,
            wants_order: false,
            is_service: false,
            holder: 0,
            random_state: 0,
            hinted_key: None,
            hinted_hash: 0,
        }
    }

    /// Says how using an entry stamps it.
    pub fn set_access_mode(&mut self, access: AccessMode) {
        self.access = access;
    }

    /// What has no order of its own is to come in one that does not depend on how it is kept: a script does the same wherever it runs.
    pub fn set_wants_order(&mut self, on: bool) {
        self.wants_order = on;
    }

    /// To this transaction an expired key is as good as any: CLIENT IMPORT-SOURCE.
    pub fn see_expired(&mut self) {
        self.sees_expired = true;
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

    /// Lets [`Txn::lock`] wait for a short time at a stripe without letting go of those it has: for a transaction that has been
    /// refused again and again, as one that needs many stripes is while scripts always hold some. It blocks its thread.
    pub fn wait_while_holding(&mut self, target: Arc<dyn Wake>) {
        aside(&mut self.aside).patient = Some(target);
    }

    /// Says when it began, if the caller has looked at the clock anyway: the time of this transaction. Without, that is when it
    /// first asks for the time.
    pub fn set_began(&mut self, began: Option<Instant>) {
        self.began = began;
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
                let floor = self
                    .held
                    .iter()
                    .map(|h| h.guard.now_floor_us)
                    .max()
                    .unwrap_or(i64::MIN);
                let clock = &self.keyspace.clock;
                let shown = match self.began {
                    Some(moment) => clock.unix_us_at(moment),
                    None => clock.unix_us(),
                };
                let now = shown.max(floor);
                self.now_us = Some(now);
                now
            }
        }
    }

    /// Finds a live entry to be read. An expired one is removed on the way, unless it is to stay for now.
    #[inline]
    pub(crate) fn locate(
        &mut self,
        database: usize,
        hash: u64,
        key: &[u8],
    ) -> Result<(usize, Option<Handle>), Abort> {
        let at = self.hold(StripeIndex::of_hash(hash))?;
        let map = &self.held[at].guard.map;
        let Some(handle) = map.find(database, hash, key) else {
            return Ok((at, None));
        };
        match map.expire_at(handle) {
            None => Ok((at, Some(handle))),
            Some(expire_at_ms) if expire_at_ms > self.now_ms() => Ok((at, Some(handle))),
            Some(_) if self.sees_expired => Ok((at, Some(handle))),
            Some(_) => {
                if !self.keyspace.expiry_paused() {
                    self.expire(at, database, hash, key, handle);
                }
                Ok((at, None))
            }
        }
    }

    /// Stamps an entry as used now, unless the transaction is not to. That stays even if it is taken back.
    #[inline]
    pub(crate) fn touch(&mut self, at: usize, handle: Handle) {
        if self.access == AccessMode::Touch {
            let map = &mut self.held[at].guard.map;
            let old = map.access(handle);
            let new = self.keyspace.usage.used(old);
            // mostly it has been used in this second
            if new != old {
                map.set_access(handle, new);
            }
        }
    }

    /// As [`Txn::locate`], for a key that may be written: an expired entry never stays, as it would stand in the
    /// way of the new one.
    #[inline]
    pub(crate) fn locate_to_write(
        &mut self,
        database: usize,
        hash: u64,
        key: &[u8],
    ) -> Result<(usize, Option<Handle>), Abort> {
        let (at, found) = self.locate(database, hash, key)?;
        if found.is_none() && self.keyspace.expiry_paused() {
            self.remove_stale(at, database, hash, key);
        }
        Ok((at, found))
    }

    /// As [`Txn::locate_to_write`], for a command that uses the entry, which is stamped so.
    #[inline(never)]
    pub(crate) fn reach(
        &mut self,
        database: usize,
        hash: u64,
        key: &[u8],
    ) -> Result<(usize, Option<Handle>), Abort> {
        let (at, found) = self.locate_to_write(database, hash, key)?;
        if let Some(handle) = found {
            self.touch(at, handle);
        }
        Ok((at, found))
    }

    /// The entry that was found last, stamped as used if `access` says so, if it has this key and lives: the calls of a script are mostly about one key.
    /// Its stripe is the only one held, the first. None says nothing: [`Txn::reach`] and [`Txn::locate`] know it then.
    ///
    /// Asked by long transactions only: a command on its own has not found anything before. (It takes 110 instructions, and
    /// `reach` with all that is below it 255.)
    #[inline]
    pub(crate) fn recall(
        &mut self,
        database: usize,
        hash: u64,
        key: &[u8],
        access: AccessMode,
    ) -> Option<Handle> {
        match self.holder {
            0 => None,
            _ => self.recall_last(database, hash, key, access),
        }
    }

    #[inline(never)]
    fn recall_last(
        &mut self,
        database: usize,
        hash: u64,
        key: &[u8],
        access: AccessMode,
    ) -> Option<Handle> {
        let [only] = self.held.as_mut_slice() else {
            return None;
        };
        if only.stripe != StripeIndex::of_hash(hash) {
            return None;
        }
        let map = &mut only.guard.map;
        let found = map.recall(database, hash, key)?;
        if let Some(expire_at_ms) = found.expire_at
            && self
                .now_us
                .is_none_or(|now_us| expire_at_ms <= now_us / 1000)
        {
            return None;
        }
        if access == AccessMode::Touch {
            let new = self.keyspace.usage.used(found.access);
            if new != found.access {
                map.set_access(found.handle, new);
            }
        }
        Some(found.handle)
    }

    #[cold]
    fn remove_stale(&mut self, at: usize, database: usize, hash: u64, key: &[u8]) {
        if let Some(handle) = self.held[at].guard.map.find(database, hash, key) {
            self.expire(at, database, hash, key, handle);
        }
    }

    /// Removes an expired entry.
    #[cold]
    pub(crate) fn expire(
        &mut self,
        at: usize,
        database: usize,
        hash: u64,
        key: &[u8],
        handle: Handle,
    ) {
        let name_of_it = self.database_before(database);
        let held = &mut self.held[at];
        held.changed.add(database);
        held.guard.dequeue(database, handle);
        if let Some(object) = held.guard.map.remove(database, hash, handle) {
            held.guard.heap_bytes -= object.heap_bytes() as i64;
            aside(&mut self.aside).garbage.add(object);
        }
        if !held.guard.watchers.is_empty() {
            // its own unit, so its watchers are told whatever becomes of this transaction
            held.guard
                .watchers
                .of_expired(name_of_it, key)
                .into_iter()
                .for_each(Notice::deliver);
        }
        self.keyspace
            .counters()
            .expired_keys
            .fetch_add(1, Ordering::Relaxed);
        if self.keyspace.consuming() || self.keyspace.event_classes().meets(EventClass::EXPIRED) {
            aside(&mut self.aside).expired.push(Expired::Key {
                database: name_of_it,
                key: key.into(),
            });
        }
    }

    /// The number that a database had when the transaction began. What has expired is told ahead of the transaction, and
    /// whatever becomes of it.
    pub(crate) fn database_before(&self, database: usize) -> usize {
        let swaps = self.aside.as_ref().map_or(&[][..], |aside| &aside.swaps);
        swaps.iter().rev().fold(database, |now, &(a, b)| match now {
            _ if now == a => b,
            _ if now == b => a,
            _ => now,
        })
    }

    /// Notes that a key has changed.
    #[inline]
    pub(crate) fn note_change(&mut self, at: usize, database: usize, key: &[u8]) {
        self.held[at].changed.add(database);
        self.tell_change(at, database, key);
    }

    /// As [`Txn::note_change`], for a key that was changed in place (see [`Held::changed_in_place`]).
    #[inline]
    pub(crate) fn note_change_in_place(&mut self, at: usize, database: usize, key: &[u8]) {
        self.held[at].changed_in_place = true;
        self.tell_change(at, database, key);
    }

    /// Who watches a key and who waits for it: the one place that every change passes.
    #[inline]
    fn tell_change(&mut self, at: usize, database: usize, key: &[u8]) {
        let held = &mut self.held[at];
        if !held.guard.watchers.is_empty() {
            aside(&mut self.aside)
                .touched
                .extend(held.guard.watchers.of_key(database, key));
        }
        if held.guard.has_waiters {
            self.note_ready(at, database, key);
        }
    }

    /// Announces an event at commit, if somebody listens to its class.
    #[inline]
    pub(crate) fn notify(
        &mut self,
        database: usize,
        class: EventClass,
        event: &'static str,
        key: &[u8],
    ) {
        if self.keyspace.event_classes().meets(class) {
            self.announce(Announcement::Event {
                database,
                class,
                event,
                key,
            });
        }
    }

    /// Tells others something when the transaction commits, and not at all if it is taken back.
    #[cold]
    pub fn announce(&mut self, announcement: Announcement<'_>) {
        aside(&mut self.aside).announcements.push(announcement);
        self.must_look |= self.announcements().memory_bytes() > self.keyspace.undo_limit_bytes();
    }

    /// What is announced if the transaction is committed now.
    pub fn announcements(&self) -> &Announcements {
        static NONE: Announcements = Announcements::NONE;
        self.aside
            .as_ref()
            .map_or(&NONE, |aside| &aside.announcements)
    }

    /// Sets a value aside that the keyspace does not have any more, and that undo does not need: it is dropped when no stripe
    /// is held.
    #[inline]
    pub(crate) fn discard(&mut self, object: Object) {
        let goes_on = self.undo.is_some() || self.record_dropped;
        let garbage = &mut aside(&mut self.aside).garbage;
        garbage.add(object);
        if goes_on && garbage.is_too_much() {
            self.keyspace.reclaimer.hand_over_early(garbage);
        }
    }

    /// Counts changes, as the `rdb_changes_since_last_save` of Redis counts them. No change counted means: nothing to propagate.
    #[inline]
    pub(crate) fn count_changes(&mut self, changes: u64) {
        self.changes += changes;
    }

    /// The number of changes so far.
    #[inline]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// What goes to the log if the transaction is committed now; nothing while nobody consumes effects.
    pub fn effects(&self) -> &EffectUnit {
        static NONE: EffectUnit = EffectUnit::NONE;
        self.aside.as_ref().map_or(&NONE, |aside| &aside.effects)
    }

    /// Counts a lookup for reading, and announces a miss.
    #[inline]
    pub(crate) fn count_lookup(&mut self, database: usize, key: &[u8], found: bool) {
        self.tally_lookup(found);
        if !found {
            self.notify(database, EventClass::KEY_MISS, "keymiss", key);
        }
    }

    /// Counts a lookup for reading.
    #[inline]
    pub(crate) fn tally_lookup(&mut self, found: bool) {
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
            aside(&mut self.aside).effects.push(database, arguments);
        }
    }

    /// Says that a command has failed in the middle of a change: the transaction is to be taken back, and not run again.
    pub fn doom(&mut self) {
        self.doomed = true;
    }

    /// Whether [`Txn::doom`] was called.
    pub fn is_doomed(&self) -> bool {
        self.doomed
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

    /// Makes everything final: effects go out, watchers are told, stripes are released, what was replaced is freed.
    ///
    /// The transaction is over, though only borrowed: it is not to be used again. Given by value its bytes were copied
    /// at the end of every command (SET at pipeline 32: 0.41 us, and 0.39 so). It owns nothing any more.
    #[inline]
    pub fn commit(&mut self) -> Tally {
        if self.undo.is_some() || self.aside.is_some() || self.held.spilled() {
            self.commit_apart();
        } else {
            self.release();
        }
        self.tally()
    }

    /// As [`Txn::commit`], with the emptied record for the next transaction, see [`Txn::record_in`].
    #[inline]
    pub fn commit_and_spare(&mut self) -> (Tally, Option<SpareRecord>) {
        let spare = self.commit_all();
        (self.tally(), spare)
    }

    /// The commit of a transaction that has more than its stripes: apart, so that plain commands have theirs in place.
    #[inline(never)]
    fn commit_apart(&mut self) {
        self.commit_all();
        self.abandon();
    }

    /// Lets go of all that it has, as if it were dropped.
    #[cold]
    fn abandon(&mut self) {
        if !self.held.is_empty() {
            self.release();
        }
        self.held = SmallVec::new();
        self.undo = None;
        self.aside = None;
    }

    #[inline]
    fn commit_all(&mut self) -> Option<SpareRecord> {
        let mut record = self.undo.take();
        if let Some(record) = &mut record {
            self.free_moved(record);
        }
        if self.aside.is_some() {
            self.publish_effects();
        }
        self.release();
        record.and_then(|record| self.keyspace.reclaimer.empty_record(record))
    }

    #[inline]
    fn tally(&self) -> Tally {
        Tally {
            announced: self.announced,
            changes: self.changes,
            hits: self.hits,
            misses: self.misses,
        }
    }

    /// How it has run so far.
    pub fn run_tally(&self) -> RunTally {
        RunTally {
            grew: self.grew,
            ran_alone: self.held.len() == STRIPE_COUNT,
        }
    }

    #[cold]
    pub(crate) fn publish_effects(&mut self) {
        self.publish_expired();
        let Some(aside) = &mut self.aside else { return };
        if !aside.effects.is_empty() {
            self.keyspace.publish(&aside.effects);
        }
        let ExpiredByCommand { keys, fields } = std::mem::take(&mut aside.expired_by_command);
        if keys + fields > 0 {
            let counters = self.keyspace.counters();
            counters.expired_keys.fetch_add(keys, Ordering::Relaxed);
            counters.expired_fields.fetch_add(fields, Ordering::Relaxed);
        }
        aside.touched.drain(..).for_each(Notice::deliver);
        if !aside.announcements.is_empty() {
            self.keyspace.announce(&aside.announcements);
            self.announced = true;
        }
        // those whom a service makes ready are served by whom it serves for
        if !self.is_service {
            self.serve_ready();
        }
    }

    /// The removals of expired keys go out while their stripes are still held.
    pub(crate) fn publish_expired(&mut self) {
        let Some(aside) = &mut self.aside else { return };
        let expired = std::mem::take(&mut aside.expired);
        if expired.is_empty() {
            return;
        }
        let mut events = Announcements::default();
        for expired in &expired {
            expired.tell(self.keyspace, &mut events);
        }
        if !events.is_empty() {
            self.keyspace.announce(&events);
            self.announced = true;
        }
    }
}

impl Drop for Txn<'_> {
    /// A transaction that is dropped without commit or roll-back (a panic passed it) still lets go of its stripes.
    #[inline]
    fn drop(&mut self) {
        if !self.held.is_empty() {
            self.abandon();
        }
    }
}

/// A transaction that is not dropped once it is committed. It owns nothing then, and to look for that took a plain command 70
/// instructions, and more where it might have had a record.
///
/// ```text
///   let mut place = ManuallyDrop::new(Txn::begin(..));      stays where it is
///   let mut txn = Unended::new(&mut place);
///   ... txn.commit()                                        or it is let go of, as anything that is dropped
/// ```
pub struct Unended<'t, 'k>(&'t mut ManuallyDrop<Txn<'k>>);

impl<'t, 'k> Unended<'t, 'k> {
    /// Of a transaction that has been begun in its place.
    #[inline]
    pub fn new(place: &'t mut ManuallyDrop<Txn<'k>>) -> Self {
        Self(place)
    }

    /// See [`Txn::commit`].
    #[inline]
    pub fn commit(self) -> Tally {
        let tally = self.0.commit();
        // not before: a panic on the way lets go of the stripes
        let _ended = ManuallyDrop::new(self);
        tally
    }
}

impl<'k> Deref for Unended<'_, 'k> {
    type Target = Txn<'k>;

    #[inline]
    fn deref(&self) -> &Txn<'k> {
        self.0
    }
}

impl<'k> DerefMut for Unended<'_, 'k> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Txn<'k> {
        self.0
    }
}

impl Drop for Unended<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.0.abandon();
    }
}
