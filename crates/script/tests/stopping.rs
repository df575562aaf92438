//! Scripts that do not want to end: killed, aborted, out of memory, panicking. All are unwound whatever they
//! catch, and the VM serves the next one.

mod common;

use std::path::Path;
use std::time::Duration;

use common::{Bench, bench, bench_with};
use perilune_script::{KillReason, Limits};

/// Ways to run for ever.
const ENDLESS: &[&str] = &[
    "while true do end",
    "local i = 0 while true do i = i + 1 end",
    "for i = 1, 1e300 do end",
    "repeat until false",
    "while true do pcall(function() while true do end end) end",
    "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "local function f() return pcall(f) or pcall(f) end while true do f() end",
    "while true do redis.call('ping') end",
    "while true do pcall(redis.call, 'ping') end",
    "pcall(xpcall, function() error() end, function() while true do end end) while true do end",
    "local f = function() while 1 do redis.call('ping') end end while 1 do pcall(f) end",
    "local co = coroutine.wrap(function() while true do end end) while true do pcall(co) end",
    "while true do local co = coroutine.create(function() while true do coroutine.yield() end end) \
        for i = 1, 100 do coroutine.resume(co) end end",
    "local function deep(n) if n == 0 then while true do end end \
        return coroutine.wrap(function() deep(n - 1) end)() end deep(50)",
    "return string.find(('a'):rep(200), '.-.-.-.-.-.-.-.-b')",
    "return string.find(('a'):rep(60), ('a?'):rep(60) .. 'b')",
    "return string.find(('a'):rep(1e6), '[' .. ('b'):rep(1e6) .. ']*c')",
    "return string.find(('a'):rep(1e6), '^.*[' .. ('b'):rep(1e6) .. ']')",
    "return string.find(('a'):rep(1e6), '(.*)%1%1b')",
    "return string.match(('a'):rep(200), '.*.*.*.*.*.*.*.*b')",
    "return string.gsub(('a'):rep(200), '.-.-.-.-.-.-.-.-b', '')",
    "local text = ('a '):rep(1000) while true do for word in text:gmatch('%a+') do end end",
    "local text = ('a '):rep(1000) while true do pcall(function() for word in text:gmatch('%a+') do end end) end",
    "for x in string.gmatch(('a'):rep(200), '.-.-.-.-.-.-.-.-b') do end",
    "string.gsub(('a'):rep(1e6), '.', function() while true do end end)",
    "string.gsub(('a'):rep(1e6), '', function() return pcall(function() while true do end end) end)",
    "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() while true do end end)",
    "local t = {} for i = 1, 30 do t[i] = t end while true do pcall(cjson.encode, t) end",
    "while true do local t = {} for i = 1, 30 do t[i] = t end pcall(cmsgpack.pack, t) end",
    "local t = {} for i = 1, 1e5 do t['k' .. i] = i end for k in pairs(t) do t[k] = nil end \
        local r = {} for i = 1, 1e6 do r[i] = t end return cmsgpack.pack(r)",
    "local s = ('\\1'):rep(7000) while true do cmsgpack.unpack(s) end",
    "local s = ('\\192'):rep(1e7) while true do cmsgpack.unpack('\\221\\0\\152\\150\\128' .. s) end",
    "local f = (' '):rep(1e7) while true do struct.unpack(f, '') struct.pack(f) struct.size(f) end",
    "local t = {} for i = 1, 3e5 do t[i] = (i * 7919) % 300007 end while true do t[1] = 0/0 table.sort(t) end",
    "local t = {} for i = 1, 1e5 do t[i] = 'key:' .. i end while true do table.sort(t) end",
    "local t = {} for i = 1, 100 do t[i] = i end while true do pcall(table.sort, t, function() return true end) end",
    "local mt = {} mt.__lt = function() return true end local t = {} \
        for i = 1, 100 do t[i] = setmetatable({}, mt) end while true do pcall(table.sort, t) end",
    "local mt = {} mt.__index = function(t, k) return t[k + 1] end \
        while true do pcall(function() return setmetatable({}, mt)[1] end) end",
    "table.insert({}, -2^31, 'x') return redis.call('ping')",
    "while true do pcall(table.insert, {1, 2, 3}, -1e9, 'x') end",
    "local t = setmetatable({}, {__lt = function() while true do end end}) return t < t",
    "local s = 'return 1' while true do loadstring(s)() end",
    "while true do string.format('%d', 1) end",
    "local t = {} t[1], t[2] = t, t return t",
    "while true do for k in pairs({1,2,3}) do end end",
    "local t = {} for i = 1, 100 do t[i] = i end while true do table.sort(t) table.concat(t) end",
    "while true do math.random() os.clock() tostring({}) end",
];

