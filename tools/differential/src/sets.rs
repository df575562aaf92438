//! Arguments of the commands of sets.

use fastrand::Rng;

use crate::collections::{self, LONGER, LONGEST_PACKED, key, pick, small};
use crate::{Words, domain};

/// Keys of sets.
pub const KEYS: &[&[u8]] = &[b"set1", b"set2", b"set3", b"set4", b"set5", b"{tag}set"];

/// Members, with integers at the ends of what an intset can hold.
const MEMBERS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"d",
    b"",
    b"1",
    b"2",
    b"-5",
    b"007",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"\x00\xff\r\n",
    LONGEST_PACKED,
    LONGER,
];

fn member(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..20) {
        0..6 => pick(rng, &MEMBERS[..8]),
        6..9 => pick(rng, MEMBERS),
        9..18 => small(rng, 0..40),
        _ => domain::integer(rng),
    }
}

/// A word for the argument `name` of a command, if it is one of these.
pub fn argument(rng: &mut Rng, command: &str, name: &str, kind: &str) -> Option<Vec<u8>> {
    const NAMES: &[&str] = &[
        "sadd",
        "srem",
        "smembers",
        "sismember",
        "smismember",
        "scard",
        "spop",
        "srandmember",
        "smove",
        "sinter",
        "sunion",
        "sdiff",
        "sinterstore",
        "sunionstore",
        "sdiffstore",
        "sintercard",
        "sscan",
    ];
    if !NAMES.contains(&command) {
        return None;
    }
    Some(match name {
        _ if kind == "key" => key(rng, KEYS),
        "member" => member(rng),
        // all or nothing: see `is_whole_pop`
        "count" if command == "spop" => pick(
            rng,
            &[
                b"1000000",
                b"1000000",
                b"9223372036854775807",
                b"0",
                b"-1",
                b"x",
                b"-9223372036854775808",
            ],
        ),
        _ => return collections::argument(rng, command, name),
    })
}

/// Whether an SPOP takes all that there is, or nothing: otherwise the servers draw, and hold other things from then on.
pub fn is_whole_pop(words: &[Vec<u8>]) -> bool {
    let count = words.get(2).map(|count| {
        std::str::from_utf8(count)
            .ok()
            .and_then(|count| count.parse::<i64>().ok())
    });
    match count {
        None => words.len() == 1,
        Some(None) => true,
        Some(Some(count)) => !(1..1_000_000).contains(&count),
    }
}

/// Limits of intsets and of packed sets. The first is never the smaller one: then it would depend on the order in which members
/// come, which is that of a table, how a set is encoded that is made of others. No setting by itself changes that.
const LIMITS: &[[&str; 2]] = &[
    ["512", "128"],
    ["128", "128"],
    ["20", "10"],
    ["20", "20"],
    ["3", "3"],
    ["3", "0"],
];

/// A call that is not to be spoiled: so many members at once that the set crosses thresholds, integers for the most part
/// of the time; or other thresholds.
pub fn filling(rng: &mut Rng) -> Words {
    if rng.u32(..4) == 0 {
        let [ints, packed] = LIMITS[rng.usize(..LIMITS.len())];
        let line =
            format!("CONFIG SET set-max-intset-entries {ints} set-max-listpack-entries {packed}");
        return line
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect();
    }
    let name: &[u8] = if rng.u32(..4) == 0 { b"SREM" } else { b"SADD" };
    let mut words = vec![name.to_vec(), pick(rng, KEYS)];
    let only_integers = rng.u32(..3) != 0;
    let first = rng.i64(-10..100);
    for number in 0..rng.i64(1..700) {
        words.push(match rng.u32(..30) {
            0 if !only_integers => member(rng),
            _ => (first + number).to_string().into_bytes(),
        });
    }
    words
}
