//! What SCAN, HSCAN, SSCAN and ZSCAN share: their options, and how far a call walks.

use perilune_command::{Arguments, CommandError, errors, is_token};
use perilune_value::Glob;

/// How many elements a call looks at where it does not say.
const COUNT_DEFAULT: u64 = 10;

/// A call takes no more steps than this many times COUNT, if most of its steps show nothing.
const STEPS_PER_COUNT: u64 = 10;

/// The options behind the cursor.
pub struct ScanOptions<'a> {
    pattern: Option<Glob<'a>>,
    count: u64,
    /// NOVALUES or NOSCORES: fields or members alone.
    pub keys_only: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads the arguments behind the cursor. `keys_only` is the command's word for "without values", if it has one.
    pub fn parse(
        mut arguments: Arguments<'a>,
        keys_only: Option<&'static str>,
    ) -> Result<Self, CommandError> {
        let mut options = Self {
            pattern: None,
            count: COUNT_DEFAULT,
            keys_only: false,
        };
        while let Some(option) = arguments.next() {
            let has_value = arguments.remaining() > 0;
            if has_value && is_token(option, "COUNT") {
                options.count = match arguments.integer()? {
                    ..1 => return Err(errors::SYNTAX),
                    count => count.unsigned_abs(),
                };
            } else if has_value && is_token(option, "MATCH") {
                options.pattern = Some(Glob::new(arguments.required()?));
            } else if keys_only.is_some_and(|word| is_token(option, word)) {
                options.keys_only = true;
            } else {
                return Err(misplaced(option));
            }
        }
        Ok(options)
    }

    /// Whether a field or member is to be shown.
    pub fn selects(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| pattern.selects(name))
    }

    /// Walks on from a cursor until enough elements have been looked at, and returns the cursor for the next call. `step`
    /// takes one step, and adds how many elements it has looked at.
    pub fn walk(&self, mut cursor: u64, mut step: impl FnMut(u64, &mut u64) -> u64) -> u64 {
        let mut seen = 0;
        for _ in 0..self.count.saturating_mul(STEPS_PER_COUNT) {
            cursor = step(cursor, &mut seen);
            if cursor == 0 || seen >= self.count {
                break;
            }
        }
        cursor
    }
}

/// The error of a word that is no option of this command.
pub fn misplaced(option: &[u8]) -> CommandError {
    match () {
        () if is_token(option, "NOVALUES") => {
            CommandError::new("ERR NOVALUES option can only be used in HSCAN")
        }
        () if is_token(option, "NOSCORES") => {
            CommandError::new("ERR NOSCORES option can only be used in ZSCAN")
        }
        () => errors::SYNTAX,
    }
}
