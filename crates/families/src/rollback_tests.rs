//! Random transactions that are taken back, over all commands of the table: nothing is left of them.
//!
//! ```text
//!   a world: keys of all types, some of which expire; somebody watches, somebody waits
//!     -> a transaction of random calls, with savepoints on the way    recorded
//!     -> roll back                                                    everything must be as it was
//!     -> perhaps the same calls again, committed, and on a twin that has never rolled back: both must be the same
//! ```
//!
//! Each world has its seed, which is printed where it fails; `PERILUNE_ROLLBACK_SEED=<seed>` runs that world alone, and
//! `PERILUNE_ROLLBACK_WORLDS=<number>` so many of them. `PERILUNE_TEST_SEED` is the first one's, or `random`. What is not in the table cannot be forgotten: the test fails if
//! some writing command has not changed anything in all of the worlds.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use perilune_command::{Access, DataHandler, Entry, Registry, Stop};
use perilune_keyspace::{
    Announcements, Announcer, EffectConsumer, EffectUnit, EventClass, ExpireCycle, KeyHasher,
    Keyspace, KeyspaceOptions, LockPlan, ManualClock, ReadTxn, Served, Txn, Waiting, WatchSet,
};
use perilune_resp::{Protocol, RespWriter};
use perilune_value::{Hash, Limits};

use crate::generating::{Call, Generator, KEYS_PER_TYPE_MAX};
use crate::testing::{
    Key, START_MS, is_random, lossy, registry, shown_effects, shown_events, state, state_in,
};

/// Worlds in a run of all tests, and how many more there may be until each command has done something.
const WORLDS: u64 = 50;
const WORLDS_MAX: u64 = 400;

/// Transactions in each.
const TRANSACTIONS: usize = 60;

const CALLS_MAX: usize = 14;
const DATABASES: usize = 3;

/// A world with fewer keys is filled up.
const KEYS_MIN: usize = 12;

/// Changes of encoding that must be among those that are taken back.
const CONVERSIONS: &[(&str, &str)] = &[
    ("int", "raw"),
    ("embstr", "raw"),
    ("intset", "listpack"),
    ("intset", "hashtable"),
    ("listpack", "hashtable"),
    ("listpack", "listpackex"),
    ("listpackex", "hashtable"),
    ("listpack", "quicklist"),
    ("quicklist", "listpack"),
    ("listpack", "skiplist"),
    ("skiplist", "listpack"),
    ("hashtable", "listpack"),
];

#[test]
fn whatever_a_transaction_did_can_be_taken_back() {
    let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().expect("a number"));
    let mut seen = Seen::default();
    if let Some(seed) = number("PERILUNE_ROLLBACK_SEED") {
        return World::new(seed).run(&mut seen);
    }
    let worlds = number("PERILUNE_ROLLBACK_WORLDS").unwrap_or(WORLDS);
    let first = first_seed();
    println!("PERILUNE_TEST_SEED={first}");
    let registry = registry();
    for world in 0.. {
        let idle: Vec<&str> = writing(&registry)
            .map(|entry| entry.full_name.as_str())
            .filter(|name| !seen.effective.contains(*name))
            .collect();
        let missing: Vec<_> = CONVERSIONS
            .iter()
            .filter(|conversion| !seen.conversions.contains(conversion))
            .collect();
        if world >= worlds {
            if idle.is_empty() && missing.is_empty() {
                break;
            }
            assert!(
                world < WORLDS_MAX,
                "never did anything: {idle:?}; never seen: {missing:?}"
            );
        }
        World::new(first + world).run(&mut seen);
    }
}

