//! Arguments of the commands of hashes.

use fastrand::Rng;

use crate::collections::{self, key, pick, small};
use crate::{Words, domain};

/// Keys of hashes.
pub const KEYS: &[&[u8]] = &[b"h1", b"h2", b"h3", b"h4", b"h5", b"{tag}h"];

/// A word for the argument `name` of a command, if it is one of these.
pub fn argument(rng: &mut Rng, command: &str, name: &str, kind: &str) -> Option<Vec<u8>> {
    if !command.starts_with('h') || command == "hello" {
        return None;
    }
    Some(match name {
        _ if kind == "key" => key(rng, KEYS),
        "field" => collections::name(rng),
        "value" => match rng.u32(..4) {
            0 => domain::value(rng),
            1 => collections::name(rng),
            _ => domain::short_value(rng),
        },
        "increment" if command == "hincrby" => match rng.u32(..3) {
            0 => domain::integer(rng),
            _ => small(rng, -20..20),
        },
        "increment" => domain::float(rng),
        "numfields" => match rng.u32(..3) {
            0 => pick(
                rng,
                &[
                    b"0",
                    b"-1",
                    b"x",
                    b"",
                    b"2147483648",
                    b"9223372036854775808",
                ],
            ),
            _ => small(rng, 1..4),
        },
        // the last moment that a field may expire at, and the next one
        "unix-time-milliseconds" if rng.u32(..12) == 0 => {
            pick(rng, &[b"70368744177663", b"70368744177664"])
        }
        "unix-time-seconds" if rng.u32(..12) == 0 => pick(rng, &[b"70368744177", b"70368744178"]),
        _ => return collections::argument(rng, command, name),
    })
}

/// A call that is not to be spoiled: so many fields at once that the hash is not packed under most settings.
pub fn filling(rng: &mut Rng) -> Words {
    let name: &[u8] = if rng.bool() { b"HSET" } else { b"HMSET" };
    let mut words = vec![name.to_vec(), pick(rng, KEYS)];
    for number in 0..rng.usize(100..600) {
        words.push(number.to_string().into_bytes());
        words.push(domain::short_value(rng));
    }
    words
}
