//! When two answers are the same: to the byte, except where a rule says otherwise and why.
//!
//! A rule never excuses an error: what one server refuses the other must refuse in the same words.

use std::fmt;
use std::time::Duration;

use perilune_harness::Value;

use crate::peer::Answer;
use crate::roster::is_in_roster;
use crate::scripts::{FORWARDING, JSON_ROUND_TRIP, Library};
use crate::sorting::{self, Order};
use crate::{Words, conversions, payloads, tables};

/// How the values of a command are compared.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// The kind of the value only, and whether it is null.
    Kind,
    /// The same elements in any order.
    AnyOrder,
    /// The same once this function has sorted what has no order and left out commands outside the roster.
    Table(fn(&Value) -> Value),
    /// Positive times that are not too far apart; others must be equal.
    Near(Unit),
    /// The same for each element of a list.
    NearEach(Unit),
    /// The same pairs of elements in any order.
    Pairs,
    /// The fields of a map without these.
    FieldsBut(&'static [&'static str]),
    /// Lines of `name=value` fields: the same names in order, and the same values for these.
    LinesOf(&'static [&'static str]),
    /// Settings that both know have the same values.
    CommonFields,
    /// As SORT says that it is ordered.
    Sorted,
    /// Payloads of one value.
    Payload,
    /// INFO: text.
    Text,
    /// The same, or what is `embstr` on the left is `raw` on the right.
    Encoding,
}

/// What times are told in.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Seconds,
    Milliseconds,
}

impl Unit {
    /// How far apart times may be where the servers got no call more than this apart.
    fn apart_max(self, delay: Duration) -> u64 {
        match self {
            Unit::Seconds => 2 + delay.as_secs(),
            Unit::Milliseconds => 3000 + delay.as_millis() as u64,
        }
    }
}

/// Whether two answers to PTTL may be of one key, where the servers got no call more than this apart.
pub fn same_lifetime(left: &Value, right: &Value, delay: Duration) -> bool {
    are_near(left, right, Unit::Milliseconds.apart_max(delay))
}