/// Undo keeps the inverses of its changes, up to some, and then copies it.
#[test]
fn a_packed_sorted_set_that_is_long_comes_back_byte_for_byte() {
    const WORLDS: u64 = 8;
    const MEMBERS: usize = 60;
    let first = first_seed();
    for seed in first..first + WORLDS {
        let mut world = World::new(seed);
        let limits = Limits {
            zset_max_listpack_entries: MEMBERS + 3,
            ..Limits::default()
        };
        world.keyspace.set_limits(limits);
        world.twin.set_limits(limits);
        let call = |text: String| -> Call { text.split(' ').map(|word| word.into()).collect() };
        let elements: Vec<String> = (0..MEMBERS).map(|i| format!("{i} member:{i}")).collect();
        let fill = [
            "DEL z0 z1".into(),
            format!("ZADD z0 {}", elements.join(" ")),
            "COPY z0 z0 DB 1 REPLACE".into(),
            "COPY z0 z0 DB 2 REPLACE".into(),
        ];
        for _ in 0..TRANSACTIONS {
            world.commit(&fill.clone().map(call));
            let mut calls = Vec::new();
            for _ in 0..world.actor.generator.random.usize(1..=CALLS_MAX) {
                let random = &mut world.actor.generator.random;
                let (some, other) = (random.usize(..2 * MEMBERS), random.usize(..MEMBERS));
                calls.push(call(match random.u8(..14) {
                    0..4 => format!("ZADD z0 {other} member:{some}"),
                    4 => format!("ZADD z0 0.{some} member:{other} {some} member:{some}"),
                    5 => format!("ZINCRBY z0 {some} member:{other}"),
                    6 => format!("ZREM z0 member:{some} member:{other}"),
                    7 => format!("ZREMRANGEBYSCORE z0 -inf {}", some % 9),
                    8 => format!("ZREMRANGEBYRANK z0 {other} {some}"),
                    9 => format!("ZPOPMAX z0 {}", some % 4),
                    10 => format!("PEXPIRE z0 {}", some * 100),
                    11 => "RENAME z0 z1".into(),
                    12 => "RENAME z1 z0".into(),
                    _ => format!("ZRANGESTORE z0 z0 {} -1", some % 4),
                }));
            }
            world.take_back(&calls, &mut Seen::default());
        }
    }
}

/// Where the seeds of a run begin: `PERILUNE_TEST_SEED`, which `.ci/run` draws from the commit.
fn first_seed() -> u64 {
    match std::env::var("PERILUNE_TEST_SEED").as_deref() {
        Ok("random") => fastrand::u64(..u64::MAX / 2),
        Ok(seed) => seed.parse().expect("a number, or `random`"),
        Err(_) => 1,
    }
}

fn writing(registry: &Registry<DataHandler>) -> impl Iterator<Item = &Entry<DataHandler>> {
    let writes = |entry: &&Entry<DataHandler>| entry.access() == Some(Access::Write);
    registry.entries().iter().filter(writes)
}

/// What has been taken back in all worlds.
#[derive(Default)]
struct Seen {
    /// Commands that had changed something.
    effective: BTreeSet<String>,
    /// Encodings that keys had, and had got.
    conversions: BTreeSet<(&'static str, &'static str)>,
}

/// Hears all that leaves the keyspace.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Ear {
    /// What has been heard since the last time, line by line.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics here"))
    }

    fn hear(&self, lines: &str) {
        let lines = lines.lines().map(str::to_owned);
        self.0.lock().expect("nobody panics here").extend(lines);
    }
}

impl EffectConsumer for Ear {
    fn consume(&self, _sequence: u64, unit: &EffectUnit) {
        self.hear(&shown_effects(unit));
    }
}

impl Announcer for Ear {
    fn announce(&self, announcements: &Announcements) {
        self.hear(&shown_events(announcements));
    }
}

/// Waits for a key, and notes when it is its turn.
struct Bystander {
    number: usize,
    database: usize,
    key: Vec<u8>,
    type_name: &'static str,
    served: Arc<Mutex<Vec<usize>>>,
}

impl Waiting for Bystander {
    fn serve(&self, _txn: &mut Txn<'_>) -> Served {
        self.served
            .lock()
            .expect("nobody panics here")
            .push(self.number);
        Served::Done
    }

    fn deliver(&self) {}

    fn database(&self) -> usize {
        self.database
    }

    fn type_name(&self) -> &'static str {
        self.type_name
    }
}

/// Makes calls and runs them, and tells which they were where something fails.
struct Actor {
    seed: u64,
    registry: Registry<DataHandler>,
    generator: Generator,
    calls: Vec<String>,
}

impl Drop for Actor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("PERILUNE_ROLLBACK_SEED={}", self.seed);
            self.calls.iter().for_each(|call| eprintln!("  {call}"));
        }
    }
}

impl Actor {
    fn some_call(&mut self) -> Call {
        let entries: Vec<&Entry<DataHandler>> = match self.generator.random.u8(..10) {
            0 | 1 => return self.generator.filling(),
            2 => {
                let reads = |entry: &&Entry<DataHandler>| entry.access() == Some(Access::Read);
                self.registry.entries().iter().filter(reads).collect()
            }
            _ => writing(&self.registry).collect(),
        };
        let entry = entries[self.generator.random.usize(..entries.len())];
        self.generator.call(entry)
    }

