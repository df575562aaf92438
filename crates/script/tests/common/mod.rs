//! A server small enough to see through: a map behind the port, and a reply that writes itself down as text.
#![allow(dead_code)] // Each test file uses a part.

use std::collections::HashMap;
use std::sync::Arc;

use perilune_resp::{Protocol, Reply};
use perilune_script::{
    Abort, Arguments, Function, Interrupt, KillReason, Library, Limits, LogLevel, Port,
    Propagation, Script, ScriptStop, Vm,
};

/// Writes a reply down as a compact text: `+OK`, `-ERR x`, `:1`, `"bulk"`, `nil`, `[..]`, `{k v}`, `~[..]`.
pub struct Text {
    pub protocol: Protocol,
    pub text: String,
    open: Vec<(usize, char)>,
}

impl Text {
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            text: String::new(),
            open: Vec::new(),
        }
    }

    fn put(&mut self, value: &str) {
        if !self.text.is_empty() && !self.text.ends_with(['[', '{']) {
            self.text.push(' ');
        }
        self.text.push_str(value);
        self.closed();
    }

    fn closed(&mut self) {
        while let Some((left, close)) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.text.push(*close);
            self.open.pop();
        }
    }

    fn begin(&mut self, open: &str, close: char, len: usize) {
        if !self.text.is_empty() && !self.text.ends_with(['[', '{']) {
            self.text.push(' ');
        }
        self.text.push_str(open);
        if len == 0 {
            self.text.push(close);
            self.closed();
        } else {
            self.open.push((len, close));
        }
    }

    fn is_3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }
}

fn lossy(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| b as char).collect()
}

impl Reply for Text {
    fn protocol(&self) -> Protocol {
        self.protocol
    }
    fn status_bytes(&mut self, text: &[u8]) {
        self.put(&format!("+{}", lossy(text)));
    }
    fn error(&mut self, message: &[u8]) {
        let text = lossy(message).replace(['\r', '\n'], " ");
        self.put(&format!("-{text}"));
    }
    fn integer(&mut self, value: i64) {
        self.put(&format!(":{value}"));
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.put(&format!("\"{}\"", lossy(bytes)));
    }
    fn null(&mut self) {
        self.put("nil");
    }
    fn null_array(&mut self) {
        self.put("nil");
    }
    fn array(&mut self, len: usize) {
        self.begin("[", ']', len);
    }
    fn map(&mut self, pairs: usize) {
        match self.is_3() {
            true => self.begin("{", '}', 2 * pairs),
            false => self.begin("[", ']', 2 * pairs),
        }
    }
    fn set(&mut self, len: usize) {
        let open = if self.is_3() { "~[" } else { "[" };
        self.begin(open, ']', len);
    }
    fn double(&mut self, value: f64) {
        match self.is_3() {
            true => self.put(&format!(",{value}")),
            false => self.put(&format!("\"{value}\"")),
        }
    }
    fn boolean(&mut self, value: bool) {
        match self.is_3() {
            true => self.put(if value { "#t" } else { "#f" }),
            false => self.put(if value { ":1" } else { ":0" }),
        }
    }
    fn big_number(&mut self, digits: &[u8]) {
        let digits = lossy(digits);
        match self.is_3() {
            true => self.put(&format!("({digits}")),
            false => self.put(&format!("\"{digits}\"")),
        }
    }
    fn verbatim(&mut self, format: &[u8], text: &[u8]) {
        match self.is_3() {
            true => self.put(&format!("={}:{}", lossy(format), lossy(text))),
            false => self.put(&format!("\"{}\"", lossy(text))),
        }
    }
    fn push(&mut self, len: usize) {
        self.begin(">[", ']', len);
    }
}

/// The server behind the port.
#[derive(Default)]
pub struct Server {
    pub data: HashMap<Vec<u8>, Vec<u8>>,
    pub log: Vec<String>,
    pub propagation: Vec<Propagation>,
    pub calls: usize,
    /// What the command `kill` stops the script with.
    pub interrupt: Option<Interrupt>,
    /// There is no way back from what scripts do.
    pub cannot_roll_back: bool,
}

