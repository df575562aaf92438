//! Arguments of the commands that wait: with data there, with what comes late, and where they must not.

use fastrand::Rng;

use crate::collections::pick;
use crate::generate::Generator;
use crate::pair::Step;
use crate::{Words, domain, lists, sorted_sets};

/// The commands that wait, with the place of their timeout: from the left, or the last word.
const NAMES: &[(&str, Option<usize>)] = &[
    ("blpop", None),
    ("brpop", None),
    ("blmove", None),
    ("brpoplpush", None),
    ("blmpop", Some(1)),
    ("bzpopmin", None),
    ("bzpopmax", None),
    ("bzmpop", Some(1)),
];

/// Waits are no longer than this where nobody ends them.
const SECONDS_MAX: f64 = 0.03;

/// A word for the argument `name` of a command, if it is one of these.
pub fn argument(rng: &mut Rng, command: &str, name: &str, kind: &str) -> Option<Vec<u8>> {
    if !NAMES.iter().any(|(known, _)| *known == command) {
        return None;
    }
    Some(match name {
        _ if kind == "key" => match rng.u32(..30) {
            0 => domain::key(rng),
            _ if command.starts_with("bz") => pick(rng, sorted_sets::KEYS),
            _ => pick(rng, lists::KEYS),
        },
        "timeout" => pick(
            rng,
            &[
                b"0.01",
                b"0.001",
                b"0.02",
                b"1e-3",
                b"-1",
                b"x",
                b"",
                b"nan",
                b"inf",
                b"1e400",
                b"-0.1",
                b"9223372036854775807",
                b"0x1p-8",
            ],
        ),
        "count" => rng.i32(-2..9).to_string().into_bytes(),
        _ => return None,
    })
}

/// Whether the call does not wait, or not for long. What is no number is an error, and as such welcome.
pub fn is_short(words: &[Vec<u8>]) -> bool {
    let known = NAMES
        .iter()
        .find(|(name, _)| words[0].eq_ignore_ascii_case(name.as_bytes()));
    let Some((_, place)) = known else {
        return true;
    };
    let timeout = words.get(place.unwrap_or(words.len() - 1));
    let seconds = timeout
        .and_then(|timeout| std::str::from_utf8(timeout).ok())
        .and_then(|timeout| timeout.trim().parse::<f64>().ok());
    // the reference's own notation, too
    let is_other_number = timeout.is_some_and(|timeout| {
        timeout.len() > 2 && timeout[..2].eq_ignore_ascii_case(b"0x") && timeout != b"0x1p-8"
    });
    !is_other_number
        && seconds.is_none_or(|seconds| {
            // what is rounded up to 0 is for ever
            seconds <= -0.001
                || seconds.is_nan()
                || (seconds > 0.0 && seconds <= SECONDS_MAX)
                || seconds >= 1e16
        })
}

/// The timeout of a call replaced, if it has one.
pub fn with_timeout(mut words: Words, timeout: &str) -> Words {
    let known = NAMES
        .iter()
        .find(|(name, _)| words[0].eq_ignore_ascii_case(name.as_bytes()));
    let Some((_, place)) = known else {
        return words;
    };
    let place = place.unwrap_or(words.len() - 1);
    if let Some(word) = words.get_mut(place) {
        *word = timeout.into();
    }
    words
}

/// A call that waits until somebody ends it, by the grammar.
fn patient(generator: &mut Generator) -> Option<Words> {
    let (name, _) = NAMES[generator.rng.usize(..NAMES.len())];
    let words = generator.call_of(name)?;
    Some(with_timeout(words, "0"))
}

/// A transaction in which the commands find nothing, and do not wait for ever.
pub fn in_transaction(generator: &mut Generator, session: usize, steps: &mut Vec<Step>) {
    // on a connection of its own, so that nothing ends its transaction before its end
    steps.push(Step::Reconnect { session });
    let mut calls = vec![vec![b"MULTI".to_vec()]];
    for _ in 0..generator.rng.usize(1..5) {
        let call = match generator.rng.u32(..3) {
            0 => Some(lists::filling(&mut generator.rng)),
            _ => patient(generator),
        };
        calls.extend(call);
    }
    calls.push(vec![b"EXEC".to_vec()]);
    steps.extend(calls.into_iter().map(|words| Step::Call { session, words }));
}

