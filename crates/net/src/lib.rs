//! Event loops, connections, buffers and back-pressure.
//!
//! This crate moves bytes between sockets and a [`Service`]. It must not know any command or key, and not even the
//! protocol.
//!
//! **The idea: a loop is an object that a thread has, not state of the thread.** A loop is a poller, its connections and its
//! mailbox. Normally each has its thread for ever, and a request is read, executed and answered by one thread without
//! a hand-over. But before the service runs something of unknown length (a script, a walk over a big collection), it *puts its loop
//! down*, and takes it back afterwards: two uncontended atomic operations. If that takes over two milliseconds, a
//! watchdog gives the loop to a spare thread. The old thread keeps what it executes and its one connection, sends that home by
//! mail when it is done, and becomes a spare. So nothing that runs on the server ever stops the other connections,
//! with one loop as with many.
//!
//! ```text
//!              Runtime: N loops, N + spares threads, one watchdog
//!
//!   thread 1 -- Turn -- [ loop 0: poller, connections, ready list ]      <- mailbox <- Net::wake, post, push, kill
//!   thread 2 -- Turn -- [ loop 1 ]
//!   thread 3 -- (lost loop 2, runs a long script for connection 17)
//!   thread 4 -- Turn -- [ loop 2: connection 17 is "away" ]              <- mailbox <- thread 3: connection 17, done
//!   thread 5 -- spare
//! ```
//!
//! What holds everywhere:
//!
//! * A connection is served by one thread at a time, its requests in order.
//! * Events, mail and half-done lists lie in the loop, never on a thread's stack: whoever takes the loop misses nothing.
//! * Idle connections hold no buffers.
//! * A client that closes its end does not cancel the complete commands it has sent; [`Net::kill`] does. Only a wait
//!   ([`Flow::Wait`]) ends with the connection.
//! * While a connection is parked its socket is not read: the kernel's buffer is the limit, and TCP slows the client down.

mod accept;
mod alarm;
mod conn;
mod core;
mod drive;
mod listener;
mod mailbox;
mod net;
mod registry;
mod runtime;
mod serve;
mod service;
mod slab;
mod slot;
mod spares;
mod stream;
mod sync;
mod turn;
mod watchdog;

pub use conn::{Conn, ConnInfo, ConnRef, Input};
pub use listener::{Endpoint, Listener};
pub use net::{Net, Settings};
pub use registry::ConnStats;
pub use runtime::{Config, Runtime};
pub use service::{After, CloseReason, Flow, OutputLimits, Refusal, Report, Service};
pub use stream::Address;
pub use turn::Turn;
