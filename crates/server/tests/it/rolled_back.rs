//! Every command that writes, in a transaction and in a script that then fail: all is as it was, and nobody has heard anything.
//!
//! (That the undo log takes back whatever commands did together is shown in `families`, by random transactions. This is about
//! what the server does with it.)

use std::collections::BTreeSet;

use crate::harness::{Client, Server, eventually, show};

/// What there is before each call. Encodings change at a few elements.
pub const WORLD: &[&str] = &[
    "SET number 10",
    "SET text hello",
    "SET fading x EX 1000",
    "RPUSH list a b c",
    "RPUSH long a b c d e f g h i j",
    "SADD set a b c",
    "SADD ints 1 2 3",
    "SADD many a b c d e f g h i j",
    "ZADD zset 1 a 2 b 3 c",
    "ZADD ranked 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h",
    "ZADD even 0 a 0 b 0 c",
    "HSET hash f 1 g 2",
    "HSET wide a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8",
    "HPEXPIRE hash 1000000 FIELDS 1 g",
    "HPEXPIRE wide 1000000 FIELDS 1 c",
];

/// What there is in database 1.
const OTHER_WORLD: &[&str] = &["SET elsewhere x", "SADD set z"];

/// Calls that change something, at least one for each command.
pub const CALLS: &[&str] = &[
    "COPY text copied",
    "COPY wide text REPLACE",
    "COPY long long DB 1",
    "DEL text wide nosuch",
    "UNLINK many",
    "EXPIRE text 100",
    "PEXPIRE fading 5000000",
    "EXPIREAT wide 1",
    "PEXPIREAT text 99999999999999",
    "FLUSHDB",
    "FLUSHALL",
    "MOVE long 1",
    "PERSIST fading",
    "RENAME wide text",
    "RENAMENX long longer",
    r#"RESTORE text 0 "\x00\x03\x62\x61\x72\xde\x00\x0fYUza\xd3\xec\xe0" REPLACE"#,
    "SORT ints DESC STORE list",
    "SWAPDB 0 1",
    "BLMOVE list long LEFT RIGHT 0",
    "BRPOPLPUSH long list 0",
    "BLMPOP 0 1 list LEFT COUNT 3",
    "BLPOP list 0",
    "BRPOP long 0",
    "LINSERT list BEFORE b x",
    "LMOVE long list LEFT RIGHT",
    "RPOPLPUSH list list",
    "LMPOP 1 long LEFT COUNT 9",
    "LREM long 0 c",
    "LSET long 4 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "LTRIM long 2 4",
    "LPOP long 8",
    "RPOP list",
    "LPUSH list x y z",
    "LPUSHX list x",
    "RPUSH new x",
    "RPUSHX long x y",
    "SADD ints x",
    "SADD set d e f g h",
    "SDIFFSTORE many many set",
    "SINTERSTORE text many set",
    "SMOVE many set j",
    "SPOP many 7",
    "SREM many a b c d e f g",
    "SUNIONSTORE set many ints",
    "APPEND text more",
    "GETDEL fading",
    "GETEX text EX 100",
    "GETSET number x",
    "DECR number",
    "DECRBY number 5",
    "INCR number",
    "INCRBY number 5",
    "INCRBYFLOAT number 0.5",
    "MSET text 1 wide 2 new 3",
    "MSETNX new1 a new2 b",
    "SET long x",
    "PSETEX text 1000 x",
    "SETEX text 10 x",
    "SETNX new x",
    "SETRANGE text 10 x",
    "BITFIELD text SET u8 0 1",
    "BITOP NOT text text",
    "SETBIT text 1 0",
    "HDEL wide a b c d e f",
    "HDEL hash f g",
    "HEXPIRE wide 100 FIELDS 2 a c",
    "HEXPIREAT hash 1 FIELDS 1 f",
    "HGETDEL wide FIELDS 2 a c",
    "HGETEX wide EX 100 FIELDS 1 a",
    "HINCRBY hash f 5",
    "HINCRBYFLOAT hash g 0.5",
    "HMSET hash a 1 b 2 c 3 d 4",
    "HPERSIST wide FIELDS 1 c",
    "HPEXPIRE hash 1 FIELDS 1 f",
    "HPEXPIREAT wide 1 FIELDS 3 a b c",
    "HSET wide new x c y",
    "HSETEX wide EX 100 FIELDS 1 a x",
    "HSETNX hash h 1",
    "BZMPOP 0 1 zset MIN COUNT 2",
    "BZPOPMAX ranked 0",
    "BZPOPMIN zset 0",
    "ZADD zset 5 d 6 e 0 a",
    "ZINCRBY ranked 10 a",
    "ZDIFFSTORE ranked 2 ranked zset",
    "ZINTERSTORE text 2 ranked zset",
    "ZMPOP 1 ranked MAX COUNT 6",
    "ZPOPMAX zset 2",
    "ZPOPMIN ranked 7",
    "ZRANGESTORE zset ranked 0 -1",
    "ZREM ranked a b c d e f",
    "ZREMRANGEBYLEX even [a [b",
    "ZREMRANGEBYRANK ranked 0 5",
    "ZREMRANGEBYSCORE zset 1 2",
    "ZUNIONSTORE hash 2 ranked zset",
];

