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
use crate::stats::{ERROR_CODES_MAX, OTHER_CODES, ProgramTotals, Shard, error_code};
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
    /// How many different errors are among it, and how many more there were that are not.
    different_errors: Cell<usize>,
    further_errors: Cell<u64>,
    /// The calls that it has made.
    counted: RefCell<Vec<Counted>>,
    /// The last moment that was marked.
    marked: Cell<DeferredMark>,
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
    /// Commands inside it have ended in errors, or were refused.
    Errors(Errors),
    /// `redis.log`.
    Log {
        /// How important it is.
        level: LogLevel,
        /// The line.
        message: Vec<u8>,
    },
}

/// Errors of one command with one code.
#[derive(Debug)]
pub struct Errors {
    /// The command's number, if there is such a command.
    pub id: Option<usize>,
    /// It was not run at all.
    pub refused: bool,
    /// The code, by which errors are counted; none if they were counted before.
    pub code: Option<Box<[u8]>>,
    /// How many.
    pub count: u64,
}

/// A transaction counts as many different [`Errors`] apart: scripts can make up codes.
const DIFFERENT_ERRORS_MAX: usize = 4 * ERROR_CODES_MAX;

/// Among so many of the latest it is looked for one to which another error can be added.
const LATEST_ERRORS: usize = 16;

