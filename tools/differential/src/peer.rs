//! One of the two servers, and the connections to it.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::path::Path;

use perilune_harness::{Connection, Server, Value, encode};

use crate::pair::{Protocols, SESSIONS};
use crate::{Words, compare};

/// Ends the answers to bytes of which nobody knows how many answers they have.
const SENTINEL: &[u8] = b"the-end-of-the-answers";
/// Answers to one SCAN over everything, at most.
const SCANS_MAX: usize = 10_000;

/// One answer: its bytes, or that the connection is closed.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A reply, and the bytes that it came in.
    Reply(Value, Vec<u8>),
    /// The server closed the connection.
    Closed,
    /// Nothing came for as long as a connection waits.
    Missing,
}

/// A connection that steps speak of.
pub struct Session {
    /// Itself.
    pub connection: Connection,
    id: i64,
    address: SocketAddr,
}

/// One of the two servers.
pub struct Peer {
    /// Its process.
    pub server: Server,
    /// In the order of their numbers.
    pub sessions: Vec<Session>,
    control: Connection,
    /// Hears all keyspace events; none before it is first asked for, and after a step had it killed.
    listener: Option<Connection>,
}

impl Peer {
    /// Starts it and opens the sessions.
    pub fn start(binary: &Path, arguments: &[String], protocols: Protocols) -> Result<Self> {
        let server = Server::start(binary, arguments)?;
        let control = Connection::open(server.address())?;
        let mut peer = Self {
            server,
            sessions: Vec::new(),
            control,
            listener: None,
        };
        for number in 0..SESSIONS {
            let session = peer.open(number, protocols)?;
            peer.sessions.push(session);
        }
        Ok(peer)
    }

    /// Closes a session's connection and opens another one.
    pub fn reopen(&mut self, session: usize, protocols: Protocols) -> Result<()> {
        let new = self.open(session, protocols)?;
        // Until the server has noticed, the old one would be listed and counted.
        std::mem::replace(&mut self.sessions[session], new)
            .connection
            .close();
        Ok(())
    }

    fn open(&self, number: usize, protocols: Protocols) -> Result<Session> {
        let mut connection = Connection::open(self.server.address())?;
        let address = connection.local_address()?;
        let id = connection
            .call(&["CLIENT", "ID"])?
            .as_integer()
            .unwrap_or_default();
        let resp3 = match protocols {
            Protocols::Resp2 => false,
            Protocols::Resp3 => true,
            Protocols::Both => number % 2 == 1,
        };
        if resp3 {
            connection.call(&["HELLO", "3"])?;
        }
        Ok(Session {
            connection,
            id,
            address,
        })
    }

    /// The number that the server gave to a session's connection.
    pub fn session_id(&self, session: usize) -> i64 {
        self.sessions[session].id
    }

    /// A call on the connection that no step uses; opened again where a step had it killed.
    pub fn control(&mut self, words: &[&[u8]]) -> Result<Value> {
        match self.control.call(words) {
            Err(e) if is_closed(&e) => {
                self.control = Connection::open(self.server.address())?;
                self.control.call(words)
            }
            other => other,
        }
    }

    /// Several calls on that connection at once.
    pub fn control_batch(&mut self, calls: &[Words]) -> Result<Vec<Value>> {
        let mut batch = Vec::new();
        calls.iter().for_each(|words| encode(&mut batch, words));
        self.control
            .exchange(&batch, |c| calls.iter().map(|_| c.reply()).collect())
    }

    /// The words as this server must get them: placeholders become its sessions' ids and addresses.
    fn localise(&self, word: &[u8]) -> Option<Vec<u8>> {
        let number = |rest: &[u8]| {
            rest.first()
                .map(|d| usize::from(d.wrapping_sub(b'0')) % SESSIONS)
        };
        if let Some(rest) = word.strip_prefix(b"@ID") {
            return Some(self.sessions[number(rest)?].id.to_string().into_bytes());
        }
        let rest = word.strip_prefix(b"@ADDR")?;
        Some(
            self.sessions[number(rest)?]
                .address
                .to_string()
                .into_bytes(),
        )
    }

    /// Appends a call, with this server's ids and addresses in the place of their names.
    pub fn encode(&self, out: &mut Vec<u8>, words: &[Vec<u8>]) {
        if words.iter().any(|word| word.starts_with(b"@")) {
            let local: Words = words
                .iter()
                .map(|w| self.localise(w).unwrap_or_else(|| w.clone()))
                .collect();
            encode(out, &local);
        } else {
            encode(out, words);
        }
    }

