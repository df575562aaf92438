//! The vulnerabilities that scripts of this family of servers have had, each by its name: what led to it is refused or
//! harmless here, on a server that serves the same connection afterwards.
//!
//! Texts are those of the reference, which has them all mended.

use std::time::{Duration, Instant};

use crate::harness::{Server, eventually};

/// Plays a transcript, and makes sure that answers and questions still belong together: behind it on its own connection, and
/// for a new client.
#[track_caller]
fn harmless(transcript: &str) {
    let server = Server::start(&[]);
    let asked = "> ECHO in-sync => \"in-sync\"\n> EVAL \"return {1, 'two'}\" 0 => [:1 \"two\"]";
    server.play(&format!("{transcript}\n{asked}"));
    server.play(asked);
}

#[test]
fn cve_2015_4335_bytecode_is_no_script() {
    harmless(
        r##"
        > EVAL "\x1bLuaQ\x00\x01\x04\x08" 0 => -ERR Error compiling script (new function): user_script:1: unexpected symbol near 'char(27)'
        > EVAL "\x1bLJ\x02\x02" 0 => -ERR Error compiling script (new function): user_script:1: unexpected symbol near 'char(27)'
        > EVAL "return tostring(loadstring(string.dump(function() end)))" 0 => "nil"
        > EVAL "local code = string.dump(function() end) return tostring(load(function() local piece = code code = nil return piece end))" 0 => "nil"
        > EVAL "return tostring(loadstring('\\27LJ'))" 0 => "nil"
        > FUNCTION LOAD "#!lua name=l\n\x1bLJ\x02\x02" => -ERR Error compiling function: *
        "##,
    );
}

#[test]
fn cve_2015_8080_and_2020_14147_sizes_of_struct_do_not_overflow() {
    harmless(
        r#"
        > EVAL "return struct.pack('I99999999999', 1)" 0 => -ERR user_script:1: integral size overflow *
        > EVAL "return struct.size('!2147483648')" 0 => -ERR user_script:1: integral size overflow *
        > EVAL "return struct.pack('!2147483648', 1)" 0 => -ERR user_script:1: integral size overflow *
        > EVAL "return struct.size('c2147483648')" 0 => -ERR user_script:1: integral size overflow *
        > EVAL "return struct.unpack('I33', 'x')" 0 => -ERR user_script:1: integral size 33 is larger than limit of 32 *
        "#,
    );
}

#[test]
fn cve_2018_11218_messages_nest_no_deeper_than_the_stack() {
    harmless(
        r#"
        > EVAL "return {pcall(cmsgpack.unpack, ('\\145'):rep(100000))}" 0 => [$-1 "stack overflow *"]
        > EVAL "return {pcall(cmsgpack.unpack, ('\\129'):rep(100000))}" 0 => [$-1 "*"]
        > EVAL "return {pcall(cmsgpack.unpack, '\\221\\127\\255\\255\\255')}" 0 => [$-1 "Missing bytes in input."]
        > EVAL "return {pcall(cmsgpack.unpack, '\\223\\255\\255\\255\\255')}" 0 => [$-1 "Missing bytes in input."]
        > EVAL "return select('#', cmsgpack.unpack(('\\1'):rep(5000)))" 0 => :5000
        > EVAL "return {pcall(cmsgpack.unpack, ('\\1'):rep(100000))}" 0 => [$-1 "*"]
        "#,
    );
}

#[test]
fn cve_2018_11219_struct_reads_inside_of_its_text() {
    harmless(
        r#"
        > EVAL "return struct.unpack('b', 'x', -1)" 0 => -ERR user_script:1: bad argument #2 to 'unpack' (data string too short) *
        > EVAL "return struct.unpack('b', 'x', 2147483648)" 0 => -ERR user_script:1: bad argument #2 to 'unpack' (data string too short) *
        > EVAL "return struct.unpack('b', 'x', -2147483648)" 0 => -ERR user_script:1: bad argument #2 to 'unpack' (data string too short) *
        > EVAL "return struct.unpack('c9223372036854775807', 'x')" 0 => -ERR user_script:1: integral size overflow *
        > EVAL "return struct.unpack('c0', '')" 0 => -ERR user_script:1: format 'c0' needs a previous size *
        > EVAL "return struct.unpack('bc0', '\\255')" 0 => -ERR user_script:1: bad argument #2 to 'unpack' (data string too short) *
        "#,
    );
}

