//! What HRANDFIELD, SRANDMEMBER and ZRANDMEMBER share.

use perilune_command::CommandError;

/// The fewest bytes that an element takes in an answer.
const ELEMENT_BYTES_MIN: usize = 6;

/// How many elements a negative count asks for, which may be the same again and again. An answer that would be longer
/// than the longest string (`string_len_max`) is refused: the reference would write it until its memory is full.
pub fn repeated(count: i64, string_len_max: usize) -> Result<usize, CommandError> {
    usize::try_from(count.unsigned_abs())
        .ok()
        .filter(|count| *count <= string_len_max / ELEMENT_BYTES_MIN)
        .ok_or(CommandError::new("ERR value is out of range"))
}
