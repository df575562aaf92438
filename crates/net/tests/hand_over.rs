//! A loop whose thread is busy goes to another thread, and nobody but the busy connection notices.

mod support;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use perilune_net::{CloseReason, Config};
use support::{Lines, Message, eventually, start, start_one_loop};

#[test]
fn a_long_command_does_not_stop_the_others() {
    let server = start_one_loop();
    let mut long = server.connect();
    let mut others: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for other in &mut others {
        assert_eq!(other.ask("ping"), "pong");
    }
    let start = Instant::now();
    long.send("ping\naside 300\nping\n");
    let mut times = Vec::new();
    while start.elapsed() < Duration::from_millis(250) {
        for other in &mut others {
            let asked = Instant::now();
            assert_eq!(other.ask("ping"), "pong");
            times.push(asked.elapsed());
        }
    }
    times.sort_unstable();
    // The first of them waits for the hand-over; what is beyond is the machine's scheduling.
    assert!(
        times[times.len() * 95 / 100] < Duration::from_millis(20),
        "{times:?}"
    );
    assert!(
        times[times.len() - 1] < Duration::from_millis(150),
        "{times:?}"
    );
    println!(
        "longest of {} answers: {:?}",
        times.len(),
        &times[times.len() - 5..]
    );
    // The batch leaves in one write when all of it is done.
    assert_eq!(
        [long.line(), long.line(), long.line()],
        ["pong", "lost", "pong"]
    );
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(long.ask("ping"), "pong");
    server.end();
}

