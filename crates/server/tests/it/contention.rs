//! Many clients, few keys: nothing is lost and nobody starves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::harness::{Client, Server, alone};

/// Runs `step` on some connections at once for a second; how often each got round.
fn race(server: &Server, clients: usize, step: impl Fn(usize, &mut Client) + Sync) -> Vec<u64> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|index| {
                let (stop, step) = (&stop, &step);
                scope.spawn(move || {
                    let mut client = server.connect();
                    let mut rounds = 0;
                    while !stop.load(Ordering::Relaxed) {
                        step(index, &mut client);
                        rounds += 1;
                    }
                    rounds
                })
            })
            .collect();
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no client fails"))
            .collect()
    })
}

#[track_caller]
fn is_fair(rounds: &[u64]) {
    let (least, most) = (rounds.iter().min().copied(), rounds.iter().max().copied());
    // the machine's own scheduling is in it, so only starving shows
    assert!(least.unwrap_or(0) * 10 >= most.unwrap_or(0), "{rounds:?}");
}

#[test]
fn two_clients_at_full_speed_on_one_key_lose_nothing_and_both_get_on() {
    let _alone = alone();
    let server = Server::start(&["--io-threads", "2"]);
    let rounds = race(&server, 2, |_, client| {
        for _ in 0..16 {
            client.send("INCR n");
        }
        for _ in 0..16 {
            assert!(client.receive().is_some());
        }
    });
    let expected = 16 * rounds.iter().sum::<u64>();
    assert_eq!(server.connect().text("GET n"), expected.to_string());
    is_fair(&rounds);
}

#[test]
fn scripts_and_plain_commands_share_a_key_fairly() {
    let _alone = alone();
    let server = Server::start(&["--io-threads", "2"]);
    let script =
        "local n = redis.call('incr', KEYS[1]) for i = 1, 200000 do n = n + i % 3 end return n";
    let rounds = race(&server, 4, |index, client| {
        let answer = match index {
            0 => client.ask("INCR n"),
            _ => client.ask(&format!("EVAL \"{script}\" 1 n")),
        };
        assert!(answer.starts_with(':'), "{answer}");
    });
    assert_eq!(
        server.connect().text("GET n"),
        rounds.iter().sum::<u64>().to_string()
    );
    is_fair(&rounds);
}

#[test]
fn optimistic_locking_loses_no_update() {
    let _alone = alone();
    let server = Server::start(&["--io-threads", "2"]);
    server.connect().ask("SET n 0");
    let rounds = race(&server, 4, |_, client| {
        loop {
            assert_eq!(client.ask("WATCH n"), "+OK");
            let n: u64 = client.text("GET n").parse().expect("a number");
            assert_eq!(client.ask("MULTI"), "+OK");
            assert_eq!(client.ask(&format!("SET n {}", n + 1)), "+QUEUED");
            match client.ask("EXEC").as_str() {
                "[+OK]" => return,
                answer => assert_eq!(answer, "*-1"),
            }
        }
    });
    assert_eq!(
        server.connect().text("GET n"),
        rounds.iter().sum::<u64>().to_string()
    );
}

/// Who needs every stripe gets them although scripts hold some at any time.
#[test]
fn flushall_gets_through_among_scripts_that_never_pause() {
    let _alone = alone();
    let server = Server::start(&["--io-threads", "4"]);
    let script =
        "redis.call('incr', KEYS[1]) local n = 0 for i = 1, 500000 do n = n + i % 3 end return 1";
    // so many scripts begin while one FLUSHALL waits
    let most = AtomicU64::new(0);
    let keys = AtomicU64::new(0);
    race(&server, 6, |index, client| match index {
        0 => {
            let before = keys.load(Ordering::Relaxed);
            assert_eq!(client.ask("FLUSHALL"), "+OK");
            most.fetch_max(keys.load(Ordering::Relaxed) - before, Ordering::Relaxed);
        }
        _ => {
            // another key each time
            let key = keys.fetch_add(1, Ordering::Relaxed);
            assert_eq!(client.ask(&format!("EVAL \"{script}\" 1 key:{key}")), ":1");
        }
    });
    let most = most.into_inner();
    println!(
        "{most} scripts began during a FLUSHALL at most, {} in all",
        keys.into_inner()
    );
    assert!(most < 200, "{most}");
}
