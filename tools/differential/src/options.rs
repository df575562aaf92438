//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::pair::{Protocols, Recipe};

const HELP: &str = "\
Sends the same generated calls to two servers and compares every answer to the byte.

perilune-differential --left <our binary> --right <reference binary> [option...]

  --calls <n>             how many calls (1,000,000)
  --short                 50,000 calls
  --seed <n>              everything follows from it (by the clock; printed)
  --resp 2|3|both         what connections begin with (both)
  --only <word>           only commands whose names begin with this; may be repeated
  --left-arg '<word>...'  arguments for the left server, words split at spaces; may be repeated
  --right-arg '<word>...' the same for the right one
  --lock-chaos            the left server is of the build whose locks fail by chance: let it settle between calls
                          that serve those who wait
  --conversions           only scripts, functions and the values that go through them (conversions.rs, libraries.rs)
  --known <file>          more differences that are meant, as in known.txt
  --max-mismatches <n>    give up after so many groups of differences (50)
  --no-shrink             print differences where they were found, without a short reproduction
  --coverage              print how often every option was sent, not only those below the least number

Exit code 0: no difference, and (from 1,000,000 calls on) every option sent at least 200 times. 1: otherwise.";

/// The command line, understood.
#[derive(Debug)]
pub struct Options {
    pub recipe: Recipe,
    pub calls: usize,
    pub seed: u64,
    pub only: Vec<String>,
    pub conversions: bool,
    pub known: Option<PathBuf>,
    pub mismatches_max: usize,
    pub shrinks: bool,
    pub prints_coverage: bool,
}

impl Options {
    /// What the user typed.
    pub fn from_arguments() -> Result<Self, lexopt::Error> {
        let (mut left, mut right): (Option<PathBuf>, Option<PathBuf>) = (None, None);
        let (mut left_arguments, mut right_arguments) = (Vec::new(), Vec::new());
        let (mut calls, mut seed, mut only, mut mismatches_max) =
            (1_000_000, fastrand::u64(..), Vec::new(), 50);
        let mut known: Option<PathBuf> = None;
        let (mut conversions, mut settles) = (false, false);
        let (mut protocols, mut shrinks, mut prints_coverage) = (Protocols::Both, true, false);
        let mut parser = lexopt::Parser::from_env();
        let words = |line: String| {
            line.split_whitespace()
                .map(String::from)
                .collect::<Vec<_>>()
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("left") => left = Some(parser.value()?.into()),
                Long("right") => right = Some(parser.value()?.into()),
                Long("left-arg") => left_arguments.extend(words(parser.value()?.string()?)),
                Long("right-arg") => right_arguments.extend(words(parser.value()?.string()?)),
                Long("conversions") => conversions = true,
                Long("lock-chaos") => settles = true,
                Long("known") => known = Some(parser.value()?.into()),
                Long("calls") => calls = parser.value()?.parse()?,
                Long("short") => calls = 50_000,
                Long("seed") => seed = parser.value()?.parse()?,
                Long("only") => only.push(parser.value()?.string()?),
                Long("max-mismatches") => mismatches_max = parser.value()?.parse()?,
                Long("no-shrink") => shrinks = false,
                Long("coverage") => prints_coverage = true,
                Long("resp") => {
                    protocols = match parser.value()?.string()?.as_str() {
                        "2" => Protocols::Resp2,
                        "3" => Protocols::Resp3,
                        "both" => Protocols::Both,
                        other => return Err(format!("--resp {other}: 2, 3 or both").into()),
                    }
                }
                Long("help") | Short('h') => {
                    println!("{HELP}");
                    std::process::exit(0);
                }
                other => return Err(other.unexpected()),
            }
        }
        let (left, right) = left
            .zip(right)
            .ok_or("give --left and --right (see --help)")?;
        let recipe = Recipe {
            left,
            right,
            left_arguments,
            right_arguments,
            protocols,
            settles,
        };
        Ok(Self {
            recipe,
            calls,
            seed,
            only,
            conversions,
            known,
            mismatches_max,
            shrinks,
            prints_coverage,
        })
    }
}
