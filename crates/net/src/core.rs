//! A loop: poller, connections, what is ready, what was posted. An object that a thread has.
//!
//! Everything that must survive a change of threads lies here, down to the events that were fetched from the poller and
//! not yet looked at: events are edge-triggered, so one that is forgotten is a connection that hangs.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::conn::Conn;
use crate::listener::Listener;
use crate::net::{Mail, Note};
use crate::service::Service;
use crate::slab::{Key, Slab};

/// How many events are fetched at once.
const EVENTS_MAX: usize = 1024;
/// Room for mail beyond this is given back after a flood.
const MAILS_KEPT_MAX: usize = 4096;
/// Tokens that are no [`Key`]: keys have a smaller upper half.
pub(crate) const WAKER: Token = Token(usize::MAX);
const LISTENERS: usize = usize::MAX << 32;

/// The socket has bytes, or the client has closed its end.
pub(crate) const READABLE: u8 = 1;
/// The socket has room.
pub(crate) const WRITABLE: u8 = 2;
/// The client has closed its end, or the connection is broken.
pub(crate) const PEER_CLOSED: u8 = 4;

/// Something to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ready {
    Conn(Key, u8),
    Listener(usize),
}

/// A connection, in hand.
pub(crate) type BoxedConn<S> = Box<Conn<<S as Service>::Session>>;

/// A connection's place in its loop.
pub(crate) enum Entry<S: Service> {
    /// It lies here.
    Here(BoxedConn<S>),
    /// A thread has it; what happens to it meanwhile is kept for its return.
    Away(Away<S>),
}

/// What happened to a connection while a thread had it.
pub(crate) struct Away<S: Service> {
    /// Events, as bits.
    pub(crate) missed: u8,
    /// Messages, in order.
    pub(crate) notes: Vec<Note<S>>,
}

impl<S: Service> Away<S> {
    pub(crate) fn new() -> Self {
        Away {
            missed: 0,
            notes: Vec::new(),
        }
    }
}

pub(crate) struct Core<S: Service> {
    poll: Poll,
    events: Events,
    pub(crate) entries: Slab<Entry<S>>,
    pub(crate) by_id: HashMap<u64, Key>,
    pub(crate) ready: VecDeque<Ready>,
    pub(crate) mails: VecDeque<Mail<S>>,
    /// Where the mailbox is emptied into; empty between two rounds.
    pub(crate) inbox: Vec<Mail<S>>,
    /// Connections that got output by other means than their own requests.
    pub(crate) flush_list: Vec<Key>,
    /// When connections have waited long enough, the next first.
    timers: BTreeSet<(Instant, Key)>,
    /// How many connections have output that they could not get rid of.
    pub(crate) blocked_writers: usize,
    /// How many connections have an input buffer of their own.
    pub(crate) input_buffers: usize,
    /// Where the next look at idle connections starts.
    pub(crate) sweep_index: usize,
    pub(crate) listeners: Vec<Listener>,
    /// Accepting failed; try again at the next tick.
    pub(crate) accept_failed: bool,
    pub(crate) finished: bool,
}

