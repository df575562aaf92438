//! The figures that transactions keep on the way, counted anew: for tests, here and in the crates above.

use std::sync::atomic::Ordering;

use perilune_structures::{Handle, Payload};
use perilune_value::{Hash, Object};

use crate::gate::Turn;
use crate::keyspace::Keyspace;
use crate::plan::{STRIPE_COUNT, StripeIndex};
use crate::stripe::{Counts, StripeData};

impl Keyspace {
    /// Enters every stripe in turn. Nobody may hold one.
    pub(crate) fn each_stripe(&self, mut visit: impl FnMut(usize, &StripeData)) {
        for index in 0..STRIPE_COUNT {
            let gate = &self.stripe(StripeIndex::new(index)).gate;
            let guard = gate.try_enter(Turn::New).expect("nobody holds a stripe");
            visit(index, &guard);
        }
    }

    /// Compares every figure that is kept on the way with what is there: keys, expiries, the queues of hashes whose fields
    /// expire, bytes. Walks over everything, so it is for tests, in which nobody holds a stripe.
    ///
    /// # Panics
    /// If one of them is wrong.
    pub fn audit(&self) {
        let databases = self.database_count();
        let mut totals = vec![Counts::default(); databases];
        let mut memory_bytes = 0;
        self.each_stripe(|index, data| {
            let stripe = self.stripe(StripeIndex::new(index));
            let mut heap_bytes = 0;
            let mut expiring = 0;
            assert!(data.queues.due_ms() < i64::MAX || data.queues.memory_bytes() == 0);
            for (database, total) in totals.iter_mut().enumerate() {
                let mut field_expiring = 0;
                data.map.iterate(database, |handle| {
                    if let Payload::Heap(object) = data.map.payload(handle) {
                        heap_bytes += object.heap_bytes() as i64;
                        if let Object::Hash(hash) = object {
                            let is_queued = audit_queue(data, database, handle, hash);
                            field_expiring += i64::from(is_queued);
                        }
                    }
                });
                assert_eq!(
                    data.queues.len(database) as i64,
                    field_expiring,
                    "stripe {index}, database {database}: what is queued is there"
                );
                let counts = Counts {
                    keys: data.map.len(database) as i64,
                    expiring: data.map.expires_len(database) as i64,
                    field_expiring,
                };
                expiring += counts.expiring;
                total.keys += counts.keys;
                total.expiring += counts.expiring;
                total.field_expiring += counts.field_expiring;
                let published = data.published.get(database).copied().unwrap_or_default();
                assert_eq!(
                    published, counts,
                    "stripe {index}, database {database}: keys and expiries"
                );
            }
            for handle in data.map.abandoned_handles() {
                if let Payload::Heap(object) = data.map.payload(handle) {
                    heap_bytes += object.heap_bytes() as i64;
                }
            }
            let abandoned = stripe.abandoned.load(Ordering::Relaxed);
            assert_eq!(abandoned, data.map.abandoned() as u64, "stripe {index}");
            assert!(abandoned > 0 || data.abandoned_bytes == 0, "stripe {index}");
            assert_eq!(
                data.heap_bytes, heap_bytes,
                "stripe {index}: bytes of objects"
            );
            assert_eq!(
                i64::from(stripe.expiring.load(Ordering::Relaxed)),
                expiring,
                "stripe {index}: expiries"
            );
            assert_eq!(
                stripe.fields_due_ms.load(Ordering::Relaxed),
                data.queues.due_ms(),
                "stripe {index}: when fields expire"
            );
            let published = data.published_bytes + data.published_heap_bytes;
            let touched = published != 0 || !data.published.is_empty();
            if touched {
                assert_eq!(
                    published,
                    (data.map.memory_bytes() + data.queues.memory_bytes()) as i64 + heap_bytes
                        - data.abandoned_bytes,
                    "stripe {index}: memory"
                );
            }
            memory_bytes += published;
            assert_eq!(
                stripe.gate.holder(),
                None,
                "stripe {index}: a holder that has gone"
            );
        });
        assert_eq!(self.memory_bytes() as i64, memory_bytes, "memory of all");
        for (database, total) in totals.into_iter().enumerate() {
            let counts = self.database(database);
            let shown = Counts {
                keys: counts.keys() as i64,
                expiring: counts.expiring() as i64,
                field_expiring: counts.field_expiring() as i64,
            };
            assert_eq!(shown, total, "database {database}");
        }
    }
}

/// Whether a hash is queued; it is if and only if a field of it expires, under a time that is not too late.
fn audit_queue(data: &StripeData, database: usize, handle: Handle, hash: &Hash) -> bool {
    let key = data.map.key(handle);
    let Some(queued_ms) = hash.queued_ms() else {
        assert_eq!(hash.expire_at_ms_min(), None, "{}", key.escape_ascii());
        return false;
    };
    assert!(
        Some(queued_ms) <= hash.expire_at_ms_min(),
        "{}",
        key.escape_ascii()
    );
    assert!(
        data.queues.contains(database, queued_ms, key),
        "{}",
        key.escape_ascii()
    );
    true
}
