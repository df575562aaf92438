//! What one stripe holds.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use perilune_structures::EntryMap;
use perilune_value::Object;

use crate::gate::Gate;
use crate::keyspace::Keyspace;
use crate::plan::{KeyHasher, StripeIndex};
use crate::watch::Watchers;

/// The entries of one stripe.
pub(crate) type Map = EntryMap<Object, KeyHasher>;

/// What the stripe's gate protects.
pub(crate) struct StripeData {
    pub map: Map,
    /// Who is to be told when a key changes.
    pub watchers: Watchers,
    /// The latest time that a transaction on this stripe has seen: later ones never see an earlier one, whatever the system's clock does.
    pub now_floor_us: i64,
    /// Bytes of the heap objects of this stripe, which the map cannot know.
    pub heap_bytes: i64,
    /// What this stripe has added to the counts of each database: keys and expiries.
    pub published: Vec<(i64, i64)>,
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
    /// Memory of the stripe as of the last commit that changed it.
    pub memory_bytes: AtomicI64,
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
                now_floor_us: i64::MIN,
                heap_bytes: 0,
                published: Vec::new(),
            }),
            memory_bytes: AtomicI64::new(0),
            expiring: AtomicU32::new(0),
            expire_cursor: AtomicU64::new(0),
        }
    }
}

impl Keyspace {
    /// Brings the figures that others read without entering up to date.
    pub(crate) fn publish_figures(&self, index: StripeIndex, data: &mut StripeData) {
        let stripe = self.stripe(index);
        let memory = data.map.memory_bytes() as i64 + data.heap_bytes;
        let before = stripe.memory_bytes.swap(memory, Ordering::Relaxed);
        if before != memory {
            self.memory_bytes.fetch_add(memory - before, Ordering::Relaxed);
        }
        let databases = self.database_count();
        if data.published.len() < databases {
            data.published.resize(databases, (0, 0));
        }
        let mut expiring_in_all = 0;
        for (database, published) in data.published.iter_mut().enumerate() {
            let (keys, expiring) = (data.map.len(database) as i64, data.map.expires_len(database) as i64);
            expiring_in_all += expiring;
            let counts = &self.databases[database];
            if keys != published.0 {
                counts.keys.fetch_add(keys - published.0, Ordering::Relaxed);
            }
            if expiring != published.1 {
                counts.expiring.fetch_add(expiring - published.1, Ordering::Relaxed);
            }
            *published = (keys, expiring);
        }
        stripe.expiring.store(expiring_in_all as u32, Ordering::Relaxed);
    }
}