/// Runs a script and kills it after a while; its answer, and the processor's time from the order to the end. (What a
/// clock says grows with all else that the machine does.)
fn killed(bench: &mut Bench, source: &str) -> (String, Duration) {
    let task = std::fs::read_link("/proc/thread-self").expect("the thread's number");
    let task = Path::new("/proc").join(task);
    let interrupt = bench.vm.interrupt();
    let killer = std::thread::spawn({
        let task = task.clone();
        move || {
            let run = loop {
                match interrupt.running() {
                    Some(run) => break run,
                    None => std::thread::yield_now(),
                }
            };
            std::thread::sleep(Duration::from_millis(20));
            let ordered = cpu_time(&task);
            while interrupt.stop(run, KillReason::ScriptKill) {
                std::thread::sleep(Duration::from_millis(2));
            }
            ordered
        }
    });
    let text = bench.eval(source, &[], &[]);
    let ended = cpu_time(&task);
    let ordered = killer.join().expect("the killer does not panic");
    (
        common::without_sha(text.trim_start_matches("killed ")),
        ended.saturating_sub(ordered),
    )
}

/// How long a thread has run so far.
fn cpu_time(task: &Path) -> Duration {
    let scheduled = std::fs::read_to_string(task.join("schedstat")).expect("the thread is there");
    let nanoseconds = scheduled.split(' ').next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanoseconds.expect("its time"))
}

#[test]
fn every_endless_script_can_be_killed() {
    let mut bench = bench();
    for source in ENDLESS {
        // one of them must be quick: the killer may stand still between its look at the time and its order
        let mut times = (0..10).map(|_| {
            let (text, after) = killed(&mut bench, source);
            assert!(
                text.starts_with("-ERR Script killed by user with SCRIPT KILL."),
                "{source}: {text}"
            );
            assert_eq!(
                bench.eval("return 'next'", &[], &[]),
                "\"next\"",
                "after {source}"
            );
            after
        });
        assert!(
            times.any(|after| after < Duration::from_millis(500)),
            "{source}: takes longer each time"
        );
    }
}

#[test]
fn the_killed_script_names_its_line() {
    let (text, _) = killed(&mut bench(), "\n\nwhile true do end");
    assert_eq!(text, "-ERR Script killed by user with SCRIPT KILL. @3");
}

#[test]
fn a_killed_script_is_killed_on_whatever_thread_it_runs() {
    let mut bench = bench();
    for _ in 0..3 {
        bench = std::thread::spawn(move || {
            let (text, _) = killed(&mut bench, "while true do end");
            assert!(text.starts_with("-ERR Script killed"), "{text}");
            bench
        })
        .join()
        .expect("no panic");
    }
}

#[test]
fn a_late_order_hits_nobody() {
    let mut bench = bench();
    let interrupt = bench.vm.interrupt();
    assert_eq!(interrupt.running(), None);
    for _ in 0..200 {
        let watcher = interrupt.clone();
        let seen = std::thread::spawn(move || {
            for _ in 0..100_000 {
                if let Some(run) = watcher.running() {
                    return Some(run);
                }
            }
            None
        });
        bench.eval(
            "local x = 0 for i = 1, 20000 do x = x + i end return x",
            &[],
            &[],
        );
        if let Some(run) = seen.join().expect("no panic") {
            assert!(!interrupt.stop(run, KillReason::Timeout), "the run is over");
            assert_eq!(
                bench.eval(
                    "local x = 0 for i = 1, 1000 do x = x + i end return x",
                    &[],
                    &[]
                ),
                ":500500"
            );
        }
    }
}

