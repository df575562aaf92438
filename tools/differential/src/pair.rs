//! The two servers, and the connections to them that are always in the same state.
//!
//! A run is a list of steps. Whatever a step does it does to both servers; the answers must be the same by
//! [`crate::compare`]. Where a connection is closed by the server that is an answer as well, and must come at
//! the same place from both.

use std::io::{Error, Result};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use perilune_harness::Value;

use crate::compare::{Context, Verdict};
use crate::peer::{Answer, Peer, answers};
use crate::scripts::Library;
use crate::{Words, compare, guard, keyspace, lapsed, payloads, sorting};

/// Connections to each server that steps speak of by number. The even ones begin with RESP2.
pub const SESSIONS: usize = 4;

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
    /// One session sends a command that may wait; when it does, another one sends calls. Then its wait is ended.
    Served {
        waiter: usize,
        words: Words,
        calls: Vec<Words>,
    },
    /// Gives a value as one server dumps it to both, under another name.
    Transfer {
        from: Vec<u8>,
        to: Vec<u8>,
        lefts: bool,
    },
    /// Restores a payload that is damaged; what the reference refuses must be refused.
    Damaged { payload: Vec<u8> },
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
    /// Whether the left server may owe a BLMOVE its element for a moment, as it could not have the destination's stripe; then it is
    /// made to pay between the calls of [`Step::Served`].
    pub settles: bool,
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

/// What an event is called: it is the channel's last word, or what is said on a channel that has the name of a key.
fn named(event: Option<&String>) -> &str {
    let Some((channel, payload)) = event.and_then(|event| event.split_once(": ")) else {
        return "none";
    };
    match channel.split_once("__:") {
        Some((kind, name)) if kind.starts_with("__keyevent") => name,
        _ => payload,
    }
}

/// How the SORTs of a step are ordered, those of scripts included.
fn sorts(step: &Step) -> Vec<sorting::Order> {
    let Step::Call { words, .. } = step else {
        return Vec::new();
    };
    let calls = (0..words.len()).map(|at| &words[at..]);
    let is_sort = |words: &&[Vec<u8>]| {
        words[0].eq_ignore_ascii_case(b"sort") || words[0].eq_ignore_ascii_case(b"sort_ro")
    };
    calls.filter(is_sort).map(sorting::order).collect()
}