/// The reply ends where Lua's stack does, in a well-formed way: the client is served on.
#[test]
fn cve_2021_32626_a_table_in_itself_is_a_reply_that_ends() {
    let server = Server::start(&[]);
    for script in [
        "local a = {} a[1] = a return a",
        "local a = {} a.map = {a = a} return a",
        "local a = {} a.set = {[a] = true} return a",
    ] {
        let mut client = server.connect();
        client.send(&format!("EVAL \"{script}\" 0"));
        client.send("ECHO in-sync");
        let answer = client.receive_until("in-sync\r\n");
        let ends = answer.ends_with("-ERR reached lua stack limit\r\n$7\r\nin-sync\r\n");
        assert!(ends, "{script}: {} bytes", answer.len());
    }
}

/// Found in the protocol of the debugger, which is not there yet.
#[test]
fn cve_2021_32672_there_is_no_debugger_to_feed_with_half_a_protocol() {
    harmless(
        r#"
        > SCRIPT DEBUG YES => -*
        > EVAL "redis.breakpoint() redis.debug('x') return 1" 0 => :1
        > SCRIPT DEBUG SYNC => -*
        > SCRIPT FLUSH ASYNC => +OK
        > SCRIPT DEBUG NO => -*
        "#,
    );
}

#[test]
fn cve_2022_0543_no_library_leads_out() {
    harmless(
        r#"
        > EVAL "return package" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'package' *
        > EVAL "local names = {} for name in pairs(_G) do names[name] = true end for _, name in ipairs{'package', 'io', 'debug', 'ffi', 'jit', 'require', 'module', 'dofile', 'loadfile', 'print', 'newproxy', 'getfenv', 'setfenv'} do if names[name] or rawget(_G, name) ~= nil then return name end end return 1" 0 => :1
        > EVAL "local names = '' for name in pairs(os) do names = names .. name end return names" 0 => "clock"
        > EVAL "return tostring(loadstring('return 1LL'))" 0 => "nil"
        > EVAL "return tostring(loadstring('return 1i'))" 0 => "nil"
        > EVAL "return {pcall(loadstring('return require(\"ffi\")'))}" 0 => [$-1 "*"]
        "#,
    );
}

#[test]
fn cve_2022_24735_nothing_is_left_for_the_script_of_another_user() {
    harmless(
        r#"
        a> EVAL "redis.call = function() return 'mine' end" 0 => -ERR user_script:1: Attempt to modify a readonly table *
        a> EVAL "rawset(redis, 'call', 1)" 0 => -ERR Attempt to modify a readonly table *
        a> EVAL "_G.redis = {}" 0 => -ERR user_script:1: Attempt to modify a readonly table *
        a> EVAL "rawset(_G, 'x', 1)" 0 => -ERR Attempt to modify a readonly table *
        a> EVAL "setmetatable(_G, {__index = function() return 'mine' end})" 0 => -ERR *Attempt to modify a readonly table *
        a> EVAL "setmetatable(redis, {})" 0 => -ERR *Attempt to modify a readonly table *
        a> EVAL "for _, t in ipairs{string, table, math, os, bit, struct, cjson, cmsgpack, coroutine, redis, server} do if pcall(rawset, t, 'x', 1) or pcall(function() t.x = 1 end) or pcall(setmetatable, t, {}) then return 0 end end return 1" 0 => :1
        a> EVAL "KEYS[1] = 'mine' ARGV.x = 'mine' return #KEYS" 0 => :1
        b> EVAL "return {KEYS[1] or 'none', ARGV.x or 'none', type(redis.call), rawget(_G, 'x') or 'none'}" 0 => ["none" "none" "function" "none"]
        "#,
    );
}

