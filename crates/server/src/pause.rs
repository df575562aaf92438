//! CLIENT PAUSE: for a while, commands wait.
//!
//! Who has to wait parks with a ticket of its own kind; the end of the pause wakes all of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use perilune_net::{ConnRef, Net};

use crate::server::Server;

/// Tickets of paused connections have this bit, those of parked ones (which count from 1) never do.
const TICKET: u64 = 1 << 63;

/// The pause in force, if any.
#[derive(Debug, Default)]
pub struct Pause {
    /// When it ends, in milliseconds since 1970; 0 without one.
    until_ms: AtomicU64,
    /// Only commands that write wait.
    writes_only: std::sync::atomic::AtomicBool,
    waiting: Mutex<Vec<ConnRef>>,
}

impl Pause {
    /// Starts a pause, or extends one: the later end and the stricter kind win.
    pub fn start(&self, until_ms: u64, writes_only: bool) {
        let running = self.until_ms.load(Ordering::Relaxed) != 0;
        let stricter = writes_only && (!running || self.writes_only.load(Ordering::Relaxed));
        self.writes_only.store(stricter, Ordering::Relaxed);
        self.until_ms.fetch_max(until_ms, Ordering::Relaxed);
    }

    /// Whether writing commands, or others, wait now.
    #[inline]
    pub fn is_paused(&self, writes: bool) -> bool {
        self.until_ms.load(Ordering::Relaxed) != 0
            && (writes || !self.writes_only.load(Ordering::Relaxed))
    }

    /// A connection has to wait; its ticket.
    pub fn wait(&self, at: ConnRef) -> u64 {
        self.waiting
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .push(at);
        TICKET
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.lock().unwrap_or_else(|e| e.into_inner()).len()
    }

    /// Ends the pause if its time is up.
    pub fn check(&self, now_ms: u64, net: &Net<Server>) {
        let until_ms = self.until_ms.load(Ordering::Relaxed);
        if until_ms != 0 && now_ms >= until_ms {
            self.end(net);
        }
    }

    /// Ends the pause.
    pub fn end(&self, net: &Net<Server>) {
        self.until_ms.store(0, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(|e| e.into_inner()));
        for at in waiting {
            net.wake(at, TICKET);
        }
    }
}
