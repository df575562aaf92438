//! Builds LuaJIT from the published source crate with the flags that the sandbox stands on.
//!
//! * `LUAJIT_ENABLE_CHECKHOOK`: compiled loops look at the hook mask. Without it `while true do end` can
//!   never be stopped.
//! * `LUAJIT_DISABLE_FFI`: the literal `1LL` would bring objects of the foreign function interface into the
//!   sandbox.
//! * `LUAJIT_DISABLE_TAILCALL`: `return redis.call(..)` keeps the frame of the script, so that its errors name the
//!   line, as they do in the reference's Lua (which makes no tail calls to C functions).
//!
//! `luajit-src` has no setting for any of them. It runs `make -e`, where a variable of the environment wins over
//! the makefile's, and the makefile hands `CCWARN` (otherwise `-Wall`) to every compiler it starts, for the
//! host tools and for the library. So the flags travel there, set by this script, whatever the environment of
//! whoever builds. If that way should ever close, the tests of this crate fail.

#![allow(unsafe_code)] // `set_var` is unsafe; see the note at its use.

const FLAGS: &str = "-DLUAJIT_ENABLE_CHECKHOOK -DLUAJIT_DISABLE_FFI -DLUAJIT_DISABLE_TAILCALL";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // SAFETY: a build script has one thread, and nothing has read the environment yet.
    unsafe { std::env::set_var("CCWARN", FLAGS) };
    luajit_src::Build::new().build().print_cargo_metadata();
    check_layout();
}

/// Compiles `layout.c`, which holds nothing but assertions, with LuaJIT's own headers.
fn check_layout() {
    println!("cargo:rerun-if-changed=src/layout.c");
    let out_dir = std::env::var("OUT_DIR").expect("cargo sets it");
    cc::Build::new()
        .file("src/layout.c")
        .include(format!("{out_dir}/luajit-build/src"))
        .flag("-DLUAJIT_DISABLE_FFI")
        .compile("perilune_layout");
}
