//! The patterns that somebody listens to.
//!
//! A publisher has to try them all, and takes no lock for that: it walks over a snapshot that its channel's shard keeps. Subscribing costs the same
//! however many patterns there are; the snapshot is made anew by the first who publishes afterwards, which
//! costs no more than trying the patterns does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use perilune_net::ConnRef;

use super::audience::{Audience, Listeners};
use super::lock;
use super::queue::Queue;

/// A pattern with those who listen to it.
#[derive(Debug)]
pub struct Pattern {
    /// The pattern itself.
    pub text: Arc<[u8]>,
    audience: Mutex<Audience>,
}

impl Pattern {
    /// Those who listen to it now.
    pub fn audience(&self) -> MutexGuard<'_, Audience> {
        lock(&self.audience)
    }
}

/// All patterns.
#[derive(Debug, Default)]
pub struct Patterns {
    table: Mutex<Table>,
    /// How often a pattern has come or gone.
    version: AtomicU64,
    len: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    by_text: HashMap<Arc<[u8]>, Arc<Pattern>>,
    /// All of them, as long as none has come or gone.
    list: Option<Arc<[Arc<Pattern>]>>,
}

impl Patterns {
    /// Adds a connection that does not listen to this pattern; the text as it is kept. `queue` is that of its loop.
    pub fn enter(&self, at: ConnRef, text: &[u8], queue: &Queue) -> Arc<[u8]> {
        let mut table = lock(&self.table);
        let pattern = match table.by_text.get(text) {
            Some(pattern) => pattern.clone(),
            None => {
                let pattern = Arc::new(Pattern {
                    text: text.into(),
                    audience: Mutex::default(),
                });
                table.by_text.insert(pattern.text.clone(), pattern.clone());
                self.changed(&mut table);
                pattern
            }
        };
        let mut audience = pattern.audience();
        audience.enter(at.loop_index, at.id, queue.posted());
        drop(audience);
        pattern.text.clone()
    }

    /// Takes a connection out, as [`Audience::leave`] does.
    pub fn leave(
        &self,
        at: ConnRef,
        text: &[u8],
        queue: Option<&Queue>,
    ) -> Option<(Arc<Listeners>, u64)> {
        let mut table = lock(&self.table);
        let pattern = table.by_text.get(text)?.clone();
        let mut audience = pattern.audience();
        let left = audience.leave(at.loop_index, at.id, queue);
        if audience.is_empty() {
            table.by_text.remove(text);
            self.changed(&mut table);
        }
        left
    }

    fn changed(&self, table: &mut Table) {
        table.list = None;
        self.len.store(table.by_text.len(), Ordering::Relaxed);
        // after the change, so that who sees the number finds the change
        self.version.fetch_add(1, Ordering::Release);
    }

    /// How many listen to a pattern.
    pub fn listeners(&self, text: &[u8]) -> usize {
        let pattern = lock(&self.table).by_text.get(text).cloned();
        pattern.map_or(0, |pattern| pattern.audience().len())
    }

    /// The number of patterns.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All patterns at some time.
#[derive(Debug, Default)]
pub struct Snapshot {
    version: u64,
    list: Option<Arc<[Arc<Pattern>]>>,
}

impl Snapshot {
    /// All patterns now.
    pub fn get(&mut self, patterns: &Patterns) -> Arc<[Arc<Pattern>]> {
        let version = patterns.version.load(Ordering::Acquire);
        if let Some(list) = &self.list
            && self.version == version
        {
            return list.clone();
        }
        let mut table = lock(&patterns.table);
        let Table { by_text, list } = &mut *table;
        let list = list.get_or_insert_with(|| by_text.values().cloned().collect());
        *self = Self {
            // under the lock nothing comes or goes
            version: patterns.version.load(Ordering::Relaxed),
            list: Some(list.clone()),
        };
        list.clone()
    }
}
