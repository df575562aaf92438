//! The operations on whole databases: counts, walks, scans, and emptying one.
//!
//! Emptying has three speeds. `take_db` moves the table out and leaves the entries where they are, so it can be
//! undone. `free_db` then gives up the entries: where they are all that the map holds, which is the common case, it moves
//! the whole memory out, without a walk. Else the entries of several databases lie side by side in one memory, and have to
//! be freed one by one: a few at once, more of them by `sweep`, some at a time. What is left to drop comes back as a
//! [`Cleared`], to be dropped off the lock.

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

/// Databases that have been emptied, and entries of theirs that are still to be freed.
#[derive(Default)]
pub(super) struct Abandoned {
    tables: Vec<Table>,
    /// The place in the last table up to which its entries have been freed.
    place: usize,
    /// Entries that are left.
    pub(super) len: usize,
}

/// What is left of databases that have been emptied: memory and objects that wait to be dropped. The map does
/// not count it any more.
#[must_use = "dropping it takes time: do that off the lock"]
pub struct Cleared<H> {
    len: usize,
    objects: Vec<H>,
    tables: Vec<Table>,
    memory: Option<(Slab<StripeSizes>, Heap<H>)>,
}

impl<H> Default for Cleared<H> {
    fn default() -> Self {
        Cleared {
            len: 0,
            objects: Vec::new(),
            tables: Vec::new(),
            memory: None,
        }
    }
}

impl<H> Cleared<H> {
    /// The number of entries that have been freed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none has been freed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether this is all that the map held, its memory as a whole.
    pub fn is_whole(&self) -> bool {
        self.memory.is_some()
    }

    /// The objects of the entries, unless it [is the whole memory](Self::is_whole).
    pub fn objects(&self) -> &[H] {
        &self.objects
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

    /// Gives up the entries of a database that has been taken out. They are freed if there are no more than
    /// `at_once_max` of them, or if they are all that the map has; if not they are left to [`sweep`](Self::sweep).
    pub fn free_db(&mut self, taken: DetachedDb, at_once_max: usize) -> Cleared<H> {
        self.forget_last();
        let DetachedDb { table } = taken;
        let mut cleared = Cleared::default();
        if table.len() + self.abandoned.len == self.slab.live() {
            let abandoned = std::mem::take(&mut self.abandoned);
            let slab = std::mem::replace(&mut self.slab, Slab::new());
            let heap = std::mem::replace(&mut self.heap, Heap::new());
            cleared.len = table.len() + abandoned.len;
            cleared.tables = abandoned.tables;
            cleared.tables.push(table);
            cleared.memory = Some((slab, heap));
        } else if table.len() <= at_once_max {
            cleared.len = table.len();
            let objects = table.handles().filter_map(|handle| self.free(handle));
            cleared.objects = objects.collect();
            cleared.tables.push(table);
        } else {
            self.abandoned.len += table.len();
            // not as the last one, of which some may have been freed
            self.abandoned.tables.insert(0, table);
        }
        cleared
    }

    /// Entries that [`free_db`](Self::free_db) has left to [`sweep`](Self::sweep). They take memory as before, and
    /// nobody finds them.
    pub fn abandoned(&self) -> usize {
        self.abandoned.len
    }

    /// All entries that are abandoned.
    pub fn abandoned_handles(&self) -> impl Iterator<Item = Handle> {
        let Abandoned { tables, place, .. } = &self.abandoned;
        let last = tables.len().saturating_sub(1);
        tables.iter().enumerate().flat_map(move |(at, table)| {
            let begin = if at == last { *place } else { 0 };
            (begin..table.places()).flat_map(|place| table.handles_at(place))
        })
    }

    /// Frees abandoned entries, at least `entries` if there are so many and a bucket more at most.
    pub fn sweep(&mut self, entries: usize, cleared: &mut Cleared<H>) {
        self.forget_last();
        let enough = cleared.len + entries;
        while cleared.len < enough
            && let Some(table) = self.abandoned.tables.pop()
        {
            let mut place = std::mem::take(&mut self.abandoned.place);
            while cleared.len < enough && place < table.places() {
                for handle in table.handles_at(place) {
                    cleared.objects.extend(self.free(handle));
                    cleared.len += 1;
                    self.abandoned.len -= 1;
                }
                place += 1;
            }
            if place < table.places() {
                self.abandoned.place = place;
                self.abandoned.tables.push(table);
            } else {
                cleared.tables.push(table);
            }
        }
    }

    /// Entries that the map has memory for: linked, detached and abandoned ones.
    pub fn live(&self) -> usize {
        self.slab.live()
    }

    /// Empties a database. Detached entries are not concerned.
    pub fn clear(&mut self, db: usize) -> Cleared<H> {
        let taken = self.take_db(db);
        self.free_db(taken, usize::MAX)
    }
}