impl<S: Service> Core<S> {
    pub(crate) fn new() -> io::Result<(Core<S>, mio::Waker)> {
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKER)?;
        let core = Core {
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            entries: Slab::new(),
            by_id: HashMap::new(),
            ready: VecDeque::new(),
            mails: VecDeque::new(),
            inbox: Vec::new(),
            flush_list: Vec::new(),
            timers: BTreeSet::new(),
            blocked_writers: 0,
            input_buffers: 0,
            sweep_index: 0,
            listeners: Vec::new(),
            accept_failed: false,
            finished: false,
        };
        Ok((core, waker))
    }

    /// Nothing is left to do before the next event or mail.
    pub(crate) fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.mails.is_empty() && self.flush_list.is_empty()
    }

    /// Fetches events, waiting for one if `sleep`.
    pub(crate) fn poll(&mut self, sleep: bool) -> io::Result<()> {
        let timeout = match (sleep, self.timers.first()) {
            (false, _) => Some(Duration::ZERO),
            (true, None) => None,
            (true, Some((deadline, _))) => Some(deadline.saturating_duration_since(Instant::now())),
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            let token = event.token();
            if token == WAKER {
                continue;
            }
            if token.0 >= LISTENERS {
                self.ready.push_back(Ready::Listener(token.0 - LISTENERS));
                continue;
            }
            let mut bits = 0;
            if event.is_readable() || event.is_error() {
                bits |= READABLE;
            }
            if event.is_writable() {
                bits |= WRITABLE;
            }
            if event.is_read_closed() || event.is_error() {
                bits |= PEER_CLOSED;
            }
            self.ready.push_back(Ready::Conn(Key(token.0), bits));
        }
        Ok(())
    }

    /// Makes the timers agree with what a connection waits for.
    pub(crate) fn set_timer(&mut self, key: Key, conn: &mut Conn<S::Session>) {
        let deadline = conn.parking.deadline();
        if deadline == conn.timer {
            return;
        }
        if let Some(old) = std::mem::replace(&mut conn.timer, deadline) {
            self.timers.remove(&(old, key));
        }
        if let Some(deadline) = deadline {
            self.timers.insert((deadline, key));
        }
    }

    /// The timers whose time has come. They stay until the connection is put back.
    pub(crate) fn due_timers(&self) -> Vec<(Instant, Key)> {
        if self.timers.is_empty() {
            return Vec::new();
        }
        let now = Instant::now();
        self.timers
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .copied()
            .collect()
    }

    /// Takes the mail that was collected over into the order of work.
    pub(crate) fn sort_mail(&mut self) {
        if self.mails.is_empty() && self.mails.capacity() > MAILS_KEPT_MAX {
            self.mails = VecDeque::new();
        }
        self.mails.extend(self.inbox.drain(..));
        if self.inbox.capacity() > MAILS_KEPT_MAX {
            self.inbox = Vec::new();
        }
    }

    /// Gives a connection its place. If the poller does not take it, it comes back.
    pub(crate) fn adopt(&mut self, conn: BoxedConn<S>) -> Result<(), (BoxedConn<S>, io::Error)> {
        let (id, fd) = (conn.id(), conn.stream.fd());
        let key = self.entries.insert(Entry::Here(conn));
        let registry = self.poll.registry();
        match registry.register(&mut SourceFd(&fd), Token(key.0), Interest::READABLE) {
            Ok(()) => {
                self.by_id.insert(id, key);
                Ok(())
            }
            Err(error) => match self.entries.remove(key) {
                Some(Entry::Here(conn)) => Err((conn, error)),
                _ => unreachable!("it was put there a moment ago"),
            },
        }
    }

    /// Takes a connection out for a thread to work on. `None` if it is gone or away.
    pub(crate) fn take(&mut self, key: Key) -> Option<BoxedConn<S>> {
        let entry = self.entries.get_mut(key)?;
        match std::mem::replace(entry, Entry::Away(Away::new())) {
            Entry::Here(conn) => Some(conn),
            away => {
                *entry = away;
                None
            }
        }
    }

    /// Watches for room to write, or no more.
    pub(crate) fn watch_writable(
        &mut self,
        key: Key,
        conn: &mut Conn<S::Session>,
    ) -> io::Result<()> {
        let wanted = conn.unsent() > 0 && !conn.held_back;
        if wanted == conn.watches_writable {
            return Ok(());
        }
        let interest = if wanted {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let fd = conn.stream.fd();
        self.poll
            .registry()
            .reregister(&mut SourceFd(&fd), Token(key.0), interest)?;
        conn.watches_writable = wanted;
        if wanted {
            self.blocked_writers += 1;
        } else {
            self.blocked_writers -= 1;
        }
        Ok(())
    }

    /// Counts a connection that `stays` here or leaves among those with an input buffer, or no more.
    pub(crate) fn count_input_buffer(&mut self, conn: &mut Conn<S::Session>, stays: bool) {
        let counts = stays && conn.input.capacity() > 0;
        if counts != conn.input_counted {
            conn.input_counted = counts;
            if counts {
                self.input_buffers += 1;
            } else {
                self.input_buffers -= 1;
            }
        }
    }

    /// Listens on these and closes the former ones.
    pub(crate) fn listen(&mut self, listeners: Vec<Listener>) -> io::Result<()> {
        self.listeners.clear();
        for (index, listener) in listeners.into_iter().enumerate() {
            let fd = listener.fd();
            let token = Token(LISTENERS + index);
            self.poll
                .registry()
                .register(&mut SourceFd(&fd), token, Interest::READABLE)?;
            self.listeners.push(listener);
        }
        Ok(())
    }
}
