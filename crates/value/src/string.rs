//! Strings: integers, short strings and long ones.
//!
//! | encoding | what                                     | where                                     |
//! |----------|------------------------------------------|-------------------------------------------|
//! | `int`    | a value that reads as an `i64`           | inline                                    |
//! | `embstr` | up to 44 bytes, never changed in place   | inline                                    |
//! | `raw`    | longer, or once changed in place         | inline up to [`INLINE_LEN_MAX`], else heap |
//!
//! The names and the 44 are Redis's (`OBJECT ENCODING`): clients test for them. Where the bytes stand is
//! ours, and no client sees it.

use crate::number::{parse_f64, parse_i64};

/// The longest string that OBJECT ENCODING calls `embstr`.
pub const EMBSTR_LEN_MAX: usize = 44;

/// The longest string that is kept inside its entry. Beyond it a string pays one more allocation, which by
/// then is small beside its bytes, and gains that growing it does not move its key.
pub const INLINE_LEN_MAX: usize = 448;

/// The longest text of an `i64`: `-9223372036854775808`.
const INTEGER_TEXT_LEN_MAX: usize = 20;

/// How OBJECT ENCODING names a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringEncoding {
    /// An integer.
    Int,
    /// A short string as it was set.
    Embstr,
    /// A long string, or one that was changed in place.
    Raw,
}

impl StringEncoding {
    /// The encoding that a string has when it is set as a whole, and its integer where it is one.
    pub fn of(bytes: &[u8]) -> (StringEncoding, Option<i64>) {
        if bytes.len() <= INTEGER_TEXT_LEN_MAX
            && let Some(integer) = parse_i64(bytes)
        {
            return (StringEncoding::Int, Some(integer));
        }
        (StringEncoding::of_text(bytes), None)
    }

    /// The encoding of a string that must not become an integer (the result of INCRBYFLOAT).
    pub fn of_text(bytes: &[u8]) -> StringEncoding {
        if bytes.len() <= EMBSTR_LEN_MAX {
            StringEncoding::Embstr
        } else {
            StringEncoding::Raw
        }
    }

    /// The name that clients see.
    pub fn name(self) -> &'static str {
        match self {
            StringEncoding::Int => "int",
            StringEncoding::Embstr => "embstr",
            StringEncoding::Raw => "raw",
        }
    }

    /// The number kept in the entry's encoding bits.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The encoding kept as `code`.
    ///
    /// # Panics
    /// If no string encoding has that code: an entry holds only what [`StringEncoding::code`] gave.
    pub fn from_code(code: u8) -> StringEncoding {
        match code {
            0 => StringEncoding::Int,
            1 => StringEncoding::Embstr,
            2 => StringEncoding::Raw,
            other => unreachable!("no string encoding has the code {other}"),
        }
    }
}

/// A string as a handler reads it: borrowed, in whichever form it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// Kept as an integer.
    Int(i64),
    /// Kept as bytes.
    Bytes(&'a [u8]),
}

impl<'a> Text<'a> {
    /// The bytes; an integer is written into `buffer`.
    pub fn bytes<'b>(&'b self, buffer: &'b mut itoa::Buffer) -> &'b [u8] {
        match self {
            Text::Int(integer) => buffer.format(*integer).as_bytes(),
            Text::Bytes(bytes) => bytes,
        }
    }

    /// Length in bytes.
    #[allow(
        clippy::len_without_is_empty,
        reason = "an empty value is a value like any other"
    )]
    pub fn len(&self) -> usize {
        self.bytes(&mut itoa::Buffer::new()).len()
    }

    /// The value as an integer, if it is exactly one in its shortest form.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Text::Int(integer) => Some(*integer),
            Text::Bytes(bytes) => parse_i64(bytes),
        }
    }

    /// The value as a finite or infinite number.
    pub fn float(&self) -> Option<f64> {
        match self {
            Text::Int(integer) => Some(*integer as f64),
            Text::Bytes(bytes) => parse_f64(bytes),
        }
    }
}

impl PartialEq<[u8]> for Text<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        *self.bytes(&mut itoa::Buffer::new()) == *other
    }
}

/// The key holds another type than the command works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_takes_the_encoding_that_redis_gives_it() {
        for (text, name) in [
            ("", "embstr"),
            ("0", "int"),
            ("-9223372036854775808", "int"),
            ("9223372036854775808", "embstr"),
            ("+1", "embstr"),
            ("01", "embstr"),
            ("-0", "embstr"),
            (" 1", "embstr"),
            ("1.5", "embstr"),
        ] {
            assert_eq!(
                StringEncoding::of(text.as_bytes()).0.name(),
                name,
                "{text:?}"
            );
        }
        assert_eq!(StringEncoding::of(&[b'x'; 44]).0, StringEncoding::Embstr);
        assert_eq!(StringEncoding::of(&[b'x'; 45]).0, StringEncoding::Raw);
    }
}
