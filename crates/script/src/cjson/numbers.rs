//! Numbers in JSON as C's `strtod` reads them, which is more than JSON has: infinities, NaN, hexadecimal, signs.
//!
//! All texts here end with a zero byte, so a look ahead is always possible.

/// Whether the text begins with a number that C reads and JSON does not have: `+1`, `0x1`, `01`, `inf`, `nan`.
pub(super) fn is_invalid_number(text: &[u8]) -> bool {
    let unsigned = match text[0] {
        b'+' => return true,
        b'-' => &text[1..],
        _ => text,
    };
    match unsigned[0] {
        b'0' => matches!(unsigned[1], b'x' | b'X' | b'0'..=b'9'),
        byte if byte <= b'9' => false,
        _ => starts_with_word(unsigned, b"inf") || starts_with_word(unsigned, b"nan"),
    }
}

fn starts_with_word(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Reads a number as C's `strtod` does: its value and its length. The text ends with a zero byte.
pub(super) fn parse_number(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text[0], b'-' | b'+'));
    let negative = text[0] == b'-';
    let signed = |value: f64| if negative { -value } else { value };
    let digits = text[sign..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let end = sign + digits;
    // The common case: an integer that a double holds exactly.
    if (1..=15).contains(&digits) && !matches!(text[end], b'.' | b'e' | b'E' | b'x' | b'X') {
        let value = text[sign..end]
            .iter()
            .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        return Some((signed(value as f64), end));
    }
    let unsigned = &text[sign..];
    if starts_with_word(unsigned, b"0x")
        && let Some((value, len)) = parse_hexadecimal(&unsigned[2..])
    {
        return Some((signed(value), sign + 2 + len));
    }
    for (word, value) in [
        (&b"infinity"[..], f64::INFINITY),
        (b"inf", f64::INFINITY),
        (b"nan", f64::NAN),
    ] {
        if starts_with_word(unsigned, word) {
            return Some((signed(value), sign + word.len()));
        }
    }
    let len = decimal_length(unsigned)?;
    let value: f64 = std::str::from_utf8(&unsigned[..len]).ok()?.parse().ok()?;
    Some((signed(value), sign + len))
}

/// The length of `digits [. digits] [e [sign] digits]`, with a digit before or after the point.
fn decimal_length(text: &[u8]) -> Option<usize> {
    let digits_from = |at: usize| {
        text[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let whole = digits_from(0);
    let mut len = whole;
    if text[len] == b'.' {
        let fraction = digits_from(len + 1);
        if whole + fraction == 0 {
            return None;
        }
        len += 1 + fraction;
    }
    if len == 0 {
        return None;
    }
    if matches!(text[len], b'e' | b'E') {
        let sign = usize::from(matches!(text[len + 1], b'-' | b'+'));
        let exponent = digits_from(len + 1 + sign);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    Some(len)
}

/// Reads hexadecimal digits with an optional point and binary exponent, after the `0x`.
fn parse_hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    let mut value = 0.0_f64;
    let (mut at, mut digits, mut exponent) = (0, 0, 0_i32);
    let mut fraction = false;
    loop {
        match (text[at] as char).to_digit(16) {
            Some(digit) => {
                value = value * 16.0 + f64::from(digit);
                digits += 1;
                exponent -= if fraction { 4 } else { 0 };
            }
            None if text[at] == b'.' && !fraction => fraction = true,
            None => break,
        }
        at += 1;
    }
    if digits == 0 {
        return None;
    }
    if matches!(text[at], b'p' | b'P') {
        let sign = usize::from(matches!(text[at + 1], b'-' | b'+'));
        let start = at + 1 + sign;
        let count = text[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count > 0 {
            let power = text[start..start + count]
                .iter()
                .fold(0_i32, |power, digit| {
                    power
                        .saturating_mul(10)
                        .saturating_add(i32::from(digit - b'0'))
                });
            exponent = exponent.saturating_add(if text[at + 1] == b'-' { -power } else { power });
            at = start + count;
        }
    }
    Some((value * 2.0_f64.powi(exponent), at))
}
