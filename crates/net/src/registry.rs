//! Who is connected: every live connection of every loop, by its id.
//!
//! An entry is written when a connection comes and goes, and its counters by whoever serves the connection, once per
//! batch, with plain stores. So listing clients disturbs no loop, and reaches those that are busy as well.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::conn::{ConnInfo, ConnRef};

/// A power of two.
const SHARDS: usize = 16;

/// What everybody may know of a connection while it lives. The numbers are as of its latest batch.
#[derive(Debug)]
pub struct ConnStats {
    info: ConnInfo,
    created_ms: u64,
    last_active_ms: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    input_len: AtomicUsize,
    input_room: AtomicUsize,
    output_len: AtomicUsize,
    output_room: AtomicUsize,
    closing: AtomicBool,
}

impl ConnStats {
    pub(crate) fn new(info: ConnInfo, now_ms: u64) -> Self {
        ConnStats {
            info,
            created_ms: now_ms,
            last_active_ms: AtomicU64::new(now_ms),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            input_len: AtomicUsize::new(0),
            input_room: AtomicUsize::new(0),
            output_len: AtomicUsize::new(0),
            output_room: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
        }
    }

    /// What was known when it came.
    pub fn info(&self) -> &ConnInfo {
        &self.info
    }

    /// Its address for messages.
    pub fn at(&self) -> ConnRef {
        ConnRef {
            id: self.info.id,
            loop_index: self.info.loop_index,
        }
    }

    /// When it came, in milliseconds of [`Net::now_ms`](crate::Net::now_ms).
    pub fn created_ms(&self) -> u64 {
        self.created_ms
    }

    /// When it last sent something, by the same clock.
    pub fn last_active_ms(&self) -> u64 {
        self.last_active_ms.load(Ordering::Relaxed)
    }

    /// Bytes read from it.
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes sent to it.
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    /// Bytes read and not yet consumed.
    pub fn input_len(&self) -> usize {
        self.input_len.load(Ordering::Relaxed)
    }

    /// The size of the buffer that holds them, which is kept for a while when it is empty.
    pub fn input_room(&self) -> usize {
        self.input_room.load(Ordering::Relaxed)
    }

    /// Bytes of output not yet sent.
    pub fn output_len(&self) -> usize {
        self.output_len.load(Ordering::Relaxed)
    }

    /// The size of the buffer that holds them; zero when all is sent.
    pub fn output_room(&self) -> usize {
        self.output_room.load(Ordering::Relaxed)
    }

    /// True once it was killed: it will be closed as soon as its loop has it.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(crate) fn set_closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Only the thread that has the connection writes these, so no read-modify-write is needed.
    pub(crate) fn add_in(&self, bytes: usize, now_ms: u64) {
        self.bytes_in
            .store(self.bytes_in() + bytes as u64, Ordering::Relaxed);
        self.last_active_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(crate) fn add_out(&self, bytes: usize) {
        self.bytes_out
            .store(self.bytes_out() + bytes as u64, Ordering::Relaxed);
    }

    /// What the buffers hold, and their sizes.
    pub(crate) fn set_buffers(&self, input: (usize, usize), output: (usize, usize)) {
        self.input_len.store(input.0, Ordering::Relaxed);
        self.input_room.store(input.1, Ordering::Relaxed);
        self.output_len.store(output.0, Ordering::Relaxed);
        self.output_room.store(output.1, Ordering::Relaxed);
    }
}

/// All live connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    shards: [Mutex<HashMap<u64, Arc<ConnStats>>>; SHARDS],
    live: AtomicUsize,
}

impl Registry {
    fn shard(&self, id: u64) -> MutexGuard<'_, HashMap<u64, Arc<ConnStats>>> {
        let shard = &self.shards[id as usize % SHARDS];
        shard
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn enter(&self, stats: &Arc<ConnStats>) {
        let id = stats.info.id;
        if self.shard(id).insert(id, stats.clone()).is_none() {
            self.live.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn leave(&self, id: u64) {
        if self.shard(id).remove(&id).is_some() {
            self.live.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<ConnStats>> {
        self.shard(id).get(&id).cloned()
    }

    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// All of them, in order of their ids.
    pub(crate) fn list(&self) -> Vec<Arc<ConnStats>> {
        let mut list = Vec::with_capacity(self.live());
        for shard in 0..SHARDS {
            list.extend(self.shard(shard as u64).values().cloned());
        }
        list.sort_unstable_by_key(|stats| stats.info.id);
        list
    }
}
