//! Sends the same generated calls to two servers, and compares every answer to the byte.
//!
//! Which calls exist the reference says itself ([`grammar`]); [`roster`] says which of them are sent, [`domain`] with
//! which arguments, [`generate`] puts them together, right and wrong, and [`episodes`] arranges them on several
//! connections. [`pair`] runs them, [`compare`] judges the answers, [`keyspace`] what is left behind, and [`shrink`]
//! finds the few calls behind a difference. One seed stands for one run.

mod collections;
mod compare;
mod conversions;
mod domain;
mod episodes;
mod functions;
mod generate;
mod grammar;
mod guard;
mod hashes;
mod keyspace;
mod known;
mod lapsed;
mod libraries;
mod lists;
mod options;
mod pair;
mod payloads;
mod peer;
mod pools;
mod report;
mod roster;
mod scripts;
mod sets;
mod shrink;
mod sorted_sets;
mod sorting;
mod tables;
mod waiting;

use std::io::{Error, Result};
use std::process::ExitCode;
use std::rc::Rc;

use perilune_harness::{Connection, Server};

use crate::generate::Generator;
use crate::grammar::Grammar;
use crate::known::Known;
use crate::options::Options;
use crate::pair::{Mismatch, Pair, Step};
use crate::report::Report;
use crate::scripts::Library;

/// A call: its name and arguments.
pub type Words = Vec<Vec<u8>>;

/// Calls between two comparisons of everything that the servers hold.
const ROUND_CALLS: usize = 1000;
/// After so many rounds the servers begin anew: so the steps since then reproduce whatever they show.
const ROUNDS_PER_RESET: usize = 5;
/// So often keys are left alone for some seconds.
const ROUNDS_PER_PAUSE: usize = 100;

fn main() -> ExitCode {
    match Options::from_arguments()
        .map_err(Error::other)
        .and_then(|options| differ(&options))
    {
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
    let recipe = &options.recipe;
    let (grammar, library) = {
        let left = Server::start(&recipe.left, &recipe.left_arguments)?;
        let right = Server::start(&recipe.right, &recipe.right_arguments)?;
        let mut connection = Connection::open(right.address())?;
        let mut left = Connection::open(left.address())?;
        roster::introduce(&mut left, &mut connection, &options.only)?;
        (
            Grammar::ask(&mut connection, &options.only)?,
            Rc::new(Library::learn(&mut connection)?),
        )
    };
    let (commands, nodes) = (grammar.commands.len(), grammar.nodes.len());
    println!(
        "seed {}, {commands} commands with {nodes} options",
        options.seed
    );
    let mut generator = Generator::new(grammar, library.clone(), options.seed);
    let round = match options.conversions {
        true => episodes::conversions,
        false => episodes::round,
    };
    let pair = Pair::start(&options.recipe, library.clone())?;
    let known = Known::read(options.known.as_deref())?;
    let (report, history) = (Report::new(known), Vec::new());
    let mut run = Run {
        options,
        library,
        pair,
        lab: None,
        report,
        history,
    };
    let mut rounds = 0;
    while run.report.calls() < options.calls && !run.has_enough() {
        if rounds % ROUNDS_PER_RESET == 0 {
            run.begin_anew()?;
        }
        let mut steps = Vec::new();
        if rounds % ROUNDS_PER_PAUSE == 0 && !options.conversions {
            steps = episodes::unused(&mut generator);
        }
        rounds += 1;
        steps.extend(round(&mut generator, ROUND_CALLS));
        run.report.sent(episodes::count_calls(&steps));
        run.round(&steps)?;
    }
    Ok(run.report.finish(&generator, run.pair.tally, options))
}

/// A run over two servers.
struct Run<'a> {
    options: &'a Options,
    library: Rc<Library>,
    pair: Pair,
    /// Servers to reproduce differences on.
    lab: Option<Pair>,
    report: Report,
    /// All steps since the servers began anew.
    history: Vec<Step>,
}

impl Run<'_> {
    fn has_enough(&self) -> bool {
        self.report.groups() >= self.options.mismatches_max
    }

    fn begin_anew(&mut self) -> Result<()> {
        self.history.clear();
        self.pair.reset()
    }

    /// Runs the steps; after a difference the servers begin anew with the step behind it.
    fn round(&mut self, steps: &[Step]) -> Result<()> {
        let mut rest = steps;
        while !rest.is_empty() && !self.has_enough() {
            let outcome = self.pair.run(rest);
            let Some(mismatch) = shrink::settle(&mut self.pair, outcome, rest.len() - 1)? else {
                self.history.extend_from_slice(rest);
                return Ok(());
            };
            let (done, left) = rest.split_at(mismatch.step + 1);
            self.history.extend_from_slice(done);
            self.difference(&mismatch)?;
            self.begin_anew()?;
            rest = left;
        }
        Ok(())
    }

    /// Reports the difference in which the history ends.
    fn difference(&mut self, mismatch: &Mismatch) -> Result<()> {
        if self.report.is_new(mismatch) {
            let is_worth_it = self.options.shrinks && !self.report.is_meant(mismatch);
            let reproduction = if is_worth_it {
                let lab = match &mut self.lab {
                    Some(lab) => lab,
                    None => self
                        .lab
                        .insert(Pair::start(&self.options.recipe, self.library.clone())?),
                };
                shrink::shrink(lab, &self.history, &mismatch.group)?
            } else {
                None
            };
            self.report
                .print(self.options.seed, mismatch, reproduction, &self.history);
        }
        self.report.count(mismatch);
        Ok(())
    }
}

/// A call for people: bytes escaped, long words cut.
pub fn show_words(words: &[Vec<u8>]) -> String {
    const SHOWN_BYTES: usize = 200;
    let show = |word: &Vec<u8>| {
        let text = word[..word.len().min(SHOWN_BYTES)]
            .escape_ascii()
            .to_string();
        match (
            word.len() > SHOWN_BYTES,
            word.is_empty() || word.contains(&b' '),
        ) {
            (true, _) => format!("\"{text}\"...({} bytes)", word.len()),
            (false, true) => format!("\"{text}\""),
            (false, false) => text,
        }
    };
    words.iter().map(show).collect::<Vec<_>>().join(" ")
}
