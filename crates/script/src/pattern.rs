//! Lua 5.1's patterns, matched by code of our own.
//!
//! A pattern such as `.-.-.-b` takes time exponential in its length, and nothing interrupts a C function. So this
//! matcher asks now and then whether to go on: whatever it does costs steps, the longer the more. Its results are those of Lua 5.1's `lstrlib.c`, whose structure it
//! follows: a recursive descent over the pattern that backtracks over the subject. A zero byte ends a pattern,
//! as there.
//!
//! The recursion is bounded: it deepens by one per item of the pattern, and a pattern with more than
//! [`DEPTH_MAX`] nested items is refused.

use crate::byte_set::{ByteSet, Finder};

/// Captures in one pattern.
pub(crate) const CAPTURES_MAX: usize = 32;

/// Nested items of a pattern.
const DEPTH_MAX: u32 = 1000;

/// Steps between two looks for an order to stop.
const STEPS_PER_CHECK: usize = 1 << 14;

/// Bytes that are compared at once in the time of a step.
const BYTES_PER_STEP: usize = 64;

/// In a pattern up to this length a byte is found sooner by looking at each.
const PATTERN_SHORT_BYTES: usize = 16;

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
    pattern: Pattern<'a>,
    captures: [Capture; CAPTURES_MAX],
    level: usize,
    depth: u32,
    steps: usize,
    must_stop: F,
}

/// The pattern up to its end: the first zero byte, if there is one.
pub(crate) fn effective(pattern: &[u8]) -> &[u8] {
    let end = match pattern.len() {
        0..=PATTERN_SHORT_BYTES => pattern.iter().position(|&byte| byte == 0),
        _ => memchr::memchr(0, pattern),
    };
    &pattern[..end.unwrap_or(pattern.len())]
}

/// Whether a pattern is a plain text.
pub(crate) fn is_plain(pattern: &[u8]) -> bool {
    !effective(pattern)
        .iter()
        .any(|byte| SPECIALS.contains(byte))
}

/// The text of a pattern, without a zero byte. Places in it are counted from 0; behind its end are zeros.
#[derive(Clone, Copy)]
struct Pattern<'a>(&'a [u8]);

/// A member of a set.
enum Member {
    /// What `%letter` stands for.
    Named(u8),
    Byte(u8),
    /// From the first to the last.
    Range(u8, u8),
}

