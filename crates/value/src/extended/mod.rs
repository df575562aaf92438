//! Floating-point numbers of 80 bits, as the x87 unit calculates with them: 64 bits of mantissa, 15 of exponent.
//!
//! INCRBYFLOAT and HINCRBYFLOAT of the reference add C's `long double`s, which on its usual platform are these,
//! and store the sum as text with up to 17 decimals. Stored text is compared by clients and kept in snapshots, so
//! the sum must be the same to the last digit: 0.1 + 0.2 is 0.3 here, while doubles would make it
//! 0.30000000000000004. Rust has no such type, so this is one, made of integers: reading is correctly rounded (to
//! nearest, ties to even), adding is exact up to one rounding, printing is exact.

mod big;

use std::fmt;

use big::Big;

/// The bits of a mantissa.
const MANTISSA_BITS: i64 = 64;

/// The exponents that the highest bit of a number may have, from the least normal one to the greatest.
const EXPONENT_MIN: i64 = -16382;
const EXPONENT_MAX: i64 = 16383;

/// Decimal exponents beyond which a number (0.1 to 1, times ten to that power) is surely out of range.
const DECIMAL_EXPONENT_MIN: i64 = -4960;
const DECIMAL_EXPONENT_MAX: i64 = 4933;

/// The longest text that is read: the reference copies it into a buffer of this size.
const TEXT_LEN_MAX: usize = 5 * 1024 - 1;

/// Decimals that are printed.
const DECIMALS: usize = 17;

/// A number: finite, or infinite with a sign. There is no NaN, and 0 has no sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Magnitude {
    /// `mantissa` times two to the power of `exponent`.
    Finite {
        mantissa: u64,
        exponent: i32,
    },
    Infinite,
}

impl From<i64> for Extended {
    fn from(value: i64) -> Self {
        Self::finite(value < 0, value.unsigned_abs(), 0)
    }
}

impl Extended {
    fn finite(negative: bool, mantissa: u64, exponent: i64) -> Self {
        Self {
            negative,
            magnitude: Magnitude::Finite {
                mantissa,
                exponent: exponent as i32,
            },
        }
    }

