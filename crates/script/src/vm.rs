//! One interpreter, and the running of a script in it.
//!
//! A run is one protected call of the script. What comes before (finding or compiling it, KEYS and ARGV) and after
//! (writing what it returned, `run.rs`) is done with memory disarmed, so that nothing there raises. So there is exactly
//! one place where errors, stops and panics come out, after `lua_pcall` in [`Vm::eval`].
//!
//! What a run costs besides the script: a comparison with the script that ran last, KEYS and ARGV (`arguments.rs`), a
//! protected call, and the publication of the run to whoever may stop it (`interrupt.rs`). Globals are set up once
//! per VM (`sandbox.rs`).

use std::collections::HashMap;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use perilune_luajit_sys::*;
use perilune_resp::{Protocol, Reply};

use crate::arguments::OwnArguments;
use crate::cjson;
use crate::interrupt::{Control, Interrupt, KillReason};
use crate::library::{self, Declaration, Function, Library, Loading};
use crate::memory::{self, Memory};
use crate::port::{Abort, LogLevel, Port, Propagation};
use crate::random::Random;
use crate::run::{self, compile_error, describe_error, error_text};
use crate::sandbox;
use crate::script::{Script, neutralise_line_breaks};
use crate::state::{self, Environments, Position, Run, State, Stop, Task};

/// Compiled scripts that a VM keeps. When there are more, the half that was not used for longest is forgotten.
const COMPILED_MAX: usize = 1024;

/// Garbage that may pile up before it is collected between runs, where less is alive than this. A collection walks all
/// that the sandbox keeps alive (100 KiB and more), so it must not come every few small scripts: at 64 KiB, collecting took
/// 80 % of a script's time that makes tables. Nor may it come late: the names of a thousand keys lie in a small table of
/// strings, those of ten thousand miss the caches. insert_if_missing: 1.13 us at 1 MiB, 1.01 at 512 KiB, 0.95 here.
const GARBAGE_BYTES_MIN: usize = 256 << 10;

/// Garbage that may stay when there is time to collect.
const TIDY_BYTES_MAX: usize = 16 << 10;

/// When LuaJIT starts to collect by itself in the middle of a script: at so many percent of what was alive. Small scripts end long
/// before, and are collected after, off the locks.
const GC_PAUSE_PERCENT: c_int = 1000;

/// Buffers that a run left behind larger than this are given back.
const KEPT_BUFFER_BYTES_MAX: usize = 1 << 20;

/// Where the error handler stays on the Lua stack.
const ERROR_HANDLER: c_int = 1;

/// What scripts may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Api {
    /// What cannot lead out of the sandbox.
    #[default]
    Sealed,
    /// `getfenv`, `setfenv` and `newproxy` as well: for old scripts that are trusted.
    Insecure,
}

/// The bounds of one run.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that a script may take on top of what its VM held before.
    pub memory_bytes: usize,
}

impl Default for Limits {
    /// 256 MiB.
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
        }
    }
}

/// What a script is called with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arguments<'a> {
    /// `KEYS`.
    pub keys: &'a [&'a [u8]],
    /// `ARGV`.
    pub argv: &'a [&'a [u8]],
    /// The whole call that a client has made, for those who ask what runs ([`Interrupt::ask_call`]).
    pub call: &'a [&'a [u8]],
    /// Where `math.random` begins. A run that repeats another gets the same.
    pub seed: i32,
}

/// A LuaJIT interpreter with the sandbox set up. Used by one thread at a time, by any.
pub struct Vm {
    state: *mut State,
    limits: Limits,
    /// A script was stopped by its memory or left much garbage: collect it all when there is time.
    collect_all: bool,
    /// Memory in use after the last full collection.
    live_bytes: usize,
}

// SAFETY: everything the pointer leads to belongs to this value alone; LuaJIT keeps nothing per thread.
unsafe impl Send for Vm {}

/// A script has run to its end, and its reply is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// Errors in the reply that commands raised and that were counted where they arose.
    pub counted_errors: u64,
    /// Errors in the reply that are the script's own.
    pub new_errors: Vec<Box<[u8]>>,
    /// The reply is an error, and does not only hold some.
    pub is_error: bool,
}

