//! The config file: its grammar, its includes, its errors.
//!
//! A file is lines of words, quoted as `sdssplitargs` of the reference does it; `#` begins a comment where it begins a line.
//! The words of the standard input and of the command line follow as if they stood at the end of the file, so a line number may be
//! behind its last line, as in the reference. A later line overrides an earlier one; only `save` lines add up.
//!
//! A line is a setting, a [`Directive`] that is handed to the caller (`user`, `rename-command`, `loadmodule`), an `include`,
//! a retired setting (skipped), or an error. Reading stops at the first error: half a configuration is none.

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use perilune_resp::split_args;
use perilune_value::{Case, glob_match};

use super::args::Sources;
use super::cell::Value;
use super::row::{Kind, Row};
use super::special::os_error_text;
use super::tables::RETIRED;
use super::{Settings, VERSION, find};

/// A line that is not a setting and speaks of something that this module does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Its words; the first is in lower case.
    pub words: Vec<Vec<u8>>,
    /// Where it stands, for an error.
    pub place: Place,
}

/// A line of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its number, from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
    /// The file that was being read, if it is not the one that the server was started with.
    pub file: Option<PathBuf>,
}

/// Why the configuration was refused.
#[derive(Debug)]
pub enum LoadError {
    /// A file cannot be read. The reference logs this.
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line cannot be understood, or its value is not allowed. The reference prints this on its standard error.
    Fatal {
        /// The line; none where the whole is at fault.
        place: Option<Place>,
        /// Why.
        message: String,
    },
}

impl LoadError {
    /// An error that the owner of a [`Directive`] found in it.
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        LoadError::Fatal {
            place: Some(place),
            message: message.into(),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Open { path, error } => write!(
                f,
                "Fatal error, can't open config file '{}': {}",
                path.display(),
                os_error_text(error)
            ),
            LoadError::Fatal { place, message } => {
                write!(f, "\n*** FATAL CONFIG FILE ERROR (Version {VERSION}) ***\n")?;
                if let Some(Place { line, text, file }) = place {
                    write!(
                        f,
                        "Reading the configuration file, at line {line}\n>>> '{text}'\n"
                    )?;
                    if let Some(file) = file {
                        writeln!(f, "in the included {}", file.display())?;
                    }
                }
                f.write_str(message)
            }
        }
    }
}

impl std::error::Error for LoadError {}

impl Settings {
    /// Reads everything that the command line names into the settings, and returns the lines that are not settings.
    ///
    /// `stdin` is only read if the command line says so.
    pub fn load(
        &self,
        sources: &Sources,
        mut stdin: impl Read,
    ) -> Result<Vec<Directive>, LoadError> {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut loader = Loader {
            settings: self,
            save_seen: false,
            directives: Vec::new(),
        };
        let mut text = Vec::new();
        if let Some(file) = &sources.file {
            let absolute = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            loader.read(file, &mut text)?;
            self.file.get_or_init(|| absolute);
        }
        if sources.stdin {
            end_line(&mut text);
            stdin
                .read_to_end(&mut text)
                .map_err(|error| LoadError::Open {
                    path: PathBuf::from("-"),
                    error,
                })?;
        }
        text.push(b'\n');
        text.extend(&sources.options);
        loader.lines(&text, None, 0)?;
        self.check_whole()?;
        Ok(loader.directives)
    }

    fn check_whole(&self) -> Result<(), LoadError> {
        let fatal = |message: String| LoadError::Fatal {
            place: None,
            message,
        };
        let logfile = &self.server.logfile;
        if !logfile.is_empty() {
            // Later nobody would see why there is no log.
            std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(self.path(logfile))
                .map_err(|error| {
                    fatal(format!(
                        "Can't open the log file: {}",
                        os_error_text(&error)
                    ))
                })?;
        }
        if self.cluster.cluster_enabled.get() && !self.replication.replicaof.is_empty() {
            return Err(fatal(
                "replicaof directive not allowed in cluster mode".to_owned(),
            ));
        }
        Ok(())
    }
}

/// How deep files may include one another; deeper means in a circle.
const INCLUDE_DEPTH_MAX: usize = 32;

struct Loader<'a> {
    settings: &'a Settings,
    /// The first `save` line replaces the default, the others are added to it.
    save_seen: bool,
    directives: Vec<Directive>,
}

