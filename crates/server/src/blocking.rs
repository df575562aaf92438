//! Blocking commands, as far as the connection is concerned: waiting, being served, giving up.
//!
//! ```text
//!   BLPOP finds nothing      Server::block: a Blocked stands in the queues of its keys; the connection waits
//!   a commit serves it       Blocked::serve runs the command again, on the stripes that are at hand; its answer is kept
//!   stripes are released     Blocked::deliver posts to the connection's loop, which sends the answer and goes on
//!   timeout, CLIENT UNBLOCK  Blocked::end, unless it has been served by then: one of the two wins
//!   the client goes          Blocked::end, and nobody hears
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use perilune_command::{DataHandler, Stop};
use perilune_keyspace::gate::Parked;
use perilune_keyspace::{
    AccessMode, Served, Service as WaiterService, StripeIndex, Txn, Wait, Waiting, Wake,
};
use perilune_net::{After, Conn, ConnRef, Net};
use perilune_resp::{Protocol, Reply, RespWriter};

use crate::call::{TableEntry, Thread};
use crate::server::Server;
use crate::service::Message;
use crate::session::Session;

/// The ticket of connections that wait for keys. What they wait for comes with a message, not by a ticket.
pub const TICKET: u64 = 1 << 62;

/// A blocking command that waits for its keys.
pub struct Blocked {
    net: Net<Server>,
    at: ConnRef,
    entry: &'static TableEntry,
    handler: DataHandler,
    arguments: Vec<Box<[u8]>>,
    wait: Wait,
    database: usize,
    protocol: Protocol,
    no_touch: bool,
    /// Locked while it is served, and by whoever ends the wait: so one comes first.
    state: Mutex<State>,
}

/// How far it has come.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Waits,
    /// It has its answer, of this kind.
    Answered(Vec<u8>, Late),
    /// The connection has the answer, or is gone.
    Over,
}

/// What a late answer is, in the statistics of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Late {
    /// One like others.
    Plain,
    /// The error of the command when it was served.
    Failure,
    /// The error that CLIENT UNBLOCK has asked for: the reference counts it among the calls that were refused.
    Refusal,
}

impl std::fmt::Debug for Blocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocked")
            .field("command", &self.entry.full_name)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Blocked {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.arguments[self.wait.keys.clone()]
            .iter()
            .map(|key| &**key)
    }

    /// Ends the wait with an answer, unless it has one already. Whether it waited.
    fn end(&self, kind: Late, answer: impl FnOnce(&mut dyn Reply)) -> bool {
        let mut state = self.state();
        let waits = *state == State::Waits;
        if waits {
            let mut out = Vec::new();
            answer(&mut RespWriter::new(&mut out, self.protocol));
            *state = State::Answered(out, kind);
        }
        waits
    }

    /// Nobody hears the answer any more: from now on it is not served.
    pub fn abandon(&self) {
        *self.state() = State::Over;
    }

    /// CLIENT UNBLOCK: as if the time were up, or with an error. Whether it waited.
    pub fn unblock(&self, with_error: bool) -> bool {
        const ENDED: &[u8] = b"UNBLOCKED client unblocked via CLIENT UNBLOCK";
        let ended = match with_error {
            true => self.end(Late::Refusal, |reply| reply.error(ENDED)),
            false => self.end(Late::Plain, |reply| reply.null_array()),
        };
        if ended {
            if with_error {
                self.net.service().stats.errors.count(ENDED);
            }
            self.deliver();
        }
        ended
    }
}

impl Waiting for Blocked {
    fn serve(&self, txn: &mut Txn<'_>) -> Served {
        let mut state = self.state();
        if *state != State::Waits {
            return Served::Gone;
        }
        if self.no_touch {
            txn.set_access_mode(AccessMode::NoTouch);
        }
        txn.allow_waiting();
        let arguments: Vec<&[u8]> = self.arguments.iter().map(|a| &**a).collect();
        let mut out = Vec::new();
        let mut reply = RespWriter::new(&mut out, self.protocol);
        let server = self.net.service();
        let outcome = server.run_handler(txn, self.entry, self.handler, &arguments, &mut reply);
        let served = match outcome {
            Ok(()) if txn.take_wait().is_some() => return Served::NotYet,
            Ok(()) => Served::Done,
            Err(Stop::Abort) if !txn.is_doomed() => return Served::Refused,
            Err(stop) => {
                out.clear();
                let error = match stop {
                    Stop::Error(error) => error,
                    Stop::Abort => crate::execute::INTERNAL_ERROR,
                };
                server.stats.errors.count(error.message());
                RespWriter::new(&mut out, self.protocol).error(error.message());
                Served::Failed
            }
        };
        let kind = match served {
            Served::Failed => Late::Failure,
            _ => Late::Plain,
        };
        *state = State::Answered(out, kind);
        served
    }

    fn deliver(&self) {
        self.net.post(self.at, Message::Unblocked);
    }

    fn database(&self) -> usize {
        self.database
    }

    fn type_name(&self) -> &'static str {
        self.wait.type_name
    }
}

