//! Connections as clients see them: replies, order, limits, ends.

mod support;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use perilune_net::{CloseReason, Config, Endpoint, Listener, OutputLimits, Settings};
use support::{ATTEMPTS, Client, Lines, Message, Server, eventually, start, start_one_loop};

/// Waits until so many commands wait for an answer by message, or have waited.
fn waiting(server: &Server, count: usize) {
    eventually(|| (server.lines.waits.load(Ordering::Relaxed) == count).then_some(()));
}

/// A server whose clients must read.
fn start_limited(limits: OutputLimits) -> Server {
    let lines = Lines {
        limits,
        ..Lines::default()
    };
    start(lines, Config::default())
}

#[test]
fn a_pipeline_is_answered_in_order_however_it_is_cut() {
    let server = start_one_loop();
    let mut client = server.connect();
    assert_eq!(client.ask("ping"), "pong");
    client.send("ping\nyield\nlen abc\npi");
    assert_eq!(
        [client.line(), client.line(), client.line()],
        ["pong", "yielded", "3"]
    );
    std::thread::sleep(Duration::from_millis(20));
    client.send("ng\n");
    assert_eq!(client.line(), "pong");
    for _ in 0..3 {
        client.send(&"ping\n".repeat(50_000));
        for _ in 0..50_000 {
            assert_eq!(client.line(), "pong");
        }
    }
    server.end();
}

#[test]
fn a_big_request_arrives_in_one_piece() {
    let server = start_one_loop();
    let mut client = server.connect();
    for len in [1_000, 70_000, 5_000_000] {
        client.send("len ");
        client.send(&"v".repeat(len));
        client.send("\nping\n");
        assert_eq!(client.line(), len.to_string());
        assert_eq!(client.line(), "pong");
    }
    eventually(|| (server.runtime.net().conns()[0].input_len() == 0).then_some(()));
    server.end();
}