    /// The command of a call, if it is one at all.
    fn entry(&self, call: &[Vec<u8>]) -> Option<&Entry<DataHandler>> {
        let arguments: Vec<&[u8]> = call.iter().map(|word| &word[..]).collect();
        self.registry.resolve(&arguments).ok()
    }

    /// Runs one call in a transaction. Whether it has changed something.
    fn call(&mut self, txn: &mut Txn<'_>, call: &[Vec<u8>]) -> bool {
        let arguments: Vec<&[u8]> = call.iter().map(|word| &word[..]).collect();
        self.note(&format!(
            "{} (database {})",
            lossy(&call.join(&b' ')),
            txn.database()
        ));
        let Ok(entry) = self.registry.resolve(&arguments) else {
            return false;
        };
        let Some(handler) = entry.handler else {
            unreachable!("the table resolves no call to a container");
        };
        let mut answer = Vec::new();
        let (start, database) = (txn.start_command(), txn.database());
        let mut reply = RespWriter::new(&mut answer, Protocol::Resp3);
        match handler.run(txn, entry, &arguments, &mut reply) {
            Ok(()) => {}
            Err(Stop::Error(_)) => assert_eq!(txn.changes(), start, "an error after a change"),
            Err(Stop::Abort) => panic!("an abort though nobody else is here"),
        }
        txn.end_command(start, database, &arguments);
        if let (Some(b'$'), b"DUMP") = (answer.first(), arguments[0]) {
            let payload = answer.splitn(2, |byte| *byte == b'\n').nth(1);
            let payload = payload.and_then(|payload| payload.strip_suffix(b"\r\n"));
            self.generator.payloads.extend(payload.map(<[u8]>::to_vec));
        }
        txn.changes() > start
    }

    fn note(&mut self, what: &str) {
        self.calls.push(what.to_owned());
    }
}

