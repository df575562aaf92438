//! The functions of `redis.*`, as Lua calls them.
//!
//! `redis.call` is the hot path: its arguments are borrowed from Lua's strings, the port is called, and the answer
//! is on Lua's stack (`sink.rs`). Each function keeps the rule of frames (`state.rs`): what owns something runs in
//! an inner function that never raises, and the outermost frame raises what it was told.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use perilune_luajit_sys::inside::Value;
use perilune_luajit_sys::*;
use perilune_resp::Protocol;
use sha1::{Digest, Sha1};
use smallvec::SmallVec;

use crate::arguments;
use crate::number::{self, TEXT_BYTES_MAX};
use crate::port::{LogLevel, Propagation};
use crate::script::{neutralise_line_breaks, sha1_hex};
use crate::sink::{Answer, LuaReply, push_error};
use crate::state::{self, Stop, bytes_at, push_bytes};

/// So many arguments, if they are strings and integers, need no list on the heap.
const WORDS_INLINE: usize = 8;

/// Arguments beyond these, and the texts of numbers beyond these, are kept on the heap for the time of the call.
const ARGS_INLINE: usize = 12;
const NUMBERS_INLINE: usize = 4;

/// The texts of the integers that scripts write most.
const DIGITS: &[u8; 10] = b"0123456789";

/// Arguments beyond these are copied. Together with the answer they must fit in Lua's bound of 8,000 slots.
const ARGS_ON_STACK_MAX: c_int = 4000;

/// Every function of `redis.*` by name.
pub(crate) const FUNCTIONS: &[(&str, lua_CFunction)] = &[
    ("acl_check_cmd", acl_check_cmd),
    ("breakpoint", breakpoint),
    ("call", call),
    ("debug", debug),
    ("error_reply", error_reply),
    ("log", log),
    ("pcall", pcall),
    ("replicate_commands", replicate_commands),
    ("rollback", rollback),
    ("set_repl", set_repl),
    ("setresp", setresp),
    ("sha1hex", sha1hex),
    ("status_reply", status_reply),
];

/// How a call of a command went; its value, or its error, is on top of the stack, unless it was stopped.
enum Called {
    Value,
    Error,
    Stopped,
}

/// Why the arguments of a call are refused.
const NO_ARGUMENTS: &[u8] = b"ERR Please specify at least one argument for this call";
const BAD_ARGUMENT: &[u8] = b"ERR Command arguments must be strings or integers";

unsafe extern "C-unwind" fn call(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; `command` has dropped what it owned when it returns.
    unsafe {
        match command(lua) {
            Called::Value => 1,
            Called::Error => lua_error(lua),
            Called::Stopped => state::raise_stop(lua),
        }
    }
}

unsafe extern "C-unwind" fn pcall(lua: *mut lua_State) -> c_int {
    // SAFETY: as `call`.
    unsafe {
        match command(lua) {
            Called::Value | Called::Error => 1,
            Called::Stopped => state::raise_stop(lua),
        }
    }
}

/// Runs a command with the arguments on the stack.
unsafe fn command(lua: *mut lua_State) -> Called {
    // SAFETY: called by Lua; nothing below raises while memory is disarmed.
    unsafe {
        let state = state::of(lua);
        if state.must_stop() {
            return Called::Stopped;
        }
        state.memory.disarm();
        let called = match with_arguments(lua, |args| call_port(lua, args)) {
            Ok(called) => called,
            Err(refusal) => {
                lua_settop(lua, 0);
                push_error(lua, refusal, false);
                Called::Error
            }
        };
        let state = state::of(lua);
        state.memory.rearm();
        if state.memory.exceeded() {
            state.stop_for_memory();
            return Called::Stopped;
        }
        called
    }
}

/// Hands a command to the port and leaves its answer on the stack.
unsafe fn call_port(lua: *mut lua_State, args: &[&[u8]]) -> Called {
    // SAFETY: called by `command`.
    unsafe {
        let state = state::of(lua);
        let mut reply = LuaReply::new(lua, state.protocol);
        let run = state.run();
        match catch_unwind(AssertUnwindSafe(|| run.port.call(args, &mut reply))) {
            Ok(Ok(())) => {}
            Ok(Err(crate::Abort)) => {
                state.stop(Stop::Aborted);
                return Called::Stopped;
            }
            Err(payload) => {
                state.stop(Stop::Panicked(payload));
                return Called::Stopped;
            }
        }
        match reply.finish() {
            Ok(Answer::Value) => Called::Value,
            Ok(Answer::Error) => Called::Error,
            Err(()) => {
                push_error(lua, b"ERR The reply is more than Lua can hold", false);
                Called::Error
            }
        }
    }
}

