//! `cmsgpack.pack`: each argument as MessagePack, one behind the other.
//!
//! A table is an array if its keys are 1 to n and nothing else (or if it has none), else a map. Tables in more than sixteen
//! others become nil, and what is no value of MessagePack as well.
//!
//! The order of a map is that of `pairs`, which LuaJIT draws anew for each interpreter. What is packed is stored and compared,
//! so a small map of names is packed in the same order by every thread, after that of Lua 5.1 ([`Small`]).

use std::ffi::c_int;

use perilune_luajit_sys::inside::{self, GCtab, Value};
use perilune_luajit_sys::*;

use super::{STACK_MAX, STEPS_PER_CHECK};
use crate::number;
use crate::output::Output;
use crate::state;
use crate::tables::{element, next_pair};

/// Tables can be nested this deep.
const DEPTH_MAX: usize = 16;

const NIL: u8 = 0xC0;
const FALSE: u8 = 0xC2;
const TRUE: u8 = 0xC3;
const FLOAT: u8 = 0xCA;
const DOUBLE: u8 = 0xCB;
const UINT_8: u8 = 0xCC;
const UINT_16: u8 = 0xCD;
const UINT_32: u8 = 0xCE;
const UINT_64: u8 = 0xCF;
const INT_8: u8 = 0xD0;
const INT_16: u8 = 0xD1;
const INT_32: u8 = 0xD2;
const INT_64: u8 = 0xD3;
const STRING_8: u8 = 0xD9;
const STRING_16: u8 = 0xDA;
const STRING_32: u8 = 0xDB;

/// The bytes that a length begins with: as a part of the byte, in two bytes, in four.
#[derive(Debug, Clone, Copy)]
struct Heads(u8, u8, u8);

const ARRAY: Heads = Heads(0x90, 0xDC, 0xDD);
const MAP: Heads = Heads(0x80, 0xDE, 0xDF);

/// Pairs of a map that is packed in the order of Lua 5.1.
const SMALL_MAX: usize = 8;

/// A small map whose keys are strings, in the order in which Lua 5.1 would go through it: by their places in its table, which
/// are told by their hashes. Where two have the same place, that depends on the table's history; here the lesser comes
/// first.
#[derive(Debug, Clone, Copy)]
struct Small {
    pairs: [(Value, Value); SMALL_MAX],
    len: usize,
    /// Keys and values that have been written.
    written: usize,
}

impl Small {
    /// Reads a table with so many pairs, if it is such a map.
    unsafe fn of(table: *mut GCtab, len: usize) -> Option<Small> {
        if !(2..=SMALL_MAX).contains(&len) {
            return None;
        }
        let mut pairs = [(Value::NIL, Value::NIL); SMALL_MAX];
        let mut orders = [(0, &[][..]); SMALL_MAX];
        let mut place = 0;
        for at in 0..len {
            // SAFETY: as `Packer::run`.
            let (key, value, name) = unsafe {
                let (key, value) = next_pair(table, &mut place)?;
                (key, value, inside::string_bytes(key.as_string()?))
            };
            let order = (hash(name) as usize % len.next_power_of_two(), name);
            let before = orders[..at].partition_point(|other| *other < order);
            orders.copy_within(before..at, before + 1);
            pairs.copy_within(before..at, before + 1);
            (orders[before], pairs[before]) = (order, (key, value));
        }
        Some(Small {
            pairs,
            len,
            written: 0,
        })
    }

    fn next(&mut self) -> Option<Value> {
        let (key, value) = self.pairs[..self.len].get(self.written / 2)?;
        self.written += 1;
        Some(if self.written % 2 == 1 { *key } else { *value })
    }
}

/// The hash of a string in Lua 5.1 (`luaS_newlstr`).
fn hash(bytes: &[u8]) -> u32 {
    let step = (bytes.len() >> 5) + 1;
    let mut hash = bytes.len() as u32;
    for byte in bytes.iter().rev().step_by(step).take(bytes.len() / step) {
        let turned = (hash << 5).wrapping_add(hash >> 2);
        hash ^= turned.wrapping_add(u32::from(*byte));
    }
    hash
}

/// A table that is being written.
#[derive(Debug, Clone, Copy)]
enum Open {
    Array {
        table: *mut GCtab,
        next: c_int,
        last: c_int,
    },
    /// The place to look at next; the value whose key has just been written.
    Map {
        table: *mut GCtab,
        next: usize,
        value: Option<Value>,
    },
    Small(Small),
}

pub(super) unsafe extern "C-unwind" fn pack(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned, what is written lies in the state.
    unsafe {
        let count = lua_gettop(lua);
        if count == 0 {
            luaL_argerror(lua, 0, c"MessagePack pack needs input.".as_ptr());
        }
        if 2 * count as usize > STACK_MAX {
            let message = c"Too many arguments for MessagePack pack.";
            luaL_argerror(lua, 0, message.as_ptr());
        }
        state::check(lua);
        let mut packer = Packer {
            lua,
            output: Output::begin(lua),
            opens: [Open::Array {
                table: std::ptr::null_mut(),
                next: 0,
                last: 0,
            }; DEPTH_MAX],
            depth: 0,
            steps: 0,
        };
        for arg in 1..=count {
            packer.run(inside::value_at(lua, arg));
        }
        packer.output.push_string();
        1
    }
}

struct Packer {
    lua: *mut lua_State,
    output: Output,
    /// The first `depth` of them.
    opens: [Open; DEPTH_MAX],
    depth: usize,
    steps: usize,
}

impl Packer {
    /// Writes a value with all that is in it.
    unsafe fn run(&mut self, value: Value) {
        // SAFETY: called by `pack`; what is written can be reached from its arguments.
        unsafe {
            self.value(value);
            while self.depth > 0 {
                match self.advance() {
                    Some(next) => self.value(next),
                    None => self.depth -= 1,
                }
            }
        }
    }

