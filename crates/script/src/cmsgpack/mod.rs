//! `cmsgpack`: MessagePack for scripts, with the results, limits and error texts of lua-cmsgpack 0.4.0.
//!
//! As in cjson, both directions are loops without recursion over bytes and LuaJIT's own data. The collector does not run
//! meanwhile, nor does any Lua code, so tables are held by pointers. A length in the input reserves nothing: a table
//! grows as its elements come.

mod pack;
mod unpack;

use perilune_luajit_sys::*;

/// Functions of the module.
pub(crate) const FUNCTIONS: &[(&str, lua_CFunction)] = &[
    ("pack", pack::pack),
    ("unpack", unpack::unpack),
    ("unpack_one", unpack::unpack_one),
    ("unpack_limit", unpack::unpack_limit),
];

/// What the module says of itself.
pub(crate) const TEXTS: &[(&str, &str)] = &[
    ("_NAME", "cmsgpack"),
    ("_VERSION", "lua-cmsgpack 0.4.0"),
    ("_COPYRIGHT", "Copyright (C) 2012, Redis Ltd."),
    ("_DESCRIPTION", "MessagePack C implementation for Lua"),
];

/// The tables that an `unpack` is filling; kept from call to call.
pub(crate) type OpenTables = Vec<unpack::Open>;

/// Slots of the reference's stack that a function may use. What it would keep there is counted here, so that the same
/// input is too much.
const STACK_MAX: usize = 8000;

/// Steps between two looks for an order to stop.
const STEPS_PER_CHECK: usize = 4096;