impl Loader<'_> {
    fn lines(&mut self, text: &[u8], file: Option<&Path>, depth: usize) -> Result<(), LoadError> {
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let place = || Place {
                line: at + 1,
                text: String::from_utf8_lossy(line).into_owned(),
                file: file.map(Path::to_path_buf),
            };
            self.line(line, &place, depth)
                .map_err(|error| match error {
                    Stop::Here(message) => LoadError::at(place(), message),
                    Stop::Elsewhere(error) => error,
                })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], place: &dyn Fn() -> Place, depth: usize) -> Result<(), Stop> {
        let mut words = split_args(line).ok_or("Unbalanced quotes in configuration line")?;
        let Some(name) = words.first_mut() else {
            return Ok(());
        };
        name.make_ascii_lowercase();
        if let Some((row, _)) = find(name) {
            return self.setting(row, &words);
        }
        match (words[0].as_slice(), words.len()) {
            (name, 2) if RETIRED.iter().any(|retired| retired.as_bytes() == name) => Ok(()),
            (b"include", 2) => self.include(&words[1], depth),
            (b"sentinel", _) => Err("sentinel directive while not in sentinel mode".into()),
            (b"rename-command", 3) | (b"user" | b"loadmodule", 2..) => {
                self.directives.push(Directive {
                    words,
                    place: place(),
                });
                Ok(())
            }
            (name, 1) if name.contains(&b'.') => {
                Err("Module config specified without value".into())
            }
            (name, _) if name.contains(&b'.') => {
                self.directives.push(Directive {
                    words,
                    place: place(),
                });
                Ok(())
            }
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    fn setting(&mut self, row: &'static Row, words: &[Vec<u8>]) -> Result<(), Stop> {
        let several = row.kind.takes_several();
        let values = &words[1..];
        if !several && values.len() != 1 {
            return Err("wrong number of arguments".into());
        }
        // `--bind "a b"` is one word that holds several.
        let split = match values {
            [list] if several && !list.is_empty() => split_args(list).unwrap_or_default(),
            values => values.to_vec(),
        };
        let split: Vec<&[u8]> = split.iter().map(Vec::as_slice).collect();
        let old = match row.kind {
            Kind::SavePoints if !std::mem::replace(&mut self.save_seen, true) => Value::text(""),
            _ => row.load(self.settings),
        };
        let value = row
            .parse(&split, &old)
            .map_err(|reason| Stop::Here(reason.into_owned()))?;
        row.store(self.settings, &value);
        Ok(())
    }

    /// Reads a file, or all that a pattern matches: then none is fine too.
    fn include(&mut self, name: &[u8], depth: usize) -> Result<(), Stop> {
        if depth == INCLUDE_DEPTH_MAX {
            return Err("Too many files include one another".into());
        }
        let path = Path::new(OsStr::from_bytes(name));
        let directory = self.settings.server.dir.get();
        let path = Path::new(OsStr::from_bytes(&directory)).join(path);
        let files = match name.iter().any(|byte| b"*?[".contains(byte)) {
            true => expand(&path),
            false => vec![path.clone()],
        };
        let mut text = Vec::new();
        for file in &files {
            self.read(file, &mut text).map_err(Stop::Elsewhere)?;
        }
        self.lines(&text, Some(&path), depth + 1)
            .map_err(Stop::Elsewhere)
    }

    fn read(&self, path: &Path, text: &mut Vec<u8>) -> Result<(), LoadError> {
        end_line(text);
        std::fs::File::open(path)
            .and_then(|mut file| file.read_to_end(text))
            .map(drop)
            .map_err(|error| LoadError::Open {
                path: path.to_path_buf(),
                error,
            })
    }
}

/// Ends the last line of a text that another will follow.
fn end_line(text: &mut Vec<u8>) {
    if text.last().is_some_and(|&byte| byte != b'\n') {
        text.push(b'\n');
    }
}

/// Why a line was not taken.
enum Stop {
    /// This line is wrong.
    Here(String),
    /// A line of a file that it includes is wrong, or there is no such file.
    Elsewhere(LoadError),
}

impl From<&str> for Stop {
    fn from(message: &str) -> Self {
        Stop::Here(message.to_owned())
    }
}

/// The existing paths that match a pattern, in order. As a shell has it, a wildcard does not match a leading dot.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::new()];
    for component in pattern.components() {
        let component = component.as_os_str();
        let bytes = component.as_bytes();
        if !bytes.iter().any(|byte| b"*?[".contains(byte)) {
            for path in &mut paths {
                path.push(component);
            }
            continue;
        }
        paths = paths
            .iter()
            .flat_map(|directory| matching_entries(directory, bytes))
            .collect();
    }
    paths.retain(|path| path.exists());
    paths
}

fn matching_entries(directory: &Path, pattern: &[u8]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut matching: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.as_bytes();
            name.starts_with(b".") == pattern.starts_with(b".")
                && glob_match(pattern, name, Case::Heeded)
        })
        .map(|entry| entry.path())
        .collect();
    matching.sort();
    matching
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
