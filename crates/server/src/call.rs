//! What a command of the server's own may reach: the server, its session, its thread.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use perilune_command::{CommandError, Entry, Registry};

use perilune_script::Completion;

use crate::batch::Parsers;
use crate::log::Level as LogLevel;
use crate::running::RunSlot;
use crate::scripting::{LazyVm, ScriptMemory};
use crate::server::Server;
use crate::session::Session;
use crate::stats::Shard;
use crate::table::Handler;

/// An entry of the command table.
pub type TableEntry = Entry<Handler>;

/// What each thread has for itself.
pub struct Local {
    /// Where its scripts run.
    pub vm: LazyVm,
    /// The scripts that it has met.
    pub scripts: ScriptMemory,
    /// What others see of it.
    pub thread: Thread,
    /// Parsers of requests.
    pub parsers: Parsers,
    /// The commands of the batch in progress, to be timed together at its end.
    pub batch: Vec<u16>,
    /// When the first of them began.
    pub batch_began: Option<Instant>,
}

/// What others see of a thread.
pub struct Thread {
    /// What it runs.
    pub slot: Arc<RunSlot>,
    /// Its counters.
    pub shard: Arc<Shard>,
    /// What a long transaction has done that must not be seen before it commits.
    deferred: RefCell<Vec<Deferred>>,
    /// The errors in what the script that has just run has answered.
    pub answered: Cell<Completion>,
    /// The commands that scripts have called last.
    pub recent: RefCell<Recent>,
    /// Calls from scripts.
    pub script_calls: Cell<u64>,
    /// Something has been published since loops were last told.
    pub published: Cell<bool>,
}

/// The commands that scripts have called last: most call the same few in a loop, and comparing a name is cheaper than
/// finding it in the table.
#[derive(Default)]
pub struct Recent {
    entries: [Option<&'static TableEntry>; 4],
    next: usize,
}

impl Recent {
    /// The command of this name, in any case.
    #[inline]
    pub fn get(
        &mut self,
        registry: &'static Registry<Handler>,
        name: &[u8],
    ) -> Option<&'static TableEntry> {
        let is_it = |entry: &&&TableEntry| entry.full_name.as_bytes().eq_ignore_ascii_case(name);
        if let Some(entry) = self.entries.iter().flatten().find(is_it) {
            return Some(entry);
        }
        // a subcommand is found by two words, `client|id` is no command
        let entry = registry
            .get(name)
            .filter(|entry| entry.container.is_none())?;
        self.entries[self.next] = Some(entry);
        self.next = (self.next + 1) % self.entries.len();
        Some(entry)
    }
}

/// Something that waits for the commit of a long transaction.
pub enum Deferred {
    /// A command inside it has run, so many times in a row.
    Calls {
        /// The command's number.
        id: usize,
        /// How many times.
        count: u64,
        /// For how long in all.
        nanoseconds: u64,
    },
    /// A command inside it has ended in an error.
    Error {
        /// The command's number.
        id: usize,
        /// The error's text; none if it was counted before.
        message: Option<Vec<u8>>,
    },
    /// A call inside it was refused.
    Rejected {
        /// The command's number, if there is such a command.
        id: Option<usize>,
        /// The error's text.
        message: Vec<u8>,
    },
    /// `redis.log`.
    Log {
        /// How important it is.
        level: LogLevel,
        /// The line.
        message: Vec<u8>,
    },
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.slot.thread_ends();
    }
}

impl Thread {
    /// A thread that has done nothing yet.
    pub fn new(slot: Arc<RunSlot>, shard: Arc<Shard>) -> Self {
        Self {
            slot,
            shard,
            deferred: RefCell::new(Vec::new()),
            answered: Cell::default(),
            recent: RefCell::default(),
            script_calls: Cell::new(0),
            published: Cell::new(false),
        }
    }

