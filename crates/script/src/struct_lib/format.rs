//! Formats: `>i4!8d c0` and the like, read from left to right.
//!
//! ```text
//!   > <         big or little endian from here on            !n         alignment of n at most from here on
//!   b h l T     1, 2, 8, 8 bytes, signed; unsigned in         f d        float, double
//!   B H L         capitals (T is)                             x          a zero byte
//!   in In       n bytes (4)                                   cn s       n bytes (1); up to a zero byte
//! ```
//!
//! The sizes are those of C on a 64-bit Linux, whatever this runs on.

/// Bytes of the longest integer.
pub(super) const INTEGER_BYTES_MAX: usize = 32;

const INT_BYTES: i32 = 4;

/// What `!` stands for without a number.
const ALIGNMENT_MAX: i32 = 8;

/// What is wrong with a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormatError {
    /// A number that is no C `int`.
    SizeOverflow,
    /// An integer of so many bytes.
    SizeLimit(i32),
    /// An alignment that is no power of two.
    Alignment(i32),
    /// There is no such option.
    Option(u8),
}

/// A format that is being read, and what its options have set so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format<'a> {
    rest: &'a [u8],
    pub(super) is_big_endian: bool,
    alignment: usize,
}

impl<'a> Format<'a> {
    /// A format as C sees it: it ends at a zero byte.
    pub(super) fn new(text: &'a [u8]) -> Self {
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        Format {
            rest: &text[..end],
            is_big_endian: false,
            alignment: 1,
        }
    }

    /// The next option and its size in bytes; 0 if it has none of its own.
    pub(super) fn next(&mut self) -> Result<Option<(u8, usize)>, FormatError> {
        let Some((&option, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        let size = match option {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(1)?,
            b'i' | b'I' => match self.number(INT_BYTES)? {
                size if size as usize > INTEGER_BYTES_MAX => {
                    return Err(FormatError::SizeLimit(size));
                }
                size => size,
            },
            _ => 0,
        };
        Ok(Some((option, size as usize)))
    }

    /// The bytes that go in front of such an option at this position.
    pub(super) fn padding(&self, position: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.alignment);
        (size - (position & (size - 1))) & (size - 1)
    }

    /// Follows an option that stands for no value.
    pub(super) fn control(&mut self, option: u8) -> Result<(), FormatError> {
        match option {
            b' ' => {}
            b'>' => self.is_big_endian = true,
            b'<' => self.is_big_endian = false,
            b'!' => {
                let alignment = self.number(ALIGNMENT_MAX)?;
                if alignment.count_ones() != 1 {
                    return Err(FormatError::Alignment(alignment));
                }
                self.alignment = alignment as usize;
            }
            other => return Err(FormatError::Option(other)),
        }
        Ok(())
    }

    /// The number that begins here, not negative, or `default` if none does.
    fn number(&mut self, default: i32) -> Result<i32, FormatError> {
        let len = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(len);
        if digits.is_empty() {
            return Ok(default);
        }
        self.rest = rest;
        digits
            .iter()
            .try_fold(0_i32, |number, digit| {
                number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))
            })
            .ok_or(FormatError::SizeOverflow)
    }
}

/// A number as the lowest bytes of a C `long`, then zeros; little endian.
pub(super) fn integer_bytes(value: u64) -> [u8; INTEGER_BYTES_MAX] {
    let mut bytes = [0; INTEGER_BYTES_MAX];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    bytes
}

/// The number that these bytes are, from the lowest to the highest; what is above 64 bits is lost.
pub(super) fn integer_of(bytes: impl DoubleEndedIterator<Item = u8>) -> u64 {
    bytes
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(byte))
}

/// A number of so many bytes with its sign. Beyond 8 the reference shifts by more than a `long` has bits, of which
/// processors take the remainder; so does this.
pub(super) fn signed(value: u64, size: usize) -> i64 {
    let sign = u64::MAX.wrapping_shl((size as u32 * 8).wrapping_sub(1));
    let extension = if value & sign == 0 { 0 } else { sign };
    (value | extension) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_the_sizes_of_c() {
        let sizes = |text: &str| {
            let mut format = Format::new(text.as_bytes());
            let mut sizes = Vec::new();
            while let Some((option, size)) = format.next().expect(text) {
                sizes.push((option as char, size));
            }
            sizes
        };
        assert_eq!(
            sizes("bHlTfdxii3cc0c12s"),
            [
                ('b', 1),
                ('H', 2),
                ('l', 8),
                ('T', 8),
                ('f', 4),
                ('d', 8),
                ('x', 1),
                ('i', 4),
                ('i', 3),
                ('c', 1),
                ('c', 0),
                ('c', 12),
                ('s', 0)
            ]
        );
        assert_eq!(sizes("b\0b"), [('b', 1)]);
    }

    #[test]
    fn numbers_end_where_an_int_does() {
        let next = |text: &'static str| Format::new(text.as_bytes()).next();
        assert_eq!(next("c2147483647"), Ok(Some((b'c', 2_147_483_647))));
        assert_eq!(next("c2147483648"), Err(FormatError::SizeOverflow));
        assert_eq!(next("i33"), Err(FormatError::SizeLimit(33)));
    }

    #[test]
    fn alignment_is_a_power_of_two() {
        let mut format = Format::new(b"8");
        assert_eq!(format.control(b'!'), Ok(()));
        assert_eq!(format.padding(3, b'i', 4), 1);
        assert_eq!(format.padding(3, b'd', 8), 5);
        assert_eq!(format.padding(3, b'i', 16), 5);
        assert_eq!(format.padding(3, b'c', 16), 0);
        for text in ["0", "3", "12"] {
            let error = FormatError::Alignment(text.parse().expect("a number"));
            let mut format = Format::new(text.as_bytes());
            assert_eq!(format.control(b'!'), Err(error));
        }
    }

    #[test]
    fn signs_extend_beyond_64_bits_as_processors_shift() {
        assert_eq!(signed(0x80, 1), -128);
        assert_eq!(signed(0x7f, 1), 127);
        assert_eq!(signed(u64::MAX, 8), -1);
        assert_eq!(signed(0x80, 9), -128);
        assert_eq!(signed(0, 0), 0);
    }
}
