//! `bit.tohex`, as BitOp 1.0.2 has it. LuaJIT's writes as many digits as it is asked for, here there are never more than
//! eight. The rest of `bit` is LuaJIT's own, which its compiler knows.

use std::ffi::c_int;

use perilune_luajit_sys::*;

use crate::state::push_bytes;

/// Digits of 32 bits.
const DIGITS_MAX: usize = 8;

/// A number as its lowest 32 bits, rounded as adding it to 2^52 + 2^51 rounds it, whatever it is.
fn to_bits(number: f64) -> u32 {
    const ALIGNS_INTEGERS: f64 = 6_755_399_441_055_744.0;
    (number + ALIGNS_INTEGERS).to_bits() as u32
}

/// `bit.tohex(x [, digits])`: in small letters, in capitals where `digits` is negative.
pub(crate) unsafe extern "C-unwind" fn tohex(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        let mut bits = to_bits(luaL_checknumber(lua, 1));
        let digits = match lua_type(lua, 2) {
            LUA_TNONE => DIGITS_MAX as i32,
            _ => to_bits(luaL_checknumber(lua, 2)) as i32,
        };
        let alphabet = match digits < 0 {
            true => b"0123456789ABCDEF",
            false => b"0123456789abcdef",
        };
        let mut text = [0; DIGITS_MAX];
        let text = &mut text[..(digits.unsigned_abs() as usize).min(DIGITS_MAX)];
        for digit in text.iter_mut().rev() {
            *digit = alphabet[(bits & 15) as usize];
            bits >>= 4;
        }
        push_bytes(lua, text);
        1
    }
}