    /// Whether what was last sent on a session has been answered, or waits.
    pub fn is_settled(&mut self, session: usize) -> Result<bool> {
        let id = self.session_id(session).to_string();
        let listed = self.control(&[b"CLIENT", b"LIST", b"ID", id.as_bytes()])?;
        let listed = String::from_utf8_lossy(listed.as_bytes().unwrap_or_default()).into_owned();
        let flags = listed
            .split(' ')
            .find_map(|field| field.strip_prefix("flags="));
        let waits = flags.is_some_and(|flags| flags.contains('b'));
        Ok(waits || self.sessions[session].connection.has_input()?)
    }

    /// The keyspace events since this was last asked; none if nobody has listened, from now on somebody does.
    ///
    /// That a key has expired is left out: who notices that first, and when, is left open.
    pub fn events(&mut self) -> Result<Option<Vec<String>>> {
        let Some(listener) = &mut self.listener else {
            let mut listener = Connection::open(self.server.address())?;
            listener.call(&["PSUBSCRIBE", "__key*@*"])?;
            self.listener = Some(listener);
            return Ok(None);
        };
        match heard(listener) {
            Err(e) if is_closed(&e) => {
                self.listener = None;
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// What comes back for these bytes.
    pub fn raw(&mut self, session: usize, bytes: &[u8]) -> Result<Vec<Answer>> {
        let mut bytes = bytes.to_vec();
        encode(&mut bytes, &[b"ECHO", SENTINEL]);
        self.sessions[session]
            .connection
            .exchange(&bytes, |connection| {
                let mut all = Vec::new();
                loop {
                    let answer = answers(connection, 1)?.remove(0);
                    let last = match &answer {
                        Answer::Reply(value, _) => value.as_bytes() == Some(SENTINEL),
                        Answer::Closed | Answer::Missing => true,
                    };
                    all.push(answer);
                    if last {
                        return Ok(all);
                    }
                }
            })
    }

    /// The keys that a whole SCAN finds, sorted; or what came instead of an answer to SCAN.
    pub fn scan(
        &mut self,
        database: u32,
        options: &[Vec<u8>],
    ) -> Result<std::result::Result<Vec<Vec<u8>>, String>> {
        self.control(&[b"SELECT", database.to_string().as_bytes()])?;
        let mut found = Vec::new();
        let mut cursor = b"0".to_vec();
        for _ in 0..SCANS_MAX {
            let mut words: Vec<&[u8]> = vec![b"SCAN", &cursor];
            words.extend(options.iter().map(Vec::as_slice));
            let reply = self.control(&words)?;
            let Some([next, keys]) = reply.as_array() else {
                return Ok(Err(compare::show(&reply)));
            };
            found.extend(
                keys.as_array()
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|k| Some(k.as_bytes()?.to_vec())),
            );
            cursor = next.as_bytes().unwrap_or_default().to_vec();
            if cursor == b"0" {
                found.sort_unstable();
                found.dedup();
                return Ok(Ok(found));
            }
        }
        Ok(Err(format!(
            "cursor {} after {SCANS_MAX} calls",
            String::from_utf8_lossy(&cursor)
        )))
    }
}

/// All that a subscribed connection has been sent. What was published before the answer to PING comes before it.
fn heard(listener: &mut Connection) -> Result<Vec<String>> {
    listener.queue(&["PING"]);
    listener.flush()?;
    let mut events = Vec::new();
    loop {
        let message = listener.reply()?;
        let words: Vec<&[u8]> = message
            .as_array()
            .unwrap_or_default()
            .iter()
            .filter_map(Value::as_bytes)
            .collect();
        match words[..] {
            [b"pmessage", _, _, b"expired"] => {}
            [b"pmessage", _, channel, _] if channel.ends_with(b"__:expired") => {}
            [b"pmessage", _, channel, payload] => {
                events.push(format!(
                    "{}: {}",
                    channel.escape_ascii(),
                    payload.escape_ascii()
                ));
            }
            [b"pong", _] => return Ok(events),
            _ => return Err(Error::other(format!("no event: {message:?}"))),
        }
    }
}

/// The next answers; behind a closed connection all of them are that.
pub fn answers(connection: &mut Connection, count: usize) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(count);
    while answers.len() < count {
        match connection.reply_with_bytes() {
            Ok((value, bytes)) => answers.push(Answer::Reply(value, bytes)),
            Err(e) if is_closed(&e) => answers.resize(count, Answer::Closed),
            Err(e) if e.kind() == ErrorKind::TimedOut => answers.resize(count, Answer::Missing),
            Err(e) => return Err(e),
        }
    }
    Ok(answers)
}

fn is_closed(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}
