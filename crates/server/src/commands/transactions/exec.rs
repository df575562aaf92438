//! `EXEC` runs the queued commands as one transaction. If a watched key has changed it runs none and answers null.
//!
//! How it runs is in `execute.rs`.

use crate::table::{Handler, ServerCommand};
use perilune_command::{Command, Flags, Group, Spec};

/// EXEC.
pub const EXEC: ServerCommand = Command::new(
    Spec {
        name: "exec",
        summary: "Executes all commands in a transaction.",
        group: Group::Transactions,
        since: "1.2.0",
        complexity: "Depends on commands in the transaction",
        arity: 1,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::SKIP_COMMANDLOG),
        ..Spec::DEFAULT
    },
    Handler::Exec,
);
