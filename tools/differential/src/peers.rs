//! The two servers, and the connections to them that are always in the same state.
//!
//! A run is a list of steps. Whatever a step does it does to both servers; the answers must be the same by
//! [`crate::compare`]. Where a connection is closed by the server that is an answer as well, and must come at
//! the same place from both.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use perilune_harness::{Connection, Server, Value, encode};

use crate::compare::{Context, Verdict};
use crate::scripts::Library;
use crate::{Words, compare, guard, keyspace};

/// Connections to each server that steps speak of by number. The even ones begin with RESP2.
pub const SESSIONS: usize = 4;
/// Ends the answers to bytes of which nobody knows how many answers they have.
const SENTINEL: &[u8] = b"the-end-of-the-answers";
/// Answers to one SCAN over everything, at most.
const SCANS_MAX: usize = 10_000;

/// What can be done to both servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A command. Calls of one session in a row travel together.
    Call { session: usize, words: Words },
    /// Bytes of which one cannot know how many answers they have; the session starts anew afterwards.
    Raw { session: usize, bytes: Vec<u8> },
    /// Iterates over a database until the cursor is 0 again; compared is the set of keys.
    Scan { database: u32, options: Words },
    /// Closes the session's connection and opens another one.
    Reconnect { session: usize },
    /// Waits, so that what was to expire has expired.
    Wait { milliseconds: u64 },
    /// Compares everything the servers hold.
    Compare,
}

/// Which protocols the sessions begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    Resp2,
    Resp3,
    Both,
}

/// How to get two servers.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub left: PathBuf,
    pub right: PathBuf,
    pub left_arguments: Vec<String>,
    pub right_arguments: Vec<String>,
    pub protocols: Protocols,
}

/// Two servers that differ.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// The step's place in the list that was run.
    pub step: usize,
    /// The call, or what else was done, in words.
    pub what: String,
    /// What to group it by.
    pub group: String,
    /// What the left server answered.
    pub left: String,
    /// What the right server answered.
    pub right: String,
}

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

struct Session {
    connection: Connection,
    id: i64,
    address: SocketAddr,
}

/// One of the two servers.
pub struct Peer {
    server: Server,
    sessions: Vec<Session>,
    control: Connection,
}

