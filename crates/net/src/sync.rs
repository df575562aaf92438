//! The one door through which threads meet.
//!
//! The three primitives of this crate ([`slot`](crate::slot), [`mailbox`](crate::mailbox), [`alarm`](crate::alarm)) take their
//! atomics and locks from here, so that under `--cfg loom` the very source that ships is explored in every order its
//! threads can run in.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, fence},
};

pub(crate) use std::sync::atomic::Ordering;

/// Locks, whoever may have panicked while holding it: what these locks guard is never left half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Gives the processor away while another thread finishes a few instructions.
pub(crate) fn pause(round: u32) {
    #[cfg(loom)]
    {
        let _ = round;
        loom::thread::yield_now();
    }
    #[cfg(not(loom))]
    if round < 64 {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}
