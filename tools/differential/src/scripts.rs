//! Scripts: templates for every shape that crosses between Lua and the protocol, and any command through
//! `redis.call`.

use std::collections::HashMap;
use std::io::{Error, Result};

use fastrand::Rng;
use perilune_harness::{Connection, Value};

use crate::Words;
use crate::domain;
use crate::libraries;

/// One script per line; lines that begin with `--` are headings.
const TEMPLATES: &str = include_str!("templates.txt");
/// Scripts that answer what the command in ARGV answers: the rules for that command hold for them. The last one is not
/// for commands that answer maps or sets: these become Lua tables in it, and come out in another order.
pub const FORWARDING: &[&str] = &[
    "return redis.call(unpack(ARGV))",
    "return redis.pcall(unpack(ARGV))",
    "redis.setresp(3) return redis.call(unpack(ARGV))",
];
/// A round trip of JSON objects with several members: compared by meaning, as their order is that of a hash table.
pub const JSON_ROUND_TRIP: &str = "return cjson.encode(cjson.decode(ARGV[1]))";

/// The scripts whose names are known, so that EVALSHA can ask for them.
#[derive(Debug)]
pub struct Library {
    shas: HashMap<Vec<u8>, String>,
}

impl Library {
    /// Lets a server name the scripts that have no placeholders, and forget them again.
    pub fn learn(connection: &mut Connection) -> Result<Self> {
        let mut shas = HashMap::new();
        let fixed = templates()
            .filter(|t| !t.contains('%'))
            .map(|t| t.replace("\\n", "\n"));
        let whole = [FORWARDING, &[libraries::SCRIPT]].concat();
        for script in whole.into_iter().map(str::to_owned).chain(fixed) {
            match connection.call(&["SCRIPT", "LOAD", &script])? {
                Value::Bulk(sha) => {
                    shas.insert(sha, script);
                }
                // It does not compile, which is what it is for.
                Value::Error(_) => {}
                other => return Err(Error::other(format!("SCRIPT LOAD answers {other:?}"))),
            }
        }
        connection.call(&["SCRIPT", "FLUSH"])?;
        Ok(Self { shas })
    }

    /// A library of these scripts, by name.
    #[cfg(test)]
    pub fn of(shas: HashMap<Vec<u8>, String>) -> Self {
        Self { shas }
    }

    /// The script with this name.
    pub fn script(&self, sha: &[u8]) -> Option<&str> {
        self.shas
            .get(sha.to_ascii_lowercase().as_slice())
            .map(String::as_str)
    }

    fn sha(&self, rng: &mut Rng) -> Vec<u8> {
        // In the order of the names, so that a seed stands for one run.
        let mut names: Vec<&Vec<u8>> = self.shas.keys().collect();
        names.sort_unstable();
        names[rng.usize(..names.len())].clone()
    }

    fn sha_of(&self, script: &str) -> Option<Vec<u8>> {
        self.shas
            .iter()
            .find(|(_, known)| *known == script)
            .map(|(sha, _)| sha.clone())
    }

    /// A call of the EVAL family. `inner` makes a command that may go through `redis.call`.
    pub fn call(&self, rng: &mut Rng, inner: impl FnOnce(&mut Rng) -> Words) -> Words {
        let read_only = if rng.u32(..6) == 0 { "_RO" } else { "" };
        let by_name = rng.u32(..4) == 0;
        let mut keys: Words = (0..rng.usize(..4)).map(|_| domain::key(rng)).collect();
        let (script, arguments) = match rng.u32(..12) {
            0..4 => {
                let inner = inner(rng);
                let usable = if answers_a_table(&inner) {
                    FORWARDING.len() - 1
                } else {
                    FORWARDING.len()
                };
                (FORWARDING[rng.usize(..usable)].into(), inner)
            }
            4 => (
                JSON_ROUND_TRIP.as_bytes().to_vec(),
                vec![json(rng, 3, 4).into_bytes()],
            ),
            5 | 6 => (
                libraries::SCRIPT.as_bytes().to_vec(),
                vec![libraries::code(rng)],
            ),
            _ => {
                if keys.is_empty() && rng.u32(..8) != 0 {
                    keys.push(domain::key(rng));
                }
                let arguments = (0..rng.usize(..3)).map(|_| domain::value(rng)).collect();
                (body(rng), arguments)
            }
        };
        let script = match (
            by_name,
            std::str::from_utf8(&script)
                .ok()
                .and_then(|s| self.sha_of(s)),
        ) {
            (true, Some(sha)) => sha,
            (true, None) => self.sha(rng),
            (false, _) => script,
        };
        let name = format!("EVAL{}{read_only}", if by_name { "SHA" } else { "" });
        let numkeys = match rng.u32(..60) {
            0 => domain::odd_number(rng),
            1 => b"-1".to_vec(),
            2 => b"1000".to_vec(),
            _ => keys.len().to_string().into_bytes(),
        };
        [vec![name.into_bytes(), script, numkeys], keys, arguments].concat()
    }
}

