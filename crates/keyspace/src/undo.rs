//! The undo log: what the keyspace was before a transaction touched it.
//!
//! The first touch of a key saves how it was, later touches save nothing (100 INCRs cost one record). What is
//! deleted or replaced is *moved* into the log: its entry is unlinked from the table and stays allocated. What
//! is changed in place is copied, if it is small; of a big collection the log keeps the inverse of each primitive
//! change. Taking back walks the log from its end, so it is right even where a key is saved twice.

use std::collections::{HashMap, HashSet};

use perilune_structures::{DetachedDb, Handle, same_key};
use perilune_value::{Inverse, Object};
use smallvec::SmallVec;

use crate::plan::StripeIndex;
use crate::queues::FieldQueue;

/// The payload of an entry, copied.
pub(crate) enum SavedPayload {
    Int(i64),
    Bytes(Box<[u8]>),
    Heap(Object),
}

/// How a key was before.
pub(crate) enum Prior {
    /// It did not exist.
    Absent,
    /// Its entry was taken out of the table as it is.
    Moved(Handle),
    /// It was going to be changed in place.
    Copied {
        payload: SavedPayload,
        encoding: u8,
        expire_at_ms: Option<i64>,
        access: u32,
    },
    /// It is a collection that was going to be changed in place and would take long to copy: inverses of the changes follow.
    InPlace {
        expire_at_ms: Option<i64>,
        access: u32,
        /// How often it was edited since, behind the first time.
        edits: u32,
    },
}

/// The name of a key: most are short enough to stand in the record.
pub(crate) type ShortKey = SmallVec<[u8; 24]>;

/// What is saved of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saved {
    /// Nothing.
    No,
    /// All of it: what it holds now may be changed and dropped.
    Whole,
    /// All but its elements: each change of them is saved on its own. The number of the record.
    InPlace(u32),
}

pub(crate) enum Undo {
    Key {
        stripe: StripeIndex,
        database: u32,
        hash: u64,
        key: ShortKey,
        prior: Prior,
    },
    /// How to take back a change of a collection.
    Change {
        /// The number of the record that names its key.
        of: u32,
        inverse: Inverse,
    },
    Cleared {
        stripe: StripeIndex,
        database: u32,
        taken: DetachedDb,
        queue: FieldQueue,
    },
    Swapped {
        stripe: StripeIndex,
        databases: (u32, u32),
    },
    /// A value was moved from one key to another, which did not exist then.
    Relocated(Box<Relocated>),
}

/// A place where a key may be.
pub(crate) struct Place {
    pub stripe: StripeIndex,
    pub database: u32,
    pub hash: u64,
    pub key: Box<[u8]>,
}

/// A move, and how the first key was before.
pub(crate) struct Relocated {
    pub from: Place,
    pub to: Place,
    pub encoding: u8,
    pub expire_at_ms: Option<i64>,
    pub access: u32,
}

/// A moment of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    records: usize,
    bytes: usize,
}

impl Mark {
    /// The number of records before this moment.
    pub fn records(self) -> usize {
        self.records
    }
}

type SavedAt = HashMap<(u32, u64), u32, ahash::RandomState>;

/// What the map takes for each key that it has room for: with a byte of its own, and an eighth of the room always free.
const SAVED_BYTES: usize = (size_of::<((u32, u64), u32)>() + 1) * 8 / 7;

/// Beyond so many that are taken back to a savepoint, the room for them is given back as well.
const RECORDS_KEPT_ROOM_FOR_MAX: usize = 1024;

/// So many records are looked through; with more there is a map. Most transactions have one or two.
const RECORDS_WITHOUT_MAP_MAX: usize = 8;

/// What a transaction that records has.
#[cfg(not(feature = "measure-without-undo"))]
pub(crate) type Record = Box<UndoLog>;

/// The same where there is none: every question for it is answered by the compiler.
#[cfg(feature = "measure-without-undo")]
pub(crate) type Record = without::NoRecord;

/// An empty record that a transaction has left to the next: to make one anew, and its list of records, and to drop both took 6 %
/// of the instructions of a script with one INCR.
pub struct SpareRecord(pub(crate) Record);

/// A record whose list has become longer than this is not kept.
const SPARE_RECORDS_MAX: usize = 8;

/// An empty record.
#[cfg(not(feature = "measure-without-undo"))]
#[inline]
pub(crate) fn new_record() -> Option<Record> {
    Some(Box::new(UndoLog::new()))
}

#[cfg(feature = "measure-without-undo")]
pub(crate) use without::new_record;

/// A build without undo, to hold the other one's cost against.
#[cfg(feature = "measure-without-undo")]
mod without {
    use std::ops::{Deref, DerefMut};

    use super::UndoLog;

