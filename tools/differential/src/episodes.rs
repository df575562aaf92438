//! What needs a setting of its own: sequences over several connections, expiry, answers that do not come.

use perilune_harness::encode;

use crate::domain;
use crate::generate::Generator;
use crate::pair::{SESSIONS, Step};
use crate::{Words, collections, compare, conversions, guard, payloads, waiting};

fn words(line: &str) -> Words {
    line.split(' ').map(|w| w.as_bytes().to_vec()).collect()
}

fn call(session: usize, line: &str) -> Step {
    Step::Call {
        session,
        words: words(line),
    }
}

/// Everything that happens before servers are compared once: about `calls` calls on connections in turn, with episodes
/// in between.
pub fn round(generator: &mut Generator, calls: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    while count_calls(&steps) < calls {
        let session = generator.rng.usize(..SESSIONS);
        match generator.rng.u32(..40) {
            0..5 => transaction(generator, session, &mut steps),
            5..7 => watched(generator, &mut steps),
            7 => quiet(generator, session, &mut steps),
            8 => inline(generator, session, &mut steps),
            9 => scan(generator, &mut steps),
            10 => ending(generator, session, &mut steps),
            11 => subscribed(generator, session, &mut steps),
            12 => waiting::in_transaction(generator, session, &mut steps),
            13 => waiting::served(generator, session, &mut steps),
            14 => transfer(generator, &mut steps),
            15 => paused(generator, session, &mut steps),
            // (Redis says in other words what is wrong with a script, and a run of `--only` is seldom about that.)
            17 if generator.has("eval") => conversions::episode(generator, &mut steps),
            16 => {
                for _ in 0..generator.rng.usize(1..10) {
                    let payload = payloads::damaged(&mut generator.rng);
                    steps.push(Step::Damaged { payload });
                }
            }
            _ => plain(generator, session, &mut steps),
        }
    }
    match generator.rng.u32(..6) {
        0 => expired(generator, &mut steps),
        1 => password(generator, &mut steps),
        2 => killed(generator, &mut steps),
        _ => {}
    }
    steps.push(Step::Compare);
    steps
}

/// About `calls` calls around scripts and the values that go through them, and one comparison.
pub fn conversions(generator: &mut Generator, calls: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    while count_calls(&steps) < calls {
        conversions::episode(generator, &mut steps);
    }
    steps.push(Step::Compare);
    steps
}

/// How many commands the steps send.
pub fn count_calls(steps: &[Step]) -> usize {
    steps
        .iter()
        .filter(|s| {
            !matches!(
                s,
                Step::Wait { .. } | Step::Compare | Step::Reconnect { .. }
            )
        })
        .count()
}

/// A batch of any calls.
fn plain(generator: &mut Generator, session: usize, steps: &mut Vec<Step>) {
    for _ in 0..generator.rng.usize(10..60) {
        steps.push(Step::Call {
            session,
            words: generator.call(),
        });
    }
}

/// MULTI to EXEC or DISCARD, with calls that cannot be queued now and then.
fn transaction(generator: &mut Generator, session: usize, steps: &mut Vec<Step>) {
    steps.push(call(session, "MULTI"));
    for _ in 0..generator.rng.usize(0..6) {
        let words = if generator.rng.u32(..12) == 0 {
            words(
                [
                    "NOSUCH",
                    "GET",
                    "MULTI",
                    "WATCH k1",
                    "SET k1",
                    "CLIENT NOSUCH",
                    "EVAL x",
                ][generator.rng.usize(..7)],
            )
        } else {
            generator.call()
        };
        // Its missing answer (see `travels_alone`) would be missing from the answer to EXEC.
        if !guard::travels_alone(&words) {
            steps.push(Step::Call { session, words });
        }
    }
    steps.push(call(
        session,
        if generator.rng.u32(..6) == 0 {
            "DISCARD"
        } else {
            "EXEC"
        },
    ));
}