#[test]
fn orders_and_ends_that_cross_agree() {
    // Whoever was told that the run still was running finds it killed.
    let mut bench = bench();
    let interrupt = bench.vm.interrupt();
    for round in 0..300 {
        let killer = interrupt.clone();
        let told = std::thread::spawn(move || {
            let run = loop {
                if let Some(run) = killer.running() {
                    break run;
                }
                std::hint::spin_loop();
            };
            killer.stop(run, KillReason::Timeout)
        });
        let source = format!(
            "local x = 0 for i = 1, {} do x = x + i end return 'done'",
            round * 400
        );
        let mut text = bench.eval(&source, &[], &[]);
        while !text.starts_with("killed") && !told.is_finished() {
            // It may not have seen the first run: give it others.
            text = bench.eval("return 'done'", &[], &[]);
        }
        let told = told.join().expect("no panic");
        if told {
            assert!(text.starts_with("killed"), "{text}");
        }
        assert_eq!(bench.eval("return 1", &[], &[]), ":1");
    }
}

#[test]
fn an_abort_of_the_port_cannot_be_caught() {
    let mut bench = bench();
    for source in [
        "redis.call('abort')",
        "redis.pcall('abort')",
        "pcall(redis.call, 'abort') return 1",
        "pcall(redis.call, 'abort') redis.call('set', 'x', 1)",
        "while true do pcall(redis.call, 'abort') end",
        "xpcall(function() redis.call('abort') end, function() redis.call('set', 'x', 1) end) return 1",
        "coroutine.wrap(function() pcall(redis.call, 'abort') redis.call('set', 'x', 1) end)() return 1",
        "local co = coroutine.create(function() redis.call('abort') end) coroutine.resume(co) redis.call('set','x',1)",
        "string.gsub('abc', '.', function() pcall(redis.call, 'abort') end) redis.call('set', 'x', 1)",
        "string.gsub('abort', '.*', redis.pcall) redis.call('set', 'x', 1)",
        "return setmetatable({}, {__index = function() redis.pcall('abort') end}).x",
        "table.sort({1,2,3}, function() pcall(redis.call, 'abort') redis.call('set', 'x', 1) end)",
    ] {
        assert_eq!(bench.eval(source, &[], &[]), "aborted", "{source}");
        assert!(bench.server.data.is_empty(), "{source} went on");
        assert_eq!(bench.eval("return 1", &[], &[]), ":1");
    }
}

#[test]
fn a_panic_of_the_port_ends_the_script_and_goes_on() {
    let mut bench = bench();
    for source in [
        "redis.call('panic')",
        "pcall(redis.call, 'panic') return 1",
        "coroutine.wrap(function() pcall(redis.call, 'panic') end)() redis.call('set', 'x', 1)",
    ] {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            bench.eval(source, &[], &[])
        }));
        let payload = result.expect_err("the panic goes on");
        assert_eq!(
            payload.downcast_ref::<&str>(),
            Some(&"the port panics"),
            "{source}"
        );
        assert!(bench.server.data.is_empty(), "{source} went on");
        assert_eq!(bench.eval("return 1", &[], &[]), ":1");
    }
}

