//! Lua 5.1's reading of a text, where LuaJIT's is another.
//!
//! | in the text | Lua 5.1 reads | LuaJIT reads |
//! |---|---|---|
//! | `"\d"`, `"\/"`, any escape that is none | the character | an error |
//! | `"\x41"`, `"\u{41}"`, `"\z  a"` | `x41`, `u{41}`, `z  a` | `A`, `A`, `a` |
//! | `1e5..x`, `0x10..x` | a number, and what is behind it | one malformed number |
//! | `0b11`, `1_000` | malformed numbers | 3, 1000 |
//! | `#` or a byte order mark at the beginning | an error | nothing |
//!
//! So LuaJIT is given another text, which it reads as Lua 5.1 would have read the first: with a backslash less, or a
//! blank more. Lines stay where they are. Most texts need nothing of this, and are handed on as they came.

/// Behind a number that LuaJIT would take: makes it malformed for LuaJIT as well. Taken off its error again.
const MARK: &[u8] = b"..";

/// A text for LuaJIT.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Adapted {
    pub(crate) text: Vec<u8>,
    /// The first number behind which there is a [`MARK`].
    marked: Option<Vec<u8>>,
}

/// The text that LuaJIT must be given to read what Lua 5.1 reads in `code`; none if that is `code`.
pub(crate) fn adapt(code: &[u8]) -> Option<Adapted> {
    let mut reader = Reader {
        code,
        at: 0,
        copied: 0,
        adapted: Adapted::default(),
    };
    if matches!(code, [b'#' | 0xef, ..]) {
        reader.insert(b" ");
    }
    while reader.at < code.len() {
        reader.token();
    }
    if reader.copied == 0 && reader.adapted.text.is_empty() {
        return None;
    }
    reader.copy_up_to(code.len());
    Some(reader.adapted)
}

/// What Lua 5.1 says where LuaJIT says `error` of a text; none if that is the same.
pub(crate) fn error_of(error: &[u8], adapted: Option<&Adapted>) -> Option<Vec<u8>> {
    const TOO_LARGE: &[u8] = b"invalid escape sequence near '";
    // all other escapes that LuaJIT does not know have been taken out
    if let Some(at) = memchr::memmem::find(error, TOO_LARGE) {
        let near = &error[at + b"invalid escape sequence".len()..];
        return Some([&error[..at], b"escape sequence too large", near].concat());
    }
    // LuaJIT quotes it without `_`
    let marked = adapted?.marked.as_ref()?;
    let digits: Vec<u8> = marked
        .iter()
        .copied()
        .filter(|&byte| byte != b'_')
        .collect();
    let quoted = [&digits[..], MARK, b"'"].concat();
    let before = error.strip_suffix(&quoted[..])?;
    before
        .ends_with(b"malformed number near '")
        .then(|| [before, marked, b"'"].concat())
}

