//! How marks are kept on the server: as a string, as a list, or as a sorted set.

use perilune_harness::Value;

use crate::history::{Key, Mark, Operation};

/// A mark on the server: fixed width, so that a string's length tells how many there are.
pub const MARK_BYTES: usize = 8;

/// How the marks of a key are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A string, one mark behind the other.
    Text,
    /// A list of marks.
    List,
    /// A sorted set of marks, each with its number as the score.
    Scored,
}

impl Shape {
    /// The shape of a key: every third has the same.
    pub fn of(key: Key) -> Self {
        [Shape::Text, Shape::List, Shape::Scored][key as usize % 3]
    }

    /// The command that writes a mark, which is also what the operations script calls it.
    pub fn write_command(self) -> &'static str {
        match self {
            Shape::Text => "APPEND",
            Shape::List => "RPUSH",
            Shape::Scored => "ZADD",
        }
    }

    /// The command that reads all marks, which is also what the operations script calls it.
    pub fn read_command(self) -> &'static str {
        match self {
            Shape::Text => "GET",
            Shape::List => "LRANGE",
            Shape::Scored => "ZRANGE",
        }
    }

    /// The words of a command that writes `marks` to the key of this name. A string takes one of them.
    pub fn write(self, name: Vec<u8>, marks: &[Mark]) -> Vec<Vec<u8>> {
        let mut words = vec![self.write_command().into(), name];
        for &mark in marks {
            if self == Shape::Scored {
                words.push(mark.to_string().into_bytes());
            }
            words.push(mark_text(mark));
        }
        words
    }

    /// The words of a command that reads the key of this name.
    pub fn read(self, name: Vec<u8>) -> Vec<Vec<u8>> {
        let mut words = vec![self.read_command().into(), name];
        if self != Shape::Text {
            words.extend([b"0".to_vec(), b"-1".to_vec()]);
        }
        words
    }
}

/// A mark as it is written.
pub fn mark_text(mark: Mark) -> Vec<u8> {
    format!("{mark:08x}").into_bytes()
}

/// A mark as it is read; None where it is none.
pub fn mark(text: &[u8]) -> Option<Mark> {
    let is_whole = text.len() == MARK_BYTES;
    Mark::from_str_radix(std::str::from_utf8(text).ok()?, 16)
        .ok()
        .filter(|_| is_whole)
}

/// The marks of a value: a string of them, or an array.
pub fn marks(value: &Value) -> Option<Vec<Mark>> {
    match value.as_array() {
        Some(elements) => elements.iter().map(|e| mark(e.as_bytes()?)).collect(),
        None if value.is_null() => Some(Vec::new()),
        None => value.as_bytes()?.chunks(MARK_BYTES).map(mark).collect(),
    }
}

/// A write of `mark` that was answered with `reply`: the length of a list, the number of members that are new.
pub fn written(key: Key, mark: Mark, reply: &Value) -> Option<Operation> {
    let number = u32::try_from(reply.as_integer()?).ok()?;
    let before = match Shape::of(key) {
        Shape::Text => number / MARK_BYTES as u32,
        Shape::List => number,
        Shape::Scored => {
            let new = Some(number == 1);
            return (number <= 1).then_some(Operation::Add { key, mark, new });
        }
    };
    Some(Operation::Append {
        key,
        mark,
        before: Some(before.checked_sub(1)?),
    })
}

/// A write of which nobody saw the answer.
pub fn write_unseen(key: Key, mark: Mark) -> Operation {
    match Shape::of(key) {
        Shape::Scored => Operation::Add {
            key,
            mark,
            new: None,
        },
        Shape::Text | Shape::List => Operation::Append {
            key,
            mark,
            before: None,
        },
    }
}

/// A read that was answered with `reply`.
pub fn read(key: Key, reply: &Value) -> Option<Operation> {
    let marks = marks(reply)?;
    Some(match Shape::of(key) {
        Shape::Scored => Operation::Members { key, marks },
        Shape::Text | Shape::List => Operation::Read { key, marks },
    })
}
