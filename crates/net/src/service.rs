//! What the server plugs into the network.
//!
//! The network moves bytes and keeps the order of things; a [`Service`] says what the bytes mean. Its methods are called
//! by the thread that has the connection's loop, with the connection taken out of the loop, so that the loop may be put
//! down ([`Turn::put_down`]) at any point of them.

use std::io;
use std::time::Instant;

use crate::conn::{Conn, ConnInfo, Input};
use crate::turn::Turn;

/// The server, as the network sees it.
pub trait Service: Send + Sync + Sized + 'static {
    /// What the server keeps for each connection.
    type Session: Send;
    /// What each thread has for itself, such as a virtual machine. Made on the thread that uses it, and never leaves it.
    type Local;
    /// What the server's threads tell a connection or a loop through its mailbox.
    type Message: Send;

    /// Makes a thread's own things, when the thread starts and again after a panic.
    fn local(&self) -> Self::Local;

    /// Greets a new connection, or refuses it.
    fn accept(&self, info: &ConnInfo) -> Result<Self::Session, Refusal>;

    /// Executes as many complete requests as there are, consuming their bytes and appending the replies to `conn.out`.
    fn on_input(
        &self,
        turn: &mut Turn<'_, Self>,
        conn: &mut Conn<Self::Session>,
        input: &mut Input<'_>,
    ) -> Flow;

    /// A message for this connection has come; it may be parked.
    fn on_message(
        &self,
        turn: &mut Turn<'_, Self>,
        conn: &mut Conn<Self::Session>,
        message: Self::Message,
    ) -> After;

    /// A connection has waited until its deadline ([`Flow::Wait`]). It goes on waiting, without a deadline, where this
    /// answers [`After::Stay`].
    fn on_timeout(&self, turn: &mut Turn<'_, Self>, conn: &mut Conn<Self::Session>) -> After {
        let _ = (turn, conn);
        After::Resume
    }

    /// A message for a loop as a whole has come.
    fn on_loop_message(&self, turn: &mut Turn<'_, Self>, message: Self::Message) {
        let _ = (turn, message);
    }

    /// The connection is about to be dropped. Its session is taken out of whatever it was entered in here.
    fn on_close(&self, conn: &mut Conn<Self::Session>, reason: CloseReason) {
        let _ = (conn, reason);
    }

    /// Called on every loop about every [`Settings::tick_ms`](crate::Settings).
    fn on_tick(&self, turn: &mut Turn<'_, Self>) {
        let _ = turn;
    }

    /// The loop has nothing to do and will sleep afterwards: a moment for what can wait, if it is short.
    fn before_sleep(&self, turn: &mut Turn<'_, Self>) {
        let _ = turn;
    }

    /// How much unread output the connection may have. Asked when some could not be sent at once, or much is to be sent.
    fn output_limits(&self, conn: &Conn<Self::Session>) -> OutputLimits {
        let _ = conn;
        OutputLimits::default()
    }

    /// Something happened that an operator should know.
    fn report(&self, report: Report<'_>) {
        let _ = report;
    }
}

/// What is to become of a connection after its input was offered to the service.
///
/// In every case the output so far is sent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// No complete request is left: come again with more bytes.
    Continue,
    /// A request cannot go on until [`Net::wake`](crate::Net::wake) comes with this ticket; then it is offered again, with all bytes that were not
    /// consumed. It goes on even if the client has closed its end meanwhile: a complete command is not cancelled.
    Park(u64),
    /// Like [`Flow::Park`], but the client merely waits for something: if it closes its end, the wait is over and the
    /// connection is closed. At the deadline, if there is one, [`Service::on_timeout`] is called.
    Wait(u64, Option<Instant>),
    /// There is more to do; let others have their turn, then offer what was not consumed.
    Yield,
    /// Send the output and close; the input that is left does not matter any more.
    CloseAfterReply,
    /// Close at once.
    Close,
}

/// What is to become of a connection after it got a message. Output that the message caused is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing changes; parked stays parked.
    Stay,
    /// If it is parked, this ends it: offer the input again.
    Resume,
    /// Send the output and close.
    CloseAfterReply,
    /// Close at once.
    Close,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed its end and everything it had sent was answered, or it was only waiting.
    ClientClosed,
    /// Reading or writing failed.
    Error(io::ErrorKind),
    /// The service wanted it.
    Service,
    /// [`Net::kill`](crate::Net::kill).
    Killed,
    /// It was idle for too long.
    IdleTimeout,
    /// Unparsed input beyond the query buffer limit.
    InputLimit,
    /// The client does not read its output.
    OutputLimit,
    /// The service panicked while serving it.
    Panic,
    /// The runtime ends.
    Shutdown,
}

/// Bytes to send to a client who may not come in; then it is closed.
#[derive(Debug, Clone)]
pub struct Refusal(pub Vec<u8>);

/// How much unread output is too much. Zero means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Closed at once at so many bytes.
    pub hard_bytes: u64,
    /// Closed when it stays at or above so many bytes ...
    pub soft_bytes: u64,
    /// ... for longer than this.
    pub soft_seconds: u64,
}

/// What an operator should know.
#[derive(Debug)]
pub enum Report<'a> {
    /// The service panicked; its connection is closed, its loop lives on.
    Panic {
        /// The connection, where there is one.
        conn_id: Option<u64>,
        /// What the panic said.
        message: &'a str,
    },
    /// A connection could not be accepted, for example for want of file descriptors. Tried again at the next tick.
    AcceptFailed(&'a io::Error),
    /// A loop should change threads but all spare threads are busy: its connections wait until one is free or its
    /// command ends.
    SparesExhausted,
    /// A spare thread could not be started.
    SpawnFailed(&'a io::Error),
    /// A loop's poller failed.
    PollFailed(&'a io::Error),
}
