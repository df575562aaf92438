//! Transactions of clients.

mod discard;
mod exec;
mod multi;
mod unwatch;
mod watch;

use crate::table::ServerCommand;

/// The commands of this family.
pub const COMMANDS: &[ServerCommand] = &[
    discard::DISCARD,
    exec::EXEC,
    multi::MULTI,
    unwatch::UNWATCH,
    watch::WATCH,
];
