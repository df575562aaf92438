//! What precedes and follows a script, and what its errors say. All of it works between runs, where nothing raises.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use perilune_luajit_sys::inside::Proto;
use perilune_luajit_sys::*;

use crate::answer::Writer;
use crate::arguments;
use crate::library;
use crate::sandbox;
use crate::script::{Script, neutralise_line_breaks};
use crate::state::{self, Compiled, Stop, Task, push_bytes, until_nul};
use crate::survey::Survey;
use crate::vm::Arguments;

/// The compiled script of the run, or `None` if it does not compile, with the reason left in the state or the memory
/// exceeded. Memory is disarmed afterwards.
///
/// # Safety
/// Between runs, on the main coroutine; a run is set up.
unsafe fn find_script(lua: *mut lua_State, script: &Script) -> Option<Compiled> {
    // SAFETY: the caller's; loading is protected by itself.
    unsafe {
        let state = state::of(lua);
        let generation = state.generation;
        if let Some((digest, compiled)) = &state.last
            && digest == script.digest()
        {
            let compiled = *compiled;
            state.memory.disarm();
            return Some(compiled);
        }
        if let Some(compiled) = state.compiled.get_mut(script.digest()) {
            compiled.used_at = generation;
            state.last = Some((*script.digest(), *compiled));
            state.memory.disarm();
            return state.last.map(|(_, compiled)| compiled);
        }
        let status = sandbox::load(lua, script.code(), c"@user_script");
        state::of(lua).memory.disarm();
        match status {
            LUA_OK => {
                let compiled = keep_compiled(lua, script);
                lua_settop(lua, -2);
                Some(compiled)
            }
            LUA_ERRMEM => {
                state::of(lua).memory.exceed();
                None
            }
            _ => {
                let message = compile_error(lua, "script (new function)");
                state::of(lua).compile_error = Some(message);
                None
            }
        }
    }
}

/// What is to be called for the run, on the stack with its arguments, and how many these are. `None` if there is nothing, with the
/// reason left in the state or the memory exceeded. Memory is disarmed afterwards.
///
/// # Safety
/// As [`find_script`].
pub(crate) unsafe fn prepare(lua: *mut lua_State) -> Option<c_int> {
    // SAFETY: the caller's.
    unsafe {
        let run = state::of(lua).run();
        let Arguments { keys, argv, .. } = run.arguments;
        match run.task {
            Task::Script(script) => {
                let compiled = find_script(lua, script)?;
                arguments::set(lua, &compiled, [keys, argv]);
                inside::push(lua, compiled.function);
                Some(0)
            }
            Task::Function(function) => {
                state::of(lua).memory.disarm();
                let Some(compiled) = library::find(lua, function) else {
                    state::of(lua).compile_error = Some(b"ERR Function not found".to_vec());
                    return None;
                };
                inside::push(lua, compiled.function);
                arguments::push(lua, &compiled, [keys, argv]);
                Some(2)
            }
            Task::Library(library) => {
                match library::compile(lua, library) {
                    Ok(()) => return Some(0),
                    Err(LUA_ERRMEM) => state::of(lua).memory.exceed(),
                    Err(_) => {
                        let message = compile_error(lua, "function");
                        state::of(lua).compile_error = Some(message);
                    }
                }
                None
            }
        }
    }
}

/// Remembers the compiled script on top of the stack, and leaves it there.
pub(crate) unsafe fn keep_compiled(lua: *mut lua_State, script: &Script) -> Compiled {
    // SAFETY: the caller's; memory is disarmed, and the function has not run yet.
    unsafe {
        let function = inside::top_value(lua);
        let survey = match state::of(lua).is_insecure {
            true => Survey::NONE,
            false => Survey::of(Proto::of_top(lua)),
        };
        if survey.direct {
            lua_rawgeti(lua, LUA_REGISTRYINDEX, state::of(lua).direct);
            lua_setfenv(lua, -2);
        }
        lua_pushvalue(lua, -1);
        let place = luaL_ref(lua, LUA_REGISTRYINDEX);
        let state = state::of(lua);
        let compiled = Compiled {
            place,
            function,
            survey,
            used_at: state.generation,
        };
        state.compiled.insert(*script.digest(), compiled);
        compiled
    }
}

