//! Publish and subscribe, and keyspace events: who gets what, in which order, and what becomes of those who do not read.

use std::time::{Duration, Instant};

use crate::harness::{Client, Server, alone, eventually, matches, play, show};

/// The next thing that a connection gets, shown.
fn next(client: &mut Client) -> String {
    client.receive().as_ref().map_or("(closed)".into(), show)
}

/// Sends all calls and compares all that comes back, line by line.
#[track_caller]
fn converse(calls: &str, expected: &str) {
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let server = Server::start(&[]);
    let mut client = server.connect();
    lines(calls).iter().for_each(|call| client.send(call));
    for expected in lines(expected) {
        let got = next(&mut client);
        assert!(matches(&expected, &got), "expected {expected}, got {got}");
    }
    assert_eq!(
        client.ask("PING the end"),
        "-ERR wrong number of arguments for 'ping' command"
    );
}

#[test]
fn subscribing_with_resp2() {
    converse(
        "
        SUBSCRIBE a b a
        PING
        PING x
        PSUBSCRIBE p*
        SSUBSCRIBE s
        UNSUBSCRIBE b nothing
        SUNSUBSCRIBE
        PUNSUBSCRIBE
        UNSUBSCRIBE
        UNSUBSCRIBE
        PUNSUBSCRIBE none
        SUNSUBSCRIBE
        PING
        ",
        r#"
        ["subscribe" "a" :1]
        ["subscribe" "b" :2]
        ["subscribe" "a" :2]
        ["pong" ""]
        ["pong" "x"]
        ["psubscribe" "p*" :3]
        ["ssubscribe" "s" :1]
        ["unsubscribe" "b" :2]
        ["unsubscribe" "nothing" :2]
        ["sunsubscribe" "s" :0]
        ["punsubscribe" "p*" :1]
        ["unsubscribe" "a" :0]
        ["unsubscribe" $-1 :0]
        ["punsubscribe" "none" :0]
        ["sunsubscribe" $-1 :0]
        +PONG
        "#,
    );
}