/// Ways to ask for ever more memory.
const HUNGRY: &[&str] = &[
    "local s = 'x' while true do s = s .. s end",
    "local s = 'x' while true do pcall(function() s = s .. s end) end",
    "return string.rep('x', 1e9)",
    "local t = {} for i = 1, 1e9 do t[i] = i end",
    "local t = {} for i = 1, 1e9 do t[i] = {} end",
    "local t = {} for i = 1, 1e9 do t[i] = function() return i end end",
    "local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() end) end",
    "local t = {} for i = 1, 1e9 do t[i] = coroutine.wrap(function() coroutine.yield() end) t[i]() end",
    "local t = {} for i = 1, 1e9 do t['key' .. i] = 'value' .. i end",
    "local t = {} while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = {i} end end) end",
    "local t = {} while true do t = {t} end",
    "local t = {} for i = 1, 1e7 do t[i] = 'some text of a certain length' end return table.concat(t)",
    "local s = ('x'):rep(1e6) return (s:gsub('.', s))",
    "local s = ('x'):rep(1e6) return (s:gsub('.', function() return s end))",
    "local s = ('x'):rep(1e7) local t = {} for i = 1, 100 do t[i] = s end return cjson.encode(t)",
    "return redis.call('big', 200000000)",
    "local t = {} while true do t[#t + 1] = redis.call('big', 1000000 + #t) end",
    "local t = {} while true do pcall(function() t[#t + 1] = redis.call('numbers', 100000) end) end",
    "return redis.call('numbers', 60000000)",
    "return cjson.decode('[' .. ('[],'):rep(3e6) .. '[]]')",
    "return cjson.decode('[' .. ('1,'):rep(5e6) .. '1]')",
    "local t = {} for i = 1, 1e9 do t[i] = loadstring('return ' .. i) end",
    "local t = {} for i = 1, 1e9 do t[i] = string.format('%50d', i) end",
    "local function f(...) return f(1, ...) end f()",
    "return loadstring('return ' .. ('{'):rep(1e7))",
    "local t = {} for i = 1, 1e9 do t[-i] = i end",
    "local t = {} for i = 1, 1e9 do t[i] = cjson.new() end",
    "local t = {} for i = 1, 1e9 do t[i] = ('x'):gmatch('.') end",
    "local t = {} for i = 1, 1e9 do t[i] = ('x y z'):gmatch('%a+') end",
    "local t, s = {}, ('x'):rep(1e6) .. ' ' for w in s:rep(20):gmatch('%a+') do t[#t + 1] = w .. #t end",
    "local t, s = {}, 'x' for i = 1, 1e9 do s = s .. i t[i] = s end",
];

#[test]
fn hungry_scripts_end_and_the_vm_recovers() {
    let limit = Limits {
        memory_bytes: 32 << 20,
    };
    let mut bench = bench_with(limit);
    bench.eval("return 1", &[], &[]);
    bench.vm.collect();
    let before = bench.vm.memory_used_bytes();
    for source in HUNGRY {
        let text = bench.eval(source, &[], &[]);
        let ok = text.starts_with("memory -ERR Script ran out of memory.")
            || text.starts_with("-ERR user_script:1: stack overflow")
            || text == "nil";
        assert!(ok, "{source}: {}", &text[..text.len().min(200)]);
        assert_eq!(
            bench.eval("return 'next'", &[], &[]),
            "\"next\"",
            "after {source}"
        );
        bench.vm.maybe_collect();
        // LuaJIT gives its own buffers back by halves.
        (0..8).for_each(|_| bench.vm.collect());
        let after = bench.vm.memory_used_bytes();
        assert!(
            after < before + (1 << 20),
            "{source}: {before} before, {after} after"
        );
    }
}

#[test]
fn memory_is_limited_per_run_on_top_of_what_is_held() {
    let mut bench = bench_with(Limits {
        memory_bytes: 8 << 20,
    });
    for _ in 0..50 {
        assert_eq!(
            bench.eval("local s = ('x'):rep(4e6) return #s", &[], &[]),
            ":4000000"
        );
        bench.vm.maybe_collect();
    }
    assert!(
        bench
            .eval("local s = ('x'):rep(16e6) return #s", &[], &[])
            .starts_with("memory")
    );
}

#[test]
fn many_scripts_do_not_fill_the_vm() {
    let mut bench = bench();
    for number in 0..5000 {
        assert_eq!(
            bench.eval(&format!("return {number}"), &[], &[]),
            format!(":{number}")
        );
        bench.vm.maybe_collect();
    }
    bench.vm.collect();
    assert!(
        bench.vm.memory_used_bytes() < 4 << 20,
        "{}",
        bench.vm.memory_used_bytes()
    );
    bench.vm.forget_scripts();
    assert!(
        bench.vm.memory_used_bytes() < 1 << 20,
        "{}",
        bench.vm.memory_used_bytes()
    );
}

