//! What the targets that run scripts share: a server that answers anything, a reply that is checked, and VMs whose scripts
//! end.
//!
//! Leaks are looked for when the process ends (`ASAN_OPTIONS=detect_leaks=1`) and not after each input
//! (`-detect_leaks=0`): then the VM is alive, and LuaJIT keeps the only pointer to the buffer in which it compiles less
//! an offset (`J->irbuf`, "biased with REF_BIAS"), so that it points in front of the block and the detector takes the
//! block for lost. A VM that is dropped gives everything back, which is checked for every one of them.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use perilune_resp::{Protocol, Reply};
use perilune_script::{
    Abort, Arguments, Completion, Function, Interrupt, KillReason, Library, Limits, LogLevel, Port,
    Propagation, RunId, Script, ScriptStop, Vm,
};

/// Answers with whatever the bytes of the first argument describe.
struct Shapes;

impl Port for Shapes {
    fn call(&mut self, args: &[&[u8]], reply: &mut dyn Reply) -> Result<(), Abort> {
        let mut bytes = args.get(1).copied().unwrap_or_default();
        if bytes.first() == Some(&b'!') {
            return Err(Abort);
        }
        shape(&mut bytes, reply, 0);
        Ok(())
    }
    fn log(&mut self, _: LogLevel, _: &[u8]) {}
    fn may_call(&mut self, args: &[&[u8]]) -> Option<bool> {
        args[0].first().map(|byte| byte % 2 == 0)
    }
    fn set_propagation(&mut self, _: Propagation) {}

    fn can_roll_back(&self) -> bool {
        true
    }
}

fn shape(bytes: &mut &[u8], reply: &mut dyn Reply, depth: usize) {
    let mut next = || match bytes.split_first() {
        Some((&byte, rest)) => {
            *bytes = rest;
            byte
        }
        None => 0,
    };
    let (kind, len) = (next(), usize::from(next() % 5));
    let mut elements = 0;
    match kind % 16 {
        0 => reply.null(),
        1 => reply.null_array(),
        2 => reply.integer(i64::from(next()) << (next() % 56)),
        3 => reply.double(f64::from_bits(u64::from(next()) << (next() % 56))),
        4 => reply.boolean(len > 2),
        5 => reply.status("OK"),
        6 => reply.error(&bytes[..len.min(bytes.len())]),
        7 => reply.bulk(&bytes[..len.min(bytes.len())]),
        8 => reply.big_number(b"12345678901234567890"),
        9 => reply.verbatim(b"txt", &bytes[..len.min(bytes.len())]),
        _ if depth > 200 => reply.ok(),
        10 | 11 => {
            reply.array(len);
            elements = len;
        }
        12 | 13 => {
            reply.map(len);
            elements = 2 * len;
        }
        14 => {
            reply.set(len);
            elements = len;
        }
        _ => {
            reply.push(len);
            elements = len;
        }
    }
    for _ in 0..elements {
        shape(bytes, reply, depth + 1);
    }
}

/// Checks that aggregates get exactly the elements that were announced.
#[derive(Default)]
struct WellFormed {
    open: Vec<usize>,
    values: usize,
}

impl WellFormed {
    fn value(&mut self) {
        self.values += usize::from(self.open.is_empty());
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
    }

    fn aggregate(&mut self, len: usize) {
        if len == 0 {
            return self.value();
        }
        self.values += usize::from(self.open.is_empty());
        self.open.push(len);
    }
}

impl Reply for WellFormed {
    fn protocol(&self) -> Protocol {
        Protocol::Resp3
    }
    fn status_bytes(&mut self, text: &[u8]) {
        assert!(!text.contains(&b'\r') && !text.contains(&b'\n'));
        self.value();
    }
    fn error(&mut self, _: &[u8]) {
        self.value();
    }
    fn integer(&mut self, _: i64) {
        self.value();
    }
    fn bulk(&mut self, _: &[u8]) {
        self.value();
    }
    fn null(&mut self) {
        self.value();
    }
    fn null_array(&mut self) {
        self.value();
    }
    fn array(&mut self, len: usize) {
        self.aggregate(len);
    }
    fn map(&mut self, pairs: usize) {
        self.aggregate(2 * pairs);
    }
    fn set(&mut self, len: usize) {
        self.aggregate(len);
    }
    fn double(&mut self, _: f64) {
        self.value();
    }
    fn boolean(&mut self, _: bool) {
        self.value();
    }
    fn big_number(&mut self, digits: &[u8]) {
        assert!(!digits.contains(&b'\r') && !digits.contains(&b'\n'));
        self.value();
    }
    fn verbatim(&mut self, format: &[u8], _: &[u8]) {
        assert_eq!(format.len(), 3);
        self.value();
    }
    fn push(&mut self, len: usize) {
        self.aggregate(len);
    }
}

