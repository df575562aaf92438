//! Settings: what they are, what they hold, where they come from.
//!
//! A setting is one line in `tables/`: a field of a section (so that the server reads `settings.network.port.get()`,
//! one relaxed load) and beside it its [`Row`] (name, alias, kind and range, default, who may change it, what it is for).
//! Everything that treats all settings alike works on the rows:
//!
//! * [`args`] turns a command line into an [`Invocation`](args::Invocation), and
//!   [`file`](mod@file) reads the config file and the options into the settings, with the reference's grammar and errors;
//! * [`Settings::set`] is CONFIG SET: all pairs or none, checked, stored, pushed through the caller's `apply`;
//! * [`Settings::get`] is CONFIG GET; [`Settings::rewrite`] is CONFIG REWRITE;
//! * [`Settings::not_there_yet`] names what a file asks for and this server does not do so far.
//!
//! The names, ranges, defaults and error texts are those of Valkey 8.1, with what only Redis 8.0 has, so that any file of
//! theirs is accepted. This module knows no socket, no command and no clock: who owns a thing that a setting speaks of
//! reads the setting, or is told by `apply`.

pub mod args;
mod cell;
mod check;
mod choices;
pub mod file;
mod get;
mod parse;
mod rewrite;
mod row;
mod set;
mod special;
pub mod tables;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

pub use cell::{Choice, ClientClass, Count, OutputLimit, OutputLimits, Switch, Text, Value, Whole};
pub use choices::{
    Atomicity, Choose, EvictionPolicy, LogFormat, LogLevel, LogTimestampFormat, ProtectedAction,
    RdbVersionCheck, ScriptBusyScope, on_signal,
};
pub(crate) use parse::parse_memory;
pub use rewrite::RewriteError;
pub use row::{Kind, Meaning, Row, Unit};
pub use set::SetError;

/// The name of this server.
pub const NAME: &str = "Perilune";
/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The version of Redis that clients are promised.
pub const REDIS_VERSION: &str = "7.2.4";

/// All settings and what they hold. Shared by all threads: reading a number, a
/// switch or a choice is one relaxed load, a text is a lock held for the clone of an `Arc`.
#[derive(Debug)]
pub struct Settings {
    /// Sockets, loops, connections.
    pub network: tables::network::Network,
    /// The process.
    pub server: tables::server::Server,
    /// Who may do what.
    pub security: tables::security::Security,
    /// Memory, eviction, expiry.
    pub memory: tables::memory::Memory,
    /// Scripts and transactions.
    pub script: tables::script::Script,
    /// Encodings of data types.
    pub data: tables::data::Data,
    /// Snapshots and the append-only file.
    pub persistence: tables::persistence::Persistence,
    /// Replication.
    pub replication: tables::replication::Replication,
    /// The cluster.
    pub cluster: tables::cluster::Cluster,
    /// TLS.
    pub tls: tables::tls::Tls,
    /// What the defaults of a few settings depend on.
    surroundings: Surroundings,
    /// The config file, once known: absolute.
    file: OnceLock<PathBuf>,
    /// Held by whoever changes settings, so that two CONFIG SETs do not mix.
    changing: Mutex<()>,
}

/// What the defaults of some settings come from.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// How many cores the process may use: the default of `io-threads`.
    pub cores: usize,
    /// The working directory: the default of `dir`.
    pub directory: PathBuf,
}

impl Surroundings {
    /// Asks the operating system.
    pub fn of_this_process() -> Self {
        Surroundings {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        }
    }
}

impl Settings {
    /// All settings at their defaults.
    pub fn new(surroundings: &Surroundings) -> Self {
        let settings = Settings {
            network: Default::default(),
            server: Default::default(),
            security: Default::default(),
            memory: Default::default(),
            script: Default::default(),
            data: Default::default(),
            persistence: Default::default(),
            replication: Default::default(),
            cluster: Default::default(),
            tls: Default::default(),
            surroundings: surroundings.clone(),
            file: OnceLock::new(),
            changing: Mutex::new(()),
        };
        for row in rows() {
            row.store(&settings, &row.default_in(surroundings));
        }
        settings
    }

    /// The config file, if the server was started with one: an absolute path.
    pub fn file(&self) -> Option<&Path> {
        self.file.get().map(PathBuf::as_path)
    }

    /// A file that a setting names, found from `dir`. (This server never changes its working directory.)
    pub fn path(&self, name: &Text) -> PathBuf {
        let directory = self.server.dir.get();
        Path::new(OsStr::from_bytes(&directory)).join(OsStr::from_bytes(&name.get()))
    }

    /// The names of all settings that differ from their default although nothing here does what they ask for:
    /// for one warning at the start.
    pub fn not_there_yet(&self) -> Vec<&'static str> {
        rows()
            .filter(|row| row.asks_in_vain(self))
            .map(|row| row.name)
            .collect()
    }

    fn default_of(&self, row: &Row) -> Value {
        row.default_in(&self.surroundings)
    }
}

impl Row {
    fn default_in(&self, surroundings: &Surroundings) -> Value {
        match self.kind {
            Kind::Directory => Value::text(surroundings.directory.as_os_str().as_bytes()),
            Kind::Number { max, .. } if self.name == "io-threads" => {
                Value::Number((surroundings.cores as u64).clamp(1, max).cast_signed())
            }
            _ => self.default_value(),
        }
    }

    fn default_value(&self) -> Value {
        let split: Vec<&[u8]> = match self.kind.takes_several() && !self.default.is_empty() {
            true => self.default.split(' ').map(str::as_bytes).collect(),
            false => vec![self.default.as_bytes()],
        };
        match self.kind {
            Kind::Primary => Value::text(""),
            _ => self
                .parse(&split, &Value::text(""))
                .unwrap_or_else(|error| unreachable!("the default of {}: {error}", self.name)),
        }
    }

    /// Whether the setting holds something that this server does not do so far.
    fn asks_in_vain(&self, settings: &Settings) -> bool {
        let value = self.load(settings);
        match self.meaning {
            Meaning::Full | Meaning::Moot => false,
            Meaning::NotYet => value != settings.default_of(self),
            Meaning::NotYetUnless(nothing) => {
                value != settings.default_of(self) && self.format(&value) != nothing.as_bytes()
            }
        }
    }
}

/// The rows of all settings, in the order of the table.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    tables::SECTIONS.iter().copied().flatten()
}

/// Finds a setting by its name or alias in any case, and says under which of the two it was found.
pub fn find(name: &[u8]) -> Option<(&'static Row, &'static str)> {
    let is_named = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
    rows().find_map(|row| {
        let mut names = std::iter::once(row.name).chain(row.alias);
        Some((row, names.find(is_named)?))
    })
}

/// Whether a setting's value must be kept out of logs (of commands, too).
pub fn is_sensitive(name: &[u8]) -> bool {
    find(name).is_some_and(|(row, _)| row.sensitive)
}

#[cfg(test)]
mod tests;
