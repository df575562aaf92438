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

/// A set in the form in which many bytes are looked at together: as ranges, if it is of few. Most are: letters, digits, all but a comma.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finder {
    set: ByteSet,
    /// The first byte of each range, and how many follow it.
    ranges: [(u8, u8); RANGES_MAX],
    /// So many are there; none if the set is of too many.
    count: usize,
}

const RANGES_MAX: usize = 6;

impl Finder {
    pub(crate) fn new(set: ByteSet) -> Finder {
        let mut finder = Finder {
            set,
            ranges: [(0, 0); RANGES_MAX],
            count: 0,
        };
        let Some(words) = set.0.as_chunks().0.first_chunk::<4>() else {
            return finder;
        };
        // Where the one before is in the set and this one is not, or the other way.
        let (mut edges, mut count, mut before) = ([0_u8; 2 * RANGES_MAX], 0, 0);
        for (number, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let mut changes = word ^ (word << 1 | before);
            before = word >> 63;
            while changes != 0 {
                let Some(edge) = edges.get_mut(count) else {
                    return finder;
                };
                *edge = (number as u32 * u64::BITS + changes.trailing_zeros()) as u8;
                count += 1;
                changes &= changes - 1;
            }
        }
        // what reaches to the end has no edge there
        finder.count = count.div_ceil(2);
        for (range, edges) in finder.ranges.iter_mut().zip(edges[..count].chunks(2)) {
            let last = edges.get(1).map_or(u8::MAX, |end| end - 1);
            *range = (edges[0], last - edges[0]);
        }
        finder
    }

    /// Which of the first 64 bytes are in the set: bit `n` is about byte `n`.
    #[inline]
    pub(crate) fn mask(&self, bytes: &[u8]) -> u64 {
        if self.count > 0 {
            if let Some(block) = bytes.first_chunk() {
                return self.mask_of_ranges(block);
            }
            let mut block = [0; 64];
            block[..bytes.len()].copy_from_slice(bytes);
            return self.mask_of_ranges(&block) & ((1 << bytes.len()) - 1);
        }
        let bytes = &bytes[..bytes.len().min(u64::BITS as usize)];
        let mut mask = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            mask |= u64::from(self.set.contains(byte)) << at;
        }
        mask
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn mask_of_ranges(&self, block: &[u8; 64]) -> u64 {
        let mut mask = 0;
        for (at, byte) in block.iter().enumerate() {
            let mut ranges = self.ranges[..self.count].iter();
            let is_in = ranges.any(|(first, more)| byte.wrapping_sub(*first) <= *more);
            mask |= u64::from(is_in) << at;
        }
        mask
    }

    #[cfg(target_arch = "x86_64")]
    fn mask_of_ranges(&self, block: &[u8; 64]) -> u64 {
        use std::arch::x86_64::*;
        // SAFETY: SSE2 is part of x86-64; what is read are quarters of the block.
        unsafe {
            let quarter = |at| _mm_loadu_si128(block.as_ptr().cast::<__m128i>().add(at));
            let quarters = [quarter(0), quarter(1), quarter(2), quarter(3)];
            let mut found = [_mm_setzero_si128(); 4];
            for (first, more) in &self.ranges[..self.count] {
                let first = _mm_set1_epi8(first.cast_signed());
                let more = _mm_set1_epi8(more.cast_signed());
                for (found, bytes) in found.iter_mut().zip(quarters) {
                    let beyond = _mm_sub_epi8(bytes, first);
                    let is_in = _mm_cmpeq_epi8(_mm_min_epu8(beyond, more), beyond);
                    *found = _mm_or_si128(*found, is_in);
                }
            }
            let mut mask = 0;
            for (at, found) in found.into_iter().enumerate() {
                let bits = _mm_movemask_epi8(found).cast_unsigned();
                mask |= u64::from(bits) << (16 * at);
            }
            mask
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

    #[test]
    fn a_finder_finds_what_is_in_the_set() {
        let mut sets: Vec<ByteSet> = (0..=255).map(ByteSet::named).collect();
        sets.extend(sets.clone().iter().map(ByteSet::complement));
        sets.extend([ByteSet::EMPTY, ByteSet::ALL]);
        // of 1 to 20 ranges
        for ranges in 1..=20 {
            let mut set = ByteSet::EMPTY;
            for range in 0..ranges {
                (range * 12..=range * 12 + range % 5).for_each(|byte| set.add(byte));
            }
            sets.push(set);
            sets.push(set.complement());
        }
        let bytes: Vec<u8> = (0..=255).collect();
        let (mut by_ranges, mut one_by_one) = (0, 0);
        for set in sets {
            let finder = Finder::new(set);
            match finder.count {
                0 => one_by_one += 1,
                _ => by_ranges += 1,
            }
            for begin in 0..=bytes.len() {
                for len in [0, 1, 16, 63, 64, 70] {
                    let end = bytes.len().min(begin + len);
                    let mask = finder.mask(&bytes[begin..end]);
                    for (bit, &byte) in bytes[begin..end].iter().take(64).enumerate() {
                        assert_eq!(mask >> bit & 1 != 0, set.contains(byte), "{set:?} {byte}");
                    }
                    let beyond = mask.checked_shr((end - begin) as u32);
                    assert_eq!(beyond.unwrap_or(0), 0);
                }
            }
        }
        assert!(by_ranges > 500 && one_by_one > 20);
    }
}
