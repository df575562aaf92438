//! What a thread does with a loop, round after round, until it loses it or the loop ends.
//!
//! ```text
//!   mail and events are fetched (sleeping if there are none) -> ready connections are served, one after the other
//!        -> mail is handed out -> output that mail caused is sent -> next round
//! ```
//!
//! After everything that calls the service the thread asks whether it still has the loop, and drops everything if not.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::conn::{Conn, Ending, Parking, READ_LEN};
use crate::core::{BoxedConn, Core, Entry, PEER_CLOSED, READABLE, Ready};
use crate::net::{Mail, Net, Note};
use crate::service::{After, CloseReason, Report, Service};
use crate::slab::Key;
use crate::slot::Held;
use crate::turn::Turn;

/// How long a reply may be held back at most for the replies of others, which leave with it (see `Driver::holds_back`).
const HOLD_BACK_TIME: Duration = Duration::from_millis(1);

/// What a thread keeps from loop to loop.
pub(crate) struct Own<S: Service> {
    pub(crate) local: S::Local,
    pub(crate) buffers: Buffers,
}

/// Buffers that connections borrow while they are served.
pub(crate) struct Buffers {
    pub(crate) read: Box<[u8]>,
    /// For output: one that may be big, and small ones for output that is held back.
    pub(crate) out: Vec<Vec<u8>>,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Buffers {
            read: vec![0; READ_LEN].into_boxed_slice(),
            out: Vec::new(),
        }
    }
}

/// A thread with a loop.
pub(crate) struct Driver<'l, S: Service> {
    pub(crate) turn: Turn<'l, S>,
    pub(crate) buffers: &'l mut Buffers,
    /// What is ready and has not been looked at in this round.
    pub(crate) left_in_round: usize,
    /// Since when output has been held back; none is if `None`.
    pub(crate) held_back_since: Option<Instant>,
}

/// The loop is with another thread now, or has ended.
pub(crate) struct Gone;

/// Drives the loop until it is gone.
pub(crate) fn drive<'l, S: Service>(
    net: &'l Net<S>,
    loop_index: usize,
    held: Held<'l, Core<S>>,
    own: &'l mut Own<S>,
) {
    let turn = Turn::new(net, loop_index, held, &mut own.local);
    let mut driver = Driver {
        turn,
        buffers: &mut own.buffers,
        left_in_round: 0,
        held_back_since: None,
    };
    // What the thread before this one held back has waited long enough.
    driver.send_listed();
    while driver.round().is_ok() {}
}

impl<'l, S: Service> Driver<'l, S> {
    fn round(&mut self) -> Result<(), Gone> {
        self.fetch()?;
        // Those that become ready again meanwhile wait until the poller has been asked.
        for left in (0..self.turn.core().ready.len()).rev() {
            self.left_in_round = left;
            match self.turn.core().ready.pop_front() {
                Some(Ready::Conn(key, bits)) => self.on_ready(key, bits),
                Some(Ready::Listener(index)) => self.accept(index),
                None => break,
            }
            self.still_mine()?;
            self.send_overdue();
        }
        for (deadline, key) in self.turn.core().due_timers() {
            self.on_deadline(key, deadline);
            self.still_mine()?;
        }
        while let Some(mail) = self.turn.core().mails.pop_front() {
            self.on_mail(mail);
            self.still_mine()?;
        }
        self.send_listed();
        if self.turn.core().finished {
            Err(Gone)
        } else {
            Ok(())
        }
    }

    fn still_mine(&mut self) -> Result<(), Gone> {
        if self.turn.take_back() {
            Ok(())
        } else {
            Err(Gone)
        }
    }

    fn fetch(&mut self) -> Result<(), Gone> {
        let mut sleep = false;
        if self.turn.core().is_idle() {
            self.call_service(|service, turn| service.before_sleep(turn));
            self.still_mine()?;
            let hub = self.turn.hub();
            sleep = hub.mailbox.collect_or_sleep(&mut self.turn.core().inbox);
        }
        let hub = self.turn.hub();
        let core = self.turn.core();
        let polled = core.poll(sleep);
        if sleep {
            hub.mailbox.awake();
        }
        hub.mailbox.collect(&mut core.inbox);
        core.sort_mail();
        if let Err(error) = polled {
            self.turn.service().report(Report::PollFailed(&error));
        }
        Ok(())
    }