    /// Reads a number as `strtold` does, over the whole text: decimal or hexadecimal, `inf` and `infinity` in any
    /// case; no surrounding space, no NaN, nothing that overflows or that underflows to zero.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_LEN_MAX {
            return None;
        }
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
            return Some(Self {
                negative,
                magnitude: Magnitude::Infinite,
            });
        }
        let (numerator, denominator) = match text {
            [b'0', b'x' | b'X', digits @ ..] => hexadecimal(digits)?,
            digits => decimal(digits)?,
        };
        if numerator.is_zero() {
            return Some(Self::from(0));
        }
        Self::ratio(negative, numerator, denominator)
    }

    /// `numerator / denominator`, rounded. None if it is out of range. Neither is 0.
    fn ratio(negative: bool, mut numerator: Big, mut denominator: Big) -> Option<Self> {
        if let (Some(numerator), Some(denominator)) = (numerator.to_u64(), denominator.to_u64()) {
            return Some(Self::small_ratio(negative, numerator, denominator));
        }
        // scale the one or the other, so that their ratio is at least 1 and less than 2
        let mut exponent = numerator.bit_len() - denominator.bit_len();
        if exponent > 0 {
            denominator.shift_left(exponent as u64);
        } else {
            numerator.shift_left(exponent.unsigned_abs());
        }
        if numerator < denominator {
            numerator.shift_left(1);
            exponent -= 1;
        }
        // below the least exponent there are fewer bits
        let bits = MANTISSA_BITS.min(MANTISSA_BITS - (EXPONENT_MIN - exponent));
        if bits < 0 {
            return None;
        }
        let mut mantissa: u64 = 0;
        for _ in 0..bits {
            mantissa <<= 1;
            if numerator >= denominator {
                numerator.subtract(&denominator);
                mantissa |= 1;
            }
            numerator.shift_left(1);
        }
        let mut lowest = exponent + 1 - bits;
        if numerator > denominator || (numerator == denominator && mantissa % 2 == 1) {
            let rounded = mantissa.checked_add(1);
            mantissa = rounded.unwrap_or(1 << (MANTISSA_BITS - 1));
            lowest += i64::from(rounded.is_none());
        }
        let is_in_range = mantissa > 0 && lowest + MANTISSA_BITS - 1 <= EXPONENT_MAX;
        is_in_range.then(|| Self::finite(negative, mantissa, lowest))
    }

    /// [`Extended::ratio`] of what people write: one division does it, and nothing is out of range.
    fn small_ratio(negative: bool, numerator: u64, denominator: u64) -> Self {
        let exponent =
            i64::from(denominator.leading_zeros()) - i64::from(numerator.leading_zeros());
        let numerator = u128::from(numerator << numerator.leading_zeros());
        let denominator = u128::from(denominator << denominator.leading_zeros());
        // as many bits as make the quotient one of 64
        let bits = if numerator < denominator { 64 } else { 63 };
        let (quotient, rest) = (
            (numerator << bits) / denominator,
            (numerator << bits) % denominator,
        );
        let rounds_up = 2 * rest > denominator || (2 * rest == denominator && quotient % 2 == 1);
        let lowest = exponent - bits;
        match u64::try_from(quotient + u128::from(rounds_up)) {
            Ok(mantissa) => Self::finite(negative, mantissa, lowest),
            Err(_) => Self::finite(negative, 1 << (MANTISSA_BITS - 1), lowest + 1),
        }
    }

    /// Whether it is a number like others.
    pub fn is_finite(self) -> bool {
        matches!(self.magnitude, Magnitude::Finite { .. })
    }

    /// The sum, rounded. None if it is infinite or not a number.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (
            Magnitude::Finite {
                mantissa: a,
                exponent: a_exponent,
            },
            Magnitude::Finite {
                mantissa: b,
                exponent: b_exponent,
            },
        ) = (self.magnitude, other.magnitude)
        else {
            return None;
        };
        if a == 0 {
            return Some(other);
        }
        if b == 0 {
            return Some(self);
        }
        // both normalized, so that the greater exponent is that of the greater number
        let normalized = |negative, mantissa: u64, exponent: i32| {
            (
                i64::from(exponent) - i64::from(mantissa.leading_zeros()),
                mantissa << mantissa.leading_zeros(),
                negative,
            )
        };
        let (a, b) = (
            normalized(self.negative, a, a_exponent),
            normalized(other.negative, b, b_exponent),
        );
        let ((exponent, great, negative), (small_exponent, small, small_negative)) =
            (a.max(b), a.min(b));

        // 62 bits below the mantissa, the last of which stands for all further ones; one bit above it for the carry
        const BELOW: u32 = 62;
        let great = u128::from(great) << BELOW;
        let small = shift_right_sticky(u128::from(small) << BELOW, exponent - small_exponent);
        let sum = if negative == small_negative {
            great + small
        } else {
            great - small
        };
        if sum == 0 {
            return Some(Self::from(0));
        }
        let surplus = i64::from(u128::BITS - sum.leading_zeros()) - MANTISSA_BITS;
        let (mut mantissa, mut lowest) = (0, exponent - i64::from(BELOW) + surplus);
        if surplus <= 0 {
            mantissa = (sum << -surplus) as u64;
        } else {
            let rest = sum & ((1 << surplus) - 1);
            let half = 1 << (surplus - 1);
            let truncated = (sum >> surplus) as u64;
            match truncated.checked_add(u64::from(
                rest > half || (rest == half && truncated % 2 == 1),
            )) {
                Some(rounded) => mantissa = rounded,
                None => {
                    mantissa |= 1 << (MANTISSA_BITS - 1);
                    lowest += 1;
                }
            }
        }
        (lowest + MANTISSA_BITS - 1 <= EXPONENT_MAX)
            .then(|| Self::finite(negative, mantissa, lowest))
    }
}

