//! Child processes that do not outlive us: each leads a process group of its own, registered while it runs, and a
//! handler for SIGINT, SIGTERM and SIGHUP ends what is registered and removes the folder they worked in.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

static ALIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A running child; dropped, it is killed.
pub struct Guarded {
    child: Child,
}

/// Starts `command` in a process group of its own.
///
/// Under the lock, so that an interruption comes before the start or sees the group.
pub fn spawn(command: &mut Command) -> Result<Guarded, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut alive = alive();
    let child = command
        .process_group(0)
        .spawn()
        .map_err(|e| format!("{name}: {e}"))?;
    alive.push(Pid::from_raw(child.id() as i32));
    Ok(Guarded { child })
}

/// Under which every server has its folder.
pub fn work_folder() -> PathBuf {
    std::env::temp_dir().join(format!("perilune-bench.{}", std::process::id()))
}

/// Installs the handler.
pub fn end_on_interrupt() -> Result<(), String> {
    let handler = || {
        // Held until the process ends: nothing is started, and nothing is reported, from here on.
        let alive = alive();
        for group in alive.iter() {
            let _ = killpg(*group, Signal::SIGKILL);
        }
        let _ = std::fs::remove_dir_all(work_folder());
        eprintln!("\nbench: interrupted");
        std::process::exit(130);
    };
    ctrlc::set_handler(handler).map_err(|e| e.to_string())
}

fn alive() -> std::sync::MutexGuard<'static, Vec<Pid>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guarded {
    /// The process id, which is the group's id too.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// Why it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.child
            .try_wait()
            .ok()
            .flatten()
            .map(|status| status.to_string())
    }

    /// Reads what it prints until it ends.
    pub fn output(mut self) -> Result<(ExitStatus, String, String), String> {
        let errors = self
            .child
            .stderr
            .take()
            .map(|stream| std::thread::spawn(|| read_all(stream)));
        let output = self.child.stdout.take().map(read_all).unwrap_or_default();
        let errors = errors
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default();
        let status = self.child.wait().map_err(|e| e.to_string())?;
        Ok((status, output, errors))
    }

    /// Asks it to end and waits; what does not end in time is an error (and killed by the drop).
    pub fn terminate(mut self, limit: Duration) -> Result<(), String> {
        let _ = killpg(self.pid(), Signal::SIGTERM);
        let deadline = Instant::now() + limit;
        while self.ended().is_none() {
            if Instant::now() > deadline {
                return Err(format!("process {} does not end on SIGTERM", self.pid()));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }
}

fn read_all(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let pid = self.pid();
        if self.ended().is_none() {
            let _ = killpg(pid, Signal::SIGKILL);
            let _ = self.child.wait();
        }
        alive().retain(|group| *group != pid);
    }
}
