//! Commands that wait: who is served, when, and that nothing is lost on the way.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::harness::{Client, Server, alone, eventually, play, show};

/// Waits until so many clients wait.
fn until_blocked(client: &mut Client, count: usize) {
    let line = format!("blocked_clients:{count}\r");
    eventually("clients wait", || {
        client.text("INFO clients").contains(&line)
    });
}

#[track_caller]
fn answer(client: &mut Client) -> String {
    client
        .receive()
        .map_or("(closed)".into(), |value| show(&value))
}

#[test]
fn who_waited_longest_is_served_first() {
    let server = Server::start(&[]);
    let mut pusher = server.connect();
    let mut waiters: Vec<Client> = (0..3)
        .map(|index| {
            let mut waiter = server.connect();
            waiter.send("BLPOP k l 0");
            until_blocked(&mut pusher, index + 1);
            waiter
        })
        .collect();
    assert_eq!(pusher.ask("RPUSH l a b"), ":2");
    assert_eq!(answer(&mut waiters[0]), r#"["l" "a"]"#);
    assert_eq!(answer(&mut waiters[1]), r#"["l" "b"]"#);
    assert!(waiters[2].is_silent_for(Duration::from_millis(30)));
    assert_eq!(pusher.ask("EXISTS l"), ":0");
    // what a transaction pushes and takes back out itself serves nobody
    for call in ["MULTI", "RPUSH k x", "LPOP k", "RPUSH l c d"] {
        pusher.ask(call);
    }
    assert_eq!(pusher.ask("EXEC"), r#"[:1 "x" :2]"#);
    assert_eq!(answer(&mut waiters[2]), r#"["l" "c"]"#);
    assert_eq!(pusher.ask("LRANGE l 0 -1"), r#"["d"]"#);
    until_blocked(&mut pusher, 0);
    assert!(
        pusher
            .text("INFO clients")
            .contains("total_blocking_keys:0\r")
    );
}

#[test]
fn errors_that_come_late_are_counted_like_others() {
    let server = Server::start(&[]);
    let (mut waiter, mut pusher) = (server.connect(), server.connect());
    waiter.send("BRPOPLPUSH l d 0");
    until_blocked(&mut pusher, 1);
    pusher.ask("SET d v");
    pusher.ask("RPUSH l a");
    assert!(answer(&mut waiter).starts_with("-WRONGTYPE "));
    let id = waiter.ask("CLIENT ID").replace(':', "");
    waiter.send("BLPOP k 0");
    until_blocked(&mut pusher, 1);
    assert_eq!(pusher.ask(&format!("CLIENT UNBLOCK {id} ERROR")), ":1");
    assert!(answer(&mut waiter).starts_with("-UNBLOCKED "));
    let commands = pusher.text("INFO commandstats");
    for (name, ending) in [
        ("brpoplpush", "rejected_calls=0,failed_calls=1"),
        ("blpop", "rejected_calls=1,failed_calls=0"),
    ] {
        let line = commands
            .lines()
            .find(|line| line.starts_with(&format!("cmdstat_{name}:")))
            .expect("it has been called");
        assert!(
            line.starts_with(&format!("cmdstat_{name}:calls=1,")),
            "{line}"
        );
        assert!(line.ends_with(ending), "{line}");
    }
    let errors = pusher.text("INFO errorstats");
    for code in ["WRONGTYPE", "UNBLOCKED"] {
        assert!(
            errors.contains(&format!("errorstat_{code}:count=1\r")),
            "{errors}"
        );
    }
}

#[test]
fn a_wait_ends_in_many_ways() {
    play(
        r#"
        > BLPOP k 0.02 => *-1
        > HELLO 3 => *
        > BLPOP k 0.02 => _
        > EVAL "return {redis.call('BLPOP', 'k', 0), 1}" 1 k => [_ :1]
        > MULTI => +OK
        > BLMOVE k l LEFT RIGHT 0 => +QUEUED
        > EXEC => [_]
        > CLIENT UNBLOCK 999 => :0
        > CLIENT UNBLOCK 999 NEVER => -ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR
        "#,
    );
    let server = Server::start(&[]);
    let (mut other, mut waiter) = (server.connect(), server.connect());
    let id = waiter.ask("CLIENT ID").replace(':', "");
    for (how, expected) in [
        ("", "*-1"),
        ("TIMEOUT", "*-1"),
        ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
    ] {
        waiter.send("BLMOVE k l LEFT LEFT 0");
        until_blocked(&mut other, 1);
        assert!(other.text("CLIENT LIST").contains("flags=b"));
        assert_eq!(other.ask(&format!("CLIENT UNBLOCK {id} {how}")), ":1");
        assert_eq!(answer(&mut waiter), expected);
        assert_eq!(other.ask(&format!("CLIENT UNBLOCK {id} {how}")), ":0");
    }
    // what it sent meanwhile runs when the wait is over
    waiter.send("BLPOP k 0");
    waiter.send("ECHO later");
    until_blocked(&mut other, 1);
    assert_eq!(other.ask("RPUSH k a"), ":1");
    assert_eq!(answer(&mut waiter), r#"["k" "a"]"#);
    assert_eq!(answer(&mut waiter), r#""later""#);
    // an answer that nobody wants to hear
    waiter.send("CLIENT REPLY SKIP");
    waiter.send("BLPOP k 0");
    until_blocked(&mut other, 1);
    assert_eq!(other.ask("RPUSH k a"), ":1");
    assert_eq!(waiter.ask("PING"), "+PONG");
}

#[test]
fn one_who_leaves_or_is_killed_takes_nothing_along() {
    let server = Server::start(&[]);
    let mut other = server.connect();
    let mut leaver = server.connect();
    leaver.send("BLPOP k 0");
    until_blocked(&mut other, 1);
    drop(leaver);
    until_blocked(&mut other, 0);
    let mut killed = server.connect();
    let id = killed.ask("CLIENT ID").replace(':', "");
    killed.send("BLMOVE k l LEFT LEFT 0");
    until_blocked(&mut other, 1);
    assert_eq!(other.ask(&format!("CLIENT KILL ID {id}")), ":1");
    until_blocked(&mut other, 0);
    assert_eq!(other.ask("RPUSH k a"), ":1");
    assert_eq!(other.ask("LRANGE k 0 -1"), r#"["a"]"#);
    assert_eq!(other.ask("EXISTS l"), ":0");
}

#[test]
fn who_has_been_killed_takes_nothing_of_what_comes_next() {
    let server = Server::start(&[]);
    let mut killer = server.connect();
    for _ in 0..20 {
        let mut waiter = server.connect();
        let id = waiter.ask("CLIENT ID").replace(':', "");
        waiter.send("BLPOP k 0");
        until_blocked(&mut killer, 1);
        // all of one batch, so that no loop comes to closing the connection in between
        let calls = format!("CLIENT KILL ID {id}\r\nRPUSH k v\r\nLPOP k\r\n");
        killer.send_bytes(calls.as_bytes());
        let answers = [(); 3].map(|()| answer(&mut killer));
        assert_eq!(answers, [":1", ":1", r#""v""#]);
        assert_eq!(answer(&mut waiter), "(closed)");
        until_blocked(&mut killer, 0);
    }
}

#[test]
fn a_value_of_another_type_serves_nobody() {
    let server = Server::start(&[]);
    let (mut other, mut waiter) = (server.connect(), server.connect());
    waiter.send("BLPOP k l 0");
    until_blocked(&mut other, 1);
    assert_eq!(other.ask("SET k text"), "+OK");
    assert!(waiter.is_silent_for(Duration::from_millis(30)));
    assert_eq!(other.ask("RPUSH m a"), ":1");
    assert_eq!(other.ask("RENAME m l"), "+OK");
    assert_eq!(answer(&mut waiter), r#"["l" "a"]"#);
    waiter.send("BLMOVE l k LEFT LEFT 0");
    until_blocked(&mut other, 1);
    assert_eq!(other.ask("RPUSH l b"), ":1");
    assert!(answer(&mut waiter).starts_with("-WRONGTYPE"));
    assert_eq!(other.ask("LRANGE l 0 -1"), r#"["b"]"#);
}

/// Elements travel from a queue over one list per worker to where they are finished, all by blocking moves, in as many
/// stripes as there are lists and with as many loops as stripes collide: each arrives once.
#[test]
fn chains_of_blocking_moves_lose_nothing() {
    const PRODUCERS: usize = 3;
    const WORKERS: usize = 8;
    const ELEMENTS: usize = 400;
    let _alone = alone();
    let server = Server::start(&["--io-threads", "4"]);
    let arrived = Mutex::new(Vec::new());
    let deadline = Instant::now() + Duration::from_secs(60);
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                let own = format!("own:{worker}");
                while client.ask(&format!("BLMOVE queue {own} LEFT RIGHT 0")) != r#""end""# {}
            });
            let arrived = &arrived;
            scope.spawn(move || {
                let mut client = server.connect();
                loop {
                    let element = client.ask(&format!("BLPOP own:{worker} 0"));
                    if element.ends_with(r#" "end"]"#) {
                        break;
                    }
                    arrived.lock().expect("no test has failed").push(element);
                }
            });
        }
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.connect();
                    for element in 0..ELEMENTS {
                        let call = match element % 3 {
                            0 => format!("RPUSH queue {producer}:{element}"),
                            1 => format!(
                                "EVAL \"return redis.call('RPUSH', 'que' .. 'ue', ARGV[1])\" 0 {producer}:{element}"
                            ),
                            _ => format!("RPUSHX queue x{producer}:{element} {producer}:{element}"),
                        };
                        let answer = client.ask(&call);
                        if answer == ":0" {
                            // nothing to push behind: as good a way
                            client.ask(&format!("LPUSH queue {producer}:{element}"));
                        }
                    }
                })
            })
            .collect();
        for producer in producers {
            producer.join().expect("no producer fails");
        }
        let mut last = server.connect();
        eventually("the queue is empty", || {
            assert!(Instant::now() < deadline);
            last.ask("EXISTS queue") == ":0"
        });
        for _ in 0..WORKERS {
            last.ask("RPUSH queue end");
        }
    });
    let arrived = arrived.into_inner().expect("no test has failed");
    let elements: BTreeSet<String> = arrived
        .iter()
        .filter_map(|pair| pair.split('"').nth(3))
        .filter(|element| !element.starts_with('x'))
        .map(str::to_owned)
        .collect();
    assert_eq!(elements.len(), PRODUCERS * ELEMENTS);
    let all: BTreeSet<&str> = arrived
        .iter()
        .filter_map(|pair| pair.split('"').nth(3))
        .collect();
    assert_eq!(all.len(), arrived.len(), "nothing arrives twice");
}