impl Port for Server {
    fn call(&mut self, args: &[&[u8]], reply: &mut dyn Reply) -> Result<(), Abort> {
        self.calls += 1;
        let name = lossy(args[0]).to_ascii_lowercase();
        match (name.as_str(), &args[1..]) {
            ("get", [key]) => match self.data.get(*key) {
                Some(value) => reply.bulk(value),
                None => reply.null(),
            },
            ("set", [key, value]) => {
                self.data.insert(key.to_vec(), value.to_vec());
                reply.ok();
            }
            ("incr", [key]) => {
                let value = self
                    .data
                    .entry(key.to_vec())
                    .or_insert_with(|| b"0".to_vec());
                match lossy(value).parse::<i64>() {
                    Ok(number) => {
                        *value = (number + 1).to_string().into_bytes();
                        reply.integer(number + 1);
                    }
                    Err(_) => reply.error(b"ERR value is not an integer or out of range"),
                }
            }
            ("ping", []) => reply.status("PONG"),
            ("echo", [value]) => reply.bulk(value),
            ("args", rest) => {
                reply.array(rest.len());
                rest.iter().for_each(|arg| reply.bulk(arg));
            }
            ("lpush", [_, ..]) => {
                reply.error(b"WRONGTYPE Operation against a key holding the wrong kind of value");
            }
            ("shape", [shape]) => self.shape(&lossy(shape), reply),
            ("numbers", [count]) => {
                let count = lossy(count).parse().unwrap_or(0);
                reply.array(count);
                (0..count).for_each(|number| reply.integer(number as i64));
            }
            ("big", [bytes]) => reply.bulk(&vec![b'x'; lossy(bytes).parse().unwrap_or(0)]),
            ("nested", [depth]) => {
                (0..lossy(depth).parse().unwrap_or(0)).for_each(|_: i32| reply.array(1));
                reply.integer(1);
            }
            ("abort", _) => return Err(Abort),
            ("panic", _) => std::panic::resume_unwind(Box::new("the port panics")),
            ("kill", _) => {
                let interrupt = self.interrupt.as_ref().expect("the bench has set it");
                let run = interrupt.running().expect("a script calls this");
                assert!(interrupt.stop(run, KillReason::ScriptKill));
                reply.ok();
            }
            ("spare", _) => {
                let interrupt = self.interrupt.as_ref().expect("the bench has set it");
                let run = interrupt.running().expect("a script calls this");
                interrupt.stop(run, KillReason::ScriptKill);
                interrupt.spare(run);
                interrupt.stop(run, KillReason::ClientKill);
                reply.ok();
            }
            ("shutdown", _) => {
                let interrupt = self.interrupt.as_ref().expect("the bench has set it");
                let run = interrupt.running().expect("a script calls this");
                interrupt.stop(run, KillReason::Shutdown);
                interrupt.spare(run);
                reply.ok();
            }
            ("sleep", [millis]) => {
                let millis = lossy(millis).parse().unwrap_or(0);
                std::thread::sleep(std::time::Duration::from_millis(millis));
                reply.ok();
            }
            _ => reply.error(b"ERR Unknown command called from script"),
        }
        Ok(())
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        self.log.push(format!("{level:?} {}", lossy(message)));
    }

    fn may_call(&mut self, args: &[&[u8]]) -> Option<bool> {
        match args[0] {
            b"get" => Some(true),
            b"set" => Some(false),
            _ => None,
        }
    }

    fn set_propagation(&mut self, propagation: Propagation) {
        self.propagation.push(propagation);
    }

    fn can_roll_back(&self) -> bool {
        !self.cannot_roll_back
    }
}

impl Server {
    fn shape(&self, shape: &str, reply: &mut dyn Reply) {
        match shape {
            "status" => reply.status("FINE"),
            "error" => reply.error(b"MY error"),
            "integer" => reply.integer(-7),
            "null" => reply.null(),
            "null_array" => reply.null_array(),
            "double" => reply.double(1.5),
            "inf" => reply.double(f64::INFINITY),
            "true" => reply.boolean(true),
            "false" => reply.boolean(false),
            "big_number" => reply.big_number(b"123456789012345678901234567890"),
            "verbatim" => reply.verbatim(b"txt", b"hello"),
            "map" => {
                reply.map(2);
                reply.bulk(b"a");
                reply.integer(1);
                reply.bulk(b"b");
                reply.array(2);
                reply.integer(2);
                reply.null();
            }
            "set" => {
                reply.set(2);
                reply.bulk(b"m");
                reply.bulk(b"n");
            }
            "push" => {
                reply.push(1);
                reply.bulk(b"p");
            }
            "nested" => {
                reply.array(4);
                reply.array(0);
                reply.map(1);
                reply.bulk(b"k");
                reply.set(1);
                reply.double(2.5);
                reply.error(b"MY inner");
                reply.array(1);
                reply.array(1);
                reply.status("deep");
            }
            "null_key" => {
                reply.map(1);
                reply.null();
                reply.integer(1);
            }
            "holes" => {
                reply.array(2);
                reply.null();
                reply.integer(2);
            }
            _ => reply.error(b"ERR no such shape"),
        }
    }
}

/// A VM and its server.
pub struct Bench {
    pub vm: Vm,
    pub server: Server,
    pub protocol: Protocol,
    /// The last answer was an error, and did not only hold some.
    pub answered_error: bool,
}

pub fn bench() -> Bench {
    bench_with(Limits {
        memory_bytes: 64 << 20,
    })
}