struct Reader<'a> {
    code: &'a [u8],
    at: usize,
    /// So much of `code` is in the text.
    copied: usize,
    adapted: Adapted,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        // a NUL is part of no token, as the end is not
        self.code.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        let rest = &self.code[self.at..];
        self.at += rest
            .iter()
            .position(|&byte| !belongs(byte))
            .unwrap_or(rest.len());
    }

    fn copy_up_to(&mut self, end: usize) {
        self.adapted
            .text
            .extend_from_slice(&self.code[self.copied..end]);
        self.copied = end;
    }

    /// Puts bytes before what comes next.
    fn insert(&mut self, bytes: &[u8]) {
        self.copy_up_to(self.at);
        self.adapted.text.extend_from_slice(bytes);
    }

    fn token(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (b'-', b'-') => {
                self.at += 2;
                if !self.long_bracket() {
                    self.skip_while(|byte| byte != b'\n' && byte != b'\r');
                }
            }
            (b'[', _) => {
                if !self.long_bracket() {
                    self.at += 1;
                }
            }
            (quote @ (b'"' | b'\''), _) => self.string(quote),
            (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => self.number(),
            (b'.', b'.') => self.at += if self.peek(2) == b'.' { 3 } else { 2 },
            (byte, _) if is_name(byte) => self.skip_while(is_name),
            _ => self.at += 1,
        }
    }

    /// `[[..]]`, `[==[..]==]`; false if there is none.
    fn long_bracket(&mut self) -> bool {
        let rest = &self.code[self.at..];
        let Some(inner) = rest.strip_prefix(b"[") else {
            return false;
        };
        let level = inner.iter().take_while(|&&byte| byte == b'=').count();
        if inner.get(level) != Some(&b'[') {
            return false;
        }
        let close = [b"]", &inner[..level], b"]"].concat();
        self.at += match memchr::memmem::find(rest, &close) {
            Some(at) => at + close.len(),
            None => rest.len(),
        };
        true
    }

    fn string(&mut self, quote: u8) {
        self.at += 1;
        while self.at < self.code.len() {
            self.skip_while(|byte| !matches!(byte, b'\\' | b'\n' | b'\r') && byte != quote);
            if self.peek(0) != b'\\' {
                // the end, of the string or of a line that should not end
                self.at += 1;
                return;
            }
            match (self.peek(1), self.peek(2)) {
                (b'\r', b'\n') | (b'\n', b'\r') => self.at += 3,
                (b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v', _)
                | (b'\\' | b'"' | b'\'' | b'\n' | b'\r' | b'0'..=b'9', _) => self.at += 2,
                _ => {
                    self.copy_up_to(self.at);
                    self.at += 1;
                    self.copied = self.at;
                    // what was escaped is no end of anything
                    self.at += 1;
                }
            }
        }
    }

    fn number(&mut self) {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_digit() || byte == b'.');
        if matches!(self.peek(0), b'e' | b'E') {
            self.at += if matches!(self.peek(1), b'+' | b'-') {
                2
            } else {
                1
            };
        }
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        self.at = self.at.min(self.code.len());
        let number = &self.code[start..self.at];
        let is_binary = matches!(number, [b'0', b'b' | b'B', ..]);
        if is_binary || number.contains(&b'_') {
            self.adapted.marked.get_or_insert(number.to_vec());
            self.insert(MARK);
        }
        let last = number.last().copied().unwrap_or(0);
        let goes_on = match self.peek(0) {
            b'.' => true,
            b'+' | b'-' => matches!(last, b'p' | b'P' | b'e' | b'E'),
            _ => false,
        };
        if goes_on {
            self.insert(b" ");
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_both_read_alike_stay() {
        for code in [
            "",
            "return 1",
            r"return 'a\n\t\\\'\065\0'",
            r#"return "\"" .. '"'"#,
            "return 'two\\\nlines', 'and\\\r\nthese'",
            "return 1.5, .5, 5., 1e5, 1E+5, 1e-5, 0x1f, 0x1p4, 3 - 2, x.y.z, a..b, ...",
            "return 1 ..2, 5..'x', 1..2",
            "return x1_000, b0b11, e5",
            r"-- a comment '\d'",
            "--[[ several lines \\d \n 1e5..x ]] return 1",
            "--[==[ ]] \\d ]==] return 1",
            r"return [[\d]], [=[\d]]]=]",
            "return t[1], t[ [[x]] ]",
            "'unfinished",
            "[[unfinished",
            "--[[unfinished",
        ] {
            assert_eq!(adapt(code.as_bytes()), None, "{code}");
        }
    }

    #[track_caller]
    fn check(cases: &[(&str, &str)]) {
        for (code, expected) in cases {
            let adapted = adapt(code.as_bytes()).unwrap_or_default();
            assert_eq!(String::from_utf8_lossy(&adapted.text), *expected, "{code}");
        }
    }

    #[test]
    fn escapes_that_are_none_are_their_character() {
        check(&[
            (r"return '\d+\.\d'", "return 'd+.d'"),
            (r#"return "\x41\u{41}\z \n""#, r#"return "x41u{41}z \n""#),
            (r"return '\é'", "return 'é'"),
            (r"return '\\x41', '\\\x41'", r"return '\\x41', '\\x41'"),
            (r"return '\'\x', '\q'", r"return '\'x', 'q'"),
            (r"-- '\x", ""),
            (r"'\x", "'x"),
            ("'\\", "'"),
        ]);
    }

    #[test]
    fn numbers_end_where_they_end() {
        check(&[
            ("return 1e17..''", "return 1e17 ..''"),
            ("return 0x10..'x'", "return 0x10 ..'x'"),
            ("return 0x1.8", "return 0x1 .8"),
            ("return 0x1p+4", "return 0x1p +4"),
            ("return 0xe+1", "return 0xe +1"),
            ("return 0b11", "return 0b11.."),
            ("return {1_000}", "return {1_000..}"),
            ("return 1_000..'x'", "return 1_000.. ..'x'"),
        ]);
    }

    #[test]
    fn a_text_has_no_first_line_to_be_skipped() {
        check(&[
            ("#!lua\nreturn 1", " #!lua\nreturn 1"),
            ("#", " #"),
            ("\u{feff}return 1", " \u{feff}return 1"),
        ]);
    }
}
