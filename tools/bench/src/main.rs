//! Compares servers of the Redis family on the same work, one after the other, on the same machine.
//!
//! What counts is the **CPU time a server spends per operation**, not the throughput that one machine happens to
//! show: with one loop pinned to one core and the load generator on another, CPU time per operation says what the
//! work costs, and it holds still where throughput follows every disturbance. Ratios are taken within a round,
//! between runs that stood next to each other in time, and the median over the rounds is held against the bars
//! that this project has set itself (`workloads`, `memory`, `elements`, `parallel`).
//!
//! Six measures, each a module: `compare` (CPU per operation under load), `memory` (resident bytes per key),
//! `elements` (resident bytes per element of big collections), `callgrind` (instructions per operation, stable from
//! commit to commit), `parallel` (do two scripts on different keys run at the same time?) and `undo` (what it costs that
//! everything can be taken back).
//!
//! ```text
//! cargo run --release -p perilune-bench -- --server perilune=target/release/perilune --server valkey=<valkey-server> \
//!     --load-generator <valkey-benchmark> [--workloads get,set] [--memory] [--elements] [--parallel] [--callgrind] [--undo] [--check]
//! ```

mod args;
mod callgrind;
mod children;
mod client;
mod compare;
mod elements;
mod memory;
mod parallel;
mod report;
mod server;
mod undo;
mod workloads;

use std::process::ExitCode;

use serde_json::{Map, Value};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            report::clear_progress();
            eprintln!("bench: {problem}");
            ExitCode::from(2)
        }
    }
}

/// False when `--check` was given and a bar was missed.
fn run() -> Result<bool, String> {
    let Some(options) = args::parse()? else {
        println!("{}", args::HELP);
        workloads::WORKLOADS
            .iter()
            .for_each(|workload| println!("  {}", workload.name));
        return Ok(true);
    };
    children::end_on_interrupt()?;
    let mut sections = Map::new();
    let mut passed = true;
    let mut add = |name: &str, section: report::Section| {
        report::clear_progress();
        print!("{}", section.text);
        passed &= section.passed;
        sections.insert(name.to_owned(), section.json);
    };
    if options.measures.compare {
        add("compare", compare::run(&options)?);
    }
    if options.measures.memory {
        add("memory", memory::run(&options)?);
    }
    if options.measures.elements {
        add("elements", elements::run(&options)?);
    }
    if options.measures.parallel {
        add("parallel", parallel::run(&options)?);
    }
    if options.measures.callgrind {
        add("callgrind", callgrind::run(&options)?);
    }
    if options.measures.undo {
        add("undo", undo::run(&options)?);
    }
    if let Some(path) = &options.json {
        let text = format!("{:#}\n", Value::Object(sections));
        std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(passed || !options.check)
}
