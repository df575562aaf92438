//! What blocking commands have in common: their timeouts.

use std::time::Duration;

use perilune_value::{Extended, parse_f64};

use crate::error::CommandError;

const NOT_A_FLOAT: CommandError = CommandError::new("ERR timeout is not a float or out of range");
const OUT_OF_RANGE: CommandError = CommandError::new("ERR timeout is out of range");
const NEGATIVE: CommandError = CommandError::new("ERR timeout is negative");

/// A timeout in seconds and fractions of them, rounded up to milliseconds; 0 is for ever. `now_ms` is the transaction's time:
/// the end of the wait must be a time as well.
pub fn timeout(argument: &[u8], now_ms: i64) -> Result<Option<Duration>, CommandError> {
    let Some(seconds) = parse_f64(argument) else {
        return beyond_double(argument);
    };
    let ms = (seconds * 1000.0).ceil();
    // exact: i64::MAX is no double, the next above it is
    if ms >= i64::MAX as f64 {
        return Err(OUT_OF_RANGE);
    }
    match ms as i64 {
        ..0 => Err(NEGATIVE),
        0 => Ok(None),
        ms if ms > i64::MAX - now_ms => Err(OUT_OF_RANGE),
        ms => Ok(Some(Duration::from_millis(ms as u64))),
    }
}

/// As [`timeout`], of what is no `f64`. The reference reads `long double`s, of which there are greater and smaller ones.
fn beyond_double(argument: &[u8]) -> Result<Option<Duration>, CommandError> {
    let seconds = Extended::parse(argument).ok_or(NOT_A_FLOAT)?.to_string();
    match (seconds.trim_start_matches('-') == "0", argument.first()) {
        (true, Some(b'-')) => Ok(None),
        (true, _) => Ok(Some(Duration::from_millis(1))),
        (false, Some(b'-')) => Err(NEGATIVE),
        (false, _) => Err(OUT_OF_RANGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_rounded_up_and_checked_as_in_redis() {
        let ms = |ms| Ok(Some(Duration::from_millis(ms)));
        for (argument, expected) in [
            ("0", Ok(None)),
            ("-0", Ok(None)),
            ("0.001", ms(1)),
            ("0.0000001", ms(1)),
            ("1.5", ms(1500)),
            ("1e3", ms(1_000_000)),
            ("-1", Err(NEGATIVE)),
            // not yet -1 ms, rounded up
            ("-0.0005", Ok(None)),
            ("x", Err(NOT_A_FLOAT)),
            ("", Err(NOT_A_FLOAT)),
            ("nan", Err(NOT_A_FLOAT)),
            ("inf", Err(OUT_OF_RANGE)),
            ("1e400", Err(OUT_OF_RANGE)),
            ("-1e400", Err(NEGATIVE)),
            ("1e-400", ms(1)),
            ("-1e-400", Ok(None)),
            ("1e5000", Err(NOT_A_FLOAT)),
            ("9223372036854775", Err(OUT_OF_RANGE)),
            ("9223372036854775807", Err(OUT_OF_RANGE)),
        ] {
            assert_eq!(
                timeout(argument.as_bytes(), 1_700_000_000_000),
                expected,
                "{argument}"
            );
        }
    }
}
