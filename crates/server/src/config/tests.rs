//! Tests over the whole table, and of CONFIG SET and GET.

use std::collections::HashSet;
use std::path::PathBuf;

use super::*;

/// Settings of a machine with one core, in the root directory.
pub(super) fn settings() -> Settings {
    Settings::new(&Surroundings {
        cores: 1,
        directory: PathBuf::from("/"),
    })
}

#[test]
fn names_are_unique_and_documented() {
    let mut names = HashSet::new();
    for row in rows() {
        for name in [Some(row.name), row.alias].into_iter().flatten() {
            assert!(names.insert(name), "{name} twice");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase()
                    || byte.is_ascii_digit()
                    || matches!(byte, b'-' | b'_')),
                "{name}"
            );
            assert!(!tables::RETIRED.contains(&name), "{name} is retired");
        }
        let doc = row.doc.concat();
        assert!(
            doc.starts_with(' ') && doc.ends_with(['.', ')']),
            "{}: {doc:?}",
            row.name
        );
    }
}

#[test]
fn every_default_is_a_value_that_prints_and_parses() {
    let settings = settings();
    for row in rows() {
        let value = row.load(&settings);
        let text = row.format(&value);
        let words: Vec<&[u8]> = match row.kind {
            Kind::Primary => continue,
            kind if kind.takes_several() && !text.is_empty() => {
                text.split(|&byte| byte == b' ').collect()
            }
            _ => vec![&text],
        };
        let old = match row.kind {
            Kind::SavePoints => Value::text(""),
            _ => value.clone(),
        };
        assert_eq!(row.parse(&words, &old), Ok(value), "{}", row.name);
    }
}

#[test]
fn defaults_that_come_from_the_machine() {
    let settings = Settings::new(&Surroundings {
        cores: 7,
        directory: PathBuf::from("/tmp"),
    });
    assert_eq!(settings.network.io_threads.get(), 7);
    assert_eq!(settings.server.dir.string(), "/tmp");
    assert_eq!(
        settings.path(&settings.persistence.dbfilename),
        PathBuf::from("/tmp/dump.rdb")
    );
    assert_eq!(settings.not_there_yet(), [""; 0]);
}

#[test]
fn typed_reads() {
    let settings = settings();
    assert_eq!(settings.network.port.get(), 6379);
    assert_eq!(settings.network.bind.words(), ["127.0.0.1", "-::1"]);
    assert_eq!(settings.network.proto_max_bulk_len.size(), 512 << 20);
    assert_eq!(
        settings.memory.maxmemory_policy.get(),
        EvictionPolicy::NoEviction
    );
    assert_eq!(settings.server.loglevel.get(), LogLevel::Notice);
    assert_eq!(settings.script.script_busy_scope.get().name(), "keys");
    let limits = &settings.network.client_output_buffer_limit;
    assert_eq!(limits.get(ClientClass::Normal), OutputLimit::default());
    assert_eq!(
        limits.get(ClientClass::PubSub),
        OutputLimit {
            hard: 32 << 20,
            soft: 8 << 20,
            soft_seconds: 60
        }
    );
}

