//! Libraries of functions, as clients see them.

use std::time::Duration;

use crate::harness::{Client, Server, alone, eventually, in_some_attempt, play, show};

#[test]
fn a_library_comes_is_called_and_goes() {
    play(
        r##"
        > FUNCTION STATS => ["running_script" $-1 "engines" ["LUA" ["libraries_count" :0 "functions_count" :0]]]
        > FUNCTION LOAD "#!lua name=lib\nredis.register_function('f', function(keys, args) return {keys, args} end)" => "lib"
        > FCALL f 1 k a b => [["k"] ["a" "b"]]
        > fcall F 0 => [[] []]
        > FCALL_RO f 0 => -ERR Can not execute a script with write flag using *_ro command.
        > FUNCTION LOAD "#!lua name=lib\nredis.register_function('g', function() end)" => -ERR Library 'lib' already exists
        > FUNCTION LOAD "#!lua name=other\nredis.register_function('F', function() end)" => -ERR Function F already exists
        > FUNCTION LOAD REPLACE "#!lua name=lib\nredis.register_function{function_name='g', callback=function() return 1 end, flags={'no-writes'}, description='one'}" => "lib"
        > FCALL f 0 => -ERR Function not found
        > FCALL_RO g 0 => :1
        > FUNCTION LIST => [["library_name" "lib" "engine" "LUA" "functions" [["name" "g" "description" "one" "flags" [+no-writes]]]]]
        > FUNCTION LIST LIBRARYNAME LI? WITHCODE => [["library_name" "lib" "engine" "LUA" "functions" [[*]] "library_code" "#!lua name=lib\nredis*"]]
        > FUNCTION LIST LIBRARYNAME x => []
        > FUNCTION STATS => ["running_script" $-1 "engines" ["LUA" ["libraries_count" :1 "functions_count" :1]]]
        > INFO memory => "*number_of_functions:1*number_of_libraries:1*"
        > FLUSHALL => +OK
        > FCALL g 0 => :1
        > FUNCTION DELETE nosuch => -ERR Library not found
        > FUNCTION DELETE lib => +OK
        > FCALL g 0 => -ERR Function not found
        > FUNCTION LOAD "#!lua name=lib\nredis.register_function('f', function() return 2 end)" => "lib"
        > FUNCTION FLUSH ASYNC => +OK
        > FUNCTION LIST => []
        > FCALL f 0 => -ERR Function not found
        > HELLO 3 => *
        > FUNCTION LOAD "#!lua name=lib\nredis.register_function{function_name='g', callback=function() return 1 end, flags={'no-writes'}}" => "lib"
        > FUNCTION LIST => [{"library_name": "lib", "engine": "LUA", "functions": [{"name": "g", "description": _, "flags": ~[+no-writes]}]}]
        > FUNCTION STATS => {"running_script": _, "engines": {"LUA": {"libraries_count": :1, "functions_count": :1}}}
        "##,
    );
}

#[test]
fn calls_that_are_wrong_say_so() {
    play(
        r##"
        > FUNCTION LOAD "#!lua name=lib\nredis.register_function('f', function() return redis.call('lpush', 's', 'x') end) redis.register_function{function_name='r', callback=function() return redis.call('set', 'a', 'b') end, flags={'no-writes'}}" => "lib"
        > FCALL f => -ERR wrong number of arguments for 'fcall' command
        > FCALL f x => -ERR Bad number of keys provided
        > FCALL f -1 => -ERR Number of keys can't be negative
        > FCALL f 2 k => -ERR Number of keys can't be greater than number of args
        > SET s 1 => +OK
        > FCALL f 0 => -WRONGTYPE Operation against a key holding the wrong kind of value script: f, on @user_function:2.
        > FCALL r 0 => -ERR Write commands are not allowed from read-only scripts. script: r, on @user_function:2.
        > FUNCTION LOAD => -ERR wrong number of arguments for 'function|load' command
        > FUNCTION LOAD REPLACE => -ERR Missing library metadata
        > FUNCTION LOAD x y => -ERR Unknown option given: x
        > FUNCTION LIST LIBRARYNAME => -ERR library name argument was not given
        > FUNCTION LIST WITHCODE WITHCODE => -ERR Unknown argument WITHCODE
        > FUNCTION FLUSH x => -ERR FUNCTION FLUSH only supports SYNC|ASYNC option
        > FUNCTION FLUSH SYNC x => -ERR unknown subcommand or wrong number of arguments for 'FLUSH'. Try FUNCTION HELP.
        > FUNCTION RESTORE x y => -ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.
        > FUNCTION RESTORE x => -ERR DUMP payload version or checksum are wrong
        > FUNCTION KILL => -NOTBUSY No scripts in execution right now.
        > FUNCTION NONSENSE => -ERR unknown subcommand 'NONSENSE'. Try FUNCTION HELP.
        > EVAL "return redis.call('fcall', 'f', '0')" 0 => -ERR This Redis command is not allowed from script script: *, on @user_script:1.
        > EVAL "return redis.pcall('function', 'list')" 0 => -ERR This Redis command is not allowed from script
        "##,
    );
}

