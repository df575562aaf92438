//! Freeing what takes long, on a thread of its own.
//!
//! ```text
//!   a value is deleted, replaced, expires      moved into the transaction's Garbage, under its stripes
//!   commit, stripes are released
//!        little to do  ->  dropped by who has committed
//!        else          ->  queue  ->  the reclaimer's thread
//!                          full   ->  dropped by who has committed
//! ```
//!
//! Under a stripe nothing big is ever dropped. Behind it, dropping would still hold up the thread, and with it all
//! connections of its loop: a hash whose values have allocations of their own takes some 50 ns for each of them, a
//! string of half a gigabyte as long as the kernel needs to take its pages back. So what costs more than
//! [`COST_IN_PLACE_MAX`] goes to a thread that does nothing else. It is started when it is first needed. The queue is
//! bounded: who makes garbage faster than it can be freed pays for it.
//!
//! What has been handed over is counted until it is gone, in objects for INFO and in bytes for its `used_memory`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use perilune_structures::Cleared;
use perilune_value::Object;
use smallvec::SmallVec;

use crate::sweep::Waiting;
use crate::undo::{Record, SpareRecord, UndoLog};

/// What costs more than so many allocations is not dropped in place. Handing it over costs about as much as that,
/// and it is the reference's threshold.
const COST_IN_PLACE_MAX: usize = 64;

/// A longer record of what a transaction has changed is not dropped in place. Records cost little each, and scripts
/// that make some hundreds of them are common, so they are worth more of them than values are.
const RECORDS_IN_PLACE_MAX: usize = 1024;

/// A record with more bytes is not dropped in place.
const RECORD_BYTES_IN_PLACE_MAX: usize = 1 << 20;

/// Garbage of a transaction that records, beyond so many bytes, is handed over before its end: a script that replaces a
/// value again and again would fill the memory with what nobody can ever see again. That may wake the thread, which is a
/// system call under its stripes; so it is seldom, and no plain command does it.
const BYTES_KEPT_MAX: usize = 16 << 20;

/// When nothing has come for so long, what has been freed is given back to the system. mimalloc keeps it for a second.
const SETTLED_AFTER: Duration = Duration::from_millis(1100);

/// A block of so many bytes shares its pages with no other in mimalloc. Its memory is not touched.
const BLOCK_WITH_PAGES_OF_ITS_OWN: usize = 8 << 20;

/// So many transactions' garbage may wait.
const QUEUE_LEN: usize = 1024;

/// What a transaction leaves over, to be dropped when no stripe is held.
#[derive(Default)]
pub(crate) struct Garbage {
    objects: Vec<Object>,
    /// Bytes of the objects.
    object_bytes: usize,
    databases: Vec<Cleared<Object>>,
    /// Bytes of the databases.
    database_bytes: usize,
    records: SmallVec<[Record; 1]>,
    /// It is to be gone when the transaction is answered.
    pub in_place: bool,
}

impl Garbage {
    /// Adds a value that the keyspace does not have any more, and that undo does not need.
    #[inline]
    pub fn add(&mut self, object: Object) {
        self.object_bytes += object.heap_bytes();
        self.objects.push(object);
    }

    /// Adds a database that has been emptied, with its bytes.
    pub fn add_database(&mut self, cleared: Cleared<Object>, bytes: usize) {
        if !cleared.is_empty() {
            self.database_bytes += bytes;
            self.databases.push(cleared);
        }
    }

    /// Adds a record that is not needed any more.
    pub fn add_record(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Adds all of another one.
    pub fn add_all(&mut self, other: Garbage) {
        self.objects.extend(other.objects);
        self.object_bytes += other.object_bytes;
        self.databases.extend(other.databases);
        self.database_bytes += other.database_bytes;
        self.records.extend(other.records);
        self.in_place |= other.in_place;
    }

    /// Whether there is so much that it should not be kept to the end of the transaction.
    #[inline]
    pub fn is_too_much(&self) -> bool {
        self.object_bytes > BYTES_KEPT_MAX && !self.in_place
    }

    /// Whether dropping any of it takes long.
    fn takes_long(&self) -> bool {
        self.objects.iter().any(takes_long)
            || !self.databases.is_empty()
            || self.records.iter().any(|record| record_takes_long(record))
    }
}

fn takes_long(object: &Object) -> bool {
    object.cost_of_dropping() > COST_IN_PLACE_MAX
}

/// Whether dropping it takes long.
pub(crate) fn record_takes_long(record: &UndoLog) -> bool {
    record.records.len() > RECORDS_IN_PLACE_MAX || record.bytes() > RECORD_BYTES_IN_PLACE_MAX
}

/// What is done about big values that nobody needs any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reclaiming {
    /// Values that wait to be freed; of a flushed database, its keys.
    pub pending_objects: u64,
    /// Their bytes.
    pub pending_bytes: u64,
    /// Values that have been freed in the background.
    pub freed_objects: u64,
}

#[derive(Default)]
struct Figures {
    pending_objects: AtomicU64,
    pending_bytes: AtomicU64,
    freed_objects: AtomicU64,
}

/// What the thread gets: it drops the garbage and then counts.
struct Job {
    garbage: Garbage,
    objects: u64,
    bytes: u64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Reclaimer {
    /// None once there is no thread to be had.
    queue: OnceLock<Option<SyncSender<Job>>>,
    figures: Arc<Figures>,
}

impl Reclaimer {
    /// Drops what a transaction has left over, here or elsewhere. No stripe is held.
    #[inline]
    pub fn free(&self, garbage: &mut Garbage) {
        if garbage.in_place || !garbage.takes_long() {
            *garbage = Garbage::default();
        } else {
            self.free_later(garbage);
        }
    }