/// Calls `run` with the arguments on the stack as byte strings: strings as they are, numbers as text.
#[inline]
unsafe fn with_arguments<T>(
    lua: *mut lua_State,
    run: impl Fn(&[&[u8]]) -> T,
) -> Result<T, &'static [u8]> {
    // SAFETY: called by Lua with memory disarmed; strings on its stack stay there until it returns.
    unsafe {
        let values = inside::values(lua);
        let count = values.len();
        let mut args = [MaybeUninit::<&[u8]>::uninit(); WORDS_INLINE];
        let mut texts = [itoa::Buffer::new(); WORDS_INLINE];
        if (1..=WORDS_INLINE).contains(&count) {
            // nearly all calls: a few strings, and integers perhaps
            let mut words = 0;
            for ((arg, text), value) in args.iter_mut().zip(&mut texts).zip(values) {
                arg.write(if let Some(string) = value.as_string() {
                    inside::string_bytes(string)
                } else if let Some(argument) = marked(lua, *value) {
                    argument
                } else if let Some(integer) = value.as_number().and_then(number::as_integer) {
                    match DIGITS.get(integer as usize..=integer as usize) {
                        Some(digit) => digit,
                        None => text.format(integer).as_bytes(),
                    }
                } else {
                    break;
                });
                words += 1;
            }
            if words == count {
                let args = std::slice::from_raw_parts(args.as_ptr().cast(), count);
                return Ok(run(args));
            }
        }
        let count = count as c_int;
        with_any_arguments(lua, count, run)
    }
}

/// The argument of the run that a mark in its place stands for.
#[inline]
unsafe fn marked<'a>(lua: *mut lua_State, value: Value) -> Option<&'a [u8]> {
    // SAFETY: called by Lua, so there is a run, which outlives the call.
    value
        .as_mark()
        .and_then(|mark| unsafe { arguments::marked(&state::of(lua).run().arguments, mark) })
}

/// As [`with_arguments`], however many there are and whatever they are.
#[inline(never)]
unsafe fn with_any_arguments<T>(
    lua: *mut lua_State,
    count: c_int,
    run: impl Fn(&[&[u8]]) -> T,
) -> Result<T, &'static [u8]> {
    // SAFETY: called by `with_arguments`.
    unsafe {
        if count == 0 {
            return Err(NO_ARGUMENTS);
        }
        // The texts of the numbers, one after the other.
        let mut texts: SmallVec<[u8; NUMBERS_INLINE * TEXT_BYTES_MAX]> = SmallVec::new();
        let mut args: SmallVec<[&[u8]; ARGS_INLINE]> = SmallVec::new();
        for index in 1..=count {
            let value = inside::value_at(lua, index);
            if let Some(string) = value.as_string() {
                args.push(inside::string_bytes(string));
            } else if let Some(argument) = marked(lua, value) {
                args.push(argument);
            } else if let Some(number) = value.as_number() {
                if texts.is_empty() {
                    // Room for all of them, so that none moves.
                    texts.reserve((count - index + 1) as usize * TEXT_BYTES_MAX);
                }
                let start = texts.len();
                push_number(&mut texts, number);
                args.push(std::slice::from_raw_parts(
                    texts.as_ptr().add(start),
                    texts.len() - start,
                ));
            } else {
                return Err(BAD_ARGUMENT);
            }
        }
        if count > ARGS_ON_STACK_MAX {
            // Lua's stack has a bound for C functions. So that there is room for the answer, these are copied.
            let copies: Vec<Vec<u8>> = args.iter().map(|arg| arg.to_vec()).collect();
            lua_settop(lua, 0);
            let args: Vec<&[u8]> = copies.iter().map(Vec::as_slice).collect();
            return Ok(run(&args));
        }
        Ok(run(&args))
    }
}

/// Writes a number as the argument of a command: an integer as such, else the shortest text.
fn push_number<const N: usize>(texts: &mut SmallVec<[u8; N]>, value: f64)
where
    [u8; N]: smallvec::Array<Item = u8>,
{
    match number::as_integer(value) {
        Some(integer) => texts.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes()),
        None => {
            texts.extend_from_slice(number::argument(value, &mut perilune_digits::Buffer::new()))
        }
    }
}

