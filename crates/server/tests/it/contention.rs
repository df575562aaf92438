//! Many clients, few keys: nothing is lost and nobody starves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use perilune_resp::client::Value;

use crate::harness::{Client, Server, alone, eventually, in_some_attempt, show};

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

/// Races until all get on alike, in a few attempts: the machine may keep one of the clients waiting for once, so only
/// starving shows. How many rounds there were, in all attempts.
#[track_caller]
fn fair_race(server: &Server, clients: usize, step: impl Fn(usize, &mut Client) + Sync) -> u64 {
    let mut attempts = Vec::new();
    while attempts.len() < 10 {
        attempts.push(race(server, clients, &step));
        let rounds = attempts.last().into_iter().flatten();
        let (least, most) = (rounds.clone().min(), rounds.max());
        if least.copied().unwrap_or(0) * 10 >= most.copied().unwrap_or(0) {
            return attempts.iter().flatten().sum();
        }
    }
    panic!("{attempts:?}");
}

#[test]
fn two_clients_at_full_speed_on_one_key_lose_nothing_and_both_get_on() {
    let _alone = alone();
    let server = Server::start(&["--io-threads", "2"]);
    let rounds = fair_race(&server, 2, |_, client| {
        for _ in 0..16 {
            client.send("INCR n");
        }
        for _ in 0..16 {
            assert!(client.receive().is_some());
        }
    });
    assert_eq!(server.connect().text("GET n"), (16 * rounds).to_string());
}

#[test]
fn scripts_and_plain_commands_share_a_key_fairly() {
    let _alone = alone();
    let server = Server::start(&["--io-threads", "2"]);
    let script =
        "local n = redis.call('incr', KEYS[1]) for i = 1, 200000 do n = n + i % 3 end return n";
    let rounds = fair_race(&server, 4, |index, client| {
        let answer = match index {
            0 => client.ask("INCR n"),
            _ => client.ask(&format!("EVAL \"{script}\" 1 n")),
        };
        assert!(answer.starts_with(':'), "{answer}");
    });
    assert_eq!(server.connect().text("GET n"), rounds.to_string());
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
    in_some_attempt("few scripts begin during a FLUSHALL", || {
        most.store(0, Ordering::Relaxed);
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
        let (most, all) = (most.load(Ordering::Relaxed), keys.load(Ordering::Relaxed));
        println!("{most} scripts began during a FLUSHALL at most, {all} in all");
        (most < 200).then_some(())
    });
}

#[test]
fn a_rerun_draws_the_same_numbers_and_looks_at_the_clock_anew() {
    let _alone = alone();
    let server = Server::start(&["--io-threads", "1"]);
    let (mut holder, mut client) = (server.connect(), server.connect());
    // what a library keeps between calls is the one thing by which a run can be seen that was taken back
    let library = "#!lua name=lib\\nlocal runs = {}\\nredis.register_function('f', function() local time = redis.call('time') runs[#runs + 1] = {math.random(1000000), table.concat(redis.call('srandmember', 'members', 3), ' '), time[1] * 1000000 + time[2]} redis.call('get', 'held') local told = runs runs = {} return told end)";
    assert_eq!(
        client.ask(&format!("FUNCTION LOAD \"{library}\"")),
        "\"lib\""
    );
    client.ask("SADD members a b c d e f g h i j k l m n o p");
    let hold = "EVAL \"redis.call('set', KEYS[1], 'x') local began = os.clock() while os.clock() - began < 0.1 do end\" 1 held";
    eventually("a run was repeated on the same thread", || {
        holder.send(hold);
        std::thread::sleep(Duration::from_millis(30));
        client.send("FCALL f 0");
        let told = client.receive().expect("an answer");
        holder.receive();
        let runs = told.as_array().expect("its runs");
        let [.., first, last] = runs else {
            return false;
        };
        let parts = |run: &Value| {
            let [number, members, time] = run.as_array().expect("three things") else {
                panic!("three things: {run:?}");
            };
            (
                show(number),
                show(members),
                time.as_integer().expect("a time"),
            )
        };
        let (first, last) = (parts(first), parts(last));
        assert_eq!((&first.0, &first.1), (&last.0, &last.1));
        assert!(first.2 < last.2, "{first:?} {last:?}");
        true
    });
}
