//! What a script can see, and that it can change nothing of it.
//!
//! LuaJIT has no read-only tables, so a script gets proxies (`sandbox.lua`): empty tables whose metatables lead
//! to the real ones. The environment of all scripts is such a proxy too. It is set up once per VM; a run only
//! replaces `KEYS` and `ARGV` behind it. Compiled code folds the way through a proxy into a guard.
//!
//! ```text
//!   function --environment--> {} --__index--> globals --__index--> "nonexistent global variable"
//!                              |                |- KEYS, ARGV: fresh for each run
//!                              |                |- string, redis, ..: {} --__index--> the real library
//!                              '--__newindex--> "readonly table"
//! ```
//!
//! A script that only reads globals, and fields of libraries, gets the tables themselves instead (`survey.rs`).
//!
//! Nothing reachable keeps a change: functions that write past metatables refuse proxies, metatables are out of
//! reach, and what functions in Rust remember (the state of `math.random`, cjson's settings, setresp) is reset
//! before each run.

use std::ffi::{CStr, c_int};

use perilune_luajit_sys::*;

use crate::arguments::{ARGUMENT_NAMES, OWN_ARGUMENTS_MAX};
use crate::random::Random;
use crate::state::{self, Environments, ShortText, Task, bytes_at, push_bytes, raise_error};
use crate::{api, bit, cjson, cmsgpack, guard, library, sort, source, strings, struct_lib};

const SANDBOX: &str = include_str!("sandbox.lua");

/// The chunk name of `sandbox.lua`.
const SANDBOX_NAME: &CStr = c"=perilune";

/// Numbers in `redis.*`.
const NUMBERS: &[(&str, f64)] = &[
    ("LOG_DEBUG", 0.0),
    ("LOG_VERBOSE", 1.0),
    ("LOG_NOTICE", 2.0),
    ("LOG_WARNING", 3.0),
    ("REPL_NONE", 0.0),
    ("REPL_AOF", 1.0),
    ("REPL_SLAVE", 2.0),
    ("REPL_REPLICA", 2.0),
    ("REPL_ALL", 3.0),
    ("REDIS_VERSION_NUM", 0x0007_0204 as f64),
    ("VALKEY_VERSION_NUM", 0x0008_0101 as f64),
];

/// Texts in `redis.*`. The versions are those of Redis and of Valkey whose scripts run here unchanged.
const TEXTS: &[(&str, &str)] = &[
    ("REDIS_VERSION", "7.2.4"),
    ("SERVER_NAME", "perilune"),
    ("VALKEY_VERSION", "8.1.1"),
];

/// Sets the sandbox up in a fresh interpreter. Called protected, and once.
pub(crate) unsafe extern "C-unwind" fn open(lua: *mut lua_State) -> c_int {
    const LIBRARIES: [(lua_CFunction, &CStr); 7] = [
        (luaopen_base, c""),
        (luaopen_table, c"table"),
        (luaopen_string, c"string"),
        (luaopen_math, c"math"),
        (luaopen_os, c"os"),
        (luaopen_bit, c"bit"),
        // Opening it switches the compiler on; the sandbox does not take it over.
        (luaopen_jit, c"jit"),
    ];
    // SAFETY: called by Lua with an unlimited allocator; nothing is owned.
    unsafe {
        for (open, name) in LIBRARIES {
            lua_pushcclosure(lua, open, 0);
            push_bytes(lua, name.to_bytes());
            lua_call(lua, 1, 0);
        }
        let status = luaL_loadbufferx(
            lua,
            SANDBOX.as_ptr().cast(),
            SANDBOX.len(),
            SANDBOX_NAME.as_ptr(),
            c"t".as_ptr(),
        );
        if status != LUA_OK {
            lua_error(lua);
        }
        strip_debug_information(lua);
        lua_pushvalue(lua, LUA_GLOBALSINDEX);
        push_native(lua);
        // whether the functions that look behind the sandbox are wanted
        lua_pushvalue(lua, 1);
        lua_call(lua, 3, 4);
        take_environments(lua);
        // The environment becomes the globals of everything compiled from here on; what LuaJIT's libraries filled
        // is no longer reachable.
        let direct = lua_gettop(lua);
        for (at, name) in ARGUMENT_NAMES.iter().enumerate() {
            lua_createtable(lua, OWN_ARGUMENTS_MAX as c_int, 0);
            let table = inside::top_value(lua).as_table();
            state::of(lua).own_arguments[at].table = table.unwrap_or(std::ptr::null_mut());
            push_bytes(lua, name);
            lua_pushvalue(lua, -2);
            lua_rawset(lua, direct);
            // where it stays when a script is given another
            luaL_ref(lua, LUA_REGISTRYINDEX);
        }
        state::of(lua).direct = luaL_ref(lua, LUA_REGISTRYINDEX);
        state::of(lua).globals = luaL_ref(lua, LUA_REGISTRYINDEX);
        lua_replace(lua, LUA_GLOBALSINDEX);
        0
    }
}

