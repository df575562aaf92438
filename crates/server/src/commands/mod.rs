//! The server's own commands: connection, pub/sub, transactions, scripts, server.

mod connection;
mod pubsub;
mod scripts;
pub mod server;
mod transactions;

use crate::table::ServerCommand;

/// All families of the server.
pub const FAMILIES: &[&[ServerCommand]] = &[
    connection::COMMANDS,
    pubsub::COMMANDS,
    scripts::COMMANDS,
    server::COMMANDS,
    transactions::COMMANDS,
];
