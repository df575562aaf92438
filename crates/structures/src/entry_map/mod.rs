//! EntryMap: everything that one stripe of the keyspace stores, for all databases.
//!
//! ```text
//!                 tables[db]                    slab                         heap
//!  hash of key -> Table ----> Bucket -----> Handle -> entry: header, key, value -> H (a list, a hash ...)
//!                            64 bytes                one slot of a chunk
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `handle.rs` | the 28-bit address of an entry |
//! | `slab.rs` | the memory of entries: size classes, chunks that grow with what they hold |
//! | `entry.rs` | an entry's bytes |
//! | `heap.rs` | the objects of the layer above, owned by their entries |
//! | `bucket.rs`, `buckets.rs`, `overflow.rs` | the memory of a database's index |
//! | `layout.rs`, `store.rs`, `table.rs` | its hashing: which buckets form a group, the search in a group, growth and scan |
//! | `tables.rs` | one index for each database |
//! | `map.rs`, `change.rs` | the operations on entries |
//! | `database.rs` | the operations on whole databases |
//!
//! A map expects one user at a time (its stripe's lock sees to that), and does as it is told: it knows no time,
//! so an expired entry is an entry, and it does not look for a key before it inserts one.
//!
//! A 16-byte key with a 32-byte value costs 63.8 bytes at 700 to 1900 keys in a map: 56 of slot, 6.8 of table, 1 of
//! chunk headers and slots not yet used; 8 more with an expiry. `tests/memory.rs` measures it.

mod bucket;
mod buckets;
mod change;
mod database;
pub(crate) mod entry;
mod handle;
pub(crate) mod heap;
mod layout;
mod map;
#[cfg(test)]
mod model;
mod overflow;
pub(crate) mod slab;
mod store;
pub(crate) mod table;
mod tables;

pub use database::{Cleared, DetachedDb};
pub use entry::same_key;
pub use handle::Handle;
pub use map::{EntryMap, EntryView, KeyHash, NewEntry, NewPayload, Payload};
pub use table::TableStats;

/// Makes room for one more element: by an eighth, where `Vec` would double. There are thousands of these vectors,
/// all of about one length, so their spare room shows.
fn reserve_tight<T>(vec: &mut Vec<T>) {
    if vec.len() == vec.capacity() {
        vec.reserve_exact(1 + vec.len() / 8);
    }
}
