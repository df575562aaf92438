//! The types of collections, and what the arguments of their commands have in common.

use fastrand::Rng;

use crate::{Words, domain, hashes, lists, sets, sorted_sets};

/// A type, as calls of its commands are made up.
pub struct Type {
    /// Its keys.
    pub keys: &'static [&'static [u8]],
    /// A word for an argument of a command, by the command's name, the argument's name and its kind; none if it is none of
    /// these.
    pub argument: fn(&mut Rng, &str, &str, &str) -> Option<Vec<u8>>,
    /// A call that is not to be spoiled, by which values cross the limits of encodings.
    pub filling: fn(&mut Rng) -> Words,
    /// The command that mostly is.
    pub filled_by: &'static str,
    /// One of so many calls is such a one.
    pub calls_per_filling: u32,
}

/// All types.
pub const TYPES: &[Type] = &[
    Type {
        keys: sorted_sets::KEYS,
        argument: sorted_sets::argument,
        filling: sorted_sets::filling,
        filled_by: "zadd",
        calls_per_filling: 60,
    },
    Type {
        keys: lists::KEYS,
        argument: lists::argument,
        filling: lists::filling,
        filled_by: "lpush",
        calls_per_filling: 60,
    },
    Type {
        keys: sets::KEYS,
        argument: sets::argument,
        filling: sets::filling,
        filled_by: "sadd",
        calls_per_filling: 60,
    },
    Type {
        keys: hashes::KEYS,
        argument: hashes::argument,
        filling: hashes::filling,
        filled_by: "hset",
        calls_per_filling: 100,
    },
];

/// Names of members and fields: few, so that calls meet; around the length at which a collection is not packed any more.
const NAMES: &[&[u8]] = &[
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
    LONGEST_PACKED,
    LONGER,
];

/// As long as an element of a packed set, hash or sorted set may be by default.
pub const LONGEST_PACKED: &[u8] =
    b"sixty-four-bytes-64-64-64-64-64-64-64-64-64-64-64-64-64-64-64-64";

/// One byte longer.
pub const LONGER: &[u8] = b"sixty-five-bytes-65-65-65-65-65-65-65-65-65-65-65-65-65-65-65-65-";

const _: () = assert!(LONGEST_PACKED.len() == 64 && LONGER.len() == 65);

/// How often a key is one of any type, in calls.
const CALLS_PER_OTHER_KEY: u32 = 30;

/// One of these words.
pub fn pick(rng: &mut Rng, from: &[&[u8]]) -> Vec<u8> {
    from[rng.usize(..from.len())].to_vec()
}

/// One of these keys, or now and then any key.
pub fn key(rng: &mut Rng, keys: &[&[u8]]) -> Vec<u8> {
    match rng.u32(..CALLS_PER_OTHER_KEY) {
        0 => domain::key(rng),
        _ => pick(rng, keys),
    }
}

/// The name of a member or field.
pub fn name(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..10) {
        0..6 => pick(rng, &NAMES[..8]),
        6..8 => pick(rng, NAMES),
        _ => small(rng, 0..40),
    }
}

/// A small number.
pub fn small(rng: &mut Rng, range: std::ops::Range<i32>) -> Vec<u8> {
    rng.i32(range).to_string().into_bytes()
}

/// A word for the argument `name` of a command, if it is one that the commands of several types have.
pub fn argument(rng: &mut Rng, command: &str, name: &str) -> Option<Vec<u8>> {
    Some(match (name, command) {
        ("count", "hrandfield" | "srandmember" | "zrandmember") => match rng.u32(..4) {
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
            _ => small(rng, -9..200),
        },
        ("count", "hscan" | "sscan" | "zscan") => pick(
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
        ("cursor", _) => pick(rng, &[b"0", b"0", b"0", b"17", b"x", b"-1", b"", b" 0"]),
        ("pattern", _) => pick(rng, &[b"*", b"a*", b"?", b"[1-3]*", b"", b"nosuch*", b"*a"]),
        ("limit", _) => small(rng, -2..9),
        _ => return None,
    })
}
