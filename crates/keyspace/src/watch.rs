//! WATCH: the first consumer of "this key changed".
//!
//! A watching client has a [`WatchState`] with one flag. Under each watched key's stripe hangs a weak reference
//! to it; whoever changes the key raises the flag at its commit. EXEC holds the stripes of all watched keys
//! when it reads the flag, so nothing can slip in between.
//!
//! UNWATCH drops the strong reference and touches no stripe: it must not wait for one that a script holds.
//! Dead references are swept when their key changes or is watched again, and all of a stripe's whenever their
//! number has doubled.
//!
//! An expired key that nobody has removed yet is *stale*: it reads as absent. That it vanishes, or takes the place
//! of no key at all, is no change for anybody, so each watched key remembers whether it was stale.

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
#[derive(Debug, Clone)]
pub struct WatchedKey {
    /// The database.
    pub database: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// Shared with the watcher under the key.
    pub(crate) stale: Arc<Stale>,
}

impl WatchedKey {
    /// Whether it had expired already when it was watched: then its vanishing is no change.
    pub fn is_stale(&self) -> bool {
        self.stale.get()
    }
}

/// Whether a watched key is an expired one. Changed only under its stripe's lock.
#[derive(Debug, Default)]
pub(crate) struct Stale(AtomicBool);

impl Stale {
    fn new(stale: bool) -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(stale)))
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, stale: bool) {
        self.0.store(stale, Ordering::Relaxed);
    }
}

/// What a change means to one watcher, done when the change becomes final.
pub(crate) enum Notice {
    /// What it watches has changed.
    Changed(Weak<WatchState>),
    /// What it watches was absent or stale, still is, and is stale from now on, or not.
    Stale(Arc<Stale>, bool),
}

impl Notice {
    /// Tells the watcher.
    pub fn deliver(self) {
        match self {
            Notice::Changed(state) => {
                if let Some(state) = state.upgrade() {
                    state.mark_changed();
                }
            }
            Notice::Stale(key, stale) => key.set(stale),
        }
    }
}

/// What is in the place of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Absent,
    /// Expired and not removed yet.
    Stale,
    Live,
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

    /// What others may know of it.
    pub fn state(&self) -> &Arc<WatchState> {
        &self.state
    }

    /// Whether one of the keys has changed, as far as is known without their locks.
    pub fn changed(&self) -> bool {
        self.state.changed()
    }
}

/// A watcher under a key.
pub(crate) struct Watcher {
    pub state: Weak<WatchState>,
    pub stale: Arc<Stale>,
}

impl Watcher {
    fn is_alive(&self) -> bool {
        self.state.strong_count() > 0
    }
}

/// All watchers of a stripe.
///
/// Boxed when first used: there are as many of these as there are stripes.
#[derive(Default)]
pub(crate) struct Watchers {
    by_key: Option<Box<WatchersByKey>>,
}

#[derive(Default)]
struct WatchersByKey {
    map: HashMap<(usize, Box<[u8]>), Vec<Watcher>>,
    /// The number of keys at which the dead are swept.
    sweep_at: usize,
}

/// Fewer watched keys than this in a stripe are not worth a sweep.
const SWEEP_KEYS_MIN: usize = 16;

