//! What arguments are made of: a hint for each argument that wants a certain sort of value, drawn from [`crate::pools`].

use fastrand::Rng;

use crate::pools::{
    BITFIELD_TYPES, BITFIELD_TYPES_VALID, FLOATS, INTEGERS, KEYS, LENGTHS, NAMES, ODD_NUMBERS,
    PATTERNS, SETTINGS, SETTINGS_READ, SHORT_KEYS, STRING_BYTES_MAX,
};
use crate::{collections, functions, payloads, sorting, waiting};

/// Whether the run may set the setting: an unknown one (which is refused), or a listed one to a listed value.
pub fn is_harmless_setting(name: &[u8], value: Option<&[u8]>) -> bool {
    let known = SETTINGS
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
    match (known, value) {
        (Some((_, values)), Some(value)) => values.iter().any(|v| v.as_bytes() == value),
        (_, None) => true,
        (None, _) => name.starts_with(b"nosuch"),
    }
}

fn pick<'a, T: ?Sized>(rng: &mut Rng, from: &[&'a T]) -> &'a T {
    from[rng.usize(..from.len())]
}

/// A key of the pool.
pub fn key(rng: &mut Rng) -> Vec<u8> {
    pick(rng, KEYS).to_vec()
}

/// All keys of the pool.
pub fn keys() -> &'static [&'static [u8]] {
    KEYS
}

/// A key whose value is short.
pub fn short_key(rng: &mut Rng) -> Vec<u8> {
    pick(rng, SHORT_KEYS).to_vec()
}

/// A value for a short key.
pub fn short_value(rng: &mut Rng) -> Vec<u8> {
    let len = rng.usize(..40);
    (0..len).map(|_| b'a' + rng.u8(..4)).collect()
}

/// An integer in its usual form.
pub fn integer(rng: &mut Rng) -> Vec<u8> {
    let number = if rng.bool() {
        INTEGERS[rng.usize(..INTEGERS.len())]
    } else {
        rng.i64(-20..200)
    };
    number.to_string().into_bytes()
}

/// What stands at an integer's place and should not.
pub fn odd_number(rng: &mut Rng) -> Vec<u8> {
    pick(rng, ODD_NUMBERS).as_bytes().to_vec()
}

/// A floating-point number, or almost.
pub fn float(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..4) {
        0 => format!("{}", f64::from_bits(rng.u64(..))).into_bytes(),
        1 => format!("{}", (rng.f64() - 0.5) * 10_f64.powi(rng.i32(-10..20))).into_bytes(),
        _ => pick(rng, FLOATS).as_bytes().to_vec(),
    }
}

/// A value: a number in one of many forms, text or bytes around one of the thresholds, seldom a long one.
pub fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(..100) {
        0..25 => integer(rng),
        25..32 => float(rng),
        32..36 => odd_number(rng),
        36..90 => {
            let len = LENGTHS[rng.usize(..LENGTHS.len())];
            if rng.bool() {
                vec![b'a' + rng.u8(..26); len]
            } else {
                (0..len).map(|_| rng.u8(..)).collect()
            }
        }
        90..99 => rng.i64(-1000..100_000).to_string().into_bytes(),
        _ => vec![
            rng.u8(..);
            if rng.u32(..4) == 0 {
                100 * 1024
            } else {
                10_000
            }
        ],
    }
}

/// A glob.
pub fn pattern(rng: &mut Rng) -> Vec<u8> {
    pick(rng, PATTERNS).as_bytes().to_vec()
}

/// A time to live that nobody can be late for: over, or far away, and no two alike (GT and LT compare them).
/// See `is_race` in [`crate::guard`].
pub fn lifetime(rng: &mut Rng, unit: i64) -> Vec<u8> {
    let number = match rng.u32(..12) {
        0 => 0,
        1 => -1 - rng.i64(0..1000),
        2 => pick(
            rng,
            &[
                &i64::MAX,
                &i64::MIN,
                &9_223_372_036_854_775,
                &-9_223_372_036_854_775,
                &9_223_372_036_854_776,
            ],
        )
        .to_owned(),
        _ => (1000 + rng.i64(0..10_000_000) * 100) * unit,
    };
    number.to_string().into_bytes()
}

/// A point in time that nobody can be late for: see [`lifetime`].
pub fn moment(rng: &mut Rng, unit: i64) -> Vec<u8> {
    let number = match rng.u32(..12) {
        0 => 0,
        1 => -rng.i64(0..1000),
        2 => rng.i64(1..1_000_000_000) * unit,
        3 => pick(rng, &[&i64::MAX, &i64::MIN, &9_223_372_036_854_775]).to_owned(),
        _ => (4_000_000_000 + rng.i64(0..10_000_000) * 100) * unit,
    };
    number.to_string().into_bytes()
}

