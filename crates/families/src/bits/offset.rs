//! The offset of a bit, as SETBIT, GETBIT and BITFIELD are given it.

use perilune_command::CommandError;
use perilune_value::parse_i64;

const OUT_OF_RANGE: CommandError =
    CommandError::new("ERR bit offset is not an integer or out of range");

/// A bit within a string that may be as long as `len_max`.
pub fn bit_offset(argument: &[u8], len_max: usize) -> Result<u64, CommandError> {
    within(parse_i64(argument), len_max)
}

/// The same, or the number of a field of this width: `#3` is the fourth one.
pub fn field_offset(argument: &[u8], bits: u32, len_max: usize) -> Result<u64, CommandError> {
    match argument {
        [b'#', number @ ..] => within(
            parse_i64(number).and_then(|n| n.checked_mul(bits.into())),
            len_max,
        ),
        _ => bit_offset(argument, len_max),
    }
}

fn within(offset: Option<i64>, len_max: usize) -> Result<u64, CommandError> {
    let offset = offset
        .and_then(|offset| u64::try_from(offset).ok())
        .ok_or(OUT_OF_RANGE)?;
    if offset / 8 < len_max as u64 {
        Ok(offset)
    } else {
        Err(OUT_OF_RANGE)
    }
}
