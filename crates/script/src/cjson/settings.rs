//! The settings of cjson, and the functions that read and change them.

use std::ffi::c_int;

use perilune_luajit_sys::*;

use super::settings_of;
use crate::state::{ShortText, bytes_at, push_bytes, raise_error};

/// What to do with NaN and infinities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidNumbers {
    /// Refuse them.
    Off,
    /// Write them as the C library does.
    On,
    /// Write null.
    Null,
}

/// One module's settings. Plain data: it lives in memory that Lua frees without asking.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(super) sparse_convert: bool,
    pub(super) sparse_ratio: c_int,
    pub(super) sparse_safe: c_int,
    pub(super) encode_depth_max: c_int,
    pub(super) decode_depth_max: c_int,
    pub(super) encode_invalid_numbers: InvalidNumbers,
    pub(super) decode_invalid_numbers: bool,
    pub(super) precision: c_int,
    /// Remembered for who asks; our buffer is kept anyhow.
    keep_buffer: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            encode_invalid_numbers: InvalidNumbers::Off,
            decode_invalid_numbers: true,
            precision: PRECISION_MAX,
            keep_buffer: true,
        }
    }
}

/// Digits of a number.
const PRECISION_MAX: c_int = 14;

/// Raises if there are more arguments than `max`.
unsafe fn check_count(lua: *mut lua_State, max: c_int) {
    // SAFETY: called by the functions below, which own nothing.
    unsafe {
        if lua_gettop(lua) > max {
            luaL_argerror(lua, max + 1, c"found too many arguments".as_ptr());
        }
        lua_settop(lua, max);
    }
}

/// Takes a new value from the argument, if it is not nil; pushes the value that holds.
unsafe fn integer(
    lua: *mut lua_State,
    arg: c_int,
    setting: &mut c_int,
    (min, max): (c_int, c_int),
) {
    // SAFETY: as `check_count`.
    unsafe {
        if lua_type(lua, arg) != LUA_TNIL {
            let value = luaL_checkinteger(lua, arg) as c_int;
            if value < min || value > max {
                let mut text = ShortText::new();
                text.push(b"expected integer between ");
                text.push(itoa::Buffer::new().format(min).as_bytes());
                text.push(b" and ");
                text.push(itoa::Buffer::new().format(max).as_bytes());
                text.push(b"\0");
                luaL_argerror(lua, 1, text.as_bytes().as_ptr().cast());
            }
            *setting = value;
        }
        lua_pushnumber(lua, f64::from(*setting));
    }
}

/// The argument as one of `options`, or raises.
unsafe fn option(lua: *mut lua_State, arg: c_int, options: &[&[u8]]) -> usize {
    // SAFETY: as `check_count`.
    unsafe {
        luaL_checklstring(lua, arg, std::ptr::null_mut());
        let name = bytes_at(lua, arg);
        match options.iter().position(|option| *option == name) {
            Some(at) => at,
            None => {
                // the whole of it, as C prints it: up to a zero byte
                let end = memchr::memchr(0, name).unwrap_or(name.len());
                push_bytes(lua, b"invalid option '");
                push_bytes(lua, &name[..end]);
                push_bytes(lua, b"'");
                lua_concat(lua, 3);
                luaL_argerror(lua, arg, lua_tolstring(lua, -1, std::ptr::null_mut()))
            }
        }
    }
}

unsafe fn switch(lua: *mut lua_State, arg: c_int, setting: &mut bool) {
    // SAFETY: as `check_count`.
    unsafe {
        match lua_type(lua, arg) {
            LUA_TNIL => {}
            LUA_TBOOLEAN => *setting = lua_toboolean(lua, arg) != 0,
            _ => *setting = option(lua, arg, &[b"off", b"on"]) == 1,
        }
        lua_pushboolean(lua, c_int::from(*setting));
    }
}

/// A setting function with one integer.
macro_rules! integer_setting {
    ($name:ident, $field:ident, $range:expr) => {
        pub(super) unsafe extern "C-unwind" fn $name(lua: *mut lua_State) -> c_int {
            // SAFETY: called by Lua.
            unsafe {
                check_count(lua, 1);
                integer(lua, 1, &mut settings_of(lua).$field, $range);
            }
            1
        }
    };
}

/// A setting function with one switch.
macro_rules! switch_setting {
    ($name:ident, $field:ident) => {
        pub(super) unsafe extern "C-unwind" fn $name(lua: *mut lua_State) -> c_int {
            // SAFETY: called by Lua.
            unsafe {
                check_count(lua, 1);
                switch(lua, 1, &mut settings_of(lua).$field);
            }
            1
        }
    };
}

integer_setting!(encode_max_depth, encode_depth_max, (1, c_int::MAX));
integer_setting!(decode_max_depth, decode_depth_max, (1, c_int::MAX));
integer_setting!(encode_number_precision, precision, (1, PRECISION_MAX));
switch_setting!(encode_keep_buffer, keep_buffer);
switch_setting!(decode_invalid_numbers, decode_invalid_numbers);

pub(super) unsafe extern "C-unwind" fn encode_sparse_array(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe {
        check_count(lua, 3);
        let settings = settings_of(lua);
        switch(lua, 1, &mut settings.sparse_convert);
        integer(lua, 2, &mut settings.sparse_ratio, (0, c_int::MAX));
        integer(lua, 3, &mut settings.sparse_safe, (0, c_int::MAX));
    }
    3
}

pub(super) unsafe extern "C-unwind" fn encode_invalid_numbers(lua: *mut lua_State) -> c_int {
    use InvalidNumbers::{Null, Off, On};
    // SAFETY: called by Lua.
    unsafe {
        check_count(lua, 1);
        let setting = &mut settings_of(lua).encode_invalid_numbers;
        match lua_type(lua, 1) {
            LUA_TNIL => {}
            LUA_TBOOLEAN => *setting = if lua_toboolean(lua, 1) != 0 { On } else { Off },
            _ => *setting = [Off, On, Null][option(lua, 1, &[b"off", b"on", b"null"])],
        }
        match *setting {
            Null => push_bytes(lua, b"null"),
            setting => lua_pushboolean(lua, c_int::from(setting == On)),
        }
    }
    1
}

/// Raises unless there is exactly one argument.
pub(super) unsafe fn check_one_argument(lua: *mut lua_State) {
    // SAFETY: called by `encode` and `decode`, which own nothing.
    unsafe {
        if lua_gettop(lua) != 1 {
            luaL_argerror(lua, 1, c"expected 1 argument".as_ptr());
        }
    }
}

/// Raises with a text that is put together.
pub(super) unsafe fn raise(lua: *mut lua_State, parts: &[&[u8]]) -> ! {
    let mut text = ShortText::new();
    for part in parts {
        text.push(part);
    }
    // SAFETY: the caller owns nothing.
    unsafe { raise_error(lua, text.as_bytes()) }
}
