//! What one stripe holds.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use perilune_structures::EntryMap;
use perilune_value::Object;

use crate::gate::Gate;
use crate::keyspace::Keyspace;
use crate::plan::{KeyHasher, StripeIndex};
use crate::txn::Databases;
use crate::waiters::{KeyId, Waiters};
use crate::watch::Watchers;

/// The entries of one stripe.
pub(crate) type Map = EntryMap<Object, KeyHasher>;

/// What the stripe's gate protects.
pub(crate) struct StripeData {
    pub map: Map,
    /// Who is to be told when a key changes.
    pub watchers: Watchers,
    /// Somebody may wait for a key of this stripe. Too many is a look in vain, too few does not happen.
    pub has_waiters: bool,
    /// Keys whose waiters are still to be served, before anything else is done here.
    pub pending: Vec<KeyId>,
    /// The latest time that a transaction on this stripe has seen: later ones never see an earlier one, whatever the system's clock does.
    pub now_floor_us: i64,
    /// Bytes of the heap objects of this stripe, which the map cannot know.
    pub heap_bytes: i64,
    /// What this stripe has added to the counts of each database: keys and expiries.
    pub published: Vec<(i64, i64)>,
    /// The memory that this stripe has been counted with.
    pub published_bytes: i64,
}

impl StripeData {
    /// The keys of a database that this stripe has been counted with.
    pub fn published_keys(&self, database: usize) -> i64 {
        self.published.get(database).map_or(0, |counts| counts.0)
    }
}

/// One stripe: its gate, and figures that can be read without entering.
///
/// Aligned to two cache lines, because neighbours are used by other threads and processors fetch lines in pairs.
#[repr(align(128))]
pub(crate) struct Stripe {
    pub gate: Gate<StripeData>,
    /// Who waits for keys of this stripe. Locked below the gate, or without it.
    pub waiters: Waiters,
    /// Number of entries with an expiry in all databases, as of the last commit: the expiry cycle passes by stripes that have none.
    pub expiring: AtomicU32,
    /// Where the active expiry goes on in this stripe: database in the top byte, cursor below.
    pub expire_cursor: AtomicU64,
}

impl Stripe {
    pub fn new(hasher: KeyHasher) -> Self {
        Self {
            gate: Gate::new(StripeData {
                map: EntryMap::new(hasher),
                watchers: Watchers::default(),
                has_waiters: false,
                pending: Vec::new(),
                now_floor_us: i64::MIN,
                heap_bytes: 0,
                published: Vec::new(),
                published_bytes: 0,
            }),
            waiters: Waiters::default(),
            expiring: AtomicU32::new(0),
            expire_cursor: AtomicU64::new(0),
        }
    }
}

impl Keyspace {
    /// Brings the figures that others read without entering up to date, for the databases in which something was changed.
    #[inline]
    pub(crate) fn publish_figures(
        &self,
        index: StripeIndex,
        data: &mut StripeData,
        changed: Databases,
    ) {
        let stripe = self.stripe(index);
        let memory = data.map.memory_bytes() as i64 + data.heap_bytes;
        if memory != data.published_bytes {
            self.memory_bytes
                .fetch_add(memory - data.published_bytes, Ordering::Relaxed);
            data.published_bytes = memory;
        }
        for database in changed.iter(self.database_count()) {
            let now = (
                data.map.len(database) as i64,
                data.map.expires_len(database) as i64,
            );
            let before = data.published.get(database).copied().unwrap_or_default();
            if now != before {
                self.publish_counts(stripe, data, database, before, now);
            }
        }
    }

    fn publish_counts(
        &self,
        stripe: &Stripe,
        data: &mut StripeData,
        database: usize,
        before: (i64, i64),
        now: (i64, i64),
    ) {
        if data.published.len() <= database {
            data.published.resize(database + 1, (0, 0));
        }
        data.published[database] = now;
        let counts = &self.databases[database];
        counts.keys.fetch_add(now.0 - before.0, Ordering::Relaxed);
        if now.1 != before.1 {
            counts
                .expiring
                .fetch_add(now.1 - before.1, Ordering::Relaxed);
            // only the holder of the stripe writes this
            let expiring = i64::from(stripe.expiring.load(Ordering::Relaxed)) + now.1 - before.1;
            stripe.expiring.store(expiring as u32, Ordering::Relaxed);
        }
    }
}
