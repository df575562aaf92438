//! The command line, parsed once into what the rest of the program means by it.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::workloads::{WORKLOADS, Workload};

/// What `--help` prints.
pub const HELP: &str = "\
Compares servers of the Redis family; the server named last is the reference.

  --server NAME=FILE     a server binary (repeatable)
  --load-generator FILE  valkey-benchmark (for the comparison under load)
  --rounds N             rounds, each server once in each (default 3)
  --workloads A,B        only these (default all)
  --scale X              times the usual number of operations, e.g. 0.1 for a quick look (default 1)
  --memory               resident bytes per key, and of an empty server
  --elements             resident bytes per element of big collections
  --parallel             two scripts of 50 ms on different keys against one
  --callgrind            instructions per operation under valgrind
  --undo                 what undo costs the first server; the last one is a build without it
  --compare              the comparison under load (the default when no other measure is asked for)
  --check                exit code 1 when a bar is missed
  --server-core N        core of the servers (default: the first this process may use)
  --load-core N          core of the load generator (default: the second)
  --json FILE            write all results as JSON

workloads:";

/// A server to measure.
pub struct Contender {
    pub name: String,
    pub binary: PathBuf,
}

/// Which measures to take.
#[derive(Default)]
pub struct Measures {
    pub compare: bool,
    pub memory: bool,
    pub elements: bool,
    pub parallel: bool,
    pub callgrind: bool,
    pub undo: bool,
}

/// What the user asked for.
pub struct Options {
    /// At least one; the last is the reference.
    pub servers: Vec<Contender>,
    pub load_generator: Option<PathBuf>,
    pub rounds: usize,
    pub workloads: Vec<&'static Workload>,
    pub scale: f64,
    pub measures: Measures,
    pub check: bool,
    pub server_core: usize,
    pub load_core: usize,
    pub json: Option<PathBuf>,
}

impl Options {
    /// The server that the others are held against.
    pub fn reference(&self) -> &Contender {
        &self.servers[self.servers.len() - 1]
    }
}

/// `None` when help was asked for.
pub fn parse() -> Result<Option<Options>, String> {
    parse_from(lexopt::Parser::from_env()).map_err(|e| format!("{e} (see --help)"))
}

fn parse_from(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut servers, mut workloads) = (Vec::new(), Vec::new());
    let (mut load_generator, mut json) = (None, None);
    let (mut rounds, mut scale, mut check) = (3, 1.0, false);
    let mut measures = Measures::default();
    let (mut server_core, mut load_core) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("server") => servers.push(contender(&parser.value()?.string()?)?),
            Long("load-generator") => load_generator = Some(PathBuf::from(parser.value()?)),
            Long("rounds") => rounds = parser.value()?.parse::<usize>()?.max(1),
            Long("workloads") => workloads = named(&parser.value()?.string()?)?,
            Long("scale") => scale = parser.value()?.parse()?,
            Long("memory") => measures.memory = true,
            Long("elements") => measures.elements = true,
            Long("parallel") => measures.parallel = true,
            Long("callgrind") => measures.callgrind = true,
            Long("undo") => measures.undo = true,
            Long("compare") => measures.compare = true,
            Long("check") => check = true,
            Long("server-core") => server_core = Some(parser.value()?.parse()?),
            Long("load-core") => load_core = Some(parser.value()?.parse()?),
            Long("json") => json = Some(PathBuf::from(parser.value()?)),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if servers.is_empty() {
        return Err("at least one --server NAME=FILE is needed".into());
    }
    if workloads.is_empty() {
        workloads = WORKLOADS.iter().collect();
    }
    let Measures {
        memory,
        elements,
        parallel,
        callgrind,
        undo,
        ..
    } = measures;
    if !(memory || elements || parallel || callgrind || undo) {
        measures.compare = true;
    }
    if measures.compare && load_generator.is_none() {
        return Err("--load-generator is missing".into());
    }
    let (first, second) = two_cores()?;
    Ok(Some(Options {
        servers,
        load_generator,
        rounds,
        workloads,
        scale,
        measures,
        check,
        server_core: server_core.unwrap_or(first),
        load_core: load_core.unwrap_or(second),
        json,
    }))
}

fn contender(text: &str) -> Result<Contender, lexopt::Error> {
    let (name, path) = text
        .split_once('=')
        .ok_or_else(|| format!("--server wants NAME=FILE, got '{text}'"))?;
    let binary = std::fs::canonicalize(path).map_err(|e| format!("{path}: {e}"))?;
    Ok(Contender {
        name: name.to_owned(),
        binary,
    })
}

fn named(list: &str) -> Result<Vec<&'static Workload>, lexopt::Error> {
    let find = |name: &str| {
        let known = WORKLOADS.iter().find(|workload| workload.name == name);
        known.ok_or_else(|| format!("no workload '{name}'").into())
    };
    list.split(',').map(find).collect()
}

/// The first two cores that this process may run on.
fn two_cores() -> Result<(usize, usize), String> {
    let set =
        nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)).map_err(|e| e.to_string())?;
    let mut allowed =
        (0..nix::sched::CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false));
    match (allowed.next(), allowed.next()) {
        (Some(first), Some(second)) => Ok((first, second)),
        _ => Err("two cores are needed: one for the server, one for the load".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> Result<Options, lexopt::Error> {
        let base = ["bench", "--server", "a=/", "--server", "b=/"];
        parse_from(lexopt::Parser::from_iter(base.iter().chain(args))).map(Option::unwrap)
    }

    #[test]
    fn the_server_named_last_is_the_reference() {
        assert_eq!(options(&["--memory"]).unwrap().reference().name, "b");
    }

    #[test]
    fn the_comparison_is_the_default_and_needs_a_load_generator() {
        assert!(options(&[]).is_err());
        assert!(
            options(&["--load-generator", "x"])
                .unwrap()
                .measures
                .compare
        );
        assert!(!options(&["--memory"]).unwrap().measures.compare);
    }

    #[test]
    fn an_unknown_workload_is_refused() {
        assert!(options(&["--memory", "--workloads", "get,nope"]).is_err());
        assert_eq!(
            options(&["--memory", "--workloads", "get,set"])
                .unwrap()
                .workloads
                .len(),
            2
        );
    }
}