pub fn bench_with(limits: Limits) -> Bench {
    let vm = Vm::new(limits);
    let server = Server {
        interrupt: Some(vm.interrupt()),
        ..Server::default()
    };
    Bench {
        vm,
        server,
        protocol: Protocol::Resp2,
        answered_error: false,
    }
}

impl Bench {
    /// Runs a script; what it replied, or how it stopped, as text.
    pub fn eval(&mut self, source: &str, keys: &[&str], argv: &[&str]) -> String {
        match self.try_eval(source, keys, argv) {
            Ok(text) => text,
            Err(ScriptStop::Aborted) => "aborted".into(),
            Err(ScriptStop::Killed { message, .. }) => format!("killed -{}", lossy(&message)),
            Err(ScriptStop::RolledBack { message }) => format!("rolled back -{}", lossy(&message)),
            Err(ScriptStop::OutOfMemory { message }) => format!("memory -{}", lossy(&message)),
            Err(ScriptStop::Error { message, .. }) => format!("-{}", lossy(&message)),
        }
    }

    pub fn try_eval(
        &mut self,
        source: &str,
        keys: &[&str],
        argv: &[&str],
    ) -> Result<String, ScriptStop> {
        let script = match Script::new(source.as_bytes()) {
            Ok(script) => script,
            Err(message) => {
                return Err(ScriptStop::Error {
                    message,
                    counted: false,
                });
            }
        };
        let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
        let argv: Vec<&[u8]> = argv.iter().map(|arg| arg.as_bytes()).collect();
        let mut reply = Text::new(self.protocol);
        let arguments = Arguments {
            keys: &keys,
            argv: &argv,
            call: &argv,
            seed: 1,
        };
        let completion = self
            .vm
            .eval(&script, arguments, &mut self.server, &mut reply)?;
        self.answered_error = completion.is_error;
        assert!(
            reply.open.is_empty(),
            "{source}: the reply is not complete: {}",
            reply.text
        );
        Ok(reply.text)
    }

    /// Loads a library; its functions, or why there are none.
    pub fn load(&mut self, source: &str) -> Result<Vec<Arc<Function>>, String> {
        let text = |message: Vec<u8>| format!("-{}", lossy(&message));
        let library = Arc::new(Library::new(source.as_bytes()).map_err(text)?);
        let declarations = match self.vm.load(&library, &mut self.server) {
            Ok(declarations) => declarations,
            Err(ScriptStop::Aborted) => return Err("aborted".into()),
            Err(ScriptStop::Killed { message, .. }) => {
                return Err(format!("killed {}", text(message)));
            }
            Err(ScriptStop::OutOfMemory { message }) => {
                return Err(format!("memory {}", text(message)));
            }
            Err(ScriptStop::RolledBack { message } | ScriptStop::Error { message, .. }) => {
                return Err(text(message));
            }
        };
        Function::all(&library, declarations).map_err(text)
    }

    /// Calls a function; what it replied, or how it stopped, as text.
    pub fn call(&mut self, function: &Function, keys: &[&str], argv: &[&str]) -> String {
        let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
        let argv: Vec<&[u8]> = argv.iter().map(|arg| arg.as_bytes()).collect();
        let mut reply = Text::new(self.protocol);
        let arguments = Arguments {
            keys: &keys,
            argv: &argv,
            call: &argv,
            seed: 1,
        };
        let outcome = self
            .vm
            .call(function, arguments, &mut self.server, &mut reply);
        match outcome {
            Ok(_) => reply.text,
            Err(ScriptStop::RolledBack { message }) => format!("rolled back -{}", lossy(&message)),
            Err(ScriptStop::Aborted) => "aborted".into(),
            Err(ScriptStop::Killed { message, .. }) => format!("killed -{}", lossy(&message)),
            Err(ScriptStop::OutOfMemory { message }) => format!("memory -{}", lossy(&message)),
            Err(ScriptStop::Error { message, .. }) => format!("-{}", lossy(&message)),
        }
    }

    /// Checks sentences of a script and its reply. ` script: <sha>` is left out of errors.
    #[track_caller]
    pub fn check(&mut self, cases: &[(&str, &str)]) {
        let mut wrong = String::new();
        for &(source, expected) in cases {
            let seen = without_sha(&self.eval(source, &[], &[]));
            if seen != expected {
                wrong.push_str(&format!(
                    "\n  {source}\n    expected {expected}\n    but got  {seen}"
                ));
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }
}

/// An error's text with `script: <sha>, on @user_script:1.` shortened to `@1`.
pub fn without_sha(text: &str) -> String {
    match text.find(" script: ") {
        Some(at) if text.len() > at + 49 && text[at + 49..].starts_with(", on @user_script:") => {
            format!("{} @{}", &text[..at], text[at + 67..].trim_end_matches('.'))
        }
        _ => text.to_string(),
    }
}
