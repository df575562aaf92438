//! The server's own commands: connection, transactions, scripts, server.

mod connection;
mod scripts;
pub mod server;
mod transactions;

use crate::table::ServerCommand;

/// All families of the server.
pub const FAMILIES: &[&[ServerCommand]] = &[
    connection::COMMANDS,
    scripts::COMMANDS,
    server::COMMANDS,
    transactions::COMMANDS,
];