#[test]
fn a_big_reply_reaches_a_slow_reader_whole() {
    let server = start_one_loop();
    let mut slow = server.connect();
    slow.send("big 20000000\nping\n");
    let mut other = server.connect();
    for _ in 0..10 {
        assert_eq!(other.ask("ping"), "pong");
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(slow.line().len(), 20_000_000);
    assert_eq!(slow.line(), "pong");
    server.end();
}

#[test]
fn who_does_not_read_is_closed_at_the_hard_limit() {
    let limits = OutputLimits {
        hard_bytes: 30_000_000,
        ..OutputLimits::default()
    };
    let server = start_limited(limits);
    let mut client = server.connect();
    let id = client.id();
    let command = "big 10000000\n";
    for _ in 0..10 {
        if client
            .stream
            .get_mut()
            .write_all(command.as_bytes())
            .is_err()
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.closed(id), CloseReason::OutputLimit);
    assert_eq!(server.connect().ask("ping"), "pong");
    server.end();
}

#[test]
fn who_does_not_read_for_long_is_closed_at_the_soft_limit() {
    let limits = OutputLimits {
        soft_bytes: 1_000_000,
        soft_seconds: 1,
        ..OutputLimits::default()
    };
    let server = start_limited(limits);
    let mut client = server.connect();
    let id = client.id();
    let start = Instant::now();
    client.send("big 20000000\n");
    assert_eq!(server.closed(id), CloseReason::OutputLimit);
    assert!(start.elapsed() > Duration::from_millis(800));
    server.end();
}

#[test]
fn input_without_an_end_is_closed_at_its_limit() {
    let settings = Settings::default();
    settings
        .input_limit_bytes
        .store(1_000_000, Ordering::Relaxed);
    let server = start(
        Lines::default(),
        Config {
            settings,
            ..Config::default()
        },
    );
    let mut client = server.connect();
    let id = client.id();
    let chunk = vec![b'v'; 100_000];
    while client.stream.get_mut().write_all(&chunk).is_ok() {}
    assert_eq!(server.closed(id), CloseReason::InputLimit);
    server.end();
}

#[test]
fn a_half_closed_client_gets_all_its_replies() {
    let server = start_one_loop();
    let mut client = server.connect();
    let id = client.id();
    client.send(&"ping\n".repeat(10_000));
    client.send("aside 20\nbig 10000000\nyield\nlen 1");
    client
        .stream
        .get_mut()
        .shutdown(std::net::Shutdown::Write)
        .unwrap();
    let mut replies = String::new();
    client.stream.read_to_string(&mut replies).unwrap();
    let replies: Vec<&str> = replies.lines().collect();
    assert_eq!(replies.len(), 10_003);
    assert_eq!(replies[10_001].len(), 10_000_000);
    assert_eq!(server.closed(id), CloseReason::ClientClosed);
    server.end();
}

#[test]
fn complete_commands_of_a_client_that_left_are_executed() {
    let server = start_one_loop();
    let mut client = server.connect();
    let id = client.id();
    client.send("park 5\nlen last\n");
    let at = server.at(id);
    drop(client);
    std::thread::sleep(Duration::from_millis(50));
    assert!(
        server.runtime.net().conn(id).is_some(),
        "it is parked, not cancelled"
    );
    server.runtime.net().wake(at, 5);
    server.closed(id);
    assert_eq!(
        server.lines.executed.lock().unwrap()[1..],
        ["park 5", "len last"]
    );
    server.end();
}

#[test]
fn a_wait_ends_with_its_connection() {
    let server = start_one_loop();
    let mut client = server.connect();
    let id = client.id();
    client.send("wait 5\nlen last\n");
    eventually(|| (server.lines.executed.lock().unwrap().len() == 1).then_some(()));
    drop(client);
    assert_eq!(server.closed(id), CloseReason::ClientClosed);
    assert_eq!(server.lines.executed.lock().unwrap().len(), 1);
    server.end();
}

#[test]
fn parking_ends_with_its_own_ticket_only() {
    let server = start_one_loop();
    let mut client = server.connect();
    let id = client.id();
    let at = server.at(id);
    let net = server.runtime.net();
    client.send("ping\npark 7\nping\n");
    assert_eq!(client.line(), "pong");
    net.wake(at, 6);
    let mut other = server.connect();
    assert_eq!(other.ask("ping"), "pong");
    assert_eq!(
        server.lines.executed.lock().unwrap().len(),
        3,
        "the parked one is still parked"
    );
    net.wake(at, 7);
    assert_eq!([client.line(), client.line()], ["woken", "pong"]);
    net.wake(at, 7);
    assert_eq!(client.ask("ping"), "pong");
    server.end();
}

#[test]
fn messages_and_pushes_reach_a_connection() {
    let server = start(
        Lines::default(),
        Config {
            loops: 2,
            ..Config::default()
        },
    );
    let (mut a, mut b) = (server.connect(), server.connect());
    let at = server.at(a.id());
    assert_ne!(
        at.loop_index,
        server.at(b.id()).loop_index,
        "each loop got one"
    );
    let net = server.runtime.net();
    a.send("take 1\nping\n");
    eventually(|| {
        net.push(at, b"pushed\n".as_slice().into());
        Some(())
    });
    assert_eq!(a.line(), "pushed");
    // The push may have come before the command.
    waiting(&server, 1);
    net.post(at, Message::Serve("served".into()));
    assert_eq!([a.line(), a.line()], ["served", "pong"]);
    for loop_index in 0..net.loops() {
        net.post_loop(loop_index, Message::TellAll("all".into()));
    }
    assert_eq!([a.line(), b.line()], ["all", "all"]);
    server.end();
}

#[test]
fn a_wait_ends_at_its_deadline_or_with_what_it_waits_for() {
    let server = start_one_loop();
    let net = server.runtime.net();
    let (mut a, mut b) = (server.connect(), server.connect());
    let (at_a, at_b) = (server.at(a.id()), server.at(b.id()));
    b.send("take-for 300000\nping\n");
    let mut waits = 1;
    let mut times = (0..ATTEMPTS).map(|_| {
        let begin = Instant::now();
        a.send("take-for 60\nping\n");
        assert_eq!([a.line(), a.line()], ["timed out", "pong"]);
        waits += 1;
        assert!(begin.elapsed() >= Duration::from_millis(60));
        begin.elapsed()
    });
    assert!(times.any(|time| time < Duration::from_secs(3)));
    waiting(&server, waits);
    net.post(at_b, Message::Serve("served".into()));
    assert_eq!([b.line(), b.line()], ["served", "pong"]);
    // what has come in time is not followed by a timeout, nor by that of an earlier wait
    let mut came_in_time = (0..ATTEMPTS).map(|_| {
        a.send("take-for 1000\n");
        waits += 1;
        waiting(&server, waits);
        net.post(at_a, Message::Serve("served".into()));
        if a.line() == "timed out" {
            // the machine stood still, and nobody waited any more
            return false;
        }
        a.send("take 2\nping\n");
        waits += 1;
        waiting(&server, waits);
        std::thread::sleep(Duration::from_millis(1100));
        net.post(at_a, Message::Serve("served again".into()));
        assert_eq!([a.line(), a.line()], ["served again", "pong"]);
        true
    });
    assert!(came_in_time.any(|came_in_time| came_in_time));
    server.end();
}

#[test]
fn ways_to_end() {
    let server = start_one_loop();
    let net = server.runtime.net();
    let table = [
        ("ping\nquit\nping\n", CloseReason::Service, "pong bye"),
        ("ping\nclose\nping\n", CloseReason::Service, ""),
        ("panic\n", CloseReason::Panic, ""),
    ];
    for (commands, reason, replies) in table {
        let mut client = server.connect();
        let id = client.id();
        client.send(commands);
        assert_eq!(server.closed(id), reason, "{commands}");
        let mut text = String::new();
        let _ = client.stream.read_to_string(&mut text);
        assert_eq!(
            text.split_whitespace().collect::<Vec<_>>().join(" "),
            replies
        );
    }
    let mut client = server.connect();
    let id = client.id();
    net.post(server.at(id), Message::Fail);
    assert_eq!(server.closed(id), CloseReason::Panic);
    assert_eq!(server.lines.reports.lock().unwrap().len(), 2);

    let mut client = server.connect();
    let id = client.id();
    assert!(net.kill(id));
    assert_eq!(server.closed(id), CloseReason::Killed);
    assert!(!net.kill(id));
    assert_eq!(client.line(), "");

    let mut client = server.connect();
    let id = client.id();
    net.settings()
        .idle_timeout_seconds
        .store(1, Ordering::Relaxed);
    assert_eq!(server.closed(id), CloseReason::IdleTimeout);
    assert_eq!(net.live(), 0);
    net.settings()
        .idle_timeout_seconds
        .store(0, Ordering::Relaxed);

    let mut client = server.connect();
    let id = client.id();
    let lines = server.lines.clone();
    server.end();
    assert_eq!(lines.closed.lock().unwrap()[&id], CloseReason::Shutdown);
}

#[test]
fn refused_with_a_word() {
    let server = start(
        Lines {
            max_conns: 2,
            ..Lines::default()
        },
        Config::default(),
    );
    let (mut a, mut b) = (server.connect(), server.connect());
    assert_eq!([a.ask("ping"), b.ask("ping")], ["pong", "pong"]);
    let mut refused = server.connect();
    assert_eq!([refused.line(), refused.line()], ["too many", ""]);
    drop(a);
    eventually(|| (server.runtime.net().live() == 1).then_some(()));
    assert_eq!(server.connect().ask("ping"), "pong");
    server.end();
}

#[test]
fn unix_socket() {
    let path = std::env::temp_dir().join(format!("perilune-net-{}.sock", std::process::id()));
    let endpoint = Endpoint::Unix {
        path: path.clone(),
        mode: Some(0o700),
    };
    let listener = Listener::bind(&endpoint, 511).unwrap();
    let config = Config {
        listeners: vec![listener],
        ..Config::default()
    };
    let server = start(Lines::default(), config);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    let stream = UnixStream::connect(&path).unwrap();
    let mut client = Client {
        stream: std::io::BufReader::new(stream),
    };
    assert_eq!(client.ask("ping"), "pong");
    assert_eq!(server.connect().ask("ping"), "pong");
    client.send("big 3000000\n");
    assert_eq!(client.line().len(), 3_000_000);
    assert_eq!(
        server.runtime.net().conns()[0].info().peer.to_string(),
        format!("{}:0", path.display())
    );
    server.end();
    assert!(!path.exists());
}

#[test]
fn listening_elsewhere() {
    let server = start_one_loop();
    let mut before = server.connect();
    assert_eq!(before.ask("ping"), "pong");
    let endpoint = Endpoint::Tcp("127.0.0.1:0".parse().unwrap());
    let listener = Listener::bind(&endpoint, 511).unwrap();
    let address = listener.local_address().to_string();
    server.runtime.net().listen(vec![listener]);
    let stream = std::net::TcpStream::connect(address).unwrap();
    let mut client = Client {
        stream: std::io::BufReader::new(stream),
    };
    assert_eq!(client.ask("ping"), "pong");
    assert!(std::net::TcpStream::connect(server.address).is_err());
    assert_eq!(before.ask("ping"), "pong");
    server.end();
}

#[test]
fn thousands_of_connections() {
    let server = start(
        Lines::default(),
        Config {
            loops: 2,
            ..Config::default()
        },
    );
    let mut clients: Vec<_> = (0..2_000).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("ping\nlen abc\n");
    }
    for client in &mut clients {
        assert_eq!([client.line(), client.line()], ["pong", "3"]);
    }
    let net = server.runtime.net();
    assert_eq!(net.live(), 2_000);
    let of_first = net
        .conns()
        .iter()
        .filter(|conn| conn.info().loop_index == 0)
        .count();
    assert_eq!(of_first, 1_000);
    // a client may have read its answer before what was sent is counted
    eventually(|| {
        net.conns()
            .iter()
            .all(|conn| (conn.bytes_in(), conn.bytes_out()) == (13, 7))
            .then_some(())
    });
    drop(clients);
    eventually(|| (net.live() == 0).then_some(()));
    server.end();
}
