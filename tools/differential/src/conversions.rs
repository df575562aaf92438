//! Values on their way between Lua and the protocol: random ones that scripts return and throw, and random replies that
//! they receive, in both protocols, by every way in which a script is called.
//!
//! Each value is a text in Lua. What the servers do differently on purpose (DIFFERENCES.md) is not generated, and neither is
//! what ends the reference: a table that is thrown without an error's text. Where a value is a map or a set of several
//! elements, or a reply has them, their order is that of a hash: such calls say so in their last argument
//! ([`UNORDERED`]), and are compared without it.

use std::fmt::Write;

use fastrand::Rng;
use perilune_harness::Value;
use sha1::{Digest, Sha1};

use crate::Words;
use crate::generate::Generator;
use crate::libraries::{self, bytes, number, pick, quoted, string};
use crate::pair::{SESSIONS, Step};
use crate::tables;

/// The last argument of a call whose answer has elements in no order.
const UNORDERED: &[u8] = b"unordered";

/// Values are nested this deep, and some much deeper, in one element each.
const DEPTH: u32 = 4;
const CHAIN_LEN_MAX: u32 = 150;

/// Writes a value down: types, all digits, tables in the order of what is written. `elements` leaves the places of
/// elements out, for replies that come in no order.
const SHOW: &str = "\
local function show(v, elements)
  local kind = type(v)
  if kind == 'number' then return v ~= v and 'nan' or string.format('%.17g', v) end
  if kind == 'string' then return #v .. ':' .. v end
  if kind == 'boolean' then return tostring(v) end
  if kind ~= 'table' then return kind end
  local fields = {}
  for key, value in pairs(v) do
    local place = elements and type(key) == 'number' and '' or show(key) .. '='
    fields[#fields + 1] = place .. show(value, elements)
  end
  table.sort(fields)
  return '{' .. table.concat(fields, ' ') .. '}' .. (getmetatable(v) and '!' or '')
end
";

/// What the commands below find.
const STAGE: &str = "\
redis.call('DEL', 'cv:t', 'cv:n', 'cv:l', 'cv:h', 'cv:h1', 'cv:s', 'cv:s1', 'cv:z', 'cv:z1', 'cv:b')
local many = {} for i = 1, 300 do many[i] = 'x' .. i end
";

/// Values for the stage. `%S` is a string, `%N` a number, `%F` one that is finite.
const FILLINGS: &[&str] = &[
    "'SET', 'cv:t', %S",
    "'SET', 'cv:n', 5",
    "'RPUSH', 'cv:l', 'a', %S, %F",
    "'HSET', 'cv:h', 'f', %S, %S, %F, 'g', ''",
    "'HSET', 'cv:h1', %S, %S",
    "'SADD', 'cv:s', 'a', %S, %F",
    "'SADD', 'cv:s1', %S",
    "'ZADD', 'cv:z', %F, 'a', %F, 'b', '-inf', %S, 'inf', 'd'",
    "'ZADD', 'cv:z1', %F, %S",
];

/// Calls with every kind of reply, and whether their elements are in no order.
const CALLS: &[(&str, bool)] = &[
    // statuses, strings, integers, nothing
    ("'SET', 'cv:t', %S", false),
    ("'SET', 'cv:t', %N", false),
    ("'SET', 'cv:t', %S, 'GET'", false),
    ("'SET', 'cv:t', %S, 'NX'", false),
    ("'GET', 'cv:t'", false),
    ("'GET', 'cv:none'", false),
    ("'GETRANGE', 'cv:t', 0, -1", false),
    ("'PING'", false),
    ("'PING', %S", false),
    ("'ECHO', %S", false),
    ("'ECHO', %N", false),
    ("'TYPE', 'cv:z'", false),
    ("'INCRBY', 'cv:n', %N", false),
    ("'INCRBYFLOAT', 'cv:n', %F", false),
    ("'STRLEN', 'cv:t'", false),
    ("'TTL', 'cv:none'", false),
    ("'OBJECT', 'ENCODING', 'cv:none'", false),
    ("'OBJECT', 'HELP'", false),
    ("'MGET', 'cv:t', 'cv:none', 'cv:l', 'cv:n'", false),
    // arrays
    ("'LRANGE', 'cv:l', 0, -1", false),
    ("'LPOP', 'cv:l'", false),
    ("'LPOP', 'cv:l', 2", false),
    ("'LPOP', 'cv:none', 2", false),
    ("'LPOS', 'cv:l', 'a'", false),
    ("'LPOS', 'cv:l', %S", false),
    ("'LPOS', 'cv:l', 'a', 'COUNT', 0", false),
    ("'LMPOP', 2, 'cv:none', 'cv:l', 'LEFT'", false),
    ("'LMPOP', 1, 'cv:none', 'LEFT'", false),
    ("'BLPOP', 'cv:none', 0", false),
    ("'BLPOP', 'cv:l', 0", false),
    (
        "'BITFIELD', 'cv:b', 'OVERFLOW', 'FAIL', 'INCRBY', 'u2', 0, 3, 'INCRBY', 'u2', 0, 1",
        false,
    ),
    ("'COMMAND', 'GETKEYS', 'MSET', 'a', 'b', %S, %S", false),
    ("'COMMAND', 'GETKEYSANDFLAGS', 'GET', 'a'", true),
    ("'COMMAND', 'INFO', 'nosuch'", false),
    // maps and sets, with one element each and with several
    ("'HGETALL', 'cv:h1'", false),
    ("'HGETALL', 'cv:h'", true),
    ("'HGETALL', 'cv:none'", false),
    ("'HKEYS', 'cv:h'", true),
    ("'HVALS', 'cv:h'", true),
    ("'HGET', 'cv:h', 'f'", false),
    ("'HMGET', 'cv:h', 'f', 'none', 'g'", false),
    ("'HRANDFIELD', 'cv:h1', 1, 'WITHVALUES'", false),
    ("'HRANDFIELD', 'cv:h1', -2", false),
    ("'HSCAN', 'cv:h1', 0", false),
    ("'HINCRBYFLOAT', 'cv:h', 'n', %F", false),
    ("'SMEMBERS', 'cv:s1'", false),
    ("'SMEMBERS', 'cv:s'", true),
    ("'SMEMBERS', 'cv:none'", false),
    ("'SMISMEMBER', 'cv:s', 'a', 'none'", false),
    ("'SPOP', 'cv:s1'", false),
    ("'SPOP', 'cv:s1', 2", false),
    ("'SRANDMEMBER', 'cv:s1', -3", false),
    ("'SUNION', 'cv:s', 'cv:s1'", true),
    ("'SSCAN', 'cv:s1', 0", false),
    ("'CONFIG', 'GET', 'hz'", false),
    ("'CONFIG', 'GET', 'hz', 'maxmemory'", true),
    ("'CONFIG', 'GET', 'nosuch'", false),
    ("'LCS', 'cv:t', 'cv:t', 'LEN'", false),
    ("'PUBSUB', 'NUMSUB', 'cv:none'", false),
    // doubles
    ("'ZSCORE', 'cv:z', 'a'", false),
    ("'ZSCORE', 'cv:z', 'd'", false),
    ("'ZSCORE', 'cv:z', 'none'", false),
    ("'ZMSCORE', 'cv:z', 'a', 'none', 'd'", false),
    ("'ZINCRBY', 'cv:z', %F, 'a'", false),
    ("'ZADD', 'cv:z', 'INCR', %F, 'b'", false),
    ("'ZADD', 'cv:z', 'NX', 'INCR', 1, 'a'", false),
    ("'ZRANGE', 'cv:z', 0, -1", false),
    ("'ZRANGE', 'cv:z', 0, -1, 'WITHSCORES'", false),
    (
        "'ZRANGEBYSCORE', 'cv:z', '-inf', '+inf', 'WITHSCORES'",
        false,
    ),
    ("'ZPOPMIN', 'cv:z'", false),
    ("'ZPOPMIN', 'cv:z', 2", false),
    ("'ZPOPMAX', 'cv:none'", false),
    ("'BZPOPMIN', 'cv:z', 0", false),
    ("'BZPOPMIN', 'cv:none', 0", false),
    ("'ZMPOP', 1, 'cv:z', 'MIN', 'COUNT', 2", false),
    ("'ZMPOP', 1, 'cv:none', 'MIN'", false),
    ("'ZRANK', 'cv:z', 'a', 'WITHSCORE'", false),
    ("'ZRANK', 'cv:z', 'none', 'WITHSCORE'", false),
    ("'ZRANDMEMBER', 'cv:z1', 1, 'WITHSCORES'", false),
    ("'ZDIFF', 2, 'cv:z', 'cv:none', 'WITHSCORES'", false),
    ("'ZUNION', 2, 'cv:z', 'cv:z1', 'WITHSCORES'", false),
    ("'ZSCAN', 'cv:z1', 0", false),
    // verbatim text
    ("'INFO', 'nosuch'", false),
    // every kind there is, from the one command that has them all
    ("'DEBUG', 'PROTOCOL', 'string'", false),
    ("'DEBUG', 'PROTOCOL', 'integer'", false),
    ("'DEBUG', 'PROTOCOL', 'double'", false),
    ("'DEBUG', 'PROTOCOL', 'null'", false),
    ("'DEBUG', 'PROTOCOL', 'array'", false),
    ("'DEBUG', 'PROTOCOL', 'set'", true),
    ("'DEBUG', 'PROTOCOL', 'map'", true),
    ("'DEBUG', 'PROTOCOL', 'attrib'", false),
    ("'DEBUG', 'PROTOCOL', 'verbatim'", false),
    ("'DEBUG', 'PROTOCOL', 'true'", false),
    ("'DEBUG', 'PROTOCOL', 'false'", false),
    ("'DEBUG', 'PROTOCOL', 'bignum'", false),
    ("'DEBUG', 'PROTOCOL', %S", false),
    // many arguments, many elements
    ("'RPUSH', 'cv:l', unpack(many)", false),
    ("'MGET', 'cv:t', unpack(many)", false),
    // errors
    ("'INCR', 'cv:l'", false),
    ("'INCR', 'cv:t'", false),
    ("'GET'", false),
    ("'NOSUCH', %S", false),
    ("%S", false),
    ("'RENAME', 'cv:none', 'cv:t'", false),
    ("'SET', 'cv:t', 'x', %S", false),
    ("'ECHO', %V", false),
];

/// Scripts that fail or answer errors. `%V` is a value, `%C` one to compare, `%S` a string, `%E` what may
/// be thrown out of a script.
const FAILURES: &[&str] = &[
    "error(%E)",
    "error(%E, 0)",
    "error(%S, 2)",
    "local function f() error(%E) end f()",
    "local function f() error(%S, 2) end\nf()",
    "local function f() return error(%E) end return f()",
    "local function f()\n return redis.call('nosuch', %S) end\n return f()",
    "\n\nreturn redis.call('nosuch', %S)",
    "for i = 1, 3 do\n if i == 2 then\n error(%S) end end",
    "local t = setmetatable({}, {__index = function(t, k)\n error(%E) end})\n return t.x",
    "local t = setmetatable({}, {__add = function(a, b)\n error(%S) end})\n return t + 1",
    "table.sort({1, 2, 3}, function()\n error(%S) end)",
    "string.gsub('abc', '.', function()\n error(%S) end)",
    "coroutine.wrap(function() error(%E) end)()",
    "local ok, e = pcall(error, %V) return show(e)",
    "local ok, e = pcall(error, %V) return {tostring(ok), e}",
    "local ok, e = pcall(function() error(%S) end) return e",
    "local ok, e = pcall(function() local x = %V return x.y.z end) return show(e)",
    "local ok, e = xpcall(function() error(%V) end, function(e) return {e, 'handled'} end) return e",
    "assert(false, %S)",
    "assert(nil, %F)",
    "return redis.error_reply(%S)",
    "return redis.error_reply(%V)",
    "return redis.status_reply(%S)",
    "return redis.status_reply(%V)",
    "return redis.error_reply(%S, %S)",
    "return show(redis.error_reply(%S))",
    "return {redis.error_reply(%S), redis.status_reply(%S), %V}",
    "return {err = %S}",
    "return {err = %V}",
    "return {err = %S, ignore_error_stats_update = true}",
    "return {err = %S, %V}",
    "error(redis.error_reply(%S))",
    "error(redis.pcall('nosuch', %S))",
    "local e = redis.pcall('get') e.err = %S return e",
    "local e = redis.pcall('get') e.err = %S error(e)",
    "return redis.pcall('get')",
    "return {1, redis.pcall('incr', 'cv:t', %S)}",
    "local ok, e = pcall(redis.call, 'get', %V) return show(e)",
    "return %V + 1",
    "return %V .. %V",
    "return %C < %C",
    "return %V.x.y",
    "return (%V)()",
];

/// Calls around one script: of all ways to call it some, on a connection of each protocol.
pub fn episode(generator: &mut Generator, steps: &mut Vec<Step>) {
    let read_only = ["", "_RO"];
    let rng = &mut generator.rng;
    let mut arguments = vec![b"0".to_vec()];
    arguments.extend((0..rng.usize(..3)).map(|_| bytes(rng, 8)));
    let code = match rng.u32(..4) {
        0 => {
            arguments.push(libraries::code(rng));
            libraries::SCRIPT.as_bytes().to_vec()
        }
        _ => {
            let (code, unordered) = script(rng);
            arguments.extend(unordered.then(|| UNORDERED.to_vec()));
            code
        }
    };
    let text = [shebang(rng).into_bytes(), code.clone()].concat();
    let sha = Sha1::digest(&text)
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes everything");
            text
        });
    let library = [
        b"#!lua name=conversions\nredis.register_function('convert', function(KEYS, ARGV) ",
        &code[..],
        b"\nend)",
    ]
    .concat();
    let words = |first: &[&[u8]]| -> Words { first.iter().map(|word| word.to_vec()).collect() };
    let call = |rng: &mut Rng| -> Words {
        let read_only = read_only[usize::from(rng.u32(..6) == 0)];
        let (name, what) = match rng.u32(..3) {
            0 => ("EVAL", &text[..]),
            1 => ("EVALSHA", sha.as_bytes()),
            _ => ("FCALL", &b"convert"[..]),
        };
        let name = format!("{name}{read_only}");
        [words(&[name.as_bytes(), what]), arguments.clone()].concat()
    };
    let first = rng.usize(..SESSIONS);
    let mut send = |session: usize, words: Words| steps.push(Step::Call { session, words });
    let allow = |yes: &[u8]| words(&[b"DEBUG", b"SET-DISABLE-DENY-SCRIPTS", yes]);
    // scripts may not call DEBUG, unless
    send(first, allow(b"1"));
    send(first, words(&[b"SCRIPT", b"LOAD", &text]));
    // where this one does not compile no other is called in its place
    send(first, words(&[b"FUNCTION", b"DELETE", b"conversions"]));
    send(first, words(&[b"FUNCTION", b"LOAD", b"REPLACE", &library]));
    for session in [first, (first + 1) % SESSIONS] {
        for _ in 0..rng.usize(1..4) {
            send(session, call(rng));
        }
        if rng.u32(..3) == 0 {
            send(session, words(&[b"MULTI"]));
            for _ in 0..rng.usize(1..4) {
                send(session, call(rng));
            }
            send(session, words(&[b"EXEC"]));
        }
    }
    send(first, allow(b"0"));
}

