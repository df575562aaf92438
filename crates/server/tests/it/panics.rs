//! A mistake in a command ends in an error reply: nothing is half changed, no lock is held, and everybody is served.

use std::time::{Duration, Instant};

use crate::harness::{Server, eventually, in_some_attempt};

/// Where the command stands in which something panics.
const TRANSCRIPTS: &[&str] = &[
    // on its own
    "
    a> SET k whole => +OK
    a> DEBUG PANIC => -ERR internal error
    a> DEBUG PANIC k => -ERR internal error
    a> GET k => \"whole\"
    a> DEBUG PANIC new => -ERR internal error
    a> EXISTS new => :0
    b> SET k other => +OK
    b> SET new other => +OK
    a> MGET k new => [\"other\" \"other\"]
    ",
    // in EXEC, behind changes and before them
    "
    a> SET k whole PX 100000 => +OK
    w> WATCH k new => +OK
    a> MULTI => +OK
    a> SET k changed => +QUEUED
    a> DEL k => +QUEUED
    a> DEBUG PANIC new => +QUEUED
    a> SET later changed => +QUEUED
    a> EXEC => -ERR internal error
    a> EXEC => -ERR EXEC without MULTI
    a> GET k => \"whole\"
    a> EXISTS new later => :0
    b> MULTI => +OK
    b> PTTL k => +QUEUED
    b> APPEND new x => +QUEUED
    b> DEL new => +QUEUED
    b> EXEC => [:* :1 :1]
    ",
    // with libraries of functions that were loaded, replaced and deleted
    "
    a> FUNCTION FLUSH => +OK
    a> FUNCTION LOAD \"#!lua name=l\\nredis.register_function('f', function() return 1 end)\" => \"l\"
    a> FCALL f 0 => :1
    a> MULTI => +OK
    a> FUNCTION LOAD REPLACE \"#!lua name=l\\nredis.register_function('f', function() return 2 end)\" => +QUEUED
    a> FUNCTION LOAD \"#!lua name=m\\nredis.register_function('g', function() return 3 end)\" => +QUEUED
    a> FCALL f 0 => +QUEUED
    a> DEBUG PANIC new => +QUEUED
    a> EXEC => -ERR internal error
    a> FCALL f 0 => :1
    b> FCALL f 0 => :1
    a> FCALL g 0 => -ERR Function not found
    b> FUNCTION LOAD \"#!lua name=m\\nredis.register_function('g', function() return 4 end)\" => \"m\"
    a> MULTI => +OK
    a> FUNCTION DELETE m => +QUEUED
    a> FUNCTION FLUSH => +QUEUED
    a> FCALL f 0 => +QUEUED
    a> DEBUG PANIC new => +QUEUED
    a> EXEC => -ERR internal error
    a> FCALL g 0 => :4
    b> FCALL f 0 => :1
    b> FUNCTION DELETE l => +OK
    a> FCALL f 0 => -ERR Function not found
    ",
    // who watches is not disturbed by what was taken back
    "
    a> SET k whole => +OK
    w> WATCH k new => +OK
    w> MULTI => +OK
    w> GET k => +QUEUED
    a> MULTI => +OK
    a> SET k changed => +QUEUED
    a> DEBUG PANIC new => +QUEUED
    a> EXEC => -ERR internal error
    w> EXEC => [\"whole\"]
    ",
    // in a script, which cannot catch it
    "
    a> DEBUG SET-DISABLE-DENY-SCRIPTS 1 => +OK
    a> SET k whole => +OK
    a> EVAL \"redis.call('set', KEYS[1], 'changed') redis.call('debug', 'panic')\" 1 k => -ERR internal error
    a> EVAL \"redis.call('set', 'k', 'changed') pcall(redis.call, 'debug', 'panic', 'new') redis.call('set', 'later', 1) return 1\" 0 => -ERR internal error
    a> EVAL \"coroutine.wrap(function() redis.pcall('debug', 'panic', 'k') end)() return 1\" 0 => -ERR internal error
    a> MGET k new later => [\"whole\" $-1 $-1]
    a> EVAL \"return redis.call('get', KEYS[1])\" 1 k => \"whole\"
    b> EVAL \"redis.call('set', KEYS[1], 'other') return redis.call('get', KEYS[1])\" 1 k => \"other\"
    ",
    // in a script in EXEC
    "
    a> DEBUG SET-DISABLE-DENY-SCRIPTS 1 => +OK
    a> MULTI => +OK
    a> SET k changed => +QUEUED
    a> EVAL \"redis.call('set', 'k2', 'changed') redis.pcall('debug', 'panic', 'k3')\" 0 => +QUEUED
    a> EXEC => -ERR internal error
    a> DBSIZE => :0
    b> MSET k 1 k2 2 k3 3 => +OK
    ",
    // in an EXEC that is all or nothing, whose error names the command
    "
    a> DEBUG SET-DISABLE-DENY-SCRIPTS 1 => +OK
    a> SET k whole => +OK
    w> WATCH k new => +OK
    a> MULTI ATOMIC => +OK
    a> SELECT 2 => +QUEUED
    a> SET k changed => +QUEUED
    a> DEBUG PANIC new => +QUEUED
    a> SET later changed => +QUEUED
    a> EXEC => -EXECABORT Transaction rolled back: 'debug' failed: ERR internal error
    a> MGET k new later => [\"whole\" $-1 $-1]
    a> MULTI ATOMIC => +OK
    a> SET k changed => +QUEUED
    a> EVAL \"redis.call('select', 3) redis.call('del', KEYS[1]) pcall(redis.call, 'debug', 'panic', 'new')\" 1 k => +QUEUED
    a> EXEC => -EXECABORT Transaction rolled back: 'eval' failed: ERR internal error
    a> MGET k new later => [\"whole\" $-1 $-1]
    w> MULTI => +OK
    w> PING => +QUEUED
    w> EXEC => [+PONG]
    b> MSET k 1 new 2 => +OK
    a> MULTI ATOMIC => +OK
    a> INCR k => +QUEUED
    a> EVAL \"return redis.call('incr', KEYS[1])\" 1 new => +QUEUED
    a> EXEC => [:2 :3]
    ",
    // in an EXEC that has selected another database
    "
    a> SET k whole => +OK
    a> MULTI => +OK
    a> SELECT 2 => +QUEUED
    a> DEBUG PANIC k => +QUEUED
    a> EXEC => -ERR internal error
    a> GET k => \"whole\"
    ",
];

#[test]
fn a_panic_is_an_error_reply_and_leaves_no_trace() {
    for loops in ["1", "3"] {
        for transcript in TRANSCRIPTS {
            let server = Server::start(&["--io-threads", loops]);
            // what is left behind must not add up either
            for _ in 0..3 {
                server.play("x> FLUSHALL => +OK");
                server.play(transcript);
                // every stripe can be had: nothing is locked
                server.play("x> FLUSHALL => +OK\nx> DBSIZE => :0");
            }
        }
    }
}

#[test]
fn a_panic_is_counted_as_an_error() {
    Server::start(&[]).play(
        r#"
        > CONFIG RESETSTAT => +OK
        > DEBUG PANIC k => -ERR internal error
        > INFO errorstats => "*errorstat_ERR:count=1*"
        > INFO commandstats => "*cmdstat_debug:calls=1,*failed_calls=1*"
        > DEBUG SET-DISABLE-DENY-SCRIPTS 1 => +OK
        > CONFIG RESETSTAT => +OK
        > EVAL "redis.call('set', 'k', '1') redis.call('debug', 'panic')" 0 => -ERR internal error
        > MULTI ATOMIC => +OK
        > EVAL "redis.call('set', 'k', '1') redis.call('debug', 'panic')" 0 => +QUEUED
        > EXEC => -EXECABORT *
        > INFO stats => "*transactions_rolled_back:3\r*"
        > INFO scriptstats => "*:grown=0,rerun=0,run_alone=0,rolled_back=2*"
        > INFO errorstats => "*errorstat_ERR:count=2*errorstat_EXECABORT:count=1*"
        > INFO commandstats => "*cmdstat_exec:calls=1,*failed_calls=1*"
        "#,
    );
}

#[test]
fn libraries_change_for_others_when_the_transaction_commits() {
    let mut seconds = 0;
    in_some_attempt("others look before it commits", || {
        seconds += 1;
        changes_libraries(seconds)
    });
}

/// Has an EXEC sleep for so long between its changes and its commit. None if others came too late to look.
fn changes_libraries(seconds: u32) -> Option<()> {
    let server = Server::start(&["--io-threads", "2"]);
    let (mut changer, mut other) = (server.connect(), server.connect());
    let sleep = format!("DEBUG SLEEP {seconds}");
    for words in [
        "MULTI",
        "FUNCTION LOAD \"#!lua name=l\\nredis.register_function('f', function() return 1 end)\"",
        "FCALL f 0",
        "FUNCTION STATS",
        &sleep,
    ] {
        changer.ask(words);
    }
    changer.send("EXEC");
    eventually("the changer sleeps", || {
        other.text("CLIENT LIST").contains("cmd=exec")
    });
    let seen = [other.ask("FCALL f 0"), other.ask("FUNCTION STATS")];
    if !changer.is_silent_for(Duration::from_millis(1)) {
        return None;
    }
    assert_eq!(seen[0], "-ERR Function not found");
    assert!(seen[1].contains("\"libraries_count\" :0"), "{seen:?}");
    let answer = changer.receive().as_ref().map(crate::harness::show);
    let answer = answer.expect("an answer");
    assert!(
        answer.starts_with("[\"l\" :1 ") && answer.contains("\"libraries_count\" :1"),
        "{answer}"
    );
    assert_eq!(other.ask("FCALL f 0"), ":1");
    Some(())
}

#[test]
fn who_sleeps_stops_nobody_else() {
    let server = Server::start(&["--io-threads", "1"]);
    let (mut sleeper, mut other) = (server.connect(), server.connect());
    let mut seconds = 0;
    in_some_attempt("somebody is served before the sleeper wakes up", || {
        seconds += 1;
        assert_eq!([sleeper.ask("PING"), other.ask("PING")], ["+PONG"; 2]);
        let start = Instant::now();
        sleeper.send(&format!("DEBUG SLEEP {seconds}"));
        eventually("the sleeper sleeps", || {
            other.text("CLIENT LIST").contains("cmd=debug")
        });
        let sleeps = sleeper.is_silent_for(Duration::from_millis(1));
        let answer = sleeper.receive().as_ref().map(crate::harness::show);
        assert_eq!(answer.as_deref(), Some("+OK"));
        assert!(start.elapsed() >= Duration::from_secs(seconds));
        sleeps.then_some(())
    });
}
