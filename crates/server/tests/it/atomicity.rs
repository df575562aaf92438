//! All or nothing: what fails leaves no trace, and says so.

use std::time::Duration;

use crate::harness::{Client, Server, alone, eventually, in_some_attempt, matches, play, show};

#[test]
fn a_script_that_fails_is_taken_back_where_that_is_asked_for() {
    play(
        r##"
        > SET n 1 => +OK
        > EVAL "redis.call('incr', 'n') redis.call('incr', 'nosuch') error('no')" 0 => -ERR user_script:1: no script: *, on @user_script:1.
        > MGET n nosuch => ["2" "1"]
        > DEL nosuch => :1
        > EVAL "#!lua flags=atomic\nredis.call('incr', 'n') redis.call('incr', 'nosuch') error('no')" 0 => -ERR user_script:2: no script: *, on @user_script:2.
        > MGET n nosuch => ["2" $-1]
        > CONFIG SET script-atomicity all-or-nothing => +OK
        > CONFIG GET script-atomicity => ["script-atomicity" "all-or-nothing"]
        > EVAL "redis.call('incr', 'n') redis.call('lpush', 'n', 'x')" 0 => -WRONGTYPE Operation against a key holding the wrong kind of value script: *, on @user_script:1.
        > GET n => "2"
        > EVAL "redis.call('incr', 'n') return redis.pcall('lpush', 'n', 'x')" 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        > EVAL "redis.call('incr', 'n') return {err = 'MINE no'}" 0 => -MINE no
        > GET n => "2"
        > EVAL "redis.call('incr', 'n') redis.pcall('lpush', 'n', 'x') return {1, {err = 'MINE no'}}" 0 => [:1 -MINE no]
        > GET n => "3"
        > FUNCTION LOAD "#!lua name=lib\nredis.register_function('f', function(k) redis.call('incr', k[1]) error('no') end)" => "lib"
        > FCALL f 1 n => -ERR user_function:2: no script: f, on @user_function:2.
        > GET n => "3"
        > CONFIG SET script-atomicity redis => +OK
        > FCALL f 1 n => -ERR user_function:2: no script: f, on @user_function:2.
        > GET n => "4"
        > CLIENT ATOMICITY SCRIPTS ALL-OR-NOTHING => +OK
        > FCALL f 1 n => -ERR user_function:2: no script: f, on @user_function:2.
        > GET n => "4"
        b> FCALL f 1 n => -ERR user_function:2: no script: f, on @user_function:2.
        > GET n => "5"
        > CONFIG SET script-atomicity nonsense => -ERR CONFIG SET failed (possibly related to argument 'script-atomicity') - argument(s) must be one of the following: redis, all-or-nothing
        "##,
    );
}

#[test]
fn flags_are_told_and_wrong_ones_refused() {
    play(
        r##"
        > FUNCTION LOAD "#!lua name=lib\nredis.register_function{function_name='f', callback=function(k) redis.call('incr', k[1]) error('no') end, flags={'atomic', 'Time-Limit=500'}}" => "lib"
        > FUNCTION LIST => [["library_name" "lib" "engine" "LUA" "functions" [["name" "f" "description" $-1 "flags" [+atomic +time-limit=500]]]]]
        > FCALL f 1 n => -ERR user_function:2: no script: f, on @user_function:2.
        > EXISTS n => :0
        > FUNCTION LOAD "#!lua name=other\nredis.register_function{function_name='g', callback=function() end, flags={'time-limit=no'}}" => -ERR Error registering functions: ERR unknown flag given
        > EVAL "#!lua flags=time-limit=0\nreturn 1" 0 => -ERR Unexpected flag in script shebang: time-limit=0
        "##,
    );
}

#[test]
fn a_script_can_take_itself_back() {
    play(
        r##"
        > EVAL "redis.call('set', 'k', '1') redis.rollback('out of stock')" 0 => -ROLLBACK out of stock
        > EXISTS k => :0
        > EVAL "redis.call('set', 'k', '1') pcall(redis.rollback, 'why') return 'survived'" 0 => -ROLLBACK why
        > EVAL "redis.call('set', 'k', '1') server.rollback()" 0 => -ROLLBACK The script took itself back.
        > EXISTS k => :0
        > MULTI => +OK
        > SET a 1 => +QUEUED
        > EVAL "redis.call('set', 'k', '1') redis.call('incr', 'a') redis.rollback('why')" 0 => +QUEUED
        > INCR a => +QUEUED
        > EXEC => [+OK -ROLLBACK why :2]
        > EXISTS k => :0
        > MULTI ATOMIC => +OK
        > SET a 100 => +QUEUED
        > EVAL "redis.call('set', 'k', '1') redis.rollback('why')" 0 => +QUEUED
        > SET a 200 => +QUEUED
        > EXEC => -EXECABORT Transaction rolled back: 'eval' failed: ROLLBACK why
        > MGET a k => ["2" $-1]
        "##,
    );
}

