//! Scripts that never end: whom they disturb, and how they are stopped.

use std::time::{Duration, Instant};

use crate::harness::{Client, Server, alone, eventually, in_some_attempt, matches, show};

/// Scripts that run for ever, each in a way of its own. Those that write have written before.
const ENDLESS: &[(&str, &str)] = &[
    ("compiled", "while true do end"),
    (
        "compiled, after a write",
        "redis.call('set', KEYS[1], 'half done') while true do end",
    ),
    (
        "calls",
        "while true do redis.call('append', KEYS[1], 'x') redis.call('set', KEYS[1], 'y') end",
    ),
    (
        "pcall around it",
        "redis.call('del', KEYS[1]) while true do pcall(function() while true do end end) end",
    ),
    (
        "pcall around the calls",
        "while true do redis.pcall('incr', KEYS[1]) pcall(redis.call, 'set', KEYS[1], 'x') end",
    ),
    (
        "in a coroutine",
        "local co = coroutine.wrap(function() redis.call('set', KEYS[1], 'x') while true do end end) co()",
    ),
    (
        "in coroutine after coroutine",
        "while true do local co = coroutine.create(function() while true do end end) coroutine.resume(co) end",
    ),
    (
        "in a pattern",
        "redis.call('set', KEYS[1], 'x') while true do string.find(string.rep('a', 3000), '.-.-.-.-b') end",
    ),
];

/// A quick answer, on a machine that does other work too.
const SOON: Duration = Duration::from_millis(20);

/// Attempts at a quick answer: on a machine with ten times as much to do as it can most of them take longer.
const SOON_ATTEMPTS: usize = 100;

/// Keys that scripts hold, and those that others ask for meanwhile.
const KEYS: &[&str] = &[
    "mine", "other", "another", "first", "last", "key:a", "key:b",
];

fn start(arguments: &[&str]) -> Server {
    let defaults = ["--io-threads", "1", "--busy-reply-threshold", "200"];
    Server::start_with_apart(KEYS, &[&defaults, arguments].concat())
}

/// Starts an endless script on the key `mine`, which holds `before`.
fn run_away(server: &Server, script: &str) -> Client {
    let mut client = server.connect();
    assert_eq!(client.ask("SET mine before"), "+OK");
    client.send(&format!("EVAL \"{script}\" 1 mine"));
    client
}

/// Asks until an answer comes in time, which it must within some attempts: the machine may pause anybody.
#[track_caller]
fn answers_soon(client: &mut Client, call: &str, expected: &str) {
    let mut times = Vec::new();
    for _ in 0..SOON_ATTEMPTS {
        let started = Instant::now();
        let answer = client.ask(call);
        assert!(matches(expected, &answer), "{call}: {answer}");
        times.push(started.elapsed());
        if started.elapsed() <= SOON {
            return;
        }
    }
    panic!("{call}: {times:?}");
}

#[track_caller]
fn becomes_busy(client: &mut Client, call: &str) {
    // the script may not have begun yet
    eventually(call, || client.ask(call).starts_with("-BUSY "));
}

#[test]
fn an_endless_script_disturbs_nobody_else_and_is_stopped_without_a_trace() {
    let _alone = alone();
    for (name, script) in ENDLESS {
        println!("{name}");
        in_some_attempt("it ends soon after it was killed", || {
            let after = check_endless(name, script);
            println!("{after:?} of a processor");
            (after < Duration::from_secs(1)).then_some(())
        });
    }
}

