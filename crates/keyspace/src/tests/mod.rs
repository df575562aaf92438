//! The engine as a whole, on a clock that stands still until it is told to move.

mod announce;
mod contention;
mod effects;
mod expiry;
mod fields;
mod reclaim;
mod record;
mod transactions;
mod undo;
mod waiting;
mod walks;
mod watching;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use perilune_value::Set;

use crate::plan::{KeyHasher, LockPlan, StripeIndex};
use crate::stripe::StripeData;
use crate::{
    Abort, Expiry, Keyspace, KeyspaceOptions, ManualClock, MemoryLog, ReadTxn, Txn, Wake, WriteTxn,
};

/// When the tests begin, in milliseconds since 1970.
pub const START_MS: i64 = 1_000_000;

/// A keyspace with its clock and a consumer of its effects.
pub struct World {
    pub keyspace: Keyspace,
    pub clock: Arc<ManualClock>,
    pub log: Arc<MemoryLog>,
}

impl World {
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::at_ms(START_MS));
        let keyspace = Keyspace::new(KeyspaceOptions {
            clock: Box::new(clock.clone()),
            hasher: KeyHasher::with_seed(7),
            ..KeyspaceOptions::default()
        });
        Self {
            keyspace,
            clock,
            log: Arc::default(),
        }
    }

    /// A new world whose effects are kept.
    pub fn logging() -> Self {
        let world = Self::new();
        world.keyspace.set_effect_consumer(Some(world.log.clone()));
        world
    }

    /// A transaction that holds nothing yet and records.
    pub fn recording(&self) -> Txn<'_> {
        let mut txn = Txn::begin(&self.keyspace, 0);
        txn.record();
        txn
    }

    /// A transaction that holds the stripes of these keys.
    pub fn locked(&self, keys: &[&str]) -> Txn<'_> {
        let mut txn = Txn::begin(&self.keyspace, 0);
        let plan = LockPlan::of(keys.iter().map(|key| self.stripe_of(key)));
        assert_eq!(txn.lock(&plan, &mut None), Ok(()));
        txn
    }

    pub fn stripe_of(&self, key: &str) -> StripeIndex {
        self.keyspace.stripe_of(key.as_bytes())
    }

    /// Sets a key of database 0 in a transaction of its own.
    pub fn set(&self, key: &str, value: &str, expiry: Expiry) {
        let mut txn = self.locked(&[key]);
        set(&mut txn, key, value, expiry);
        txn.commit();
    }

    /// Sets a key that expires in `ms` milliseconds.
    pub fn set_for(&self, key: &str, value: &str, ms: i64) {
        self.set(key, value, Expiry::At(self.keyspace.clock().unix_ms() + ms));
    }

    /// The live value of a key of database 0.
    pub fn get(&self, key: &str) -> Option<String> {
        let mut txn = self.locked(&[key]);
        let value = read(&mut txn, key);
        txn.commit();
        value
    }

    /// All units that have gone to the log, as words.
    pub fn effects(&self) -> Vec<Vec<String>> {
        let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let line = |(db, arguments): (usize, Vec<&[u8]>)| {
            format!(
                "{db}: {}",
                arguments
                    .into_iter()
                    .map(word)
                    .collect::<Vec<_>>()
                    .join(" ")
            )
        };
        self.log
            .units()
            .iter()
            .map(|(_, unit)| unit.commands().map(line).collect())
            .collect()
    }

    /// Enters every stripe in turn. Nobody may hold one.
    pub fn each_stripe(&self, visit: impl FnMut(usize, &StripeData)) {
        self.keyspace.each_stripe(visit);
    }

    /// All entries, stale ones too: database, key, value, encoding, expiry, access.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.each_stripe(|_, data| {
            for database in 0..self.keyspace.database_count() {
                data.map.iterate(database, |handle| {
                    let found = crate::Found {
                        map: &data.map,
                        handle,
                    };
                    entries.push(Entry {
                        database,
                        key: text(found.key()),
                        value: shown(found),
                        members: members(found),
                        encoding: found.encoding_name(),
                        expire_at_ms: found.expire_at_ms(),
                        access: found.access(),
                    });
                });
            }
        });
        entries.sort();
        entries
    }

    /// Compares every figure that is kept on the way with what is there.
    pub fn audit(&self) {
        self.keyspace.audit();
    }
}

/// One entry, with everything that a client can see of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub database: usize,
    pub key: String,
    /// A string as it is, a set as its debug output.
    pub value: String,
    /// The members of a set.
    pub members: Option<BTreeSet<String>>,
    pub encoding: &'static str,
    pub expire_at_ms: Option<i64>,
    pub access: u32,
}

/// A value as the tests compare it.
pub fn shown(found: crate::Found<'_>) -> String {
    match found.text() {
        Ok(value) => text(value.bytes(&mut itoa::Buffer::new())),
        Err(_) => format!("{:?}", found.object()),
    }
}

/// The members of a set; none of another value.
pub fn members(found: crate::Found<'_>) -> Option<BTreeSet<String>> {
    let set = found.collection::<Set>().ok()?;
    let mut members = BTreeSet::new();
    set.iter().for_each(|member| {
        members.insert(text(&member.to_vec()));
    });
    Some(members)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn set(txn: &mut Txn<'_>, key: &str, value: &str, expiry: Expiry) {
    let done = WriteTxn::new(txn)
        .slot(key.as_bytes())
        .and_then(|mut slot| slot.set(value.as_bytes(), expiry));
    assert_eq!(done, Ok(()));
}

/// As the server runs a command: with its effect.
pub fn set_command(txn: &mut Txn<'_>, key: &str, value: &str) {
    let (start, database) = (txn.start_command(), txn.database());
    set(txn, key, value, Expiry::Clear);
    txn.end_command(start, database, &[b"SET", key.as_bytes(), value.as_bytes()]);
}

pub fn delete(txn: &mut Txn<'_>, key: &str) -> bool {
    let deleted = WriteTxn::new(txn)
        .slot(key.as_bytes())
        .and_then(|mut slot| slot.delete());
    deleted.expect("the stripe can be had")
}

pub fn read(txn: &mut Txn<'_>, key: &str) -> Option<String> {
    let mut txn = ReadTxn::new(txn);
    let found = txn.find(key.as_bytes()).expect("the stripe can be had");
    found.map(|found| {
        text(
            found
                .text()
                .expect("a string")
                .bytes(&mut itoa::Buffer::new()),
        )
    })
}

pub fn try_read(txn: &mut Txn<'_>, key: &str) -> Result<bool, Abort> {
    ReadTxn::new(txn)
        .find(key.as_bytes())
        .map(|found| found.is_some())
}

/// Somebody parked: counts how often they are woken, and remembers the last ticket.
#[derive(Default)]
pub struct Sleeper {
    pub woken: AtomicU64,
    pub ticket: AtomicU64,
}

impl Wake for Sleeper {
    fn wake(&self, ticket: u64) {
        self.ticket.store(ticket, Ordering::SeqCst);
        self.woken.fetch_add(1, Ordering::SeqCst);
    }
}
