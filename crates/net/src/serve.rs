//! Serving one connection: read, let the service work, send, put it back.
//!
//! The order in which a batch goes through the hands:
//!
//! ```text
//!   read into the thread's buffer -> offer to the service -> keep the rest -> one write -> back into the loop,
//!   again as long as reads come back full, up to a budget          |        or, if the loop is lost, by mail
//! ```
//!
//! A read that comes back short has emptied the socket: the kernel reports what arrives later as a new edge. So one request costs one
//! wait, one read and one write, and never a read that finds nothing.

use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::conn::{Conn, Ending, Input, Parking};
use crate::core::{BoxedConn, Entry, Ready};
use crate::drive::{Driver, guarded};
use crate::net::Mail;
use crate::service::{CloseReason, Flow, Service};
use crate::slab::Key;

/// How often one connection is read before others have their turn.
const READS_PER_TURN: usize = 4;
/// Output below this is sent before limits are asked for.
const LIMITED_OUTPUT_MIN: usize = 16 * 1024;
/// More output than this is not held back.
const HELD_BACK_BYTES_MAX: usize = 16 * 1024;
/// How many bytes a closing connection may still send in vain.
const DISCARD_BYTES_MAX: usize = 1024 * 1024;
/// A sweep looks at this share of all places, so that all have been looked at after as many ticks.
const SWEEP_SHARE: usize = 10;
const SWEEP_MIN: usize = 64;