/// Runs it until it is killed; how much of a processor it took from the order to its end.
fn check_endless(name: &str, script: &str) -> Duration {
    let server = start(&[]);
    let mut others: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    assert_eq!(others[0].ask("SET other 1"), "+OK");
    let mut victim = run_away(&server, script);
    let mut waiting = server.connect();
    waiting.send("GET mine");

    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(300) {
        for other in &mut others {
            answers_soon(other, "GET other", "\"1\"");
        }
        answers_soon(&mut server.connect(), "GET other", "\"1\"");
        answers_soon(
            &mut others[0],
            "EVAL \"return redis.call('get', KEYS[1])\" 1 other",
            "\"1\"",
        );
    }
    let mut told = waiting.receive().map(|value| show(&value));
    while told.as_deref() == Some("\"before\"") {
        // it came before the script, which had not begun
        told = Some(waiting.ask("GET mine"));
    }
    assert!(
        told.is_some_and(|told| told.starts_with("-BUSY ")),
        "{name}: who waited is told"
    );
    becomes_busy(&mut others[1], "GET mine");
    becomes_busy(
        &mut others[1],
        "EVAL \"return redis.call('get', 'mine')\" 0",
    );

    let before = server.cpu_time();
    assert_eq!(others[2].ask("SCRIPT KILL"), "+OK", "{name}");
    let end = victim.receive().map(|value| show(&value));
    assert!(
        end.is_some_and(|end| matches("-*Script killed by user*", &end)),
        "{name}"
    );
    let after = server.cpu_time().saturating_sub(before);
    assert_eq!(others[3].ask("GET mine"), "\"before\"", "{name}");
    assert_eq!(
        victim.ask("EVAL \"return redis.call('incr', KEYS[1])\" 1 other"),
        ":2"
    );
    assert_eq!(
        others[2].ask("SCRIPT KILL"),
        "-NOTBUSY No scripts in execution right now."
    );
    after
}

#[test]
fn a_transaction_around_an_endless_script_keeps_what_is_not_the_scripts() {
    let _alone = alone();
    let server = start(&[]);
    let mut victim = server.connect();
    assert_eq!(victim.ask("SET mine before"), "+OK");
    for call in ["MULTI", "SET first 1"] {
        victim.ask(call);
    }
    victim.ask("EVAL \"redis.call('set', KEYS[1], 'x') while true do end\" 1 mine");
    victim.ask("SET last 1");
    victim.send("EXEC");
    let mut other = server.connect();
    answers_soon(&mut other, "GET other", "*");
    becomes_busy(&mut other, "GET first");
    assert_eq!(other.ask("SCRIPT KILL"), "+OK");
    let end = victim.receive().map(|value| show(&value));
    assert!(
        end.as_ref()
            .is_some_and(|end| matches("[+OK -*Script killed by user* +OK]", end)),
        "{end:?}"
    );
    assert_eq!(
        other.ask("MGET first mine last"),
        "[\"1\" \"before\" \"1\"]"
    );
}

#[test]
fn in_the_old_way_a_busy_script_stops_everybody_and_a_writer_cannot_be_killed() {
    let _alone = alone();
    let server = start(&["--script-busy-scope", "server"]);
    let mut other = server.connect();
    let mut victim = run_away(&server, "while true do end");
    eventually("the server is busy", || {
        other.ask("GET other").starts_with("-BUSY ")
    });
    assert!(other.ask("PING").starts_with("-BUSY "));
    assert_eq!(other.ask("SCRIPT KILL"), "+OK");
    assert!(victim.receive().is_some());
    assert_eq!(other.ask("PING"), "+PONG");

    let mut victim = in_some_attempt("it has written when it is busy", || {
        let mut victim = run_away(&server, "redis.call('set', KEYS[1], 'x') while true do end");
        eventually("the server is busy", || {
            other.ask("GET other").starts_with("-BUSY ")
        });
        let answer = other.ask("SCRIPT KILL");
        if answer == "+OK" {
            victim.receive();
            return None;
        }
        assert!(answer.starts_with("-UNKILLABLE "), "{answer}");
        Some(victim)
    });
    assert!(victim.is_silent_for(Duration::from_millis(300)));
    assert!(other.ask("SHUTDOWN").starts_with("-BUSY "));
    assert!(other.ask("SHUTDOWN SAVE NOW").starts_with("-BUSY "));
    assert_eq!(other.ask("SHUTDOWN NOSAVE"), "(closed)");
    assert!(server.refuses_connections());
}

