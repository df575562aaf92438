//! CLIENT PAUSE: for a while, commands wait.
//!
//! Who has to wait parks with a ticket of its own kind; the end of the pause wakes all of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard};

use perilune_net::{ConnRef, Net};

use crate::server::Server;

/// Tickets of paused connections have this bit, those of parked ones (which count from 1) never do.
const TICKET: u64 = 1 << 63;

/// The pause in force, if any.
#[derive(Debug, Default)]
pub struct Pause {
    /// When it ends, in milliseconds since 1970; 0 without one.
    until_ms: AtomicI64,
    /// Only commands that write wait.
    writes_only: AtomicBool,
    waiting: Mutex<HashMap<u64, ConnRef>>,
}

impl Pause {
    /// Starts a pause, or extends one: the later end and the stricter kind win.
    pub fn start(&self, until_ms: i64, writes_only: bool) {
        let running = self.until_ms.load(Ordering::Relaxed) != 0;
        let writes_only = writes_only && (!running || self.writes_only.load(Ordering::Relaxed));
        self.writes_only.store(writes_only, Ordering::Relaxed);
        self.until_ms.fetch_max(until_ms, Ordering::Relaxed);
    }

    /// Whether writing commands, or others, wait now.
    #[inline]
    pub fn is_paused(&self, writes: bool) -> bool {
        self.until_ms.load(Ordering::Relaxed) != 0
            && (writes || !self.writes_only.load(Ordering::Relaxed))
    }

    /// When it ends, in milliseconds since 1970, if there is one.
    pub fn end_ms(&self) -> Option<i64> {
        Some(self.until_ms.load(Ordering::Relaxed)).filter(|until_ms| *until_ms != 0)
    }

    /// Whether its time is up.
    pub fn is_over(&self, now_ms: i64) -> bool {
        self.end_ms().is_some_and(|until_ms| now_ms >= until_ms)
    }

    /// A connection has to wait; its ticket. None if the pause has ended meanwhile.
    pub fn wait(&self, at: ConnRef) -> Option<u64> {
        let mut waiting = self.waiting();
        // looked at under the lock that the end takes, so that nobody is left behind
        self.end_ms()?;
        waiting.insert(at.id, at);
        Some(TICKET)
    }

    /// A connection waits no more, because it is gone.
    pub fn forget(&self, id: u64) {
        if self.end_ms().is_some() {
            self.waiting().remove(&id);
        }
    }

    /// How many wait.
    pub fn waiting_count(&self) -> usize {
        self.waiting().len()
    }

    /// Ends the pause.
    pub fn end(&self, net: &Net<Server>) {
        let mut waiting = self.waiting();
        self.until_ms.store(0, Ordering::Relaxed);
        for at in std::mem::take(&mut *waiting).into_values() {
            net.wake(at, TICKET);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, ConnRef>> {
        self.waiting.lock().unwrap_or_else(|e| e.into_inner())
    }
}