/// A first line that declares something; for most scripts none.
fn shebang(rng: &mut Rng) -> String {
    const FLAGS: &[&str] = &[
        "no-writes",
        "allow-oom",
        "allow-stale",
        "no-cluster",
        "allow-cross-slot-keys",
    ];
    const ODD: &[&str] = &["", " ", "nosuch", "No-Cluster", "no-cluster "];
    if rng.u32(..8) > 0 {
        return String::new();
    }
    let mut flags: Vec<&str> = (0..rng.usize(..4)).map(|_| pick(rng, FLAGS)).collect();
    if rng.u32(..6) == 0 {
        flags.push(pick(rng, ODD));
    }
    match flags.is_empty() {
        true => "#!lua\n".to_owned(),
        false => format!("#!lua flags={}\n", flags.join(",")),
    }
}

/// A script, and whether elements of its answer are in no order.
fn script(rng: &mut Rng) -> (Vec<u8>, bool) {
    let mut code = String::new();
    if rng.u32(..3) == 0 {
        let version = pick(rng, &["3", "3", "2", "'3'", "'2'"]);
        write!(code, "redis.setresp({version}) ").expect("a string takes everything");
    }
    let mut several = false;
    match rng.u32(..10) {
        0..4 => {
            let value = value(rng, DEPTH, &mut several);
            write!(code, "return {value}").expect("a string takes everything");
        }
        4..8 => several = receive(rng, &mut code),
        _ => {
            code.insert_str(0, SHOW);
            let failure = pick(rng, FAILURES);
            fill(rng, failure, &mut several, &mut code);
        }
    }
    (code.into_bytes(), several)
}

