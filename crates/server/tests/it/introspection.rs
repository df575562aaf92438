//! COMMAND, MEMORY and INFO: what the server says of itself.

use std::time::Duration;

use crate::harness::{Server, in_some_attempt, matches, play};

#[test]
fn the_table_of_commands_is_told() {
    play(
        r#"
        > COMMAND INFO get nothing client|list => [["get" :2 [+readonly +fast] :1 :1 :1 [+@read +@string +@fast] [] [["flags" *]] []] $-1 ["client|list" :-2 *]]
        > COMMAND INFO => [[*]]
        > COMMAND LIST FILTERBY PATTERN getr* => ["getrange"]
        > COMMAND LIST FILTERBY ACLCAT nonsense => []
        > COMMAND GETKEYS MSET a 1 b 2 => ["a" "b"]
        > COMMAND GETKEYS SORT l STORE STORE d => ["l" "d"]
        > COMMAND GETKEYS SORT l STORE d STORE => ["l" "d"]
        > COMMAND GETKEYS PING => -ERR The command has no key arguments
        > COMMAND GETKEYSANDFLAGS SET k v => [["k" [+OW +update]]]
        > COMMAND NONSENSE => -ERR unknown subcommand 'NONSENSE'. Try COMMAND HELP.
        > HELLO 3 => *
        > COMMAND DOCS get => {"get": {"summary": "Returns the string value of a key.", *}}
        > COMMAND INFO nothing => [_]
        "#,
    );
}

#[test]
fn the_servers_own_memory_is_told() {
    play(
        r#"
        > MEMORY DOCTOR => "Hi Sam, this instance is empty *"
        > MEMORY PURGE => +OK
        > MEMORY MALLOC-STATS => "Stats not supported for the current allocator"
        > MEMORY STATS => ["peak.allocated" :* "dataset.percentage" "*" "peak.percentage" "*" *]
        > MEMORY USAGE nothing => $-1
        > MEMORY STATS x => -ERR wrong number of arguments for 'memory|stats' command
        > MEMORY NONSENSE => -ERR unknown subcommand 'NONSENSE'. Try MEMORY HELP.
        > HELLO 3 => *
        > MEMORY STATS => {"peak.allocated": :*, "peak.percentage": ,*, *}
        > MEMORY DOCTOR => =txt:"Hi Sam, *"
        "#,
    );
}

#[test]
fn payloads_of_versions_to_come_are_taken_where_that_is_asked_for() {
    play(
        r#"
        > RESTORE k 0 "\x00\x03\x62\x61\x72\xde\x00\x0fYUza\xd3\xec\xe0" => -ERR DUMP payload version or checksum are wrong
        > CONFIG SET rdb-version-check relaxed => +OK
        > RESTORE k 0 "\x00\x03\x62\x61\x72\xde\x00\x0fYUza\xd3\xec\xe1" => -ERR DUMP payload version or checksum are wrong
        > RESTORE k 0 "\x00\x03\x62\x61\x72\xde\x00\x0fYUza\xd3\xec\xe0" => +OK
        > GET k => "bar"
        "#,
    );
}

/// With this factor each use counts; a minute that ends in between takes nothing away.
#[test]
fn how_often_keys_are_used_is_counted_where_the_policy_asks_for_it() {
    play(
        r#"
        > SET k v => +OK
        > OBJECT FREQ k => -ERR An LFU maxmemory policy is not selected, access frequency not tracked. *
        > CONFIG SET maxmemory-policy allkeys-lfu lfu-log-factor 0 lfu-decay-time 0 rdb-version-check relaxed => +OK
        > OBJECT IDLETIME k => -ERR An LFU maxmemory policy is selected, idle time not tracked. *
        > OBJECT FREQ nothing => $-1
        > SET new v => +OK
        > OBJECT FREQ new => :5
        > GET new => "v"
        > APPEND new w => :2
        > SET new x => +OK
        > OBJECT FREQ new => :8
        > EVAL "redis.call('get', KEYS[1]) return redis.call('strlen', KEYS[1])" 1 new => :1
        > OBJECT FREQ new => :10
        > CLIENT NO-TOUCH ON => +OK
        > GET new => "x"
        > CLIENT NO-TOUCH OFF => +OK
        > OBJECT FREQ new => :10
        > RPUSH list a b => :2
        > LPOP list => "a"
        > OBJECT FREQ list => :6
        > RESTORE told 0 "\x00\x03\x62\x61\x72\xde\x00\x0fYUza\xd3\xec\xe0" FREQ 200 => +OK
        > OBJECT FREQ told => :200
        > DEBUG OBJECT told => +Value at:* lru:* lru_seconds_idle:* lfu_freq:200 lfu_access_time_minutes:*
        > RESTORE idle 0 "\x00\x03\x62\x61\x72\xde\x00\x0fYUza\xd3\xec\xe0" IDLETIME 100 => +OK
        > OBJECT FREQ idle => :5
        > CONFIG SET maxmemory-policy volatile-lru => +OK
        > RESTORE told 0 "\x00\x03\x62\x61\x72\xde\x00\x0fYUza\xd3\xec\xe0" REPLACE FREQ 200 => +OK
        > OBJECT FREQ told => -ERR An LFU *
        > OBJECT IDLETIME told => :*
        "#,
    );
}

