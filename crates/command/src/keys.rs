//! Finding the keys among the arguments of a call.

use perilune_value::parse_i64;

use crate::error::CommandError;
use crate::spec::{BeginSearch, FindKeys, KeyFlags, KeySpec};

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

/// Where the keys are, worked out once per command so that a call need not walk its specs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyShape {
    /// There are none.
    None,
    /// One, at this argument: nearly all calls.
    One(usize),
    /// As the specs say.
    Specs(&'static [KeySpec]),
}

impl KeyShape {
    /// The shape of these specs.
    pub fn of(specs: &'static [KeySpec]) -> Self {
        match specs {
            [] => KeyShape::None,
            [KeySpec { begin: BeginSearch::Index(index), find: FindKeys::Range { last: 0, .. }, flags, .. }]
                if !flags.has(KeyFlags::NOT_KEY) =>
            {
                KeyShape::One(*index)
            }
            specs => KeyShape::Specs(specs),
        }
    }

    /// Calls `visit` with every key.
    ///
    /// # Errors
    /// If the arguments contradict themselves (a number of keys larger than what follows).
    #[inline]
    pub fn for_each(self, arguments: &[&[u8]], visit: &mut dyn FnMut(KeyPosition)) -> Result<(), KeyError> {
        match self {
            KeyShape::None => Ok(()),
            KeyShape::One(index) => {
                if index < arguments.len() {
                    visit(KeyPosition { index, flags: KeyFlags::NONE });
                }
                Ok(())
            }
            KeyShape::Specs(specs) => specs.iter().try_for_each(|spec| find(spec, arguments, visit)),
        }
    }
}

/// Calls `visit` with every key that one spec finds.
fn find(spec: &KeySpec, arguments: &[&[u8]], visit: &mut dyn FnMut(KeyPosition)) -> Result<(), KeyError> {
    let Some(begin) = begin(spec.begin, arguments) else { return Ok(()) };
    let (first, last, step) = match spec.find {
        FindKeys::Range { last, step, limit } => {
            let last = match last {
                relative @ 0.. => begin as i64 + i64::from(relative),
                from_end if limit <= 1 => arguments.len() as i64 + i64::from(from_end),
                from_end => begin as i64 + (arguments.len() - begin) as i64 / limit as i64 + i64::from(from_end),
            };
            (begin, last, step)
        }
        FindKeys::KeyNum { number, first, step } => {
            let count = arguments.get(begin + number).and_then(|a| parse_i64(a)).ok_or(KeyError)?;
            let left = (arguments.len() as i64 - (begin + first) as i64).max(0);
            if count < 0 || count > left {
                return Err(KeyError);
            }
            (begin + first, (begin + first) as i64 + (count - 1) * step as i64, step)
        }
        FindKeys::Unknown => return Ok(()),
    };
    let mut index = first;
    while (index as i64) <= last && index < arguments.len() {
        visit(KeyPosition { index, flags: spec.flags });
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
                (1..=arguments.len().checked_sub(from.unsigned_abs() as usize)?).rev().find(|i| *i < arguments.len() && is_it(i))
            };
            found.map(|index| index + 1).filter(|index| *index < arguments.len())
        }
        BeginSearch::Unknown => None,
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