/// Writes down calls of commands, and what becomes of their replies; whether those have elements in no order.
fn receive(rng: &mut Rng, code: &mut String) -> bool {
    code.insert_str(0, SHOW);
    code.push_str(STAGE);
    let (mut unordered, mut several) = (false, false);
    for filling in FILLINGS {
        // some are left out, so that keys are missing
        if rng.u32(..5) > 0 {
            code.push_str("redis.pcall(");
            fill(rng, filling, &mut several, code);
            code.push_str(")\n");
        }
    }
    for place in 0..rng.usize(1..4) {
        let (call, has_no_order) = CALLS[rng.usize(..CALLS.len())];
        unordered |= has_no_order;
        let how = pick(rng, &["call", "pcall", "pcall"]);
        write!(code, "local r{place} = redis.{how}(").expect("a string takes everything");
        fill(rng, call, &mut several, code);
        code.push_str(")\n");
        if rng.u32(..6) == 0 {
            writeln!(code, "redis.setresp({})", rng.u32(2..4)).expect("a string takes everything");
        }
    }
    match (rng.u32(..4), unordered) {
        (0, _) => code.push_str("return r0"),
        (1, _) => code.push_str("return {r0, r1, r2}"),
        (_, true) => code.push_str("return {show(r0, true), show(r1, true), show(r2, true)}"),
        (_, false) => code.push_str("return {show(r0), show(r1), show(r2)}"),
    }
    unordered || several
}

