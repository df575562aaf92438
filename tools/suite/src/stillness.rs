//! Whether the machine stood still: a virtual one does, whose host has others to serve.
//!
//! The suite's tests assume that it never does. So a unit that has failed while it did is run again; all others have
//! failed. Threads, as many as there are processors, sleep for some milliseconds again and again, and note how much
//! longer that took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at the clock.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// What the suite's tests stand, and a busy machine does all the time.
pub const STILL_MAX: Duration = Duration::from_millis(300);

/// Looks at the clock until it is dropped.
pub struct Watch {
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    longest_ms: AtomicU64,
    is_over: AtomicBool,
}

impl Watch {
    /// Begins to look.
    pub fn begin() -> Self {
        let seen = Arc::<Seen>::default();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..processors {
            let seen = seen.clone();
            std::thread::spawn(move || {
                let mut last = Instant::now();
                while !seen.is_over.load(Ordering::Relaxed) {
                    std::thread::sleep(LOOK_INTERVAL);
                    let late = last.elapsed().saturating_sub(LOOK_INTERVAL);
                    seen.longest_ms
                        .fetch_max(late.as_millis() as u64, Ordering::Relaxed);
                    last = Instant::now();
                }
            });
        }
        Watch { seen }
    }

    /// For how long the machine stood still at most.
    pub fn longest(&self) -> Duration {
        // who looks may have stood still to this moment
        std::thread::sleep(2 * LOOK_INTERVAL);
        Duration::from_millis(self.seen.longest_ms.load(Ordering::Relaxed))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.seen.is_over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_was_stopped_knows() {
        let watch = Watch::begin();
        let stop = "kill -STOP $PPID; sleep 0.5; kill -CONT $PPID";
        let status = std::process::Command::new("sh").args(["-c", stop]).status();
        assert!(status.is_ok_and(|status| status.success()));
        let longest = watch.longest();
        assert!(longest >= Duration::from_millis(450), "{longest:?}");
    }
}
