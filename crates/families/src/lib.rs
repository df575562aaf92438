//! The data commands: a folder per family, a file per command (close variants share one).
//!
//! A file holds everything that is to be said of its command: what it does with an example, its spec, its
//! handler, its tests. The family lists it in one slice. Handlers work on a transaction that holds their keys; they know no locks, no
//! wall clock, no sessions and no files.

mod bits;
#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod generating;
mod hashes;
mod items;
mod keys;
mod lists;
#[cfg(test)]
mod rollback_tests;
mod sampling;
mod scanning;
mod sets;
mod sorted_sets;
mod strings;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod testing;
mod waiting;

use perilune_command::Command;

/// All families.
pub const FAMILIES: &[&[Command]] = &[
    keys::COMMANDS,
    lists::COMMANDS,
    sets::COMMANDS,
    strings::COMMANDS,
    bits::COMMANDS,
    hashes::COMMANDS,
    sorted_sets::COMMANDS,
];
