//! What a script does with `KEYS` and `ARGV`: elements that only go to commands get there without becoming strings of Lua's, and
//! nothing can tell.

mod common;

use common::bench;

/// Scripts that hand elements over, and do other things with them, in all the ways that come to mind.
const SOURCES: &[&str] = &[
    "return redis.call('args', KEYS[1], ARGV[1], ARGV[2])",
    "return redis.pcall('echo', ARGV[1])",
    "return server.call('echo', ARGV[2])",
    "return redis.call(ARGV[3], KEYS[1])",
    "redis.call('set', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])",
    "return {redis.call('echo', KEYS[1]), redis.call('echo', ARGV[1]), #KEYS, #ARGV}",
    "return {redis.call('echo', KEYS[1]), KEYS[1]}",
    "return {KEYS[1], redis.call('echo', KEYS[1])}",
    "return {redis.call('echo', ARGV[1]), KEYS[1]}",
    "return redis.call('args', KEYS[1], 1, 2, 3, 4, 5, 6, 7, 8, 9, ARGV[1])",
    "return redis.call('args', KEYS[1], 1.5, ARGV[1])",
    "return redis.call('args', KEYS[1], {})",
    "return redis.call('args', KEYS[1], KEYS[9])",
    "return redis.call('args', KEYS[1], cjson.null)",
    "return redis.call('nosuch', KEYS[1])",
    "return redis.call('echo', KEYS.x or 'none')",
    "return redis.call('echo', KEYS[1] .. 'x')",
    "return redis.call('echo', 'x' .. KEYS[1] .. ARGV[1])",
    "return redis.call('echo', KEYS[1]:upper())",
    "return redis.call('echo', #KEYS[1])",
    "return redis.call('echo', -ARGV[4])",
    "return redis.call('echo', ARGV[4] + 1)",
    "return redis.call('args', ARGV[4], ARGV[4] - 50)",
    "return redis.call('echo', not ARGV[1] and 'x' or 'y')",
    "return redis.call('echo', ARGV[1] or 'none')",
    "return redis.call('echo', ARGV[1] and 'some' or 'none')",
    "return redis.call('args', type(ARGV[1]), tostring(ARGV[2]), (tonumber(ARGV[4])))",
    "return redis.call('args', KEYS[1], ARGV[1] == KEYS[1] and 'same' or 'other', ARGV[1])",
    "return redis.call('echo', ({[KEYS[1]] = 'found'})[KEYS[1]])",
    "return redis.call('args', KEYS[1], unpack({ARGV[1], ARGV[2]}))",
    "return redis.call('args', KEYS[1], redis.call('echo', ARGV[1]))",
    "return {redis.call('args', KEYS[1], redis.call('args', ARGV[1], KEYS[1]), ARGV[2])}",
    "return (function(...) return redis.call('args', KEYS[1], ARGV[1], ...) end)(ARGV[2], ARGV[1])",
    "return redis.call('args', KEYS[1], (function(...) return ... end)(ARGV[1], KEYS[1]))",
    "return redis.call('args', (redis.call('echo', ARGV[1])), KEYS[1])",
    "return redis.call('args', string.rep(ARGV[1], 2), KEYS[1], select('#', ARGV[1], ARGV[2]))",
    "return redis.call('args', KEYS[1], (function() return ARGV[1] end)())",
    "return redis.call('args', KEYS[1], (function(x) return type(x) end)(ARGV[1]))",
    "return redis.sha1hex(KEYS[1])",
    "return redis.status_reply(ARGV[1])",
    "redis.log(redis.LOG_NOTICE, KEYS[1], ARGV[1]) return 1",
    "return redis.acl_check_cmd('get', KEYS[1])",
    "local k = KEYS[1] return redis.call('echo', k)",
    "local k = KEYS[1] redis.call('echo', 'x') return k",
    "local k, a = KEYS[1], ARGV[1] redis.call('set', k, a) return {k, a}",
    "local c = redis.call return c('echo', KEYS[1])",
    "local c = redis return c.call('echo', KEYS[1])",
    "local redis = {call = type} return redis.call(KEYS[1])",
    "local other = {call = function(...) return type(select(2, ...)) end} \
     return (#ARGV > 0 and other or redis).call('echo', KEYS[1])",
    "local other = {call = function(...) return type(select(2, ...)) end} \
     return (#ARGV > 99 and redis or other).call('echo', KEYS[1])",
    "local other = {call = function(...) return type(select(2, ...)) end} \
     return (#ARGV == 0 and other or redis).call('echo', KEYS[1])",
    "local other = {call = function(...) return type(select(2, ...)) end} \
     for i = 1, 2 do local r = i == 1 and redis or other if i == 2 then return r.call('echo', KEYS[1]) end end",
    "return {pcall(redis.call, 'echo', KEYS[1])}",
    "return select(2, pcall(function() return redis.call('echo', KEYS[1]) end))",
    "return coroutine.wrap(function() return redis.call('echo', KEYS[1]) end)()",
    "return coroutine.wrap(function(...) return redis.call('args', KEYS[1], ...) end)(ARGV[1])",
    "local t = {} t[1], t[2] = redis.call('echo', KEYS[1]), KEYS[1] return t",
    "local t = {redis.call('echo', KEYS[1]), redis.call('echo', ARGV[2])} t[ARGV[1]] = 1 return t",
    "if ARGV[1] then return redis.call('echo', ARGV[1]) end return 'none'",
    "if KEYS[1] == ARGV[1] then return 'same' end return redis.call('args', KEYS[1], ARGV[1])",
    "for i = 1, #ARGV do redis.call('set', KEYS[1], ARGV[i]) end return redis.call('get', KEYS[1])",
    "local last for i = 1, #ARGV do redis.call('set', KEYS[1], ARGV[i]) last = ARGV[i] end return last",
    "local i = 0 repeat i = i + 1 redis.call('set', KEYS[1], ARGV[i]) until i >= #ARGV return ARGV[2]",
    "local r for i = 1, 300 do r = redis.call('args', KEYS[1], ARGV[i % 2 + 1]) end return r",
    "local r for i = 1, 300 do r = redis.call('args', KEYS[1], ARGV[1]) end return r",
    "local r for i = 1, 300 do r = i % 2 == 0 and redis.call('echo', KEYS[1]) or ARGV[1] end return r",
    "local function f() return redis.call('echo', KEYS[1]) end local r for i = 1, 300 do r = f() end return r",
    "while true do redis.call('echo', KEYS[1]) break end return redis.call('echo', ARGV[2])",
    "do local x = redis.call('echo', KEYS[1]) end do local y = ARGV[1] return {y, y} end",
    "local a, b = 1, KEYS[1] a = b return redis.call('echo', a)",
    "return redis.call('echo', nil, KEYS[1], nil)",
];

