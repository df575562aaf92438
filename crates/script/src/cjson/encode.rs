//! `cjson.encode`: a Lua value as JSON text.
//!
//! A table is an array if all its keys are positive integers (there being at least one), else an object. Values
//! that are being written stay on the Lua stack; a small stack of open tables says where each goes on.

use std::ffi::c_int;

use perilune_luajit_sys::*;

use super::settings::{InvalidNumbers, check_one_argument, raise};
use super::{Settings, settings_of};
use crate::number;
use crate::state::{self, bytes_at, push_bytes, raise_stop};

/// A table that is being written; it is on the Lua stack.
#[derive(Debug, Clone, Copy)]
pub(super) enum Open {
    /// The next index to write, and the last.
    Array(c_int, c_int),
    /// Above the table: the key written last (nil before the first). Whether there was one.
    Object(bool),
}

/// Values between two looks for an order to stop.
const VALUES_PER_CHECK: u32 = 1024;

/// LuaJIT has no longer strings.
const TEXT_BYTES_MAX: usize = (1 << 31) - 4096;

/// What a byte of a string is written as; an empty text for itself.
static ESCAPES: [&[u8]; 256] = escapes();

const fn escapes() -> [&'static [u8]; 256] {
    let mut escapes: [&[u8]; 256] = [b""; 256];
    const CONTROLS: [&[u8; 6]; 32] = [
        b"\\u0000", b"\\u0001", b"\\u0002", b"\\u0003", b"\\u0004", b"\\u0005", b"\\u0006",
        b"\\u0007", b"\\u0008", b"\\u0009", b"\\u000a", b"\\u000b", b"\\u000c", b"\\u000d",
        b"\\u000e", b"\\u000f", b"\\u0010", b"\\u0011", b"\\u0012", b"\\u0013", b"\\u0014",
        b"\\u0015", b"\\u0016", b"\\u0017", b"\\u0018", b"\\u0019", b"\\u001a", b"\\u001b",
        b"\\u001c", b"\\u001d", b"\\u001e", b"\\u001f",
    ];
    let mut at = 0;
    while at < CONTROLS.len() {
        escapes[at] = CONTROLS[at];
        at += 1;
    }
    escapes[8] = b"\\b";
    escapes[9] = b"\\t";
    escapes[10] = b"\\n";
    escapes[12] = b"\\f";
    escapes[13] = b"\\r";
    escapes[b'"' as usize] = b"\\\"";
    escapes[b'\\' as usize] = b"\\\\";
    escapes[b'/' as usize] = b"\\/";
    escapes[127] = b"\\u007f";
    escapes
}

/// Whether a byte of a string is written as something else.
static ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut at = 0;
    while at < 256 {
        escaped[at] = !escapes()[at].is_empty();
        at += 1;
    }
    escaped
};

pub(super) unsafe extern "C-unwind" fn encode(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; the buffers belong to the state, this frame owns nothing.
    unsafe {
        check_one_argument(lua);
        state::check(lua);
        let state = state::of(lua);
        state.json.text.clear();
        state.json.writing.clear();
        let mut encoder = Encoder {
            lua,
            settings: *settings_of(lua),
            text: &raw mut state.json.text,
            opens: &raw mut state.json.writing,
            text_bytes_max: state.memory.left_bytes().min(TEXT_BYTES_MAX),
            values: 0,
        };
        encoder.run();
        push_bytes(lua, &*encoder.text);
        1
    }
}

struct Encoder {
    lua: *mut lua_State,
    settings: Settings,
    /// The state's buffers. Nothing else uses them while a value is written: no Lua code runs.
    text: *mut Vec<u8>,
    opens: *mut Vec<Open>,
    text_bytes_max: usize,
    values: u32,
}

impl Encoder {
    fn text(&mut self) -> &mut Vec<u8> {
        // SAFETY: see the field.
        unsafe { &mut *self.text }
    }

    fn opens(&mut self) -> &mut Vec<Open> {
        // SAFETY: see the field.
        unsafe { &mut *self.opens }
    }

