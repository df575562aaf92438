//! The boundary between Lua and Rust: arbitrary scripts, replies of arbitrary shape, JSON, patterns.
//!
//! The first byte says what the rest is. Whatever it is, the script ends (a watchdog kills what takes long), the
//! reply is well-formed, and the VM runs the next script.

#![no_main]

use libfuzzer_sys::fuzz_target;
use perilune_fuzz::{eval, with_vm};

/// Scripts that work on ARGV[1] in the ways that are ours.
const HARNESSES: &[&str] = &[
    "local ok, v = pcall(cjson.decode, ARGV[1]) if ok then \
        local ok, text = pcall(cjson.encode, v) if ok then assert(pcall(cjson.decode, text)) end return v end",
    "local half = math.floor(#ARGV[1] / 2) local s, p = ARGV[1]:sub(half + 1), ARGV[1]:sub(1, half) \
        pcall(string.find, s, p) pcall(string.match, s, p) pcall(string.gsub, s, p, '%1') \
        pcall(string.gsub, s, p, function(...) return ... end) \
        pcall(function() local n = 0 for a, b in s:gmatch(p) do n = n + 1 if n > 100 then break end end end)",
    "local r = {} for i = 1, 3 do r[i] = redis.pcall('shape', ARGV[1]) end \
        redis.setresp(3) for i = 4, 6 do r[i] = redis.pcall('shape', ARGV[1]) end return r",
    "return redis.pcall('shape', ARGV[1], 1, 2.5, -1e300)",
    "pcall(string.format, ARGV[1], 1, 'x', 2.5, nil, {}) return loadstring(ARGV[1])",
    "return cjson.encode(ARGV[1])",
];

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    with_vm(|vm| {
        let _ = match HARNESSES.get(usize::from(kind) % (HARNESSES.len() + 2)) {
            Some(harness) => eval(vm, harness.as_bytes(), &[rest]),
            None => eval(vm, rest, &[rest]),
        };
    });
});