/// Takes the table with the environments of libraries off the stack.
unsafe fn take_environments(lua: *mut lua_State) {
    // SAFETY: called by `open`.
    unsafe {
        let take = |name: &CStr| {
            lua_getfield(lua, -1, name.as_ptr());
            luaL_ref(lua, LUA_REGISTRYINDEX)
        };
        state::of(lua).environments = Environments {
            guarded: take(c"guarded"),
            guarded_metatable: take(c"guarded_metatable"),
            direct: take(c"direct"),
            called: [take(c"called"), take(c"called_direct")],
            loading: [take(c"loading"), take(c"loading_direct")],
        };
        lua_settop(lua, -2);
        set_environments(lua, state::of(lua).environments, false);
    }
}

/// Shows libraries what they may see while they are `loading`, or what their functions see.
///
/// # Safety
/// Between runs, disarmed: nothing raises.
pub(crate) unsafe fn set_environments(
    lua: *mut lua_State,
    environments: Environments,
    loading: bool,
) {
    let [guarded, direct] = match loading {
        true => environments.loading,
        false => environments.called,
    };
    // SAFETY: the caller's; while a table is walked, only values of keys that it has are changed.
    unsafe {
        lua_rawgeti(lua, LUA_REGISTRYINDEX, environments.guarded_metatable);
        push_bytes(lua, b"__index");
        lua_rawgeti(lua, LUA_REGISTRYINDEX, guarded);
        lua_rawset(lua, -3);
        lua_rawgeti(lua, LUA_REGISTRYINDEX, environments.direct);
        let environment = lua_gettop(lua);
        lua_pushnil(lua);
        while lua_next(lua, environment) != 0 {
            lua_settop(lua, -2);
            lua_pushvalue(lua, -1);
            lua_pushnil(lua);
            lua_rawset(lua, environment);
        }
        lua_rawgeti(lua, LUA_REGISTRYINDEX, direct);
        lua_pushnil(lua);
        while lua_next(lua, environment + 1) != 0 {
            lua_pushvalue(lua, -2);
            lua_insert(lua, -2);
            lua_rawset(lua, environment);
        }
        lua_settop(lua, environment - 2);
    }
}

/// Replaces the function on top of the stack by one that knows no lines, so that no error names a place in
/// `sandbox.lua`.
unsafe fn strip_debug_information(lua: *mut lua_State) {
    // SAFETY: called by `open`.
    unsafe {
        lua_getfield(lua, LUA_GLOBALSINDEX, c"string".as_ptr());
        lua_getfield(lua, -1, c"dump".as_ptr());
        lua_pushvalue(lua, -3);
        lua_pushboolean(lua, 1);
        lua_call(lua, 2, 1);
        let bytecode = bytes_at(lua, -1);
        let (start, len) = (bytecode.as_ptr().cast(), bytecode.len());
        if luaL_loadbufferx(lua, start, len, SANDBOX_NAME.as_ptr(), c"b".as_ptr()) != LUA_OK {
            lua_error(lua);
        }
        lua_replace(lua, -4);
        lua_settop(lua, -3);
    }
}

/// `pcall`, in which an error table gives its text: what scripts written before Redis 7 expect.
unsafe extern "C-unwind" fn pcall(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        luaL_checkany(lua, 1);
        let status = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0);
        state::check(lua);
        lua_pushboolean(lua, c_int::from(status == LUA_OK));
        lua_insert(lua, 1);
        if status != LUA_OK && lua_type(lua, 2) == LUA_TTABLE {
            lua_getfield(lua, 2, c"err".as_ptr());
            if matches!(lua_type(lua, -1), LUA_TSTRING | LUA_TNUMBER) {
                lua_replace(lua, 2);
            }
            lua_settop(lua, 2);
        }
        lua_gettop(lua)
    }
}

