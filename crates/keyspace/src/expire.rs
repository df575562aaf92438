//! Active expiry: removes what nobody asks for any more, in slices of bounded time.
//!
//! Each call goes on where the last one stopped, stripe by stripe. Stripes without an expiry are passed by
//! without entering; inside a stripe only buckets that hold an entry with an expiry are looked at. A stripe is held for
//! a few buckets at a time. Each removal is an effect of its own.
//!
//! Fields of hashes stand in queues ([`queues`](crate::queues)), so there only what has expired is looked at, and a
//! stripe is held for some of it at a time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::keyspace::Keyspace;
use crate::plan::{LockPlan, STRIPE_COUNT, StripeIndex};
use crate::txn::{EntryAt, Fields, Txn};

/// Buckets looked at while a stripe is held.
const BUCKETS_PER_ENTRY: usize = 16;

/// Fields of hashes removed while a stripe is held.
const FIELDS_PER_ENTRY: u64 = 64;

/// Hashes looked at while a stripe is held.
const HASHES_PER_ENTRY: usize = 64;

/// Bits of a stripe's own cursor; the database stands above.
const CURSOR_BITS: u32 = 48;

/// Where the active expiry stands.
#[derive(Debug, Default)]
pub struct ExpireCycle {
    stripe: usize,
}

/// What a slice of the active expiry came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ExpireReport {
    /// Entries with an expiry that were looked at.
    pub examined: u64,
    /// Those removed.
    pub removed: u64,
    /// Fields of hashes removed.
    pub fields_removed: u64,
    /// The slice ended because its time was up.
    pub out_of_time: bool,
}

impl ExpireCycle {
    /// Goes over the stripes once, or until the time is up.
    pub fn run(&mut self, keyspace: &Keyspace, budget: Duration) -> ExpireReport {
        let mut report = ExpireReport::default();
        if keyspace.expiry_paused() {
            return report;
        }
        let start = Instant::now();
        let now_ms = keyspace.clock().unix_us() / 1000;
        for _ in 0..STRIPE_COUNT {
            let stripe = StripeIndex::new(self.stripe);
            let (mut entries_done, mut fields_done) = (false, false);
            loop {
                let at_stripe = keyspace.stripe(stripe);
                entries_done |= at_stripe.expiring.load(Ordering::Relaxed) == 0;
                fields_done |= at_stripe.fields_due_ms.load(Ordering::Relaxed) > now_ms;
                if entries_done && fields_done {
                    break;
                }
                entries_done = entries_done || keyspace.expire_some(stripe, &mut report);
                fields_done = fields_done || keyspace.expire_some_fields(stripe, &mut report);
                if start.elapsed() >= budget {
                    report.out_of_time = true;
                    keyspace
                        .counters()
                        .expire_time_cap_reached
                        .fetch_add(1, Ordering::Relaxed);
                    return report;
                }
            }
            self.stripe = (self.stripe + 1) % STRIPE_COUNT;
        }
        report
    }
}

impl Keyspace {
    /// Removes the expired entries of some buckets. Whether the stripe has been gone over to its end, or cannot be had now.
    fn expire_some(&self, stripe: StripeIndex, report: &mut ExpireReport) -> bool {
        let mut txn = Txn::begin(self, 0);
        if txn.lock(&LockPlan::one(stripe), &mut None).is_err() {
            return true;
        }
        let now = txn.now_ms();
        let at_stripe = self.stripe(stripe);
        let stored = at_stripe.expire_cursor.load(Ordering::Relaxed);
        let (mut database, mut cursor) = (
            (stored >> CURSOR_BITS) as usize,
            stored & ((1 << CURSOR_BITS) - 1),
        );
        let mut expired = Vec::new();
        let mut round_done = false;
        for _ in 0..BUCKETS_PER_ENTRY {
            if database >= self.database_count() {
                (database, cursor) = (0, 0);
                round_done = true;
                break;
            }
            let map = &txn.held[0].guard.map;
            cursor = map.scan_expiring(database, cursor, |handle| {
                report.examined += 1;
                if map.expire_at(handle).is_some_and(|at| at <= now) {
                    expired.push((database, handle));
                }
            });
            if cursor == 0 {
                database += 1;
            }
        }
        at_stripe
            .expire_cursor
            .store((database as u64) << CURSOR_BITS | cursor, Ordering::Relaxed);
        report.removed += expired.len() as u64;
        for (database, handle) in expired {
            let key: Box<[u8]> = txn.held[0].guard.map.key(handle).into();
            txn.expire(0, database, self.hash(&key), &key, handle);
        }
        txn.commit();
        round_done
    }

    /// Removes some of the fields whose time has come. Whether there are no more, or the stripe cannot be had now.
    fn expire_some_fields(&self, stripe: StripeIndex, report: &mut ExpireReport) -> bool {
        let mut txn = Txn::begin(self, 0);
        if txn.lock(&LockPlan::one(stripe), &mut None).is_err() {
            return true;
        }
        let now_ms = txn.now_ms();
        let removed_before = report.fields_removed;
        for _ in 0..HASHES_PER_ENTRY {
            let left = FIELDS_PER_ENTRY.saturating_sub(report.fields_removed - removed_before);
            if left == 0 {
                break;
            }
            let guard = &mut txn.held[0].guard;
            let Some((database, key)) = guard.queues.next(now_ms) else {
                break;
            };
            let (hash, key) = (self.hash(key), Box::<[u8]>::from(key));
            let Some(handle) = guard.map.find(database, hash, &key) else {
                unreachable!("a queued hash is there: who takes it away dequeues it");
            };
            let entry = EntryAt {
                at: 0,
                database,
                hash,
                key: &key,
                handle,
            };
            let removed = txn.remove_expired_fields(entry, Fields::All, left as usize);
            report.fields_removed += removed.fields;
            if !removed.key_is_gone {
                let held = &mut txn.held[0];
                held.guard.requeue_after_turn(database, handle);
                // where nothing was removed the queue has changed all the same
                held.changed.add(database);
            }
        }
        let is_done = txn.held[0].guard.queues.due_ms() > now_ms;
        txn.commit();
        is_done
    }
}