/// Raises an error as the functions of `redis.*` do: a table, without a position in its text.
///
/// # Safety
/// Called from a C function that owns nothing.
pub(crate) unsafe fn raise_table(lua: *mut lua_State, message: &[u8]) -> ! {
    // SAFETY: the caller owns nothing.
    unsafe {
        push_error(lua, message, false);
        lua_error(lua)
    }
}

unsafe extern "C-unwind" fn acl_check_cmd(lua: *mut lua_State) -> c_int {
    enum Checked {
        Known(bool),
        Unknown,
        Refused(&'static [u8]),
        Stopped,
    }
    unsafe fn check(lua: *mut lua_State) -> Checked {
        // SAFETY: as `command`.
        unsafe {
            if state::must_stop(lua) {
                return Checked::Stopped;
            }
            state::of(lua).memory.disarm();
            let checked = with_arguments(lua, |args| {
                let state = state::of(lua);
                let run = state.run();
                match catch_unwind(AssertUnwindSafe(|| run.port.may_call(args))) {
                    Ok(Some(allowed)) => Checked::Known(allowed),
                    Ok(None) => Checked::Unknown,
                    Err(payload) => {
                        state.stop(Stop::Panicked(payload));
                        Checked::Stopped
                    }
                }
            });
            state::of(lua).memory.rearm();
            checked.unwrap_or_else(Checked::Refused)
        }
    }
    // SAFETY: `check` has dropped what it owned.
    unsafe {
        match check(lua) {
            Checked::Known(allowed) => {
                lua_pushboolean(lua, c_int::from(allowed));
                1
            }
            Checked::Unknown => {
                raise_table(lua, b"ERR Invalid command passed to server.acl_check_cmd()")
            }
            Checked::Refused(message) => raise_table(lua, message),
            Checked::Stopped => state::raise_stop(lua),
        }
    }
}

unsafe extern "C-unwind" fn log(lua: *mut lua_State) -> c_int {
    unsafe fn write(lua: *mut lua_State, level: LogLevel, count: c_int) {
        // SAFETY: memory is disarmed; strings and numbers only.
        unsafe {
            let mut message = Vec::new();
            for index in 2..=count {
                if matches!(lua_type(lua, index), LUA_TSTRING | LUA_TNUMBER) {
                    if index > 2 {
                        message.push(b' ');
                    }
                    message.extend_from_slice(bytes_at(lua, index));
                }
            }
            let state = state::of(lua);
            let run = state.run();
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| run.port.log(level, &message))) {
                state.stop(Stop::Panicked(payload));
            }
        }
    }
    // SAFETY: called by Lua; `write` has dropped what it owned.
    unsafe {
        let count = lua_gettop(lua);
        if count < 2 {
            raise_table(lua, b"ERR server.log() requires two arguments or more.");
        }
        if lua_isnumber(lua, 1) == 0 {
            raise_table(lua, b"ERR First argument must be a number (log level).");
        }
        let Some(level) = LogLevel::from_number(lua_tonumber(lua, 1)) else {
            raise_table(lua, b"ERR Invalid log level.");
        };
        state::check(lua);
        state::of(lua).memory.disarm();
        write(lua, level, count);
        state::of(lua).memory.rearm();
        state::check(lua);
        0
    }
}

/// What `redis.rollback` answers behind its code where the script says nothing.
const ROLLED_BACK: &[u8] = b"The script took itself back.";

/// `redis.rollback(message)`: ends the script, with nothing changed. It never returns, unless there is no way back any more.
unsafe extern "C-unwind" fn rollback(lua: *mut lua_State) -> c_int {
    /// Whether there is a way back.
    unsafe fn stop(lua: *mut lua_State) -> bool {
        // SAFETY: memory is disarmed; strings and numbers only.
        unsafe {
            let state = state::of(lua);
            let run = state.run();
            match catch_unwind(AssertUnwindSafe(|| run.port.can_roll_back())) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(payload) => {
                    state.stop(Stop::Panicked(payload));
                    return true;
                }
            }
            let text: &[u8] = match lua_type(lua, 1) {
                LUA_TSTRING | LUA_TNUMBER => bytes_at(lua, 1),
                _ => ROLLED_BACK,
            };
            let mut message = [b"ROLLBACK ", text].concat();
            neutralise_line_breaks(&mut message);
            state.stop(Stop::RolledBack(message));
            true
        }
    }
    // SAFETY: called by Lua; `stop` has dropped what it owned.
    unsafe {
        state::check(lua);
        state::of(lua).memory.disarm();
        let stops = stop(lua);
        state::of(lua).memory.rearm();
        if stops {
            state::raise_stop(lua);
        }
        raise_table(
            lua,
            b"ERR What this script has done cannot be taken back: it is more than transaction-undo-limit",
        )
    }
}