/// A script has not run to its end. What it wrote to the reply, if anything, is to be discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptStop {
    /// The port said [`Abort`](crate::Abort).
    Aborted,
    /// It was stopped through its [`Interrupt`].
    Killed {
        /// Why.
        reason: KillReason,
        /// The error reply, with its code.
        message: Vec<u8>,
    },
    /// It took more memory than it may.
    OutOfMemory {
        /// The error reply, with its code.
        message: Vec<u8>,
    },
    /// It asked for that by `redis.rollback`.
    RolledBack {
        /// The error reply, with its code.
        message: Vec<u8>,
    },
    /// It raised an error, or it did not compile.
    Error {
        /// The error reply, with its code.
        message: Vec<u8>,
        /// The error was raised by a command and counted where it arose.
        counted: bool,
    },
}

impl Vm {
    /// An interpreter, ready to run scripts.
    ///
    /// # Panics
    /// If there is no memory for it.
    pub fn new(limits: Limits) -> Self {
        Self::with_api(limits, Api::Sealed)
    }

    /// As [`Vm::new`], with the choice of what scripts may call.
    ///
    /// # Panics
    /// As [`Vm::new`].
    pub fn with_api(limits: Limits, api: Api) -> Self {
        let state = Box::into_raw(Box::new(State {
            memory: Memory::new(state::memory_exceeded),
            control: Control::new(),
            main: ptr::null_mut(),
            run: ptr::null_mut(),
            generation: 0,
            stop: None,
            protocol: Protocol::Resp2,
            random: Random::new(0),
            position: Position::default(),
            compile_error: None,
            completion: Completion::default(),
            compiled: HashMap::default(),
            last: None,
            libraries: HashMap::default(),
            last_function: None,
            loading: None,
            environments: Environments::default(),
            globals: 0,
            direct: 0,
            match_iterator: inside::Value::NIL,
            match_refill: inside::Value::NIL,
            own_arguments: [OwnArguments::NONE; 2],
            is_insecure: api == Api::Insecure,
            cjson: ptr::null_mut(),
            json: cjson::Buffers::default(),
            output: Vec::new(),
            unpacking: Vec::new(),
            text: Vec::new(),
            sources: Vec::new(),
        }));
        // SAFETY: the state outlives the interpreter; errors are caught here, except want of memory for the
        // interpreter itself, which is null.
        unsafe {
            let lua = lua_newstate(memory::allocate, state.cast());
            assert!(!lua.is_null(), "no memory for a Lua interpreter");
            (*state).main = lua;
            (*state).control.attach(lua);
            lua_pushcclosure(lua, sandbox::on_error, 0);
            lua_pushcclosure(lua, sandbox::open, 0);
            lua_pushboolean(lua, c_int::from(api == Api::Insecure));
            let status = lua_pcall(lua, 1, 0, 0);
            assert!(
                status == LUA_OK,
                "{}",
                String::from_utf8_lossy(&error_text(lua))
            );
        }
        // SAFETY: a number in the state just made.
        unsafe { lua_gc((*state).main, LUA_GCSETPAUSE, GC_PAUSE_PERCENT) };
        let mut vm = Self {
            state,
            limits,
            collect_all: false,
            live_bytes: 0,
        };
        vm.collect();
        vm
    }

    /// The handle with which other threads stop what this VM runs.
    pub fn interrupt(&self) -> Interrupt {
        Interrupt::new(self.state_ref().control.clone())
    }

    /// Changes the limits of the runs to come.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Runs a script. It is compiled first if this VM does not know it.
    ///
    /// What it returns is written to `reply`: one answer, if the result is `Ok`. Memory is not collected in full
    /// here; call [`Vm::maybe_collect`] afterwards, when no lock is held.
    ///
    /// # Errors
    /// The ways not to come to an end; all have left the VM as if the script had never run.
    ///
    /// # Panics
    /// Goes on unwinding if the port or the reply panicked.
    pub fn eval(
        &mut self,
        script: &Script,
        arguments: Arguments<'_>,
        port: &mut dyn Port,
        reply: &mut dyn Reply,
    ) -> Result<Completion, ScriptStop> {
        self.run(Run {
            task: Task::Script(script),
            arguments,
            port,
            reply: Some(reply),
        })
    }

    /// Runs a function, as [`Vm::eval`] runs a script. Its library is loaded first if this VM does not know it; what that logs
    /// is not heard, because it was when the library came to the server.
    ///
    /// # Errors
    /// As [`Vm::eval`]. Variables that the library keeps stay as the function has left them.
    ///
    /// # Panics
    /// As [`Vm::eval`].
    pub fn call(
        &mut self,
        function: &Function,
        arguments: Arguments<'_>,
        port: &mut dyn Port,
        reply: &mut dyn Reply,
    ) -> Result<Completion, ScriptStop> {
        if !self.state_ref().knows(function) {
            self.load(function.library(), &mut Unheard)?;
        }
        self.run(Run {
            task: Task::Function(function),
            arguments,
            port,
            reply: Some(reply),
        })
    }