/// Each script, once as it is and once in a way in which its arguments must be strings, because who knows where the tables go.
#[test]
fn an_element_is_the_same_however_it_comes() {
    let long = "x".repeat(3000);
    let rounds: [(&[&str], &[&str]); 8] = [
        (&["k1"], &["a1", "a2", "echo", "41"]),
        (&["k2"], &["a1", "b2", "ping", "1e3"]),
        (&["k2", "more"], &["k2", "", "get", "-0"]),
        (&[], &[]),
        (&[""], &["\0", "\r\n", "args"]),
        (&[&long], &["a1", &long, "echo", "5"]),
        (&["k1"], &[&long]),
        (&["k1"], &["a1", "a2", "echo", "41", "a5", "a6"]),
    ];
    let mut bench = bench();
    let mut functions = Vec::new();
    for source in SOURCES {
        // line numbers and names of functions are the same
        let body = source.replace("KEYS", "keys").replace("ARGV", "args");
        let library = |prefix: &str| {
            format!(
                "#!lua name=lib\nredis.register_function('f', function(keys, args) {prefix}{body} end)"
            )
        };
        functions.push(["", "local k_, a_ = keys, args "].map(|prefix| {
            let loaded = bench.load(&library(prefix));
            loaded.unwrap_or_else(|error| panic!("{source}: {error}"))[0].clone()
        }));
    }
    let mut wrong = String::new();
    for _ in 0..3 {
        for (keys, argv) in rounds {
            for (source, functions) in SOURCES.iter().zip(&functions) {
                let strings = format!("local k_, a_ = KEYS, ARGV {source}");
                let name = |source: &str| {
                    let script = perilune_script::Script::new(source.as_bytes());
                    let script = script.expect("a script");
                    String::from_utf8_lossy(script.sha1()).into_owned()
                };
                let seen = bench.eval(source, keys, argv).replace(&name(source), "");
                let expected = bench.eval(&strings, keys, argv);
                let expected = expected.replace(&name(&strings), "");
                if seen != expected {
                    wrong += &format!("\n  {source}\n    {expected}\n    but {seen}");
                }
                let [seen, expected] = functions
                    .each_ref()
                    .map(|function| bench.call(function, keys, argv));
                if seen != expected {
                    wrong +=
                        &format!("\n  as a function: {source}\n    {expected}\n    but {seen}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// As many different keys as one likes leave nothing behind in the interpreter.
#[test]
fn what_only_goes_to_commands_becomes_no_string() {
    let mut bench = bench();
    let library = "#!lua name=lib\nredis.register_function('f', function(keys, args) redis.call('set', keys[1], args[2]) end)";
    let function = bench.load(library).expect("a library")[0].clone();
    for source in [
        "redis.call('set', KEYS[1], ARGV[2])",
        "for i = 1, #ARGV do redis.call('set', KEYS[1], ARGV[i]) end",
        "redis.pcall('set', KEYS[1], ARGV[1]) redis.call('set', ARGV[1], tonumber('7'))",
    ] {
        bench.eval(source, &["k"], &["a", "b"]);
        bench.call(&function, &["k"], &["a", "b"]);
        bench.vm.collect();
        let before = bench.vm.memory_used_bytes();
        for number in 0..1000 {
            let key = format!("the name of a key, which is number {number}");
            bench.eval(source, &[&key], &[&key, &key]);
            bench.call(&function, &[&key], &[&key, &key]);
        }
        let more = bench.vm.memory_used_bytes().saturating_sub(before);
        assert!(more < 20_000, "{source}: {more} bytes more");
        assert!(bench.server.data.len() > 1000);
    }
}
