//! However its scripts ended, a VM that is dropped gives everything back: to the interpreter's own account (checked
//! where it is dropped), to the allocator, and the pages of its machine code to the kernel.
//!
//! One test, alone in its process: it counts all that the process allocates.

#![allow(unsafe_code)] // An allocator that counts.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicIsize, Ordering};

use common::bench_with;
use perilune_script::Limits;

/// The system's allocator, with a count of the bytes that are out.
struct Counting;

static BYTES_OUT: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is handed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES_OUT.fetch_add(layout.size() as isize, Ordering::SeqCst);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES_OUT.fetch_sub(layout.size() as isize, Ordering::SeqCst);
        // SAFETY: the caller's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Every way for a script to end, from places as deep as they come.
const ENDINGS: &[&str] = &[
    "return 1",
    "return {1, {2, 'three'}, false, {ok = 'fine'}, {err = 'MY error'}}",
    // it compiles, and its buffers for that grow
    "local x = 0 for i = 1, 2000 do x = (x * 3 + i) % 1000 if x % 7 == 0 then x = x + #tostring(i) end end return x",
    "this does not compile",
    "error('an error')",
    "error({err = 'MY error'})",
    "error({})",
    "local function f() return f() + 1 end return f()",
    "return redis.call('lpush', 'k', 'v')",
    "return redis.call('no such command')",
    "return redis.call('nested', 500)",
    "redis.setresp(3) return redis.call('shape', 'nested')",
    "redis.log(redis.LOG_WARNING, 'a line')",
    "return cjson.encode(cjson.decode('{\"a\":[1,2,{\"b\":null}]}'))",
    "return cjson.decode('[[[')",
    "return cjson.encode({[{}] = 1})",
    "local t = {} t[1] = t return cjson.encode(t)",
    "return string.gsub('abc', '.', function(c) return string.gsub(c, '.', function() error('inside') end) end)",
    "return string.gsub('abc', '%1', 'x')",
    "return string.format('%d', 'x')",
    "local t = {3, 1, 2} table.sort(t, function() error('inside') end)",
    "coroutine.wrap(function() coroutine.wrap(function() error('inside') end)() end)()",
    "local co = coroutine.wrap(function() coroutine.yield() end) co() return 'left suspended'",
    // killed
    "redis.call('kill') while true do end",
    "while true do redis.call('kill') end",
    "pcall(redis.call, 'kill') return cjson.encode({1, 2, 3})",
    "coroutine.wrap(function() string.gsub('abc', '.', function() redis.call('kill') end) end)()",
    "table.sort({1, 2, 3}, function() redis.call('kill') return true end)",
    "redis.call('kill') return string.find(('a'):rep(200), '.-.-.-.-.-.-.-.-b')",
    "redis.call('kill') return redis.call('shape', 'nested')",
    // aborted
    "redis.call('abort')",
    "string.gsub('abc', '.', function() pcall(redis.call, 'abort') end)",
    "coroutine.wrap(function() redis.call('abort') end)()",
    // panicking
    "redis.call('panic')",
    "coroutine.wrap(function() pcall(redis.call, 'panic') end)()",
    // out of memory
    "local s = 'x' while true do s = s .. s end",
    "local t = {} for i = 1, 1e9 do t[i] = {i} end",
    "local t = {} for i = 1, 1e9 do t['key' .. i] = coroutine.wrap(function() end) end",
    "return redis.call('big', 200000000)",
    "return redis.call('numbers', 60000000)",
    "return cjson.decode('[' .. ('[],'):rep(3e6) .. '[]]')",
    "local s = ('x'):rep(1e6) return (s:gsub('.', s))",
    "return loadstring('return ' .. ('{'):rep(1e7))",
];

/// Every way for a library to end, and for its functions.
const LIBRARIES: &[&str] = &[
    "local n = 0 register('f', function() n = n + 1 return n end) register('g', function() end)",
    "local t = {} register('f', function(keys, args) t[#t + 1] = keys return #t end)",
    "register{function_name = 'f', callback = redis.log, description = 'a text', flags = {'no-writes'}}",
    "register('f', function() error('an error') end)",
    "register('f', function() redis.call('kill') while true do end end)",
    "register('f', function() redis.call('abort') end)",
    "register('f', function() redis.call('panic') end)",
    "local t = {} register('f', function() while true do t[#t + 1] = {} end end)",
    "local x = 0 register('f', function() for i = 1, 2000 do x = (x * 3 + i) % 1000 end return x end)",
    "register('f', function() end) this does not compile",
    "register('f', function() end) register('g', function() end) nosuch()",
    "register('f', function() end) register('g')",
    "register('f', function() end) local s = 'x' while true do s = s .. s end",
    "while true do register('f', function() end) end",
];

/// Makes a VM, runs the script in it, and drops it. Returns the pages of machine code in between.
fn run_and_drop(source: &str) -> usize {
    let mut bench = bench_with(Limits {
        memory_bytes: 4 << 20,
    });
    for _ in 0..3 {
        let _ = catch_unwind(AssertUnwindSafe(|| bench.eval(source, &[], &["x"])));
    }
    machine_code_mappings()
}

/// Makes a VM, loads the library and calls its functions in it, and drops it. Returns the pages of machine code in between.
fn load_and_drop(code: &str) -> usize {
    let mut bench = bench_with(Limits {
        memory_bytes: 4 << 20,
    });
    let source = format!("#!lua name=lib\nlocal register = redis.register_function {code}");
    for _ in 0..3 {
        let functions = bench.load(&source).unwrap_or_default();
        for _ in 0..3 {
            for function in &functions {
                let call = AssertUnwindSafe(|| bench.call(function, &["k"], &["x"]));
                let _ = catch_unwind(call);
            }
        }
    }
    machine_code_mappings()
}

/// Mappings of this process with code that is in no file: what LuaJIT has compiled.
fn machine_code_mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux tells of mappings");
    maps.lines()
        .filter(|line| line.contains(" r-xp ") && line.ends_with(" 0 "))
        .count()
}

/// Runs something in a VM of its own.
type Run = fn(&str) -> usize;

#[test]
fn a_dropped_vm_leaves_nothing_behind() {
    // panics are meant here
    std::panic::set_hook(Box::new(|_| {}));
    let code_before = machine_code_mappings();
    let mut compiled = 0;
    let mut wrong = String::new();
    let scripts = ENDINGS.iter().map(|source| (source, run_and_drop as Run));
    let libraries = LIBRARIES.iter().map(|code| (code, load_and_drop as Run));
    for (source, run) in scripts.chain(libraries) {
        // what a first time sets up once per process may stay
        run(source);
        let before = BYTES_OUT.load(Ordering::SeqCst);
        compiled += run(source) - code_before;
        let left = BYTES_OUT.load(Ordering::SeqCst) - before;
        if left != 0 || machine_code_mappings() != code_before {
            wrong.push_str(&format!("\n  {left} bytes: {source}"));
        }
    }
    drop(std::panic::take_hook());
    assert!(compiled > 0, "nothing was compiled, or it was not seen");
    assert!(wrong.is_empty(), "{wrong}");
}
