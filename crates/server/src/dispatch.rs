//! What stands between a request and its handler: who may call what, and when.
//!
//! The order of the checks is that of the reference server, because clients see which error comes first.

use std::time::Instant;

use perilune_command::{CommandError, Flags, PlanKind, Stop, is_token};
use perilune_net::{ConnRef, Turn};
use perilune_resp::{Protocol, Reply, RespWriter};

use crate::atomicity::cannot_be_undone;
use crate::call::{Call, Local, Origin, TableEntry};
use crate::clients::flag;
use crate::execute::{ATTEMPTS_UNTIL_PATIENT, Progress};
use crate::scripting::{declared_flags, may_need_memory};
use crate::server::{OUT_OF_MEMORY, Server};
use crate::session::Session;
use crate::table::Handler;
use crate::transactions::Queued;

const NO_AUTH: CommandError = CommandError::new("NOAUTH Authentication required.");
const EXEC_ABORT: CommandError =
    CommandError::new("EXECABORT Transaction discarded because of previous errors.");
const EXEC_ABORT_BECAUSE: &[u8] = b"EXECABORT Transaction discarded because of: ";

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Done,
    /// It has to wait: offer it again when this ticket is woken.
    Park(u64),
    /// It waits for keys, and its answer will come by itself.
    Block,
}

