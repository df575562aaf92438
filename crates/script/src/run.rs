//! The C function that is a run, and what its errors say.
//!
//! [`run_script`] is called by `lua_pcall` only. Everything in it may raise; what describes errors afterwards works
//! between runs, where nothing does.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use perilune_luajit_sys::*;

use crate::answer::Writer;
use crate::sandbox;
use crate::script::{Script, neutralise_line_breaks};
use crate::state::{self, Compiled, Stop, push_bytes};
use crate::vm::Arguments;

/// The C function that is a run. It is called by `lua_pcall` only.
pub(crate) unsafe extern "C-unwind" fn run_script(lua: *mut lua_State) -> c_int {
    // SAFETY: a run is set up; frames here own nothing while something can raise.
    unsafe {
        if !push_script(lua) {
            return 0;
        }
        set_arguments(lua);
        lua_call(lua, 0, 1);
        write_answer(lua);
        0
    }
}

/// Pushes the compiled script; false if it does not compile, with the reason left in the state.
unsafe fn push_script(lua: *mut lua_State) -> bool {
    // SAFETY: called by `run_script`.
    unsafe {
        let state = state::of(lua);
        let generation = state.generation;
        let script = state.run().script;
        if let Some(compiled) = state.compiled.get_mut(script.digest()) {
            compiled.used_at = generation;
            lua_rawgeti(lua, LUA_REGISTRYINDEX, compiled.function);
            return true;
        }
        if sandbox::load(lua, script.code(), c"@user_script") != LUA_OK {
            let message = compile_error(lua);
            state::of(lua).compile_error = Some(message);
            return false;
        }
        keep_compiled(lua, script);
        true
    }
}

/// Remembers the compiled script on top of the stack, and leaves it there.
pub(crate) unsafe fn keep_compiled(lua: *mut lua_State, script: &Script) {
    // SAFETY: the caller's; nothing is owned while this may raise.
    unsafe {
        lua_pushvalue(lua, -1);
        let function = luaL_ref(lua, LUA_REGISTRYINDEX);
        let state = state::of(lua);
        let used_at = state.generation;
        state
            .compiled
            .insert(*script.digest(), Compiled { function, used_at });
    }
}

/// The error reply for the syntax error on top of the stack.
pub(crate) unsafe fn compile_error(lua: *mut lua_State) -> Vec<u8> {
    // SAFETY: LuaJIT leaves a string there.
    let text = unsafe { state::bytes_at(lua, -1) };
    let mut message = [&b"ERR Error compiling script (new function): "[..], text].concat();
    neutralise_line_breaks(&mut message);
    message
}

/// Sets KEYS and ARGV to fresh tables.
unsafe fn set_arguments(lua: *mut lua_State) {
    // SAFETY: called by `run_script`; slices live as long as the run.
    unsafe {
        let state = state::of(lua);
        let Arguments { keys, argv, .. } = state.run().arguments;
        lua_rawgeti(lua, LUA_REGISTRYINDEX, state.globals);
        for (name, values) in [(&b"KEYS"[..], keys), (b"ARGV", argv)] {
            push_bytes(lua, name);
            lua_createtable(lua, values.len() as c_int, 0);
            for (index, value) in values.iter().enumerate() {
                push_bytes(lua, value);
                lua_rawseti(lua, -2, index as c_int + 1);
            }
            lua_rawset(lua, -3);
        }
        lua_settop(lua, -2);
    }
}

/// Writes the script's return value, which is on top of the stack.
unsafe fn write_answer(lua: *mut lua_State) {
    unsafe fn write(lua: *mut lua_State) -> bool {
        // SAFETY: memory is disarmed, so nothing raises below the frames of the reply.
        unsafe {
            let state = state::of(lua);
            if state.must_stop() {
                return false;
            }
            state.memory.disarm();
            let protocol = state.protocol;
            let writer = Writer::new(lua, state.run().reply, protocol);
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
    // SAFETY: called by `run_script`; `write` has dropped what it owned.
    unsafe {
        if !write(lua) {
            state::raise_stop(lua);
        }
    }
}

/// The text of the error on top of the stack, with its code, and whether it was counted before.
pub(crate) unsafe fn describe_error(lua: *mut lua_State) -> (Vec<u8>, bool) {
    // SAFETY: between runs: disarmed, nothing raises, tables are read raw.
    unsafe {
        if lua_type(lua, -1) != LUA_TTABLE {
            return ([b"ERR ", &error_text(lua)[..]].concat(), false);
        }
        push_bytes(lua, b"ignore_error_stats_update");
        lua_rawget(lua, -2);
        let counted = lua_toboolean(lua, -1) != 0;
        lua_settop(lua, -2);
        push_bytes(lua, b"err");
        lua_rawget(lua, -2);
        let message = match lua_type(lua, -1) {
            LUA_TSTRING | LUA_TNUMBER => state::bytes_at(lua, -1).to_vec(),
            _ => b"ERR unknown error".to_vec(),
        };
        (message, counted)
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