#[test]
fn a_library_that_does_not_replace_leaves_the_old_one_whole() {
    play(
        r##"
        > FUNCTION LOAD "#!lua name=lib\nlocal n = 0 redis.register_function('f', function() n = n + 1 return n end)" => "lib"
        > FUNCTION LOAD "#!lua name=other\nredis.register_function('g', function() end)" => "other"
        > FCALL f 0 => :1
        > FUNCTION LOAD REPLACE "#!lua name=lib\nredis.register_function('f', function() return 'new' end) redis.register_function('g', function() end)" => -ERR Function g already exists
        > FUNCTION LOAD REPLACE "#!lua name=lib\nredis.register_function('f', function() return 'new' end) x()" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'x'
        > FUNCTION LOAD REPLACE "#!lua name=lib\nredis.register_function('f', function() return 'new' end) while true do end" => -ERR Error registering functions: ERR FUNCTION LOAD timeout
        > FCALL f 0 => :*
        > FUNCTION LOAD REPLACE "#!lua name=lib\nlocal n = 0 redis.register_function('f', function() n = n + 1 return n end)" => "lib"
        > FCALL f 0 => :1
        "##,
    );
}

#[test]
fn libraries_come_and_go_inside_exec_too() {
    play(
        r##"
        > MULTI => +OK
        > FUNCTION LOAD "#!lua name=lib\nredis.register_function('f', function(keys) return redis.call('incr', keys[1]) end)" => +QUEUED
        > FCALL f 1 n => +QUEUED
        > FUNCTION DELETE nosuch => +QUEUED
        > FCALL f 1 n => +QUEUED
        > FUNCTION FLUSH => +QUEUED
        > FCALL f 1 n => +QUEUED
        > EXEC => ["lib" :1 -ERR Library not found :2 +OK -ERR Function not found]
        "##,
    );
}

/// The payload as an argument of the transcript's notation.
fn dump(client: &mut Client) -> String {
    client.ask("FUNCTION DUMP")
}

#[test]
fn libraries_travel_as_payloads_all_or_none() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let load = |client: &mut Client, name: &str, function: &str, value: i32| {
        let answer = client.ask(&format!(
            "FUNCTION LOAD REPLACE \"#!lua name={name}\\nredis.register_function('{function}', function() return {value} end)\""
        ));
        assert_eq!(answer, format!("\"{name}\""));
    };
    let libraries =
        |client: &mut Client| client.ask("FUNCTION LIST").matches("library_name").count();
    load(&mut client, "a", "f", 1);
    load(&mut client, "b", "g", 2);
    let payload = dump(&mut client);
    assert_eq!(
        client.ask(&format!("FUNCTION RESTORE {payload}")),
        "-ERR Library a already exists"
    );
    assert_eq!(client.ask("FUNCTION FLUSH"), "+OK");
    assert_eq!(
        client.ask(&format!("FUNCTION RESTORE {payload} APPEND")),
        "+OK"
    );
    assert_eq!(client.ask("FCALL f 0"), ":1");
    assert_eq!(client.ask("FCALL g 0"), ":2");
    load(&mut client, "a", "f", 3);
    load(&mut client, "c", "h", 4);
    assert_eq!(
        client.ask(&format!("FUNCTION RESTORE {payload} REPLACE")),
        "+OK"
    );
    assert_eq!(client.ask("FCALL f 0"), ":1");
    assert_eq!(libraries(&mut client), 3);
    assert_eq!(
        client.ask(&format!("FUNCTION RESTORE {payload} FLUSH")),
        "+OK"
    );
    assert_eq!(libraries(&mut client), 2);
    // a function of that name is another library's
    assert_eq!(client.ask("FUNCTION DELETE b"), "+OK");
    load(&mut client, "c", "g", 5);
    load(&mut client, "a", "x", 6);
    assert_eq!(
        client.ask(&format!("FUNCTION RESTORE {payload} REPLACE")),
        "-ERR Function g already exists"
    );
    assert_eq!(client.ask("FCALL x 0"), ":6", "nothing was replaced");
}

