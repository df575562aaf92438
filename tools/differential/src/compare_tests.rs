//! What the rules excuse, and what they must not.

use std::collections::HashMap;

use perilune_harness::Value;

use super::*;
use crate::scripts::Library;

fn reply(bytes: &str) -> Answer {
    let (value, len) = perilune_resp::client::parse_value(bytes.as_bytes())
        .unwrap()
        .unwrap();
    assert_eq!(len, bytes.len());
    Answer::Reply(value, bytes.as_bytes().to_vec())
}

fn words(call: &str) -> Words {
    call.split(' ').map(|w| w.as_bytes().to_vec()).collect()
}

#[track_caller]
fn check_queued(call: &str, queued: &[&str], left: &str, right: &str, same: bool) {
    let library = Library::of(HashMap::from([(b"abc".to_vec(), FORWARDING[0].to_owned())]));
    let queued: Vec<Words> = queued.iter().map(|call| words(call)).collect();
    let context = Context {
        words: &words(call),
        queued: &queued,
        library: &library,
        delay: Duration::ZERO,
    };
    let verdict = answers(&context, &reply(left), &reply(right));
    assert_eq!(verdict == Verdict::Same, same, "{call}: {left} / {right}");
}

#[track_caller]
fn check(call: &str, left: &str, right: &str, same: bool) {
    check_queued(call, &[], left, right, same);
}

#[test]
fn without_a_rule_every_byte_counts() {
    check("GET k", "$1\r\na\r\n", "$1\r\na\r\n", true);
    check("GET k", "$1\r\na\r\n", "$1\r\nb\r\n", false);
    check("GET k", "$-1\r\n", "_\r\n", false);
    check("GET k", "+a\r\n", "$1\r\na\r\n", false);
    check("GET k", "-ERR a\r\n", "-ERR b\r\n", false);
}

#[test]
fn rules_excuse_what_they_say() {
    check("KEYS *", "*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+a\r\n", true);
    check("keys *", "*2\r\n+a\r\n+b\r\n", "*2\r\n+a\r\n+c\r\n", false);
    check(
        "MGET a b",
        "*2\r\n+a\r\n+b\r\n",
        "*2\r\n+b\r\n+a\r\n",
        false,
    );
    check("PTTL k", ":5000\r\n", ":5003\r\n", true);
    check("PTTL k", ":5000\r\n", ":90000\r\n", false);
    check("PTTL k", ":-1\r\n", ":1\r\n", false);
    check("RANDOMKEY", "$1\r\na\r\n", "$1\r\nb\r\n", true);
    check("RANDOMKEY", "$1\r\na\r\n", "$-1\r\n", false);
    check("TIME", "*2\r\n+1\r\n+2\r\n", "*2\r\n+1\r\n+3\r\n", true);
}

#[test]
fn a_scripts_answer_may_differ_where_the_machine_shows() {
    check("EVAL x 0", "$3\r\nnan\r\n", "$4\r\n-nan\r\n", true);
    check("EVAL x 0", "$4\r\n-nan\r\n", "$3\r\nnan\r\n", false);
    check("GET k", "$3\r\nnan\r\n", "$4\r\n-nan\r\n", false);
    check(
        "EVAL x 0",
        "$9\r\ntable: 0x\r\n",
        "$10\r\ntable: 0x1\r\n",
        true,
    );
    check(
        "EVAL x 0",
        "$9\r\ntable: 0x\r\n",
        "$12\r\nfunction: 0x\r\n",
        false,
    );
    check(
        "OBJECT ENCODING k",
        "$6\r\nembstr\r\n",
        "$3\r\nraw\r\n",
        true,
    );
    check("OBJECT ENCODING k", "$3\r\nint\r\n", "$3\r\nraw\r\n", false);
    check(
        "OBJECT ENCODING k",
        "$3\r\nraw\r\n",
        "$6\r\nembstr\r\n",
        false,
    );
}

#[test]
fn no_rule_excuses_an_error() {
    check("KEYS", "-ERR a\r\n", "-ERR b\r\n", false);
    check("TIME x", "-ERR a\r\n", "*0\r\n", false);
    check("CLIENT ID x", "-ERR a\r\n", ":1\r\n", false);
}

#[test]
fn maps_lose_what_is_local() {
    check(
        "HELLO",
        "*4\r\n+id\r\n:1\r\n+proto\r\n:2\r\n",
        "*4\r\n+id\r\n:9\r\n+proto\r\n:2\r\n",
        true,
    );
    check(
        "HELLO",
        "*4\r\n+id\r\n:1\r\n+proto\r\n:2\r\n",
        "*4\r\n+id\r\n:1\r\n+proto\r\n:3\r\n",
        false,
    );
    check(
        "HELLO 3",
        "%1\r\n+proto\r\n:3\r\n",
        "*2\r\n+proto\r\n:3\r\n",
        false,
    );
    check(
        "CONFIG GET hz",
        "*2\r\n+hz\r\n+10\r\n",
        "*2\r\n+hz\r\n+11\r\n",
        false,
    );
    check("CONFIG GET hz", "*0\r\n", "*2\r\n+hz\r\n+10\r\n", false);
    check("CONFIG GET h*", "*0\r\n", "*2\r\n+hz\r\n+10\r\n", true);
    let client = |id: u32, name: &str| format!("+id={id} addr=1:{id} name={name} db=0\r\n");
    check("CLIENT INFO", &client(1, "a"), &client(2, "a"), true);
    check("CLIENT INFO", &client(1, "a"), &client(2, "b"), false);
    check(
        "CLIENT INFO",
        "+id=1 db=0\r\n",
        "+id=1 name= db=0\r\n",
        false,
    );
}

