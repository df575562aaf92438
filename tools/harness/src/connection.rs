//! A connection that waits for its replies, with pipelining in the caller's hand.
//!
//! Commands gather in a buffer until `flush`. A batch whose bytes and whose replies both exceed what the
//! sockets hold would block both sides for ever if it were written first and read later; `exchange` writes
//! big batches from a second thread.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use perilune_resp::client::{Value, encode_command, parse_value};

/// How long a reply may take before the server counts as hung: longer than any machine stands still.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);
/// Batches up to this size always fit in the buffers of a local socket.
const BATCH_BYTES_UNTHREADED: usize = 48 * 1024;

/// A connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unsent: Vec<u8>,
    received: Vec<u8>,
    /// `received[..read]` has been handed out.
    read: usize,
}

/// Appends one command in the protocol's form.
pub fn encode<A: AsRef<[u8]>>(out: &mut Vec<u8>, arguments: &[A]) {
    let arguments: Vec<&[u8]> = arguments.iter().map(AsRef::as_ref).collect();
    encode_command(&arguments, out);
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        Ok(Self {
            stream,
            unsent: Vec::new(),
            received: Vec::new(),
            read: 0,
        })
    }

    /// Adds a command to the batch that the next `flush` sends.
    pub fn queue<A: AsRef<[u8]>>(&mut self, arguments: &[A]) {
        encode(&mut self.unsent, arguments);
    }

    /// Sends what is queued.
    pub fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.unsent)?;
        self.unsent.clear();
        Ok(())
    }

    /// The next reply.
    pub fn reply(&mut self) -> Result<Value> {
        Ok(self.reply_with_bytes()?.0)
    }

    /// The next reply and the very bytes that it came in.
    pub fn reply_with_bytes(&mut self) -> Result<(Value, Vec<u8>)> {
        loop {
            if let Some((value, len)) = self.parse()? {
                let bytes = self.received[self.read..self.read + len].to_vec();
                self.read += len;
                return Ok((value, bytes));
            }
            self.receive()?;
        }
    }

    /// The next reply, if all of it has arrived.
    pub fn try_reply(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some((value, len)) = self.parse()? {
                self.read += len;
                return Ok(Some(value));
            }
            self.stream.set_nonblocking(true)?;
            let received = self.receive_some();
            self.stream.set_nonblocking(false)?;
            match received {
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                received => received?,
            }
        }
    }

    /// Whether something has come that was not read, be it the end.
    pub fn has_input(&mut self) -> Result<bool> {
        if self.read < self.received.len() {
            return Ok(true);
        }
        self.stream.set_nonblocking(true)?;
        let seen = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        match seen {
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(false),
            // what is wrong shows when it is read
            _ => Ok(true),
        }
    }

    /// The next reply among the bytes that are there, and its length.
    fn parse(&self) -> Result<Option<(Value, usize)>> {
        parse_value(&self.received[self.read..]).map_err(|e| Error::new(ErrorKind::InvalidData, e))
    }

    fn receive_some(&mut self) -> Result<()> {
        if self.read == self.received.len() {
            self.received.clear();
            self.read = 0;
        }
        let mut chunk = [0; 32 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    self.received.extend_from_slice(&chunk[..len]);
                    return Ok(());
                }
                // the process stood still
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn receive(&mut self) -> Result<()> {
        match self.receive_some() {
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(Error::new(
                    ErrorKind::TimedOut,
                    format!("no reply within {} s", REPLY_TIMEOUT.as_secs()),
                ))
            }
            received => received,
        }
    }

    /// Sends one command and waits for its reply.
    pub fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Result<Value> {
        self.queue(arguments);
        self.flush()?;
        self.reply()
    }

    /// The process at the other end, as it says.
    pub fn process_id(&mut self) -> Result<u32> {
        let info = self.call(&["INFO", "server"])?;
        let text = String::from_utf8_lossy(info.as_bytes().unwrap_or_default());
        let id = text
            .lines()
            .find_map(|line| line.strip_prefix("process_id:")?.trim().parse().ok());
        id.ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("no process_id: {info:?}")))
    }

    /// Where this end of the connection is.
    pub fn local_address(&self) -> Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// Closes the connection and waits until the server has noticed.
    pub fn close(mut self) {
        // Whatever fails here, the connection is as good as closed.
        let _ = self.stream.shutdown(Shutdown::Write);
        while self.receive().is_ok() {
            self.read = self.received.len();
        }
    }

    /// Sends `batch`, encoded commands, while `read` takes replies from the connection.
    pub fn exchange<T>(
        &mut self,
        batch: &[u8],
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut writer = self.stream.try_clone()?;
        thread::scope(|scope| {
            // A server that closes while it is written to shows that to the reader too.
            if batch.len() <= BATCH_BYTES_UNTHREADED {
                let _ = writer.write_all(batch);
            } else {
                scope.spawn(move || writer.write_all(batch));
            }
            read(self)
        })
    }
}
