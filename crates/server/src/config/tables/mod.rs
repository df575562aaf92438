//! The table of all settings, a file per topic.
//!
//! A setting that gets a meaning loses its `.not_yet()`; a new one is a new line here and nothing else. The ranges are
//! those of the reference, which are the ranges of C's types; they are part of its error texts.

pub mod cluster;
pub mod data;
pub mod memory;
pub mod network;
pub mod persistence;
pub mod replication;
pub mod script;
pub mod security;
pub mod server;
pub mod tls;

use super::Row;

const PORT_MAX: u64 = 65_535;
const INT_MIN: i64 = i32::MIN as i64;
const INT_MAX: u64 = i32::MAX as u64;
const UINT_MAX: u64 = u32::MAX as u64;
const LONG_MAX: u64 = i64::MAX as u64;
const ULONG_MAX: u64 = u64::MAX;
const MIB: i64 = 1 << 20;

/// The rows of all sections.
pub(super) static SECTIONS: [&[Row]; 10] = [
    network::ROWS,
    server::ROWS,
    security::ROWS,
    memory::ROWS,
    script::ROWS,
    data::ROWS,
    persistence::ROWS,
    replication::ROWS,
    cluster::ROWS,
    tls::ROWS,
];

/// Settings of older versions that a file may contain and that mean nothing: they are skipped, and CONFIG does not
/// know them. (`dynamic-hz` is one to Valkey, though still a setting to Redis.)
pub(super) const RETIRED: [&str; 5] = [
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
    "io-threads-do-reads",
    "dynamic-hz",
];
