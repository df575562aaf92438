//! How collections are changed: by primitive changes, each of which can be taken back.
//!
//! ```text
//!   handler -> Edit<Set>::insert(member) --- changes the set
//!                        |
//!                        +--> Journal::record(SetInverse::Remove(member))    where something may be taken back
//! ```
//!
//! An [`Edit`] is the only way to a collection's changing methods, and each of them says how to take itself back
//! before it changes anything. So undo cannot be forgotten, and costs nothing where nobody keeps a journal.

use std::ops::Deref;

use crate::object::Object;

/// What takes one primitive change of a collection back.
#[derive(Debug)]
pub enum Inverse {
    /// A change of a list.
    List(crate::list::ListInverse),
    /// A change of a set.
    Set(crate::set::SetInverse),
    /// A change of a hash.
    Hash(crate::hash::HashInverse),
    /// A change of a sorted set.
    SortedSet(crate::sorted_set::SortedSetInverse),
    /// The collection as it was, for changes that are not worth taking back piece by piece (another encoding).
    Whole(Object),
}

impl Inverse {
    /// Bytes that it holds, for the limit of the undo log.
    pub fn memory_bytes(&self) -> usize {
        let held = match self {
            Inverse::List(inverse) => inverse.memory_bytes(),
            Inverse::Set(inverse) => inverse.memory_bytes(),
            Inverse::Hash(inverse) => inverse.memory_bytes(),
            Inverse::SortedSet(inverse) => inverse.memory_bytes(),
            Inverse::Whole(object) => object.heap_bytes(),
        };
        size_of::<Inverse>() + held
    }
}

/// Keeps inverses, to be applied from the last to the first.
pub trait Journal {
    /// Keeps one. What it takes back happens right after.
    fn record(&mut self, inverse: Inverse);
}

/// A value type that is changed by primitive changes.
pub trait Collection: Default + Into<Object> {
    /// What takes one of its primitive changes back.
    type Inverse: Into<Inverse>;

    /// The collection that an object is, if it is one of this type.
    fn of(object: &Object) -> Option<&Self>;

    /// As [`Collection::of`], to change it.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;

    /// Elements. An empty collection does not stay: its key goes with the last element.
    fn len(&self) -> usize;

    /// Whether there is no element.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap. Cheap: it is asked before and after each edit.
    fn heap_bytes(&self) -> usize;

    /// How many allocations dropping it gives back, about. Cheap, as [`Collection::heap_bytes`].
    fn allocations(&self) -> usize;

    /// Whether it is kept in one piece and small: then undo may copy it once, and keep no inverses.
    fn is_packed(&self) -> bool;

    /// Whether elements of it expire, or have a place in a queue of those that do.
    #[inline]
    fn has_expiries(&self) -> bool {
        false
    }

    /// Takes one change back.
    fn undo(&mut self, inverse: Self::Inverse);
}

/// Above these numbers collections leave their packed encodings: the settings of the same names, in Redis's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `hash-max-listpack-entries`: fields.
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`: bytes of a field or value.
    pub hash_max_listpack_value: usize,
    /// `list-max-listpack-size`: elements of a node, or where negative a size class from -1 (4 KiB) to -5 (64 KiB).
    pub list_max_listpack_size: i32,
    /// From how many bytes on an element of a quicklist has a node of its own, whatever nodes hold; 0: from where it
    /// must. What DEBUG QUICKLIST-PACKED-THRESHOLD sets.
    pub list_packed_threshold: u32,
    /// `set-max-intset-entries`: members.
    pub set_max_intset_entries: usize,
    /// `set-max-listpack-entries`: members.
    pub set_max_listpack_entries: usize,
    /// `set-max-listpack-value`: bytes of a member.
    pub set_max_listpack_value: usize,
    /// `zset-max-listpack-entries`: members.
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`: bytes of a member.
    pub zset_max_listpack_value: usize,
}

impl Default for Limits {
    /// Redis's defaults.
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            list_packed_threshold: 0,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
        }
    }
}