/// A moment in what is deferred, see [`Thread::forget_calls`]. The default is the beginning. What was there by then is not added
/// to any more, so that it can be found as it was.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeferredMark {
    len: usize,
    scripts: usize,
    counted: usize,
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
            different_errors: Cell::new(0),
            further_errors: Cell::new(0),
            counted: RefCell::new(Vec::new()),
            marked: Cell::default(),
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
        let marked = self.marked.get().counted;
        // mostly the last; a script that calls commands by turns must not make the list longer and longer
        match counted[marked..].iter_mut().rfind(|it| it.id == id) {
            Some(before) => {
                before.count += more;
                before.nanoseconds += nanoseconds;
            }
            None => counted.push(Counted {
                id,
                count: more,
                nanoseconds,
            }),
        }
    }

    /// Counts an error when the transaction commits.
    pub fn defer_error(&self, id: usize, error: &CommandError) {
        let message = (!error.was_counted()).then(|| error.message());
        self.defer_errors(Some(id), false, message, 1);
    }

    /// Counts errors when the transaction commits: of this command, and with the code of this text, if they were not counted
    /// before.
    fn defer_errors(&self, id: Option<usize>, refused: bool, message: Option<&[u8]>, count: u64) {
        let code = message.map(error_code);
        let mut deferred = self.deferred.borrow_mut();
        let marked = self.marked.get().len;
        let mut latest = deferred[marked..].iter_mut().rev().take(LATEST_ERRORS);
        let same = latest.find_map(|it| match it {
            Deferred::Errors(errors)
                if errors.id == id
                    && errors.refused == refused
                    && errors.code.as_deref() == code =>
            {
                Some(errors)
            }
            _ => None,
        });
        if let Some(errors) = same {
            errors.count += count;
        } else if self.different_errors.get() < DIFFERENT_ERRORS_MAX {
            self.different_errors.set(self.different_errors.get() + 1);
            deferred.push(Deferred::Errors(Errors {
                id,
                refused,
                code: code.map(Box::from),
                count,
            }));
        } else if code.is_some() {
            self.further_errors.set(self.further_errors.get() + count);
        }
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
        let (new, counted) = match answer {
            // answered by a command that is no script
            [b'-', text @ ..] if new_errors.is_empty() && counted_errors == 0 => {
                let text = text.strip_suffix(b"\r\n").unwrap_or(text);
                (vec![text.into()], 0)
            }
            _ => (new_errors, counted_errors),
        };
        if counted > 0 {
            self.defer_errors(Some(id), false, None, counted);
        }
        for (number, message) in new.iter().enumerate() {
            // the first makes it fail, the others are errors of no command
            let (id, refused) = if number == 0 {
                (Some(id), false)
            } else {
                (None, true)
            };
            self.defer_errors(id, refused, Some(message), 1);
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
        self.defer_errors(id, true, Some(error.message()), 1);
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
        self.marked.set(DeferredMark::default());
    }

    /// Whether there is anything else to be done then.
    #[inline]
    pub fn has_deferred(&self) -> bool {
        !self.deferred.borrow().is_empty()
    }

    /// What else is to be done then.
    pub fn take_deferred(&self) -> Vec<Deferred> {
        self.deferred_log_bytes.set(0);
        self.different_errors.set(0);
        let mut deferred = std::mem::take(&mut *self.deferred.borrow_mut());
        match self.further_errors.take() {
            0 => {}
            count => deferred.push(Deferred::Errors(Errors {
                id: None,
                refused: true,
                code: Some(OTHER_CODES.into()),
                count,
            })),
        }
        deferred
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
        let mark = DeferredMark {
            len: self.deferred.borrow().len(),
            scripts: self.new_scripts.borrow().len(),
            counted: self.counted.borrow().len(),
        };
        self.marked.set(mark);
        mark
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
        let kept = since.into_iter().filter_map(|it| match it {
            Deferred::Errors(errors) => errors.code.is_some().then_some(Deferred::Errors(Errors {
                id: None,
                refused: true,
                ..errors
            })),
            line @ Deferred::Log { .. } => Some(line),
        });
        deferred.extend(kept);
        // CONFIG RESETSTAT may have left less than there was
        self.marked.set(DeferredMark {
            len,
            counted: counted.len(),
            ..mark
        });
    }

    /// CONFIG RESETSTAT: what the transaction has counted so far goes with the rest.
    pub fn forget_counts(&self) {
        let mut deferred = self.deferred.borrow_mut();
        deferred.retain(|deferred| matches!(deferred, Deferred::Log { .. }));
        self.counted.borrow_mut().clear();
        self.different_errors.set(0);
        self.further_errors.set(0);
        self.marked.set(DeferredMark::default());
    }

    /// The transaction was taken back: none of it happened.
    pub fn forget_deferred(&self) {
        self.deferred_log_bytes.set(0);
        self.deferred.borrow_mut().clear();
        self.different_errors.set(0);
        self.further_errors.set(0);
        self.counted.borrow_mut().clear();
        self.new_scripts.borrow_mut().clear();
        self.marked.set(DeferredMark::default());
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

    fn thread() -> Thread {
        Thread::new(
            Running::default().register(),
            Stats::default().shard_for_thread(0),
        )
    }

    fn calls(thread: &Thread) -> Vec<(usize, u64)> {
        let mut calls = Vec::new();
        thread.settle_calls(|counted| calls.push((counted.id, counted.count)));
        calls
    }

    fn errors(thread: &Thread) -> Vec<(Option<usize>, bool, String, u64)> {
        let errors = thread
            .take_deferred()
            .into_iter()
            .filter_map(|deferred| match deferred {
                Deferred::Errors(errors) => Some(errors),
                Deferred::Log { .. } => None,
            });
        errors
            .map(|it| {
                let code = it.code.map_or(String::new(), |code| {
                    String::from_utf8_lossy(&code).into_owned()
                });
                (it.id, it.refused, code, it.count)
            })
            .collect()
    }

    #[test]
    fn what_a_script_does_by_turns_is_counted_in_little_room() {
        let thread = thread();
        for _ in 0..1_000 {
            thread.defer_call(1, 0);
            thread.defer_error(1, &CommandError::new("WRONGTYPE a"));
            thread.defer_call(2, 0);
            thread.defer_rejected(Some(2), &CommandError::new("ERR b"));
            thread.defer_rejected(None, &CommandError::new("ERR c"));
        }
        assert_eq!(calls(&thread), [(1, 1_000), (2, 1_000)]);
        assert_eq!(
            errors(&thread),
            [
                (Some(1), false, "WRONGTYPE".into(), 1_000),
                (Some(2), true, "ERR".into(), 1_000),
                (None, true, "ERR".into(), 1_000)
            ]
        );
    }

    #[test]
    fn codes_that_a_script_makes_up_are_counted_together_from_some_number_on() {
        let thread = thread();
        for _ in 0..2 {
            for number in 0..DIFFERENT_ERRORS_MAX + 100 {
                thread.defer_errors(Some(1), false, Some(format!("C{number} x").as_bytes()), 1);
            }
            let errors = errors(&thread);
            assert_eq!(errors.len(), DIFFERENT_ERRORS_MAX + 1);
            let others = String::from_utf8_lossy(OTHER_CODES).into_owned();
            assert_eq!(errors.last(), Some(&(None, true, others, 100)));
        }
    }

    #[test]
    fn what_is_taken_back_has_failed_but_was_not_called() {
        let thread = thread();
        let count = || {
            thread.defer_call(1, 0);
            thread.defer_error(1, &CommandError::new("ERR x"));
        };
        count();
        let first = thread.mark_deferred();
        count();
        let second = thread.mark_deferred();
        count();
        thread.forget_calls(second);
        count();
        thread.forget_calls(first);
        count();
        assert_eq!(calls(&thread), [(1, 1), (1, 1)]);
        let total: u64 = errors(&thread).iter().map(|it| it.3).sum();
        assert_eq!(total, 5);
    }

    #[test]
    fn lines_that_wait_for_a_commit_are_bounded() {
        let thread = thread();
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
