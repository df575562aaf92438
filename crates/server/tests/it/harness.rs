//! A server process of the test's own, and transcripts that are played on it.
//!
//! ```text
//! > CLIENT GETNAME => _          a call and its answer, as the protocol has it (see `show`)
//! b> CLIENT ID => :*             the same from another connection, which is opened where it first speaks
//! ```
//!
//! A `*` in an answer stands for any text.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use perilune_harness::port::{Port, lock_file, was_taken};
use perilune_resp::client::{Value, ValueReader, encode_command};
use perilune_resp::split_args;

/// This variable names another server to be tested: what the reference answers to a transcript is seen by
/// `PERILUNE_IT_SERVER=.../valkey-server cargo test -p perilune-server --test it connection client_commands`.
const OTHER_SERVER: &str = "PERILUNE_IT_SERVER";

/// How long a server may take to start, and a reply to come: what only a server that hangs exceeds, however busy the machine
/// is, and if it stands still meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many ports may belong to strangers.
const PORTS_TRIED: usize = 10;

/// What [`alone`] gives.
pub struct Alone {
    _file: File,
    _thread: MutexGuard<'static, ()>,
}

/// Held by tests that keep processors busy or measure time, one at a time: in this process, and in others, as some runners
/// give each test a process of its own.
pub fn alone() -> Alone {
    static ALONE: Mutex<()> = Mutex::new(());
    let thread = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let file = lock_file("alone").expect("a file to lock");
    file.lock().expect("a lock");
    Alone {
        _file: file,
        _thread: thread,
    }
}

/// What a thread of a server has done so far.
pub struct Task {
    /// What it is called.
    pub name: String,
    /// Whether it runs, or would if there were a processor for it.
    pub is_runnable: bool,
    /// How long it has run.
    pub cpu: Duration,
}

impl Task {
    /// Reads `/proc/<pid>/task/<tid>`; none if the thread has ended.
    fn read(directory: &Path) -> Option<Self> {
        let read = |file: &str| std::fs::read_to_string(directory.join(file)).ok();
        let (name, stat, scheduled) = (read("comm")?, read("stat")?, read("schedstat")?);
        // the name stands in parentheses, and may hold anything
        let state = stat.rsplit_once(") ")?.1;
        let nanoseconds = scheduled.split(' ').next()?.parse().ok()?;
        Some(Self {
            name: name.trim_end().to_owned(),
            is_runnable: state.starts_with('R'),
            cpu: Duration::from_nanos(nanoseconds),
        })
    }
}

/// A server that ends with this value.
pub struct Server {
    process: Child,
    port: Port,
    directory: PathBuf,
}

impl Server {
    /// Starts a server with these arguments after those that every test needs.
    pub fn start(arguments: &[&str]) -> Self {
        (0..PORTS_TRIED)
            .find_map(|_| Self::start_on(Port::take().expect("a port"), arguments))
            .expect("a port that belongs to nobody")
    }

    /// Starts one on which these keys lie in different stripes: who holds one of them keeps nobody from another. (Of a
    /// thousand pairs one has a stripe in common, another one in each server.)
    pub fn start_with_apart(keys: &[&str], arguments: &[&str]) -> Self {
        in_some_attempt("the keys lie apart", || {
            let server = Self::start(arguments);
            let answer = server
                .connect()
                .ask(&format!("DEBUG STRIPES {}", keys.join(" ")));
            let stripes: HashSet<&str> = answer.trim_matches(['[', ']']).split(' ').collect();
            (stripes.len() == keys.len()).then_some(server)
        })
    }