impl<S: Service> Driver<'_, S> {
    /// Serves a connection that is ready and puts it back.
    pub(crate) fn serve(&mut self, key: Key, mut conn: BoxedConn<S>) {
        conn.lend_output(&mut self.buffers.out);
        self.work(&mut conn);
        if self.holds_back(&conn) && self.turn.take_back() {
            conn.held_back = true;
            self.held_back_since.get_or_insert_with(Instant::now);
            self.place(key, conn);
            self.list_for_output(key);
        } else {
            self.settle(key, conn);
        }
    }

    /// Whether the output waits for that of those who are ready too. A reply that leaves by itself wakes its client's
    /// thread, which has read it and sleeps again before the next is there; several that leave together wake it once. With
    /// scripts of 20 us half of all time went into these wake-ups (12 us of system time for a request instead of 6), and
    /// of a pipelined RPOP or LPUSH it is still 0.03 us of 0.54.
    fn holds_back(&self, conn: &Conn<S::Session>) -> bool {
        self.left_in_round > 0
            && conn.ending.is_none()
            && !conn.watches_writable
            && (1..=HELD_BACK_BYTES_MAX).contains(&conn.unsent())
    }

    fn work(&mut self, conn: &mut Conn<S::Session>) {
        if conn.ending.is_some() {
            return;
        }
        if std::mem::take(&mut conn.unfinished) {
            self.offer(conn, None);
        }
        for _ in 0..READS_PER_TURN {
            let busy = conn.unfinished || conn.ending.is_some();
            if busy || !conn.readable || !self.turn.take_back() {
                return;
            }
            match conn.read(&mut self.buffers.read) {
                Ok(got) if got.len == 0 => {
                    conn.readable = false;
                    return conn.end_after_output(CloseReason::ClientClosed);
                }
                Ok(got) => {
                    conn.readable = got.full || conn.peer_closed;
                    conn.stats.add_in(got.len, self.turn.net().now_ms());
                    self.offer(conn, got.in_scratch.then_some(got.len));
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    conn.readable = false;
                }
                Err(error) => return conn.close(CloseReason::Error(error.kind())),
            }
        }
    }

    /// Offers bytes to the service: so many of the thread's buffer, or else the connection's own.
    fn offer(&mut self, conn: &mut Conn<S::Session>, in_scratch: Option<usize>) {
        conn.expected = 0;
        let own = match in_scratch {
            Some(_) => Vec::new(),
            None => std::mem::take(&mut conn.input),
        };
        let bytes = match in_scratch {
            Some(len) => &self.buffers.read[..len],
            None => own.as_slice(),
        };
        let mut input = Input::new(bytes);
        let turn = &mut self.turn;
        let flow = guarded(|| turn.service().on_input(turn, conn, &mut input));
        let consumed = input.consumed();
        if in_scratch.is_some() {
            if consumed < bytes.len() {
                conn.keep_input(&bytes[consumed..]);
            }
        } else {
            conn.input = own;
            conn.drop_input(consumed);
        }
        match flow {
            Ok(Flow::Continue) => {}
            Ok(Flow::Park(ticket)) => conn.park(Parking::Park(ticket)),
            Ok(Flow::Wait(ticket, deadline)) => conn.park(Parking::Wait(ticket, deadline)),
            Ok(Flow::Yield) => conn.unfinished = true,
            Ok(Flow::CloseAfterReply) => conn.end_after_output(CloseReason::Service),
            Ok(Flow::Close) => conn.close(CloseReason::Service),
            Err(panic) => self.on_panic(Some(conn.id()), &mut Some(&mut *conn), &*panic),
        }
        if conn.stats.is_closing() {
            conn.close(CloseReason::Killed);
        }
        let general = self
            .turn
            .net()
            .settings()
            .input_limit_bytes
            .load(Ordering::Relaxed);
        let limit = if conn.input_limit_bytes == 0 {
            general
        } else {
            general.min(conn.input_limit_bytes)
        };
        if conn.input.len() > limit {
            conn.close(CloseReason::InputLimit);
        }
    }

    /// Sends the output, then puts the connection back into its loop, or closes it.
    pub(crate) fn settle(&mut self, key: Key, mut conn: BoxedConn<S>) {
        conn.held_back = false;
        if conn.unsent() > 0 && !matches!(conn.ending, Some(Ending::Now(_))) {
            self.send(&mut conn);
        }
        if self.turn.take_back() {
            self.place(key, conn);
            return;
        }
        conn.publish_lens();
        if let Err(Mail::Return(_, conn)) = self.turn.hub().mailbox.post(Mail::Return(key, conn)) {
            self.bury(conn, CloseReason::Shutdown);
        }
    }

    fn send(&mut self, conn: &mut Conn<S::Session>) {
        if conn.unsent() >= LIMITED_OUTPUT_MIN && self.over_output_limit(conn) {
            return conn.close(CloseReason::OutputLimit);
        }
        match conn.flush() {
            Ok(true) => conn.over_soft_since_ms = None,
            Ok(false) => {
                if self.over_output_limit(conn) {
                    conn.close(CloseReason::OutputLimit);
                }
            }
            Err(error) => conn.close(CloseReason::Error(error.kind())),
        }
    }

    fn over_output_limit(&mut self, conn: &mut Conn<S::Session>) -> bool {
        let limits = self.turn.service().output_limits(conn);
        conn.over_output_limit(limits, self.turn.net().now_ms())
    }

    /// Puts a connection back; the loop is in hand.
    fn place(&mut self, key: Key, mut conn: BoxedConn<S>) {
        if conn.peer_closed && matches!(conn.parking, Parking::Wait(..)) {
            conn.close(CloseReason::ClientClosed);
        }
        let core = self.turn.core();
        let ended = match conn.ending {
            Some(Ending::Now(reason)) => Some(reason),
            Some(Ending::AfterOutput(reason)) if conn.unsent() == 0 => {
                discard_input(&mut conn, &mut self.buffers.read);
                Some(reason)
            }
            _ => core
                .watch_writable(key, &mut conn)
                .err()
                .map(|e| CloseReason::Error(e.kind())),
        };
        conn.return_output(&mut self.buffers.out);
        if let Some(reason) = ended {
            core.entries.remove(key);
            core.by_id.remove(&conn.id());
            if conn.watches_writable {
                core.blocked_writers -= 1;
            }
            core.count_input_buffer(&mut conn, false);
            conn.parking = Parking::None;
            core.set_timer(key, &mut conn);
            return self.bury(conn, reason);
        }
        core.count_input_buffer(&mut conn, true);
        core.set_timer(key, &mut conn);
        conn.publish_lens();
        // Whether it is still in the list or not: listing it twice does no harm, forgetting it would.
        conn.flush_listed = false;
        if !conn.is_parked() && conn.ending.is_none() && (conn.unfinished || conn.readable) {
            core.ready.push_back(Ready::Conn(key, 0));
        }
        if let Some(entry) = core.entries.get_mut(key) {
            *entry = Entry::Here(conn);
        }
    }

    /// The end of a connection that is in no loop any more.
    pub(crate) fn bury(&mut self, mut conn: BoxedConn<S>, reason: CloseReason) {
        let shared = &self.turn.net().shared;
        shared.registry.leave(conn.id());
        self.turn.hub().load.fetch_sub(1, Ordering::Relaxed);
        let id = conn.id();
        if let Err(panic) = guarded(|| shared.service.on_close(&mut conn, reason)) {
            self.on_panic(Some(id), &mut None, &*panic);
        }
    }

    /// Looks after a share of the connections: those that were idle for too long, those that do not read, and those that
    /// have more room for input than they need.
    pub(crate) fn sweep(&mut self) {
        let settings = self.turn.net().settings();
        let timeout_s = settings.idle_timeout_seconds.load(Ordering::Relaxed);
        let paused = settings.housekeeping_paused.load(Ordering::Relaxed);
        let core = self.turn.core();
        if paused || timeout_s == 0 && core.blocked_writers == 0 && core.input_buffers == 0 {
            return;
        }
        let now_ms = self.turn.net().now_ms();
        let places = self.turn.core().entries.places();
        for _ in 0..places.min((places / SWEEP_SHARE).max(SWEEP_MIN)) {
            let core = self.turn.core();
            core.sweep_index = (core.sweep_index + 1) % places;
            let index = core.sweep_index;
            let Some((key, Entry::Here(conn))) = core.entries.at(index) else {
                continue;
            };
            if conn.input_counted && conn.trim_input(now_ms) {
                core.input_buffers -= usize::from(conn.input.capacity() == 0);
                conn.input_counted = conn.input.capacity() > 0;
                conn.publish_lens();
            }
            let idle_ms = now_ms.saturating_sub(conn.stats.last_active_ms());
            let idle = timeout_s > 0
                && idle_ms > timeout_s * 1000
                && !conn.never_idle
                && !conn.is_parked();
            if !idle && conn.unsent() == 0 {
                continue;
            }
            let Some(mut conn) = core.take(key) else {
                continue;
            };
            if idle {
                conn.close(CloseReason::IdleTimeout);
            } else if self.over_output_limit(&mut conn) {
                conn.close(CloseReason::OutputLimit);
            }
            self.place(key, conn);
        }
    }
}

impl<T> Conn<T> {
    fn park(&mut self, parking: Parking) {
        self.parking = parking;
        self.unfinished = true;
    }

    /// To be closed when the output is sent, unless it is to be closed at once.
    pub(crate) fn end_after_output(&mut self, reason: CloseReason) {
        self.ending.get_or_insert(Ending::AfterOutput(reason));
    }
}

/// Closing a socket with unread bytes resets the connection, and the client might never see the last reply. So what has
/// arrived is read, once the client has been told that this was all.
fn discard_input<T>(conn: &mut Conn<T>, scratch: &mut [u8]) {
    if !conn.readable && conn.input.is_empty() {
        return;
    }
    conn.stream.shutdown_write();
    for _ in 0..DISCARD_BYTES_MAX / scratch.len() {
        match conn.stream.read(scratch) {
            Ok(len) if len > 0 => {}
            _ => return,
        }
    }
}
