//! A mistake in a command ends in an error reply: nothing is half changed, no lock is held, and everybody is served.

use std::time::{Duration, Instant};

use crate::harness::{Server, eventually};

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
        "#,
    );
}

#[test]
fn who_sleeps_stops_nobody_else() {
    let server = Server::start(&["--io-threads", "1"]);
    let (mut sleeper, mut other) = (server.connect(), server.connect());
    assert_eq!(other.ask("PING"), "+PONG");
    let start = Instant::now();
    sleeper.send("DEBUG SLEEP 2");
    eventually("the sleeper sleeps", || {
        other.text("CLIENT LIST").contains("cmd=debug")
    });
    let served = start.elapsed();
    assert!(served < Duration::from_secs(1), "served after {served:?}");
    assert_eq!(
        sleeper
            .receive()
            .as_ref()
            .map(crate::harness::show)
            .as_deref(),
        Some("+OK")
    );
    assert!(start.elapsed() >= Duration::from_secs(2));
}