/// The error reply for the syntax error on top of the stack.
pub(crate) unsafe fn compile_error(lua: *mut lua_State, what: &str) -> Vec<u8> {
    // SAFETY: LuaJIT leaves a string there.
    let text = unsafe { state::bytes_at(lua, -1) };
    let mut message = [b"ERR Error compiling ", what.as_bytes(), b": ", text].concat();
    neutralise_line_breaks(&mut message);
    message
}

/// Writes the return value, which is on top of the stack, if an answer is asked for. False if it was told to stop instead.
///
/// # Safety
/// After the script, on the main coroutine; memory is disarmed, so that nothing raises.
pub(crate) unsafe fn write_answer(lua: *mut lua_State) -> bool {
    // SAFETY: the caller's.
    unsafe {
        let state = state::of(lua);
        if state.must_stop() {
            return false;
        }
        let protocol = state.protocol;
        let Some(reply) = &mut state.run().reply else {
            return true;
        };
        let writer = Writer::new(lua, *reply, protocol);
        match catch_unwind(AssertUnwindSafe(|| writer.write(|| state::must_stop(lua)))) {
            Ok(Ok(completion)) => {
                state::of(lua).completion = completion;
                true
            }
            Ok(Err(())) => false,
            Err(payload) => {
                state::of(lua).stop(Stop::Panicked(payload));
                false
            }
        }
    }
}

/// The text of the error on top of the stack, with its code, and whether it was counted before.
pub(crate) unsafe fn describe_error(lua: *mut lua_State) -> (Vec<u8>, bool) {
    // SAFETY: between runs: disarmed, nothing raises, tables are read raw.
    unsafe {
        if lua_type(lua, -1) != LUA_TTABLE {
            let text = error_text(lua);
            return ([b"ERR ", until_nul(&text)].concat(), false);
        }
        push_bytes(lua, b"ignore_error_stats_update");
        lua_rawget(lua, -2);
        let counted = lua_toboolean(lua, -1) != 0;
        lua_settop(lua, -2);
        let message = match error_field(lua) {
            LUA_TSTRING | LUA_TNUMBER => until_nul(state::bytes_at(lua, -1)).to_vec(),
            _ => b"ERR unknown error".to_vec(),
        };
        (message, counted)
    }
}

/// Pushes the field `err` of the table on top of the stack, or of one that stands behind it as `__index`; its type. No function
/// is asked: nothing runs any more that an error could end.
unsafe fn error_field(lua: *mut lua_State) -> c_int {
    /// As many as LuaJIT follows itself.
    const TABLES_MAX: usize = 100;
    // SAFETY: as `describe_error`.
    unsafe {
        lua_pushvalue(lua, -1);
        for _ in 0..TABLES_MAX {
            push_bytes(lua, b"err");
            lua_rawget(lua, -2);
            if lua_type(lua, -1) != LUA_TNIL || lua_getmetatable(lua, -2) == 0 {
                break;
            }
            push_bytes(lua, b"__index");
            lua_rawget(lua, -2);
            if lua_type(lua, -1) != LUA_TTABLE {
                break;
            }
            // what stood behind the table takes its place
            lua_replace(lua, -4);
            lua_settop(lua, -3);
        }
        lua_type(lua, -1)
    }
}

/// The error on top of the stack as text, if it is no table.
pub(crate) unsafe fn error_text(lua: *mut lua_State) -> Vec<u8> {
    // SAFETY: between runs.
    unsafe {
        match lua_type(lua, -1) {
            LUA_TSTRING | LUA_TNUMBER => {
                let text = state::bytes_at(lua, -1);
                match text.strip_suffix(b"attempt to yield across C-call boundary") {
                    // The reference's Lua has another word for it, and one position less in front of it.
                    Some(positions) => {
                        let (first, rest) = positions.split_at(positions.len() / 2);
                        let positions: &[u8] = if first == rest { first } else { b"" };
                        [
                            positions,
                            b"attempt to yield across metamethod/C-call boundary",
                        ]
                        .concat()
                    }
                    None => text.to_vec(),
                }
            }
            LUA_TNIL => b"nil".to_vec(),
            LUA_TBOOLEAN => lua_toboolean(lua, -1).eq(&1).to_string().into_bytes(),
            _ => {
                let mut text = state::type_name(lua, -1).to_vec();
                text.extend_from_slice(format!(": {:p}", lua_topointer(lua, -1)).as_bytes());
                text
            }
        }
    }
}