struct World {
    keyspace: Keyspace,
    /// Has had the same transactions, but for those that were taken back.
    twin: Keyspace,
    clock: Arc<ManualClock>,
    ear: Arc<Ear>,
    actor: Actor,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = fastrand::Rng::with_seed(seed);
        let clock = Arc::new(ManualClock::at_ms(START_MS));
        let open = || {
            Keyspace::new(KeyspaceOptions {
                databases: DATABASES,
                clock: Box::new(clock.clone()),
                hasher: KeyHasher::with_seed(seed),
                ..KeyspaceOptions::default()
            })
        };
        let (keyspace, twin) = (open(), open());
        // so low that a few calls lead beyond them and back
        let mut few = || random.usize(2..12);
        let limits = Limits {
            hash_max_listpack_entries: few(),
            list_max_listpack_size: few() as i32,
            set_max_intset_entries: few(),
            set_max_listpack_entries: few(),
            zset_max_listpack_entries: few(),
            hash_max_listpack_value: 20,
            set_max_listpack_value: 20,
            zset_max_listpack_value: 20,
            ..Limits::default()
        };
        keyspace.set_limits(limits);
        twin.set_limits(limits);
        let ear = Arc::new(Ear::default());
        keyspace.set_effect_consumer(Some(ear.clone()));
        keyspace.set_event_classes(EventClass::ALL);
        assert!(keyspace.set_announcer(ear.clone()));
        World {
            keyspace,
            twin,
            clock,
            ear,
            actor: Actor {
                seed,
                registry: registry(),
                generator: Generator {
                    random,
                    now_ms: START_MS,
                    databases: DATABASES,
                    keys_per_type: KEYS_PER_TYPE_MAX,
                    payloads: Vec::new(),
                },
                calls: Vec::new(),
            },
        }
    }

    fn run(mut self, seen: &mut Seen) {
        for _ in 0..TRANSACTIONS {
            self.actor.calls.clear();
            if state(&self.keyspace).len() < KEYS_MIN {
                let filling = (0..2 * KEYS_MIN).map(|_| self.actor.generator.filling());
                let filling: Vec<Call> = filling.collect();
                self.commit(&filling);
            }
            match self.actor.generator.random.u8(..6) {
                0 | 1 => self
                    .clock
                    .advance_ms(self.actor.generator.random.i64(1..60)),
                2 => expire_all(&self.keyspace),
                _ => {}
            }
            self.actor.generator.now_ms = self.keyspace.clock().unix_us() / 1000;
            let generator = &mut self.actor.generator;
            generator.keys_per_type = generator.random.u32(1..=KEYS_PER_TYPE_MAX);
            let count = generator.random.usize(1..=CALLS_MAX);
            let calls: Vec<Call> = (0..count).map(|_| self.actor.some_call()).collect();
            self.actor.generator.keys_per_type = KEYS_PER_TYPE_MAX;
            self.take_back(&calls, seen);
            if self.actor.generator.random.bool() {
                self.commit(&calls);
            }
        }
        self.end();
    }

    /// Runs calls in a transaction and takes it back; looks for what it has left.
    fn take_back(&mut self, calls: &[Call], seen: &mut Seen) {
        let before = state(&self.keyspace);
        let (stale, counts) = (stale(&self.keyspace), self.counts());
        let expired = self.expired();
        let watched = self.watch(&before, &stale);
        let served = Arc::<Mutex<Vec<usize>>>::default();
        let bystanders = self.bystanders(&before, &served);
        self.ear.take();

        self.attempt(calls, &before, seen);

        self.keyspace.audit();
        let after = state(&self.keyspace);
        assert_eq!(told(&after), told(&before), "rolled back");
        assert!(
            after == before,
            "rolled back: the order of what is packed, or the nodes of a list"
        );
        for line in self.ear.take() {
            assert!(stale.told.contains(&line), "left the transaction: {line}");
        }
        if stale.told.is_empty() {
            assert_eq!(
                self.counts(),
                counts,
                "keys, those that expire, hashes with fields that do"
            );
            assert_eq!(self.expired(), expired, "keys and fields that have expired");
        }
        let mut looks = Txn::begin(&self.keyspace, 0);
        assert_eq!(looks.watched_changed(&watched), Ok(false), "told a watcher");
        looks.commit();
        drop(looks);
        assert_eq!(
            *served.lock().expect("nobody panics here"),
            [],
            "served somebody"
        );
        self.serve(&bystanders);
        assert_eq!(
            told(&state(&self.keyspace)),
            told(&before),
            "served and cleaned up"
        );
    }

    /// Runs calls in a transaction that is taken back, and takes back some of them before.
    fn attempt(&mut self, calls: &[Call], before: &[Key], seen: &mut Seen) {
        let World {
            keyspace, actor, ..
        } = self;
        let database = actor.generator.random.usize(..DATABASES);
        let mut txn = Txn::begin(keyspace, database);
        txn.record();
        if actor.generator.random.bool() {
            // all of them are there, and there is nothing to grow into
            assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
        }
        let mut calls = calls.iter();
        while !calls.as_slice().is_empty() {
            let part = actor.generator.random.usize(1..=CALLS_MAX);
            let is_taken_back = actor.generator.random.u8(..3) == 0;
            let at = is_taken_back.then(|| {
                let effects = (
                    shown_effects(txn.effects()),
                    shown_events(txn.announcements()),
                );
                let at = (state_in(&mut txn), effects, txn.changes(), txn.database());
                actor.note("savepoint");
                (txn.savepoint().expect("it records"), at)
            });
            for call in calls.by_ref().take(part) {
                if actor.generator.random.u8(..8) == 0 {
                    txn.select(actor.generator.random.usize(..DATABASES));
                }
                if actor.call(&mut txn, call)
                    && let Some(entry) = actor.entry(call)
                {
                    seen.effective.insert(entry.full_name.clone());
                }
            }
            if let Some((savepoint, (state, effects, changes, database))) = at {
                actor.note("back to the savepoint");
                assert!(txn.roll_back_to(savepoint), "nothing was given up");
                assert_eq!((txn.changes(), txn.database()), (changes, database));
                assert_eq!(
                    told(&state_in(&mut txn)),
                    told(&state),
                    "back to the savepoint"
                );
                let now = (
                    shown_effects(txn.effects()),
                    shown_events(txn.announcements()),
                );
                assert_eq!(now, effects, "back to the savepoint");
            }
        }
        for key in state_in(&mut txn) {
            let is_it = |old: &&Key| (old.database, &old.name) == (key.database, &key.name);
            if let Some(old) = before.iter().find(is_it) {
                seen.conversions.insert((old.encoding, key.encoding));
            }
        }
        actor.note("roll back");
        txn.roll_back();
    }

    /// Runs calls again, for good: here, where they have been taken back, and on the twin, where they have not been.
    fn commit(&mut self, calls: &[Call]) {
        let World {
            keyspace,
            twin,
            actor,
            ..
        } = self;
        let depends_on_places = |call: &Call| {
            let arguments: Vec<&[u8]> = call.iter().map(|word| &word[..]).collect();
            // SORT may leave elements in the order in which it finds them
            is_random(&actor.registry, &arguments) || call[0] == b"SORT"
        };
        let calls: Vec<&Call> = calls
            .iter()
            .filter(|call| !depends_on_places(call))
            .collect();
        actor.note("commit");
        // what has expired and is still there shows in encodings, and one of them may have met it
        expire_all(keyspace);
        expire_all(twin);
        for (keyspace, is_recorded) in [(&*keyspace, true), (&*twin, false)] {
            let mut txn = Txn::begin(keyspace, 0);
            if is_recorded {
                txn.record();
            }
            assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
            for call in &calls {
                actor.call(&mut txn, call);
            }
            txn.commit();
        }
        assert_eq!(
            told(&state(keyspace)),
            told(&state(twin)),
            "committed after a roll back"
        );
    }

    /// Keys and fields that have expired, as INFO tells them.
    fn expired(&self) -> [u64; 2] {
        let counters = self.keyspace.counters();
        let expired = [&counters.expired_keys, &counters.expired_fields];
        expired.map(|counter| counter.load(Ordering::Relaxed))
    }

    /// Keys, keys that expire, and hashes with fields that do, in each database.
    fn counts(&self) -> Vec<[u64; 3]> {
        let counts = (0..DATABASES).map(|database| self.keyspace.database(database));
        counts
            .map(|counts| [counts.keys(), counts.expiring(), counts.field_expiring()])
            .collect()
    }

    /// Watches all keys, and some that there are not. What has expired is no matter of the transaction.
    fn watch(&self, before: &[Key], stale: &Stale) -> WatchSet {
        let mut watched = WatchSet::default();
        let mut txn = Txn::begin(&self.keyspace, 0);
        let absent = [b"n0".to_vec(), b"l1".to_vec()];
        let there = before.iter().map(|key| (key.database, &key.name));
        for (database, key) in there.chain(absent.iter().map(|key| (0, key))) {
            if !stale.keys.contains(&(database, key.clone())) {
                txn.select(database);
                assert_eq!(txn.watch(&mut watched, key), Ok(()));
            }
        }
        txn.commit();
        watched
    }

    /// Lets somebody wait for keys that there are not, two of them for each.
    fn bystanders(
        &mut self,
        before: &[Key],
        served: &Arc<Mutex<Vec<usize>>>,
    ) -> Vec<Arc<Bystander>> {
        let mut bystanders: Vec<Arc<Bystander>> = Vec::new();
        let mut txn = Txn::begin(&self.keyspace, 0);
        assert_eq!(txn.lock(&LockPlan::All, &mut None), Ok(()));
        for _ in 0..2 {
            let random = &mut self.actor.generator.random;
            let (letter, type_name) = [('l', "list"), ('z', "zset")][random.usize(..2)];
            let key = format!("{letter}{}", random.u8(..4)).into_bytes();
            let database = random.usize(..DATABASES);
            let is_it = |(d, k): (usize, &Vec<u8>)| (d, k) == (database, &key);
            if before.iter().any(|key| is_it((key.database, &key.name)))
                || bystanders
                    .iter()
                    .any(|other| is_it((other.database, &other.key)))
            {
                continue;
            }
            for _ in 0..2 {
                let bystander = Arc::new(Bystander {
                    number: bystanders.len(),
                    database,
                    key: key.clone(),
                    type_name,
                    served: served.clone(),
                });
                txn.select(database);
                txn.wait_for(&key, bystander.clone());
                bystanders.push(bystander);
            }
        }
        txn.commit();
        bystanders
    }

    /// Makes what they wait for ready, for good: they are still there, in their order.
    fn serve(&mut self, bystanders: &[Arc<Bystander>]) {
        for pair in bystanders.chunks(2) {
            let [first, second] = pair else {
                unreachable!("there are two for each key");
            };
            for command in ["push", "DEL"] {
                let mut call = vec![command.as_bytes().to_vec(), first.key.clone()];
                match (command, first.type_name) {
                    ("push", "list") => call[0] = b"RPUSH".to_vec(),
                    ("push", _) => {
                        call[0] = b"ZADD".to_vec();
                        call.push(b"1".to_vec());
                    }
                    _ => {}
                }
                if command == "push" {
                    call.push(b"1".to_vec());
                }
                let mut txn = Txn::begin(&self.keyspace, first.database);
                let plan = LockPlan::of([self.keyspace.stripe_of(&first.key)]);
                assert_eq!(txn.lock(&plan, &mut None), Ok(()));
                assert!(self.actor.call(&mut txn, &call));
                txn.commit();
            }
            let served = std::mem::take(&mut *first.served.lock().expect("nobody panics here"));
            assert_eq!(served, [first.number, second.number], "served in order");
        }
    }

    /// Everything that expires does, and everything else is removed: then nothing is left, whatever has been taken back.
    fn end(mut self) {
        self.clock.advance_ms(1_000_000_000);
        let lasting = state(&self.keyspace);
        expire_all(&self.keyspace);
        assert_eq!(
            told(&state(&self.keyspace)),
            told(&lasting),
            "what does not expire"
        );
        let counts = self.counts();
        assert!(
            counts.iter().all(|counts| counts[1..] == [0, 0]),
            "{counts:?}"
        );
        for key in lasting {
            let mut txn = Txn::begin(&self.keyspace, key.database);
            let plan = LockPlan::of([self.keyspace.stripe_of(&key.name)]);
            assert_eq!(txn.lock(&plan, &mut None), Ok(()));
            assert!(
                self.actor
                    .call(&mut txn, &[b"DEL".to_vec(), key.name.clone()])
            );
            txn.commit();
        }
        let counts = self.counts();
        assert!(counts.iter().all(|counts| *counts == [0; 3]), "{counts:?}");
        self.keyspace.audit();
    }
}

