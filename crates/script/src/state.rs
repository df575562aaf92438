//! What belongs to one interpreter, and how the functions that Lua calls find it.
//!
//! LuaJIT passes a pointer along to its allocator, where it can be found in two loads from any coroutine. It points to [`State`], so no function of ours needs an upvalue or a look into the registry to
//! know its VM.
//!
//! **The rule of frames.** A Lua error unwinds past the Rust frames between where it is raised and the protected
//! call. A frame that calls anything `"C-unwind"` of LuaJIT's with an error possible must therefore own nothing
//! that needs dropping: buffers live in `State`, errors are raised from the outermost frame of a C function, and
//! where Rust code with destructors runs (the port, the reply), memory is disarmed, so that nothing below it can
//! raise.

use std::any::Any;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use perilune_luajit_sys::inside::Value;
use perilune_luajit_sys::*;
use perilune_resp::{Protocol, Reply};

use crate::arguments::OwnArguments;
use crate::cjson;
use crate::cmsgpack;
use crate::interrupt::Control;
use crate::library::{Function, Library, Loaded, Loading};
use crate::memory::Memory;
use crate::port::Port;
use crate::random::Random;
use crate::sandbox;
use crate::script::Script;
use crate::source::Adapted;
use crate::survey::Survey;
use crate::vm::{Arguments, Completion};

/// Why the run ends at the next opportunity, as known on the thread that runs it.
pub(crate) enum Stop {
    /// The port said so.
    Aborted,
    /// The port, or the receiver of the reply, panicked.
    Panicked(Box<dyn Any + Send>),
    /// The script did, with this error reply: `redis.rollback`.
    RolledBack(Vec<u8>),
}

/// What is run.
#[derive(Clone, Copy)]
pub(crate) enum Task<'a> {
    Script(&'a Script),
    Function(&'a Function),
    /// A library that is loaded.
    Library(&'a Library),
}

/// What a run was given.
pub(crate) struct Run<'a> {
    pub(crate) task: Task<'a>,
    pub(crate) arguments: Arguments<'a>,
    pub(crate) port: &'a mut dyn Port,
    /// Where the answer goes, if one is asked for.
    pub(crate) reply: Option<&'a mut dyn Reply>,
}

/// Where an error was raised: filled in by the error handler of a run.
#[derive(Default)]
pub(crate) struct Position {
    pub(crate) source: Vec<u8>,
    pub(crate) line: c_int,
}

/// A compiled script or function, and when it last ran.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compiled {
    /// Its place in Lua's registry, which keeps it alive.
    pub(crate) place: c_int,
    pub(crate) function: Value,
    /// What its code has been seen to do.
    pub(crate) survey: Survey,
    pub(crate) used_at: u64,
}

/// What libraries see, as places in Lua's registry. Both environments show something else while a library is loaded.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Environments {
    /// The environment that nothing can be changed through: a proxy.
    pub(crate) guarded: c_int,
    /// Its metatable, which says where it leads.
    pub(crate) guarded_metatable: c_int,
    /// The environment with the tables themselves.
    pub(crate) direct: c_int,
    /// The globals that functions see, guarded and direct.
    pub(crate) called: [c_int; 2],
    /// The globals that a library sees that is loaded, guarded and direct.
    pub(crate) loading: [c_int; 2],
}