/// Puts misses in order behind everything else, or takes them out.
fn settle_misses(events: &mut Vec<String>, keeps: bool) {
    let (mut misses, others): (Vec<String>, Vec<String>) = std::mem::take(events)
        .into_iter()
        .partition(|event| event.contains("keymiss"));
    *events = others;
    if keeps {
        misses.sort_unstable();
        events.append(&mut misses);
    }
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
    /// How long the slowest exchange took. As both servers work at it at the same time, they ran no call longer apart.
    slowest: Duration,
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
            slowest: Duration::ZERO,
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
                &["CONFIG", "SET", "zset-max-listpack-entries", "128"],
                &["CONFIG", "SET", "zset-max-listpack-value", "64"],
                &["CONFIG", "SET", "list-max-listpack-size", "-2"],
                &["CONFIG", "SET", "hash-max-listpack-entries", "128"],
                &["CONFIG", "SET", "hash-max-listpack-value", "64"],
                // every byte of a payload is looked at here: so may it be there
                &["CONFIG", "SET", "sanitize-dump-payload", "yes"],
                &["CONFIG", "SET", "set-max-intset-entries", "512"],
                &["CONFIG", "SET", "set-max-listpack-entries", "128"],
                &["CONFIG", "SET", "set-max-listpack-value", "64"],
                &["CONFIG", "SET", "notify-keyspace-events", "KEAmn"],
                &["CONFIG", "SET", "busy-reply-threshold", "5000"],
                &["CONFIG", "SET", "lazyfree-lazy-user-flush", "no"],
                &["SCRIPT", "FLUSH", "SYNC"],
                &["FUNCTION", "FLUSH", "SYNC"],
                &["FLUSHALL", "SYNC"],
                &["DEBUG", "SET-DISABLE-DENY-SCRIPTS", "0"],
                &["CONFIG", "RESETSTAT"],
            ] {
                let words: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
                peer.control(&words)?;
            }
        }
        (0..SESSIONS).try_for_each(|session| self.reconnect(session))?;
        // of what happened here, and before
        self.events(&[]).map(|_| ())
    }

    /// Compares the events that a step caused.
    fn events(&mut self, steps: &[Step]) -> Result<Option<Mismatch>> {
        let (Some(mut left), Some(mut right)) = (self.left.events()?, self.right.events()?) else {
            return Ok(None);
        };
        let sorts: Vec<sorting::Order> = steps.iter().flat_map(sorts).collect();
        if !sorts.is_empty() {
            // the elements of a set come in any order, and so do the keys to which they lead
            let is_cut =
                |order: &sorting::Order| matches!(order, sorting::Order::Partial { is_cut: true });
            let keeps_misses = !sorts.iter().any(is_cut);
            settle_misses(&mut left, keeps_misses);
            settle_misses(&mut right, keeps_misses);
        }
        if left == right {
            return Ok(None);
        }
        let same = left.iter().zip(&right).take_while(|(l, r)| l == r).count();
        let show = |events: &[String]| match &events[same..] {
            [] => "no event".into(),
            rest => rest[..rest.len().min(6)].join(", "),
        };
        let calls: Vec<String> = steps
            .iter()
            .map(|step| match step {
                Step::Call { words, .. } => crate::show_words(words),
                other => format!("{other:?}"),
            })
            .collect();
        // by a name of its own, so that it can be known where it is meant, and nothing else with it
        let what = if lapsed::explains(steps, &left, &right) {
            "the event del of what EXPIRE deletes at once, among"
        } else {
            "the events of"
        };
        Ok(Some(Mismatch {
            step: steps.len().saturating_sub(1),
            what: format!("{what} {}", calls.join("; ")),
            group: format!("events: {}", named(left.get(same).or(right.get(same)))),
            left: show(&left),
            right: show(&right),
        }))
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
        self.left.reopen(session, self.recipe.protocols)?;
        self.right.reopen(session, self.recipe.protocols)?;
        Ok(())
    }

    /// Runs the steps up to the first difference.
    pub fn run(&mut self, steps: &[Step]) -> Result<Option<Mismatch>> {
        let mut at = 0;
        while at < steps.len() {
            let mut taken = 1;
            let mut mismatch = match &steps[at] {
                Step::Call { session, words } => {
                    let is_alone = guard::may_close(words);
                    let joins = |step: &&Step| match step {
                        Step::Call {
                            session: other,
                            words,
                        } => {
                            other == session
                                && !is_alone
                                && !guard::travels_alone(words)
                                && !guard::may_close(words)
                        }
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
                Step::Served {
                    waiter,
                    words,
                    calls,
                } => self.served(*waiter, words, calls)?,
                Step::Transfer { from, to, lefts } => self.transfer(from, to, *lefts)?,
                Step::Damaged { payload } => self.damaged(payload)?,
                Step::Compare => {
                    let delay = self.delay();
                    keyspace::compare(&mut self.left, &mut self.right, delay)?
                }
            };
            if mismatch.is_none() {
                mismatch = self.events(&steps[at..at + taken])?;
            }
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
                delay: self.delay(),
            };
            let (left, right) = (&left[place], &right[place]);
            if let Verdict::Differs { group } = compare::answers(&context, left, right) {
                let (call, group) =
                    compare::in_exec(&context, left, right).unwrap_or((words, group));
                found = Some(Mismatch {
                    step: place,
                    what: crate::show_words(call),
                    group,
                    left: left.to_string(),
                    right: right.to_string(),
                });
                break;
            }
            self.tally.answers += 1;
            self.tally.errors += usize::from(matches!(right, Answer::Reply(Value::Error(_), _)));
            self.follow(session, words, right);
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

    /// Sends `words` on one session and `calls` on the next one while it waits, ends its wait, and compares all answers.
    fn served(
        &mut self,
        waiter: usize,
        words: &Words,
        calls: &[Words],
    ) -> Result<Option<Mismatch>> {
        let other = (waiter + 1) % SESSIONS;
        [waiter, other]
            .into_iter()
            .try_for_each(|session| self.reconnect(session))?;
        let wait = |peer: &mut Peer| {
            let connection = &mut peer.sessions[waiter].connection;
            connection.queue(words);
            connection.flush()
        };
        wait(&mut self.left)?;
        wait(&mut self.right)?;
        self.until_waiting(waiter)?;
        let steps: Vec<Step> = calls
            .iter()
            .map(|words| Step::Call {
                session: other,
                words: words.clone(),
            })
            .collect();
        let is_transaction = calls.iter().any(|words| words[0] == b"MULTI");
        let at_once = if self.recipe.settles && !is_transaction {
            1
        } else {
            steps.len().max(1)
        };
        let mut found = None;
        for steps in steps.chunks(at_once) {
            found = self.calls(other, steps)?;
            if found.is_some() {
                break;
            }
            if self.recipe.settles {
                // what is owed in a stripe is done before anything else is
                for key in &words[1..] {
                    // both, as a key that is not there is an event
                    self.left.control(&[b"EXISTS", key])?;
                    self.right.control(&[b"EXISTS", key])?;
                }
            }
        }
        let end = |peer: &mut Peer| -> Result<(Value, Vec<Answer>)> {
            let id = peer.session_id(waiter).to_string();
            let ended = peer.control(&[b"CLIENT", b"UNBLOCK", id.as_bytes()])?;
            Ok((ended, answers(&mut peer.sessions[waiter].connection, 1)?))
        };
        let (left, right) = (end(&mut self.left)?, end(&mut self.right)?);
        if found.is_none() && left != right {
            let show = |(ended, answers): &(Value, Vec<Answer>)| {
                format!("{} ({})", answers[0], compare::show(ended))
            };
            found = Some(Mismatch {
                step: 0,
                what: String::new(),
                group: format!("served: {}", String::from_utf8_lossy(&words[0])),
                left: show(&left),
                right: show(&right),
            });
        }
        if let Some(found) = &mut found {
            let shown: Vec<String> = calls.iter().map(|call| crate::show_words(call)).collect();
            found.step = 0;
            found.what = format!(
                "{} {}, served by {}",
                found.what,
                crate::show_words(words),
                shown.join("; ")
            );
        }
        Ok(found)
    }

    /// Returns when each server has answered the waiter, or shows that it waits.
    fn until_waiting(&mut self, waiter: usize) -> Result<()> {
        /// How long a command takes until it waits, or has been answered: longer only by mistake.
        const UNDER_WAY_MAX: Duration = Duration::from_secs(60);
        let began = Instant::now();
        loop {
            // both are asked each time, as they count the calls
            let (left, right) = (
                self.left.is_settled(waiter)?,
                self.right.is_settled(waiter)?,
            );
            if left && right {
                return Ok(());
            }
            if began.elapsed() > UNDER_WAY_MAX {
                return Err(Error::other("a command neither waits nor is answered"));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// How far apart the servers may have run a call, and the one that asks for what it left.
    fn delay(&self) -> Duration {
        2 * self.slowest
    }

    /// Restores a server's payload of a key in both.
    fn transfer(&mut self, from: &[u8], to: &[u8], lefts: bool) -> Result<Option<Mismatch>> {
        let dump: [&[u8]; 2] = [b"DUMP", from];
        let (left, right) = (self.left.control(&dump)?, self.right.control(&dump)?);
        let payload = if lefts { &left } else { &right };
        let Some(payload) = payload.as_bytes() else {
            return Ok(None);
        };
        let restore: [&[u8]; 5] = [b"RESTORE", to, b"0", payload, b"REPLACE"];
        let (left, right) = (self.left.control(&restore)?, self.right.control(&restore)?);
        Ok((left != right).then(|| Mismatch {
            step: 0,
            what: format!("RESTORE of {}", payload.escape_ascii()),
            group: "transfer".into(),
            left: compare::show(&left),
            right: compare::show(&right),
        }))
    }

    /// Restores a damaged payload under a name of its own. More may be refused here than there; what both take must be the same.
    fn damaged(&mut self, payload: &[u8]) -> Result<Option<Mismatch>> {
        const KEY: &[u8] = b"damaged";
        let mut ask = |words: &[&[u8]]| -> Result<(Value, Value)> {
            Ok((self.left.control(words)?, self.right.control(words)?))
        };
        ask(&[b"DEL", KEY])?;
        let (left, right) = ask(&[b"RESTORE", KEY, b"0", payload])?;
        let mut found = None;
        let answers = if left.as_error().is_some() {
            let is_wrong = right.as_error().is_some() && left != right;
            is_wrong.then_some((left, right))
        } else if right.as_error().is_some() {
            Some((left, right))
        } else {
            let (left, right) = ask(&[b"DUMP", KEY])?;
            let are_the_same = match (left.as_bytes(), right.as_bytes()) {
                (Some(left), Some(right)) => {
                    payloads::are_the_same(left, right) || payloads::are_of_one_value(left, right)
                }
                _ => false,
            };
            (!are_the_same).then_some((left, right))
        };
        if let Some((left, right)) = answers {
            found = Some(Mismatch {
                step: 0,
                what: format!("a damaged payload: {}", payload.escape_ascii()),
                group: format!("damaged, kind {}", payload.first().unwrap_or(&0)),
                left: compare::show(&left),
                right: compare::show(&right),
            });
        }
        ask(&[b"DEL", KEY])?;
        // one may have refused what the other has taken
        ask(&[b"CONFIG", b"RESETSTAT"])?;
        self.left.events()?;
        self.right.events()?;
        Ok(found)
    }

    /// Both get their batch before either is read, so they work at the same time.
    fn exchange(
        &mut self,
        session: usize,
        [left, right]: &[Vec<u8>; 2],
        count: usize,
    ) -> Result<(Vec<Answer>, Vec<Answer>)> {
        let began = Instant::now();
        let one = &mut self.left.sessions[session].connection;
        let other = &mut self.right.sessions[session].connection;
        let answered = one.exchange(left, |one| {
            other.exchange(right, |other| {
                Ok((answers(one, count)?, answers(other, count)?))
            })
        });
        self.slowest = self.slowest.max(began.elapsed());
        answered
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
        let differ = if without_messages(&left) == without_messages(&right) {
            "the messages behind the bytes"
        } else {
            "the bytes"
        };
        let what = format!("{differ} {}", bytes.escape_ascii());
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

/// The bytes that came in answer, without published messages, and how the answers ended. (Where CLIENT REPLY swallows
/// answers inside EXEC, what follows EXEC's header reads like its elements: so it is the bytes that are looked at.)
fn without_messages(answers: &[Answer]) -> (Vec<u8>, Option<&Answer>) {
    const HEADERS: [(&[u8], usize); 3] = [
        (b"3\r\n$7\r\nmessage\r\n", 2),
        (b"3\r\n$8\r\nsmessage\r\n", 2),
        (b"4\r\n$8\r\npmessage\r\n", 3),
    ];
    let bytes: Vec<u8> = answers
        .iter()
        .filter_map(|answer| match answer {
            Answer::Reply(_, bytes) => Some(bytes.as_slice()),
            _ => None,
        })
        .collect::<Vec<_>>()
        .concat();
    let mut kept = Vec::new();
    let mut rest = bytes.as_slice();
    while let [first, behind @ ..] = rest {
        let header = HEADERS
            .iter()
            .find(|(header, _)| behind.starts_with(header));
        let end = match (first, header) {
            (b'>' | b'*', Some((header, bulks))) => {
                (0..*bulks).try_fold(&behind[header.len()..], |rest, _| after_bulk(rest))
            }
            _ => None,
        };
        rest = end.unwrap_or_else(|| {
            kept.push(*first);
            behind
        });
    }
    let ended = answers
        .last()
        .filter(|answer| !matches!(answer, Answer::Reply(..)));
    (kept, ended)
}

/// What follows a bulk string.
fn after_bulk(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = bytes.strip_prefix(b"$")?;
    let line = bytes.iter().position(|&byte| byte == b'\r')?;
    let len: usize = std::str::from_utf8(&bytes[..line]).ok()?.parse().ok()?;
    bytes.get(line + 2..)?.get(len.checked_add(2)?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_are_left_out() {
        let reply = |bytes: &[u8]| Answer::Reply(Value::Null, bytes.to_vec());
        let answers = [
            reply(b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\ntext\r\n"),
            reply(b"*2\r\n:1\r\n*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$4\r\ntext\r\n"),
            reply(b">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"),
            reply(b"$7\r\nmessage\r\n"),
            Answer::Missing,
        ];
        let kept = b"*2\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n$7\r\nmessage\r\n";
        assert_eq!(
            without_messages(&answers),
            (kept.to_vec(), Some(&Answer::Missing))
        );
        assert_eq!(without_messages(&answers[..3]).1, None);
    }
}