/// Calls that fill what somebody waits for.
pub const FILLING: &[&str] = &[
    "RPUSH waited x y",
    "LPUSH waited x",
    "LMOVE list waited LEFT LEFT",
    "RPOPLPUSH long waited",
    "RENAME list waited",
    "COPY long waited",
    "SORT list ALPHA STORE waited",
    "ZADD ranking 1 a",
    "ZRANGESTORE ranking ranked 0 -1",
    "ZUNIONSTORE ranking 2 ranked zset",
    "RENAME zset ranking",
];

/// Commands that change libraries. They cannot be undone, and are refused.
const REFUSED: &[&str] = &[
    "function|delete",
    "function|flush",
    "function|load",
    "function|restore",
];

/// A server whose values change their encodings early, and who looks at it.
pub struct Stage {
    pub server: Server,
    pub client: Client,
    pub watcher: Client,
    hearer: Client,
}

impl Stage {
    /// A server with these arguments besides.
    pub fn new(arguments: &[&str]) -> Self {
        let mut all = vec![
            "--hash-max-listpack-entries",
            "4",
            "--set-max-listpack-entries",
            "4",
            "--set-max-intset-entries",
            "4",
            "--zset-max-listpack-entries",
            "4",
            "--list-max-listpack-size",
            "4",
            "--notify-keyspace-events",
            "KEAm",
            "--rdb-version-check",
            "relaxed",
        ];
        all.extend(arguments);
        let server = Server::start(&all);
        let (client, watcher, mut hearer) = (server.connect(), server.connect(), server.connect());
        hearer.send("PSUBSCRIBE *");
        assert!(hearer.receive().is_some());
        Self {
            server,
            client,
            watcher,
            hearer,
        }
    }

    /// Asks what must not fail.
    pub fn ask_all(&mut self, calls: &[&str]) {
        for call in calls {
            let answer = self.client.ask(call);
            assert!(!answer.starts_with('-'), "{call}: {answer}");
        }
    }

    /// Makes the world anew.
    pub fn set_up(&mut self) {
        self.ask_all(&["SELECT 0", "FLUSHALL"]);
        self.ask_all(WORLD);
        self.ask_all(&["SELECT 1"]);
        self.ask_all(OTHER_WORLD);
        self.ask_all(&["SELECT 0"]);
    }

    /// Hears everything up to now; what was heard.
    pub fn heard(&mut self) -> Vec<String> {
        self.client.ask("PUBLISH the end");
        let mut heard = Vec::new();
        loop {
            let message = self.hearer.receive().map(|value| show(&value));
            let message = message.expect("the connection stays");
            if message.contains("\"the\" \"end\"") {
                return heard;
            }
            heard.push(message);
        }
    }

    /// All that there is: every key with its type's encoding, its expiry, and all the bytes of its value, with those of expiries of
    /// fields among them, in any order.
    pub fn dump(&mut self) -> Vec<String> {
        let client = &mut self.client;
        let mut all = vec![client.ask("DEBUG DIGEST")];
        for database in 0..2 {
            client.ask(&format!("SELECT {database}"));
            client.send("KEYS *");
            let keys = client.receive().expect("an answer");
            let mut keys: Vec<String> = keys
                .as_array()
                .expect("keys")
                .iter()
                .map(|key| String::from_utf8_lossy(key.as_bytes().expect("a name")).into_owned())
                .collect();
            keys.sort();
            for key in keys {
                let encoding = client.ask(&format!("OBJECT ENCODING {key}"));
                let expiry = client.ask(&format!("PEXPIRETIME {key}"));
                client.send(&format!("DUMP {key}"));
                let payload = client.receive().expect("an answer");
                let mut payload = payload.as_bytes().expect("a payload").to_vec();
                // the checksum depends on the order
                payload.truncate(payload.len() - 8);
                payload.sort_unstable();
                all.push(format!("{database} {key} {encoding} {expiry} {payload:?}"));
            }
        }
        client.ask("SELECT 0");
        all
    }