/// The rules, by the beginning of the call, with the reason for each.
const RULES: &[(&str, Rule, &str)] = &[
    ("keys", Rule::AnyOrder, "the order is that of a hash table"),
    (
        "scan",
        Rule::Kind,
        "cursors and portions are the server's own; whole iterations are compared as sets",
    ),
    ("randomkey", Rule::Kind, "random"),
    (
        "zscan",
        Rule::Kind,
        "as SCAN; what a set holds is compared with the keyspace",
    ),
    ("zrandmember", Rule::Kind, "random"),
    ("hscan", Rule::Kind, "as ZSCAN"),
    ("sscan", Rule::Kind, "as ZSCAN"),
    ("srandmember", Rule::Kind, "random"),
    ("spop", Rule::AnyOrder, "the order is that of a hash table"),
    ("smembers", Rule::AnyOrder, "the same"),
    ("sinter", Rule::AnyOrder, "the same"),
    ("sunion", Rule::AnyOrder, "the same"),
    ("sdiff", Rule::AnyOrder, "the same"),
    (
        "sort",
        Rule::Sorted,
        "elements of equal weight, and sets that are not sorted",
    ),
    ("sort_ro", Rule::Sorted, "the same"),
    ("dump", Rule::Payload, "a table has no order of its own"),
    ("hrandfield", Rule::Kind, "random"),
    ("hgetall", Rule::Pairs, "a table has no order of its own"),
    ("hkeys", Rule::AnyOrder, "the same"),
    ("hvals", Rule::AnyOrder, "the same"),
    (
        "httl",
        Rule::NearEach(Unit::Seconds),
        "the servers run a call some milliseconds apart",
    ),
    ("hpttl", Rule::NearEach(Unit::Milliseconds), "the same"),
    (
        "hexpiretime",
        Rule::NearEach(Unit::Seconds),
        "HEXPIRE counts from the moment it runs",
    ),
    (
        "hpexpiretime",
        Rule::NearEach(Unit::Milliseconds),
        "the same",
    ),
    ("time", Rule::Kind, "the clock"),
    ("lolwut", Rule::Kind, "art, with the version in it"),
    (
        "ttl",
        Rule::Near(Unit::Seconds),
        "the servers run a call some milliseconds apart",
    ),
    ("pttl", Rule::Near(Unit::Milliseconds), "the same"),
    (
        "expiretime",
        Rule::Near(Unit::Seconds),
        "EXPIRE counts from the moment it runs",
    ),
    ("pexpiretime", Rule::Near(Unit::Milliseconds), "the same"),
    ("object idletime", Rule::Near(Unit::Seconds), "the clock"),
    (
        "object encoding",
        Rule::Encoding,
        "Valkey calls a short string raw where it does not fit 64 bytes together with its key",
    ),
    ("object freq", Rule::Kind, "a counter that grows by chance"),
    (
        "memory usage",
        Rule::Kind,
        "depends on how entries are laid out",
    ),
    (
        "client id",
        Rule::Kind,
        "given out by connection; other connections come in between",
    ),
    (
        "client info",
        Rule::LinesOf(CLIENT_FIELDS),
        "ports, ages and buffer sizes differ",
    ),
    ("client list", Rule::LinesOf(CLIENT_FIELDS), "the same"),
    ("hello", Rule::FieldsBut(&["id"]), "as CLIENT ID"),
    (
        "config get",
        Rule::CommonFields,
        "each server has settings of its own",
    ),
    (
        "info",
        Rule::Text,
        "numbers of the moment; statistics of calls and errors are compared with the keyspace",
    ),
    (
        "command count",
        Rule::Kind,
        "the tables differ in size until all commands are there",
    ),
    (
        "command list",
        Rule::Table(tables::names),
        "the same, and the order is that of a hash table",
    ),
    ("command info", Rule::Table(tables::infos), "the same"),
    ("command docs", Rule::Table(tables::docs), "the same"),
    (
        "command getkeysandflags",
        Rule::Table(tables::keys_and_flags),
        "flags are a set",
    ),
    ("command", Rule::Table(tables::infos), "as COMMAND LIST"),
    (
        "client help",
        Rule::Table(tables::client_help),
        "tells of the subcommands that there are",
    ),
    (
        "function list",
        Rule::Table(tables::libraries),
        "the order is that of a hash table",
    ),
    ("function dump", Rule::Table(tables::dump), "the same"),
    ("script help", Rule::Table(tables::script_help), "the same"),
];

/// The fields of a client that a client decides.
const CLIENT_FIELDS: &[&str] = &[
    "name", "db", "sub", "psub", "ssub", "multi", "watch", "flags", "user", "redir", "resp",
    "lib-name", "lib-ver",
];

/// What one must know to compare two answers.
pub struct Context<'a> {
    /// The call.
    pub words: &'a [Vec<u8>],
    /// What its session has queued since MULTI.
    pub queued: &'a [Words],
    /// The scripts by name.
    pub library: &'a Library,
    /// How far apart the servers may have run a call: where the machine stood still between them, seconds.
    pub delay: Duration,
}

/// The result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The same, by the rule for this call.
    Same,
    /// Not the same; `group` is the same for differences that look alike.
    Differs { group: String },
}

/// Compares two answers to the same call.
pub fn answers(context: &Context<'_>, left: &Answer, right: &Answer) -> Verdict {
    let same = match (left, right) {
        (Answer::Reply(left, left_bytes), Answer::Reply(right, right_bytes)) => {
            left_bytes == right_bytes || values(context, left, right)
        }
        // That both hang is no agreement.
        _ => left == right && *left != Answer::Missing,
    };
    if same {
        Verdict::Same
    } else {
        Verdict::Differs {
            group: group(context.words, left, right),
        }
    }
}

