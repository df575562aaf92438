//! The other end of the wire: sends commands, reads whatever a server may answer.
//!
//! For tests and tools. It is built for exactness, not for speed: every shape of RESP2 and RESP3 stays
//! distinguishable in [`Value`], so that two servers' answers can be compared to the byte's meaning.

use perilune_digits::parse_i64;

/// How deep aggregates may nest; far beyond what a server sends.
const DEPTH_MAX: usize = 512;

/// One reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `+OK`
    Status(Vec<u8>),
    /// `-ERR ...`, without the minus.
    Error(Vec<u8>),
    /// `:1`
    Integer(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    /// `*2`
    Array(Vec<Value>),
    /// `%1`
    Map(Vec<(Value, Value)>),
    /// `~2`
    Set(Vec<Value>),
    /// `>2`
    Push(Vec<Value>),
    /// `,3.5`, as the text that was sent.
    Double(Vec<u8>),
    /// `#t`
    Boolean(bool),
    /// `(123`, as digits.
    BigNumber(Vec<u8>),
    /// `=6`: format and text.
    Verbatim(Vec<u8>, Vec<u8>),
    /// `!5`: an error that may hold any bytes.
    BulkError(Vec<u8>),
    /// `|1`: remarks, and the reply they belong to.
    Attributed(Vec<(Value, Value)>, Box<Value>),
}

impl Value {
    /// The bytes of a bulk, a status, a verbatim text, a double or a big number.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Status(text)
            | Value::Bulk(text)
            | Value::Verbatim(_, text)
            | Value::Double(text)
            | Value::BigNumber(text) => Some(text),
            _ => None,
        }
    }

    /// The value of an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements of an array, a set or a push.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => Some(items),
            _ => None,
        }
    }

    /// The message of an error.
    pub fn as_error(&self) -> Option<&[u8]> {
        match self {
            Value::Error(message) | Value::BulkError(message) => Some(message),
            _ => None,
        }
    }

    /// True for the three forms of nothing.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null | Value::NullBulk | Value::NullArray)
    }

    /// Appends the value as bytes; what was parsed comes out as it came in.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Value::Status(text) => line(out, b'+', text),
            Value::Error(text) => line(out, b'-', text),
            Value::Integer(value) => line(out, b':', itoa::Buffer::new().format(*value).as_bytes()),
            Value::Bulk(bytes) => blob(out, b'$', &[bytes]),
            Value::NullBulk => line(out, b'$', b"-1"),
            Value::NullArray => line(out, b'*', b"-1"),
            Value::Null => line(out, b'_', b""),
            Value::Array(items) => list(out, b'*', items),
            Value::Set(items) => list(out, b'~', items),
            Value::Push(items) => list(out, b'>', items),
            Value::Map(pairs) => map(out, b'%', pairs),
            Value::Double(text) => line(out, b',', text),
            Value::Boolean(value) => line(out, b'#', if *value { b"t" } else { b"f" }),
            Value::BigNumber(digits) => line(out, b'(', digits),
            Value::Verbatim(format, text) => blob(out, b'=', &[format, b":", text]),
            Value::BulkError(bytes) => blob(out, b'!', &[bytes]),
            Value::Attributed(pairs, value) => {
                map(out, b'|', pairs);
                value.encode(out);
            }
        }
    }
}

/// The answer is not RESP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What was expected, and what came.
    pub message: String,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "malformed reply: {}", self.message)
    }
}

impl std::error::Error for Malformed {}

/// Appends a command as the array of bulk strings a server expects.
pub fn encode_command(args: &[&[u8]], out: &mut Vec<u8>) {
    line(out, b'*', itoa::Buffer::new().format(args.len()).as_bytes());
    for arg in args {
        blob(out, b'$', &[arg]);
    }
}

/// Reads the value at the start of `input`: the value and its length in bytes, or `None` where it is not all there.
pub fn parse_value(input: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    let mut cursor = Cursor { input, pos: 0 };
    match cursor.value(0) {
        Ok(value) => Ok(Some((value, cursor.pos))),
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Malformed(message)) => Err(Malformed { message }),
    }
}

