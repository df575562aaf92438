//! One server under measurement: started on a free port in a folder of its own, looked at through /proc, ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use perilune_harness::port::{self, Port};

use crate::args::Contender;
use crate::children::{self, Guarded};
use crate::client::Client;

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// How many ports may belong to strangers.
const PORTS_TRIED: usize = 10;
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Resident memory counts once two looks at it, this far apart, agree.
const SETTLE_INTERVAL: Duration = Duration::from_millis(500);
const SETTLE_LIMIT: Duration = Duration::from_secs(30);

/// How to start a server.
pub struct Setup<'a> {
    pub contender: &'a Contender,
    pub io_threads: usize,
    /// Keep it on this core.
    pub core: Option<usize>,
    /// Run it as an argument of this command.
    pub under: Vec<String>,
    /// More arguments for it.
    pub arguments: &'a [&'a str],
}

impl<'a> Setup<'a> {
    /// With one loop, anywhere.
    pub fn of(contender: &'a Contender) -> Self {
        Setup {
            contender,
            io_threads: 1,
            core: None,
            under: Vec::new(),
            arguments: &[],
        }
    }
}

/// A running server.
pub struct Server {
    process: Guarded,
    folder: Folder,
    port: Port,
}

impl Setup<'_> {
    /// Starts the server and waits until it answers.
    pub fn start(&self) -> Result<Server, String> {
        for _ in 0..PORTS_TRIED {
            if let Some(server) = self.start_on(Port::take().map_err(|e| e.to_string())?)? {
                return Ok(server);
            }
        }
        Err(format!("{PORTS_TRIED} ports belong to somebody"))
    }

    /// None if somebody else has the port.
    fn start_on(&self, port: Port) -> Result<Option<Server>, String> {
        let folder = Folder::create()?;
        let process = self.spawn(&folder.0, port.number())?;
        let mut server = Server {
            process,
            folder,
            port,
        };
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let ended = server.process.ended();
            if ended.is_none() && server.answers() {
                return Ok(Some(server));
            }
            let log = fs::read_to_string(server.folder().join("log")).unwrap_or_default();
            let name = &self.contender.name;
            match ended {
                Some(_) if port::was_taken(&log) => return Ok(None),
                Some(status) => {
                    return Err(format!("{name} ended at its start ({status}):\n{log}"));
                }
                None if Instant::now() > deadline => {
                    return Err(format!("{name} does not answer:\n{log}"));
                }
                None => std::thread::sleep(POLL_INTERVAL),
            }
        }
    }

    fn spawn(&self, folder: &Path, port: u16) -> Result<Guarded, String> {
        let shown = |e: std::io::Error| format!("{}: {e}", folder.display());
        let log = fs::File::create(folder.join("log")).map_err(shown)?;
        let mut words: Vec<String> = Vec::new();
        if let Some(core) = self.core {
            words.extend(["taskset".into(), "-c".into(), core.to_string()]);
        }
        words.extend(self.under.iter().cloned());
        words.push(self.contender.binary.to_string_lossy().into_owned());
        let mut command = Command::new(&words[0]);
        command
            .current_dir(folder)
            .args(&words[1..])
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--io-threads", &self.io_threads.to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(folder)
            .args(self.arguments)
            .stdin(Stdio::null())
            .stderr(log.try_clone().map_err(shown)?)
            .stdout(log);
        children::spawn(&mut command)
    }
}

impl Server {
    /// A new connection.
    pub fn client(&self) -> Result<Client, String> {
        Client::connect(self.port())
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Whether it answers, and not somebody else on its port.
    fn answers(&self) -> bool {
        let id = self.client().and_then(|mut client| client.process_id());
        id.is_ok_and(|id| id == self.pid().as_raw() as u32)
    }

    /// User and system time so far of all its threads, those that have ended included.
    pub fn cpu_time(&self) -> Result<Duration, String> {
        let clock =
            nix::time::clock_getcpuclockid(self.process.pid()).map_err(|e| e.to_string())?;
        clock.now().map(Duration::from).map_err(|e| e.to_string())
    }

    /// Resident bytes, once they hold still.
    pub fn settled_rss(&self) -> Result<u64, String> {
        let deadline = Instant::now() + SETTLE_LIMIT;
        let mut before = self.rss()?;
        loop {
            std::thread::sleep(SETTLE_INTERVAL);
            let now = self.rss()?;
            if now == before || Instant::now() > deadline {
                return Ok(now);
            }
            before = now;
        }
    }

    fn rss(&self) -> Result<u64, String> {
        let path = format!("/proc/{}/smaps_rollup", self.process.pid());
        let text = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
        rss_of_rollup(&text).ok_or_else(|| format!("{path}: no Rss line"))
    }

    /// The process id.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// The folder it works in, which goes with it.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Ends it as an operator would.
    pub fn stop(self) -> Result<(), String> {
        self.process.terminate(STOP_LIMIT)
    }
}

fn rss_of_rollup(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// A server's working folder; dropped, it is removed.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Folder, String> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let path = children::work_folder().join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        // Only the last one out succeeds.
        let _ = fs::remove_dir(children::work_folder());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rss_is_read_in_kibibytes() {
        assert_eq!(
            rss_of_rollup("00-ff ---p [rollup]\nRss:     1234 kB\nPss: 1 kB\n"),
            Some(1234 * 1024)
        );
        assert_eq!(rss_of_rollup("Pss: 1 kB\n"), None);
    }
}
