//! Walks over tables that Lua code does not change meanwhile, as raw as `next` is.

use std::ffi::c_int;

use perilune_luajit_sys::inside::{self, GCtab, Value};
use perilune_luajit_sys::*;

/// The first pair of a table from a place on; the place behind it is next. Places are those of the array, then those of
/// the hash.
///
/// # Safety
/// The table is alive, and nothing has changed it since the walk began.
#[inline]
pub(crate) unsafe fn next_pair(table: *mut GCtab, place: &mut usize) -> Option<(Value, Value)> {
    // SAFETY: the caller's.
    unsafe {
        let slots = inside::table_array(table);
        while let Some(slot) = slots.get(*place) {
            let index = *place;
            *place += 1;
            if !slot.is_nil() {
                return Some((Value::number(index as f64), *slot));
            }
        }
        for node in &inside::table_nodes(table)[*place - slots.len()..] {
            *place += 1;
            if !node.value.is_nil() {
                return Some((node.key, node.value));
            }
        }
        None
    }
}

/// An element of a table by its index.
///
/// # Safety
/// The table is alive, and there is room on the stack.
#[inline]
pub(crate) unsafe fn element(lua: *mut lua_State, table: *mut GCtab, index: c_int) -> Value {
    // SAFETY: the caller's.
    unsafe {
        if let Some(value) = inside::table_array(table).get(index as usize) {
            return *value;
        }
        inside::push(lua, Value::table(table));
        lua_rawgeti(lua, -1, index);
        let value = inside::top_value(lua);
        lua_settop(lua, -3);
        value
    }
}