#[test]
fn a_writer_whose_record_outgrew_its_limit_cannot_be_killed() {
    let _alone = alone();
    let server = start(&["--transaction-undo-limit", "1048576"]);
    let mut other = server.connect();
    let fill = |count| format!("for i = 1, {count} do redis.call('hset', 'h', i, 'x') end");
    // a big collection, of which every change is recorded
    assert_eq!(other.ask(&format!("EVAL \"{}\" 0", fill(1000))), "$-1");
    let script = format!("{} while true do end", fill(100_000));
    for attempt in 0.. {
        let mut victim = run_away(&server, &script);
        // It needs one stripe, and takes all of them for a run that may drop its record.
        eventually("everything is busy", || {
            ["GET other", "GET another"]
                .iter()
                .all(|call| other.ask(call).starts_with("-BUSY "))
        });
        // When it does that depends on the machine. Whoever is killed before is taken back.
        std::thread::sleep(Duration::from_millis(20 << attempt));
        let answer = other.ask("SCRIPT KILL");
        if answer.starts_with("-UNKILLABLE ") {
            assert!(victim.is_silent_for(Duration::from_millis(300)));
            break;
        }
        assert_eq!((answer.as_str(), attempt < 9), ("+OK", true));
        assert!(victim.receive().is_some());
        assert_eq!(other.ask("HLEN h"), ":1000");
    }
}

#[test]
fn shutdown_ends_the_server_at_once_whatever_runs() {
    let _alone = alone();
    for (name, script) in ENDLESS {
        for loops in ["1", "3"] {
            let mut server = start(&["--io-threads", loops]);
            let mut other = server.connect();
            let _victim = run_away(&server, script);
            becomes_busy(&mut other, "GET mine");
            assert_eq!(other.ask("SHUTDOWN NOSAVE"), "(closed)", "{name}");
            assert!(server.refuses_connections(), "{name}, {loops} loops");
            assert_eq!(server.exit_code(), Some(0), "{name}");
        }
    }
}

#[test]
fn a_signal_ends_the_server_whatever_runs() {
    let _alone = alone();
    let mut server = start(&[]);
    let mut other = server.connect();
    let _victim = run_away(&server, ENDLESS[1].1);
    becomes_busy(&mut other, "GET mine");
    server.terminate();
    assert_eq!(server.exit_code(), Some(0));
}

/// Waiting for a key that a script holds is not waiting for a push: only the latter is shown as such.
#[test]
fn who_waits_for_a_script_is_not_blocked() {
    let _alone = alone();
    let server = start(&["--io-threads", "2", "--busy-reply-threshold", "100000"]);
    let _victim = run_away(&server, "while true do end");
    let (mut waiting, mut other) = (server.connect(), server.connect());
    eventually("it waits", || {
        if other.text("INFO clients").contains("parked_clients:1\r") {
            return true;
        }
        waiting.send("APPEND mine !");
        false
    });
    assert!(other.text("INFO clients").contains("blocked_clients:0\r"));
    let clients = other.text("CLIENT LIST");
    assert!(!clients.contains("flags=b"), "{clients}");
    eventually("it can be killed", || other.ask("SCRIPT KILL") == "+OK");
    assert!(waiting.receive().is_some());
}

/// Who is queued behind somebody whose command was refused was never woken.
#[test]
fn who_is_told_busy_leaves_the_queue_of_the_key() {
    let _alone = alone();
    let server = start(&[]);
    let _victim = run_away(&server, "while true do end");
    let mut clients: Vec<Client> = (0..5).map(|_| server.connect()).collect();
    clients
        .iter_mut()
        .for_each(|client| client.send("APPEND mine !"));
    let mut expected = "before".to_owned();
    for client in &mut clients {
        let mut answer = client.receive().map(|value| show(&value));
        while answer
            .as_ref()
            .is_some_and(|answer| answer.starts_with(':'))
        {
            // it came before the script, which had not begun
            expected.push('!');
            answer = Some(client.ask("APPEND mine !"));
        }
        assert!(answer.is_some_and(|answer| answer.starts_with("-BUSY ")));
    }
    let mut other = server.connect();
    assert_eq!(other.ask("SCRIPT KILL"), "+OK");
    eventually("the key is free", || {
        other.ask("GET mine") == format!("\"{expected}\"")
    });
}

