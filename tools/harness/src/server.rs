//! A server process of one's own: on a free port, in a directory of its own, gone when it is dropped.

use std::io::{Error, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::Connection;

/// How long a server may take until it answers PING.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    directory: PathBuf,
}

impl Server {
    /// Starts `binary` without persistence and waits until it answers. `arguments` come after those given
    /// here, each word of its own (`--io-threads`, `4`), so they win.
    pub fn start(binary: &Path, arguments: &[String]) -> Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("perilune-harness-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let log = fs::File::create(directory.join("log"))?;
        // Redis itself does not know the setting, and does not start with it
        let is_redis = binary.ends_with("redis-server");
        let compatibility: &[&str] = if is_redis {
            &[]
        } else {
            &["--extended-redis-compatibility", "yes"]
        };
        let child = Command::new(binary)
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
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
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            directory,
        };
        let deadline = Instant::now() + START_TIMEOUT;
        while !server.answers() {
            if let Some(status) = server.child.try_wait()? {
                return Err(Error::other(format!(
                    "{} ended: {status}\n{}",
                    binary.display(),
                    server.log_tail()
                )));
            }
            if Instant::now() > deadline {
                return Err(Error::other(format!(
                    "{} does not answer\n{}",
                    binary.display(),
                    server.log_tail()
                )));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
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

    fn answers(&self) -> bool {
        Connection::open(self.address)
            .and_then(|mut c| c.call(&[b"PING"]))
            .is_ok()
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
