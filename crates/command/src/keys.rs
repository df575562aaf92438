//! Finding the keys among the arguments of a call.

use perilune_value::parse_i64;

use crate::error::CommandError;
use crate::spec::{BeginSearch, FindKeys, KeyFlags, KeySpec, Spec};

/// A key among the arguments, and what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPosition {
    /// The number of the argument.
    pub index: usize,
    /// What is done with it.
    pub flags: KeyFlags,
}

/// The arguments do not say where the keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyError;

impl From<KeyError> for CommandError {
    fn from(_: KeyError) -> Self {
        CommandError::new("ERR Invalid arguments specified for command")
    }
}

/// Finds all keys of a call. For the few commands whose key specs cannot say it: SET with GET reads what it overwrites,
/// and the key behind SORT's STORE may be any argument.
pub type KeyFinder = fn(arguments: &[&[u8]], visit: &mut dyn FnMut(KeyPosition));

/// Where the keys are, worked out once per command so that a call need not walk its specs.
#[derive(Debug, Clone, Copy)]
pub enum KeyShape {
    /// There are none.
    None,
    /// One, at this argument: nearly all calls.
    One(usize),
    /// As the specs say.
    Specs(&'static [KeySpec]),
    /// As the command itself says.
    Finder(KeyFinder),
}

impl KeyShape {
    /// The shape of a command's keys.
    pub fn of(spec: &Spec) -> Self {
        match (spec.keys, spec.key_finder) {
            ([], _) => KeyShape::None,
            (
                [
                    KeySpec {
                        begin: BeginSearch::Index(index),
                        find: FindKeys::Range { last: 0, .. },
                        flags,
                        ..
                    },
                ],
                _,
            ) if !flags.has(KeyFlags::NOT_KEY) => KeyShape::One(*index),
            (_, Some(finder)) => KeyShape::Finder(finder),
            (specs, None) => KeyShape::Specs(specs),
        }
    }

    /// Calls `visit` with every key.
    ///
    /// # Errors
    /// If the arguments contradict themselves (a number of keys larger than what follows).
    #[inline]
    pub fn for_each(
        self,
        arguments: &[&[u8]],
        visit: &mut dyn FnMut(KeyPosition),
    ) -> Result<(), KeyError> {
        match self {
            KeyShape::None => Ok(()),
            KeyShape::One(index) => {
                if index < arguments.len() {
                    visit(KeyPosition {
                        index,
                        flags: KeyFlags::NONE,
                    });
                }
                Ok(())
            }
            KeyShape::Specs(specs) => specs
                .iter()
                .try_for_each(|spec| find(spec, arguments, visit)),
            KeyShape::Finder(finder) => {
                finder(arguments, visit);
                Ok(())
            }
        }
    }
}

/// Calls `visit` with every key that one spec finds.
fn find(
    spec: &KeySpec,
    arguments: &[&[u8]],
    visit: &mut dyn FnMut(KeyPosition),
) -> Result<(), KeyError> {
    let Some(begin) = begin(spec.begin, arguments) else {
        return Ok(());
    };
    let (first, last, step) = match spec.find {
        FindKeys::Range { last, step, limit } => {
            let last = match last {
                relative @ 0.. => begin as i64 + i64::from(relative),
                from_end if limit <= 1 => arguments.len() as i64 + i64::from(from_end),
                from_end => {
                    begin as i64
                        + (arguments.len() - begin) as i64 / limit as i64
                        + i64::from(from_end)
                }
            };
            (begin, last, step)
        }
        FindKeys::KeyNum {
            number,
            first,
            step,
        } => {
            let count = arguments
                .get(begin + number)
                .and_then(|a| parse_i64(a))
                .filter(|count| *count >= 0)
                // cut down to 32 bits, as in the reference
                .map(|count| i64::from(count as i32))
                .ok_or(KeyError)?;
            let left = (arguments.len() as i64 - (begin + first) as i64).max(0);
            if count < 0 || count > left {
                return Err(KeyError);
            }
            (
                begin + first,
                (begin + first) as i64 + (count - 1) * step as i64,
                step,
            )
        }
        FindKeys::Unknown => return Ok(()),
    };
    let mut index = first;
    while (index as i64) <= last && index < arguments.len() {
        visit(KeyPosition {
            index,
            flags: spec.flags,
        });
        index += step;
    }
    Ok(())
}

fn begin(search: BeginSearch, arguments: &[&[u8]]) -> Option<usize> {
    match search {
        BeginSearch::Index(index) => (index < arguments.len()).then_some(index),
        BeginSearch::Keyword(word, from) => {
            let is_it = |index: &usize| arguments[*index].eq_ignore_ascii_case(word.as_bytes());
            let found = if from >= 0 {
                (from as usize..arguments.len()).find(is_it)
            } else {
                (1..=arguments.len().checked_sub(from.unsigned_abs() as usize)?)
                    .rev()
                    .find(|i| *i < arguments.len() && is_it(i))
            };
            found
                .map(|index| index + 1)
                .filter(|index| *index < arguments.len())
        }
        BeginSearch::Unknown => None,
    }
}

/// All keys of a call, for those who want to know exactly (COMMAND GETKEYS, ACL).
///
/// # Errors
/// If the arguments contradict themselves, or a spec finds no key though it must.
pub fn find_exactly(spec: &Spec, arguments: &[&[u8]]) -> Result<Vec<KeyPosition>, KeyError> {
    let mut found = Vec::new();
    if let Some(finder) = spec.key_finder {
        finder(arguments, &mut |key| found.push(key));
        return Ok(found);
    }
    for spec in spec
        .keys
        .iter()
        .filter(|spec| !spec.flags.has(KeyFlags::NOT_KEY))
    {
        let before = found.len();
        if find(spec, arguments, &mut |key| found.push(key)).is_err() {
            let mut loosely = find_loosely(spec, arguments)?;
            // behind them those that were found before, of which it is not known any more either what is done with them
            loosely.extend(found.into_iter().map(|key| KeyPosition {
                flags: KeyFlags::NONE,
                ..key
            }));
            return Ok(loosely);
        }
        let is_optional = matches!(spec.begin, BeginSearch::Keyword(..))
            && begin(spec.begin, arguments).is_none();
        if found.len() == before && !is_optional {
            return Err(KeyError);
        }
    }
    Ok(found)
}

/// Where the number of keys is not quite a number (`1x`), it is as far as it is one; what is done with the keys is
/// not known then. The reference answers so, and its clients may depend on it.
fn find_loosely(spec: &KeySpec, arguments: &[&[u8]]) -> Result<Vec<KeyPosition>, KeyError> {
    let (
        Some(begin),
        FindKeys::KeyNum {
            number,
            first,
            step,
        },
    ) = (begin(spec.begin, arguments), spec.find)
    else {
        return Err(KeyError);
    };
    let count = arguments
        .get(begin + number)
        .and_then(|text| usize::try_from(leading_number(text)).ok())
        .unwrap_or_default();
    let left = arguments.len().saturating_sub(begin + first) / step;
    if count == 0 || count > left {
        return Err(KeyError);
    }
    let position = |key| KeyPosition {
        index: begin + first + key * step,
        flags: KeyFlags::NONE,
    };
    Ok((0..count).map(position).collect())
}

/// What C's `atoi` makes of a text: a long, cut down to 32 bits.
fn leading_number(text: &[u8]) -> i32 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0_i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        let number = number.saturating_mul(10);
        if negative {
            number.saturating_sub(digit)
        } else {
            number.saturating_add(digit)
        }
    });
    number as i32
}