    /// Counts what a transaction did that has just committed.
    #[inline]
    pub fn count(&self, tally: perilune_keyspace::Tally) {
        self.shard.count(tally);
        if tally.announced {
            self.published.set(true);
        }
    }

    /// Counts a call when the transaction commits.
    #[inline]
    pub fn defer_call(&self, id: usize, nanoseconds: u64) {
        let mut deferred = self.deferred.borrow_mut();
        match deferred.last_mut() {
            Some(Deferred::Calls {
                id: last,
                count,
                nanoseconds: sum,
            }) if *last == id => {
                *count += 1;
                *sum += nanoseconds;
            }
            _ => deferred.push(Deferred::Calls {
                id,
                count: 1,
                nanoseconds,
            }),
        }
    }

    /// Counts an error when the transaction commits.
    pub fn defer_error(&self, id: usize, error: &CommandError) {
        let message = (!error.was_counted()).then(|| error.message().to_vec());
        self.deferred
            .borrow_mut()
            .push(Deferred::Error { id, message });
    }

    /// Counts the errors in an answer when the transaction commits: each that a command raised was counted there and
    /// makes the script fail once more, all that are the script's own make it fail once.
    pub fn defer_answered(&self, id: usize, answer: &[u8]) {
        let Completion {
            counted_errors,
            new_errors,
        } = self.answered.take();
        let mut deferred = self.deferred.borrow_mut();
        let (new, counted) = match answer {
            // answered by a command that is no script
            [b'-', text @ ..] if new_errors.is_empty() && counted_errors == 0 => {
                let text = text.strip_suffix(b"\r\n").unwrap_or(text);
                (vec![text.into()], 0)
            }
            _ => (new_errors, counted_errors),
        };
        for _ in 0..counted {
            deferred.push(Deferred::Error { id, message: None });
        }
        for (number, message) in new.into_iter().enumerate() {
            let message = message.into_vec();
            deferred.push(if number == 0 {
                Deferred::Error {
                    id,
                    message: Some(message),
                }
            } else {
                Deferred::Rejected { id: None, message }
            });
        }
    }

    /// Counts a refusal when the transaction commits.
    pub fn defer_rejected(&self, id: Option<usize>, error: &CommandError) {
        self.deferred.borrow_mut().push(Deferred::Rejected {
            id,
            message: error.message().to_vec(),
        });
    }

    /// Logs a line when the transaction commits.
    pub fn defer_log(&self, level: LogLevel, message: &[u8]) {
        self.deferred.borrow_mut().push(Deferred::Log {
            level,
            message: message.to_vec(),
        });
    }

    /// What is to be done now that the transaction has committed.
    pub fn take_deferred(&self) -> Vec<Deferred> {
        std::mem::take(&mut self.deferred.borrow_mut())
    }

    /// CONFIG RESETSTAT: what the transaction has counted so far goes with the rest.
    pub fn forget_counts(&self) {
        let mut deferred = self.deferred.borrow_mut();
        deferred.retain(|deferred| matches!(deferred, Deferred::Log { .. }));
    }

    /// The transaction was taken back: none of it happened.
    pub fn forget_deferred(&self) {
        self.deferred.borrow_mut().clear();
    }
}

/// Where a command was called from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// By a client.
    Client,
    /// By a client's EXEC.
    Exec,
    /// By a script.
    Script {
        /// The script must not write.
        read_only: bool,
    },
}

/// One call of a command of the server's own.
pub struct Call<'a> {
    /// The server.
    pub server: &'a Server,
    /// The connection's state.
    pub session: &'a mut Session,
    /// What others see of the thread.
    pub thread: &'a Thread,
    /// The thread's virtual machine and scripts; none inside a script, which cannot run another.
    pub machine: Option<(&'a mut LazyVm, &'a mut ScriptMemory)>,
    /// Where the command was called from.
    pub origin: Origin,
    /// The command itself.
    pub entry: &'a TableEntry,
}
