//! Requests typed by hand: a line of words, quoted the way a shell user expects.
//!
//! The rules are `sdssplitargs` of the reference server. Words are separated by blanks; inside double quotes
//! `\n`, `\r`, `\t`, `\b`, `\a`, `\xHH` and `\c` are escapes, inside single quotes only `\'` is; a closing quote must be
//! followed by a blank or the end; a NUL ends the line.

/// A quote that was not closed, or closed in the middle of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnbalancedQuotes;

/// Splits a line into its words, unescaped.
///
/// Used for inline requests and wherever else the server takes a line of arguments.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut text = Vec::new();
    let mut ends = Vec::new();
    split_into(line, &mut text, |end| ends.push(end)).ok()?;
    let mut start = 0;
    for end in ends {
        words.push(text[start..end].to_vec());
        start = end;
    }
    Some(words)
}

/// Appends the words of `line` to `text`, one behind the other, and tells where each ends.
pub(crate) fn split_into(
    line: &[u8],
    text: &mut Vec<u8>,
    mut word_ends_at: impl FnMut(usize),
) -> Result<(), UnbalancedQuotes> {
    let line = match line.iter().position(|&byte| byte == 0) {
        Some(nul) => &line[..nul],
        None => line,
    };
    let mut rest = line;
    loop {
        rest = skip_blanks(rest);
        if rest.is_empty() {
            return Ok(());
        }
        rest = take_word(rest, text)?;
        word_ends_at(text.len());
    }
}

/// What C's `isspace` calls a blank.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn skip_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|&&byte| is_blank(byte)).count();
    &line[blanks..]
}

/// Appends one word and returns what follows it. Quotes may open in the middle of a word, but they end it.
fn take_word<'a>(line: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    let mut rest = line;
    loop {
        match *rest {
            // Vertical tab and form feed separate words but do not end one: so it is in the reference.
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Ok(rest),
            [b'"', ref inside @ ..] => return take_double_quoted(inside, text),
            [b'\'', ref inside @ ..] => return take_single_quoted(inside, text),
            [byte, ref after @ ..] => {
                text.push(byte);
                rest = after;
            }
        }
    }
}

fn take_double_quoted<'a>(
    mut rest: &'a [u8],
    text: &mut Vec<u8>,
) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        match *rest {
            [] => return Err(UnbalancedQuotes),
            [b'"', ref after @ ..] => return after_quote(after),
            [b'\\', b'x', high, low, ref after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                text.push(hex_value(high) << 4 | hex_value(low));
                rest = after;
            }
            [b'\\', escaped, ref after @ ..] => {
                text.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
                rest = after;
            }
            [byte, ref after @ ..] => {
                text.push(byte);
                rest = after;
            }
        }
    }
}

fn take_single_quoted<'a>(
    mut rest: &'a [u8],
    text: &mut Vec<u8>,
) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        match *rest {
            [] => return Err(UnbalancedQuotes),
            [b'\'', ref after @ ..] => return after_quote(after),
            [b'\\', b'\'', ref after @ ..] => {
                text.push(b'\'');
                rest = after;
            }
            [byte, ref after @ ..] => {
                text.push(byte);
                rest = after;
            }
        }
    }
}

fn after_quote(rest: &[u8]) -> Result<&[u8], UnbalancedQuotes> {
    match rest {
        [byte, ..] if !is_blank(*byte) => Err(UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::split_args;

    #[test]
    fn words_and_quotes() {
        let table: &[(&str, Option<&[&[u8]]>)] = &[
            ("", Some(&[])),
            (" \t ", Some(&[])),
            ("PING", Some(&[b"PING"])),
            ("  SET  key\tvalue ", Some(&[b"SET", b"key", b"value"])),
            ("ECHO \"\"", Some(&[b"ECHO", b""])),
            ("ECHO \"a b\"", Some(&[b"ECHO", b"a b"])),
            ("ECHO 'a b'", Some(&[b"ECHO", b"a b"])),
            (r#"ECHO "a\x41\n\q\"""#, Some(&[b"ECHO", b"aA\nq\""])),
            (r#"ECHO "\x4z""#, Some(&[b"ECHO", b"x4z"])),
            (r#"ECHO "\a\b\r\t""#, Some(&[b"ECHO", b"\x07\x08\r\t"])),
            (r"ECHO 'a\'b\n'", Some(&[b"ECHO", b"a'b\\n"])),
            (r#"ECHO a"b c""#, Some(&[b"ECHO", b"ab c"])),
            (r#"ECHO a"b"c"#, None),
            (r#"ECHO "a"b"#, None),
            (r#"ECHO "a"#, None),
            (r#"ECHO "a\"#, None),
            ("ECHO 'a", None),
            ("ECHO 'a'b", None),
            ("ECHO a\x0bb", Some(&[b"ECHO", b"a\x0bb"])),
            ("\x0bECHO a", Some(&[b"ECHO", b"a"])),
            ("ECHO \"a\"\x0bb", Some(&[b"ECHO", b"a", b"b"])),
            ("ECHO a\0b c", Some(&[b"ECHO", b"a"])),
        ];
        for &(line, expected) in table {
            let words = split_args(line.as_bytes());
            let words: Option<Vec<&[u8]>> = words
                .as_ref()
                .map(|words| words.iter().map(Vec::as_slice).collect());
            assert_eq!(words.as_deref(), expected, "{line:?}");
        }
    }
}
