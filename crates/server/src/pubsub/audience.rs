//! Who listens to one channel or pattern.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use smallvec::SmallVec;

use super::lock;

/// Those who listen, loop by loop. A loop without listeners is not in it.
#[derive(Debug, Default)]
pub struct Audience {
    len: usize,
    parts: SmallVec<[(usize, Arc<Listeners>); 1]>,
}

impl Audience {
    /// Adds a connection that is not in it. `since`: what its loop's queue has held so far is not for it.
    pub fn enter(&mut self, loop_index: usize, id: u64, since: u64) {
        let part = match self.parts.iter().position(|(at, _)| *at == loop_index) {
            Some(part) => part,
            None => {
                self.parts.push((loop_index, Arc::default()));
                self.parts.len() - 1
            }
        };
        lock(&self.parts[part].1.since).insert(id, since);
        self.len += 1;
    }

    /// Takes a connection out; among whom it was, and since when.
    pub fn leave(&mut self, loop_index: usize, id: u64) -> Option<(Arc<Listeners>, u64)> {
        let part = self.parts.iter().position(|(at, _)| *at == loop_index)?;
        let listeners = self.parts[part].1.clone();
        let mut by_id = lock(&listeners.since);
        let since = by_id.remove(&id)?;
        self.len -= 1;
        if by_id.is_empty() {
            self.parts.swap_remove(part);
        }
        drop(by_id);
        Some((listeners, since))
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The loops that have some, with those of each.
    pub fn parts(&self) -> impl Iterator<Item = &(usize, Arc<Listeners>)> {
        self.parts.iter()
    }
}

/// Those of one loop. Shared with the letters that are on the way to them.
#[derive(Debug, Default)]
pub struct Listeners {
    /// By the connection's number: the number of the last letter in its loop's queue when it came.
    since: Mutex<HashMap<u64, u64>>,
}

impl Listeners {
    /// Appends those for whom the letter of this number is.
    pub fn collect(&self, number: u64, into: &mut Vec<u64>) {
        let by_id = lock(&self.since);
        let is_meant = |(id, since): (&u64, &u64)| (*since < number).then_some(*id);
        into.extend(by_id.iter().filter_map(is_meant));
    }
}