#[test]
fn the_first_command_that_fails_ends_exec() {
    play(
        r##"
        > SET s text => +OK
        > MULTI => +OK
        > SET a 1 => +QUEUED
        > INCR s => +QUEUED
        > SET b 1 => +QUEUED
        > EXEC => [+OK -ERR value is not an integer or out of range +OK]
        > MULTI atomic => +OK
        > SET a 2 => +QUEUED
        > INCR s => +QUEUED
        > SET b 2 => +QUEUED
        > EXEC => -EXECABORT Transaction rolled back: 'incr' failed: ERR value is not an integer or out of range
        > MGET a b s => ["1" "1" "text"]
        > MULTI ATOMIC => +OK
        > SET a 2 => +QUEUED
        > GET a => +QUEUED
        > EXEC => [+OK "2"]
        > CLIENT ATOMICITY TRANSACTIONS ALL-OR-NOTHING => +OK
        > CLIENT ATOMICITY => ["scripts" "redis" "transactions" "all-or-nothing"]
        > MULTI => +OK
        > SET a 3 => +QUEUED
        > EVAL "return {err = 'MINE no'}" 0 => +QUEUED
        > EXEC => -EXECABORT Transaction rolled back: 'eval' failed: MINE no
        > GET a => "2"
        b> MULTI => +OK
        b> SET a 3 => +QUEUED
        b> INCR s => +QUEUED
        b> EXEC => [+OK -ERR *]
        > RESET => +RESET
        > CLIENT ATOMICITY => ["scripts" "redis" "transactions" "redis"]
        > CONFIG SET transaction-atomicity all-or-nothing => +OK
        > CLIENT ATOMICITY TRANSACTIONS REDIS => +OK
        > MULTI => +OK
        > SET a 4 => +QUEUED
        > INCR s => +QUEUED
        > EXEC => [+OK -ERR *]
        > CLIENT ATOMICITY TRANSACTIONS DEFAULT => +OK
        > MULTI => +OK
        > SET a 5 => +QUEUED
        > EVALSHA ffffffffffffffffffffffffffffffffffffffff 0 => +QUEUED
        > EXEC => -EXECABORT Transaction rolled back: 'evalsha' failed: NOSCRIPT No matching script.
        > GET a => "4"
        > MULTI x => -ERR wrong number of arguments for 'multi' command
        > MULTI ATOMIC x => -ERR wrong number of arguments for 'multi' command
        > CLIENT ATOMICITY x REDIS => -ERR syntax error
        > CLIENT ATOMICITY SCRIPTS x => -ERR syntax error
        > CLIENT ATOMICITY SCRIPTS => -ERR syntax error
        "##,
    );
}

#[test]
fn watched_keys_and_what_a_transaction_changes_of_its_connection_come_back_too() {
    play(
        r##"
        w> WATCH k => +OK
        w> MULTI => +OK
        w> SET k seen => +QUEUED
        > SET s text => +OK
        > MULTI ATOMIC => +OK
        > SET k 1 => +QUEUED
        > SELECT 3 => +QUEUED
        > SUBSCRIBE c => +QUEUED
        > INCR k => +QUEUED
        > LPUSH k x => +QUEUED
        > EXEC => -EXECABORT Transaction rolled back: 'lpush' failed: WRONGTYPE Operation against a key holding the wrong kind of value
        > GET s => "text"
        > CLIENT INFO => "* db=0 sub=0 *"
        > PUBSUB CHANNELS => []
        > EVAL "#!lua flags=atomic\nredis.call('set', 'k', '1') error('no')" 0 => -ERR *
        w> EXEC => [+OK]
        "##,
    );
}

