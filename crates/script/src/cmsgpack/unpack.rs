//! `cmsgpack.unpack`, `unpack_one` and `unpack_limit`: MessagePack as Lua values.
//!
//! A loop over the bytes with a stack of the tables that are being filled. The reference keeps those on Lua's stack, and
//! ends where that is full; what it would hold is counted (`height`), and the end is the same.

use std::ffi::c_int;

use perilune_luajit_sys::inside::{self, GCtab, Value};
use perilune_luajit_sys::*;

use super::{OpenTables, STACK_MAX, STEPS_PER_CHECK};
use crate::number;
use crate::state::{self, ShortText, bytes_at, push_bytes, raise_error};

/// A table that is being filled, with elements left that have not come yet.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Open {
    Array {
        table: *mut GCtab,
        next: usize,
        left: u32,
    },
    /// The key, if it has come and its value has not.
    Map {
        table: *mut GCtab,
        key: Option<Value>,
        left: u32,
    },
}

/// What the reference's stack holds for an array in which it is, for a map, and for a key without its value.
const ARRAY_HEIGHT: usize = 2;
const MAP_HEIGHT: usize = 1;
const KEY_HEIGHT: usize = 1;

/// Elements that a new array has room for: no more, whatever the input announces.
const ARRAY_ROOM: u32 = 16;

/// `cmsgpack.unpack(bytes)`: all that is there.
pub(super) unsafe extern "C-unwind" fn unpack(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { unpack_from(lua, 0, 0) }
}

/// `cmsgpack.unpack_one(bytes [, offset])`: where the next begins, -1 at the end, and the value.
pub(super) unsafe extern "C-unwind" fn unpack_one(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe {
        let offset = optional_integer(lua, 2);
        lua_settop(lua, lua_gettop(lua).min(1));
        unpack_from(lua, 1, offset)
    }
}

/// `cmsgpack.unpack_limit(bytes, limit [, offset])`: the same for so many values.
pub(super) unsafe extern "C-unwind" fn unpack_limit(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe {
        let limit = number::as_c_long(luaL_checknumber(lua, 2));
        let offset = optional_integer(lua, 3);
        lua_settop(lua, 1);
        unpack_from(lua, limit, offset)
    }
}

/// An argument as a C `long`; 0 if it is missing.
unsafe fn optional_integer(lua: *mut lua_State, arg: c_int) -> i64 {
    // SAFETY: called by the functions above, which own nothing.
    unsafe {
        match lua_type(lua, arg) {
            LUA_TNONE | LUA_TNIL => 0,
            _ => number::as_c_long(luaL_checknumber(lua, arg)),
        }
    }
}

unsafe fn unpack_from(lua: *mut lua_State, limit: i64, offset: i64) -> c_int {
    // SAFETY: called by Lua; nothing is owned, the input stays on the stack.
    unsafe {
        luaL_checklstring(lua, 1, std::ptr::null_mut());
        let input = bytes_at(lua, 1);
        if offset < 0 || limit < 0 {
            // the length is what the reference says there
            let said = (" with offset of ", " and limit of ", ".");
            refuse(lua, "Invalid request to unpack", said, offset, input.len());
        }
        if offset as usize > input.len() {
            let said = (" ", " greater than input length ", ".");
            refuse(lua, "Start offset", said, offset, input.len());
        }
        state::check(lua);
        let takes_all = limit == 0 && offset == 0;
        let limit = if takes_all { i64::MAX } else { limit };
        let opens = &raw mut state::of(lua).unpacking;
        (*opens).clear();
        let mut unpacker = Unpacker {
            lua,
            rest: &input[offset as usize..],
            opens,
            height: lua_gettop(lua) as usize,
            steps: 0,
        };
        let mut count = 0;
        while !unpacker.rest.is_empty() && i64::from(count) < limit {
            let value = unpacker.run();
            // never refused: the height has been checked
            lua_checkstack(lua, 1);
            inside::push(lua, value);
            unpacker.height += 1;
            count += 1;
        }
        if !takes_all {
            unpacker.check_height(b"in function mp_unpack_full");
            let next = match unpacker.rest.len() {
                0 => -1.0,
                left => (input.len() - left) as f64,
            };
            lua_checkstack(lua, 1);
            lua_pushnumber(lua, next);
            lua_insert(lua, 2);
            count += 1;
        }
        inside::collect_if_due(lua);
        count
    }
}