/// On a primary without a cluster they change nothing. Any combination of flags is taken, and kept.
#[test]
fn flags_about_clusters_and_replicas_are_taken_and_shown() {
    play(
        r##"
        > EVAL "#!lua flags=allow-stale\nreturn 1" 0 => :1
        > EVAL "#!lua flags=no-cluster\nreturn redis.call('set', 'a', '1')" 0 => +OK
        > EVAL "#!lua flags=allow-cross-slot-keys\nreturn redis.call('mset', 'a', '1', 'b', '2')" 0 => +OK
        > EVAL "#!lua\nreturn redis.call('mget', 'a', 'b', 'c')" 1 a => ["1" "2" $-1]
        > EVAL "#!lua flags=no-cluster,allow-stale,allow-cross-slot-keys,no-writes,allow-oom\nreturn redis.call('get', 'a')" 0 => "1"
        > EVAL "#!lua flags=no-cluster,no-cluster\nreturn 1" 0 => :1
        > EVAL "#!lua flags=no-cluster flags=allow-stale\nreturn 1" 0 => :1
        > EVAL "#!lua flags=no-cluster,\nreturn 1" 0 => -ERR Unexpected flag in script shebang:*
        > EVAL "#!lua flags=No-Cluster\nreturn 1" 0 => -ERR Unexpected flag in script shebang: No-Cluster
        > EVAL_RO "#!lua flags=allow-stale,no-cluster\nreturn 1" 0 => -ERR Can not execute a script with write flag using *_ro command.
        > EVAL_RO "#!lua flags=no-writes,allow-stale\nreturn redis.call('get', 'a')" 1 a => "1"
        > EVAL "#!lua flags=no-writes,allow-cross-slot-keys\nreturn redis.pcall('set', 'a', '1')" 1 a => -ERR Write commands are not allowed from read-only scripts.*
        > FUNCTION LOAD "#!lua name=l\nlocal function load(name, flags) redis.register_function{function_name=name, callback=function() return redis.call('mset', 'a', 1, 'b', 2) end, flags=flags} end load('f', {'allow-stale', 'no-cluster'}) load('g', {'Allow-Cross-Slot-Keys', 'allow-cross-slot-keys'})" => "l"
        > FUNCTION LIST => [["library_name" "l" "engine" "LUA" "functions" [["name" "f" "description" $-1 "flags" [+allow-stale +no-cluster]] ["name" "g" "description" $-1 "flags" [+allow-cross-slot-keys]]]]]
        > FCALL f 0 => +OK
        > FCALL g 2 a b => +OK
        > FCALL_RO g 0 => -ERR Can not execute a script with write flag using *_ro command.
        > FUNCTION LOAD "#!lua name=m\nredis.register_function{function_name='h', callback=function() end, flags={'allow-stale', 5}}" => -ERR Error registering functions: ERR unknown flag given
        > FUNCTION LOAD "#!lua name=m\nredis.register_function{function_name='h', callback=function() end, flags={['no-cluster'] = true}}" => "m"
        > FUNCTION LIST LIBRARYNAME m => [["library_name" "m" "engine" "LUA" "functions" [["name" "h" "description" $-1 "flags" []]]]]
        "##,
    );
}

#[test]
fn in_a_pause_of_writes_those_that_only_read_run() {
    let server = Server::start(&[]);
    let (mut pauser, mut caller) = (server.connect(), server.connect());
    let library = "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function{function_name='reads', callback=function() return 1 end, flags={'no-writes'}} redis.register_function('writes', function() return 2 end)\"";
    assert_eq!(caller.ask(library), "\"lib\"");
    assert_eq!(pauser.ask("CLIENT PAUSE 100000 WRITE"), "+OK");
    for call in [
        "FCALL reads 0",
        "FCALL_RO reads 0",
        "EVAL \"#!lua flags=no-writes\\nreturn 1\" 0",
        "EVAL_RO \"return 1\" 0",
    ] {
        assert_eq!(caller.ask(call), ":1", "{call}");
    }
    for call in [
        "FCALL writes 0",
        "FCALL nosuch 0",
        "EVAL \"#!lua\\nreturn 1\" 0",
        "EVAL \"return 1\" 0",
        "FUNCTION DELETE lib",
        "FLUSHALL",
    ] {
        let mut waiting = server.connect();
        waiting.send(call);
        assert!(waiting.is_silent_for(Duration::from_millis(30)), "{call}");
    }
    assert_eq!(pauser.ask("CLIENT UNPAUSE"), "+OK");
    assert_eq!(caller.ask("PING"), "+PONG");
}

