//! What clients send: arrays of bulk strings, and lines typed by hand.
//!
//! ```text
//! *3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n        multibulk
//! SET key "a value"\r\n                                  inline
//! ```
//!
//! The parser looks at a slice and never owns it. Arguments come out as slices of that input, so that nothing is
//! copied between the socket's buffer and the handler; only inline requests, which may hold escapes, are
//! unescaped into a small text of the parser's own.
//!
//! It resumes: what it has seen of an unfinished request stays in it as offsets, and the next call goes on where
//! the bytes ended, so a request of a gigabyte in a million pieces is looked at once. The outcome never depends on
//! where the pieces were cut. And nothing is allocated because a client *announced* a size: the list of arguments
//! grows as arguments arrive.
//!
//! Every limit and every error text is the reference server's (`networking.c`, `processMultibulkBuffer` and
//! `processInlineBuffer`), including what it leaves unchecked: the byte after a CR, and the two bytes after a bulk.

use std::borrow::Cow;

use perilune_digits::parse_i64;

use crate::args::{Args, Span};
use crate::inline;
use crate::reply::Reply;

/// The longest line without its end in sight: an inline request, or the header of a multibulk or a bulk.
pub const INLINE_LEN_MAX: usize = 64 * 1024;
/// How many arguments a client may send before it has authenticated.
pub const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
/// How long an argument may be before its client has authenticated.
pub const UNAUTHENTICATED_BULK_LEN_MAX: i64 = 16 * 1024;
/// The largest count of arguments that is a count at all.
const ARGS_MAX: i64 = i32::MAX as i64;
/// A list of arguments longer than this is given back after its request, so that idle clients stay small.
const SPANS_KEPT_MAX: usize = 64;

/// What a request may not exceed; settings and the state of the session decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// `proto-max-bulk-len`, in bytes.
    pub bulk_len_max: u64,
    /// False while the client still has to authenticate: then only short requests are read.
    pub authenticated: bool,
}

impl Default for RequestLimits {
    fn default() -> Self {
        RequestLimits {
            bulk_len_max: 512 * 1024 * 1024,
            authenticated: true,
        }
    }
}

/// The client does not speak the protocol. It gets the message, then the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// The count of arguments is no number or too big.
    InvalidMultibulkLength,
    /// More than [`UNAUTHENTICATED_ARGS_MAX`] arguments before AUTH.
    UnauthenticatedMultibulkLength,
    /// An argument longer than [`UNAUTHENTICATED_BULK_LEN_MAX`] before AUTH.
    UnauthenticatedBulkLength,
    /// An argument's length is no number, negative, or over `proto-max-bulk-len`.
    InvalidBulkLength,
    /// An argument starts with this byte where a `$` belongs.
    ExpectedBulk(u8),
    /// A count of arguments that does not end within [`INLINE_LEN_MAX`].
    TooBigMultibulkCount,
    /// A length of an argument that does not end within [`INLINE_LEN_MAX`].
    TooBigBulkCount,
    /// An inline request that does not end within [`INLINE_LEN_MAX`].
    TooBigInlineRequest,
    /// Quotes in an inline request that do not close properly.
    UnbalancedQuotes,
}

impl ProtocolError {
    /// The message with its code in front, as [`Reply::error`] takes it.
    pub fn message(&self) -> Cow<'static, [u8]> {
        Cow::Borrowed(match self {
            Self::InvalidMultibulkLength => b"ERR Protocol error: invalid multibulk length",
            Self::UnauthenticatedMultibulkLength => {
                b"ERR Protocol error: unauthenticated multibulk length"
            }
            Self::UnauthenticatedBulkLength => b"ERR Protocol error: unauthenticated bulk length",
            Self::InvalidBulkLength => b"ERR Protocol error: invalid bulk length",
            Self::TooBigMultibulkCount => b"ERR Protocol error: too big mbulk count string",
            Self::TooBigBulkCount => b"ERR Protocol error: too big bulk count string",
            Self::TooBigInlineRequest => b"ERR Protocol error: too big inline request",
            Self::UnbalancedQuotes => b"ERR Protocol error: unbalanced quotes in request",
            Self::ExpectedBulk(got) => {
                let mut message = b"ERR Protocol error: expected '$', got '".to_vec();
                message.push(*got);
                message.push(b'\'');
                return Cow::Owned(message);
            }
        })
    }

    /// Answers the client with the message.
    pub fn write(&self, reply: &mut dyn Reply) {
        reply.error(&self.message());
    }
}

impl std::fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.message()))
    }
}

impl std::error::Error for ProtocolError {}

/// One complete request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What was asked: never empty.
    pub args: Args<'a>,
    /// How many bytes of the input it took, empty requests in front of it included.
    pub consumed: usize,
}

