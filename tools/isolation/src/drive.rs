//! Runs the workload: a thread per connection makes transactions and writes down what it saw.
//!
//! One of the threads breaks connections (CLIENT KILL) now and then: a transaction must not be cut in half by
//! that. Whose connection breaks connects again under another number and goes on.

use std::collections::HashMap;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use perilune_harness::{Connection, Value};

use crate::episodes::Player;
use crate::history::{Key, Kind, Mark, Operation, Outcome, Transaction};
use crate::shapes::write_unseen;
use crate::workload::{Body, Command, KEY_UNKNOWN, Lists, Plan, Planner, Scripts};

/// Transactions sent at once, at most.
const PIPELINE_MAX: usize = 4;
/// Between two attempts to stop what never ends.
const STOP_PAUSE: Duration = Duration::from_millis(20);
/// Keys read by one transaction at the end.
const FINAL_READ_KEYS: usize = 50;

/// What to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Everything random follows from it.
    pub seed: u64,
    /// How long.
    pub duration: Duration,
    /// How many at once.
    pub connections: u32,
    /// How many episodes of pushing and waiting at once, each with clients of its own.
    pub episodes: u32,
    /// How often all of them are broken.
    pub kills_per_second: f64,
    /// Some fail, are stopped or take themselves back, so that nothing of them happens.
    pub rollbacks: bool,
}

/// Runs the workload over `lists`, and episodes beside it; the history ends with reads of all keys.
pub fn run(run: &Run, lists: &Lists) -> Result<Vec<Transaction>> {
    let started = Instant::now();
    let library = run.rollbacks.then(|| lists.library_name());
    let call = |words: &[&[u8]]| Connection::open(run.address)?.call(words);
    let scripts = Scripts::load(library.as_deref(), call)?;
    let next_connection = AtomicU32::new(0);
    let (failed, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut history = thread::scope(|scope| {
        let workers: Vec<_> = (0..run.connections)
            .map(|worker| {
                let rng = Rng::with_seed(run.seed.wrapping_add(u64::from(worker) << 32));
                let planner = Planner {
                    lists,
                    scripts: scripts.clone(),
                    rng,
                };
                let (next_connection, failed) = (&next_connection, &failed);
                scope.spawn(move || {
                    let mut worker = Worker {
                        run,
                        started,
                        planner,
                        next_connection,
                        history: Vec::new(),
                    };
                    let result = worker.work(failed);
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    result.map(|()| worker.history)
                })
            })
            .collect();
        let players: Vec<_> = (0..run.episodes)
            .map(|player| {
                let rng = Rng::with_seed(run.seed.wrapping_add(u64::from(!player) << 32));
                let planner = Planner {
                    lists,
                    scripts: scripts.clone(),
                    rng,
                };
                let (next_connection, failed) = (&next_connection, &failed);
                scope.spawn(move || {
                    let mut player = Player::new(run, started, planner, next_connection);
                    let result = player.play(failed);
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    result.map(|()| player.history)
                })
            })
            .collect();
        let killer = scope.spawn(|| kill(run, started, &failed));
        let endless = scripts.endless();
        endless.map(|script| scope.spawn(|| stop(run, script.to_vec(), &over)));
        // however this ends, whoever stops scripts must not wait for ever
        let _over = Raises(&over);
        let mut history = Vec::new();
        for worker in workers {
            history.extend(worker.join().expect("a worker returns its errors")?);
        }
        for player in players {
            history.extend(player.join().expect("a player returns its errors")?);
        }
        killer.join().expect("the killer returns its errors")?;
        Ok::<_, Error>(history)
    })?;
    let planner = Planner {
        lists,
        scripts,
        rng: Rng::with_seed(run.seed),
    };
    let mut reader = Worker {
        run,
        started,
        planner,
        next_connection: &next_connection,
        history: Vec::new(),
    };
    reader.read_all()?;
    history.append(&mut reader.history);
    resolve_unknown_keys(&mut history);
    Ok(history)
}

fn kill(run: &Run, started: Instant, failed: &AtomicBool) -> Result<()> {
    if run.kills_per_second == 0.0 {
        return Ok(());
    }
    let pause = Duration::from_secs_f64(1.0 / run.kills_per_second);
    let mut connection = Connection::open(run.address)?;
    let mut next = pause;
    while next < run.duration && !failed.load(Ordering::Relaxed) {
        thread::sleep(next.saturating_sub(started.elapsed()));
        let reply = connection.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])?;
        if reply.as_integer().is_none() {
            return Err(Error::other(format!(
                "CLIENT KILL answers {reply:?} (see --kills-per-second)"
            )));
        }
        next += pause;
    }
    Ok(())
}

