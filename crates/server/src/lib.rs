//! Perilune: a Redis-compatible data server with server-side Lua at its heart.
//!
//! This crate puts the others together. The way of a request:
//!
//! ```text
//! service    bytes of a connection -> requests                     (perilune_net calls it)
//! dispatch   may it run, now, by this client? queue it in MULTI?
//! execute    lock its stripes, run its handler, commit; park where that has to wait
//! commands   the server's own commands; those on data are in perilune_families
//! ```
//!
//! It does not know how a data type works.

mod atomicity;
mod batch;
mod blocking;
mod call;
mod clients;
mod commands;
pub mod config;
mod dispatch;
mod execute;
mod functions;
mod info;
pub mod log;
mod memory;
mod pause;
mod pubsub;
mod running;
mod scripting;
pub mod server;
mod service;
mod session;
pub mod start;
mod stats;
mod table;
mod transactions;

pub use config::{NAME, REDIS_VERSION, VERSION};
pub use table::registry;
