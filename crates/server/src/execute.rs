//! Running commands: alone, in EXEC, from a script. All three pass the same table and the same transaction.
//!
//! ```text
//! one command   lock its plan -> run -> commit
//! EXEC          lock the plan of all -> run each -> commit          (recorded)
//! a script      lock the plan of KEYS -> run, growing -> commit     (recorded)
//! ```
//!
//! A plan that cannot be locked parks the connection, and the request is read and started again when it is woken.
//! Nothing of a run that did not commit is seen: replies are cut off the output buffer, and counters are moved at the end.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use perilune_command::{CommandError, DataHandler, Flags, Outcome, Stop};
use perilune_keyspace::gate::Parked;
use perilune_keyspace::{AccessMode, LockPlan, StripeIndex, Txn, Unended};
use perilune_resp::{Reply, RespWriter};

use crate::atomicity::{exec_rolled_back, failure};
use crate::call::{Call, Deferred, DeferredMark, Local, Origin, TableEntry, Thread};
use crate::scripting::only_script_key;
use crate::server::Server;
use crate::session::Session;
use crate::stats::ProgramTotals;
use crate::table::{Handler, TransactionHandler};
use crate::transactions::Multi;

/// After so many refusals a transaction may wait for one stripe while it holds others, or it might never have them all
/// together. It runs aside then, as its thread waits with it.
pub const ATTEMPTS_UNTIL_PATIENT: u32 = 4;

/// After so many runs a transaction stops guessing and takes every stripe.
const ATTEMPTS_UNTIL_ALL: u32 = 16;

/// What a client hears of a panic.
pub const INTERNAL_ERROR: CommandError = CommandError::new("ERR internal error");

/// How a command ended, as far as its connection is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is answered.
    Done,
    /// It waits for a stripe, with this ticket.
    Parked(u64),
    /// It waits for its keys, as the session says.
    Blocked,
}

/// How one run of a transaction ended.
enum Run {
    /// It is over and answered.
    Done,
    /// It was taken back: again, with what it has learned.
    Again {
        plan: LockPlan,
        blocked_on: Option<StripeIndex>,
    },
}

/// What a stripe that could not be had means for a command.
enum Refused {
    Parked(u64),
    TryAgain,
    Busy,
}

/// Counts that a script or a function was taken back, if one has panicked.
fn count_panic(thread: &Thread, entry: &TableEntry) {
    if is_script(entry) {
        thread.count_program(ProgramTotals {
            rolled_back: 1,
            ..ProgramTotals::default()
        });
    }
}

/// Whether a command is the call of a script or a function.
fn is_script(entry: &TableEntry) -> bool {
    matches!(entry.handler, Some(Handler::Script(_)))
}

