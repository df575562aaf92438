//! CLIENT: what connections say of themselves, and what others may do to them.

use std::time::{Duration, Instant};

use crate::harness::{Client, Server, eventually, in_some_attempt, matches, play};

const LINE: &str = "id=* addr=127.0.0.1:* laddr=127.0.0.1:* fd=* name= age=0 idle=0 flags=N capa= db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=10 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=* events=r cmd=client|info user=default redir=-1 resp=2 lib-name= lib-ver= tot-net-in=* tot-net-out=* tot-cmds=*";

/// A field of a connection's line in CLIENT LIST.
fn field(client: &mut Client, id: &str, name: &str) -> String {
    let list = client.text(&format!("CLIENT LIST ID {id}"));
    let field = list
        .split_ascii_whitespace()
        .find_map(|field| field.strip_prefix(&format!("{name}=")));
    field
        .unwrap_or_else(|| panic!("no {name} in {list}"))
        .to_owned()
}

fn id_of(client: &mut Client) -> String {
    client.ask("CLIENT ID").trim_start_matches(':').to_owned()
}

#[test]
fn a_line_has_the_fields_of_the_reference_in_its_order() {
    let server = Server::start(&[]);
    in_some_attempt("it is told before it is a second old", || {
        let mut client = server.connect();
        let info = client.ask("CLIENT INFO");
        println!("{info}");
        if !matches(&format!("\"{LINE}\\n\""), &info) {
            return None;
        }
        client.ask("HELLO 3");
        let info = client.ask("CLIENT INFO");
        assert!(matches("=txt:\"id=* resp=3 *\"", &info), "{info}");
        Some(())
    });
}

#[test]
fn names_have_no_blanks() {
    play(
        r#"
        > CLIENT GETNAME => $-1
        > CLIENT SETNAME "a b" => -ERR Client names cannot contain spaces, newlines or special characters.
        > CLIENT SETNAME me => +OK
        > CLIENT GETNAME => "me"
        > CLIENT SETNAME "" => +OK
        > CLIENT GETNAME => $-1
        > CLIENT SETINFO lib-name redis-py => +OK
        > CLIENT SETINFO LIB-VER 1.2.3 => +OK
        > CLIENT SETINFO LIB-VER "1 2" => -ERR LIB-VER cannot contain spaces, newlines or special characters.
        > CLIENT SETINFO lib-nonsense x => -ERR Unrecognized option 'lib-nonsense'
        > CLIENT INFO => "* lib-name=redis-py lib-ver=1.2.3 *"
        > RESET => +RESET
        > CLIENT INFO => "* lib-name=redis-py lib-ver=1.2.3 *"
        > CLIENT SETINFO lib-name "" => +OK
        > CLIENT INFO => "* lib-name= lib-ver=1.2.3 *"
        > CLIENT SETNAME => -ERR wrong number of arguments for 'client|setname' command
        > CLIENT NONSENSE => -ERR unknown subcommand 'NONSENSE'. Try CLIENT HELP.
        > CLIENT => -ERR wrong number of arguments for 'client' command
        "#,
    );
}

#[test]
fn modes_show_as_flags() {
    play(
        r#"
        > CLIENT NO-EVICT on => +OK
        > CLIENT NO-TOUCH on => +OK
        > CLIENT NO-TOUCH maybe => -ERR syntax error
        > CLIENT CAPA nonsense redirect => +OK
        > CLIENT INFO => "* flags=eT capa=r *"
        > CLIENT NO-EVICT off => +OK
        > CLIENT INFO => "* flags=T capa=r *"
        > RESET => +RESET
        > CLIENT INFO => "* flags=N capa=r *"
        > CLIENT GETREDIR => :-1
        > CLIENT IMPORT-SOURCE on => -ERR Server is not in import mode
        > CLIENT IMPORT-SOURCE off => +OK
        > CONFIG SET import-mode yes => +OK
        > CLIENT IMPORT-SOURCE maybe => -ERR syntax error
        > CLIENT IMPORT-SOURCE on => +OK
        > CLIENT INFO => "* flags=I *"
        > WATCH k => +OK
        > MULTI => +OK
        > SET a b => +QUEUED
        b> CLIENT LIST => "id=* flags=xI * multi=1 watch=1 * multi-mem=* cmd=set *"
        b> SET k v => +OK
        b> CLIENT LIST => "id=* flags=xdI *"
        > EXEC => *-1
        b> CLIENT LIST => "id=* flags=I * multi=-1 watch=0 *"
        "#,
    );
}

