//! What an item is to others: an integer, or bytes.

use perilune_digits::parse_i64;

/// An item of a listpack, or of a list.
///
/// `==` compares what is stored; for "are these the same text", ask [`Item::is`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item<'a> {
    /// Stored as an integer; its text is its decimal digits.
    Int(i64),
    /// Stored as these bytes.
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    /// How the reference stores this text: as an integer if it is exactly what printing an `i64` gives.
    #[inline]
    pub fn of(text: &'a [u8]) -> Item<'a> {
        match parse_i64(text) {
            Some(int) => Item::Int(int),
            None => Item::Bytes(text),
        }
    }

    /// The text. Digits are written to `digits`, which costs nothing where the item is bytes.
    #[inline]
    pub fn bytes<'b>(self, digits: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Item::Int(int) => digits.format(int).as_bytes(),
            Item::Bytes(bytes) => bytes,
        }
    }

    /// A copy of the text.
    pub fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut itoa::Buffer::new()).to_vec()
    }

    /// Length of the text, in bytes.
    pub fn len(self) -> usize {
        match self {
            Item::Bytes(bytes) => bytes.len(),
            Item::Int(int) => {
                let digits = int.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
                digits as usize + usize::from(int < 0)
            }
        }
    }

    /// Is the text empty?
    pub fn is_empty(self) -> bool {
        self == Item::Bytes(b"")
    }

    /// The integer that the text is, however it is stored.
    #[inline]
    pub fn int(self) -> Option<i64> {
        match self {
            Item::Int(int) => Some(int),
            Item::Bytes(bytes) => parse_i64(bytes),
        }
    }

    /// Is it the same text? True also for an integer that is stored as bytes, as a foreign listpack may have it.
    #[inline]
    pub fn is(self, needle: Item<'_>) -> bool {
        match (self, needle) {
            (Item::Int(a), Item::Int(b)) => a == b,
            (Item::Bytes(a), Item::Bytes(b)) => a == b,
            (Item::Int(int), Item::Bytes(bytes)) | (Item::Bytes(bytes), Item::Int(int)) => {
                parse_i64(bytes) == Some(int)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_what_prints_as_the_same_text() {
        let ints = [
            0,
            1,
            -1,
            9,
            10,
            99,
            100,
            4095,
            -4096,
            i64::from(i32::MAX),
            i64::MAX,
            i64::MIN,
        ];
        for int in ints {
            let text = int.to_string();
            assert_eq!(Item::of(text.as_bytes()), Item::Int(int));
            assert_eq!(Item::Int(int).len(), text.len());
            assert_eq!(Item::Int(int).to_vec(), text.as_bytes());
        }
        let others = [
            "",
            "-",
            "+1",
            "-0",
            "00",
            "01",
            "-01",
            " 1",
            "1 ",
            "1a",
            "1.0",
            "a",
            "9223372036854775808",
            "-9223372036854775809",
            "9999999999999999999",
            "18446744073709551616",
            "10000000000000000000000",
        ];
        for text in others {
            assert_eq!(Item::of(text.as_bytes()), Item::Bytes(text.as_bytes()));
            assert_eq!(Item::of(text.as_bytes()).len(), text.len());
        }
    }

    #[test]
    fn the_same_text_is_found_however_it_is_stored() {
        assert!(Item::Int(12).is(Item::Bytes(b"12")));
        assert!(Item::Bytes(b"12").is(Item::Int(12)));
        assert!(!Item::Bytes(b"012").is(Item::Int(12)));
        assert!(!Item::Bytes(b"a").is(Item::Bytes(b"b")));
        assert!(Item::Bytes(b"").is_empty() && !Item::Int(0).is_empty());
        assert_eq!(
            (Item::Bytes(b"7").int(), Item::Bytes(b"x").int()),
            (Some(7), None)
        );
    }
}
