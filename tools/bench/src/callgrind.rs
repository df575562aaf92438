//! Instructions per operation, counted by valgrind: the measure for comparing commit with commit.
//!
//! A server runs under callgrind and gets the same stream of commands every time, from one connection in batches of
//! the workload's pipeline depth. After the preload and a warm-up the counters are set to zero and read again after
//! each of some windows of N operations: so start-up, preload and shutdown do not count, and neither does the luck of
//! one process against another (two runs with N and 2N operations, subtracted, differed by up to 20 %). The median
//! window is reported. Only user space is counted: system calls cost nothing here. What a server does by the clock
//! counts too, about a million instructions per second for Valkey, which leaves a percent of noise there; the search for
//! expired keys is switched off.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::args::{Contender, Options};
use crate::children;
use crate::client::Client;
use crate::report::{Section, median, progress, spread};
use crate::server::{Server, Setup};
use crate::workloads::{Workload, with_prefix};

/// Each dump goes to a file of this name with a number behind it, from 1.
const OUT_FILE: &str = "callgrind.out";
const WINDOWS: usize = 5;

/// A seed like any other, but the same in every run.
const SEED: u64 = 0x5EED_0F7E_121C_0DE5;

/// Counts every chosen workload on every server.
pub fn run(options: &Options) -> Result<Section, String> {
    let mut text = "\nInstructions per operation (callgrind, user space)\n".to_owned();
    text += &format!("{:<22}", "workload");
    options
        .servers
        .iter()
        .for_each(|contender| text += &format!("{:>14}", contender.name));
    text.push('\n');
    let mut rows = serde_json::Map::new();
    for workload in &options.workloads {
        text += &format!("{:<22}", workload.name);
        let mut row = serde_json::Map::new();
        for contender in &options.servers {
            let operations = ((workload.operations_counted as f64 * options.scale) as usize)
                .max(workload.pipeline);
            progress(&format!("callgrind, {}: {}", workload.name, contender.name));
            let windows = instructions(contender, workload, operations)?;
            let (count, (low, high)) = (median(&windows).round(), spread(&windows));
            text += &format!("{count:>14}");
            row.insert(
                contender.name.clone(),
                json!({ "instructions": count, "low": low, "high": high }),
            );
        }
        text.push('\n');
        rows.insert(workload.name.into(), json!(row));
    }
    Ok(Section {
        text,
        json: json!(rows),
        passed: true,
    })
}

/// How often a run is repeated in which callgrind has counted nothing, as it sometimes does where the machine is busy.
const ATTEMPTS: usize = 3;

/// Instructions per operation in each window.
pub fn instructions(
    contender: &Contender,
    workload: &Workload,
    operations: usize,
) -> Result<Vec<f64>, String> {
    for _ in 0..ATTEMPTS {
        let windows = count(contender, workload, operations)?;
        if median(&windows) > 0.0 {
            return Ok(windows);
        }
    }
    Err(format!("callgrind counts nothing of {}", workload.name))
}

fn count(
    contender: &Contender,
    workload: &Workload,
    operations: usize,
) -> Result<Vec<f64>, String> {
    let out_file = format!("--callgrind-out-file={OUT_FILE}");
    let under = [
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        &out_file,
        "-q",
    ];
    let under = under.map(String::from).to_vec();
    let server = Setup {
        under,
        arguments: &["--enable-debug-command", "local"],
        ..Setup::of(contender)
    }
    .start()?;
    let mut client = server.client()?;
    // what looks for expired keys by the clock is no part of the command: up to one instruction in a hundred
    client.call(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"])?;
    let command = with_prefix(&workload.prepare(&mut client)?, "key");
    let mut random = Random::new(SEED);
    // not before: to load would take longer than to measure
    control(&server, "--instr=on")?;
    send_stream(&mut client, workload, &command, operations, &mut random)?;
    control(&server, "--zero")?;
    let mut windows = Vec::new();
    for number in 1..=WINDOWS {
        send_stream(&mut client, workload, &command, operations, &mut random)?;
        control(&server, "--dump")?;
        let counted = total(&server.folder().join(format!("{OUT_FILE}.{number}")))?;
        windows.push(counted as f64 / operations as f64);
    }
    server.stop()?;
    Ok(windows)
}

/// Sends so many calls, in batches of the workload's depth, and reads their answers.
pub fn send_stream(
    client: &mut Client,
    workload: &Workload,
    command: &[String],
    operations: usize,
    random: &mut Random,
) -> Result<(), String> {
    let mut sent = 0;
    while sent < operations {
        let batch = workload.pipeline.min(operations - sent);
        for _ in 0..batch {
            let words = command.iter().map(|word| random.fill(word, workload.range));
            client.queue(&words.collect::<Vec<_>>());
        }
        client.flush()?;
        client.replies(batch)?;
        sent += batch;
    }
    Ok(())
}

/// Has callgrind set its counters to zero, or write them down and set them to zero.
fn control(server: &Server, action: &str) -> Result<(), String> {
    let mut command = Command::new("callgrind_control");
    command.args([action, &server.pid().to_string()]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (status, output, errors) = children::spawn(&mut command)?.output()?;
    if !status.success() {
        return Err(format!("callgrind_control {action}: {output}{errors}"));
    }
    Ok(())
}

/// The `totals:` line of callgrind's file.
fn total(path: &Path) -> Result<u64, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals:"));
    line.and_then(|count| count.trim().parse().ok())
        .ok_or_else(|| "no totals in its output".into())
}

/// xorshift64: the stream only has to be spread out, and the same every time.
pub struct Random(u64);

impl Random {
    /// Numbers that follow from a seed, which is not 0.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Replaces every `__rand_int__`, as valkey-benchmark does.
    fn fill(&mut self, word: &str, range: usize) -> String {
        let mut filled = word.to_owned();
        while filled.contains("__rand_int__") {
            let number = format!("{:012}", self.next() % range as u64);
            filled = filled.replacen("__rand_int__", &number, 1);
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_gets_a_number_of_its_own() {
        let filled = Random::new(SEED).fill("a:__rand_int__ b:__rand_int__", 100_000);
        assert_eq!(filled.len(), "a:000000000000 b:000000000000".len());
        assert_ne!(filled[2..14], filled[17..29]);
        assert_eq!(
            filled,
            Random::new(SEED).fill("a:__rand_int__ b:__rand_int__", 100_000)
        );
    }
}
