//! Arguments of the commands of lists.

use fastrand::Rng;

use crate::collections::{key, pick, small};
use crate::pools::SETTINGS;
use crate::{Words, domain};

/// Keys of lists.
pub const KEYS: &[&[u8]] = &[b"l1", b"l2", b"l3", b"l4", b"l5", b"{tag}l"];

/// The setting that decides when lists change their encoding.
const NODE_SIZE: &str = "list-max-listpack-size";

/// Elements: few, so that calls meet; integers of all lengths; and lengths around those of nodes.
fn element(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..40) {
        0..16 => pick(
            rng,
            &[
                b"a",
                b"b",
                b"c",
                b"",
                b"1",
                b"2",
                b"-5",
                b"007",
                b"\x00\xff\r\n",
            ],
        ),
        16..24 => domain::integer(rng),
        24..30 => vec![b'a' + rng.u8(..3); rng.usize(1..300)],
        30..34 => vec![b'a' + rng.u8(..3); rng.usize(1000..4100)],
        34 => vec![b'x'; rng.usize(4080..4100)],
        35 => vec![b'x'; rng.usize(8170..8200)],
        36 => vec![b'x'; rng.usize(16_000..20_000)],
        _ => domain::value(rng),
    }
}

fn index(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..15) {
        0 => domain::integer(rng),
        1 => domain::odd_number(rng),
        _ => small(rng, -12..12),
    }
}

/// Whether the command is about lists.
fn is_one(command: &str) -> bool {
    const NAMES: &[&str] = &[
        "lpush",
        "rpush",
        "lpushx",
        "rpushx",
        "lpop",
        "rpop",
        "llen",
        "lrange",
        "lindex",
        "lset",
        "linsert",
        "lrem",
        "ltrim",
        "lpos",
        "lmove",
        "rpoplpush",
        "lmpop",
    ];
    NAMES.contains(&command)
}

/// A word for the argument `name` of a command, if it is one of these.
pub fn argument(rng: &mut Rng, command: &str, name: &str, kind: &str) -> Option<Vec<u8>> {
    if !is_one(command) {
        return None;
    }
    Some(match name {
        _ if kind == "key" => key(rng, KEYS),
        "element" | "pivot" => element(rng),
        "start" | "stop" => index(rng),
        // where the reference cuts the index down to 32 bits
        "index" if command == "lset" => match index(rng) {
            wide if is_wide(&wide) => b"99".to_vec(),
            index => index,
        },
        "index" => index(rng),
        "count" | "rank" | "num-matches" | "len" => match rng.u32(..10) {
            0 => domain::integer(rng),
            1 => domain::odd_number(rng),
            _ => small(rng, -4..9),
        },
        _ => return None,
    })
}

fn is_wide(number: &[u8]) -> bool {
    let number = std::str::from_utf8(number).ok();
    number
        .and_then(|n| n.parse::<i64>().ok())
        .is_some_and(|n| i32::try_from(n).is_err())
}

/// Whether the call is no LSET whose index the reference cuts down to 32 bits.
pub fn is_narrow(words: &[Vec<u8>]) -> bool {
    words.get(2).is_none_or(|index| !is_wide(index))
}

/// A call that is not to be spoiled: so many elements at once that the list has several nodes under any setting, or
/// another limit of nodes.
pub fn filling(rng: &mut Rng) -> Words {
    if rng.u32(..3) == 0 {
        let sizes = SETTINGS.iter().find(|(name, _)| *name == NODE_SIZE);
        let size = sizes.map_or("-2", |(_, sizes)| sizes[rng.usize(..sizes.len())]);
        return ["CONFIG", "SET", NODE_SIZE, size]
            .map(|word| word.as_bytes().to_vec())
            .to_vec();
    }
    let name: &[u8] = if rng.bool() { b"LPUSH" } else { b"RPUSH" };
    let mut words = vec![name.to_vec(), pick(rng, KEYS)];
    let len = rng.usize(0..200);
    for _ in 0..rng.usize(1..150) {
        words.push(match rng.u32(..3) {
            0 => element(rng),
            1 => rng.i64(-100..10_000).to_string().into_bytes(),
            _ => vec![b'a' + rng.u8(..3); len],
        });
    }
    words
}
