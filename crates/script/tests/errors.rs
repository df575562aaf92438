//! Error texts and positions, as the reference server gives them.

mod common;

use common::bench;
use perilune_script::{Script, ScriptStop};

#[test]
fn errors_carry_code_text_and_position() {
    bench().check(&[
        ("error('boo')", "-ERR user_script:1: boo @1"),
        ("error('boo',0)", "-ERR boo @1"),
        ("error('boo',2)", "-ERR boo @1"),
        ("error({err='CODE msg'})", "-CODE msg @1"),
        ("error({err='nocode'})", "-nocode @1"),
        ("error({err=5})", "-5 @1"),
        ("error({})", "-ERR unknown error @1"),
        ("error(setmetatable({}, {__index={err='A b'}}))", "-A b @1"),
        ("error(setmetatable({}, {__index=setmetatable({}, {__index={err='A b'}})}))", "-A b @1"),
        ("error(setmetatable({}, {__index=function() return 'A b' end}))", "-ERR unknown error @1"),
        ("local t = {} setmetatable(t, {__index=t}) error(t)", "-ERR unknown error @1"),
        ("error('a\\0b')", "-ERR user_script:1: a @1"),
        ("error({err='A b\\0c'})", "-A b @1"),
        ("error()", "-ERR nil @1"),
        ("error(12)", "-ERR user_script:1: 12 @1"),
        ("error('-ERR\\r\\n-ERR FAKE')", "-ERR user_script:1: -ERR  -ERR FAKE @1"),
        ("error(redis.error_reply('-ERR\\r\\n-ERR FAKE'))", "-ERR  -ERR FAKE @1"),
        ("\n\nlocal x = nil\nx()", "-ERR user_script:4: attempt to call local 'x' (a nil value) @4"),
        ("return redis.call('lpush','s','y')", "-WRONGTYPE Operation against a key holding the wrong kind of value @1"),
        ("local function f() return redis.call('lpush','s','y') end\nreturn f()", "-WRONGTYPE Operation against a key holding the wrong kind of value @1"),
        ("return redis.call('nosuch')", "-ERR Unknown command called from script @1"),
        ("return redis.pcall('lpush','s','y')", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("local a,b=pcall(redis.call,'lpush','s','x') return {tostring(a),type(b),b}", "[\"false\" \"string\" \"WRONGTYPE Operation against a key holding the wrong kind of value\"]"),
        ("return {xpcall(function() redis.call('lpush','s','x') end, function(e) return type(e)..':'..tostring(e.ignore_error_stats_update) end)}", "[nil \"table:true\"]"),
        ("return ('x'):bad()", "-ERR user_script:1: attempt to call method 'bad' (a nil value) @1"),
        ("return nil..'x'", "-ERR user_script:1: attempt to concatenate a nil value @1"),
        ("local x; x.y=1", "-ERR user_script:1: attempt to index local 'x' (a nil value) @1"),
        ("return #nil", "-ERR user_script:1: attempt to get length of a nil value @1"),
        ("return {} < {}", "-ERR user_script:1: attempt to compare two table values @1"),
        ("return 1 < 'x'", "-ERR user_script:1: attempt to compare number with string @1"),
        ("for i=1,'x' do end", "-ERR user_script:1: 'for' limit must be a number @1"),
        ("os.execute()", "-ERR user_script:1: attempt to call field 'execute' (a nil value) @1"),
        ("redis.foo()", "-ERR user_script:1: attempt to call field 'foo' (a nil value) @1"),
        ("return assert(false)", "-ERR user_script:1: assertion failed! @1"),
        ("return assert(nil,'x')", "-ERR user_script:1: x @1"),
        ("return coroutine.yield()", "-ERR attempt to yield across metamethod/C-call boundary @1"),
        ("local t=setmetatable({},{__index=function() error('x') end}) return t.a", "-ERR user_script:1: x @1"),
        ("table.foreach()", "-ERR user_script:1: bad argument #1 to 'foreach' (table expected, got no value) @1"),
        ("table.foreach({})", "-ERR user_script:1: bad argument #2 to 'foreach' (function expected, got no value) @1"),
        ("table.foreach({}, 'x')", "-ERR user_script:1: bad argument #2 to 'foreach' (function expected, got string) @1"),
        ("return tonumber()", "-ERR user_script:1: bad argument #1 to 'tonumber' (value expected) @1"),
        ("local function f(n) return f(n+1)+1 end return f(1)", "-ERR user_script:1: stack overflow @1"),
        ("return {unpack({}, 1, 8000)}", "-ERR user_script:1: too many results to unpack @1"),
        ("return {unpack({1,2,3}, -2, 2147483647)}", "-ERR user_script:1: too many results to unpack @1"),
        ("return {unpack({1,2,3}, 0, 2147483647)}", "-ERR user_script:1: too many results to unpack @1"),
        ("return {unpack({1,2,3}, -2147483648, -2)}", "-ERR user_script:1: too many results to unpack @1"),
        ("return {unpack({1,2,3}, -1, -2)}", "[]"),
        ("return select('#', unpack({1,2,3}, -2147483648, -2147483646))", ":3"),
        ("local function f(n) if n==0 then return 0 end return 1+f(n-1) end return f(10000)", ":10000"),
    ]);
}

#[test]
fn scripts_that_do_not_compile_say_where() {
    let prefix = "-ERR Error compiling script (new function): user_script:1: ";
    let mut bench = bench();
    for (source, text) in [
        ("local x=", "unexpected symbol near '<eof>'"),
        ("return 1 +", "unexpected symbol near '<eof>'"),
        ("if x then", "'end' expected near '<eof>'"),
        ("return 'abc", "unfinished string near ''abc'"),
        ("\x1bLua", "unexpected symbol near 'char(27)'"),
        ("\x1bLJ\x02", "unexpected symbol near 'char(27)'"),
        // what LuaJIT would take, or quote in other words
        ("#foo", "unexpected symbol near '#'"),
        ("x = 0b11", "malformed number near '0b11'"),
        ("x = {1_000}", "malformed number near '1_000'"),
        ("x = 0x1.8", "unexpected symbol near '.8'"),
        ("x = + 1_000", "unexpected symbol near '+'"),
        ("x = 1..2 + 1_000", "malformed number near '1..2'"),
        ("x = 'ab\\256'", "escape sequence too large near ''ab'"),
    ] {
        let seen = bench.eval(source, &[], &[]);
        assert!(seen.starts_with(prefix), "{source}: {seen}");
        assert!(
            seen.ends_with(text) || source.starts_with('r'),
            "{source}: {seen}"
        );
    }
    assert!(
        bench
            .eval("#!lua\n\nx = = 1", &[], &[])
            .contains("user_script:3:")
    );
}

#[test]
fn texts_are_read_as_lua_5_1_reads_them() {
    bench().check(&[
        (
            r"return '\d+\.\/\q\x41\u{41}\z  a\65'",
            "\"d+./qx41u{41}z  aA\"",
        ),
        ("return 1e17..''", "\"1e+17\""),
        ("return 0x10 .. 3.5e+3..'x'", "\"163500x\""),
        (r"return loadstring([[return '\d']])()", "\"d\""),
        (
            r"return select(2, loadstring('x = 0b1', '=here'))",
            "\"here:1: malformed number near '0b1'\"",
        ),
        ("return tostring(loadstring('# x'))", "\"nil\""),
    ]);
}

#[test]
fn compiling_alone_finds_the_same_errors() {
    let mut bench = bench();
    let good = Script::new(&b"return 1"[..]).expect("no shebang");
    assert_eq!(bench.vm.compile(&good), Ok(()));
    let bad = Script::new(&b"return +"[..]).expect("no shebang");
    match bench.vm.compile(&bad) {
        Err(ScriptStop::Error {
            message,
            counted: false,
        }) => {
            assert!(
                message.starts_with(b"ERR Error compiling script (new function): user_script:1:")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_of_a_command_is_told_from_one_of_the_script() {
    let mut bench = bench();
    let counted = |result: Result<String, ScriptStop>| match result {
        Err(ScriptStop::Error { counted, .. }) => counted,
        other => panic!("{other:?}"),
    };
    assert!(counted(bench.try_eval("redis.call('lpush','k')", &[], &[])));
    assert!(!counted(bench.try_eval("error('x')", &[], &[])));
    assert!(!counted(bench.try_eval("redis.call()", &[], &[])));
}

#[test]
fn the_functions_of_redis_check_their_arguments() {
    let mut bench = bench();
    bench.check(&[
        ("return redis.error_reply('foo')", "-ERR foo"),
        ("return redis.error_reply('MY ERR')", "-MY ERR"),
        ("return redis.error_reply('-MY ERR')", "-MY ERR"),
        ("return redis.error_reply('-MYERR')", "-ERR MYERR"),
        ("return redis.error_reply('')", "-ERR "),
        (
            "return redis.error_reply(5)",
            "-ERR wrong number or type of arguments",
        ),
        ("return redis.error_reply('a\\r\\nb\\r\\n')", "-ERR a  b"),
        ("return redis.status_reply('a\\r\\nb')", "+a  b"),
        (
            "return redis.status_reply(1)",
            "-ERR wrong number or type of arguments",
        ),
        (
            "return redis.sha1hex('')",
            "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"",
        ),
        (
            "return redis.sha1hex('Pizza & Mandolino')",
            "\"74822d82031af7493c20eefa13bd07ec4fada82f\"",
        ),
        (
            "return redis.sha1hex(1)",
            "\"356a192b7913b04c54574d18c28d46e6395428ab\"",
        ),
        (
            "return redis.sha1hex(nil)",
            "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"",
        ),
        (
            "return redis.sha1hex()",
            "-ERR wrong number of arguments @1",
        ),
        (
            "return redis.log(1)",
            "-ERR server.log() requires two arguments or more. @1",
        ),
        (
            "return redis.log('a','b')",
            "-ERR First argument must be a number (log level). @1",
        ),
        ("return redis.log(10,'b')", "-ERR Invalid log level. @1"),
        ("return redis.log(redis.LOG_WARNING,'b',{},1)", "nil"),
        (
            "redis.setresp()",
            "-ERR server.setresp() requires one argument. @1",
        ),
        ("redis.setresp(4)", "-ERR RESP version must be 2 or 3. @1"),
        ("return redis.setresp('3')", "nil"),
        (
            "redis.set_repl()",
            "-ERR server.set_repl() requires one argument. @1",
        ),
        (
            "redis.set_repl(99)",
            "-ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE. @1",
        ),
        ("redis.set_repl(redis.REPL_AOF)", "nil"),
        ("return redis.replicate_commands()", ":1"),
        ("return {redis.breakpoint(), redis.debug('x')}", "[nil]"),
        ("return redis.acl_check_cmd('get')", ":1"),
        ("return redis.acl_check_cmd('set')", "nil"),
        (
            "return redis.acl_check_cmd('nosuch')",
            "-ERR Invalid command passed to server.acl_check_cmd() @1",
        ),
        (
            "return redis.acl_check_cmd()",
            "-ERR Please specify at least one argument for this call @1",
        ),
        (
            "return redis.acl_check_cmd({})",
            "-ERR Command arguments must be strings or integers @1",
        ),
        (
            "return {redis.REDIS_VERSION, redis.REDIS_VERSION_NUM, server == redis}",
            "[\"7.2.4\" :459268 :1]",
        ),
    ]);
    assert_eq!(bench.server.log, ["Warning b 1"]);
    assert_eq!(bench.server.propagation.len(), 1);
}
