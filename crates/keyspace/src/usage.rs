//! When, or how often, an entry was used: what its 24 bits for that mean.
//!
//! ```text
//!   of time        seconds of the last use, wrapping around every 194 days
//!   of frequency   minutes of the last use (16 bits, wrapping around) | counter (8 bits)
//! ```
//!
//! The counter grows with the logarithm of the uses, by chance, and sinks with the time in which there are none, as in the
//! reference (`src/evict.c`). When the policy changes, entries keep what they have, as there: it is right again after their next uses.

use std::sync::atomic::{AtomicU32, Ordering};

/// The bits of an entry's stamp.
pub(crate) const STAMP_MASK: u32 = 0x00FF_FFFF;

/// Set in [`Usage::now`] while uses are counted.
const COUNTS: u32 = 1 << 31;

/// The counter of an entry that has just been made: it is not the first to go.
const COUNTER_AT_FIRST: u32 = 5;

/// How uses are counted: the settings of LFU policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frequency {
    /// How slowly the counter grows (`lfu-log-factor`).
    pub log_factor: u32,
    /// After so many minutes without use it sinks by one; 0: never (`lfu-decay-time`).
    pub decay_minutes: u32,
}

/// The clock of uses.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// The stamp of an entry that is made now, and of one that is used now where uses are not counted.
    now: AtomicU32,
    /// Seconds since the Unix epoch.
    unix_s: AtomicU32,
    log_factor: AtomicU32,
    decay_minutes: AtomicU32,
}

impl Usage {
    pub(crate) fn set_time(&self, unix_s: u32) {
        self.unix_s.store(unix_s, Ordering::Relaxed);
        self.renew(self.counts());
    }

    pub(crate) fn set_frequency(&self, counts: bool, frequency: Frequency) {
        let Frequency {
            log_factor,
            decay_minutes,
        } = frequency;
        self.log_factor.store(log_factor, Ordering::Relaxed);
        self.decay_minutes.store(decay_minutes, Ordering::Relaxed);
        self.renew(counts);
    }

    fn renew(&self, counts: bool) {
        let now = match counts {
            true => COUNTS | self.minutes() << 8 | COUNTER_AT_FIRST,
            false => self.seconds(),
        };
        self.now.store(now, Ordering::Relaxed);
    }

    /// Are uses counted?
    pub(crate) fn counts(&self) -> bool {
        self.now.load(Ordering::Relaxed) & COUNTS != 0
    }

    /// The time, as stamps have it.
    pub(crate) fn seconds(&self) -> u32 {
        self.unix_s.load(Ordering::Relaxed) & STAMP_MASK
    }

    fn minutes(&self) -> u32 {
        (self.unix_s.load(Ordering::Relaxed) / 60) & 0xFFFF
    }

    /// The stamp of an entry that is made now.
    #[inline]
    pub(crate) fn fresh(&self) -> u32 {
        self.now.load(Ordering::Relaxed) & STAMP_MASK
    }

    /// The stamp of an entry with stamp `old` that is used now.
    #[inline]
    pub(crate) fn used(&self, old: u32) -> u32 {
        let now = self.now.load(Ordering::Relaxed);
        if now & COUNTS != 0 {
            return self.counted(old);
        }
        now
    }

    /// The stamp of an entry that comes from outside, with what is told of its use.
    pub(crate) fn told(&self, idle_s: Option<u32>, counter: Option<u8>) -> u32 {
        match (self.counts(), idle_s, counter) {
            (true, _, Some(counter)) => self.minutes() << 8 | u32::from(counter),
            (false, Some(idle_s), _) => self.seconds().wrapping_sub(idle_s) & STAMP_MASK,
            _ => self.fresh(),
        }
    }

    /// The counter of an entry, sunk by the time that has passed.
    pub(crate) fn counter(&self, stamp: u32) -> u8 {
        let (then, counter, now) = (stamp >> 8, stamp as u8, self.minutes());
        // one minute short where the clock has wrapped around, as in the reference
        let passed = match now.checked_sub(then) {
            Some(passed) => passed,
            None => 0xFFFF - then + now,
        };
        let periods = passed.checked_div(self.decay_minutes.load(Ordering::Relaxed));
        counter.saturating_sub(periods.unwrap_or(0).min(0xFF) as u8)
    }

    #[cold]
    fn counted(&self, old: u32) -> u32 {
        let counter = self.counter(old);
        let above = f64::from(u32::from(counter).saturating_sub(COUNTER_AT_FIRST));
        let chance = 1.0 / (above * f64::from(self.log_factor.load(Ordering::Relaxed)) + 1.0);
        let grows = fastrand::f64() < chance;
        self.minutes() << 8 | u32::from(counter.saturating_add(u8::from(grows)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Frequency, Usage};

    const MINUTE: u32 = 60;

    fn counting(log_factor: u32, decay_minutes: u32) -> Usage {
        let usage = Usage::default();
        usage.set_time(1_700_000_000);
        let frequency = Frequency {
            log_factor,
            decay_minutes,
        };
        usage.set_frequency(true, frequency);
        usage
    }

    #[test]
    fn a_use_is_a_time_where_none_is_counted() {
        let usage = Usage::default();
        usage.set_time(0x1234_5678);
        assert_eq!(
            [usage.fresh(), usage.used(7), usage.told(None, Some(9))],
            [0x34_5678; 3]
        );
        assert_eq!(usage.told(Some(0x34_5679), None), 0xFF_FFFF, "wraps around");
        assert!(!usage.counts());
    }

    #[test]
    fn uses_are_counted_up_to_the_last() {
        let usage = counting(0, 1);
        assert_eq!(usage.counter(usage.fresh()), 5);
        let stamp = (0..100).fold(usage.fresh(), |stamp, _| usage.used(stamp));
        assert_eq!(usage.counter(stamp), 105, "with factor 0 each counts");
        let stamp = (0..300).fold(stamp, |stamp, _| usage.used(stamp));
        assert_eq!(usage.counter(stamp), 255);
    }

    #[test]
    fn a_counter_grows_with_the_logarithm_of_the_uses() {
        let usage = counting(10, 1);
        let after = |uses| usage.counter((0..uses).fold(usage.fresh(), |s, _| usage.used(s)));
        // the reference's table says 18 after a thousand and 142 after a hundred thousand
        assert!((12..=26).contains(&after(1_000)), "{}", after(1_000));
        assert!((120..=165).contains(&after(100_000)), "{}", after(100_000));
    }

    #[test]
    fn a_counter_sinks_while_there_is_no_use() {
        let usage = counting(10, 2);
        let stamp = usage.told(None, Some(10));
        for (minutes, counter) in [(1, 10), (2, 9), (7, 7), (20, 0), (60_000, 0)] {
            usage.set_time(1_700_000_000 + minutes * MINUTE);
            assert_eq!(usage.counter(stamp), counter, "after {minutes} minutes");
        }
        let usage = counting(10, 0);
        let stamp = usage.told(None, Some(10));
        usage.set_time(1_700_000_000 + 1_000 * MINUTE);
        assert_eq!(usage.counter(stamp), 10, "never");
    }

    #[test]
    fn what_is_told_counts_where_the_policy_asks_for_it() {
        let usage = counting(10, 1);
        assert_eq!(usage.counter(usage.told(Some(1_000), None)), 5);
        assert_eq!(usage.counter(usage.told(None, Some(200))), 200);
        let frequency = Frequency {
            log_factor: 10,
            decay_minutes: 1,
        };
        usage.set_frequency(false, frequency);
        assert_eq!(usage.told(None, Some(200)), usage.seconds());
    }
}
