//! Freeing what a database held that was emptied beside others.
//!
//! The entries of all databases of a stripe lie in one memory. Where a database is all that there is, that memory is moved
//! out as a whole (FLUSHALL always comes to that). Where it is not, its table is moved out, so nobody finds its keys any
//! more; but its entries have to be freed one by one, which for a million keys takes 50 to 100 ms. They are *abandoned*, and
//! freed later, [`ENTRIES_PER_HOLD`] at a time, each stripe by itself:
//!
//! ```text
//!   FLUSHDB, all stripes held       tables moved out         1024 x some 100 ns
//!   then, off the loops             sweep: one stripe held, some entries freed, let go, the next ...
//! ```
//!
//! What is abandoned counts as what waits to be freed ([`Reclaiming`](crate::Reclaiming)), and not as the keyspace's memory.
//! How many bytes that is nobody knows before each entry has been looked at: until then it is their share of the stripe's.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use perilune_structures::{Cleared, DetachedDb};
use perilune_value::Object;

use crate::keyspace::Keyspace;
use crate::plan::{LockPlan, STRIPE_COUNT, StripeIndex};
use crate::reclaim::Garbage;
use crate::stripe::StripeData;
use crate::txn::{Held, Txn, aside};

/// In a stripe where an emptied database had no more entries, they are freed at once.
const ENTRIES_AT_ONCE_MAX: usize = 16;

/// Entries freed while a stripe is held: some microseconds.
const ENTRIES_PER_HOLD: usize = 128;

/// What waits to be freed has become so many more, in entries and bytes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Waiting {
    pub entries: i64,
    pub bytes: i64,
}

impl StripeData {
    /// The bytes of so many of its entries, objects included: their share of all.
    pub fn share_bytes(&self, entries: usize) -> usize {
        let all = (self.map.memory_bytes() as i64 + self.heap_bytes).max(0);
        (all as u128 * entries as u128 / self.map.live().max(1) as u128) as usize
    }

    /// Takes the objects of entries that have been freed out of the stripe's figure. Their bytes.
    fn forget_objects(&mut self, objects: &[Object]) -> usize {
        let bytes: usize = objects.iter().map(Object::heap_bytes).sum();
        self.heap_bytes -= bytes as i64;
        bytes
    }
}

impl Txn<'_> {
    /// Gives up what has been taken out of a stripe.
    pub(crate) fn free_database(&mut self, at: usize, taken: DetachedDb) {
        let Held { stripe, guard, .. } = &mut self.held[at];
        let share = guard.share_bytes(taken.len()) as i64;
        let (memory, abandoned) = (guard.map.memory_bytes(), guard.map.abandoned());
        let cleared = guard.map.free_db(taken, ENTRIES_AT_ONCE_MAX);
        let objects_bytes = match cleared.is_whole() {
            true => std::mem::take(&mut guard.heap_bytes).max(0) as usize,
            false => guard.forget_objects(cleared.objects()),
        };
        let freed = memory.saturating_sub(guard.map.memory_bytes()) + objects_bytes;
        if guard.map.abandoned() != abandoned {
            let bytes = match guard.map.abandoned() {
                0 => 0,
                _ => guard.abandoned_bytes + share,
            };
            let more = self
                .keyspace
                .note_abandoned(*stripe, guard, abandoned, bytes);
            self.keyspace.reclaimer.note_waiting(more);
        }
        aside(&mut self.aside).garbage.add_database(cleared, freed);
    }
}

impl Keyspace {
    /// Frees what has been abandoned, for about `budget`. Whether there is more. No stripe is held by the caller; one that
    /// somebody else holds is passed by.
    pub fn sweep(&self, budget: Duration) -> bool {
        self.sweep_some(Some(budget), false)
    }

    /// Frees all that has been abandoned, but for stripes that somebody else holds.
    pub(crate) fn sweep_now(&self) {
        self.sweep_some(None, true);
    }

    fn sweep_some(&self, budget: Option<Duration>, in_place: bool) -> bool {
        if self.abandoned.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let start = Instant::now();
        let (mut cleared, mut freed, mut waiting) = (Cleared::default(), 0, Waiting::default());
        'stripes: for index in (0..STRIPE_COUNT).map(StripeIndex::new) {
            while self.stripe(index).abandoned.load(Ordering::Relaxed) > 0 {
                if budget.is_some_and(|budget| start.elapsed() >= budget) {
                    break 'stripes;
                }
                let Some(bytes) = self.sweep_stripe(index, &mut cleared, &mut waiting) else {
                    break;
                };
                freed += bytes;
            }
        }
        let mut garbage = Garbage::default();
        garbage.in_place = in_place;
        garbage.add_database(cleared, freed);
        self.reclaimer.free(&mut garbage);
        // only now, so that it is never counted as neither waiting nor freed
        self.reclaimer.note_waiting(waiting);
        self.abandoned.load(Ordering::Relaxed) > 0
    }

    /// Frees some entries of a stripe. Their bytes; none if it cannot be had now.
    fn sweep_stripe(
        &self,
        index: StripeIndex,
        cleared: &mut Cleared<Object>,
        waiting: &mut Waiting,
    ) -> Option<usize> {
        let mut txn = Txn::begin(self, 0);
        txn.lock(&LockPlan::one(index), &mut None).ok()?;
        let Held { guard, changed, .. } = &mut txn.held[0];
        let (memory, abandoned) = (guard.map.memory_bytes(), guard.map.abandoned());
        let objects = cleared.objects().len();
        guard.map.sweep(ENTRIES_PER_HOLD, cleared);
        let objects_bytes = guard.forget_objects(&cleared.objects()[objects..]);
        let freed = memory.saturating_sub(guard.map.memory_bytes()) + objects_bytes;
        let left = guard.map.abandoned();
        let bytes = guard.abandoned_bytes as i128 * left as i128 / abandoned.max(1) as i128;
        let more = self.note_abandoned(index, guard, abandoned, bytes as i64);
        waiting.entries += more.entries;
        waiting.bytes += more.bytes;
        // its figure of memory is to be published
        changed.add(0);
        txn.commit();
        Some(freed)
    }

    /// Notes that a stripe had `before` abandoned entries, and that those it has now take about so many bytes.
    fn note_abandoned(
        &self,
        index: StripeIndex,
        data: &mut StripeData,
        before: usize,
        bytes: i64,
    ) -> Waiting {
        let now = data.map.abandoned();
        let more = Waiting {
            entries: now as i64 - before as i64,
            bytes: bytes - data.abandoned_bytes,
        };
        data.abandoned_bytes = bytes;
        self.stripe(index)
            .abandoned
            .store(now as u64, Ordering::Relaxed);
        self.abandoned.fetch_add(more.entries, Ordering::Relaxed);
        more
    }
}