    /// The next value of the innermost table.
    unsafe fn advance(&mut self) -> Option<Value> {
        // SAFETY: as `run`.
        unsafe {
            match &mut self.opens[self.depth - 1] {
                Open::Array { table, next, last } => {
                    *next += 1;
                    (*next <= *last).then(|| element(self.lua, *table, *next))
                }
                Open::Map { table, next, value } => value.take().or_else(|| {
                    let (key, its_value) = next_pair(*table, next)?;
                    *value = Some(its_value);
                    Some(key)
                }),
                Open::Small(small) => small.next(),
            }
        }
    }

    /// Writes a value, or opens the table that it is.
    unsafe fn value(&mut self, value: Value) {
        // SAFETY: as `run`.
        unsafe {
            self.spend(1);
            if let Some(string) = value.as_string() {
                self.string(inside::string_bytes(string));
            } else if let Some(table) = value.as_table() {
                if self.depth < DEPTH_MAX {
                    self.open(table);
                } else {
                    self.output.push(&[NIL]);
                }
            } else if let Some(number) = value.as_number() {
                self.number(number);
            } else if value == Value::TRUE {
                self.output.push(&[TRUE]);
            } else if value == Value::FALSE {
                self.output.push(&[FALSE]);
            } else {
                self.output.push(&[NIL]);
            }
        }
    }

    unsafe fn open(&mut self, table: *mut GCtab) {
        // SAFETY: as `run`.
        unsafe {
            let (pairs, is_array) = self.count(table);
            let open = if is_array {
                self.length(ARRAY, pairs);
                Open::Array {
                    table,
                    next: 0,
                    last: pairs as c_int,
                }
            } else {
                self.length(MAP, pairs);
                Small::of(table, pairs).map_or(
                    Open::Map {
                        table,
                        next: 0,
                        value: None,
                    },
                    Open::Small,
                )
            };
            self.opens[self.depth] = open;
            self.depth += 1;
        }
    }

    /// How many pairs a table has, and whether their keys are 1 to that number.
    unsafe fn count(&mut self, table: *mut GCtab) -> (usize, bool) {
        // SAFETY: as `run`.
        unsafe {
            let (mut place, mut pairs, mut max, mut is_array) = (0, 0, 0, true);
            while let Some((key, _)) = next_pair(table, &mut place) {
                pairs += 1;
                match key
                    .as_number()
                    .map(|index| (index, number::as_c_int(index)))
                {
                    Some((index, whole)) if index > 0.0 && f64::from(whole) == index => {
                        max = max.max(whole as usize);
                    }
                    _ => is_array = false,
                }
            }
            self.spend(place);
            (pairs, is_array && max == pairs)
        }
    }

    unsafe fn length(&mut self, heads: Heads, len: usize) {
        // SAFETY: as `run`.
        unsafe {
            match len {
                0..=15 => self.output.push(&[heads.0 | len as u8]),
                16..=0xFFFF => self.head(heads.1, (len as u16).to_be_bytes()),
                _ => self.head(heads.2, (len as u32).to_be_bytes()),
            }
        }
    }

    unsafe fn string(&mut self, bytes: &[u8]) {
        // SAFETY: as `run`.
        unsafe {
            let len = bytes.len();
            match len {
                0..=31 => self.output.push(&[0xA0 | len as u8]),
                32..=0xFF => self.output.push(&[STRING_8, len as u8]),
                0x100..=0xFFFF => self.head(STRING_16, (len as u16).to_be_bytes()),
                _ => self.head(STRING_32, (len as u32).to_be_bytes()),
            }
            self.output.push(bytes);
        }
    }

    /// A number as an integer, if it is one of 64 bits; else as a float, if that is exact.
    unsafe fn number(&mut self, value: f64) {
        // SAFETY: as `run`.
        unsafe {
            let integer = number::as_c_long(value);
            let single = value as f32;
            if integer as f64 == value {
                self.integer(integer);
            } else if f64::from(single) == value {
                self.head(FLOAT, single.to_be_bytes());
            } else {
                self.head(DOUBLE, value.to_be_bytes());
            }
        }
    }

    /// An integer in as few bytes as it takes.
    unsafe fn integer(&mut self, value: i64) {
        // SAFETY: as `run`.
        unsafe {
            match value {
                -32..=127 => self.output.push(&[value as u8]),
                128..=0xFF => self.output.push(&[UINT_8, value as u8]),
                0x100..=0xFFFF => self.head(UINT_16, (value as u16).to_be_bytes()),
                0x1_0000..=0xFFFF_FFFF => self.head(UINT_32, (value as u32).to_be_bytes()),
                0x1_0000_0000.. => self.head(UINT_64, value.to_be_bytes()),
                -0x80..=-33 => self.output.push(&[INT_8, value as u8]),
                -0x8000..=-0x81 => self.head(INT_16, (value as i16).to_be_bytes()),
                -0x8000_0000..=-0x8001 => self.head(INT_32, (value as i32).to_be_bytes()),
                _ => self.head(INT_64, value.to_be_bytes()),
            }
        }
    }

    /// A type, and the number that belongs to it.
    unsafe fn head<const N: usize>(&mut self, kind: u8, number: [u8; N]) {
        // SAFETY: as `run`.
        unsafe {
            self.output.push(&[kind]);
            self.output.push(&number);
        }
    }

    /// Looks for an order to stop every so many steps.
    unsafe fn spend(&mut self, steps: usize) {
        self.steps += steps;
        if self.steps >= STEPS_PER_CHECK {
            self.steps = 0;
            // SAFETY: as `run`; no frame owns anything.
            unsafe { state::check(self.lua) };
        }
    }
}
