//! What it costs that everything can be taken back.
//!
//! ```text
//! export CARGO_PROFILE_FAST_CODEGEN_UNITS=1 CARGO_PROFILE_FAST_INCREMENTAL=false
//! cargo build --profile fast -p perilune-server --features measure-without-undo    (put aside as `without`)
//! cargo build --profile fast -p perilune-server
//! perilune-bench --server perilune=target/fast/perilune --server without=... --undo --check
//! ```
//!
//! (With several units the two builds differ by what is inlined where, which is more than what undo costs a plain command.)
//!
//! Three tables. *The record*: instructions per operation of each server against those of the last one, which is a build
//! without undo. *Undeclared keys*: the same script with its key in KEYS and in ARGV, on one loop; and with two loops and
//! keys that nobody else uses, how many transactions had to run again. *Taking back*: how long a script takes that
//! deletes or replaces a collection of a million elements and then takes itself back, next to one of ten elements.

use std::collections::HashMap;
use std::time::Instant;

use serde_json::{Map, Value as Json, json};

use crate::args::{Contender, Options};
use crate::callgrind;
use crate::client::Client;
use crate::report::{Section, median, progress, spread};
use crate::server::Setup;
use crate::workloads::{Bar, Program, Workload, with_prefix};

/// Workloads by name, and what undo may cost them.
const RECORDED: [(&str, Bar); 14] = [
    ("insert_if_missing_p32", at_most(1.10)),
    ("rate_limiter_p32", at_most(1.10)),
    ("sliding_window_p32", at_most(1.10)),
    ("script_100_hincrbys", at_most(1.15)),
    // outside of scripts nothing is recorded
    ("get", SINGLE),
    ("set", SINGLE),
    ("get_p32", SINGLE),
    ("set_p32", SINGLE),
    ("incr_p32", SINGLE),
    ("hset_p32", SINGLE),
    ("hget_p32", SINGLE),
    ("lpush_p32", SINGLE),
    ("sadd_p32", SINGLE),
    ("zadd_p32", SINGLE),
];

const SINGLE: Bar = at_most(1.005);

/// Workloads that are measured with their key undeclared as well.
const UNDECLARED: [&str; 4] = [
    "insert_if_missing_p32",
    "rate_limiter_p32",
    "sliding_window_p32",
    "script_100_hincrbys",
];

const UNDECLARED_RATIO: Bar = Bar {
    at_most: 1.3,
    stretch: 1.15,
};

/// Reruns of a hundred transactions, where keys do not meet.
const RERUN_PERCENT: Bar = Bar {
    at_most: 1.0,
    stretch: 0.2,
};

/// Connections, shared out between two loops.
const RERUN_CONNECTIONS: usize = 8;
const RERUN_OPERATIONS: usize = 50_000;

/// Microseconds that taking back a big collection may take, the way there and back included.
const TAKEN_BACK_MICROSECONDS: Bar = Bar {
    at_most: 200.0,
    stretch: 100.0,
};

const ELEMENTS: usize = 1_000_000;
const ELEMENTS_FEW: usize = 10;
const TAKEN_BACK_TIMES: usize = 200;
const ELEMENTS_PER_CALL: usize = 5_000;

const fn at_most(at_most: f64) -> Bar {
    Bar {
        at_most,
        stretch: 1.0,
    }
}

/// All three tables. Of workloads only those that are asked for.
pub fn run(options: &Options) -> Result<Section, String> {
    let mut section = Section {
        text: String::new(),
        json: json!({}),
        passed: true,
    };
    let mut counts = Counts::default();
    if options.servers.len() > 1 {
        recorded(options, &mut counts, &mut section)?;
    }
    let contender = &options.servers[0];
    undeclared(options, contender, &mut counts, &mut section)?;
    reruns(contender, options, &mut section)?;
    taken_back(contender, &mut section)?;
    Ok(section)
}

fn chosen<'o>(options: &'o Options, name: &str) -> Option<&'o Workload> {
    let mut workloads = options.workloads.iter();
    workloads.find(|workload| workload.name == name).copied()
}