#[test]
fn an_import_source_sees_what_has_expired() {
    play(
        r#"
        > CONFIG SET import-mode yes => +OK
        > SET k v PX 1 => +OK
        > DEBUG SLEEP 0.01 => +OK
        > GET k => $-1
        b> CLIENT IMPORT-SOURCE on => +OK
        b> GET k => "v"
        > CONFIG SET import-mode no => +OK
        b> GET k => $-1
        "#,
    );
}

/// What is left out of EXEC's answer makes it shorter than it says: it ends with replies that come later.
#[test]
fn replies_are_turned_off_in_the_midst_of_exec() {
    #[track_caller]
    fn check(calls: &[&str], expected: &[&str]) {
        let server = Server::start(&[]);
        let mut client = server.connect();
        calls.iter().for_each(|call| client.send(call));
        client.send("ECHO end");
        let answers: Vec<String> = std::iter::from_fn(|| client.receive())
            .map(|value| crate::harness::show(&value))
            .take(expected.len())
            .collect();
        assert_eq!(answers, expected, "{calls:?}");
    }
    check(
        &[
            "MULTI",
            "SET a 1",
            "CLIENT REPLY OFF",
            "GET a",
            "EXEC",
            "GET a",
            "CLIENT REPLY ON",
        ],
        &["+OK", "+QUEUED", "+QUEUED", "+QUEUED", "[+OK +OK \"end\"]"],
    );
    // of two that answer one is skipped
    check(
        &[
            "MULTI",
            "SET a 1",
            "CLIENT REPLY SKIP",
            "EXEC",
            "PING",
            "GET a",
        ],
        &["+OK", "+QUEUED", "+QUEUED", "[+OK \"1\"]", "\"end\""],
    );
    check(
        &[
            "CLIENT REPLY OFF",
            "MULTI",
            "SET a 1",
            "CLIENT REPLY ON",
            "GET a",
            "EXEC",
        ],
        &["+OK", "\"1\"", "\"end\""],
    );
    check(
        &[
            "MULTI",
            "CLIENT REPLY SKIP",
            "CLIENT REPLY ON",
            "EXEC",
            "PING",
            "PING",
        ],
        &["+OK", "+QUEUED", "+QUEUED", "[+OK +PONG]", "\"end\""],
    );
    check(
        &[
            "MULTI",
            "CLIENT REPLY OFF",
            "HELLO 3",
            "SUBSCRIBE x",
            "CLIENT REPLY ON",
            "EXEC",
            "PING",
        ],
        &[
            "+OK",
            "+QUEUED",
            "+QUEUED",
            "+QUEUED",
            "+QUEUED",
            "[>[\"subscribe\" \"x\" :1] +OK +PONG \"end\"]",
        ],
    );
}

#[test]
fn replies_can_be_turned_off() {
    play(
        r#"
        > CLIENT REPLY maybe => -ERR syntax error
        > CLIENT REPLY ON => +OK
        "#,
    );
    let server = Server::start(&[]);
    let mut client = server.connect();
    for call in [
        "CLIENT REPLY OFF",
        "PING",
        "NONSENSE",
        "CLIENT REPLY SKIP",
        "PING",
        "CLIENT REPLY ON",
    ] {
        client.send(call);
    }
    assert_eq!(client.ask("PING a"), "+OK");
    for call in ["CLIENT REPLY SKIP", "PING b", "PING c", "CLIENT REPLY SKIP"] {
        client.send(call);
    }
    assert_eq!(client.ask("CLIENT REPLY ON"), "\"a\"");
    for expected in ["\"c\"", "+OK"] {
        assert_eq!(
            client
                .receive()
                .map(|value| crate::harness::show(&value))
                .as_deref(),
            Some(expected)
        );
    }
}