/// Collects bytes and hands out values.
#[derive(Debug, Default)]
pub struct ValueReader {
    bytes: Vec<u8>,
    pos: usize,
    /// Do not try again before this many bytes are there: an unfinished value is read from its start each time, so
    /// for a big one attempts come at doubling lengths, or when a line seems to end.
    patience: usize,
}

impl ValueReader {
    /// A reader without bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.pos > 0 && self.pos == self.bytes.len() {
            self.bytes.clear();
            self.pos = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete value.
    pub fn next_value(&mut self) -> Result<Option<Value>, Malformed> {
        let rest = &self.bytes[self.pos..];
        if rest.len() < self.patience && !rest.ends_with(b"\r\n") {
            return Ok(None);
        }
        let Some((value, len)) = parse_value(rest)? else {
            self.patience = if rest.len() < 64 * 1024 {
                0
            } else {
                rest.len() * 2
            };
            self.bytes.drain(..self.pos);
            self.pos = 0;
            return Ok(None);
        };
        self.patience = 0;
        self.pos += len;
        Ok(Some(value))
    }
}

enum Stop {
    Incomplete,
    Malformed(String),
}

struct Cursor<'a> {
    input: &'a [u8],
    pos: usize,
}

impl<'a> Cursor<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        if depth > DEPTH_MAX {
            return Err(Stop::Malformed("nested too deeply".into()));
        }
        let kind = *self.input.get(self.pos).ok_or(Stop::Incomplete)?;
        self.pos += 1;
        let line = self.line()?;
        Ok(match kind {
            b'+' => Value::Status(line.to_vec()),
            b'-' => Value::Error(line.to_vec()),
            b':' => Value::Integer(number(line)?),
            b'$' if line == b"-1" => Value::NullBulk,
            b'$' => Value::Bulk(self.blob(line)?.to_vec()),
            b'*' if line == b"-1" => Value::NullArray,
            b'*' => Value::Array(self.list(line, depth)?),
            b'~' => Value::Set(self.list(line, depth)?),
            b'>' => Value::Push(self.list(line, depth)?),
            b'%' => Value::Map(self.map(line, depth)?),
            b'_' => Value::Null,
            b',' => Value::Double(line.to_vec()),
            b'(' => Value::BigNumber(line.to_vec()),
            b'#' => match line {
                b"t" => Value::Boolean(true),
                b"f" => Value::Boolean(false),
                _ => return Err(malformed("a boolean", line)),
            },
            b'!' => Value::BulkError(self.blob(line)?.to_vec()),
            b'=' => match self.blob(line)? {
                [a, b, c, b':', text @ ..] => Value::Verbatim(vec![*a, *b, *c], text.to_vec()),
                other => return Err(malformed("a verbatim string", other)),
            },
            b'|' => {
                let pairs = self.map(line, depth)?;
                Value::Attributed(pairs, Box::new(self.value(depth + 1)?))
            }
            other => return Err(malformed("a type", &[other])),
        })
    }

    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.input[self.pos..];
        let end = rest
            .windows(2)
            .position(|two| two == b"\r\n")
            .ok_or(Stop::Incomplete)?;
        self.pos += end + 2;
        Ok(&rest[..end])
    }

    fn blob(&mut self, len: &[u8]) -> Result<&'a [u8], Stop> {
        let len = usize::try_from(number(len)?).map_err(|_| malformed("a length", len))?;
        let rest = &self.input[self.pos..];
        if rest.len() < len.saturating_add(2) {
            return Err(Stop::Incomplete);
        }
        let (bytes, end) = rest[..len + 2].split_at(len);
        if end != b"\r\n" {
            return Err(malformed("CR and LF behind a string", end));
        }
        self.pos += len + 2;
        Ok(bytes)
    }

    fn list(&mut self, len: &[u8], depth: usize) -> Result<Vec<Value>, Stop> {
        let mut items = Vec::new();
        for _ in 0..number(len)? {
            items.push(self.value(depth + 1)?);
        }
        Ok(items)
    }

    fn map(&mut self, len: &[u8], depth: usize) -> Result<Vec<(Value, Value)>, Stop> {
        let mut pairs = Vec::new();
        for _ in 0..number(len)? {
            pairs.push((self.value(depth + 1)?, self.value(depth + 1)?));
        }
        Ok(pairs)
    }
}

