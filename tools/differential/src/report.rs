//! Prints progress, differences and coverage.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::generate::Generator;
use crate::known::Known;
use crate::options::Options;
use crate::pair::{Mismatch, Step, Tally};

/// From so many calls on every option must have been sent often enough.
const COVERED_CALLS_MIN: usize = 1_000_000;
/// How often that is.
const OPTION_COUNT_MIN: u64 = 200;
/// Steps printed of one that could not be made short.
const PRINTED_STEPS_MAX: usize = 40;
/// Steps printed of a difference that could not be reproduced.
const UNREPRODUCED_STEPS: usize = 15;

/// What was sent and found so far.
pub struct Report {
    started: Instant,
    printed: Instant,
    calls: usize,
    /// Differences by group, and whether they are meant.
    groups: BTreeMap<String, (usize, Option<String>)>,
    known: Known,
}

impl Report {
    /// Nothing yet; these differences are meant.
    pub fn new(known: Known) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            printed: now,
            calls: 0,
            groups: BTreeMap::new(),
            known,
        }
    }

    /// Calls sent to each server.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Groups of differences that are not meant.
    pub fn groups(&self) -> usize {
        self.groups
            .values()
            .filter(|(_, known)| known.is_none())
            .count()
    }

    /// So many calls more.
    pub fn sent(&mut self, calls: usize) {
        self.calls += calls;
        if self.printed.elapsed() > Duration::from_secs(2) {
            self.printed = Instant::now();
            let per_second = self.calls as f64 / self.started.elapsed().as_secs_f64();
            let differences: usize = self.groups.values().map(|(count, _)| count).sum();
            eprint!(
                "\r{} calls, {per_second:.0} per second, {differences} differences ",
                self.calls
            );
            // Progress that cannot be shown is no reason to stop.
            let _ = std::io::stderr().flush();
        }
    }

    /// Whether the difference is meant.
    pub fn is_meant(&self, mismatch: &Mismatch) -> bool {
        self.known.reason(&mismatch.what).is_some()
    }

    /// Whether nothing like it was seen before.
    pub fn is_new(&self, mismatch: &Mismatch) -> bool {
        !self.groups.contains_key(&mismatch.group)
    }

    /// One more of its group.
    pub fn count(&mut self, mismatch: &Mismatch) {
        let entry = self.groups.entry(mismatch.group.clone());
        entry
            .or_insert_with(|| (0, self.known.reason(&mismatch.what).map(String::from)))
            .0 += 1;
    }

    /// The first of its group, with the few steps that lead to it.
    pub fn print(
        &self,
        seed: u64,
        found: &Mismatch,
        reproduction: Option<(Vec<Step>, Mismatch)>,
        steps: &[Step],
    ) {
        if let Some(reason) = self.known.reason(&found.what) {
            println!("\nknown: {} ({reason})", found.what);
            return;
        }
        println!(
            "\n--- DIFFERENCE, seed {seed}, about call {}: {}",
            self.calls, found.group
        );
        let (steps, mismatch) = match &reproduction {
            Some((steps, mismatch)) => {
                println!("    reproduced by {} steps on fresh servers:", steps.len());
                (steps.as_slice(), mismatch)
            }
            None => {
                println!("    the last steps before it (not shrunk):");
                (
                    &steps[steps.len().saturating_sub(UNREPRODUCED_STEPS)..],
                    found,
                )
            }
        };
        for step in &steps[steps.len().saturating_sub(PRINTED_STEPS_MAX)..] {
            match step {
                Step::Call { session, words } => {
                    println!("    {session}> {}", crate::show_words(words))
                }
                Step::Raw { session, bytes } => {
                    println!("    {session}> bytes {}", bytes.escape_ascii())
                }
                Step::Scan { database, options } => {
                    println!(
                        "     > whole SCAN of database {database} {}",
                        crate::show_words(options)
                    );
                }
                Step::Reconnect { session } => println!("    {session}> (a new connection)"),
                Step::Wait { milliseconds } => println!("     > (wait {milliseconds} ms)"),
                Step::Served {
                    waiter,
                    words,
                    calls,
                } => {
                    println!("    {waiter}> {} (waits)", crate::show_words(words));
                    for call in calls {
                        println!("     > {}", crate::show_words(call));
                    }
                }
                Step::Transfer { from, to, lefts } => println!(
                    "     > (DUMP {} of the {} server, RESTORE {} in both)",
                    from.escape_ascii(),
                    if *lefts { "left" } else { "right" },
                    to.escape_ascii()
                ),
                Step::Damaged { payload } => {
                    println!("     > (RESTORE {} in both)", payload.escape_ascii());
                }
                Step::Compare => println!("     > (compare the keyspace)"),
            }
        }
        println!("    in: {}", mismatch.what);
        println!("    left:  {}", mismatch.left);
        println!("    right: {}", mismatch.right);
    }

    /// The summary; whether the servers are the same and every option was sent.
    pub fn finish(&self, generator: &Generator, tally: Tally, options: &Options) -> bool {
        let seconds = self.started.elapsed().as_secs_f64();
        eprintln!();
        println!(
            "{} calls in {seconds:.1} s, {:.0} per second",
            self.calls,
            self.calls as f64 / seconds
        );
        let error_share = tally.errors as f64 / tally.answers.max(1) as f64 * 100.0;
        println!(
            "{} answers compared, {error_share:.0} % of them errors",
            tally.answers
        );
        let table = generator.coverage.table(generator.grammar());
        let scarce: Vec<_> = table
            .iter()
            .filter(|(_, count)| *count < OPTION_COUNT_MIN)
            .collect();
        let least = table.first().map_or(0, |(_, count)| *count);
        println!(
            "{} options, the least sent {least} times, {} below {OPTION_COUNT_MIN}",
            table.len(),
            scarce.len()
        );
        if options.prints_coverage {
            table
                .iter()
                .for_each(|(option, count)| println!("{count:>10}  {option}"));
        } else if self.calls >= COVERED_CALLS_MIN {
            scarce
                .iter()
                .for_each(|(option, count)| println!("{count:>10}  {option}"));
        }
        for (group, (count, known)) in &self.groups {
            let known = known
                .as_ref()
                .map(|reason| format!(" (meant: {reason})"))
                .unwrap_or_default();
            println!("{count:>6} x {group}{known}");
        }
        println!(
            "{} differences that are not meant, in {} groups",
            self.unmeant(),
            self.groups()
        );
        self.groups() == 0 && (self.calls < COVERED_CALLS_MIN || scarce.is_empty())
    }

    fn unmeant(&self) -> usize {
        self.groups
            .values()
            .filter(|(_, known)| known.is_none())
            .map(|(count, _)| count)
            .sum()
    }
}
