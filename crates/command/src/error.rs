//! How a command ends without an answer of its own.

use std::borrow::Cow;

use perilune_keyspace::Abort;
use perilune_value::WrongType;

/// An error reply: code and text, without the leading `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    message: Cow<'static, [u8]>,
    counted: bool,
}

impl CommandError {
    /// An error with a fixed text.
    pub const fn new(text: &'static str) -> Self {
        Self {
            message: Cow::Borrowed(text.as_bytes()),
            counted: false,
        }
    }

    /// An error whose text depends on what the client sent.
    pub fn from_text(text: impl Into<Vec<u8>>) -> Self {
        Self {
            message: Cow::Owned(text.into()),
            counted: false,
        }
    }

    /// An error that quotes what the client sent. Each part ends at its first NUL, because in the reference's format
    /// strings it is a C string, and line breaks at the end go.
    pub fn quoting(parts: &[&[u8]]) -> Self {
        let mut text = Vec::new();
        for part in parts {
            text.extend_from_slice(until_nul(part));
        }
        while text.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            text.pop();
        }
        Self::from_text(text)
    }

    /// Code and text.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The same, which was counted among the errors where it arose (inside a script).
    pub fn already_counted(mut self) -> Self {
        self.counted = true;
        self
    }

    /// Whether it was counted where it arose.
    pub fn was_counted(&self) -> bool {
        self.counted
    }

    /// The code: the first word.
    pub fn code(&self) -> &[u8] {
        self.message
            .split(|b| *b == b' ')
            .next()
            .unwrap_or_default()
    }
}

/// What C sees of a string.
pub fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Why a handler stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The client gets this error.
    Error(CommandError),
    /// The transaction is taken back and run again; nobody hears of it.
    Abort,
}

/// What a handler returns: it has written its whole answer, or none of it.
pub type Outcome<T = ()> = Result<T, Stop>;

impl From<CommandError> for Stop {
    fn from(error: CommandError) -> Self {
        Stop::Error(error)
    }
}

impl From<Abort> for Stop {
    fn from(_: Abort) -> Self {
        Stop::Abort
    }
}

impl From<WrongType> for Stop {
    fn from(_: WrongType) -> Self {
        Stop::Error(errors::WRONG_TYPE)
    }
}

impl From<WrongType> for CommandError {
    fn from(_: WrongType) -> Self {
        errors::WRONG_TYPE
    }
}

/// The errors that many commands share.
pub mod errors {
    use super::CommandError;

    /// Options that do not fit together or do not exist.
    pub const SYNTAX: CommandError = CommandError::new("ERR syntax error");
    /// The key holds another type.
    pub const WRONG_TYPE: CommandError =
        CommandError::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// Not an `i64` in shortest form.
    pub const NOT_INTEGER: CommandError =
        CommandError::new("ERR value is not an integer or out of range");
    /// Not a double.
    pub const NOT_FLOAT: CommandError = CommandError::new("ERR value is not a valid float");
    /// A source key that must exist does not.
    pub const NO_SUCH_KEY: CommandError = CommandError::new("ERR no such key");
    /// The string that would result is longer than `proto-max-bulk-len`.
    pub const STRING_TOO_LONG: CommandError =
        CommandError::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    /// MOVE or COPY of a key to itself.
    pub const SAME_OBJECT: CommandError =
        CommandError::new("ERR source and destination objects are the same");
    /// No database with this number.
    pub const DATABASE_OUT_OF_RANGE: CommandError =
        CommandError::new("ERR DB index is out of range");

    /// The number of arguments does not fit the command, named in lower case.
    pub fn wrong_arity(full_name: &str) -> CommandError {
        CommandError::from_text(format!(
            "ERR wrong number of arguments for '{full_name}' command"
        ))
    }
}