/// Raises a flag when it is dropped.
struct Raises<'a>(&'a AtomicBool);

impl Drop for Raises<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Stops a script that never ends, wherever it runs, until all is over.
fn stop(run: &Run, script: Vec<u8>, over: &AtomicBool) {
    let mut connection = None;
    while !over.load(Ordering::Relaxed) {
        let mut open = connection
            .take()
            .or_else(|| Connection::open(run.address).ok());
        // it may be killed as well, and is opened anew then
        let call: [&[u8]; 3] = [b"SCRIPT", b"KILL", &script];
        connection = open.take_if(|open| open.call(&call).is_ok());
        thread::sleep(STOP_PAUSE);
    }
}

/// Finds the keys of the writes of which only the mark is known, or forgets these if nobody saw it.
fn resolve_unknown_keys(history: &mut [Transaction]) {
    let mut found: HashMap<Mark, Key> = HashMap::new();
    for transaction in history.iter().filter(|t| t.kind == Kind::Final) {
        for operation in &transaction.operations {
            if let Operation::Read { key, marks } | Operation::Members { key, marks } = operation {
                found.extend(marks.iter().map(|&mark| (mark, *key)));
            }
        }
    }
    for transaction in history.iter_mut().filter(|t| t.outcome == Outcome::Unknown) {
        transaction.operations.retain_mut(|operation| {
            let Operation::Append { key, mark, .. } = *operation else {
                return true;
            };
            if key == KEY_UNKNOWN {
                let Some(&key) = found.get(&mark) else {
                    return false;
                };
                *operation = write_unseen(key, mark);
            }
            true
        });
    }
}

struct Worker<'a> {
    run: &'a Run,
    started: Instant,
    planner: Planner<'a>,
    next_connection: &'a AtomicU32,
    history: Vec<Transaction>,
}

/// Why a batch ended early.
enum Broken {
    /// The connection did: whatever was not answered may have happened.
    Connection(Error),
    /// The server answered something that no transaction here can be answered.
    Reply(Error),
}