impl Peer {
    fn start(binary: &std::path::Path, arguments: &[String], protocols: Protocols) -> Result<Self> {
        let server = Server::start(binary, arguments)?;
        let control = Connection::open(server.address())?;
        let mut peer = Self {
            server,
            sessions: Vec::new(),
            control,
        };
        for number in 0..SESSIONS {
            let session = peer.open(number, protocols)?;
            peer.sessions.push(session);
        }
        Ok(peer)
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

    fn encode(&self, out: &mut Vec<u8>, words: &[Vec<u8>]) {
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

    fn raw(&mut self, session: usize, bytes: &[u8]) -> Result<Vec<Answer>> {
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

    fn scan(
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

/// The next answers; behind a closed connection all of them are that.
fn answers(connection: &mut Connection, count: usize) -> Result<Vec<Answer>> {
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

/// How the right server answered: a run of which nearly every answer is an error compares little.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub answers: usize,
    pub errors: usize,
}

/// Both servers.
pub struct Pair {
    recipe: Recipe,
    pub left: Peer,
    pub right: Peer,
    /// For each session what it has queued since MULTI, as the right server said.
    queued: Vec<Option<Vec<Words>>>,
    library: std::rc::Rc<Library>,
    /// What was answered so far.
    pub tally: Tally,
}

impl Pair {
    /// Starts both.
    pub fn start(recipe: &Recipe, library: std::rc::Rc<Library>) -> Result<Self> {
        let left = Peer::start(&recipe.left, &recipe.left_arguments, recipe.protocols)?;
        let right = Peer::start(&recipe.right, &recipe.right_arguments, recipe.protocols)?;
        let mut pair = Self {
            recipe: recipe.clone(),
            left,
            right,
            queued: vec![None; SESSIONS],
            library,
            tally: Tally::default(),
        };
        pair.reset()?;
        Ok(pair)
    }

    /// Brings both into the state in which every run begins.
    pub fn reset(&mut self) -> Result<()> {
        for peer in [&mut self.left, &mut self.right] {
            for words in [
                &["CLIENT", "UNPAUSE"][..],
                // Offsets at the limit of a string's length then cost a megabyte, not half a gigabyte.
                &["CONFIG", "SET", "proto-max-bulk-len", "1mb"],
                &["CONFIG", "SET", "requirepass", ""],
                &["CONFIG", "SET", "timeout", "0"],
                &["CONFIG", "SET", "maxmemory", "0"],
                &["CONFIG", "SET", "hz", "10"],
                &["CONFIG", "SET", "busy-reply-threshold", "5000"],
                &["CONFIG", "SET", "lazyfree-lazy-user-flush", "no"],
                &["SCRIPT", "FLUSH", "SYNC"],
                &["FLUSHALL", "SYNC"],
                &["CONFIG", "RESETSTAT"],
            ] {
                let words: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
                peer.control(&words)?;
            }
        }
        (0..SESSIONS).try_for_each(|session| self.reconnect(session))
    }

    /// Whether both processes are there and answer.
    pub fn is_healthy(&mut self) -> bool {
        [&mut self.left, &mut self.right]
            .into_iter()
            .all(|p| p.server.is_running() && p.control(&[b"PING"]).is_ok())
    }

    /// After a crash or a hang: two new processes.
    pub fn restart(&mut self) -> Result<()> {
        let tally = self.tally;
        *self = Self::start(&self.recipe, self.library.clone())?;
        self.tally = tally;
        Ok(())
    }

    /// The left server's log, for the report of a crash.
    pub fn left_log(&self) -> String {
        self.left.server.log_tail()
    }

    fn reconnect(&mut self, session: usize) -> Result<()> {
        self.queued[session] = None;
        for peer in [&mut self.left, &mut self.right] {
            let new = peer.open(session, self.recipe.protocols)?;
            // Until the server has noticed, the old one would be listed and counted.
            std::mem::replace(&mut peer.sessions[session], new)
                .connection
                .close();
        }
        Ok(())
    }

    /// Runs the steps up to the first difference.
    pub fn run(&mut self, steps: &[Step]) -> Result<Option<Mismatch>> {
        let mut at = 0;
        while at < steps.len() {
            let mut taken = 1;
            let mismatch = match &steps[at] {
                Step::Call { session, .. } => {
                    let joins = |step: &&Step| match step {
                        Step::Call {
                            session: other,
                            words,
                        } => other == session && !guard::travels_alone(words),
                        _ => false,
                    };
                    taken = 1 + steps[at + 1..].iter().take_while(joins).count();
                    self.calls(*session, &steps[at..at + taken])?
                }
                Step::Raw { session, bytes } => self.raw(*session, bytes)?,
                Step::Scan { database, options } => self.scan(*database, options)?,
                Step::Reconnect { session } => {
                    self.reconnect(*session)?;
                    None
                }
                Step::Wait { milliseconds } => {
                    thread::sleep(Duration::from_millis(*milliseconds));
                    None
                }
                Step::Compare => keyspace::compare(&mut self.left, &mut self.right)?,
            };
            if let Some(mut mismatch) = mismatch {
                mismatch.step += at;
                return Ok(Some(mismatch));
            }
            at += taken;
        }
        Ok(None)
    }

    fn calls(&mut self, session: usize, steps: &[Step]) -> Result<Option<Mismatch>> {
        let calls: Vec<&Words> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Call { words, .. } => Some(words),
                _ => None,
            })
            .collect();
        let mut batches = [Vec::new(), Vec::new()];
        for words in &calls {
            self.left.encode(&mut batches[0], words);
            self.right.encode(&mut batches[1], words);
        }
        let (left, right) = self.exchange(session, &batches, calls.len())?;
        let kills = calls.iter().any(|w| {
            w[0].eq_ignore_ascii_case(b"client")
                && w.get(1).is_some_and(|w| w.eq_ignore_ascii_case(b"kill"))
        });
        let mut found = None;
        for (place, words) in calls.iter().enumerate() {
            let queued = self.queued[session].as_deref().unwrap_or_default();
            let context = Context {
                words,
                queued,
                library: &self.library,
            };
            if let Verdict::Differs { group } =
                compare::answers(&context, &left[place], &right[place])
            {
                let (left, right) = (left[place].to_string(), right[place].to_string());
                found = Some(Mismatch {
                    step: place,
                    what: crate::show_words(words),
                    group,
                    left,
                    right,
                });
                break;
            }
            self.tally.answers += 1;
            self.tally.errors +=
                usize::from(matches!(right[place], Answer::Reply(Value::Error(_), _)));
            self.follow(session, words, &right[place]);
        }
        let ended =
            |answers: &[Answer]| matches!(answers.last(), Some(Answer::Closed | Answer::Missing));
        if found.is_none() && (ended(&left) || ended(&right)) {
            self.reconnect(session)?;
        }
        if found.is_none() && kills {
            // Who was killed notices at some time; until then nothing of it can be compared.
            (0..SESSIONS).try_for_each(|session| self.reconnect(session))?;
        }
        Ok(found)
    }

    /// Both get their batch before either is read, so they work at the same time.
    fn exchange(
        &mut self,
        session: usize,
        [left, right]: &[Vec<u8>; 2],
        count: usize,
    ) -> Result<(Vec<Answer>, Vec<Answer>)> {
        let one = &mut self.left.sessions[session].connection;
        let other = &mut self.right.sessions[session].connection;
        one.exchange(left, |one| {
            other.exchange(right, |other| {
                Ok((answers(one, count)?, answers(other, count)?))
            })
        })
    }

    /// Keeps up with MULTI, to know whose answers an EXEC brings.
    fn follow(&mut self, session: usize, words: &[Vec<u8>], right: &Answer) {
        let Answer::Reply(value, _) = right else {
            return;
        };
        let queued = &mut self.queued[session];
        let name = words[0].to_ascii_lowercase();
        match (value, name.as_slice()) {
            (Value::Status(s), _) if s == b"QUEUED" => {
                if let Some(queued) = queued {
                    queued.push(words.to_vec());
                }
            }
            (Value::Status(s), b"multi") if s == b"OK" => *queued = Some(Vec::new()),
            (Value::Error(e), b"exec") if !e.starts_with(b"EXECABORT") => {}
            (_, b"exec") => *queued = None,
            (Value::Status(_), b"discard" | b"reset") => *queued = None,
            _ => {}
        }
    }

    fn raw(&mut self, session: usize, bytes: &[u8]) -> Result<Option<Mismatch>> {
        self.reconnect(session)?;
        let left = self.left.raw(session, bytes)?;
        let right = self.right.raw(session, bytes)?;
        if left == right && !left.contains(&Answer::Missing) {
            self.reconnect(session)?;
            return Ok(None);
        }
        let show = |answers: &[Answer]| {
            answers
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let what = format!("the bytes {}", bytes.escape_ascii());
        Ok(Some(Mismatch {
            step: 0,
            what,
            group: "raw bytes".into(),
            left: show(&left),
            right: show(&right),
        }))
    }

    fn scan(&mut self, database: u32, options: &[Vec<u8>]) -> Result<Option<Mismatch>> {
        let left = self.left.scan(database, options)?;
        let right = self.right.scan(database, options)?;
        if left == right {
            return Ok(None);
        }
        let what = format!(
            "a whole SCAN of database {database} with {}",
            crate::show_words(options)
        );
        let show = |found| format!("{found:?}");
        Ok(Some(Mismatch {
            step: 0,
            what,
            group: "whole scan".into(),
            left: show(left),
            right: show(right),
        }))
    }
}