#[test]
fn a_panic_takes_back_what_an_exec_has_changed_of_its_connection() {
    play(
        r##"
        > SELECT 3 => +OK
        > MULTI => +OK
        > SELECT 5 => +QUEUED
        > CLIENT NO-TOUCH ON => +QUEUED
        > CLIENT ATOMICITY SCRIPTS ALL-OR-NOTHING => +QUEUED
        > HELLO 3 => +QUEUED
        > DEBUG PANIC => +QUEUED
        > EXEC => -ERR internal error
        > CLIENT INFO => "* flags=N * db=3 * resp=2 *"
        > CLIENT ATOMICITY => ["scripts" "redis" "transactions" "redis"]
        > MULTI => +OK
        > SELECT 5 => +QUEUED
        > CLIENT NO-TOUCH ON => +QUEUED
        > EXEC => [+OK +OK]
        > CLIENT INFO => "* flags=T * db=5 * resp=2 *"
        "##,
    );
}

#[test]
fn what_cannot_be_undone_is_refused() {
    play(
        r##"
        > MULTI ATOMIC => +OK
        > CONFIG SET maxmemory 0 => -ERR 'config|set' cannot be undone, so it is not allowed where all or nothing is to happen
        > SET k 1 => +QUEUED
        > EXEC => -EXECABORT Transaction discarded because of previous errors.
        > MULTI ATOMIC => +OK
        > CONFIG GET maxmemory => +QUEUED
        > DEBUG SET-ACTIVE-EXPIRE 1 => +QUEUED
        > EXEC => -EXECABORT Transaction rolled back: 'debug' failed: ERR 'debug' cannot be undone, so it is not allowed where all or nothing is to happen
        > DEBUG SET-DISABLE-DENY-SCRIPTS 1 => +OK
        > EVAL "#!lua flags=atomic\nreturn redis.pcall('config', 'set', 'maxmemory', '0')" 0 => -ERR 'config|set' cannot be undone, so it is not allowed where all or nothing is to happen
        > EVAL "return redis.call('config', 'set', 'maxmemory', '0')" 0 => +OK
        > MULTI => +OK
        > CONFIG SET maxmemory 0 => +QUEUED
        > EXEC => [+OK]
        "##,
    );
}

#[test]
fn each_of_the_commands_that_cannot_be_undone_is_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let library = "\"#!lua name=lib\\nredis.register_function('f', function() return 1 end)\"";
    assert_eq!(client.ask(&format!("FUNCTION LOAD {library}")), "\"lib\"");
    client.ask("DEBUG SET-DISABLE-DENY-SCRIPTS 1");
    let before = client.ask("FUNCTION LIST WITHCODE");
    // (the names of the table's flag, but for those that are never queued or that scripts cannot have)
    for call in [
        &*format!("FUNCTION LOAD REPLACE {library}"),
        "FUNCTION DELETE lib",
        "FUNCTION FLUSH",
        "FUNCTION RESTORE x",
        "FUNCTION KILL",
        "SCRIPT LOAD x",
        "SCRIPT FLUSH",
        "SCRIPT KILL",
        "CONFIG SET maxmemory 1",
        "CONFIG RESETSTAT",
        "CONFIG REWRITE",
        "CLIENT KILL ID 1",
        "CLIENT UNBLOCK 1",
        "CLIENT PAUSE 1",
        "CLIENT UNPAUSE",
        "CLIENT SETNAME x",
        "CLIENT SETINFO LIB-NAME x",
        "CLIENT NO-EVICT ON",
        "CLIENT NO-TOUCH ON",
        "CLIENT ATOMICITY SCRIPTS REDIS",
    ] {
        let is_refused = |answer: &str| {
            answer.starts_with("-ERR '")
                && answer.contains("' cannot be undone, so it is not allowed")
        };
        assert_eq!(client.ask("MULTI ATOMIC"), "+OK");
        let answer = client.ask(call);
        assert!(is_refused(&answer), "{call}: {answer}");
        assert_eq!(
            client.ask("EXEC"),
            "-EXECABORT Transaction discarded because of previous errors.",
            "{call}"
        );
        let script = "#!lua flags=atomic\\nreturn redis.pcall(unpack(ARGV))";
        let answer = client.ask(&format!("EVAL \"{script}\" 0 {call}"));
        assert!(is_refused(&answer), "{call}: {answer}");
    }
    assert_eq!(client.ask("FUNCTION LIST WITHCODE"), before);
    assert_eq!(client.ask("FCALL f 0"), ":1");
}

