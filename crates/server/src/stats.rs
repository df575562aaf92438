//! Counters that every command moves.
//!
//! Each thread has a [`Shard`] of its own and is the only one that writes to it, so counting is a load, an add
//! and a store, and no cache line travels between processors. Who wants to know sums up all shards.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use perilune_net::{CloseReason, ConnStats};

use crate::running::clone_if_alone;

/// A counter that only one thread moves.
#[derive(Debug, Default)]
pub struct Tally(AtomicU64);

impl Tally {
    /// Adds. Only the thread that owns the shard may call this.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0
            .store(self.0.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What is counted of a command.
#[derive(Debug, Default)]
pub struct CommandTally {
    /// Runs.
    pub calls: Tally,
    /// Time of these runs, in nanoseconds.
    pub nanoseconds: Tally,
    /// Refused before they ran.
    pub rejected: Tally,
    /// Ran and ended in an error.
    pub failed: Tally,
}

/// One thread's counters.
#[derive(Debug)]
pub struct Shard {
    /// By the command's number in the registry.
    pub commands: Vec<CommandTally>,
    /// Lookups for reading that found the key.
    hits: Tally,
    /// Lookups for reading that did not.
    misses: Tally,
    /// Changes, counted as Redis counts them.
    changes: Tally,
    /// Scripts and EXECs that committed, each counted once however often it ran.
    transactions: Tally,
    grown: Tally,
    alone: Tally,
    /// By name, those to which something has happened. Nobody else takes this lock but who asks for the sums.
    programs: Mutex<Programs>,
}

impl Shard {
    /// Counts what happened to a script or function. A new one has no place where there are too many.
    pub fn count_program(&self, name: &[u8], more: ProgramTotals) {
        let mut programs = self.programs.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(totals) = programs.get_mut(name) {
            totals.add(more);
        } else if programs.len() < PROGRAMS_MAX {
            programs.insert(name.into(), more);
        }
    }

    /// Counts what a transaction did. Only the thread that owns the shard may call this.
    #[inline]
    pub fn count(&self, tally: perilune_keyspace::Tally) {
        self.hits.add(u64::from(tally.hits));
        self.misses.add(u64::from(tally.misses));
        self.changes.add(tally.changes);
    }

    /// Counts a script or an EXEC. As [`Shard::count`].
    pub fn count_run(&self, run: perilune_keyspace::RunTally) {
        self.transactions.add(1);
        self.grown.add(u64::from(run.grew));
        self.alone.add(u64::from(run.ran_alone));
    }
}

/// As many scripts and functions are counted apart by each thread.
const PROGRAMS_MAX: usize = 256;

/// What happened to one script or function that its author can do something about.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ProgramTotals {
    /// Calls that met keys on the way which nobody had declared.
    pub grown: u64,
    /// Runs that were taken back and repeated, because such a key was taken.
    pub rerun: u64,
    /// Calls that held all stripes.
    pub alone: u64,
    /// Calls that were taken back for good.
    pub rolled_back: u64,
}

impl ProgramTotals {
    fn add(&mut self, more: Self) {
        self.grown += more.grown;
        self.rerun += more.rerun;
        self.alone += more.alone;
        self.rolled_back += more.rolled_back;
    }
}

type Programs = HashMap<Box<[u8]>, ProgramTotals, ahash::RandomState>;

/// The sums over all transactions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct KeyspaceTotals {
    /// Lookups for reading that found the key.
    pub hits: u64,
    /// Lookups for reading that did not.
    pub misses: u64,
    /// Changes, counted as Redis counts them.
    pub changes: u64,
    /// Scripts and EXECs that committed, each counted once however often it ran.
    pub transactions: u64,
    /// Those of them that met keys on the way which nobody had declared.
    pub grown: u64,
    /// Those of them that held all stripes.
    pub alone: u64,
}

/// The sums of one command.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CommandTotals {
    /// Runs.
    pub calls: u64,
    /// Time of these runs, in nanoseconds.
    pub nanoseconds: u64,
    /// Refused before they ran.
    pub rejected: u64,
    /// Ran and ended in an error.
    pub failed: u64,
}

/// Error replies by code: rare enough for a lock.
#[derive(Debug, Default)]
pub struct ErrorTotals {
    by_code: Mutex<std::collections::BTreeMap<Vec<u8>, u64>>,
    total: AtomicU64,
}

/// As many codes are counted apart; a client that makes up codes (scripts can) must not fill the memory.
pub const ERROR_CODES_MAX: usize = 128;

/// Where all others are counted.
pub const OTHER_CODES: &[u8] = b"ERRORSTATS_OVERFLOW";

/// The longest code of an error. What has no blank that near its beginning has no code.
const ERROR_CODE_LEN_MAX: usize = 30;