/// CONFIG SET of a line of words, by a client that may not change protected settings.
fn set(settings: &Settings, words: &[&str]) -> String {
    let pairs: Vec<(&[u8], &[u8])> = words
        .chunks(2)
        .map(|pair| (pair[0].as_bytes(), pair[1].as_bytes()))
        .collect();
    match settings.set(&pairs, false, |_| Ok(())) {
        Ok(()) => "OK".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn get(settings: &Settings, name: &str) -> String {
    String::from_utf8(settings.value(name).expect("a setting")).expect("UTF-8")
}

#[test]
fn set_and_get() {
    let table: &[(&str, &str, &str)] = &[
        ("maxmemory", "1kb", "1024"),
        ("MAXMEMORY", "2M", "2000000"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-policy", "AllKeys-LRU", "allkeys-lru"),
        ("hz", "0", "1"),
        ("hz", "100000", "500"),
        ("lua-time-limit", "10", "10"),
        ("availability-zone", "myzone", "myzone"),
        ("availability-zone", "", ""),
        ("import-mode", "YES", "yes"),
        ("save", "900 1 300 10", "900 1 300 10"),
        ("save", "60 5", "60 5"),
        ("save", "", ""),
        ("bind", "", ""),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "gxm$", "g$xm"),
        ("notify-keyspace-events", "", ""),
        ("shutdown-on-sigterm", "force nosave", "nosave force"),
        ("shutdown-on-sigterm", "default", "default"),
        (
            "client-output-buffer-limit",
            "replica 1kb 0 5",
            "normal 0 0 0 slave 1024 0 5 pubsub 33554432 8388608 60",
        ),
        ("latency-tracking-info-percentiles", "50 99.90", "50 99.9"),
        ("oom-score-adj", "relative", "yes"),
        ("oom-score-adj-values", "1 2 +3", "1 2 3"),
        ("repl-backlog-size", "1", "16384"),
    ];
    let settings = settings();
    for &(name, value, expected) in table {
        assert_eq!(set(&settings, &[name, value]), "OK", "{name} {value}");
        assert_eq!(get(&settings, name), expected, "{name} {value}");
    }
    assert_eq!(settings.script.busy_reply_threshold.get(), 10);
}

#[test]
fn errors_of_set() {
    const RELATED: &str = "CONFIG SET failed (possibly related to argument '";
    let table: &[(&[&str], &str)] = &[
        (
            &["maxmemory", "bla"],
            "maxmemory') - argument must be a memory value",
        ),
        (
            &["PORT", "x"],
            "port') - argument couldn't be parsed into an integer",
        ),
        (
            &["port", "65536"],
            "port') - argument must be between 0 and 65535 inclusive",
        ),
        (
            &["import-mode", "1"],
            "import-mode') - argument must be 'yes' or 'no'",
        ),
        (
            &["script-busy-scope", "all"],
            "script-busy-scope') - argument(s) must be one of the following: keys, server",
        ),
        (&["save", "1"], "save') - Invalid save parameters"),
        (&["dir", "/"], "dir') - can't set protected config"),
        (
            &["Databases", "5"],
            "Databases') - can't set immutable config",
        ),
        (
            &["hz", "1", "timeout", "1", "HZ", "2"],
            "HZ') - duplicate parameter",
        ),
        (
            &["shutdown-on-sigint", "save nosave"],
            "shutdown-on-sigint') - shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        (
            &["notify-keyspace-events", "q"],
            "notify-keyspace-events') - Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
        ),
        (
            &["dbfilename", "a/b"],
            "dbfilename') - can't set protected config",
        ),
        (
            &["client-output-buffer-limit", "normal 1 2"],
            "client-output-buffer-limit') - Wrong number of arguments in buffer limit configuration.",
        ),
    ];
    let settings = settings();
    let before = settings.get(&[b"*"]);
    for &(words, expected) in table {
        assert_eq!(
            set(&settings, words),
            format!("{RELATED}{expected}"),
            "{words:?}"
        );
    }
    assert_eq!(
        set(&settings, &["hz", "5", "nonsense", "1", "databases", "1"]),
        "Unknown option or number of arguments for CONFIG SET - 'nonsense'"
    );
    assert_eq!(
        set(&settings, &["hz", "5", "port", "x"]),
        format!("{RELATED}port') - argument couldn't be parsed into an integer")
    );
    assert_eq!(
        settings.get(&[b"*"]),
        before,
        "a failed CONFIG SET changes nothing"
    );
}

#[test]
fn apply_is_told_of_changes_and_may_refuse() {
    let settings = settings();
    let mut told = Vec::new();
    let pairs: [(&[u8], &[u8]); 3] = [(b"hz", b"10"), (b"port", b"7000"), (b"timeout", b"5")];
    let done = settings.set(&pairs, false, |row| {
        told.push(row.name);
        Ok(())
    });
    assert_eq!(
        (done, told),
        (Ok(()), vec!["port", "timeout"]),
        "hz was 10 before"
    );

    let mut told = Vec::new();
    let pairs: [(&[u8], &[u8]); 3] = [(b"timeout", b"6"), (b"port", b"1"), (b"hz", b"20")];
    let done = settings.set(&pairs, false, |row| {
        told.push((row.name, settings.network.port.get()));
        match settings.network.port.get() {
            1 => Err("Unable to listen on this port. Check server logs.".to_owned()),
            _ => Ok(()),
        }
    });
    assert_eq!(
        done.map_err(|error| error.to_string()),
        Err("CONFIG SET failed (possibly related to argument 'timeout') - Unable to listen on this port. \
             Check server logs."
            .to_owned())
    );
    assert_eq!(told, [("timeout", 1), ("timeout", 7000)]);
    assert_eq!(
        (settings.network.timeout.get(), settings.server.hz.get()),
        (5, 10)
    );
}

#[test]
fn get_by_patterns() {
    let table: &[(&[&str], &[&str])] = &[
        (&["maxmemory"], &["maxmemory"]),
        (&["MaxMemory", "maxmemory"], &["MaxMemory"]),
        (&["nonsense", ""], &[]),
        (&["lua*"], &["lua-time-limit"]),
        (&["lua-enable-insecure-api"], &["lua-enable-insecure-api"]),
        (&["SLAVE-*-flush", "s?ve"], &["save", "slave-lazy-flush"]),
        (
            &["lua-time-limit", "busy*"],
            &["busy-reply-threshold", "lua-time-limit"],
        ),
        (&["[st]*-max-intset-*"], &["set-max-intset-entries"]),
    ];
    let settings = settings();
    for &(patterns, expected) in table {
        let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
        let mut names: Vec<String> = settings
            .get(&patterns)
            .into_iter()
            .map(|(name, _)| String::from_utf8(name).expect("UTF-8"))
            .collect();
        names.sort();
        assert_eq!(names, expected, "{patterns:?}");
    }
}

#[test]
fn passwords_are_known_as_such() {
    assert!(is_sensitive(b"requirepass") && is_sensitive(b"MASTERAUTH"));
    assert!(!is_sensitive(b"maxmemory") && !is_sensitive(b"nonsense"));
}

#[test]
fn what_is_not_there_yet_is_named() {
    let settings = settings();
    set(
        &settings,
        &[
            "appendonly",
            "yes",
            "maxmemory-policy",
            "allkeys-lru",
            "save",
            "",
            "lazyfree-lazy-expire",
            "no",
            "hz",
            "5",
        ],
    );
    assert_eq!(settings.not_there_yet(), ["maxmemory-policy", "appendonly"]);
    set(
        &settings,
        &[
            "appendonly",
            "no",
            "maxmemory-policy",
            "noeviction",
            "save",
            "900 1",
        ],
    );
    assert_eq!(settings.not_there_yet(), ["save"]);
}
