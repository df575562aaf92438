//! Data structures without policy.
//!
//! What lives here knows no time, no IO, no locks and no replies: it stores bytes, finds them again, and says
//! what it costs. Times and hashes come in as numbers, objects of the layers above as a type parameter.
//!
//! | module | holds |
//! |---|---|
//! | [`entry_map`] | [`EntryMap`]: all entries of one stripe of the keyspace, for all databases |
//! | [`intset`] | [`Intset`]: a set of integers as a sorted array, byte-exact with the reference's |
//! | [`listpack`] | [`Listpack`]: strings and integers in one block of bytes, byte-exact with the reference's |
//! | [`quicklist`] | [`QuickList`]: a long list, cut into listpacks as the reference cuts it |
//! | [`field_map`] | [`FieldMap`]: the hash table of one big hash or set |
//! | [`ranked_map`] | [`RankedMap`]: the members of one big sorted set, by member and by rank |
//! | `elements`, `rank_tree` | what these two stand on: a table of elements, a B+tree that counts |
//!
//! `unsafe` is allowed in this crate where it pays. It stands in one file, `cpu.rs`, and touches no memory.

mod corrupt;
mod cpu;
mod elements;
pub mod entry_map;
pub mod field_map;
mod integers;
pub mod intset;
pub mod listpack;
pub mod quicklist;
mod rank_tree;
pub mod ranked_map;
#[cfg(test)]
mod testing;
mod tiered_vec;

pub use corrupt::Corrupt;
pub use cpu::{prefetch, prefetch_bytes};

pub use entry_map::{
    Cleared, DetachedDb, EntryMap, EntryView, Handle, KeyHash, NewEntry, NewPayload, Payload,
    TableStats, same_key,
};
pub use field_map::{FieldExpiry, FieldMap, FieldPlace, FieldRef, Previous};
pub use intset::Intset;
pub use listpack::{At, Excerpt, Item, Listpack};
pub use quicklist::{Fill, QuickList};
pub use ranked_map::{Ranked, RankedMap, Seat};
