//! Fields of hashes whose time has come: removed where somebody meets them, or by the active expiry.
//!
//! To a command such a field is absent ([`HashAt`](perilune_value::HashAt)), whether it is removed or not. Its removal is
//! no part of the transaction that meets it: it stays if that is taken back, is an effect of its own that goes out before
//! the transaction's own (nothing expires while a transaction runs, so it had expired before it began), and has its own
//! events. It does not happen
//!
//! * while expired keys are to stay where they are;
//! * in a big hash that this transaction has changed and may have to take back. The undo log holds changes of a hash
//!   that must still be there then;
//! * in a hash that this transaction has put there (RENAME, COPY, RESTORE): before it there was none by this name.
//!
//! Who writes such a field then writes over it; that it had expired is told to the log first, as a part of the transaction.

use std::sync::atomic::Ordering;

use perilune_structures::Handle;
use perilune_value::{Collection, Hash};

use super::{Abort, ReadTxn, Txn, aside};
use crate::announce::{Announcement, Announcements, EventClass};
use crate::effects::EffectUnit;
use crate::keyspace::Keyspace;
use crate::slot::Slot;
use crate::undo::UndoLog;
use crate::watch::Notice;

/// Which fields of a hash a command meets.
#[derive(Debug, Clone, Copy)]
pub enum Fields<'a> {
    /// Those among its arguments: each `step`-th, from the first on.
    These {
        /// The arguments from the first field on.
        arguments: &'a [&'a [u8]],
        /// 1, or 2 where each field is followed by its value.
        step: usize,
    },
    /// All of them.
    All,
}

impl<'a> Fields<'a> {
    /// No field by its name: what has expired stays.
    pub const NONE: Fields<'static> = Fields::each(&[]);

    /// Each of these arguments.
    pub const fn each(arguments: &'a [&'a [u8]]) -> Fields<'a> {
        Fields::These { arguments, step: 1 }
    }

    /// Every other of these arguments: fields and values in turn.
    pub const fn with_values(arguments: &'a [&'a [u8]]) -> Fields<'a> {
        Fields::These { arguments, step: 2 }
    }
}

/// What has expired, to be told when the stripes are released.
pub(crate) enum Expired {
    /// A key.
    Key { database: usize, key: Box<[u8]> },
    /// Fields of a hash.
    Fields {
        database: usize,
        key: Box<[u8]>,
        /// Their names; empty where nobody consumes effects.
        names: Vec<Box<[u8]>>,
        /// They were the last ones, so the key has gone, too.
        key_is_gone: bool,
    },
}

impl Expired {
    /// Adds the effects and the events.
    pub(super) fn tell(&self, keyspace: &Keyspace, events: &mut Announcements) {
        let mut event = |database, class, event, key| {
            if keyspace.event_classes().meets(class) {
                events.push(Announcement::Event {
                    database,
                    class,
                    event,
                    key,
                });
            }
        };
        let mut unit = EffectUnit::default();
        match self {
            Expired::Key { database, key } => {
                if keyspace.consuming() {
                    unit.push(*database, &[b"DEL".as_slice(), key]);
                }
                event(*database, EventClass::EXPIRED, "expired", key);
            }
            Expired::Fields {
                database,
                key,
                names,
                key_is_gone,
            } => {
                for name in names {
                    unit.push(*database, &[b"HDEL".as_slice(), key, name]);
                }
                event(*database, EventClass::HASH, "hexpired", key);
                if *key_is_gone {
                    event(*database, EventClass::GENERIC, "del", key);
                }
            }
        }
        if !unit.is_empty() {
            keyspace.publish(&unit);
        }
    }
}

/// What became of a hash whose expired fields were to be removed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Removed {
    /// The number of fields removed.
    pub fields: u64,
    /// They were the last ones, so the key has gone, too.
    pub key_is_gone: bool,
}

/// An entry that a transaction holds.
#[derive(Clone, Copy)]
pub(crate) struct EntryAt<'a> {
    pub at: usize,
    pub database: usize,
    pub hash: u64,
    pub key: &'a [u8],
    pub handle: Handle,
}