fn number(line: &[u8]) -> Result<i64, Stop> {
    parse_i64(line).ok_or_else(|| malformed("a number", line))
}

fn malformed(expected: &str, got: &[u8]) -> Stop {
    Stop::Malformed(format!(
        "expected {expected}, got {:?}",
        String::from_utf8_lossy(got)
    ))
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn blob(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    line(out, kind, itoa::Buffer::new().format(len).as_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

fn list(out: &mut Vec<u8>, kind: u8, items: &[Value]) {
    line(
        out,
        kind,
        itoa::Buffer::new().format(items.len()).as_bytes(),
    );
    for item in items {
        item.encode(out);
    }
}

fn map(out: &mut Vec<u8>, kind: u8, pairs: &[(Value, Value)]) {
    line(
        out,
        kind,
        itoa::Buffer::new().format(pairs.len()).as_bytes(),
    );
    for (key, value) in pairs {
        key.encode(out);
        value.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, ValueReader, encode_command, parse_value};

    const EVERY_SHAPE: &[&str] = &[
        "+OK\r\n",
        "-ERR no\r\n",
        ":-5\r\n",
        "$5\r\na\r\nbc\r\n",
        "$0\r\n\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "_\r\n",
        "*2\r\n:1\r\n*1\r\n$1\r\nx\r\n",
        "*0\r\n",
        "%1\r\n+a\r\n:1\r\n",
        "~1\r\n#t\r\n",
        ">1\r\n#f\r\n",
        ",3.5\r\n",
        "(12345678901234567890\r\n",
        "=6\r\ntxt:hi\r\n",
        "!4\r\nERR!\r\n",
        "|1\r\n+k\r\n+v\r\n:1\r\n",
    ];

    #[test]
    fn every_shape_comes_out_as_it_came_in() {
        for text in EVERY_SHAPE {
            let (value, len) = parse_value(text.as_bytes()).unwrap().unwrap();
            assert_eq!(len, text.len(), "{text:?}");
            let mut out = Vec::new();
            value.encode(&mut out);
            assert_eq!(out, text.as_bytes());
            for cut in 0..text.len() {
                assert_eq!(
                    parse_value(&text.as_bytes()[..cut]),
                    Ok(None),
                    "{text:?} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn garbage_is_refused() {
        for text in [
            "x\r\n",
            ":a\r\n",
            "$-2\r\n",
            "#x\r\n",
            "=2\r\nab\r\n",
            "$1\r\nabc",
        ] {
            assert!(parse_value(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse_value("*1\r\n".repeat(1000).as_bytes()).is_err());
    }

    #[test]
    fn a_stream_of_values_byte_by_byte() {
        let stream: String = EVERY_SHAPE.concat();
        let mut reader = ValueReader::new();
        let mut values = 0;
        for byte in stream.bytes() {
            reader.feed(&[byte]);
            while reader.next_value().unwrap().is_some() {
                values += 1;
            }
        }
        assert_eq!(values, EVERY_SHAPE.len());
    }

    #[test]
    fn commands_are_arrays_of_bulks() {
        let mut out = Vec::new();
        encode_command(&[b"GET", b""], &mut out);
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
        let (value, _) = parse_value(&out).unwrap().unwrap();
        assert_eq!(
            value,
            Value::Array(vec![Value::Bulk(b"GET".to_vec()), Value::Bulk(vec![])])
        );
    }
}
