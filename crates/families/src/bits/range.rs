//! `start [end [BYTE | BIT]]`: a part of a string, as BITCOUNT and BITPOS are given it.

use std::ops::RangeInclusive;

use perilune_command::{CommandError, errors, integer, is_token};

/// What the client said. Both ends are included; negative ones count from the end of the string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    start: i64,
    /// None: up to the end of the string.
    pub end: Option<i64>,
    in_bits: bool,
}

impl Range {
    /// Reads what is behind the other arguments: the whole string where there is nothing.
    pub fn parse(words: &[&[u8]]) -> Result<Self, CommandError> {
        let (start, end, unit) = match words {
            [] => return Ok(Self::default()),
            [start] => (start, None, None),
            [start, end] => (start, Some(end), None),
            [start, end, unit] => (start, Some(end), Some(unit)),
            _ => return Err(errors::SYNTAX),
        };
        // in the order in which the reference complains
        let start = integer(start)?;
        let in_bits = match unit {
            Some(unit) if is_token(unit, "BIT") => true,
            Some(unit) if !is_token(unit, "BYTE") => return Err(errors::SYNTAX),
            _ => false,
        };
        Ok(Self {
            start,
            end: end.map(|end| integer(end)).transpose()?,
            in_bits,
        })
    }

    /// Whether both ends count from the end of the string, the wrong way round: nothing then, however short the string is.
    pub fn is_reversed(self) -> bool {
        self.end
            .is_some_and(|end| self.start < 0 && end < 0 && self.start > end)
    }

    /// The bits of a string of `len` bytes. None if it has none of them.
    pub fn bits(self, len: usize) -> Option<RangeInclusive<u64>> {
        let scale = if self.in_bits { 1 } else { 8 };
        let units = len as i64 * 8 / scale;
        let from_start = |index: i64| {
            if index < 0 {
                units.saturating_add(index).max(0)
            } else {
                index
            }
        };
        let (start, end) = (
            from_start(self.start),
            from_start(self.end.unwrap_or(-1)).min(units - 1),
        );
        (start <= end).then(|| (start * scale) as u64..=(end * scale + scale - 1) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::Range;

    #[test]
    fn bits_of_ranges() {
        for (words, len, bits) in [
            (&[] as &[&str], 2, Some(0..=15)),
            (&[], 0, None),
            (&["1"], 2, Some(8..=15)),
            (&["0", "-2"], 2, Some(0..=7)),
            (&["-1", "100"], 2, Some(8..=15)),
            (&["-100", "-100"], 2, Some(0..=7)),
            (&["2", "1"], 2, None),
            (&["5", "100", "bit"], 2, Some(5..=15)),
            (&["-3", "-1", "BIT"], 2, Some(13..=15)),
            (&["9223372036854775807", "-1"], 2, None),
            (
                &["-9223372036854775808", "9223372036854775807", "byte"],
                2,
                Some(0..=15),
            ),
        ] {
            let arguments: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let range = Range::parse(&arguments).unwrap_or_default();
            assert_eq!(range.bits(len), bits, "{words:?} of {len}");
        }
    }
}