/// Pushes the table `native` of `sandbox.lua`.
unsafe fn push_native(lua: *mut lua_State) {
    const FUNCTIONS: &[(&str, lua_CFunction)] = &[
        ("collectgarbage", collectgarbage),
        ("deg", deg),
        ("describe_error", describe_error),
        ("keep_match_iterator", strings::keep_match_iterator),
        ("loadstring", loadstring),
        ("no_such_global", no_such_global),
        ("pcall", pcall),
        ("random", random),
        ("randomseed", randomseed),
        ("read_only", read_only),
        ("read_only_here", read_only_here),
        ("refuse_foreach", guard::refuse_foreach),
        ("refuse_insert", guard::refuse_insert),
        ("refuse_load", guard::refuse_load),
        ("register_function", library::register_function),
        ("setn", setn),
        ("sort", sort::sort),
        ("tohex", bit::tohex),
    ];
    // SAFETY: called by `open`.
    unsafe {
        lua_createtable(lua, 0, 16);
        set_functions(lua, FUNCTIONS);
        guard::set_fields(lua);
        lua_createtable(lua, 0, 8);
        set_functions(lua, strings::FUNCTIONS);
        strings::set_format(lua);
        lua_setfield(lua, -2, c"string".as_ptr());
        lua_createtable(lua, 0, 32);
        set_functions(lua, api::FUNCTIONS);
        for (name, number) in NUMBERS {
            push_bytes(lua, name.as_bytes());
            lua_pushnumber(lua, *number);
            lua_rawset(lua, -3);
        }
        set_texts(lua, TEXTS);
        lua_setfield(lua, -2, c"redis".as_ptr());
        lua_createtable(lua, 0, 4);
        set_functions(lua, struct_lib::FUNCTIONS);
        lua_setfield(lua, -2, c"struct".as_ptr());
        lua_createtable(lua, 0, 8);
        set_functions(lua, cmsgpack::FUNCTIONS);
        set_texts(lua, cmsgpack::TEXTS);
        lua_setfield(lua, -2, c"cmsgpack".as_ptr());
        state::of(lua).cjson = cjson::push_module(lua);
        lua_setfield(lua, -2, c"cjson".as_ptr());
    }
}

/// Sets texts in the table on top of the stack.
unsafe fn set_texts(lua: *mut lua_State, texts: &[(&str, &str)]) {
    for (name, text) in texts {
        // SAFETY: called by `open`.
        unsafe {
            push_bytes(lua, name.as_bytes());
            push_bytes(lua, text.as_bytes());
            lua_rawset(lua, -3);
        }
    }
}

/// Sets functions in the table on top of the stack.
unsafe fn set_functions(lua: *mut lua_State, functions: &[(&str, lua_CFunction)]) {
    for (name, function) in functions {
        // SAFETY: called by `open`.
        unsafe {
            push_bytes(lua, name.as_bytes());
            lua_pushcclosure(lua, *function, 0);
            lua_rawset(lua, -3);
        }
    }
}

/// The error handler of a run: notes where the error was raised, and leaves it as it is.
pub(crate) unsafe extern "C-unwind" fn on_error(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { note_position(lua, 1) };
    1
}

/// Remembers the innermost place in the script, from stack level `level` on.
///
/// # Safety
/// Called from a C function or a hook; owns nothing.
pub(crate) unsafe fn note_position(lua: *mut lua_State, level: c_int) {
    // SAFETY: the caller's; `debug` lives on this frame and owns nothing.
    unsafe {
        let mut debug: lua_Debug = std::mem::zeroed();
        if find_script_frame(lua, level, &mut debug) {
            let position = &mut state::of(lua).position;
            position.source.clear();
            position
                .source
                .extend_from_slice(CStr::from_ptr(debug.source).to_bytes());
            position.line = debug.currentline;
        }
    }
}

/// Finds the innermost frame that is Lua code of the script, from `level` on.
unsafe fn find_script_frame(lua: *mut lua_State, mut level: c_int, debug: &mut lua_Debug) -> bool {
    // SAFETY: called from a C function; what `lua_getinfo` points to lives as long as the function it describes.
    unsafe {
        while lua_getstack(lua, level, debug) != 0 {
            lua_getinfo(lua, c"Sl".as_ptr(), debug);
            // Frames of C and of the sandbox have no lines.
            if debug.currentline > 0 {
                return true;
            }
            level += 1;
        }
        false
    }
}

