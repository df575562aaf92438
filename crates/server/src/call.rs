//! What a command of the server's own may reach: the server, its session, its thread.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use perilune_command::{CommandError, DataHandler, Entry, Flags, Registry};
use perilune_keyspace::{Keyspace, SpareRecord};

use perilune_script::{Completion, Script};
use perilune_structures::same_key;

use crate::batch::Parsers;
use crate::log::Level as LogLevel;
use crate::running::RunSlot;
use crate::scripting::{LazyVm, ScriptMemory, Scripts};
use crate::server::Server;
use crate::session::Session;
use crate::stats::{ProgramTotals, Shard};
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
    /// When the script before this one ended, if nothing has come between: then this one began there.
    pub script_ended: Option<Instant>,
}

/// A list of what is deferred that became longer than this is given back.
const DEFERRED_KEPT_MAX: usize = 256;

/// So many bytes of lines wait for a commit at most.
const DEFERRED_LOG_BYTES_MAX: usize = 16 << 20;

const LINES_LEFT_OUT: &[u8] =
    b"A script logs more than 16 mebibytes in one transaction; lines of it are left out";

/// What others see of a thread.
pub struct Thread {
    /// What it runs.
    pub slot: Arc<RunSlot>,
    /// Its counters.
    pub shard: Arc<Shard>,
    /// When the long transaction began that it is about to run; a rerun looks anew.
    pub began: Cell<Option<Instant>>,
    /// What a long transaction has done that must not be seen before it commits.
    deferred: RefCell<Vec<Deferred>>,
    /// The calls that it has made.
    counted: RefCell<Vec<Counted>>,
    /// The record of the last one, emptied for the next.
    pub spare_record: Cell<Option<SpareRecord>>,
    /// Scripts that it has brought, and whether to stay: they are known to others when it commits.
    new_scripts: RefCell<Vec<(Arc<Script>, bool)>>,
    /// About what the lines of `redis.log` among it take.
    deferred_log_bytes: Cell<usize>,
    /// The errors in what the script that has just run has answered.
    pub answered: Cell<Completion>,
    /// The commands that scripts have called last.
    pub recent: RefCell<Recent>,
    /// Calls from scripts.
    pub script_calls: Cell<u64>,
    /// Something has been published since loops were last told.
    pub published: Cell<bool>,
    /// Where random numbers of transactions start is drawn from this.
    seeds: Cell<u64>,
}

/// The commands that scripts have called lately, by the name as it was written: comparing that is cheaper than finding it
/// in the table in any case.
#[derive(Default)]
pub struct Recent {
    seen: [Option<Seen>; RECENT_PLACES],
}

/// Places for commands; a power of two.
const RECENT_PLACES: usize = 16;

/// Longer names are found in the table each time.
const RECENT_NAME_BYTES_MAX: usize = 16;

/// A command that a script has called.
#[derive(Clone, Copy)]
pub struct Seen {
    name: [u8; RECENT_NAME_BYTES_MAX],
    len: u8,
    /// The command, or the container of the one that is meant.
    pub entry: &'static TableEntry,
    /// What there is to know of it, if it is a data command that every script may call.
    pub plain: Option<Plain>,
}

/// What the call of a plain data command asks of its entry in the table, which is large and lies far from the others: a twentieth of
/// the time of a call was waiting for it.
#[derive(Clone, Copy)]
pub struct Plain {
    /// What runs it.
    pub handler: DataHandler,
    /// As [`Spec`](perilune_command::Spec) has it.
    pub arity: i32,
    /// It has the flag `write`.
    pub writes: bool,
    /// It has the flag `denyoom`.
    pub needs_memory: bool,
    /// The command's number.
    pub id: usize,
}

impl Recent {
    /// The command of this name, in any case.
    #[inline]
    pub fn get(
        &mut self,
        registry: &'static Registry<Handler>,
        name: &[u8],
    ) -> Option<(&'static TableEntry, Option<Plain>)> {
        let (Some(first), Some(last)) = (name.first(), name.last()) else {
            return None;
        };
        let mixed = usize::from(*first) ^ (usize::from(*last) << 1) ^ (name.len() << 2);
        let place = &mut self.seen[mixed % RECENT_PLACES];
        match place {
            Some(seen)
                if seen
                    .name
                    .get(..usize::from(seen.len))
                    .is_some_and(|seen| same_key(seen, name)) =>
            {
                Some((seen.entry, seen.plain))
            }
            _ => Self::find(place, registry, name),
        }
    }