    /// Loads a library: runs it once, and keeps what it registers. The declarations are in the order in which they were
    /// made; what is wrong with their names is for [`Function::all`] to say.
    ///
    /// # Errors
    /// As [`Vm::eval`]; then nothing is kept.
    ///
    /// # Panics
    /// As [`Vm::eval`].
    pub fn load(
        &mut self,
        library: &Library,
        port: &mut dyn Port,
    ) -> Result<Vec<Declaration>, ScriptStop> {
        self.set_environments(true);
        // SAFETY: between runs.
        unsafe { (*self.state).loading = Some(Loading::default()) };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.run(Run {
                task: Task::Library(library),
                arguments: Arguments::default(),
                port,
                reply: None,
            })
        }));
        self.set_environments(false);
        // SAFETY: between runs.
        let state = unsafe { &mut *self.state };
        let registered = state.loading.take().unwrap_or_default().registered;
        if let Ok(Ok(_)) = outcome {
            let declarations = registered.iter().map(|it| it.declaration.clone()).collect();
            state.libraries.insert(library.id(), registered);
            return Ok(declarations);
        }
        // SAFETY: between runs.
        unsafe { library::forget(state.main, registered) };
        self.collect_all = true;
        match outcome {
            Ok(outcome) => outcome.map(|_| Vec::new()),
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Forgets all libraries but those whose numbers `stays` knows.
    pub fn keep_libraries(&mut self, stays: impl Fn(u64) -> bool) {
        // SAFETY: between runs; nothing here raises.
        unsafe {
            let state = &mut *self.state;
            let gone: Vec<u64> = state
                .libraries
                .keys()
                .copied()
                .filter(|id| !stays(*id))
                .collect();
            for id in &gone {
                if let Some(loaded) = state.libraries.remove(id) {
                    library::forget(state.main, loaded);
                }
            }
            if gone.is_empty() {
                return;
            }
            state.last_function = None;
        }
        self.collect_all = true;
    }

    /// Shows libraries what they may see while they are loaded, or what functions see.
    fn set_environments(&mut self, loading: bool) {
        // SAFETY: between runs, disarmed.
        unsafe {
            let state = &*self.state;
            sandbox::set_environments(state.main, state.environments, loading);
        }
    }

    /// Runs something, however it ends.
    fn run(&mut self, mut run: Run<'_>) -> Result<Completion, ScriptStop> {
        let task = run.task;
        // SAFETY: erases the lifetimes; the pointer is cleared before this function returns.
        let run = unsafe { std::mem::transmute::<*mut Run<'_>, *mut Run<'static>>(&raw mut run) };
        let status = self.enter(run);
        let (killed, outcome) = self.leave(status, task);
        self.clean_up(&outcome);
        match (self.take_stop(), killed) {
            (Some(Stop::Panicked(payload)), _) => resume_unwind(payload),
            (Some(Stop::Aborted), _) => Err(ScriptStop::Aborted),
            (Some(Stop::RolledBack(message)), _) => Err(ScriptStop::RolledBack { message }),
            (None, Some(reason)) => Err(ScriptStop::Killed {
                reason,
                message: self.message(kill_text(reason, task), task),
            }),
            (None, None) => outcome,
        }
    }

    /// Compiles a script without running it (SCRIPT LOAD).
    ///
    /// # Errors
    /// As [`Vm::eval`]: the text of the syntax error, ready to send.
    pub fn compile(&mut self, script: &Script) -> Result<(), ScriptStop> {
        // SAFETY: between runs. Loading is protected by itself; what follows it is done disarmed.
        unsafe {
            let state = &mut *self.state;
            if state.compiled.contains_key(script.digest()) {
                return Ok(());
            }
            let lua = state.main;
            state.memory.begin(self.limits.memory_bytes);
            let status = sandbox::load(lua, script.code(), c"@user_script");
            (*self.state).memory.disarm();
            lua_sethook(lua, None, 0, 0);
            let result = match status {
                LUA_OK => {
                    run::keep_compiled(lua, script);
                    Ok(())
                }
                LUA_ERRMEM => {
                    self.collect_all = true;
                    Err(ScriptStop::OutOfMemory {
                        message: b"ERR Script ran out of memory.".to_vec(),
                    })
                }
                _ => Err(ScriptStop::Error {
                    message: compile_error(lua, "script (new function)"),
                    counted: false,
                }),
            };
            lua_settop(lua, ERROR_HANDLER);
            self.forget_unused();
            result
        }
    }

    /// Forgets all compiled scripts and collects what they held (SCRIPT FLUSH).
    pub fn forget_scripts(&mut self) {
        // SAFETY: between runs; nothing here raises.
        unsafe {
            let state = &mut *self.state;
            state.last = None;
            for (_, compiled) in state.compiled.drain() {
                luaL_unref(state.main, LUA_REGISTRYINDEX, compiled.place);
            }
        }
        self.collect();
    }

    /// Bytes that the interpreter holds.
    pub fn memory_used_bytes(&self) -> usize {
        self.state_ref().memory.used_bytes()
    }

    /// Collects if enough garbage has piled up to be worth it. To be called between runs, off the locks.
    #[inline]
    pub fn maybe_collect(&mut self) {
        let garbage_bytes = self.live_bytes.max(GARBAGE_BYTES_MIN);
        if self.collect_all || self.memory_used_bytes() > self.live_bytes + garbage_bytes {
            self.collect();
        }
    }

    /// Collects if there is more than a little garbage, and gives the memory back: for idle moments, and before memory is shown.
    pub fn tidy(&mut self) {
        if self.memory_used_bytes() > self.live_bytes + TIDY_BYTES_MAX {
            self.collect();
        }
        // SAFETY: between runs.
        unsafe { (*self.state).memory.release() };
    }

    /// Collects everything that can be.
    pub fn collect(&mut self) {
        // SAFETY: between runs, disarmed. The second round frees what finalizers of the first released.
        unsafe { lua_gc(self.state_ref().main, LUA_GCCOLLECT, 0) };
        self.collect_all = false;
        self.live_bytes = self.memory_used_bytes();
    }

    fn state_ref(&self) -> &State {
        // SAFETY: owned by this value; no run is in progress while it is borrowed.
        unsafe { &*self.state }
    }

    /// Starts the run and comes back when it is over, however it ended.
    fn enter(&mut self, run: *mut Run<'static>) -> c_int {
        if self.collect_all {
            // What the last script left must not become the base of this one's limit.
            self.collect();
        }
        // SAFETY: the interpreter is ours; what raises is protected.
        unsafe {
            let state = &mut *self.state;
            let lua = state.main;
            state.generation += 1;
            state.run = run;
            state.protocol = Protocol::Resp2;
            state.position.line = 0;
            state.completion = Completion::default();
            state.random = Random::new((*run).arguments.seed);
            *state.cjson = cjson::Settings::default();
            state.memory.begin(self.limits.memory_bytes);
            let Some(argument_count) = run::prepare(lua) else {
                return LUA_ERRSYNTAX;
            };
            let state = &mut *self.state;
            state.memory.rearm();
            if state.memory.exceeded() {
                return LUA_ERRMEM;
            }
            state.control.begin(state.generation);
            let mut status = lua_pcall(lua, argument_count, 1, ERROR_HANDLER);
            (*self.state).memory.disarm();
            if status == LUA_OK && !run::write_answer(lua) {
                // what it was told to stop for is known
                status = LUA_ERRERR;
            }
            status
        }
    }

    /// Takes the run back and says how it ended.
    fn leave(
        &mut self,
        status: c_int,
        task: Task<'_>,
    ) -> (Option<KillReason>, Result<Completion, ScriptStop>) {
        // SAFETY: as `enter`; memory is disarmed, nothing raises.
        let (killed, out_of_memory, lua) = unsafe {
            let state = &mut *self.state;
            let killed = state.control.end(state.generation);
            state.run = ptr::null_mut();
            state.memory.disarm();
            if lua_gethookmask(state.main) != 0 {
                lua_sethook(state.main, None, 0, 0);
            }
            (
                killed,
                state.memory.exceeded() || status == LUA_ERRMEM,
                state.main,
            )
        };
        let outcome = if out_of_memory {
            Err(ScriptStop::OutOfMemory {
                message: self.message("Script ran out of memory.", task),
            })
        } else if status == LUA_OK {
            // SAFETY: between runs.
            let state = unsafe { &mut *self.state };
            Ok(std::mem::take(&mut state.completion))
        } else if let Some(message) = self.take_compile_error() {
            Err(ScriptStop::Error {
                message,
                counted: false,
            })
        } else {
            // SAFETY: the error is on top of the stack.
            let (message, counted) = unsafe { describe_error(lua) };
            let mut message = self.complete(message, task);
            neutralise_line_breaks(&mut message);
            Err(ScriptStop::Error { message, counted })
        };
        (killed, outcome)
    }

    /// Leaves the VM as it was before the run.
    fn clean_up(&mut self, outcome: &Result<Completion, ScriptStop>) {
        // SAFETY: between runs.
        unsafe {
            let state = &mut *self.state;
            lua_settop(state.main, ERROR_HANDLER);
            state.compile_error = None;
            state.json.shrink(KEPT_BUFFER_BYTES_MAX);
            state.output.clear();
            state.output.shrink_to(KEPT_BUFFER_BYTES_MAX);
            state.text.clear();
            state.sources.clear();
            state.text.shrink_to(KEPT_BUFFER_BYTES_MAX);
        }
        self.collect_all |= matches!(outcome, Err(ScriptStop::OutOfMemory { .. }));
        self.forget_unused();
    }

    fn take_compile_error(&mut self) -> Option<Vec<u8>> {
        // SAFETY: between runs.
        unsafe { (*self.state).compile_error.take() }
    }

    fn take_stop(&mut self) -> Option<Stop> {
        // SAFETY: between runs.
        unsafe { (*self.state).stop.take() }
    }

    /// Keeps the number of compiled scripts bounded.
    fn forget_unused(&mut self) {
        // SAFETY: between runs.
        let state = unsafe { &mut *self.state };
        if state.compiled.len() <= COMPILED_MAX {
            return;
        }
        state.last = None;
        let mut ages: Vec<u64> = state
            .compiled
            .values()
            .map(|compiled| compiled.used_at)
            .collect();
        let middle = ages.len() / 2;
        let (_, &mut oldest_kept, _) = ages.select_nth_unstable(middle);
        let lua = state.main;
        state.compiled.retain(|_, compiled| {
            let keep = compiled.used_at >= oldest_kept;
            if !keep {
                // SAFETY: a place in the registry that we took; nothing raises.
                unsafe { luaL_unref(lua, LUA_REGISTRYINDEX, compiled.place) };
            }
            keep
        });
    }

    /// An error reply about what ran as a whole.
    fn message(&self, text: &str, task: Task<'_>) -> Vec<u8> {
        self.complete([b"ERR ", text.as_bytes()].concat(), task)
    }

    /// The error reply with ` script: <name>, on @user_script:<line>.`, if the place is known; of a library it says what was tried.
    fn complete(&self, mut message: Vec<u8>, task: Task<'_>) -> Vec<u8> {
        let position = &self.state_ref().position;
        let name = match task {
            Task::Script(script) => &script.sha1()[..],
            Task::Function(function) => function.name(),
            Task::Library(_) => {
                return [b"ERR Error registering functions: ", &message[..]].concat();
            }
        };
        if position.line > 0 {
            message.extend_from_slice(b" script: ");
            message.extend_from_slice(name);
            message.extend_from_slice(b", on ");
            message.extend_from_slice(&position.source);
            message.push(b':');
            message.extend_from_slice(itoa::Buffer::new().format(position.line).as_bytes());
            message.push(b'.');
        }
        message
    }
}