    /// As [`Reclaimer::free`], for a record.
    #[inline]
    pub fn free_record(&self, record: Record) {
        if record_takes_long(&record) {
            let mut garbage = Garbage::default();
            garbage.add_record(record);
            self.free_later(&mut garbage);
        }
    }

    /// As [`Reclaimer::free_record`]; but the record is handed back, empty, if it is worth keeping.
    #[inline]
    pub fn empty_record(&self, mut record: Record) -> Option<SpareRecord> {
        if record_takes_long(&record) {
            self.free_record(record);
            return None;
        }
        record.empty().then_some(SpareRecord(record))
    }

    /// Sees to it that the system gets back what a big record has held that was dropped elsewhere.
    #[cold]
    pub fn settle(&self) {
        drop(self.hand_over(Garbage::default()));
    }

    /// Hands over what takes long, and drops the rest.
    #[cold]
    fn free_later(&self, garbage: &mut Garbage) {
        let mut garbage = std::mem::take(garbage);
        let (big, small) = std::mem::take(&mut garbage.objects)
            .into_iter()
            .partition(takes_long);
        garbage.objects = big;
        garbage.object_bytes = garbage.objects.iter().map(Object::heap_bytes).sum();
        drop::<Vec<Object>>(small);
        // where it cannot be handed over it is dropped here
        drop(self.hand_over(garbage));
    }

    /// Hands over the values that a transaction has left over by now. They stay where the queue is full.
    #[cold]
    pub fn hand_over_early(&self, garbage: &mut Garbage) {
        let early = Garbage {
            objects: std::mem::take(&mut garbage.objects),
            object_bytes: std::mem::take(&mut garbage.object_bytes),
            ..Garbage::default()
        };
        if let Some(refused) = self.hand_over(early) {
            garbage.add_all(refused);
        }
    }

    /// Counts what is freed by [`sweep`](crate::sweep).
    pub fn note_waiting(&self, more: Waiting) {
        let Figures {
            pending_objects,
            pending_bytes,
            ..
        } = &*self.figures;
        pending_objects.fetch_add(more.entries as u64, Ordering::Relaxed);
        pending_bytes.fetch_add(more.bytes as u64, Ordering::Relaxed);
    }

    /// Puts garbage into the queue; what finds no room comes back.
    fn hand_over(&self, garbage: Garbage) -> Option<Garbage> {
        let keys = garbage.databases.iter().map(Cleared::len).sum::<usize>();
        let job = Job {
            objects: (garbage.objects.len() + keys) as u64,
            bytes: (garbage.object_bytes + garbage.database_bytes) as u64,
            garbage,
        };
        let Some(queue) = self.queue.get_or_init(|| self.start()) else {
            return Some(job.garbage);
        };
        let (objects, bytes) = (job.objects, job.bytes);
        let figures = &self.figures;
        figures
            .pending_objects
            .fetch_add(objects, Ordering::Relaxed);
        figures.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
        match queue.try_send(job) {
            Ok(()) => None,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                figures
                    .pending_objects
                    .fetch_sub(objects, Ordering::Relaxed);
                figures.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
                Some(job.garbage)
            }
        }
    }

    /// Starts the thread. It ends when the reclaimer is gone and the queue is empty.
    fn start(&self) -> Option<SyncSender<Job>> {
        let (queue, jobs) = sync_channel(QUEUE_LEN);
        let figures = self.figures.clone();
        std::thread::Builder::new()
            .name("reclaimer".into())
            .spawn(move || reclaim(&jobs, &figures))
            .ok()?;
        Some(queue)
    }

    /// What waits, and what has been done.
    pub fn figures(&self) -> Reclaiming {
        let get = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Reclaiming {
            pending_objects: get(&self.figures.pending_objects),
            pending_bytes: get(&self.figures.pending_bytes),
            freed_objects: get(&self.figures.freed_objects),
        }
    }

    /// Whether there has been anything for the thread.
    #[cfg(test)]
    pub fn is_started(&self) -> bool {
        self.queue.get().is_some()
    }

    /// Begins to count anew what has been freed.
    pub fn reset(&self) {
        self.figures.freed_objects.store(0, Ordering::Relaxed);
    }
}

/// The thread.
fn reclaim(jobs: &Receiver<Job>, figures: &Figures) {
    while let Ok(job) = jobs.recv() {
        run(job, figures);
        // while there is more to come, the allocator need not give anything back
        loop {
            match jobs.recv_timeout(SETTLED_AFTER) {
                Ok(job) => run(job, figures),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        give_back();
    }
}

fn run(job: Job, figures: &Figures) {
    drop(job.garbage);
    let Job { objects, bytes, .. } = job;
    figures.freed_objects.fetch_add(objects, Ordering::Relaxed);
    figures.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
    figures
        .pending_objects
        .fetch_sub(objects, Ordering::Relaxed);
}

/// Makes the allocator give memory back to the system. It keeps what has been freed for a second, as it may be
/// wanted again, and looks for what has been kept so long when a block that has pages of its own is freed: on an idle
/// server nobody does that. (Another allocator takes no notice.)
fn give_back() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(
        BLOCK_WITH_PAGES_OF_ITS_OWN,
    )));
}