/// `value` without its lowest `bits`; where one of them was set, the lowest that stays is.
fn shift_right_sticky(value: u128, bits: i64) -> u128 {
    if bits >= i64::from(u128::BITS) {
        return u128::from(value > 0);
    }
    let shifted = value >> bits;
    shifted | u128::from(shifted << bits != value)
}

/// `12.5e3`: numerator and denominator.
fn decimal(text: &[u8]) -> Option<(Big, Big)> {
    let (digits, fraction_len, exponent) = scientific(text, b'e', u8::is_ascii_digit)?;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = &digits[zeros..];
    if digits.is_empty() {
        return Some((Big::new(0), Big::new(1)));
    }
    let exponent = exponent.saturating_sub(fraction_len);
    let size = exponent.saturating_add(digits.len() as i64);
    if !(DECIMAL_EXPONENT_MIN..=DECIMAL_EXPONENT_MAX).contains(&size) {
        return None;
    }
    let (mut numerator, mut denominator) = (Big::from_decimal(digits), Big::new(1));
    let scaled = if exponent < 0 {
        &mut denominator
    } else {
        &mut numerator
    };
    scaled.multiply_ten(exponent.unsigned_abs());
    Some((numerator, denominator))
}

/// `1f.8p3`: numerator and denominator.
fn hexadecimal(text: &[u8]) -> Option<(Big, Big)> {
    let (digits, fraction_len, exponent) = scientific(text, b'p', u8::is_ascii_hexdigit)?;
    let (mut numerator, mut denominator) = (Big::new(0), Big::new(1));
    for digit in digits {
        numerator.multiply_add(16, u64::from(char::from(digit).to_digit(16)?));
    }
    if numerator.is_zero() {
        return Some((numerator, denominator));
    }
    let exponent = exponent.saturating_sub(4 * fraction_len);
    let size = exponent.saturating_add(numerator.bit_len());
    if !(EXPONENT_MIN - MANTISSA_BITS - 1..=EXPONENT_MAX + 2).contains(&size) {
        return None;
    }
    let scaled = if exponent < 0 {
        &mut denominator
    } else {
        &mut numerator
    };
    scaled.shift_left(exponent.unsigned_abs());
    Some((numerator, denominator))
}

/// Digits with an optional point, and an optional exponent behind `mark`: all digits, how many of them stand behind
/// the point, and the exponent.
fn scientific(text: &[u8], mark: u8, is_digit: fn(&u8) -> bool) -> Option<(Vec<u8>, i64, i64)> {
    let end = text
        .iter()
        .position(|byte| byte.to_ascii_lowercase() == mark)
        .unwrap_or(text.len());
    let (number, exponent) = text.split_at(end);
    let (whole, fraction) = match number.iter().position(|byte| *byte == b'.') {
        Some(point) => (&number[..point], &number[point + 1..]),
        None => (number, [].as_slice()),
    };
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.iter().all(is_digit) {
        return None;
    }
    let exponent = match exponent {
        [] => 0,
        [_, b'-', digits @ ..] => -natural(digits)?,
        [_, b'+', digits @ ..] | [_, digits @ ..] => natural(digits)?,
    };
    Some((digits, fraction.len() as i64, exponent))
}

/// Decimal digits, at least one; what is greater than any exponent stays at some such value.
fn natural(digits: &[u8]) -> Option<i64> {
    const ENOUGH: i64 = 1 << 40;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| {
        (value * 10 + i64::from(digit - b'0')).min(ENOUGH)
    }))
}

