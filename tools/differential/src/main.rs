//! Sends the same generated calls to two servers, and compares every answer to the byte.
//!
//! Which calls exist the reference says itself ([`grammar`]); [`roster`] says which of them are sent, [`domain`] with
//! which arguments, [`generate`] puts them together, right and wrong, and [`episodes`] arranges them on several
//! connections. [`peers`] runs them, [`compare`] judges the answers, [`keyspace`] what is left behind, and [`shrink`]
//! finds the few calls behind a difference. One seed stands for one run.

mod compare;
mod domain;
mod episodes;
mod generate;
mod grammar;
mod guard;
mod keyspace;
mod known;
mod options;
mod peers;
mod report;
mod roster;
mod scripts;
mod shrink;
mod tables;

use std::io::{Error, Result};
use std::process::ExitCode;
use std::rc::Rc;

use perilune_harness::{Connection, Server};

use crate::generate::Generator;
use crate::grammar::Grammar;
use crate::options::Options;
use crate::peers::{Mismatch, Pair, Step};
use crate::report::Report;
use crate::scripts::Library;

/// A call: its name and arguments.
pub type Words = Vec<Vec<u8>>;

/// Calls between two comparisons of everything that the servers hold.
const ROUND_CALLS: usize = 1000;
/// After so many rounds the servers begin anew: so the steps since then reproduce whatever they show.
const ROUNDS_PER_RESET: usize = 5;

fn main() -> ExitCode {
    match Options::from_arguments().map_err(Error::other).and_then(|options| differ(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("perilune-differential: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether the servers are the same.
fn differ(options: &Options) -> Result<bool> {
    let (grammar, library) = {
        let server = Server::start(&options.recipe.right, &options.recipe.right_arguments)?;
        let mut connection = Connection::open(server.address())?;
        (Grammar::ask(&mut connection, &options.only)?, Rc::new(Library::learn(&mut connection)?))
    };
    println!("seed {}, {} commands with {} options", options.seed, grammar.commands.len(), grammar.nodes.len());
    let mut generator = Generator::new(grammar, library.clone(), options.seed);
    let mut pair = Pair::start(&options.recipe, library.clone())?;
    let mut lab = None;
    let mut report = Report::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut rounds = 0;
    while report.calls() < options.calls && report.groups() < options.mismatches_max {
        if rounds % ROUNDS_PER_RESET == 0 {
            steps.clear();
            pair.reset()?;
        }
        rounds += 1;
        let round = episodes::round(&mut generator, ROUND_CALLS);
        report.sent(episodes::count_calls(&round));
        let outcome = pair.run(&round);
        let Some(mismatch) = shrink::settle(&mut pair, outcome, round.len() - 1)? else {
            steps.extend(round);
            continue;
        };
        let upto = mismatch.step;
        let before = steps.len();
        steps.extend_from_slice(&round[..=upto]);
        let mismatch = Mismatch { step: before + upto, ..mismatch };
        if report.is_new(&mismatch) {
            let reproduction = if options.shrinks && known::reason(&mismatch.what).is_none() {
                let lab = match &mut lab {
                    Some(lab) => lab,
                    None => lab.insert(Pair::start(&options.recipe, library.clone())?),
                };
                shrink::shrink(lab, &steps, &mismatch.group)?
            } else {
                None
            };
            report.print(options.seed, &mismatch, reproduction, &steps);
        }
        report.count(&mismatch);
        pair.reset()?;
        steps.clear();
        rounds = 1;
    }
    Ok(report.finish(&generator.coverage, generator.grammar(), options))
}

/// A call for people: bytes escaped, long words cut.
pub fn show_words(words: &[Vec<u8>]) -> String {
    const SHOWN_BYTES: usize = 200;
    let show = |word: &Vec<u8>| {
        let text = word[..word.len().min(SHOWN_BYTES)].escape_ascii().to_string();
        match (word.len() > SHOWN_BYTES, word.is_empty() || word.contains(&b' ')) {
            (true, _) => format!("\"{text}\"...({} bytes)", word.len()),
            (false, true) => format!("\"{text}\""),
            (false, false) => text,
        }
    };
    words.iter().map(show).collect::<Vec<_>>().join(" ")
}