/// Starts a function that never ends.
fn run_away(server: &Server, body: &str) -> Client {
    let mut client = server.connect();
    assert_eq!(client.ask("SET mine before"), "+OK");
    let library = format!(
        "FUNCTION LOAD REPLACE \"#!lua name=lib\\nredis.register_function('endless', function(keys) {body} end)\""
    );
    assert_eq!(client.ask(&library), "\"lib\"");
    client.send("FCALL endless 1 mine arg");
    client
}

#[test]
fn an_endless_function_disturbs_nobody_else_and_is_stopped_without_a_trace() {
    let _alone = alone();
    for body in [
        "while true do end",
        "redis.call('set', keys[1], 'half') while true do pcall(function() while true do end end) end",
        "while true do redis.call('append', keys[1], 'x') redis.call('set', keys[1], 'y') end",
    ] {
        let server = Server::start_with_apart(
            &["mine", "other", "function"],
            &["--io-threads", "1", "--busy-reply-threshold", "200"],
        );
        let mut victim = run_away(&server, body);
        let mut other = server.connect();
        eventually("who needs its key is told", || {
            other.ask("GET mine")
                == "-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
        });
        assert_eq!(other.ask("SET other 1"), "+OK");
        let mut stats = String::new();
        eventually("its call is told", || {
            stats = other.ask("FUNCTION STATS");
            !stats.contains("\"command\" []")
        });
        let expected = r#"["running_script" ["name" "endless" "command" ["FCALL" "endless" "1" "mine" "arg"] "duration_ms" :"#;
        assert!(stats.starts_with(expected), "{stats}");
        assert_eq!(
            other.ask("SCRIPT KILL"),
            "-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
        );
        assert_eq!(other.ask("FUNCTION KILL"), "+OK");
        let end = victim.receive().map(|value| show(&value));
        assert_eq!(
            end.as_deref(),
            Some(
                "-ERR Script killed by user with FUNCTION KILL. script: endless, on @user_function:2."
            ),
            "{body}"
        );
        assert_eq!(other.ask("GET mine"), "\"before\"");
        assert_eq!(
            other.ask("FUNCTION KILL"),
            "-NOTBUSY No scripts in execution right now."
        );
    }
}

#[test]
fn a_script_is_not_for_function_kill() {
    let _alone = alone();
    let server = Server::start(&[
        "--script-busy-scope",
        "server",
        "--busy-reply-threshold",
        "200",
    ]);
    let mut other = server.connect();
    let mut victim = server.connect();
    victim.send("EVAL \"while true do end\" 0");
    eventually("the server is busy", || {
        other.ask("PING").starts_with("-BUSY ")
    });
    const BUSY: &str =
        "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    assert_eq!(other.ask("FUNCTION KILL"), BUSY);
    assert_eq!(other.ask("FUNCTION STATS"), BUSY);
    assert_eq!(other.ask("SCRIPT KILL"), "+OK");
    assert!(victim.receive().is_some());
    assert_eq!(other.ask("PING"), "+PONG");

    let mut victim = in_some_attempt("it has written when it is busy", || {
        let mut victim = run_away(&server, "redis.call('set', keys[1], 'x') while true do end");
        eventually("the server is busy", || {
            other.ask("PING").starts_with("-BUSY ")
        });
        let answer = other.ask("FUNCTION KILL");
        if answer == "+OK" {
            victim.receive();
            return None;
        }
        assert!(answer.starts_with("-UNKILLABLE "), "{answer}");
        Some(victim)
    });
    assert!(other.ask("SCRIPT KILL").starts_with("-UNKILLABLE "));
    assert!(victim.is_silent_for(Duration::from_millis(100)));
}

