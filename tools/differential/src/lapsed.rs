//! Keys that EXPIRE deletes at once, because the time that it gives has passed.
//!
//! Valkey announces such a key as `expired`, which is not compared (see [`crate::peer`]), and Redis as `del`. So there the right
//! server may announce as many deletions of a key as there are such calls for it, and nothing else that the left does not.

use std::time::{SystemTime, UNIX_EPOCH};

use perilune_resp::read_usual;

use crate::pair::Step;

/// Whether the right server's events are the left's with such deletions among them, at least one.
pub fn explains(steps: &[Step], left: &[String], right: &[String]) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.map_or(0, |time| time.as_millis() as i64);
    let mut deletions: Vec<String> = Vec::new();
    for key in steps.iter().flat_map(|step| keys(step, now_ms)) {
        let key = key.escape_ascii();
        // on either channel, without the database
        deletions.extend([format!("__:{key}: del"), format!("__:del: {key}")]);
    }
    let mut left = left.iter().peekable();
    let all_explained = right.iter().all(|event| {
        if left.next_if_eq(&event).is_some() {
            return true;
        }
        let found = deletions.iter().position(|end| event.ends_with(end));
        found.map(|at| deletions.swap_remove(at)).is_some()
    });
    all_explained && left.next().is_none()
}

/// The keys that a step gives such a time, by a script that is told what to call as well.
fn keys(step: &Step, now_ms: i64) -> Vec<&[u8]> {
    let words = words(step);
    let calls = words.windows(3).filter(|call| {
        let time = std::str::from_utf8(call[2])
            .ok()
            .and_then(|text| text.parse().ok());
        time.is_some_and(|time| has_passed(call[0], time, now_ms))
    });
    calls.map(|call| call[1]).collect()
}

/// The words that a step sends, those of one call behind those of the other.
fn words(step: &Step) -> Vec<&[u8]> {
    match step {
        Step::Call { words, .. } => words.iter().map(|word| &word[..]).collect(),
        Step::Raw { bytes, .. } => {
            let (mut words, mut rest) = (Vec::new(), &bytes[..]);
            while let Some(taken) = read_usual(rest, |word| words.push(word)) {
                rest = &rest[taken..];
            }
            words
        }
        _ => Vec::new(),
    }
}

fn has_passed(command: &[u8], time: i64, now_ms: i64) -> bool {
    match &command.to_ascii_lowercase()[..] {
        b"expire" | b"pexpire" => time <= 0,
        b"expireat" => time <= now_ms / 1000,
        b"pexpireat" => time <= now_ms,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(calls: &[&str], left: &[&str], right: &[&str]) -> bool {
        let step = |line: &&str| Step::Call {
            session: 0,
            words: line
                .split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect(),
        };
        let steps: Vec<Step> = calls.iter().map(step).collect();
        let events = |events: &[&str]| -> Vec<String> {
            events.iter().map(|event| (*event).to_owned()).collect()
        };
        explains(&steps, &events(left), &events(right))
    }

    #[test]
    fn only_deletions_by_expire_with_a_time_that_has_passed() {
        let (set, del) = ("__keyspace@0__:b: set", "__keyspace@0__:a: del");
        let also_del = "__keyevent@0__:del: a";
        let calls = ["EXPIRE a -1", "SET b 1"];
        assert!(check(&calls, &[set], &[del, also_del, set]));
        assert!(check(&["EVAL x 0 pexpireat a 1"], &[], &[del]));
        assert!(!check(&calls, &[set], &[del, del, set]), "one call");
        let raw = Step::Raw {
            session: 0,
            bytes: b"*1\r\n$4\r\nPING\r\n*3\r\n$6\r\nexpire\r\n$1\r\na\r\n$3\r\n-40\r\n".to_vec(),
        };
        assert!(explains(&[raw], &[], &[del.to_owned()]), "as bytes");
        assert!(!check(&calls, &[set, del], &[set]), "the left one's");
        assert!(!check(&calls, &[set], &[del]), "another is missing");
        assert!(!check(&["EXPIRE a 1"], &[], &[del]), "not yet");
        assert!(!check(&["EXPIREAT a 99999999999"], &[], &[del]), "not yet");
        assert!(!check(&["EXPIRE b -1"], &[], &[del]), "another key");
        assert!(!check(&["DEL a"], &[], &[del]), "another command");
    }
}