impl Server {
    /// Runs a data command on its own. `hash` is that of its key, where it has just one and somebody has looked already.
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a thread, borrowed apart"
    )]
    #[inline]
    pub fn run_data(
        &self,
        session: &mut Session,
        entry: &TableEntry,
        handler: DataHandler,
        arguments: &[&[u8]],
        hash: Option<u64>,
        out: &mut Vec<u8>,
        thread: &Thread,
    ) -> Progress {
        loop {
            let mut place = ManuallyDrop::new(Txn::begin(&self.keyspace, session.database));
            let mut txn = Unended::new(&mut place);
            self.set_modes(session, &mut txn);
            if entry.flags.has(Flags::BLOCKING) {
                txn.allow_waiting();
            }
            let first_run = session.retry.plan.is_none();
            let locked = match entry.keys {
                perilune_command::KeyShape::One(index) if first_run => {
                    let hash = hash.unwrap_or_else(|| self.keyspace.hash(arguments[index]));
                    txn.lock_key(arguments[index], hash, &mut session.retry.queued)
                }
                _ => {
                    let plan = self.plan_of_retry(session, || self.plan(entry, arguments));
                    txn.set_attempt(session.retry.attempt);
                    txn.set_random_seed(session.retry.random_seed);
                    if session.retry.attempt > ATTEMPTS_UNTIL_PATIENT {
                        txn.wait_while_holding(session.waker.clone());
                    }
                    txn.lock(&plan, &mut session.retry.queued)
                }
            };
            if let Err(stripe) = locked {
                drop(txn);
                match self.put_off(session, entry, thread, out, stripe) {
                    Some(progress) => return progress,
                    None => continue,
                }
            }
            let start = out.len();
            let mut reply = RespWriter::new(out, session.protocol);
            match self.run_handler(&mut txn, entry, handler, arguments, &mut reply) {
                Ok(()) => {
                    if let Some(wait) = txn.take_wait() {
                        self.block(session, entry, handler, arguments, wait, &mut txn);
                        thread.count(txn.commit());
                        self.forget_retry(session);
                        return Progress::Blocked;
                    }
                    thread.count(txn.commit());
                }
                Err(Stop::Error(error)) => {
                    out.truncate(start);
                    let mut reply = RespWriter::new(out, session.protocol);
                    self.answer_error(entry, thread, &mut reply, &error);
                    thread.count(txn.commit());
                }
                Err(Stop::Abort) if txn.is_doomed() => {
                    out.truncate(start);
                    txn.take_back();
                    let mut reply = RespWriter::new(out, session.protocol);
                    self.answer_error(entry, thread, &mut reply, &INTERNAL_ERROR);
                }
                Err(Stop::Abort) => {
                    out.truncate(start);
                    let (plan, blocked_on) = (txn.learned_plan(), txn.blocked_on());
                    txn.take_back();
                    match self.again(session, plan, blocked_on) {
                        Some(ticket) => return Progress::Parked(ticket),
                        None => continue,
                    }
                }
            }
            if session.retry.plan.is_some() || session.retry.attempt > 0 {
                self.forget_retry(session);
            }
            return Progress::Done;
        }
    }

    /// Hands the connection's modes to a transaction.
    #[inline]
    fn set_modes(&self, session: &Session, txn: &mut Txn<'_>) {
        if session.no_touch {
            txn.set_access_mode(AccessMode::NoTouch);
        }
        if session.import_source && self.settings.memory.import_mode.get() {
            txn.see_expired();
        }
    }

    /// Runs a handler and catches its panic.
    #[inline]
    pub(crate) fn run_handler(
        &self,
        txn: &mut Txn<'_>,
        entry: &TableEntry,
        handler: DataHandler,
        arguments: &[&[u8]],
        reply: &mut dyn Reply,
    ) -> Outcome {
        let result = catch_unwind(AssertUnwindSafe(|| {
            Self::run_uncaught(txn, entry, handler, arguments, reply)
        }));
        result.unwrap_or_else(|_| Err(self.panicked(txn, entry)))
    }

    /// Runs a handler for a script, whose frame catches panics by itself.
    #[inline]
    pub(crate) fn run_uncaught(
        txn: &mut Txn<'_>,
        entry: &TableEntry,
        handler: DataHandler,
        arguments: &[&[u8]],
        reply: &mut dyn Reply,
    ) -> Outcome {
        let database = txn.database();
        let start = txn.start_command();
        let outcome = handler.run(txn, entry, arguments, reply);
        txn.end_command(start, database, arguments);
        outcome
    }

    /// A panic takes the whole transaction back and becomes an error reply, unless there is no record of what was
    /// half changed: then the process ends, because serving that is worse.
    #[cold]
    fn panicked(&self, txn: &mut Txn<'_>, entry: &TableEntry) -> Stop {
        if !txn.can_roll_back() {
            crate::log::warning(format_args!(
                "'{}' panicked in the middle of a change; ending the process, because its data may be half changed",
                entry.full_name
            ));
            std::process::abort();
        }
        crate::log::warning(format_args!(
            "'{}' panicked; its client got an error",
            entry.full_name
        ));
        txn.doom();
        Stop::Abort
    }

    /// The plan to lock: what earlier runs have learned, or for the first run what the arguments say.
    fn plan_of_retry(&self, session: &mut Session, first: impl FnOnce() -> LockPlan) -> LockPlan {
        if session.retry.random_seed == 0 {
            session.retry.random_seed = self.keyspace.fresh_seed();
        }
        session.retry.plan.get_or_insert_with(first).clone()
    }

    /// A stripe could not be had: what becomes of the command; none if it is to try again at once.
    #[cold]
    fn put_off(
        &self,
        session: &mut Session,
        entry: &TableEntry,
        thread: &Thread,
        out: &mut Vec<u8>,
        stripe: StripeIndex,
    ) -> Option<Progress> {
        match self.refused(session, stripe) {
            Refused::Parked(ticket) => Some(Progress::Parked(ticket)),
            Refused::TryAgain => None,
            Refused::Busy => {
                let error = self.busy_error();
                let mut reply = RespWriter::new(out, session.protocol);
                self.answer_error(entry, thread, &mut reply, &error);
                self.forget_retry(session);
                Some(Progress::Done)
            }
        }
    }

    /// Queues up behind who has the stripe, unless that is busy.
    fn refused(&self, session: &mut Session, stripe: StripeIndex) -> Refused {
        session.retry.attempt += 1;
        if self.is_held_by_busy(stripe) {
            return Refused::Busy;
        }
        if let Some((at, ticket)) = session.retry.queued {
            if at == stripe {
                // still in that queue: who has the stripe will wake the first
                return self.parked_on(session, stripe, ticket);
            }
            self.keyspace.give_up(at, ticket);
        }
        let (ticket, parked) = self.keyspace.park(stripe, session.waker.clone());
        session.retry.queued = Some((stripe, ticket));
        match parked {
            Parked::Free => Refused::TryAgain,
            Parked::Waiting => self.parked_on(session, stripe, ticket),
        }
    }

    /// Notes whom to wake when the stripe's holder becomes busy, unless it has by now: one of the two sees the other.
    fn parked_on(&self, session: &Session, stripe: StripeIndex, ticket: u64) -> Refused {
        self.note_parked(session, stripe, ticket);
        if self.is_held_by_busy(stripe) {
            self.note_resumed(session);
            return Refused::Busy;
        }
        Refused::Parked(ticket)
    }

    fn is_held_by_busy(&self, stripe: StripeIndex) -> bool {
        self.keyspace
            .holder(stripe)
            .is_some_and(|run| self.running.is_busy(run))
    }

    /// A run was taken back: notes what it has learned, and parks on what it missed. The ticket if it waits.
    #[cold]
    fn again(
        &self,
        session: &mut Session,
        plan: LockPlan,
        blocked_on: Option<StripeIndex>,
    ) -> Option<u64> {
        use std::sync::atomic::Ordering;
        self.keyspace
            .counters()
            .reruns
            .fetch_add(1, Ordering::Relaxed);
        let known = session.retry.plan.take().unwrap_or(LockPlan::none());
        let plan = if session.retry.attempt >= ATTEMPTS_UNTIL_ALL {
            LockPlan::All
        } else {
            known.union(plan)
        };
        session.retry.plan = Some(plan);
        let stripe = blocked_on?;
        match self.refused(session, stripe) {
            Refused::Parked(ticket) => Some(ticket),
            // the next lock attempt finds out for itself
            Refused::TryAgain | Refused::Busy => None,
        }
    }

    /// The command is over: its place in a queue and what it has learned go.
    #[inline]
    pub fn forget_retry(&self, session: &mut Session) {
        let retry = &mut session.retry;
        if retry.attempt == 0 && retry.plan.is_none() && retry.queued.is_none() {
            retry.random_seed = 0;
        } else {
            self.forget_tried(session);
        }
    }

    #[cold]
    fn forget_tried(&self, session: &mut Session) {
        let retry = std::mem::take(&mut session.retry);
        if let Some((stripe, ticket)) = retry.queued {
            self.keyspace.give_up(stripe, ticket);
        }
    }

    /// Writes an error reply and counts it.
    #[cold]
    pub fn answer_error(
        &self,
        entry: &TableEntry,
        thread: &Thread,
        reply: &mut dyn Reply,
        error: &CommandError,
    ) {
        self.count_error(entry, thread, error);
        reply.error(error.message());
    }

    /// Counts an error reply.
    fn count_error(&self, entry: &TableEntry, thread: &Thread, error: &CommandError) {
        thread.shard.commands[entry.id].failed.add(1);
        if !error.was_counted() {
            self.stats.errors.count(error.message());
        }
    }

    /// Runs a short command under the locks of its keys.
    pub fn run_short(
        &self,
        session: &mut Session,
        local: &mut Local,
        entry: &TableEntry,
        handler: TransactionHandler,
        arguments: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Progress {
        let thread = &local.thread;
        self.run_transaction(
            session,
            thread,
            entry,
            out,
            false,
            || self.plan(entry, arguments),
            |server, session, txn, out| {
                let protocol = session.protocol;
                let mut call = Call {
                    server,
                    session,
                    thread,
                    machine: None,
                    origin: Origin::Client,
                    entry,
                };
                handler(
                    &mut call,
                    txn,
                    arguments,
                    &mut RespWriter::new(out, protocol),
                )
            },
        )
    }

    /// Runs a script that a client has called. `hash` is that of its key, where it has just one and somebody has looked
    /// already.
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a thread, borrowed apart"
    )]
    pub fn run_script(
        &self,
        session: &mut Session,
        local: &mut Local,
        entry: &TableEntry,
        handler: TransactionHandler,
        arguments: &[&[u8]],
        hash: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Progress {
        let key = only_script_key(entry, arguments).map(|index| arguments[index]);
        let hash = key.map(|key| hash.unwrap_or_else(|| self.keyspace.hash(key)));
        let Local {
            vm,
            scripts,
            thread,
            ..
        } = local;
        let thread = &*thread;
        self.run_transaction(
            session,
            thread,
            entry,
            out,
            true,
            || match hash {
                Some(hash) => LockPlan::one(StripeIndex::of_hash(hash)),
                None => self.plan(entry, arguments),
            },
            |server, session, txn, out| {
                if let (Some(key), Some(hash)) = (key, hash) {
                    txn.hint_key(key, hash);
                }
                let protocol = session.protocol;
                let mut call = Call {
                    server,
                    session,
                    thread,
                    machine: Some((vm, scripts)),
                    origin: Origin::Client,
                    entry,
                };
                handler(
                    &mut call,
                    txn,
                    arguments,
                    &mut RespWriter::new(out, protocol),
                )
            },
        )
    }

    /// Runs EXEC. The queue is gone afterwards, whatever came of it.
    pub fn run_exec(
        &self,
        session: &mut Session,
        local: &mut Local,
        entry: &TableEntry,
        out: &mut Vec<u8>,
    ) -> Progress {
        let Some(multi) = session.multi.take() else {
            return Progress::Done;
        };
        let watch = session.watch.take();
        let watching = session.client.watching.get();
        let choices = session.choices();
        let Local {
            vm,
            scripts,
            thread,
            ..
        } = local;
        let thread = &*thread;
        let progress = self.run_transaction(
            session,
            thread,
            entry,
            out,
            true,
            || self.exec_plan(&multi.queue, watch.as_deref()),
            |server, session, txn, out| {
                session.reply_is_settled = false;
                if let Some(watch) = &watch
                    && txn.watched_changed(watch)?
                {
                    RespWriter::new(out, session.protocol).null_array();
                    return Ok(());
                }
                session.client.watching.set(0);
                let machine = (&mut *vm, &mut *scripts);
                let outcome = server.run_queue(session, &multi, txn, out, thread, machine);
                if outcome.is_err() {
                    session.return_to(choices);
                }
                outcome
            },
        );
        if progress != Progress::Done {
            // offered again when it is woken
            session.multi = Some(multi);
            session.watch = watch;
            session.client.watching.set(watching);
        } else {
            session.show_transaction_ended();
        }
        progress
    }

    /// Runs the queued commands, each to its own reply. In a transaction that is all or nothing the first error is EXEC's.
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a thread, borrowed apart"
    )]
    fn run_queue(
        &self,
        session: &mut Session,
        multi: &Multi,
        txn: &mut Txn<'_>,
        out: &mut Vec<u8>,
        thread: &Thread,
        (vm, scripts): (
            &mut crate::scripting::LazyVm,
            &mut crate::scripting::ScriptMemory,
        ),
    ) -> Outcome {
        if !session.reply_mode.is_quiet() {
            RespWriter::new(out, session.protocol).array(multi.queue.len());
        }
        txn.set_all_or_nothing(multi.all_or_nothing);
        let beginning = match multi.all_or_nothing {
            true => txn.savepoint(),
            false => None,
        };
        // a connection that CLIENT KILL closes hears the answer to that, and no more; the rest runs all the same
        let mut heard = None;
        for queued in &multi.queue {
            let entry = &self.registry.entries()[queued.id];
            let arguments = queued.arguments();
            let began = Instant::now();
            let start = out.len();
            let protocol = session.protocol;
            let mut reply = RespWriter::new(out, protocol);
            let database = session.database;
            let result = catch_unwind(AssertUnwindSafe(|| match entry.handler {
                Some(Handler::Data(handler)) => {
                    Self::run_uncaught(txn, entry, handler, &arguments, &mut reply)
                }
                Some(Handler::Server(handler)) => {
                    let mut call = Call {
                        server: self,
                        session,
                        thread,
                        machine: Some((&mut *vm, &mut *scripts)),
                        origin: Origin::Exec,
                        entry,
                    };
                    handler(&mut call, &arguments, &mut reply)
                }
                Some(
                    Handler::Transaction(handler)
                    | Handler::Long(handler)
                    | Handler::Script(handler),
                ) => {
                    let machine = Some((&mut *vm, &mut *scripts));
                    let mut call = Call {
                        server: self,
                        session,
                        thread,
                        machine,
                        origin: Origin::Exec,
                        entry,
                    };
                    handler(&mut call, txn, &arguments, &mut reply)
                }
                Some(Handler::Exec) | None => {
                    unreachable!("neither EXEC nor a container is ever queued")
                }
            }));
            let outcome = result.unwrap_or_else(|_| {
                session.database = database;
                let outcome = self.panicked(txn, entry);
                count_panic(thread, entry);
                // nothing is left of it where the whole is taken back, and that has an error of its own
                match multi.all_or_nothing {
                    true => Err(INTERNAL_ERROR.into()),
                    false => Err(outcome),
                }
            });
            txn.select(session.database);
            let failure = match multi.all_or_nothing {
                true => failure(txn, &outcome, &out[start..]),
                false => None,
            };
            if let Some(failure) = failure {
                let error = exec_rolled_back(entry, &failure);
                match &outcome {
                    Ok(()) => thread.defer_answered(entry.id, &out[start..]),
                    Err(Stop::Error(error)) => thread.defer_error(entry.id, error),
                    Err(Stop::Abort) => {}
                }
                self.take_back(txn, thread, beginning, DeferredMark::default());
                session.functions = None;
                self.pubsub.take_back(session);
                return Err(error.into());
            }
            match outcome {
                Ok(()) => {
                    thread.defer_answered(entry.id, &out[start..]);
                }
                Err(Stop::Error(error)) => {
                    out.truncate(start);
                    thread.defer_error(entry.id, &error);
                    RespWriter::new(out, session.protocol).error(error.message());
                }
                Err(Stop::Abort) => return Err(Stop::Abort),
            }
            thread.defer_call(entry.id, began.elapsed().as_nanos() as u64);
            if session.reply_mode.is_quiet() && !session.reply_is_settled {
                out.truncate(start);
            }
            session.reply_is_settled = false;
            if session.close_after_reply && heard.is_none() {
                heard = Some(out.len());
            }
        }
        out.truncate(heard.unwrap_or(out.len()));
        session.reply_is_settled = true;
        Ok(())
    }

    /// Runs a command that a script calls, on the script's transaction.
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a thread, borrowed apart"
    )]
    #[inline]
    pub fn run_nested(
        &self,
        session: &mut Session,
        txn: &mut Txn<'_>,
        entry: &TableEntry,
        arguments: &[&[u8]],
        reply: &mut dyn Reply,
        thread: &Thread,
        read_only: bool,
    ) -> Outcome {
        match entry.handler {
            Some(Handler::Data(handler)) => self.run_handler(txn, entry, handler, arguments, reply),
            Some(Handler::Server(handler)) => {
                let origin = Origin::Script { read_only };
                let mut call = Call {
                    server: self,
                    session,
                    thread,
                    machine: None,
                    origin,
                    entry,
                };
                let outcome = handler(&mut call, arguments, reply);
                txn.select(session.database);
                outcome
            }
            Some(Handler::Transaction(handler) | Handler::Long(handler)) => {
                let origin = Origin::Script { read_only };
                handler(
                    &mut Call {
                        server: self,
                        session,
                        thread,
                        machine: None,
                        origin,
                        entry,
                    },
                    txn,
                    arguments,
                    reply,
                )
            }
            _ => unreachable!("commands that are not allowed in scripts have been refused"),
        }
    }

    /// A long transaction has committed: what it did may be counted and logged now.
    fn settle(&self, session: &Session, thread: &Thread) {
        thread.settle_calls(|counted| {
            session.client.commands.add(counted.count);
            let tally = &thread.shard.commands[counted.id];
            tally.calls.add(counted.count);
            tally.nanoseconds.add(counted.nanoseconds);
        });
        if thread.has_deferred() {
            self.settle_deferred(thread);
        }
    }

    #[cold]
    fn settle_deferred(&self, thread: &Thread) {
        let mut list = thread.take_deferred();
        for deferred in list.drain(..) {
            match deferred {
                Deferred::Errors(errors) => {
                    if let Some(id) = errors.id {
                        let command = &thread.shard.commands[id];
                        let tally = if errors.refused {
                            &command.rejected
                        } else {
                            &command.failed
                        };
                        tally.add(errors.count);
                    }
                    if let Some(code) = errors.code {
                        self.stats.errors.count_code(&code, errors.count);
                    }
                }
                Deferred::Log { level, message } => {
                    crate::log::at(level, format_args!("{}", String::from_utf8_lossy(&message)));
                }
            }
        }
        thread.return_deferred(list);
    }

    /// Locks a plan and runs `body` on it, again and again until it commits or has to wait.
    ///
    /// A long transaction is recorded, visible in the thread's slot, and able to grow.
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a thread, borrowed apart"
    )]
    fn run_transaction<'a>(
        &'a self,
        session: &mut Session,
        thread: &Thread,
        entry: &TableEntry,
        out: &mut Vec<u8>,
        is_long: bool,
        plan: impl Fn() -> LockPlan,
        mut body: impl FnMut(&Self, &mut Session, &mut Txn<'a>, &mut Vec<u8>) -> Outcome,
    ) -> Progress {
        loop {
            if session.retry.random_seed == 0 {
                session.retry.random_seed = thread.fresh_seed(&self.keyspace);
            }
            // what a run has learned includes what it was given
            let plan = match &session.retry.plan {
                Some(known) => known.clone(),
                None => plan(),
            };
            let run = is_long.then(|| {
                // a rerun looks anew
                let began = thread.began.get().unwrap_or_else(Instant::now);
                thread.slot.begin(session.id, began)
            });
            let result = self.run_once(session, entry, thread, out, run, &plan, &mut body);
            if run.is_some() && thread.slot.end() {
                self.running.recount_busy();
            }
            match result {
                Ok(Run::Done) => {
                    self.forget_retry(session);
                    return Progress::Done;
                }
                Ok(Run::Again { plan, blocked_on }) => {
                    if let Some(ticket) = self.again(session, plan, blocked_on) {
                        return Progress::Parked(ticket);
                    }
                }
                Err(stripe) => {
                    if let Some(progress) = self.put_off(session, entry, thread, out, stripe) {
                        return progress;
                    }
                }
            }
        }
    }

    /// What the transaction has changed beside the data is everybody's now. It still holds its stripes.
    #[inline]
    fn publish(&self, session: &mut Session, thread: &Thread) {
        self.functions.publish(session);
        thread.publish_scripts(&self.scripts);
    }

    /// Commits, and counts what the transaction has done, and for which script.
    fn commit(&self, thread: &Thread, entry: &TableEntry, is_long: bool, txn: &mut Txn<'_>) {
        let run = txn.run_tally();
        let (tally, spare) = txn.commit_and_spare();
        thread.count(tally);
        if spare.is_some() {
            thread.spare_record.set(spare);
        }
        if is_long {
            thread.shard.count_run(run);
        }
        if is_script(entry) {
            thread.count_script(run);
        }
    }

    /// One run: the stripe that could not be had, or how it ended.
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a thread, borrowed apart"
    )]
    fn run_once<'a>(
        &'a self,
        session: &mut Session,
        entry: &TableEntry,
        thread: &Thread,
        out: &mut Vec<u8>,
        run: Option<u64>,
        plan: &LockPlan,
        body: &mut impl FnMut(&Self, &mut Session, &mut Txn<'a>, &mut Vec<u8>) -> Outcome,
    ) -> Result<Run, StripeIndex> {
        let mut txn = Txn::begin(&self.keyspace, session.database);
        txn.set_began(thread.began.take());
        txn.set_attempt(session.retry.attempt);
        txn.set_random_seed(session.retry.random_seed);
        self.set_modes(session, &mut txn);
        if let Some(run) = run {
            txn.record_in(thread.spare_record.take());
            txn.set_holder(run);
            if session.retry.attempt > ATTEMPTS_UNTIL_PATIENT {
                txn.wait_while_holding(session.waker.clone());
            }
        }
        txn.lock(plan, &mut session.retry.queued)?;
        let start = out.len();
        let database = session.database;
        let result = catch_unwind(AssertUnwindSafe(|| body(self, session, &mut txn, out)));
        let outcome = result.unwrap_or_else(|_| {
            // a script may have selected another
            session.database = database;
            count_panic(thread, entry);
            Err(self.panicked(&mut txn, entry))
        });
        match outcome {
            Ok(()) => {
                self.publish(session, thread);
                self.commit(thread, entry, run.is_some(), &mut txn);
                session.catches_up |= session.uncommitted.take().is_some();
                thread.defer_answered(entry.id, &out[start..]);
                self.settle(session, thread);
            }
            Err(Stop::Error(error)) => {
                out.truncate(start);
                self.publish(session, thread);
                self.commit(thread, entry, run.is_some(), &mut txn);
                session.catches_up |= session.uncommitted.take().is_some();
                self.settle(session, thread);
                let mut reply = RespWriter::new(out, session.protocol);
                self.answer_error(entry, thread, &mut reply, &error);
            }
            Err(Stop::Abort) if txn.is_doomed() => {
                out.truncate(start);
                thread.forget_deferred();
                txn.roll_back();
                if run.is_some() {
                    self.stats.count_rollback();
                }
                session.functions = None;
                self.pubsub.take_back(session);
                let mut reply = RespWriter::new(out, session.protocol);
                self.answer_error(entry, thread, &mut reply, &INTERNAL_ERROR);
            }
            Err(Stop::Abort) => {
                out.truncate(start);
                thread.forget_deferred();
                let again = Run::Again {
                    plan: txn.learned_plan(),
                    blocked_on: txn.blocked_on(),
                };
                txn.roll_back();
                if is_script(entry) {
                    thread.count_program(ProgramTotals {
                        rerun: 1,
                        ..ProgramTotals::default()
                    });
                }
                session.functions = None;
                self.pubsub.take_back(session);
                return Ok(again);
            }
        }
        Ok(Run::Done)
    }
}
