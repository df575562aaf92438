//! Lua 5.1's patterns, matched by code of our own.
//!
//! A pattern such as `.-.-.-b` takes time exponential in its length, and nothing interrupts a C function. So this
//! matcher asks now and then whether to go on: whatever it does costs steps, the longer the more. Its results are those of Lua 5.1's `lstrlib.c`, whose structure it
//! follows: a recursive descent over the pattern that backtracks over the subject. A zero byte ends a pattern,
//! as there.
//!
//! The recursion is bounded: it deepens by one per item of the pattern, and a pattern with more than
//! [`DEPTH_MAX`] nested items is refused.

/// Captures in one pattern.
pub(crate) const CAPTURES_MAX: usize = 32;

/// Nested items of a pattern.
const DEPTH_MAX: u32 = 1000;

/// Steps between two looks for an order to stop.
const STEPS_PER_CHECK: usize = 1 << 14;

/// Bytes that are compared at once in the time of a step.
const BYTES_PER_STEP: usize = 64;

/// What makes a pattern more than a plain text.
const SPECIALS: &[u8] = b"^$*+?.([%-";

/// Why a match ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// The pattern is wrong, in this way.
    Malformed(&'static str),
    /// The run is to end.
    Stopped,
}

use PatternError::Malformed;

type Matched = Result<Option<usize>, PatternError>;

/// A part of the subject that a pattern captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capture {
    /// Bytes from the first to before the second position.
    Text(usize, usize),
    /// `()`: a position, from 0.
    Position(usize),
    /// Opened here and not closed yet.
    Open(usize),
}

/// One pattern on one subject. Owns nothing.
pub(crate) struct Matcher<'a, F: Fn() -> bool> {
    subject: &'a [u8],
    pattern: &'a [u8],
    captures: [Capture; CAPTURES_MAX],
    level: usize,
    depth: u32,
    steps: usize,
    must_stop: F,
}

/// The pattern up to its end: the first zero byte, if there is one.
pub(crate) fn effective(pattern: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, pattern).unwrap_or(pattern.len());
    &pattern[..end]
}

/// Whether a pattern is a plain text.
pub(crate) fn is_plain(pattern: &[u8]) -> bool {
    !effective(pattern)
        .iter()
        .any(|byte| SPECIALS.contains(byte))
}

impl<'a, F: Fn() -> bool> Matcher<'a, F> {
    pub(crate) fn new(subject: &'a [u8], pattern: &'a [u8], must_stop: F) -> Self {
        let captures = [Capture::Position(0); CAPTURES_MAX];
        let pattern = effective(pattern);
        Self {
            subject,
            pattern,
            captures,
            level: 0,
            depth: 0,
            steps: STEPS_PER_CHECK,
            must_stop,
        }
    }

    /// Matches the pattern from `pattern_start` at `start`; where the match ends.
    pub(crate) fn match_at(&mut self, start: usize, pattern_start: usize) -> Matched {
        self.level = 0;
        self.depth = 0;
        self.match_from(start, pattern_start)
    }

    /// How many captures a match has made.
    pub(crate) fn level(&self) -> usize {
        self.level
    }

    /// Capture `index` of the match from `start` to `end`: the whole of it if the pattern has none.
    pub(crate) fn capture(
        &self,
        index: usize,
        start: usize,
        end: usize,
    ) -> Result<Capture, PatternError> {
        if index >= self.level {
            return match index {
                0 => Ok(Capture::Text(start, end)),
                _ => Err(Malformed("invalid capture index")),
            };
        }
        match self.captures[index] {
            Capture::Open(_) => Err(Malformed("unfinished capture")),
            capture => Ok(capture),
        }
    }

    /// Takes so many steps.
    fn step(&mut self, count: usize) -> Result<(), PatternError> {
        self.steps = self.steps.saturating_sub(count);
        if self.steps == 0 {
            self.steps = STEPS_PER_CHECK;
            if (self.must_stop)() {
                return Err(PatternError::Stopped);
            }
        }
        Ok(())
    }

    fn pattern_at(&self, at: usize) -> u8 {
        self.pattern.get(at).copied().unwrap_or(0)
    }

    fn subject_at(&self, at: usize) -> u8 {
        self.subject.get(at).copied().unwrap_or(0)
    }

    fn match_from(&mut self, s: usize, p: usize) -> Matched {
        if self.depth >= DEPTH_MAX {
            return Err(Malformed("pattern too complex"));
        }
        self.step(1)?;
        self.depth += 1;
        let matched = self.match_items(s, p);
        self.depth -= 1;
        matched
    }

