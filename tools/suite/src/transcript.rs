//! What the suite says while it runs, line by line.
//!
//! `tests/test_helper.tcl` prints one line per event: `[ok]: name (3 ms)`, `[err]: name in tests/unit/x.tcl` with
//! the message on the lines after it, `[skip]: name`, `[ignore]: name: why` or `[ignore]: why` for a whole block,
//! `[exception]: ...` when it gives up, and "The End" before a summary that repeats the failures. With `--durable`
//! an error outside of any test, which ends its `start_server` block, is an `[err]` without a name.

/// One failed test, or one block that broke off.
#[derive(Clone)]
pub struct Failure {
    /// The test's name; `None` when the error was outside of a test.
    pub test: Option<String>,
    pub message: String,
}

/// Everything the suite has said so far.
#[derive(Default)]
pub struct Transcript {
    pub passed: Vec<String>,
    pub failed: Vec<Failure>,
    /// Names of skipped tests.
    pub skipped: Vec<String>,
    /// What the suite itself ignored, with its reason at the end of the line.
    pub ignored: Vec<String>,
    /// The suite reached its end.
    pub ended: bool,
    /// The lines that come now belong to the last failure.
    in_message: bool,
}

impl Transcript {
    /// Takes the next line of output.
    pub fn line(&mut self, line: &str) {
        if self.ended {
            return;
        }
        if line.trim() == "The End" {
            self.ended = true;
            return;
        }
        let Some((status, rest)) = event(line) else {
            if self.in_message
                && let Some(failure) = self.failed.last_mut()
            {
                failure.message.push_str(line);
                failure.message.push('\n');
            }
            return;
        };
        self.in_message = false;
        match status {
            "ok" => self.passed.push(without_duration(rest).to_owned()),
            "skip" => self.skipped.push(rest.to_owned()),
            "ignore" => self.ignored.push(rest.to_owned()),
            "err" => self.fail(rest),
            "exception" | "TIMEOUT" => {
                self.failed.push(Failure {
                    test: None,
                    message: format!("{rest}\n"),
                });
                self.in_message = true;
            }
            _ => {}
        }
    }

    fn fail(&mut self, first: &str) {
        let name = first
            .rsplit_once(" in tests/")
            .map(|(name, _)| name.to_owned());
        let message = if name.is_some() {
            String::new()
        } else {
            format!("{first}\n")
        };
        self.failed.push(Failure {
            test: name,
            message,
        });
        self.in_message = true;
    }

    /// Whether a block broke off: then tests behind the error never ran, and nobody knows how many.
    pub fn broke_off(&self) -> bool {
        !self.ended || self.failed.iter().any(|failure| failure.test.is_none())
    }

    /// What to show on a progress line.
    pub fn count(&self) -> usize {
        self.passed.len() + self.failed.len()
    }
}

/// Splits `[status]: rest`.
fn event(line: &str) -> Option<(&str, &str)> {
    let (status, rest) = line.strip_prefix('[')?.split_once("]: ")?;
    let known = [
        "ok",
        "err",
        "skip",
        "ignore",
        "exception",
        "ready",
        "TIMEOUT",
    ];
    (known.contains(&status) || status.ends_with(" done")).then_some((status, rest))
}

fn without_duration(text: &str) -> &str {
    text.rsplit_once(" (").map_or(text, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Transcript {
        let mut transcript = Transcript::default();
        text.lines().for_each(|line| transcript.line(line));
        transcript
    }

    #[test]
    fn each_event_is_counted_once_although_the_summary_repeats_the_failures() {
        let t = read(
            "[ready]: 77\n[ok]: SET and GET (1 ms)\n[err]: LCS basic in tests/unit/type/string.tcl\nExpected 1\nbut 2\n\
             [ok]: DEL (quietly) (0 ms)\n[skip]: MGET\n[ignore]: X: Tag: needs:repl denied\n[1/1 done]: unit/type/string (3 seconds)\n\
             \n                   The End\n\n*** [err]: LCS basic in tests/unit/type/string.tcl\n[err]: again",
        );
        assert_eq!(t.passed, ["SET and GET", "DEL (quietly)"]);
        assert_eq!(t.failed.len(), 1);
        assert_eq!(t.failed[0].test.as_deref(), Some("LCS basic"));
        assert_eq!(t.failed[0].message, "Expected 1\nbut 2\n");
        assert_eq!((t.skipped.len(), t.ignored.len()), (1, 1));
        assert!(t.ended && !t.broke_off());
    }

    #[test]
    fn an_error_outside_of_a_test_breaks_the_block_off() {
        let t =
            read("[err]: n command 'function'\n    while executing\n[ok]: x (0 ms)\n The End\n");
        assert_eq!(t.failed[0].test, None);
        assert!(t.failed[0].message.starts_with("n command 'function'\n"));
        assert!(t.broke_off());
    }

    #[test]
    fn a_unit_that_stops_before_the_end_broke_off() {
        assert!(read("[ok]: x (0 ms)\n").broke_off());
        assert_eq!(
            read("[exception]: Executing test client: boom\n")
                .failed
                .len(),
            1
        );
    }
}