/// The compiler is fuzzed as well (`script_boundary`).
#[test]
fn cve_2022_24736_the_compiler_gets_over_what_is_no_program() {
    let mut transcript = String::new();
    for text in [
        "(((((((",
        "return function() return function() return",
        "local a <const> = 1",
        "for in do end",
        "f{...}",
        "return ...",
        "local function f(...) return function() return ... end end",
        "goto x",
        "break",
        "return 0x",
        "return 1..2",
        "return [==[",
        "--[==[",
        "repeat local x until y",
        "a.b:c = 1",
        "x = {[}",
        "return \\\"\\\\999\\\"",
    ] {
        transcript += &format!("> EVAL \"{text}\" 0 => *\n");
    }
    harmless(&transcript);
    let server = Server::start(&[]);
    for (open, close) in [
        ("(", ")"),
        ("{", "}"),
        ("not ", ""),
        ("function() return ", " end"),
    ] {
        let script = format!("return {}1{}", open.repeat(20_000), close.repeat(20_000));
        assert!(
            server
                .connect()
                .ask(&format!("EVAL \"{script}\" 0"))
                .starts_with("-ERR ")
        );
    }
    assert_eq!(server.connect().ask("PING"), "+PONG");
}

#[test]
fn cve_2022_24834_what_grows_while_it_is_encoded_ends_at_the_limit() {
    let server = Server::start(&["--script-memory-limit", "64mb"]);
    for script in [
        "return #cjson.encode(('\\\\1'):rep(30000000))",
        "local s = ('\\\\1'):rep(1000000) local t = {} for i = 1, 1000 do t[i] = s end return #cjson.encode(t)",
        "local s = ('x'):rep(1000000) local t = {} for i = 1, 1000 do t[i] = s end return #cmsgpack.pack(t)",
        "local s = ('x'):rep(1000000) local t = {} for i = 1, 200 do t[i] = s end return #cmsgpack.pack(unpack(t))",
        "local s = ('x'):rep(1000000) return #struct.pack(('s'):rep(100), s, s, s, s, s, s, s, s, s, s)",
    ] {
        let answer = server.connect().ask(&format!("EVAL \"{script}\" 0"));
        assert!(answer.starts_with("-ERR "), "{script}: {answer}");
    }
    let small = "EVAL \"return #cjson.encode(('\\\\1'):rep(1000))\" 0";
    assert_eq!(server.connect().ask(small), ":6002");
}

#[test]
fn cve_2024_31449_tohex_has_eight_digits_at_most() {
    harmless(
        r#"
        > EVAL "return bit.tohex(65535, -2147483648)" 0 => "0000FFFF"
        > EVAL "return bit.tohex(65535, 2147483647)" 0 => "0000ffff"
        > EVAL "return bit.tohex(65535, -8)" 0 => "0000FFFF"
        > EVAL "return bit.tohex(65535, 0)" 0 => ""
        "#,
    );
}

/// Interpreters are emptied while scripts run that make garbage and would have it finalized.
#[test]
fn cve_2024_46981_collecting_and_flushing_meet_no_freed_memory() {
    let server = Server::start(&["--enable-protected-configs", "yes"]);
    let (mut runner, mut flusher) = (server.connect(), server.connect());
    let began = Instant::now();
    let mut rounds = 0;
    while began.elapsed() < Duration::from_millis(1500) {
        rounds += 1;
        runner.send(&format!(
            "EVAL \"local t = {{}} for i = 1, 3000 do t[i % 50] = setmetatable({{i .. 'x'}}, {{__gc = function() t = nil end, __mode = 'kv'}}) end collectgarbage() collectgarbage('step') return {rounds}\" 0"
        ));
        for command in [
            "SCRIPT FLUSH ASYNC",
            "SCRIPT FLUSH SYNC",
            "FUNCTION FLUSH ASYNC",
            "CONFIG SET lua-enable-insecure-api yes",
            "CONFIG SET lua-enable-insecure-api no",
        ] {
            assert_eq!(flusher.ask(command), "+OK", "{command}");
        }
        let answer = runner.receive().as_ref().map(crate::harness::show);
        assert_eq!(answer, Some(format!(":{rounds}")));
    }
}