/// Raises an error with an offset and a length, which it prints as C's `int`.
unsafe fn refuse(
    lua: *mut lua_State,
    what: &str,
    (before, between, behind): (&str, &str, &str),
    offset: i64,
    len: usize,
) -> ! {
    let mut text = ShortText::new();
    text.push(what.as_bytes());
    text.push(before.as_bytes());
    text.push(itoa::Buffer::new().format(offset as i32).as_bytes());
    text.push(between.as_bytes());
    text.push(itoa::Buffer::new().format(len as i32).as_bytes());
    text.push(behind.as_bytes());
    // SAFETY: called by `unpack_from`, which owns nothing.
    unsafe { raise_error(lua, text.as_bytes()) }
}

struct Unpacker<'a> {
    lua: *mut lua_State,
    /// What has not been read yet.
    rest: &'a [u8],
    /// The state's. Nothing else uses it meanwhile: no Lua code runs.
    opens: *mut OpenTables,
    /// Slots that the reference would have in use.
    height: usize,
    steps: usize,
}

impl<'a> Unpacker<'a> {
    fn opens<'r>(&mut self) -> &'r mut OpenTables {
        // SAFETY: see the field; no two of these are used at a time.
        unsafe { &mut *self.opens }
    }

    /// The value that begins here, with all that is in it.
    unsafe fn run(&mut self) -> Value {
        // SAFETY: called by `unpack_from`; nothing collects, so what is made here stays.
        unsafe {
            loop {
                if let Some(value) = self.value()
                    && let Some(value) = self.settle(value)
                {
                    return value;
                }
            }
        }
    }

    /// The value that begins here; `None` if it is a table that has elements.
    unsafe fn value(&mut self) -> Option<Value> {
        // SAFETY: as `run`.
        unsafe {
            self.steps += 1;
            if self.steps.is_multiple_of(STEPS_PER_CHECK) {
                state::check(self.lua);
            }
            let [kind] = self.take();
            self.check_height(
                b"too many return values at once; use unpack_one or unpack_limit instead.",
            );
            let number = match kind {
                0x00..=0x7F => f64::from(kind),
                0x80..=0x8F => return self.open_map(u32::from(kind & 0xF)),
                0x90..=0x9F => return self.open_array(u32::from(kind & 0xF)),
                0xA0..=0xBF => return Some(self.string(usize::from(kind & 0x1F))),
                0xC0 => return Some(Value::NIL),
                0xC2 => return Some(Value::FALSE),
                0xC3 => return Some(Value::TRUE),
                0xCA => f64::from(f32::from_be_bytes(self.take())),
                0xCB => f64::from_be_bytes(self.take()),
                0xCC => f64::from(u8::from_be_bytes(self.take())),
                0xCD => f64::from(u16::from_be_bytes(self.take())),
                0xCE => f64::from(u32::from_be_bytes(self.take())),
                // an unsigned one, too, is made of a signed one
                0xCF | 0xD3 => i64::from_be_bytes(self.take()) as f64,
                0xD0 => f64::from(i8::from_be_bytes(self.take())),
                0xD1 => f64::from(i16::from_be_bytes(self.take())),
                0xD2 => f64::from(i32::from_be_bytes(self.take())),
                0xD9 => {
                    let len = u8::from_be_bytes(self.take());
                    return Some(self.string(usize::from(len)));
                }
                0xDA => {
                    let len = u16::from_be_bytes(self.take());
                    return Some(self.string(usize::from(len)));
                }
                0xDB => {
                    let len = u32::from_be_bytes(self.take());
                    return Some(self.string(len as usize));
                }
                0xDC => {
                    let len = u16::from_be_bytes(self.take());
                    return self.open_array(u32::from(len));
                }
                0xDD => {
                    let len = u32::from_be_bytes(self.take());
                    return self.open_array(len);
                }
                0xDE => {
                    let len = u16::from_be_bytes(self.take());
                    return self.open_map(u32::from(len));
                }
                0xDF => {
                    let len = u32::from_be_bytes(self.take());
                    return self.open_map(len);
                }
                0xE0..=0xFF => f64::from(kind as i8),
                0xC1 | 0xC4..=0xC9 | 0xD4..=0xD8 => {
                    raise_error(self.lua, b"Bad data format in input.")
                }
            };
            Some(Value::number(number))
        }
    }

