//! What a call on a big collection costs, against the same call on one a hundredth of its size.
//!
//! A call whose documentation promises that the size does not matter, or only its logarithm, must not take many times
//! longer: neither by itself nor in a transaction that records, nor when that is taken back. Time is measured, the best
//! of many runs, so the bound is wide: what is linear takes a hundred times longer. `PERILUNE_COSTS=1` prints the table.

use std::time::{Duration, Instant};

use perilune_command::{DataHandler, Registry};
use perilune_keyspace::{KeyHasher, Keyspace, KeyspaceOptions, LockPlan, Txn};
use perilune_resp::{Protocol, RespWriter};
use perilune_value::Limits;

use crate::testing::registry;

/// Elements of the collections.
const SMALL: usize = 2_000;
const BIG: usize = 100 * SMALL;

/// So many times longer a call may take on the big one: caches, the height of trees.
const RATIO_MAX: u32 = 12;

/// Shorter times are all the same.
const SHORT: Duration = Duration::from_micros(3);

const RUNS: usize = 15;

/// The calls. `MID` is an element in the middle, `IDX` its index, `HEAD` and `LAST` are near the ends; `:again` before a call says that it cannot be measured
/// alone, as the second time there is nothing to do: only in a transaction that is taken back.
const CALLS: &[&str] = &[
    // lists
    "LPOS list HEAD",
    "LINSERT list BEFORE HEAD x",
    "LREM list 1 HEAD",
    "LREM list -1 LAST",
    "LINDEX list IDX",
    "LSET list IDX x",
    "LRANGE list IDX IDX",
    "LRANGE list -3 -1",
    "LPUSH list a",
    "RPUSH list a",
    "LPOP list",
    "RPOP list 5",
    "LTRIM list 3 -3",
    "LMOVE list list LEFT RIGHT",
    "RPOPLPUSH list other",
    "LMPOP 1 list LEFT COUNT 3",
    "LPOS list none MAXLEN 100",
    "LLEN list",
    // sets
    "SADD set new",
    "SREM set MID",
    "SISMEMBER set MID",
    "SMISMEMBER set MID none",
    "SPOP set",
    "SPOP set 10",
    "SRANDMEMBER set",
    "SRANDMEMBER set 10",
    "SRANDMEMBER set -10",
    "SMOVE set fresh MID",
    "SSCAN set CURSOR COUNT 10",
    "SINTER set few",
    "SINTERSTORE fresh set few",
    "SINTERCARD 2 set set LIMIT 5",
    "SDIFF few set",
    "SCARD set",
    // hashes
    "HSET hash new x",
    "HSET hash MID x",
    "HDEL hash MID",
    "HGET hash MID",
    "HGETDEL hash FIELDS 1 MID",
    "HINCRBY hash number 1",
    "HRANDFIELD hash",
    "HRANDFIELD hash 10",
    "HRANDFIELD hash -10 WITHVALUES",
    "HSCAN hash CURSOR COUNT 10",
    "HEXPIRE hash 100 FIELDS 1 MID",
    "HTTL hash FIELDS 1 MID",
    "HLEN hash",
    "HEXPIRE times 100 FIELDS 1 MID",
    "HPERSIST times FIELDS 1 MID",
    "HSET times MID x",
    "HDEL times MID",
    "HGETEX times PERSIST FIELDS 1 MID",
    "HRANDFIELD times 10",
    "HLEN times",
    // sorted sets
    "ZADD zset 5.5 new",
    "ZADD zset 1e9 MID",
    "ZINCRBY zset -1e9 MID",
    "ZREM zset MID",
    "ZRANK zset MID",
    "ZSCORE zset MID",
    "ZCOUNT zset IDX +inf",
    "ZLEXCOUNT same [MID +",
    "ZRANGE zset IDX IDX",
    "ZRANGE zset -inf +inf BYSCORE LIMIT IDX 3",
    "ZRANGE same - + BYLEX LIMIT IDX 3",
    "ZRANGE zset 0 2 REV",
    "ZRANGESTORE fresh zset IDX IDX",
    "ZREMRANGEBYRANK zset IDX IDX",
    "ZREMRANGEBYSCORE zset IDX IDX",
    "ZREMRANGEBYLEX same [MID [MID",
    "ZPOPMIN zset 5",
    "ZRANDMEMBER zset",
    "ZRANDMEMBER zset 10",
    "ZRANDMEMBER zset -10",
    "ZSCAN zset CURSOR COUNT 10",
    "ZINTERCARD 2 zset zset LIMIT 5",
    "ZINTER 2 zset few",
    "ZDIFF 2 few zset",
    "ZINTERSTORE fresh 2 zset few",
    "ZMPOP 1 zset MIN COUNT 3",
    "ZCARD zset",
    // any
    "GETRANGE text IDX IDX",
    "GETBIT text IDX",
    "STRLEN text",
    "SCAN 0 TYPE list",
    "TYPE zset",
    "OBJECT ENCODING zset",
    "MEMORY USAGE list",
    "MEMORY USAGE set",
    "MEMORY USAGE hash",
    "MEMORY USAGE zset",
    "MEMORY USAGE hash SAMPLES 10",
    "TOUCH hash",
    "EXPIRE list 1000",
    "EXPIRE times 1000",
    "SORT list LIMIT 0 3 BY nosort",
    "SORT zset LIMIT 0 3 BY nosort",
    // what takes the whole value
    ":again DEL list",
    ":again DEL set",
    ":again DEL times",
    ":again DEL zset",
    ":again SET zset x",
    ":again RENAME few zset",
    ":again SINTERSTORE set few few",
    ":again RENAME list fresh",
    ":again RENAME set fresh",
    ":again RENAME times fresh",
    ":again RENAME zset fresh",
    ":again RENAME text fresh",
    ":again MOVE times 1",
    ":again SWAPDB 0 1",
];

