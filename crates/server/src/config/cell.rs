//! Where the value of a setting lives while the server runs.
//!
//! Numbers, switches and choices are relaxed atomics, so a read on the data path is one load and a CONFIG SET is seen
//! soon, not at once; nothing may be built on the order in which two settings change. Texts are behind a lock
//! that is held for a clone of an `Arc`. The cells do not know their names or ranges: that is the row's business
//! ([`Row`](super::Row)), which reaches its cell through a [`Slot`].

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use super::choices::Choose;

/// The value of a setting on its way in or out of its cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A switch (0, 1), a number (unsigned ones as their bits), a choice's value, or a set of flags.
    Number(i64),
    /// A text, or a list in its normal form: words with one space between them.
    Text(Arc<[u8]>),
    /// The output buffer limits, a triple per class.
    Limits([OutputLimit; ClientClass::COUNT]),
}

impl Value {
    /// A text value.
    pub fn text(bytes: impl AsRef<[u8]>) -> Self {
        Value::Text(Arc::from(bytes.as_ref()))
    }

    /// The number, or 0 for a value that is none.
    pub fn number(&self) -> i64 {
        match self {
            Value::Number(number) => *number,
            _ => 0,
        }
    }

    /// The text, or nothing for a value that is none.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Value::Text(text) => text,
            _ => b"",
        }
    }
}

/// A borrowed cell, whatever its type.
#[derive(Debug, Clone, Copy)]
pub enum Slot<'a> {
    /// The cell of a switch, a number or a choice.
    Number(&'a AtomicI64),
    /// The cell of a text.
    Text(&'a RwLock<Arc<[u8]>>),
    /// The output buffer limits.
    Limits(&'a OutputLimits),
}

impl Slot<'_> {
    /// What the cell holds now.
    pub fn load(self) -> Value {
        match self {
            Slot::Number(cell) => Value::Number(cell.load(Relaxed)),
            Slot::Text(cell) => Value::Text(read(cell)),
            Slot::Limits(cell) => Value::Limits(ClientClass::ALL.map(|class| cell.get(class))),
        }
    }

    /// Puts a value of the cell's own shape in; the row's parser makes no other.
    pub fn store(self, value: &Value) {
        match (self, value) {
            (Slot::Number(cell), Value::Number(number)) => cell.store(*number, Relaxed),
            (Slot::Text(cell), Value::Text(text)) => {
                *cell.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(text);
            }
            (Slot::Limits(cell), Value::Limits(limits)) => cell.store(limits),
            (slot, value) => unreachable!("{value:?} does not fit {slot:?}"),
        }
    }
}

fn read(cell: &RwLock<Arc<[u8]>>) -> Arc<[u8]> {
    Arc::clone(&cell.read().unwrap_or_else(PoisonError::into_inner))
}

/// A yes/no setting.
#[derive(Debug, Default)]
pub struct Switch(AtomicI64);

impl Switch {
    /// Whether it is on.
    pub fn get(&self) -> bool {
        self.0.load(Relaxed) != 0
    }

    pub(super) fn slot(&self) -> Slot<'_> {
        Slot::Number(&self.0)
    }
}

/// A signed number.
#[derive(Debug, Default)]
pub struct Whole(AtomicI64);

impl Whole {
    /// The number.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }

    pub(super) fn slot(&self) -> Slot<'_> {
        Slot::Number(&self.0)
    }
}

/// A number that is never negative: a count, a port, a size in bytes.
#[derive(Debug, Default)]
pub struct Count(AtomicI64);

impl Count {
    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed).cast_unsigned()
    }

    /// The number as a length in memory.
    pub fn size(&self) -> usize {
        usize::try_from(self.get()).unwrap_or(usize::MAX)
    }

    pub(super) fn slot(&self) -> Slot<'_> {
        Slot::Number(&self.0)
    }
}

/// One of a list of names.
pub struct Choice<T>(AtomicI64, PhantomData<T>);

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Choice(AtomicI64::new(0), PhantomData)
    }
}

impl<T: Choose> Choice<T> {
    /// The chosen one.
    pub fn get(&self) -> T {
        T::from_value(self.0.load(Relaxed))
    }
}

impl<T> Choice<T> {
    pub(super) fn slot(&self) -> Slot<'_> {
        Slot::Number(&self.0)
    }
}

impl<T> fmt::Debug for Choice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Choice({})", self.0.load(Relaxed))
    }
}

/// A text. Bytes, because a password may be any.
#[derive(Debug, Default)]
pub struct Text(RwLock<Arc<[u8]>>);

impl Text {
    /// The bytes.
    pub fn get(&self) -> Arc<[u8]> {
        read(&self.0)
    }

    /// The text as a string, for names of files and hosts.
    pub fn string(&self) -> String {
        String::from_utf8_lossy(&self.get()).into_owned()
    }

    /// The words of a list setting, such as the addresses of `bind`.
    pub fn words(&self) -> Vec<String> {
        self.string()
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.get().is_empty()
    }

    pub(super) fn slot(&self) -> Slot<'_> {
        Slot::Text(&self.0)
    }
}

/// The classes of clients that have an output buffer limit of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientClass {
    /// Ordinary connections.
    Normal,
    /// Replicas.
    Replica,
    /// Connections with a subscription.
    PubSub,
}

impl ClientClass {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// All of them, in the order of the reference.
    pub const ALL: [ClientClass; Self::COUNT] = [Self::Normal, Self::Replica, Self::PubSub];
}

/// When a client that does not read its replies is disconnected. Sizes in bytes; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Above this, at once.
    pub hard: u64,
    /// Above this for longer than `soft_seconds`.
    pub soft: u64,
    /// How long `soft` may be exceeded.
    pub soft_seconds: u64,
}

/// The output buffer limit of each class of clients.
#[derive(Debug, Default)]
pub struct OutputLimits([[AtomicI64; 3]; ClientClass::COUNT]);

impl OutputLimits {
    /// The limit of a class. Its three numbers may be of two different CONFIG SETs for a moment.
    pub fn get(&self, class: ClientClass) -> OutputLimit {
        let [hard, soft, soft_seconds] = self.0[class as usize]
            .each_ref()
            .map(|word| word.load(Relaxed).cast_unsigned());
        OutputLimit {
            hard,
            soft,
            soft_seconds,
        }
    }

    fn store(&self, limits: &[OutputLimit; ClientClass::COUNT]) {
        for (words, limit) in self.0.iter().zip(limits) {
            let numbers = [limit.hard, limit.soft, limit.soft_seconds];
            for (word, number) in words.iter().zip(numbers) {
                word.store(number.cast_signed(), Relaxed);
            }
        }
    }

    pub(super) fn slot(&self) -> Slot<'_> {
        Slot::Limits(self)
    }
}
