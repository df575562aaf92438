//! Keeps calls out whose result depends on the moment at which they run, or on how they travel.
//!
//! The two servers run a call some milliseconds apart. A key that expires in between would exist for one of them
//! only. So a lifetime is either over when it is set, or ends long after the run; expiry itself is tested by
//! [`crate::episodes`], which waits until both must have noticed.

use std::time::{SystemTime, UNIX_EPOCH};

/// Lifetimes that end within this many milliseconds, or ended as recently, are a race.
const RACE_MS: u128 = 400_000;

/// Whether the call sets a lifetime that ends while the run may still be going.
pub fn is_race(words: &[Vec<u8>]) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis()) as i128;
    is_race_at(words, now)
}

fn is_race_at(words: &[Vec<u8>], now: i128) -> bool {
    let name = words
        .first()
        .map(|name| name.to_ascii_lowercase())
        .unwrap_or_default();
    let ends_soon = |number: Option<&Vec<u8>>, unit: i128, base: i128| {
        let number = number
            .and_then(|n| std::str::from_utf8(n).ok())
            .and_then(|n| n.trim().parse::<i128>().ok());
        // a number that leaves the range ends no time
        let left = |n: i128| n.checked_mul(unit)?.checked_add(base)?.checked_sub(now);
        number.is_some_and(|n| {
            left(n).is_some_and(|left| left.unsigned_abs() < RACE_MS) && !(base == now && n <= 0)
        })
    };
    match name.as_slice() {
        b"expire" | b"setex" => ends_soon(words.get(2), 1000, now),
        b"pexpire" | b"psetex" => ends_soon(words.get(2), 1, now),
        b"expireat" => ends_soon(words.get(2), 1000, 0),
        b"pexpireat" => ends_soon(words.get(2), 1, 0),
        b"restore" => {
            let is_absolute = words.iter().any(|w| w.eq_ignore_ascii_case(b"absttl"));
            ends_soon(words.get(2), 1, if is_absolute { 0 } else { now })
        }
        b"hexpire" => ends_soon(words.get(2), 1000, now),
        b"hpexpire" => ends_soon(words.get(2), 1, now),
        b"hexpireat" => ends_soon(words.get(2), 1000, 0),
        b"hpexpireat" => ends_soon(words.get(2), 1, 0),
        b"set" | b"getex" | b"hgetex" | b"hsetex" => {
            words
                .windows(2)
                .skip(1)
                .any(|pair| match pair[0].to_ascii_lowercase().as_slice() {
                    b"ex" => ends_soon(pair.get(1), 1000, now),
                    b"px" => ends_soon(pair.get(1), 1, now),
                    b"exat" => ends_soon(pair.get(1), 1000, 0),
                    b"pxat" => ends_soon(pair.get(1), 1, 0),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Whether the call must be the first of its batch. Valkey 8.1 does not answer an AUTH that fails while answers to
/// earlier calls of the same batch are still to be sent (`addAuthErrReply` returns early): every answer after it would
/// be taken for its neighbour's.
pub fn travels_alone(words: &[Vec<u8>]) -> bool {
    let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    is(&words[0], "auth") || (is(&words[0], "hello") && words.iter().any(|w| is(w, "auth")))
}

/// Whether the call may close its own connection, so that nothing may be on its way when it runs. The reference closes at once,
/// and what stands unread in the socket then makes the system throw answers away that the client has not read yet.
pub fn may_close(words: &[Vec<u8>]) -> bool {
    let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    is(&words[0], "client") && words.get(1).is_some_and(|word| is(word, "kill"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(call: &str, race: bool) {
        let words: Vec<Vec<u8>> = call.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        assert_eq!(is_race_at(&words, 1_700_000_000_000), race, "{call}");
    }

    #[test]
    fn only_near_ends_are_races() {
        check("EXPIRE k 1", true);
        check("EXPIRE k 0", false);
        check("EXPIRE k -5", false);
        check("EXPIRE k 100000", false);
        check("PEXPIRE k 100000", true);
        check("SETEX k 10 v", true);
        check("SET k v EX 10", true);
        check("SET k v EX 10000", false);
        check("set k v pxat 1700000000001", true);
        check("GETEX k EXAT 1600000000", false);
        check("EXPIREAT k 1700000100", true);
        check("EXPIRE k 9223372036854775807", false);
        check("EXPIRE k 170141183460469231731687303715884105727", false);
        check("GET ex 1", false);
        check("RESTORE k 100000 x", true);
        check("RESTORE k 1700000000001 x ABSTTL", true);
        check("RESTORE k 0 x", false);
        check("RESTORE k 1700000000001 x", false);
    }
}