    /// The same on this port; none if a stranger has it.
    fn start_on(port: Port, arguments: &[&str]) -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("perilune-it-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory for the server");
        let log_path = directory.join("log");
        let log = File::create(&log_path).expect("a log file");
        let binary =
            std::env::var_os(OTHER_SERVER).unwrap_or_else(|| env!("CARGO_BIN_EXE_perilune").into());
        let process = Command::new(binary)
            .args([
                "--port",
                &port.number().to_string(),
                "--bind",
                "127.0.0.1",
                "--io-threads",
                "2",
            ])
            .args(["--extended-redis-compatibility", "yes", "--save", ""])
            .args(["--enable-debug-command", "yes", "--dir"])
            .arg(&directory)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the server starts");
        let mut server = Self {
            process,
            port,
            directory,
        };
        // Not found out by a connection, which may be to somebody else, and which the first test that counts would see.
        let (mut ended, mut log) = (None, String::new());
        eventually("the server listens", || {
            ended = server.process.try_wait().expect("a process");
            log = std::fs::read_to_string(&log_path).expect("a log");
            ended.is_some() || log.contains("Ready to accept connections")
        });
        match ended {
            None => Some(server),
            Some(_) if was_taken(&log) => None,
            Some(status) => panic!("the server does not start: {status}\n{log}"),
        }
    }

    fn address(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.port.number())
    }

    /// Its threads.
    pub fn tasks(&self) -> Vec<Task> {
        let path = format!("/proc/{}/task", self.process.id());
        let directory = std::fs::read_dir(path).expect("the process runs");
        directory
            .filter_map(|entry| Task::read(&entry.ok()?.path()))
            .collect()
    }

    /// How long its threads have run so far. Unlike a clock's time this does not grow with what else the machine does.
    pub fn cpu_time(&self) -> Duration {
        self.tasks().iter().map(|task| task.cpu).sum()
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address()).expect("the server accepts");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Client {
            stream,
            reader: ValueReader::new(),
        }
    }

    /// Whether nobody listens any more.
    pub fn refuses_connections(&self) -> bool {
        TcpStream::connect(self.address())
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    }

    /// Memory of the process that is resident, in KiB: as the system says it, so that the server need not do anything.
    pub fn resident_kib(&self) -> u64 {
        self.memory_kib("VmRSS:")
    }

    /// The most that has been resident so far, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.memory_kib("VmHWM:")
    }

    fn memory_kib(&self, figure: &str) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix(figure));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        number.unwrap_or_else(|| panic!("no {figure} in {status}"))
    }

    /// Sends the process SIGTERM.
    pub fn terminate(&self) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// The exit code of the process, which is to end by itself.
    #[track_caller]
    pub fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().expect("a process") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Plays a transcript; see the head of this file.
    #[track_caller]
    pub fn play(&self, transcript: &str) {
        let mut clients = HashMap::new();
        for line in transcript
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            let (who, step) = line
                .split_once("> ")
                .unwrap_or_else(|| panic!("no call: {line}"));
            let (call, expected) = step
                .rsplit_once(" => ")
                .unwrap_or_else(|| panic!("no answer: {line}"));
            let client = clients.entry(who).or_insert_with(|| self.connect());
            let answer = client.ask(call);
            assert!(
                matches(expected, &answer),
                "{who}> {call}\nexpected {expected}\n     got {answer}"
            );
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended by itself, as it does after SHUTDOWN
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Plays a transcript on a fresh server.
#[track_caller]
pub fn play(transcript: &str) {
    Server::start(&[]).play(transcript);
}

/// A connection.
pub struct Client {
    stream: TcpStream,
    reader: ValueReader,
}

impl Client {
    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Sends a call, typed as at a prompt.
    pub fn send(&mut self, call: &str) {
        let arguments =
            split_args(call.as_bytes()).unwrap_or_else(|| panic!("unbalanced quotes: {call}"));
        let arguments: Vec<&[u8]> = arguments.iter().map(|argument| &argument[..]).collect();
        let mut bytes = Vec::new();
        encode_command(&arguments, &mut bytes);
        self.send_bytes(&bytes);
    }

    /// All that comes up to this text, as it comes: answers may nest deeper than a client reads.
    pub fn receive_until(&mut self, end: &str) -> String {
        let mut received = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while !received.ends_with(end.as_bytes()) {
            let len = uninterrupted(|| self.stream.read(&mut buffer)).expect("an answer");
            assert!(len > 0, "the connection was closed");
            received.extend_from_slice(&buffer[..len]);
        }
        String::from_utf8_lossy(&received).into_owned()
    }

    /// The next reply; none once the server has closed the connection.
    pub fn receive(&mut self) -> Option<Value> {
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(value) = self.reader.next_value().expect("the protocol") {
                return Some(value);
            }
            match uninterrupted(|| self.stream.read(&mut buffer)) {
                Ok(0) => return None,
                Ok(len) => self.reader.feed(&buffer[..len]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no reply: {error}"),
            }
        }
    }

    /// As [`Client::receive`], if something comes within this time.
    pub fn receive_within(&mut self, time: Duration) -> Option<Option<Value>> {
        let buffered = self.reader.next_value().expect("the protocol");
        if buffered.is_some() {
            return Some(buffered);
        }
        (!self.is_silent_for(time)).then(|| self.receive())
    }

    /// Whether nothing comes for so long.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a socket");
        let result = uninterrupted(|| self.stream.peek(&mut [0]));
        self.stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket");
        result
            .is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Sends a call; its answer as `show` shows it, `(closed)` if the server closes instead.
    pub fn ask(&mut self, call: &str) -> String {
        self.send(call);
        self.receive()
            .map_or_else(|| "(closed)".into(), |value| show(&value))
    }

    /// Sends a call that answers text; the text.
    pub fn text(&mut self, call: &str) -> String {
        self.send(call);
        let value = self.receive();
        let bytes = value
            .as_ref()
            .and_then(Value::as_bytes)
            .unwrap_or_else(|| panic!("{call}: {value:?}"));
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// Reads with a limit of time, again if it ended because the process stood still.
fn uninterrupted(mut read: impl FnMut() -> Result<usize>) -> Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A reply on one line, every shape with a mark of its own:
///
/// `+OK`, `-ERR ...`, `:1`, `"bulk"`, `=txt:"text"`, `$-1`, `*-1`, `_`, `,1.5`, `#t`, `(123`, `[1 2]`, `~[set]`,
/// `>[push]`, `{key: value}`.
pub fn show(value: &Value) -> String {
    let list =
        |items: &[Value]| format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "));
    let quoted = |bytes: &[u8]| {
        format!(
            "\"{}\"",
            bytes
                .escape_ascii()
                .to_string()
                .replace("\\\"", "\"")
                .replace("\\'", "'")
        )
    };
    match value {
        Value::Bulk(bytes) => quoted(bytes),
        Value::Verbatim(format, text) => {
            format!("={}:{}", String::from_utf8_lossy(format), quoted(text))
        }
        Value::Array(items) => list(items),
        Value::Set(items) => format!("~{}", list(items)),
        Value::Push(items) => format!(">{}", list(items)),
        Value::Map(pairs) => {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(key, value)| format!("{}: {}", show(key), show(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => {
            let mut bytes = Vec::new();
            other.encode(&mut bytes);
            String::from_utf8_lossy(&bytes)
                .trim_end()
                .replace("\r\n", " ")
        }
    }
}

/// Whether an answer fits an expectation in which `*` stands for any text.
pub fn matches(expected: &str, answer: &str) -> bool {
    let Some((head, mut rest)) = expected.split_once('*').filter(|_| expected != "*-1") else {
        return expected == answer;
    };
    let Some(mut answer) = answer.strip_prefix(head) else {
        return false;
    };
    while let Some((part, next)) = rest.split_once('*') {
        let Some(at) = answer.find(part) else {
            return false;
        };
        answer = &answer[at + part.len()..];
        rest = next;
    }
    answer.ends_with(rest)
}

/// How often something is tried that comes about unless the machine stands still at the wrong moment.
const ATTEMPTS: usize = 10;

/// Tries it until it comes about, which it must in one of some attempts; what that one gives. Between two steps of a test
/// seconds may go by, for the server as well or for one of the two: what then has come too early or too late is no
/// attempt. What is wrong each time is wrong.
#[track_caller]
pub fn in_some_attempt<R>(what: &str, attempt: impl FnMut() -> Option<R>) -> R {
    let mut results = std::iter::repeat_with(attempt).take(ATTEMPTS);
    let result = results.find_map(|result| result);
    result.unwrap_or_else(|| panic!("in none of {ATTEMPTS} attempts: {what}"))
}

/// Waits until something is so.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