    /// Finds a command in the table and remembers it in this place.
    #[inline(never)]
    fn find(
        place: &mut Option<Seen>,
        registry: &'static Registry<Handler>,
        name: &[u8],
    ) -> Option<(&'static TableEntry, Option<Plain>)> {
        // a subcommand is found by two words, `client|id` is no command
        let entry = registry
            .get(name)
            .filter(|entry| entry.container.is_none())?;
        let plain = match entry.handler {
            Some(Handler::Data(handler))
                if entry.subcommands.is_empty() && !entry.flags.has(Flags::NOSCRIPT) =>
            {
                Some(Plain {
                    handler,
                    arity: entry.spec.arity,
                    writes: entry.flags.has(Flags::WRITE),
                    needs_memory: entry.flags.has(Flags::DENYOOM),
                    id: entry.id,
                })
            }
            _ => None,
        };
        let mut seen = Seen {
            name: [0; RECENT_NAME_BYTES_MAX],
            len: name.len() as u8,
            entry,
            plain,
        };
        if let Some(written) = seen.name.get_mut(..name.len()) {
            written.copy_from_slice(name);
            *place = Some(seen);
        }
        Some((entry, plain))
    }
}

/// Calls of one command, in a row, that are counted when the transaction commits. (Apart from [`Deferred`]: a value of many kinds is put
/// together elsewhere and then moved to its place, for which a processor waits, 1 % of the time of a small script.)
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// The command's number.
    pub id: usize,
    /// How many times.
    pub count: u64,
    /// For how long in all.
    pub nanoseconds: u64,
}

/// Something else that waits for the commit of a long transaction.
pub enum Deferred {
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

/// A moment in what is deferred, see [`Thread::forget_calls`]. The default is the beginning.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeferredMark {
    len: usize,
    scripts: usize,
    counted: usize,
    /// The last of these as it was then: it may count more since.
    last: Option<Counted>,
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
            began: Cell::new(None),
            deferred: RefCell::new(Vec::new()),
            counted: RefCell::new(Vec::new()),
            spare_record: Cell::new(None),
            new_scripts: RefCell::default(),
            deferred_log_bytes: Cell::new(0),
            answered: Cell::default(),
            recent: RefCell::default(),
            script_calls: Cell::new(0),
            published: Cell::new(false),
            seeds: Cell::new(0),
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

    /// Counts what happened to a script that has just committed.
    pub fn count_script(&self, run: perilune_keyspace::RunTally) {
        if run.grew || run.ran_alone {
            self.count_program(ProgramTotals {
                grown: u64::from(run.grew),
                alone: u64::from(run.ran_alone),
                ..ProgramTotals::default()
            });
        }
    }

    /// Counts what happened to the script or function that runs, or has just run.
    #[cold]
    pub fn count_program(&self, more: ProgramTotals) {
        if let Some(name) = self.slot.program_name() {
            self.shard.count_program(&name, more);
        }
    }