    /// The next bytes, or raises.
    unsafe fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                *bytes
            }
            // SAFETY: as `run`; this frame owns nothing.
            None => unsafe { self.refuse_end() },
        }
    }

    unsafe fn refuse_end(&self) -> ! {
        // SAFETY: as `run`; this frame owns nothing.
        unsafe { raise_error(self.lua, b"Missing bytes in input.") }
    }

    unsafe fn string(&mut self, len: usize) -> Value {
        // SAFETY: as `run`.
        unsafe {
            let Some((bytes, rest)) = self.rest.split_at_checked(len) else {
                self.refuse_end();
            };
            self.rest = rest;
            Value::string(inside::lj_str_new(
                self.lua,
                bytes.as_ptr().cast(),
                bytes.len(),
            ))
        }
    }

    unsafe fn open_array(&mut self, len: u32) -> Option<Value> {
        // SAFETY: as `run`.
        unsafe {
            self.height += 1;
            self.check_height(b"in function mp_decode_to_lua_array");
            self.height -= 1;
            if len == 0 {
                return Some(Value::table(inside::lj_tab_new(self.lua, 0, 0)));
            }
            let table = inside::lj_tab_new(self.lua, len.min(ARRAY_ROOM) + 1, 0);
            self.opens().push(Open::Array {
                table,
                next: 1,
                left: len,
            });
            self.height += ARRAY_HEIGHT;
            None
        }
    }

    unsafe fn open_map(&mut self, len: u32) -> Option<Value> {
        // SAFETY: as `run`.
        unsafe {
            let table = inside::lj_tab_new(self.lua, 0, 0);
            if len == 0 {
                return Some(Value::table(table));
            }
            self.opens().push(Open::Map {
                table,
                key: None,
                left: len,
            });
            self.height += MAP_HEIGHT;
            None
        }
    }

    /// Puts a value into the innermost table, closing those that end here. The value if it is the outermost.
    unsafe fn settle(&mut self, mut value: Value) -> Option<Value> {
        // SAFETY: as `run`. Tables made here are white, so that the collector need not be told of what is stored.
        unsafe {
            loop {
                let (table, left) = match self.opens().last_mut() {
                    None => return Some(value),
                    Some(Open::Array { table, next, left }) => {
                        if !value.is_nil() {
                            match inside::table_array(*table).get_mut(*next) {
                                Some(slot) => *slot = value,
                                None => {
                                    *inside::lj_tab_setinth(self.lua, *table, *next as i32) = value;
                                }
                            }
                        }
                        *next += 1;
                        *left -= 1;
                        (*table, *left)
                    }
                    Some(Open::Map { table, key, left }) => {
                        let Some(its_key) = key.take() else {
                            *key = Some(value);
                            self.height += KEY_HEIGHT;
                            return None;
                        };
                        *left -= 1;
                        let (table, left) = (*table, *left);
                        self.height -= KEY_HEIGHT;
                        self.check_key(its_key);
                        *inside::lj_tab_set(self.lua, table, &its_key) = value;
                        (table, left)
                    }
                };
                if left > 0 {
                    return None;
                }
                self.height -= match self.opens().pop() {
                    Some(Open::Array { .. }) => ARRAY_HEIGHT,
                    _ => MAP_HEIGHT,
                };
                value = Value::table(table);
            }
        }
    }

    /// Raises what Lua raises for a key that no table has, without a position, as it comes from a C function.
    unsafe fn check_key(&self, key: Value) {
        let wrong: &[u8] = match key.as_number() {
            Some(number) if number.is_nan() => b"table index is NaN",
            None if key.is_nil() => b"table index is nil",
            _ => return,
        };
        // SAFETY: as `run`; this frame owns nothing.
        unsafe {
            push_bytes(self.lua, wrong);
            lua_error(self.lua);
        }
    }

    /// Raises if the reference's stack had no room for one more.
    unsafe fn check_height(&self, what: &[u8]) {
        if self.height + 1 > STACK_MAX {
            let mut text = ShortText::new();
            text.push(b"stack overflow (");
            text.push(what);
            text.push(b")");
            // SAFETY: as `run`; this frame owns nothing.
            unsafe { raise_error(self.lua, text.as_bytes()) }
        }
    }
}
