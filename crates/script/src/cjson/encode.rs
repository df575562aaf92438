//! `cjson.encode`: a Lua value as JSON text.
//!
//! A table is an array if all its keys are positive integers (there being at least one), else an object. A small stack
//! of open tables says where each goes on. All of them can be reached from the argument, and nothing changes them.
//!
//! Texts and keys of up to 16 bytes, which most are, are looked at and copied as one block.

use std::ffi::c_int;

use perilune_luajit_sys::inside::{self, GCstr, GCtab, Value};
use perilune_luajit_sys::*;

use super::settings::{InvalidNumbers, check_one_argument, raise};
use super::{DEPTH_MAX, Settings, settings_of};
use crate::number;
use crate::output::Output;
use crate::scan;
use crate::state;
use crate::tables::{element, next_pair};

/// A table that is being written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Open {
    /// The next index to write, and the last.
    Array {
        table: *mut GCtab,
        next: c_int,
        last: c_int,
    },
    /// The next place to look at: those of the array come first, then those of the hash. Whether something has been
    /// written.
    Object {
        table: *mut GCtab,
        next: usize,
        some: bool,
    },
}

/// A power of two.
const KEYS_REMEMBERED: usize = 16;

/// Values between two looks for an order to stop.
const VALUES_PER_CHECK: u32 = 1024;

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

/// The two digits of the numbers below 100, the first of them lowest.
static PAIRS: [u16; 100] = {
    let mut pairs = [0; 100];
    let mut number = 0;
    while number < pairs.len() {
        let digits = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        pairs[number] = u16::from_le_bytes(digits);
        number += 1;
    }
    pairs
};

pub(super) unsafe extern "C-unwind" fn encode(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; the buffers belong to the state, this frame owns nothing.
    unsafe {
        check_one_argument(lua);
        state::check(lua);
        let state = state::of(lua);
        state.json.writing.clear();
        // What is written as `null`, besides nil.
        lua_pushlightuserdata(lua, std::ptr::null_mut());
        let null = inside::top_value(lua);
        lua_settop(lua, -2);
        let mut encoder = Encoder {
            lua,
            settings: *settings_of(lua),
            null,
            opens: &raw mut state.json.writing,
            written_keys: [(std::ptr::null_mut(), 0, 0); KEYS_REMEMBERED],
            output: Output::begin(lua),
            values: 0,
        };
        encoder.run(inside::value_at(lua, 1));
        encoder.output.push_string();
        1
    }
}

struct Encoder {
    lua: *mut lua_State,
    settings: Settings,
    null: Value,
    output: Output,
    /// The state's. Nothing else uses it while a value is written: no Lua code runs.
    opens: *mut Vec<Open>,
    /// Keys that have been written, with where in the text they begin and end, colon included: the same keys come again
    /// and again, and a copy needs no look at their bytes.
    written_keys: [(*mut GCstr, usize, usize); KEYS_REMEMBERED],
    values: u32,
}

impl Encoder {
    fn text(&mut self) -> &mut Vec<u8> {
        self.output.bytes()
    }

    fn opens(&mut self) -> &mut Vec<Open> {
        // SAFETY: see the field.
        unsafe { &mut *self.opens }
    }

    /// Writes a value.
    unsafe fn run(&mut self, mut value: Value) {
        // SAFETY: called by `encode`; what is written can be reached from its argument.
        unsafe {
            loop {
                self.count_value();
                if let Some(inner) = self.value(value) {
                    value = inner;
                    continue;
                }
                loop {
                    match self.advance() {
                        Some(Some(next)) => {
                            value = next;
                            break;
                        }
                        Some(None) => {
                            self.opens().pop();
                        }
                        None => return,
                    }
                }
            }
        }
    }

    /// Now and then looks for an order to stop.
    #[inline]
    unsafe fn count_value(&mut self) {
        self.values = self.values.wrapping_add(1);
        if self.values.is_multiple_of(VALUES_PER_CHECK) {
            // SAFETY: as `run`; this frame owns nothing.
            unsafe { state::check(self.lua) };
        }
    }

    /// The next value of the innermost table, after what precedes it is written; `Some(None)` after the last, `None` if no
    /// table is open.
    #[inline]
    unsafe fn advance(&mut self) -> Option<Option<Value>> {
        // SAFETY: as `run`.
        unsafe {
            match self.opens().last_mut()? {
                Open::Array { table, next, last } => {
                    let (table, index, last) = (*table, *next, *last);
                    *next += 1;
                    if index > last {
                        self.text().push(b']');
                        return Some(None);
                    }
                    if index > 1 {
                        self.text().push(b',');
                    }
                    Some(Some(element(self.lua, table, index)))
                }
                Open::Object { table, next, some } => {
                    let Some((key, value)) = next_pair(*table, next) else {
                        self.text().push(b'}');
                        return Some(None);
                    };
                    if std::mem::replace(some, true) {
                        self.text().push(b',');
                    }
                    self.key(key);
                    Some(Some(value))
                }
            }
        }
    }

