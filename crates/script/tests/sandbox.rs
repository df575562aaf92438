//! What a script sees, and that it can keep and change nothing of it.

mod common;

use common::bench;

#[test]
fn the_globals_are_the_references() {
    let list = "local t = {} for k, v in pairs(TABLE) do t[#t+1] = k end table.sort(t) return table.concat(t, ' ')";
    let mut bench = bench();
    for (table, expected) in [
        (
            "_G",
            "ARGV KEYS _G _VERSION __redis__err__handler __server__err__handler assert bit cjson cmsgpack collectgarbage \
             coroutine error gcinfo getmetatable ipairs load loadstring math next os pairs pcall rawequal rawget \
             rawset redis select server setmetatable string struct table tonumber tostring type unpack xpcall",
        ),
        ("os", "clock"),
        ("struct", "pack size unpack"),
        (
            "cmsgpack",
            "_COPYRIGHT _DESCRIPTION _NAME _VERSION pack unpack unpack_limit unpack_one",
        ),
        (
            "bit",
            "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex",
        ),
        (
            "string",
            "byte char dump find format gfind gmatch gsub len lower match rep reverse sub upper",
        ),
        (
            "table",
            "concat foreach foreachi getn insert maxn remove setn sort",
        ),
        (
            "math",
            "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min mod modf \
             pi pow rad random randomseed sin sinh sqrt tan tanh",
        ),
        ("coroutine", "create resume running status wrap yield"),
        (
            "cjson",
            "_NAME _VERSION decode decode_invalid_numbers decode_max_depth encode encode_invalid_numbers \
             encode_keep_buffer encode_max_depth encode_number_precision encode_sparse_array new null",
        ),
    ] {
        let reply = bench.eval(&list.replace("TABLE", table), &[], &[]);
        assert_eq!(reply, format!("\"{expected}\""), "{table}");
    }
}

#[test]
fn globals_can_be_neither_missing_nor_changed() {
    let readonly = "-ERR user_script:1: Attempt to modify a readonly table @1";
    let readonly_here = "-ERR Attempt to modify a readonly table @1";
    let missing =
        "-ERR user_script:1: Script attempted to access nonexistent global variable 'foo' @1";
    bench().check(&[
        ("return foo", missing),
        ("return _G.foo", missing),
        ("foo=1", readonly),
        ("_G.foo=1", readonly),
        ("function foo() end", readonly),
        ("KEYS={}", readonly),
        ("redis = function() return 1 end", readonly),
        ("_G = {}", readonly),
        ("string.foo=1", readonly),
        ("redis.call = function() return 1 end", readonly),
        ("cjson.encode = function() return 1 end", readonly),
        ("bit.band = nil", readonly),
        ("cmsgpack.pack = nil", readonly),
        ("rawset(cmsgpack,'x',1)", readonly_here),
        ("struct.pack = nil", readonly),
        ("rawset(struct,'x',1)", readonly_here),
        ("rawset(bit,'x',1)", readonly_here),
        ("rawset(_G,'x',1)", readonly_here),
        ("rawset(string,'x',1)", readonly_here),
        ("setmetatable(_G,{})", readonly_here),
        ("setmetatable(redis,{})", readonly_here),
        ("table.insert(_G,1)", readonly_here),
        ("table.insert(string,1)", readonly_here),
        ("local g=getmetatable(_G) g.__index={}", readonly),
        ("getmetatable('').__index={}", readonly),
        ("getmetatable('').__index.rep = 1", readonly),
        ("return type(getmetatable(_G))", "\"table\""),
        ("return getmetatable(redis)", "nil"),
        ("return getmetatable(nil)", "nil"),
        ("return getmetatable(1) or getmetatable(true) or getmetatable(print_ == nil)", "-ERR user_script:1: Script attempted to access nonexistent global variable 'print_' @1"),
        ("return getmetatable(function() end) or getmetatable(coroutine.create(function() end))", "nil"),
        ("return rawget(_G,'x')", "nil"),
        ("return type(rawget(_G,'redis'))", "\"table\""),
        ("return next(os)", "\"clock\""),
        ("local t={} for k,v in pairs(getmetatable('')) do t[#t+1]=k..type(v) end return t", "[\"__indextable\"]"),
        ("local t={} for k in next, getmetatable(_G) do t[#t+1]=k end return t", "[\"__index\"]"),
        ("for k, v in pairs(_G) do if type(v) == 'table' and k ~= 'KEYS' and k ~= 'ARGV' then local ok, e = pcall(function() v.x = 1 end) if ok then return k end end end return 'none'", "\"none\""),
        ("table.remove(_G) table.sort(_G) table.foreachi(_G, function() end) return #_G", ":0"),
    ]);
}