/// The first call of an EXEC whose answers differ, and what differences look like this one: so that what is meant there is
/// meant here, and only that.
pub fn in_exec<'a>(
    context: &Context<'a>,
    left: &Answer,
    right: &Answer,
) -> Option<(&'a [Vec<u8>], String)> {
    let (Answer::Reply(left, _), Answer::Reply(right, _)) = (left, right) else {
        return None;
    };
    let (left, right) = (left.as_array()?, right.as_array()?);
    let are_theirs = left.len() == right.len() && right.len() == context.queued.len();
    let is_exec = context.words[0].eq_ignore_ascii_case(b"exec");
    let mut calls = context.queued.iter().zip(left.iter().zip(right));
    calls
        .find(|(words, (left, right))| {
            let context = Context {
                words,
                queued: &[],
                ..*context
            };
            left != right && !values(&context, left, right)
        })
        .filter(|_| are_theirs && is_exec)
        .map(|(words, (left, right))| {
            let whole = |value: &Value| Answer::Reply(value.clone(), Vec::new());
            let group = group(words, &whole(left), &whole(right));
            (&words[..], format!("exec: {group}"))
        })
}

fn values(context: &Context<'_>, left: &Value, right: &Value) -> bool {
    let words = context.words;
    let is = |name: &str| words[0].eq_ignore_ascii_case(name.as_bytes());
    let runs = [
        "eval",
        "eval_ro",
        "evalsha",
        "evalsha_ro",
        "fcall",
        "fcall_ro",
    ];
    if runs.into_iter().any(is) && conversions::are_same_elements(words, left, right) {
        return true;
    }
    if is("exec") {
        return match (left.as_array(), right.as_array()) {
            (Some(left), Some(right))
                if left.len() == right.len() && right.len() == context.queued.len() =>
            {
                context
                    .queued
                    .iter()
                    .zip(left.iter().zip(right))
                    .all(|(words, (left, right))| {
                        left == right
                            || values(
                                &Context {
                                    words,
                                    queued: &[],
                                    library: context.library,
                                    delay: context.delay,
                                },
                                left,
                                right,
                            )
                    })
            }
            _ => left == right,
        };
    }
    if is("eval") || is("eval_ro") || is("evalsha") || is("evalsha_ro") {
        return script(context, left, right);
    }
    if is("fcall") || is("fcall_ro") {
        return left == right || are_addresses(left, right) || are_nans(left, right);
    }
    if let [_, load, .., script] = words
        && (is("script") || is("function"))
        && load.eq_ignore_ascii_case(b"load")
        && is_other_parser(script, left, right)
    {
        return true;
    }
    if is("function") && are_same_refusals(left, right) {
        return true;
    }
    left == right || by_rule(context, words, left, right)
}

/// The errors of FUNCTION come with the line breaks of what they quote from the reference, and of several names that are taken it
/// names one in the order of a hash table.
fn are_same_refusals(left: &Value, right: &Value) -> bool {
    let words = |value: &Value| {
        let text = String::from_utf8_lossy(value.as_error()?).replace(['\r', '\n'], " ");
        let text = text.trim_end().to_owned();
        let is_taken = text.ends_with(" already exists") && text.split(' ').count() == 5;
        let kind = is_taken.then(|| text.split(' ').nth(1).map(str::to_owned));
        Some(kind.flatten().unwrap_or(text))
    };
    words(left).is_some() && words(left) == words(right)
}

/// A script that forwards its arguments is compared as the command that they are.
fn script(context: &Context<'_>, left: &Value, right: &Value) -> bool {
    let [_, script, numkeys, rest @ ..] = context.words else {
        return left == right;
    };
    let text = context
        .library
        .script(script)
        .map_or(script.as_slice(), str::as_bytes);
    let keys = std::str::from_utf8(numkeys)
        .ok()
        .and_then(|n| n.parse::<usize>().ok())
        .unwrap_or(0);
    if FORWARDING.iter().any(|f| f.as_bytes() == text)
        && let Some(inner) = rest.get(keys..).filter(|inner| !inner.is_empty())
    {
        return left == right || by_rule(context, inner, left, right);
    }
    if text == JSON_ROUND_TRIP.as_bytes()
        && let (Some(left), Some(right)) = (left.as_bytes(), right.as_bytes())
        && let (Ok(left), Ok(right)) = (json(left), json(right))
    {
        return left == right;
    }
    left == right
        || is_other_parser(text, left, right)
        || are_addresses(left, right)
        || are_nans(left, right)
}

