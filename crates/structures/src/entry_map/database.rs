//! The operations on whole databases: counts, walks, scans, and emptying one.
//!
//! Emptying has two steps. `take_db` moves the table out and leaves the entries where they are, so it can be
//! undone; `free_dbs` then frees them. Where they are all that the map holds, which is the common case, it moves the
//! whole memory out, without a walk; otherwise it walks them, as the memory has entries of other databases as well. In each case
//! what is left to drop comes back as a [`Cleared`], to be dropped off the lock.

use super::handle::Handle;
use super::heap::Heap;
use super::map::{EntryMap, KeyHash};
use super::slab::{Slab, StripeSizes};
use super::table::{Table, TableStats};

/// The table of a database that has been taken out. Its entries are still in the map: give it to
/// [`EntryMap::restore_db`] or [`EntryMap::free_dbs`], or they stay there as long as the map.
#[must_use = "the entries stay in the map until restore_db or free_dbs"]
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

/// What is left of databases that have been emptied: memory and objects that wait to be dropped. The map does
/// not count it any more.
#[must_use = "dropping it takes time: do that off the lock"]
pub struct Cleared<H> {
    len: usize,
    _tables: Vec<Table>,
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

    /// All entries that the map holds, of all databases and detached ones.
    pub fn entries(&self) -> usize {
        self.slab.live()
    }

    /// Frees the entries of databases that have been taken out. Walks them, unless they are all that the map has.
    pub fn free_dbs(&mut self, taken: impl IntoIterator<Item = DetachedDb>) -> Cleared<H> {
        self.forget_last();
        let tables: Vec<Table> = taken.into_iter().map(|taken| taken.table).collect();
        let len = tables.iter().map(Table::len).sum();
        if len == self.slab.live() {
            let slab = std::mem::replace(&mut self.slab, Slab::new());
            let heap = std::mem::replace(&mut self.heap, Heap::new());
            return Cleared {
                len,
                _tables: tables,
                _objects: Vec::new(),
                _memory: Some((slab, heap)),
            };
        }
        let objects = tables
            .iter()
            .flat_map(Table::handles)
            .filter_map(|handle| self.free(handle))
            .collect();
        Cleared {
            len,
            _tables: tables,
            _objects: objects,
            _memory: None,
        }
    }

    /// Empties a database. Detached entries are not concerned.
    pub fn clear(&mut self, db: usize) -> Cleared<H> {
        self.forget_last();
        let taken = self.take_db(db);
        self.free_dbs([taken])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NewEntry, NewPayload};
    use super::*;

    fn map_of(entries: &[(usize, u64)]) -> EntryMap<String, impl KeyHash> {
        let hash = |key: &[u8]| u64::from(key[0]) << 32;
        let mut map = EntryMap::new(hash);
        for &(db, number) in entries {
            let key = [number as u8];
            let entry = NewEntry {
                key: &key,
                payload: NewPayload::Heap(format!("{number}")),
                encoding: 0,
                expire_at: None,
                access: 0,
            };
            map.insert(db, number << 32, entry);
        }
        map
    }

    #[test]
    fn what_is_all_that_the_map_holds_is_moved_and_not_walked_over() {
        let mut map = map_of(&[(0, 1), (0, 2), (3, 1)]);
        let taken = [0, 3].map(|db| map.take_db(db));
        assert_eq!((map.is_empty(), map.entries()), (true, 3));
        let cleared = map.free_dbs(taken);
        assert_eq!((cleared.len(), cleared._memory.is_some()), (3, true));
        assert_eq!(map.entries(), 0);
    }

    #[test]
    fn what_shares_the_memory_with_others_is_walked_over() {
        let mut map = map_of(&[(0, 1), (0, 2), (3, 1)]);
        let taken = map.take_db(0);
        let cleared = map.free_dbs([taken]);
        assert_eq!((cleared.len(), cleared._objects.len()), (2, 2));
        assert_eq!((map.len(3), map.entries()), (1, 1));
    }
}
