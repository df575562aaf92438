//! What happened: transactions over lists, sets and queues of marks, as their clients saw them.
//!
//! Every key holds marks, and each mark is written once in the whole history. A *list* (a string or a list on the
//! server) tells by its value the order of all the writes that made it, which is what lets a checker find out who came
//! before whom in time linear to the history (Kingsbury and Alvaro, "Elle", VLDB 2020). A *set* (a sorted set) tells
//! which writes came before a read. A *queue* is what clients wait for: a mark is pushed at its end and taken from its
//! front.

use std::fmt;

/// A list or a set, by number.
pub type Key = u32;
/// A queue, by number.
pub type Queue = u32;
/// An element, unique in the history. Zero is never used.
pub type Mark = u32;

/// One operation of a transaction, with what the server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Appended `mark`; `before` is the number of marks that the list held before it, where the client
    /// was told.
    Append {
        key: Key,
        mark: Mark,
        before: Option<u32>,
    },
    /// Read the entire list.
    Read { key: Key, marks: Vec<Mark> },
    /// Added `mark` to a set, and was told whether it was new, where it was told.
    Add {
        key: Key,
        mark: Mark,
        new: Option<bool>,
    },
    /// Read the entire set, in the order of the scores.
    Members { key: Key, marks: Vec<Mark> },
    /// Put `mark` at the end of a queue.
    Push { queue: Queue, mark: Mark },
    /// Took these from the front of a queue, the first of them first; none where it was found empty.
    Take { queue: Queue, marks: Vec<Mark> },
    /// Nobody saw the answer: so many may have been taken from one of these queues, and put into the other one.
    MayTake {
        queues: Vec<Queue>,
        count: u32,
        to: Option<Queue>,
    },
    /// What is left in a queue in the end.
    Rest { queue: Queue, marks: Vec<Mark> },
}

/// How a transaction ended for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it happened.
    Committed,
    /// None of it happened: DISCARD, a queue error, a changed watch, a rollback.
    Aborted,
    /// The connection broke: all of it happened or nothing did, any time after the invocation.
    Unknown,
    /// It waited for a queue, and got nothing although there was something for long enough.
    Starved,
}

/// The way a transaction was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A single command.
    Plain,
    /// MULTI ... EXEC.
    Multi,
    /// MULTI ... DISCARD.
    Discarded,
    /// MULTI with a command that cannot be queued, then EXEC.
    Refused,
    /// WATCH, reads, MULTI ... EXEC.
    Watch,
    /// What was read under a WATCH whose EXEC then failed.
    WatchRead,
    /// A script that was told its keys.
    ScriptDeclared,
    /// A script that makes its key names.
    ScriptComputed,
    /// A script with keys of both sorts.
    ScriptMixed,
    /// A script whose next key depends on what it read.
    ScriptChase,
    /// A script that raises an error after its writes.
    ScriptFailing,
    /// A script or a function that fails, is stopped, panics or takes itself back, so that nothing of it happens.
    ScriptRolledBack,
    /// MULTI ATOMIC with a command that fails.
    MultiRolledBack,
    /// Scripts with computed keys between plain commands in MULTI.
    ScriptInMulti,
    /// A command that waits for a queue.
    Waiting,
    /// The reads of all keys at the end, and of a queue when nobody pushes or waits any more.
    Final,
}

/// A transaction. Times are nanoseconds on one monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Which connection it came from; a connection's transactions stand in the history in their order. Who
    /// connects again has another number.
    pub connection: u32,
    /// How it was made.
    pub kind: Kind,
    /// Before its first byte was sent.
    pub invoked: u64,
    /// After its last reply had arrived.
    pub completed: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// What it did, in order.
    pub operations: Vec<Operation>,
    /// What it waited for, if it is a command that waits.
    pub wait: Option<Wait>,
}

/// A command waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// For any of these.
    pub queues: Vec<Queue>,
    /// When it was seen standing in their lines: by the first of these times it did, and, if it got nothing in the end,
    /// up to the second it still did.
    pub seen: Option<(u64, u64)>,
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ns: u64| ns as f64 / 1e9;
        write!(
            f,
            "{:?} {:?} on connection {}, {:.6} s to {:.6} s:",
            self.outcome,
            self.kind,
            self.connection,
            seconds(self.invoked),
            seconds(self.completed)
        )?;
        for operation in &self.operations {
            write!(f, " {operation}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Append {
                key,
                mark,
                before: Some(before),
            } => write!(f, "append({key}, {mark:08x}, as number {before})"),
            Operation::Append {
                key,
                mark,
                before: None,
            } => write!(f, "append({key}, {mark:08x})"),
            Operation::Read { key, marks } | Operation::Members { key, marks } => {
                write!(f, "read({key}, {} marks", marks.len())?;
                match marks.last() {
                    Some(last) => write!(f, " up to {last:08x})"),
                    None => write!(f, ")"),
                }
            }
            Operation::Add { key, mark, new } => {
                let known = if *new == Some(false) {
                    ", there already"
                } else {
                    ""
                };
                write!(f, "add({key}, {mark:08x}{known})")
            }
            Operation::Push { queue, mark } => write!(f, "push(q{queue}, {mark:08x})"),
            Operation::Take { queue, marks } => write!(f, "take(q{queue}, {marks:08x?})"),
            Operation::MayTake {
                queues,
                count,
                to: None,
            } => write!(f, "may-take({queues:?}, up to {count})"),
            Operation::MayTake {
                queues,
                count,
                to: Some(to),
            } => write!(f, "may-take({queues:?}, up to {count}, to q{to})"),
            Operation::Rest { queue, marks } => write!(f, "rest(q{queue}, {marks:08x?})"),
        }
    }
}
