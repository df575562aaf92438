//! Time comes in as a parameter: the engine asks a [`Clock`], and tests bring their own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What tells the time of day.
pub trait Clock: Send + Sync + 'static {
    /// Microseconds since the Unix epoch.
    fn unix_us(&self) -> i64;

    /// Milliseconds since the Unix epoch.
    fn unix_ms(&self) -> i64 {
        self.unix_us() / 1000
    }
}

/// The system's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_us(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            // a clock set before 1970: expiry times lie in the future then, nothing else depends on it
            Err(before) => -(before.duration().as_micros() as i64),
        }
    }
}

/// A clock that stands still until it is told to move: for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    us: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `ms` milliseconds since the epoch.
    pub fn at_ms(ms: i64) -> Self {
        Self {
            us: AtomicI64::new(ms * 1000),
        }
    }

    /// Moves on by `ms` milliseconds.
    pub fn advance_ms(&self, ms: i64) {
        self.us.fetch_add(ms * 1000, Ordering::SeqCst);
    }
}

impl Clock for std::sync::Arc<ManualClock> {
    fn unix_us(&self) -> i64 {
        self.us.load(Ordering::SeqCst)
    }
}