/// Lets the active expiry remove all that has expired.
fn expire_all(keyspace: &Keyspace) {
    let mut cycle = ExpireCycle::default();
    loop {
        let report = cycle.run(keyspace, Duration::from_secs(60));
        if report.removed + report.fields_removed == 0 {
            break;
        }
    }
}

/// What has expired and is still there.
#[derive(Default)]
struct Stale {
    /// The keys it concerns.
    keys: BTreeSet<(usize, Vec<u8>)>,
    /// What is told of its removal, which is no part of the transaction that meets it.
    told: BTreeSet<String>,
}

fn stale(keyspace: &Keyspace) -> Stale {
    let mut stale = Stale::default();
    let mut txn = Txn::begin(keyspace, 0);
    txn.see_expired();
    for database in 0..DATABASES {
        txn.select(database);
        let mut read = ReadTxn::new(&mut txn);
        let now_ms = read.now_ms();
        let walked = read.for_each(&mut |found| {
            let name = lossy(found.key());
            let place = match database {
                0 => name.clone(),
                database => format!("{name} {database}"),
            };
            if found.expire_at_ms().is_some_and(|at_ms| at_ms <= now_ms) {
                stale.keys.insert((database, found.key().to_vec()));
                stale
                    .told
                    .extend([format!("DEL {name}"), format!("x expired {place}")]);
            }
            if let Ok(hash) = found.collection::<Hash>() {
                for field in hash
                    .at(i64::MIN)
                    .iter()
                    .filter(|field| field.is_expired(now_ms))
                {
                    let field = lossy(&field.name.to_vec());
                    stale.keys.insert((database, found.key().to_vec()));
                    stale.told.extend([
                        format!("HDEL {name} {field}"),
                        format!("h hexpired {place}"),
                        format!("g del {place}"),
                    ]);
                }
            }
            ControlFlow::Continue(())
        });
        assert!(walked.is_ok(), "nobody else is here");
    }
    txn.commit();
    stale
}

/// Keys as clients can tell them apart, but for the order of what has none.
fn told(keys: &[Key]) -> Vec<(usize, String, &str, &str, Option<i64>)> {
    keys.iter()
        .map(|key| {
            (
                key.database,
                lossy(&key.name),
                key.encoding,
                &key.value[..],
                key.expire_at_ms,
            )
        })
        .collect()
}
