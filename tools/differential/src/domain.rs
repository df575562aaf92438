//! What arguments are made of: pools of keys, numbers, strings, and a hint for each argument that wants a certain
//! sort of them.
//!
//! The pools are small, so that calls meet on the same keys, and full of edges: limits of integer types, numbers that
//! only look like numbers, lengths around the thresholds where representations change.

use fastrand::Rng;

/// Keys of all commands: few, so that calls meet; some with bytes that a careless parser trips over.
const KEYS: &[&[u8]] = &[
    b"k1", b"k2", b"k3", b"k4", b"k5", b"k6", b"k7", b"k8", b"k9", b"k10", b"k11", b"k12", b"k13", b"k14",
    b"{tag}a", b"{tag}b", b"binary\x00\r\n\xff", b"\xe2\x82\xac uro", b"",
    b"a-key-so-long-that-it-does-not-fit-beside-its-value-in-one-cache-line-0123456789-0123456789-0123456789-0123456789",
];
/// Keys whose values stay short, for LCS: its time is the product of two lengths.
const SHORT_KEYS: &[&[u8]] = &[b"s1", b"s2", b"s3", b"s4"];

/// Integers at the edges of their types.
const INTEGERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    3,
    7,
    8,
    9,
    10,
    16,
    31,
    32,
    33,
    63,
    64,
    65,
    100,
    -100,
    127,
    128,
    255,
    256,
    -2,
    1000,
    9999,
    10000,
    32767,
    32768,
    65535,
    65536,
    2147483647,
    2147483648,
    -2147483648,
    -2147483649,
    4294967295,
    4294967296,
    9007199254740992,
    9007199254740993,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
    i64::MIN + 1,
];
/// What looks like a number to somebody.
const ODD_NUMBERS: &[&str] = &[
    "",
    " ",
    " 1",
    "1 ",
    "+1",
    "01",
    "-0",
    "00",
    "1.0",
    "1e3",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "0x10",
    "abc",
    "nan",
    "inf",
    "-inf",
    "1\0",
    "1\n",
    "1_000",
    "-",
    "+",
    "--1",
    "1a",
    "\u{0661}",
];
/// Floating-point numbers and what resembles them.
const FLOATS: &[&str] = &[
    "0",
    "-0",
    "0.0",
    "1.5",
    "-1.5",
    "3.0e3",
    "3.1400",
    "1e5",
    "1e400",
    "-1e400",
    "1e-400",
    "inf",
    "-inf",
    "+inf",
    "infinity",
    "-Infinity",
    "INF",
    "nan",
    "-nan",
    "NaN",
    "0x1p3",
    "0xA",
    "5e-324",
    "1.7976931348623157e308",
    "1e308",
    "0.1",
    "0.2",
    "0.30000000000000004",
    "1e17",
    "123456789.123456789",
    "1,5",
    " 1.5",
    "1.5 ",
    "",
    ".5",
    "5.",
    "+.5",
    "1e",
    "e5",
    "1e5000",
    "9007199254740993",
    "9223372036854775807",
    "1.0000000000000000000000000001",
    "3.0000000000000001",
    "-3.9",
    "1e15",
    "1e16",
    "1e21",
    "0.000001",
    "0.0000001",
    "1234567890123456789.5",
];
/// Lengths around which a string is held in another way.
const LENGTHS: &[usize] = &[
    0, 1, 2, 8, 19, 20, 21, 32, 43, 44, 45, 46, 63, 64, 65, 127, 128, 255, 256, 1023, 1024, 1025,
];
/// The largest offset in a string under the limit that the run sets (`proto-max-bulk-len 1mb`).
const STRING_BYTES_MAX: i64 = 1024 * 1024;
const PATTERNS: &[&str] = &[
    "*", "k*", "k?", "k??", "k[1-5]", "k[^1]", "k[5-1]", "*1", "*[", "k\\1", "\\*", "", "{tag}*",
    "*a*b*", "nosuch*", "[k]*", "**",
];
/// Types of bit fields; the first ones are valid.
const BITFIELD_TYPES: &[&str] = &[
    "u1", "i1", "u2", "i2", "u7", "i8", "u8", "i16", "u31", "i32", "u32", "i33", "u62", "u63",
    "i63", "i64", "u64", "i65", "u0", "i0", "x8", "u", "8", "", "U8", "I8", "u08", "u8 ", "i-1",
];
const BITFIELD_TYPES_VALID: usize = 16;
const NAMES: &[&str] = &[
    "worker",
    "",
    "name with space",
    "line\nbreak",
    "ünï",
    "a",
    "client-1",
    "x\x00y",
    "!~",
    "default",
];

