//! One reply off the wire, RESP2 or RESP3: its bytes' extent and what they mean.

use std::fmt;

/// A reply as its bytes say it: two replies are equal when their shapes and contents are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `+OK`
    Status(Vec<u8>),
    /// `-ERR ...`, without the dash
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
    /// `%2`, keys and values in turn
    Map(Vec<Value>),
    /// `~2`
    Set(Vec<Value>),
    /// `>2`
    Push(Vec<Value>),
    /// `,1.5`, as its digits
    Double(Vec<u8>),
    /// `#t`
    Boolean(bool),
    /// `(123`
    BigNumber(Vec<u8>),
    /// `=7`, with its three-letter format in front
    Verbatim(Vec<u8>),
}

/// The bytes are no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a reply: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<Malformed> for std::io::Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, malformed)
    }
}

/// The first reply in `bytes` and its length, or None while it is incomplete.
pub fn parse(bytes: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    let mut cursor = Cursor { bytes, at: 0 };
    match cursor.value() {
        Ok(value) => Ok(Some((value, cursor.at))),
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Malformed(what)) => Err(Malformed(what)),
    }
}

enum Stop {
    Incomplete,
    Malformed(String),
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn value(&mut self) -> Result<Value, Stop> {
        let line = self.line()?;
        let (&kind, rest) = line.split_first().ok_or_else(|| malformed(line))?;
        Ok(match kind {
            b'+' => Value::Status(rest.to_vec()),
            b'-' => Value::Error(rest.to_vec()),
            b':' => Value::Integer(number(rest)?),
            b',' => Value::Double(rest.to_vec()),
            b'(' => Value::BigNumber(rest.to_vec()),
            b'_' => Value::Null,
            b'#' => Value::Boolean(rest == b"t"),
            b'$' if rest == b"-1" => Value::NullBulk,
            b'$' => Value::Bulk(self.bulk(number(rest)?)?),
            b'=' => Value::Verbatim(self.bulk(number(rest)?)?),
            b'*' if rest == b"-1" => Value::NullArray,
            b'*' => Value::Array(self.values(number(rest)?)?),
            b'~' => Value::Set(self.values(number(rest)?)?),
            b'>' => Value::Push(self.values(number(rest)?)?),
            b'%' => Value::Map(self.values(number(rest)?.saturating_mul(2))?),
            _ => return Err(malformed(line)),
        })
    }

    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let end = rest
            .iter()
            .position(|&b| b == b'\n')
            .ok_or(Stop::Incomplete)?;
        self.at += end + 1;
        rest[..end]
            .strip_suffix(b"\r")
            .ok_or_else(|| malformed(&rest[..end]))
    }

    fn bulk(&mut self, len: i64) -> Result<Vec<u8>, Stop> {
        let len =
            usize::try_from(len).map_err(|_| Stop::Malformed(format!("a length of {len}")))?;
        let rest = &self.bytes[self.at..];
        if rest.len() < len + 2 {
            return Err(Stop::Incomplete);
        }
        if &rest[len..len + 2] != b"\r\n" {
            return Err(Stop::Malformed(format!(
                "a string of {len} bytes does not end there"
            )));
        }
        self.at += len + 2;
        Ok(rest[..len].to_vec())
    }

    fn values(&mut self, len: i64) -> Result<Vec<Value>, Stop> {
        let len =
            usize::try_from(len).map_err(|_| Stop::Malformed(format!("a length of {len}")))?;
        let mut values = Vec::with_capacity(len.min(1024));
        for _ in 0..len {
            values.push(self.value()?);
        }
        Ok(values)
    }
}

fn malformed(line: &[u8]) -> Stop {
    Stop::Malformed(String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned())
}

fn number(digits: &[u8]) -> Result<i64, Stop> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|d| d.parse().ok())
        .ok_or_else(|| malformed(digits))
}

impl Value {
    /// The bytes of a string, status, error or number, whatever kind it is.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Status(b)
            | Self::Error(b)
            | Self::Bulk(b)
            | Self::Double(b)
            | Self::BigNumber(b) => Some(b),
            Self::Verbatim(b) => b.get(4..),
            _ => None,
        }
    }

    /// The elements of an aggregate of any kind; a map's keys and values in turn.
    #[must_use]
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Self::Array(v) | Self::Map(v) | Self::Set(v) | Self::Push(v) => Some(v),
            _ => None,
        }
    }

    /// The integer, where it is one.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(i) => Some(*i),
            _ => None,
        }
    }

    /// No value, in any of its three spellings.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::NullBulk | Self::NullArray | Self::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_every_cut() {
        let bytes = b"*11\r\n+OK\r\n-ERR x\r\n:-5\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n_\r\n,1.5\r\n#t\r\n%1\r\n+k\r\n~1\r\n:1\r\n=7\r\ntxt:abc\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        let (value, len) = parse(bytes).unwrap().unwrap();
        assert_eq!(len, bytes.len());
        assert_eq!(value.elements().unwrap().len(), 11);
        assert_eq!(value.elements().unwrap()[3], Value::Bulk(b"a\r\n".to_vec()));
    }

    #[test]
    fn rubbish_is_refused() {
        for bytes in [
            &b"hello\r\n"[..],
            b"$x\r\n",
            b"$1\r\nab\r\n",
            b"*-2\r\n",
            b"\r\n",
        ] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
