//! Functions that look or write past metatables, made to respect the sandbox's proxies.
//!
//! `sandbox.lua` keeps a table `guarded` from each proxy to the table behind it. What reads is led there, what
//! writes is refused. Both tables used here are upvalues of each function.

use std::ffi::c_int;

use perilune_luajit_sys::*;

use crate::sandbox::{raise_at_script, read_only_here};
use crate::state::{self, ShortText, push_bytes};

/// Functions that replace globals of the same name.
const FUNCTIONS: &[(&str, lua_CFunction)] = &[
    ("getmetatable", getmetatable),
    ("next", next),
    ("pairs", pairs),
    ("rawget", rawget),
    ("rawset", rawset),
    ("setmetatable", setmetatable),
];

/// The upvalues: proxies to real tables, proxies to what `getmetatable` answers, LuaJIT's own `next`.
const GUARDED: c_int = lua_upvalueindex(1);
const METATABLES: c_int = lua_upvalueindex(2);
const BUILTIN_NEXT: c_int = lua_upvalueindex(3);

/// Sets `guarded`, `metatables` and `guard` in the table on top of the stack.
///
/// # Safety
/// Called while the sandbox opens; LuaJIT's base library is.
pub(crate) unsafe fn set_fields(lua: *mut lua_State) {
    // SAFETY: the caller's.
    unsafe {
        let native = lua_gettop(lua);
        lua_createtable(lua, 0, 32);
        lua_createtable(lua, 0, 2);
        lua_getfield(lua, LUA_GLOBALSINDEX, c"next".as_ptr());
        lua_createtable(lua, 0, 8);
        for (name, function) in FUNCTIONS {
            push_bytes(lua, name.as_bytes());
            for upvalue in 1..=3 {
                lua_pushvalue(lua, native + upvalue);
            }
            lua_pushcclosure(lua, *function, 3);
            lua_rawset(lua, -3);
        }
        lua_setfield(lua, native, c"guard".as_ptr());
        lua_settop(lua, native + 2);
        lua_setfield(lua, native, c"metatables".as_ptr());
        lua_setfield(lua, native, c"guarded".as_ptr());
    }
}

/// Pushes the table behind the first argument; false, and nothing, if that is no proxy.
unsafe fn push_real(lua: *mut lua_State) -> bool {
    // SAFETY: called by the functions below.
    unsafe {
        if lua_type(lua, 1) != LUA_TTABLE {
            return false;
        }
        lua_pushvalue(lua, 1);
        lua_rawget(lua, GUARDED);
        let found = lua_type(lua, -1) == LUA_TTABLE;
        if !found {
            lua_settop(lua, -2);
        }
        found
    }
}

unsafe extern "C-unwind" fn next(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        luaL_checktype(lua, 1, LUA_TTABLE);
        lua_settop(lua, 2);
        if push_real(lua) {
            lua_replace(lua, 1);
        }
        if lua_next(lua, 1) != 0 {
            return 2;
        }
        lua_pushnil(lua);
        1
    }
}

/// LuaJIT's own `next` for a plain table, which its compiler knows; ours for a proxy, so that the table behind it
/// never comes out.
unsafe extern "C-unwind" fn pairs(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        luaL_checktype(lua, 1, LUA_TTABLE);
        lua_settop(lua, 1);
        if push_real(lua) {
            for upvalue in [GUARDED, METATABLES, BUILTIN_NEXT] {
                lua_pushvalue(lua, upvalue);
            }
            lua_pushcclosure(lua, next, 3);
        } else {
            lua_pushvalue(lua, BUILTIN_NEXT);
        }
        lua_pushvalue(lua, 1);
        lua_pushnil(lua);
        3
    }
}

unsafe extern "C-unwind" fn rawget(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        luaL_checktype(lua, 1, LUA_TTABLE);
        luaL_checkany(lua, 2);
        lua_settop(lua, 2);
        if push_real(lua) {
            lua_replace(lua, 1);
        }
        lua_rawget(lua, 1);
        1
    }
}

