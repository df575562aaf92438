//! A script's text, its name and what its first line declares.
//!
//! A script is known by the SHA-1 of its whole text. It may open with a line `#!lua flags=a,b`, which is cut off
//! before it is compiled, but not its line break: line numbers stay those of the text.

use std::borrow::Cow;
use std::sync::Arc;

use sha1::{Digest, Sha1};

/// A script: made once, shared by all VMs.
#[derive(Debug, Clone)]
pub struct Script {
    digest: [u8; 20],
    sha1: [u8; 40],
    source: Arc<[u8]>,
    shebang_bytes: usize,
    flags: Option<ScriptFlags>,
}

/// What a script declares about itself with `flags=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScriptFlags {
    /// `no-writes`: it only reads.
    pub no_writes: bool,
    /// `allow-oom`: it may run when memory is over its limit.
    pub allow_oom: bool,
    /// `allow-stale`: it may run on a replica that has lost its primary.
    pub allow_stale: bool,
    /// `no-cluster`: it refuses to run in a cluster.
    pub no_cluster: bool,
    /// `allow-cross-slot-keys`: it may touch keys of several slots.
    pub allow_cross_slot_keys: bool,
    /// `atomic`: where it fails, nothing has happened.
    pub atomic: bool,
    /// `time-limit=50`: how many milliseconds it may run; 0 where it does not say.
    pub time_limit_ms: u32,
}

/// What stands before the number in the flag of a time limit.
const TIME_LIMIT: &str = "time-limit=";

impl ScriptFlags {
    /// Each flag by its name, in the order in which FUNCTION LIST names them.
    fn fields(&mut self) -> [(&'static str, &mut bool); 6] {
        [
            ("no-writes", &mut self.no_writes),
            ("allow-oom", &mut self.allow_oom),
            ("allow-stale", &mut self.allow_stale),
            ("no-cluster", &mut self.no_cluster),
            ("allow-cross-slot-keys", &mut self.allow_cross_slot_keys),
            ("atomic", &mut self.atomic),
        ]
    }

    /// Sets the flag that is meant, where `same` says whether two names are the same; false if there is none.
    pub(crate) fn set(&mut self, meant: &[u8], same: fn(&[u8], &[u8]) -> bool) -> bool {
        for (name, flag) in self.fields() {
            if same(name.as_bytes(), meant) {
                *flag = true;
                return true;
            }
        }
        match meant.split_at_checked(TIME_LIMIT.len()) {
            Some((name, number)) if same(TIME_LIMIT.as_bytes(), name) => {
                let milliseconds = str::from_utf8(number).ok().and_then(|it| it.parse().ok());
                self.time_limit_ms = milliseconds.unwrap_or(0);
                self.time_limit_ms != 0
            }
            _ => false,
        }
    }

    /// The names of the flags that are set.
    pub fn names(mut self) -> impl Iterator<Item = Cow<'static, str>> {
        let limit = match self.time_limit_ms {
            0 => None,
            limit => Some(Cow::Owned(format!("{TIME_LIMIT}{limit}"))),
        };
        self.fields()
            .map(|(name, flag)| flag.then_some(Cow::Borrowed(name)))
            .into_iter()
            .flatten()
            .chain(limit)
    }
}

impl Script {
    /// Names a script and reads its first line. It is compiled when a VM first needs it.
    ///
    /// # Errors
    /// The error reply, with its code, if the first line is wrong.
    pub fn new(source: impl Into<Arc<[u8]>>) -> Result<Self, Vec<u8>> {
        let source = source.into();
        let (shebang_bytes, flags) = match source.starts_with(b"#!") {
            false => (0, None),
            true => {
                // a text of C: what is behind a NUL is not seen
                let end = memchr::memchr2(b'\n', 0, &source)
                    .filter(|&end| source[end] == b'\n')
                    .ok_or("ERR Invalid script shebang")?;
                (end, Some(parse_shebang(&source[..end])?))
            }
        };
        let digest: [u8; 20] = Sha1::digest(&source).into();
        Ok(Self {
            digest,
            sha1: hex(&digest),
            source,
            shebang_bytes,
            flags,
        })
    }

    /// The name of the script: 40 lower-case hexadecimal digits.
    pub fn sha1(&self) -> &[u8; 40] {
        &self.sha1
    }

    /// The whole text.
    pub fn source(&self) -> &Arc<[u8]> {
        &self.source
    }

    /// What its first line declares; `None` if it has none, which means the ways of old.
    pub fn flags(&self) -> Option<ScriptFlags> {
        self.flags
    }

    pub(crate) fn digest(&self) -> &[u8; 20] {
        &self.digest
    }

    /// What is compiled.
    pub(crate) fn code(&self) -> &[u8] {
        &self.source[self.shebang_bytes..]
    }
}

/// The name that a script with this text has.
pub fn sha1_hex(source: &[u8]) -> [u8; 40] {
    hex(&Sha1::digest(source).into())
}

pub(crate) fn hex(digest: &[u8; 20]) -> [u8; 40] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 40];
    for (pair, byte) in text.chunks_exact_mut(2).zip(digest) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

