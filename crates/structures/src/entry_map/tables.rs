//! Tables: one for each database, made when it is first used.
//!
//! ```text
//!  +-----------------+------+          +---------+---------+--
//!  |  first (db 0)   | more | -------> |  db 1   |  db 2   |      none of these before one is used
//!  +-----------------+------+          +---------+---------+--
//! ```
//!
//! Nearly all keys of nearly all servers are in database 0. So its table lies in the map itself, which saves a
//! cache miss for each command.

use super::table::Table;

/// See the module.
#[derive(Default)]
pub(super) struct Tables {
    first: Table,
    more: Vec<Table>,
}

impl Tables {
    /// A database's table, if it has ever been used.
    #[inline]
    pub(super) fn get(&self, db: usize) -> Option<&Table> {
        match db {
            0 => Some(&self.first),
            _ => self.more.get(db - 1),
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
            self.more.resize_with(db, Table::default);
        }
        &mut self.more[db - 1]
    }

    /// Takes a database's table out and leaves an empty one.
    pub(super) fn take(&mut self, db: usize) -> Table {
        match self.get(db) {
            Some(_) => std::mem::take(self.get_mut(db)),
            None => Table::default(),
        }
    }

    /// Exchanges the tables of two databases.
    pub(super) fn swap(&mut self, a: usize, b: usize) {
        let (table_a, table_b) = (self.take(a), self.take(b));
        *self.get_mut(a) = table_b;
        *self.get_mut(b) = table_a;
    }

    /// All tables.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Table> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// What the tables have taken from the allocator.
    pub(super) fn memory_bytes(&self) -> usize {
        let tables: usize = self.iter().map(Table::memory_bytes).sum();
        tables + self.more.capacity() * size_of::<Table>()
    }
}
