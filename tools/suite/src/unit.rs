//! One unit: a Tcl process in a process group of its own, read until it ends or its time is over.

use std::fs;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::args::Options;
use crate::overlay::Overlay;
use crate::schedule::Groups;
use crate::skips::Skips;
use crate::transcript::Transcript;

/// Each unit has a range of ports of its own: one for the suite's own server below the base, the rest above.
const PORT_FIRST: usize = 20_100;
const PORTS_PER_UNIT: usize = 100;
const PORT_RANGES: usize = 90;
const PORTS_FOR_SERVERS: usize = 60;

/// How a unit went.
pub struct UnitResult {
    pub unit: String,
    pub transcript: Transcript,
    pub elapsed: Duration,
    /// Why the unit did not run to its end.
    pub problem: Option<String>,
}

impl UnitResult {
    /// Whether it ran to its end, and no test failed.
    pub fn is_green(&self) -> bool {
        self.problem.is_none() && self.transcript.failed.is_empty()
    }
}

/// Runs one unit; `watch` sees the transcript after every line.
pub fn run(
    options: &Options,
    skips: &Skips,
    overlay: &Overlay,
    groups: &Groups,
    (index, unit): (usize, &str),
    watch: &dyn Fn(&Transcript),
) -> UnitResult {
    let started = Instant::now();
    let mut transcript = Transcript::default();
    let outcome = follow(
        options,
        skips,
        overlay,
        groups,
        (index, unit),
        &mut |line| {
            transcript.line(line);
            watch(&transcript);
        },
    );
    let problem = match outcome {
        Err(problem) => Some(problem),
        Ok(()) if !transcript.ended => Some("the suite ended before its end".into()),
        Ok(()) => None,
    };
    UnitResult {
        unit: unit.to_owned(),
        transcript,
        elapsed: started.elapsed(),
        problem,
    }
}

/// Runs the unit's process, and hands on each line that it prints.
fn follow(
    options: &Options,
    skips: &Skips,
    overlay: &Overlay,
    groups: &Groups,
    (index, unit): (usize, &str),
    take: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let stem = unit.replace('/', "_");
    let skipfile = overlay.root().join(format!("{stem}.skips"));
    fs::write(&skipfile, skips.skipfile(unit))
        .map_err(|e| format!("{}: {e}", skipfile.display()))?;
    let log_path = overlay.root().join(format!("{stem}.log"));
    let mut log =
        fs::File::create(&log_path).map_err(|e| format!("{}: {e}", log_path.display()))?;

    let (reader, writer) = std::io::pipe().map_err(|e| e.to_string())?;
    let writer_of_errors = writer.try_clone().map_err(|e| e.to_string())?;
    let mut command = command(options, skips, overlay, &skipfile, (index, unit));
    command.stdout(writer).stderr(writer_of_errors);
    let (mut child, group) = groups
        .spawn(&mut command)
        .map_err(|e| format!("tclsh: {e}"))?;
    // The command holds the pipe's write end; without it gone the reader never sees the end.
    drop(command);
    let received = lines_of(reader);

    let deadline = Instant::now() + options.time_limit;
    let outcome = loop {
        match received.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let _ = writeln!(log, "{line}");
                take(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                let limit = options.time_limit.as_secs();
                break Err(format!(
                    "over its time limit of {limit} s (with --keep the servers' logs stay, in tree/tests/tmp)"
                ));
            }
        }
    };
    // Also ends servers that a broken test left behind.
    group.end();
    let _ = child.wait();
    outcome
}

/// What runs a unit.
fn command(
    options: &Options,
    skips: &Skips,
    overlay: &Overlay,
    skipfile: &Path,
    (index, unit): (usize, &str),
) -> Command {
    let mut command = Command::new("tclsh");
    command
        .current_dir(overlay.tree())
        .env("TERM", "dumb")
        .arg("tests/line_buffered.tcl")
        .args(["--single", unit, "--clients", "1"])
        .args(["--durable", "--dont-clean", "--dont-pre-clean"])
        .args(["--baseport", &port_base(index).to_string()])
        .args(["--portcount", &PORTS_FOR_SERVERS.to_string()])
        .args(["--timeout", &options.time_limit.as_secs().to_string()])
        .arg("--skipfile")
        .arg(skipfile)
        .stdin(Stdio::null())
        .process_group(0);
    let denied: Vec<String> = skips
        .denied_tags(unit)
        .iter()
        .map(|tag| format!("-{tag}"))
        .collect();
    if !denied.is_empty() {
        command.args(["--tags", &denied.join(" ")]);
    }
    for test in &options.single {
        command.args(["--only", test]);
    }
    for (name, value) in &options.config {
        command.args(["--config", name, value]);
    }
    command
}

/// The lines of a stream, read by a thread of their own, so that one can wait for them for some time only.
fn lines_of(stream: PipeReader) -> Receiver<String> {
    let (lines, received) = mpsc::channel();
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut bytes = Vec::new();
        while matches!(stream.read_until(b'\n', &mut bytes), Ok(n) if n > 0) {
            let line = String::from_utf8_lossy(&bytes)
                .trim_end_matches(['\n', '\r'])
                .to_owned();
            bytes.clear();
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    received
}

/// Two runs at the same time (another terminal, another process id) mostly meet different ranges; where they meet,
/// the suite looks for a free port.
fn port_base(index: usize) -> usize {
    let range = (std::process::id() as usize * 11 + index) % PORT_RANGES;
    PORT_FIRST + range * PORTS_PER_UNIT
}