impl Worker<'_> {
    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn work(&mut self, failed: &AtomicBool) -> Result<()> {
        let mut broken_in_a_row = 0;
        while self.started.elapsed() < self.run.duration && !failed.load(Ordering::Relaxed) {
            let number = self.next_connection.fetch_add(1, Ordering::Relaxed);
            let mut connection = match Connection::open(self.run.address) {
                Ok(connection) => connection,
                // Killed before it was accepted; a server that is gone stays so.
                Err(error) if broken_in_a_row == 20 => return Err(error),
                Err(_) => {
                    broken_in_a_row += 1;
                    thread::sleep(Duration::from_millis(10));
                    continue;
                }
            };
            while self.started.elapsed() < self.run.duration {
                match self.batch(&mut connection, number) {
                    Ok(()) => broken_in_a_row = 0,
                    Err(Broken::Reply(error)) => return Err(error),
                    Err(Broken::Connection(error)) => {
                        broken_in_a_row += 1;
                        if error.kind() == std::io::ErrorKind::TimedOut || broken_in_a_row == 20 {
                            return Err(error);
                        }
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes one or several transactions at once.
    fn batch(
        &mut self,
        connection: &mut Connection,
        number: u32,
    ) -> std::result::Result<(), Broken> {
        let many = if self.planner.rng.u32(..10) < 3 {
            self.planner.rng.usize(2..=PIPELINE_MAX)
        } else {
            1
        };
        let plans: Vec<Plan> = (0..many).map(|_| self.planner.plan()).collect();
        let invoked = self.now();
        let mut answered = 0;
        let result = self.send_and_read(connection, &plans, |worker, plan, watched, replies| {
            let completed = worker.now();
            answered += 1;
            let note = |kind, outcome, operations| {
                let made = Transaction {
                    connection: number,
                    kind,
                    invoked,
                    completed,
                    outcome,
                    operations,
                    wait: None,
                };
                worker.history.push(made);
            };
            understand(plan, watched, replies, note)
        });
        let completed = self.now();
        if matches!(result, Err(Broken::Connection(_))) {
            for plan in &plans[answered..] {
                let (kind, outcome, operations) = (plan.kind, Outcome::Unknown, unseen(&plan.body));
                self.history.push(Transaction {
                    connection: number,
                    kind,
                    invoked,
                    completed,
                    outcome,
                    operations,
                    wait: None,
                });
            }
        }
        result
    }

    /// Hands over the replies to each plan, as they come.
    fn send_and_read(
        &mut self,
        connection: &mut Connection,
        plans: &[Plan],
        mut answered: impl FnMut(&mut Self, &Plan, &[Value], &[Value]) -> Option<()>,
    ) -> std::result::Result<(), Broken> {
        let mut watched = Vec::new();
        for plan in plans {
            plan.watched
                .iter()
                .for_each(|command| connection.queue(&command.words));
            // Alone in its batch a WATCH waits for what it reads, as a client does: others come in between.
            if plans.len() == 1 && !plan.watched.is_empty() {
                connection.flush().map_err(Broken::Connection)?;
                watched = read(connection, plan.watched.len())?;
            }
            send_body(connection, &plan.body);
        }
        connection.flush().map_err(Broken::Connection)?;
        for plan in plans {
            if watched.is_empty() {
                watched = read(connection, plan.watched.len())?;
            }
            let replies = read(connection, replies(&plan.body))?;
            answered(self, plan, &watched, &replies).ok_or_else(|| {
                Broken::Reply(Error::other(format!(
                    "{plan:#?} was answered {watched:?} {replies:?}"
                )))
            })?;
            watched.clear();
        }
        Ok(())
    }

    fn read_all(&mut self) -> Result<()> {
        let mut connection = Connection::open(self.run.address)?;
        let number = self.next_connection.fetch_add(1, Ordering::Relaxed);
        let keys: Vec<Key> = (0..self.planner.lists.used()).collect();
        for keys in keys.chunks(FINAL_READ_KEYS) {
            let invoked = self.now();
            let body = Body::Exec {
                queued: keys.iter().map(|&key| self.planner.read_of(key)).collect(),
                refused: false,
            };
            let plan = Plan {
                kind: Kind::Final,
                watched: Vec::new(),
                body,
            };
            send_body(&mut connection, &plan.body);
            connection.flush()?;
            let answers = (0..replies(&plan.body)).map(|_| connection.reply());
            let answers = answers.collect::<Result<Vec<_>>>()?;
            let mut operations = Vec::new();
            understand(&plan, &[], &answers, |_, _, seen| operations = seen)
                .ok_or_else(|| Error::other(format!("a final read was answered {answers:?}")))?;
            let (kind, outcome) = (Kind::Final, Outcome::Committed);
            let completed = self.now();
            self.history.push(Transaction {
                connection: number,
                kind,
                invoked,
                completed,
                outcome,
                operations,
                wait: None,
            });
        }
        Ok(())
    }
}

fn read(connection: &mut Connection, replies: usize) -> std::result::Result<Vec<Value>, Broken> {
    (0..replies)
        .map(|_| connection.reply())
        .collect::<Result<_>>()
        .map_err(Broken::Connection)
}

/// Queues the commands of a plan, but for those under its WATCH.
pub fn send_body(connection: &mut Connection, body: &Body) {
    let (queued, end) = match body {
        Body::Single(command) => return connection.queue(&command.words),
        Body::RolledBack {
            queued,
            after,
            failing,
        } => {
            connection.queue(&["MULTI", "ATOMIC"]);
            let all = queued.iter().map(|command| &command.words);
            let (before, behind) = (all.clone().take(*after), all.skip(*after));
            let sent = before.chain([failing]).chain(behind);
            sent.for_each(|words| connection.queue(words));
            return connection.queue(&["EXEC"]);
        }
        Body::Exec { queued, .. } => (queued, "EXEC"),
        Body::Discard { queued } => (queued, "DISCARD"),
    };
    connection.queue(&["MULTI"]);
    queued
        .iter()
        .for_each(|command| connection.queue(&command.words));
    if matches!(body, Body::Exec { refused: true, .. }) {
        connection.queue(&["GET"]);
    }
    connection.queue(&[end]);
}

/// How many replies these have.
pub fn replies(body: &Body) -> usize {
    match body {
        Body::Single(_) => 1,
        Body::Exec { queued, refused } => queued.len() + 2 + usize::from(*refused),
        Body::Discard { queued } => queued.len() + 2,
        Body::RolledBack { queued, .. } => queued.len() + 3,
    }
}

/// What may have happened where nobody saw the replies.
pub fn unseen(body: &Body) -> Vec<Operation> {
    match body {
        Body::Single(command) if command.never().is_some() => Vec::new(),
        Body::Single(command) => command.unseen(),
        Body::Exec {
            queued,
            refused: false,
        } => queued.iter().flat_map(Command::unseen).collect(),
        // Nothing of these ever happens, whatever became of the connection.
        Body::Exec { refused: true, .. } | Body::Discard { .. } | Body::RolledBack { .. } => {
            Vec::new()
        }
    }
}

/// Says what a plan has done; None where the replies do not fit it.
pub fn understand(
    plan: &Plan,
    watched: &[Value],
    replies: &[Value],
    mut note: impl FnMut(Kind, Outcome, Vec<Operation>),
) -> Option<()> {
    let read: Vec<Operation> = understand_all(&plan.watched, watched)?;
    let (end, before) = replies.split_last()?;
    let queued = |commands: &[Command]| {
        let refused = usize::from(matches!(plan.body, Body::Exec { refused: true, .. }));
        let more = usize::from(matches!(plan.body, Body::RolledBack { .. }));
        let (ok, rest) = before.split_first()?;
        let all_queued = rest[..rest.len() - refused]
            .iter()
            .all(|r| *r == Value::Status(b"QUEUED".to_vec()));
        let as_sent = *ok == Value::Status(b"OK".to_vec())
            && all_queued
            && commands.len() + more == rest.len() - refused;
        as_sent.then(|| {
            commands
                .iter()
                .flat_map(Command::unseen)
                .collect::<Vec<_>>()
        })
    };
    match &plan.body {
        Body::Single(command) => {
            let seen = command.understand(end)?;
            match command.never() {
                Some(writes) => note(plan.kind, Outcome::Aborted, writes),
                None => note(plan.kind, Outcome::Committed, seen),
            }
        }
        Body::RolledBack {
            queued: commands,
            failing,
            ..
        } => {
            let writes = queued(commands)?;
            let panics = failing[0] == b"DEBUG";
            match end {
                Value::Error(text) if panics && text.starts_with(b"ERR internal error") => {}
                Value::Error(text) if text.starts_with(b"EXECABORT Transaction rolled back") => {}
                _ => return None,
            }
            note(plan.kind, Outcome::Aborted, writes);
        }
        Body::Discard { queued: commands } => {
            let writes = queued(commands)?;
            (*end == Value::Status(b"OK".to_vec()))
                .then(|| note(plan.kind, Outcome::Aborted, writes))?;
        }
        Body::Exec {
            queued: commands,
            refused,
        } => {
            let writes = queued(commands)?;
            match end {
                Value::Error(text) if *refused && text.starts_with(b"EXECABORT") => {
                    note(plan.kind, Outcome::Aborted, writes);
                }
                end if end.is_null() && plan.kind == Kind::Watch => {
                    for read in read {
                        note(Kind::WatchRead, Outcome::Committed, vec![read]);
                    }
                    note(plan.kind, Outcome::Aborted, writes);
                }
                end if !refused => {
                    let mut operations = read;
                    operations.extend(understand_all(commands, end.as_array()?)?);
                    note(plan.kind, Outcome::Committed, operations);
                }
                _ => return None,
            }
        }
    }
    Some(())
}

fn understand_all(commands: &[Command], replies: &[Value]) -> Option<Vec<Operation>> {
    if commands.len() != replies.len() {
        return None;
    }
    let understood: Option<Vec<_>> = commands
        .iter()
        .zip(replies)
        .map(|(c, r)| c.understand(r))
        .collect();
    Some(understood?.into_iter().flatten().collect())
}
