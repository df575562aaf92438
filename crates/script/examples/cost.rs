//! What the interpreter costs, without a server: `cargo run --release -p perilune-script --example cost`.
//!
//! Figures are nanoseconds, the best of several rounds. The port does nothing, so what is left is ours. With an
//! argument, only what contains it is run.

use std::hint::black_box;
use std::time::Instant;

use perilune_resp::{Protocol, Reply};
use perilune_script::{Abort, Arguments, Limits, LogLevel, Port, Propagation, Script, Vm};

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Answers an integer or a short string at once.
struct Idle;

impl Port for Idle {
    fn call(&mut self, args: &[&[u8]], reply: &mut dyn Reply) -> Result<(), Abort> {
        match args[0] {
            b"get" => reply.bulk(b"value"),
            b"set" => reply.ok(),
            _ => reply.integer(1),
        }
        Ok(())
    }
    fn log(&mut self, _: LogLevel, _: &[u8]) {}
    fn may_call(&mut self, _: &[&[u8]]) -> Option<bool> {
        None
    }
    fn set_propagation(&mut self, _: Propagation) {}

    fn can_roll_back(&self) -> bool {
        true
    }
}

/// Counts what it is told, and keeps nothing.
#[derive(Default)]
struct Drop(usize);

impl Reply for Drop {
    fn protocol(&self) -> Protocol {
        Protocol::Resp2
    }
    fn status_bytes(&mut self, _: &[u8]) {
        self.0 += 1;
    }
    fn error(&mut self, message: &[u8]) {
        panic!("{}", String::from_utf8_lossy(message));
    }
    fn integer(&mut self, _: i64) {
        self.0 += 1;
    }
    fn bulk(&mut self, _: &[u8]) {
        self.0 += 1;
    }
    fn null(&mut self) {
        self.0 += 1;
    }
    fn null_array(&mut self) {
        self.0 += 1;
    }
    fn array(&mut self, _: usize) {
        self.0 += 1;
    }
    fn map(&mut self, _: usize) {
        self.0 += 1;
    }
    fn set(&mut self, _: usize) {
        self.0 += 1;
    }
    fn double(&mut self, _: f64) {
        self.0 += 1;
    }
    fn boolean(&mut self, _: bool) {
        self.0 += 1;
    }
    fn big_number(&mut self, _: &[u8]) {
        self.0 += 1;
    }
    fn verbatim(&mut self, _: &[u8], _: &[u8]) {
        self.0 += 1;
    }
    fn push(&mut self, _: usize) {
        self.0 += 1;
    }
}