/// Ways to catch an error, around `redis.rollback('why')`.
const CATCHING: &[&str] = &[
    "redis.rollback('why') return 'survived'",
    "pcall(redis.rollback, 'why') return 'survived'",
    "xpcall(function() redis.rollback('why') end, function() return 'caught' end) return 'survived'",
    "while true do pcall(function() redis.rollback('why') end) end",
    "local co = coroutine.create(function() redis.rollback('why') end) coroutine.resume(co) return 'survived'",
    "local co = coroutine.wrap(function() pcall(redis.rollback, 'why') coroutine.yield(1) end) co() return co()",
    "local t = setmetatable({}, {__index = function() redis.rollback('why') end}) pcall(function() return t.x end) return 1",
    "local t = {3, 1, 2} pcall(table.sort, t, function() redis.rollback('why') end) return t",
    "pcall(string.gsub, 'abc', '.', function() redis.rollback('why') end) return 'survived'",
    "pcall(pcall, redis.rollback, 'why') redis.rollback('again')",
    "pcall(redis.rollback, 'why') while true do redis.call('set', 'after', '1') end",
    "pcall(function() return server.rollback('why') end) error({err = 'another'})",
];

#[test]
fn nothing_catches_a_rollback() {
    let mut bench = bench();
    for source in CATCHING {
        assert_eq!(
            bench.eval(source, &[], &[]),
            "rolled back -ROLLBACK why",
            "{source}"
        );
        assert!(bench.server.data.is_empty(), "{source}");
        assert_eq!(bench.eval("return 'next'", &[], &[]), "\"next\"");
    }
}

#[test]
fn a_rollback_says_why() {
    let mut bench = bench();
    for (call, expected) in [
        ("redis.rollback()", "-ROLLBACK The script took itself back."),
        (
            "redis.rollback(nil)",
            "-ROLLBACK The script took itself back.",
        ),
        (
            "redis.rollback({})",
            "-ROLLBACK The script took itself back.",
        ),
        ("redis.rollback(12)", "-ROLLBACK 12"),
        ("redis.rollback('a\\r\\nb')", "-ROLLBACK a  b"),
        ("redis.rollback('')", "-ROLLBACK "),
    ] {
        let seen = bench.eval(call, &[], &[]);
        assert_eq!(seen, format!("rolled back {expected}"), "{call}");
    }
}

#[test]
fn where_there_is_no_way_back_a_rollback_is_an_error_like_others() {
    let mut bench = bench();
    bench.server.cannot_roll_back = true;
    let seen = bench.eval("return pcall(redis.rollback, 'why')", &[], &[]);
    assert_eq!(seen, "nil", "{seen}");
    let seen = bench.eval("redis.rollback('why')", &[], &[]);
    assert!(
        seen.starts_with("-ERR What this script has done cannot be taken back"),
        "{seen}"
    );
}

#[test]
fn an_answer_that_is_an_error_is_told_from_one_that_holds_some() {
    let mut bench = bench();
    for (source, is_error) in [
        ("return {err='MY x'}", true),
        ("return redis.error_reply('MY x')", true),
        ("return redis.pcall('lpush', 'a', 'b')", true),
        ("return {1, {err='MY x'}}", false),
        ("return {{err='MY x'}}", false),
        ("return {ok='fine'}", false),
        ("return 1", false),
    ] {
        bench.eval(source, &[], &[]);
        assert_eq!(bench.answered_error, is_error, "{source}");
    }
}

#[test]
fn a_run_that_is_spared_goes_on_whatever_was_ordered_before_and_after() {
    let mut bench = bench();
    bench.server.interrupt = Some(bench.vm.interrupt());
    let spared = "redis.call('spare') local n = 0 for i = 1, 1000 do n = n + 1 redis.call('ping') end return n";
    for _ in 0..2 {
        assert_eq!(bench.eval(spared, &[], &[]), ":1000");
        // but for the end of the server, and the next run is not
        for stopped in [
            "redis.call('spare') redis.call('shutdown') return 'survived'",
            "redis.call('shutdown') return 'survived'",
            "redis.call('kill') return 'survived'",
        ] {
            let text = bench.eval(stopped, &[], &[]);
            assert!(text.starts_with("killed "), "{stopped}: {text}");
        }
    }
}
