//! Text to value and back, by the kind of a setting, with the reference's error texts.
//!
//! The texts are what users and test suites see after "CONFIG SET failed (possibly related to argument 'x') - " and
//! below the line of a bad config file, so they are the reference's, word for word.

use std::borrow::Cow;

use perilune_value::parse_i64;

use super::cell::Value;
use super::choices::kept::Names;
use super::row::{Kind, Row, Unit};
use super::special;

/// Why a value was refused.
pub(super) type Refusal = Cow<'static, str>;

impl Row {
    /// Makes a value of the words of a file line or of CONFIG SET.
    ///
    /// `old` is what the setting holds: output buffer limits keep the classes that are not named, a relative `dir` starts
    /// at the present one, and `save` is added to it (CONFIG SET gives an empty one, for it replaces).
    pub(super) fn parse(&self, words: &[&[u8]], old: &Value) -> Result<Value, Refusal> {
        let value = match self.kind {
            Kind::Addresses => special::addresses(words)?,
            Kind::SavePoints => special::save_points(words, old)?,
            Kind::OutputLimits => special::output_limits(words, old)?,
            Kind::OomScores => special::oom_scores(words)?,
            Kind::Percentiles => special::percentiles(words)?,
            Kind::Primary => special::primary(words)?,
            Kind::Choice { names, many } => Value::Number(parse_names(words, names, many)?),
            Kind::Switch
            | Kind::Number { .. }
            | Kind::Text { .. }
            | Kind::Events
            | Kind::Directory => {
                let [word] = words else {
                    return Err("wrong number of arguments".into());
                };
                self.parse_word(word, old)?
            }
        };
        if let Some(check) = self.check {
            check(&value)?;
        }
        Ok(value)
    }

    fn parse_word(&self, word: &[u8], old: &Value) -> Result<Value, Refusal> {
        Ok(match self.kind {
            Kind::Switch => Value::Number(parse_switch(word)?),
            Kind::Number { min, max, unit } => {
                let number = parse_number(word, min, max, unit)?;
                let (least, greatest) = self.clamp.unwrap_or((i64::MIN, i64::MAX));
                Value::Number(number.clamp(least, greatest))
            }
            Kind::Events => special::events(word)?,
            Kind::Directory => special::directory(word, old)?,
            _ => Value::text(word),
        })
    }

    /// Prints a value as CONFIG GET answers it.
    pub(super) fn format(&self, value: &Value) -> Vec<u8> {
        match (self.kind, value) {
            (_, Value::Text(text)) => text.to_vec(),
            (_, Value::Limits(limits)) => special::format_limits(limits).into_bytes(),
            (Kind::Switch, &Value::Number(on)) => {
                if on != 0 {
                    b"yes".to_vec()
                } else {
                    b"no".to_vec()
                }
            }
            (Kind::Choice { names, .. }, &Value::Number(chosen)) => {
                format_names(chosen, names).into_bytes()
            }
            (Kind::Events, &Value::Number(flags)) => special::format_events(flags).into_bytes(),
            (Kind::Number { unit, .. }, &Value::Number(number)) => {
                format_number(number, unit).into_bytes()
            }
            (_, &Value::Number(number)) => number.to_string().into_bytes(),
        }
    }
}

fn parse_switch(word: &[u8]) -> Result<i64, Refusal> {
    if word.eq_ignore_ascii_case(b"yes") {
        Ok(1)
    } else if word.eq_ignore_ascii_case(b"no") {
        Ok(0)
    } else {
        Err("argument must be 'yes' or 'no'".into())
    }
}

fn parse_names(words: &[&[u8]], names: Names, many: bool) -> Result<i64, Refusal> {
    let known = |word: &&[u8]| {
        names
            .iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    };
    let chosen = words
        .iter()
        .map(known)
        .try_fold(0, |all, value| value.map(|value| all | value));
    match chosen {
        Some(value) if words.len() == 1 || (many && !words.is_empty()) => Ok(value),
        _ => {
            let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            Err(format!(
                "argument(s) must be one of the following: {}",
                names.join(", ")
            )
            .into())
        }
    }
}

fn format_names(chosen: i64, names: Names) -> String {
    if let Some((name, _)) = names.iter().find(|(_, value)| *value == chosen) {
        return (*name).to_owned();
    }
    let set: Vec<&str> = names
        .iter()
        .filter(|(_, value)| *value != 0 && chosen & value == *value)
        .map(|(name, _)| *name)
        .collect();
    set.join(" ")
}