#[test]
fn whole_databases_come_back() {
    play(
        r##"
        > MSET a 1 b 2 => +OK
        > RPUSH l x y z => :3
        > SELECT 1 => +OK
        > MSET c 3 => +OK
        > SELECT 0 => +OK
        > MULTI ATOMIC => +OK
        > SWAPDB 0 1 => +QUEUED
        > FLUSHDB => +QUEUED
        > SET d 4 => +QUEUED
        > FLUSHALL SYNC => +QUEUED
        > SWAPDB 1 2 => +QUEUED
        > DBSIZE => +QUEUED
        > INCRBY d x => +QUEUED
        > EXEC => -EXECABORT Transaction rolled back: 'incrby' failed: ERR value is not an integer or out of range
        > MGET a b c d => ["1" "2" $-1 $-1]
        > LRANGE l 0 -1 => ["x" "y" "z"]
        > INFO keyspace => "*db0:keys=3,*db1:keys=1,*"
        > EVAL "#!lua flags=atomic\nredis.call('flushall') redis.call('set', 'a', 'x') error('no')" 0 => -ERR *
        > MGET a b c d => ["1" "2" $-1 $-1]
        "##,
    );
}

#[test]
fn nothing_is_told_of_what_was_taken_back_and_statistics_know_how_often() {
    let server = Server::start(&["--notify-keyspace-events", "KEA"]);
    server.play(
        r##"
        s> HELLO 3 => *
        s> PSUBSCRIBE * => >["psubscribe" "*" :1]
        > SET s text => +OK
        s> PING => >["pmessage" "*" "__keyspace@0__:s" "set"]
        "##,
    );
    // (a fresh connection, so that no message stands before an answer)
    let mut client = server.connect();
    let mut hearer = server.connect();
    assert_eq!(hearer.ask("PSUBSCRIBE *"), "[\"psubscribe\" \"*\" :1]");
    for _ in 0..3 {
        let answer = client.ask(
            "EVAL \"#!lua flags=atomic\\nredis.call('set', 'k', '1') redis.call('publish', 'c', 'm') error('no')\" 0",
        );
        assert!(answer.starts_with("-ERR "), "{answer}");
    }
    for call in ["MULTI ATOMIC", "SET k 1", "PUBLISH c m", "INCR s", "EXEC"] {
        client.ask(call);
    }
    assert!(hearer.is_silent_for(Duration::from_millis(100)));
    let stats = client.text("INFO stats");
    assert!(stats.contains("transactions_rolled_back:4\r"), "{stats}");
    let commands = client.text("INFO commandstats");
    assert!(!commands.contains("cmdstat_publish"), "{commands}");
    assert!(commands.contains("cmdstat_set:calls=1,"), "{commands}");
    let errors = client.text("INFO errorstats");
    assert!(
        errors.contains("errorstat_ERR:count=4") && errors.contains("errorstat_EXECABORT:count=1"),
        "{errors}"
    );
}

#[test]
fn what_happens_to_a_script_is_told_under_its_name() {
    let server = Server::start(&[]);
    server.play(
        r##"
        > FUNCTION LOAD "#!lua name=lib\nredis.register_function{function_name='f', flags={'atomic'}, callback=function() error('no') end}" => "lib"
        > FCALL f 0 => -ERR *
        > FCALL F 0 => -ERR *
        > SCRIPT LOAD "return redis.call('set', KEYS[1] or ARGV[1], 'x')" => "65bbf4fdca7be0b1332f1144d8bdba69387ad4d1"
        > EVALSHA 65bbf4fdca7be0b1332f1144d8bdba69387ad4d1 1 k => +OK
        > EVALSHA 65bbf4fdca7be0b1332f1144d8bdba69387ad4d1 0 k => +OK
        > EVALSHA 65bbf4fdca7be0b1332f1144d8bdba69387ad4d1 0 k => +OK
        > EVAL "return redis.call('flushall')" 0 => +OK
        > EVAL "redis.rollback('no')" 0 => -ROLLBACK no
        "##,
    );
    let mut client = server.connect();
    let told = client.text("INFO scriptstats");
    let mut lines: Vec<&str> = told.lines().collect();
    lines.sort_unstable();
    let expected = [
        "# Scriptstats",
        "function_f:grown=0,rerun=0,run_alone=0,rolled_back=2",
        "script_*:grown=0,rerun=0,run_alone=0,rolled_back=1",
        "script_*:grown=1,rerun=0,run_alone=1,rolled_back=0",
        "script_65bbf4fdca7be0b1332f1144d8bdba69387ad4d1:grown=2,rerun=0,run_alone=0,rolled_back=0",
    ];
    assert_eq!(lines.len(), expected.len(), "{told}");
    for pattern in expected {
        assert!(
            lines.iter().any(|line| matches(pattern, line)),
            "{pattern} in {told}"
        );
    }
    let stats = client.text("INFO stats");
    // (FUNCTION LOAD has met the stripe of the libraries on its way)
    assert!(stats.contains("transactions_grown:4\r"), "{stats}");
    assert!(stats.contains("transactions_run_alone:1\r"), "{stats}");
    assert!(!client.text("INFO").contains("Scriptstats"));
    client.ask("CONFIG RESETSTAT");
    assert_eq!(client.text("INFO scriptstats"), "# Scriptstats\r\n");
}

