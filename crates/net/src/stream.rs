//! A connected socket, TCP or Unix, non-blocking.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// The two kinds of sockets.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Internet address and port.
    Tcp(SocketAddr),
    /// Path of the server's Unix socket.
    Unix(PathBuf),
}

impl std::fmt::Display for Address {
    /// As the reference server shows it: `127.0.0.1:6379`, `[::1]:6379`, `/run/server.sock:0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "{}:0", path.display()),
        }
    }
}

impl Stream {
    pub(crate) fn fd(&self) -> RawFd {
        match self {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        }
    }

    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        retry(|| match self {
            Stream::Tcp(stream) => (&*stream).read(buf),
            Stream::Unix(stream) => (&*stream).read(buf),
        })
    }

    /// Appends at most `limit` bytes, as many as there are, without clearing the room for them first.
    pub(crate) fn append_to(&self, buf: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.take(limit as u64).read_to_end(buf),
            Stream::Unix(stream) => stream.take(limit as u64).read_to_end(buf),
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| match self {
            Stream::Tcp(stream) => (&*stream).write(bytes),
            Stream::Unix(stream) => (&*stream).write(bytes),
        })
    }

    /// Tells the peer that nothing more will come.
    pub(crate) fn shutdown_write(&self) {
        let how = std::net::Shutdown::Write;
        // The peer may be gone already; then there is nobody to tell.
        let _ = match self {
            Stream::Tcp(stream) => stream.shutdown(how),
            Stream::Unix(stream) => stream.shutdown(how),
        };
    }
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