/// WATCH on one connection, changes on another (or on none), EXEC on the first.
fn watched(generator: &mut Generator, steps: &mut Vec<Step>) {
    let one = generator.rng.usize(..SESSIONS);
    let other = (one + 1 + generator.rng.usize(..SESSIONS - 1)) % SESSIONS;
    let database = generator.rng.usize(..3);
    steps.push(call(one, "DISCARD"));
    for session in [one, other] {
        steps.push(call(session, &format!("SELECT {database}")));
    }
    let key = domain::key(&mut generator.rng);
    for _ in 0..generator.rng.usize(1..3) {
        let watched = vec![
            b"WATCH".to_vec(),
            key.clone(),
            domain::key(&mut generator.rng),
        ];
        steps.push(Step::Call {
            session: one,
            words: watched,
        });
    }
    const CHANGES: &[&str] = &[
        "SET K v",
        "DEL K",
        "APPEND K x",
        "INCR K",
        "EXPIRE K 100000",
        "PERSIST K",
        "GET K",
        "SETRANGE K 0 ",
        "FLUSHDB",
        "FLUSHALL",
        "SWAPDB 0 1",
        "SWAPDB 1 2",
        "RENAME k1 K",
        "RENAME K k2",
        "COPY k1 K REPLACE",
        "MOVE K 2",
        "GETDEL K",
        "GETEX K PERSIST",
        "SET K v XX",
        "SET K v NX",
        "MSETNX K a",
        "TOUCH K",
        "EXPIRE K -1",
        "SETBIT K 0 0",
        "BITFIELD K GET u8 0",
        "BITOP AND K none",
        "UNLINK none",
        "INCRBYFLOAT K 0",
    ];
    for _ in 0..generator.rng.usize(0..3) {
        let change = CHANGES[generator.rng.usize(..CHANGES.len())];
        let words = words(change)
            .into_iter()
            .map(|w| if w == b"K" { key.clone() } else { w })
            .collect();
        let session = if generator.rng.u32(..4) == 0 {
            one
        } else {
            other
        };
        steps.push(Step::Call { session, words });
    }
    if generator.rng.u32(..6) == 0 {
        steps.push(call(one, "UNWATCH"));
    }
    if generator.rng.u32(..8) == 0 {
        steps.push(call(one, "SELECT 3"));
    }
    transaction(generator, one, steps);
}

/// CLIENT REPLY: answers that are not sent.
fn quiet(generator: &mut Generator, session: usize, steps: &mut Vec<Step>) {
    let mut bytes = Vec::new();
    for _ in 0..generator.rng.usize(1..4) {
        if let Some(words) = generator.call_of("client|reply") {
            encode(&mut bytes, &words);
        }
        for _ in 0..generator.rng.usize(0..4) {
            let words = generator.call();
            // What turns the connection or all of them around has episodes of its own.
            if !guard::travels_alone(&words) && !is_unfit_for_silence(&words) {
                encode(&mut bytes, &words);
            }
        }
    }
    encode(&mut bytes, &["CLIENT", "REPLY", "ON"]);
    steps.push(Step::Raw { session, bytes });
}

/// Raw answers are compared to the byte, so what has a rule in `compare` cannot come among them; neither can what turns
/// the connection or all of them around.
fn is_unfit_for_silence(words: &[Vec<u8>]) -> bool {
    const NAMES: &[&str] = &[
        "client",
        "hello",
        "reset",
        "multi",
        "exec",
        "eval",
        "evalsha",
        "eval_ro",
        "evalsha_ro",
        "script",
        "function",
        "fcall",
        "fcall_ro",
    ];
    // those of scripts and functions have rules that look at more than the name
    compare::has_rule(words)
        || NAMES
            .iter()
            .any(|n| words[0].eq_ignore_ascii_case(n.as_bytes()))
}

/// A pause that is over before anybody waits for keys: the reference forgets the timeout of a wait that begins in it.
fn paused(generator: &mut Generator, session: usize, steps: &mut Vec<Step>) {
    let Some(words) = generator.call_of("client|pause") else {
        return;
    };
    steps.push(Step::Call { session, words });
    steps.push(call(session, "GET k1"));
    steps.push(call(session, "INCR k1"));
    steps.push(Step::Wait { milliseconds: 3 });
}

