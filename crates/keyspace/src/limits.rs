//! The limits of packed encodings, where every change of a collection reads them and CONFIG SET changes them.

use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

use perilune_value::Limits;

/// [`Limits`] that threads share: each is a number of its own, so nothing is locked to read them.
#[derive(Debug, Default)]
pub(crate) struct SharedLimits {
    hash_max_listpack_entries: AtomicUsize,
    hash_max_listpack_value: AtomicUsize,
    list_max_listpack_size: AtomicI32,
    list_packed_threshold: AtomicU32,
    set_max_intset_entries: AtomicUsize,
    set_max_listpack_entries: AtomicUsize,
    set_max_listpack_value: AtomicUsize,
    zset_max_listpack_entries: AtomicUsize,
    zset_max_listpack_value: AtomicUsize,
}

impl SharedLimits {
    pub fn new(limits: Limits) -> Self {
        let shared = Self::default();
        shared.set(limits);
        shared
    }

    #[inline]
    pub fn get(&self) -> Limits {
        Limits {
            hash_max_listpack_entries: self.hash_max_listpack_entries.load(Ordering::Relaxed),
            hash_max_listpack_value: self.hash_max_listpack_value.load(Ordering::Relaxed),
            list_max_listpack_size: self.list_max_listpack_size.load(Ordering::Relaxed),
            list_packed_threshold: self.list_packed_threshold.load(Ordering::Relaxed),
            set_max_intset_entries: self.set_max_intset_entries.load(Ordering::Relaxed),
            set_max_listpack_entries: self.set_max_listpack_entries.load(Ordering::Relaxed),
            set_max_listpack_value: self.set_max_listpack_value.load(Ordering::Relaxed),
            zset_max_listpack_entries: self.zset_max_listpack_entries.load(Ordering::Relaxed),
            zset_max_listpack_value: self.zset_max_listpack_value.load(Ordering::Relaxed),
        }
    }

    pub fn set(&self, limits: Limits) {
        let Limits {
            hash_max_listpack_entries,
            hash_max_listpack_value,
            list_max_listpack_size,
            list_packed_threshold,
            set_max_intset_entries,
            set_max_listpack_entries,
            set_max_listpack_value,
            zset_max_listpack_entries,
            zset_max_listpack_value,
        } = limits;
        let store = |place: &AtomicUsize, limit| place.store(limit, Ordering::Relaxed);
        store(&self.hash_max_listpack_entries, hash_max_listpack_entries);
        store(&self.hash_max_listpack_value, hash_max_listpack_value);
        self.list_max_listpack_size
            .store(list_max_listpack_size, Ordering::Relaxed);
        self.list_packed_threshold
            .store(list_packed_threshold, Ordering::Relaxed);
        store(&self.set_max_intset_entries, set_max_intset_entries);
        store(&self.set_max_listpack_entries, set_max_listpack_entries);
        store(&self.set_max_listpack_value, set_max_listpack_value);
        store(&self.zset_max_listpack_entries, zset_max_listpack_entries);
        store(&self.zset_max_listpack_value, zset_max_listpack_value);
    }
}
