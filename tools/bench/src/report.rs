//! How results are shown: progress on standard error, a section as text and as JSON, verdicts against bars.

use std::io::{IsTerminal, Write};

use serde_json::Value;

use crate::workloads::Bar;

/// What one measure has found.
pub struct Section {
    pub text: String,
    pub json: Value,
    /// No bar was missed.
    pub passed: bool,
}

/// Shows what is being done now: one line, rewritten on a terminal.
pub fn progress(line: &str) {
    let mut err = std::io::stderr();
    let _ = if err.is_terminal() {
        write!(err, "\r\x1b[K{line}")
    } else {
        writeln!(err, "{line}")
    };
    let _ = err.flush();
}

/// Makes room for a table.
pub fn clear_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

impl Bar {
    /// Whether `value` is allowed.
    pub fn holds(&self, value: f64) -> bool {
        value <= self.at_most
    }

    /// A word for the table.
    pub fn verdict(&self, value: f64) -> &'static str {
        match value {
            v if v <= self.stretch => "stretch",
            v if v <= self.at_most => "pass",
            _ => "MISSED",
        }
    }
}

/// The middle value, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

/// Smallest and largest.
pub fn spread(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(*v), high.max(*v))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn a_bar_has_three_verdicts() {
        let bar = Bar {
            at_most: 0.6,
            stretch: 0.45,
        };
        assert_eq!(
            [0.45, 0.6, 0.61].map(|v| bar.verdict(v)),
            ["stretch", "pass", "MISSED"]
        );
        assert!(bar.holds(0.6) && !bar.holds(0.61));
    }
}
