//! The data commands, one file each.
