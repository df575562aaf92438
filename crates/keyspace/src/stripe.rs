//! What one stripe holds.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use perilune_structures::{EntryMap, prefetch_bytes};
use perilune_value::Object;
use smallvec::SmallVec;

use crate::gate::Gate;
use crate::keyspace::Keyspace;
use crate::plan::{KeyHasher, StripeIndex};
use crate::queues::FieldQueues;
use crate::txn::Databases;
use crate::waiters::{KeyId, Waiters};
use crate::watch::Watchers;

/// The entries of one stripe.
pub(crate) type Map = EntryMap<Object, KeyHasher>;

/// The beginning of a stripe, which every command touches: all that leads to an entry, and what is looked at when it
/// changes.
const HOT_BYTES: usize = 5 * 64;

/// What the stripe's gate protects, in the order of use: see [`Stripe::prefetch`].
#[repr(C)]
pub(crate) struct StripeData {
    /// The latest time that a transaction on this stripe has seen: later ones never see an earlier one, whatever the system's clock does.
    pub now_floor_us: i64,
    /// Bytes of the heap objects of this stripe, which the map cannot know.
    pub heap_bytes: i64,
    /// The bytes of objects that it has been counted with.
    pub published_heap_bytes: i64,
    /// Who is to be told when a key changes.
    pub watchers: Watchers,
    /// Keys whose waiters are still to be served, before anything else is done here.
    pub pending: Vec<KeyId>,
    /// Somebody may wait for a key of this stripe. Too many is a look in vain, too few does not happen.
    pub has_waiters: bool,
    pub map: Map,
    /// The hashes whose fields expire.
    pub queues: FieldQueues,
    /// About how many of its bytes belong to entries that are abandoned (see [`sweep`](crate::sweep)).
    pub abandoned_bytes: i64,
    /// What this stripe has added to the counts of each database. Mostly there is one, which stands here: every transaction that has
    /// changed something compares it, and waited for memory where it stood elsewhere, 1.5 % of the time of a small script.
    pub published: SmallVec<[Counts; 1]>,
    /// The memory that this stripe has been counted with, objects apart, and less what is abandoned.
    pub published_bytes: i64,
}

/// What a stripe has in one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Keys.
    pub keys: i64,
    /// Keys with an expiry.
    pub expiring: i64,
    /// Hashes with a field that has an expiry.
    pub field_expiring: i64,
}

impl StripeData {
    /// The keys of a database that this stripe has been counted with.
    pub fn published_keys(&self, database: usize) -> i64 {
        self.published.get(database).map_or(0, |counts| counts.keys)
    }
}

/// One stripe: its gate, and figures that can be read without entering.
///
/// Aligned to two cache lines, because neighbours are used by other threads and processors fetch lines in pairs.
#[repr(C, align(128))]
pub(crate) struct Stripe {
    pub gate: Gate<StripeData>,
    /// Who waits for keys of this stripe. Locked below the gate, or without it.
    pub waiters: Waiters,
    /// Number of entries with an expiry in all databases, as of the last commit: the expiry cycle passes by stripes that have none.
    pub expiring: AtomicU32,
    /// Where the active expiry goes on in this stripe: database in the top byte, cursor below.
    pub expire_cursor: AtomicU64,
    /// No field of a hash expires before this, in Unix milliseconds, as of the last commit.
    pub fields_due_ms: AtomicI64,
    /// Entries that are abandoned.
    pub abandoned: AtomicU64,
}

impl Stripe {
    /// Asks for the memory that a command on a key of database 0 will touch, as a hint, without entering.
    #[inline]
    pub fn prefetch(&self) {
        prefetch_bytes(self, HOT_BYTES);
    }

    pub fn new(hasher: KeyHasher) -> Self {
        Self {
            gate: Gate::new(StripeData {
                map: EntryMap::new(hasher),
                queues: FieldQueues::default(),
                watchers: Watchers::default(),
                has_waiters: false,
                pending: Vec::new(),
                now_floor_us: i64::MIN,
                heap_bytes: 0,
                abandoned_bytes: 0,
                published: SmallVec::new(),
                published_bytes: 0,
                published_heap_bytes: 0,
            }),
            waiters: Waiters::default(),
            expiring: AtomicU32::new(0),
            expire_cursor: AtomicU64::new(0),
            fields_due_ms: AtomicI64::new(i64::MAX),
            abandoned: AtomicU64::new(0),
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
        self.publish_object_bytes(data);
        let memory =
            (data.map.memory_bytes() + data.queues.memory_bytes()) as i64 - data.abandoned_bytes;
        if memory != data.published_bytes {
            self.memory_bytes
                .fetch_add(memory - data.published_bytes, Ordering::Relaxed);
            data.published_bytes = memory;
        }
        for database in changed.iter(self.database_count()) {
            let now = Counts {
                keys: data.map.len(database) as i64,
                expiring: data.map.expires_len(database) as i64,
                field_expiring: data.queues.len(database) as i64,
            };
            let before = data.published.get(database).copied().unwrap_or_default();
            if now != before {
                self.publish_counts(stripe, data, database, before, now);
            }
        }
        let due_ms = data.queues.due_ms();
        if due_ms != stripe.fields_due_ms.load(Ordering::Relaxed) {
            stripe.fields_due_ms.store(due_ms, Ordering::Relaxed);
        }
    }

    /// As [`Keyspace::publish_figures`], where objects have changed in their places and nothing else: a fifth of the
    /// instructions.
    #[inline]
    pub(crate) fn publish_object_bytes(&self, data: &mut StripeData) {
        let more = data.heap_bytes - data.published_heap_bytes;
        if more != 0 {
            self.memory_bytes.fetch_add(more, Ordering::Relaxed);
            data.published_heap_bytes = data.heap_bytes;
        }
    }

    fn publish_counts(
        &self,
        stripe: &Stripe,
        data: &mut StripeData,
        database: usize,
        before: Counts,
        now: Counts,
    ) {
        if data.published.len() <= database {
            data.published.resize(database + 1, Counts::default());
        }
        data.published[database] = now;
        let counts = &self.databases[database];
        counts
            .keys
            .fetch_add(now.keys - before.keys, Ordering::Relaxed);
        if now.expiring != before.expiring {
            let more = now.expiring - before.expiring;
            counts.expiring.fetch_add(more, Ordering::Relaxed);
            // only the holder of the stripe writes this
            let expiring = i64::from(stripe.expiring.load(Ordering::Relaxed)) + more;
            stripe.expiring.store(expiring as u32, Ordering::Relaxed);
        }
        if now.field_expiring != before.field_expiring {
            counts.field_expiring.fetch_add(
                now.field_expiring - before.field_expiring,
                Ordering::Relaxed,
            );
        }
    }
}
