//! What is wrong with bytes from outside.

/// Bytes from outside that are not what they claim to be. They were only looked at: nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt {
    /// What they are, as the end of a sentence: "a listpack whose count is wrong".
    pub what: &'static str,
}

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "corrupt: {}", self.what)
    }
}

impl std::error::Error for Corrupt {}