fn offset(rng: &mut Rng, unit: i64) -> Vec<u8> {
    let edge = STRING_BYTES_MAX * unit;
    let number = match rng.u32(..100) {
        0 => edge - 1,
        1..4 => edge,
        4..6 => *pick(
            rng,
            &[
                &(1 << 29),
                &(1 << 32),
                &((1 << 32) - 1),
                &i64::MAX,
                &(1 << 62),
            ],
        ),
        6..10 => -1,
        10..20 => rng.i64(0..2000),
        _ => rng.i64(0..80),
    };
    number.to_string().into_bytes()
}

fn one_of(rng: &mut Rng, words: &[&str]) -> Vec<u8> {
    pick(rng, words).as_bytes().to_vec()
}

/// The words of a mixed list of command names: known, unknown, containers, subcommands.
pub fn command_name(rng: &mut Rng) -> Vec<u8> {
    let (name, _) = crate::roster::ROSTER[rng.usize(..crate::roster::ROSTER.len())];
    match rng.u32(..10) {
        0 => b"nosuch".to_vec(),
        1 => name
            .split('|')
            .next()
            .unwrap_or_default()
            .as_bytes()
            .to_vec(),
        2 => name.to_ascii_uppercase().into_bytes(),
        3 => b"client|nosuch".to_vec(),
        _ => name.as_bytes().to_vec(),
    }
}

/// Commands that are about keys of all types.
const ANY_TYPE: &[&str] = &[
    "copy",
    "del",
    "dump",
    "exists",
    "expire",
    "expireat",
    "expiretime",
    "memory|usage",
    "move",
    "object|encoding",
    "object|freq",
    "object|idletime",
    "object|refcount",
    "persist",
    "pexpire",
    "pexpireat",
    "pexpiretime",
    "pttl",
    "rename",
    "renamenx",
    "restore",
    "touch",
    "ttl",
    "type",
    "unlink",
    "watch",
];