#[test]
fn who_waits_goes_on_waiting_and_in_its_order() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let mut waiting: Vec<Client> = Vec::new();
    for number in 1..=3 {
        let mut one = server.connect();
        one.send("BLPOP q 0");
        waiting.push(one);
        eventually("it waits", || {
            client
                .text("INFO clients")
                .contains(&format!("blocked_clients:{number}\r"))
        });
    }
    let rolled_back = [
        "EVAL \"#!lua flags=atomic\\nredis.call('rpush', 'q', 'no') error('no')\" 1 q",
        "EVAL \"redis.call('rpush', 'q', 'no') redis.rollback('no')\" 1 q",
    ];
    for call in rolled_back {
        assert!(client.ask(call).starts_with('-'), "{call}");
    }
    for call in ["MULTI ATOMIC", "RPUSH q no no no", "INCR q", "EXEC"] {
        client.ask(call);
    }
    assert!(client.text("INFO clients").contains("blocked_clients:3\r"));
    assert_eq!(client.ask("RPUSH q 1 2 3"), ":3");
    for (number, one) in waiting.iter_mut().enumerate() {
        let got = one.receive().map(|value| show(&value));
        assert_eq!(got, Some(format!("[\"q\" \"{}\"]", number + 1)));
    }
}

#[test]
fn a_script_has_the_time_that_it_may_take() {
    let _alone = alone();
    let server = Server::start(&["--script-time-limit", "50"]);
    let mut client = server.connect();
    let endless = "redis.call('set', 'k', 'x') while true do pcall(redis.call, 'incr', 'n') end";
    let expected = "-ERR Script ran longer than it may. script: *, on @user_script:*";
    for (head, setting) in [("", "50"), ("#!lua flags=time-limit=20\\n", "0")] {
        client.ask(&format!("CONFIG SET script-time-limit {setting}"));
        let answer = client.ask(&format!("EVAL \"{head}{endless}\" 0"));
        assert!(matches(expected, &answer), "{answer}");
        assert_eq!(client.ask("MGET k n"), "[$-1 $-1]");
    }
    let library = format!(
        "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function{{function_name='f', callback=function() {endless} end, flags={{'time-limit=20'}}}}\""
    );
    assert_eq!(client.ask(&library), "\"lib\"");
    let answer = client.ask("FCALL f 0");
    assert!(
        answer.starts_with("-ERR Script ran longer than it may. script: f, "),
        "{answer}"
    );
    assert_eq!(client.ask("MGET k n"), "[$-1 $-1]");
    // the limit was that one's
    let slow = "EVAL \"local n = 0 for i = 1, 3e7 do n = n + i % 7 end return 'done'\" 0";
    assert_eq!(client.ask(slow), "\"done\"");
}

