//! The Redis protocol, RESP2 and RESP3: an incremental parser of requests and a writer of replies.
//!
//! This crate knows bytes and shapes. It does not know sockets, and no command.
//!
//! * [`RequestParser`] turns what a client sent into [`Args`], slices of the very bytes that were read.
//! * [`Reply`] is the set of shapes an answer can have; [`RespWriter`] makes bytes of them.
//! * [`client`] is the other end of the wire, for tests and tools.

mod args;
pub mod client;
mod inline;
mod reply;
mod request;
mod writer;

pub use args::{Args, ArgsIter};
pub use inline::split_args;
pub use reply::{Protocol, Reply};
pub use request::{
    INLINE_LEN_MAX, Parsed, ProtocolError, Request, RequestLimits, RequestParser,
    UNAUTHENTICATED_ARGS_MAX, UNAUTHENTICATED_BULK_LEN_MAX, read_usual,
};
pub use writer::RespWriter;