fn answers_a_table(words: &[Vec<u8>]) -> bool {
    ["command", "lcs", "config", "hello"]
        .iter()
        .any(|name| words[0].eq_ignore_ascii_case(name.as_bytes()))
}

fn templates() -> impl Iterator<Item = &'static str> {
    TEMPLATES.lines().filter(|line| !line.starts_with("--"))
}

/// A script made from a template.
pub fn body(rng: &mut Rng) -> Vec<u8> {
    let count = templates().count();
    let template = templates().nth(rng.usize(..count)).unwrap_or_default();
    let mut script = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        script.push_str(&rest[..at]);
        let (filled, len) = match rest.as_bytes().get(at + 1) {
            Some(b'I') => (literal(rng, domain::integer), 2),
            Some(b'F') => (literal(rng, domain::float), 2),
            Some(b'S') => (quoted(&text(rng)), 2),
            Some(b'J') => (quoted(&json(rng, 3, 1)), 2),
            _ => ("%".into(), 1),
        };
        script.push_str(&filled);
        rest = &rest[at + len..];
    }
    script.push_str(rest);
    script.replace("\\n", "\n").into_bytes()
}

/// A number that Lua's parser takes as one.
fn literal(rng: &mut Rng, source: fn(&mut Rng) -> Vec<u8>) -> String {
    loop {
        let text = String::from_utf8_lossy(&source(rng)).into_owned();
        if text.parse::<f64>().is_ok_and(f64::is_finite)
            && text.starts_with(|c: char| c.is_ascii_digit())
        {
            return text;
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn text(rng: &mut Rng) -> String {
    const TEXTS: &[&str] = &[
        "",
        "a",
        "two words",
        "ERR x",
        "-ERR x",
        "1.5",
        "5",
        "%d",
        "\"quoted\"",
        "é€😀",
        "a/b",
        "\u{7f}",
        "tab\tend",
        "long long long long long long long long long long",
    ];
    TEXTS[rng.usize(..TEXTS.len())].into()
}

/// JSON of this depth at most, with this many members per object at most; seldom broken.
pub fn json(rng: &mut Rng, depth: u32, members_max: usize) -> String {
    let whole = json_value(rng, depth, members_max);
    if rng.u32(..8) > 0 || whole.is_empty() {
        return whole;
    }
    let mut broken: Vec<char> = whole.chars().collect();
    broken.remove(rng.usize(..broken.len()));
    broken.into_iter().collect()
}

fn json_value(rng: &mut Rng, depth: u32, members_max: usize) -> String {
    const STRINGS: &[&str] = &[
        r#""""#,
        r#""a""#,
        r#""\n\t\\\/\"""#,
        r#""\u00e9""#,
        r#""\ud83d\ude00""#,
        r#""é""#,
        r#""\u0000""#,
        r#""long long long long long long""#,
    ];
    const NUMBERS: &[&str] = &[
        "0",
        "-0",
        "1",
        "-1",
        "1.5",
        "1e3",
        "1E-3",
        "123456789012345678",
        "0.1",
        "1e20",
        "1e308",
        "3.0",
        "100000000000000",
    ];
    match if depth == 0 {
        rng.u32(..4)
    } else {
        rng.u32(..7)
    } {
        0 => ["null", "true", "false"][rng.usize(..3)].into(),
        1 | 2 => NUMBERS[rng.usize(..NUMBERS.len())].into(),
        3 => STRINGS[rng.usize(..STRINGS.len())].into(),
        4 | 5 => {
            let items: Vec<String> = (0..rng.usize(..4))
                .map(|_| json_value(rng, depth - 1, members_max))
                .collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let member = |n: usize, rng: &mut Rng| {
                format!("\"m{n}\":{}", json_value(rng, depth - 1, members_max))
            };
            let members: Vec<String> = (0..rng.usize(..=members_max))
                .map(|n| member(n, rng))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}
