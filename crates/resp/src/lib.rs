//! The Redis protocol, RESP2 and RESP3: an incremental parser of requests and a writer of replies.
//!
//! This crate knows bytes and shapes. It does not know sockets, and no command.

mod reply;

pub use reply::{Protocol, Reply};