    /// Writes the value on top of the stack, which stays there.
    unsafe fn run(&mut self) {
        let lua = self.lua;
        // SAFETY: called by `encode`; the stack holds what `opens` says, then the value.
        unsafe {
            lua_pushvalue(lua, -1);
            loop {
                self.values = self.values.wrapping_add(1);
                if self.values.is_multiple_of(VALUES_PER_CHECK) {
                    state::check(lua);
                }
                if let Some(open) = self.value() {
                    self.opens().push(open);
                } else {
                    lua_settop(lua, -2);
                }
                while let Some(&open) = self.opens().last() {
                    if self.advance(open) {
                        break;
                    }
                    self.opens().pop();
                    lua_settop(lua, -2);
                }
                if self.opens().is_empty() {
                    return;
                }
            }
        }
    }

    /// Puts the next value of the innermost table on top of the stack and writes what precedes it; false after
    /// the last.
    unsafe fn advance(&mut self, open: Open) -> bool {
        let lua = self.lua;
        // SAFETY: as `run`.
        unsafe {
            match open {
                Open::Array(next, last) => {
                    if next > last {
                        self.text().push(b']');
                        return false;
                    }
                    if next > 1 {
                        self.text().push(b',');
                    }
                    lua_rawgeti(lua, -1, next);
                    self.set_last(Open::Array(next + 1, last));
                    true
                }
                Open::Object(some) => {
                    if lua_next(lua, -2) == 0 {
                        self.text().push(b'}');
                        return false;
                    }
                    if some {
                        self.text().push(b',');
                    } else {
                        self.set_last(Open::Object(true));
                    }
                    self.key();
                    true
                }
            }
        }
    }

    fn set_last(&mut self, open: Open) {
        if let Some(last) = self.opens().last_mut() {
            *last = open;
        }
    }

    /// Writes the key below the value on top.
    unsafe fn key(&mut self) {
        let lua = self.lua;
        // SAFETY: as `run`.
        unsafe {
            match lua_type(lua, -2) {
                LUA_TSTRING => {
                    self.string(bytes_at(lua, -2));
                    self.text().push(b':');
                }
                LUA_TNUMBER => {
                    self.text().push(b'"');
                    self.number(lua_tonumber(lua, -2), -2);
                    self.text().extend_from_slice(b"\":");
                }
                _ => self.refuse(-2, b"table key must be a number or string"),
            }
        }
    }

    /// Writes the value on top of the stack, or opens the table there.
    unsafe fn value(&mut self) -> Option<Open> {
        let lua = self.lua;
        // SAFETY: as `run`.
        unsafe {
            match lua_type(lua, -1) {
                LUA_TSTRING => self.string(bytes_at(lua, -1)),
                LUA_TNUMBER => self.number(lua_tonumber(lua, -1), -1),
                LUA_TBOOLEAN if lua_toboolean(lua, -1) != 0 => {
                    self.text().extend_from_slice(b"true")
                }
                LUA_TBOOLEAN => self.text().extend_from_slice(b"false"),
                LUA_TTABLE => return Some(self.open_table()),
                LUA_TNIL => self.text().extend_from_slice(b"null"),
                LUA_TLIGHTUSERDATA if lua_touserdata(lua, -1).is_null() => {
                    self.text().extend_from_slice(b"null");
                }
                _ => self.refuse(-1, b"type not supported"),
            }
            None
        }
    }

    unsafe fn open_table(&mut self) -> Open {
        let lua = self.lua;
        // SAFETY: as `run`.
        unsafe {
            let depth = self.opens().len() as c_int + 1;
            if depth > self.settings.encode_depth_max || lua_checkstack(lua, 4) == 0 {
                self.refuse_depth();
            }
            self.check_length(0);
            match self.array_length() {
                Some(len) if len > 0 => {
                    self.text().push(b'[');
                    Open::Array(1, len)
                }
                _ => {
                    self.text().push(b'{');
                    lua_pushnil(lua);
                    Open::Object(false)
                }
            }
        }
    }

