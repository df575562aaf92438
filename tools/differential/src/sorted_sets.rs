//! Arguments of the commands of sorted sets.
//!
//! Ranges of members mean something only where all scores are equal: in a big set with different ones the reference
//! answers what the heights of its skip list, which are random, happen to lead to. So these ranges are asked of keys of
//! their own, which get members of score 0 only.

use fastrand::Rng;

use crate::{Words, domain};

/// Keys of sorted sets.
pub const KEYS: &[&[u8]] = &[b"z1", b"z2", b"z3", b"z4", b"z5", b"{tag}z"];
/// Keys of sorted sets whose scores are all equal.
const EQUAL_KEYS: &[&[u8]] = &[b"lex1", b"lex2", b"lex3"];

/// Members: few, so that calls meet; around the length at which a set is not packed any more.
const MEMBERS: &[&[u8]] = &[
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

fn member(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..10) {
        0..6 => pick(rng, &MEMBERS[..8]),
        6..8 => pick(rng, MEMBERS),
        _ => rng.u32(..40).to_string().into_bytes(),
    }
}

fn score(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..20) {
        0..10 => rng.i32(-3..6).to_string().into_bytes(),
        10..13 => format!("{}", f64::from(rng.i32(-40..40)) / 8.0).into_bytes(),
        13..15 => format!("{}", (rng.f64() - 0.5) * 10_f64.powi(rng.i32(-10..20))).into_bytes(),
        15 => format!("{:e}", f64::from_bits(rng.u64(..))).into_bytes(),
        16 => pick(rng, &[b"inf", b"-inf", b"-0", b"1e22"]),
        17 => rng.i64(..).to_string().into_bytes(),
        _ => domain::float(rng),
    }
}

fn score_bound(rng: &mut Rng) -> Vec<u8> {
    let bound = match rng.u32(..4) {
        0 => pick(rng, &[b"-inf", b"+inf", b"inf"]),
        _ => score(rng),
    };
    match rng.u32(..4) {
        0 => [b"(".to_vec(), bound].concat(),
        _ => bound,
    }
}

fn lex_bound(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..12) {
        0..2 => b"-".to_vec(),
        2..4 => b"+".to_vec(),
        4..7 => [b"(".to_vec(), member(rng)].concat(),
        7..11 => [b"[".to_vec(), member(rng)].concat(),
        _ => pick(rng, &[b"", b"a", b"-a", b"+\x00x", b"1", b"["]),
    }
}

fn rank(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..12) {
        0 => domain::integer(rng),
        _ => rng.i32(-12..12).to_string().into_bytes(),
    }
}

/// Whether the command is about ranges of members, whatever its options say.
fn is_about_members(command: &[u8]) -> bool {
    let names: [&[u8]; 4] = [
        b"zlexcount",
        b"zrangebylex",
        b"zrevrangebylex",
        b"zremrangebylex",
    ];
    names.iter().any(|name| command.eq_ignore_ascii_case(name))
}

/// A word for the argument `name` of a command, if it is one of these.
pub fn argument(rng: &mut Rng, command: &str, name: &str, kind: &str) -> Option<Vec<u8>> {
    if !command.starts_with('z') {
        return None;
    }
    let about_members = is_about_members(command.as_bytes());
    Some(match name {
        _ if kind == "key" => match rng.u32(..30) {
            0 => domain::key(rng),
            _ if about_members => pick(rng, EQUAL_KEYS),
            _ => pick(rng, KEYS),
        },
        "member" => member(rng),
        "score" | "increment" => score(rng),
        "weight" => match rng.u32(..3) {
            0 => score(rng),
            _ => pick(rng, &[b"1", b"2", b"0", b"-1", b"0.5", b"0.1"]),
        },
        "min" | "max" if about_members => lex_bound(rng),
        "min" | "max" if command == "zrangestore" => range_bound(rng),
        "min" | "max" => score_bound(rng),
        "start" | "stop" if command == "zrange" => range_bound(rng),
        "start" | "stop" => rank(rng),
        "offset" => rng.i32(-3..6).to_string().into_bytes(),
        "count" if command == "zrandmember" => match rng.u32(..4) {
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
        "count" if command == "zscan" => pick(
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
        "count" | "limit" => rng.i32(-2..9).to_string().into_bytes(),
        "cursor" => pick(rng, &[b"0", b"0", b"0", b"17", b"x", b"-1", b"", b" 0"]),
        "pattern" => pick(rng, &[b"*", b"a*", b"?", b"[1-3]*", b"", b"nosuch*", b"*a"]),
        _ => return None,
    })
}

/// A bound of a range by rank, score or member: options that come later decide which of them is right.
fn range_bound(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..7) {
        0..4 => rank(rng),
        4..6 => score_bound(rng),
        _ => lex_bound(rng),
    }
}

/// Keeps ranges of members to the keys whose scores are equal. See the module.
pub fn settle(rng: &mut Rng, words: &mut Words) {
    let by_member = words.iter().any(|word| word.eq_ignore_ascii_case(b"bylex"));
    // wherever the command stands: it may be a script's argument
    for at in 0..words.len() {
        let is = |name: &str| words[at].eq_ignore_ascii_case(name.as_bytes());
        let (key, bounds) = match () {
            () if is_about_members(&words[at]) => (at + 1, 0..0),
            () if by_member && is("zrange") => (at + 1, at + 2..at + 4),
            () if by_member && is("zrangestore") => (at + 2, at + 3..at + 5),
            () => continue,
        };
        if let Some(key) = words.get_mut(key)
            && !EQUAL_KEYS.contains(&key.as_slice())
        {
            *key = pick(rng, EQUAL_KEYS);
        }
        if let Some(bounds) = words.get_mut(bounds) {
            bounds.iter_mut().for_each(|bound| *bound = lex_bound(rng));
        }
    }
}

/// A call that is not to be spoiled: members of score 0 for the keys that hold only such, or so many members at once that
/// the set is not packed under any setting.
pub fn filling(rng: &mut Rng) -> Words {
    let mut words = vec![b"ZADD".to_vec()];
    if rng.u32(..8) == 0 {
        words.push(pick(rng, KEYS));
        for number in 0..rng.usize(100..200) {
            words.push(rng.i32(-3..6).to_string().into_bytes());
            words.push(number.to_string().into_bytes());
        }
    } else {
        words.push(pick(rng, EQUAL_KEYS));
        for _ in 0..rng.usize(1..12) {
            words.extend([b"0".to_vec(), member(rng)]);
        }
    }
    words
}
