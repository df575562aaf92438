//! What a thread has in hand while it serves: its own things, and its loop, which it may put down.
//!
//! ```text
//!   on_input:  parse, look up ...  put_down()  [ runs a script for 3 us, or for 3 s ]  take_back()  ... next request
//!                                      |                                                  |
//!                                      +-- after 2 ms a spare thread takes the loop ------+--> false: keep going
//! ```
//!
//! A service that lost its loop notices nothing but a `false`. It goes on with its input, its output and its session;
//! when it returns, the connection is sent home to the loop, wherever that is by then, and the thread becomes a spare.

use crate::conn::Conn;
use crate::core::{Core, Entry};
use crate::net::{Hub, Net, Note};
use crate::service::Service;
use crate::slot::{Held, Lying};

/// One thread serving one loop.
pub struct Turn<'l, S: Service> {
    net: &'l Net<S>,
    loop_index: usize,
    hand: Hand<'l, S>,
    local: &'l mut S::Local,
}

enum Hand<'l, S: Service> {
    /// The loop.
    Holds(Held<'l, Core<S>>),
    /// Nothing, but nobody else may have the loop either.
    Down(Lying),
    /// Nothing: another thread has the loop.
    Lost,
}

impl<'l, S: Service> Turn<'l, S> {
    pub(crate) fn new(
        net: &'l Net<S>,
        loop_index: usize,
        held: Held<'l, Core<S>>,
        local: &'l mut S::Local,
    ) -> Self {
        Turn {
            net,
            loop_index,
            hand: Hand::Holds(held),
            local,
        }
    }

    /// Puts the loop down: from now on this may take as long as it takes. No system call, about 20 ns together with
    /// [`Turn::take_back`]. Nothing happens if it is down or lost already.
    pub fn put_down(&mut self) {
        match std::mem::replace(&mut self.hand, Hand::Lost) {
            Hand::Holds(held) => {
                self.hand = Hand::Down(held.put_down());
                self.net.shared.alarm.notice();
            }
            other => self.hand = other,
        }
    }

    /// Takes the loop back. False if another thread has it by now; then this thread serves its connection to the end
    /// of the batch and no other.
    pub fn take_back(&mut self) -> bool {
        if let Hand::Down(lying) = self.hand {
            let hub: &'l Hub<S> = self.hub();
            self.hand = match hub.slot.take(lying) {
                Some(held) => Hand::Holds(held),
                None => Hand::Lost,
            };
        }
        matches!(self.hand, Hand::Holds(_))
    }

    /// Puts the loop down and runs `work`. The loop stays down, for what is aside next in the same batch: it is taken
    /// back when the batch is over, or by what needs it.
    pub fn aside<R>(&mut self, work: impl FnOnce(&mut S::Local) -> R) -> R {
        self.put_down();
        work(self.local)
    }

    /// The thread's own things.
    pub fn local(&mut self) -> &mut S::Local {
        self.local
    }

    /// The network.
    pub fn net(&self) -> &'l Net<S> {
        self.net
    }

    /// Which loop this is.
    pub fn loop_index(&self) -> usize {
        self.loop_index
    }

    /// Calls `visit` for each connection of the loop that lies in it: not for the one that is being served, nor for those
    /// that other threads serve. Output is sent, and [`Conn::close`] closes. Does nothing if the loop is lost.
    pub fn for_each_conn(&mut self, mut visit: impl FnMut(&mut Conn<S::Session>)) {
        if !self.take_back() {
            return;
        }
        let core = self.core();
        for index in 0..core.entries.places() {
            let Some((key, Entry::Here(conn))) = core.entries.at(index) else {
                continue;
            };
            visit(conn);
            if (conn.unsent() > 0 || conn.ending.is_some()) && !conn.flush_listed {
                conn.flush_listed = true;
                core.flush_list.push(key);
            }
        }
    }

    /// Tells something to a connection of the loop that is not the one being served. If it lies in the loop, `visit` gets
    /// it; its output is sent before the loop sleeps, earlier if it is much, and output limits hold. If another thread has it, it
    /// gets `message` through [`Service::on_message`] when it comes home, in order with what it was told before. False if it is gone, or the loop is lost.
    pub fn reach(
        &mut self,
        id: u64,
        visit: impl FnOnce(&mut Conn<S::Session>),
        message: impl FnOnce() -> S::Message,
    ) -> bool {
        if !self.take_back() {
            return false;
        }
        let (service, now_ms) = (self.service(), self.net.now_ms());
        let core = self.core();
        let Some(&key) = core.by_id.get(&id) else {
            return false;
        };
        let conn = match core.entries.get_mut(key) {
            None => return false,
            Some(Entry::Away(away)) => {
                away.notes.push(Note::Message(message()));
                return true;
            }
            Some(Entry::Here(conn)) => conn,
        };
        if conn.ending.is_some() {
            return false;
        }
        visit(conn);
        conn.relieve(now_ms, |conn| service.output_limits(conn));
        if !conn.flush_listed {
            conn.flush_listed = true;
            core.flush_list.push(key);
        }
        true
    }

    pub(crate) fn hub(&self) -> &'l Hub<S> {
        &self.net.shared.hubs[self.loop_index]
    }

    pub(crate) fn service(&self) -> &'l S {
        &self.net.shared.service
    }

    /// Forgets what a panic may have left crooked.
    pub(crate) fn renew_local(&mut self) {
        *self.local = self.service().local();
    }

    /// The loop, which must be in hand.
    pub(crate) fn core(&mut self) -> &mut Core<S> {
        match &mut self.hand {
            Hand::Holds(held) => held,
            Hand::Down(_) | Hand::Lost => unreachable!("the loop is not in hand"),
        }
    }
}