/// What [`RequestParser::parse`] found.
#[derive(Debug, Clone, Copy)]
pub enum Parsed<'a> {
    /// A request. The next call starts `consumed` bytes further on, or at the same place to see it again.
    Request(Request<'a>),
    /// No complete request yet. Empty requests of `consumed` bytes were skipped: drop them, append what arrives to the
    /// rest, and call again.
    Incomplete {
        /// How many bytes are done with.
        consumed: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Unknown,
    Inline,
    Multibulk,
}

/// Reads a request of the usual shape that is all there, without a parser and what it has to remember: an array of fewer
/// than a hundred bulk strings of 1 to 999 bytes. Shows its words, the name of the command first, and returns how many
/// bytes it took; of other requests nothing, and words that were shown by then mean nothing.
///
/// What it returns is what a [`RequestParser`] with no limits below these would. (A pipelined GET took 2,106 instructions
/// without this and without remembering the name of the request before, and 1,882 with both.)
#[inline]
pub fn read_usual<'a>(input: &'a [u8], mut word: impl FnMut(&'a [u8])) -> Option<usize> {
    let (count, mut rest) = usual_header(input, b'*')?;
    if count >= 100 {
        return None;
    }
    for _ in 0..count {
        let (len, bulk) = usual_header(rest, b'$')?;
        rest = bulk.get(len + 2..)?;
        word(&bulk[..len]);
    }
    Some(input.len() - rest.len())
}

/// A number of up to three digits behind its kind, and what follows the line.
#[inline]
fn usual_header(line: &[u8], kind: u8) -> Option<(usize, &[u8])> {
    let digit = |byte: u8| usize::from(byte - b'0');
    let (first, number, rest) = match *line {
        [first, a @ b'1'..=b'9', b'\r', _, ref rest @ ..] => (first, digit(a), rest),
        [
            first,
            a @ b'1'..=b'9',
            b @ b'0'..=b'9',
            b'\r',
            _,
            ref rest @ ..,
        ] => (first, digit(a) * 10 + digit(b), rest),
        [
            first,
            a @ b'1'..=b'9',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            b'\r',
            _,
            ref rest @ ..,
        ] => (first, digit(a) * 100 + digit(b) * 10 + digit(c), rest),
        _ => return None,
    };
    (first == kind).then_some((number, rest))
}

/// The state of one client's request stream.
#[derive(Debug, Default)]
pub struct RequestParser {
    /// The arguments that are complete, as far as the request has arrived.
    spans: Vec<Span>,
    /// The unescaped words of an inline request.
    text: Vec<u8>,
    /// Where the next header or bulk starts, relative to the start of the request.
    pos: usize,
    /// How far the end of the line that starts at `pos` has been looked for in vain.
    scanned: usize,
    /// How many arguments are still to come.
    args_missing: usize,
    /// The length of the argument at `pos`, once its header was read.
    bulk_len: Option<usize>,
    kind: Kind,
}

/// Whether the request at the start of the input is all there.
enum Step {
    Complete { len: usize },
    Incomplete,
}

impl RequestParser {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for the next request at the start of `input`.
    ///
    /// After [`Parsed::Incomplete`] the next call must pass the same bytes (less the consumed ones) with more behind
    /// them. After an error the stream is lost: close the connection.
    pub fn parse<'a>(
        &'a mut self,
        input: &'a [u8],
        limits: &RequestLimits,
    ) -> Result<Parsed<'a>, ProtocolError> {
        let mut start = 0;
        loop {
            let bytes = &input[start..];
            if self.kind == Kind::Unknown {
                match bytes.first() {
                    None => return Ok(Parsed::Incomplete { consumed: start }),
                    Some(b'*') => self.begin(Kind::Multibulk),
                    Some(_) => self.begin(Kind::Inline),
                }
            }
            let step = match self.kind {
                Kind::Multibulk => self.multibulk(bytes, limits)?,
                _ => self.inline(bytes)?,
            };
            let Step::Complete { len } = step else {
                return Ok(Parsed::Incomplete { consumed: start });
            };
            let kind = std::mem::take(&mut self.kind);
            if self.spans.is_empty() {
                start += len;
                continue;
            }
            let bytes = if kind == Kind::Inline {
                self.text.as_slice()
            } else {
                bytes
            };
            let args = Args::new(bytes, &self.spans);
            return Ok(Parsed::Request(Request {
                args,
                consumed: start + len,
            }));
        }
    }

    /// How many bytes from the start of the unfinished request must be there before parsing gets any further; 0 where
    /// that is not known. A buffer may grow towards it, but the client has only announced it.
    pub fn bytes_wanted(&self) -> usize {
        match (self.kind, self.bulk_len) {
            (Kind::Multibulk, Some(len)) => self.pos + len + 2,
            _ => 0,
        }
    }

    /// True between two requests.
    pub fn is_idle(&self) -> bool {
        self.kind == Kind::Unknown
    }

    fn begin(&mut self, kind: Kind) {
        self.kind = kind;
        self.pos = 0;
        self.scanned = 0;
        self.args_missing = 0;
        self.bulk_len = None;
        if self.spans.capacity() > SPANS_KEPT_MAX {
            self.spans = Vec::new();
        }
        self.spans.clear();
        if self.text.capacity() > 0 {
            self.text = Vec::new();
        }
    }

    fn multibulk(&mut self, input: &[u8], limits: &RequestLimits) -> Result<Step, ProtocolError> {
        if self.pos == 0 {
            let Some((header, next)) = self.header(input, ProtocolError::TooBigMultibulkCount)?
            else {
                return Ok(Step::Incomplete);
            };
            let count = header.number.ok_or(ProtocolError::InvalidMultibulkLength)?;
            if count > ARGS_MAX {
                return Err(ProtocolError::InvalidMultibulkLength);
            }
            if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
                return Err(ProtocolError::UnauthenticatedMultibulkLength);
            }
            self.go_to(next);
            self.args_missing = usize::try_from(count).unwrap_or(0);
        }
        while self.args_missing > 0 {
            let len = match self.bulk_len {
                Some(len) => len,
                None => {
                    let Some((header, next)) =
                        self.header(input, ProtocolError::TooBigBulkCount)?
                    else {
                        return Ok(Step::Incomplete);
                    };
                    let len = bulk_len(&header, limits)?;
                    self.go_to(next);
                    self.bulk_len = Some(len);
                    len
                }
            };
            let end = self.pos + len;
            if input.len() < end + 2 {
                return Ok(Step::Incomplete);
            }
            self.spans.push(Span {
                start: self.pos,
                end,
            });
            self.bulk_len = None;
            self.args_missing -= 1;
            self.go_to(end + 2);
        }
        Ok(Step::Complete { len: self.pos })
    }

    /// Reads the header line at `pos`: its first byte, the number behind it, and where the next line starts.
    #[inline]
    fn header(
        &mut self,
        input: &[u8],
        too_big: ProtocolError,
    ) -> Result<Option<(Header, usize)>, ProtocolError> {
        let line = &input[self.pos..];
        // Nearly every header is one or two digits.
        if let [first, digit @ b'1'..=b'9', b'\r', _, ..] = *line {
            let header = Header {
                first,
                number: Some(i64::from(digit - b'0')),
            };
            return Ok(Some((header, self.pos + 4)));
        }
        if let [first, tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', _, ..] = *line {
            let number = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            return Ok(Some((
                Header {
                    first,
                    number: Some(number),
                },
                self.pos + 5,
            )));
        }
        let Some(len) = self.find_in_line(input, |byte| byte == b'\r') else {
            if line.len() > INLINE_LEN_MAX {
                return Err(too_big);
            }
            return Ok(None);
        };
        if line.len() < len + 2 {
            return Ok(None);
        }
        let header = Header {
            first: line[0],
            number: line[..len].get(1..).and_then(parse_i64),
        };
        Ok(Some((header, self.pos + len + 2)))
    }

    fn inline(&mut self, input: &[u8]) -> Result<Step, ProtocolError> {
        // The reference looks for the end with `strchr`, which a NUL stops: such a line never ends.
        let end = match self.find_in_line(input, |byte| byte == b'\n' || byte == 0) {
            Some(end) if input[end] == b'\n' => end,
            _ if input.len() > INLINE_LEN_MAX => return Err(ProtocolError::TooBigInlineRequest),
            _ => return Ok(Step::Incomplete),
        };
        let line = match &input[..end] {
            [line @ .., b'\r'] => line,
            line => line,
        };
        let mut start = 0;
        let spans = &mut self.spans;
        inline::split_into(line, &mut self.text, |end| {
            spans.push(Span { start, end });
            start = end;
        })
        .map_err(|_| ProtocolError::UnbalancedQuotes)?;
        Ok(Step::Complete { len: end + 1 })
    }

    /// Finds the first such byte at or after `pos`, at most [`INLINE_LEN_MAX`] bytes away, and remembers how far it looked.
    fn find_in_line(&mut self, input: &[u8], wanted: impl Fn(u8) -> bool) -> Option<usize> {
        let line = &input[self.pos..];
        let until = line.len().min(INLINE_LEN_MAX + 1);
        let from = self.scanned.min(until);
        let found = line[from..until]
            .iter()
            .position(|&byte| wanted(byte))
            .map(|at| from + at);
        self.scanned = found.unwrap_or(until);
        found
    }

    fn go_to(&mut self, pos: usize) {
        self.pos = pos;
        self.scanned = 0;
    }
}

struct Header {
    first: u8,
    number: Option<i64>,
}

fn bulk_len(header: &Header, limits: &RequestLimits) -> Result<usize, ProtocolError> {
    if header.first != b'$' {
        return Err(ProtocolError::ExpectedBulk(header.first));
    }
    let len = header.number.ok_or(ProtocolError::InvalidBulkLength)?;
    if !(0..=i64::try_from(limits.bulk_len_max).unwrap_or(i64::MAX)).contains(&len) {
        return Err(ProtocolError::InvalidBulkLength);
    }
    if len > UNAUTHENTICATED_BULK_LEN_MAX && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedBulkLength);
    }
    usize::try_from(len).map_err(|_| ProtocolError::InvalidBulkLength)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
