//! Scripts.

mod eval;
mod evalsha;
mod script;

use crate::table::ServerCommand;

/// The commands of this family.
pub const COMMANDS: &[ServerCommand] = &[
    eval::EVAL,
    eval::EVAL_RO,
    evalsha::EVALSHA,
    evalsha::EVALSHA_RO,
    script::SCRIPT,
];
