//! Episodes of pushing and waiting: who waits is served, once, in order, and by nobody who has not committed.
//!
//! An episode has queues of its own. Some clients wait for them, by every command that waits, several commands at once
//! and one behind the other; others push, by every kind of transaction. When the last push is answered nothing comes
//! any more, and then nobody may wait for a queue that is not empty: a wake-up that is lost in an episode stays lost.
//! Those who still wait are unblocked, killed, or go away by themselves. What is pushed after that must stay where it
//! is. All of that goes into the history.
//!
//! One thread plays all the clients of an episode, sending without waiting for answers, so that the transactions meet
//! on the server.

use std::collections::{HashMap, VecDeque};
use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use perilune_harness::{Connection, Value};

use crate::drive::{Run, replies, send_body, understand, unseen};
use crate::history::{Kind, Mark, Operation, Outcome, Queue, Transaction, Wait};
use crate::queues::{QUEUES_PER_EPISODE, Scene, shape};
use crate::shapes::Shape;
use crate::workload::{Body, Meaning, Plan, Planner};

/// Clients of an episode that wait.
const WAITING_CLIENTS: usize = 4;
/// Clients of an episode that push.
const PUSHING_CLIENTS: usize = 3;
/// How often one of them sends something, at most.
const BATCHES_MAX: usize = 3;
/// How long a client may wait for a queue that is not empty. Far more than it takes, far less than a reply may take.
const STARVED_AFTER: Duration = Duration::from_secs(30);
/// How long anything else may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_micros(200);
/// How often something is tried whose connection breaks.
const ATTEMPTS_MAX: usize = 5;

/// Plays episodes one after the other, and writes them down.
pub struct Player<'a> {
    /// What to run.
    pub run: &'a Run,
    /// When the run began.
    pub started: Instant,
    /// Makes the transactions.
    pub planner: Planner<'a>,
    /// Numbers connections.
    pub next_connection: &'a AtomicU32,
    /// What was seen.
    pub history: Vec<Transaction>,
    clients: Vec<Client>,
    control: Option<Connection>,
    books: Books,
}

/// One client: those that wait come first.
#[derive(Default)]
struct Client {
    line: Option<Line>,
    /// What it has sent and not been answered.
    pending: VecDeque<Pending>,
}

struct Line {
    connection: Connection,
    /// In the history.
    number: u32,
    /// On the server.
    id: Vec<u8>,
}

struct Pending {
    plan: Plan,
    invoked: u64,
    replies: Vec<Value>,
    wait: Option<Wait>,
}

/// Which marks of an episode were pushed, and whether they were taken.
#[derive(Default)]
struct Books {
    is_taken: HashMap<(Queue, Mark), bool>,
    /// Somebody's answer was not seen.
    are_uncertain: bool,
}

impl Books {
    fn enter(&mut self, operations: &[Operation]) {
        for operation in operations {
            match operation {
                Operation::Push { queue, mark } => {
                    self.is_taken.entry((*queue, *mark)).or_default();
                }
                Operation::Take { queue, marks } => {
                    let taken = marks.iter().map(|&mark| ((*queue, mark), true));
                    self.is_taken.extend(taken);
                }
                _ => {}
            }
        }
    }

    /// Whether everything that was pushed is known to be taken.
    fn balance(&self) -> bool {
        !self.are_uncertain && self.is_taken.values().all(|&taken| taken)
    }
}

impl<'a> Player<'a> {
    /// A player of `run`, which began at `started`.
    pub fn new(
        run: &'a Run,
        started: Instant,
        planner: Planner<'a>,
        next_connection: &'a AtomicU32,
    ) -> Self {
        let clients = WAITING_CLIENTS + PUSHING_CLIENTS;
        Self {
            run,
            started,
            planner,
            next_connection,
            history: Vec::new(),
            clients: (0..clients).map(|_| Client::default()).collect(),
            control: None,
            books: Books::default(),
        }
    }

    /// Plays until the time is over or somebody has failed.
    pub fn play(&mut self, failed: &AtomicBool) -> Result<()> {
        while self.started.elapsed() < self.run.duration && !failed.load(Ordering::Relaxed) {
            self.episode()?;
        }
        Ok(())
    }