/// A keyspace with collections of each type.
struct World {
    registry: Registry<DataHandler>,
    keyspace: Keyspace,
    elements: usize,
    /// In the middle of a walk over a key.
    cursors: Vec<(&'static str, String)>,
}

impl World {
    fn new(elements: usize) -> World {
        let keyspace = Keyspace::new(KeyspaceOptions {
            hasher: KeyHasher::with_seed(1),
            ..KeyspaceOptions::default()
        });
        keyspace.set_limits(Limits::default());
        let mut world = World {
            registry: registry(),
            keyspace,
            elements,
            cursors: Vec::new(),
        };
        for first in (0..elements).step_by(500) {
            let names: Vec<String> = (first..first + 500).map(element).collect();
            let joined = names.join(" ");
            let pairs = |pair: &dyn Fn(usize, &str) -> String| {
                let pairs = names.iter().enumerate();
                let pairs: Vec<String> = pairs.map(|(i, name)| pair(first + i, name)).collect();
                pairs.join(" ")
            };
            let fields = pairs(&|_, name| format!("{name} value"));
            world.run(&format!("RPUSH list {joined}"));
            world.run(&format!("SADD set {joined}"));
            world.run(&format!("HSET hash {fields}"));
            world.run(&format!("HSET times {fields}"));
            world.run(&format!("HEXPIRE times 1000 FIELDS 500 {joined}"));
            let scores = pairs(&|i, name| format!("{i} {name}"));
            world.run(&format!("ZADD zset {scores}"));
            let scores = pairs(&|_, name| format!("0 {name}"));
            world.run(&format!("ZADD same {scores}"));
        }
        world.run(&format!("SET text {}", "x".repeat(20 * elements)));
        world.run(&format!(
            "SADD few {} {} none",
            element(1),
            element(elements / 2)
        ));
        for (key, command) in [("set", "SSCAN"), ("hash", "HSCAN"), ("zset", "ZSCAN")] {
            let mut cursor = "0".to_owned();
            for _ in 0..elements / 200 {
                let answer = world.run(&format!("{command} {key} {cursor} COUNT 100"));
                let line = answer.split("\r\n").nth(2);
                cursor = line.expect("a cursor").to_owned();
            }
            assert_ne!(cursor, "0", "in the middle");
            world.cursors.push((key, cursor));
        }
        world
    }

