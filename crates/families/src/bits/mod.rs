//! Strings as rows of bits: bit 0 is the highest bit of the first byte.

use perilune_command::Command;

/// The commands of this family.
pub const COMMANDS: &[Command] = &[];
