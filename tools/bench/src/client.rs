//! A connection as this tool wants it: an error reply is an error, and errors are text.

use std::net::{Ipv4Addr, SocketAddr};

use perilune_harness::{Connection, Value};

/// One connection.
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Connects to a server on this machine.
    pub fn connect(port: u16) -> Result<Client, String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let connection = Connection::open(address).map_err(|e| format!("connecting: {e}"))?;
        Ok(Client { connection })
    }

    /// Sends one command and reads its reply.
    pub fn call(&mut self, arguments: &[&str]) -> Result<Value, String> {
        self.queue(arguments);
        self.flush()?;
        self.reply()
    }

    /// The process at the other end, as it says.
    pub fn process_id(&mut self) -> Result<u32, String> {
        self.connection.process_id().map_err(|e| e.to_string())
    }

    /// Adds a command to what the next [`Client::flush`] sends.
    pub fn queue(&mut self, arguments: &[impl AsRef<[u8]>]) {
        self.connection.queue(arguments);
    }

    /// Sends what is queued, without waiting for replies.
    pub fn flush(&mut self) -> Result<(), String> {
        self.connection.flush().map_err(|e| format!("sending: {e}"))
    }

    /// Reads `count` replies; the first error among them is the error.
    pub fn replies(&mut self, count: usize) -> Result<(), String> {
        (0..count).try_for_each(|_| self.reply().map(drop))
    }

    fn reply(&mut self) -> Result<Value, String> {
        match self
            .connection
            .reply()
            .map_err(|e| format!("reading: {e}"))?
        {
            Value::Error(text) => Err(String::from_utf8_lossy(&text).into_owned()),
            value => Ok(value),
        }
    }
}