#[test]
fn filters_are_those_of_the_reference() {
    play(
        r#"
        > CLIENT LIST ID 10 nonsense => -ERR syntax error
        > CLIENT LIST ID => -ERR syntax error
        > CLIENT LIST ID x => -ERR syntax error
        > CLIENT LIST ID 0 => -ERR client-id should be greater than 0
        > CLIENT LIST ID -1 => -ERR client-id should be greater than 0
        > CLIENT LIST TYPE nonsense => -ERR Unknown client type 'nonsense'
        > CLIENT LIST USER nobody => -ERR No such user 'nobody'
        > CLIENT LIST SKIPME maybe => -ERR syntax error
        > CLIENT LIST MAXAGE x => -ERR maxage is not an integer or out of range
        > CLIENT LIST MAXAGE 0 => -ERR maxage should be greater than 0
        > CLIENT LIST MAXAGE 1000 => ""
        > CLIENT LIST SKIPME yes => ""
        > CLIENT LIST TYPE replica => ""
        > CLIENT LIST ID 1 2 3 4 TYPE normal USER default SKIPME no => "id=*\n"
        > CLIENT LIST ID 100 101 => ""
        > CLIENT KILL => -ERR wrong number of arguments for 'client|kill' command
        > CLIENT KILL 127.0.0.1: => -ERR No such client
        > CLIENT KILL ID 100 => :0
        > CLIENT KILL ID 1 nonsense => -ERR syntax error
        > CLIENT KILL TYPE pubsub => :0
        "#,
    );
}

#[test]
fn who_is_killed_is_gone_at_once() {
    let server = Server::start(&[]);
    let (mut killer, mut victim, mut other) =
        (server.connect(), server.connect(), server.connect());
    let id = id_of(&mut victim);
    assert_eq!(other.ask("PING"), "+PONG");
    let address = field(&mut killer, &id, "addr");
    assert_eq!(killer.ask(&format!("CLIENT KILL {address}")), "+OK");
    assert_eq!(killer.text(&format!("CLIENT LIST ID {id}")), "");
    assert!(
        killer
            .text("INFO clients")
            .contains("\r\nconnected_clients:2\r\n")
    );
    assert_eq!(victim.receive(), None);
    assert_eq!(killer.ask("CLIENT KILL TYPE normal"), ":1");
    assert_eq!(other.receive(), None);
    assert_eq!(killer.ask("CLIENT KILL SKIPME no"), ":1");
    assert_eq!(killer.receive(), None);
}

#[test]
fn in_a_pause_commands_wait() {
    let server = Server::start(&[]);
    let (mut pauser, mut writer) = (server.connect(), server.connect());
    server.play(
        r#"
        > CLIENT PAUSE x => -ERR timeout is not an integer or out of range
        > CLIENT PAUSE -1 => -ERR timeout is negative
        > CLIENT PAUSE 9223372036854775807 => -ERR timeout is out of range
        > CLIENT PAUSE 1 nonsense => -ERR CLIENT PAUSE mode must be WRITE or ALL
        "#,
    );
    assert_eq!(pauser.ask("CLIENT PAUSE 100000 WRITE"), "+OK");
    assert_eq!(writer.ask("GET k"), "$-1");
    let id = id_of(&mut writer);
    writer.send("SET k v");
    eventually("it waits", || field(&mut pauser, &id, "flags") == "b");
    let clients = pauser.text("INFO clients");
    assert!(clients.contains("\r\nblocked_clients:1\r\n"), "{clients}");
    assert!(
        clients.contains("\r\npaused_reason:client_pause\r\npaused_actions:write\r\n"),
        "{clients}"
    );
    assert!(writer.is_silent_for(Duration::from_millis(50)));
    assert_eq!(pauser.ask("CLIENT UNPAUSE"), "+OK");
    assert_eq!(
        writer
            .receive()
            .map(|value| crate::harness::show(&value))
            .as_deref(),
        Some("+OK")
    );
    // so does what MULTI would queue
    assert_eq!(pauser.ask("CLIENT PAUSE 100000 WRITE"), "+OK");
    assert_eq!(writer.ask("MULTI"), "+OK");
    assert_eq!(writer.ask("GET k"), "+QUEUED");
    writer.send("SET k w");
    assert!(writer.is_silent_for(Duration::from_millis(50)));
    assert_eq!(pauser.ask("CLIENT UNPAUSE"), "+OK");
    let queued = writer.receive().expect("an answer");
    assert_eq!(crate::harness::show(&queued), "+QUEUED");
    assert_eq!(writer.ask("EXEC"), "[\"v\" +OK]");
    assert_eq!(pauser.ask("CLIENT PAUSE 50 ALL"), "+OK");
    // it ends by itself
    assert_eq!(writer.ask("PING"), "+PONG");
}