#[test]
fn tables_are_compared_for_the_roster() {
    check(
        "COMMAND LIST",
        "*1\r\n+get\r\n",
        "*2\r\n+xadd\r\n+get\r\n",
        true,
    );
    check(
        "COMMAND LIST",
        "*1\r\n+get\r\n",
        "*2\r\n+set\r\n+get\r\n",
        false,
    );
    check(
        "COMMAND INFO get",
        "*1\r\n*3\r\n+get\r\n:2\r\n*2\r\n+a\r\n+b\r\n",
        "*1\r\n*3\r\n+get\r\n:2\r\n*2\r\n+b\r\n+a\r\n",
        true,
    );
    check(
        "COMMAND INFO get",
        "*1\r\n*2\r\n+get\r\n:2\r\n",
        "*1\r\n*2\r\n+get\r\n:3\r\n",
        false,
    );
    check(
        "COMMAND DOCS",
        "*2\r\n+get\r\n*2\r\n+since\r\n+1\r\n",
        "*4\r\n+xadd\r\n*0\r\n+get\r\n*2\r\n+since\r\n+1\r\n",
        true,
    );
    check(
        "COMMAND DOCS",
        "%1\r\n+get\r\n%1\r\n+since\r\n+1\r\n",
        "%1\r\n+get\r\n%1\r\n+since\r\n+2\r\n",
        false,
    );
}

#[test]
fn rules_reach_into_transactions_and_scripts() {
    check_queued(
        "EXEC",
        &["GET k", "PTTL k"],
        "*2\r\n+a\r\n:5000\r\n",
        "*2\r\n+a\r\n:5001\r\n",
        true,
    );
    check_queued(
        "EXEC",
        &["PTTL k", "GET k"],
        "*2\r\n:1\r\n:5000\r\n",
        "*2\r\n:1\r\n:5001\r\n",
        false,
    );
    let forwarded = |inner: &[&str]| {
        let head = [&b"EVAL"[..], FORWARDING[0].as_bytes(), b"1", b"k"].map(<[u8]>::to_vec);
        head.into_iter()
            .chain(inner.iter().map(|w| w.as_bytes().to_vec()))
            .collect::<Words>()
    };
    let library = Library::of(HashMap::new());
    for (inner, same) in [(&["PTTL", "k"], true), (&["GET", "k"], false)] {
        let words = forwarded(inner);
        let context = Context {
            words: &words,
            queued: &[],
            library: &library,
            delay: Duration::ZERO,
        };
        let verdict = answers(&context, &reply(":5000\r\n"), &reply(":5001\r\n"));
        assert_eq!(verdict == Verdict::Same, same);
    }
    check("EVALSHA abc 0 PTTL k", ":5000\r\n", ":5001\r\n", true);
    check("EVALSHA other 0 PTTL k", ":5000\r\n", ":5001\r\n", false);
}

#[test]
fn times_differ_by_how_long_the_machine_stood_still() {
    let library = Library::of(HashMap::new());
    let words = words("PTTL k");
    for (seconds, same) in [(0, false), (4, true)] {
        let context = Context {
            words: &words,
            queued: &[],
            library: &library,
            delay: Duration::from_secs(seconds),
        };
        let verdict = answers(&context, &reply(":9000\r\n"), &reply(":3000\r\n"));
        assert_eq!(verdict == Verdict::Same, same);
    }
}

#[test]
fn what_differs_in_an_exec_is_named() {
    let library = Library::of(HashMap::new());
    let (exec, queued) = (
        words("EXEC"),
        [words("GET k"), words("EVAL x 0"), words("PING")],
    );
    let context = Context {
        words: &exec,
        queued: &queued,
        library: &library,
        delay: Duration::ZERO,
    };
    let left = reply("*3\r\n$1\r\nx\r\n-ERR one\r\n+PONG\r\n");
    let right = reply("*3\r\n$1\r\nx\r\n-ERR other\r\n+PONG\r\n");
    let (call, group) = in_exec(&context, &left, &right).expect("they differ");
    assert_eq!(call, words("EVAL x 0"));
    assert!(group.starts_with("exec: eval "), "{group}");
    assert!(in_exec(&context, &left, &left).is_none());
}

#[test]
fn silence_is_never_the_same() {
    let library = Library::of(HashMap::new());
    let words = words("GET k");
    let context = Context {
        words: &words,
        queued: &[],
        library: &library,
        delay: Duration::ZERO,
    };
    assert_eq!(
        answers(&context, &Answer::Closed, &Answer::Closed),
        Verdict::Same
    );
    assert_ne!(
        answers(&context, &Answer::Missing, &Answer::Missing),
        Verdict::Same
    );
    let value = Answer::Reply(Value::NullBulk, b"$-1\r\n".to_vec());
    assert_ne!(answers(&context, &Answer::Closed, &value), Verdict::Same);
}

#[test]
fn what_a_sort_orders_is_in_order() {
    let (left, right) = ("*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+a\r\n");
    for (call, same) in [
        ("SORT l", false),
        ("SORT l BY k* LIMIT 0 2", false),
        ("SORT l ALPHA", true),
        ("SORT_RO s BY nosort", true),
        ("sort s by nosort limit 0 2", true),
    ] {
        check(call, left, right, same);
    }
    check("SORT l ALPHA", left, "*2\r\n+b\r\n+c\r\n", false);
    // which of equal ones are there is left open, but not how many
    check("SORT l ALPHA LIMIT 0 2", left, "*2\r\n+c\r\n+d\r\n", true);
    check("SORT l ALPHA LIMIT 0 2", left, "*1\r\n+a\r\n", false);
    check("SORT l ALPHA", "-ERR a\r\n", "*0\r\n", false);
}
