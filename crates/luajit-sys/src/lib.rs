//! Raw declarations of the part of LuaJIT's C API that Perilune uses, and a build that makes it safe to use.
//!
//! The library is built from source by `build.rs` with the flags that the sandbox stands on; the tests below
//! prove that they arrived. Nothing here is wrapped: who may raise, who needs stack space and who allocates is
//! as the Lua 5.1 reference manual and LuaJIT's `lj_api.c` say.
//!
//! A Lua error unwinds the C stack (LuaJIT on x64 uses the system's unwinder), so every function that may
//! raise is `"C-unwind"`, and so are the functions that Lua calls. A frame that an error can pass must not
//! own anything that needs dropping.

#![allow(unsafe_code)] // These are foreign functions; there is nothing here but them.
#![allow(non_camel_case_types)] // The names are LuaJIT's.
#![allow(missing_docs)] // The manual documents them: https://www.lua.org/manual/5.1/

pub mod inside;

use std::ffi::{c_char, c_int, c_void};

/// An interpreter, or one of its coroutines.
#[repr(C)]
pub struct lua_State {
    _private: [u8; 0],
}

pub type lua_CFunction = unsafe extern "C-unwind" fn(*mut lua_State) -> c_int;
pub type lua_Alloc = unsafe extern "C" fn(
    ud: *mut c_void,
    ptr: *mut c_void,
    osize: usize,
    nsize: usize,
) -> *mut c_void;
pub type lua_Hook = unsafe extern "C-unwind" fn(*mut lua_State, *mut lua_Debug);

/// What `lua_getstack` and `lua_getinfo` fill in (`lua.h`).
#[repr(C)]
pub struct lua_Debug {
    pub event: c_int,
    pub name: *const c_char,
    pub namewhat: *const c_char,
    pub what: *const c_char,
    pub source: *const c_char,
    pub currentline: c_int,
    pub nups: c_int,
    pub linedefined: c_int,
    pub lastlinedefined: c_int,
    pub short_src: [c_char; 60],
    pub i_ci: c_int,
}

pub const LUA_REGISTRYINDEX: c_int = -10000;
pub const LUA_GLOBALSINDEX: c_int = -10002;

pub const LUA_MULTRET: c_int = -1;
pub const LUA_OK: c_int = 0;
pub const LUA_ERRRUN: c_int = 2;
pub const LUA_ERRSYNTAX: c_int = 3;
pub const LUA_ERRMEM: c_int = 4;
pub const LUA_ERRERR: c_int = 5;

pub const LUA_TNONE: c_int = -1;
pub const LUA_TNIL: c_int = 0;
pub const LUA_TBOOLEAN: c_int = 1;
pub const LUA_TLIGHTUSERDATA: c_int = 2;
pub const LUA_TNUMBER: c_int = 3;
pub const LUA_TSTRING: c_int = 4;
pub const LUA_TTABLE: c_int = 5;
pub const LUA_TFUNCTION: c_int = 6;
pub const LUA_TUSERDATA: c_int = 7;
pub const LUA_TTHREAD: c_int = 8;

pub const LUA_GCSTOP: c_int = 0;
pub const LUA_GCRESTART: c_int = 1;
pub const LUA_GCCOLLECT: c_int = 2;
pub const LUA_GCCOUNT: c_int = 3;
pub const LUA_GCCOUNTB: c_int = 4;
pub const LUA_GCSTEP: c_int = 5;
pub const LUA_GCSETPAUSE: c_int = 6;
pub const LUA_GCSETSTEPMUL: c_int = 7;

pub const LUA_MASKCALL: c_int = 1 << 0;
pub const LUA_MASKRET: c_int = 1 << 1;
pub const LUA_MASKCOUNT: c_int = 1 << 3;

/// The index of upvalue `i` (from 1) of the running C function.
pub const fn lua_upvalueindex(i: c_int) -> c_int {
    LUA_GLOBALSINDEX - i
}

