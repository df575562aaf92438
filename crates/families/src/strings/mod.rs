//! Strings: bytes, integers and counters.

mod get;

use perilune_command::Command;

/// The commands of this family.
pub const COMMANDS: &[Command] = &[get::GET];