/// LuaJIT prints no sign of what is no number.
fn are_nans(left: &Value, right: &Value) -> bool {
    left.as_bytes() == Some(b"nan") && right.as_bytes() == Some(b"-nan")
}

/// `tostring` of a table or a function tells where it lies.
fn are_addresses(left: &Value, right: &Value) -> bool {
    ["table: 0x", "function: 0x"].iter().any(|kind| {
        let is_one = |value: &Value| {
            value
                .as_bytes()
                .is_some_and(|text| text.starts_with(kind.as_bytes()))
        };
        is_one(left) && is_one(right)
    })
}

/// LuaJIT takes bytes above 127 as letters of names, so what is wrong with a text that has such is said in other words.
fn is_other_parser(script: &[u8], left: &Value, right: &Value) -> bool {
    let does_not_compile = |value: &Value| {
        value
            .as_error()
            .is_some_and(|error| error.starts_with(b"ERR Error compiling "))
    };
    !script.is_ascii() && does_not_compile(left) && does_not_compile(right)
}

/// The command that a forwarding script is given, where the call holds its text.
fn forwarded(words: &[Vec<u8>]) -> Option<&[Vec<u8>]> {
    let [name, script, numkeys, rest @ ..] = words else {
        return None;
    };
    let is_eval = name.eq_ignore_ascii_case(b"eval") || name.eq_ignore_ascii_case(b"eval_ro");
    let keys: usize = std::str::from_utf8(numkeys).ok()?.parse().ok()?;
    let is_forwarding = FORWARDING.iter().any(|f| f.as_bytes() == script.as_slice());
    rest.get(keys..)
        .filter(|inner| is_eval && is_forwarding && !inner.is_empty())
}

fn json(text: &[u8]) -> serde_json::Result<serde_json::Value> {
    serde_json::from_slice(text)
}

fn rule(words: &[Vec<u8>]) -> Option<Rule> {
    let matches = |beginning: &str| {
        let mut words = words.iter();
        beginning.split(' ').all(|b| {
            words
                .next()
                .is_some_and(|w| w.eq_ignore_ascii_case(b.as_bytes()))
        })
    };
    RULES
        .iter()
        .find(|(beginning, ..)| matches(beginning))
        .map(|&(_, rule, _)| rule)
}

/// Whether answers to this call may differ in their bytes.
pub fn has_rule(words: &[Vec<u8>]) -> bool {
    rule(words).is_some()
}

/// Whether two integers are equal, or positive and at most this far apart.
fn are_near(left: &Value, right: &Value, most: u64) -> bool {
    match (left.as_integer(), right.as_integer()) {
        (Some(left), Some(right)) => {
            left == right || (left >= 0 && right >= 0 && left.abs_diff(right) <= most)
        }
        _ => false,
    }
}

/// Whether two answers are of one kind and hold the same elements, in any order.
pub fn same_elements(left: &Value, right: &Value) -> bool {
    kind(left) == kind(right) && in_order(left) == in_order(right)
}

/// Whether two answers are of one kind and hold the same pairs, in any order.
pub fn same_pairs(left: &Value, right: &Value) -> bool {
    kind(left) == kind(right) && fields(left).is_some() && fields(left) == fields(right)
}

