//! Commands about the server.

mod command;
mod config;
mod debug;
mod info;
mod lolwut;
pub mod memory;
mod shutdown;
mod time;

use crate::table::ServerCommand;

/// The commands of this family.
pub const COMMANDS: &[ServerCommand] = &[
    command::COMMAND,
    config::CONFIG,
    debug::DEBUG,
    info::INFO,
    lolwut::LOLWUT,
    shutdown::SHUTDOWN,
    time::TIME,
];