impl Server {
    /// Lets a command wait that has found nothing. The transaction holds the stripes of its keys.
    #[cold]
    pub(crate) fn block(
        &self,
        session: &mut Session,
        entry: &TableEntry,
        handler: DataHandler,
        arguments: &[&[u8]],
        wait: Wait,
        txn: &mut Txn<'_>,
    ) {
        let Some(net) = self.net() else { return };
        let deadline = wait.timeout.and_then(|t| Instant::now().checked_add(t));
        let blocked = Arc::new(Blocked {
            net: net.clone(),
            at: ConnRef {
                id: session.id,
                loop_index: session.client.info.loop_index,
            },
            entry: &self.registry.entries()[entry.id],
            handler,
            arguments: arguments.iter().map(|a| Box::from(*a)).collect(),
            wait,
            database: session.database,
            protocol: session.protocol,
            no_touch: session.no_touch,
            state: Mutex::new(State::Waits),
        });
        let mut seen: Vec<&[u8]> = Vec::new();
        for key in blocked.keys() {
            if !seen.contains(&key) {
                txn.wait_for(key, blocked.clone());
                seen.push(key);
            }
        }
        session.client.show_blocked(Some(blocked.clone()));
        session.blocked = Some((blocked, deadline));
        self.blocked.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The connection's loop hears that the wait is over: the answer goes out, and the connection goes on.
    pub(crate) fn on_unblocked(&self, conn: &mut Conn<Session>, thread: &Thread) -> After {
        let Some((blocked, _)) = &conn.session.blocked else {
            return After::Stay;
        };
        let (answer, kind) = {
            let mut state = blocked.state();
            match &mut *state {
                State::Answered(answer, kind) => (std::mem::take(answer), *kind),
                State::Waits | State::Over => return After::Stay,
            }
        };
        let tally = &thread.shard.commands[blocked.entry.id];
        match kind {
            Late::Plain => {}
            Late::Failure => tally.failed.add(1),
            Late::Refusal => tally.rejected.add(1),
        }
        self.stop_waiting(&mut conn.session);
        self.answer_late(conn, &answer);
        After::Resume
    }

    /// The time of a blocked connection is up.
    pub(crate) fn on_wait_timeout(&self, conn: &mut Conn<Session>, thread: &Thread) -> After {
        let Some((blocked, _)) = &conn.session.blocked else {
            return After::Stay;
        };
        if !blocked.end(Late::Plain, |reply| reply.null_array()) {
            // it has been served: the message is on its way
            return After::Stay;
        }
        self.on_unblocked(conn, thread)
    }

    /// The connection is gone.
    pub(crate) fn forget_wait(&self, session: &mut Session) {
        if let Some((blocked, _)) = &session.blocked {
            blocked.abandon();
            self.stop_waiting(session);
        }
    }

    /// Takes the connection's command out of all queues.
    fn stop_waiting(&self, session: &mut Session) {
        let Some((blocked, _)) = session.blocked.take() else {
            return;
        };
        let waiting: Arc<dyn Waiting> = blocked.clone();
        for key in blocked.keys() {
            self.keyspace.leave(blocked.database, key, &waiting);
        }
        session.client.show_blocked(None);
        self.blocked.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many connections wait for keys.
#[derive(Debug, Default)]
pub struct BlockedTotals {
    count: AtomicU64,
}

impl BlockedTotals {
    /// How many wait now.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// Does for waiters what the transaction that made them ready could not do: for each such stripe one of these is on its
/// way, until nothing is owed there any more.
pub struct Debts {
    net: Net<Server>,
}

impl Debts {
    /// The service of a network's keyspace.
    pub fn of(net: &Net<Server>) -> Self {
        Self { net: net.clone() }
    }
}

impl WaiterService for Debts {
    fn serve_later(&self, stripe: StripeIndex, needs: StripeIndex) {
        let debt = Arc::new(Debt {
            net: self.net.clone(),
            stripe,
            queued: Mutex::new(None),
        });
        debt.wait_for(needs);
    }
}

/// What is owed to the waiters of one stripe.
pub struct Debt {
    net: Net<Server>,
    stripe: StripeIndex,
    /// The stripe on which it is parked, with its ticket.
    queued: Mutex<Option<(StripeIndex, u64)>>,
}

impl Debt {
    fn queued(&self) -> MutexGuard<'_, Option<(StripeIndex, u64)>> {
        self.queued.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Parks on a stripe, in place of the one on which it is parked now.
    fn wait_for(self: &Arc<Self>, stripe: StripeIndex) {
        let keyspace = &self.net.service().keyspace;
        let mut queued = self.queued();
        if let Some((at, ticket)) = *queued {
            if at == stripe {
                return;
            }
            keyspace.give_up(at, ticket);
        }
        let (ticket, parked) = keyspace.park(stripe, Arc::new(DebtWaker(self.clone())));
        *queued = Some((stripe, ticket));
        if parked == Parked::Free {
            self.net.post_loop(0, Message::Owed(self.clone()));
        }
    }

    /// Does what is owed, or parks on the stripe that is missing.
    pub(crate) fn pay(self: &Arc<Self>, server: &Server, thread: &Thread) {
        let mut queued = self.queued().take();
        let paid = server.keyspace.serve_pending(self.stripe, &mut queued);
        *self.queued() = queued;
        match paid {
            Ok(tally) => thread.count(tally),
            Err(stripe) => self.wait_for(stripe),
        }
    }
}

/// Wakes a debt by mail, as it may not work in the hands of the thread that unlocked.
struct DebtWaker(Arc<Debt>);

impl Wake for DebtWaker {
    fn wake(&self, _: u64) {
        self.0.net.post_loop(0, Message::Owed(self.0.clone()));
    }
}
