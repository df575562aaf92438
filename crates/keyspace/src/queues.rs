//! Which hashes have fields that expire, and when to look at them.
//!
//! ```text
//!   stripe -> database -> { (time, key), (time, key), ... }     no field of `key` expires before `time`
//!                             ^ first: when there is something to do
//! ```
//!
//! Each hash with a field that expires stands in the queue of its database once, under a time that is never too late:
//! where the first field gets another expiry, the hash moves forward in the queue, and not back until its turn has
//! come. So refreshing an expiry again and again costs the queue nothing. The hash itself keeps the time under which it
//! stands ([`Hash::queued_ms`](perilune_value::Hash::queued_ms)); where an entry comes, changes or goes, the queue is
//! told by [`StripeData::enqueue`] and [`StripeData::dequeue`].

use std::collections::BTreeSet;

use perilune_structures::{Handle, Payload};
use perilune_value::{Collection, Hash, Object};

use crate::stripe::StripeData;

/// The hashes of one database of a stripe.
pub(crate) type FieldQueue = BTreeSet<(i64, Box<[u8]>)>;

/// The queues of one stripe.
#[derive(Default)]
pub(crate) struct FieldQueues {
    by_database: Vec<FieldQueue>,
    memory_bytes: usize,
}

/// What an entry of a queue takes besides the bytes of its key: 24 bytes in nodes that are two thirds full.
const ENTRY_BYTES: usize = 36;

fn memory_bytes(queue: &FieldQueue) -> usize {
    let keys: usize = queue.iter().map(|(_, key)| key.len()).sum();
    keys + queue.len() * ENTRY_BYTES
}

impl FieldQueues {
    /// Whether no hash of the stripe has a field that expires.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_database.is_empty()
    }

    /// The number of hashes of a database that have a field that expires.
    pub fn len(&self, database: usize) -> usize {
        self.by_database.get(database).map_or(0, BTreeSet::len)
    }

    /// When there is something to do, in Unix milliseconds; never, if no field expires.
    pub fn due_ms(&self) -> i64 {
        let first = |queue: &FieldQueue| queue.first().map(|&(due_ms, _)| due_ms);
        let due_ms = self.by_database.iter().filter_map(first).min();
        due_ms.unwrap_or(i64::MAX)
    }

    /// The database and key of a hash whose turn has come.
    pub fn next(&self, now_ms: i64) -> Option<(usize, &[u8])> {
        self.by_database
            .iter()
            .enumerate()
            .find_map(|(database, queue)| {
                let (due_ms, key) = queue.first()?;
                (*due_ms <= now_ms).then_some((database, &**key))
            })
    }

    /// Whether a hash stands in the queue of a database under this time.
    pub fn contains(&self, database: usize, queued_ms: i64, key: &[u8]) -> bool {
        let entry = (queued_ms, key.into());
        self.by_database
            .get(database)
            .is_some_and(|queue| queue.contains(&entry))
    }

    /// All that the queues have taken from the allocator, in bytes, about.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    fn insert(&mut self, database: usize, queued_ms: i64, key: Box<[u8]>) {
        self.memory_bytes += key.len() + ENTRY_BYTES;
        self.of(database).insert((queued_ms, key));
    }

    /// Takes a hash out; its key comes back.
    fn remove(&mut self, database: usize, queued_ms: i64, key: Box<[u8]>) -> Box<[u8]> {
        let entry = (queued_ms, key);
        if self.of(database).remove(&entry) {
            self.memory_bytes -= entry.1.len() + ENTRY_BYTES;
        }
        entry.1
    }

    fn of(&mut self, database: usize) -> &mut FieldQueue {
        if self.by_database.len() <= database {
            self.by_database.resize_with(database + 1, BTreeSet::new);
        }
        &mut self.by_database[database]
    }

    /// Takes the queue of a database out.
    pub fn take(&mut self, database: usize) -> FieldQueue {
        let taken = self.by_database.get_mut(database).map(std::mem::take);
        let taken = taken.unwrap_or_default();
        self.memory_bytes -= memory_bytes(&taken);
        self.forget();
        taken
    }

    /// Puts the queue of a database back.
    pub fn restore(&mut self, database: usize, queue: FieldQueue) {
        if !queue.is_empty() {
            self.memory_bytes += memory_bytes(&queue);
            *self.of(database) = queue;
        }
    }

    /// Lets two databases change places.
    pub fn swap(&mut self, a: usize, b: usize) {
        if !self.is_empty() {
            self.of(a.max(b));
            self.by_database.swap(a, b);
        }
    }

    /// Makes the empty queues as good as new.
    fn forget(&mut self) {
        if self.by_database.iter().all(BTreeSet::is_empty) {
            self.by_database = Vec::new();
        }
    }
}

impl StripeData {
    /// An entry has come, or what it holds has changed: if it is a hash with fields that expire, it is queued.
    pub fn enqueue(&mut self, database: usize, handle: Handle) {
        self.requeue(database, handle, false);
    }

    /// As [`enqueue`](Self::enqueue), for a hash whose turn it was: it may move back.
    pub fn requeue_after_turn(&mut self, database: usize, handle: Handle) {
        self.requeue(database, handle, true);
    }

    fn requeue(&mut self, database: usize, handle: Handle, may_move_back: bool) {
        let Some(hash) = self.map.heap_mut(handle).and_then(Hash::of_mut) else {
            return;
        };
        let (due_ms, queued_ms) = (hash.expire_at_ms_min(), hash.queued_ms());
        let stays = match (due_ms, queued_ms) {
            (None, None) => true,
            (Some(due_ms), Some(queued_ms)) => {
                due_ms == queued_ms || (due_ms > queued_ms && !may_move_back)
            }
            _ => false,
        };
        if stays {
            return;
        }
        hash.set_queued_ms(due_ms);
        let mut key: Box<[u8]> = self.map.key(handle).into();
        if let Some(queued_ms) = queued_ms {
            key = self.queues.remove(database, queued_ms, key);
        }
        match due_ms {
            Some(due_ms) => self.queues.insert(database, due_ms, key),
            None => self.queues.forget(),
        }
    }

    /// An entry is about to go: if it is a queued hash, it is queued no more.
    #[inline]
    pub fn dequeue(&mut self, database: usize, handle: Handle) {
        if !self.queues.is_empty() {
            self.remove_from_queue(database, handle);
        }
    }

    #[cold]
    fn remove_from_queue(&mut self, database: usize, handle: Handle) {
        let queued_ms = match self.map.payload(handle) {
            Payload::Heap(Object::Hash(hash)) => hash.queued_ms(),
            _ => None,
        };
        let Some(queued_ms) = queued_ms else { return };
        let key: Box<[u8]> = self.map.key(handle).into();
        self.queues.remove(database, queued_ms, key);
        self.queues.forget();
        if let Some(hash) = self.map.heap_mut(handle).and_then(Hash::of_mut) {
            hash.set_queued_ms(None);
        }
    }

    /// A change of an entry has been taken back: what its hash says of its place in the queue may be of another time.
    pub fn enqueue_anew(&mut self, database: usize, handle: Handle) {
        if let Some(hash) = self.map.heap_mut(handle).and_then(Hash::of_mut) {
            hash.set_queued_ms(None);
            self.enqueue(database, handle);
        }
    }
}
