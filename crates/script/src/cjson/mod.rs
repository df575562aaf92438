//! cjson: JSON for scripts, with the results, settings and error texts of lua-cjson 2.1.0.
//!
//! Both directions are plain loops over bytes and LuaJIT's own data, without recursion. What they build grows in
//! buffers of the VM, because an error may be raised at any element. The collector does not run meanwhile, nor does any
//! Lua code, so tables are held by pointers and need no place on Lua's stack.
//!
//! Through LuaJIT's API, a merge of two elements into a list of twenty cost 130,000 instructions here; this way 60,000. (With the call
//! of the script and of its commands it was 107,500, and is 81,000 since objects are read and written by one loop each, and short
//! texts by one block.)
//!
//! A module's settings live in a userdata that is the upvalue of its functions, so that `cjson.new()` gives a
//! module with settings of its own. Those of the global module are reset before each run: nothing leaks.

mod decode;
mod encode;
mod numbers;
mod settings;

use std::ffi::c_int;

use perilune_luajit_sys::*;

use crate::state::push_bytes;

pub(crate) use settings::Settings;

/// Functions of the module; each has the settings as its upvalue.
const FUNCTIONS: &[(&str, lua_CFunction)] = &[
    ("encode", encode::encode),
    ("decode", decode::decode),
    ("encode_sparse_array", settings::encode_sparse_array),
    ("encode_max_depth", settings::encode_max_depth),
    ("decode_max_depth", settings::decode_max_depth),
    ("encode_number_precision", settings::encode_number_precision),
    ("encode_keep_buffer", settings::encode_keep_buffer),
    ("encode_invalid_numbers", settings::encode_invalid_numbers),
    ("decode_invalid_numbers", settings::decode_invalid_numbers),
    ("new", new),
];

/// What the two directions build in; kept from call to call.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    writing: Vec<encode::Open>,
    reading: decode::Reading,
}

/// Tables can be nested this deep, whatever the settings say: about what Lua's own stack allows.
const DEPTH_MAX: usize = 4000;

impl Buffers {
    /// Gives back what is larger than a script usually needs.
    pub(crate) fn shrink(&mut self, bytes_max: usize) {
        if self.writing.capacity().max(self.reading.capacity()) > bytes_max / 64 {
            self.writing = Vec::new();
            self.reading = decode::Reading::default();
        }
    }
}

/// Pushes a fresh module; its settings, which live as long as one of its functions.
///
/// # Safety
/// Called from a C function that owns nothing; may raise.
pub(crate) unsafe fn push_module(lua: *mut lua_State) -> *mut Settings {
    // SAFETY: the caller's; a userdata is aligned for any C type.
    unsafe {
        lua_createtable(lua, 0, 16);
        let settings = lua_newuserdata(lua, size_of::<Settings>()).cast::<Settings>();
        settings.write(Settings::default());
        for (name, function) in FUNCTIONS {
            push_bytes(lua, name.as_bytes());
            lua_pushvalue(lua, -2);
            lua_pushcclosure(lua, *function, 1);
            lua_rawset(lua, -4);
        }
        lua_settop(lua, -2);
        for (name, text) in [("_NAME", "cjson"), ("_VERSION", "2.1.0")] {
            push_bytes(lua, name.as_bytes());
            push_bytes(lua, text.as_bytes());
            lua_rawset(lua, -3);
        }
        push_bytes(lua, b"null");
        lua_pushlightuserdata(lua, std::ptr::null_mut());
        lua_createtable(lua, 0, 1);
        push_bytes(lua, b"__tostring");
        lua_pushcclosure(lua, null_to_string, 0);
        lua_rawset(lua, -3);
        lua_setmetatable(lua, -2);
        lua_rawset(lua, -3);
        settings
    }
}

/// `tostring(cjson.null)`: what the reference's C library prints for a null pointer. (LuaJIT says `userdata: NULL`.)
unsafe extern "C-unwind" fn null_to_string(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        push_bytes(lua, b"userdata: (nil)");
        1
    }
}

/// The settings of the module whose function is running.
///
/// # Safety
/// Called from a function of [`FUNCTIONS`].
unsafe fn settings_of<'a>(lua: *mut lua_State) -> &'a mut Settings {
    // SAFETY: `push_module` made the upvalue.
    unsafe { &mut *lua_touserdata(lua, lua_upvalueindex(1)).cast() }
}

unsafe extern "C-unwind" fn new(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { push_module(lua) };
    1
}