/// One connection waits, another one brings what it waits for, or something else, or ends its wait.
pub fn served(generator: &mut Generator, waiter: usize, steps: &mut Vec<Step>) {
    let Some(words) = patient(generator) else {
        return;
    };
    let is_about_scores = words[0].to_ascii_lowercase().starts_with(b"bz");
    steps.push(Step::Reconnect { session: waiter });
    let keys: Vec<Vec<u8>> = words[1..]
        .iter()
        .filter(|word| lists::KEYS.contains(&&word[..]) || sorted_sets::KEYS.contains(&&word[..]))
        .cloned()
        .collect();
    if generator.rng.bool() {
        for key in &keys {
            steps.push(Step::Call {
                session: waiter,
                words: vec![b"DEL".to_vec(), key.clone()],
            });
        }
    }
    // the reference fails where another one of them has become of another type: see DIFFERENCES.md
    let waits_for_several = keys.len() > 1
        && !words[0].to_ascii_lowercase().ends_with(b"move")
        && !words[0].to_ascii_lowercase().ends_with(b"push");
    let mut calls: Vec<Words> = Vec::new();
    for _ in 0..generator.rng.usize(1..4) {
        let key = match keys.is_empty() {
            true => domain::key(&mut generator.rng),
            false => keys[generator.rng.usize(..keys.len())].clone(),
        };
        let line: &[&str] = match (generator.rng.u32(..9), is_about_scores) {
            (0..3, false) => &["RPUSH", "KEY", "a", "b"],
            (3, false) => &["LPUSH", "KEY", "c"],
            (0..4, true) => &["ZADD", "KEY", "1", "a", "2", "b"],
            (4, false) => &[
                "EVAL",
                "redis.call('rpush', KEYS[1], 'x') redis.call('lpop', KEYS[1]) return redis.call('rpush', KEYS[1], 'y', 'z')",
                "1",
                "KEY",
            ],
            (4, true) => &[
                "EVAL",
                "redis.call('set', KEYS[1], 'x') redis.call('del', KEYS[1]) return redis.call('zadd', KEYS[1], 3, 'y')",
                "1",
                "KEY",
            ],
            (5 | 7, _) if waits_for_several => &["DEL", "KEY"],
            (5, _) => &["SET", "KEY", "v"],
            (6, false) => &["SORT", "l5", "STORE", "KEY"],
            (6, true) => &["ZRANGESTORE", "KEY", "z5", "0", "-1"],
            (7, _) => &["RENAME", "{tag}l", "KEY"],
            _ => &["DEL", "KEY"],
        };
        let word = |word: &&str| match *word {
            "KEY" => key.clone(),
            word => word.as_bytes().to_vec(),
        };
        calls.push(line.iter().map(word).collect());
    }
    // over a key of another type these wake nobody in the reference: see DIFFERENCES.md
    let is_of =
        |call: &Words, names: [&str; 2]| names.iter().any(|name| call[0] == name.as_bytes());
    if calls.iter().any(|call| is_of(call, ["SET", "RENAME"])) {
        calls.retain(|call| !is_of(call, ["SORT", "ZRANGESTORE"]));
    }
    if generator.rng.u32(..3) == 0 {
        calls.insert(0, vec![b"MULTI".to_vec()]);
        calls.push(vec![b"EXEC".to_vec()]);
    }
    steps.push(Step::Served {
        waiter,
        words,
        calls,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_that_waits_for_long() {
        for (call, expected) in [
            ("BLPOP l 0.01", true),
            ("BLPOP l 0", false),
            ("blpop l 1", false),
            // rounded up to 0, which is for ever
            ("BLPOP l -0.0005", false),
            ("BLPOP l -1", true),
            ("BLPOP l x", true),
            ("BLPOP l 0x1", false),
            ("BLMPOP 0 1 l LEFT", false),
            ("BLMPOP 0.01 1 l LEFT COUNT 0", true),
            ("BLMOVE a b LEFT LEFT 5", false),
            ("GET 0", true),
        ] {
            let words: Words = call.split(' ').map(|word| word.into()).collect();
            assert_eq!(is_short(&words), expected, "{call}");
            let patient = with_timeout(words.clone(), "0");
            assert_eq!(is_short(&patient), call.starts_with("GET"), "{call}");
        }
    }
}