/// Appends a template with values in its gaps.
fn fill(rng: &mut Rng, template: &str, several: &mut bool, code: &mut String) {
    let mut pieces = template.split('%');
    code.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (gap, rest) = piece.split_at(1);
        let value = match gap {
            "S" => text(rng),
            "F" => finite(rng),
            "N" => number(rng),
            "E" => thrown(rng),
            // LuaJIT has another error where a string meets a coroutine
            "C" => value(rng, 2, several).replace("coroutine.create(function() end)", "error"),
            _ => value(rng, 2, several),
        };
        code.push_str(&value);
        code.push_str(rest);
    }
}

/// A number that commands take for a score.
fn finite(rng: &mut Rng) -> String {
    const NUMBERS: &[&str] = &[
        "0", "1", "-1", "0.1", "-2.5", "3.0", "1e15", "1e17", "1e-7", "1/3", "2^53", "2^63",
        "-2^63", "1e300", "'1e5'", "'0x10'", "'-0'", "'inf'",
    ];
    match rng.u32(..3) {
        0 => rng.i32(-1000..1000).to_string(),
        1 => format!("{}", f64::from(rng.i32(..)) / f64::from(rng.u32(1..1000))),
        _ => pick(rng, NUMBERS).to_owned(),
    }
}

/// Text as errors, statuses and strings are made of: prefixes, line breaks, any bytes.
fn text(rng: &mut Rng) -> String {
    const TEXTS: &[&str] = &[
        "''",
        "' '",
        "'-'",
        "'--'",
        "'- '",
        "'-ERR'",
        "'ERR'",
        "'-ERR x'",
        "'ERR x'",
        "'MYCODE'",
        "'MYCODE some words'",
        "'-MYCODE some words'",
        "'lower case'",
        "' leading space'",
        "'trailing space '",
        "'a\\r\\nb'",
        "'\\r\\n'",
        "'-a\\nb c\\r'",
        "'x\\0y'",
        "'+OK'",
        "'$3\\r\\nfoo'",
        "'WRONGTYPE x'",
        "'%s %d %'",
        "('long '):rep(200)",
    ];
    match rng.u32(..4) {
        0 => quoted(&bytes(rng, 30)),
        1 => string(rng),
        _ => pick(rng, TEXTS).to_owned(),
    }
}

