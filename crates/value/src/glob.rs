//! Glob patterns, as KEYS, SCAN, CONFIG GET, PSUBSCRIBE and ACL rules use them.
//!
//! | pattern    | matches                                                          |
//! |------------|------------------------------------------------------------------|
//! | `?`        | one byte                                                         |
//! | `*`        | any bytes, or none                                               |
//! | `[a-cx]`   | one of these; `[^a-c]`: none of these; an unclosed class ends with the pattern |
//! | `\x`       | `x` itself                                                       |
//!
//! Every other byte matches itself. Bytes are not characters: `?` is one byte of UTF-8.
//!
//! The semantics are Redis's, corners included (see `glob_match`'s tests): a range compares signed bytes, an
//! escape in a class heeds case always, and no pattern but the empty one matches the empty string.
//!
//! Matching keeps one place to go back to, that of the last `*`: what an earlier `*` could try, the last one can
//! too. So the time is at most the product of both lengths, whatever the pattern.

/// A pattern with more runs of `*` than this matches nothing: the reference server's protection, kept because clients see it.
const STAR_RUNS_MAX: usize = 1000;

/// A pattern, ready to be matched with many strings.
#[derive(Debug, Clone, Copy)]
pub struct Glob<'p> {
    pattern: &'p [u8],
}

impl<'p> Glob<'p> {
    /// This pattern. Every sequence of bytes is one.
    pub fn new(pattern: &'p [u8]) -> Self {
        Self { pattern }
    }

    /// Whether a walk over keys shows a key: as [`glob_match`], but `*` shows the empty key too.
    pub fn selects(&self, key: &[u8]) -> bool {
        self.pattern == b"*" || glob_match(self.pattern, key, Case::Heeded)
    }
}

/// Whether `a` and `A` are different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// They are.
    Heeded,
    /// They are the same (names of settings and commands).
    Ignored,
}

impl Case {
    fn fold(self, byte: u8) -> u8 {
        match self {
            Case::Heeded => byte,
            Case::Ignored => byte.to_ascii_lowercase(),
        }
    }
}

/// Whether a string matches a glob pattern. See the module's documentation.
pub fn glob_match(pattern: &[u8], string: &[u8], case: Case) -> bool {
    if string.is_empty() {
        return pattern.is_empty();
    }
    let (mut pattern_at, mut string_at) = (0, 0);
    // behind the last run of `*`, and how much of the string it leaves over
    let mut last_star: Option<(usize, usize)> = None;
    let mut star_runs = 0;
    while string_at < string.len() {
        if pattern.get(pattern_at) == Some(&b'*') {
            pattern_at = skip_stars(pattern, pattern_at);
            if pattern_at == pattern.len() {
                return true;
            }
            star_runs += 1;
            if star_runs > STAR_RUNS_MAX {
                return false;
            }
            last_star = Some((pattern_at, string_at));
            continue;
        }
        match match_one(&pattern[pattern_at..], string[string_at], case) {
            Some(len) => {
                pattern_at += len;
                string_at += 1;
            }
            None => {
                let Some((behind_star, from)) = last_star else {
                    return false;
                };
                last_star = Some((behind_star, from + 1));
                (pattern_at, string_at) = (behind_star, from + 1);
                if string_at == string.len() {
                    return false;
                }
            }
        }
    }
    skip_stars(pattern, pattern_at) == pattern.len()
}

fn skip_stars(pattern: &[u8], from: usize) -> usize {
    from + pattern[from..]
        .iter()
        .take_while(|byte| **byte == b'*')
        .count()
}

/// How long the element at the start of `pattern` is, if it matches this byte. Not a `*`.
fn match_one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let (len, matches) = match pattern {
        [] => return None,
        [b'?', ..] => (1, true),
        [b'[', class @ ..] => {
            let (len, matches) = match_class(class, byte, case);
            (1 + len, matches)
        }
        [b'\\', escaped, ..] => (2, case.fold(*escaped) == case.fold(byte)),
        [literal, ..] => (1, case.fold(*literal) == case.fold(byte)),
    };
    matches.then_some(len)
}

/// How long the class is whose inside starts here, its `]` included, and whether it matches this byte.
fn match_class(class: &[u8], byte: u8, case: Case) -> (usize, bool) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut matches = false;
    loop {
        let (len, hit) = match &class[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', escaped, ..] => (2, *escaped == byte),
            [start, b'-', end, ..] => (3, in_range(*start, *end, byte, case)),
            [literal, ..] => (1, case.fold(*literal) == case.fold(byte)),
        };
        at += len;
        matches |= hit;
    }
    (at, matches != negated)
}

