//! Which unit runs when, the progress line, and the promise that no server outlives us.
//!
//! Every unit's process group is registered in [`Groups`] while it runs; the handler for SIGINT, SIGTERM and SIGHUP
//! ends what is registered, so an interrupted run leaves no server behind.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::args::Options;
use crate::overlay::Overlay;
use crate::skips::Skips;
use crate::stillness::{STILL_MAX, Watch};
use crate::transcript::Transcript;
use crate::unit::{self, UnitResult};

/// The process groups that are alive now.
pub struct Groups {
    alive: Mutex<Vec<Pid>>,
}

/// One registered process group.
pub struct Group<'a> {
    groups: &'a Groups,
    leader: Pid,
}

impl Groups {
    /// Starts `command`, which must make its child lead a group, and registers that group.
    ///
    /// Under the lock, so that an interruption comes before the start or sees the group.
    pub fn spawn(&self, command: &mut Command) -> std::io::Result<(Child, Group<'_>)> {
        let mut alive = self.lock();
        let child = command.spawn()?;
        let leader = Pid::from_raw(child.id() as i32);
        alive.push(leader);
        Ok((
            child,
            Group {
                groups: self,
                leader,
            },
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pid>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group<'_> {
    /// Kills what is left of the group. That nothing is left is the usual case, and no error.
    pub fn end(self) {
        self.groups.lock().retain(|leader| *leader != self.leader);
        let _ = killpg(self.leader, Signal::SIGKILL);
    }
}

static GROUPS: Groups = Groups {
    alive: Mutex::new(Vec::new()),
};

/// Installs the handler; `work` is removed unless it is to be kept.
pub fn end_children_on_interrupt(work: PathBuf, keep: bool) -> Result<(), String> {
    let handler = move || {
        // Held until the process ends: nothing is started, and nothing is reported, from here on.
        let alive = GROUPS.lock();
        for leader in alive.iter() {
            let _ = killpg(*leader, Signal::SIGKILL);
        }
        if !keep {
            let _ = std::fs::remove_dir_all(&work);
        }
        eprintln!("\nsuite: interrupted");
        std::process::exit(130);
    };
    ctrlc::set_handler(handler).map_err(|e| e.to_string())
}

/// Runs all units, `--jobs` at a time; the results come in the order of the units.
pub fn run_all(options: &Options, skips: &Skips, overlay: &Overlay) -> Vec<UnitResult> {
    let next = AtomicUsize::new(0);
    let progress = Progress::new(&options.units);
    let mut results: Vec<(usize, UnitResult)> = Vec::new();
    std::thread::scope(|scope| {
        let worker = || {
            let mut mine = Vec::new();
            while let Some((index, unit)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                options.units.get(index).map(|unit| (index, unit.as_str()))
            } {
                let watch = |transcript: &Transcript| progress.update(index, transcript);
                let result = run_again_if_it_stood_still(unit, || {
                    unit::run(options, skips, overlay, &GROUPS, (index, unit), &watch)
                });
                progress.finish(index, &result);
                mine.push((index, result));
            }
            mine
        };
        let workers: Vec<_> = (0..options.jobs).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            results.extend(
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
    });
    progress.clear();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// How often a unit is run at most.
const ATTEMPTS: usize = 3;

/// Runs a unit, and again if it failed while the machine stood still.
fn run_again_if_it_stood_still(unit: &str, run: impl Fn() -> UnitResult) -> UnitResult {
    let mut attempt = 1;
    loop {
        let watch = Watch::begin();
        let result = run();
        let still = watch.longest();
        if result.is_green() || still < STILL_MAX || attempt == ATTEMPTS {
            return result;
        }
        attempt += 1;
        let failed = result.transcript.failed.iter();
        let failed: Vec<&str> = failed.filter_map(|it| it.test.as_deref()).collect();
        let failed = failed.join(", ");
        eprintln!(
            "{unit} is run again: the machine stood still for {still:?}, and it failed: {failed}"
        );
    }
}

/// One line that is rewritten on a terminal; elsewhere one line per finished unit.
struct Progress<'a> {
    units: &'a [String],
    state: Mutex<ProgressState>,
    on_terminal: bool,
}

#[derive(Default)]
struct ProgressState {
    finished: usize,
    failed: usize,
    /// Tests seen per running unit.
    running: Vec<(usize, usize)>,
}

impl<'a> Progress<'a> {
    fn new(units: &'a [String]) -> Progress<'a> {
        Progress {
            units,
            state: Mutex::default(),
            on_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn update(&self, index: usize, transcript: &Transcript) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.running.iter_mut().find(|(unit, _)| *unit == index) {
            Some((_, tests)) => *tests = transcript.count(),
            None => state.running.push((index, transcript.count())),
        }
        self.show(&state);
    }

    fn finish(&self, index: usize, result: &UnitResult) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running.retain(|(unit, _)| *unit != index);
        state.finished += 1;
        state.failed += result.transcript.failed.len();
        if !self.on_terminal {
            let (t, seconds) = (&result.transcript, result.elapsed.as_secs_f32());
            let done = format!("[{}/{}] {}", state.finished, self.units.len(), result.unit);
            eprintln!(
                "{done}: {} passed, {} failed, {seconds:.0} s",
                t.passed.len(),
                t.failed.len()
            );
        }
        self.show(&state);
    }

    fn show(&self, state: &ProgressState) {
        if !self.on_terminal {
            return;
        }
        let mut line = format!(
            "[{}/{}] {} failed",
            state.finished,
            self.units.len(),
            state.failed
        );
        for (unit, tests) in &state.running {
            line += &format!(" | {} {tests}", self.units[*unit]);
        }
        line.truncate(100);
        eprint!("\r\x1b[K{line}");
        let _ = std::io::stderr().flush();
    }

    fn clear(&self) {
        if self.on_terminal {
            eprint!("\r\x1b[K");
        }
    }
}
