//! Libraries of functions: what they see, what they register, and what stays between calls. The texts are those of the
//! reference server.

mod common;

use std::time::Duration;

use common::{Bench, bench, bench_with};
use perilune_script::{KillReason, Limits};

/// Loads `code` as a library; its only function.
#[track_caller]
fn only(bench: &mut Bench, code: &str) -> std::sync::Arc<perilune_script::Function> {
    let source = format!("#!lua name=lib\n{code}");
    let functions = bench
        .load(&source)
        .unwrap_or_else(|error| panic!("{code}: {error}"));
    assert_eq!(functions.len(), 1, "{code}");
    functions[0].clone()
}

/// Checks bodies of a function and what it answers.
#[track_caller]
fn check(cases: &[(&str, &str)]) {
    let mut wrong = String::new();
    for &(body, expected) in cases {
        // once with the tables themselves, once with proxies in their place, because of a global that leads out
        for prefix in ["", "local _ = _G "] {
            let mut bench = bench();
            let code =
                format!("redis.register_function('f', function(keys, args) {prefix}{body} end)");
            let function = only(&mut bench, &code);
            let seen = bench.call(&function, &["k1", "k2"], &["a1"]);
            if seen != expected {
                wrong.push_str(&format!(
                    "\n  {prefix}{body}\n    expected {expected}\n    but got  {seen}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_function_gets_its_keys_and_arguments() {
    check(&[
        (
            "return {keys[1], keys[2], #keys, args[1], #args}",
            r#"["k1" "k2" :2 "a1" :1]"#,
        ),
        ("return redis.call('set', keys[1], args[1])", "+OK"),
        (
            "redis.call('set', 'x', 'y') return redis.call('get', 'x')",
            r#""y""#,
        ),
        ("return server.call('ping')", "+PONG"),
        ("return cjson.encode({1})", r#""[1]""#),
        ("return redis.setresp ~= nil and redis.REPL_ALL", ":3"),
        ("return select('#', keys, args)", ":2"),
        ("", "nil"),
    ]);
}

#[test]
fn a_function_sees_what_a_script_sees_but_for_some() {
    const MISSING: &str = "Script attempted to access nonexistent global variable";
    let missing = |name: &str| {
        format!("-ERR user_function:2: {MISSING} '{name}' script: f, on @user_function:2.")
    };
    check(&[
        ("return KEYS", &missing("KEYS")),
        ("return ARGV[1]", &missing("ARGV")),
        ("return nosuch", &missing("nosuch")),
        (
            "return __redis__err__handler",
            &missing("__redis__err__handler"),
        ),
        ("return redis.register_function == nil and 1", ":1"),
        (
            "return redis.breakpoint == nil and redis.debug == nil and redis.replicate_commands == nil and 1",
            ":1",
        ),
        ("return redis.foo == nil and 1", ":1"),
        (
            "x = 1",
            "-ERR user_function:2: Attempt to modify a readonly table script: f, on @user_function:2.",
        ),
        (
            "redis.x = 1",
            "-ERR user_function:2: Attempt to modify a readonly table script: f, on @user_function:2.",
        ),
        (
            "error('boo')",
            "-ERR user_function:2: boo script: f, on @user_function:2.",
        ),
        (
            "return redis.call('lpush', 'k', 'v')",
            "-WRONGTYPE Operation against a key holding the wrong kind of value script: f, on @user_function:2.",
        ),
        ("return redis.error_reply('foo')", "-ERR foo"),
        (
            "return loadstring('return redis.call(\"ping\")')()",
            "+PONG",
        ),
    ]);
}

/// Compiled code calls a command as a statement, whose answer is not wanted, as well as for its answer.
#[test]
fn compiled_code_gets_the_answers_that_it_asks_for() {
    let mut bench = bench();
    let function = only(
        &mut bench,
        "local function f(keys, args)
          redis.call('set', keys[1], args[1])
          local set = redis.call('set', keys[1], args[1])
          redis.call('get', keys[1])
          local got, nothing = redis.call('get', keys[1])
          local all = {redis.call('get', keys[1])}
          redis.call('set', keys[1], 'x') redis.pcall('set', keys[1], 'y')
          return {set, got, tostring(nothing), #all, all[1], redis.call('get', keys[1])}
        end
        redis.register_function('f', f)",
    );
    for number in 0..500 {
        let argument = number.to_string();
        assert_eq!(
            bench.call(&function, &["k"], &[&argument]),
            format!("[+OK \"{number}\" \"nil\" :1 \"{number}\" \"y\"]")
        );
    }
    let script = "for i = 1, 500 do redis.call('set', 'k', i) local ok = redis.call('set', 'k', i)
        if ok.ok ~= 'OK' or redis.call('get', 'k') ~= tostring(i) then return i end end return 'all'";
    assert_eq!(bench.eval(script, &[], &[]), "\"all\"");
}

/// The tables that a function gets are used again for the next call, unless it may have kept them.
#[test]
fn what_a_function_keeps_of_its_keys_is_its_own() {
    let mut bench = bench();
    for (code, expected) in [
        (
            "local kept register('f', function(keys, args) kept = kept or keys return kept[1] end)",
            r#""a" "a" "a""#,
        ),
        (
            "local kept register('f', function(keys, args) kept = kept or args return kept[1] end)",
            r#""x" "x" "x""#,
        ),
        (
            "local kept register('f', function(...) kept = kept or (...) return kept[1] end)",
            r#""a" "a" "a""#,
        ),
        (
            "local kept register('f', function(keys, args) kept = kept or function() return keys[1] .. args[1] end return kept() end)",
            r#""ax" "ax" "ax""#,
        ),
        (
            "local kept = {} register('f', function(keys, args) kept[#kept + 1] = keys return kept[1][1] end)",
            r#""a" "a" "a""#,
        ),
        (
            "local kept register('f', function(keys, args) local k = keys kept = kept or k return kept[1] end)",
            r#""a" "a" "a""#,
        ),
        (
            "local kept register('f', function(keys, args) kept = kept or {keys, args} return kept[1][1] .. kept[2][1] end)",
            r#""ax" "ax" "ax""#,
        ),
        (
            "local kept local function keep(t) kept = kept or t end register('f', function(keys, args) keep(args) return kept[1] end)",
            r#""x" "x" "x""#,
        ),
        (
            "local kept local function same(t) return t end register('f', function(keys, args) kept = kept or same(keys) return kept[1] end)",
            r#""a" "a" "a""#,
        ),
        (
            "local kept register('f', function(keys, args) keys[2] = 'more' kept = kept or #keys return #keys + (keys[3] and 1 or 0) end)",
            ":2 :2 :2",
        ),
        (
            "register('f', function(keys, args) args = keys[1] .. args[1] return args end)",
            r#""ax" "by" "cz""#,
        ),
        (
            "register('f', function(keys, args) return keys[#keys] .. args[#args] .. #keys .. #args end)",
            r#""ax11" "by11" "cz11""#,
        ),
        (
            "register('f', function(keys) local i = 1 return keys[i] end)",
            r#""a" "b" "c""#,
        ),
        (
            "register('f', function(keys) return keys end)",
            r#"["a"] ["b"] ["c"]"#,
        ),
        ("register('f', function() return 1 end)", ":1 :1 :1"),
        (
            "local function f(keys) for i = 1, 200 do if i == 200 then return keys end end end f{} f{} register('f', f)",
            r#"["a"] ["b"] ["c"]"#,
        ),
    ] {
        let code = format!("local register = redis.register_function {code}");
        let function = only(&mut bench, &code);
        let calls = [("a", "x"), ("b", "y"), ("c", "z")];
        let seen = calls.map(|(key, argument)| bench.call(&function, &[key], &[argument]));
        assert_eq!(seen.join(" "), expected, "{code}");
        // and a script in between finds its own
        assert_eq!(
            bench.eval("return KEYS[1]", &["script"], &[]),
            r#""script""#
        );
    }
    // as many as come, long ones and short ones
    let function = only(
        &mut bench,
        "redis.register_function('f', function(keys, args) local n = 0 for i = 1, #args do n = n + #args[i] end return {#keys, n, args[#args]} end)",
    );
    let long = "l".repeat(2000);
    for (argv, expected) in [
        (vec!["a"; 3], r#"[:0 :3 "a"]"#.to_owned()),
        (vec!["b"; 40], r#"[:0 :40 "b"]"#.to_owned()),
        (vec!["c"; 1], r#"[:0 :1 "c"]"#.to_owned()),
        (vec![&long[..]; 2], format!("[:0 :4000 \"{long}\"]")),
        (vec![], "[:0 :0]".to_owned()),
    ] {
        assert_eq!(bench.call(&function, &[], &argv), expected);
    }
}

/// A script's keys are nobody else's, and functions share an interpreter with scripts.
#[test]
fn what_a_function_compiles_does_not_see_the_keys_of_scripts() {
    let mut bench = bench();
    assert_eq!(
        bench.eval("local k = KEYS return k[1]", &["secret"], &[]),
        r#""secret""#
    );
    for code in [
        "return loadstring('return KEYS')()",
        "return load(function() return nil end) and loadstring('return _G.KEYS')()",
        "return coroutine.wrap(function() return loadstring('return KEYS')() end)()",
    ] {
        let code = format!("redis.register_function('f', function() {code} end)");
        let function = only(&mut bench, &code);
        let seen = bench.call(&function, &[], &[]);
        assert!(
            seen.contains("nonexistent global variable 'KEYS'"),
            "{code}: {seen}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_library_is_said() {
    const MISSING: &str = "-ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable";
    let missing = |name: &str| format!("{MISSING} '{name}'");
    let registering = |text: &str| format!("-ERR Error registering functions: ERR {text}");
    let cases = [
        ("x x", "-ERR Error compiling function: user_function:2: '=' expected near 'x'".into()),
        ("", "-ERR No functions registered".into()),
        ("redis.call('get', 'x')", missing("call")),
        ("redis.setresp(3)", missing("setresp")),
        ("return math.random()", missing("math")),
        ("return _G", missing("_G")),
        ("local a = pcall", missing("pcall")),
        ("error('x')", missing("error")),
        ("x = 1", registering("user_function:2: Attempt to modify a readonly table")),
        ("redis.x = 1", registering("user_function:2: Attempt to modify a readonly table")),
        ("redis.log(1)", registering("server.log() requires two arguments or more.")),
        ("redis.register_function()", registering("wrong number of arguments to server.register_function")),
        ("redis.register_function(1, 2, 3)", registering("wrong number of arguments to server.register_function")),
        ("redis.register_function(1)", registering("calling server.register_function with a single argument is only applicable to Lua table (representing named arguments).")),
        ("redis.register_function({}, function() end)", registering("first argument to server.register_function must be a string")),
        ("redis.register_function('f', 1)", registering("second argument to server.register_function must be a function")),
        ("redis.register_function('f-g', function() end)", "-ERR Function names can only contain letters, numbers, or underscores(_) and must be at least one character long".into()),
        ("for _ = 1, 2 do redis.register_function('f', function() end) end", "-ERR Function already exists in the library".into()),
        ("redis.register_function{}", registering("server.register_function must get a function name argument")),
        ("redis.register_function{function_name = 'f'}", registering("server.register_function must get a callback argument")),
        ("redis.register_function{function_name = {}}", registering("function_name argument given to server.register_function must be a string")),
        ("redis.register_function{description = {}}", registering("description argument given to server.register_function must be a string")),
        ("redis.register_function{callback = 1}", registering("callback argument given to server.register_function must be a function")),
        ("redis.register_function{flags = 1}", registering("flags argument to server.register_function must be a table representing function flags")),
        ("redis.register_function{flags = {'x'}}", registering("unknown flag given")),
        ("redis.register_function{flags = {{}}}", registering("unknown flag given")),
        ("redis.register_function{x = 1}", registering("unknown argument given to server.register_function")),
        ("redis.register_function{1}", registering("unknown argument given to server.register_function")),
        ("redis.register_function{[{}] = 1}", registering("named argument key given to server.register_function is not a string")),
    ];
    for (code, expected) in cases {
        let mut bench = bench();
        let seen = bench.load(&format!("#!lua name=lib\n{code}"));
        assert_eq!(
            seen.map(|functions| functions.len()),
            Err(expected),
            "{code}"
        );
        // and scripts see what they saw
        assert_eq!(bench.eval("return redis.call('ping')", &[], &[]), "+PONG");
    }
}

#[test]
fn what_is_registered_is_declared() {
    let mut bench = bench();
    let source = "#!lua name=lib
        redis.register_function('first', function() return 1 end)
        server.register_function{FUNCTION_NAME = 'Second', callback = function() return 2 end,
            flags = {'no-writes', 'ALLOW-OOM'}, description = 'a text'}
        redis.register_function(3, redis.log)";
    let functions = bench.load(source).expect("a library");
    let seen: Vec<String> = functions
        .iter()
        .map(|function| {
            let flags: Vec<_> = function.flags().names().collect();
            let description = function.description().map(String::from_utf8_lossy);
            format!(
                "{} {description:?} {flags:?}",
                String::from_utf8_lossy(function.name())
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            r#"first None []"#,
            r#"Second Some("a text") ["no-writes", "allow-oom"]"#,
            r#"3 None []"#
        ]
    );
    assert_eq!(bench.call(&functions[0], &[], &[]), ":1");
    assert_eq!(bench.call(&functions[1], &[], &[]), ":2");
    assert_eq!(
        bench.call(&functions[2], &[], &[]),
        "-ERR First argument must be a number (log level)."
    );
}

#[test]
fn a_library_keeps_its_variables_and_no_other_sees_them() {
    let mut bench = bench();
    let counting = "local n = 0 redis.register_function('f', function() n = n + 1 return n end)";
    let (one, two) = (only(&mut bench, counting), only(&mut bench, counting));
    let seen = [&one, &one, &two, &one].map(|function| bench.call(function, &[], &[]));
    assert_eq!(seen, [":1", ":2", ":1", ":3"]);
    // an error leaves them as they were then
    let failing = "local n = 0 redis.register_function('f', function() n = n + 1 if n == 2 then error('x') end return n end)";
    let function = only(&mut bench, failing);
    bench.call(&function, &[], &[]);
    bench.call(&function, &[], &[]);
    assert_eq!(bench.call(&function, &[], &[]), ":3");
}

#[test]
fn a_register_function_that_was_kept_refuses_later() {
    let mut bench = bench();
    let function = only(
        &mut bench,
        "local register = redis.register_function
        register('f', function() register('g', function() end) end)",
    );
    assert_eq!(
        bench.call(&function, &[], &[]),
        "-ERR server.register_function can only be called on FUNCTION LOAD command script: f, on @user_function:3."
    );
}

#[test]
fn another_interpreter_loads_it_when_it_is_called() {
    let mut first = bench();
    let function = only(
        &mut first,
        "redis.log(redis.LOG_WARNING, 'loaded') local n = 0
        redis.register_function('f', function() n = n + 1 return n end)",
    );
    assert_eq!(first.server.log, ["Warning loaded"]);
    assert_eq!(first.call(&function, &[], &[]), ":1");
    let mut second = bench();
    assert_eq!(second.call(&function, &[], &[]), ":1");
    assert_eq!(second.call(&function, &[], &[]), ":2");
    assert!(second.server.log.is_empty(), "it was logged before");
    // forgotten and met again, it begins anew
    second.vm.keep_libraries(|id| id == function.library().id());
    assert_eq!(second.call(&function, &[], &[]), ":3");
    second.vm.keep_libraries(|_| false);
    assert_eq!(second.call(&function, &[], &[]), ":1");
}

#[test]
fn a_library_that_ends_badly_leaves_nothing() {
    let mut bench = bench_with(Limits {
        memory_bytes: 4 << 20,
    });
    let interrupt = bench.vm.interrupt();
    let killer = std::thread::spawn(move || {
        let run = loop {
            match interrupt.running() {
                Some(run) => break run,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        while interrupt.stop(run, KillReason::Timeout) {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    assert_eq!(
        bench
            .load("#!lua name=lib\nwhile true do end")
            .err()
            .as_deref(),
        Some("killed -ERR Error registering functions: ERR FUNCTION LOAD timeout")
    );
    killer.join().expect("no panic");
    let mut held = Vec::new();
    for _ in 0..3 {
        for code in [
            "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
            "local s = ('x'):rep(100000) while true do redis.register_function(s, function() end) end",
            "while true do redis.register_function('f', function() end) end",
        ] {
            let seen = bench.load(&format!("#!lua name=lib\n{code}"));
            assert_eq!(
                seen.err().as_deref(),
                Some("memory -ERR Error registering functions: ERR Script ran out of memory."),
                "{code}"
            );
        }
        bench.vm.collect();
        held.push(bench.vm.memory_used_bytes());
    }
    // the first time makes room for many functions in the registry
    assert!(held[2] < held[0] + (8 << 10), "{held:?}");
    assert_eq!(bench.eval("return redis.call('ping')", &[], &[]), "+PONG");
}