fn parse_number(word: &[u8], min: i64, max: u64, unit: Unit) -> Result<i64, Refusal> {
    let number = match unit {
        Unit::Plain => parse_i64(word).ok_or("argument couldn't be parsed into an integer")?,
        Unit::Memory => parse_memory(word)
            .ok_or("argument must be a memory value")?
            .cast_signed(),
        Unit::MemoryOrPercent => parse_memory(word)
            .map(u64::cast_signed)
            .or_else(|| parse_percent(word))
            .ok_or("argument must be a memory or percent value")?,
        Unit::Octal => parse_octal(word).ok_or("argument couldn't be parsed as an octal number")?,
    };
    if unit == Unit::MemoryOrPercent && number < 0 {
        return if number < min {
            Err(format!("percentage argument must be less or equal to {}", -min).into())
        } else {
            Ok(number)
        };
    }
    let fits = match i64::try_from(max) {
        Ok(max) => (min..=max).contains(&number),
        Err(_) => number.cast_unsigned() >= min.cast_unsigned() && number.cast_unsigned() <= max,
    };
    match unit {
        _ if fits => Ok(number),
        Unit::Octal => {
            Err(format!("argument must be between {min:o} and {max:o} inclusive").into())
        }
        _ => Err(format!("argument must be between {min} and {max} inclusive").into()),
    }
}

/// Bytes with a unit: `memtoull` of the reference, with its way of overflowing and its taste for the empty text (0).
pub(crate) fn parse_memory(word: &[u8]) -> Option<u64> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = word.split_at(digits);
    let unit: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1_000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = digits.iter().fold(0u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(number.wrapping_mul(unit))
}

fn parse_percent(word: &[u8]) -> Option<i64> {
    let number = parse_i64(word.strip_suffix(b"%")?)?;
    (number >= 0).then_some(-number)
}

fn parse_octal(word: &[u8]) -> Option<i64> {
    if word.is_empty() {
        return Some(0);
    }
    i64::from_str_radix(std::str::from_utf8(word).ok()?.trim_ascii_start(), 8).ok()
}

/// A decimal number by the rules of C's `strtoll`: blanks before it and a plus are fine, nothing at all is 0.
pub(super) fn parse_lax(word: &[u8]) -> Option<i64> {
    if word.is_empty() {
        return Some(0);
    }
    std::str::from_utf8(word)
        .ok()?
        .trim_ascii_start()
        .parse()
        .ok()
}

fn format_number(number: i64, unit: Unit) -> String {
    match unit {
        Unit::MemoryOrPercent if number < 0 => format!("{}%", -number),
        Unit::Memory | Unit::MemoryOrPercent => number.cast_unsigned().to_string(),
        Unit::Octal => format!("{number:o}"),
        // As the reference does, even where a number has no sign and prints as a negative one.
        Unit::Plain => number.to_string(),
    }
}

/// Bytes as REWRITE writes them: in the greatest unit that divides them.
pub(super) fn format_memory(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")] {
        if bytes != 0 && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let memory = |word: &str| parse_number(word.as_bytes(), 0, u64::MAX, Unit::Memory);
        for (word, bytes) in [
            ("0", 0),
            ("", 0),
            ("1k", 1000),
            ("1KB", 1024),
            ("1b", 1),
            ("3m", 3_000_000),
            ("2Mb", 2 << 20),
            ("1g", 1_000_000_000),
            ("5gb", 5 << 30),
            ("99999999999999999999", -1),
        ] {
            assert_eq!(memory(word), Ok(bytes), "{word}");
        }
        for word in ["-1", "bla", "1.5gb", " 1", "1 kb", "1tb", "5%"] {
            assert_eq!(
                memory(word),
                Err("argument must be a memory value".into()),
                "{word}"
            );
        }
        let plain = |word: &str| parse_number(word.as_bytes(), 0, 65_535, Unit::Plain);
        assert_eq!(plain("7000"), Ok(7000));
        assert_eq!(
            plain("abc"),
            Err("argument couldn't be parsed into an integer".into())
        );
        assert_eq!(
            plain("65536"),
            Err("argument must be between 0 and 65535 inclusive".into())
        );
        let percent = |word: &str| {
            parse_number(
                word.as_bytes(),
                -100,
                i64::MAX as u64,
                Unit::MemoryOrPercent,
            )
        };
        assert_eq!(percent("5%"), Ok(-5));
        assert_eq!(percent("1gb"), Ok(1 << 30));
        assert_eq!(
            percent("101%"),
            Err("percentage argument must be less or equal to 100".into())
        );
        assert_eq!(
            percent("-5%"),
            Err("argument must be a memory or percent value".into())
        );
        let octal = |word: &str| parse_number(word.as_bytes(), 0, 0o777, Unit::Octal);
        assert_eq!(octal("700"), Ok(0o700));
        assert_eq!(
            octal("1000"),
            Err("argument must be between 0 and 777 inclusive".into())
        );
        assert_eq!(
            octal("8"),
            Err("argument couldn't be parsed as an octal number".into())
        );
    }

    #[test]
    fn memory_prints_in_its_greatest_unit() {
        for (bytes, text) in [
            (0, "0"),
            (1, "1"),
            (1024, "1kb"),
            (3 << 20, "3mb"),
            (7 << 30, "7gb"),
            (1 << 40, "1024gb"),
        ] {
            assert_eq!(format_memory(bytes), text);
        }
    }
}