#[test]
fn cve_2025_46817_unpack_counts_without_overflow() {
    const TOO_MANY: &str = "[$-1 \"too many results to unpack\"]";
    let mut transcript = String::new();
    for range in [
        "-2, 2147483647",
        "0, 2147483647",
        "-2147483648, -2",
        "-2147483648, 2147483647",
        "1, 1e9",
        "-1e9, 1",
    ] {
        transcript +=
            &format!("> EVAL \"return {{pcall(unpack, {{1, 2, 3}}, {range})}}\" 0 => {TOO_MANY}\n");
    }
    transcript += "> EVAL \"return {pcall(unpack, {1, 2, 3}, 2147483646, 2147483647)}\" 0 => [:1]";
    harmless(&transcript);
}

#[test]
fn cve_2025_46818_metatables_of_basic_types_are_sealed() {
    harmless(
        r#"
        a> EVAL "getmetatable('').__index = function() return 'mine' end" 0 => -ERR user_script:1: Attempt to modify a readonly table *
        a> EVAL "getmetatable('').__index.upper = 1" 0 => -ERR user_script:1: Attempt to modify a readonly table *
        a> EVAL "rawset(getmetatable(''), '__add', 1)" 0 => -ERR Attempt to modify a readonly table *
        a> EVAL "getmetatable(getmetatable('')).__index = 1" 0 => -ERR user_script:1: *
        a> EVAL "setmetatable('', {})" 0 => -ERR user_script:1: bad argument #1 to 'setmetatable' (table expected, got string) *
        a> EVAL "for _, v in pairs{1, true, function() end, coroutine.create(function() end), cjson.null} do if getmetatable(v) ~= nil then return 0 end end return 1" 0 => :1
        b> EVAL "return ('x'):upper()" 0 => "X"
        "#,
    );
}

#[test]
fn cve_2025_46819_long_brackets_and_many_lines_are_counted() {
    harmless(
        r#"
        > EVAL "return tostring(loadstring('return [' .. ('='):rep(10000000) .. '['))" 0 => "nil"
        > EVAL "return tostring(loadstring('return [' .. ('='):rep(10000000)))" 0 => "nil"
        > EVAL "return tostring(loadstring('--[' .. ('='):rep(10000000) .. '['))" 0 => "nil"
        > EVAL "return #loadstring('return [' .. ('='):rep(10000) .. '[x]' .. ('='):rep(10000) .. ']')()" 0 => :1
        > EVAL "return type(loadstring(('\\n'):rep(20000000) .. 'return 1'))" 0 => "*"
        "#,
    );
}

#[test]
fn cve_2025_49844_texts_are_compiled_while_garbage_is_collected() {
    harmless(
        r#"
        > EVAL "local n = 0 for i = 1, 300 do local names = {} for j = 1, 50 do names[j] = 'local v' .. j .. ' = \\'' .. (i * j) .. 'x\\'' end local f = loadstring(table.concat(names, ' ') .. ' return v50', ('=name'):rep(i)) collectgarbage() if f() == i * 50 .. 'x' then n = n + 1 end end return n" 0 => :300
        > EVAL "local n = 0 for i = 1, 300 do local f, e = loadstring('return ' .. ('x'):rep(i * 100) .. ' +', ('name'):rep(i)) collectgarbage() if not f and #e > 0 then n = n + 1 end end return n" 0 => :300
        "#,
    );
}