/// Raises an error with the position of the script, from a function that `sandbox.lua` calls on its behalf.
pub(crate) unsafe fn raise_at_script(lua: *mut lua_State, message: &[u8]) -> ! {
    // SAFETY: the caller owns nothing.
    unsafe {
        let mut debug: lua_Debug = std::mem::zeroed();
        let mut text = ShortText::new();
        if find_script_frame(lua, 1, &mut debug) {
            text.push(CStr::from_ptr(debug.short_src.as_ptr()).to_bytes());
            text.push(b":");
            text.push(itoa::Buffer::new().format(debug.currentline).as_bytes());
            text.push(b": ");
        }
        text.push(message);
        push_bytes(lua, text.as_bytes());
        lua_error(lua)
    }
}

/// `__redis__err__handler`: an error as the table that the reference's own handler makes of it.
unsafe extern "C-unwind" fn describe_error(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        lua_settop(lua, 1);
        if lua_type(lua, 1) != LUA_TTABLE {
            lua_createtable(lua, 0, 3);
            push_bytes(lua, b"err");
            push_bytes(lua, b"ERR ");
            match lua_type(lua, 1) {
                LUA_TSTRING | LUA_TNUMBER => lua_pushvalue(lua, 1),
                _ => push_bytes(lua, state::type_name(lua, 1)),
            }
            lua_concat(lua, 2);
            lua_rawset(lua, -3);
        }
        let mut debug: lua_Debug = std::mem::zeroed();
        if find_script_frame(lua, 1, &mut debug) {
            push_bytes(lua, b"source");
            push_bytes(lua, CStr::from_ptr(debug.source).to_bytes());
            lua_settable(lua, -3);
            push_bytes(lua, b"line");
            lua_pushnumber(lua, f64::from(debug.currentline));
            lua_settable(lua, -3);
        }
        1
    }
}

/// `__newindex` of every proxy.
unsafe extern "C-unwind" fn read_only(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe { raise_error(lua, b"Attempt to modify a readonly table") }
}

/// The same from a function, where the reference gives no position.
pub(crate) unsafe extern "C-unwind" fn read_only_here(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        push_bytes(lua, b"Attempt to modify a readonly table");
        lua_error(lua)
    }
}

unsafe extern "C-unwind" fn no_such_global(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua with the table and the key; nothing is owned.
    unsafe {
        let mut text = ShortText::new();
        match lua_type(lua, 2) {
            LUA_TSTRING | LUA_TNUMBER => {
                text.push(b"Script attempted to access nonexistent global variable '");
                text.push(bytes_at(lua, 2));
                text.push(b"'");
            }
            _ => text.push(b"Second argument to luaProtectedTableError must be a string or number"),
        }
        raise_error(lua, text.as_bytes())
    }
}

/// Compiles a text as Lua 5.1 reads it, never bytecode; the function or the error is pushed.
///
/// # Safety
/// The caller owns nothing where memory is armed.
pub(crate) unsafe fn load(lua: *mut lua_State, code: &[u8], name: &CStr) -> c_int {
    /// What bytecode begins with, and LuaJIT has another error for.
    const ESCAPE: u8 = 27;
    // SAFETY: the caller's.
    unsafe {
        if code.first() == Some(&ESCAPE) {
            let name = name.to_bytes();
            push_bytes(lua, name.strip_prefix(b"@").unwrap_or(b"[string]"));
            push_bytes(lua, b":1: unexpected symbol near 'char(27)'");
            lua_concat(lua, 2);
            return LUA_ERRSYNTAX;
        }
        // It lies in the state, because this frame may own nothing, and in a place of its own, because a finalizer that
        // runs meanwhile may load as well.
        let depth = state::of(lua).sources.len();
        let adapted = source::adapt(code);
        let is_adapted = adapted.is_some();
        state::of(lua).sources.extend(adapted);
        let text = match is_adapted {
            true => &state::of(lua).sources[depth].text,
            false => code,
        };
        let (start, len) = (text.as_ptr().cast(), text.len());
        let status = luaL_loadbufferx(lua, start, len, name.as_ptr(), c"t".as_ptr());
        if status == LUA_ERRSYNTAX {
            let adapted = state::of(lua).sources.get(depth);
            if let Some(error) = source::error_of(bytes_at(lua, -1), adapted) {
                // it raises nothing while this frame owns the error
                state::of(lua).memory.disarm();
                lua_settop(lua, -2);
                push_bytes(lua, &error);
                state::of(lua).memory.rearm();
            }
        }
        state::of(lua).sources.truncate(depth);
        status
    }
}

