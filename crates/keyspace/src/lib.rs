//! The keyspace: everything that a command may read or change, and the rules by which many may do so at once.
//!
//! The keys of all databases are cut into [`STRIPE_COUNT`] stripes by their hash. A [`Txn`] locks the stripes
//! of its keys, works, commits, and releases: strict two-phase locking, so every transaction is strictly
//! serializable. Nobody waits while holding: a stripe that cannot be had makes the transaction release all it
//! has and park (see [`gate`]). A transaction that finds out about a key only while it runs *grows*, and is
//! taken back and run again where that fails (see [`txn`]).
//!
//! This crate does not know sockets, files, RESP, or the name of any command.

#![cfg_attr(loom, allow(dead_code, unused_imports))]

mod announce;
mod audit;
mod clock;
mod effects;
mod expire;
pub mod gate;
mod keyspace;
mod limits;
mod plan;
mod queues;
mod reclaim;
mod slot;
mod stripe;
mod sweep;
mod sync;
pub mod txn;
mod undo;
mod usage;
mod waiters;
mod walk;
mod watch;

#[cfg(all(test, not(loom)))]
mod tests;

pub use announce::{Announcement, Announcements, Announcer, EventClass};
pub use clock::{Clock, ManualClock, SystemClock};
pub use effects::{EffectConsumer, EffectUnit, MemoryLog};
pub use expire::{ExpireCycle, ExpireReport};
pub use gate::{Turn, Waiter, Wake};
pub use keyspace::{Counters, DatabaseCounts, KeyAhead, Keyspace, KeyspaceOptions};
pub use plan::{KeyHasher, LockPlan, STRIPE_COUNT, StripeIndex};
pub use reclaim::Reclaiming;
pub use slot::{Detached, Expiry, Slot};
pub use txn::{
    Abort, AccessMode, Fields, Found, ReadTxn, RunTally, Savepoint, Tally, Txn, Unended, WriteTxn,
};
pub use undo::SpareRecord;
pub use usage::Frequency;
pub use waiters::{Served, Service, Wait, Waiting};
pub use watch::{WatchSet, WatchState};
