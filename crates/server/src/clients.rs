//! What others may know of a connection: CLIENT LIST and CLIENT KILL look from one thread at the clients of all.
//!
//! A [`Client`] is shared between its session, which writes, and whoever asks. Sizes, ages and the socket are known to the network
//! (`perilune_net::ConnStats`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use perilune_keyspace::WatchState;
use perilune_net::ConnInfo;

use crate::blocking::Blocked;
use crate::pubsub::Subscriptions;
use crate::session::{Shown, ShownFlags};

/// Flags of a client that CLIENT LIST shows.
pub mod flag {
    /// CLIENT NO-EVICT.
    pub const NO_EVICT: u32 = 1;
    /// CLIENT NO-TOUCH.
    pub const NO_TOUCH: u32 = 1 << 1;
    /// CLIENT IMPORT-SOURCE.
    pub const IMPORT_SOURCE: u32 = 1 << 2;
    /// Inside MULTI.
    pub const MULTI: u32 = 1 << 3;
    /// Is closed after its reply.
    pub const CLOSE_AFTER_REPLY: u32 = 1 << 4;
    /// Came through a Unix socket.
    pub const UNIX_SOCKET: u32 = 1 << 5;
    /// Its command waits: for the end of a pause, or for room in a queue of messages.
    pub const WAITS: u32 = 1 << 6;
    /// CLIENT CAPA REDIRECT.
    pub const CAN_REDIRECT: u32 = 1 << 7;
    /// Has a subscription.
    pub const PUBSUB: u32 = 1 << 8;
    /// Its command waits for its turn at a stripe. Not shown: to clients that is a command that takes a while.
    pub const PARKED: u32 = 1 << 9;
    /// Its command waits for keys.
    pub const BLOCKED: u32 = 1 << 16;
}

/// What a client says of itself.
#[derive(Debug, Default, Clone)]
pub struct SelfDescription {
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: Vec<u8>,
}

/// A connected client.
#[derive(Debug)]
pub struct Client {
    /// Its number.
    pub id: u64,
    /// Where it came from and to.
    pub info: ConnInfo,
    /// What it says of itself.
    description: Mutex<SelfDescription>,
    /// See [`flag`].
    pub flags: ShownFlags,
    /// The selected database.
    pub database: Shown,
    /// 2 or 3.
    pub protocol: Shown,
    /// Number of commands in its queue, plus one; 0 outside MULTI.
    pub multi: Shown,
    /// Memory of its queue.
    pub multi_bytes: Shown,
    /// Number of keys that it watches.
    pub watching: Shown,
    /// Whether one of them has changed; gone with what it watched.
    watched: Mutex<Weak<WatchState>>,
    /// What it is subscribed to, if anything.
    subscriptions: Mutex<Option<Box<Subscriptions>>>,
    /// Its command that waits for keys.
    blocked: Mutex<Blocking>,
    /// The number of its last command in the registry, plus one.
    pub last_command: Shown,
    /// Commands that have run for it, those in its transactions and scripts included.
    pub commands: Shown,
}

/// What a client waits for.
#[derive(Debug, Default)]
struct Blocking {
    command: Option<Arc<Blocked>>,
    /// It is not to wait any more.
    is_killed: bool,
}

impl Client {
    /// A client that has just connected.
    pub fn new(info: &ConnInfo) -> Self {
        let client = Self {
            id: info.id,
            info: info.clone(),
            description: Mutex::default(),
            flags: ShownFlags::default(),
            database: Shown::default(),
            protocol: Shown::default(),
            multi: Shown::default(),
            multi_bytes: Shown::default(),
            watching: Shown::default(),
            watched: Mutex::default(),
            subscriptions: Mutex::default(),
            blocked: Mutex::default(),
            last_command: Shown::default(),
            commands: Shown::default(),
        };
        client.protocol.set(2);
        client.flags.set(
            flag::UNIX_SOCKET,
            matches!(info.peer, perilune_net::Address::Unix(_)),
        );
        client
    }

    /// What it says of itself.
    pub fn description(&self) -> MutexGuard<'_, SelfDescription> {
        self.description.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What it is subscribed to, if anything: `PubSub` keeps it.
    pub fn subscriptions(&self) -> MutexGuard<'_, Option<Box<Subscriptions>>> {
        self.subscriptions.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Shows what it watches: so many keys, with this state.
    pub fn show_watch(&self, keys: usize, state: Weak<WatchState>) {
        self.show_transaction();
        self.watching.set(keys as u64);
        *self.watched.lock().unwrap_or_else(|e| e.into_inner()) = state;
    }

    fn blocking(&self) -> MutexGuard<'_, Blocking> {
        self.blocked.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Shows which command waits for keys, or none. One of a client that has been killed does not wait.
    pub fn show_blocked(&self, blocked: Option<Arc<Blocked>>) {
        self.flags.set(flag::BLOCKED, blocked.is_some());
        let mut blocking = self.blocking();
        if let Some(blocked) = blocked.as_ref().filter(|_| blocking.is_killed) {
            blocked.abandon();
        }
        blocking.command = blocked;
    }

    /// Its command that waits for keys, if one does.
    pub fn blocked(&self) -> Option<Arc<Blocked>> {
        self.blocking().command.clone()
    }

    /// It has been killed: from now on it takes nothing that it waits for, however long its loop needs to close it.
    pub fn stop_waiting(&self) {
        let mut blocking = self.blocking();
        blocking.is_killed = true;
        if let Some(blocked) = &blocking.command {
            blocked.abandon();
        }
    }

    /// Whether a key that it watches has changed.
    pub fn is_dirty(&self) -> bool {
        let watched = self.watched.lock().unwrap_or_else(|e| e.into_inner());
        watched.upgrade().is_some_and(|state| state.changed())
    }

    /// Notes that the connection has a transaction or watches keys: from then on `multi` in lists is the length of its
    /// queue, and never again -1.
    pub fn show_transaction(&self) {
        self.multi.set(self.multi.get().max(1));
    }

    /// Nothing is queued any more.
    pub fn show_transaction_ended(&self) {
        self.flags.set(flag::MULTI, false);
        self.multi.set(self.multi.get().min(1));
        self.multi_bytes.set(0);
        self.watching.set(0);
    }

    /// RESET: name and modes go, what it said of its library stays.
    pub fn reset(&self) {
        self.description().name.clear();
        self.flags
            .set(flag::NO_EVICT | flag::NO_TOUCH | flag::MULTI, false);
        self.database.set(0);
        self.protocol.set(2);
        self.show_transaction_ended();
    }
}

/// All connected clients.
#[derive(Debug, Default)]
pub struct Clients {
    by_id: Mutex<HashMap<u64, Arc<Client>>>,
}

impl Clients {
    fn by_id(&self) -> MutexGuard<'_, HashMap<u64, Arc<Client>>> {
        self.by_id.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// One has come.
    pub fn add(&self, client: Arc<Client>) {
        self.by_id().insert(client.id, client);
    }

    /// One has gone.
    pub fn remove(&self, id: u64) -> Option<Arc<Client>> {
        self.by_id().remove(&id)
    }

    /// The one with this number.
    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.by_id().get(&id).cloned()
    }

    /// All, in order of their numbers.
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self.by_id().values().cloned().collect();
        all.sort_by_key(|client| client.id);
        all
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
