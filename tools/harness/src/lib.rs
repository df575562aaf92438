//! What the development tools share: a server started on a free port, and a connection to it that waits.
//!
//! The tools look at servers from outside, so nothing here knows what a server is made of: any binary that
//! takes redis-server's arguments will do.

mod connection;
mod server;

pub use connection::{Connection, encode};
pub use perilune_resp::client::Value;
pub use server::Server;