#[test]
fn dangerous_things_are_absent() {
    let mut bench = bench();
    for name in [
        "print", "require", "package", "io", "debug", "dofile", "loadfile", "getfenv", "setfenv",
        "newproxy", "module", "ffi", "jit", "rawlen",
    ] {
        let reply = bench.eval(&format!("return {name}"), &[], &[]);
        assert!(
            reply.contains("nonexistent global variable"),
            "{name}: {reply}"
        );
    }
    bench.check(&[
        (
            "return loadstring(string.dump(function() return 1 end))",
            "nil",
        ),
        (
            "return loadstring(string.dump(function() return 1 end))()",
            "-ERR user_script:1: attempt to call a nil value @1",
        ),
        ("local ok = pcall(string.rep, 'x', -1) return ok", ":1"),
    ]);
}

#[test]
fn nothing_leaks_from_one_script_to_the_next() {
    let mut bench = bench();
    for (first, second, expected) in [
        ("KEYS[1] = 'z' KEYS.x = 1", "return {#KEYS, KEYS.x}", "[:0]"),
        (
            "redis.setresp(3)",
            "return type(redis.call('shape', 'map'))  == 'table' and redis.call('shape', 'map')[1]",
            "\"a\"",
        ),
        (
            "cjson.encode_max_depth(1) cjson.decode_max_depth(1)",
            "return cjson.encode({{{}}})",
            "\"[[{}]]\"",
        ),
        (
            "cjson.encode_number_precision(3)",
            "return cjson.encode(1.23456)",
            "\"1.23456\"",
        ),
        (
            "cjson.encode_sparse_array(true)",
            "return pcall(cjson.encode, {[100]=1})",
            "nil",
        ),
        (
            "collectgarbage('stop') collectgarbage('setpause', 1000000)",
            "return collectgarbage('setpause', 100)",
            ":200",
        ),
        (
            "pcall(rawset, string, 'x', 1) pcall(rawset, _G, 'x', 1)",
            "return {string.x, rawget(_G, 'x')}",
            "[]",
        ),
        (
            "local t = getmetatable('') pcall(rawset, t, '__index', {})",
            "return ('x'):rep(2)",
            "\"xx\"",
        ),
        (
            "leak = 1",
            "return pcall(function() return leak end)",
            "nil",
        ),
        ("error('x')", "return 1", ":1"),
    ] {
        bench.eval(first, &["k"], &[]);
        assert_eq!(bench.eval(second, &[], &[]), expected, "{first}");
    }
}

