//! A blocking client, as small as setting a server up and sending counted streams of commands needs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any single command here may take, under valgrind too.
const REPLY_LIMIT: Duration = Duration::from_secs(120);

/// A reply, as far as we look at it.
#[derive(Debug, PartialEq)]
pub enum Reply {
    /// A status, an error's text, or a bulk string.
    Text(String),
    Error(String),
    Integer(i64),
    Null,
    Array(Vec<Reply>),
}

/// One connection.
pub struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Connects to a server on this machine.
    pub fn connect(port: u16) -> std::io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_LIMIT))?;
        Ok(Client {
            reader: BufReader::new(stream),
        })
    }

    /// Sends one command and reads its reply; an error reply is an error.
    pub fn call(&mut self, arguments: &[&str]) -> Result<Reply, String> {
        let mut bytes = Vec::new();
        encode(&mut bytes, arguments);
        self.send(&bytes)?;
        match self.reply()? {
            Reply::Error(text) => Err(format!("{}: {text}", arguments[0])),
            reply => Ok(reply),
        }
    }

    /// Sends what was encoded before, without waiting.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.reader
            .get_mut()
            .write_all(bytes)
            .map_err(|e| format!("sending: {e}"))
    }

    /// Reads one reply.
    pub fn reply(&mut self) -> Result<Reply, String> {
        let line = self.line()?;
        let (kind, rest) = line
            .split_at_checked(1)
            .ok_or("an empty line instead of a reply")?;
        let number = || {
            rest.parse::<i64>()
                .map_err(|_| format!("a reply like '{line}'"))
        };
        Ok(match kind {
            "+" => Reply::Text(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Integer(number()?),
            "$" | "*" if number()? < 0 => Reply::Null,
            "$" => Reply::Text(self.bulk(number()? as usize)?),
            "*" => Reply::Array(
                (0..number()?)
                    .map(|_| self.reply())
                    .collect::<Result<_, _>>()?,
            ),
            _ => return Err(format!("a reply like '{line}'")),
        })
    }

    /// Reads `count` replies; the first error among them is an error.
    pub fn replies(&mut self, count: usize) -> Result<(), String> {
        for _ in 0..count {
            if let Reply::Error(text) = self.reply()? {
                return Err(text);
            }
        }
        Ok(())
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => Err("the server closed the connection".into()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(e) => Err(format!("reading: {e}")),
        }
    }

    fn bulk(&mut self, length: usize) -> Result<String, String> {
        let mut bytes = vec![0; length + 2];
        self.reader
            .read_exact(&mut bytes)
            .map_err(|e| format!("reading: {e}"))?;
        bytes.truncate(length);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Appends a command in the protocol's form.
pub fn encode(out: &mut Vec<u8>, arguments: &[&str]) {
    out.extend_from_slice(format!("*{}\r\n", arguments.len()).as_bytes());
    for argument in arguments {
        out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        out.extend_from_slice(argument.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let mut bytes = Vec::new();
        encode(&mut bytes, &["GET", "k"]);
        assert_eq!(bytes, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }

    #[test]
    fn replies_of_every_kind_are_read() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream
                .write_all(b"+OK\r\n:7\r\n$2\r\nab\r\n$-1\r\n*2\r\n:1\r\n+x\r\n-ERR no\r\n")
                .unwrap();
        });
        let mut client = Client::connect(port).unwrap();
        assert_eq!(client.reply(), Ok(Reply::Text("OK".into())));
        assert_eq!(client.reply(), Ok(Reply::Integer(7)));
        assert_eq!(client.reply(), Ok(Reply::Text("ab".into())));
        assert_eq!(client.reply(), Ok(Reply::Null));
        assert_eq!(
            client.reply(),
            Ok(Reply::Array(vec![
                Reply::Integer(1),
                Reply::Text("x".into())
            ]))
        );
        assert_eq!(client.replies(1), Err("ERR no".into()));
        peer.join().unwrap();
        assert!(client.reply().is_err());
    }
}
