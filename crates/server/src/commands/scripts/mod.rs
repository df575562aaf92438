//! Scripts and functions.

mod eval;
mod evalsha;
mod fcall;
mod function;
mod script;

use crate::table::ServerCommand;

/// The commands of this family.
pub const COMMANDS: &[ServerCommand] = &[
    eval::EVAL,
    eval::EVAL_RO,
    evalsha::EVALSHA,
    evalsha::EVALSHA_RO,
    fcall::FCALL,
    fcall::FCALL_RO,
    function::FUNCTION,
    script::SCRIPT,
];