impl fmt::Display for Extended {
    /// Without exponent, with up to 17 decimals, rounded (ties to even), zeros at the end left out; `inf`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Magnitude::Finite { mantissa, exponent } = self.magnitude else {
            return f.write_str(if self.negative { "-inf" } else { "inf" });
        };
        let text = if exponent >= 0 {
            let mut whole = Big::new(mantissa);
            whole.shift_left(exponent.unsigned_abs().into());
            whole.into_decimal()
        } else {
            fixed(mantissa, exponent.unsigned_abs())
        };
        let sign = if self.negative && text != "0" {
            "-"
        } else {
            ""
        };
        write!(f, "{sign}{text}")
    }
}

/// `mantissa` divided by two to the power of `bits`.
fn fixed(mantissa: u64, bits: u32) -> String {
    // a mantissa times 10^17 has at most 121 bits, so what is shifted by more is less than a half of the last decimal
    const ONE: u128 = 10u128.pow(DECIMALS as u32);
    let scaled = u128::from(mantissa) * ONE;
    let rounded = if bits >= 122 {
        0
    } else {
        let (truncated, rest, half) = (scaled >> bits, scaled & ((1 << bits) - 1), 1 << (bits - 1));
        truncated + u128::from(rest > half || (rest == half && truncated % 2 == 1))
    };
    let (whole, fraction) = ((rounded / ONE) as u64, (rounded % ONE) as u64);
    let text = format!("{whole}.{fraction:0DECIMALS$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::Extended;

    fn text(text: &str) -> Option<String> {
        Extended::parse(text.as_bytes()).map(|value| value.to_string())
    }

    #[test]
    fn numbers_are_read_as_strtold_reads_them() {
        for (given, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("+1.50", "1.5"),
            ("1.", "1"),
            (".5", "0.5"),
            ("1e3", "1000"),
            ("1E-3", "0.001"),
            ("12.5e+1", "125"),
            ("0x10", "16"),
            ("-0X1.8p1", "-3"),
            ("0x.8", "0.5"),
            ("inf", "inf"),
            ("-Infinity", "-inf"),
            ("3.0e-5", "0.00003"),
            ("1e-18", "0"),
            ("-1e-18", "0"),
            ("5.1e-18", "0.00000000000000001"),
            ("0e99999999999999999999", "0"),
            ("18446744073709551617", "18446744073709551616"),
            ("0.3", "0.3"),
        ] {
            assert_eq!(text(given).as_deref(), Some(shown), "{given:?}");
        }
        for refused in [
            "",
            " 1",
            "1 ",
            "nan",
            "+",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "1.2.3",
            "0x",
            "0x.",
            "0x1p",
            "1a",
            "--1",
            "infi",
            "1e4933",
            "1e-4951",
            "1e99999999999999999999",
            "1\0",
            "0x1p16384",
            "0x1p-16446",
        ] {
            assert_eq!(text(refused), None, "{refused:?}");
        }
        assert_eq!(text(&"1".repeat(5119)), None);
        assert!(text("1e4932").is_some_and(
            |digits| digits.starts_with("10000000000000000000060189") && digits.len() == 4933
        ));
        assert!(text(&format!("0.{}1", "0".repeat(4940))).is_some());
        assert!(text("0x1p-16445").is_some() && text("0x1.8p-16446").is_some());
    }

    #[test]
    fn sums_are_those_of_the_reference_server() {
        for (a, b, sum) in SUMS {
            let read = |text: &str| Extended::parse(text.as_bytes());
            let result = read(a).zip(read(b)).and_then(|(a, b)| a.checked_add(b));
            assert_eq!(
                result.map(|value| value.to_string()).as_deref(),
                *sum,
                "{a} + {b}"
            );
        }
    }

    /// As the judge answered INCRBYFLOAT.
    const SUMS: &[(&str, &str, Option<&str>)] = &[
        ("0.1", "0.2", Some("0.3")),
        ("1.5", "-1.5", Some("0")),
        ("3.0e3", "200", Some("3200")),
        ("inf", "1", None),
        ("inf", "-inf", None),
        ("1e4932", "1e4932", None),
    ];
}