#[test]
fn the_script_of_a_client_that_was_killed_is_taken_back() {
    let _alone = alone();
    let server = Server::start(&["--busy-reply-threshold", "100"]);
    let (mut victim, mut other) = (server.connect(), server.connect());
    let id = victim.ask("CLIENT ID").replace(':', "");
    assert_eq!(other.ask("SET mine before"), "+OK");
    victim.send("EVAL \"redis.call('set', KEYS[1], 'x') while true do pcall(redis.call, 'incr', 'n') end\" 1 mine");
    eventually("it runs", || other.ask("GET mine").starts_with("-BUSY "));
    assert_eq!(other.ask(&format!("CLIENT KILL ID {id}")), ":1");
    eventually("it is over", || {
        other.ask("MGET mine n") == "[\"before\" $-1]"
    });
    assert!(victim.receive().is_none());

    // an EXEC around it does not happen in part
    let mut victim = server.connect();
    let id = victim.ask("CLIENT ID").replace(':', "");
    victim.ask("MULTI");
    victim.ask("SET first 1");
    victim.ask("EVAL \"redis.call('set', KEYS[1], 'x') while true do end\" 1 mine");
    victim.send("EXEC");
    eventually("it runs", || other.ask("GET mine").starts_with("-BUSY "));
    assert_eq!(other.ask(&format!("CLIENT KILL ID {id}")), ":1");
    eventually("it is over", || {
        other.ask("MGET first mine") == "[$-1 \"before\"]"
    });
    assert!(victim.receive().is_none());

    // nor does one that has called a function, however it is named
    let library = "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function(keys) redis.call('set', keys[1], 'x') while true do end end)\"";
    assert_eq!(other.ask(library), "\"lib\"");
    for kill in ["by number", "by address"] {
        let mut victim = server.connect();
        let id = victim.ask("CLIENT ID").replace(':', "");
        let told = victim.text("CLIENT INFO");
        let address = told.split(['=', ' ']).nth(3).expect("its address");
        victim.send("FCALL f 1 mine");
        eventually("it runs", || other.ask("GET mine").starts_with("-BUSY "));
        let answer = match kill {
            "by number" => other.ask(&format!("CLIENT KILL ID {id}")),
            _ => other.ask(&format!("CLIENT KILL {address}")),
        };
        assert!(answer == ":1" || answer == "+OK", "{answer}");
        eventually("it is over", || other.ask("GET mine") == "\"before\"");
        assert!(victim.receive().is_none());
    }
}

#[test]
fn the_old_way_of_killing_is_a_setting() {
    let _alone = alone();
    let server = Server::start(&[
        "--busy-reply-threshold",
        "100",
        "--script-unkillable-after-writes",
        "yes",
    ]);
    let (mut victim, mut other) = (server.connect(), server.connect());
    in_some_attempt("it has written when it is busy", || {
        victim.send("EVAL \"redis.call('set', KEYS[1], 'x') while true do end\" 1 mine");
        eventually("it runs", || other.ask("GET mine").starts_with("-BUSY "));
        let answer = other.ask("SCRIPT KILL");
        if answer == "+OK" {
            victim.receive();
            return None;
        }
        assert!(answer.starts_with("-UNKILLABLE "), "{answer}");
        Some(())
    });
    assert_eq!(
        other.ask("CONFIG SET script-unkillable-after-writes no"),
        "+OK"
    );
    assert_eq!(other.ask("SCRIPT KILL"), "+OK");
    let end = victim.receive().map(|value| show(&value));
    assert!(end.is_some_and(|end| end.contains("killed by user")));
    assert_eq!(other.ask("EXISTS mine"), ":0");
}

#[test]
fn what_outgrows_the_record_is_taken_back_or_goes_on_as_the_mode_has_it() {
    let _alone = alone();
    let server = Server::start(&["--transaction-undo-limit", "1mb"]);
    let mut client = server.connect();
    let many =
        "for i = 1, 300000 do redis.call('set', 'key:' .. i, 'x') end return redis.call('dbsize')";
    let before = server.resident_kib();
    assert_eq!(
        client.ask(&format!("EVAL \"#!lua flags=atomic\\n{many}\" 0")),
        "-ERR Rolled back, because it changes more than transaction-undo-limit can hold"
    );
    assert_eq!(client.ask("DBSIZE"), ":0");
    let more = (server.peak_kib() - before) / 1024;
    assert!(more < 20, "{more} MiB");
    client.ask("MULTI ATOMIC");
    client.ask("SET first 1");
    client.ask(&format!("EVAL \"{many}\" 0"));
    assert_eq!(
        client.ask("EXEC"),
        "-EXECABORT Transaction rolled back: 'eval' failed: ERR Rolled back, because it changes more than transaction-undo-limit can hold"
    );
    assert_eq!(client.ask("DBSIZE"), ":0");
    // what it tells others counts, too, in both modes
    let tells =
        "for i = 1, 100 do redis.call('publish', 'c', string.rep('x', 100000)) end return 1";
    assert_eq!(
        client.ask(&format!("EVAL \"#!lua flags=atomic\\n{tells}\" 0")),
        "-ERR Rolled back, because it changes more than transaction-undo-limit can hold"
    );
    assert_eq!(client.ask(&format!("EVAL \"{tells}\" 0")), ":1");
    assert_eq!(client.ask(&format!("EVAL \"{many}\" 0")), ":300000");
    // from there a script cannot take itself back either, and is told so
    let too_late = "ERR What this script has done cannot be taken back: it is more than transaction-undo-limit";
    let fill = "for i = 1, 30000 do redis.call('set', 'other:' .. i, 'x') end";
    assert_eq!(
        client.ask(&format!(
            "EVAL \"{fill} return select(2, pcall(redis.rollback, 'no'))\" 0"
        )),
        format!("\"{too_late}\"")
    );
    let answer = client.ask(&format!("EVAL \"{fill} redis.rollback('no')\" 0"));
    assert!(
        answer.starts_with(&format!("-{too_late} script: ")),
        "{answer}"
    );
    assert_eq!(client.ask("DBSIZE"), ":330000");
    client.ask("MULTI");
    client.ask(&format!("EVAL \"{many}\" 0"));
    client.ask("EVAL \"#!lua flags=atomic\\nreturn redis.call('set', 'k', '1')\" 0");
    assert_eq!(
        client.ask("EXEC"),
        "[:330000 -ERR This script must be all or nothing, and the transaction around it has outgrown transaction-undo-limit]"
    );
}