/// While one thread is in a function, others run it, each with variables of its own; and what is loaded on one is soon
/// known to all.
#[test]
fn functions_run_on_every_thread() {
    let server = Server::start(&["--io-threads", "2"]);
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    for round in 0..20 {
        let library = format!(
            "FUNCTION LOAD REPLACE \"#!lua name=lib\\nlocal n = 0 redis.register_function('f', function(keys) n = n + 1 redis.call('incr', keys[1]) return {{{round}, n}} end)\""
        );
        assert_eq!(clients[round % 8].ask(&library), "\"lib\"");
        let mut counts = 0;
        for client in &mut clients {
            let answer = client.ask("FCALL f 1 n");
            let count = answer
                .strip_prefix(&format!("[:{round} :"))
                .and_then(|rest| rest.strip_suffix(']'))
                .unwrap_or_else(|| panic!("{answer}"));
            counts += count.parse::<i32>().expect("a number");
        }
        // 1 to 8 on one thread, or 1 to some and 1 to the rest
        assert!((8..=36).contains(&counts), "{counts}");
    }
    assert_eq!(clients[0].ask("GET n"), "\"160\"");
}

#[test]
fn memory_that_lacks_stops_functions_that_may_write() {
    play(
        r##"
        > FUNCTION LOAD "#!lua name=lib\nlocal function set() return redis.call('set', 'x', 'y') end redis.register_function('f', set) redis.register_function{function_name='allowed', callback=set, flags={'allow-oom'}} redis.register_function{function_name='reads', callback=function() return 1 end, flags={'no-writes'}}" => "lib"
        > CONFIG SET maxmemory 1 => +OK
        > FCALL f 0 => -OOM command not allowed when used memory > 'maxmemory'.
        > FCALL allowed 0 => +OK
        > FCALL reads 0 => :1
        > FCALL_RO reads 0 => :1
        > FUNCTION LOAD x => -OOM command not allowed when used memory > 'maxmemory'.
        > FCALL_RO f 0 => -OOM command not allowed when used memory > 'maxmemory'.
        > EVAL "#!lua\nreturn 1" 0 => -OOM command not allowed when used memory > 'maxmemory'.
        > EVAL "return 1" 0 => :1
        > MULTI => +OK
        > FCALL allowed 0 => +QUEUED
        > FCALL f 0 => -OOM command not allowed when used memory > 'maxmemory'.
        > EXEC => -EXECABORT Transaction discarded because of previous errors.
        > CONFIG SET maxmemory 0 => +OK
        > MULTI => +OK
        > CONFIG SET maxmemory 1 => +QUEUED
        > FCALL f 0 => +QUEUED
        > FCALL allowed 0 => +QUEUED
        > EXEC => [+OK -OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory' +OK]
        > FUNCTION DELETE lib => +OK
        "##,
    );
}

#[test]
fn once_a_script_has_called_what_writes_it_is_not_stopped_for_want_of_memory() {
    play(
        r##"
        > SET here 1 => +OK
        > CONFIG SET maxmemory 1 => +OK
        > EVAL "redis.call('get', 'here') return redis.pcall('set', 'x', '1')" 0 => -OOM command not allowed when used memory > 'maxmemory'.
        > EVAL "redis.call('del', 'nothing') return redis.pcall('set', 'x', '1')" 0 => +OK
        > EVAL "redis.pcall('lrem', 'here', '0', 'x') return redis.pcall('set', 'x', '2')" 0 => +OK
        > EVAL "redis.pcall('set', 'x', '1') return redis.pcall('set', 'x', '1')" 0 => -OOM command not allowed when used memory > 'maxmemory'.
        > MULTI => +OK
        > DEL x => +QUEUED
        > EVAL "return redis.pcall('set', 'x', '1')" 0 => +QUEUED
        > EXEC => [:1 -OOM command not allowed when used memory > 'maxmemory'.]
        "##,
    );
}

#[test]
fn what_has_no_order_comes_to_a_script_in_one_that_is_always_the_same() {
    play(
        r##"
        > SADD s b a C d => :4
        > SORT s BY nosort => ["b" "a" "C" "d"]
        > EVAL "return {redis.call('sort', 's', 'by', 'nosort'), redis.call('sort_ro', 's', 'by', 'nosort', 'desc')}" 0 => [["C" "a" "b" "d"] ["d" "b" "a" "C"]]
        > MULTI => +OK
        > EVAL "return redis.call('sort', 's', 'by', 'nosort')" 0 => +QUEUED
        > SORT s BY nosort => +QUEUED
        > EXEC => [["C" "a" "b" "d"] ["b" "a" "C" "d"]]
        "##,
    );
}
