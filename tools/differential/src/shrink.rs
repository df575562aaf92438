//! From a difference somewhere in a long run to the few steps that show it on fresh servers.

use std::io::{Error, Result};
use std::time::{Duration, Instant};

use crate::pair::{Mismatch, Pair, Step};

/// How long one difference may be worked on.
const SHRINK_TIME_MAX: Duration = Duration::from_secs(20);

/// The shortest list found that still ends in a difference of the same group; None where even the whole list does
/// not show it on servers that begin anew.
pub fn shrink(
    lab: &mut Pair,
    steps: &[Step],
    wanted: &str,
) -> Result<Option<(Vec<Step>, Mismatch)>> {
    let deadline = Instant::now() + SHRINK_TIME_MAX;
    let Some(mut found) = attempt(lab, steps, wanted)? else {
        return Ok(None);
    };
    let mut chunk = found.0.len().div_ceil(2);
    while chunk > 0 && Instant::now() < deadline {
        let mut at = 0;
        // The last step is the one whose answers differ.
        while at < found.0.len() - 1 && Instant::now() < deadline {
            let end = (at + chunk).min(found.0.len() - 1);
            let fewer = [&found.0[..at], &found.0[end..]].concat();
            match attempt(lab, &fewer, wanted)? {
                Some(shorter) => found = shorter,
                None => at = end,
            }
        }
        chunk /= 2;
    }
    Ok(Some(found))
}

fn attempt(lab: &mut Pair, steps: &[Step], wanted: &str) -> Result<Option<(Vec<Step>, Mismatch)>> {
    let mismatch = run_from_scratch(lab, steps)?;
    Ok(mismatch
        .filter(|m| m.group == wanted)
        .map(|m| (steps[..=m.step].to_vec(), m)))
}

fn run_from_scratch(lab: &mut Pair, steps: &[Step]) -> Result<Option<Mismatch>> {
    let outcome = lab.reset().and_then(|()| lab.run(steps));
    settle(lab, outcome, steps.len() - 1)
}

/// Makes a failure (a server that cannot be reached any more) a difference like others, and brings servers that
/// crashed or hang back to life.
pub fn settle(
    pair: &mut Pair,
    outcome: Result<Option<Mismatch>>,
    last_step: usize,
) -> Result<Option<Mismatch>> {
    let mismatch = match outcome {
        Ok(None) => return Ok(None),
        Ok(Some(mismatch)) => mismatch,
        Err(error) => failure(&error, last_step),
    };
    if pair.is_healthy() {
        return Ok(Some(mismatch));
    }
    let log = pair.left_log();
    pair.restart()?;
    Ok(Some(Mismatch {
        left: format!(
            "{}\n    (a server is gone or hangs; the left one's log ends:)\n{log}",
            mismatch.left
        ),
        ..mismatch
    }))
}

fn failure(error: &Error, step: usize) -> Mismatch {
    Mismatch {
        step,
        what: "a server cannot be reached".into(),
        group: format!("failure: {}", error.kind()),
        left: error.to_string(),
        right: String::new(),
    }
}