    pub(crate) enum NoRecord {}

    pub(crate) fn new_record() -> Option<NoRecord> {
        None
    }

    impl Deref for NoRecord {
        type Target = UndoLog;

        fn deref(&self) -> &UndoLog {
            match *self {}
        }
    }

    impl DerefMut for NoRecord {
        fn deref_mut(&mut self) -> &mut UndoLog {
            match *self {}
        }
    }
}

/// Everything needed to take a transaction back.
pub(crate) struct UndoLog {
    pub records: Vec<Undo>,
    /// Where the key with this database and hash was saved last, once there are too many records to look through.
    saved: Option<SavedAt>,
    /// Hashes of the keys that are saved in place anywhere in the log, or were given a hash with fields that expire; none
    /// before there is the first.
    concerned: Option<HashSet<u64, ahash::RandomState>>,
    /// Records before this one do not count as saved.
    fresh_from: usize,
    /// What records hold beside themselves.
    bytes: usize,
    /// Entries or databases were moved into it: at the commit they are to be freed.
    pub has_moved: bool,
}

impl UndoLog {
    /// An empty log.
    #[cfg(not(feature = "measure-without-undo"))]
    pub fn new() -> Self {
        Self {
            records: Vec::new(),
            saved: None,
            concerned: None,
            fresh_from: 0,
            bytes: 0,
            has_moved: false,
        }
    }

    /// Drops all that it holds. Whether it is worth keeping.
    pub fn empty(&mut self) -> bool {
        self.records.clear();
        self.saved = None;
        self.concerned = None;
        self.fresh_from = 0;
        self.bytes = 0;
        self.has_moved = false;
        self.records.capacity() <= SPARE_RECORDS_MAX
    }

    /// What has been saved of this key already.
    #[inline]
    pub fn saved(&self, database: usize, hash: u64, key: &[u8]) -> Saved {
        match self.saved_last(database, hash, key) {
            Saved::No => self.saved_earlier(database, hash, key),
            saved => saved,
        }
    }

    /// As [`UndoLog::saved`], when [`UndoLog::saved_last`] has said no.
    #[inline]
    pub fn saved_earlier(&self, database: usize, hash: u64, key: &[u8]) -> Saved {
        if self.records.len() > self.fresh_from + 1 {
            self.saved_before(database, hash, key)
        } else {
            Saved::No
        }
    }

    /// What has been saved of this key, if it is the last record that has: most often the key was touched just now.
    #[inline]
    pub fn saved_last(&self, database: usize, hash: u64, key: &[u8]) -> Saved {
        match self.records.last() {
            Some(last) if self.records.len() > self.fresh_from => {
                let at = match last {
                    Undo::Change { of, .. } => *of as usize,
                    _ => self.records.len() - 1,
                };
                self.saved_at(at, database, hash, key)
            }
            _ => Saved::No,
        }
    }

    /// As [`UndoLog::saved`], of any record but the last.
    #[inline(never)]
    fn saved_before(&self, database: usize, hash: u64, key: &[u8]) -> Saved {
        match &self.saved {
            Some(saved) => saved
                .get(&(database as u32, hash))
                .map_or(Saved::No, |&at| {
                    self.saved_at(at as usize, database, hash, key)
                }),
            // few transactions touch many
            None => (self.fresh_from..self.records.len())
                .rev()
                .map(|at| self.saved_at(at, database, hash, key))
                .find(|saved| *saved != Saved::No)
                .unwrap_or(Saved::No),
        }
    }

    /// What a record has saved of this key.
    #[inline]
    fn saved_at(&self, at: usize, database: usize, hash: u64, key: &[u8]) -> Saved {
        match &self.records[at] {
            Undo::Key {
                database: d,
                hash: h,
                key: k,
                prior,
                ..
            } if *h == hash && *d == database as u32 && same_key(k, key) => match prior {
                Prior::InPlace { .. } => Saved::InPlace(at as u32),
                _ => Saved::Whole,
            },
            _ => Saved::No,
        }
    }

    /// Makes a map of where keys were saved, if there are many records.
    #[inline]
    fn map_if_many(&mut self) {
        if self.saved.is_none() && self.records.len() - self.fresh_from > RECORDS_WITHOUT_MAP_MAX {
            self.make_map();
        }
    }

    #[cold]
    fn make_map(&mut self) {
        let mut saved = SavedAt::with_hasher(ahash::RandomState::new());
        for (at, record) in self.records.iter().enumerate().skip(self.fresh_from) {
            if let Undo::Key { database, hash, .. } = record {
                saved.insert((*database, *hash), at as u32);
            }
        }
        self.saved = Some(saved);
    }

