//! Numbers as text, in the two forms that scripts meet.
//!
//! * [`argument`]: how a number becomes the argument of a command (the reference's `fpconv_dtoa`; the digits are those
//!   of `perilune_digits`).
//! * [`general`]: C's `%.{precision}g`, as cjson writes numbers. It asks the standard library for correctly rounded
//!   digits and lays them out itself, without allocating.

use std::fmt::Write;

use perilune_digits::Buffer;

/// Long enough for every number in either form.
pub(crate) const TEXT_BYTES_MAX: usize = perilune_digits::TEXT_LEN_MAX;

/// Integers in this range are written as such; the reference's bound for a safe conversion.
const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;

/// The first integer that a `long` does not hold.
const LONG_END: f64 = 9_223_372_036_854_775_808.0;

/// A number's text.
pub(crate) struct Text {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl Text {
    fn new() -> Self {
        Self {
            bytes: [0; TEXT_BYTES_MAX],
            len: 0,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn zeros(&mut self, count: usize) {
        self.bytes[self.len..self.len + count].fill(b'0');
        self.len += count;
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// A finite number other than zero as digits and the exponent of the first.
struct Decimal {
    digits: [u8; 20],
    len: usize,
    exponent: i32,
}

impl Decimal {
    /// Exactly `count` digits.
    fn of(magnitude: f64, count: usize) -> Self {
        let mut text = Text::new();
        let written = write!(text, "{magnitude:.0$e}", count - 1);
        debug_assert!(written.is_ok());
        let mut decimal = Self {
            digits: [0; 20],
            len: 0,
            exponent: 0,
        };
        let bytes = text.as_bytes();
        let e = bytes.iter().position(|&b| b == b'e').unwrap_or(bytes.len());
        for &byte in bytes[..e].iter().filter(|byte| byte.is_ascii_digit()) {
            decimal.digits[decimal.len] = byte;
            decimal.len += 1;
        }
        let exponent =
            std::str::from_utf8(bytes.get(e + 1..).unwrap_or_default()).unwrap_or_default();
        decimal.exponent = exponent.parse().unwrap_or_default();
        decimal
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

/// The integer that a double is, if it is one and in the range that both sides hold exactly.
#[inline]
pub(crate) fn as_integer(value: f64) -> Option<i64> {
    let integer = value as i64;
    (value.abs() <= INTEGER_MAX && integer as f64 == value).then_some(integer)
}

/// A number as C's `int` on the reference's machine: what does not fit is the least one.
pub(crate) fn as_c_int(value: f64) -> i32 {
    if value <= f64::from(i32::MAX) {
        value as i32
    } else {
        i32::MIN
    }
}

/// A number as a C `long`, as the reference's machine converts it: towards zero, and the least integer where there is none.
pub(crate) fn as_c_long(value: f64) -> i64 {
    if (-LONG_END..LONG_END).contains(&value) {
        value as i64
    } else {
        i64::MIN
    }
}

/// A number as an `unsigned long`, as compilers make it of that conversion: what is beyond is 0, what is less is as signed.
pub(crate) fn as_c_unsigned_long(value: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    if value >= LONG_END {
        as_c_long(value - LONG_END) as u64 ^ SIGN
    } else {
        as_c_long(value) as u64
    }
}

/// A number that is no such integer, as the argument of a command.
pub(crate) fn argument(value: f64, buffer: &mut Buffer) -> &[u8] {
    // the one thing that a reply prints otherwise
    if value.is_nan() && value.is_sign_negative() {
        return b"-nan";
    }
    buffer.format(value)
}

/// C's `%.{precision}g`, for `precision` from 1 to 14.
pub(crate) fn general(value: f64, precision: usize) -> Text {
    let mut text = Text::new();
    if value.is_nan() {
        text.push(if value.is_sign_negative() {
            b"-nan"
        } else {
            b"nan"
        });
        return text;
    }
    if value.is_sign_negative() {
        text.push(b"-");
    }
    if value == 0.0 {
        text.push(b"0");
        return text;
    }
    if value.is_infinite() {
        text.push(b"inf");
        return text;
    }
    let decimal = Decimal::of(value.abs(), precision);
    let significant = decimal
        .digits()
        .iter()
        .rposition(|&digit| digit != b'0')
        .map_or(1, |at| at + 1);
    let digits = &decimal.digits()[..significant];
    let exponent = decimal.exponent;
    if exponent < -4 || exponent >= precision as i32 {
        text.push(&digits[..1]);
        if digits.len() > 1 {
            text.push(b".");
            text.push(&digits[1..]);
        }
        text.push(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            text.push(b"0");
        }
        text.push(itoa::Buffer::new().format(exponent.abs()).as_bytes());
    } else if exponent < 0 {
        text.push(b"0.");
        text.zeros((-exponent - 1) as usize);
        text.push(digits);
    } else {
        let before_point = exponent as usize + 1;
        if digits.len() <= before_point {
            text.push(digits);
            text.zeros(before_point - digits.len());
        } else {
            text.push(&digits[..before_point]);
            text.push(b".");
            text.push(&digits[before_point..]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_written_as_the_reference_does() {
        let cases: &[(f64, &str)] = &[
            (1.0 / 3.0, "0.3333333333333333"),
            (1e100, "1e+100"),
            (3e-7, "3e-7"),
            (-0.0, "-0"),
            (0.0, "0"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (9_223_372_036_854_775_807.0, "9223372036854776000"),
            (1.5, "1.5"),
            (-2.25, "-2.25"),
            (1e21, "1e+21"),
            (1.1e-5, "0.000011"),
            (123456.789, "123456.789"),
            (f64::NAN, "nan"),
            (-f64::NAN, "-nan"),
            // one in a thousand has a digit more than it needs
            (4.420943970380603e-144, "4.4209439703806033e-144"),
            (5.639525111152837e+246, "5.6395251111528366e+246"),
        ];
        for &(value, expected) in cases {
            assert_eq!(
                std::str::from_utf8(argument(value, &mut Buffer::new())),
                Ok(expected)
            );
        }
    }

    #[test]
    fn json_numbers_are_written_as_printf_does() {
        let cases: &[(f64, usize, &str)] = &[
            (9_007_199_254_740_992.0, 14, "9.007199254741e+15"),
            (123_456_789_012_345.0, 14, "1.2345678901234e+14"),
            (1e14, 14, "1e+14"),
            (0.1, 14, "0.1"),
            (1.0 / 3.0, 14, "0.33333333333333"),
            (-5e-5, 14, "-5e-05"),
            (0.0001, 14, "0.0001"),
            (1234.5, 3, "1.23e+03"),
            (1e300, 14, "1e+300"),
            (-0.0, 14, "-0"),
            (100.0, 14, "100"),
        ];
        for &(value, precision, expected) in cases {
            assert_eq!(
                std::str::from_utf8(general(value, precision).as_bytes()),
                Ok(expected)
            );
        }
    }
}
