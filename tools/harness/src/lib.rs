//! What the development tools and the tests of the server share: ports, a server on one of them, and a connection to
//! it that waits.
//!
//! The tools look at servers from outside, so nothing here knows what a server is made of: any binary that
//! takes redis-server's arguments will do.

mod connection;
pub mod port;
mod server;

pub use connection::{Connection, encode};
pub use perilune_resp::client::Value;
pub use server::Server;