    /// A seed for the random numbers of a transaction, which nobody can foresee; never 0. Each thread draws its own
    /// from where the keyspace's secret made it begin (splitmix64), as a counter that all share would travel
    /// between processors.
    pub fn fresh_seed(&self, keyspace: &Keyspace) -> u64 {
        let seed = match self.seeds.get() {
            0 => keyspace.fresh_seed(),
            last => last.wrapping_add(0x9e37_79b9_7f4a_7c15),
        };
        self.seeds.set(seed);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) | 1
    }

    /// Counts a call when the transaction commits.
    #[inline]
    pub fn defer_call(&self, id: usize, nanoseconds: u64) {
        self.defer_calls(id, 1, nanoseconds);
    }

    /// Counts calls of one command when the transaction commits.
    pub fn defer_calls(&self, id: usize, more: u64, nanoseconds: u64) {
        let mut counted = self.counted.borrow_mut();
        match counted.last_mut() {
            Some(last) if last.id == id => {
                last.count += more;
                last.nanoseconds += nanoseconds;
            }
            _ => counted.push(Counted {
                id,
                count: more,
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
            ..
        } = self.answered.take();
        if counted_errors == 0 && new_errors.is_empty() && answer.first() != Some(&b'-') {
            return;
        }
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

    /// Makes a script known when the transaction commits, see [`Scripts::add`].
    pub fn add_script(&self, script: Arc<Script>, loaded: bool) {
        self.new_scripts.borrow_mut().push((script, loaded));
    }

    /// The script of this name, in any case, that the transaction has brought.
    #[cold]
    pub fn new_script(&self, name: &[u8]) -> Option<Arc<Script>> {
        let scripts = self.new_scripts.borrow();
        let is_it = |(script, _): &&(Arc<Script>, bool)| script.sha1().eq_ignore_ascii_case(name);
        scripts.iter().find(is_it).map(|(script, _)| script.clone())
    }

    /// The script that was brought last has been taken back.
    pub fn forget_new_script(&self) {
        self.new_scripts.borrow_mut().pop();
    }

    /// SCRIPT FLUSH: they go with the others.
    pub fn forget_new_scripts(&self) {
        self.new_scripts.borrow_mut().clear();
    }

    /// The transaction commits: others may know its scripts. Called before it lets go of its stripes.
    #[inline]
    pub fn publish_scripts(&self, scripts: &Scripts) {
        if !self.new_scripts.borrow().is_empty() {
            self.publish_new_scripts(scripts);
        }
    }

    #[cold]
    fn publish_new_scripts(&self, scripts: &Scripts) {
        for (script, loaded) in self.new_scripts.borrow_mut().drain(..) {
            scripts.add(script, loaded);
        }
    }

    /// Counts a refusal when the transaction commits.
    pub fn defer_rejected(&self, id: Option<usize>, error: &CommandError) {
        self.deferred.borrow_mut().push(Deferred::Rejected {
            id,
            message: error.message().to_vec(),
        });
    }

    /// Logs a line when the transaction commits. Of a script that logs without end the first lines are kept.
    pub fn defer_log(&self, level: LogLevel, message: &[u8]) {
        let before = self.deferred_log_bytes.get();
        let after = before.saturating_add(message.len() + size_of::<Deferred>());
        self.deferred_log_bytes.set(after);
        let (level, message) = match () {
            () if after <= DEFERRED_LOG_BYTES_MAX => (level, message),
            () if before <= DEFERRED_LOG_BYTES_MAX => (LogLevel::Warning, LINES_LEFT_OUT),
            () => return,
        };
        self.deferred.borrow_mut().push(Deferred::Log {
            level,
            message: message.to_vec(),
        });
    }

    /// Shows the calls that are to be counted now that the transaction has committed.
    #[inline]
    pub fn settle_calls(&self, mut count: impl FnMut(Counted)) {
        let mut counted = self.counted.borrow_mut();
        counted.iter().for_each(|it| count(*it));
        counted.clear();
        if counted.capacity() > DEFERRED_KEPT_MAX {
            *counted = Vec::new();
        }
    }

    /// Whether there is anything else to be done then.
    #[inline]
    pub fn has_deferred(&self) -> bool {
        !self.deferred.borrow().is_empty()
    }

    /// What else is to be done then.
    pub fn take_deferred(&self) -> Vec<Deferred> {
        self.deferred_log_bytes.set(0);
        std::mem::take(&mut self.deferred.borrow_mut())
    }

    /// Gives the list back, empty, so that the next transaction need not make one.
    pub fn return_deferred(&self, mut list: Vec<Deferred>) {
        list.clear();
        if list.capacity() <= DEFERRED_KEPT_MAX {
            *self.deferred.borrow_mut() = list;
        }
    }

    /// Marks this moment.
    pub fn mark_deferred(&self) -> DeferredMark {
        let counted = self.counted.borrow();
        DeferredMark {
            len: self.deferred.borrow().len(),
            scripts: self.new_scripts.borrow().len(),
            counted: counted.len(),
            last: counted.last().copied(),
        }
    }

    /// What was called since a moment was taken back: it is not counted as called. Errors are still counted, as errors of no
    /// command, and lines of the log are still written: they tell why. Scripts that were brought are not known.
    pub fn forget_calls(&self, mark: DeferredMark) {
        self.new_scripts.borrow_mut().truncate(mark.scripts);
        let mut deferred = self.deferred.borrow_mut();
        let len = mark.len.min(deferred.len());
        let since = deferred.split_off(len);
        let mut counted = self.counted.borrow_mut();
        counted.truncate(mark.counted);
        if let (Some(last), Some(then)) = (counted.last_mut(), mark.last) {
            *last = then;
        }
        let kept = since.into_iter().filter_map(|it| match it {
            Deferred::Error { message, .. } => {
                message.map(|message| Deferred::Rejected { id: None, message })
            }
            Deferred::Rejected { message, .. } => Some(Deferred::Rejected { id: None, message }),
            line @ Deferred::Log { .. } => Some(line),
        });
        deferred.extend(kept);
    }

    /// CONFIG RESETSTAT: what the transaction has counted so far goes with the rest.
    pub fn forget_counts(&self) {
        let mut deferred = self.deferred.borrow_mut();
        deferred.retain(|deferred| matches!(deferred, Deferred::Log { .. }));
        self.counted.borrow_mut().clear();
    }

    /// The transaction was taken back: none of it happened.
    pub fn forget_deferred(&self) {
        self.deferred_log_bytes.set(0);
        self.deferred.borrow_mut().clear();
        self.counted.borrow_mut().clear();
        self.new_scripts.borrow_mut().clear();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::Running;
    use crate::stats::Stats;

    #[test]
    fn lines_that_wait_for_a_commit_are_bounded() {
        let thread = Thread::new(
            Running::default().register(),
            Stats::default().shard_for_thread(0),
        );
        let line = vec![b'x'; 1 << 20];
        for _ in 0..2 {
            for _ in 0..100 {
                thread.defer_log(LogLevel::Notice, &line);
            }
            let lines: Vec<Vec<u8>> = thread
                .take_deferred()
                .into_iter()
                .filter_map(|deferred| match deferred {
                    Deferred::Log { message, .. } => Some(message),
                    _ => None,
                })
                .collect();
            assert_eq!(lines.len(), 16);
            assert_eq!(lines[15], LINES_LEFT_OUT);
        }
    }
}
