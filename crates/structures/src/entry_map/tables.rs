//! Tables: one for each database, made when it is first used.
//!
//! ```text
//!  +-----------------+------+          +---------+---------+--
//!  |  first (db 0)   | more | -------> |    *    |  none   |      made when they are first used
//!  +-----------------+------+          +----|----+---------+--
//!                                           +--> table of db 1
//! ```
//!
//! Nearly all keys of nearly all servers are in database 0. So its table lies in the map itself, which saves a
//! cache miss for each command.

use super::table::Table;

/// See the module.
#[derive(Default)]
#[repr(C)]
pub(super) struct Tables {
    more: Vec<Option<Box<Table>>>,
    first: Table,
}

impl Tables {
    /// A database's table, if it has ever been used.
    #[inline]
    pub(super) fn get(&self, db: usize) -> Option<&Table> {
        match db {
            0 => Some(&self.first),
            _ => self.more.get(db - 1)?.as_deref(),
        }
    }

    /// A database's table.
    #[inline]
    pub(super) fn get_mut(&mut self, db: usize) -> &mut Table {
        if db == 0 {
            return &mut self.first;
        }
        if db > self.more.len() {
            self.more.reserve_exact(db - self.more.len());
            self.more.resize_with(db, || None);
        }
        self.more[db - 1].get_or_insert_default()
    }

    /// Takes a database's table out and leaves an empty one.
    pub(super) fn take(&mut self, db: usize) -> Table {
        match db {
            0 => std::mem::take(&mut self.first),
            _ => {
                let table = self.more.get_mut(db - 1).and_then(Option::take);
                table.map_or_else(Table::default, |table| *table)
            }
        }
    }

    /// Exchanges the tables of two databases.
    pub(super) fn swap(&mut self, a: usize, b: usize) {
        if a != b && (self.get(a).is_some() || self.get(b).is_some()) {
            let (table_a, table_b) = (self.take(a), self.take(b));
            *self.get_mut(a) = table_b;
            *self.get_mut(b) = table_a;
        }
    }

    /// All tables.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Table> {
        std::iter::once(&self.first).chain(self.more.iter().flatten().map(Box::as_ref))
    }

    /// What the tables have taken from the allocator.
    pub(super) fn memory_bytes(&self) -> usize {
        let inside: usize = self.iter().map(Table::memory_bytes).sum();
        let boxes = (self.iter().count() - 1) * size_of::<Table>();
        inside + boxes + self.more.capacity() * size_of::<Option<Box<Table>>>()
    }
}