/// A script that is seen to need no protection works on the real tables, and shares those of its arguments with others
/// of its kind. What other scripts do must not reach them.
#[test]
fn what_scripts_share_cannot_be_changed() {
    let probe = "return {#KEYS, #ARGV, KEYS[1] or 'none', KEYS[2] or 'none', ARGV[3] or 'none', \
                 redis.call('echo', 'x'), string.rep('y', 2), cjson.encode({1}), type(tonumber), \
                 (redis.new or math.new or string.new or cjson.new_) == nil and 'clean'}";
    let mut bench = bench();
    for hostile in [
        "redis.call = nil",
        "redis['new'] = 1",
        "local name = 'new' redis[name] = 1",
        "local r = redis r.new = 1",
        "local a, b = redis, math a.new = 1",
        "local r = redis pcall(function() r.call = nil end)",
        "math.new, string.new = 1, 2",
        "_G.redis.new = 1",
        "_G['math'].new = 1",
        "loadstring('redis.new = 1')()",
        "load(function() return nil end)() redis.new = 1",
        "rawset(redis, 'new', 1)",
        "rawset(_G, 'redis', {})",
        "redis = {}",
        "table.insert(redis, 1)",
        "for _, library in ipairs({redis, math, string}) do pcall(rawset, library, 'new', 1) end",
        "(function() return redis end)().new = 1",
        "unpack({redis}).new = 1",
        "setmetatable({}, {__newindex = redis}).new = 1",
        "local t = setmetatable({}, {__index = math}) t.floor = 1",
        "coroutine.wrap(function() redis.new = 1 end)()",
        "coroutine.wrap(function(r) r.new = 1 end)(redis)",
        "xpcall(function() error(redis) end, function(r) r.new = 1 end)",
        "redis.call('echo', 'x') local f = function() local r = redis return r end f().new = 1",
        "for i = 1, 100 do local r = i == 100 and redis or {} r.new = 1 end",
        "KEYS = {1, 2, 3}",
        "KEYS[1] = 'changed' KEYS[5] = 'five' ARGV[3] = 'three'",
        "local k = KEYS k[1] = 'changed' k[9] = 'nine'",
        "table.insert(KEYS, 'more') table.insert(ARGV, 1, 'more')",
        "table.remove(ARGV) while #KEYS > 0 do table.remove(KEYS) end",
        "return KEYS[1] .. ARGV[1] .. #KEYS",
    ] {
        for seen in ["", "local k, a = KEYS[1], ARGV[1] "] {
            bench.eval(
                &format!("{seen}{hostile}"),
                &["a", "b", "c"],
                &["d", "e", "f"],
            );
            assert_eq!(
                bench.eval(probe, &["g"], &["h", "i", "j"]),
                "[:1 :3 \"g\" \"none\" \"j\" \"x\" \"yy\" \"[1]\" \"function\" \"clean\"]",
                "{hostile}"
            );
            assert_eq!(
                bench.eval(probe, &[], &["h"]),
                "[:0 :1 \"none\" \"none\" \"none\" \"x\" \"yy\" \"[1]\" \"function\" \"clean\"]",
                "{hostile}"
            );
        }
    }
}

/// Arguments of any number and size, one run after the other, seen by scripts that share the tables and by those that do not.
#[test]
fn arguments_are_those_of_the_run() {
    let mut bench = bench();
    let long = "x".repeat(5000);
    let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let all: Vec<&str> = many.iter().map(String::as_str).collect();
    let rounds: &[&[&str]] = &[
        &["a", "b"],
        &all,
        &[],
        &["a"],
        &[&long],
        &["a", "c"],
        &all[..32],
        &all[..33],
    ];
    for _ in 0..50 {
        for args in rounds {
            let expected = match args {
                [] => "[:0]".to_owned(),
                [first, ..] => {
                    format!("[:{} \"{first}\" \"{}\"]", args.len(), args[args.len() - 1])
                }
            };
            for source in [
                "return {#ARGV, ARGV[1], ARGV[#ARGV]}",
                "local n = #ARGV return {n, ARGV[1], ARGV[n]}",
                "local a = ARGV return {#a, a[1], a[#a]}",
                "local last for i, arg in ipairs(ARGV) do last = arg end return {#ARGV, ARGV[1], last}",
            ] {
                assert_eq!(bench.eval(source, &[], args), expected, "{source}");
            }
        }
        // the collector, in the middle of its work
        bench.eval(
            "for i = 1, 200 do local t = {i .. 'garbage'} end collectgarbage('step', 1)",
            &[],
            &[],
        );
    }
}

#[test]
fn random_numbers_are_the_references() {
    bench().check(&[
        ("math.randomseed(42) return {tostring(math.random()),tostring(math.random()),math.random(100),math.random(5,10)}", "[\"0.74452500033403\" \"0.34270147855519\" :12 :7]"),
        ("math.randomseed(0) return tostring(math.random())", "\"0.17082803611217\""),
        ("return math.random(0)", "-ERR user_script:1: bad argument #1 to 'random' (interval is empty) @1"),
        ("return math.random(5,1)", "-ERR user_script:1: bad argument #2 to 'random' (interval is empty) @1"),
        ("return math.random(1,2,3)", "-ERR user_script:1: wrong number of arguments @1"),
    ]);
}

