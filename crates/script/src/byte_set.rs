//! Sets of bytes, and Lua's classes of characters among them.
//!
//! A class is the set that a letter names in a pattern: `%a` letters, `%A` all but letters, and so on, in the locale "C".

/// A set of bytes: byte `b` is bit `b % 8` of byte `b / 8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSet(pub(crate) [u8; 32]);

impl ByteSet {
    pub(crate) const EMPTY: ByteSet = ByteSet([0; 32]);
    pub(crate) const ALL: ByteSet = ByteSet([u8::MAX; 32]);

    #[inline]
    pub(crate) const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 3) as usize] >> (byte & 7) & 1 != 0
    }

    #[inline]
    pub(crate) const fn add(&mut self, byte: u8) {
        self.0[(byte >> 3) as usize] |= 1 << (byte & 7);
    }

    #[inline]
    pub(crate) fn add_all(&mut self, other: &ByteSet) {
        for at in 0..self.0.len() {
            self.0[at] |= other.0[at];
        }
    }

    /// All bytes that are not in the set.
    #[inline]
    pub(crate) fn complement(&self) -> ByteSet {
        let mut others = *self;
        for bits in &mut others.0 {
            *bits = !*bits;
        }
        others
    }

    /// The set of one byte.
    #[inline]
    pub(crate) fn of(byte: u8) -> ByteSet {
        let mut set = ByteSet::EMPTY;
        set.add(byte);
        set
    }

    /// What `%letter` stands for in a pattern: a class, or, for any other character, that character.
    #[inline]
    pub(crate) fn named(letter: u8) -> ByteSet {
        let Some(class) = class(letter) else {
            return ByteSet::of(letter);
        };
        match letter.is_ascii_uppercase() {
            true => class.complement(),
            false => *class,
        }
    }

    /// Whether `byte` is in [`ByteSet::named`].
    #[inline]
    pub(crate) fn named_contains(letter: u8, byte: u8) -> bool {
        match class(letter) {
            Some(class) => class.contains(byte) != letter.is_ascii_uppercase(),
            None => byte == letter,
        }
    }
}

/// The class of a letter, whatever its case.
#[inline]
fn class(letter: u8) -> Option<&'static ByteSet> {
    let place = match letter.to_ascii_lowercase() {
        b'a' => 0,
        b'c' => 1,
        b'd' => 2,
        b'l' => 3,
        b'p' => 4,
        b's' => 5,
        b'u' => 6,
        b'w' => 7,
        b'x' => 8,
        b'z' => 9,
        _ => return None,
    };
    Some(&CLASSES[place])
}

/// The classes, in the order of their letters.
static CLASSES: [ByteSet; 10] = {
    let mut classes = [ByteSet::EMPTY; 10];
    let mut byte = 0;
    while byte < 256 {
        let character = byte as u8;
        let is_in = [
            character.is_ascii_alphabetic(),
            character.is_ascii_control(),
            character.is_ascii_digit(),
            character.is_ascii_lowercase(),
            character.is_ascii_punctuation(),
            character.is_ascii_whitespace() || character == 0x0b,
            character.is_ascii_uppercase(),
            character.is_ascii_alphanumeric(),
            character.is_ascii_hexdigit(),
            character == 0,
        ];
        let mut class = 0;
        while class < is_in.len() {
            if is_in[class] {
                classes[class].add(character);
            }
            class += 1;
        }
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capital_names_what_the_small_letter_leaves() {
        for letter in b'a'..=b'z' {
            let (small, capital) = (letter, letter.to_ascii_uppercase());
            let is_class = b"acdlpsuwxz".contains(&letter);
            for byte in 0..=255 {
                assert_eq!(
                    ByteSet::named(small).contains(byte) != ByteSet::named(capital).contains(byte),
                    is_class || byte == small || byte == capital,
                    "{} {byte}",
                    letter as char
                );
                for letter in [small, capital] {
                    let set = ByteSet::named(letter);
                    assert_eq!(set.contains(byte), ByteSet::named_contains(letter, byte));
                }
            }
        }
    }

    #[test]
    fn what_is_no_letter_names_itself() {
        for character in [b'.', b'%', b'1', 0, 0xff] {
            assert_eq!(ByteSet::named(character), ByteSet::of(character));
        }
        assert_eq!(ByteSet::ALL.complement(), ByteSet::EMPTY);
    }
}
