//! `KEYS` and `ARGV` of a run.
//!
//! A script that may have seen more of them than elements gets tables of its own. All others share two tables
//! that are filled anew for each run, and where a run has the same string in the same place as the one before,
//! nothing is done at all: two tables and three strings cost 2,600 instructions before, of 11,300 for a small script.
//!
//! In these tables a mark stands for an element that a script only hands over to commands (`survey.rs`): it is looked up
//! when it comes ([`marked`]).

use std::ffi::c_int;

use perilune_luajit_sys::inside::{GCtab, Value};
use perilune_luajit_sys::*;

use crate::state::{self, Compiled, push_bytes};
use crate::survey::{Elements, Survey};
use crate::vm::Arguments;

/// The globals.
pub(crate) const ARGUMENT_NAMES: [&[u8]; 2] = [b"KEYS", b"ARGV"];

/// So many arguments fit into the tables that are kept.
pub(crate) const OWN_ARGUMENTS_MAX: usize = 32;

/// Longer arguments are not kept beyond their run.
const KEPT_ARGUMENT_BYTES_MAX: usize = 1024;

/// A table that is filled anew for each run. The registry keeps it alive.
#[derive(Debug)]
pub(crate) struct OwnArguments {
    pub(crate) table: *mut GCtab,
    /// How many elements it has.
    len: usize,
    /// The environment has another in its place.
    is_replaced: bool,
}

impl OwnArguments {
    pub(crate) const NONE: OwnArguments = OwnArguments {
        table: std::ptr::null_mut(),
        len: 0,
        is_replaced: false,
    };
}

/// Sets KEYS and ARGV for a script.
///
/// # Safety
/// Between runs, on the main coroutine; memory is disarmed, so that nothing raises.
pub(crate) unsafe fn set(lua: *mut lua_State, compiled: &Compiled, values: [&[&[u8]]; 2]) {
    for (at, values) in values.into_iter().enumerate() {
        let survey = compiled.survey;
        // SAFETY: the caller's promise.
        unsafe {
            if survey.direct && survey.reuses[at] && fits(values) {
                if std::mem::take(&mut state::of(lua).own_arguments[at].is_replaced) {
                    let table = state::of(lua).own_arguments[at].table;
                    inside::push(lua, Value::table(table));
                    set_global(lua, true, at);
                }
                let own = &mut state::of(lua).own_arguments[at];
                refill(lua, own, values, Marks::of(at, survey));
            } else {
                create(lua, values);
                state::of(lua).own_arguments[at].is_replaced |= survey.direct;
                set_global(lua, survey.direct, at);
            }
        }
    }
}

/// Pushes the two tables that a function gets.
///
/// # Safety
/// As [`set`].
pub(crate) unsafe fn push(lua: *mut lua_State, compiled: &Compiled, values: [&[&[u8]]; 2]) {
    for (at, values) in values.into_iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            if compiled.survey.reuses[at] && fits(values) {
                let own = &mut state::of(lua).own_arguments[at];
                let table = own.table;
                refill(lua, own, values, Marks::of(at, compiled.survey));
                inside::push(lua, Value::table(table));
            } else {
                create(lua, values);
            }
        }
    }
}

/// Whether a table that is kept has room for these.
fn fits(values: &[&[u8]]) -> bool {
    values.len() <= OWN_ARGUMENTS_MAX
        && values
            .iter()
            .all(|value| value.len() <= KEPT_ARGUMENT_BYTES_MAX)
}

/// Pushes a new table.
unsafe fn create(lua: *mut lua_State, values: &[&[u8]]) {
    // SAFETY: called by `set` and `push`.
    unsafe {
        lua_createtable(lua, values.len() as c_int, 0);
        for (index, value) in values.iter().enumerate() {
            push_bytes(lua, value);
            lua_rawseti(lua, -2, index as c_int + 1);
        }
    }
}

/// Makes the value on top of the stack a global of the direct environment or of the other.
unsafe fn set_global(lua: *mut lua_State, direct: bool, at: usize) {
    // SAFETY: called by `set`.
    unsafe {
        let state = state::of(lua);
        let place = if direct { state.direct } else { state.globals };
        lua_rawgeti(lua, LUA_REGISTRYINDEX, place);
        push_bytes(lua, ARGUMENT_NAMES[at]);
        lua_pushvalue(lua, -3);
        lua_rawset(lua, -3);
        lua_settop(lua, -3);
    }
}

/// The marks for elements of `KEYS` or `ARGV`.
#[derive(Clone, Copy)]
struct Marks {
    /// The mark for index 0.
    first: u32,
    elements: Elements,
}

/// Where in a mark the table begins; below is the index.
const MARK_TABLE_SHIFT: u32 = 16;

impl Marks {
    fn of(at: usize, survey: Survey) -> Self {
        Self {
            first: (at as u32) << MARK_TABLE_SHIFT,
            elements: survey.marks[at],
        }
    }
}

/// The element of `KEYS` or `ARGV` that a mark stands for.
#[inline]
pub(crate) fn marked<'a>(arguments: &Arguments<'a>, mark: u32) -> Option<&'a [u8]> {
    let values = match mark >> MARK_TABLE_SHIFT {
        0 => arguments.keys,
        _ => arguments.argv,
    };
    let index = (mark & ((1 << MARK_TABLE_SHIFT) - 1)) as usize;
    values.get(index.wrapping_sub(1)).copied()
}

/// Replaces the elements that differ.
unsafe fn refill(lua: *mut lua_State, own: &mut OwnArguments, values: &[&[u8]], marks: Marks) {
    // SAFETY: called by `set`; the table is alive and has room for so many, and all that is in it is alive.
    unsafe {
        let slots = inside::table_array(own.table);
        for (index, value) in values.iter().enumerate() {
            let index = index + 1;
            let slot = &mut slots[index];
            if marks.elements.has(index) {
                *slot = Value::mark(marks.first + index as u32);
                continue;
            }
            let is_same = slot
                .as_string()
                .is_some_and(|old| inside::string_bytes(old) == *value);
            if !is_same {
                *slot = Value::string(inside::lj_str_new(lua, value.as_ptr().cast(), value.len()));
            }
        }
        for slot in &mut slots[1..][values.len()..own.len.max(values.len())] {
            *slot = Value::NIL;
        }
        own.len = values.len();
        if inside::table_is_black(own.table) {
            // The collector has been here and would miss what has come: storing one of them by its rules makes it
            // look at the whole table again.
            inside::push(lua, Value::table(own.table));
            for index in 1..=values.len() as c_int {
                lua_rawgeti(lua, -1, index);
                lua_rawseti(lua, -2, index);
            }
            lua_settop(lua, -2);
        }
    }
}