#[test]
fn a_record_takes_no_more_memory_than_its_limit() {
    let _alone = alone();
    let many =
        "for i = 1, 400000 do redis.call('set', 'key:' .. i, 'x') end return redis.call('dbsize')";
    let peak_mib = |limit: &str, head: &str| {
        let server = Server::start(&["--transaction-undo-limit", limit]);
        let answer = server.connect().ask(&format!("EVAL \"{head}{many}\" 0"));
        (server.peak_kib() / 1024, answer)
    };
    let atomic = "#!lua flags=atomic\\n";
    let (with_record, answer) = peak_mib("1gb", atomic);
    assert_eq!(answer, ":400000");
    let (refused, answer) = peak_mib("1mb", atomic);
    assert!(answer.starts_with("-ERR Rolled back, "), "{answer}");
    let (given_up, answer) = peak_mib("1mb", "");
    assert_eq!(answer, ":400000");
    // of so many keys it would be 50 MiB at least
    assert!(
        refused < given_up && given_up + 40 < with_record,
        "{refused}, {given_up}, {with_record} MiB"
    );
}

#[test]
fn what_cannot_be_taken_back_any_more_is_not_stopped_in_its_middle() {
    let _alone = alone();
    let server = Server::start(&[
        "--transaction-undo-limit",
        "1mb",
        "--busy-reply-threshold",
        "50",
        "--script-time-limit",
        "200",
    ]);
    let (mut victim, mut other) = (server.connect(), server.connect());
    // what it tells counts: so the limit is passed long before anybody may stop it
    let many = "for i = 1, 30 do redis.call('set', 'key:' .. i, 'x') redis.call('publish', 'c', string.rep('x', 100000)) end";
    let long = "local began = os.clock() while os.clock() - began < 0.6 do end return redis.call('incr', 'ended')";
    let apart = vec![format!("EVAL \"{many} {long}\" 0")];
    // what has outgrown the limit stands before the script
    let behind = vec![
        "MULTI".to_owned(),
        format!("EVAL \"{many}\" 0"),
        format!("EVAL \"{long}\" 0"),
        "EXEC".to_owned(),
    ];
    // returns when it runs and has outgrown the limit
    let start = |victim: &mut Client, other: &mut Client, calls: &[String]| {
        let (last, first) = calls.split_last().expect("there are some");
        in_some_attempt("it is seen when it has outgrown the limit", || {
            other.ask("DEL ended");
            for call in first {
                victim.ask(call);
            }
            victim.send(last);
            let (mut answer, mut end) = (String::new(), None);
            eventually("it runs, or has ended before anybody looked", || {
                answer = other.ask("SCRIPT KILL");
                end = victim.receive_within(Duration::from_millis(1));
                end.is_some() || !answer.starts_with("-NOTBUSY ")
            });
            if end.is_none() && !answer.starts_with("-UNKILLABLE ") {
                // the machine is slow, and it was killed before that
                assert_eq!(answer, "+OK");
                end = Some(victim.receive());
            }
            end.is_none().then_some(())
        });
    };
    for calls in [&apart, &behind] {
        start(&mut victim, &mut other, calls);
        let answer = victim.receive().map(|value| show(&value));
        let answer = answer.expect("an answer");
        assert!(answer.trim_end_matches(']').ends_with(":1"), "{answer}");
    }
    // nobody hears the answer of this one
    in_some_attempt("it runs when its client is killed", || {
        let mut victim = server.connect();
        let id = victim.ask("CLIENT ID").replace(':', "");
        start(&mut victim, &mut other, &apart);
        assert_eq!(other.ask(&format!("CLIENT KILL ID {id}")), ":1");
        eventually("it has ended", || other.ask("GET ended") == "\"1\"");
        victim.receive().is_none().then_some(())
    });
}