/// Two scripts that never end are on a processor, or ready for one, at the same time: neither waits for the other. (How
/// long they then take is for the benchmark, as it depends on what else the machine does.)
fn check_parallel(loops: &str, script: &str, keys: usize) {
    const SAMPLES: usize = 50;
    let server = start(&["--io-threads", loops]);
    let mut other = server.connect();
    let mut clients = ["key:a", "key:b"].map(|key| {
        let mut client = server.connect();
        client.send(&format!("EVAL \"{script}\" {keys} {key}"));
        client
    });
    // the second has begun, too: only a script that runs makes anybody busy
    for call in ["GET key:a", "GET key:b"] {
        becomes_busy(&mut other, call);
    }
    eventually("both run", || {
        let both_run = (0..SAMPLES).filter(|_| {
            std::thread::sleep(Duration::from_millis(2));
            let tasks = server.tasks();
            let runnable = tasks.iter().filter(|task| task.is_runnable);
            runnable.filter(|task| task.name == "perilune").count() >= 2
        });
        let both_run = both_run.count();
        println!("{loops} loops, {keys} keys declared: both ran {both_run} of {SAMPLES} times");
        both_run > SAMPLES * 9 / 10
    });
    assert_eq!(other.ask("SCRIPT KILL"), "+OK");
    for client in &mut clients {
        let end = client.receive().map(|value| show(&value));
        assert!(end.is_some_and(|end| matches("-*Script killed by user*", &end)));
    }
}

/// What two scripts cost that run at the same time, on one server and on a server each: nobody spins. The best of some
/// attempts, as whoever shares a core with others takes longer.
#[test]
fn scripts_that_run_in_parallel_cost_no_more_than_on_two_servers() {
    let _alone = alone();
    let servers = [(); 2].map(|()| start(&["--io-threads", "2"]));
    let mut together = [servers[0].connect(), servers[0].connect()];
    let mut apart = [servers[0].connect(), servers[1].connect()];
    let cost = |clients: &mut [Client]| {
        let all = || -> Duration {
            let tasks = servers.iter().flat_map(Server::tasks);
            tasks.map(|task| task.cpu).sum()
        };
        let before = all();
        for (client, key) in clients.iter_mut().zip(["a", "b"]) {
            client.send(&format!(
                "EVAL \"local s = redis.call('incr', KEYS[1]) for i = 1, 30000000 do s = s + i % 7 end\" 1 {key}"
            ));
        }
        for client in clients {
            assert!(client.receive().is_some());
        }
        all() - before
    };
    let (mut on_one, mut on_two) = (Duration::MAX, Duration::MAX);
    for attempt in 0..20 {
        on_two = on_two.min(cost(&mut apart));
        on_one = on_one.min(cost(&mut together));
        if attempt >= 2 && on_one <= on_two.mul_f64(1.2) {
            break;
        }
    }
    assert!(on_one <= on_two.mul_f64(1.4), "{on_one:?} {on_two:?}");
}

#[test]
fn scripts_on_different_keys_run_in_parallel() {
    let _alone = alone();
    let work = "while true do end";
    let declared = format!("redis.call('incr', KEYS[1]) {work}");
    let undeclared = format!("redis.call('incr', ARGV[1]) {work}");
    check_parallel("2", &declared, 1);
    check_parallel("2", &undeclared, 0);
    check_parallel("1", &declared, 1);
    check_parallel("1", &undeclared, 0);
}