/// Settings that the run may change, with values that are accepted or refused but harm nothing.
const SETTINGS: &[(&str, &[&str])] = &[
    ("timeout", &["0", "-1", "abc", "3000", ""]),
    ("tcp-keepalive", &["0", "60", "300", "-5", "x"]),
    ("hz", &["10", "15", "abc"]),
    (
        "maxmemory",
        &["0", "1gb", "2GB", "1073741824", "-1", "1xb", "", "100 mb"],
    ),
    (
        "maxmemory-policy",
        &["noeviction", "nosuch", "", "NOEVICTION"],
    ),
    ("maxmemory-samples", &["5", "3", "0", "-1", "x"]),
    (
        "busy-reply-threshold",
        &["5000", "6000", "-1", "x", "99999999999999999999"],
    ),
    ("lua-time-limit", &["5000", "-1", "5001"]),
    ("lazyfree-lazy-user-del", &["yes", "no", "maybe", "YES"]),
    ("lazyfree-lazy-user-flush", &["yes", "no", "1"]),
    ("lazyfree-lazy-expire", &["yes", "no"]),
    (
        "client-query-buffer-limit",
        &["1gb", "1073741824", "1", "x"],
    ),
    (
        "client-output-buffer-limit",
        &[
            "normal 0 0 0",
            "normal 0 0",
            "nosuch 0 0 0",
            "pubsub 32mb 8mb 60",
            "normal -1 0 0",
            "",
        ],
    ),
    ("databases", &["16", "32"]),
    ("port-of-call", &["1"]),
    ("", &[""]),
];
/// Settings that are only read.
const SETTINGS_READ: &[&str] = &[
    "maxmemory",
    "maxmemory-policy",
    "timeout",
    "tcp-keepalive",
    "hz",
    "proto-max-bulk-len",
    "client-query-buffer-limit",
    "requirepass",
    "databases",
    "protected-mode",
    "busy-reply-threshold",
    "lua-time-limit",
    "appendonly",
    "save",
    "nosuch",
    "",
    "MAXMEMORY",
    "max*",
    "*limit",
    "lazyfree*",
    "[ht]*z",
    "*",
    "tcp-backlog",
    "client-output-buffer-limit",
    "unixsocket",
    "\\hz",
    "h?",
];

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
fn lifetime(rng: &mut Rng, unit: i64) -> Vec<u8> {
    let number = match rng.u32(..12) {
        0 => 0,
        1 => -1 - rng.i64(..1000),
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
        _ => (1000 + rng.i64(..10_000_000) * 100) * unit,
    };
    number.to_string().into_bytes()
}

fn moment(rng: &mut Rng, unit: i64) -> Vec<u8> {
    let number = match rng.u32(..12) {
        0 => 0,
        1 => -rng.i64(..1000),
        2 => rng.i64(1..1_000_000_000) * unit,
        3 => pick(rng, &[&i64::MAX, &i64::MIN, &9_223_372_036_854_775]).to_owned(),
        _ => (4_000_000_000 + rng.i64(..10_000_000) * 100) * unit,
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
        10..20 => rng.i64(..2000),
        _ => rng.i64(..80),
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

/// A value for the argument `name` of `command`, where COMMAND DOCS calls its kind `kind`.
pub fn argument(rng: &mut Rng, command: &str, name: &str, kind: &str) -> Vec<u8> {
    match (command, name) {
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