/// A JSON text of about 1.1 KB, as a job queue keeps them.
const JSON: &str = concat!(
    r#"{"id":"7f3b2c1d-0a9e-4c55-9d1b-3f0c5a6b7e88","queue":"emails","attempts":3,"delay":0,"priority":10,"#,
    r#""createdAt":1723459200123,"data":{"to":"someone@example.com","cc":["a@example.com","b@example.com"],"#,
    r#""subject":"Welcome aboard, it is nice to have you","template":"welcome_v2","locale":"en_GB","params":{"#,
    r#""name":"Ada Lovelace","company":"Analytical Engines Ltd","plan":"pro","seats":25,"trial":false,"#,
    r#""amount":129.99,"currency":"GBP","features":["export","api","audit","sso","webhooks"],"#,
    r#""address":{"street":"12 Example Road","city":"London","postcode":"N1 9GU","country":"GB"}}},"#,
    r#""opts":{"attempts":5,"backoff":{"type":"exponential","delay":1000},"removeOnComplete":true,"#,
    r#""removeOnFail":false,"timestamp":1723459200123,"jobId":"welcome:42","lifo":false,"stackTraceLimit":10},"#,
    r#""history":[{"at":1723459201000,"state":"waiting"},{"at":1723459202000,"state":"active"},"#,
    r#"{"at":1723459203000,"state":"failed","reason":"Connection refused"},{"at":1723459204500,"state":"waiting"},"#,
    r#"{"at":1723459205500,"state":"active"}],"progress":0.75,"returnvalue":null,"stacktrace":[]}"#
);

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    let mut vm = Vm::new(Limits::default());
    let mut runs = |name: &str, source: &str, keys: &[&[u8]], argv: &[&[u8]], per_run: f64| {
        if !name.contains(&only) {
            return;
        }
        let script = Script::new(source.as_bytes()).expect("a script");
        let arguments = Arguments {
            keys,
            argv,
            call: argv,
            seed: 1,
        };
        let rounds = if per_run > 1.0 { 40 } else { 200 };
        let count = if per_run > 1.0 { 1 } else { 2000 };
        let mut best = f64::INFINITY;
        for _ in 0..rounds {
            let start = Instant::now();
            for _ in 0..count {
                let mut reply = Drop::default();
                vm.eval(&script, arguments, &mut Idle, &mut reply)
                    .expect("it runs");
                black_box(reply.0);
            }
            best = best.min(start.elapsed().as_nanos() as f64 / f64::from(count) / per_run);
            vm.maybe_collect();
        }
        println!("{name:<44} {best:>9.1} ns");
    };
    const LOOPS: f64 = 100_000.0;
    runs("eval: return 1", "return 1", &[], &[], 1.0);
    runs(
        "eval: return KEYS[1]",
        "return KEYS[1]",
        &[b"key"],
        &[b"argument"],
        1.0,
    );
    runs(
        "eval: return redis.call('get', KEYS[1])",
        "return redis.call('get', KEYS[1])",
        &[b"key"],
        &[],
        1.0,
    );
    runs("loop: empty", "for i = 1, 100000 do end", &[], &[], LOOPS);
    for (name, source) in [
        (
            "redis.call -> integer",
            "for i = 1, 100000 do redis.call('incr', KEYS[1]) end",
        ),
        (
            "redis.call -> string",
            "for i = 1, 100000 do redis.call('get', KEYS[1]) end",
        ),
        (
            "redis.call -> status",
            "for i = 1, 100000 do redis.call('set', KEYS[1], 'v') end",
        ),
        (
            "redis.call, number argument",
            "for i = 1, 100000 do redis.call('incr', KEYS[1], i) end",
        ),
        (
            "local call -> integer",
            "local c, k = redis.call, KEYS[1] for i = 1, 100000 do c('incr', k) end",
        ),
        (
            "pcall(redis.call)",
            "for i = 1, 100000 do pcall(redis.call, 'incr', KEYS[1]) end",
        ),
        (
            "table.insert",
            "local t = {} for i = 1, 100000 do table.insert(t, i) end",
        ),
        (
            "string.format",
            "for i = 1, 100000 do string.format('%s:%d', 'key', i) end",
        ),
        (
            "string.find plain",
            "for i = 1, 100000 do string.find('hello world', 'wor', 1, true) end",
        ),
        (
            "string.match",
            "for i = 1, 100000 do string.match('key:123', '(%a+):(%d+)') end",
        ),
        (
            "string.gsub",
            "for i = 1, 100000 do string.gsub('hello world', 'o', '0') end",
        ),
        (
            "sieve of 100000",
            "local p = {} for i = 2, 100000 do p[i] = true end for i = 2, 316 do if p[i] then \
          for j = i * i, 100000, i do p[j] = false end end end",
        ),
    ] {
        runs(&format!("loop: {name}"), source, &[b"key"], &[], LOOPS);
    }
    // what it takes to make the elements comes off
    let make = "local t, x = {}, 42 for i = 1, 1000 do x = (x * 16807) % 2147483647 t[i] = ";
    for (name, element, rest) in [
        ("made numbers, not sorted", "x", ""),
        ("numbers", "x", "table.sort(t)"),
        (
            "numbers by a function",
            "x",
            "table.sort(t, function(a, b) return a < b end)",
        ),
        ("made strings, not sorted", "'key:' .. x", ""),
        ("strings", "'key:' .. x", "table.sort(t)"),
    ] {
        let source = format!("{make}{element} end {rest}");
        runs(&format!("1000 elements: {name}"), &source, &[], &[], 1.0);
    }
    let json: &[&[u8]] = &[JSON.as_bytes()];
    let decode = "local d = cjson.decode for i = 1, 1000 do d(ARGV[1]) end";
    let encode = "local e, v = cjson.encode, cjson.decode(ARGV[1]) for i = 1, 1000 do e(v) end";
    runs(
        &format!("cjson.decode, {} bytes", JSON.len()),
        decode,
        &[],
        json,
        1000.0,
    );
    runs(
        &format!("cjson.encode, {} bytes", JSON.len()),
        encode,
        &[],
        json,
        1000.0,
    );
}
