//! Numbers as text, by Redis's rules, which are stricter than Rust's in one place and laxer in another.

pub use perilune_digits::parse_i64;

/// Reads a floating-point number as Redis does (`strtod` over the whole string): decimal or hexadecimal,
/// `inf` and `infinity` in any case; no surrounding space, no NaN, nothing that overflows to infinity.
pub fn parse_f64(bytes: &[u8]) -> Option<f64> {
    if let Some(integer) = parse_digits(bytes) {
        return Some(integer);
    }
    let value = parse_saturating(bytes)?;
    let has_digit = |digits: std::ops::RangeInclusive<u8>| {
        let mut mantissa = bytes.iter().take_while(|b| !matches!(b, b'e' | b'E'));
        mantissa.any(|b| digits.contains(b))
    };
    // what is infinite without saying so, or 0 although it has digits, is out of range
    let is_out_of_range =
        value.is_infinite() && has_digit(b'0'..=b'9') || value == 0.0 && has_digit(b'1'..=b'9');
    (!is_out_of_range).then_some(value)
}

/// As [`parse_f64`], but what is out of range is infinite or 0.
fn parse_saturating(bytes: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_hexadecimal = unsigned
        .get(..2)
        .is_some_and(|p| p.eq_ignore_ascii_case("0x"));
    let value = if is_hexadecimal {
        let magnitude = parse_hexadecimal(&unsigned[2..])?;
        if text.starts_with('-') {
            -magnitude
        } else {
            magnitude
        }
    } else {
        text.parse().ok()?
    };
    (!value.is_nan()).then_some(value)
}

/// Reads a bound of a range of scores, as laxly as the reference does, which asks C's `strtod` only whether anything is
/// left: leading white space is allowed, an empty text is 0, what is too big is infinite, what is too small is 0, and
/// the text ends at its first NUL. No NaN.
pub fn parse_f64_laxly(bytes: &[u8]) -> Option<f64> {
    // nearly all; where windows slide, one bound is the other's end of the world
    if let Some(integer) = parse_digits(bytes) {
        return Some(integer);
    }
    match bytes {
        b"-inf" => return Some(f64::NEG_INFINITY),
        b"+inf" | b"inf" => return Some(f64::INFINITY),
        _ => {}
    }
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
    let text = &text[text.iter().take_while(|byte| is_space(byte)).count()..];
    parse_saturating(text)
}

/// Reads what most numbers are: a few digits, perhaps with a sign `-`. Rounded to the nearest double, as any other way.
#[inline]
fn parse_digits(text: &[u8]) -> Option<f64> {
    /// So many fit an `i64`, whatever they are.
    const DIGITS_MAX: usize = 18;
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut magnitude: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + i64::from(digit);
    }
    let magnitude = magnitude as f64;
    Some(if negative { -magnitude } else { magnitude })
}

/// `1f.8p3`: hexadecimal digits with an optional point and binary exponent.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = match text.find(['p', 'P']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    Some(value * 2f64.powi(exponent.saturating_sub(4 * i32::try_from(fraction.len()).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_zero_keeps_its_sign() {
        for text in ["-0", "-0.0", "-00"] {
            let value = parse_f64(text.as_bytes());
            assert_eq!(value.map(f64::to_bits), Some((-0.0f64).to_bits()), "{text}");
        }
    }

    #[test]
    fn bounds_are_read_laxly() {
        for (text, value) in [
            ("1.5", Some(1.5)),
            ("", Some(0.0)),
            (" \t\x0b1", Some(1.0)),
            ("1 ", None),
            (" ", None),
            ("1\0 and more", Some(1.0)),
            ("\0", Some(0.0)),
            ("1e400", Some(f64::INFINITY)),
            ("-1e400", Some(f64::NEG_INFINITY)),
            ("1e-400", Some(0.0)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("0x10", Some(16.0)),
            ("0x1p2000", Some(f64::INFINITY)),
            ("nan", None),
            ("(1", None),
        ] {
            assert_eq!(parse_f64_laxly(text.as_bytes()), value, "{text:?}");
        }
    }

    #[test]
    fn floats_are_read_as_strtod_reads_them() {
        for (text, value) in [
            ("1.5", Some(1.5)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("+Infinity", Some(f64::INFINITY)),
            ("0x10", Some(16.0)),
            ("0x1.8p1", Some(3.0)),
            ("-0x10", Some(-16.0)),
            ("007", Some(7.0)),
            ("-12", Some(-12.0)),
            ("999999999999999999", Some(1e18)),
            ("9007199254740993", Some(9007199254740992.0)),
            ("12345678901234567890", Some(12345678901234567000.0)),
            ("-", None),
            ("0x1p2000", None),
            ("1e400", None),
            ("1e-400", None),
            ("nan", None),
            ("", None),
            (" 1", None),
            ("1 ", None),
            ("0e5", Some(0.0)),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), value, "{text:?}");
        }
    }
}