fn parse_shebang(line: &[u8]) -> Result<ScriptFlags, Vec<u8>> {
    let words = split_words(line).filter(|words| !words.is_empty());
    let words = words.ok_or("ERR Invalid engine in script shebang")?;
    let engine = words[0].strip_prefix(b"#!").unwrap_or(&words[0]);
    let mut flags = ScriptFlags::default();
    for word in &words[1..] {
        let Some(names) = word.strip_prefix(b"flags=") else {
            return Err(error("Unknown lua shebang option: ", word, ""));
        };
        if names.is_empty() {
            continue;
        }
        for name in names.split(|&byte| byte == b',') {
            if !flags.set(name, |a, b| a == b) {
                return Err(error("Unexpected flag in script shebang: ", name, ""));
            }
        }
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(error("Could not find scripting engine '", engine, "'"));
    }
    Ok(flags)
}

/// An error reply about a word of the script. Line breaks in it become spaces: it must stay one reply.
pub(crate) fn error(before: &str, word: &[u8], after: &str) -> Vec<u8> {
    let mut text = [b"ERR ", before.as_bytes(), word, after.as_bytes()].concat();
    neutralise_line_breaks(&mut text);
    text
}

/// CR and LF become spaces, so that a text cannot end the reply that carries it.
pub(crate) fn neutralise_line_breaks(text: &mut [u8]) {
    for byte in text {
        if matches!(*byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
}

/// Splits a line into words as the reference server does: quotes, and C's escapes inside double ones. `None` if a
/// quote is not closed or is followed by something other than a space.
pub(crate) fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some((&byte, after)) = rest.split_first() {
            match byte {
                b'"' | b'\'' => {
                    rest = quoted(byte, after, &mut word)?;
                    if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
                        return None;
                    }
                    break;
                }
                _ if byte.is_ascii_whitespace() => break,
                _ => {
                    word.push(byte);
                    rest = after;
                }
            }
        }
        words.push(word);
    }
}

/// Reads up to the closing `quote`; what follows it.
fn quoted<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [byte, after @ ..] if *byte == quote => return Some(after),
            [b'\\', b'\'', after @ ..] if quote == b'\'' => {
                word.push(b'\'');
                rest = after;
            }
            [b'\\', b'x', high, low, after @ ..]
                if quote == b'"' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or_default() as u8;
                word.push(digit(*high) << 4 | digit(*low));
                rest = after;
            }
            [b'\\', byte, after @ ..] if quote == b'"' => {
                word.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest = after;
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_declares_or_is_refused() {
        let cases: &[(&str, &str)] = &[
            ("return 1", "none"),
            ("#!lua\nreturn 1", ""),
            ("#!LUA flags=\nreturn 1", ""),
            (
                "#!lua flags=no-writes,allow-oom\nreturn 1",
                "no-writes allow-oom",
            ),
            (
                "#!lua flags=no-writes flags=no-cluster\nreturn 1",
                "no-writes no-cluster",
            ),
            (
                "#!lua flags=time-limit=50,atomic\nreturn 1",
                "atomic time-limit=50",
            ),
            (
                "#!lua flags=time-limit=0\n",
                "ERR Unexpected flag in script shebang: time-limit=0",
            ),
            (
                "#!lua flags=time-limit=1s\n",
                "ERR Unexpected flag in script shebang: time-limit=1s",
            ),
            (
                "#!lua flags=time-limit=4294967296\n",
                "ERR Unexpected flag in script shebang: time-limit=4294967296",
            ),
            ("#!lua", "ERR Invalid script shebang"),
            ("#!lua\0\n", "ERR Invalid script shebang"),
            (
                "#!lua flags=no-writes\0,x\nreturn 1",
                "ERR Invalid script shebang",
            ),
            ("#!lua\nreturn '\0'", ""),
            (
                "#!lua flags=bad\n",
                "ERR Unexpected flag in script shebang: bad",
            ),
            (
                "#!lua flags=No-Writes\n",
                "ERR Unexpected flag in script shebang: No-Writes",
            ),
            ("#!lua foo=1\n", "ERR Unknown lua shebang option: foo=1"),
            ("#!js\n", "ERR Could not find scripting engine 'js'"),
            (
                "#!lua \"flags=a\\r\\n+X\"\n",
                "ERR Unexpected flag in script shebang: a  +X",
            ),
            ("#!lua \"flags=a\n", "ERR Invalid engine in script shebang"),
        ];
        for &(source, expected) in cases {
            let seen = match Script::new(source.as_bytes()) {
                Err(text) => String::from_utf8_lossy(&text).into_owned(),
                Ok(script) => script.flags().map_or("none".into(), |flags| {
                    flags.names().collect::<Vec<_>>().join(" ")
                }),
            };
            assert_eq!(seen, expected, "{source:?}");
        }
    }

    #[test]
    fn a_script_is_known_by_its_whole_text() {
        let script = Script::new(&b"return redis.call('get',KEYS[1])"[..]).expect("a script");
        assert_eq!(script.sha1(), b"fd758d1589d044dd850a6f05d52f2eefd27f033f");
    }
}