#[test]
fn the_text_of_a_script_is_known_from_its_commit_on() {
    let server = Server::start(&["--script-memory-limit", "4mb"]);
    server.play(
        r##"
        > DEBUG SET-DISABLE-DENY-SCRIPTS 1 => +OK
        > EVAL "redis.call('set', 'k', 'x') redis.rollback('no')" 0 => -ROLLBACK no
        > EVAL "#!lua flags=atomic\nredis.call('set', 'k', 'x') error('no')" 0 => -ERR *
        > EVAL "#!lua flags=atomic\nreturn {err = 'MINE no'}" 0 => -MINE no
        > EVAL "#!lua flags=time-limit=10\nwhile true do redis.call('incr', 'k') end" 0 => -ERR Script ran longer *
        > EVAL "local t = {} for i = 1, 1e8 do t[i] = {} end" 0 => -ERR Script ran out of memory. *
        > EVAL "redis.call('debug', 'panic')" 0 => -ERR internal error
        > MULTI ATOMIC => +OK
        > EVAL "return 1" 0 => +QUEUED
        > EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 => +QUEUED
        > EVAL "return {err = 'MINE no'}" 0 => +QUEUED
        > EXEC => -EXECABORT Transaction rolled back: 'eval' failed: MINE no
        > MULTI => +OK
        > EVAL "return 1" 0 => +QUEUED
        > SCRIPT LOAD "return 2" => +QUEUED
        > DEBUG PANIC => +QUEUED
        > EXEC => -ERR internal error
        > SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db => [:0]
        > INFO memory => "*number_of_cached_scripts:0\r*"
        > EVAL "error('no')" 0 => -ERR *
        > INFO memory => "*number_of_cached_scripts:1\r*"
        "##,
    );
    // a part that is taken back does not take along what the rest of its EXEC has brought
    server.play(
        r##"
        > SCRIPT FLUSH => +OK
        > MULTI => +OK
        > EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 => +QUEUED
        > EVAL "return 1" 0 => +QUEUED
        > EVAL "redis.rollback('no')" 0 => +QUEUED
        > EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0 => +QUEUED
        > EVAL "return 1" 0 => +QUEUED
        > SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 => +QUEUED
        > SCRIPT SHOW e0e1f9fabfc9d4800c877a703b823ac0578ff8db => +QUEUED
        > EXEC => [-NOSCRIPT No matching script. :1 -ROLLBACK no :1 :1 [:1 :0] "return 1"]
        > EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 => :1
        b> EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 => :1
        > INFO memory => "*number_of_cached_scripts:1\r*"
        > MULTI => +OK
        > EVAL "return 3" 0 => +QUEUED
        > SCRIPT FLUSH => +QUEUED
        > EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 => +QUEUED
        > SCRIPT LOAD "return 1" => +QUEUED
        > EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 => +QUEUED
        > EXEC => [:3 +OK -NOSCRIPT No matching script. "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" :1]
        > INFO memory => "*number_of_cached_scripts:1\r*"
        b> EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 => :1
        "##,
    );
}

#[test]
fn a_script_out_of_memory_is_taken_back_in_any_mode() {
    play(
        r##"
        > CONFIG SET script-memory-limit 4mb => +OK
        > EVAL "redis.call('set', 'k', 'x') local t = {} for i = 1, 1e8 do t[i] = {} end" 0 => -ERR Script ran out of memory. *
        > EXISTS k => :0
        > EVAL "redis.call('set', 'k', 'x') pcall(string.rep, 'x', 1e8) return 1" 0 => -ERR Script ran out of memory. *
        > EXISTS k => :0
        "##,
    );
}
