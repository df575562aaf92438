//! By force: many connections at once send random transactions that end badly, each in its own way and at its own moment. All is
//! as it was afterwards, and nobody has heard anything.
//!
//! ```text
//!   a world of all types, who waits, who watches, who listens, effects are kept
//!     -> a round: 2 to 16 connections, a transaction each         scripts, functions, EXEC; fail, take themselves back,
//!                                                                 panic, run out of time, memory or room for undo;
//!                                                                 SCRIPT KILL, FUNCTION KILL and CLIENT KILL meanwhile
//!     -> DEBUG DIGEST, a dump of everything, figures, effects, events: as before
//! ```
//!
//! What they change comes from the list that is held against the table, so no command that writes can be missing.
//! `PERILUNE_FORCE_ROUNDS=<number>` runs more rounds, `PERILUNE_TEST_SEED=<seed>` the same transactions again, and
//! `PERILUNE_TEST_SEED=random` others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fastrand::Rng;
use perilune_resp::client::{Value, encode_command};
use perilune_resp::split_args;

use crate::harness::{Client, alone, eventually, show};
use crate::rolled_back::{CALLS, FILLING, Stage, WORLD};

/// Rounds on each server.
const ROUNDS: u64 = 30;

const CONNECTIONS_MAX: usize = 16;
const CALLS_MAX: usize = 6;