    /// Writes a key.
    #[inline]
    unsafe fn key(&mut self, key: Value) {
        // SAFETY: as `run`.
        unsafe {
            if let Some(string) = key.as_string() {
                let place = (string as usize >> 4) % KEYS_REMEMBERED;
                let (written, start, end) = self.written_keys[place];
                if written == string {
                    self.output.check_room(end - start);
                    push_again(self.text(), start, end);
                    return;
                }
                let start = self.text().len();
                self.string(string);
                self.text().push(b':');
                self.written_keys[place] = (string, start, self.text().len());
            } else if let Some(number) = key.as_number() {
                self.text().push(b'"');
                self.number(number, key);
                self.text().extend_from_slice(b"\":");
            } else {
                self.refuse(key, b"table key must be a number or string")
            }
        }
    }

    /// Writes a value, or opens the table that it is. What is to be written next, if that is a value inside it.
    #[inline]
    unsafe fn value(&mut self, value: Value) -> Option<Value> {
        // SAFETY: as `run`.
        unsafe {
            match value.as_table() {
                Some(table) => self.open_table(table),
                None => {
                    self.scalar(value);
                    None
                }
            }
        }
    }

    /// Writes a value that is no table.
    #[inline]
    unsafe fn scalar(&mut self, value: Value) {
        // SAFETY: as `run`.
        unsafe {
            if let Some(string) = value.as_string() {
                self.string(string);
            } else if let Some(number) = value.as_number() {
                self.number(number, value);
            } else if value.is_nil() || value == self.null {
                self.text().extend_from_slice(b"null");
            } else if value == Value::TRUE {
                self.text().extend_from_slice(b"true");
            } else if value == Value::FALSE {
                self.text().extend_from_slice(b"false");
            } else {
                self.refuse(value, b"type not supported")
            }
        }
    }

    /// Begins a table; as [`Encoder::value`].
    unsafe fn open_table(&mut self, table: *mut GCtab) -> Option<Value> {
        // SAFETY: as `run`.
        unsafe {
            let depth = self.opens().len() + 1;
            if depth as i64 > i64::from(self.settings.encode_depth_max) || depth > DEPTH_MAX {
                self.refuse_depth();
            }
            self.output.check_room(0);
            match self.array_length(table) {
                Some(last) if last > 0 => {
                    self.text().push(b'[');
                    let next = 1;
                    self.opens().push(Open::Array { table, next, last });
                    None
                }
                _ => self.fields(table),
            }
        }
    }

    /// Writes the fields of an object up to the first that is a table, which comes next; the end, if there is none.
    #[inline]
    unsafe fn fields(&mut self, table: *mut GCtab) -> Option<Value> {
        // SAFETY: as `run`.
        unsafe {
            let elements = inside::table_array(table).len();
            let mut mark = b'{';
            // What has an array as well goes the plain way.
            let nodes = inside::table_nodes(table);
            let nodes = if elements == 0 { nodes } else { &mut [] };
            for (place, node) in nodes.iter().enumerate() {
                let value = node.value;
                if value.is_nil() {
                    continue;
                }
                self.text().push(mark);
                mark = b',';
                self.key(node.key);
                if value.as_table().is_some() {
                    let (next, some) = (place + 1, true);
                    self.opens().push(Open::Object { table, next, some });
                    return Some(value);
                }
                self.count_value();
                self.scalar(value);
            }
            if mark == b'{' {
                self.text().push(mark);
            }
            if elements > 0 {
                let (next, some) = (0, false);
                self.opens().push(Open::Object { table, next, some });
            } else {
                self.text().push(b'}');
            }
            None
        }
    }

