//! A port for a server of one's own.
//!
//! Whoever asks the system for a free port gets one of those that it gives to clients as well, so until the server
//! binds it, it may belong to a connection, or to the server of somebody who has asked at the same time. So ports are
//! taken from a range that is below those of clients, and who has taken one holds a lock on its name, which is let go
//! with the process. What is left are strangers: they are not there when a port is taken, and a server that finds one
//! has to be started again on another port.

use std::fs::{self, File};
use std::io::{ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Below the ports that Linux gives to clients (from 32,768), and beside those of the reference's suite (from 20,100).
const PORTS: Range<u16> = 10_000..20_000;

/// Who listens and is too busy to be reached listens all the same. (The system refuses a connection at once.)
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// A file that processes lock to agree on something; the same one for all who name it so.
pub fn lock_file(name: &str) -> Result<File> {
    let directory = std::env::temp_dir().join("perilune-locks");
    fs::create_dir_all(&directory)?;
    File::create(directory.join(name))
}

/// A port that nobody else takes from here, in this process or another, until it is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Takes one that is free on 127.0.0.1.
    pub fn take() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // processes begin at places of their own, so that they seldom meet
        let begin = std::process::id().wrapping_mul(101);
        loop {
            let step = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let number = PORTS.start + (step % PORTS.len() as u32) as u16;
            if let Some(port) = Self::lock(number)?
                && nobody_listens_on(number)
            {
                return Ok(port);
            }
        }
    }

    /// Takes this one, which may belong to a stranger; none if somebody has taken it.
    pub fn lock(number: u16) -> Result<Option<Self>> {
        let lock = lock_file(&format!("port-{number}"))?;
        let is_mine = lock.try_lock().is_ok();
        Ok(is_mine.then_some(Self {
            number,
            _lock: lock,
        }))
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// Whether a connection to the port is refused.
///
/// Not found out by listening there: a process that another thread starts at this moment holds all sockets of this one
/// until it executes its program, so the port would go on listening for a while, to nobody's use.
fn nobody_listens_on(number: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
    TcpStream::connect_timeout(&address, REFUSAL_TIMEOUT)
        .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// Whether what a server logged before it ended says that its port belonged to somebody: it may be started on another.
#[must_use]
pub fn was_taken(log: &str) -> bool {
    log.contains("Address already in use")
}
