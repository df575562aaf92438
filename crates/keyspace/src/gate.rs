//! A stripe's lock, and the queue of those who wait for it.
//!
//! A gate is only ever *tried*. Who fails lets go of everything, [parks](Gate::park) a [`Waiter`] and does
//! something else; who unlocks wakes the first in the queue. While anybody waits, only the first in the queue
//! may take the lock (its [`Turn`] says so), newcomers queue up behind: that is what keeps a hot key fair.
//!
//! # Why no wake-up is lost
//!
//! ```text
//! parks                             unlocks
//!   push into the queue               drop the guard
//!   waiting = queue length            fence
//!   fence                             waiting != 0?  -> wake the first
//!   try the lock once more
//! ```
//!
//! With a sequentially consistent fence on both sides, either the one who parks sees the lock free and takes
//! its turn at once, or the one who unlocks sees that somebody waits. `loom` walks through the interleavings
//! in this module's tests.
//!
//! # Lock order
//!
//! The queue's own mutex is held for a few instructions and never while a gate is taken or a waiter woken.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::sync::{AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, fence};

/// Somebody who can be told that it is their turn.
pub trait Wake: Send + Sync {
    /// Called from the thread that unlocked, outside all locks. Must be cheap and must not block.
    fn wake(&self, ticket: u64);
}

/// A parked transaction's place in a queue.
#[derive(Clone)]
pub struct Waiter {
    /// Tells one parking from every other: drawn anew each time.
    pub ticket: u64,
    /// Whom to tell.
    pub target: Arc<dyn Wake>,
}

/// Says whether the caller stands in the gate's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// A newcomer: queues behind whoever waits.
    New,
    /// Was parked here with this ticket: may go in if it is the first.
    Queued(u64),
}

/// What parking came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parked {
    /// In the queue; a wake-up will come.
    Waiting,
    /// In the queue, first of it, and the gate is free by now: try again at once.
    Free,
}

struct Queue {
    waiters: VecDeque<Waiter>,
    /// The first has been told already and has not tried since.
    first_told: bool,
}

/// A lock around `T` with a queue of waiters who hold nothing.
#[repr(C)]
pub struct Gate<T> {
    /// Length of the queue, readable without its lock.
    waiting: AtomicU32,
    data: Mutex<T>,
    /// Which long transaction holds the gate: 0 for none. Only long ones say so (scripts and EXEC): it answers whom a parked command waits for.
    holder: AtomicU64,
    queue: Mutex<Queue>,
}

impl<T> Gate<T> {
    /// An open gate around `data`.
    pub fn new(data: T) -> Self {
        Self {
            data: Mutex::new(data),
            waiting: AtomicU32::new(0),
            holder: AtomicU64::new(0),
            queue: Mutex::new(Queue {
                waiters: VecDeque::new(),
                first_told: false,
            }),
        }
    }

    /// Takes the gate if it is free and the caller's turn.
    ///
    /// With [`Turn::Queued`] and success, the caller leaves the queue.
    #[inline]
    pub fn try_enter(&self, turn: Turn) -> Option<MutexGuard<'_, T>> {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return self.try_lock();
        }
        self.try_enter_queue(turn)
    }

    #[cold]
    fn try_enter_queue(&self, turn: Turn) -> Option<MutexGuard<'_, T>> {
        let mut queue = lock(&self.queue);
        let first = queue.waiters.front().map(|w| w.ticket);
        match (first, turn) {
            (None, _) => {}
            (Some(first), Turn::Queued(ticket)) if first == ticket => {}
            _ => return None,
        }
        // From here on a wake-up is wanted again, should this try fail.
        queue.first_told = false;
        fence(Ordering::SeqCst);
        let guard = self.try_lock()?;
        if first.is_some() {
            queue.waiters.pop_front();
            self.waiting
                .store(queue.waiters.len() as u32, Ordering::Relaxed);
        }
        Some(guard)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.data.try_lock() {
            Ok(guard) => Some(guard),
            #[cfg(not(loom))]
            // A panic under the gate is dealt with before the guard goes (see `Txn`), so the data is whole.
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(_) => None,
        }
    }

    /// Releases the gate and wakes the first in the queue.
    #[inline]
    pub fn leave(&self, guard: MutexGuard<'_, T>) {
        drop(guard);
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) != 0 {
            self.wake_first();
        }
    }

    #[cold]
    fn wake_first(&self) {
        let first = {
            let mut queue = lock(&self.queue);
            if queue.first_told {
                return;
            }
            let Some(first) = queue.waiters.front().cloned() else {
                return;
            };
            queue.first_told = true;
            first
        };
        first.target.wake(first.ticket);
    }

    /// Queues up, unless the gate turns out to be free for the caller by now.
    pub fn park(&self, waiter: Waiter) -> Parked {
        let is_first = {
            let mut queue = lock(&self.queue);
            queue.waiters.push_back(waiter);
            self.waiting
                .store(queue.waiters.len() as u32, Ordering::Relaxed);
            queue.waiters.len() == 1
        };
        fence(Ordering::SeqCst);
        if is_first {
            // Tried and let go at once: the caller needs its other gates first. Letting go must not
            // wake the caller itself, hence no `leave`; whoever came in between is queued behind it.
            if self.data.try_lock().is_ok() {
                return Parked::Free;
            }
        }
        Parked::Waiting
    }

    /// Gives up a place in the queue: the connection closed, or its command was answered otherwise.
    pub fn give_up(&self, ticket: u64) {
        let next = {
            let mut queue = lock(&self.queue);
            let Some(at) = queue.waiters.iter().position(|w| w.ticket == ticket) else {
                return;
            };
            queue.waiters.remove(at);
            self.waiting
                .store(queue.waiters.len() as u32, Ordering::Relaxed);
            if at > 0 {
                return;
            }
            // the first has gone, perhaps after it was told: pass the word on
            queue.first_told = !queue.waiters.is_empty();
            queue.waiters.front().cloned()
        };
        if let Some(next) = next {
            next.target.wake(next.ticket);
        }
    }

    /// Says which long transaction holds the gate; 0 takes it back. Only the holder may call it.
    #[inline]
    pub fn set_holder(&self, holder: u64) {
        self.holder.store(holder, Ordering::Relaxed);
    }

    /// The long transaction that holds the gate, if one does.
    pub fn holder(&self) -> Option<u64> {
        match self.holder.load(Ordering::Relaxed) {
            0 => None,
            holder => Some(holder),
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed) as usize
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        // nothing that can panic runs under the queue's lock
        Err(poisoned) => poisoned.into_inner(),
    }
}

#[cfg(all(test, loom))]
mod models;