    fn on_ready(&mut self, key: Key, bits: u8) {
        let core = self.turn.core();
        let parking = match core.entries.get_mut(key) {
            None => return,
            Some(Entry::Away(away)) => {
                away.missed |= bits;
                return;
            }
            Some(Entry::Here(conn)) => {
                note_events(conn, bits);
                conn.parking
            }
        };
        let Some(conn) = core.take(key) else { return };
        match parking {
            Parking::None => self.serve(key, conn),
            _ => self.settle(key, conn),
        }
    }

    fn on_mail(&mut self, mail: Mail<S>) {
        match mail {
            Mail::Conn(id, note) => {
                if let Some(&key) = self.turn.core().by_id.get(&id) {
                    self.on_note(key, note);
                }
            }
            Mail::Loop(message) => {
                self.call_service(|service, turn| service.on_loop_message(turn, message));
            }
            Mail::Adopt(conn) => {
                if let Err((conn, error)) = self.turn.core().adopt(conn) {
                    self.bury(conn, CloseReason::Error(error.kind()));
                }
            }
            Mail::Return(key, conn) => self.welcome(key, conn),
            Mail::Listen(listeners) => {
                if let Err(error) = self.turn.core().listen(listeners) {
                    self.turn.service().report(Report::AcceptFailed(&error));
                }
            }
            Mail::Tick => self.on_tick(),
            Mail::Shutdown => self.finish(),
        }
    }

    fn on_note(&mut self, key: Key, note: Note<S>) {
        let core = self.turn.core();
        let conn = match core.entries.get_mut(key) {
            None => return,
            Some(Entry::Away(away)) => {
                away.notes.push(note);
                return;
            }
            Some(Entry::Here(conn)) => conn,
        };
        match note {
            Note::Wake(ticket) => {
                if conn.parking.ticket() == Some(ticket) {
                    conn.parking = Parking::None;
                    core.ready.push_back(Ready::Conn(key, 0));
                }
            }
            Note::Kill => {
                conn.close(CloseReason::Killed);
                self.list_for_output(key);
            }
            Note::Push(bytes) => {
                conn.lend_output(&mut self.buffers.out);
                conn.out.extend_from_slice(&bytes);
                self.list_for_output(key);
            }
            Note::Message(message) => self.hand_over(key, message),
        }
    }

    /// Hands a message to the service together with its connection.
    fn hand_over(&mut self, key: Key, message: S::Message) {
        self.call_with_conn(key, |service, turn, conn| {
            service.on_message(turn, conn, message)
        });
    }

    /// The deadline of a connection has come, unless what it waits for has come meanwhile.
    fn on_deadline(&mut self, key: Key, deadline: Instant) {
        match self.turn.core().entries.get_mut(key) {
            Some(Entry::Here(conn)) if conn.parking.deadline() == Some(deadline) => {
                if let Parking::Wait(ticket, _) = conn.parking {
                    conn.parking = Parking::Wait(ticket, None);
                }
            }
            _ => return,
        }
        self.call_with_conn(key, |service, turn, conn| service.on_timeout(turn, conn));
    }

