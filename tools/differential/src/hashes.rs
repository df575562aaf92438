//! Arguments of the commands of hashes.

use fastrand::Rng;

use crate::{Words, domain};

/// Keys of hashes.
pub const KEYS: &[&[u8]] = &[b"h1", b"h2", b"h3", b"h4", b"h5", b"{tag}h"];

/// Fields: few, so that calls meet; around the length at which a hash is not packed any more.
const FIELDS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"d",
    b"aa",
    b"ab",
    b"",
    b"1",
    b"2",
    b"-5",
    b"007",
    b"10000000000",
    b"\x00\xff\r\n",
    b"sixty-four-bytes-64-64-64-64-64-64-64-64-64-64-64-64-64-64-64-64",
    b"sixty-five-bytes-65-65-65-65-65-65-65-65-65-65-65-65-65-65-65-65-",
];

fn pick(rng: &mut Rng, from: &[&[u8]]) -> Vec<u8> {
    from[rng.usize(..from.len())].to_vec()
}

fn field(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..10) {
        0..6 => pick(rng, &FIELDS[..8]),
        6..8 => pick(rng, FIELDS),
        _ => rng.u32(..40).to_string().into_bytes(),
    }
}

/// A word for the argument `name` of a command, if it is one of these.
pub fn argument(rng: &mut Rng, command: &str, name: &str, kind: &str) -> Option<Vec<u8>> {
    if !command.starts_with('h') || command == "hello" {
        return None;
    }
    Some(match name {
        _ if kind == "key" => match rng.u32(..30) {
            0 => domain::key(rng),
            _ => pick(rng, KEYS),
        },
        "field" => field(rng),
        "value" => match rng.u32(..4) {
            0 => domain::value(rng),
            1 => field(rng),
            _ => domain::short_value(rng),
        },
        "increment" if command == "hincrby" => match rng.u32(..3) {
            0 => domain::integer(rng),
            _ => rng.i32(-20..20).to_string().into_bytes(),
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
            _ => rng.u32(1..4).to_string().into_bytes(),
        },
        // the last moment that a field may expire at, and the next one
        "unix-time-milliseconds" if rng.u32(..12) == 0 => {
            pick(rng, &[b"70368744177663", b"70368744177664"])
        }
        "unix-time-seconds" if rng.u32(..12) == 0 => pick(rng, &[b"70368744177", b"70368744178"]),
        "count" if command == "hrandfield" => match rng.u32(..4) {
            0 => pick(
                rng,
                &[
                    b"0",
                    b"-0",
                    b"x",
                    b"9223372036854775807",
                    b"-9223372036854775808",
                ],
            ),
            _ => rng.i32(-9..200).to_string().into_bytes(),
        },
        "count" => pick(
            rng,
            &[
                b"1",
                b"10",
                b"1000",
                b"0",
                b"-1",
                b"x",
                b"9223372036854775807",
            ],
        ),
        "cursor" => pick(rng, &[b"0", b"0", b"0", b"17", b"x", b"-1", b"", b" 0"]),
        "pattern" => pick(rng, &[b"*", b"a*", b"?", b"[1-3]*", b"", b"nosuch*", b"*a"]),
        _ => return None,
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