    /// Runs a call for good; its answer.
    fn run(&self, call: &str) -> String {
        let (answer, _) = self.timed(call, false);
        assert!(!answer.starts_with('-'), "{call}: {answer}");
        answer
    }

    /// Runs a call, and commits it or records it and takes it back; how long that took, once the stripes were held.
    fn timed(&self, call: &str, is_taken_back: bool) -> (String, Duration) {
        let arguments: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
        let Ok(entry) = self.registry.resolve(&arguments) else {
            panic!("{call}");
        };
        let mut stripes = Vec::new();
        let found = entry.keys.for_each(&arguments, &mut |key| {
            stripes.push(self.keyspace.stripe_of(arguments[key.index]));
        });
        assert!(found.is_ok(), "{call}");
        let mut txn = Txn::begin(&self.keyspace, 0);
        if is_taken_back {
            txn.record();
        }
        assert_eq!(txn.lock(&LockPlan::of(stripes), &mut None), Ok(()));
        let mut answer = Vec::new();
        let mut reply = RespWriter::new(&mut answer, Protocol::Resp2);
        let handler = entry.handler.expect("a command");
        let began = Instant::now();
        let outcome = handler.run(&mut txn, entry, &arguments, &mut reply);
        if is_taken_back {
            txn.roll_back();
        } else {
            txn.commit();
        }
        let took = began.elapsed();
        assert_eq!(outcome, Ok(()), "{call}");
        (String::from_utf8_lossy(&answer).into_owned(), took)
    }

    /// The shortest time of a call.
    fn best(&self, call: &str, is_taken_back: bool) -> Duration {
        let runs = (0..RUNS).map(|run| {
            let middle = self.elements / 2 + if is_taken_back { 0 } else { run };
            let mut words: Vec<String> = call.split(' ').map(str::to_owned).collect();
            let key = words[1].clone();
            for word in &mut words {
                *word = word
                    .replace("MID", &element(middle))
                    .replace("IDX", &middle.to_string())
                    .replace("HEAD", &element(run))
                    .replace("LAST", &element(self.elements - 1 - run));
                match word.as_str() {
                    "new" => *word = format!("new:{run}"),
                    "CURSOR" => {
                        let cursor = self.cursors.iter().find(|(of, _)| *of == key);
                        *word = cursor.expect("a walk").1.clone();
                    }
                    _ => {}
                }
            }
            self.timed(&words.join(" "), is_taken_back).1
        });
        runs.min().expect("there are some")
    }
}

fn element(number: usize) -> String {
    format!("element:{number:08}")
}

#[test]
fn what_a_call_costs_is_not_the_size_of_its_collection() {
    let (small, big) = (World::new(SMALL), World::new(BIG));
    let prints = std::env::var_os("PERILUNE_COSTS").is_some();
    let mut too_long = Vec::new();
    for call in CALLS {
        let (call, is_alone) = match call.strip_prefix(":again ") {
            Some(call) => (call, false),
            None => (*call, true),
        };
        let mut figures = Vec::new();
        for (is_taken_back, mode) in [(true, "taken back"), (false, "alone")] {
            if !is_taken_back && !is_alone {
                continue;
            }
            let times = [&small, &big].map(|world| world.best(call, is_taken_back));
            if times[1] > RATIO_MAX * times[0].max(SHORT) {
                too_long.push(format!("{call} ({mode}): {times:?}"));
            }
            figures.push(format!("{:>10.1?} {:>10.1?}", times[0], times[1]));
        }
        if prints {
            println!("{call:48} {}", figures.join("   "));
        }
    }
    assert!(too_long.is_empty(), "{too_long:#?}");
}