impl Server {
    /// Runs one request, or queues or refuses it. `found`: its command and the hash of its only key, if somebody has looked already.
    #[inline]
    pub fn dispatch(
        &self,
        turn: &mut Turn<'_, Server>,
        session: &mut Session,
        out: &mut Vec<u8>,
        arguments: &[&[u8]],
        found: Option<(&'static TableEntry, u64)>,
    ) -> Verdict {
        let hash = found.map(|(_, hash)| hash);
        let resolved = match found {
            Some((entry, _)) if entry.spec.accepts(arguments.len()) => Ok(entry),
            _ => self.registry.resolve(arguments),
        };
        let entry = match resolved {
            Ok(entry) => entry,
            Err(error) => {
                let entry = self.registry.lookup(arguments);
                if entry.is_none() && is_http(arguments[0]) {
                    crate::log::verbose(format_args!(
                        "A client sent POST or Host: (a browser that was made to?), so its connection is closed"
                    ));
                    session.close_after_reply = true;
                    return Verdict::Done;
                }
                self.refuse(session, out, entry, turn.local(), &error);
                return Verdict::Done;
            }
        };
        session.client.last_command.set(entry.id as u64 + 1);
        if let Err(error) = self.may_run(session, entry, arguments) {
            self.refuse(session, out, Some(entry), turn.local(), &error);
            return Verdict::Done;
        }
        // what is queued waits as well
        if self.pause.is_paused(self.may_write(session, entry))
            && !is_exempt_from_pause(entry)
            && (self.pause.is_paused(false)
                || !declared_flags(self, entry, arguments).is_some_and(|flags| flags.no_writes))
        {
            // nobody is to wait for a stripe behind one who waits for the end of a pause
            self.forget_retry(session);
            let at = ConnRef {
                id: session.id,
                loop_index: session.client.info.loop_index,
            };
            if let Some(ticket) = self.pause.wait(at) {
                return Verdict::Park(ticket);
            }
        }
        if let Some(multi) = &session.multi
            && !is_transaction_verb(entry)
        {
            if multi.all_or_nothing && entry.spec.cannot_be_undone {
                let error = cannot_be_undone(entry);
                self.refuse(session, out, Some(entry), turn.local(), &error);
                return Verdict::Done;
            }
            return self.queue(session, out, entry, arguments);
        }
        let progress = match entry.handler {
            Some(Handler::Data(handler)) => {
                let local = turn.local();
                if entry.spec.plan != PlanKind::Keys
                    || session.retry.attempt > ATTEMPTS_UNTIL_PATIENT
                {
                    return self.run_aside(turn, session, out, entry, arguments, None);
                }
                let progress =
                    self.run_data(session, entry, handler, arguments, hash, out, &local.thread);
                if matches!(progress, Progress::Done | Progress::Blocked) {
                    local.count_in_batch(entry.id);
                }
                progress
            }
            Some(Handler::Server(_)) => {
                self.run_server(turn.local(), session, out, entry, arguments);
                Progress::Done
            }
            Some(Handler::Transaction(handler)) => {
                let local = turn.local();
                let progress = self.run_short(session, local, entry, handler, arguments, out);
                if progress == Progress::Done {
                    local.count_in_batch(entry.id);
                }
                progress
            }
            Some(Handler::Long(_) | Handler::Script(_) | Handler::Exec) => {
                return self.run_aside(turn, session, out, entry, arguments, hash);
            }
            None => unreachable!("a container is never resolved"),
        };
        match progress {
            Progress::Done => {
                session.client.commands.add(1);
                Verdict::Done
            }
            Progress::Parked(ticket) => Verdict::Park(ticket),
            Progress::Blocked => Verdict::Block,
        }
    }

    /// Runs what may take long, with the loop put down.
    fn run_aside(
        &self,
        turn: &mut Turn<'_, Server>,
        session: &mut Session,
        out: &mut Vec<u8>,
        entry: &TableEntry,
        arguments: &[&[u8]],
        hash: Option<u64>,
    ) -> Verdict {
        if matches!(entry.handler, Some(Handler::Exec))
            && let Err(error) = self.check_exec(session)
        {
            // without MULTI there is nothing to end: what is watched stays so
            if session.multi.is_some() {
                session.end_transaction();
            }
            turn.local().thread.shard.commands[entry.id].calls.add(1);
            self.answer_error(
                entry,
                &turn.local().thread,
                &mut RespWriter::new(out, session.protocol),
                &error,
            );
            return Verdict::Done;
        }
        // who listens is not to wait for what may take long
        if turn.local().thread.published.take() {
            self.ring();
        }
        let progress = turn.aside(|local| {
            // one look at the clock for each of several scripts in a row
            let began = local.script_ended.take().unwrap_or_else(Instant::now);
            local.thread.began.set(Some(began));
            let progress = match entry.handler {
                Some(Handler::Long(handler) | Handler::Script(handler)) => {
                    self.run_script(session, local, entry, handler, arguments, hash, out)
                }
                Some(Handler::Exec) => self.run_exec(session, local, entry, out),
                Some(Handler::Data(handler)) => {
                    self.run_data(session, entry, handler, arguments, None, out, &local.thread)
                }
                _ => unreachable!("only these run aside"),
            };
            local.thread.began.set(None);
            if progress == Progress::Done {
                let tally = &local.thread.shard.commands[entry.id];
                tally.calls.add(1);
                let ended = Instant::now();
                tally
                    .nanoseconds
                    .add(ended.duration_since(began).as_nanos() as u64);
                local.script_ended = Some(ended);
                local.vm.maybe_collect();
            }
            progress
        });
        match progress {
            Progress::Done => {
                session.client.commands.add(1);
                Verdict::Done
            }
            Progress::Parked(ticket) => Verdict::Park(ticket),
            Progress::Blocked => Verdict::Block,
        }
    }

    /// Runs a command that works on the connection or the server.
    fn run_server(
        &self,
        local: &mut Local,
        session: &mut Session,
        out: &mut Vec<u8>,
        entry: &TableEntry,
        arguments: &[&[u8]],
    ) {
        let Some(Handler::Server(handler)) = entry.handler else {
            return;
        };
        let start = out.len();
        let began = Instant::now();
        let Local {
            vm,
            scripts,
            thread,
            ..
        } = local;
        let protocol = session.protocol;
        let mut call = Call {
            server: self,
            session,
            thread,
            machine: Some((vm, scripts)),
            origin: Origin::Client,
            entry,
        };
        let outcome = handler(&mut call, arguments, &mut RespWriter::new(out, protocol));
        if let Err(stop) = outcome {
            out.truncate(start);
            let error = match stop {
                Stop::Error(error) => error,
                Stop::Abort => unreachable!("a command without a transaction cannot be taken back"),
            };
            self.answer_error(
                entry,
                thread,
                &mut RespWriter::new(out, session.protocol),
                &error,
            );
        }
        let tally = &thread.shard.commands[entry.id];
        tally.calls.add(1);
        tally.nanoseconds.add(began.elapsed().as_nanos() as u64);
    }

    /// The checks of every call that do not look at its keys.
    #[inline]
    fn may_run(
        &self,
        session: &Session,
        entry: &TableEntry,
        arguments: &[&[u8]],
    ) -> Result<(), CommandError> {
        if !session.authenticated && !entry.flags.has(Flags::NO_AUTH) {
            return Err(NO_AUTH);
        }
        if session.multi.is_some() && entry.flags.has(Flags::NO_MULTI) {
            return Err(CommandError::new(
                "ERR Command not allowed inside a transaction",
            ));
        }
        if self.settings.memory.maxmemory.get() != 0
            && self.lacks_memory_for(session, entry, arguments)
        {
            return Err(OUT_OF_MEMORY);
        }
        if session.client.flags.has(flag::PUBSUB)
            && session.protocol == Protocol::Resp2
            && !is_for_subscribers(entry)
        {
            return Err(CommandError::from_text(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                entry.full_name
            )));
        }
        if self.running.may_be_busy() && !entry.flags.has(Flags::ALLOW_BUSY) && self.busy_for_all()
        {
            return Err(self.busy_error());
        }
        Ok(())
    }