/// A SHA-1 is its own hash. (Who makes scripts collide in eight of its bytes slows down his own VM's cache, which is
/// bounded.)
#[derive(Default)]
pub(crate) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// One interpreter and all that belongs to it.
#[repr(C)] // `memory` is first: the allocator reads it through the same pointer.
pub(crate) struct State {
    pub(crate) memory: Memory,
    pub(crate) control: Arc<Control>,
    pub(crate) main: *mut lua_State,
    /// The run in progress, erased of its lifetimes; null between runs.
    pub(crate) run: *mut Run<'static>,
    pub(crate) generation: u64,
    pub(crate) stop: Option<Stop>,
    /// What the script asked for with `redis.setresp`.
    pub(crate) protocol: Protocol,
    pub(crate) random: Random,
    pub(crate) position: Position,
    /// The text of an error that is no Lua error of the script: it did not compile.
    pub(crate) compile_error: Option<Vec<u8>>,
    /// What there is to say of the reply that was written.
    pub(crate) completion: Completion,
    pub(crate) compiled: HashMap<[u8; 20], Compiled, BuildHasherDefault<DigestHasher>>,
    /// The script that ran last: where many of one kind follow each other it is not looked up.
    pub(crate) last: Option<([u8; 20], Compiled)>,
    /// The libraries that have been loaded, by their numbers.
    pub(crate) libraries: HashMap<u64, Loaded>,
    /// The function that ran last, as `last`: the number of its library, and its own.
    pub(crate) last_function: Option<((u64, usize), Compiled)>,
    /// The library that is being loaded.
    pub(crate) loading: Option<Loading>,
    /// The environments of libraries.
    pub(crate) environments: Environments,
    /// The table behind the globals, in Lua's registry.
    pub(crate) globals: c_int,
    /// The environment of scripts that need no protection, in Lua's registry.
    pub(crate) direct: c_int,
    /// The Lua function that iterators of `string.gmatch` are closures of, kept by Lua's registry.
    pub(crate) match_iterator: Value,
    /// What they call for more matches, kept likewise.
    pub(crate) match_refill: Value,
    /// The tables for KEYS and ARGV in it.
    pub(crate) own_arguments: [OwnArguments; 2],
    /// Scripts may look behind the sandbox: none gets `direct`.
    pub(crate) is_insecure: bool,
    /// The default settings of cjson live in a userdata that the interpreter keeps.
    pub(crate) cjson: *mut cjson::Settings,
    pub(crate) json: cjson::Buffers,
    /// See `output.rs`.
    pub(crate) output: Vec<u8>,
    pub(crate) unpacking: cmsgpack::OpenTables,
    /// What `string.gsub` builds: nested calls stack up in it.
    pub(crate) text: Vec<u8>,
    /// Texts that are being compiled in another form than they have come in.
    pub(crate) sources: Vec<Adapted>,
}

/// The state of the VM that runs this.
///
/// # Safety
/// `lua` is a live interpreter made by [`Vm`](crate::Vm), and the caller holds no other reference to its state.
#[inline]
pub(crate) unsafe fn of<'a>(lua: *mut lua_State) -> &'a mut State {
    // SAFETY: the caller's promise.
    unsafe { &mut *inside::allocator_data(lua).cast::<State>() }
}

impl State {
    /// Whether the run is to end.
    #[inline]
    pub(crate) fn must_stop(&self) -> bool {
        self.stop.is_some()
            || self.memory.exceeded()
            || self.control.ordered(self.generation).is_some()
    }

    /// Whether the library of this function has been loaded.
    #[inline]
    pub(crate) fn knows(&self, function: &Function) -> bool {
        let id = function.library().id();
        self.last_function
            .as_ref()
            .is_some_and(|((last, _), _)| *last == id)
            || self.libraries.contains_key(&id)
    }

    /// Ends the run from this thread.
    pub(crate) fn stop(&mut self, stop: Stop) {
        if self.stop.is_none() {
            self.stop = Some(stop);
        }
        self.control.set_hook();
    }

    /// Ends the run because a buffer outside the interpreter grew past what it may take.
    pub(crate) fn stop_for_memory(&mut self) {
        self.memory.exceed();
        self.control.set_hook();
    }

    /// The run in progress.
    ///
    /// # Safety
    /// Only from a function that Lua calls, so that there is one.
    pub(crate) unsafe fn run(&mut self) -> &mut Run<'static> {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.run }
    }
}

