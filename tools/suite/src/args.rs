//! The command line, parsed once into what the rest of the program means by it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::prelude::*;

/// The units that can run; what runs when no `--unit` is given.
pub const UNITS_DEFAULT: &[&str] = &[
    "unit/type/string",
    "unit/type/incr",
    "unit/expire",
    "unit/multi",
    "unit/protocol",
    "unit/quit",
    "unit/querybuf",
    "unit/bitops",
    "unit/bitfield",
    "unit/scripting",
    "unit/functions",
    "unit/type/list",
    "unit/type/list-2",
    "unit/type/list-3",
    "unit/type/hash",
    "unit/type/set",
    "unit/type/zset",
    "unit/pubsub",
    "unit/pubsubshard",
    "unit/obuf-limits",
    "unit/sort",
    "unit/scan",
    "unit/keyspace",
    "unit/dump",
    "unit/lazyfree",
];

const UNIT_TIME_LIMIT_DEFAULT: Duration = Duration::from_secs(300);

/// What `--help` prints.
pub const HELP: &str = "\
Runs the Tcl suite of a reference source tree against our server.

  --source DIR       source tree of a built Valkey or Redis
  --server FILE      our binary
  --unit UNIT        run this unit, e.g. unit/expire (repeatable; default: all that can run)
  --single TEST      run only this test, by name or /regexp (repeatable; stale skips are not looked for)
  --config 'K V'     add a line to the config of every server (repeatable)
  --jobs N           units at the same time (default: the cores there are)
  --time-limit SECS  end a unit that takes longer (default 300)
  --skips FILE       another list than the built-in skips.toml
  --json FILE        write the results as JSON; - for standard output
  --keep             keep the work folder with the servers' logs and the transcript of each unit";

/// What the user asked for, with paths made absolute.
pub struct Options {
    pub source: PathBuf,
    pub server: PathBuf,
    pub units: Vec<String>,
    pub single: Vec<String>,
    /// Name and value of each extra config line.
    pub config: Vec<(String, String)>,
    pub jobs: usize,
    pub time_limit: Duration,
    pub skips: Option<PathBuf>,
    pub json: Option<PathBuf>,
    pub keep: bool,
}

/// `None` when help was asked for.
pub fn parse() -> Result<Option<Options>, String> {
    parse_from(lexopt::Parser::from_env()).map_err(|e| format!("{e} (see --help)"))
}

fn parse_from(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut source, mut server, mut skips, mut json) = (None, None, None, None);
    let (mut units, mut single, mut config) = (Vec::new(), Vec::new(), Vec::new());
    let mut jobs = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut time_limit = UNIT_TIME_LIMIT_DEFAULT;
    let mut keep = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("source") => source = Some(existing(parser.value()?)?),
            Long("server") => server = Some(existing(parser.value()?)?),
            Long("unit") => units.push(parser.value()?.string()?),
            Long("single") => single.push(parser.value()?.string()?),
            Long("config") => config.push(config_line(&parser.value()?.string()?)?),
            Long("jobs") => jobs = parser.value()?.parse::<usize>()?.max(1),
            Long("time-limit") => time_limit = Duration::from_secs(parser.value()?.parse()?),
            Long("skips") => skips = Some(existing(parser.value()?)?),
            Long("json") => json = Some(PathBuf::from(parser.value()?)),
            Long("keep") => keep = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if units.is_empty() {
        units = UNITS_DEFAULT.iter().copied().map(String::from).collect();
    }
    Ok(Some(Options {
        source: source.ok_or("--source is missing")?,
        server: server.ok_or("--server is missing")?,
        units,
        single,
        config,
        jobs,
        time_limit,
        skips,
        json,
        keep,
    }))
}

fn existing(path: std::ffi::OsString) -> Result<PathBuf, lexopt::Error> {
    let path = Path::new(&path);
    path.canonicalize()
        .map_err(|e| lexopt::Error::Custom(format!("{}: {e}", path.display()).into()))
}

fn config_line(line: &str) -> Result<(String, String), lexopt::Error> {
    let (name, value) = line
        .trim()
        .split_once(char::is_whitespace)
        .ok_or_else(|| format!("--config wants 'name value', got '{line}'"))?;
    Ok((name.to_owned(), value.trim_start().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> Result<Option<Options>, lexopt::Error> {
        let base = ["suite", "--source", "/", "--server", "/"];
        parse_from(lexopt::Parser::from_iter(base.iter().chain(args)))
    }

    #[test]
    fn without_units_all_that_can_run_do() {
        let options = options(&[]).unwrap().unwrap();
        assert_eq!(options.units, UNITS_DEFAULT);
    }

    #[test]
    fn a_config_value_may_hold_spaces() {
        let options = options(&["--config", "save 900 1"]).unwrap().unwrap();
        assert_eq!(options.config, [("save".into(), "900 1".into())]);
    }

    #[test]
    fn a_config_line_without_a_value_is_refused() {
        assert!(options(&["--config", "save"]).is_err());
    }
}
