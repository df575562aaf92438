//! How the watchdog sleeps, and how a thread that puts its loop down makes sure that it does not.
//!
//! Putting a loop down happens before every script, so telling the watchdog must cost next to nothing: a fence and a
//! look at a flag that hardly ever changes.
//!
//! Why no putting-down goes unwatched: the thread writes "it lies there", then a fence, then reads `dormant`. The watchdog writes
//! `dormant`, then a fence, then reads the slots. Two sequentially consistent fences have an order, so at least one of the
//! two sees what the other wrote.

use std::time::Duration;

use crate::sync::{AtomicBool, Condvar, Mutex, Ordering, fence, lock};

/// One sleeper, many who may end its sleep.
pub(crate) struct Alarm {
    dormant: AtomicBool,
    rung: Mutex<bool>,
    bell: Condvar,
}

impl Alarm {
    /// An alarm whose sleeper is awake.
    pub(crate) fn new() -> Self {
        Alarm {
            dormant: AtomicBool::new(false),
            rung: Mutex::new(false),
            bell: Condvar::new(),
        }
    }

    /// Called after writing what the sleeper should see; wakes it if it is asleep.
    #[inline]
    pub(crate) fn notice(&self) {
        fence(Ordering::SeqCst);
        if self.dormant.load(Ordering::Relaxed) {
            self.ring();
        }
    }

    /// Ends the sleep, or the next one.
    #[cold]
    pub(crate) fn ring(&self) {
        self.dormant.store(false, Ordering::Relaxed);
        *lock(&self.rung) = true;
        self.bell.notify_one();
    }

    /// Sleeps for that long or until [`Alarm::notice`], but not at all if, asked at the last moment, it is not `quiet`.
    pub(crate) fn sleep(&self, time: Duration, quiet: impl FnOnce() -> bool) {
        self.dormant.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if quiet() {
            self.doze(time);
        }
        self.dormant.store(false, Ordering::Relaxed);
    }

    /// Sleeps for that long or until [`Alarm::ring`]; a `notice` does not end it.
    pub(crate) fn doze(&self, time: Duration) {
        let mut rung = lock(&self.rung);
        if !*rung {
            rung = match self.bell.wait_timeout(rung, time) {
                Ok((rung, _)) => rung,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        *rung = false;
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::Alarm;
    use crate::sync::Ordering;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicBool;
    use std::time::Duration;

    /// loom's sleep has no end of its own: if the sleeper missed the news, that is a deadlock.
    #[test]
    fn news_are_seen_before_the_sleep_or_end_it() {
        loom::model(|| {
            let alarm = Arc::new(Alarm::new());
            let news = Arc::new(AtomicBool::new(false));
            let other = {
                let (alarm, news) = (alarm.clone(), news.clone());
                loom::thread::spawn(move || {
                    news.store(true, Ordering::Relaxed);
                    alarm.notice();
                })
            };
            alarm.sleep(Duration::from_secs(1), || !news.load(Ordering::Relaxed));
            other.join().unwrap();
            assert!(news.load(Ordering::Relaxed));
        });
    }
}
