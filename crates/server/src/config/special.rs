//! The settings with a grammar of their own.

use std::path::Path;

use perilune_value::parse_f64;

use super::cell::{ClientClass, OutputLimit, Value};
use super::parse::{Refusal, parse_lax, parse_memory};

const ADDRESSES_MAX: usize = 16;

/// `bind a b c`; a single empty word is none.
pub(super) fn addresses(words: &[&[u8]]) -> Result<Value, Refusal> {
    match words {
        [b""] => Ok(Value::text("")),
        words if words.len() > ADDRESSES_MAX => Err("Too many bind addresses specified.".into()),
        words => Ok(Value::text(words.join(&b' '))),
    }
}

/// `save seconds changes ...`, added to those of `old`; a single empty word forgets all.
pub(super) fn save_points(words: &[&[u8]], old: &Value) -> Result<Value, Refusal> {
    const INVALID: Refusal = Refusal::Borrowed("Invalid save parameters");
    if words == [b""] {
        return Ok(Value::text(""));
    }
    let (pairs, []) = words.as_chunks::<2>() else {
        return Err(INVALID);
    };
    let mut text = String::from_utf8_lossy(old.bytes()).into_owned();
    for &[seconds, changes] in pairs {
        let seconds = parse_lax(seconds)
            .filter(|&seconds| seconds >= 1)
            .ok_or(INVALID)?;
        let changes = parse_lax(changes)
            .filter(|&changes| changes >= 0)
            .ok_or(INVALID)?;
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&format!("{seconds} {changes}"));
    }
    Ok(Value::text(text))
}

/// `class hard soft seconds ...`; classes that are not named keep theirs.
pub(super) fn output_limits(words: &[&[u8]], old: &Value) -> Result<Value, Refusal> {
    let (quadruples, []) = words.as_chunks::<4>() else {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    };
    let mut limits = match old {
        Value::Limits(limits) => *limits,
        _ => Default::default(),
    };
    for &[class, hard, soft, seconds] in quadruples {
        let class = client_class(class)
            .ok_or("Invalid client class specified in buffer limit configuration.")?;
        let limit = || {
            Some(OutputLimit {
                hard: parse_memory(hard)?,
                soft: parse_memory(soft)?,
                soft_seconds: u64::try_from(parse_lax(seconds)?).ok()?,
            })
        };
        limits[class as usize] = limit()
            .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
    }
    Ok(Value::Limits(limits))
}

fn client_class(name: &[u8]) -> Option<ClientClass> {
    Some(match name.to_ascii_lowercase().as_slice() {
        b"normal" => ClientClass::Normal,
        b"replica" | b"slave" => ClientClass::Replica,
        b"pubsub" => ClientClass::PubSub,
        _ => return None,
    })
}

/// The names of the classes as CONFIG GET answers them.
const CLASS_NAMES: [&str; ClientClass::COUNT] = ["normal", "slave", "pubsub"];

pub(super) fn format_limits(limits: &[OutputLimit; ClientClass::COUNT]) -> String {
    let each = CLASS_NAMES.iter().zip(limits).map(|(class, limit)| {
        format!(
            "{class} {} {} {}",
            limit.hard, limit.soft, limit.soft_seconds
        )
    });
    each.collect::<Vec<_>>().join(" ")
}

/// Three scores from -2000 to 2000.
pub(super) fn oom_scores(words: &[&[u8]]) -> Result<Value, Refusal> {
    if words.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    let mut scores = Vec::new();
    for word in words {
        let score = parse_lax(word)
            .filter(|score| (-2000..=2000).contains(score))
            .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
        scores.push(score.to_string());
    }
    Ok(Value::text(scores.join(" ")))
}

/// Percentiles from 0 to 100.
pub(super) fn percentiles(words: &[&[u8]]) -> Result<Value, Refusal> {
    if words == [b""] {
        return Ok(Value::text(""));
    }
    let mut percentiles = Vec::new();
    for word in words {
        let percentile =
            parse_f64(word).ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if !(0.0..=100.0).contains(&percentile) {
            return Err(
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
                    .into(),
            );
        }
        let text = format!("{percentile:.6}");
        percentiles.push(text.trim_end_matches('0').trim_end_matches('.').to_owned());
    }
    Ok(Value::text(percentiles.join(" ")))
}

/// `host port`, or `no one`.
pub(super) fn primary(words: &[&[u8]]) -> Result<Value, Refusal> {
    let &[host, port] = words else {
        return Err("wrong number of arguments".into());
    };
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(Value::text(""));
    }
    let port = parse_lax(port)
        .filter(|port| (0..=65_535).contains(port))
        .ok_or("Invalid primary port")?;
    Ok(Value::text([host, port.to_string().as_bytes()].join(&b' ')))
}

/// The classes of keyspace events, as `notify-keyspace-events` holds them.
const EVENTS: [(char, i64); 14] = [
    ('g', 1 << 2),
    ('$', 1 << 3),
    ('l', 1 << 4),
    ('s', 1 << 5),
    ('h', 1 << 6),
    ('z', 1 << 7),
    ('x', 1 << 8),
    ('e', 1 << 9),
    ('t', 1 << 10),
    ('d', 1 << 13),
    ('n', 1 << 14),
    ('K', 1 << 0),
    ('E', 1 << 1),
    ('m', 1 << 11),
];
/// What `A` stands for: all but `n`, `m` and the two channels.
const EVENTS_ALL: i64 = 0b0010_0111_1111_1100;
/// The classes that are not named beside `A`; `n` is among them, although `A` does not stand for it.
const EVENTS_BEHIND_ALL: &str = "g$lshzxetdn";

/// `KEA`: a letter per class.
pub(super) fn events(word: &[u8]) -> Result<Value, Refusal> {
    let mut flags = 0;
    for &letter in word {
        flags |= match EVENTS.iter().find(|(each, _)| *each == char::from(letter)) {
            Some((_, flag)) => *flag,
            None if letter == b'A' => EVENTS_ALL,
            None => {
                return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into());
            }
        };
    }
    Ok(Value::Number(flags))
}

pub(super) fn format_events(flags: i64) -> String {
    let all = flags & EVENTS_ALL == EVENTS_ALL;
    let mut text = String::from(if all { "A" } else { "" });
    for (letter, flag) in EVENTS {
        if flags & flag != 0 && !(all && EVENTS_BEHIND_ALL.contains(letter)) {
            text.push(letter);
        }
    }
    text
}

/// A directory that exists, made absolute from the present one.
pub(super) fn directory(word: &[u8], old: &Value) -> Result<Value, Refusal> {
    use std::os::unix::ffi::OsStrExt;
    if word.is_empty() {
        return Err("dir can't be empty".into());
    }
    let path = |bytes| Path::new(std::ffi::OsStr::from_bytes(bytes));
    let directory = path(old.bytes()).join(path(word));
    // Reading its entries is how one finds out, without going there, that it is a directory that may be used.
    let found = std::fs::canonicalize(&directory)
        .and_then(|absolute| std::fs::read_dir(&absolute).map(|_| absolute));
    match found {
        Ok(absolute) => Ok(Value::text(absolute.as_os_str().as_bytes())),
        Err(error) => Err(os_error_text(&error).into()),
    }
}

/// The operating system's words for an error, without the number that Rust adds.
pub(super) fn os_error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