    /// Calls the service with a connection that may be parked.
    fn call_with_conn(
        &mut self,
        key: Key,
        call: impl FnOnce(&S, &mut Turn<'l, S>, &mut Conn<S::Session>) -> After,
    ) {
        let Some(mut conn) = self.turn.core().take(key) else {
            return;
        };
        conn.lend_output(&mut self.buffers.out);
        let id = conn.id();
        let service = self.turn.service();
        let called = guarded(|| call(service, &mut self.turn, &mut conn));
        match called {
            Ok(After::Stay) => {}
            Ok(After::Resume) => {
                conn.unfinished |= conn.is_parked();
                conn.parking = Parking::None;
            }
            Ok(After::CloseAfterReply) => conn.end_after_output(CloseReason::Service),
            Ok(After::Close) => conn.close(CloseReason::Service),
            Err(panic) => self.on_panic(Some(id), &mut Some(&mut *conn), &*panic),
        }
        self.settle(key, conn);
    }

    /// A connection comes home that a thread had kept; it learns what it has missed.
    fn welcome(&mut self, key: Key, mut conn: BoxedConn<S>) {
        let mut notes = Vec::new();
        if let Some(Entry::Away(away)) = self.turn.core().entries.get_mut(key) {
            note_events(&mut conn, away.missed);
            notes = std::mem::take(&mut away.notes);
        }
        self.settle(key, conn);
        for note in notes {
            // A message may send the connection away again: what is left is kept for its next return.
            self.on_note(key, note);
            if !self.turn.take_back() {
                return;
            }
        }
    }

    pub(crate) fn list_for_output(&mut self, key: Key) {
        let core = self.turn.core();
        if let Some(Entry::Here(conn)) = core.entries.get_mut(key)
            && !conn.flush_listed
        {
            conn.flush_listed = true;
            core.flush_list.push(key);
        }
    }

    /// Sends what is held back, if the first of it has waited for long enough.
    fn send_overdue(&mut self) {
        if self
            .held_back_since
            .is_some_and(|since| since.elapsed() >= HOLD_BACK_TIME)
        {
            self.send_listed();
        }
    }

    fn send_listed(&mut self) {
        self.held_back_since = None;
        let mut list = std::mem::take(&mut self.turn.core().flush_list);
        for key in list.drain(..) {
            if let Some(conn) = self.turn.core().take(key) {
                self.settle(key, conn);
            }
        }
        self.turn.core().flush_list = list;
    }

    fn on_tick(&mut self) {
        self.turn.hub().tick_pending.store(false, Ordering::Relaxed);
        self.sweep();
        if std::mem::take(&mut self.turn.core().accept_failed) {
            for index in 0..self.turn.core().listeners.len() {
                self.accept(index);
            }
        }
        self.call_service(|service, turn| service.on_tick(turn));
    }

    /// Closes everything. Connections that other threads have are closed by them: the mailbox no longer takes them.
    fn finish(&mut self) {
        self.turn.core().listeners.clear();
        for index in 0..self.turn.core().entries.places() {
            let Some((key, _)) = self.turn.core().entries.at(index) else {
                continue;
            };
            if let Some(mut conn) = self.turn.core().take(key) {
                // One attempt to send what is there; then it ends, sent or not.
                let _ = conn.flush();
                conn.close(CloseReason::Shutdown);
                self.settle(key, conn);
            }
        }
        let late = self.turn.hub().mailbox.close();
        let waiting = std::mem::take(&mut self.turn.core().mails);
        for mail in waiting.into_iter().chain(late) {
            if let Mail::Adopt(conn) | Mail::Return(_, conn) = mail {
                self.bury(conn, CloseReason::Shutdown);
            }
        }
        self.turn.core().finished = true;
        self.turn
            .net()
            .shared
            .live_loops
            .fetch_sub(1, Ordering::Release);
        self.turn.net().shared.spares.loop_ended();
    }

    fn call_service(&mut self, call: impl FnOnce(&S, &mut Turn<'l, S>)) {
        let service = self.turn.service();
        if let Err(panic) = guarded(|| call(service, &mut self.turn)) {
            self.on_panic(None, &mut None, &*panic);
        }
    }

    /// Tells the operator, makes new things for the thread, and condemns the connection.
    pub(crate) fn on_panic(
        &mut self,
        conn_id: Option<u64>,
        conn: &mut Option<&mut Conn<S::Session>>,
        panic: &(dyn Any + Send),
    ) {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("(no message)");
        self.turn
            .service()
            .report(Report::Panic { conn_id, message });
        self.turn.renew_local();
        if let Some(conn) = conn {
            conn.ending = Some(Ending::Now(CloseReason::Panic));
        }
    }
}

/// Runs something of the service's. What it may leave half-changed is its own business: the connection is closed.
pub(crate) fn guarded<R>(call: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(call))
}

fn note_events<T>(conn: &mut Conn<T>, bits: u8) {
    conn.readable |= bits & (READABLE | PEER_CLOSED) != 0;
    conn.peer_closed |= bits & PEER_CLOSED != 0;
}
