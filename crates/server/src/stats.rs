//! Counters that every command moves.
//!
//! Each thread has a [`Shard`] of its own and is the only one that writes to it, so counting is a load, an add
//! and a store, and no cache line travels between processors. Who wants to know sums up all shards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

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
const ERROR_CODES_MAX: usize = 128;

impl ErrorTotals {
    /// Counts an error reply with this text.
    pub fn count(&self, message: &[u8]) {
        self.total.fetch_add(1, Ordering::Relaxed);
        let code = message.split(|b| *b == b' ').next().unwrap_or_default();
        let mut by_code = self.by_code.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(count) = by_code.get_mut(code) {
            *count += 1;
        } else if by_code.len() < ERROR_CODES_MAX {
            by_code.insert(code.to_vec(), 1);
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
}

impl Stats {
    /// A shard for a new thread.
    pub fn new_shard(&self, commands: usize) -> Arc<Shard> {
        let shard = Arc::new(Shard {
            commands: (0..commands).map(|_| CommandTally::default()).collect(),
        });
        self.shards
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .push(shard.clone());
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