/// A value for the argument `name` of `command`, where COMMAND DOCS calls its kind `kind`.
pub fn argument(rng: &mut Rng, command: &str, name: &str, kind: &str) -> Vec<u8> {
    let mut types = collections::TYPES.iter();
    let own = types
        .find_map(|of_type| (of_type.argument)(rng, command, name, kind))
        .or_else(|| sorting::argument(rng, command, name, kind))
        .or_else(|| waiting::argument(rng, command, name, kind))
        .or_else(|| payloads::argument(rng, command, name));
    if let Some(word) = own {
        return word;
    }
    match (command, name) {
        _ if kind == "key" && ANY_TYPE.contains(&command) && rng.u32(..3) == 0 => {
            let of_type = &collections::TYPES[rng.usize(..collections::TYPES.len())];
            return collections::pick(rng, of_type.keys);
        }
        ("lcs", "key1" | "key2") => return short_key(rng),
        ("select" | "move" | "swapdb", _) if kind == "integer" => return database(rng),
        ("copy", "destination-db") => return database(rng),
        ("setbit" | "getbit", "offset") => return offset(rng, 8),
        ("setbit", "value") => {
            return one_of(
                rng,
                &["0", "1", "0", "1", "0", "1", "2", "-1", "", "01", "a"],
            );
        }
        ("bitpos", "bit") => return one_of(rng, &["0", "1", "0", "1", "2", "-1", "x"]),
        ("setrange", "offset") => return offset(rng, 1),
        ("bitfield" | "bitfield_ro", "encoding") => {
            let odd_too = rng.u32(..5) == 0;
            let count = if odd_too {
                BITFIELD_TYPES.len()
            } else {
                BITFIELD_TYPES_VALID
            };
            return one_of(rng, &BITFIELD_TYPES[..count]);
        }
        ("bitfield" | "bitfield_ro", "offset") => {
            let number = offset(rng, 8);
            return if rng.u32(..3) == 0 {
                [
                    b"#".to_vec(),
                    one_of(rng, &["0", "1", "5", "100", "-1", "", "x"]),
                ]
                .concat()
            } else {
                number
            };
        }
        ("incrbyfloat", "increment") => return float(rng),
        ("bitcount" | "bitpos" | "getrange" | "substr", "start" | "end") => {
            return if rng.u32(..6) == 0 {
                integer(rng)
            } else {
                rng.i64(-70..70).to_string().into_bytes()
            };
        }
        (_, "seconds") => return lifetime(rng, 1),
        (_, "milliseconds") => return lifetime(rng, 1000),
        (_, "unix-time-seconds") => return moment(rng, 1),
        (_, "unix-time-milliseconds") => return moment(rng, 1000),
        ("hello", "protover") => {
            return one_of(rng, &["2", "3", "2", "3", "1", "4", "x", "", "-1"]);
        }
        ("hello" | "client|setname", "clientname" | "connection-name") => {
            return one_of(rng, NAMES);
        }
        ("client|setinfo", _) => return one_of(rng, NAMES),
        (_, "username") => return one_of(rng, &["default", "default", "nosuch", ""]),
        (_, "password") => return one_of(rng, &["", "secret", "x"]),
        ("client|kill" | "client|list", "client-id") => {
            return one_of(
                rng,
                &[
                    "999999999",
                    "@ID0@",
                    "@ID1@",
                    "0",
                    "-1",
                    "x",
                    "99999999999999999999",
                ],
            );
        }
        ("client|kill" | "client|list", "addr" | "laddr" | "old-format") => {
            return one_of(rng, &["1.2.3.4:5", "@ADDR0@", "x", ""]);
        }
        ("client|kill" | "client|list", "maxage") => {
            return one_of(rng, &["1000000000", "9999999999", "x", "0", "-1"]);
        }
        ("client|pause", "timeout") => {
            return one_of(rng, &["0", "1", "-1", "x", "1.5", "-9223372036854775808"]);
        }
        ("config|get", _) => return one_of(rng, SETTINGS_READ),
        ("info", _) => {
            return one_of(
                rng,
                &[
                    "server",
                    "clients",
                    "memory",
                    "persistence",
                    "stats",
                    "replication",
                    "cpu",
                    "keyspace",
                    "all",
                    "default",
                    "everything",
                    "nosuch",
                    "SERVER",
                    "",
                ],
            );
        }
        ("command|docs" | "command|info", _) => return command_name(rng),
        ("command|list", "module-name") => return one_of(rng, &["nosuch", ""]),
        ("command|list", "category") => {
            return one_of(
                rng,
                &[
                    "string",
                    "keyspace",
                    "bitmap",
                    "transaction",
                    "scripting",
                    "connection",
                    "fast",
                    "read",
                    "nosuch",
                    "STRING",
                ],
            );
        }
        ("command|list", "pattern") => {
            return one_of(
                rng,
                &[
                    "*", "get*", "set*", "nosuch*", "bit*", "c?py", "client|*", "GET*",
                ],
            );
        }
        ("scan", "cursor") => {
            return one_of(
                rng,
                &[
                    "0",
                    "0",
                    "0",
                    "17",
                    "x",
                    "-1",
                    "",
                    "18446744073709551616",
                    " 0",
                ],
            );
        }
        ("scan", "count") => {
            return one_of(
                rng,
                &["1", "10", "1000", "0", "-1", "x", "9223372036854775807"],
            );
        }
        ("scan", "type") => {
            return one_of(rng, &["string", "STRING", "list", "hash", "nosuch", ""]);
        }
        ("lolwut", _) => return one_of(rng, &["5", "6", "1", "0", "-1", "x"]),
        ("memory|usage", "count") => return one_of(rng, &["0", "1", "5", "-1", "x"]),
        ("script|exists", _) => {
            return one_of(
                rng,
                &[
                    "ffffffffffffffffffffffffffffffffffffffff",
                    "e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
                    "",
                    "x",
                ],
            );
        }
        ("script|load", _) => return crate::scripts::body(rng),
        ("fcall" | "fcall_ro", "function") => return functions::function_name(rng),
        ("function|load", "function-code") => return functions::code(rng),
        ("function|delete", _) => return functions::library_name(rng),
        ("function|list", "library-name-pattern") => {
            return one_of(rng, &["*", "l*", "L1", "l?", "[^l]*", "nosuch", ""]);
        }
        ("function|restore", "serialized-value") => return functions::payload(rng),
        _ => {}
    }
    match kind {
        "key" => key(rng),
        "pattern" => pattern(rng),
        "integer" => {
            if rng.u32(..8) == 0 {
                odd_number(rng)
            } else {
                integer(rng)
            }
        }
        "double" => float(rng),
        "unix-time" => moment(rng, 1),
        _ => value(rng),
    }
}

fn database(rng: &mut Rng) -> Vec<u8> {
    one_of(
        rng,
        &[
            "0",
            "1",
            "2",
            "3",
            "0",
            "1",
            "2",
            "3",
            "0",
            "1",
            "15",
            "16",
            "-1",
            "x",
            "",
            "4294967296",
            "1.0",
            "+1",
            "01",
        ],
    )
}

/// A name and a value for CONFIG SET.
pub fn setting(rng: &mut Rng) -> [Vec<u8>; 2] {
    let (name, values) = SETTINGS[rng.usize(..SETTINGS.len())];
    let name = if rng.u32(..10) == 0 {
        name.to_ascii_uppercase()
    } else {
        name.into()
    };
    [name.into_bytes(), one_of(rng, values)]
}