/// What may be thrown out of a script: a table must have an error's text.
fn thrown(rng: &mut Rng) -> String {
    let text = text(rng);
    match rng.u32(..10) {
        0..3 => text,
        3 => format!("{{err = {text}}}"),
        4 => format!("{{err = {}}}", finite(rng)),
        5 => format!("{{err = {text}, ok = 'fine', {}}}", finite(rng)),
        6 => format!(
            "{{err = {text}, source = {}, line = {}}}",
            self::text(rng),
            finite(rng)
        ),
        7 => format!("setmetatable({{}}, {{__index = {{err = {text}}}}})"),
        8 => pick(rng, &["nil", "true", "false", "5", "-0.5", "1e20"]).to_owned(),
        _ => format!("redis.error_reply({text})"),
    }
}

/// Any value. `several` is set where it has elements in no order.
fn value(rng: &mut Rng, depth: u32, several: &mut bool) -> String {
    match rng.u32(..if depth == 0 { 8 } else { 20 }) {
        0..3 => number(rng),
        3 | 4 => text(rng),
        5 => string(rng),
        6 => pick(
            rng,
            &[
                "true",
                "false",
                "nil",
                "tonumber('-0')",
                "1/0",
                "-1/0",
                "2^63",
                "-2^63",
                "3.99",
                "-3.99",
            ],
        )
        .to_owned(),
        7 => pick(
            rng,
            &[
                "cjson.null",
                "error",
                "redis.call",
                "coroutine.create(function() end)",
                "{}",
                "KEYS",
                "ARGV",
            ],
        )
        .to_owned(),
        8..12 => list(rng, depth, several),
        12 => {
            let mut fields: Vec<String> = Vec::new();
            for _ in 0..rng.usize(1..4) {
                let field = special(rng, depth.saturating_sub(1), several);
                // of two values for one field another one may stay
                let name = |field: &String| field.split(' ').next().map(str::to_owned);
                if !fields.iter().any(|other| name(other) == name(&field)) {
                    fields.push(field);
                }
            }
            if rng.bool() {
                fields.push(value(rng, depth.saturating_sub(1), several));
            }
            format!("{{{}}}", fields.join(", "))
        }
        13 => {
            let key = key(rng);
            format!(
                "{{[{key}] = {}}}",
                value(rng, depth.saturating_sub(1), several)
            )
        }
        14 => {
            let around = pick(
                rng,
                &[
                    "{t}",
                    "{1, t}",
                    "{map = {a = t}}",
                    "{map = {[1] = t}}",
                    "{t, {ok = 'x'}}",
                    "{set = {[1] = t}}",
                ],
            );
            let inner = value(rng, 0, several);
            let len = rng.u32(..CHAIN_LEN_MAX);
            format!(
                "(function() local t = {inner} for i = 1, {len} do t = {around} end return t end)()"
            )
        }
        15 => {
            let (table, index) = (
                list(rng, depth.saturating_sub(1), several),
                special(rng, depth.saturating_sub(1), several),
            );
            format!("setmetatable({table}, {{__index = {{{index}}}}})")
        }
        _ => format!("{{{}}}", special(rng, depth.saturating_sub(1), several)),
    }
}

