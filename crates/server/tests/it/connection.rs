//! Commands about the connection itself.

use crate::harness::{Server, play, show};

#[test]
fn a_connection_speaks_resp2_until_it_says_hello() {
    play(
        r#"
        > PING => +PONG
        > PING hello => "hello"
        > PING a b => -ERR wrong number of arguments for 'ping' command
        > GET nothing => $-1
        > HELLO 4 => -NOPROTO unsupported protocol version
        > HELLO x => -ERR Protocol version is not an integer or out of range
        > HELLO 3 SETNAME => -ERR Syntax error in HELLO option 'SETNAME'
        > HELLO 3 SETNAME "a b" => -ERR Client names cannot contain spaces, newlines or special characters.
        > GET nothing => $-1
        > HELLO 3 SETNAME me => {"server": "redis", "version": "7.2.4", "proto": :3, "id": :*, "mode": "standalone", "role": "master", "modules": []}
        > GET nothing => _
        > CLIENT GETNAME => "me"
        > RESET => +RESET
        > GET nothing => $-1
        > CLIENT GETNAME => $-1
        > QUIT => +OK
        > PING => (closed)
        "#,
    );
}

#[test]
fn without_the_password_little_is_allowed() {
    let server = Server::start(&["--requirepass", "secret"]);
    server.play(
        r#"
        > PING => -NOAUTH Authentication required.
        > CLIENT LIST => -NOAUTH Authentication required.
        > NONSENSE => -ERR unknown command 'NONSENSE', with args beginning with:
        > AUTH wrong => -WRONGPASS invalid username-password pair or user is disabled.
        > HELLO 3 => -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
        > HELLO 3 AUTH default secret => {*}
        > PING => +PONG
        > RESET => +RESET
        > PING => -NOAUTH Authentication required.
        > AUTH secret => +OK
        > SELECT 3 => +OK
        > SELECT 16 => -ERR DB index is out of range
        > SELECT x => -ERR value is not an integer or out of range
        > SELECT 2147483648 => -ERR value is out of range, value must between -2147483648 and 2147483647
        > ECHO x => "x"
        "#,
    );
}

/// Names are looked up ahead for the sake of keys: that must not make a command of what is none.
#[test]
fn a_subcommand_has_no_name_of_its_own_behind_another_request_either() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send_bytes(b"SET a 1\r\nOBJECT|ENCODING a b\r\n");
    assert_eq!(show(&client.receive().unwrap()), "+OK");
    assert!(show(&client.receive().unwrap()).starts_with("-ERR unknown command 'OBJECT|ENCODING'"));
}

/// Requests are read ahead by parsers that belong to the thread: what one connection left in them must not become part
/// of another's requests.
#[test]
fn what_was_read_ahead_for_one_connection_is_not_seen_by_the_next() {
    let server = Server::start(&["--io-threads", "1"]);
    for left_behind in [
        "PING\r\n*2\r\n$4\r\nECHO\r\n$100\r\nsecret",
        "PING\r\n*1\r\n!no bulk\r\n",
        "PING\r\nQUIT\r\n*2\r\n$4\r\nECHO\r\n$100\r\nsecret",
    ] {
        let mut first = server.connect();
        first.send_bytes(left_behind.as_bytes());
        assert_eq!(show(&first.receive().unwrap()), "+PONG", "{left_behind:?}");
        drop(first);
        let mut second = server.connect();
        second.send_bytes(b"ECHO 1\r\nECHO 2\r\nECHO 3\r\n");
        for expected in ["\"1\"", "\"2\"", "\"3\""] {
            assert_eq!(
                show(&second.receive().unwrap()),
                expected,
                "after {left_behind:?}"
            );
        }
    }
}