#[test]
fn what_was_just_used_is_not_idle() {
    let server = Server::start(&["--rdb-version-check", "relaxed"]);
    let mut client = server.connect();
    let restore =
        r#"RESTORE told 0 "\x00\x03\x62\x61\x72\xde\x00\x0fYUza\xd3\xec\xe0" REPLACE FREQ 200"#;
    for (makes, looks, expected) in [
        ("RPUSH l a", "DEBUG OBJECT l", "*lru_seconds_idle:0 *"),
        ("HSET h f v", "DEBUG OBJECT h FAST", "*lru_seconds_idle:0*"),
        (restore, "OBJECT IDLETIME told", ":0"),
    ] {
        in_some_attempt("it is looked at in the same second", || {
            client.ask("FLUSHALL");
            assert!(!client.ask(makes).starts_with('-'), "{makes}");
            matches(expected, &client.ask(looks)).then_some(())
        });
    }
}

/// The figures are the reference's: it holds the same, so it has the same fingerprints.
#[test]
fn a_fingerprint_is_the_references_however_values_are_encoded() {
    play(
        r#"
        > DEBUG DIGEST => +0000000000000000000000000000000000000000
        > SET s hello => +OK
        > SET i 12 => +OK
        > RPUSH l 3 b a => :3
        > SADD st a b c => :3
        > SADD is 1 2 3 => :3
        > ZADD z 1 a 2.5 b inf c => :3
        > HSET h f v g 1 => :2
        > SET e v PX 1000000 => +OK
        > SELECT 3 => +OK
        > SET x y => +OK
        > DEBUG DIGEST => +94b74b725a4780983e5e5024ff10fbff892a1c13
        > SELECT 0 => +OK
        > DEBUG DIGEST-VALUE s i l st is z h e none => [+36b23a1456b2dce2c3ed252c456761301dba8060 +655ac46b180ad2f61a3cee25f0b1780fa2ec879a +dc130e9cbb513e406e51b25ff3553e09adecc28b +593c2414786d75446e97f4ea5d4b731f3313da72 +2a462a3f51a1db89738ebbeef0c47ce1bbc85246 +692ab70d673d8bf452c3a17fb4be02bfcdf437bc +6679ee22f89ed8001eeb5309d0900265ea56c03a +311b17018163335616e089f6b951c82c477335ac +0000000000000000000000000000000000000000]
        > CONFIG SET list-max-listpack-size 1 set-max-listpack-entries 0 set-max-intset-entries 0 zset-max-listpack-entries 0 hash-max-listpack-entries 0 => +OK
        > DEL l st is z h => :5
        > RPUSH l 3 b a => :3
        > SADD st a b c => :3
        > SADD is 1 2 3 => :3
        > ZADD z 1 a 2.5 b inf c => :3
        > HSET h f v g 1 => :2
        > OBJECT ENCODING is => "hashtable"
        > DEBUG OBJECT l => +Value at:* refcount:1 encoding:quicklist serializedlength:* lru:* lru_seconds_idle:* ql_nodes:3 ql_avg_node:1.00 ql_listpack_max:1 ql_compressed:0 ql_uncompressed_size:29
        > DEBUG OBJECT h FAST => +Value at:* refcount:1 encoding:hashtable lru:* lru_seconds_idle:*
        > DEBUG DIGEST => +94b74b725a4780983e5e5024ff10fbff892a1c13
        > DEBUG LISTPACK h => -ERR Not a listpack encoded object.
        > DEBUG LISTPACK none => -ERR no such key
        > DEBUG LISTPACK => -ERR unknown subcommand or wrong number of arguments for 'LISTPACK'. Try DEBUG HELP.
        > DEBUG HELP => [+DEBUG <subcommand> * +DIGEST *+HELP *]
        > DEBUG QUICKLIST-PACKED-THRESHOLD => -ERR unknown subcommand or wrong number of arguments for 'QUICKLIST-PACKED-THRESHOLD'. Try DEBUG HELP.
        > DEBUG QUICKLIST-PACKED-THRESHOLD 1 2 => -ERR unknown subcommand or wrong number of arguments for 'QUICKLIST-PACKED-THRESHOLD'. Try DEBUG HELP.
        > DEBUG SLEEP 0 0 => -ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.
        > DEBUG PROTOCOL => -ERR unknown subcommand or wrong number of arguments for 'PROTOCOL'. Try DEBUG HELP.
        > DEBUG DIGEST x => -ERR unknown subcommand or wrong number of arguments for 'DIGEST'. Try DEBUG HELP.
        > DEBUG DIGEST-VALUE => []
        > ZADD big 1e15 a -1e18 b 4611686018427387904 c 1e-7 d inf e 12 g => :6
        > DEBUG DIGEST-VALUE big => [+5f03fd59ab9bedd0b8a2ba902f5468d3714b6526]
        "#,
    );
}

