//! The command line.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

const HELP: &str = "\
Proves that a server's transactions are strictly serializable, or prints the shortest cycle that shows they are not.

perilune-isolation (--server <binary> | --connect <host:port>) [option...]

  --server <binary>         start this server on a free port
  --arg '<word>...'         give it these arguments as well, words split at spaces; may be repeated
  --connect <host:port>     use a server that runs already; only keys of this run are touched
  --seconds <n>             how long the workload runs (10)
  --connections <n>         how many clients at once (16)
  --keys <n>                keys in use at any time (8): fewer mean more conflicts
  --appends-per-key <n>     writes until a key is retired for a new one (32)
  --episodes <n>            how many episodes of pushing and waiting run beside that at any time (3)
  --kills-per-second <n>    how often every connection is broken by CLIENT KILL (2); 0 for never
  --rollbacks               let some scripts and transactions fail, be stopped, panic or take themselves back: nothing
                            of them may be seen (needs enable-debug-command; sets script-memory-limit)
  --seed <n>                everything random follows from it (by the clock; printed)
  --min-rerun-share <0..1>  fail unless the server ran at least this share of its transactions more than once,
                            as INFO stats counts them (transactions_total, transactions_rerun)

Exit code 0: strictly serializable. 1: it is not, or too little reran. 2: the run itself failed.";

/// Which server to examine.
#[derive(Debug)]
pub enum Target {
    /// Start this binary.
    Start(PathBuf),
    /// Use this one.
    Connect(SocketAddr),
}

/// The command line, understood.
#[derive(Debug)]
pub struct Options {
    pub target: Target,
    pub server_arguments: Vec<String>,
    pub duration: Duration,
    pub connections: u32,
    pub episodes: u32,
    pub keys: u32,
    pub appends_per_key: u32,
    pub kills_per_second: f64,
    pub seed: u64,
    pub rerun_share_min: Option<f64>,
    pub rollbacks: bool,
}

impl Options {
    /// What the user typed.
    pub fn from_arguments() -> Result<Self, lexopt::Error> {
        let mut target = None;
        let mut server_arguments = Vec::new();
        let (mut seconds, mut connections, mut keys, mut appends_per_key) = (10.0, 16, 8, 32);
        let mut episodes = 3;
        let (mut kills_per_second, mut seed, mut rerun_share_min) = (2.0, fastrand::u64(..), None);
        let mut rollbacks = false;
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("server") => target = Some(Target::Start(parser.value()?.into())),
                Long("connect") => {
                    target = Some(Target::Connect(resolve(&parser.value()?.string()?)?))
                }
                Long("arg") => server_arguments.extend(
                    parser
                        .value()?
                        .string()?
                        .split_whitespace()
                        .map(String::from),
                ),
                Long("seconds") => seconds = parser.value()?.parse()?,
                Long("connections") => connections = parser.value()?.parse()?,
                Long("episodes") => episodes = parser.value()?.parse()?,
                Long("keys") => keys = parser.value()?.parse()?,
                Long("appends-per-key") => appends_per_key = parser.value()?.parse()?,
                Long("kills-per-second") => kills_per_second = parser.value()?.parse()?,
                Long("seed") => seed = parser.value()?.parse()?,
                Long("min-rerun-share") => rerun_share_min = Some(parser.value()?.parse()?),
                Long("rollbacks") => rollbacks = true,
                Long("help") | Short('h') => {
                    println!("{HELP}");
                    std::process::exit(0);
                }
                other => return Err(other.unexpected()),
            }
        }
        let target = target.ok_or("give --server or --connect (see --help)")?;
        if keys == 0 || connections == 0 {
            return Err("--keys and --connections cannot be 0".into());
        }
        let duration = Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())?;
        Ok(Self {
            target,
            server_arguments,
            duration,
            connections,
            episodes,
            keys,
            appends_per_key,
            kills_per_second,
            seed,
            rerun_share_min,
            rollbacks,
        })
    }
}

fn resolve(address: &str) -> Result<SocketAddr, lexopt::Error> {
    let mut found = address
        .to_socket_addrs()
        .map_err(|e| format!("{address}: {e}"))?;
    found
        .next()
        .ok_or_else(|| format!("{address}: no such host").into())
}