/// Where the keys are as clients of old know it, who have three numbers for that: the first one, the last one
/// (negative: counted from the end), and the distance from one to the next. All 0 where there is no such range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LegacyRange {
    pub first: i64,
    pub last: i64,
    pub step: i64,
    /// The range does not cover all keys.
    pub is_partial: bool,
}

impl LegacyRange {
    /// The range that covers as many of these specs as a range can.
    pub fn of(specs: &[KeySpec]) -> Self {
        let range_of = |spec: &KeySpec| match (spec.begin, spec.find) {
            (BeginSearch::Index(first), FindKeys::Range { last, step, .. }) => {
                let first = first as i64;
                let last = if last >= 0 {
                    first + i64::from(last)
                } else {
                    i64::from(last)
                };
                let is_partial = spec.flags.has(KeyFlags::INCOMPLETE);
                Some(Self {
                    first,
                    last,
                    step: step as i64,
                    is_partial,
                })
            }
            _ => None,
        };
        if let [only] = specs
            && let Some(range) = range_of(only)
        {
            return range;
        }
        let mut whole = Self::default();
        for spec in specs {
            match range_of(spec) {
                // one behind the other, without gaps
                Some(range)
                    if range.step == 1 && (whole.first == 0 || whole.last == range.first - 1) =>
                {
                    let first = if whole.first == 0 {
                        range.first
                    } else {
                        whole.first
                    };
                    whole = Self {
                        first,
                        is_partial: whole.is_partial || range.is_partial,
                        ..range
                    };
                }
                _ => whole.is_partial = true,
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spec: KeySpec, call: &str, expected: Result<&[usize], KeyError>) {
        let arguments: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
        let mut found = Vec::new();
        let result = find(&spec, &arguments, &mut |key| found.push(key.index)).map(|()| found);
        assert_eq!(result, expected.map(<[usize]>::to_vec), "{call}");
    }

    #[test]
    fn keys_are_where_the_specs_say() {
        let rw = KeyFlags::RW;
        check(KeySpec::one(1, rw), "get k", Ok(&[1]));
        check(KeySpec::range(1, -1, 1, rw), "mget a b c", Ok(&[1, 2, 3]));
        check(KeySpec::range(1, -1, 2, rw), "mset a 1 b 2", Ok(&[1, 3]));
        check(KeySpec::counted(2, rw), "eval s 2 a b c", Ok(&[3, 4]));
        check(KeySpec::counted(2, rw), "eval s 0 a", Ok(&[]));
        check(KeySpec::counted(2, rw), "eval s 3 a", Err(KeyError));
        check(KeySpec::counted(2, rw), "eval s -1 a", Err(KeyError));
        check(KeySpec::counted(2, rw), "eval s x a", Err(KeyError));
        check(KeySpec::range(3, -1, 1, rw), "bitop and d s t", Ok(&[3, 4]));
    }
}
