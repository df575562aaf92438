//! Sockets that listen.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::stream::{Address, Stream};

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// An internet address; port 0 takes any free one.
    Tcp(SocketAddr),
    /// A Unix socket. A file left at the path by an earlier run is removed.
    Unix {
        /// Where.
        path: PathBuf,
        /// Permissions of the file, such as `0o700`; those of the umask where `None`.
        mode: Option<u32>,
    },
}

/// A bound socket. Dropping it closes it and removes its file.
#[derive(Debug)]
pub struct Listener {
    socket: ListeningSocket,
    address: Address,
}

#[derive(Debug)]
enum ListeningSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds and listens with this backlog (`tcp-backlog`).
    pub fn bind(endpoint: &Endpoint, backlog: i32) -> io::Result<Listener> {
        match endpoint {
            Endpoint::Tcp(address) => {
                let socket = Socket::new(
                    Domain::for_address(*address),
                    Type::STREAM,
                    Some(Protocol::TCP),
                )?;
                if address.is_ipv6() {
                    socket.set_only_v6(true)?;
                }
                socket.set_reuse_address(true)?;
                socket.bind(&(*address).into())?;
                socket.listen(backlog)?;
                socket.set_nonblocking(true)?;
                let listener = TcpListener::from(socket);
                let address = Address::Tcp(listener.local_addr()?);
                Ok(Listener {
                    socket: ListeningSocket::Tcp(listener),
                    address,
                })
            }
            Endpoint::Unix { path, mode } => {
                match std::fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.bind(&socket2::SockAddr::unix(path)?)?;
                if let Some(mode) = mode {
                    std::fs::set_permissions(path, PermissionsExt::from_mode(*mode))?;
                }
                socket.listen(backlog)?;
                socket.set_nonblocking(true)?;
                let listener = UnixListener::from(OwnedFd::from(socket));
                let address = Address::Unix(path.clone());
                Ok(Listener {
                    socket: ListeningSocket::Unix(listener),
                    address,
                })
            }
        }
    }

    /// Where it listens: with port 0, the port that was found.
    pub fn local_address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn fd(&self) -> RawFd {
        match &self.socket {
            ListeningSocket::Tcp(listener) => listener.as_raw_fd(),
            ListeningSocket::Unix(listener) => listener.as_raw_fd(),
        }
    }

    /// The next connection with the addresses of its two ends, peer first. An error of kind `WouldBlock` means that none
    /// waits.
    pub(crate) fn accept(&self) -> io::Result<(Stream, Address, Address)> {
        match &self.socket {
            ListeningSocket::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                let local = Address::Tcp(stream.local_addr()?);
                Ok((Stream::Tcp(stream), Address::Tcp(peer), local))
            }
            ListeningSocket::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok((
                    Stream::Unix(stream),
                    self.address.clone(),
                    self.address.clone(),
                ))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // Somebody else may have removed it; it is gone either way.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Lets the kernel find out about peers that vanished; as the reference server sets it: first probe after that many
/// seconds, then three more at a third of it.
pub(crate) fn set_keepalive(stream: &Stream, seconds: u64) {
    if let (Stream::Tcp(stream), 1..) = (stream, seconds) {
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(seconds))
            .with_interval(Duration::from_secs((seconds / 3).max(1)))
            .with_retries(3);
        // Best effort: a connection without probes is still a connection.
        let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
    }
}
