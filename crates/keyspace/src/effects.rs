//! What a transaction changed, as the commands that would change it again.
//!
//! Effects leave a transaction in one place, its commit, as one [`EffectUnit`] that is applied as a whole or
//! not at all. While nobody consumes them, none is recorded: the check is one relaxed load per command.
//!
//! At commit, under the locks of all that the transaction touched, the unit draws a dense sequence number. So
//! the numbers are a valid serial order: two transactions that conflict share a stripe, and the one that held
//! it first has the lower number.

use std::sync::Mutex;

/// The effects of one transaction, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EffectUnit {
    /// All arguments of all commands, one behind the other.
    bytes: Vec<u8>,
    /// Where each argument ends in `bytes`.
    argument_ends: Vec<u32>,
    /// For each command its database, and where its arguments end in `argument_ends`.
    commands: Vec<(u32, u32)>,
}

impl EffectUnit {
    /// The unit of a transaction that has changed nothing.
    pub const NONE: EffectUnit = EffectUnit {
        bytes: Vec::new(),
        argument_ends: Vec::new(),
        commands: Vec::new(),
    };

    /// Adds a command.
    pub fn push<A: AsRef<[u8]>>(&mut self, database: usize, arguments: &[A]) {
        for argument in arguments {
            self.bytes.extend_from_slice(argument.as_ref());
            self.argument_ends.push(self.bytes.len() as u32);
        }
        self.commands
            .push((database as u32, self.argument_ends.len() as u32));
    }

    /// The commands: database and arguments.
    pub fn commands(&self) -> impl Iterator<Item = (usize, Vec<&[u8]>)> {
        let mut first = 0usize;
        self.commands.iter().map(move |&(database, end)| {
            let arguments = (first..end as usize)
                .map(|i| {
                    let start = if i == 0 { 0 } else { self.argument_ends[i - 1] };
                    &self.bytes[start as usize..self.argument_ends[i] as usize]
                })
                .collect();
            first = end as usize;
            (database as usize, arguments)
        })
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The number of commands.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Memory that it holds: counted towards the undo limit.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + 4 * self.argument_ends.capacity() + 8 * self.commands.capacity()
    }

    /// Forgets all commands from number `len` on, as if they had not been pushed.
    pub fn truncate(&mut self, len: usize) {
        self.commands.truncate(len);
        let arguments = self.commands.last().map_or(0, |c| c.1 as usize);
        self.argument_ends.truncate(arguments);
        self.bytes
            .truncate(self.argument_ends.last().map_or(0, |e| *e as usize));
    }
}

/// Takes the effects of all transactions, each under the locks of what it changed.
pub trait EffectConsumer: Send + Sync {
    /// One unit. Numbers are dense: every number comes exactly once, though not in order across threads.
    fn consume(&self, sequence: u64, unit: &EffectUnit);
}

/// Keeps all effects in memory: for tests.
#[derive(Debug, Default)]
pub struct MemoryLog {
    units: Mutex<Vec<(u64, EffectUnit)>>,
}

impl MemoryLog {
    /// All units so far, in order of their numbers.
    pub fn units(&self) -> Vec<(u64, EffectUnit)> {
        let mut units = match self.units.lock() {
            Ok(units) => units.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        units.sort_by_key(|(sequence, _)| *sequence);
        units
    }

    /// The same, which it keeps no longer.
    pub fn take(&self) -> Vec<(u64, EffectUnit)> {
        let mut units = match self.units.lock() {
            Ok(mut units) => std::mem::take(&mut *units),
            Err(poisoned) => std::mem::take(&mut *poisoned.into_inner()),
        };
        units.sort_by_key(|(sequence, _)| *sequence);
        units
    }
}

impl EffectConsumer for MemoryLog {
    fn consume(&self, sequence: u64, unit: &EffectUnit) {
        match self.units.lock() {
            Ok(mut units) => units.push((sequence, unit.clone())),
            Err(poisoned) => poisoned.into_inner().push((sequence, unit.clone())),
        }
    }
}