impl Txn<'_> {
    /// Whether fields whose time has come may be removed from this entry now.
    fn may_expire_fields(&self, entry: EntryAt<'_>) -> bool {
        let is_needed = |undo: &UndoLog| undo.concerns_hash(entry.hash);
        !self.keyspace.expiry_paused()
            && !self.record_dropped
            && !self.undo.as_deref().is_some_and(is_needed)
    }

    /// Removes `limit` fields at most of those whose time has come.
    pub(crate) fn remove_expired_fields(
        &mut self,
        entry: EntryAt<'_>,
        fields: Fields<'_>,
        limit: usize,
    ) -> Removed {
        let (now_ms, consuming) = (self.now_ms(), self.keyspace.consuming());
        let EntryAt {
            at,
            database,
            hash: key_hash,
            key,
            handle,
        } = entry;
        let name_of_it = self.database_before(database);
        let guard = &mut self.held[at].guard;
        let Some(hash) = guard.map.heap_mut(handle).and_then(Hash::of_mut) else {
            return Removed::default();
        };
        let before = hash.heap_bytes();
        let (mut removed, mut names) = (0, Vec::new());
        let mut note = |name: &[u8]| {
            removed += 1;
            if consuming {
                names.push(name.into());
            }
        };
        match fields {
            Fields::All => hash.remove_expired(now_ms, limit, note),
            Fields::These { arguments, step } => {
                for name in arguments.iter().step_by(step).take(limit) {
                    if hash.remove_if_expired(now_ms, name) {
                        note(name);
                    }
                }
            }
        }
        if removed == 0 {
            return Removed::default();
        }
        let key_is_gone = hash.is_empty();
        guard.heap_bytes += hash.heap_bytes() as i64 - before as i64;
        if key_is_gone {
            guard.dequeue(database, handle);
            if let Some(object) = guard.map.remove(database, key_hash, handle) {
                guard.heap_bytes -= object.heap_bytes() as i64;
                aside(&mut self.aside).garbage.add(object);
            }
        } else {
            guard.enqueue(database, handle);
        }
        // its own unit, so its watchers are told whatever becomes of this transaction
        if !guard.watchers.is_empty() {
            let notices = guard.watchers.of_key(name_of_it, key);
            notices.into_iter().for_each(Notice::deliver);
        }
        self.held[at].changed.add(database);
        let counters = self.keyspace.counters();
        counters
            .expired_fields
            .fetch_add(removed, Ordering::Relaxed);
        let classes = self.keyspace.event_classes();
        if consuming || classes.meets(EventClass::HASH) || classes.meets(EventClass::GENERIC) {
            aside(&mut self.aside).expired.push(Expired::Fields {
                database: name_of_it,
                key: key.into(),
                names,
                key_is_gone,
            });
        }
        Removed {
            fields: removed,
            key_is_gone,
        }
    }

    /// Tells the log which of a hash's fields have expired, though they stay for now.
    fn tell_expired_fields(&mut self, entry: EntryAt<'_>, fields: Fields<'_>) {
        let Fields::These { arguments, step } = fields else {
            return;
        };
        if !self.keyspace.consuming() {
            return;
        }
        let now_ms = self.now_ms();
        let guard = &mut self.held[entry.at].guard;
        let Some(hash) = guard.map.heap_mut(entry.handle).and_then(Hash::of_mut) else {
            return;
        };
        let is_expired = |name: &&&[u8]| {
            let field = hash.get(name);
            field.is_some_and(|field| field.is_expired(now_ms))
        };
        let names: Vec<Box<[u8]>> = arguments
            .iter()
            .step_by(step)
            .filter(is_expired)
            .map(|name| (*name).into())
            .collect();
        for name in names {
            let effect: [&[u8]; 3] = [b"HDEL", entry.key, &name];
            aside(&mut self.aside).effects.push(entry.database, &effect);
        }
    }

    /// The time by which fields are absent.
    fn fields_now_ms(&mut self) -> i64 {
        if self.sees_expired {
            return i64::MIN;
        }
        self.now_ms()
    }
}

impl ReadTxn<'_, '_> {
    /// The time for [`Hash::at`], in Unix milliseconds. Asked only where a field expires at all: looking at the clock is
    /// not for free.
    pub fn fields_now_ms(&mut self) -> i64 {
        self.txn.fields_now_ms()
    }

    /// Removes fields of a hash whose time has come, if they may go now; those that stay read as absent as well, see
    /// [`Hash::at`]. With the last field goes the key.
    pub fn expire_fields(&mut self, key: &[u8], fields: Fields<'_>) -> Result<(), Abort> {
        let (database, hash) = (self.txn.database, self.txn.hash_of(key));
        let (at, Some(handle)) = self.txn.locate(database, hash, key)? else {
            return Ok(());
        };
        let entry = EntryAt {
            at,
            database,
            hash,
            key,
            handle,
        };
        if !self.txn.sees_expired && self.txn.may_expire_fields(entry) {
            self.txn.remove_expired_fields(entry, fields, usize::MAX);
        }
        Ok(())
    }
}

impl Slot<'_, '_> {
    /// As [`ReadTxn::fields_now_ms`].
    pub fn fields_now_ms(&mut self) -> i64 {
        self.txn.fields_now_ms()
    }

    /// Counts fields that a command has removed because the time that it gives them has passed: they count as expired.
    pub fn count_expired_fields(&mut self, fields: usize) {
        aside(&mut self.txn.aside).expired_by_command.fields += fields as u64;
    }

    /// As [`ReadTxn::expire_fields`], before the fields are written.
    pub fn expire_fields(&mut self, fields: Fields<'_>) {
        let Some(handle) = self.handle else { return };
        let entry = EntryAt {
            at: self.at,
            database: self.database,
            hash: self.hash,
            key: self.key,
            handle,
        };
        if self.txn.sees_expired {
            return;
        }
        if !self.txn.may_expire_fields(entry) {
            self.txn.tell_expired_fields(entry, fields);
        } else if self
            .txn
            .remove_expired_fields(entry, fields, usize::MAX)
            .key_is_gone
        {
            self.handle = None;
        }
    }
}