    fn match_items(&mut self, mut s: usize, mut p: usize) -> Matched {
        loop {
            if p >= self.pattern.len() {
                return Ok(Some(s));
            }
            match self.pattern[p] {
                b'(' if self.pattern_at(p + 1) == b')' => {
                    return self.start_capture(s, p + 2, Capture::Position(s));
                }
                b'(' => return self.start_capture(s, p + 1, Capture::Open(s)),
                b')' => return self.end_capture(s, p + 1),
                b'%' => match self.pattern_at(p + 1) {
                    b'b' => match self.match_balance(s, p + 2)? {
                        None => return Ok(None),
                        Some(end) => {
                            s = end;
                            p += 4;
                            continue;
                        }
                    },
                    b'f' => {
                        p += 2;
                        if self.pattern_at(p) != b'[' {
                            return Err(Malformed("missing '[' after '%f' in pattern"));
                        }
                        let end = self.class_end(p)?;
                        self.step(end - p)?;
                        let before = if s == 0 { 0 } else { self.subject[s - 1] };
                        let here = self.subject_at(s);
                        if self.set_contains(before, p, end - 1)
                            || !self.set_contains(here, p, end - 1)
                        {
                            return Ok(None);
                        }
                        p = end;
                        continue;
                    }
                    digit if digit.is_ascii_digit() => match self.match_back_reference(s, digit)? {
                        None => return Ok(None),
                        Some(end) => {
                            s = end;
                            p += 2;
                            continue;
                        }
                    },
                    _ => {}
                },
                b'$' if p + 1 == self.pattern.len() => {
                    return Ok((s == self.subject.len()).then_some(s));
                }
                _ => {}
            }
            let end = self.class_end(p)?;
            // a set is looked through to its end
            self.step(end - p)?;
            let here = s < self.subject.len() && self.single(self.subject[s], p, end);
            match self.pattern_at(end) {
                b'?' => {
                    if here && let Some(end) = self.match_from(s + 1, end + 1)? {
                        return Ok(Some(end));
                    }
                    p = end + 1;
                }
                b'*' => return self.max_expand(s, p, end),
                b'+' => {
                    return if here {
                        self.max_expand(s + 1, p, end)
                    } else {
                        Ok(None)
                    };
                }
                b'-' => return self.min_expand(s, p, end),
                _ if !here => return Ok(None),
                _ => {
                    s += 1;
                    p = end;
                }
            }
        }
    }