/// A collection in the hands of one who changes it. Reads as the collection itself.
pub struct Edit<'a, T> {
    value: &'a mut T,
    journal: Option<&'a mut dyn Journal>,
    limits: &'a Limits,
    changes: u64,
    has_changed: bool,
    garbage: Vec<Object>,
}

impl<T> Deref for Edit<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value
    }
}

impl<'a, T: Collection> Edit<'a, T> {
    /// Begins to change `value`, noting in `journal`, if there is one, how to take that back.
    pub fn new(value: &'a mut T, journal: Option<&'a mut dyn Journal>, limits: &'a Limits) -> Self {
        Self {
            value,
            journal,
            limits,
            changes: 0,
            has_changed: false,
            garbage: Vec::new(),
        }
    }

    /// Changes so far: what a command adds to `rdb_changes_since_last_save`. Each primitive change counts as one,
    /// where nothing else is said.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether there was a primitive change, counted or not.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// What was left over and is to be freed when no stripe is held.
    pub fn take_garbage(&mut self) -> Vec<Object> {
        std::mem::take(&mut self.garbage)
    }

    /// Counts changes that are no primitive change of their own but count in Redis (a field set to what it held).
    pub fn count_changes(&mut self, changes: u64) {
        self.changes += changes;
    }

    /// Makes the changes so far count as so many, where Redis counts otherwise (a move between lists counts once).
    pub(crate) fn count_as(&mut self, changes: u64) {
        self.changes = changes;
    }

    /// Whether somebody keeps inverses.
    pub(crate) fn is_recorded(&self) -> bool {
        self.journal.is_some()
    }

    /// Sets something big aside, to be freed when no stripe is held.
    pub(crate) fn discard(&mut self, leftover: impl Into<Object>) {
        self.garbage.push(leftover.into());
    }

    /// The limits of packed encodings.
    pub fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// The collection, to make the change that is announced here: `inverse` says how to take it back, and is asked
    /// only where somebody wants to know.
    pub(crate) fn change(&mut self, inverse: impl FnOnce(&T) -> T::Inverse) -> &mut T {
        self.changes += 1;
        self.has_changed = true;
        if let Some(journal) = &mut self.journal {
            journal.record(inverse(self.value).into());
        }
        self.value
    }

    /// Makes a change that leaves over what takes it back, so that this can be moved and need not be copied. It must not
    /// panic half-way: only now `inverse` is kept. If nobody keeps it the caller has what is left over. None from `change`
    /// says that nothing was changed.
    pub(crate) fn change_then<L>(
        &mut self,
        change: impl FnOnce(&mut T) -> Option<L>,
        inverse: impl FnOnce(L) -> T::Inverse,
    ) -> Option<L> {
        let leftover = change(self.value)?;
        self.changes += 1;
        self.has_changed = true;
        match &mut self.journal {
            Some(journal) => journal.record(inverse(leftover).into()),
            None => return Some(leftover),
        }
        None
    }

    /// Puts the collection into another form with the same elements: no change that counts. Where inverses are
    /// kept, the form that it had is, too.
    pub(crate) fn convert(&mut self, convert: impl FnOnce(&T) -> T) {
        let converted = convert(self.value);
        let old = std::mem::replace(self.value, converted);
        if let Some(journal) = &mut self.journal {
            journal.record(Inverse::Whole(old.into()));
        }
    }
}

/// A collection in the hands of one who changes an element in its place: the collection takes as much memory as before, has as
/// many elements, and none of them expires otherwise.
///
/// It keeps no inverses: whoever makes one has the collection saved as a whole, or need not take anything back. What an
/// [`Edit`] looks after besides is two thirds of the work of adding to an integer.
pub struct InPlace<'a, T>(pub(crate) &'a mut T);

impl<'a, T> InPlace<'a, T> {
    /// Begins to change `value`.
    #[inline]
    pub fn new(value: &'a mut T) -> Self {
        Self(value)
    }
}
