//! Instructions per operation, counted by valgrind: the measure for comparing commit with commit.
//!
//! A server runs under callgrind twice and gets the same stream of commands, once with N operations and once with
//! 2N, from one connection in batches of the workload's pipeline depth. The difference divided by N is free of
//! start-up, preload and shutdown. Only user space is counted: system calls cost nothing here, and time does not
//! pass differently on a busy machine, so the number holds still to about a percent.

use std::path::Path;

use serde_json::json;

use crate::args::{Contender, Options};
use crate::client::encode;
use crate::report::{Section, progress};
use crate::server::Setup;
use crate::workloads::{Workload, with_prefix};

const OUT_FILE: &str = "callgrind.out";

/// A seed like any other, but the same in every run.
const SEED: u64 = 0x5EED_0F7E_121C_0DE5;

/// Counts every chosen workload on every server.
pub fn run(options: &Options) -> Result<Section, String> {
    let mut text = "\nInstructions per operation (callgrind, user space)\n".to_owned();
    text += &format!("{:<22}", "workload");
    options.servers.iter().for_each(|contender| text += &format!("{:>14}", contender.name));
    text.push('\n');
    let mut rows = serde_json::Map::new();
    for workload in &options.workloads {
        text += &format!("{:<22}", workload.name);
        let mut row = serde_json::Map::new();
        for contender in &options.servers {
            let operations = ((workload.operations_counted as f64 * options.scale) as usize).max(workload.pipeline);
            progress(&format!("callgrind, {}: {}", workload.name, contender.name));
            let once = instructions(contender, workload, operations)?;
            let twice = instructions(contender, workload, 2 * operations)?;
            let per_operation = twice.saturating_sub(once) / operations as u64;
            text += &format!("{per_operation:>14}");
            row.insert(contender.name.clone(), json!(per_operation));
        }
        text.push('\n');
        rows.insert(workload.name.into(), json!(row));
    }
    Ok(Section { text, json: json!(rows), passed: true })
}

fn instructions(contender: &Contender, workload: &Workload, operations: usize) -> Result<u64, String> {
    let under = ["valgrind", "--tool=callgrind", "--callgrind-out-file=callgrind.out", "-q"];
    let under = under.map(String::from).to_vec();
    let server = Setup { contender, io_threads: 1, core: None, under }.start()?;
    let mut client = server.client()?;
    let command = with_prefix(&workload.prepare(&mut client)?, "key");
    let mut random = Random(SEED);
    let mut sent = 0;
    while sent < operations {
        let batch = workload.pipeline.min(operations - sent);
        let mut bytes = Vec::new();
        for _ in 0..batch {
            let words: Vec<String> = command.iter().map(|word| random.fill(word, workload.range)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            encode(&mut bytes, &words);
        }
        client.send(&bytes)?;
        client.replies(batch)?;
        sent += batch;
    }
    drop(client);
    let counted = server.stop(|folder| total(&folder.join(OUT_FILE)))?;
    counted.map_err(|e| format!("{} under callgrind: {e}", contender.name))
}

/// The `totals:` line of callgrind's file.
fn total(path: &Path) -> Result<u64, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals:"));
    line.and_then(|count| count.trim().parse().ok()).ok_or_else(|| "no totals in its output".into())
}

/// xorshift64: the stream only has to be spread out, and the same every time.
struct Random(u64);

impl Random {
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
        let filled = Random(SEED).fill("a:__rand_int__ b:__rand_int__", 100_000);
        assert_eq!(filled.len(), "a:000000000000 b:000000000000".len());
        assert_ne!(filled[2..14], filled[17..29]);
        assert_eq!(filled, Random(SEED).fill("a:__rand_int__ b:__rand_int__", 100_000));
    }
}
