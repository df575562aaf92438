//! What all threads of a network share, and the handle by which the rest of the server reaches connections.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::alarm::Alarm;
use crate::conn::ConnRef;
use crate::core::{BoxedConn, Core};
use crate::listener::Listener;
use crate::mailbox::Mailbox;
use crate::registry::{ConnStats, Registry};
use crate::service::Service;
use crate::slab::Key;
use crate::slot::Slot;
use crate::spares::Spares;

/// Settings that may change while the network runs.
#[derive(Debug)]
pub struct Settings {
    /// `client-query-buffer-limit`: unparsed input beyond it closes a connection.
    pub input_limit_bytes: AtomicUsize,
    /// `timeout`: idle clients are closed after so many seconds; 0 is never.
    pub idle_timeout_seconds: AtomicU64,
    /// `tcp-keepalive` of connections to come, in seconds; 0 is off.
    pub tcp_keepalive_seconds: AtomicU64,
    /// Tests may stop the housekeeping of connections: nobody is closed for being idle, and no buffer is trimmed.
    pub housekeeping_paused: AtomicBool,
    /// How often [`Service::on_tick`] is called on each loop, in milliseconds.
    pub tick_ms: AtomicU64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            input_limit_bytes: AtomicUsize::new(1024 * 1024 * 1024),
            idle_timeout_seconds: AtomicU64::new(0),
            tcp_keepalive_seconds: AtomicU64::new(300),
            housekeeping_paused: AtomicBool::new(false),
            tick_ms: AtomicU64::new(100),
        }
    }
}

/// What a loop finds in its mailbox.
pub(crate) enum Mail<S: Service> {
    /// For one connection; kept for it while it is away.
    Conn(u64, Note<S>),
    /// For the service, about the loop.
    Loop(S::Message),
    /// A new connection.
    Adopt(BoxedConn<S>),
    /// A connection comes home that a thread kept when it lost the loop.
    Return(Key, BoxedConn<S>),
    /// Listen here from now on, and nowhere else.
    Listen(Vec<Listener>),
    /// Time for housekeeping.
    Tick,
    /// Close everything and end.
    Shutdown,
}

/// What a connection is told.
pub(crate) enum Note<S: Service> {
    Wake(u64),
    Kill,
    Push(Arc<[u8]>),
    Message(S::Message),
}

/// What others see of a loop.
pub(crate) struct Hub<S: Service> {
    pub(crate) slot: Slot<Core<S>>,
    pub(crate) mailbox: Mailbox<Mail<S>, mio::Waker>,
    /// How many connections it has.
    pub(crate) load: AtomicUsize,
    /// A tick has been posted and not yet been worked on.
    pub(crate) tick_pending: AtomicBool,
}

pub(crate) struct Shared<S: Service> {
    pub(crate) service: S,
    pub(crate) settings: Settings,
    pub(crate) hubs: Vec<Hub<S>>,
    pub(crate) alarm: Alarm,
    pub(crate) clock: Clock,
    pub(crate) registry: Registry,
    pub(crate) spares: Spares,
    pub(crate) next_conn_id: AtomicU64,
    pub(crate) stopping: AtomicBool,
    pub(crate) live_loops: AtomicUsize,
    pub(crate) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) thread_name: String,
}

impl<S: Service> Shared<S> {
    pub(crate) fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A clock that the watchdog sets, so that reading it costs nothing. Exact to a tick.
pub(crate) struct Clock {
    start: Instant,
    start_unix_ms: u64,
    now_ms: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let start_unix_ms = since_epoch.as_millis() as u64;
        Clock {
            start: Instant::now(),
            start_unix_ms,
            now_ms: AtomicU64::new(start_unix_ms),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, now: Instant) {
        let elapsed = now.duration_since(self.start).as_millis() as u64;
        self.now_ms
            .store(self.start_unix_ms + elapsed, Ordering::Relaxed);
    }
}

/// The network, from anywhere in the server. Cheap to clone.
///
/// A service that keeps one inside itself keeps the network alive for ever; it gets one with every
/// [`Turn`](crate::Turn) anyway.
pub struct Net<S: Service> {
    pub(crate) shared: Arc<Shared<S>>,
}

impl<S: Service> Clone for Net<S> {
    fn clone(&self) -> Self {
        Net {
            shared: self.shared.clone(),
        }
    }
}

impl<S: Service> Net<S> {
    /// The service.
    pub fn service(&self) -> &S {
        &self.shared.service
    }

    /// Settings that take effect at once.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Milliseconds since 1970 that never go back, exact to about a tick.
    pub fn now_ms(&self) -> u64 {
        self.shared.clock.now_ms()
    }

    /// How many loops there are.
    pub fn loops(&self) -> usize {
        self.shared.hubs.len()
    }

    /// How many connections are live.
    pub fn live(&self) -> usize {
        self.shared.registry.live()
    }

    /// All live connections, in order of their ids.
    pub fn conns(&self) -> Vec<Arc<ConnStats>> {
        self.shared.registry.list()
    }

    /// The live connection with this id.
    pub fn conn(&self, id: u64) -> Option<Arc<ConnStats>> {
        self.shared.registry.get(id)
    }

    /// Ends the parking with this ticket. If the connection is gone or parked with another ticket, nothing happens; if it
    /// has not parked yet because it is still being worked on, it will not park.
    pub fn wake(&self, at: ConnRef, ticket: u64) {
        self.note(at, Note::Wake(ticket));
    }

    /// Hands a message to [`Service::on_message`] for this connection; dropped if it is gone.
    pub fn post(&self, at: ConnRef, message: S::Message) {
        self.note(at, Note::Message(message));
    }

    /// Sends these bytes to the client, between two replies; dropped if it is gone.
    pub fn push(&self, at: ConnRef, bytes: Arc<[u8]>) {
        self.note(at, Note::Push(bytes));
    }

    /// Closes the connection, now or when the thread that works on it is done. True if it was there.
    pub fn kill(&self, id: u64) -> bool {
        let Some(stats) = self.conn(id) else {
            return false;
        };
        stats.set_closing();
        self.note(stats.at(), Note::Kill);
        true
    }

    /// Hands a message to [`Service::on_loop_message`] on that loop.
    pub fn post_loop(&self, loop_index: usize, message: S::Message) {
        self.mail(loop_index, Mail::Loop(message));
    }

    /// Listens on these sockets from now on, and on no others.
    pub fn listen(&self, listeners: Vec<Listener>) {
        self.mail(0, Mail::Listen(listeners));
    }

    fn note(&self, at: ConnRef, note: Note<S>) {
        self.mail(at.loop_index, Mail::Conn(at.id, note));
    }

    fn mail(&self, loop_index: usize, mail: Mail<S>) {
        if let Some(hub) = self.shared.hubs.get(loop_index) {
            // A loop that has ended has no connections left to tell.
            let _ = hub.mailbox.post(mail);
        }
    }
}
