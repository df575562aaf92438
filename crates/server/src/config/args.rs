//! The command line, as redis-server takes it: `perilune [file.conf] [--name value ...] [-]`.
//!
//! Options become lines of a config file that is read after the real one, so that there is one grammar, one set of errors and one
//! rule of precedence: file, standard input, options; the last line wins.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use perilune_resp::split_args;

use super::{NAME, REDIS_VERSION, VERSION};

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// Run the server.
    Serve(Sources),
    /// Print this on the standard output and exit with 0.
    Print(String),
    /// Print this on the standard error and exit with 1.
    Fail(String),
}

/// Where the settings come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The config file.
    pub file: Option<PathBuf>,
    /// Whether more is to be read from the standard input.
    pub stdin: bool,
    /// The options as lines of a config file.
    pub options: Vec<u8>,
}

/// `Perilune 0.1.0 (Redis 7.2.4 compatible)`.
pub fn version() -> String {
    format!("{NAME} {VERSION} (Redis {REDIS_VERSION} compatible)")
}

const USAGE: &str = "\
Usage: perilune [/path/to/perilune.conf] [options] [-]
       perilune - (read config from stdin)
       perilune -v or --version
       perilune -h or --help

Examples:
       perilune (run the server with default conf)
       echo 'maxmemory 128mb' | perilune -
       perilune /etc/perilune/6379.conf
       perilune --port 7777
       perilune --port 7777 --bind 127.0.0.1 ::1
       perilune /etc/redis/redis.conf --loglevel verbose -
       perilune /etc/redis/redis.conf --loglevel verbose

A file of Redis or Valkey will do. Options are lines of such a file: `--save 900 1` is `save 900 1`.
";

/// Understands the arguments behind the program's name.
pub fn parse(arguments: &[OsString]) -> Invocation {
    let arguments: Vec<&[u8]> = arguments
        .iter()
        .map(|argument| argument.as_bytes())
        .collect();
    match arguments.first().copied() {
        Some(b"-v" | b"--version") => return Invocation::Print(format!("{}\n", version())),
        Some(b"-h" | b"--help") => return Invocation::Fail(USAGE.to_owned()),
        Some(option @ (b"--test-memory" | b"--check-system")) => {
            let option = String::from_utf8_lossy(option);
            return Invocation::Fail(format!("{NAME} has no {option}: use a tool made for it.\n"));
        }
        _ => {}
    }
    let mut sources = Sources::default();
    let mut options = &arguments[..];
    if let [file, rest @ ..] = options
        && !file.starts_with(b"-")
    {
        sources.file = Some(PathBuf::from(OsStr::from_bytes(file)));
        options = rest;
    }
    let mut lines = Lines::default();
    for (at, &argument) in options.iter().enumerate() {
        let next = options.get(at + 1).copied();
        let first = at == 0 && sources.file.is_none();
        if argument == b"-" && (first || next.is_none()) {
            sources.stdin = true;
        } else {
            lines.add(argument, next);
        }
    }
    sources.options = lines.text;
    Invocation::Serve(sources)
}

/// The options so far, as lines.
#[derive(Debug, Default)]
struct Lines {
    text: Vec<u8>,
    /// Whether the line is a name that waits for its value: then even `--x` is a value.
    wants_value: bool,
}

impl Lines {
    fn add(&mut self, argument: &[u8], next: Option<&[u8]>) {
        match argument.strip_prefix(b"--") {
            Some(name) if !self.wants_value => self.begin(name, next),
            _ => {
                self.text.extend(quoted(argument));
                self.text.push(b' ');
                self.wants_value = false;
            }
        }
    }

    fn begin(&mut self, name: &[u8], next: Option<&[u8]>) {
        if !self.text.is_empty() {
            self.text.push(b'\n');
        }
        self.text.extend(name);
        self.text.push(b' ');
        // `--port`, unlike `--port 7000` in one argument, waits for a value.
        self.wants_value = split_args(name).is_some_and(|words| words.len() <= 1);
        // Programs that build a command line from an empty list write `--save` and nothing.
        let nothing_follows = next.is_none_or(|next| next.starts_with(b"--"));
        if name.eq_ignore_ascii_case(b"save") && nothing_follows {
            self.text.extend(b"\"\"");
            self.wants_value = false;
        }
    }
}

/// A word in quotes that [`split_args`] reads back.
pub(super) fn quoted(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for &byte in word {
        match byte {
            b'\\' | b'"' => quoted.extend([b'\\', byte]),
            b'\n' => quoted.extend(b"\\n"),
            b'\r' => quoted.extend(b"\\r"),
            b'\t' => quoted.extend(b"\\t"),
            0x07 => quoted.extend(b"\\a"),
            0x08 => quoted.extend(b"\\b"),
            b' '..=b'~' => quoted.push(byte),
            _ => quoted.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(line: &str) -> Sources {
        let arguments: Vec<OsString> = split_args(line.as_bytes())
            .expect("balanced quotes")
            .iter()
            .map(|word| OsStr::from_bytes(word).to_owned())
            .collect();
        match parse(&arguments) {
            Invocation::Serve(sources) => sources,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn options_become_lines() {
        let table: &[(&str, &str)] = &[
            ("", ""),
            ("--port 7000", "port \"7000\" "),
            (
                "--port 7000 --bind a b",
                "port \"7000\" \nbind \"a\" \"b\" ",
            ),
            ("'--port 7000' --hz 5", "port 7000 \nhz \"5\" "),
            ("--save ''", "save \"\" "),
            ("--save --port 1", "save \"\"\nport \"1\" "),
            ("--port 1 --save", "port \"1\" \nsave \"\""),
            ("--requirepass --secret", "requirepass \"--secret\" "),
            (
                "x.conf --proc-title-template '{title}'",
                "proc-title-template \"{title}\" ",
            ),
            ("--requirepass 'a \"b\"'", r#"requirepass "a \"b\"" "#),
            ("x.conf y", "\"y\" "),
        ];
        for &(line, options) in table {
            assert_eq!(
                String::from_utf8_lossy(&sources(line).options),
                options,
                "{line}"
            );
        }
    }

    #[test]
    fn the_file_and_the_standard_input() {
        let table: &[(&str, Option<&str>, bool)] = &[
            ("", None, false),
            ("-", None, true),
            ("x.conf", Some("x.conf"), false),
            ("x.conf -", Some("x.conf"), true),
            ("- --port 1", None, true),
            ("x.conf --port 1 -", Some("x.conf"), true),
        ];
        for &(line, file, stdin) in table {
            let sources = sources(line);
            assert_eq!(sources.file, file.map(PathBuf::from), "{line}");
            assert_eq!(sources.stdin, stdin, "{line}");
        }
    }

    #[test]
    fn whatever_is_quoted_reads_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(split_args(&quoted(&all)), Some(vec![all]));
    }
}
