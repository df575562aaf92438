//! Reading arguments: each is looked at once, the first error wins.

use perilune_value::{parse_f64, parse_i64};

use crate::error::{CommandError, errors, until_nul};

/// An integer argument.
pub fn integer(argument: &[u8]) -> Result<i64, CommandError> {
    parse_i64(argument).ok_or(errors::NOT_INTEGER)
}

/// An integer argument between two limits, which are allowed too.
pub fn integer_between(argument: &[u8], min: i64, max: i64) -> Result<i64, CommandError> {
    let value = integer(argument)?;
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    Err(CommandError::from_text(format!(
        "ERR value is out of range, value must between {min} and {max}"
    )))
}

/// The cursor of SCAN and its kin: an unsigned number, read as laxly as C's `strtoull` does, because clients may rely on
/// that. So leading white space, a sign and leading zeros are allowed, and a negative number wraps around; but what is
/// an integer in shortest form must not be negative.
pub fn cursor(argument: &[u8]) -> Result<u64, CommandError> {
    const INVALID: CommandError = CommandError::new("ERR invalid cursor");
    if let Some(value) = parse_i64(argument) {
        return u64::try_from(value).map_err(|_| INVALID);
    }
    // what is no plain number is read as C reads it
    let argument = until_nul(argument);
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
    let spaces = argument.iter().take_while(|byte| is_space(byte)).count();
    let (negative, digits) = match &argument[spaces..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let magnitude = std::str::from_utf8(digits)
        .ok()
        .filter(|_| is_number)
        .and_then(|digits| digits.parse().ok());
    magnitude
        .map(|value: u64| {
            if negative {
                value.wrapping_neg()
            } else {
                value
            }
        })
        .ok_or(INVALID)
}

/// A floating-point argument.
pub fn float(argument: &[u8]) -> Result<f64, CommandError> {
    parse_f64(argument).ok_or(errors::NOT_FLOAT)
}

/// Whether an argument is this word, in any case.
#[inline]
pub fn is_token(argument: &[u8], token: &str) -> bool {
    argument.eq_ignore_ascii_case(token.as_bytes())
}

/// The arguments of a command from some position on, taken one after the other.
///
/// ```
/// # use perilune_command::Arguments;
/// let call: [&[u8]; 5] = [b"SET", b"k", b"v", b"EX", b"10"];
/// let mut options = Arguments::from(&call, 3);
/// while let Some(option) = options.next() {
///     assert_eq!(option, b"EX");
///     assert_eq!(options.integer().unwrap(), 10);
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Arguments<'a> {
    rest: &'a [&'a [u8]],
}

impl<'a> Arguments<'a> {
    /// The arguments from number `first` on (the command's name is number 0).
    pub fn from(arguments: &'a [&'a [u8]], first: usize) -> Self {
        Self {
            rest: arguments.get(first..).unwrap_or_default(),
        }
    }

    /// How many are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next one, which stays.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.rest.first().copied()
    }

    /// Takes the next one if it is this word, in any case.
    pub fn take_token(&mut self, token: &str) -> bool {
        let is_it = self
            .peek()
            .is_some_and(|argument| is_token(argument, token));
        if is_it {
            self.rest = &self.rest[1..];
        }
        is_it
    }

    /// The next one; a syntax error if there is none.
    pub fn required(&mut self) -> Result<&'a [u8], CommandError> {
        self.next().ok_or(errors::SYNTAX)
    }

    /// The next one as an integer; a syntax error if there is none.
    pub fn integer(&mut self) -> Result<i64, CommandError> {
        integer(self.required()?)
    }

    /// All that are left.
    pub fn rest(&self) -> &'a [&'a [u8]] {
        self.rest
    }
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_strtoull_reads_them() {
        for (text, value) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("01", Some(1)),
            ("+1", Some(1)),
            (" 1", Some(1)),
            ("1 ", None),
            ("-01", Some(u64::MAX)),
            ("-1", None),
            ("0x10", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(cursor(text.as_bytes()).ok(), value, "{text:?}");
        }
    }
}