    /// Where the single-character class at `p` ends.
    fn class_end(&self, p: usize) -> Result<usize, PatternError> {
        match self.pattern_at(p) {
            b'%' if p + 1 >= self.pattern.len() => {
                Err(Malformed("malformed pattern (ends with '%')"))
            }
            b'%' => Ok(p + 2),
            b'[' => {
                let mut p = p + 1;
                if self.pattern_at(p) == b'^' {
                    p += 1;
                }
                loop {
                    // The first character is part of the set, even if it is `]`.
                    if p >= self.pattern.len() {
                        return Err(Malformed("malformed pattern (missing ']')"));
                    }
                    let escaped = self.pattern[p] == b'%' && p + 1 < self.pattern.len();
                    p += if escaped { 2 } else { 1 };
                    if self.pattern_at(p) == b']' {
                        return Ok(p + 1);
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    /// The item from `p` to before `end`, which takes one byte.
    #[inline]
    fn item(&self, p: usize, end: usize) -> Item {
        match self.pattern[p] {
            b'.' => Item::Any,
            b'%' => Item::Class(Class::named(self.pattern_at(p + 1))),
            b'[' => Item::Set(p, end - 1),
            literal => Item::Literal(literal),
        }
    }

    /// Whether `byte` matches the item from `p` to before `end`.
    #[inline]
    fn single(&self, byte: u8, p: usize, end: usize) -> bool {
        match self.item(p, end) {
            Item::Any => true,
            Item::Literal(literal) => literal == byte,
            Item::Class(class) => class.contains(byte),
            Item::Set(open, close) => self.set_contains(byte, open, close),
        }
    }

    /// How many bytes from `s` on match the item from `p` to before `end`.
    fn count_matching(&mut self, s: usize, p: usize, end: usize) -> Result<usize, PatternError> {
        let (item, rest) = (self.item(p, end), &self.subject[s..]);
        // So many in the time between two looks.
        let piece_len = (STEPS_PER_CHECK / (end - p)).max(1);
        let mut count = 0;
        for piece in rest.chunks(piece_len) {
            let differs = match item {
                Item::Any => None,
                Item::Literal(literal) => piece.iter().position(|&byte| byte != literal),
                Item::Class(class) => piece.iter().position(|&byte| !class.contains(byte)),
                Item::Set(open, close) => piece
                    .iter()
                    .position(|&byte| !self.set_contains(byte, open, close)),
            };
            let here = differs.unwrap_or(piece.len());
            self.step(here * (end - p))?;
            count += here;
            if differs.is_some() {
                break;
            }
        }
        Ok(count)
    }

    /// Whether `byte` is in the set that opens at `p` and whose `]` is at `close`.
    fn set_contains(&self, byte: u8, mut p: usize, close: usize) -> bool {
        let mut found = true;
        if self.pattern_at(p + 1) == b'^' {
            found = false;
            p += 1;
        }
        p += 1;
        while p < close {
            if self.pattern[p] == b'%' {
                if Class::named(self.pattern_at(p + 1)).contains(byte) {
                    return found;
                }
                p += 2;
            } else if self.pattern_at(p + 1) == b'-' && p + 2 < close {
                if (self.pattern[p]..=self.pattern[p + 2]).contains(&byte) {
                    return found;
                }
                p += 3;
            } else {
                if self.pattern[p] == byte {
                    return found;
                }
                p += 1;
            }
        }
        !found
    }

    fn max_expand(&mut self, s: usize, p: usize, end: usize) -> Matched {
        let mut count = self.count_matching(s, p, end)?;
        if end + 1 >= self.pattern.len() {
            // nothing can go wrong behind it
            return Ok(Some(s + count));
        }
        loop {
            if let Some(end) = self.match_from(s + count, end + 1)? {
                return Ok(Some(end));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    fn min_expand(&mut self, mut s: usize, p: usize, end: usize) -> Matched {
        loop {
            self.step(end - p)?;
            if let Some(end) = self.match_from(s, end + 1)? {
                return Ok(Some(end));
            }
            if s >= self.subject.len() || !self.single(self.subject[s], p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn start_capture(&mut self, s: usize, p: usize, capture: Capture) -> Matched {
        if self.level >= CAPTURES_MAX {
            return Err(Malformed("too many captures"));
        }
        self.captures[self.level] = capture;
        self.level += 1;
        let matched = self.match_from(s, p)?;
        if matched.is_none() {
            self.level -= 1;
        }
        Ok(matched)
    }

    fn end_capture(&mut self, s: usize, p: usize) -> Matched {
        let open = self.captures[..self.level]
            .iter()
            .rposition(|capture| matches!(capture, Capture::Open(_)))
            .ok_or(Malformed("invalid pattern capture"))?;
        let Capture::Open(start) = self.captures[open] else {
            return Ok(None);
        };
        self.captures[open] = Capture::Text(start, s);
        let matched = self.match_from(s, p)?;
        if matched.is_none() {
            self.captures[open] = Capture::Open(start);
        }
        Ok(matched)
    }

    fn match_balance(&mut self, s: usize, p: usize) -> Matched {
        if p + 1 >= self.pattern.len() {
            return Err(Malformed("unbalanced pattern"));
        }
        let (open, close) = (self.pattern[p], self.pattern[p + 1]);
        if s >= self.subject.len() || self.subject[s] != open {
            return Ok(None);
        }
        let mut depth = 1_usize;
        for at in s + 1..self.subject.len() {
            self.step(1)?;
            let byte = self.subject[at];
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at + 1));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    fn match_back_reference(&mut self, s: usize, digit: u8) -> Matched {
        let index = usize::from(digit).wrapping_sub(usize::from(b'1'));
        match self.captures[..self.level].get(index) {
            None | Some(Capture::Open(_)) => Err(Malformed("invalid capture index")),
            // As the reference: a position is a capture of an absurd length, which nothing matches.
            Some(Capture::Position(_)) => Ok(None),
            Some(&Capture::Text(start, end)) => {
                self.step((end - start) / BYTES_PER_STEP + 1)?;
                let matches = self.subject[s..].starts_with(&self.subject[start..end]);
                Ok(matches.then_some(s + end - start))
            }
        }
    }
}

/// An item of a pattern that takes one byte of the subject.
#[derive(Clone, Copy)]
enum Item {
    Any,
    Literal(u8),
    Class(Class),
    /// Where its `[` and its `]` stand.
    Set(usize, usize),
}

/// A class that a letter names, or, for any other character, that character.
#[derive(Clone, Copy)]
struct Class {
    letter: u8,
    /// The class's bit in [`CLASSES`]; none for a character that stands for itself.
    bit: u16,
}

impl Class {
    #[inline]
    fn named(letter: u8) -> Class {
        let bit = match letter.to_ascii_lowercase() {
            b'a' => 1 << 0,
            b'c' => 1 << 1,
            b'd' => 1 << 2,
            b'l' => 1 << 3,
            b'p' => 1 << 4,
            b's' => 1 << 5,
            b'u' => 1 << 6,
            b'w' => 1 << 7,
            b'x' => 1 << 8,
            b'z' => 1 << 9,
            _ => 0,
        };
        Class { letter, bit }
    }

    #[inline]
    fn contains(self, byte: u8) -> bool {
        match self.bit {
            0 => self.letter == byte,
            bit => (CLASSES[usize::from(byte)] & bit != 0) != self.letter.is_ascii_uppercase(),
        }
    }
}

/// The classes that each byte is in, by their bits.
static CLASSES: [u16; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
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
        let mut bit = 0;
        while bit < is_in.len() {
            classes[byte] |= (is_in[bit] as u16) << bit;
            bit += 1;
        }
        byte += 1;
    }
    classes
};
