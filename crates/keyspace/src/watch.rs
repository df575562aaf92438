//! WATCH: the first consumer of "this key changed".
//!
//! A watching client has a [`WatchState`] with one flag. Under each watched key's stripe hangs a weak reference
//! to it; whoever changes the key raises the flag at its commit. EXEC holds the stripes of all watched keys
//! when it reads the flag, so nothing can slip in between.
//!
//! UNWATCH drops the strong reference and touches no stripe: it must not wait for one that a script holds.
//! Dead references are swept when their key changes or is watched again.

use std::collections::HashMap;
use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

use crate::plan::StripeIndex;
use crate::txn::{Abort, Txn};

/// Whether something that a client watches has changed.
#[derive(Debug, Default)]
pub struct WatchState {
    changed: AtomicBool,
}

impl WatchState {
    /// Whether a watched key has changed since it was watched.
    pub fn changed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }

    /// Says that one has.
    pub fn mark_changed(&self) {
        self.changed.store(true, Ordering::Release);
    }
}

/// One watched key of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedKey {
    /// The database.
    pub database: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// It had expired already when it was watched: then its vanishing is no change.
    pub expired: bool,
}

/// What a client watches. Dropping it is UNWATCH.
#[derive(Debug, Default)]
pub struct WatchSet {
    pub(crate) state: Arc<WatchState>,
    pub(crate) keys: Vec<WatchedKey>,
}

impl WatchSet {
    /// The watched keys.
    pub fn keys(&self) -> &[WatchedKey] {
        &self.keys
    }

    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether one of the keys has changed, as far as is known without their locks.
    pub fn changed(&self) -> bool {
        self.state.changed()
    }
}

/// A watcher under a key.
pub(crate) struct Watcher {
    pub state: Weak<WatchState>,
    /// As in [`WatchedKey::expired`].
    pub expired: bool,
}

/// All watchers of a stripe.
///
/// Boxed when first used: there are as many of these as there are stripes.
#[derive(Default)]
pub(crate) struct Watchers {
    by_key: Option<Box<WatchersByKey>>,
}

type WatchersByKey = HashMap<(usize, Box<[u8]>), Vec<Watcher>>;

impl Watchers {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_none()
    }

    pub fn add(&mut self, database: usize, key: &[u8], watcher: Watcher) {
        let watchers = self.by_key.get_or_insert_default().entry((database, key.into())).or_default();
        watchers.retain(|w| w.state.strong_count() > 0);
        watchers.push(watcher);
    }

    /// The states to mark when the change of this key becomes final. They stay until their clients watch no more:
    /// the change may yet be taken back.
    ///
    /// `vanished`: the key is gone because it had expired. Who watched it when it was expired already
    /// goes on watching an absent key.
    pub fn of_key(&mut self, database: usize, key: &[u8], vanished: bool) -> Vec<Weak<WatchState>> {
        // a lookup by reference would need a key type of its own: watched stripes are rare and keys short
        let id = (database, Box::from(key));
        let Some(by_key) = &mut self.by_key else { return Vec::new() };
        let Some(watchers) = by_key.get_mut(&id) else { return Vec::new() };
        watchers.retain(|w| w.state.strong_count() > 0);
        if watchers.is_empty() {
            by_key.remove(&id);
            if by_key.is_empty() {
                self.by_key = None;
            }
            return Vec::new();
        }
        let mut states = Vec::with_capacity(watchers.len());
        for watcher in watchers {
            if vanished && watcher.expired {
                watcher.expired = false;
            } else {
                states.push(watcher.state.clone());
            }
        }
        states
    }

    /// The watched keys of a database.
    pub fn keys_in(&self, database: usize) -> Vec<Box<[u8]>> {
        self.by_key.iter().flat_map(|by_key| by_key.keys()).filter(|(db, _)| *db == database).map(|(_, key)| key.clone()).collect()
    }
}

impl Txn<'_> {
    /// Adds a key to what a client watches. The key's stripe must be held.
    pub fn watch(&mut self, set: &mut WatchSet, key: &[u8]) -> Result<(), Abort> {
        let database = self.database;
        if set.keys.iter().any(|k| k.database == database && *k.key == *key) {
            return Ok(());
        }
        let hash = self.keyspace.hash(key);
        // looked up without removing it: watching is no use of the key
        let at = self.hold(StripeIndex::of_hash(hash))?;
        let expire_at_ms = {
            let map = &self.held[at].guard.map;
            map.find(database, hash, key).and_then(|handle| map.expire_at(handle))
        };
        let expired = match expire_at_ms {
            Some(expire_at_ms) => expire_at_ms <= self.now_ms(),
            None => false,
        };
        let watcher = Watcher { state: Arc::downgrade(&set.state), expired };
        self.held[at].guard.watchers.add(database, key, watcher);
        set.keys.push(WatchedKey { database, key: key.into(), expired });
        Ok(())
    }

    /// Whether a watched key has changed, or has expired since. The stripes of all its keys must be held.
    pub fn watched_changed(&mut self, set: &WatchSet) -> Result<bool, Abort> {
        if set.changed() {
            return Ok(true);
        }
        for watched in set.keys.iter().filter(|w| !w.expired) {
            let hash = self.keyspace.hash(&watched.key);
            let at = self.hold(StripeIndex::of_hash(hash))?;
            let map = &self.held[at].guard.map;
            let expire_at_ms = map.find(watched.database, hash, &watched.key).and_then(|h| map.expire_at(h));
            if let Some(expire_at_ms) = expire_at_ms
                && expire_at_ms <= self.now_ms()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