    /// The greatest index of the table on top, if it is an array.
    unsafe fn array_length(&mut self) -> Option<c_int> {
        let lua = self.lua;
        // SAFETY: as `run`.
        unsafe {
            let (mut max, mut items) = (0, 0_f64);
            lua_pushnil(lua);
            while lua_next(lua, -2) != 0 {
                let index = match lua_type(lua, -2) {
                    LUA_TNUMBER => lua_tonumber(lua, -2),
                    _ => 0.0,
                };
                if index < 1.0 || index.floor() != index {
                    lua_settop(lua, -3);
                    return None;
                }
                if index > f64::from(max) {
                    max = as_c_int(index);
                }
                items += 1.0;
                lua_settop(lua, -2);
            }
            let Settings {
                sparse_ratio,
                sparse_safe,
                sparse_convert,
                ..
            } = self.settings;
            let ratio = f64::from(sparse_ratio);
            if sparse_ratio > 0 && f64::from(max) > items * ratio && max > sparse_safe {
                if !sparse_convert {
                    self.refuse(-1, b"excessively sparse array");
                }
                return None;
            }
            Some(max)
        }
    }

    unsafe fn string(&mut self, bytes: &[u8]) {
        // SAFETY: as `run`.
        unsafe { self.check_length(bytes.len()) };
        let text = self.text();
        text.reserve(bytes.len() + 2);
        text.push(b'"');
        let mut plain = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if ESCAPED[usize::from(byte)] {
                text.extend_from_slice(&bytes[plain..at]);
                text.extend_from_slice(ESCAPES[usize::from(byte)]);
                plain = at + 1;
            }
        }
        text.extend_from_slice(&bytes[plain..]);
        text.push(b'"');
    }

    /// Writes a number; `index` is where it is, for the error.
    unsafe fn number(&mut self, value: f64, index: c_int) {
        const EXACT_MAX: f64 = 1e14;
        let precision = self.settings.precision;
        let integer = value as i64;
        if integer as f64 == value && value.abs() < EXACT_MAX && precision == 14 && integer != 0 {
            self.text()
                .extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
            return;
        }
        if !value.is_finite() {
            match self.settings.encode_invalid_numbers {
                // SAFETY: as `run`.
                InvalidNumbers::Off => unsafe { self.refuse(index, b"must not be NaN or Inf") },
                InvalidNumbers::On if value.is_nan() => {
                    return self.text().extend_from_slice(b"nan");
                }
                InvalidNumbers::On => {}
                InvalidNumbers::Null => return self.text().extend_from_slice(b"null"),
            }
        }
        let text = number::general(value, precision as usize);
        self.text().extend_from_slice(text.as_bytes());
    }

    /// Ends the run if the text with `more` bytes is more than it has memory for.
    unsafe fn check_length(&mut self, more: usize) {
        if self.text().len() + more > self.text_bytes_max {
            // SAFETY: as `run`; this frame owns nothing.
            unsafe {
                state::of(self.lua).stop_for_memory();
                raise_stop(self.lua);
            }
        }
    }

    unsafe fn refuse(&mut self, index: c_int, reason: &[u8]) -> ! {
        // SAFETY: as `run`; this frame owns nothing.
        unsafe {
            let kind = state::type_name(self.lua, index);
            raise(self.lua, &[b"Cannot serialise ", kind, b": ", reason])
        }
    }

    unsafe fn refuse_depth(&mut self) -> ! {
        let depth = self.opens().len() + 1;
        // SAFETY: as `run`; this frame owns nothing.
        unsafe {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(depth).as_bytes();
            raise(
                self.lua,
                &[b"Cannot serialise, excessive nesting (", digits, b")"],
            )
        }
    }
}

/// A number as C's `int` on the reference's machine: what does not fit is the least one.
fn as_c_int(value: f64) -> c_int {
    if value <= f64::from(c_int::MAX) {
        value as c_int
    } else {
        c_int::MIN
    }
}
