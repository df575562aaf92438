//! `struct.unpack(format, bytes [, position])`: the values, and the position behind them.

use std::ffi::c_int;

use perilune_luajit_sys::*;

use super::Reader;
use super::format::{integer_of, signed};
use crate::number;
use crate::state::{bytes_at, push_bytes, raise_error};

pub(super) unsafe extern "C-unwind" fn unpack(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned. The bytes stay on the stack.
    unsafe {
        let mut reader = Reader::begin(lua);
        luaL_checklstring(lua, 2, std::ptr::null_mut());
        let data = bytes_at(lua, 2);
        // A position that is negative is one far behind the end.
        let mut position = match lua_type(lua, 3) {
            LUA_TNONE | LUA_TNIL => 1,
            _ => number::as_c_long(luaL_checknumber(lua, 3)) as usize,
        };
        if position == 0 {
            luaL_argerror(lua, 3, c"offset must be 1 or greater".as_ptr());
        }
        position -= 1;
        let mut results = 0;
        while let Some((option, mut size)) = reader.next() {
            position = position.wrapping_add(reader.format.padding(position, option, size));
            let bytes = part(lua, data, position, size);
            if lua_checkstack(lua, 2) == 0 {
                raise_error(lua, b"stack overflow (too many results)");
            }
            let is_big_endian = reader.format.is_big_endian;
            match option {
                b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                    let value = integer(bytes, is_big_endian);
                    let value = match option.is_ascii_lowercase() {
                        true => signed(value, size) as f64,
                        false => value as f64,
                    };
                    lua_pushnumber(lua, value);
                    results += 1;
                }
                b'x' => {}
                b'f' => {
                    lua_pushnumber(
                        lua,
                        f64::from(f32::from_bits(integer(bytes, is_big_endian) as u32)),
                    );
                    results += 1;
                }
                b'd' => {
                    lua_pushnumber(lua, f64::from_bits(integer(bytes, is_big_endian)));
                    results += 1;
                }
                b'c' => {
                    let mut bytes = bytes;
                    if size == 0 {
                        if results == 0 || lua_isnumber(lua, -1) == 0 {
                            raise_error(lua, b"format 'c0' needs a previous size");
                        }
                        size = number::as_c_unsigned_long(lua_tonumber(lua, -1)) as usize;
                        bytes = part(lua, data, position, size);
                        lua_settop(lua, -2);
                        results -= 1;
                    }
                    push_bytes(lua, bytes);
                    results += 1;
                }
                b's' => {
                    let rest = part(lua, data, position, data.len() - position);
                    let Some(len) = memchr::memchr(0, rest) else {
                        raise_error(lua, b"unfinished string in data");
                    };
                    push_bytes(lua, &rest[..len]);
                    results += 1;
                    size = len + 1;
                }
                _ => reader.control(option),
            }
            position = position.wrapping_add(size);
        }
        lua_pushnumber(lua, position.wrapping_add(1) as i64 as f64);
        results + 1
    }
}

/// So many bytes of the data from there on, or raises.
unsafe fn part(lua: *mut lua_State, data: &[u8], position: usize, size: usize) -> &[u8] {
    let bytes = position
        .checked_add(size)
        .and_then(|end| data.get(position..end));
    match bytes {
        Some(bytes) => bytes,
        // SAFETY: called by `unpack`, which owns nothing.
        None => unsafe { luaL_argerror(lua, 2, c"data string too short".as_ptr()) },
    }
}

/// The bytes as one number.
fn integer(bytes: &[u8], is_big_endian: bool) -> u64 {
    match is_big_endian {
        true => integer_of(bytes.iter().rev().copied()),
        false => integer_of(bytes.iter().copied()),
    }
}