impl Pattern<'_> {
    #[inline]
    fn at(self, place: usize) -> u8 {
        self.0.get(place).copied().unwrap_or(0)
    }

    /// Where the item at `p` that takes one byte ends.
    fn item_end(self, p: usize) -> Result<usize, PatternError> {
        match self.at(p) {
            b'%' if p + 1 >= self.0.len() => Err(Malformed("malformed pattern (ends with '%')")),
            b'%' => Ok(p + 2),
            b'[' => {
                let mut p = p + 1;
                if self.at(p) == b'^' {
                    p += 1;
                }
                loop {
                    // The first character is part of the set, even if it is `]`.
                    if p >= self.0.len() {
                        return Err(Malformed("malformed pattern (missing ']')"));
                    }
                    let escaped = self.0[p] == b'%' && p + 1 < self.0.len();
                    p += if escaped { 2 } else { 1 };
                    if self.at(p) == b']' {
                        return Ok(p + 1);
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    /// Whether `byte` matches the item from `p` to before `end`.
    #[inline]
    fn item_contains(self, byte: u8, p: usize, end: usize) -> bool {
        match self.0[p] {
            b'.' => true,
            b'%' => ByteSet::named_contains(self.at(p + 1), byte),
            b'[' => self.set_contains(byte, p, end - 1),
            literal => literal == byte,
        }
    }

    /// What the item from `p` to before `end` takes.
    #[inline]
    fn item(self, p: usize, end: usize) -> ByteSet {
        match self.0[p] {
            b'.' => ByteSet::ALL,
            b'%' => ByteSet::named(self.at(p + 1)),
            b'[' => self.set(p, end - 1),
            literal => ByteSet::of(literal),
        }
    }

    /// Whether `byte` is in the set that opens at `p` and whose `]` is at `close`.
    fn set_contains(self, byte: u8, p: usize, close: usize) -> bool {
        let mut found = false;
        let is_complement = self.members(p, close, |member| {
            found = match member {
                Member::Named(letter) => ByteSet::named_contains(letter, byte),
                Member::Byte(member) => member == byte,
                Member::Range(first, last) => (first..=last).contains(&byte),
            };
            !found
        });
        found != is_complement
    }

    /// The set that opens at `p` and whose `]` is at `close`.
    fn set(self, p: usize, close: usize) -> ByteSet {
        let mut set = ByteSet::EMPTY;
        let is_complement = self.members(p, close, |member| {
            match member {
                Member::Named(letter) => set.add_all(&ByteSet::named(letter)),
                Member::Byte(byte) => set.add(byte),
                Member::Range(first, last) => (first..=last).for_each(|byte| set.add(byte)),
            }
            true
        });
        match is_complement {
            true => set.complement(),
            false => set,
        }
    }

    /// Goes through the members of a set, while it is told to; whether the set is all that they are not.
    #[inline]
    fn members(self, open: usize, close: usize, mut visit: impl FnMut(Member) -> bool) -> bool {
        let is_complement = self.at(open + 1) == b'^';
        let mut p = open + 1 + usize::from(is_complement);
        while p < close {
            let (member, len) = if self.0[p] == b'%' {
                (Member::Named(self.at(p + 1)), 2)
            } else if self.at(p + 1) == b'-' && p + 2 < close {
                (Member::Range(self.0[p], self.0[p + 2]), 3)
            } else {
                (Member::Byte(self.0[p]), 1)
            };
            if !visit(member) {
                break;
            }
            p += len;
        }
        is_complement
    }

    /// What a match must begin with: nothing if it may be empty, or if that is not to be seen at once.
    fn first(self, mut p: usize) -> Option<ByteSet> {
        while self.at(p) == b'(' {
            p += if self.at(p + 1) == b')' { 2 } else { 1 };
        }
        let end = self.plain_item_end(p)?;
        let is_needed = !matches!(self.at(end), b'*' | b'?' | b'-');
        is_needed.then(|| self.item(p, end))
    }

    /// Where the item at `p` ends, if it is one that takes one byte and means nothing else.
    fn plain_item_end(self, p: usize) -> Option<usize> {
        let means_more = match self.at(p) {
            0 | b'(' | b')' | b'$' => true,
            b'%' => matches!(self.at(p + 1), b'b' | b'f' | b'0'..=b'9'),
            _ => false,
        };
        match means_more {
            true => None,
            false => self.item_end(p).ok(),
        }
    }
}

/// A pattern of one item and `+`, in brackets or not: `%a+`, `([^,]+)`. It is what scripts mostly cut texts with, and
/// matches without a step back. (`^` is an anchor to all but `gmatch`: such a pattern is none.)
pub(crate) struct Runs {
    pub(crate) of: ByteSet,
}

impl Runs {
    /// The pattern as runs, if it is that.
    #[inline]
    pub(crate) fn new(pattern: &[u8]) -> Option<Runs> {
        let pattern = effective(pattern);
        let inner = match pattern {
            [b'(', inner @ .., b')'] => inner,
            pattern => pattern,
        };
        let [item @ .., b'+'] = inner else {
            return None;
        };
        let pattern = Pattern(item);
        let is_one = pattern.plain_item_end(0)? == item.len() && item[0] != b'^';
        is_one.then(|| Runs {
            of: pattern.item(0, item.len()),
        })
    }

    /// The first match that begins at `start` or behind it: where it begins and ends.
    #[inline]
    pub(crate) fn next(
        &self,
        subject: &[u8],
        start: usize,
        must_stop: impl Fn() -> bool,
    ) -> Result<Option<(usize, usize)>, PatternError> {
        let begin = start + span(&self.of, false, &subject[start..], &must_stop)?;
        if begin == subject.len() {
            return Ok(None);
        }
        let len = span(&self.of, true, &subject[begin..], &must_stop)?;
        Ok(Some((begin, begin + len)))
    }
}

/// Runs one after the other. What is in the set is found out for 64 bytes at a time, without a branch for each: where runs end is
/// what a processor cannot foresee.
pub(crate) struct RunsOf<'a> {
    of: Finder,
    subject: &'a [u8],
    /// Where the block begins that is being looked at.
    block: usize,
    /// Bit `n` is about byte `n` of the block: whether it is in the set, and in no run that has been given out.
    inside: u64,
}

impl<'a> RunsOf<'a> {
    /// Those that begin at `start` or behind it.
    pub(crate) fn new(runs: &Runs, subject: &'a [u8], start: usize) -> Self {
        let of = Finder::new(runs.of);
        let inside = of.mask(&subject[start..]);
        Self {
            of,
            subject,
            block: start,
            inside,
        }
    }

    /// The next run: where it begins and ends.
    #[inline]
    pub(crate) fn next(
        &mut self,
        must_stop: impl Fn() -> bool,
    ) -> Result<Option<(usize, usize)>, PatternError> {
        while self.inside == 0 {
            if !self.step(&must_stop)? {
                return Ok(None);
            }
        }
        let first = self.inside.trailing_zeros();
        let start = self.block + first as usize;
        // up to the first that is not in it
        let mut end = first + (self.inside >> first).trailing_ones();
        while end == u64::BITS {
            if !self.step(&must_stop)? {
                return Ok(Some((start, self.subject.len())));
            }
            end = self.inside.trailing_ones();
        }
        self.inside &= u64::MAX << end;
        Ok(Some((start, self.block + end as usize)))
    }

    /// Goes on to the next block. False if there is none, and then nothing is left.
    fn step(&mut self, must_stop: impl Fn() -> bool) -> Result<bool, PatternError> {
        const BITS: usize = u64::BITS as usize;
        self.inside = 0;
        let Some(rest) = self.subject.get(self.block + BITS..) else {
            return Ok(false);
        };
        if self.block % STEPS_PER_CHECK < BITS && must_stop() {
            return Err(PatternError::Stopped);
        }
        self.block += BITS;
        self.inside = self.of.mask(rest);
        Ok(true)
    }
}

/// How many bytes at the beginning of `bytes` are in the set, or, unless `inside`, are not.
#[inline]
fn span(
    set: &ByteSet,
    inside: bool,
    bytes: &[u8],
    must_stop: impl Fn() -> bool,
) -> Result<usize, PatternError> {
    let mut begin = 0;
    while begin < bytes.len() {
        let end = bytes.len().min(begin + STEPS_PER_CHECK);
        for (at, &byte) in bytes[begin..end].iter().enumerate() {
            if set.contains(byte) != inside {
                return Ok(begin + at);
            }
        }
        if end < bytes.len() && must_stop() {
            return Err(PatternError::Stopped);
        }
        begin = end;
    }
    Ok(bytes.len())
}

impl<'a, F: Fn() -> bool> Matcher<'a, F> {
    pub(crate) fn new(subject: &'a [u8], pattern: &'a [u8], must_stop: F) -> Self {
        let captures = [Capture::Position(0); CAPTURES_MAX];
        let pattern = Pattern(effective(pattern));
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

    /// The first match that begins at `start` or behind it, and before the end of the subject or there: where it begins
    /// and ends.
    pub(crate) fn find(
        &mut self,
        mut start: usize,
    ) -> Result<Option<(usize, usize)>, PatternError> {
        let mut first = None;
        while start <= self.subject.len() {
            if let Some(end) = self.match_at(start, 0)? {
                return Ok(Some((start, end)));
            }
            start += 1;
            // what is wrong with the pattern up to there has shown
            if let Some(set) = *first.get_or_insert_with(|| self.pattern.first(0)) {
                let rest = self.subject.get(start..).unwrap_or_default();
                let skipped = span(&set, false, rest, &self.must_stop)?;
                self.step(skipped)?;
                start += skipped;
            }
        }
        Ok(None)
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
            if p >= self.pattern.0.len() {
                return Ok(Some(s));
            }
            match self.pattern.0[p] {
                b'(' if self.pattern.at(p + 1) == b')' => {
                    return self.start_capture(s, p + 2, Capture::Position(s));
                }
                b'(' => return self.start_capture(s, p + 1, Capture::Open(s)),
                b')' => return self.end_capture(s, p + 1),
                b'%' => match self.pattern.at(p + 1) {
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
                        if self.pattern.at(p) != b'[' {
                            return Err(Malformed("missing '[' after '%f' in pattern"));
                        }
                        let end = self.pattern.item_end(p)?;
                        self.step(end - p)?;
                        let before = if s == 0 { 0 } else { self.subject[s - 1] };
                        let here = self.subject_at(s);
                        if self.pattern.set_contains(before, p, end - 1)
                            || !self.pattern.set_contains(here, p, end - 1)
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
                b'$' if p + 1 == self.pattern.0.len() => {
                    return Ok((s == self.subject.len()).then_some(s));
                }
                _ => {}
            }
            let end = self.pattern.item_end(p)?;
            // a set is looked through to its end
            self.step(end - p)?;
            let here =
                s < self.subject.len() && self.pattern.item_contains(self.subject[s], p, end);
            match self.pattern.at(end) {
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

    /// How many bytes from `s` on match the item from `p` to before `end`.
    fn count_matching(&mut self, s: usize, p: usize, end: usize) -> Result<usize, PatternError> {
        let set = self.pattern.item(p, end);
        let count = span(&set, true, &self.subject[s..], &self.must_stop)?;
        self.step(count)?;
        Ok(count)
    }

    fn max_expand(&mut self, s: usize, p: usize, end: usize) -> Matched {
        let mut count = self.count_matching(s, p, end)?;
        if end + 1 >= self.pattern.0.len() {
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
            if s >= self.subject.len() || !self.pattern.item_contains(self.subject[s], p, end) {
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
        if p + 1 >= self.pattern.0.len() {
            return Err(Malformed("unbalanced pattern"));
        }
        let (open, close) = (self.pattern.0[p], self.pattern.0[p + 1]);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random (Marsaglia's xorshift).
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as usize % end
        }

        fn text(&mut self, letters: &[u8], len_max: usize) -> Vec<u8> {
            let len = self.below(len_max + 1);
            (0..len)
                .map(|_| letters[self.below(letters.len())])
                .collect()
        }
    }

    /// What all places, tried one after the other, come to.
    fn find_slowly(
        subject: &[u8],
        pattern: &[u8],
        start: usize,
    ) -> Result<Option<(usize, usize)>, PatternError> {
        let mut matcher = Matcher::new(subject, pattern, || false);
        for start in start..=subject.len() {
            if let Some(end) = matcher.match_at(start, 0)? {
                return Ok(Some((start, end)));
            }
        }
        Ok(None)
    }

    #[test]
    fn short_cuts_find_what_trying_all_places_finds() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let (mut runs_tried, mut found, mut failed) = (0, 0, 0);
        for _ in 0..200_000 {
            let mut pattern = random.text(b"ab%[]^-+*?().$,dAS1", 7);
            if random.below(3) == 0 {
                pattern.push(b'+');
            }
            let subject = random.text(b"ab1,]^-$. ", 12);
            let start = random.below(subject.len() + 1);
            let expected = find_slowly(&subject, &pattern, start);
            let shown = (pattern.escape_ascii(), subject.escape_ascii(), start);
            let mut matcher = Matcher::new(&subject, &pattern, || false);
            assert_eq!(matcher.find(start), expected, "{shown:?}");
            if let Some(runs) = Runs::new(&pattern) {
                assert_eq!(runs.next(&subject, start, || false), expected, "{shown:?}");
                runs_tried += 1;
                let mut all = RunsOf::new(&runs, &subject, start);
                let mut at = start;
                loop {
                    let expected = runs.next(&subject, at, || false);
                    assert_eq!(all.next(|| false), expected, "{shown:?}");
                    match expected {
                        Ok(Some((_, end))) => at = end,
                        _ => break,
                    }
                }
            }
            match expected {
                Ok(Some(_)) => found += 1,
                Ok(None) => {}
                Err(_) => failed += 1,
            }
        }
        assert!(runs_tried > 5_000 && found > 20_000 && failed > 20_000);
    }

    #[test]
    fn an_item_is_the_set_of_what_it_contains() {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        for _ in 0..20_000 {
            let text = random.text(b"[[[^]a-z%wSd.0\xff", 12);
            let pattern = Pattern(&text);
            if let Some(end) = pattern.plain_item_end(0) {
                let item = pattern.item(0, end);
                for byte in 0..=255 {
                    let is_in = pattern.item_contains(byte, 0, end);
                    assert_eq!(item.contains(byte), is_in, "{} {byte}", text.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn runs_cross_blocks() {
        let mut random = Random(0x1234_5678_9abc_def1);
        let runs = Runs::new(b"%a+").expect("runs");
        for round in 0..2000 {
            let mut subject = Vec::new();
            while subject.len() < 400 {
                let byte = [b'a', b' '][random.below(2)];
                let longest = [3, 70, 200][round % 3];
                subject.extend(std::iter::repeat_n(byte, random.below(longest)));
            }
            subject.truncate(random.below(subject.len()));
            let start = random.below(subject.len() + 1);
            let mut all = RunsOf::new(&runs, &subject, start);
            let mut at = start;
            while let Some((begin, end)) = runs.next(&subject, at, || false).expect("no stop") {
                assert_eq!(all.next(|| false), Ok(Some((begin, end))));
                at = end;
            }
            assert_eq!(all.next(|| false), Ok(None));
            assert_eq!(all.next(|| false), Ok(None));
        }
    }

    #[test]
    fn a_long_run_is_interrupted() {
        let subject = vec![b'a'; 2 * STEPS_PER_CHECK];
        let runs = Runs::new(b"(%a+)").expect("a run");
        assert_eq!(
            runs.next(&subject, 0, || false),
            Ok(Some((0, subject.len())))
        );
        assert_eq!(runs.next(&subject, 0, || true), Err(PatternError::Stopped));
        let mut all = RunsOf::new(&runs, &subject, 1);
        assert_eq!(all.next(|| true), Err(PatternError::Stopped));
        let mut matcher = Matcher::new(&subject, b"b%a", || true);
        assert_eq!(matcher.find(0), Err(PatternError::Stopped));
    }
}