fn by_rule(context: &Context<'_>, words: &[Vec<u8>], left: &Value, right: &Value) -> bool {
    let Some(rule) = rule(words) else {
        return false;
    };
    if left.as_error().is_some() || right.as_error().is_some() {
        return left == right;
    }
    match rule {
        Rule::Kind => kind(left) == kind(right),
        Rule::AnyOrder => same_elements(left, right),
        Rule::Table(canonical) => kind(left) == kind(right) && canonical(left) == canonical(right),
        Rule::Near(unit) => are_near(left, right, unit.apart_max(context.delay)),
        Rule::NearEach(unit) => {
            let most = unit.apart_max(context.delay);
            let near = |(left, right): (&Value, &Value)| are_near(left, right, most);
            match (left.as_array(), right.as_array()) {
                (Some(left), Some(right)) => {
                    left.len() == right.len() && left.iter().zip(right).all(near)
                }
                _ => false,
            }
        }
        Rule::Pairs => same_pairs(left, right),
        Rule::FieldsBut(but) => {
            let kept = |value| {
                let mut fields = fields(value)?;
                fields.retain(|(name, _)| !but.iter().any(|b| b.as_bytes() == name.as_slice()));
                Some(fields)
            };
            kind(left) == kind(right) && kept(left).is_some() && kept(left) == kept(right)
        }
        Rule::CommonFields => kind(left) == kind(right) && settings_agree(words, left, right),
        Rule::LinesOf(named) => match (text(left), text(right)) {
            (Some(left), Some(right)) => lines(&left, named) == lines(&right, named),
            _ => false,
        },
        Rule::Sorted => match sorting::order(words) {
            Order::Full => left == right,
            Order::Partial { is_cut: false } => same_elements(left, right),
            Order::Partial { is_cut: true } => {
                // other elements may lead to nothing, which ends a script's table
                let gets = words.iter().any(|word| word.eq_ignore_ascii_case(b"get"));
                match (left.as_array(), right.as_array()) {
                    (Some(left), Some(right)) => gets || left.len() == right.len(),
                    _ => false,
                }
            }
        },
        Rule::Payload => match (left.as_bytes(), right.as_bytes()) {
            (Some(left), Some(right)) => payloads::are_of_one_value(left, right),
            _ => false,
        },
        Rule::Encoding => same_encoding(left, right),
        Rule::Text => kind(left) == kind(right) && text(left).is_some(),
    }
}

/// Valkey decides by the lengths of key and value together whether a string is `embstr`; here it is 44 bytes, as in
/// Redis. HEXPIRE that sets nothing leaves a hash as it is here, and SORT a packed sorted set.
pub fn same_encoding(left: &Value, right: &Value) -> bool {
    let are =
        |one: &[u8], other: &[u8]| left.as_bytes() == Some(one) && right.as_bytes() == Some(other);
    left == right
        || are(b"embstr", b"raw")
        || are(b"listpack", b"listpackex")
        || are(b"listpack", b"skiplist")
}

/// Settings that say where a server is, how many cores it uses, or what it is called.
const LOCAL_SETTINGS: &[&str] = &[
    "port",
    "dir",
    "pidfile",
    "logfile",
    "io-threads",
    "bind",
    "maxclients",
    "syslog-ident",
];

/// Asked for by name both must have them; asked for by a glob, those that both have must agree.
fn settings_agree(words: &[Vec<u8>], left: &Value, right: &Value) -> bool {
    let (Some(left), Some(right)) = (fields(left), fields(right)) else {
        return false;
    };
    let by_glob = words
        .iter()
        .skip(2)
        .any(|w| w.iter().any(|b| b"*?[\\".contains(b)));
    let value = |name: &[u8]| right.iter().find(|(n, _)| n == name).map(|(_, v)| v);
    let is_local = |name: &[u8]| LOCAL_SETTINGS.iter().any(|l| l.as_bytes() == name);
    let agree = left
        .iter()
        .all(|(name, l)| is_local(name) || value(name).map_or(by_glob, |r| l == r));
    agree && (by_glob || left.len() == right.len())
}

/// The kind of a value; the three spellings of null are kinds of their own.
fn kind(value: &Value) -> std::mem::Discriminant<Value> {
    std::mem::discriminant(value)
}