    /// Whether the hash at a key is no longer that of before, in whatever database it was: there may be changes of it in the
    /// log, and what it held besides must still be there when they are taken back; or it has come from elsewhere.
    pub fn concerns_hash(&self, hash: u64) -> bool {
        self.concerned
            .as_ref()
            .is_some_and(|hashes| hashes.contains(&hash))
    }

    /// Notes that a key has been given a hash with fields that expire, or is going to be changed in place.
    pub fn note_hash(&mut self, hash: u64) {
        self.concerned
            .get_or_insert_with(|| HashSet::with_hasher(ahash::RandomState::new()))
            .insert(hash);
    }

    /// Counts an edit of a collection that record `of` has saved in place: how many there were.
    pub fn count_edit(&mut self, of: u32) -> u32 {
        match &mut self.records[of as usize] {
            Undo::Key {
                prior: Prior::InPlace { edits, .. },
                ..
            } => {
                *edits = edits.saturating_add(1);
                *edits
            }
            _ => unreachable!("this record has saved a collection in place"),
        }
    }

    /// Saves how to take back a change of a collection, whose key record `of` has saved.
    pub fn change(&mut self, of: u32, inverse: Inverse) {
        self.bytes += inverse.memory_bytes().saturating_sub(size_of::<Inverse>());
        self.records.push(Undo::Change { of, inverse });
        self.map_if_many();
    }

    /// Saves how a key was.
    #[inline]
    pub fn save(
        &mut self,
        stripe: StripeIndex,
        database: usize,
        hash: u64,
        key: &[u8],
        prior: Prior,
    ) {
        let payload_bytes = match &prior {
            Prior::Copied {
                payload: SavedPayload::Bytes(bytes),
                ..
            } => bytes.len(),
            Prior::Copied {
                payload: SavedPayload::Heap(object),
                ..
            } => object.heap_bytes(),
            _ => 0,
        };
        let key = ShortKey::from_slice(key);
        self.bytes += payload_bytes + 16 + if key.spilled() { key.len() } else { 0 };
        if let Some(saved) = &mut self.saved {
            saved.insert((database as u32, hash), self.records.len() as u32);
        }
        self.records.push(Undo::Key {
            stripe,
            database: database as u32,
            hash,
            key,
            prior,
        });
        self.map_if_many();
    }

    /// Counts bytes that a moved entry keeps alive.
    pub fn add_moved(&mut self, bytes: usize) {
        self.has_moved = true;
        self.bytes += bytes;
    }

    /// Saves a whole database of a stripe, which lives as long as the record and takes so many bytes. Keys touched from now
    /// on are saved anew.
    pub fn clear(
        &mut self,
        stripe: StripeIndex,
        database: usize,
        (taken, queue): (DetachedDb, FieldQueue),
        bytes: usize,
    ) {
        self.mark();
        self.add_moved(bytes);
        self.records.push(Undo::Cleared {
            stripe,
            database: database as u32,
            taken,
            queue,
        });
    }

    /// Notes that two databases of a stripe have changed places.
    pub fn swap(&mut self, stripe: StripeIndex, a: usize, b: usize) {
        self.mark();
        self.records.push(Undo::Swapped {
            stripe,
            databases: (a as u32, b as u32),
        });
    }

    /// Notes that a value has been moved. The keys are saved anew when they are touched from now on.
    pub fn relocate(&mut self, relocated: Relocated) {
        self.mark();
        let keys = relocated.from.key.len() + relocated.to.key.len();
        self.bytes += size_of::<Relocated>() + keys;
        self.records.push(Undo::Relocated(Box::new(relocated)));
    }

    /// Marks this moment: keys touched from now on are saved anew, so that what was since can be taken back alone.
    pub fn mark(&mut self) -> Mark {
        self.saved = None;
        self.fresh_from = self.records.len();
        Mark {
            records: self.records.len(),
            bytes: self.bytes,
        }
    }

    /// Takes the records since a mark out.
    pub fn split_off(&mut self, mark: Mark) -> Vec<Undo> {
        self.saved = None;
        self.fresh_from = mark.records;
        self.bytes = mark.bytes;
        let since = self.records.split_off(mark.records);
        if since.len() > RECORDS_KEPT_ROOM_FOR_MAX {
            self.records.shrink_to_fit();
        }
        since
    }

    /// All that it has recorded.
    pub fn take_records(&mut self) -> Vec<Undo> {
        std::mem::take(&mut self.records)
    }

    /// Bytes that the log holds, with the room that it has for more.
    #[inline]
    pub fn bytes(&self) -> usize {
        let map_bytes = match &self.saved {
            Some(saved) => saved.capacity() * SAVED_BYTES,
            None => 0,
        };
        self.bytes + self.records.capacity() * size_of::<Undo>() + map_bytes
    }
}