unsafe extern "C-unwind" fn setresp(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        if lua_gettop(lua) != 1 {
            raise_table(lua, b"ERR server.setresp() requires one argument.");
        }
        let protocol = match lua_tonumber(lua, 1) as i64 {
            2 => Protocol::Resp2,
            3 => Protocol::Resp3,
            _ => raise_table(lua, b"ERR RESP version must be 2 or 3."),
        };
        state::of(lua).protocol = protocol;
        0
    }
}

unsafe extern "C-unwind" fn set_repl(lua: *mut lua_State) -> c_int {
    const AOF: i32 = 1;
    const REPLICAS: i32 = 2;
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        if lua_gettop(lua) != 1 {
            raise_table(lua, b"ERR server.set_repl() requires one argument.");
        }
        let flags = number::as_c_int(lua_tonumber(lua, 1));
        if flags & !(AOF | REPLICAS) != 0 {
            raise_table(
                lua,
                b"ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            );
        }
        let propagation = Propagation {
            aof: flags & AOF != 0,
            replicas: flags & REPLICAS != 0,
        };
        state::check(lua);
        let state = state::of(lua);
        let run = state.run();
        if let Err(payload) =
            catch_unwind(AssertUnwindSafe(|| run.port.set_propagation(propagation)))
        {
            state.stop(Stop::Panicked(payload));
        }
        state::check(lua);
        0
    }
}

unsafe extern "C-unwind" fn sha1hex(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        if lua_gettop(lua) != 1 {
            raise_table(lua, b"ERR wrong number of arguments");
        }
        // As the reference has it: what is no string is hashed as an empty one.
        let is_text = matches!(lua_type(lua, 1), LUA_TSTRING | LUA_TNUMBER);
        let bytes: &[u8] = if is_text { bytes_at(lua, 1) } else { b"" };
        let hex = match bytes.len() {
            // Long ones in pieces, so that an order to stop is heard.
            0..HASH_PIECE_BYTES => sha1_hex(bytes),
            _ => {
                let mut hash = Sha1::new();
                for piece in bytes.chunks(HASH_PIECE_BYTES) {
                    hash.update(piece);
                    state::check(lua);
                }
                crate::script::hex(&hash.finalize().into())
            }
        };
        push_bytes(lua, &hex);
        1
    }
}

const HASH_PIECE_BYTES: usize = 1 << 20;

/// Whether the one argument is a string, as `error_reply` and `status_reply` demand.
unsafe fn one_string(lua: *mut lua_State) -> bool {
    // SAFETY: called by Lua.
    unsafe { lua_gettop(lua) == 1 && lua_type(lua, 1) == LUA_TSTRING }
}

unsafe extern "C-unwind" fn error_reply(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        if one_string(lua) {
            let text = bytes_at(lua, 1);
            push_error(lua, text.strip_prefix(b"-").unwrap_or(text), false);
        } else {
            push_error(lua, b"ERR wrong number or type of arguments", false);
        }
        1
    }
}

unsafe extern "C-unwind" fn status_reply(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        if one_string(lua) {
            lua_createtable(lua, 0, 1);
            push_bytes(lua, b"ok");
            lua_pushvalue(lua, 1);
            lua_rawset(lua, -3);
        } else {
            push_error(lua, b"ERR wrong number or type of arguments", false);
        }
        1
    }
}

unsafe extern "C-unwind" fn replicate_commands(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { lua_pushboolean(lua, 1) };
    1
}

/// There is no debugger attached: false.
unsafe extern "C-unwind" fn breakpoint(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { lua_pushboolean(lua, 0) };
    1
}

/// There is no debugger attached: nothing.
unsafe extern "C-unwind" fn debug(_: *mut lua_State) -> c_int {
    0
}