/// The code of an error reply with this text.
pub fn error_code(message: &[u8]) -> &[u8] {
    let mut words = message[..message.len().min(ERROR_CODE_LEN_MAX + 1)].splitn(2, |b| *b == b' ');
    match (words.next(), words.next()) {
        (Some(code), Some(_)) => code,
        // scripts can answer errors that have no code
        _ => b"ERR",
    }
}

impl ErrorTotals {
    /// Counts an error reply with this text.
    pub fn count(&self, message: &[u8]) {
        self.count_code(error_code(message), 1);
    }

    /// Counts error replies with this code.
    pub fn count_code(&self, code: &[u8], replies: u64) {
        self.total.fetch_add(replies, Ordering::Relaxed);
        let mut by_code = self.by_code.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(count) = by_code.get_mut(code) {
            *count += replies;
        } else if by_code.len() < ERROR_CODES_MAX {
            by_code.insert(code.to_vec(), replies);
        } else {
            *by_code.entry(OTHER_CODES.to_vec()).or_default() += replies;
        }
    }

    /// All codes with their counts, in order.
    pub fn by_code(&self) -> Vec<(Vec<u8>, u64)> {
        let by_code = self.by_code.lock().unwrap_or_else(|e| e.into_inner());
        by_code
            .iter()
            .map(|(code, count)| (code.clone(), *count))
            .collect()
    }

    /// All error replies.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Starts anew.
    pub fn reset(&self) {
        self.by_code
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .clear();
        self.total.store(0, Ordering::Relaxed);
    }
}

/// All counters of the server.
#[derive(Debug, Default)]
pub struct Stats {
    shards: Mutex<Vec<Arc<Shard>>>,
    /// Error replies.
    pub errors: ErrorTotals,
    rollbacks: AtomicU64,
}

impl Stats {
    /// Counts a script or an EXEC that was taken back for good.
    pub fn count_rollback(&self) {
        self.rollbacks.fetch_add(1, Ordering::Relaxed);
    }

    /// What happened to scripts and functions, by their names as INFO shows them.
    pub fn programs(&self) -> BTreeMap<Box<[u8]>, ProgramTotals> {
        let mut all = BTreeMap::<_, ProgramTotals>::new();
        for shard in self.shards.lock().unwrap_or_else(|e| e.into_inner()).iter() {
            let programs = shard.programs.lock().unwrap_or_else(|e| e.into_inner());
            for (name, totals) in programs.iter() {
                all.entry(name.clone()).or_default().add(*totals);
            }
        }
        all
    }

    /// Scripts and EXECs that were taken back for good.
    pub fn rollbacks(&self) -> u64 {
        self.rollbacks.load(Ordering::Relaxed)
    }

    /// A shard for a new thread: that of one that has ended, if there is one, whose counts go on.
    pub fn shard_for_thread(&self, commands: usize) -> Arc<Shard> {
        let mut shards = self.shards.lock().unwrap_or_else(|e| e.into_inner());
        let mut left = shards.iter_mut().filter_map(clone_if_alone);
        if let Some(shard) = left.next() {
            return shard;
        }
        let shard = Arc::new(Shard {
            commands: (0..commands).map(|_| CommandTally::default()).collect(),
            hits: Tally::default(),
            misses: Tally::default(),
            changes: Tally::default(),
            transactions: Tally::default(),
            grown: Tally::default(),
            alone: Tally::default(),
            programs: Mutex::new(Programs::with_hasher(ahash::RandomState::new())),
        });
        shards.push(shard.clone());
        shard
    }

    /// The sums of a command.
    pub fn command(&self, id: usize) -> CommandTotals {
        let mut totals = CommandTotals::default();
        for shard in self.shards.lock().unwrap_or_else(|e| e.into_inner()).iter() {
            let tally = &shard.commands[id];
            totals.calls += tally.calls.get();
            totals.nanoseconds += tally.nanoseconds.get();
            totals.rejected += tally.rejected.get();
            totals.failed += tally.failed.get();
        }
        totals
    }

    /// The sums over all transactions.
    pub fn keyspace(&self) -> KeyspaceTotals {
        let mut totals = KeyspaceTotals::default();
        for shard in self.shards.lock().unwrap_or_else(|e| e.into_inner()).iter() {
            totals.hits += shard.hits.get();
            totals.misses += shard.misses.get();
            totals.changes += shard.changes.get();
            totals.transactions += shard.transactions.get();
            totals.grown += shard.grown.get();
            totals.alone += shard.alone.get();
        }
        totals
    }

    /// Runs of all commands.
    pub fn commands_processed(&self) -> u64 {
        let shards = self.shards.lock().unwrap_or_else(|e| e.into_inner());
        shards
            .iter()
            .flat_map(|shard| &shard.commands)
            .map(|tally| tally.calls.get())
            .sum()
    }