/// Elements, with holes.
fn list(rng: &mut Rng, depth: u32, several: &mut bool) -> String {
    let elements: Vec<String> = (0..rng.usize(..6))
        .map(|_| value(rng, depth.saturating_sub(1), several))
        .collect();
    format!("{{{}}}", elements.join(", "))
}

/// A key that a table takes.
fn key(rng: &mut Rng) -> String {
    match rng.u32(..5) {
        0 => string(rng),
        1 => rng.i32(-2..4).to_string(),
        2 => pick(
            rng,
            &["true", "false", "1.5", "2^53", "1/0", "{}", "'1'", "error"],
        )
        .to_owned(),
        _ => quoted(&bytes(rng, 5)),
    }
}

/// A field that makes a table something else than an array.
fn special(rng: &mut Rng, depth: u32, several: &mut bool) -> String {
    let name = pick(
        rng,
        &[
            "ok",
            "err",
            "double",
            "map",
            "map",
            "set",
            "set",
            "big_number",
            "verbatim_string",
            "nosuch",
        ],
    );
    let value = match (rng.u32(..5), name) {
        (0, _) if depth > 0 => {
            // whatever fields that has are taken for a map's
            *several |= matches!(name, "map" | "set");
            value(rng, depth, several)
        }
        (_, "ok" | "err" | "nosuch") => text(rng),
        (_, "double") => number(rng),
        (_, "big_number") => match rng.u32(..3) {
            0 => text(rng),
            1 => finite(rng),
            _ => format!("'{}{}'", pick(rng, &["", "-"]), rng.u128(..)),
        },
        (_, "verbatim_string") => {
            let format = match rng.u32(..4) {
                0 => text(rng),
                _ => pick(rng, &["'txt'", "'mkd'", "'t'", "'long'", "5", "nil"]).to_owned(),
            };
            let string = if rng.u32(..8) == 0 {
                "nil".to_owned()
            } else {
                text(rng)
            };
            format!("{{format = {format}, string = {string}}}")
        }
        _ => {
            let mut keys: Vec<String> = (0..[0, 1, 1, 1, 2, 4][rng.usize(..6)])
                .map(|_| key(rng))
                .collect();
            keys.sort_unstable();
            keys.dedup();
            *several |= keys.len() > 1;
            let pairs: Vec<String> = keys
                .iter()
                .map(|key| {
                    let value = match name {
                        "set" if rng.u32(..4) > 0 => "true".to_owned(),
                        _ => value(rng, depth, several),
                    };
                    format!("[{key}] = {value}")
                })
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    };
    format!("{name} = {value}")
}

/// Whether two answers to a call of a script or a function are the same but for the order of elements, where it has said that they
/// have none.
pub fn are_same_elements(words: &[Vec<u8>], left: &Value, right: &Value) -> bool {
    words.len() > 3
        && words.last().is_some_and(|last| last == UNORDERED)
        && canonical(left) == canonical(right)
}

/// A value with the elements of all its collections in one order.
fn canonical(value: &Value) -> Value {
    if let Value::Map(pairs) = value {
        let pair = |(key, value): &(Value, Value)| (canonical(key), canonical(value));
        let mut pairs: Vec<(Value, Value)> = pairs.iter().map(pair).collect();
        pairs.sort_by_cached_key(|pair| format!("{pair:?}"));
        return Value::Map(pairs);
    }
    match value.as_array() {
        Some(elements) => {
            let elements = elements.iter().map(canonical).collect();
            tables::with_elements(value, tables::sorted(elements))
        }
        None => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_says_so_may_answer_in_another_order() {
        let one = |number| Value::Integer(number);
        let map = |first, second| Value::Map(vec![(one(first), one(0)), (one(second), one(0))]);
        let (left, right) = (Value::Array(vec![map(1, 2)]), Value::Array(vec![map(2, 1)]));
        let call = |last: &str| -> Words {
            ["EVAL", "return 1", "0", last]
                .map(|word| word.as_bytes().to_vec())
                .into()
        };
        assert!(are_same_elements(&call("unordered"), &left, &right));
        assert!(!are_same_elements(&call("ordered"), &left, &right));
        let other = Value::Array(vec![map(2, 3)]);
        assert!(!are_same_elements(&call("unordered"), &left, &other));
        let set = Value::Set(vec![one(1)]);
        let array = Value::Array(vec![one(1)]);
        assert!(!are_same_elements(&call("unordered"), &set, &array));
    }
}