#[test]
fn the_library_of_lua_5_1_is_whole() {
    bench().check(&[
        ("return math.mod(5,3)", ":2"),
        ("return string.gfind==string.gmatch", ":1"),
        ("table.setn({},1)", "-ERR user_script:1: 'setn' is obsolete @1"),
        ("return table.getn({1,2})", ":2"),
        ("return string.format('%s %d %q', 'a', 2, 'b')", "\"a 2 \"b\"\""),
        ("return string.format('%5.1f%%', 99.55)", "\" 99.5%\""),
        ("return string.format('%s|%5s|%.5s', 'a\\0b', 'a\\0b', 'a\\0b')", "\"a|    a|a\""),
        ("return #string.format('%5s', ('a\\0b'):rep(50))", ":150"),
        ("return #string.format('%.9s', ('a\\0b'):rep(50))", ":1"),
        ("return string.format('%c|%3c|%-3c|%05c|', 0, 0, 256, 0)", "\"|  ||    |\""),
        ("return string.format('%x %X %o %u', 2^64, 1e300, 2^64 + 2^20, 1/0)", "\"0 0 0 0\""),
        ("return string.format('%x', 2^64 - 2048)", "\"fffffffffffff800\""),
        ("return string.format('%123d', 1)", "-ERR user_script:1: invalid format (width or precision too long) @1"),
        ("return string.format('%5.123q', 'x')", "-ERR user_script:1: invalid format (width or precision too long) @1"),
        ("return string.format('%5.1y', 1)", "-ERR user_script:1: invalid option '%y' to 'format' @1"),
        ("return string.format('%s%p', 'x', {})", "-ERR user_script:1: invalid option '%p' to 'format' @1"),
        ("return string.format('%5a', 1)", "-ERR user_script:1: invalid option '%a' to 'format' @1"),
        ("return string.format('%d%F', 'x', 1)", "-ERR user_script:1: bad argument #2 to 'format' (number expected, got string) @1"),
        ("return string.format('%+++++d', 1)", "\"+1\""),
        ("return string.format('%++++++d', 1)", "-ERR user_script:1: invalid format (repeated flags) @1"),
        ("return string.format('%------123', 1)", "-ERR user_script:1: invalid format (repeated flags) @1"),
        ("return string.format('%------%', 1)", "-ERR user_script:1: invalid format (repeated flags) @1"),
        ("return string.format('%d%++++++s', 'x', 1)", "-ERR user_script:1: bad argument #2 to 'format' (number expected, got string) @1"),
        ("return string.format('%')", "-ERR user_script:1: bad argument #2 to 'format' (no value) @1"),
        ("return string.format('%', 1)", "-ERR user_script:1: invalid option '%' to 'format' @1"),
        ("return string.format('%d%y', 1)", "-ERR user_script:1: bad argument #3 to 'format' (no value) @1"),
        ("return string.format('%123d%s', 1, {})", "-ERR user_script:1: invalid format (width or precision too long) @1"),
        ("return string.format('%y%s', 1, {})", "-ERR user_script:1: invalid option '%y' to 'format' @1"),
        ("return string.format('%c%s', {}, {})", "-ERR user_script:1: bad argument #2 to 'format' (number expected, got table) @1"),
        ("return string.format('%x %d %c%s', '1e300', '7', '65', 5)", "\"0 7 A5\""),
        ("return select(2, pcall(string.format, '%d', 'x'))", "\"bad argument #2 to '?' (number expected, got string)\""),
        ("return select(2, pcall(string.format, '%d'))", "\"bad argument #2 to '?' (no value)\""),
        ("return tostring(math.deg(238) == 13636.395524113592)", "\"true\""),
        ("return string.format('%s',nil)", "-ERR user_script:1: bad argument #2 to 'format' (string expected, got nil) @1"),
        ("return string.format('%d%%%s',1,{})", "-ERR user_script:1: bad argument #3 to 'format' (string expected, got table) @1"),
        ("return string.format('%d','x')", "-ERR user_script:1: bad argument #2 to 'format' (number expected, got string) @1"),
        ("return string.format('%d', nil)", "-ERR user_script:1: bad argument #2 to 'format' (number expected, got nil) @1"),
        ("return {tostring(1e15),tostring(2^53),tostring(-0.0)}", "[\"1e+15\" \"9.007199254741e+15\" \"-0\"]"),
        ("return select('#', pcall(function() end))", ":1"),
        ("return {pcall(error,{err='x'})}", "[nil \"x\"]"),
        ("return select(2, pcall(error,{err=5}))", ":5"),
        ("return {pcall(error)}", "[nil]"),
        ("return {pcall(error,{})}", "[nil []]"),
        ("return {pcall(function(...) return ... end, 1, nil, 3)}", "[:1 :1]"),
        ("return {load('x')}", "-ERR user_script:1: bad argument #1 to 'load' (function expected, got string) @1"),
        ("local i = 0 return load(function() i = i + 1 return ({'return ', '7'})[i] end)()", ":7"),
        ("return {loadstring('return 5','x')()}", "[:5]"),
        ("return {loadstring('return +','x')}", "[]"),
        ("return select(2, loadstring('return +','@x'))", "\"x:1: unexpected symbol near '+'\""),
        ("return collectgarbage('foo')", "-ERR user_script:1: bad argument #1 to 'collectgarbage' (invalid option 'foo') @1"),
        ("return {collectgarbage('setpause',100), collectgarbage('setstepmul',100), type(collectgarbage('count')), collectgarbage(), collectgarbage('stop'), collectgarbage('restart')}", "[:200 :200 \"number\" :0 :0 :0]"),
        ("return type(gcinfo())", "\"number\""),
        ("local t = {} for k in pairs(string) do t[k] = true end return t.rep and t.format and 1", ":1"),
        ("local t = {3,1,2} table.sort(t) return t", "[:1 :2 :3]"),
        ("local t = {3,1,2} table.sort(t, function(a,b) return a > b end) return t", "[:3 :2 :1]"),
        ("local t = {} for i = 1, 200000 do t[i] = -i end table.sort(t) return {t[1], t[200000]}", "[:-200000 :-1]"),
        ("local t = {} table.insert(t, 'b') table.insert(t, 1, 'a') return t", "[\"a\" \"b\"]"),
        ("local t = {1, 2} table.insert(t, '2', 'v') return t", "[:1 \"v\" :2]"),
        ("local t = {1, 2} table.insert(t, 2.7, 'v') return t", "[:1 \"v\" :2]"),
        ("local t = {1, 2} table.insert(t, -1.5, 'v') return {t[-1], t[0] or 'none', t[2], t[3]}", "[\"v\" \"none\" :1 :2]"),
        ("local t = {1} table.insert(t, 0/0, 'v') return {t[0], t[2]}", "[\"v\" :1]"),
        ("local t = {} table.insert(t, 2^32 + 2, 'v') return t[2]", "\"v\""),
        ("return table.insert({}, 'x', 2)", "-ERR user_script:1: bad argument #2 to 'insert' (number expected, got string) @1"),
        ("return table.insert(nil, 1)", "-ERR user_script:1: bad argument #1 to 'insert' (table expected, got nil) @1"),
        ("return table.sort(nil)", "-ERR user_script:1: bad argument #1 to 'sort' (table expected, got nil) @1"),
        ("for k in pairs(nil) do end", "-ERR user_script:1: bad argument #1 to 'pairs' (table expected, got nil) @1"),
        ("return setmetatable(1, {})", "-ERR user_script:1: bad argument #1 to 'setmetatable' (table expected, got number) @1"),
        ("return setmetatable(setmetatable({}, {__metatable=1}), {})", "-ERR user_script:1: cannot change a protected metatable @1"),
        ("return getmetatable(setmetatable({}, {__metatable='m'}))", "\"m\""),
        ("local m = {} return getmetatable(setmetatable({}, m)) == m", ":1"),
        ("return table.insert({}, 1, 2, 3)", "-ERR user_script:1: wrong number of arguments to 'insert' @1"),
        ("local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) return {co(1), co(10)}", "[:2 :20]"),
        ("local co = coroutine.wrap(function() return redis.call('echo', 'x') end) return co()", "\"x\""),
        ("local co = coroutine.create(function() redis.call('lpush', 'x') end) local ok, e = coroutine.resume(co) return {tostring(ok), e.err}", "[\"false\" \"WRONGTYPE Operation against a key holding the wrong kind of value\"]"),
        ("return os.clock() >= 0", ":1"),
        ("return _VERSION", "\"Lua 5.1\""),
        ("return 0x7fffffff == 2147483647 and 0xffffffff == 2^32-1 and tostring(-1)", "\"-1\""),
    ]);
}