/// Values of all types as payloads from one server to the other.
fn transfer(generator: &mut Generator, steps: &mut Vec<Step>) {
    for of_type in collections::TYPES {
        let rng = &mut generator.rng;
        let from = collections::pick(rng, of_type.keys);
        let to = collections::pick(rng, of_type.keys);
        let lefts = rng.bool();
        steps.push(Step::Transfer { from, to, lefts });
    }
}

/// A connection that is subscribed, and publishes to itself where its protocol lets it.
fn subscribed(generator: &mut Generator, session: usize, steps: &mut Vec<Step>) {
    const LINES: &[&str] = &[
        "SUBSCRIBE c1",
        "SUBSCRIBE c1 c2 c1",
        "UNSUBSCRIBE c1",
        "UNSUBSCRIBE c2 none c2",
        "PSUBSCRIBE c*",
        "PSUBSCRIBE c*",
        "PUNSUBSCRIBE c*",
        "PUNSUBSCRIBE",
        "SSUBSCRIBE c1 s1",
        "SUNSUBSCRIBE s1",
        "SUNSUBSCRIBE c1",
        "PING",
        "PING x",
        "PING x y",
        "PUBLISH c1 hello",
        "PUBLISH c2 there",
        "SPUBLISH c1 you",
        "GET none",
        "CLIENT REPLY SKIP",
        "CLIENT REPLY OFF",
        "CLIENT REPLY ON",
        "PUBSUB NUMSUB c1 c2",
        "PUBSUB SHARDNUMSUB s1",
        "PUBSUB CHANNELS c1",
        "PUBSUB NUMPAT",
        "SUBSCRIBE __keyspace@0__:own __keyevent@0__:set",
        "SET own 1",
        "MULTI",
        "EXEC",
        "DISCARD",
        "SUBSCRIBE",
        "NOSUCH",
        "EVAL #publish 0",
    ];
    let mut bytes = Vec::new();
    // in the half of them everything, or all but the beginning, is one transaction
    let length = generator.rng.usize(3..25);
    let multi_at = generator.rng.usize(..2 * length).min(length);
    for number in 0..length {
        if number == multi_at {
            encode(&mut bytes, &["MULTI"]);
        }
        let line = LINES[generator.rng.usize(..LINES.len())];
        match line.strip_prefix("EVAL ") {
            Some(_) => encode(
                &mut bytes,
                &["EVAL", "return redis.call('publish', 'c1', 'script')", "0"],
            ),
            None => encode(&mut bytes, &words(line)),
        }
    }
    if multi_at < length {
        encode(&mut bytes, &["EXEC"]);
    }
    // from here on it may ECHO
    encode(&mut bytes, &["RESET"]);
    // what CLIENT REPLY leaves out of EXEC's answer is made up for by what follows
    for _ in 0..25 {
        encode(&mut bytes, &["PING"]);
    }
    steps.push(Step::Raw { session, bytes });
}

/// Inline commands, and bytes that are no protocol.
fn inline(generator: &mut Generator, session: usize, steps: &mut Vec<Step>) {
    const LINES: &[&[u8]] = &[
        b"PING\r\n",
        b"PING\n",
        b"\r\n",
        b"  SET   k1   \"a\\x00b\\n\"  \r\n",
        b"GET 'k1'\r\n",
        b"SET k1 'it\\'s'\r\n",
        b"SET k1 \"unbalanced\r\n",
        b"SET k1 'x'y\r\n",
        b"GET\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n:5\r\n",
        b"*x\r\n",
        b"*1\r\n$x\r\n",
        b"*9999999999\r\n",
        b"*1\r\n$2000000000\r\n",
        b"*1\r\n$4\r\nPINGxx",
        b"*2\r\n$3\r\nGET\r\n$2\r\nk1\r\n",
        b"*1\r\n$0\r\n\r\n",
        b"* 1\r\n",
        b"*01\r\n$4\r\nPING\r\n",
        b"*1\r\n$04\r\nPING\r\n",
        b"*+1\r\n$4\r\nPING\r\n",
        b"GET \"\\xff\\t\\\"\"\r\n",
        b"ECHO \"\"\r\n",
        b"POST / HTTP/1.1\r\n",
        b"Host: x\r\n",
        b"*3\r\n$3\r\nSET\r\n$2\r\nk1\r\n$1048577\r\n",
    ];
    let mut bytes = Vec::new();
    for _ in 0..generator.rng.usize(1..4) {
        bytes.extend_from_slice(LINES[generator.rng.usize(..LINES.len())]);
    }
    steps.push(Step::Raw { session, bytes });
}