/// Inputs that a VM serves before it is dropped, and a new one made.
const INPUTS_PER_VM: usize = 500;

thread_local! {
    /// The VM, and the inputs that it has served.
    static VM: RefCell<(Vm, usize)> = RefCell::new((new_vm(), 0));
}

/// What stops the input's scripts, while there is an input, and the one that ran at the last look.
static WATCHED: Mutex<Option<(Interrupt, Option<RunId>)>> = Mutex::new(None);

/// A VM that the watchdog can stop.
fn new_vm() -> Vm {
    static WATCHDOG: Once = Once::new();
    WATCHDOG.call_once(|| drop(std::thread::spawn(watch)));
    Vm::new(Limits {
        memory_bytes: 16 << 20,
    })
}

/// Ends scripts of inputs after at most 20 milliseconds, by stopping what still runs at the second look: among inputs there
/// are many that run for ever, and a minute is to see more than those.
fn watch() {
    loop {
        std::thread::sleep(Duration::from_millis(10));
        if let Some((interrupt, seen)) = &mut *WATCHED.lock().unwrap() {
            let running = interrupt.running();
            if let Some(run) = running.filter(|_| running == *seen) {
                interrupt.stop(run, KillReason::Timeout);
            }
            *seen = running;
        }
    }
}

/// Runs a script, whose reply, if there is one, must be one value.
pub fn eval(vm: &mut Vm, source: &[u8], argv: &[&[u8]]) -> Result<Completion, ScriptStop> {
    let script = Script::new(source).map_err(refusal)?;
    let mut reply = WellFormed::default();
    let result = vm.eval(&script, arguments(argv), &mut Shapes, &mut reply);
    check(&result, &reply);
    result
}

/// Loads a library: what FUNCTION LOAD does before it looks at its table.
pub fn load(vm: &mut Vm, source: &[u8]) -> Result<Vec<Arc<Function>>, ScriptStop> {
    let library = Arc::new(Library::new(source).map_err(refusal)?);
    let declarations = vm.load(&library, &mut Shapes);
    check_error(&declarations);
    Function::all(&library, declarations?).map_err(refusal)
}

/// Calls a function, whose reply, if there is one, must be one value.
pub fn call(
    vm: &mut Vm,
    function: &Arc<Function>,
    argv: &[&[u8]],
) -> Result<Completion, ScriptStop> {
    let mut reply = WellFormed::default();
    let result = vm.call(function, arguments(argv), &mut Shapes, &mut reply);
    check(&result, &reply);
    result
}

/// What is refused before anything runs.
fn refusal(message: Vec<u8>) -> ScriptStop {
    ScriptStop::Error {
        message,
        counted: false,
    }
}

fn arguments<'a>(argv: &'a [&'a [u8]]) -> Arguments<'a> {
    Arguments {
        keys: &[b"key"],
        argv,
        call: argv,
        seed: 7,
    }
}

fn check(result: &Result<Completion, ScriptStop>, reply: &WellFormed) {
    if result.is_ok() {
        assert!(
            reply.open.is_empty() && reply.values == 1,
            "the reply is not one value"
        );
    }
    check_error(result);
}

/// An error fits one line.
fn check_error<T>(result: &Result<T, ScriptStop>) {
    if let Err(ScriptStop::Error { message, .. }) = result {
        assert!(!message.contains(&b'\n') && !message.contains(&b'\r'));
    }
}

/// Runs an input in the VM of this thread, and a script behind it that must succeed.
///
/// The watchdog's time is that of the clock on the wall, and a busy machine can hold up even the shortest script for as
/// long. So it looks at the input only: nobody stops the script behind it, and if anything does, something is wrong. If it
/// does not end, the fuzzer's own limit finds it.
pub fn with_vm(run: impl FnOnce(&mut Vm)) {
    VM.with_borrow_mut(|(vm, served)| {
        *served += 1;
        if *served > INPUTS_PER_VM {
            (*vm, *served) = (new_vm(), 1);
        }
        *WATCHED.lock().unwrap() = Some((vm.interrupt(), None));
        run(vm);
        *WATCHED.lock().unwrap() = None;
        let next = eval(vm, b"return redis.call('shape', '')", &[]);
        assert!(next.is_ok(), "the VM is broken: {next:?}");
        vm.maybe_collect();
    });
}

/// Runs something that must succeed in the middle of an input, out of the watchdog's sight.
pub fn unwatched<T>(run: impl FnOnce() -> T) -> T {
    let watched = WATCHED.lock().unwrap().take();
    let result = run();
    *WATCHED.lock().unwrap() = watched;
    result
}