/// Whether a byte is in a range, whose ends may stand in either order. Bytes are signed here, and the ends are ordered
/// before case is folded.
fn in_range(start: u8, end: u8, byte: u8, case: Case) -> bool {
    let (low, high) = if start as i8 <= end as i8 {
        (start, end)
    } else {
        (end, start)
    };
    let fold = |byte: u8| case.fold(byte) as i8;
    (fold(low)..=fold(high)).contains(&fold(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &[u8], matching: &[&[u8]], others: &[&[u8]]) {
        for string in matching {
            assert!(
                glob_match(pattern, string, Case::Heeded),
                "{} {}",
                pattern.escape_ascii(),
                string.escape_ascii()
            );
        }
        for string in others {
            assert!(
                !glob_match(pattern, string, Case::Heeded),
                "{} {}",
                pattern.escape_ascii(),
                string.escape_ascii()
            );
        }
    }

    #[test]
    fn patterns_match_as_the_reference_matches_them() {
        check(b"h?llo", &[b"hello", b"h*llo"], &[b"hllo", b"heello"]);
        check(b"h*llo", &[b"hllo", b"heeeello"], &[b"hell", b"xhllo"]);
        check(b"*", &[b"a", b"ab"], &[b""]);
        check(b"**", &[b"a"], &[b""]);
        check(b"", &[b""], &[b"a"]);
        check(b"a*", &[b"a", b"ab"], &[b"ba"]);
        check(b"*a*b", &[b"ab", b"xaxxb", b"abab"], &[b"ba", b"aba"]);
        check(b"h[ae]llo", &[b"hello", b"hallo"], &[b"hillo"]);
        check(b"h[^e]llo", &[b"hallo"], &[b"hello"]);
        check(b"h[a-b]llo", &[b"hallo", b"hbllo"], &[b"hcllo"]);
        check(b"h[b-a]llo", &[b"hallo"], &[b"hcllo"]);
        check(
            b"h[a-]llo",
            &[b"ha", b"h]", b"h_", b"hl"],
            &[b"hallo", b"h]llo", b"hb"],
        );
        check(b"[abc", &[b"a", b"c"], &[b"d", b"[abc", b"ab"]);
        check(b"[]", &[], &[b"]", b"[]", b"a"]);
        check(b"[^]", &[b"a", b"]"], &[b"ab"]);
        check(b"[", &[], &[b"[", b"a"]);
        check(b"[\\]]", &[b"]"], &[b"\\"]);
        check(b"[a\\", &[b"a", b"\\"], &[b"b"]);
        check(b"\\*", &[b"*"], &[b"a", b"\\*"]);
        check(b"a\\", &[b"a\\"], &[b"a"]);
        check(
            b"[a-\xff]",
            &[b"a", b"\xff", b"\x00", b"0"],
            &[b"b", b"\xfe"],
        );
    }

    #[test]
    fn case_is_ignored_where_asked_but_not_behind_an_escape_in_a_class() {
        for (pattern, string, expected) in [
            ("MAX*", "maxmemory", true),
            ("[A-C]x", "bX", true),
            ("[\\A]", "a", false),
            ("[A]", "a", true),
            ("\\A", "a", true),
        ] {
            assert_eq!(
                glob_match(pattern.as_bytes(), string.as_bytes(), Case::Ignored),
                expected,
                "{pattern} {string}"
            );
        }
    }

    #[test]
    fn a_walk_shows_the_empty_key_for_a_lone_star_only() {
        assert!(Glob::new(b"*").selects(b""));
        assert!(!Glob::new(b"**").selects(b""));
    }

    #[test]
    fn abusive_patterns_take_no_exponential_time() {
        let string = vec![b'a'; 10_000];
        let mut pattern = b"a*".repeat(STAR_RUNS_MAX);
        pattern.push(b'b');
        assert!(!glob_match(&pattern, &string, Case::Heeded));
    }

    #[test]
    fn too_many_stars_match_nothing() {
        let string = vec![b'a'; 3000];
        let pattern = |runs: usize| [b"a*".repeat(runs), b"a".to_vec()].concat();
        assert!(glob_match(&pattern(STAR_RUNS_MAX), &string, Case::Heeded));
        assert!(!glob_match(
            &pattern(STAR_RUNS_MAX + 1),
            &string,
            Case::Heeded
        ));
    }
}
