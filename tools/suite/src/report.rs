//! What came out: a table, the failures, the skips with their reasons, and the same as JSON.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::args::Options;
use crate::skips::{Applied, Skips};
use crate::unit::UnitResult;

/// How much of a failure's message the text output shows; the JSON holds all of it.
const MESSAGE_LINES_MAX: usize = 8;

/// All units with the skips that applied in each.
pub struct Report<'a> {
    options: &'a Options,
    units: Vec<(UnitResult, Vec<Applied>)>,
}

impl<'a> Report<'a> {
    /// Holds the results against the list of skips.
    pub fn new(options: &'a Options, skips: &Skips, results: Vec<UnitResult>) -> Report<'a> {
        let with_skips = |result: UnitResult| {
            let applied = skips.applied(&result.unit, &result.transcript);
            (result, applied)
        };
        Report {
            options,
            units: results.into_iter().map(with_skips).collect(),
        }
    }

    /// No failure, no unit cut short, no stale skip.
    pub fn is_green(&self) -> bool {
        self.units.iter().all(|(result, _)| result.is_green()) && self.stale().next().is_none()
    }

    /// Entries that matched nothing. With `--single`, or where a block broke off, nobody can tell.
    fn stale(&self) -> impl Iterator<Item = (&str, &Applied)> {
        let whole = self.options.single.is_empty();
        let complete = self
            .units
            .iter()
            .filter(move |(result, _)| whole && !result.transcript.broke_off());
        complete.flat_map(|(result, applied)| {
            applied
                .iter()
                .filter(|entry| entry.hits == 0)
                .map(|entry| (result.unit.as_str(), entry))
        })
    }

    fn skips(&self) -> impl Iterator<Item = (&str, &Applied)> {
        self.units
            .iter()
            .flat_map(|(result, applied)| applied.iter().map(|entry| (result.unit.as_str(), entry)))
    }

    /// Everything as text on standard output.
    pub fn print(&self) {
        self.print_failures();
        self.print_skips();
        self.print_ignored();
        self.print_table();
        for (unit, entry) in self.stale() {
            println!(
                "stale skip in {unit}: '{}' matched nothing ({})",
                entry.entry, entry.reason
            );
        }
    }

    fn print_failures(&self) {
        for (result, _) in &self.units {
            for failure in &result.transcript.failed {
                let test = failure
                    .test
                    .as_deref()
                    .unwrap_or("(outside of a test: the rest of its block did not run)");
                println!("FAILED {}: {test}", result.unit);
                for line in failure.message.lines().take(MESSAGE_LINES_MAX) {
                    println!("    {line}");
                }
            }
            if let Some(problem) = &result.problem {
                println!("FAILED {}: {problem}", result.unit);
            }
        }
    }

    fn print_skips(&self) {
        let mut reasons: Vec<&str> = Vec::new();
        for (_, entry) in self.skips() {
            if !reasons.contains(&entry.reason.as_str()) {
                reasons.push(&entry.reason);
            }
        }
        for reason in reasons {
            let entries = || self.skips().filter(|(_, entry)| entry.reason == reason);
            let hits: usize = entries().map(|(_, entry)| entry.hits).sum();
            println!("skipped {hits}: {reason}");
            for (unit, entry) in entries() {
                println!("    {unit}: {} ({})", entry.entry, entry.hits);
            }
        }
    }

    fn print_ignored(&self) {
        for (result, _) in &self.units {
            for why in result
                .transcript
                .ignored
                .iter()
                .filter(|why| !why.ends_with(" denied"))
            {
                println!("ignored by the suite in {}: {why}", result.unit);
            }
        }
    }

    fn print_table(&self) {
        println!(
            "\n{:<20}{:>8}{:>8}{:>9}{:>9}{:>9}",
            "unit", "passed", "failed", "skipped", "ignored", "seconds"
        );
        let mut total = [0; 4];
        for (result, _) in &self.units {
            let counts = counts(result);
            total = std::array::from_fn(|i| total[i] + counts[i]);
            let [passed, failed, skipped, ignored] = counts;
            let seconds = result.elapsed.as_secs();
            println!(
                "{:<20}{passed:>8}{failed:>8}{skipped:>9}{ignored:>9}{seconds:>9}",
                result.unit
            );
        }
        let [passed, failed, skipped, ignored] = total;
        println!(
            "{:<20}{passed:>8}{failed:>8}{skipped:>9}{ignored:>9}",
            "all"
        );
    }

    /// The same as JSON, to a file or, with `-`, to standard output.
    pub fn write_json(&self, path: &Path) -> Result<(), String> {
        let units = self.units.iter().map(|(result, applied)| {
            let [passed, failed, skipped, ignored] = counts(result);
            let failures = result.transcript.failed.iter();
            let failures = failures.map(|f| json!({ "test": f.test, "message": f.message }));
            let skips = applied.iter();
            let skips =
                skips.map(|s| json!({ "entry": s.entry, "reason": s.reason, "hits": s.hits }));
            json!({
                "unit": result.unit,
                "passed": passed, "failed": failed, "skipped": skipped, "ignored": ignored,
                "seconds": result.elapsed.as_secs_f64(),
                "problem": result.problem,
                "failures": failures.collect::<Vec<_>>(),
                "skips": skips.collect::<Vec<_>>(),
                "ignored_by_suite": result.transcript.ignored,
            })
        });
        let stale = self
            .stale()
            .map(|(unit, entry)| json!({ "unit": unit, "entry": entry.entry }));
        let document = json!({
            "green": self.is_green(),
            "units": units.collect::<Vec<_>>(),
            "stale_skips": stale.collect::<Vec<_>>(),
        });
        let text = format!("{document:#}\n");
        let written = if path == Path::new("-") {
            std::io::stdout().write_all(text.as_bytes())
        } else {
            std::fs::write(path, text)
        };
        written.map_err(|e| format!("{}: {e}", path.display()))
    }
}

fn counts(result: &UnitResult) -> [usize; 4] {
    let t = &result.transcript;
    [
        t.passed.len(),
        t.failed.len(),
        t.skipped.len(),
        t.ignored.len(),
    ]
}