/// A reply is held back for those who are ready too, but not for what takes long.
#[test]
fn a_reply_does_not_wait_for_the_next_long_command() {
    let server = start_one_loop();
    let (mut gate, mut first, mut second) = (server.connect(), server.connect(), server.connect());
    for client in [&mut gate, &mut first, &mut second] {
        assert_eq!(client.ask("ping"), "pong");
    }
    gate.send("hog 100\n");
    std::thread::sleep(Duration::from_millis(30));
    // both are ready when the loop looks again
    first.send("aside 0\n");
    second.send("aside 600\n");
    let start = Instant::now();
    first.line();
    assert!(
        start.elapsed() < Duration::from_millis(400),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(second.line(), "lost");
    assert!(start.elapsed() >= Duration::from_millis(600));
    server.end();
}

#[test]
fn short_commands_keep_their_loop() {
    let server = start_one_loop();
    let mut client = server.connect();
    // The machine may take a thread's processor away at any point, so now and then a loop may be lost.
    let kept = (0..1_000)
        .filter(|_| client.ask("aside 0") == "kept")
        .count();
    assert!(kept > 900, "{kept}");
    server.end();
}

#[test]
fn spares_are_used_again() {
    let server = start_one_loop();
    let (mut holder, mut other) = (server.connect(), server.connect());
    for round in 1..=20 {
        // all but the thread with the loop wait for a job
        eventually(|| {
            let (threads, idle) = server.runtime.thread_counts();
            (threads > 1 && idle == threads - 1).then_some(())
        });
        holder.send("hold\n");
        eventually(|| (server.lines.holds.load(Ordering::Relaxed) == round).then_some(()));
        assert_eq!(other.ask("release"), "released");
        assert_eq!(holder.line(), "lost");
    }
    // one has the loop, one holds, and one more is started when a tick finds nobody in reserve
    let (threads, _) = server.runtime.thread_counts();
    assert!(threads <= 3, "{threads} threads");
    assert!(server.lines.locals.load(Ordering::Relaxed) <= 3);
    server.end();
}

#[test]
fn many_long_commands_at_once() {
    let server = start(
        Lines::default(),
        Config {
            loops: 2,
            ..Config::default()
        },
    );
    let mut busy: Vec<_> = (0..40).map(|_| server.connect()).collect();
    let start = Instant::now();
    for client in &mut busy {
        client.send("aside 300\n");
    }
    assert_eq!(server.connect().ask("ping"), "pong");
    for client in &mut busy {
        assert_eq!(client.line(), "lost");
    }
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    server.end();
}

#[test]
fn past_the_last_spare_a_loop_waits_for_its_thread() {
    let config = Config {
        spares_min: 1,
        spares_max: 1,
        ..Config::default()
    };
    let server = start(Lines::default(), config);
    let (mut a, mut b, mut c) = (server.connect(), server.connect(), server.connect());
    assert_eq!(c.ask("ping"), "pong");
    a.send("aside 200\n");
    std::thread::sleep(Duration::from_millis(50));
    b.send("aside 400\n");
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    assert_eq!(c.ask("ping"), "pong");
    // As soon as the first is done, its thread takes the loop.
    assert!(
        (50..300).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
    assert_eq!([a.line(), b.line()], ["lost", "lost"]);
    assert!(
        server
            .lines
            .reports
            .lock()
            .unwrap()
            .contains(&"SparesExhausted".to_owned())
    );
    server.end();
}

#[test]
fn what_happens_to_a_busy_connection_waits_for_it() {
    let server = start_one_loop();
    let mut client = server.connect();
    let id = client.id();
    let at = server.at(id);
    let net = server.runtime.net();
    client.send("aside 100\npark 3\n");
    std::thread::sleep(Duration::from_millis(30));
    client.send("ping\n");
    net.push(at, b"pushed\n".as_slice().into());
    // The wake-up comes before the parking that it ends.
    net.wake(at, 3);
    assert_eq!(
        [client.line(), client.line(), client.line(), client.line()],
        ["lost", "pushed", "woken", "pong"]
    );
    server.end();
}

#[test]
fn killed_while_busy() {
    let server = start_one_loop();
    let mut client = server.connect();
    let id = client.id();
    client.send("aside 100\n");
    std::thread::sleep(Duration::from_millis(30));
    assert!(server.runtime.net().kill(id));
    assert!(server.runtime.net().conn(id).unwrap().is_closing());
    assert_eq!(server.closed(id), CloseReason::Killed);
    assert_eq!(client.line(), "");
    server.end();
}

#[test]
fn a_client_that_leaves_while_busy_is_closed_afterwards() {
    let server = start_one_loop();
    let mut client = server.connect();
    let id = client.id();
    client.send("aside 100\nlen last\n");
    std::thread::sleep(Duration::from_millis(30));
    drop(client);
    server.closed(id);
    assert_eq!(
        server.lines.executed.lock().unwrap().last().unwrap(),
        "len last"
    );
    server.end();
}

#[test]
fn shutting_down_while_busy() {
    let server = start_one_loop();
    let mut client = server.connect();
    let id = client.id();
    client.send("aside 200\n");
    std::thread::sleep(Duration::from_millis(30));
    let lines = server.lines.clone();
    server.end();
    assert_eq!(lines.closed.lock().unwrap()[&id], CloseReason::Shutdown);
}

#[test]
fn a_command_that_does_not_put_its_loop_down_keeps_it() {
    let server = start_one_loop();
    let (mut a, mut b) = (server.connect(), server.connect());
    assert_eq!(b.ask("ping"), "pong");
    a.send("hog 100\n");
    std::thread::sleep(Duration::from_millis(10));
    let start = Instant::now();
    assert_eq!(b.ask("ping"), "pong");
    assert!(start.elapsed() > Duration::from_millis(50));
    assert_eq!(a.line(), "hogged");
    server.end();
}

/// What a loop tells its connections: at once, when they come home, or never.
#[test]
fn a_connection_is_reached_wherever_it_is() {
    let server = start_one_loop();
    let (mut a, mut b) = (server.connect(), server.connect());
    let ids: [u64; 2] = [&mut a, &mut b].map(|client| client.ask("id").parse().unwrap());
    let tell = |id, text: &str| {
        let net = server.runtime.net();
        net.post_loop(0, Message::Tell(id, text.to_owned()));
    };
    tell(ids[0], "here");
    assert_eq!(a.line(), "here");
    a.send("hold\nping\n");
    eventually(|| (server.lines.holds.load(Ordering::Relaxed) == 1).then_some(()));
    // another thread has the loop as soon as it answers again
    assert_eq!(b.ask("ping"), "pong");
    for text in ["one", "two"] {
        tell(ids[0], text);
    }
    tell(ids[1], "done");
    assert_eq!(b.line(), "done");
    assert_eq!(b.ask("release"), "released");
    tell(ids[0], "three");
    let told = [a.line(), a.line(), a.line(), a.line()];
    assert_eq!(told, ["lost", "pong", "one (late)", "two (late)"]);
    // it may have been at home by then
    assert!(a.line().starts_with("three"));
    assert_eq!(a.ask("quit"), "bye");
    server.closed(ids[0]);
    tell(ids[0], "four");
    eventually(|| {
        let reports = server.lines.reports.lock().unwrap();
        reports.iter().any(|r| r == "four: gone").then_some(())
    });
    server.end();
}

/// Everything at once for a while: long and short commands, parking and waking, leaving and coming.
#[test]
fn turmoil() {
    let server = start(
        Lines::default(),
        Config {
            loops: 2,
            ..Config::default()
        },
    );
    let deadline = Instant::now() + Duration::from_secs(3);
    std::thread::scope(|scope| {
        for seed in 0..8u64 {
            let server = &server;
            scope.spawn(move || {
                let mut state = seed + 1;
                let mut client = server.connect();
                while Instant::now() < deadline {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    match state >> 60 {
                        0 => assert!(["lost", "kept"].contains(&client.ask("aside 3").as_str())),
                        1 => {
                            client.send("aside 5\ndoze 9\nping\n");
                            client.line();
                            assert_eq!([client.line(), client.line()], ["woken", "pong"]);
                        }
                        2 => {
                            client = server.connect();
                        }
                        3 => {
                            client.send("big 300000\n");
                            assert_eq!(client.line().len(), 300_000);
                        }
                        _ => assert_eq!(client.ask("ping"), "pong"),
                    }
                }
            });
        }
    });
    eventually(|| (server.runtime.net().live() == 0).then_some(()));
    server.end();
}
