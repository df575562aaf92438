//! Values that take long to free: who waits for that.

use std::time::Duration;

use perilune_resp::client::encode_command;

use crate::harness::{Client, Server, Task, alone, eventually, in_some_attempt};

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

/// The time that the thread which frees has run so far, and that all others have.
fn times(server: &Server) -> (Duration, Duration) {
    let (reclaimers, others): (Vec<Task>, Vec<Task>) = server
        .tasks()
        .into_iter()
        .partition(|task| task.name == "reclaimer");
    let sum = |tasks: Vec<Task>| tasks.iter().map(|task| task.cpu).sum();
    (sum(reclaimers), sum(others))
}

/// What frees the list holds no stripe and has no loop. So it is enough to see that nobody else does that work, which,
/// unlike how long anybody waits, does not depend on what else the machine does.
#[test]
fn freeing_a_big_collection_holds_up_nobody() {
    let _alone = alone();
    let (server, mut client) = stage();
    // The first starts the thread, in memory that is new to the process, which takes a while.
    client.ask("COPY list victim");
    client.ask("DEL victim");
    until_nothing_is_pending(&mut client);
    for call in WAYS {
        // (who takes over a loop while the machine stands still has a machine for scripts to make)
        in_some_attempt("the others have little to do", || {
            let (freeing, others) = freed(&server, &mut client, call);
            println!("{call}: {freeing:?}, others {others:?}");
            (others < freeing / 4).then_some(())
        });
    }
    assert!(info(&mut client, "lazyfreed_objects") >= WAYS.len() as u64);
    client.ask("CONFIG RESETSTAT");
    assert_eq!(info(&mut client, "lazyfreed_objects"), 0);
}

/// How long the thread that frees has run, and how long all others have, until the list had gone in this way.
fn freed(server: &Server, client: &mut Client, call: &str) -> (Duration, Duration) {
    client.ask("SADD small a b c");
    client.ask("COPY list victim REPLACE");
    // the thread that has the loop now may have no machine for scripts yet, and making one takes milliseconds
    client.ask("EVAL \"return 1\" 0");
    until_nothing_is_pending(client);
    let (freeing_before, others_before) = times(server);
    let answer = client.ask(call);
    assert!(!answer.starts_with('-'), "{call}: {answer}");
    // asked seldom, as answering takes time as well
    eventually("everything is freed", || {
        std::thread::sleep(Duration::from_millis(50));
        client.ask("OBJECT ENCODING victim") != "\"quicklist\""
            && info(client, "lazyfree_pending_objects") == 0
    });
    let (freeing, others) = times(server);
    // (a thread that has ended meanwhile counts no more)
    (
        freeing.saturating_sub(freeing_before),
        others.saturating_sub(others_before),
    )
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
    assert_eq!(server.exit_code(), Some(0));
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