    fn episode(&mut self) -> Result<()> {
        let scene = Scene {
            first: self.planner.lists.fresh_queues(QUEUES_PER_EPISODE),
            witness: self.planner.lists.fresh_key(),
        };
        self.books = Books::default();
        // Some episodes are short: after a lost wake-up there is nobody to make up for it.
        let batches_max = self.planner.rng.usize(1..=BATCHES_MAX);
        let mut order = Vec::new();
        for client in 0..self.clients.len() {
            let batches = self.planner.rng.usize(0..=batches_max);
            order.extend(std::iter::repeat_n(client, batches));
        }
        self.planner.rng.shuffle(&mut order);
        if self.planner.rng.bool() {
            // most of them wait before anything is there
            order.sort_by_key(|&client| client >= WAITING_CLIENTS);
        }
        // in some it is known who came first
        let calls = self.planner.rng.bool();
        for client in order {
            let batch = self.planner.rng.usize(1..3);
            self.send(client, batch, |planner| {
                if client < WAITING_CLIENTS {
                    planner.waiting(scene)
                } else {
                    planner.pushing(scene)
                }
            })?;
            if calls {
                self.call_the_roll()?;
            }
            // some hear what has been answered so far, before anything else is sent
            if self.planner.rng.bool() {
                let listener = self.planner.rng.usize(..self.clients.len());
                self.listen(listener)?;
            }
        }
        self.settle(scene)?;
        self.release()?;
        self.finish(scene)
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Sends some transactions of a client, which are made now: marks rise with time.
    fn send(
        &mut self,
        client: usize,
        count: usize,
        mut plan: impl FnMut(&mut Planner<'_>) -> Plan,
    ) -> Result<()> {
        if self.clients[client].line.is_none() {
            self.clients[client].line = Some(self.connect()?);
        }
        let invoked = self.now();
        let client_at = client;
        let client = &mut self.clients[client];
        let Some(line) = &mut client.line else {
            return Ok(());
        };
        for _ in 0..count {
            let plan = plan(&mut self.planner);
            let wait = match &plan.body {
                Body::Single(command) => match &command.meaning {
                    Meaning::Take(taking, _) => Some(Wait {
                        queues: taking.queues.clone(),
                        seen: None,
                    }),
                    _ => None,
                },
                _ => None,
            };
            send_body(&mut line.connection, &plan.body);
            client.pending.push_back(Pending {
                plan,
                invoked,
                replies: Vec::new(),
                wait,
            });
        }
        if line.connection.flush().is_err() {
            self.lose(client_at);
        }
        Ok(())
    }

    fn connect(&self) -> Result<Line> {
        let mut error = Error::from(ErrorKind::ConnectionReset);
        for _ in 0..ATTEMPTS_MAX {
            let opened = Connection::open(self.run.address).and_then(|mut connection| {
                let id = connection.call(&["CLIENT", "ID"])?;
                Ok((connection, id))
            });
            match opened {
                Ok((connection, id)) => {
                    let id = id
                        .as_integer()
                        .ok_or_else(|| Error::other(format!("CLIENT ID was answered {id:?}")))?;
                    return Ok(Line {
                        connection,
                        number: self.next_connection.fetch_add(1, Ordering::Relaxed),
                        id: id.to_string().into_bytes(),
                    });
                }
                Err(broken) => error = broken,
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(error)
    }

    fn note(
        &mut self,
        number: u32,
        pending: &Pending,
        outcome: Outcome,
        operations: Vec<Operation>,
    ) {
        self.history.push(Transaction {
            connection: number,
            kind: pending.plan.kind,
            invoked: pending.invoked,
            completed: self.started.elapsed().as_nanos() as u64,
            outcome,
            operations,
            wait: pending.wait.clone(),
        });
    }

    /// Notes who waits. A client with a single command under way that the server shows as waiting for keys stands in
    /// their lines; whoever is sent after that comes behind it.
    fn call_the_roll(&mut self) -> Result<()> {
        let asked = self.now();
        let is_single = |client: &&Client| client.pending.len() == 1;
        let lines = self.clients.iter().filter(is_single);
        let ids: Vec<Vec<u8>> = lines
            .filter_map(|client| Some(client.line.as_ref()?.id.clone()))
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let head = ["CLIENT", "LIST", "ID"].map(|word| word.as_bytes().to_vec());
        let reply = self.control(&[head.into_iter().chain(ids).collect()])?;
        let text = String::from_utf8_lossy(reply[0].as_bytes().unwrap_or_default()).into_owned();
        let answered = self.now();
        for client in self.clients.iter_mut().filter(|c| c.pending.len() == 1) {
            let (Some(line), Some(pending)) = (&client.line, client.pending.front_mut()) else {
                continue;
            };
            let id = format!("id={} ", String::from_utf8_lossy(&line.id));
            let shown = text.lines().find(|shown| shown.starts_with(&id));
            let flags =
                shown.and_then(|shown| shown.split(' ').find_map(|f| f.strip_prefix("flags=")));
            if !flags.is_some_and(|flags| flags.contains('b')) {
                continue;
            }
            if let Some(wait) = &mut pending.wait {
                let seen = wait.seen.get_or_insert((answered, answered));
                // One whose time is up is shown for a moment more.
                if waits_for_ever(&pending.plan) {
                    seen.1 = asked;
                }
            }
        }
        Ok(())
    }

    /// Takes in what a client has been answered so far.
    fn listen(&mut self, client: usize) -> Result<()> {
        let at = client;
        loop {
            let client = &mut self.clients[at];
            let Some(line) = &mut client.line else {
                return Ok(());
            };
            let Some(pending) = client.pending.front_mut() else {
                return Ok(());
            };
            match line.connection.try_reply() {
                Ok(Some(reply)) => pending.replies.push(reply),
                Ok(None) => return Ok(()),
                Err(_) => {
                    self.lose(at);
                    return Ok(());
                }
            }
            if pending.replies.len() < replies(&pending.plan.body) {
                continue;
            }
            let number = line.number;
            let Some(pending) = client.pending.pop_front() else {
                return Ok(());
            };
            let mut seen = None;
            let understood = understand(&pending.plan, &[], &pending.replies, |_, outcome, o| {
                seen = Some((outcome, o));
            });
            let (Some(()), Some((outcome, operations))) = (understood, seen) else {
                let (plan, replies) = (&pending.plan, &pending.replies);
                return Err(Error::other(format!("{plan:#?} was answered {replies:?}")));
            };
            if outcome == Outcome::Committed {
                self.books.enter(&operations);
            }
            self.note(number, &pending, outcome, operations);
        }
    }

    fn listen_to_all(&mut self) -> Result<()> {
        (0..self.clients.len()).try_for_each(|client| self.listen(client))
    }

    /// A client's connection is broken: what it was not answered may have happened.
    fn lose(&mut self, client: usize) {
        let pending = std::mem::take(&mut self.clients[client].pending);
        let Some(line) = self.clients[client].line.take() else {
            return;
        };
        for pending in pending {
            self.books.are_uncertain = true;
            let operations = unseen(&pending.plan.body);
            self.note(line.number, &pending, Outcome::Unknown, operations);
        }
    }

    /// Waits until every push is answered and nobody waits for a queue that is not empty. Who still does after a long
    /// time is starved.
    fn settle(&mut self, scene: Scene) -> Result<()> {
        let deadline = Instant::now() + STARVED_AFTER;
        loop {
            self.listen_to_all()?;
            let is_late = Instant::now() > deadline;
            let rushing = self.clients.iter().any(|client| {
                let head = client.pending.front();
                head.is_some_and(|pending| pending.plan.kind != Kind::Waiting)
            });
            if rushing && is_late {
                return Err(Error::other("a transaction was not answered"));
            }
            if !rushing {
                let starving = self.starving(scene)?;
                if starving.is_empty() {
                    return Ok(());
                }
                if is_late {
                    for client in starving {
                        let client = &mut self.clients[client];
                        let pending = std::mem::take(&mut client.pending);
                        if let Some((line, head)) =
                            client.line.take().zip(pending.into_iter().next())
                        {
                            self.note(
                                line.number,
                                &head,
                                Outcome::Starved,
                                unseen(&head.plan.body),
                            );
                        }
                    }
                    return Ok(());
                }
            }
            thread::sleep(PAUSE);
        }
    }

    /// The clients that wait, as far as is known, for a queue that is not empty.
    fn starving(&mut self, scene: Scene) -> Result<Vec<usize>> {
        if self.clients.iter().all(|client| client.pending.is_empty()) {
            return Ok(Vec::new());
        }
        let commands: Vec<Vec<Vec<u8>>> = scene
            .queues()
            .map(|queue| {
                let command = match shape(queue) {
                    Shape::Scored => "ZCARD",
                    Shape::List | Shape::Text => "LLEN",
                };
                vec![command.into(), self.planner.lists.queue_name(queue)]
            })
            .collect();
        let lens = self.control(&commands)?;
        let is_filled = |&queue: &Queue| {
            let len = &lens[(queue - scene.first) as usize];
            len.as_integer() != Some(0)
        };
        let starves = |client: &Client| match client.pending.front() {
            Some(Pending { plan, .. }) => match &plan.body {
                Body::Single(command) => match &command.meaning {
                    Meaning::Take(taking, _) => taking.queues.iter().any(is_filled),
                    _ => false,
                },
                _ => false,
            },
            None => false,
        };
        let clients = self.clients.iter().enumerate();
        Ok(clients
            .filter(|(_, c)| starves(c))
            .map(|(at, _)| at)
            .collect())
    }

    /// Ends the waits that are left. Nothing is there that anybody could be served with.
    fn release(&mut self) -> Result<()> {
        self.call_the_roll()?;
        for client in 0..WAITING_CLIENTS {
            let deadline = Instant::now() + PATIENCE;
            let way = self.planner.rng.u32(..4);
            loop {
                self.listen(client)?;
                if self.clients[client].pending.is_empty() {
                    break;
                }
                let Some(line) = &self.clients[client].line else {
                    break;
                };
                let id = line.id.clone();
                // Where nothing can be on its way to it, a client that goes takes nothing along.
                if way < 2 && self.books.balance() {
                    self.part_with(client, id, way == 0)?;
                    break;
                }
                let end: &[u8] = if way == 2 { b"TIMEOUT" } else { b"ERROR" };
                let unblock = [b"CLIENT".to_vec(), b"UNBLOCK".to_vec(), id, end.to_vec()];
                self.control(&[unblock.to_vec()])?;
                if Instant::now() > deadline {
                    return Err(Error::other("CLIENT UNBLOCK does not end a wait"));
                }
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// A client that waits is killed, or goes, and has taken nothing.
    fn part_with(&mut self, client: usize, id: Vec<u8>, kill: bool) -> Result<()> {
        let pending = std::mem::take(&mut self.clients[client].pending);
        let Some(line) = self.clients[client].line.take() else {
            return Ok(());
        };
        let number = line.number;
        if kill {
            let kill = [
                b"CLIENT".to_vec(),
                b"KILL".to_vec(),
                b"ID".to_vec(),
                id.clone(),
            ];
            self.control(&[kill.to_vec()])?;
        } else {
            drop(line);
        }
        let list = [b"CLIENT".to_vec(), b"LIST".to_vec(), b"ID".to_vec(), id];
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = self.control(&[list.to_vec()])?;
            if reply[0]
                .as_bytes()
                .is_some_and(|text| text.trim_ascii().is_empty())
            {
                break;
            }
            if Instant::now() > deadline {
                return Err(Error::other(format!(
                    "a client that is gone is listed: {reply:?}"
                )));
            }
            thread::sleep(PAUSE);
        }
        for pending in pending {
            let operations = unseen(&pending.plan.body);
            self.note(number, &pending, Outcome::Aborted, operations);
        }
        Ok(())
    }

    /// Pushes once more, now that nobody waits, and reads what is left.
    fn finish(&mut self, scene: Scene) -> Result<()> {
        let pusher = WAITING_CLIENTS;
        for queue in scene.queues() {
            self.send(pusher, 1, |planner| Plan {
                kind: Kind::Plain,
                watched: Vec::new(),
                body: Body::Single(planner.push_to(queue, 1)),
            })?;
            self.hear_out(pusher)?;
        }
        for _ in 0..ATTEMPTS_MAX {
            self.send(pusher, 1, |planner| Plan {
                kind: Kind::Final,
                watched: Vec::new(),
                body: Body::Exec {
                    queued: scene.queues().map(|queue| planner.rest(queue)).collect(),
                    refused: false,
                },
            })?;
            if self.hear_out(pusher)? {
                return Ok(());
            }
        }
        Err(ErrorKind::ConnectionReset.into())
    }

    /// Listens to a client until all its transactions are answered. Whether they were.
    fn hear_out(&mut self, client: usize) -> Result<bool> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.listen(client)?;
            let heard = &self.clients[client];
            if heard.pending.is_empty() {
                return Ok(heard.line.is_some());
            }
            if Instant::now() > deadline {
                return Err(Error::other("a transaction was not answered"));
            }
            thread::yield_now();
        }
    }

    /// Asks the server, by commands that may be sent twice.
    fn control(&mut self, commands: &[Vec<Vec<u8>>]) -> Result<Vec<Value>> {
        let mut error = Error::from(ErrorKind::ConnectionReset);
        for _ in 0..ATTEMPTS_MAX {
            let mut ask = || {
                let connection = match &mut self.control {
                    Some(connection) => connection,
                    none => none.insert(Connection::open(self.run.address)?),
                };
                commands.iter().for_each(|words| connection.queue(words));
                connection.flush()?;
                commands.iter().map(|_| connection.reply()).collect()
            };
            match ask() {
                Ok(replies) => return Ok(replies),
                Err(broken) => error = broken,
            }
            self.control = None;
            thread::sleep(Duration::from_millis(10));
        }
        Err(error)
    }
}

/// Whether a command that waits has no timeout.
fn waits_for_ever(plan: &Plan) -> bool {
    match &plan.body {
        Body::Single(command) => command.words.iter().any(|word| word == b"0"),
        _ => false,
    }
}