impl Watchers {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_none()
    }

    pub fn add(&mut self, database: usize, key: &[u8], watcher: Watcher) {
        let by_key = self.by_key.get_or_insert_default();
        if by_key.map.len() >= by_key.sweep_at.max(SWEEP_KEYS_MIN) {
            by_key.map.retain(|_, watchers| {
                watchers.retain(Watcher::is_alive);
                !watchers.is_empty()
            });
            by_key.sweep_at = 2 * by_key.map.len();
        }
        let watchers = by_key.map.entry((database, key.into())).or_default();
        watchers.retain(Watcher::is_alive);
        watchers.push(watcher);
    }

    /// What to tell when the change of this key becomes final. The watchers stay until their clients watch no more:
    /// the change may yet be taken back.
    pub fn of_key(&mut self, database: usize, key: &[u8]) -> Vec<Notice> {
        self.alive(database, key)
            .iter()
            .map(|w| Notice::Changed(w.state.clone()))
            .collect()
    }

    /// What to tell when this key has vanished because it had expired. Who watched it when it was stale already
    /// goes on watching an absent key.
    pub fn of_expired(&mut self, database: usize, key: &[u8]) -> Vec<Notice> {
        self.of_exchange(database, key, Presence::Stale, Presence::Absent)
    }

    /// What to tell when a database is cleared or takes another's place, and this key with it.
    pub fn of_exchange(
        &mut self,
        database: usize,
        key: &[u8],
        before: Presence,
        after: Presence,
    ) -> Vec<Notice> {
        use Presence::{Absent, Live, Stale};
        if (before, after) == (Absent, Absent) {
            return Vec::new();
        }
        let notice = |w: &Watcher| match (w.stale.get(), before, after) {
            (true, _, Absent) => Some(Notice::Stale(w.stale.clone(), false)),
            (true, _, Stale) => None,
            (false, Absent, Stale) => Some(Notice::Stale(w.stale.clone(), true)),
            (_, _, Live) | (false, ..) => Some(Notice::Changed(w.state.clone())),
        };
        self.alive(database, key)
            .iter()
            .filter_map(notice)
            .collect()
    }

    /// The watchers of a key, after those who watch no more have been swept out.
    fn alive(&mut self, database: usize, key: &[u8]) -> &[Watcher] {
        let Some(by_key) = &mut self.by_key else {
            return &[];
        };
        // a lookup by reference would need a key type of its own: watched stripes are rare and keys short
        let id = (database, Box::from(key));
        let Some(watchers) = by_key.map.get_mut(&id) else {
            return &[];
        };
        watchers.retain(Watcher::is_alive);
        if watchers.is_empty() {
            by_key.map.remove(&id);
            if by_key.map.is_empty() {
                self.by_key = None;
            }
            return &[];
        }
        self.by_key
            .as_ref()
            .and_then(|by_key| by_key.map.get(&id))
            .map_or(&[], Vec::as_slice)
    }

    /// The watched keys of a database.
    pub fn keys_in(&self, database: usize) -> Vec<Box<[u8]>> {
        self.by_key
            .iter()
            .flat_map(|by_key| by_key.map.keys())
            .filter(|(db, _)| *db == database)
            .map(|(_, key)| key.clone())
            .collect()
    }
}

impl Txn<'_> {
    /// Adds a key to what a client watches. The key's stripe must be held.
    pub fn watch(&mut self, set: &mut WatchSet, key: &[u8]) -> Result<(), Abort> {
        let database = self.database;
        if set
            .keys
            .iter()
            .any(|k| k.database == database && *k.key == *key)
        {
            return Ok(());
        }
        let hash = self.keyspace.hash(key);
        // looked up without removing it: watching is no use of the key
        let at = self.hold(StripeIndex::of_hash(hash))?;
        let expire_at_ms = {
            let map = &self.held[at].guard.map;
            map.find(database, hash, key)
                .and_then(|handle| map.expire_at(handle))
        };
        let stale = Stale::new(match expire_at_ms {
            Some(expire_at_ms) => expire_at_ms <= self.now_ms(),
            None => false,
        });
        let watcher = Watcher {
            state: Arc::downgrade(&set.state),
            stale: stale.clone(),
        };
        self.held[at].guard.watchers.add(database, key, watcher);
        set.keys.push(WatchedKey {
            database,
            key: key.into(),
            stale,
        });
        Ok(())
    }

    /// Whether a watched key has changed, or has expired since. The stripes of all its keys must be held.
    pub fn watched_changed(&mut self, set: &WatchSet) -> Result<bool, Abort> {
        if set.changed() {
            return Ok(true);
        }
        for watched in set.keys.iter().filter(|w| !w.is_stale()) {
            let hash = self.keyspace.hash(&watched.key);
            let at = self.hold(StripeIndex::of_hash(hash))?;
            let map = &self.held[at].guard.map;
            let expire_at_ms = map
                .find(watched.database, hash, &watched.key)
                .and_then(|h| map.expire_at(h));
            if let Some(expire_at_ms) = expire_at_ms
                && expire_at_ms <= self.now_ms()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