fn text(value: &Value) -> Option<String> {
    value
        .as_bytes()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// The names and values of a map, in the order of names.
fn fields(value: &Value) -> Option<Vec<(Vec<u8>, Value)>> {
    let named = |(name, value): (&Value, &Value)| Some((name.as_bytes()?.to_vec(), value.clone()));
    let mut fields: Vec<(Vec<u8>, Value)> = tables::pairs(value)
        .into_iter()
        .map(named)
        .collect::<Option<_>>()?;
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    Some(fields)
}

/// `name=value` lines: all names, and the values of the named fields. Lines come in any order.
fn lines(text: &str, named: &[&str]) -> Vec<String> {
    // Valkey stops watching for a client when a watched key was changed, but not when it was flushed or swapped away.
    let is_dirty = |line: &str| {
        line.split(' ')
            .filter_map(|field| field.strip_prefix("flags="))
            .any(|flags| flags.contains('d'))
    };
    let field = |line: &str, field: &str| match field.split_once('=') {
        Some((name, _)) if !named.contains(&name) => name.to_owned(),
        Some(("watch", _)) if is_dirty(line) => "watch".to_owned(),
        _ => field.to_owned(),
    };
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let fields = line.split(' ').map(|f| field(line, f));
            fields.collect::<Vec<_>>().join(" ")
        })
        .collect();
    lines.sort();
    lines
}

fn in_order(value: &Value) -> Vec<Value> {
    tables::sorted(value.as_array().unwrap_or_default().to_vec())
}

fn bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

/// A value for people.
pub fn show(value: &Value) -> String {
    let bytes = bytes(value);
    let shown = bytes[..bytes.len().min(400)].escape_ascii();
    if bytes.len() > 400 {
        format!("{shown}... ({} bytes)", bytes.len())
    } else {
        shown.to_string()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(value, _) => f.write_str(&show(value)),
            Self::Closed => f.write_str("(connection closed)"),
            Self::Missing => f.write_str("(no answer)"),
        }
    }
}

/// What differences look alike: those of one command (or script) whose answers are of the same kinds, errors alike in
/// their words.
fn group(words: &[Vec<u8>], left: &Answer, right: &Answer) -> String {
    const SCRIPT_SHOWN: usize = 60;
    let known = |name: String| {
        if is_in_roster(&name) {
            name
        } else {
            "(unknown)".to_owned()
        }
    };
    let name = known(String::from_utf8_lossy(&words[0]).to_ascii_lowercase());
    if let Some(inner) = forwarded(words) {
        let group = group(inner, left, right);
        return format!("{name} {group}");
    }
    let more = match (name.as_str(), words.get(1)) {
        ("client" | "config" | "command" | "object" | "script" | "memory", Some(sub)) => {
            let sub = String::from_utf8_lossy(sub).to_ascii_lowercase();
            format!(" {}", known(format!("{name}|{sub}")))
        }
        ("eval" | "eval_ro", Some(script)) => {
            let text = String::from_utf8_lossy(&script[..script.len().min(SCRIPT_SHOWN)]);
            format!(
                " {:?}",
                text.chars()
                    .filter(|c| !c.is_ascii_digit())
                    .collect::<String>()
            )
        }
        _ => String::new(),
    };
    format!("{name}{more}: {} / {}", outline(left), outline(right))
}

/// The kind of an answer; an error without what it quotes and counts.
fn outline(answer: &Answer) -> String {
    const SHOWN: usize = 80;
    let value = match answer {
        Answer::Reply(value, _) => value,
        other => return other.to_string(),
    };
    let Some(error) = value.as_error() else {
        let debug = format!("{value:?}");
        return debug
            .split(['(', ' '])
            .next()
            .unwrap_or_default()
            .to_owned();
    };
    let text = String::from_utf8_lossy(error).into_owned();
    let text = text.split(" script: ").next().unwrap_or_default();
    let unquoted: Vec<&str> = text.split('\'').step_by(2).take(2).collect();
    let unquoted = unquoted.join("..");
    format!(
        "-{}",
        unquoted
            .chars()
            .filter(|c| !c.is_ascii_digit())
            .take(SHOWN)
            .collect::<String>()
    )
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
