//! Arguments of the commands of sorted sets.
//!
//! Ranges of members mean something only where all scores are equal: in a big set with different ones the reference
//! answers what the heights of its skip list, which are random, happen to lead to. So these ranges are asked of keys of
//! their own, which get members of score 0 only.

use fastrand::Rng;

use crate::collections::{self, key, pick, small};
use crate::{Words, domain};

/// Keys of sorted sets.
pub const KEYS: &[&[u8]] = &[b"z1", b"z2", b"z3", b"z4", b"z5", b"{tag}z"];
/// Keys of sorted sets whose scores are all equal.
const EQUAL_KEYS: &[&[u8]] = &[b"lex1", b"lex2", b"lex3"];

fn score(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..20) {
        0..10 => small(rng, -3..6),
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
        4..7 => [b"(".to_vec(), collections::name(rng)].concat(),
        7..11 => [b"[".to_vec(), collections::name(rng)].concat(),
        _ => pick(rng, &[b"", b"a", b"-a", b"+\x00x", b"1", b"["]),
    }
}

fn rank(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..12) {
        0 => domain::integer(rng),
        _ => small(rng, -12..12),
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
        _ if kind == "key" && about_members => key(rng, EQUAL_KEYS),
        _ if kind == "key" => key(rng, KEYS),
        "member" => collections::name(rng),
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
        "offset" => small(rng, -3..6),
        "count" if !matches!(command, "zrandmember" | "zscan") => small(rng, -2..9),
        _ => return collections::argument(rng, command, name),
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
            words.push(small(rng, -3..6));
            words.push(number.to_string().into_bytes());
        }
    } else {
        words.push(pick(rng, EQUAL_KEYS));
        for _ in 0..rng.usize(1..12) {
            words.extend([b"0".to_vec(), collections::name(rng)]);
        }
    }
    words
}