/// What has been counted: instructions per operation by server, workload and command. Each is counted once, however many rounds there
/// are otherwise: under callgrind the same stream takes the same instructions, to one in a thousand.
#[derive(Default)]
struct Counts(HashMap<(String, &'static str, &'static [&'static str]), f64>);

impl Counts {
    fn of(
        &mut self,
        options: &Options,
        contender: &Contender,
        workload: &Workload,
    ) -> Result<f64, String> {
        let id = (contender.name.clone(), workload.name, workload.command);
        if let Some(count) = self.0.get(&id) {
            return Ok(*count);
        }
        let operations = (workload.operations_counted as f64 * options.scale) as usize;
        progress(&format!("undo, {}: {}", workload.name, contender.name));
        let windows =
            callgrind::instructions(contender, workload, operations.max(workload.pipeline))?;
        let count = median(&windows);
        self.0.insert(id, count);
        Ok(count)
    }

    /// The counts of both, and their ratio.
    fn ratio(
        &mut self,
        options: &Options,
        pair: [(&Contender, &Workload); 2],
    ) -> Result<[f64; 3], String> {
        let [one, other] = pair;
        let one = self.of(options, one.0, one.1)?;
        let other = self.of(options, other.0, other.1)?;
        Ok([one, other, one / other])
    }
}

fn recorded(options: &Options, counts: &mut Counts, section: &mut Section) -> Result<(), String> {
    let without = options.reference();
    section.text += &format!(
        "\nInstructions per operation against those of '{}', a build without undo\n",
        without.name
    );
    let mut rows = Map::new();
    for (name, bar) in &RECORDED {
        let Some(workload) = chosen(options, name) else {
            continue;
        };
        let contender = &options.servers[0];
        let [with, none, ratio] =
            counts.ratio(options, [(contender, workload), (without, workload)])?;
        section.add_row(name, [with, none, ratio], bar);
        rows.insert(
            (*name).into(),
            json!({ "with": with, "without": none, "ratio": ratio }),
        );
    }
    section.json["recorded"] = Json::Object(rows);
    Ok(())
}

fn undeclared(
    options: &Options,
    contender: &Contender,
    counts: &mut Counts,
    section: &mut Section,
) -> Result<(), String> {
    section.text += "\nInstructions per operation with the key undeclared, against declared\n";
    let mut rows = Map::new();
    for name in UNDECLARED {
        let Some(declared) = chosen(options, name) else {
            continue;
        };
        let other = without_declaration(declared);
        let [grown, planned, ratio] =
            counts.ratio(options, [(contender, &other), (contender, declared)])?;
        section.add_row(name, [grown, planned, ratio], &UNDECLARED_RATIO);
        rows.insert(
            name.into(),
            json!({ "undeclared": grown, "declared": planned, "ratio": ratio }),
        );
    }
    section.json["undeclared"] = Json::Object(rows);
    Ok(())
}

/// The same script, which finds its only key behind its arguments. (What it is made of lives as long as this program.)
fn without_declaration(workload: &Workload) -> Workload {
    let Program::Script(script) = workload.program else {
        unreachable!("only scripts are measured so");
    };
    let [call, sha, _one, key, arguments @ ..] = workload.command else {
        unreachable!("a script and its key");
    };
    let place = format!("ARGV[{}]", arguments.len() + 1);
    let command = [&[*call, *sha, "0"], arguments, &[*key]].concat();
    Workload {
        program: Program::Script(script.replace("KEYS[1]", &place).leak()),
        command: command.leak(),
        ..*workload
    }
}

/// Two loops, several connections, each with keys of its own.
fn reruns(contender: &Contender, options: &Options, section: &mut Section) -> Result<(), String> {
    section.text += "\nOf a hundred transactions with undeclared keys that nobody else uses, run again on two loops\n";
    let mut rows = Map::new();
    for name in UNDECLARED {
        let Some(declared) = chosen(options, name) else {
            continue;
        };
        let workload = without_declaration(declared);
        if !workload.command.iter().any(|word| word.contains("{p}")) {
            // all connections would use the same key
            continue;
        }
        progress(&format!("reruns, {name}: {}", contender.name));
        let server = Setup {
            io_threads: 2,
            ..Setup::of(contender)
        }
        .start()?;
        let mut client = server.client()?;
        let command = workload.prepare(&mut client)?;
        let before = transactions(&mut client)?;
        std::thread::scope(|scope| {
            let drive = |number: usize| {
                let command = with_prefix(&command, &format!("key{number}"));
                let mut client = server.client()?;
                let mut random = callgrind::Random::new(number as u64 + 1);
                let operations = RERUN_OPERATIONS / RERUN_CONNECTIONS;
                callgrind::send_stream(&mut client, &workload, &command, operations, &mut random)
            };
            let threads: Vec<_> = (0..RERUN_CONNECTIONS)
                .map(|number| scope.spawn(move || drive(number)))
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().map_err(|_| "a connection panicked")?)
        })?;
        let after = transactions(&mut client)?;
        server.stop()?;
        let [total, rerun, grown] = [0, 1, 2].map(|at| (after[at] - before[at]) as f64);
        let percent = 100.0 * rerun / total;
        section.add_row(name, [rerun, total, percent], &RERUN_PERCENT);
        rows.insert(
            name.into(),
            json!({ "transactions": total, "rerun": rerun, "grown": grown, "percent": percent }),
        );
        if grown < total / 2.0 {
            return Err(format!(
                "{name}: only {grown} of {total} have met keys on their way"
            ));
        }
    }
    section.json["reruns"] = Json::Object(rows);
    Ok(())
}

/// Transactions that committed, runs that were repeated, and transactions that grew.
fn transactions(client: &mut Client) -> Result<[u64; 3], String> {
    let reply = client.call(&["INFO", "stats"])?;
    let text = String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned();
    let names = [
        "transactions_total",
        "transactions_rerun",
        "transactions_grown",
    ];
    let mut counts = [0; 3];
    for (name, count) in names.iter().zip(&mut counts) {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|number| number.trim().parse().ok());
        *count = number.ok_or_else(|| format!("INFO stats does not tell {name}"))?;
    }
    Ok(counts)
}

/// What makes a big collection, and what changes it in one go.
const COLLECTIONS: [(&str, &str, &str); 4] = [
    ("list", "RPUSH", "redis.call('del', KEYS[1])"),
    ("set", "SADD", "redis.call('set', KEYS[1], 'x')"),
    (
        "hash",
        "HSET",
        "redis.call('rename', KEYS[1], KEYS[1] .. ':else')",
    ),
    (
        "zset",
        "ZADD",
        "redis.call('zrangestore', KEYS[1], KEYS[1], 0, 0)",
    ),
];

fn taken_back(contender: &Contender, section: &mut Section) -> Result<(), String> {
    section.text += "\nMicroseconds of a script that deletes, replaces or renames a collection and takes itself back:\na million elements, and ten\n";
    let server = Setup::of(contender).start()?;
    let mut client = server.client()?;
    let mut rows = Map::new();
    for (kind, fill, change) in COLLECTIONS {
        progress(&format!("taken back, {kind}: {}", contender.name));
        let script = format!("{change} redis.rollback('as planned')");
        let mut medians = [0.0, 0.0];
        for (elements, median_of_it) in [ELEMENTS, ELEMENTS_FEW].iter().zip(&mut medians) {
            let key = format!("{kind}:{elements}");
            fill_collection(&mut client, fill, &key, *elements)?;
            let mut times = Vec::new();
            for _ in 0..TAKEN_BACK_TIMES {
                let started = Instant::now();
                match client.call(&["EVAL", &script, "1", &key]) {
                    Err(text) if text.contains("as planned") => {}
                    other => return Err(format!("{script} answers {other:?}")),
                }
                times.push(started.elapsed().as_secs_f64() * 1e6);
            }
            *median_of_it = median(&times);
            progress(&format!("{key}: {:?}", spread(&times)));
        }
        let [many, few] = medians;
        section.text += &format!(
            "{kind:<22}{many:>14.1}{few:>14.1}  {}\n",
            TAKEN_BACK_MICROSECONDS.verdict(many)
        );
        section.passed &= TAKEN_BACK_MICROSECONDS.holds(many);
        rows.insert(kind.into(), json!({ "million_us": many, "ten_us": few }));
    }
    section.json["taken_back"] = Json::Object(rows);
    server.stop()
}

fn fill_collection(
    client: &mut Client,
    command: &str,
    key: &str,
    elements: usize,
) -> Result<(), String> {
    let numbers: Vec<usize> = (0..elements).collect();
    for part in numbers.chunks(ELEMENTS_PER_CALL) {
        let mut words = vec![command.to_owned(), key.to_owned()];
        for number in part {
            match command {
                "HSET" => words.extend([format!("field:{number}"), number.to_string()]),
                "ZADD" => words.extend([number.to_string(), format!("member:{number}")]),
                _ => words.push(format!("element:{number}")),
            }
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        client.call(&words)?;
    }
    Ok(())
}

impl Section {
    /// Two figures, what they are to each other, and what to think of it.
    fn add_row(&mut self, name: &str, [one, other, ratio]: [f64; 3], bar: &Bar) {
        self.text += &format!(
            "{name:<22}{one:>14.0}{other:>14.0}{ratio:>9.3}  at most {:<6} {}\n",
            bar.at_most,
            bar.verdict(ratio)
        );
        self.passed &= bar.holds(ratio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::WORKLOADS;

    #[test]
    fn every_row_is_a_workload() {
        let names = RECORDED.iter().map(|(name, _)| name).chain(&UNDECLARED);
        for name in names {
            assert!(
                WORKLOADS.iter().any(|workload| workload.name == *name),
                "{name}"
            );
        }
    }

    #[test]
    fn an_undeclared_key_stands_behind_the_arguments() {
        for name in UNDECLARED {
            let declared = WORKLOADS.iter().find(|workload| workload.name == name);
            let workload = without_declaration(declared.expect("it is one"));
            let Program::Script(script) = workload.program else {
                panic!("{name} is a script");
            };
            assert_eq!(workload.command[2], "0", "{name}");
            let place = format!("ARGV[{}]", workload.command.len() - 3);
            assert!(
                script.contains(&place) && !script.contains("KEYS"),
                "{name}: {script}"
            );
        }
    }
}