    /// CONFIG RESETSTAT. What a thread counts at this very moment may survive.
    pub fn reset(&self) {
        for shard in self.shards.lock().unwrap_or_else(|e| e.into_inner()).iter() {
            shard.hits.reset();
            shard.misses.reset();
            shard
                .programs
                .lock()
                .unwrap_or_else(|e| e.into_inner())
                .clear();
            for tally in &shard.commands {
                for counter in [
                    &tally.calls,
                    &tally.nanoseconds,
                    &tally.rejected,
                    &tally.failed,
                ] {
                    counter.reset();
                }
            }
        }
        self.errors.reset();
    }
}

/// What is counted of connections.
#[derive(Debug, Default)]
pub struct ConnectionTotals {
    /// Those that came.
    pub received: AtomicU64,
    /// Those that were refused.
    pub rejected: AtomicU64,
    /// Attempts to authenticate that failed. No reset forgets them.
    pub denied: AtomicU64,
    /// Those that were closed because they sent too much at once.
    pub over_input_limit: AtomicU64,
    /// Those that were closed because they left too much unread.
    pub over_output_limit: AtomicU64,
    /// What those that are gone had sent, less what had been sent by all at the last reset: it may be below zero.
    gone_bytes_in: AtomicU64,
    /// The same of what they had been sent.
    gone_bytes_out: AtomicU64,
}

impl ConnectionTotals {
    /// One has gone.
    pub fn note_gone(&self, stats: &ConnStats, reason: CloseReason) {
        self.gone_bytes_in
            .fetch_add(stats.bytes_in(), Ordering::Relaxed);
        self.gone_bytes_out
            .fetch_add(stats.bytes_out(), Ordering::Relaxed);
        match reason {
            CloseReason::InputLimit => self.over_input_limit.fetch_add(1, Ordering::Relaxed),
            CloseReason::OutputLimit => self.over_output_limit.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// What those that are gone had sent and been sent; to be added to the others', wrapping around.
    pub fn gone_bytes(&self) -> (u64, u64) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (get(&self.gone_bytes_in), get(&self.gone_bytes_out))
    }

    /// Starts anew, at a moment when all have sent and been sent so many bytes.
    pub fn reset(&self, (bytes_in, bytes_out): (u64, u64)) {
        for counter in [
            &self.received,
            &self.rejected,
            &self.over_input_limit,
            &self.over_output_limit,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.gone_bytes_in.fetch_sub(bytes_in, Ordering::Relaxed);
        self.gone_bytes_out.fetch_sub(bytes_out, Ordering::Relaxed);
    }
}

/// How much there was to do.
#[derive(Debug, Default, Clone, Copy)]
pub struct Volume {
    /// Commands run.
    pub commands: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
}

/// How much there is to do per second, lately.
#[derive(Debug, Default)]
pub struct Rates {
    state: Mutex<RateState>,
}

#[derive(Debug, Default)]
struct RateState {
    /// What there had been at a moment.
    last: Option<(Instant, Volume)>,
    per_second: Volume,
}

/// A new figure comes this often.
const RATE_INTERVAL: Duration = Duration::from_secs(1);

impl Rates {
    /// How much there is to do per second.
    pub fn per_second(&self) -> Volume {
        self.state
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .per_second
    }

    /// To be called often; asks how much there has been when it is time for new figures.
    pub fn note(&self, volume: impl FnOnce() -> Volume) {
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        let now = Instant::now();
        let Some((then, before)) = state.last else {
            state.last = Some((now, volume()));
            return;
        };
        if now - then < RATE_INTERVAL {
            return;
        }
        let after = volume();
        let rate = |after: u64, before: u64| {
            (after.saturating_sub(before) as f64 / (now - then).as_secs_f64()) as u64
        };
        state.per_second = Volume {
            commands: rate(after.commands, before.commands),
            bytes_in: rate(after.bytes_in, before.bytes_in),
            bytes_out: rate(after.bytes_out, before.bytes_out),
        };
        state.last = Some((now, after));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_a_client_makes_up_are_counted_apart_up_to_a_limit() {
        let errors = ErrorTotals::default();
        for code in 0..ERROR_CODES_MAX + 2 {
            errors.count(format!("CODE{code} text").as_bytes());
        }
        errors.count(b"CODE0 again");
        let by_code = errors.by_code();
        let count = |code: &[u8]| {
            by_code
                .iter()
                .find(|(known, _)| known == code)
                .map(|it| it.1)
        };
        assert_eq!(count(b"CODE0"), Some(2));
        assert_eq!(count(OTHER_CODES), Some(2));
        assert_eq!(by_code.len(), ERROR_CODES_MAX + 1);
    }

    #[test]
    fn the_counts_of_a_thread_that_has_ended_stay_and_the_next_goes_on_with_them() {
        let stats = Stats::default();
        let stays = stats.shard_for_thread(1);
        for calls in 1..=3 {
            let ends = stats.shard_for_thread(1);
            assert!(!Arc::ptr_eq(&stays, &ends));
            ends.commands[0].calls.add(1);
            drop(ends);
            assert_eq!(stats.command(0).calls, calls);
        }
        assert_eq!(stats.shards.lock().expect("no panic").len(), 2);
    }
}
