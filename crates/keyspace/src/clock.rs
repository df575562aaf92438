//! Time comes in as a parameter: the engine asks a [`Clock`], and tests bring their own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What tells the time of day.
pub trait Clock: Send + Sync + 'static {
    /// Microseconds since the Unix epoch.
    fn unix_us(&self) -> i64;

    /// What [`unix_us`](Self::unix_us) showed at a moment that somebody has just looked at: spares the second look, which
    /// takes 20 ns and more. Behind by the time that the clock was set since the last [`follow`](Self::follow).
    fn unix_us_at(&self, moment: Instant) -> i64;

    /// Has [`unix_us_at`](Self::unix_us_at) take note of a clock that was set. To be called several times a second.
    fn follow(&self);

    /// Milliseconds since the Unix epoch.
    fn unix_ms(&self) -> i64 {
        self.unix_us() / 1000
    }
}

/// The system's clock.
#[derive(Debug)]
pub struct SystemClock {
    /// A moment, and the time of day in nanoseconds since the Unix epoch that belongs to it.
    start: Instant,
    unix_ns_at_start: AtomicI64,
}

/// Both clocks are looked at so many times; where something came between, the looks are far apart.
const LOOKS: usize = 4;

impl Default for SystemClock {
    fn default() -> Self {
        let clock = Self {
            start: Instant::now(),
            unix_ns_at_start: AtomicI64::new(0),
        };
        clock.follow();
        clock
    }
}

fn unix_ns() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i64,
        // a clock set before 1970: expiry times lie in the future then, nothing else depends on it
        Err(before) => -(before.duration().as_nanos() as i64),
    }
}

impl Clock for SystemClock {
    fn unix_us(&self) -> i64 {
        unix_ns() / 1000
    }

    #[inline]
    fn unix_us_at(&self, moment: Instant) -> i64 {
        let since_ns = moment.duration_since(self.start).as_nanos() as i64;
        (self.unix_ns_at_start.load(Ordering::Relaxed) + since_ns) / 1000
    }

    fn follow(&self) {
        let look = |_| {
            let before = Instant::now();
            let unix_ns = unix_ns();
            (before.elapsed(), before, unix_ns)
        };
        if let Some((_, moment, unix_ns)) = (0..LOOKS).map(look).min() {
            let since_ns = moment.duration_since(self.start).as_nanos() as i64;
            self.unix_ns_at_start
                .store(unix_ns - since_ns, Ordering::Relaxed);
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

    fn unix_us_at(&self, _: Instant) -> i64 {
        self.unix_us()
    }

    fn follow(&self) {}
}

#[cfg(test)]
mod tests {
    use super::{Clock, SystemClock};
    use std::time::Instant;

    #[test]
    fn a_moment_has_the_time_of_day_that_was_shown_then() {
        let clock = SystemClock::default();
        for _ in 0..100 {
            clock.follow();
            let before = clock.unix_us();
            let moment = Instant::now();
            let after = clock.unix_us();
            let at = clock.unix_us_at(moment);
            assert!(
                (before - 3..=after + 3).contains(&at),
                "{before} {at} {after}"
            );
        }
    }
}