/// How long a transaction may take, with all that run at the same time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does the calls that ARGV lists, each behind the number of its words. Behind so many of them it ends as ARGV[1] says.
const BODY: &str = "
local endings = {
  fail = function() error('as planned') end,
  throw = function() error({err = 'MINE as planned'}) end,
  answer = function() return {err = 'MINE as planned'} end,
  wrong = function() redis.call('getrange', 'nosuch', 'x', 'y') end,
  rollback = function() redis.rollback('as planned') end,
  hidden = function()
    pcall(coroutine.wrap(function() xpcall(redis.rollback, function() return 1 end, 'as planned') end))
    while true do pcall(redis.call, 'set', 'survived', 'x') end
  end,
  endless = function() redis.pcall('incr', 'endless') while true do pcall(redis.call, 'get', 'endless') end end,
  silent = function() while true do end end,
  greedy = function() local all = {} while true do pcall(function() all[#all + 1] = ('x'):rep(1e5) .. #all end) end end,
  panic = function() pcall(redis.call, 'debug', 'panic', 'number') end,
  outgrow = function() for i = 1, 1e6 do redis.call('set', 'filler:' .. i, ('x'):rep(1000)) end end,
}
local at, made = 3, 0
while true do
  if made == tonumber(ARGV[2]) then
    local answer = endings[ARGV[1]]()
    if answer then return answer end
  end
  local words = tonumber(ARGV[at])
  redis.pcall(unpack(ARGV, at + 1, at + words))
  at, made = at + words + 1, made + 1
end
";

/// Endings that need somebody who asks for all or nothing.
const FAILURES: &[&str] = &["fail", "throw", "answer", "wrong", "outgrow"];

/// Endings that are taken back in any mode.
const ABORTS: &[&str] = &["rollback", "hidden", "greedy", "panic"];

/// Endings that need somebody who stops them. (They write no more and more: beyond the limit they would go on for ever.)
const ENDLESS: &[&str] = &["endless", "silent"];

/// Figures of INFO that do not change.
const FIGURES: &[(&str, &[&str])] = &[
    ("persistence", &["rdb_changes_since_last_save"]),
    (
        "memory",
        &[
            "number_of_cached_scripts",
            "number_of_functions",
            "number_of_libraries",
        ],
    ),
    ("keyspace", &["db0", "db1"]),
    (
        "clients",
        &["blocked_clients", "total_blocking_keys", "watching_clients"],
    ),
    (
        "stats",
        &[
            "pubsub_channels",
            "pubsub_patterns",
            "expired_keys",
            "expired_subkeys",
        ],
    ),
];

type Words = Vec<Vec<u8>>;

/// What one connection sends, and how many answers come if it is not killed.
struct Transaction {
    calls: Vec<Words>,
    shown: String,
}

struct Maker {
    rng: Rng,
    /// Somebody stops what does not end.
    are_killed: bool,
    made: u64,
}

fn words(text: &str) -> Words {
    split_args(text.as_bytes()).expect("balanced quotes")
}

impl Maker {
    fn some<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.rng.usize(..of.len())]
    }

    fn some_call(&mut self) -> Words {
        let call = match self.rng.u8(..8) {
            0 => self.some(FILLING),
            _ => self.some(CALLS),
        };
        words(call)
    }

    fn some_calls(&mut self) -> Vec<Words> {
        (0..self.rng.usize(1..=CALLS_MAX))
            .map(|_| self.some_call())
            .collect()
    }

    /// The call of a script or a function that ends badly, by itself only if nothing else would take it back.
    fn script(&mut self, is_part_of_atomic: bool) -> Words {
        let ending = match self.rng.u8(..8) {
            0..3 => self.some(FAILURES),
            3..6 => self.some(ABORTS),
            _ => self.some(ENDLESS),
        };
        let needs_limit = ENDLESS.contains(&ending) && (!self.are_killed || self.rng.bool());
        let needs_atomic = FAILURES.contains(&ending) && !is_part_of_atomic;
        // a text that nobody has sent before
        self.made += 1;
        let name = format!("-- {:x}-{}\n", self.rng.u64(..), self.made);
        let script =
            |head: &str| vec![b"EVAL".to_vec(), format!("{head}{name}{BODY}").into_bytes()];
        let function = |name: &str| vec![b"FCALL".to_vec(), name.as_bytes().to_vec()];
        let mut call = match (needs_limit, needs_atomic, self.rng.bool()) {
            (true, _, true) => script("#!lua flags=time-limit=20\n"),
            (true, _, false) => function("limited"),
            (false, true, true) => script("#!lua flags=atomic\n"),
            (false, true, false) => function("atomic"),
            (false, false, true) => script(""),
            (false, false, false) => function("plain"),
        };
        let declared: BTreeSet<&str> = (0..self.rng.usize(..4))
            .filter_map(|_| self.some(WORLD).split(' ').nth(1))
            .collect();
        call.push(declared.len().to_string().into_bytes());
        call.extend(declared.iter().map(|name| name.as_bytes().to_vec()));
        let calls = self.some_calls();
        let at = self.rng.usize(..=calls.len());
        call.extend([ending.into(), at.to_string().into_bytes()]);
        for words in calls {
            call.push(words.len().to_string().into_bytes());
            call.extend(words);
        }
        call
    }

    fn transaction(&mut self) -> Transaction {
        let calls = match self.rng.u8(..8) {
            0..4 => vec![self.script(false)],
            // the rest of an EXEC in Redis's mode stays
            4 => vec![
                words("MULTI"),
                words("GET number"),
                self.script(false),
                words("EXEC"),
            ],
            5 => {
                let mut calls = vec![words("MULTI ATOMIC")];
                calls.extend(self.some_calls());
                let script = self.script(true);
                let at = self.rng.usize(1..=calls.len());
                calls.insert(at, script);
                calls.push(words("EXEC"));
                calls
            }
            _ => {
                let mut calls = vec![words("MULTI ATOMIC")];
                calls.extend(self.some_calls());
                let at = self.rng.usize(1..=calls.len());
                let failing = ["GETRANGE nosuch x y", "DEBUG PANIC list", "DEBUG PANIC"];
                calls.insert(at, words(self.some(&failing)));
                calls.push(words("EXEC"));
                calls
            }
        };
        let shown = calls.iter().map(|call| {
            let words = call.iter().map(|word| word.escape_ascii().to_string());
            let words: Vec<String> = words
                .map(|word| word.replace(&BODY.escape_default().to_string(), ".."))
                .collect();
            words.join(" ")
        });
        let shown = shown.collect::<Vec<_>>().join("\n    ");
        Transaction { calls, shown }
    }
}