    #[cold]
    fn lacks_memory_for(&self, session: &Session, entry: &TableEntry, arguments: &[&[u8]]) -> bool {
        let denies = |flags: Flags| flags.has(Flags::DENYOOM);
        let wanted = match (&session.multi, entry.handler) {
            (Some(multi), Some(Handler::Exec)) => multi
                .queue
                .iter()
                .any(|queued| denies(self.registry.entries()[queued.id].flags)),
            (_, Some(Handler::Script(_))) => {
                return self.out_of_memory()
                    && declared_flags(self, entry, arguments).is_some_and(may_need_memory);
            }
            _ => denies(entry.flags),
        };
        wanted && self.out_of_memory()
    }

    /// Whether a call may write, which decides whether it waits in a pause of writes.
    fn may_write(&self, session: &Session, entry: &TableEntry) -> bool {
        match (&session.multi, entry.handler) {
            (Some(multi), Some(Handler::Exec)) => multi
                .queue
                .iter()
                .any(|queued| may_write(&self.registry.entries()[queued.id])),
            _ => may_write(entry),
        }
    }

    fn check_exec(&self, session: &Session) -> Result<(), CommandError> {
        match &session.multi {
            None => Err(CommandError::new("ERR EXEC without MULTI")),
            Some(multi) if multi.spoiled => Err(EXEC_ABORT),
            Some(_) => Ok(()),
        }
    }

    /// Answers an error to a command that does not run. Inside MULTI that spoils the transaction; refused itself, EXEC ends it.
    #[cold]
    fn refuse(
        &self,
        session: &mut Session,
        out: &mut Vec<u8>,
        entry: Option<&TableEntry>,
        local: &Local,
        error: &CommandError,
    ) {
        // it may have waited for a stripe before: others stand behind it in that queue
        self.forget_retry(session);
        if let Some(entry) = entry {
            local.thread.shard.commands[entry.id].rejected.add(1);
        }
        let is_exec = entry.is_some_and(|entry| matches!(entry.handler, Some(Handler::Exec)));
        let reason = error.message();
        let message = if is_exec {
            session.end_transaction();
            [
                EXEC_ABORT_BECAUSE,
                reason.strip_prefix(b"ERR ").unwrap_or(reason),
            ]
            .concat()
        } else {
            reason.to_vec()
        };
        if let Some(multi) = &mut session.multi {
            multi.spoil();
            session.client.multi.set(1);
            session.client.multi_bytes.set(0);
        }
        self.stats.errors.count(&message);
        RespWriter::new(out, session.protocol).error(&message);
    }

    /// Puts a command into the queue of MULTI.
    fn queue(
        &self,
        session: &mut Session,
        out: &mut Vec<u8>,
        entry: &TableEntry,
        arguments: &[&[u8]],
    ) -> Verdict {
        if let Some(multi) = &mut session.multi {
            if !multi.spoiled {
                multi.push(Queued::new(entry.id, arguments));
            }
            session.client.multi.set(multi.queue.len() as u64 + 1);
            session.client.multi_bytes.set(multi.memory_bytes as u64);
        }
        RespWriter::new(out, session.protocol).status("QUEUED");
        Verdict::Done
    }
}

/// Whether a command may write: a script may, unless it says that it does not.
fn may_write(entry: &TableEntry) -> bool {
    let is_script = matches!(entry.handler, Some(Handler::Script(_)));
    entry.counts_as_write() || (is_script && !entry.flags.has(Flags::READONLY))
}

/// Whether a connection may call this while it is subscribed and speaks RESP2, where an answer cannot be told from a message.
fn is_for_subscribers(entry: &TableEntry) -> bool {
    let subscribes = matches!(
        entry.spec.name,
        "subscribe" | "unsubscribe" | "psubscribe" | "punsubscribe" | "ssubscribe" | "sunsubscribe"
    );
    entry.container.is_none()
        && (subscribes || matches!(entry.spec.name, "ping" | "quit" | "reset"))
}

/// Whether a request is a line of HTTP that a browser was made to send: what follows it must not be run.
fn is_http(name: &[u8]) -> bool {
    is_token(name, "post") || is_token(name, "host:")
}

/// Whether a command runs at once inside MULTI.
fn is_transaction_verb(entry: &TableEntry) -> bool {
    matches!(
        entry.spec.name,
        "exec" | "discard" | "multi" | "watch" | "quit" | "reset"
    ) && entry.container.is_none()
}

/// Whether a command runs during a pause: ending it must be possible.
fn is_exempt_from_pause(entry: &TableEntry) -> bool {
    matches!(
        entry.full_name.as_str(),
        "client|unpause" | "client|kill" | "shutdown" | "script|kill" | "function|kill"
    )
}
