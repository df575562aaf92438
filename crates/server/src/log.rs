//! The log, in the reference's format: `pid:M 22 Nov 2026 06:20:00.123 * message`.
//!
//! One log per process. A message below the level costs one relaxed load and is not even formatted; any other is one `write` of a whole
//! line, so lines of several threads do not mix and no lock of ours is held. A log file is opened for each line, as in the
//! reference: whoever rotates logs may move it away at any time, and another process may append to it.
//!
//! What cannot be logged is lost: there is nobody to tell.

use std::fmt::{Arguments, Write as _};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use jiff::{Timestamp, Zoned};

use crate::config::{LogFormat, LogTimestampFormat};

pub use crate::config::LogLevel as Level;

static LEVEL: AtomicU8 = AtomicU8::new(Level::Notice as u8);
static FORMAT: AtomicU8 = AtomicU8::new(LogFormat::Legacy as u8);
static TIMESTAMP_FORMAT: AtomicU8 = AtomicU8::new(LogTimestampFormat::Legacy as u8);
/// The log file; unset, the log goes to the standard output.
static FILE: OnceLock<PathBuf> = OnceLock::new();

/// Sends the log to a file from now on. It can be said once.
pub fn to_file(path: PathBuf) {
    FILE.get_or_init(|| path);
}

/// Sets the least important level to log.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Relaxed);
}

/// Sets the shape of a line.
pub fn set_format(format: LogFormat, timestamp: LogTimestampFormat) {
    FORMAT.store(format as u8, Relaxed);
    TIMESTAMP_FORMAT.store(timestamp as u8, Relaxed);
}

/// Whether messages of this level are logged.
pub fn enabled(level: Level) -> bool {
    level as u8 >= LEVEL.load(Relaxed)
}

/// Logs for those who look for a mistake in the server: `.`.
pub fn debug(message: Arguments<'_>) {
    at(Level::Debug, message);
}

/// Logs what happens to single connections and the like: `-`.
pub fn verbose(message: Arguments<'_>) {
    at(Level::Verbose, message);
}

/// Logs what an operator wants to know: `*`.
pub fn notice(message: Arguments<'_>) {
    at(Level::Notice, message);
}

/// Logs what is wrong: `#`.
pub fn warning(message: Arguments<'_>) {
    at(Level::Warning, message);
}

/// Logs a message at a level.
pub fn at(level: Level, message: Arguments<'_>) {
    if !enabled(level) {
        return;
    }
    let pid = std::process::id();
    let time = timestamp(&Zoned::now(), TIMESTAMP_FORMAT.load(Relaxed));
    let line = match FORMAT.load(Relaxed) == LogFormat::Logfmt as u8 {
        true => logfmt_line(pid, &time, level, &message.to_string()),
        false => format!("{pid}:{ROLE} {time} {} {message}\n", mark(level)),
    };
    write(line.as_bytes());
}

/// Logs text as it is, without a time: the logo.
pub fn raw(level: Level, text: &str) {
    if enabled(level) {
        write(text.as_bytes());
    }
}

/// A primary; the reference knows replicas, sentinels and children too.
const ROLE: char = 'M';

fn mark(level: Level) -> char {
    match level {
        Level::Debug => '.',
        Level::Verbose => '-',
        Level::Notice => '*',
        Level::Warning | Level::Nothing => '#',
    }
}

fn logfmt_line(pid: u32, time: &str, level: Level, message: &str) -> String {
    let level = match level {
        Level::Debug => "debug",
        Level::Verbose => "info",
        Level::Notice => "notice",
        Level::Warning | Level::Nothing => "warning",
    };
    let mut safe = String::with_capacity(message.len());
    for character in message.chars() {
        safe.push(match character {
            '"' => '\'',
            '\r' | '\n' => ' ',
            other => other,
        });
    }
    format!("pid={pid} role=primary timestamp=\"{time}\" level={level} message=\"{safe}\"\n")
}

fn timestamp(now: &Zoned, format: u8) -> String {
    if format == LogTimestampFormat::Iso8601 as u8 {
        return now.strftime("%Y-%m-%dT%H:%M:%S.%3f%:z").to_string();
    }
    if format == LogTimestampFormat::Milliseconds as u8 {
        return Timestamp::from(now).as_millisecond().to_string();
    }
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS[usize::from(now.month().unsigned_abs()) - 1];
    let mut text = String::with_capacity(24);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{:02} {month} {} {:02}:{:02}:{:02}.{:03}",
        now.day(),
        now.year(),
        now.hour(),
        now.minute(),
        now.second(),
        now.millisecond()
    );
    text
}

fn write(line: &[u8]) {
    let written = match FILE.get() {
        Some(path) => OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|mut file| file.write_all(line)),
        None => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(line).and_then(|()| stdout.flush())
        }
    };
    drop(written);
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn noted(text: &str) -> Zoned {
        let time: Timestamp = text.parse().expect("a time");
        time.to_zoned(TimeZone::fixed(jiff::tz::offset(1)))
    }

    #[test]
    fn times_as_the_reference_writes_them() {
        let now = noted("2026-11-22T05:20:00.007Z");
        for (format, expected) in [
            (LogTimestampFormat::Legacy, "22 Nov 2026 06:20:00.007"),
            (LogTimestampFormat::Iso8601, "2026-11-22T06:20:00.007+01:00"),
            (LogTimestampFormat::Milliseconds, "1795324800007"),
        ] {
            assert_eq!(timestamp(&now, format as u8), expected);
        }
    }

    #[test]
    fn a_logfmt_message_stays_in_its_quotes() {
        assert_eq!(
            logfmt_line(7, "now", Level::Verbose, "a \"b\"\nc"),
            "pid=7 role=primary timestamp=\"now\" level=info message=\"a 'b' c\"\n"
        );
    }

    #[test]
    fn levels() {
        assert!(enabled(Level::Notice) && enabled(Level::Warning));
        assert!(!enabled(Level::Verbose) && !enabled(Level::Debug));
    }
}