/// Whether an answer says that nothing has happened.
fn is_taken_back(answer: &Value, transaction: &Transaction) -> bool {
    match answer {
        Value::Error(_) => true,
        // EXEC in Redis's mode: its script
        Value::Array(answers) if transaction.calls.len() == 4 => {
            matches!(answers.as_slice(), [_, Value::Error(_)])
        }
        _ => false,
    }
}

/// All that there is, and what is told of it.
fn everything(stage: &mut Stage, writing: &BTreeSet<String>) -> Vec<String> {
    let mut all = Vec::new();
    for line in stage.dump() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next()) {
            // how the elements lie in its nodes may have changed
            (Some(database), Some(key), Some(encoding @ "\"quicklist\"")) => {
                stage.client.ask(&format!("SELECT {database}"));
                let elements = stage.client.ask(&format!("LRANGE {key} 0 -1"));
                let expiry = stage.client.ask(&format!("PEXPIRETIME {key}"));
                all.push(format!("{database} {key} {encoding} {expiry} {elements}"));
                stage.client.ask("SELECT 0");
            }
            _ => all.push(line),
        }
    }
    all.extend(figures(stage, writing));
    all
}

fn figures(stage: &mut Stage, writing: &BTreeSet<String>) -> Vec<String> {
    let mut all = Vec::new();
    for (section, names) in FIGURES {
        let text = stage.client.text(&format!("INFO {section}"));
        let is_one = |line: &&str| {
            names
                .iter()
                .any(|name| line.starts_with(&format!("{name}:")))
        };
        all.extend(text.lines().filter(is_one).map(|line| {
            // (what expires says how soon on average)
            line.split(",avg_ttl").next().unwrap_or(line).to_owned()
        }));
    }
    let text = stage.client.text("INFO commandstats");
    for line in text
        .lines()
        .filter_map(|line| line.strip_prefix("cmdstat_"))
    {
        let (name, figures) = line.split_once(':').expect("a figure");
        if writing.contains(name) {
            let calls = figures.split(',').next();
            all.push(format!("{name} {calls:?}"));
        }
    }
    all
}

/// Runs a round; the transactions, for who looks at what they have left.
fn round(stage: &mut Stage, maker: &mut Maker, connections: &mut Vec<Client>) -> Vec<Transaction> {
    connections.resize_with(maker.rng.usize(2..=CONNECTIONS_MAX), || {
        stage.server.connect()
    });
    let transactions: Vec<Transaction> = connections.iter().map(|_| maker.transaction()).collect();
    let mut victims = Vec::new();
    for (number, (client, transaction)) in connections.iter_mut().zip(&transactions).enumerate() {
        if maker.are_killed && maker.rng.u8(..5) == 0 {
            victims.push((number, client.ask("CLIENT ID").replace(':', "")));
        }
        let mut bytes = Vec::new();
        for call in &transaction.calls {
            let call: Vec<&[u8]> = call.iter().map(|word| &word[..]).collect();
            encode_command(&call, &mut bytes);
        }
        client.send_bytes(&bytes);
    }
    for (_, id) in &victims {
        std::thread::sleep(Duration::from_micros(maker.rng.u64(..15_000)));
        stage.client.ask(&format!("CLIENT KILL ID {id}"));
    }
    let mut killer = maker.are_killed.then(|| stage.server.connect());
    for (number, (client, transaction)) in connections.iter_mut().zip(&transactions).enumerate() {
        let is_victim = victims.iter().any(|(victim, _)| *victim == number);
        let mut last = None;
        for _ in &transaction.calls {
            let deadline = Instant::now() + PATIENCE;
            last = loop {
                if let Some(answer) = client.receive_within(Duration::from_millis(5)) {
                    break answer;
                }
                if let Some(killer) = &mut killer {
                    killer.ask("SCRIPT KILL");
                    killer.ask("FUNCTION KILL");
                }
                assert!(
                    Instant::now() < deadline,
                    "no answer to\n    {}\n{}",
                    transaction.shown,
                    stage.client.text("CLIENT LIST")
                );
            };
        }
        match last {
            None => assert!(
                is_victim,
                "closed, though not killed: {}",
                transaction.shown
            ),
            Some(last) => assert!(
                is_taken_back(&last, transaction),
                "{}\n{}",
                transaction.shown,
                show(&last)
            ),
        }
    }
    let mut number = 0;
    connections.retain(|_| {
        number += 1;
        victims.iter().all(|(victim, _)| victim + 1 != number)
    });
    transactions
}