/// The port of a library that is loaded once more: it can do nothing there but log, and has.
struct Unheard;

impl Port for Unheard {
    fn call(&mut self, _: &[&[u8]], _: &mut dyn Reply) -> Result<(), Abort> {
        Err(Abort)
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn may_call(&mut self, _: &[&[u8]]) -> Option<bool> {
        None
    }

    fn set_propagation(&mut self, _: Propagation) {}

    fn can_roll_back(&self) -> bool {
        false
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // SAFETY: no run is in progress; the interpreter goes before the state that its allocator uses.
        unsafe {
            lua_close((*self.state).main);
            let state = Box::from_raw(self.state);
            debug_assert_eq!(state.memory.used_bytes(), 0, "the interpreter leaks");
        }
    }
}

fn kill_text(reason: KillReason, task: Task<'_>) -> &'static str {
    match reason {
        KillReason::Timeout if matches!(task, Task::Library(_)) => "FUNCTION LOAD timeout",
        KillReason::ScriptKill => "Script killed by user with SCRIPT KILL.",
        KillReason::FunctionKill => "Script killed by user with FUNCTION KILL.",
        KillReason::Timeout => "Script ran longer than it may.",
        KillReason::ClientKill => "Script stopped because its client was killed.",
        KillReason::Shutdown => "Script stopped because the server is shutting down.",
    }
}