unsafe extern "C-unwind" fn rawset(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        luaL_checktype(lua, 1, LUA_TTABLE);
        luaL_checkany(lua, 2);
        luaL_checkany(lua, 3);
        lua_settop(lua, 3);
        if push_real(lua) {
            return read_only_here(lua);
        }
        let bad_key = match lua_type(lua, 2) {
            LUA_TNIL => Some("table index is nil"),
            LUA_TNUMBER if lua_tonumber(lua, 2).is_nan() => Some("table index is NaN"),
            _ => None,
        };
        if let Some(text) = bad_key {
            push_bytes(lua, text.as_bytes());
            lua_error(lua);
        }
        lua_rawset(lua, 1);
        1
    }
}

unsafe extern "C-unwind" fn setmetatable(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        luaL_checktype(lua, 1, LUA_TTABLE);
        if !matches!(lua_type(lua, 2), LUA_TNIL | LUA_TTABLE) {
            luaL_argerror(lua, 2, c"nil or table expected".as_ptr());
        }
        if push_real(lua) {
            return read_only_here(lua);
        }
        if push_metafield(lua, b"__metatable") {
            state::raise_error(lua, b"cannot change a protected metatable");
        }
        lua_settop(lua, 2);
        lua_setmetatable(lua, 1);
        1
    }
}

unsafe extern "C-unwind" fn getmetatable(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        luaL_checkany(lua, 1);
        lua_settop(lua, 1);
        if push_real(lua) {
            lua_pushvalue(lua, 1);
            lua_rawget(lua, METATABLES);
        } else if lua_type(lua, 1) == LUA_TLIGHTUSERDATA {
            // cjson.null has one only for `tostring`
            lua_pushnil(lua);
        } else if !push_metafield(lua, b"__metatable") && lua_getmetatable(lua, 1) == 0 {
            lua_pushnil(lua);
        }
        1
    }
}

/// Pushes a field of the first argument's metatable; false, and nothing, if there is none.
unsafe fn push_metafield(lua: *mut lua_State, name: &[u8]) -> bool {
    // SAFETY: called by the functions above.
    unsafe {
        if lua_getmetatable(lua, 1) == 0 {
            return false;
        }
        push_bytes(lua, name);
        lua_rawget(lua, -2);
        let found = lua_type(lua, -1) != LUA_TNIL;
        if found {
            lua_remove(lua, -2);
        } else {
            lua_settop(lua, -3);
        }
        found
    }
}

/// Raises the error of a function with wrong arguments, which `sandbox.lua` found on the script's behalf.
unsafe fn refuse_argument(lua: *mut lua_State, function: &[u8], arg: c_int, expected: &[u8]) -> ! {
    // SAFETY: the caller owns nothing.
    unsafe {
        let mut text = ShortText::new();
        text.push(b"bad argument #");
        text.push(itoa::Buffer::new().format(arg).as_bytes());
        text.push(b" to '");
        text.push(function);
        text.push(b"' (");
        text.push(expected);
        text.push(b" expected, got ");
        text.push(if lua_type(lua, arg) == LUA_TNONE {
            b"no value"
        } else {
            state::type_name(lua, arg)
        });
        text.push(b")");
        raise_at_script(lua, text.as_bytes())
    }
}

/// What `table.insert` says to arguments that it does not take.
pub(crate) unsafe extern "C-unwind" fn refuse_insert(lua: *mut lua_State) -> c_int {
    // SAFETY: called by `sandbox.lua`; nothing is owned.
    unsafe {
        if lua_type(lua, 1) != LUA_TTABLE {
            refuse_argument(lua, b"insert", 1, b"table");
        }
        if lua_gettop(lua) == 3 {
            refuse_argument(lua, b"insert", 2, b"number");
        }
        raise_at_script(lua, b"wrong number of arguments to 'insert'")
    }
}

/// What `table.foreach` says to arguments that it does not take.
pub(crate) unsafe extern "C-unwind" fn refuse_foreach(lua: *mut lua_State) -> c_int {
    // SAFETY: called by `sandbox.lua`; nothing is owned.
    unsafe {
        if lua_type(lua, 1) != LUA_TTABLE {
            refuse_argument(lua, b"foreach", 1, b"table");
        }
        refuse_argument(lua, b"foreach", 2, b"function")
    }
}

/// What `load` says to something else than a function.
pub(crate) unsafe extern "C-unwind" fn refuse_load(lua: *mut lua_State) -> c_int {
    // SAFETY: called by `sandbox.lua`; nothing is owned.
    unsafe { refuse_argument(lua, b"load", 1, b"function") }
}