#[test]
fn nothing_expires_in_a_pause() {
    play(
        r#"
        > DEBUG SET-ACTIVE-EXPIRE 0 => +OK
        > SET k v PX 1 => +OK
        > CLIENT PAUSE 100000 WRITE => +OK
        > DEBUG SET-ACTIVE-EXPIRE 1 => +OK
        > DEBUG SLEEP 0.3 => +OK
        > GET k => $-1
        > DBSIZE => :1
        > CLIENT UNPAUSE => +OK
        > GET k => $-1
        > DBSIZE => :0
        "#,
    );
}

#[test]
fn calls_are_counted_per_connection() {
    play(
        r#"
        > PING => +PONG
        > CLIENT INFO => "* tot-cmds=1\n"
        > MULTI => +OK
        > PING => +QUEUED
        > EXEC => [+PONG]
        > CLIENT INFO => "* tot-cmds=5\n"
        > EVAL "redis.call('ping')" 0 => $-1
        > CLIENT INFO => "* tot-cmds=8\n"
        "#,
    );
}

/// The room of a connection that has been idle for two seconds is given back, which may be between any two steps.
#[test]
fn room_for_requests_is_given_back() {
    let server = Server::start(&["--hz", "100"]);
    in_some_attempt("it has its room as long as it works", || {
        has_room_while_it_works(&server)
    });
}

/// None if a step came too late to see the room that was there before.
fn has_room_while_it_works(server: &Server) -> Option<()> {
    let (mut watcher, mut client) = (server.connect(), server.connect());
    let id = id_of(&mut client);
    let mut room = move || -> usize {
        let get = |watcher: &mut Client, name| {
            field(watcher, &id, name)
                .parse::<usize>()
                .expect("a number")
        };
        get(&mut watcher, "qbuf") + get(&mut watcher, "qbuf-free")
    };
    assert_eq!(room(), 0);
    client.send_bytes(b"*3\r\n$3\r\nset\r\n$2\r\na");
    soon("it has a buffer", || room() >= 16 * 1024)?;
    client.send_bytes(b"a\r\n$1\r\nb\r\n");
    assert!(client.receive().is_some());
    // the answer leaves before the figures are shown
    soon("it is emptied and kept", || room() == 16 * 1024)?;
    assert_eq!(client.ask(&format!("SET x {}", "a".repeat(400_000))), "+OK");
    soon("it is trimmed while it works", || {
        assert_eq!(client.ask("PING"), "+PONG");
        room() == 16 * 1024
    })?;
    client.send_bytes(b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$1000000\r\n");
    std::thread::sleep(Duration::from_millis(20));
    client.send_bytes(b"a");
    soon("room is made ahead", || room() >= 1_000_000)?;
    eventually("and given back", || room() < 1000);
    client.send_bytes(&vec![b'a'; 999_999]);
    client.send_bytes(b"\r\n");
    assert!(client.receive().is_some());
    eventually("all of it", || room() == 0);
    Some(())
}

/// Waits for what is over in two seconds; none if it has not been seen.
fn soon(what: &str, mut is_so: impl FnMut() -> bool) -> Option<()> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(4) {
        if is_so() {
            return Some(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("not seen: {what}");
    None
}
