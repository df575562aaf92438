//! Proves from the outside that a server's transactions are strictly serializable, or shows why they are not.
//!
//! Many connections write unique marks to a few strings, lists and sorted sets and read them, by plain commands, MULTI,
//! WATCH and scripts of every sort ([`workload`]). Others wait for queues to which all kinds of transactions push
//! ([`episodes`]). What they saw is written down with its time ([`drive`], [`history`]) and checked for contradictions
//! ([`check`], [`check_queues`]): a finding is a proof, with the shortest cycle as its witness.

mod check;
mod check_queues;
mod check_sets;
mod drive;
mod episodes;
mod graph;
mod history;
mod options;
mod queues;
mod report;
mod shapes;
mod workload;

use std::io::{Error, Result};
use std::process::ExitCode;
use std::time::Instant;

use perilune_harness::{Connection, Server};

use crate::drive::Run;
use crate::options::{Options, Target};
use crate::workload::Lists;

/// Findings that are printed. Where everything is broken, the first ones say enough.
const ANOMALIES_SHOWN_MAX: usize = 20;

fn main() -> ExitCode {
    match Options::from_arguments()
        .map_err(Error::other)
        .and_then(|options| examine(&options))
    {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("perilune-isolation: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether the server stood the test.
fn examine(options: &Options) -> Result<bool> {
    let mut server = None;
    let address = match &options.target {
        Target::Connect(address) => *address,
        Target::Start(binary) => server
            .insert(Server::start(binary, &options.server_arguments)?)
            .address(),
    };
    println!(
        "seed {}, {} connections, {:?}",
        options.seed, options.connections, options.duration
    );
    let run = Run {
        address,
        seed: options.seed,
        duration: options.duration,
        connections: options.connections,
        episodes: options.episodes,
        kills_per_second: options.kills_per_second,
        rollbacks: options.rollbacks,
    };
    // Names of this run only: a server that is connected to may hold others.
    let prefix = format!("isolation:{}:{:x}:", std::process::id(), options.seed);
    let lists = Lists::new(prefix, options.keys, options.appends_per_key);
    let before = counters(&run)?;
    let history = match drive::run(&run, &lists) {
        Ok(history) => history,
        Err(error) => {
            let log = server.as_ref().map(Server::log_tail).unwrap_or_default();
            return Err(Error::other(format!("{error}\n{log}")));
        }
    };
    let after = counters(&run)?;
    let started = Instant::now();
    let report = check::check(&history);
    report::print_summary(&history, &report, lists.used(), started.elapsed());
    for anomaly in report.anomalies.iter().take(ANOMALIES_SHOWN_MAX) {
        report::print_anomaly(&history, anomaly);
    }
    let more = report.anomalies.len().saturating_sub(ANOMALIES_SHOWN_MAX);
    if more > 0 {
        println!("and {more} more");
    }
    let reran = report::print_reruns(before, after, options.rerun_share_min);
    let stood = report.anomalies.is_empty() && reran;
    println!(
        "{}",
        if stood {
            "strictly serializable"
        } else {
            "FAILED"
        }
    );
    Ok(stood)
}

/// How many transactions the server counts, and how many of them it ran more than once.
#[derive(Debug, Clone, Copy)]
struct Counters {
    total: u64,
    rerun: u64,
}

/// The server's own counters, where it has them.
fn counters(run: &Run) -> Result<Option<Counters>> {
    let reply = Connection::open(run.address)?.call(&["INFO", "stats"])?;
    let text = String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned();
    let field = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().parse().ok()
    };
    let counters = field("transactions_total").zip(field("transactions_rerun"));
    Ok(counters.map(|(total, rerun)| Counters { total, rerun }))
}
