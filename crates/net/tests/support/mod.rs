//! A server whose commands are lines, and a client for it.
//!
//! ```text
//! ping            pong
//! aside MS        puts the loop down, sleeps, answers whether it still had the loop
//! hold            puts the loop down and waits for a `release`, which only a thread that has taken the loop can serve
//! grip            waits for a release with the loop in hand
//! release         ends the first `hold` or `grip` that is left
//! park T          waits for `wake` with ticket T; goes on when the client has gone
//! wait T          the same, but ends with the connection
//! doze T          like park, but the wake-up is on its way before it parks
//! take T          like wait, but the answer comes by message
//! big N           N bytes
//! len TEXT        how long TEXT is
//! yield           gives others a turn
//! panic, quit, close
//! ```

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use perilune_net::{
    Address, After, CloseReason, Config, Conn, ConnInfo, ConnRef, Endpoint, Flow, Input, Listener,
    OutputLimits, Refusal, Report, Runtime, Service, Turn,
};

#[derive(Default)]
pub struct Lines {
    pub closed: Mutex<HashMap<u64, CloseReason>>,
    pub executed: Mutex<Vec<String>>,
    pub reports: Mutex<Vec<String>>,
    pub locals: AtomicUsize,
    pub ticks: AtomicU64,
    /// Begun `aside`s, `hold`s and `grip`s.
    pub begun: AtomicUsize,
    /// Begun `take`s and `take-for`s.
    pub waits: AtomicUsize,
    pub holds: Holds,
    pub max_conns: usize,
    pub limits: OutputLimits,
}

/// Those that wait for a release, and get it in the order in which they came.
#[derive(Default)]
pub struct Holds {
    /// How many have come, and how many may go.
    counts: Mutex<(usize, usize)>,
    released: Condvar,
}

impl Holds {
    fn wait(&self, begun: &AtomicUsize) {
        let mut counts = self.counts.lock().unwrap();
        let place = counts.0;
        counts.0 += 1;
        begun.fetch_add(1, Ordering::Relaxed);
        let is_held = |counts: &mut (usize, usize)| counts.1 <= place;
        drop(self.released.wait_while(counts, is_held).unwrap());
    }

    pub fn release(&self) {
        self.counts.lock().unwrap().1 += 1;
        self.released.notify_all();
    }
}

#[derive(Default)]
pub struct Session {
    resumed: bool,
}

#[derive(Debug)]
#[allow(dead_code, reason = "not every test file sends all of them")]
pub enum Message {
    /// Answers a `take`.
    Serve(String),
    /// Sent to a loop: tell all its connections.
    TellAll(String),
    /// Sent to a loop: tell this connection of it.
    Tell(u64, String),
    /// Told to a connection when it comes home.
    Told(String),
    Fail,
}

/// The lines, shared with the test.
#[derive(Clone)]
pub struct LineService(pub Arc<Lines>);

impl Service for LineService {
    type Session = Session;
    type Local = u64;
    type Message = Message;

    fn local(&self) -> u64 {
        self.0.locals.fetch_add(1, Ordering::Relaxed);
        0
    }

    fn accept(&self, info: &ConnInfo) -> Result<Session, Refusal> {
        if self.0.max_conns > 0 && info.live >= self.0.max_conns {
            return Err(Refusal(b"too many\n".to_vec()));
        }
        Ok(Session::default())
    }

    fn on_input(
        &self,
        turn: &mut Turn<'_, Self>,
        conn: &mut Conn<Session>,
        input: &mut Input<'_>,
    ) -> Flow {
        while let Some(end) = input.bytes().iter().position(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(&input.bytes()[..end]).into_owned();
            let flow = self.execute(turn, conn, &line);
            let again = matches!(flow, Flow::Park(_) | Flow::Wait(..));
            if !again || line.starts_with("take") {
                input.consume(end + 1);
            }
            if flow != Flow::Continue {
                return flow;
            }
        }
        conn.expect_input(if input.bytes().len() > 1000 {
            1 << 30
        } else {
            0
        });
        Flow::Continue
    }

    fn on_timeout(&self, _: &mut Turn<'_, Self>, conn: &mut Conn<Session>) -> After {
        say(conn, "timed out");
        After::Resume
    }

    fn on_message(
        &self,
        _: &mut Turn<'_, Self>,
        conn: &mut Conn<Session>,
        message: Message,
    ) -> After {
        match message {
            Message::Serve(text) if conn.is_parked() => {
                say(conn, &text);
                After::Resume
            }
            Message::Told(text) => {
                say(conn, &text);
                After::Stay
            }
            Message::Serve(_) | Message::TellAll(_) | Message::Tell(..) => After::Stay,
            Message::Fail => std::panic::resume_unwind(Box::new("asked for by message")),
        }
    }

    fn on_loop_message(&self, turn: &mut Turn<'_, Self>, message: Message) {
        match message {
            Message::TellAll(text) => turn.for_each_conn(|conn| say(conn, &text)),
            Message::Tell(id, text) => {
                let reached = turn.reach(
                    id,
                    |conn| say(conn, &text),
                    || Message::Told(format!("{text} (late)")),
                );
                if !reached {
                    self.0.reports.lock().unwrap().push(format!("{text}: gone"));
                }
            }
            _ => {}
        }
    }

