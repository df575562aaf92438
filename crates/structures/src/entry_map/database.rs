//! The operations on whole databases: counts, walks, scans, and emptying one.
//!
//! Emptying has three speeds. `take_db` moves the table out and leaves the entries where they are, so it can be
//! undone; `free_db` then walks the entries. `clear` does both at once, and where the database is all that the
//! map holds, which is the common case, it moves the whole memory out instead, without a walk. In each case what
//! is left to drop comes back as a [`Cleared`], to be dropped off the lock.

use super::handle::Handle;
use super::heap::Heap;
use super::map::{EntryMap, KeyHash};
use super::slab::{Slab, StripeSizes};
use super::table::{Table, TableStats};

/// The table of a database that has been taken out. Its entries are still in the map: give it to
/// [`EntryMap::restore_db`] or [`EntryMap::free_db`], or they stay there as long as the map.
#[must_use = "the entries stay in the map until restore_db or free_db"]
#[derive(Default)]
pub struct DetachedDb {
    table: Table,
}

impl DetachedDb {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What is left of a database that has been emptied: memory and objects that wait to be dropped. The map does
/// not count it any more.
#[must_use = "dropping it takes time: do that off the lock"]
pub struct Cleared<H> {
    len: usize,
    _table: Table,
    _objects: Vec<H>,
    _memory: Option<(Slab<StripeSizes>, Heap<H>)>,
}

impl<H> Cleared<H> {
    /// The number of entries that there were.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there were no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<H, S: KeyHash> EntryMap<H, S> {
    /// The number of entries linked in a database.
    pub fn len(&self, db: usize) -> usize {
        self.tables.get(db).map_or(0, Table::len)
    }

    /// The number of entries of a database that have an expiry time.
    pub fn expires_len(&self, db: usize) -> usize {
        self.tables.get(db).map_or(0, Table::expiring)
    }

    /// Whether no database has an entry. Detached entries do not count.
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(|table| table.len() == 0)
    }

    /// Shows all entries of a database, in no order.
    pub fn iterate(&self, db: usize, visit: impl FnMut(Handle)) {
        self.handles(db).for_each(visit);
    }

    /// All entries of a database, in no order.
    pub fn handles(&self, db: usize) -> impl Iterator<Item = Handle> {
        self.tables.get(db).into_iter().flat_map(Table::handles)
    }

    /// Shows a few entries of a database, from `cursor` on, and returns the cursor for the next call. A scan
    /// begins with 0 and has ended when it gets 0; cursors are below 2^42. An entry that is there during the
    /// whole scan is shown at least once, whatever comes and goes between the calls. Any number is a valid
    /// cursor.
    pub fn scan(&self, db: usize, cursor: u64, mut visit: impl FnMut(Handle)) -> u64 {
        self.tables
            .get(db)
            .map_or(0, |table| table.scan(cursor, false, &mut visit))
    }

    /// As [`scan`](Self::scan), for the entries that have an expiry time; others are not touched.
    pub fn scan_expiring(&self, db: usize, cursor: u64, mut visit: impl FnMut(Handle)) -> u64 {
        self.tables
            .get(db)
            .map_or(0, |table| table.scan(cursor, true, &mut visit))
    }

    /// An entry of a database, chosen by the bits of `random`; none if there are no entries. All are about
    /// equally probable.
    pub fn random(&self, db: usize, random: u64) -> Option<Handle> {
        self.tables.get(db)?.random(random)
    }

    /// Figures of a database's table. Walks the table.
    pub fn stats(&self, db: usize) -> TableStats {
        self.tables
            .get(db)
            .map_or_else(TableStats::default, Table::stats)
    }

    /// Exchanges two databases. Handles stay valid.
    pub fn swap_dbs(&mut self, a: usize, b: usize) {
        self.forget_last();
        self.tables.swap(a, b);
    }

    /// Empties a database in a way that can be undone: its entries stay allocated, all detached.
    pub fn take_db(&mut self, db: usize) -> DetachedDb {
        self.forget_last();
        DetachedDb {
            table: self.tables.take(db),
        }
    }

    /// Undoes [`take_db`](Self::take_db), and hands over what has come into the database since.
    pub fn restore_db(&mut self, db: usize, taken: DetachedDb) -> DetachedDb {
        self.forget_last();
        DetachedDb {
            table: std::mem::replace(self.tables.get_mut(db), taken.table),
        }
    }

    /// Frees the entries of a database that has been taken out. Walks them, unless they are all that the map has.
    pub fn free_db(&mut self, taken: DetachedDb) -> Cleared<H> {
        self.forget_last();
        let table = taken.table;
        let len = table.len();
        if len == self.slab.live() {
            let slab = std::mem::replace(&mut self.slab, Slab::new());
            let heap = std::mem::replace(&mut self.heap, Heap::new());
            return Cleared {
                len,
                _table: table,
                _objects: Vec::new(),
                _memory: Some((slab, heap)),
            };
        }
        let objects = table
            .handles()
            .filter_map(|handle| self.free(handle))
            .collect();
        Cleared {
            len,
            _table: table,
            _objects: objects,
            _memory: None,
        }
    }

    /// Empties a database. Detached entries are not concerned.
    pub fn clear(&mut self, db: usize) -> Cleared<H> {
        self.forget_last();
        let taken = self.take_db(db);
        self.free_db(taken)
    }
}
