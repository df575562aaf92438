//! `struct.pack(format, values..)`.

use std::ffi::c_int;

use perilune_luajit_sys::*;

use super::Reader;
use super::format::integer_bytes;
use crate::number;
use crate::output::Output;
use crate::state::bytes_at;

pub(super) unsafe extern "C-unwind" fn pack(lua: *mut lua_State) -> c_int {
    const ZEROS: [u8; super::format::INTEGER_BYTES_MAX] = [0; _];
    // SAFETY: called by Lua; nothing is owned, what is written lies in the state.
    unsafe {
        let mut reader = Reader::begin(lua);
        // what is taken for a value that is missing
        lua_pushnil(lua);
        let mut output = Output::begin(lua);
        // The index of the next value. There are never more of them than arguments: the nil behind these is refused.
        let mut arg = 2;
        let mut position = 0_usize;
        while let Some((option, mut size)) = reader.next() {
            let padding = reader.format.padding(position, option, size);
            output.push(&ZEROS[..padding]);
            match option {
                b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                    let value = luaL_checknumber(lua, arg);
                    let value = match value < 0.0 {
                        true => number::as_c_long(value) as u64,
                        false => number::as_c_unsigned_long(value),
                    };
                    let mut bytes = integer_bytes(value);
                    let bytes = &mut bytes[..size];
                    in_order(&reader, bytes);
                    output.push(bytes);
                    arg += 1;
                }
                b'x' => output.push(&[0]),
                b'f' => {
                    let mut bytes = (luaL_checknumber(lua, arg) as f32).to_le_bytes();
                    in_order(&reader, &mut bytes);
                    output.push(&bytes);
                    arg += 1;
                }
                b'd' => {
                    let mut bytes = luaL_checknumber(lua, arg).to_le_bytes();
                    in_order(&reader, &mut bytes);
                    output.push(&bytes);
                    arg += 1;
                }
                b'c' | b's' => {
                    luaL_checklstring(lua, arg, std::ptr::null_mut());
                    let bytes = bytes_at(lua, arg);
                    arg += 1;
                    if size == 0 {
                        size = bytes.len();
                    }
                    let Some(bytes) = bytes.get(..size) else {
                        luaL_argerror(lua, arg, c"string too short".as_ptr());
                    };
                    output.push(bytes);
                    if option == b's' {
                        output.push(&[0]);
                        size += 1;
                    }
                }
                _ => reader.control(option),
            }
            position = position.wrapping_add(padding).wrapping_add(size);
        }
        output.push_string();
        1
    }
}

/// Turns bytes that are little endian into what the format asks for.
fn in_order(reader: &Reader<'_>, bytes: &mut [u8]) {
    if reader.format.is_big_endian {
        bytes.reverse();
    }
}