// These never raise.
unsafe extern "C" {
    pub fn lua_newstate(f: lua_Alloc, ud: *mut c_void) -> *mut lua_State;
    pub fn lua_close(l: *mut lua_State);
    pub fn lua_atpanic(l: *mut lua_State, f: lua_CFunction) -> Option<lua_CFunction>;
    pub fn lua_getallocf(l: *mut lua_State, ud: *mut *mut c_void) -> lua_Alloc;

    pub fn lua_gettop(l: *mut lua_State) -> c_int;
    pub fn lua_settop(l: *mut lua_State, idx: c_int);
    pub fn lua_pushvalue(l: *mut lua_State, idx: c_int);
    pub fn lua_remove(l: *mut lua_State, idx: c_int);
    pub fn lua_insert(l: *mut lua_State, idx: c_int);
    pub fn lua_replace(l: *mut lua_State, idx: c_int);
    pub fn lua_checkstack(l: *mut lua_State, sz: c_int) -> c_int;

    pub fn lua_type(l: *mut lua_State, idx: c_int) -> c_int;
    pub fn lua_typename(l: *mut lua_State, tp: c_int) -> *const c_char;
    pub fn lua_isnumber(l: *mut lua_State, idx: c_int) -> c_int;
    pub fn lua_isstring(l: *mut lua_State, idx: c_int) -> c_int;
    pub fn lua_tonumber(l: *mut lua_State, idx: c_int) -> f64;
    pub fn lua_toboolean(l: *mut lua_State, idx: c_int) -> c_int;
    pub fn lua_objlen(l: *mut lua_State, idx: c_int) -> usize;
    pub fn lua_touserdata(l: *mut lua_State, idx: c_int) -> *mut c_void;
    pub fn lua_topointer(l: *mut lua_State, idx: c_int) -> *const c_void;

    pub fn lua_pushnil(l: *mut lua_State);
    pub fn lua_pushnumber(l: *mut lua_State, n: f64);
    pub fn lua_pushboolean(l: *mut lua_State, b: c_int);
    pub fn lua_rawget(l: *mut lua_State, idx: c_int);
    pub fn lua_rawgeti(l: *mut lua_State, idx: c_int, n: c_int);
    pub fn lua_getmetatable(l: *mut lua_State, idx: c_int) -> c_int;

    pub fn lua_sethook(l: *mut lua_State, f: Option<lua_Hook>, mask: c_int, count: c_int) -> c_int;
    pub fn lua_gethookmask(l: *mut lua_State) -> c_int;
    pub fn lua_getstack(l: *mut lua_State, level: c_int, ar: *mut lua_Debug) -> c_int;
}