/// Told by the allocator that the run has taken more than its limit.
pub(crate) fn memory_exceeded(ud: *mut c_void) {
    // SAFETY: the pointer that the allocator got; only a field beside the account is read.
    let control = unsafe { &*(*ud.cast::<State>()).control };
    control.set_hook();
}

/// Whether the run is to end.
///
/// # Safety
/// As [`of`].
pub(crate) unsafe fn must_stop(lua: *mut lua_State) -> bool {
    // SAFETY: the caller's promise.
    unsafe { of(lua).must_stop() }
}

/// Raises the error with which a run is ended: want of memory. It is the one error that LuaJIT raises without
/// calling the handler of an `xpcall`, and such a handler, called from inside a hook, could run for ever because
/// hooks are off there. Wherever the error is caught, the hook raises the next, until it has left the script.
///
/// # Safety
/// As [`of`]; no frame up to the protected call owns anything.
pub(crate) unsafe fn raise_stop(lua: *mut lua_State) -> ! {
    // SAFETY: the caller's promise.
    unsafe {
        let state = of(lua);
        if state.position.line == 0 {
            sandbox::note_position(lua, 0);
        }
        state.memory.refuse();
        lua_newuserdata(lua, 1);
        // Not reached: the allocation is refused.
        lua_pushnil(lua);
        lua_error(lua)
    }
}

/// Raises if the run is to end.
///
/// # Safety
/// As [`raise_stop`].
pub(crate) unsafe fn check(lua: *mut lua_State) {
    // SAFETY: the caller's promise.
    unsafe {
        if must_stop(lua) {
            raise_stop(lua);
        }
    }
}

/// Raises an error with the position of the Lua function that called the running C function, as `luaL_error`.
///
/// # Safety
/// As [`raise_stop`]; `message` is borrowed from something that is not dropped by the unwinding.
pub(crate) unsafe fn raise_error(lua: *mut lua_State, message: &[u8]) -> ! {
    // SAFETY: the caller's promise.
    unsafe {
        luaL_where(lua, 1);
        push_bytes(lua, message);
        lua_concat(lua, 2);
        lua_error(lua)
    }
}

/// Pushes a string.
///
/// # Safety
/// There is room on the stack; may raise for want of memory where it is armed.
#[inline]
pub(crate) unsafe fn push_bytes(lua: *mut lua_State, bytes: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe { lua_pushlstring(lua, bytes.as_ptr().cast(), bytes.len()) }
}

/// What the reference sees of a text where it takes it as one of C.
#[inline]
pub(crate) fn until_nul(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}

/// The bytes of the string at `index`, which is one (a number would be converted in place).
///
/// # Safety
/// The value is a string, and stays where it is for `'a`.
#[inline]
pub(crate) unsafe fn bytes_at<'a>(lua: *mut lua_State, index: c_int) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: the caller's promise; LuaJIT's strings are never null.
    unsafe {
        let start = lua_tolstring(lua, index, &mut len);
        std::slice::from_raw_parts(start.cast(), len)
    }
}

/// A text of bounded length that needs no dropping: for error messages. What does not fit is cut off.
pub(crate) struct ShortText {
    bytes: [u8; 256],
    len: usize,
}

impl ShortText {
    pub(crate) fn new() -> Self {
        Self {
            bytes: [0; 256],
            len: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let take = bytes.len().min(self.bytes.len() - self.len);
        self.bytes[self.len..self.len + take].copy_from_slice(&bytes[..take]);
        self.len += take;
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl std::fmt::Write for ShortText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// The name of the type of the value at `index`.
///
/// # Safety
/// As [`of`].
pub(crate) unsafe fn type_name(lua: *mut lua_State, index: c_int) -> &'static [u8] {
    // SAFETY: LuaJIT's names are static.
    unsafe { std::ffi::CStr::from_ptr(lua_typename(lua, lua_type(lua, index))).to_bytes() }
}
