//! Values that take long to free: who waits for that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use perilune_resp::client::encode_command;

use crate::harness::{Client, Server, alone, eventually};

/// A quick answer, on a machine that does other work too. Dropping the list takes several times as long.
const SOON: Duration = Duration::from_millis(3);

/// The machine may pause anybody now and then.
const ATTEMPTS: usize = 30;

/// Elements of the list, each of which has an allocation of its own.
const ELEMENTS: usize = 2_000_000;

/// Elements that one call adds.
const BATCH: usize = 1000;

/// What makes the list at `victim` go.
const WAYS: &[&str] = &[
    "DEL victim",
    "PEXPIRE victim 20",
    "SET victim x",
    "RENAME small victim",
    "SUNIONSTORE victim small",
    "EVAL \"return redis.call('del', KEYS[1])\" 1 victim",
];

/// A server with one loop and a long list.
fn stage() -> (Server, Client) {
    let server = Server::start(&["--io-threads", "1", "--list-max-listpack-size", "1"]);
    let mut client = server.connect();
    for first in (0..ELEMENTS).step_by(BATCH) {
        let elements = (first..first + BATCH).map(|i| format!("element:{i:08}"));
        let elements: Vec<String> = elements.collect();
        let mut call: Vec<&[u8]> = vec![b"RPUSH", b"list"];
        call.extend(elements.iter().map(|element| element.as_bytes()));
        let mut bytes = Vec::new();
        encode_command(&call, &mut bytes);
        client.send_bytes(&bytes);
        client.receive().expect("an answer");
    }
    (server, client)
}

fn info(client: &mut Client, field: &str) -> u64 {
    let text = client.text("INFO memory");
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let value = line.and_then(|rest| rest.strip_prefix(':')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {field} in {text}"))
}

fn until_nothing_is_pending(client: &mut Client) {
    eventually("everything is freed", || {
        info(client, "lazyfree_pending_objects") == 0
    });
}

/// The longest time that a client on the same loop waits for an answer while `call` runs and is cleaned up after. It asks
/// about nothing and, which needs the stripe, about the key itself.
fn worst_wait(server: &Server, client: &mut Client, call: &str) -> Duration {
    let (stop, is_ready) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let probe = scope.spawn(|| {
            let mut probe = server.connect();
            let mut worst = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                for question in ["PING", "EXISTS victim"] {
                    let asked = Instant::now();
                    probe.ask(question);
                    worst = worst.max(asked.elapsed());
                }
                is_ready.store(true, Ordering::Relaxed);
            }
            worst
        });
        while !is_ready.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        let answer = client.ask(call);
        assert!(!answer.starts_with('-'), "{call}: {answer}");
        std::thread::sleep(Duration::from_millis(40));
        stop.store(true, Ordering::Relaxed);
        probe.join().expect("a probe")
    })
}

#[test]
fn freeing_a_big_collection_holds_up_nobody() {
    let _alone = alone();
    let (server, mut client) = stage();
    for call in WAYS {
        let mut waits = Vec::new();
        while waits.iter().all(|wait| *wait > SOON) {
            assert!(waits.len() < ATTEMPTS, "{call}: {waits:?}");
            client.ask("SADD small a b c");
            client.ask("COPY list victim REPLACE");
            until_nothing_is_pending(&mut client);
            waits.push(worst_wait(&server, &mut client, call));
        }
        println!("{call}: {waits:?}");
    }
    until_nothing_is_pending(&mut client);
    assert!(info(&mut client, "lazyfreed_objects") >= WAYS.len() as u64);
    client.ask("CONFIG RESETSTAT");
    assert_eq!(info(&mut client, "lazyfreed_objects"), 0);
}

/// What has been freed in the background is counted in keys; SYNC frees before it answers, and the end of the server waits
/// for nothing.
#[test]
fn flushes_and_shutdown() {
    let _alone = alone();
    let (mut server, mut client) = stage();
    let full = info(&mut client, "used_memory");
    assert_eq!(client.ask("SET other x"), "+OK");
    assert_eq!(client.ask("FLUSHALL"), "+OK");
    until_nothing_is_pending(&mut client);
    assert_eq!(info(&mut client, "lazyfreed_objects"), 2);
    let empty = info(&mut client, "used_memory");
    assert!(empty < full / 10, "{empty} of {full}");

    assert_eq!(client.ask("CONFIG RESETSTAT"), "+OK");
    assert_eq!(client.ask("SET other x"), "+OK");
    assert_eq!(client.ask("FLUSHDB SYNC"), "+OK");
    assert_eq!(info(&mut client, "lazyfreed_objects"), 0);

    let long = "x".repeat(8 << 20);
    assert_eq!(client.ask(&format!("SET long {long}")), "+OK");
    assert_eq!(client.ask("DEL long"), ":1");
    client.send("SHUTDOWN");
    assert_eq!(server.exit_code_within(Duration::from_secs(5)), Some(0));
}

/// Nobody asks the server anything in the meantime: an allocator that looks after what it keeps only when it is called
/// would keep it.
#[test]
fn what_is_freed_goes_back_to_the_system() {
    let _alone = alone();
    for call in ["DEL list", "FLUSHALL"] {
        let (server, mut client) = stage();
        let full = server.resident_kib();
        assert!(!client.ask(call).starts_with('-'));
        eventually("the memory is given back", || {
            server.resident_kib() < full / 2
        });
    }
}