fn examine(seed: u64, loops: &str, rounds: u64) {
    let mut stage = Stage::new(&[
        "--io-threads",
        loops,
        "--transaction-undo-limit",
        "1mb",
        "--script-memory-limit",
        "8mb",
        "--busy-reply-threshold",
        "20",
    ]);
    let register = |name: &str, flags: &str| {
        format!(
            "redis.register_function{{function_name='{name}', flags={{{flags}}}, callback=function(KEYS, ARGV) {BODY} end}}\n"
        )
    };
    let library = [
        "#!lua name=force\n".to_owned(),
        register("plain", ""),
        register("atomic", "'atomic'"),
        register("limited", "'time-limit=20'"),
    ];
    let mut load = Vec::new();
    encode_command(
        &[b"FUNCTION", b"LOAD", library.concat().as_bytes()],
        &mut load,
    );
    stage.client.send_bytes(&load);
    assert_eq!(
        stage.client.receive().map(|it| show(&it)).as_deref(),
        Some("\"force\"")
    );
    stage.ask_all(&["DEBUG SET-DISABLE-DENY-SCRIPTS 1", "DEBUG EFFECTS START"]);
    stage.set_up();
    let mut waiting = stage.let_others_wait();
    let writing: BTreeSet<String> = CALLS
        .iter()
        .filter_map(|call| Some(call.split(' ').next()?.to_lowercase()))
        .collect();
    let mut maker = Maker {
        rng: Rng::with_seed(seed),
        are_killed: false,
        made: 0,
    };
    let mut connections = Vec::new();
    for _ in 0..rounds {
        maker.are_killed = maker.rng.u8(..3) == 0;
        stage.watch();
        let before = everything(&mut stage, &writing);
        stage.heard();
        stage.client.ask("DEBUG EFFECTS TAKE");

        let transactions = round(&mut stage, &mut maker, &mut connections);

        let what = || {
            let shown: Vec<&str> = transactions.iter().map(|it| &it.shown[..]).collect();
            format!(
                "PERILUNE_TEST_SEED={seed}, {loops} loops, one of\n    {}",
                shown.join("\n    ")
            )
        };
        // the script of a client that was killed may be on its way still
        eventually("all is over", || {
            !stage.client.ask("DEBUG DIGEST").starts_with("-BUSY ")
        });
        assert_eq!(stage.client.ask("DEBUG EFFECTS TAKE"), "[]", "{}", what());
        assert_eq!(stage.heard(), [""; 0], "{}", what());
        let after = everything(&mut stage, &writing);
        let lines = after.iter().filter(|line| !before.contains(line));
        let lines: Vec<&String> = lines
            .chain(before.iter().filter(|line| !after.contains(line)))
            .collect();
        assert!(after == before, "{lines:#?}\n{}", what());
        assert!(stage.nothing_was_touched(), "{}", what());
    }
    // who waits still does, in the old order
    stage.ask_all(&["RPUSH waited 1 2 3", "ZADD ranking 1 a"]);
    let expected = [
        "[\"waited\" \"1\"]",
        "[\"waited\" [\"2\" \"3\"]]",
        "[\"ranking\" \"a\" \"1\"]",
    ];
    for (one, expected) in waiting.iter_mut().zip(expected) {
        assert_eq!(
            one.receive().map(|value| show(&value)).as_deref(),
            Some(expected)
        );
    }
    // and effects would have been seen
    assert_ne!(stage.client.ask("DEBUG EFFECTS TAKE"), "[]");
}

#[test]
fn whatever_ends_badly_leaves_no_trace() {
    let _alone = alone();
    let rounds = std::env::var("PERILUNE_FORCE_ROUNDS").ok();
    let rounds = rounds.map_or(ROUNDS, |number| number.parse().expect("a number"));
    let seed = first_seed();
    for loops in ["1", "2", "4"] {
        examine(seed, loops, rounds);
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