    /// The greatest index of a table, if it is an array.
    unsafe fn array_length(&mut self, table: *mut GCtab) -> Option<c_int> {
        // SAFETY: as `run`.
        unsafe {
            let (mut max, mut items) = (0, 0_f64);
            let slots = inside::table_array(table);
            if slots.first().is_some_and(|slot| !slot.is_nil()) {
                // index 0
                return None;
            }
            for (index, slot) in slots.iter().enumerate() {
                if !slot.is_nil() {
                    max = index as c_int;
                    items += 1.0;
                }
            }
            for node in inside::table_nodes(table) {
                if node.value.is_nil() {
                    continue;
                }
                let index = node.key.as_number().unwrap_or(0.0);
                if index < 1.0 || index.floor() != index {
                    return None;
                }
                if index > f64::from(max) {
                    max = number::as_c_int(index);
                }
                items += 1.0;
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
                    self.refuse(Value::table(table), b"excessively sparse array");
                }
                return None;
            }
            Some(max)
        }
    }

    #[inline]
    unsafe fn string(&mut self, string: *mut GCstr) {
        // SAFETY: as `run`; the block has so many bytes of the string, and room was made for all of it.
        unsafe {
            let bytes = inside::string_bytes(string);
            self.output.check_room(bytes.len());
            let text = self.text();
            if let Some(block) = inside::short_string(string)
                && scan::block_is_plain(&block, bytes.len())
            {
                if text.capacity() - text.len() < block.len() + 2 {
                    text.reserve(block.len() + 2);
                }
                let end = text.as_mut_ptr().add(text.len());
                end.write(b'"');
                end.add(1).cast::<[u8; 16]>().write(block);
                end.add(1 + bytes.len()).write(b'"');
                text.set_len(text.len() + bytes.len() + 2);
                return;
            }
            push_string(text, bytes);
        }
    }

    /// Writes a number; `written` is the value that it is, for the error.
    unsafe fn number(&mut self, value: f64, written: Value) {
        const EXACT_MAX: f64 = 1e14;
        let precision = self.settings.precision;
        let integer = value as i64;
        if integer as f64 == value && value.abs() < EXACT_MAX && precision == 14 && integer != 0 {
            return push_integer(self.text(), integer);
        }
        if !value.is_finite() {
            match self.settings.encode_invalid_numbers {
                // SAFETY: as `run`.
                InvalidNumbers::Off => unsafe { self.refuse(written, b"must not be NaN or Inf") },
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

    unsafe fn refuse(&mut self, value: Value, reason: &[u8]) -> ! {
        // SAFETY: as `run`; this frame owns nothing.
        unsafe {
            inside::push(self.lua, value);
            let kind = state::type_name(self.lua, -1);
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

/// Writes a string of any bytes.
#[inline(never)]
fn push_string(text: &mut Vec<u8>, bytes: &[u8]) {
    text.reserve(bytes.len() + 2);
    text.push(b'"');
    let mut rest = bytes;
    loop {
        let plain = scan::until_escaped(rest);
        text.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else {
            break;
        };
        text.extend_from_slice(ESCAPES[usize::from(byte)]);
        rest = &rest[plain + 1..];
    }
    text.push(b'"');
}

/// Writes what stands in the text from `start` to before `end` once more.
#[inline]
fn push_again(text: &mut Vec<u8>, start: usize, end: usize) {
    let len = end - start;
    match text[start..].first_chunk::<16>() {
        Some(&block) if len <= block.len() => push_block(text, block, len),
        _ => text.extend_from_within(start..end),
    }
}

/// Writes the first `len` bytes of the block.
#[inline]
fn push_block(text: &mut Vec<u8>, block: [u8; 16], len: usize) {
    debug_assert!(len <= block.len());
    if text.capacity() - text.len() < block.len() {
        text.reserve(block.len());
    }
    // SAFETY: there is room for the block, and `len` bytes of it have been written.
    unsafe {
        let end = text.as_mut_ptr().add(text.len());
        end.cast::<[u8; 16]>().write(block);
        text.set_len(text.len() + len);
    }
}

/// Writes an integer of at most 15 digits.
#[inline]
fn push_integer(text: &mut Vec<u8>, integer: i64) {
    if integer < 0 {
        text.push(b'-');
    }
    let mut rest = integer.unsigned_abs();
    debug_assert!(rest < 10_u64.pow(15));
    // from the last to the first, which comes to lie lowest
    let mut digits = 0_u128;
    let mut len = 0;
    while rest >= 10 {
        digits = digits << 16 | u128::from(PAIRS[(rest % 100) as usize]);
        len += 2;
        rest /= 100;
    }
    if rest > 0 || len == 0 {
        digits = digits << 8 | u128::from(b'0' + rest as u8);
        len += 1;
    }
    push_block(text, digits.to_le_bytes(), len);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_their_digits() {
        let mut integer = 0_i64;
        while integer < 10_i64.pow(15) {
            for integer in [integer, -integer, integer + 1] {
                let mut text = b"x".to_vec();
                push_integer(&mut text, integer);
                assert_eq!(text, format!("x{integer}").into_bytes());
            }
            integer = integer + integer / 7 + 1;
        }
    }
}