/// The titles of the sections of INFO.
fn sections(info: &str) -> Vec<&str> {
    info.lines()
        .filter_map(|line| line.strip_prefix("# "))
        .collect()
}

/// The value of a field of INFO.
fn field<'a>(info: &'a str, name: &str) -> &'a str {
    let value = info
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {name} in {info}"))
}

/// Every loop has an interpreter. The old name of their memory is for whoever looks for a script that leaks, and holds it
/// against the size of one.
#[test]
fn the_memory_of_interpreters_is_told_as_a_sum_and_of_the_largest() {
    // A thread that takes over somebody's loop, as on a busy machine, has an interpreter of its own: the next server, then.
    for attempt in 0..20 {
        let server = Server::start(&["--io-threads", "4"]);
        let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
        for _ in 0..1000 {
            for client in &mut clients {
                client.ask("EVAL \"return redis.call('incr', KEYS[1])\" 1 x");
            }
        }
        // an idle thread tidies up at its next tick
        for _ in 0..100 {
            let info = clients[0].text("INFO memory");
            let size = |name| field(&info, name).parse::<usize>().expect("a number");
            let (largest, sum) = (size("used_memory_lua"), size("used_memory_vm_eval"));
            let fits = (3 * largest..=4 * largest).contains(&sum);
            if (20 << 10..100 << 10).contains(&largest) && fits {
                return;
            }
            println!("attempt {attempt}: the largest {largest}, all {sum}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("never the sum of four, and the largest of them below 100 KB");
}

#[test]
fn info_has_the_sections_that_are_asked_for() {
    const USUAL: &[&str] = &[
        "Server",
        "Clients",
        "Memory",
        "Persistence",
        "Stats",
        "Replication",
        "CPU",
        "Modules",
        "Errorstats",
        "Cluster",
        "Keyspace",
    ];
    let server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(sections(&client.text("INFO")), USUAL);
    assert_eq!(sections(&client.text("INFO default")), USUAL);
    assert_eq!(
        sections(&client.text("INFO keyspace SERVER")),
        ["Server", "Keyspace"]
    );
    assert_eq!(client.text("INFO nonsense"), "");
    for all in ["all", "everything"] {
        let all = client.text(&format!("INFO {all}"));
        assert_eq!(sections(&all).len(), USUAL.len() + 2);
        assert!(sections(&all).contains(&"Commandstats"));
        assert!(sections(&all).contains(&"Scriptstats"));
    }
}

#[test]
fn info_counts() {
    let server = Server::start(&[]);
    server.play(
        r#"
        > SET k v => +OK
        > SET e v EX 1000 => +OK
        > GET k => "v"
        > GET nothing => $-1
        > INCR k => -ERR value is not an integer or out of range
        > SET k => -ERR wrong number of arguments for 'set' command
        > AUTH a b => -WRONGPASS *
        "#,
    );
    let mut client = server.connect();
    let info = client.text("INFO everything");
    for (name, value) in [
        ("redis_version", "7.2.4"),
        ("redis_mode", "standalone"),
        ("keyspace_hits", "1"),
        ("keyspace_misses", "1"),
        ("total_error_replies", "3"),
        ("errorstat_ERR", "count=2"),
        ("errorstat_WRONGPASS", "count=1"),
        ("acl_access_denied_auth", "1"),
        ("db0", "keys=2,expires=1,avg_ttl=0,subexpiry=0"),
        ("role", "master"),
        ("maxmemory_policy", "noeviction"),
        ("paused_actions", "none"),
    ] {
        assert_eq!(field(&info, name), value, "{name}");
    }
    assert!(field(&info, "cmdstat_set").starts_with("calls=2,"));
    assert!(field(&info, "cmdstat_set").ends_with(",rejected_calls=1,failed_calls=0"));
    assert!(field(&info, "cmdstat_incr").ends_with(",rejected_calls=0,failed_calls=1"));
    assert_eq!(client.ask("CONFIG RESETSTAT"), "+OK");
    let info = client.text("INFO everything");
    for name in [
        "keyspace_hits",
        "total_error_replies",
        "total_connections_received",
    ] {
        assert_eq!(field(&info, name), "0", "{name}");
    }
    assert!(
        field(&info, "total_net_input_bytes")
            .parse::<u64>()
            .is_ok_and(|bytes| bytes < 1000)
    );
}