/// Text that scripts, their first lines and payloads choose cannot end the reply that carries it.
#[test]
fn cve_2025_67733_line_breaks_cannot_split_replies() {
    harmless(
        r##"
        > EVAL "return redis.error_reply('a\\r\\n+OK')" 0 => -ERR a  +OK
        > EVAL "return redis.error_reply('a\\0\\r\\n+OK')" 0 => -ERR a
        > EVAL "return redis.status_reply('a\\r\\n+OK')" 0 => +a  +OK
        > EVAL "return {err = 'A b\\r\\n+OK'}" 0 => -A b  +OK
        > EVAL "return {ok = 'a\\r\\n+OK'}" 0 => +a  +OK
        > EVAL "return {{ok = 'a\\r\\n+OK'}, {err = 'a\\r\\n+OK'}}" 0 => [* *]
        > EVAL "return {big_number = '1\\r\\n2'}" 0 => "1  2"
        > EVAL "error('-ERR\\r\\n+OK')" 0 => -ERR user_script:1: -ERR  +OK *
        > EVAL "error({err = 'A b\\r\\n+OK'})" 0 => -A b  +OK *
        > EVAL "return redis.call('no\\r\\nsuch')" 0 => -ERR *
        > EVAL "#!lua \"flags=a\\r\\n+X\"\nreturn 1" 0 => -ERR Unexpected flag in script shebang: a  +X
        > EVAL "#!lua \"a\\r\\n+X\"\nreturn 1" 0 => -ERR Unknown lua shebang option: a  +X
        > EVAL "#!\"x\\r\\n+X\"\nreturn 1" 0 => -ERR Could not find scripting engine 'x  +X'
        > FUNCTION LOAD "#!lua \"a\\r\\n+X\"\n" => -ERR Invalid metadata value given: a  +X
        > FUNCTION LIST "a\r\n+X" => -ERR Unknown argument a  +X
        > HELLO 3 => *
        > EVAL "return {big_number = '1\\r\\n2'}" 0 => (1  2
        > EVAL "return {verbatim_string = {format = '\\r\\n+', string = 'x'}}" 0 => *
        "##,
    );
}

/// Found with a replica's full synchronization, which is not there yet. What else takes interpreters away while a function
/// runs for long:
#[test]
fn cve_2026_23631_libraries_go_while_their_functions_run() {
    let server = Server::start(&["--io-threads", "2"]);
    let (mut runner, mut other) = (server.connect(), server.connect());
    let library = "#!lua name=l\\nlocal kept = {'kept'} redis.register_function('f', function(_, args) local t = os.clock() while os.clock() - t < tonumber(args[1]) do kept[2] = {} end return kept[1] end)";
    let load = format!("FUNCTION LOAD REPLACE \"{library}\"");
    assert_eq!(other.ask(&load), "\"l\"");
    for command in [
        "FUNCTION FLUSH ASYNC",
        "FUNCTION FLUSH SYNC",
        "FUNCTION DELETE l",
        "SCRIPT FLUSH SYNC",
    ] {
        assert_eq!(other.ask(&load), "\"l\"");
        runner.send("FCALL f 0 0.5");
        eventually("the function runs", || {
            other.ask("FUNCTION STATS").contains("\"name\" \"f\"")
        });
        assert_eq!(other.ask(command), "+OK", "{command}");
        assert_eq!(other.ask(&load.replace("'kept'", "'other'")), "\"l\"");
        let answer = runner.receive().as_ref().map(crate::harness::show);
        assert_eq!(answer.as_deref(), Some("\"kept\""), "{command}");
        assert_eq!(runner.ask("FCALL f 0 0"), "\"other\"", "{command}");
    }
}

/// Crashes that have no number: Redis #14163 and #11032, Dragonfly #7973, and the text of an error that is none.
#[test]
fn errors_that_are_tables_of_any_kind_are_answered() {
    harmless(
        r#"
        > EVAL "error({})" 0 => -ERR unknown error *
        > EVAL "error({err = {}})" 0 => -ERR unknown error *
        > EVAL "error({ok = 'x'})" 0 => -ERR unknown error *
        > EVAL "error(setmetatable({}, {__index = function() error('again') end}))" 0 => -ERR unknown error *
        > EVAL "error(setmetatable({}, {__tostring = function() error('again') end}))" 0 => -ERR unknown error *
        > EVAL "return setmetatable({}, {__index = function() error() end})" 0 => []
        "#,
    );
}