    /// Runs a call in ways that fail behind it, and looks for what they have left.
    fn check(&mut self, call: &str) {
        let before = self.dump();
        let blocked = self.blocked();
        self.heard();
        self.watch();

        self.client.ask("MULTI ATOMIC");
        assert_eq!(self.client.ask(call), "+QUEUED");
        self.client.ask("INCR text");
        self.client.ask("LPUSH zset x");
        self.client.ask("GETRANGE nosuch x y");
        let answer = self.client.ask("EXEC");
        assert!(
            answer.starts_with("-EXECABORT Transaction rolled back: '"),
            "{call}: {answer}"
        );
        for script in [
            "#!lua flags=atomic\\nredis.call(unpack(ARGV)) error('no')",
            "redis.pcall(unpack(ARGV)) redis.rollback('no')",
        ] {
            let answer = self.client.ask(&format!("EVAL \"{script}\" 0 {call}"));
            assert!(answer.starts_with('-'), "{call}: {answer}");
        }
        assert_eq!(
            self.client.ask(&format!("FCALL fails 0 {call}")),
            "-MINE no"
        );

        assert_eq!(self.dump(), before, "{call}");
        assert_eq!(self.heard(), [""; 0], "{call}");
        assert!(self.nothing_was_touched(), "{call}");
        assert_eq!(self.blocked(), blocked, "{call}");
    }

    /// Watches all keys, and some that there are not.
    pub fn watch(&mut self) {
        let names: BTreeSet<&str> = WORLD
            .iter()
            .filter_map(|call| call.split(' ').nth(1))
            .collect();
        let names = names.into_iter().collect::<Vec<_>>().join(" ");
        let watched = format!("WATCH {names} copied new new1 new2 longer waited ranking");
        assert_eq!(self.watcher.ask(&watched), "+OK");
    }

    /// Whether no key has changed for those who watch, who do no longer.
    pub fn nothing_was_touched(&mut self) -> bool {
        self.watcher.ask("MULTI");
        self.watcher.ask("PING");
        self.watcher.ask("EXEC") == "[+PONG]"
    }

    /// Connections that wait for keys, in the order in which they came.
    pub fn let_others_wait(&mut self) -> Vec<Client> {
        let mut waiting: Vec<Client> = Vec::new();
        for call in [
            "BLPOP waited 0",
            "BLMPOP 0 1 waited LEFT COUNT 2",
            "BZPOPMIN ranking 0",
        ] {
            let mut one = self.server.connect();
            one.send(call);
            waiting.push(one);
            eventually("it waits", || {
                self.blocked() == format!("blocked_clients:{}", waiting.len())
            });
        }
        waiting
    }

    /// The line of INFO that says how many wait for keys.
    pub fn blocked(&mut self) -> String {
        let clients = self.client.text("INFO clients");
        let line = clients
            .lines()
            .find(|line| line.starts_with("blocked_clients:"));
        line.expect("INFO tells it").to_owned()
    }
}

#[test]
fn every_command_that_writes_is_taken_back_with_what_failed() {
    let mut stage = Stage::new(&[]);
    stage.client.send("COMMAND LIST FILTERBY ACLCAT write");
    let answer = stage.client.receive().expect("an answer");
    let writing: BTreeSet<String> = answer
        .as_array()
        .expect("names")
        .iter()
        .map(|name| String::from_utf8_lossy(name.as_bytes().expect("a name")).into_owned())
        .filter(|name| !REFUSED.contains(&name.as_str()))
        .collect();
    let tried: BTreeSet<String> = CALLS
        .iter()
        .filter_map(|call| Some(call.split(' ').next()?.to_lowercase()))
        .collect();
    assert_eq!(tried, writing, "there is a call for each");

    let library = "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function{function_name='fails', flags={'atomic'}, callback=function(_, call) redis.pcall(unpack(call)) return {err='MINE no'} end}\"";
    assert_eq!(stage.client.ask(library), "\"lib\"");
    for call in CALLS {
        stage.set_up();
        stage.check(call);
        // it was worth the trouble
        let before = stage.dump();
        let answer = stage.client.ask(call);
        assert!(!answer.starts_with('-'), "{call}: {answer}");
        assert_ne!(stage.dump(), before, "{call}: {answer}");
        assert!(
            !stage.heard().is_empty() || call.starts_with("FLUSH") || call.starts_with("SWAPDB"),
            "{call}"
        );
    }

    stage.set_up();
    let mut waiting = stage.let_others_wait();
    for call in FILLING {
        stage.check(call);
    }
    // and they are served in their order
    stage.ask_all(&["RPUSH waited 1 2 3", "ZADD ranking 1 a"]);
    let expected = [
        "[\"waited\" \"1\"]",
        "[\"waited\" [\"2\" \"3\"]]",
        "[\"ranking\" \"a\" \"1\"]",
    ];
    for (one, expected) in waiting.iter_mut().zip(expected) {
        assert_eq!(
            one.receive().map(|value| show(&value)).as_deref(),
            Some(expected)
        );
    }
}
