//! Strings as rows of bits: bit 0 is the highest bit of the first byte.

mod bitcount;
mod bitfield;
mod bitop;
mod bitpos;
mod getbit;
mod offset;
mod range;
mod setbit;

use perilune_command::Command;

/// The commands of this family.
pub const COMMANDS: &[Command] = &[
    bitcount::BITCOUNT,
    bitfield::BITFIELD,
    bitfield::BITFIELD_RO,
    bitop::BITOP,
    bitpos::BITPOS,
    getbit::GETBIT,
    setbit::SETBIT,
];