// These may raise: for want of memory, or by what they run.
unsafe extern "C-unwind" {
    pub fn lua_tolstring(l: *mut lua_State, idx: c_int, len: *mut usize) -> *const c_char;
    pub fn lua_pushlstring(l: *mut lua_State, s: *const c_char, len: usize);
    pub fn lua_pushcclosure(l: *mut lua_State, f: lua_CFunction, n: c_int);
    pub fn lua_pushlightuserdata(l: *mut lua_State, p: *mut c_void);
    pub fn lua_createtable(l: *mut lua_State, narr: c_int, nrec: c_int);
    pub fn lua_newuserdata(l: *mut lua_State, size: usize) -> *mut c_void;
    pub fn lua_gettable(l: *mut lua_State, idx: c_int);
    pub fn lua_getfield(l: *mut lua_State, idx: c_int, k: *const c_char);
    pub fn lua_settable(l: *mut lua_State, idx: c_int);
    pub fn lua_setfield(l: *mut lua_State, idx: c_int, k: *const c_char);
    pub fn lua_rawset(l: *mut lua_State, idx: c_int);
    pub fn lua_rawseti(l: *mut lua_State, idx: c_int, n: c_int);
    pub fn lua_setfenv(l: *mut lua_State, idx: c_int) -> c_int;
    pub fn lua_setmetatable(l: *mut lua_State, idx: c_int) -> c_int;
    pub fn lua_next(l: *mut lua_State, idx: c_int) -> c_int;
    pub fn lua_lessthan(l: *mut lua_State, a: c_int, b: c_int) -> c_int;
    pub fn lua_concat(l: *mut lua_State, n: c_int);
    pub fn lua_call(l: *mut lua_State, nargs: c_int, nresults: c_int);
    pub fn lua_pcall(l: *mut lua_State, nargs: c_int, nresults: c_int, errfunc: c_int) -> c_int;
    pub fn lua_error(l: *mut lua_State) -> !;
    pub fn lua_gc(l: *mut lua_State, what: c_int, data: c_int) -> c_int;
    pub fn lua_getinfo(l: *mut lua_State, what: *const c_char, ar: *mut lua_Debug) -> c_int;

    pub fn luaL_loadbufferx(
        l: *mut lua_State,
        buf: *const c_char,
        size: usize,
        name: *const c_char,
        mode: *const c_char,
    ) -> c_int;
    pub fn luaL_ref(l: *mut lua_State, t: c_int) -> c_int;
    pub fn luaL_unref(l: *mut lua_State, t: c_int, r: c_int);
    pub fn luaL_where(l: *mut lua_State, level: c_int);
    pub fn luaL_argerror(l: *mut lua_State, arg: c_int, message: *const c_char) -> !;
    pub fn luaL_checklstring(l: *mut lua_State, arg: c_int, len: *mut usize) -> *const c_char;
    pub fn luaL_checknumber(l: *mut lua_State, arg: c_int) -> f64;
    pub fn luaL_checkinteger(l: *mut lua_State, arg: c_int) -> isize;
    pub fn luaL_optinteger(l: *mut lua_State, arg: c_int, default: isize) -> isize;
    pub fn luaL_checktype(l: *mut lua_State, arg: c_int, t: c_int);
    pub fn luaL_checkany(l: *mut lua_State, arg: c_int);

    pub fn luaopen_base(l: *mut lua_State) -> c_int;
    pub fn luaopen_bit(l: *mut lua_State) -> c_int;
    pub fn luaopen_math(l: *mut lua_State) -> c_int;
    pub fn luaopen_string(l: *mut lua_State) -> c_int;
    pub fn luaopen_table(l: *mut lua_State) -> c_int;
    pub fn luaopen_os(l: *mut lua_State) -> c_int;
    pub fn luaopen_jit(l: *mut lua_State) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::Layout;
    use std::ptr;

    /// What LuaJIT asks of an allocator, on top of Rust's.
    unsafe extern "C" fn alloc(
        _: *mut c_void,
        p: *mut c_void,
        osize: usize,
        nsize: usize,
    ) -> *mut c_void {
        let layout = |n| Layout::from_size_align(n, 16).expect("small");
        // SAFETY: LuaJIT passes the size that it asked for.
        unsafe {
            match (p.is_null(), nsize) {
                (true, 0) => ptr::null_mut(),
                (true, n) => std::alloc::alloc(layout(n)).cast(),
                (false, 0) => {
                    std::alloc::dealloc(p.cast(), layout(osize));
                    ptr::null_mut()
                }
                (false, n) => std::alloc::realloc(p.cast(), layout(osize), n).cast(),
            }
        }
    }

    unsafe extern "C-unwind" fn stop(l: *mut lua_State, _: *mut lua_Debug) {
        // SAFETY: called by LuaJIT as a hook; nothing on this frame needs dropping.
        unsafe {
            lua_sethook(l, None, 0, 0);
            lua_pushlstring(l, c"stopped".as_ptr(), 7);
            lua_error(l)
        }
    }

    /// Compiles and runs `source`; its result or its error, as text.
    fn run(source: &str, while_running: impl FnOnce(*mut lua_State)) -> (c_int, String) {
        // SAFETY: one interpreter, used by this thread, except for the hook that `while_running` may set.
        unsafe {
            let l = lua_newstate(alloc, ptr::null_mut());
            assert!(!l.is_null());
            // Opening this library is what switches the compiler on.
            lua_pushcclosure(l, luaopen_jit, 0);
            lua_call(l, 0, 0);
            lua_settop(l, 0);
            let mut status = luaL_loadbufferx(
                l,
                source.as_ptr().cast(),
                source.len(),
                c"=test".as_ptr(),
                c"t".as_ptr(),
            );
            if status == LUA_OK {
                while_running(l);
                status = lua_pcall(l, 0, 1, 0);
            }
            let mut len = 0;
            let text = lua_tolstring(l, -1, &mut len);
            let text = if text.is_null() {
                String::new()
            } else {
                String::from_utf8_lossy(std::slice::from_raw_parts(text.cast(), len)).into_owned()
            };
            lua_close(l);
            (status, text)
        }
    }

    #[test]
    fn a_compiled_endless_loop_sees_a_hook() {
        struct Carry(*mut lua_State);
        // SAFETY: the other thread does nothing but set the hook, long after the loop was compiled.
        unsafe impl Send for Carry {}
        let (status, text) = run("while true do end", |l| {
            let carry = Carry(l);
            std::thread::spawn(move || {
                let carry = carry;
                std::thread::sleep(std::time::Duration::from_millis(50));
                // SAFETY: as above.
                unsafe { lua_sethook(carry.0, Some(stop), LUA_MASKCOUNT, 1) };
            });
        });
        assert_eq!((status, text.as_str()), (LUA_ERRRUN, "stopped"));
    }

    #[test]
    fn a_returned_call_keeps_its_frame() {
        let (status, text) = run("local function f() return f.x.y() end\nreturn f()", |_| ());
        assert_eq!(
            (status, text.as_str()),
            (
                LUA_ERRRUN,
                "test:1: attempt to index upvalue 'f' (a function value)"
            )
        );
        let (status, text) = run(
            "local f = nil\nlocal g = function() return f() end\nreturn g()",
            |_| (),
        );
        assert_eq!(
            (status, text.as_str()),
            (
                LUA_ERRRUN,
                "test:2: attempt to call upvalue 'f' (a nil value)"
            )
        );
    }

    #[test]
    fn the_literals_of_the_foreign_function_interface_are_syntax_errors() {
        for source in ["return 1LL", "return 1ULL", "return 1i"] {
            let (status, text) = run(source, |_| ());
            assert_eq!(status, LUA_ERRSYNTAX, "{source}: {text}");
            assert!(text.contains("malformed number"), "{source}: {text}");
        }
    }
}