#[test]
fn subscribing_with_resp3() {
    converse(
        "
        HELLO 3
        SUBSCRIBE a b
        PING
        GET k
        UNSUBSCRIBE a
        UNSUBSCRIBE
        UNSUBSCRIBE
        ",
        r#"
        {*
        >["subscribe" "a" :1]
        >["subscribe" "b" :2]
        +PONG
        _
        >["unsubscribe" "a" :1]
        >["unsubscribe" "b" :0]
        >["unsubscribe" _ :0]
        "#,
    );
}

#[test]
fn publishing_counts_who_gets_it() {
    play(
        r#"
        a> SUBSCRIBE news => ["subscribe" "news" :1]
        b> HELLO 3 => {*
        b> PSUBSCRIBE n* *s => >["psubscribe" "n*" :1]
        c> PUBLISH news hello => :3
        c> PUBLISH nobody x => :1
        c> PUBLISH other x => :0
        c> SPUBLISH news x => :0
        c> PUBSUB CHANNELS => ["news"]
        c> PUBSUB CHANNELS x* => []
        c> PUBSUB NUMSUB news other => ["news" :1 "other" :0]
        c> PUBSUB NUMSUB => []
        c> PUBSUB NUMPAT => :2
        c> PUBSUB SHARDCHANNELS => []
        c> PUBSUB SHARDNUMSUB news => ["news" :0]
        c> PUBSUB CHANNELS a b => -ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.
        c> PUBSUB NUMPAT x => -ERR wrong number of arguments for 'pubsub|numpat' command
        c> PUBSUB FOO => -ERR unknown subcommand 'FOO'. Try PUBSUB HELP.
        a> PING => ["message" "news" "hello"]
        b> GET none => >["psubscribe" "*s" :2]
        b> PING => >["pmessage" "*" "news" "hello"]
        b> PING => >["pmessage" "*" "news" "hello"]
        b> PING => >["pmessage" "n*" "nobody" "x"]
        b> PING => _
        c> CLIENT LIST TYPE pubsub => "id=*flags=P*sub=1 psub=0 ssub=0*id=*flags=P*sub=0 psub=2 ssub=0*"
        c> CLIENT KILL TYPE pubsub => :2
        c> PUBLISH news x => :0
        c> PUBSUB NUMPAT => :0
        c> CLIENT LIST TYPE pubsub => ""
        "#,
    );
}

#[test]
fn a_subscribed_connection_with_resp2_may_do_little_else() {
    play(
        r#"
        > SUBSCRIBE a => ["subscribe" "a" :1]
        > GET k => -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        > client list => -ERR Can't execute 'client|list': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        > HELLO 3 => -ERR Can't execute 'hello': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        > MULTI => -ERR Can't execute 'multi': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        > PING a b => -ERR wrong number of arguments for 'ping' command
        > RESET => +RESET
        > GET k => $-1
        b> PUBLISH a x => :0
        > SUBSCRIBE a => ["subscribe" "a" :1]
        > QUIT => +OK
        b> PUBLISH a x => :0
        "#,
    );
}

#[test]
fn subscribing_inside_transactions_and_scripts() {
    play(
        r#"
        > HELLO 3 => {*
        > MULTI => +OK
        > SUBSCRIBE a => +QUEUED
        > SSUBSCRIBE b => +QUEUED
        > UNSUBSCRIBE => +QUEUED
        > GET k => +QUEUED
        > EXEC => [>["subscribe" "a" :1] -ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client >["unsubscribe" "a" :0] _]
        > EVAL "return redis.call('subscribe', 'a')" 0 => -ERR This Redis command is not allowed from script*
        > EVAL_RO "return redis.call('publish', 'a', 'b')" 0 => -ERR Write commands are not allowed from read-only scripts.*
        > EVAL "return redis.call('publish', 'a', 'b')" 0 => :0
        "#,
    );
}

/// An EXEC hears of itself what it would have heard command by command, all of it behind its answer.
#[test]
fn subscribing_behind_a_publish_of_the_same_exec() {
    converse(
        "
        MULTI
        PUBLISH c 1
        SUBSCRIBE c
        PUBLISH c 2
        PUBSUB NUMSUB c
        UNSUBSCRIBE c
        PUBLISH c 3
        PUBSUB CHANNELS
        PSUBSCRIBE c*
        SUBSCRIBE c
        PUBLISH c 4
        PUBSUB NUMPAT
        PING
        EXEC
        UNSUBSCRIBE
        PUNSUBSCRIBE
        ",
        r#"
        +OK
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        [:0 ["subscribe" "c" :1] :1 ["c" :1] ["unsubscribe" "c" :0] :0 [] ["psubscribe" "c*" :1] ["subscribe" "c" :2] :2 :1 ["pong" ""]]
        ["message" "c" "2"]
        ["message" "c" "4"]
        ["pmessage" "c*" "c" "4"]
        ["unsubscribe" "c" :1]
        ["punsubscribe" "c*" :0]
        "#,
    );
}

#[test]
fn unsubscribing_behind_a_publish_of_the_same_exec() {
    converse(
        "
        HELLO 3
        CONFIG SET notify-keyspace-events KA
        SUBSCRIBE c
        PSUBSCRIBE *
        SSUBSCRIBE s
        MULTI
        PUBLISH c 1
        SET a 1
        UNSUBSCRIBE
        SPUBLISH s 2
        SUNSUBSCRIBE
        SPUBLISH s 3
        EVAL \"return redis.call('publish', 'c', '4')\" 0
        SET b 1
        PUNSUBSCRIBE
        PUBLISH c 5
        SET d 1
        PUBSUB CHANNELS
        PUBSUB NUMPAT
        EXEC
        PING
        ",
        r#"
        {*
        +OK
        >["subscribe" "c" :1]
        >["psubscribe" "*" :2]
        >["ssubscribe" "s" :1]
        +OK
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        +QUEUED
        [:2 +OK >["unsubscribe" "c" :1] :1 >["sunsubscribe" "s" :0] :0 :1 +OK >["punsubscribe" "*" :0] :0 +OK [] :0]
        >["message" "c" "1"]
        >["pmessage" "*" "c" "1"]
        >["pmessage" "*" "__keyspace@0__:a" "set"]
        >["smessage" "s" "2"]
        >["pmessage" "*" "c" "4"]
        >["pmessage" "*" "__keyspace@0__:b" "set"]
        +PONG
        "#,
    );
}

/// Nobody else is told of a subscription before its EXEC has committed, and never of one that was taken back.
#[test]
fn subscriptions_of_an_exec_that_is_taken_back() {
    play(
        r#"
        b> SUBSCRIBE other => ["subscribe" "other" :1]
        > MULTI => +OK
        > SUBSCRIBE c => +QUEUED
        > PSUBSCRIBE c* => +QUEUED
        > DEBUG PANIC => +QUEUED
        > EXEC => -ERR internal error
        > PING => +PONG
        > GET k => $-1
        > PUBLISH c x => :0
        > PUBSUB CHANNELS => ["other"]
        > CLIENT LIST TYPE pubsub => "id=*sub=1 psub=0*"
        > HELLO 3 => {*
        > SUBSCRIBE c => >["subscribe" "c" :1]
        > MULTI => +OK
        > UNSUBSCRIBE c => +QUEUED
        > DEBUG PANIC => +QUEUED
        > EXEC => -ERR internal error
        > PUBLISH c x => :1
        > PING => >["message" "c" "x"]
        "#,
    );
}

#[test]
fn what_one_publishes_to_oneself_comes_behind_the_answer() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.ask("HELLO 3");
    client.ask("SUBSCRIBE a");
    for call in [
        "PUBLISH a 1",
        "PING",
        "MULTI",
        "PUBLISH a 2",
        "PING x",
        "EXEC",
        "EVAL \"redis.call('publish', 'a', '3') return 'done'\" 0",
        "UNSUBSCRIBE a",
        "PING",
    ] {
        client.send(call);
    }
    let expected = [
        ":1",
        r#">["message" "a" "1"]"#,
        "+PONG",
        "+OK",
        "+QUEUED",
        "+QUEUED",
        r#"[:1 "x"]"#,
        r#">["message" "a" "2"]"#,
        r#""done""#,
        r#">["message" "a" "3"]"#,
        r#">["unsubscribe" "a" :0]"#,
        "+PONG",
    ];
    for expected in expected {
        assert_eq!(next(&mut client), expected);
    }
}

#[test]
fn replies_off_are_no_reason_to_miss_a_message() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.ask("HELLO 3");
    client.send("CLIENT REPLY OFF");
    client.send("PING");
    assert_eq!(client.ask("SUBSCRIBE a"), r#">["subscribe" "a" :1]"#);
    assert_eq!(other.ask("PUBLISH a x"), ":1");
    client.send("PING");
    assert_eq!(next(&mut client), r#">["message" "a" "x"]"#);
    assert_eq!(client.ask("UNSUBSCRIBE"), r#">["unsubscribe" "a" :0]"#);
    client.send("CLIENT REPLY ON");
    assert_eq!(next(&mut client), "+OK");
}

/// Two publishers on different loops, subscribers on all: each sees the same order, by channel and by pattern.
#[test]
fn all_see_the_messages_of_a_channel_in_one_order() {
    const EACH: usize = 2000;
    let server = Server::start(&["--io-threads", "3"]);
    let mut subscribers: Vec<Client> = (0..9).map(|_| server.connect()).collect();
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        let call = ["SUBSCRIBE c", "PSUBSCRIBE c*"][number % 2];
        subscriber.ask(call);
    }
    let orders: Vec<Vec<String>> = std::thread::scope(|scope| {
        for publisher in 0..3 {
            let mut client = server.connect();
            scope.spawn(move || {
                for first in (0..EACH).step_by(50) {
                    for number in first..first + 50 {
                        client.send(&format!("PUBLISH c {publisher}:{number}"));
                    }
                    for _ in 0..50 {
                        assert_eq!(next(&mut client), ":9");
                    }
                }
            });
        }
        let readers: Vec<_> = subscribers
            .iter_mut()
            .map(|subscriber| {
                scope.spawn(|| -> Vec<String> {
                    let payload = |text: String| text.rsplit(' ').next().map(str::to_owned);
                    (0..3 * EACH)
                        .map(|_| payload(next(subscriber)).expect("a message"))
                        .collect()
                })
            })
            .collect();
        readers
            .into_iter()
            .map(|reader| reader.join().expect("it reads all"))
            .collect()
    });
    for order in &orders[1..] {
        assert_eq!(order, &orders[0]);
    }
}

/// Scripts that count a key up and publish the number, from several loops: the order of messages is that of their commits.
#[test]
fn scripts_publish_in_the_order_of_their_commits() {
    const EACH: usize = 300;
    let server = Server::start(&["--io-threads", "3"]);
    let mut subscriber = server.connect();
    subscriber.ask("SUBSCRIBE n");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut client = server.connect();
            scope.spawn(move || {
                for _ in 0..EACH {
                    client.send(
                        "EVAL \"return redis.call('publish', 'n', redis.call('incr', KEYS[1]))\" 1 n",
                    );
                }
                for _ in 0..EACH {
                    assert_eq!(next(&mut client), ":1");
                }
            });
        }
        for number in 1..=4 * EACH {
            assert_eq!(
                next(&mut subscriber),
                format!(r#"["message" "n" "{number}"]"#)
            );
        }
    });
}

/// Has `transaction` run while a script of `holder` holds the key `held<attempt>`, until it was taken back for that and run again.
fn meet(
    server: &Server,
    holder: &mut Client,
    other: &mut Client,
    mut transaction: impl FnMut(&mut Client, u32),
) {
    let reruns = |client: &mut Client| -> u64 {
        let info = client.text("INFO stats");
        let line = info
            .lines()
            .find(|line| line.contains("transactions_rerun:"));
        line.and_then(|line| line.split(':').nth(1)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no count of reruns in {info}"))
    };
    // How long the first script must hold its key for the second to meet it depends on the
    // machine: longer and longer, until it did. What is published is the same either way.
    for attempt in 0.. {
        assert!(attempt < 10, "no rerun, however long a key is held");
        let steps = 20_000_000_u64 << attempt;
        let before = reruns(other);
        holder.send(&format!(
            "EVAL \"local t for i = 1, {steps} do t = i end return redis.call('incr', KEYS[1])\" 1 held{attempt}"
        ));
        // somebody has to wait for the key once the script has it, and sees what it has left if that was over before
        let mut looker = server.connect();
        eventually("the script holds its key", || {
            looker.send(&format!("GET held{attempt}"));
            let mut answer = None;
            eventually("the key is held, or there is an answer", || {
                answer = looker.receive_within(Duration::from_millis(1));
                answer.is_some() || other.text("INFO clients").contains("parked_clients:1\r")
            });
            answer.is_none_or(|value| value.is_some_and(|value| show(&value) == "\"1\""))
        });
        transaction(other, attempt);
        assert_eq!(next(holder), ":1");
        if reruns(other) > before {
            break;
        }
    }
}

#[test]
fn a_rerun_subscribes_and_publishes_once() {
    let _alone = alone();
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    other.ask("HELLO 3");
    meet(&server, &mut client, &mut other, |other, attempt| {
        for call in ["SUBSCRIBE left", "MULTI"] {
            other.ask(call);
        }
        for call in [
            "PUBLISH c before",
            "SUBSCRIBE c",
            "PUBLISH c after",
            "PUBLISH left before",
            "UNSUBSCRIBE left",
            "PUBLISH left after",
        ] {
            assert_eq!(other.ask(call), "+QUEUED");
        }
        other.ask(&format!(
            "EVAL \"return redis.call('incr', 'held' .. ARGV[1])\" 0 {attempt}"
        ));
        for call in ["EXEC", "UNSUBSCRIBE c"] {
            other.send(call);
        }
        for expected in [
            r#"[:0 >["subscribe" "c" :2] :1 :1 >["unsubscribe" "left" :1] :0 :2]"#,
            r#">["message" "c" "after"]"#,
            r#">["message" "left" "before"]"#,
            r#">["unsubscribe" "c" :0]"#,
        ] {
            assert_eq!(next(other), expected);
        }
    });
}

#[test]
fn what_is_taken_back_is_not_published_and_a_rerun_publishes_once() {
    let _alone = alone();
    let server = Server::start(&["--notify-keyspace-events", "KEA"]);
    let (mut subscriber, mut client, mut other) =
        (server.connect(), server.connect(), server.connect());
    subscriber.ask("PSUBSCRIBE *");
    // killed after it has written and published
    client.send("EVAL \"redis.call('set', 'a', 1) redis.call('publish', 'c', 'lost') while true do end\" 1 a");
    eventually("it can be killed", || other.ask("SCRIPT KILL") == "+OK");
    let killed = next(&mut client);
    assert!(killed.contains("Script killed by user"), "{killed}");
    assert_eq!(other.ask("EXISTS a"), ":0");

    // it wants a key that another has: taken back and run again
    meet(&server, &mut client, &mut other, |other, attempt| {
        let (held, written) = (format!("held{attempt}"), format!("written{attempt}"));
        assert_eq!(
            other.ask(&format!(
                "EVAL \"redis.call('set', KEYS[1], 1) redis.call('publish', 'c', 'once') \
                 return redis.call('incr', 'held' .. ARGV[1])\" 1 {written} {attempt}"
            )),
            ":2"
        );
        for expected in [
            format!(r#""__keyspace@0__:{held}" "incrby""#),
            format!(r#""__keyevent@0__:incrby" "{held}""#),
            format!(r#""__keyspace@0__:{written}" "set""#),
            format!(r#""__keyevent@0__:set" "{written}""#),
            r#""c" "once""#.to_owned(),
            format!(r#""__keyspace@0__:{held}" "incrby""#),
            format!(r#""__keyevent@0__:incrby" "{held}""#),
        ] {
            assert_eq!(
                next(&mut subscriber),
                format!(r#"["pmessage" "*" {expected}]"#)
            );
        }
    });
    assert!(subscriber.is_silent_for(Duration::from_millis(100)));
}

#[test]
fn keyspace_events_as_the_setting_says() {
    let server = Server::start(&[]);
    let (mut subscriber, mut client) = (server.connect(), server.connect());
    subscriber.ask("PSUBSCRIBE *");
    server.play(
        "
        > SET unheard 1 => +OK
        > CONFIG SET notify-keyspace-events Elg => +OK
        > SET unheard 1 => +OK
        > DEL unheard => :1
        > CONFIG SET notify-keyspace-events g => +OK
        > SET unheard 1 => +OK
        > CONFIG SET notify-keyspace-events Kx$ => +OK
        > SELECT 3 => +OK
        > SET heard 1 PX 30 => +OK
        ",
    );
    for expected in [
        r#""__keyevent@0__:del" "unheard""#,
        r#""__keyspace@3__:heard" "set""#,
        r#""__keyspace@3__:heard" "expired""#,
    ] {
        assert_eq!(
            next(&mut subscriber),
            format!(r#"["pmessage" "*" {expected}]"#)
        );
    }
    assert_eq!(client.ask("PUBSUB NUMPAT"), ":1");
}

#[test]
fn who_does_not_read_is_closed_at_the_limit() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let (mut slow, mut client) = (server.connect(), server.connect());
    slow.ask("SUBSCRIBE c");
    let payload = "x".repeat(10_000);
    let deadline = Instant::now() + Duration::from_secs(60);
    while client.ask(&format!("PUBLISH c {payload}")) == ":1" {
        assert!(Instant::now() < deadline, "it is never closed");
    }
    assert_eq!(client.ask("PUBSUB NUMSUB c"), r#"["c" :0]"#);
    let info = client.text("INFO stats");
    assert!(
        info.contains("client_output_buffer_limit_disconnections:1\r\n"),
        "{info}"
    );
}

#[test]
fn who_reads_too_little_is_closed_after_a_while() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub 0 100kb 1"]);
    let (mut slow, mut client) = (server.connect(), server.connect());
    slow.ask("SUBSCRIBE c");
    let payload = "x".repeat(100_000);
    let began = Instant::now();
    // the kernel takes some megabytes on its own
    for _ in 0..200 {
        client.ask(&format!("PUBLISH c {payload}"));
    }
    eventually("it is closed", || {
        client.ask("PUBSUB NUMSUB c") == r#"["c" :0]"#
    });
    assert!(began.elapsed() > Duration::from_secs(1));
}

/// More than a loop can hand out at once: publishers are held back instead of letting queues grow, and nothing is lost.
#[test]
fn a_flood_arrives_whole() {
    const MESSAGES: usize = 3000;
    let server = Server::start(&["--client-output-buffer-limit", "pubsub 0 0 0"]);
    let mut subscribers: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for subscriber in &mut subscribers {
        subscriber.ask("SUBSCRIBE c");
    }
    let payload = "x".repeat(20_000);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (mut client, payload) = (server.connect(), &payload);
            scope.spawn(move || {
                for _ in 0..MESSAGES / 2 {
                    client.send(&format!("PUBLISH c {payload}"));
                }
                for _ in 0..MESSAGES / 2 {
                    assert_eq!(next(&mut client), ":4");
                }
            });
        }
        for subscriber in &mut subscribers {
            scope.spawn(|| {
                for _ in 0..MESSAGES {
                    assert!(next(subscriber).starts_with(r#"["message" "c" "xxx"#));
                }
            });
        }
    });
}

/// One script publishes more than a queue is to hold: its connection waits until the loops have caught up.
#[test]
fn who_publishes_too_much_waits_and_goes_on() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub 0 0 0"]);
    let (mut subscriber, mut client, mut other) =
        (server.connect(), server.connect(), server.connect());
    subscriber.ask("SUBSCRIBE c");
    client.send(
        "EVAL \"local x = string.rep('x', 20000) for i = 1, 3000 do redis.call('publish', 'c', x) end\" 0",
    );
    client.send("PING");
    assert_eq!(next(&mut client), "$-1");
    // whoever has published nothing goes on in any case
    assert_eq!(other.ask("PING"), "+PONG");
    for _ in 0..3000 {
        assert!(next(&mut subscriber).starts_with(r#"["message" "c" "xxx"#));
    }
    assert_eq!(next(&mut client), "+PONG");
    assert_eq!(client.ask("PUBLISH c end"), ":1");
    assert_eq!(next(&mut subscriber), r#"["message" "c" "end"]"#);
}

/// A subscriber's thread has lost its loop to a long script: what comes meanwhile is kept for it.
#[test]
fn messages_wait_for_a_connection_that_runs_a_script() {
    let _alone = alone();
    let server = Server::start(&["--io-threads", "1"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.ask("HELLO 3");
    client.ask("SUBSCRIBE a");
    client.send("EVAL \"while true do end\" 0");
    client.send("UNSUBSCRIBE a");
    client.send("PING");
    eventually("the script runs", || {
        other.text("CLIENT LIST").contains("cmd=eval")
    });
    assert_eq!(other.ask("PUBLISH a 1"), ":1");
    assert_eq!(other.ask("PUBLISH a 2"), ":1");
    eventually("it can be stopped", || other.ask("SCRIPT KILL") == "+OK");
    let killed = next(&mut client);
    assert!(matches("-*Script killed by user*", &killed), "{killed}");
    for expected in [
        r#">["message" "a" "1"]"#,
        r#">["message" "a" "2"]"#,
        r#">["unsubscribe" "a" :0]"#,
        "+PONG",
    ] {
        assert_eq!(next(&mut client), expected);
    }
}

/// The same where it is an EXEC that runs for long, and ends the subscription: what was published by then still comes.
#[test]
fn messages_wait_for_an_exec_that_unsubscribes() {
    let _alone = alone();
    let server = Server::start(&["--io-threads", "1"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    for call in ["HELLO 3", "SUBSCRIBE a", "MULTI", "PUBLISH a own"] {
        client.ask(call);
    }
    client.ask("EVAL \"while true do end\" 0");
    client.ask("UNSUBSCRIBE a");
    client.ask("PUBLISH a unheard");
    client.send("EXEC");
    client.send("PING");
    eventually("it runs", || other.text("CLIENT LIST").contains("cmd=exec"));
    assert_eq!(other.ask("PUBLISH a 1"), ":1");
    assert_eq!(other.ask("PUBLISH a 2"), ":1");
    eventually("its script can be stopped", || {
        other.ask("SCRIPT KILL") == "+OK"
    });
    let answer = next(&mut client);
    let expected = r#"[:1 -*Script killed by user* >["unsubscribe" "a" :0] :0]"#;
    assert!(matches(expected, &answer), "{answer}");
    for expected in [
        r#">["message" "a" "1"]"#,
        r#">["message" "a" "2"]"#,
        r#">["message" "a" "own"]"#,
        "+PONG",
    ] {
        assert_eq!(next(&mut client), expected);
    }
}

/// A message that was published before somebody subscribed is not for them, one that was published before they left is.
#[test]
fn coming_and_going_while_others_publish() {
    const ROUNDS: usize = 300;
    let server = Server::start(&[]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (mut subscriber, mut publisher) = (server.connect(), server.connect());
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    assert!(publisher.ask("PUBLISH c noise").starts_with(':'));
                    let mine = format!("{}-{round}", publisher.ask("CLIENT ID"));
                    subscriber.send("SUBSCRIBE c");
                    assert_eq!(next(&mut subscriber), r#"["subscribe" "c" :1]"#);
                    assert!(publisher.ask(&format!("PUBLISH c {mine}")).starts_with(':'));
                    subscriber.send("UNSUBSCRIBE c");
                    let mut got = 0;
                    loop {
                        let message = next(&mut subscriber);
                        if message == r#"["unsubscribe" "c" :0]"# {
                            break;
                        }
                        got += usize::from(message == format!(r#"["message" "c" "{mine}"]"#));
                    }
                    assert_eq!(got, 1, "round {round}");
                }
            });
        }
    });
}