/// A whole iteration.
fn scan(generator: &mut Generator, steps: &mut Vec<Step>) {
    let mut options = Vec::new();
    if generator.rng.bool() {
        options.extend([b"MATCH".to_vec(), domain::pattern(&mut generator.rng)]);
    }
    if generator.rng.bool() {
        options.extend([
            b"COUNT".to_vec(),
            [&b"1"[..], b"3", b"100"][generator.rng.usize(..3)].to_vec(),
        ]);
    }
    if generator.rng.u32(..4) == 0 {
        options.extend([
            b"TYPE".to_vec(),
            [&b"string"[..], b"list", b"nosuch"][generator.rng.usize(..3)].to_vec(),
        ]);
    }
    steps.push(Step::Scan {
        database: generator.rng.u32(..4),
        options,
    });
}

/// QUIT at the end of a batch, and a new connection.
fn ending(generator: &mut Generator, session: usize, steps: &mut Vec<Step>) {
    plain(generator, session, steps);
    let quit = generator.call_of("quit").unwrap_or_else(|| words("QUIT"));
    steps.push(Step::Call {
        session,
        words: quit,
    });
    steps.push(Step::Reconnect { session });
    if let Some(words) = generator.call_of("shutdown") {
        steps.push(Step::Call { session, words });
    }
}

/// Keys that nobody has used for a while, and calls: whether these count as a use shows in the idle time.
pub fn unused(generator: &mut Generator) -> Vec<Step> {
    /// More than what answers about idle times may differ by.
    const UNUSED_MS: u64 = 4200;
    let mut steps = vec![Step::Reconnect { session: 0 }];
    // Redis 8 shares small integers, and with them their age
    let shares_integers = generator.has("hexpire");
    for key in domain::keys() {
        let mut value = domain::value(&mut generator.rng);
        if shares_integers {
            value.push(b'x');
        }
        let words = vec![b"SET".to_vec(), key.to_vec(), value];
        steps.push(Step::Call { session: 0, words });
    }
    steps.push(Step::Wait {
        milliseconds: UNUSED_MS,
    });
    for _ in 0..100 {
        let words = generator.call();
        let keys = words[1..]
            .iter()
            .filter(|word| domain::keys().contains(&word.as_slice()));
        let asks: Vec<Words> = keys
            .map(|key| vec![b"OBJECT".to_vec(), b"IDLETIME".to_vec(), key.clone()])
            .collect();
        steps.push(Step::Call { session: 0, words });
        steps.extend(
            asks.into_iter()
                .map(|words| Step::Call { session: 0, words }),
        );
    }
    steps
}

