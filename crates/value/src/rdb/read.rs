//! Reading lengths and strings, from bytes of which nothing is believed.

use std::borrow::Cow;

use perilune_structures::Corrupt;

use super::{lzf, special};

/// Reads what is left of some bytes from outside. Whatever it is asked for, it looks first whether that much is left.
pub struct Reader<'a> {
    rest: &'a [u8],
    string_len_max: usize,
}

pub(super) const CUT_OFF: Corrupt = Corrupt {
    what: "a value that is cut off",
};

impl<'a> Reader<'a> {
    /// Reads these bytes, and no string longer than `string_len_max` bytes, compressed ones included.
    pub fn new(bytes: &'a [u8], string_len_max: usize) -> Reader<'a> {
        Reader {
            rest: bytes,
            string_len_max,
        }
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// So many bytes.
    ///
    /// # Errors
    /// If fewer are left.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], Corrupt> {
        self.rest.split_off(..len).ok_or(CUT_OFF)
    }

    pub(super) fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(*chunk)
    }

    /// One byte.
    ///
    /// # Errors
    /// If none is left.
    pub fn byte(&mut self) -> Result<u8, Corrupt> {
        self.chunk::<1>().map(|[byte]| byte)
    }

    /// A length.
    ///
    /// # Errors
    /// If there is none.
    pub fn length(&mut self) -> Result<u64, Corrupt> {
        let first = self.byte()?;
        self.len_from(first)
    }

    fn len_from(&mut self, first: u8) -> Result<u64, Corrupt> {
        match first {
            0x00..0x40 => Ok(first.into()),
            0x40..0x80 => Ok(u64::from(first & 0x3F) << 8 | u64::from(self.byte()?)),
            0x80 => Ok(u32::from_be_bytes(self.chunk()?).into()),
            0x81 => Ok(u64::from_be_bytes(self.chunk()?)),
            _ => Err(Corrupt { what: "a length" }),
        }
    }

    /// A length of bytes that may be in memory.
    fn string_len(&mut self, first: u8) -> Result<usize, Corrupt> {
        usize::try_from(self.len_from(first)?)
            .ok()
            .filter(|&len| len <= self.string_len_max)
            .ok_or(Corrupt {
                what: "a string longer than strings may be",
            })
    }

    /// A string, however it is written.
    ///
    /// # Errors
    /// If there is none.
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>, Corrupt> {
        let int = match self.byte()? {
            special::INT_8 => i8::from_le_bytes(self.chunk()?).into(),
            special::INT_16 => i16::from_le_bytes(self.chunk()?).into(),
            special::INT_32 => i32::from_le_bytes(self.chunk()?),
            special::LZF => {
                let first = self.byte()?;
                let compressed_len = self.string_len(first)?;
                let first = self.byte()?;
                let len = self.string_len(first)?;
                let compressed = self.bytes(compressed_len)?;
                return lzf::decompress(compressed, len).map(Cow::Owned);
            }
            first => {
                let len = self.string_len(first)?;
                return self.bytes(len).map(Cow::Borrowed);
            }
        };
        let mut digits = itoa::Buffer::new();
        Ok(Cow::Owned(digits.format(int).as_bytes().to_vec()))
    }

    /// A number as text, as scores were written before version 8.
    pub(super) fn text_number(&mut self) -> Result<f64, Corrupt> {
        let corrupt = Corrupt { what: "a score" };
        match self.byte()? {
            255 => Ok(f64::NEG_INFINITY),
            254 => Ok(f64::INFINITY),
            253 => Ok(f64::NAN),
            len => {
                let text = self.bytes(len.into())?;
                let text = std::str::from_utf8(text).map_err(|_| corrupt)?;
                text.parse().map_err(|_| corrupt)
            }
        }
    }
}
