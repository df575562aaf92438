//! Tests of reading config files.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::args::Sources;
use super::super::tests::settings;
use super::super::{ClientClass, Settings};
use super::{Directive, LoadError};

/// Settings after reading `text` as if it came from the command line.
fn load(text: &str) -> Result<(Settings, Vec<Directive>), String> {
    let settings = settings();
    let sources = Sources {
        options: text.as_bytes().to_vec(),
        ..Sources::default()
    };
    match settings.load(&sources, std::io::empty()) {
        Ok(directives) => Ok((settings, directives)),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads `text` and compares what CONFIG GET answers.
fn check(text: &str, expected: &[(&str, &str)]) {
    let (settings, _) = load(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    for &(name, value) in expected {
        let found = settings.value(name).expect("a setting");
        assert_eq!(
            String::from_utf8_lossy(&found),
            value,
            "{name} after {text:?}"
        );
    }
}

#[test]
fn lines() {
    check(
        "# a comment\n\n  \t\nPORT 7000\r\n\tmaxmemory 1mb # no\n"
            .replace(" # no", "")
            .as_str(),
        &[("port", "7000"), ("maxmemory", "1048576")],
    );
    check("port 1\nport 2", &[("port", "2")]);
    check("requirepass \"a \\x41\\n\"", &[("requirepass", "a A\n")]);
    check(
        "logfile ''\npidfile \"\"",
        &[("logfile", ""), ("pidfile", "")],
    );
    check(
        "slave-read-only no",
        &[("replica-read-only", "no"), ("slave-read-only", "no")],
    );
    check("bind 127.0.0.1 -::1", &[("bind", "127.0.0.1 -::1")]);
    check("bind \"127.0.0.1 -::1\"", &[("bind", "127.0.0.1 -::1")]);
    check(
        "shutdown-on-sigterm nosave now",
        &[("shutdown-on-sigterm", "nosave now")],
    );
    check("replicaof localhost 6380", &[("slaveof", "localhost 6380")]);
    check(
        "hz 100000\nunixsocketperm 700",
        &[("hz", "500"), ("unixsocketperm", "700")],
    );
    check(
        "io-threads-do-reads yes\nlist-max-ziplist-entries 5\ndynamic-hz no",
        &[],
    );
}

#[test]
fn save_lines_add_up() {
    check("", &[("save", "3600 1 300 100 60 10000")]);
    check(
        "save 900 1\nsave 300 10 60 5",
        &[("save", "900 1 300 10 60 5")],
    );
    check("save \"900 1\"", &[("save", "900 1")]);
    check("save ''", &[("save", "")]);
    check("save 900 1\nsave ''\nsave 1 1", &[("save", "1 1")]);
}

#[test]
fn output_limits_keep_the_classes_that_are_not_named() {
    let (settings, _) = load(
        "client-output-buffer-limit pubsub 1mb 0 0\nclient-output-buffer-limit slave 2mb 1kb 7",
    )
    .expect("good lines");
    let limits = &settings.network.client_output_buffer_limit;
    assert_eq!(limits.get(ClientClass::PubSub).hard, 1 << 20);
    assert_eq!(limits.get(ClientClass::Replica).soft_seconds, 7);
    assert_eq!(limits.get(ClientClass::Normal).hard, 0);
}

#[test]
fn errors_name_line_and_text() {
    let table: &[(&str, usize, &str)] = &[
        (
            "nonsense 1",
            1,
            "Bad directive or wrong number of arguments",
        ),
        (
            "port 1\n\n  appendonlyy x  ",
            3,
            "Bad directive or wrong number of arguments",
        ),
        ("port 1 2", 1, "wrong number of arguments"),
        ("port", 1, "wrong number of arguments"),
        ("port abc", 1, "argument couldn't be parsed into an integer"),
        ("bind \"a", 1, "Unbalanced quotes in configuration line"),
        (
            "sentinel monitor x",
            1,
            "sentinel directive while not in sentinel mode",
        ),
        ("foo.bar", 1, "Module config specified without value"),
        (
            "rename-command GET",
            1,
            "Bad directive or wrong number of arguments",
        ),
        (
            "dynamic-hz yes no",
            1,
            "Bad directive or wrong number of arguments",
        ),
        ("dir /no/such/place", 1, "No such file or directory"),
        ("dir ''", 1, "dir can't be empty"),
        (
            "dbfilename a/b",
            1,
            "dbfilename can't be a path, just a filename",
        ),
    ];
    for &(text, line, message) in table {
        let last = text.lines().last().expect("a line").trim();
        // The options begin behind the (empty) file and a line break.
        let expected = format!(
            "\n*** FATAL CONFIG FILE ERROR (Version {}) ***\nReading the configuration file, at line {}\n\
             >>> '{last}'\n{message}",
            super::super::VERSION,
            line + 1
        );
        assert_eq!(load(text).err(), Some(expected), "{text}");
    }
    assert_eq!(
        load("logfile /no/such/place")
            .err()
            .as_deref()
            .and_then(|error| error.lines().last()),
        Some("Can't open the log file: No such file or directory")
    );
    assert!(load("cluster-enabled yes\nreplicaof a 1").is_err());
}

#[test]
fn directives_are_handed_on() {
    let (_, directives) =
        load("port 1\nRename-Command GET \"\"\nuser alice on\nloadmodule /a.so x\nfoo.bar 1")
            .expect("good lines");
    let found: Vec<(usize, String)> = directives
        .iter()
        .map(|directive| {
            (
                directive.place.line,
                String::from_utf8_lossy(&directive.words.join(&b' ')).into_owned(),
            )
        })
        .collect();
    let expected = [
        (3, "rename-command GET "),
        (4, "user alice on"),
        (5, "loadmodule /a.so x"),
        (6, "foo.bar 1"),
    ];
    assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    let error = LoadError::at(
        directives[0].place.clone(),
        "No such command in rename-command",
    );
    assert!(
        error
            .to_string()
            .ends_with(">>> 'Rename-Command GET \"\"'\nNo such command in rename-command")
    );
}

/// A directory that is gone when the test is.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path =
            std::env::temp_dir().join(format!("perilune-config-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a scratch directory");
        for (file, text) in files {
            fs::write(path.join(file), text).expect("a scratch file");
        }
        Scratch(path)
    }

    fn load(&self, file: &str, stdin: &str, options: &str) -> Result<Settings, LoadError> {
        let settings = settings();
        let sources = Sources {
            file: Some(self.0.join(file)),
            stdin: !stdin.is_empty(),
            options: options.as_bytes().to_vec(),
        };
        settings.load(&sources, stdin.as_bytes()).map(|_| settings)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left over, it is no harm: the directory is for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_last_source_wins() {
    let scratch = Scratch::new("sources", &[("main.conf", "port 1\nhz 1\ntimeout 1")]);
    let settings = scratch
        .load("main.conf", "hz 2\ntimeout 2\n", "timeout 3")
        .expect("good files");
    assert_eq!(settings.network.port.get(), 1);
    assert_eq!(settings.server.hz.get(), 2);
    assert_eq!(settings.network.timeout.get(), 3);
    assert_eq!(settings.file(), Some(scratch.0.join("main.conf").as_path()));
}

#[test]
fn files_include_files() {
    let scratch = Scratch::new(
        "include",
        &[
            ("a.conf", "port 1\nhz 9"),
            ("b.conf", "port 2"),
            (".hidden.conf", "port 3"),
            ("bad.conf", "# one\nnonsense"),
            ("circle.conf", "include circle.conf"),
        ],
    );
    let main = |lines: &str| {
        fs::write(
            scratch.0.join("main"),
            format!("dir {}\n{lines}", scratch.0.display()),
        )
        .expect("a file");
        scratch.load("main", "", "")
    };
    let settings = main("port 7\ninclude *.con[f]\ninclude nothing-*\ninclude a.conf").map(|_| ());
    assert!(settings.is_err(), "bad.conf is among them");
    let settings = main("port 7\ninclude [ab].conf\ninclude nothing-*").expect("good files");
    assert_eq!(
        (settings.network.port.get(), settings.server.hz.get()),
        (2, 9)
    );
    let settings = main("include b.conf\nport 7").expect("good files");
    assert_eq!(settings.network.port.get(), 7);

    let error = main("include bad.conf")
        .expect_err("a bad line")
        .to_string();
    assert!(
        error.contains("at line 2\n>>> 'nonsense'\nin the included"),
        "{error}"
    );
    let error = main("include circle.conf")
        .expect_err("a circle")
        .to_string();
    assert!(
        error.ends_with("Too many files include one another"),
        "{error}"
    );
    let error = main("include nothing").expect_err("no file").to_string();
    assert!(
        error.ends_with("nothing': No such file or directory"),
        "{error}"
    );
    assert!(matches!(
        scratch.load("no.conf", "", ""),
        Err(LoadError::Open { .. })
    ));
}

#[test]
fn rewriting_replaces_the_file() {
    let scratch = Scratch::new("rewrite", &[("main.conf", "# mine\nport 1\n")]);
    let settings = scratch.load("main.conf", "", "").expect("a good file");
    settings
        .set(&[(b"port", b"7000")], false, |_| Ok(()))
        .expect("a port");
    settings.rewrite().expect("a file that can be written");
    let text = fs::read_to_string(scratch.0.join("main.conf")).expect("the file");
    assert!(text.starts_with("# mine\nport 7000\n"), "{text}");
    assert_eq!(
        fs::read_dir(&scratch.0).expect("the directory").count(),
        1,
        "no temporary file stays"
    );
    assert_eq!(
        settings.value("port"),
        scratch
            .load("main.conf", "", "")
            .expect("our own file")
            .value("port")
    );

    fs::remove_file(scratch.0.join("main.conf")).expect("to remove it");
    settings.rewrite().expect("a new file");
    assert!(Path::new(&scratch.0.join("main.conf")).exists());
    let error = load("").expect("nothing").0.rewrite().expect_err("no file");
    assert_eq!(
        error.to_string(),
        "The server is running without a config file"
    );
}

/// What a stock `valkey.conf` (8.1) and `redis.conf` (7.2, 8.0) set, apart from paths of the machine; where they differ, both.
const STOCK: &str = include_str!("stock.conf");

#[test]
fn stock_files_are_accepted_in_silence() {
    let (settings, directives) = load(STOCK).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.not_there_yet(), [""; 0]);
    assert_eq!(directives, []);
}