/// Keys that expire while nobody looks; whichever command comes first must find them gone.
fn expired(generator: &mut Generator, steps: &mut Vec<Step>) {
    let (one, other) = (0, 1);
    let key = domain::key(&mut generator.rng);
    steps.push(Step::Reconnect { session: one });
    steps.push(Step::Reconnect { session: other });
    let value = domain::value(&mut generator.rng);
    steps.push(Step::Call {
        session: one,
        words: vec![
            b"SET".to_vec(),
            key.clone(),
            value,
            b"PX".to_vec(),
            b"20".to_vec(),
        ],
    });
    if generator.rng.u32(..3) == 0 {
        steps.push(Step::Call {
            session: one,
            words: vec![b"WATCH".to_vec(), key.clone()],
        });
    }
    steps.push(Step::Wait { milliseconds: 45 });
    for _ in 0..generator.rng.usize(1..4) {
        let mut words = generator.call();
        // Every key of the call is the one that has expired.
        for word in &mut words[1..] {
            if domain::keys().contains(&word.as_slice()) {
                *word = key.clone();
            }
        }
        // A key that has expired may be counted until somebody removes it, and who does that is left open. Until then the
        // reference tells its size, and who watches it (CLIENT LIST) has not been told.
        let tells = [&b"dbsize"[..], b"swapdb", b"memory", b"client"];
        let names = |name: &[u8]| words.iter().any(|word| word.eq_ignore_ascii_case(name));
        // And until then it announces `del` where nothing takes its place: an empty result, or what has expired as well.
        let stores = |word: &Vec<u8>| word.to_ascii_lowercase().ends_with(b"store");
        let replaces = names(b"bitop") || words.iter().any(stores);
        if !replaces && !tells.iter().any(|name| names(name)) {
            steps.push(Step::Call {
                session: other,
                words,
            });
        }
    }
    // Now it is gone for both, whoever removes such keys in the background.
    steps.push(Step::Call {
        session: other,
        words: vec![b"EXISTS".to_vec(), key.clone()],
    });
    steps.push(Step::Reconnect { session: other });
    steps.push(Step::Call {
        session: other,
        words: vec![b"EXISTS".to_vec(), key],
    });
    transaction(generator, one, steps);
}

/// A password: who has it, who does not.
fn password(generator: &mut Generator, steps: &mut Vec<Step>) {
    steps.push(Step::Reconnect { session: 0 });
    steps.push(call(0, "CONFIG SET requirepass secret"));
    // The new connection asks for its id before it may: it is refused like everybody.
    steps.push(Step::Reconnect { session: 1 });
    const TRIES: &[&str] = &[
        "GET k1",
        "PING",
        "HELLO 3",
        "HELLO 2 AUTH default wrong",
        "HELLO 3 AUTH default secret SETNAME x",
        "AUTH wrong",
        "AUTH secret",
        "AUTH default secret",
        "AUTH nosuch secret",
        "AUTH",
        "AUTH a b c",
        "MULTI",
        "EXEC",
        "RESET",
        "CLIENT ID x",
        "NOSUCH",
        "GET",
        "COMMAND COUNT x",
        "SELECT 1",
    ];
    let mut may_queue = false;
    for _ in 0..generator.rng.usize(2..10) {
        let line = TRIES[generator.rng.usize(..TRIES.len())];
        may_queue = line == "MULTI" || (may_queue && !["EXEC", "RESET"].contains(&line));
        // as in `transaction`
        if !may_queue || !guard::travels_alone(&words(line)) {
            steps.push(call(1, line));
        }
    }
    steps.push(call(0, "CONFIG SET requirepass "));
    steps.push(Step::Reconnect { session: 1 });
}

/// One connection kills another, by its number or its address.
fn killed(generator: &mut Generator, steps: &mut Vec<Step>) {
    const KILLS: &[&str] = &[
        "CLIENT KILL ID @ID2@",
        "CLIENT KILL ADDR @ADDR2@",
        "CLIENT KILL @ADDR2@",
        "CLIENT KILL ID @ID2@ SKIPME no",
        "CLIENT KILL ID @ID0@",
        "CLIENT KILL ID @ID0@ SKIPME no",
        "CLIENT KILL TYPE normal SKIPME yes",
        "CLIENT KILL USER default",
        "CLIENT KILL TYPE pubsub",
        "CLIENT KILL ADDR @ADDR2@ ID @ID3@",
        "CLIENT KILL @ADDR0@",
    ];
    steps.push(Step::Reconnect { session: 0 });
    steps.push(Step::Reconnect { session: 2 });
    steps.push(call(2, "CLIENT SETNAME victim"));
    steps.push(call(0, KILLS[generator.rng.usize(..KILLS.len())]));
    steps.push(call(2, "CLIENT GETNAME"));
}
