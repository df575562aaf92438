//! A server process of one's own: on a free port, in a directory of its own, gone when it is dropped.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::Connection;
use crate::port::{self, Port};

/// How long a server may take until it answers: what only a server that hangs exceeds, however busy the machine is.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How many ports may belong to strangers.
const PORTS_TRIED: usize = 10;

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: Port,
    directory: PathBuf,
}

impl Server {
    /// Starts `binary` without persistence and waits until it answers. `arguments` come after those given
    /// here, each word of its own (`--io-threads`, `4`), so they win.
    pub fn start(binary: &Path, arguments: &[String]) -> Result<Self> {
        for _ in 0..PORTS_TRIED {
            if let Some(server) = Self::start_on(Port::take()?, binary, arguments)? {
                return Ok(server);
            }
        }
        Err(Error::from(ErrorKind::AddrInUse))
    }

    /// The same on this port; none if a stranger has it.
    pub fn start_on(port: Port, binary: &Path, arguments: &[String]) -> Result<Option<Self>> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("perilune-harness-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let log = fs::File::create(directory.join("log"))?;
        // Redis itself does not know the setting, and does not start with it
        let is_redis = binary.ends_with("redis-server");
        let compatibility: &[&str] = if is_redis {
            &[]
        } else {
            &["--extended-redis-compatibility", "yes"]
        };
        let child = Command::new(binary)
            .args(["--port", &port.number().to_string()])
            .args(["--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .args(["--enable-debug-command", "yes", "--dir"])
            .arg(&directory)
            .args(compatibility)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|e| Error::new(e.kind(), format!("{}: {e}", binary.display())))?;
        let mut server = Self {
            child,
            port,
            directory,
        };
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let ended = server.child.try_wait()?;
            if ended.is_none() && server.answers() {
                return Ok(Some(server));
            }
            let problem = match ended {
                Some(_) if port::was_taken(&server.log_tail()) => return Ok(None),
                Some(status) => format!("ended: {status}"),
                None if Instant::now() > deadline => "does not answer".into(),
                None => {
                    thread::sleep(Duration::from_millis(10));
                    continue;
                }
            };
            return Err(Error::other(format!(
                "{} {problem}\n{}",
                binary.display(),
                server.log_tail()
            )));
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number()))
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines that it logged: what to print when it has failed.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.directory.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Whether it answers, and not somebody else on its port.
    fn answers(&self) -> bool {
        Connection::open(self.address())
            .and_then(|mut c| c.process_id())
            .is_ok_and(|id| id == self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