/// As Lua 5.1's, but never bytecode.
unsafe extern "C-unwind" fn loadstring(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        let mut len = 0;
        let code = luaL_checklstring(lua, 1, &mut len);
        let name = match lua_type(lua, 2) {
            LUA_TNONE | LUA_TNIL => code,
            _ => luaL_checklstring(lua, 2, std::ptr::null_mut()),
        };
        let code = std::slice::from_raw_parts(code.cast(), len);
        match load(lua, code, CStr::from_ptr(name)) {
            LUA_OK => {
                if !matches!(state::of(lua).run().task, Task::Script(_)) {
                    // what a function compiles must not see what scripts see
                    let place = state::of(lua).environments.guarded;
                    lua_rawgeti(lua, LUA_REGISTRYINDEX, place);
                    lua_setfenv(lua, -2);
                }
                1
            }
            _ => {
                lua_pushnil(lua);
                lua_insert(lua, -2);
                2
            }
        }
    }
}

unsafe extern "C-unwind" fn setn(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        luaL_checktype(lua, 1, LUA_TTABLE);
        raise_error(lua, b"'setn' is obsolete")
    }
}

/// `collectgarbage` may look and collect. What would outlive the run (stop, setpause, setstepmul) has no effect
/// and answers as if it had been the default.
unsafe extern "C-unwind" fn collectgarbage(lua: *mut lua_State) -> c_int {
    const DEFAULT_PERCENT: f64 = 200.0;
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        let option = match lua_type(lua, 1) {
            LUA_TNONE | LUA_TNIL => b"collect",
            _ => {
                let mut len = 0;
                let start = luaL_checklstring(lua, 1, &mut len);
                std::slice::from_raw_parts(start.cast(), len)
            }
        };
        match option {
            b"collect" => {
                lua_gc(lua, LUA_GCCOLLECT, 0);
                lua_pushnumber(lua, 0.0);
            }
            b"step" => {
                let finished = lua_gc(lua, LUA_GCSTEP, luaL_optinteger(lua, 2, 0) as c_int);
                lua_pushboolean(lua, finished);
            }
            b"count" => {
                let bytes = state::of(lua).memory.used_bytes();
                lua_pushnumber(lua, bytes as f64 / 1024.0);
            }
            b"stop" | b"restart" => lua_pushnumber(lua, 0.0),
            b"setpause" | b"setstepmul" => lua_pushnumber(lua, DEFAULT_PERCENT),
            other => {
                let mut text = ShortText::new();
                text.push(b"bad argument #1 to 'collectgarbage' (invalid option '");
                text.push(&other[..other.len().min(100)]);
                text.push(b"')");
                raise_error(lua, text.as_bytes());
            }
        }
        1
    }
}

/// `math.deg` by the division that Lua 5.1 makes: LuaJIT multiplies, and some results end in another digit.
unsafe extern "C-unwind" fn deg(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        let radians = luaL_checknumber(lua, 1);
        lua_pushnumber(lua, radians / (std::f64::consts::PI / 180.0));
        1
    }
}

unsafe extern "C-unwind" fn random(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        let number = state::of(lua).random.next();
        let (low, high) = match lua_gettop(lua) {
            0 => {
                lua_pushnumber(lua, number);
                return 1;
            }
            1 => (1.0, checked_int(lua, 1)),
            2 => (checked_int(lua, 1), checked_int(lua, 2)),
            _ => raise_error(lua, b"wrong number of arguments"),
        };
        if low > high {
            luaL_argerror(lua, lua_gettop(lua), c"interval is empty".as_ptr());
        }
        lua_pushnumber(lua, (number * (high - low + 1.0)).floor() + low);
        1
    }
}

/// An argument as C's `int`.
unsafe fn checked_int(lua: *mut lua_State, arg: c_int) -> f64 {
    // SAFETY: called from a C function that owns nothing.
    unsafe { f64::from(luaL_checkinteger(lua, arg) as i32) }
}

unsafe extern "C-unwind" fn randomseed(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        let seed = luaL_checkinteger(lua, 1) as i32;
        state::of(lua).random = Random::new(seed);
        0
    }
}