    fn on_close(&self, conn: &mut Conn<Session>, reason: CloseReason) {
        self.0.closed.lock().unwrap().insert(conn.id(), reason);
    }

    fn on_tick(&self, _: &mut Turn<'_, Self>) {
        self.0.ticks.fetch_add(1, Ordering::Relaxed);
    }

    fn output_limits(&self, _: &Conn<Session>) -> OutputLimits {
        self.0.limits
    }

    fn report(&self, report: Report<'_>) {
        self.0.reports.lock().unwrap().push(format!("{report:?}"));
    }
}

fn say(conn: &mut Conn<Session>, text: &str) {
    conn.out.extend_from_slice(text.as_bytes());
    conn.out.push(b'\n');
}

impl LineService {
    fn execute(&self, turn: &mut Turn<'_, Self>, conn: &mut Conn<Session>, line: &str) -> Flow {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.parse::<u64>().unwrap_or(0);
        let resumed = std::mem::take(&mut conn.session.resumed);
        match name {
            "ping" => say(conn, "pong"),
            "id" => say(conn, &conn.id().to_string()),
            "aside" => {
                turn.put_down();
                self.0.begun.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(number()));
                let kept = turn.take_back();
                *turn.local() += 1;
                say(conn, if kept { "kept" } else { "lost" });
            }
            "hold" => {
                turn.put_down();
                self.0.holds.wait(&self.0.begun);
                say(conn, if turn.take_back() { "kept" } else { "lost" });
            }
            "grip" => {
                self.0.holds.wait(&self.0.begun);
                say(conn, "gripped");
            }
            "release" => {
                self.0.holds.release();
                say(conn, "released");
            }
            "park" | "wait" | "doze" if !resumed => {
                conn.session.resumed = true;
                if name == "doze" {
                    turn.net().wake(conn.at(), number());
                }
                return if name == "wait" {
                    Flow::Wait(number(), None)
                } else {
                    Flow::Park(number())
                };
            }
            "park" | "wait" | "doze" => say(conn, "woken"),
            "take" => {
                self.0.waits.fetch_add(1, Ordering::Relaxed);
                return Flow::Wait(number(), None);
            }
            "take-for" => {
                self.0.waits.fetch_add(1, Ordering::Relaxed);
                let deadline = Instant::now() + Duration::from_millis(number());
                return Flow::Wait(1, Some(deadline));
            }
            "big" => {
                conn.out
                    .extend(std::iter::repeat_n(b'x', number() as usize));
                say(conn, "");
            }
            "len" => say(conn, &rest.len().to_string()),
            "yield" => {
                say(conn, "yielded");
                return Flow::Yield;
            }
            "panic" => std::panic::resume_unwind(Box::new("asked for")),
            "quit" => {
                say(conn, "bye");
                return Flow::CloseAfterReply;
            }
            "close" => return Flow::Close,
            _ => say(conn, "what?"),
        }
        self.0.executed.lock().unwrap().push(line.to_owned());
        Flow::Continue
    }
}

/// How long a test waits for what must happen, on a machine that may stand still for seconds.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often something is tried that comes about unless the machine stands still at the wrong moment.
pub const ATTEMPTS: usize = 10;

pub struct Server {
    pub lines: Arc<Lines>,
    pub runtime: Runtime<LineService>,
    pub address: SocketAddr,
}

pub fn start(lines: Lines, config: Config) -> Server {
    let lines = Arc::new(lines);
    let endpoint = Endpoint::Tcp("127.0.0.1:0".parse().unwrap());
    let listener = Listener::bind(&endpoint, 511).unwrap();
    let Address::Tcp(address) = *listener.local_address() else {
        unreachable!("a TCP listener")
    };
    let mut config = config;
    config.listeners.push(listener);
    let runtime = Runtime::start(LineService(lines.clone()), config).unwrap();
    Server {
        lines,
        runtime,
        address,
    }
}

pub fn start_one_loop() -> Server {
    start(Lines::default(), Config::default())
}

impl Server {
    pub fn connect(&self) -> Client<TcpStream> {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client {
            stream: BufReader::new(stream),
        }
    }

    /// Waits until the connection is closed and tells why.
    pub fn closed(&self, id: u64) -> CloseReason {
        eventually(|| self.lines.closed.lock().unwrap().get(&id).copied())
    }

    pub fn at(&self, id: u64) -> ConnRef {
        self.runtime.net().conn(id).expect("it is connected").at()
    }

    pub fn end(self) {
        assert!(self.runtime.shutdown(PATIENCE), "ends in time");
    }
}

pub struct Client<T> {
    pub stream: BufReader<T>,
}

impl<T: Read + Write> Client<T> {
    pub fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The next line without its end; empty at the end of the stream.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error}"),
        }
        line.trim_end_matches('\n').to_owned()
    }

    pub fn ask(&mut self, text: &str) -> String {
        self.send(text);
        self.send("\n");
        self.line()
    }

    pub fn id(&mut self) -> u64 {
        self.ask("id").parse().unwrap()
    }
}

/// Tries until there is an answer; as long as one waits for a line.
pub fn eventually<R>(mut what: impl FnMut() -> Option<R>) -> R {
    let start = Instant::now();
    loop {
        if let Some(result) = what() {
            return result;
        }
        assert!(start.elapsed() < PATIENCE, "did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}
