//! Sets of byte strings.
//!
//! | encoding    | what                                                              |
//! |-------------|-------------------------------------------------------------------|
//! | `listpack`  | up to `set-max-listpack-entries` members, none of them long       |
//! | `hashtable` | all others                                                        |

use std::fmt;

use perilune_structures::{FieldMap, Item, Listpack};

use crate::edit::{Collection, Edit, Inverse, Limits};
use crate::hasher::MemberHasher;
use crate::object::Object;

/// A set. Read through these methods, changed through [`Edit`].
pub struct Set(Encoding);

enum Encoding {
    Packed(Listpack),
    Table(Box<FieldMap<MemberHasher>>),
}

/// What takes a change of a set back.
#[derive(Debug)]
pub enum SetInverse {
    /// The member was not there.
    Remove(Box<[u8]>),
    /// The member was there.
    Insert(Box<[u8]>),
}

impl SetInverse {
    /// Bytes that it holds.
    pub fn memory_bytes(&self) -> usize {
        match self {
            SetInverse::Remove(member) | SetInverse::Insert(member) => member.len(),
        }
    }
}

impl From<SetInverse> for Inverse {
    fn from(inverse: SetInverse) -> Inverse {
        Inverse::Set(inverse)
    }
}

impl From<Set> for Object {
    fn from(set: Set) -> Object {
        Object::Set(set)
    }
}

impl Default for Set {
    /// An empty set, packed.
    fn default() -> Self {
        Set(Encoding::Packed(Listpack::new()))
    }
}

impl Set {
    /// Whether `member` is one.
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Encoding::Packed(pack) => pack.find(None, member, 0).is_some(),
            Encoding::Table(table) => table.contains(member),
        }
    }

    /// Shows all members, in no order that means anything.
    pub fn for_each<'a>(&'a self, mut visit: impl FnMut(Item<'a>)) {
        match &self.0 {
            Encoding::Packed(pack) => pack.iter().for_each(visit),
            Encoding::Table(table) => table
                .iter()
                .for_each(|found| visit(Item::Bytes(found.field))),
        }
    }

    /// The encoding's name, as OBJECT ENCODING answers it.
    pub fn encoding_name(&self) -> &'static str {
        match &self.0 {
            Encoding::Packed(_) => "listpack",
            Encoding::Table(_) => "hashtable",
        }
    }

    fn to_table(&self) -> Set {
        let mut table = Box::new(FieldMap::new(MemberHasher));
        let mut digits = itoa::Buffer::new();
        self.for_each(|member| {
            table.insert(member.bytes(&mut digits));
        });
        Set(Encoding::Table(table))
    }

    /// Whether the packed encoding may take another member of `len` bytes.
    fn may_stay_packed(&self, len: usize, limits: &Limits) -> bool {
        match &self.0 {
            Encoding::Packed(pack) => {
                pack.len() < limits.set_max_listpack_entries
                    && len <= limits.set_max_listpack_value
                    && pack.would_fit(len)
            }
            Encoding::Table(_) => true,
        }
    }

    /// Adds a member that is not there, in the encoding that there is.
    fn put(&mut self, member: &[u8]) {
        match &mut self.0 {
            Encoding::Packed(pack) => pack.push_back(Item::of(member)),
            Encoding::Table(table) => {
                table.insert(member);
            }
        }
    }

    /// Removes a member that is there.
    fn take(&mut self, member: &[u8]) {
        match &mut self.0 {
            Encoding::Packed(pack) => {
                if let Some(at) = pack.find(None, member, 0) {
                    pack.remove(at);
                }
            }
            Encoding::Table(table) => {
                table.remove(member);
            }
        }
    }
}

impl Edit<'_, Set> {
    /// Adds a member. Whether it is new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        if self.contains(member) {
            return false;
        }
        if !self.may_stay_packed(member.len(), self.limits()) {
            self.convert(Set::to_table);
        }
        self.change(|_| SetInverse::Remove(member.into()))
            .put(member);
        true
    }

    /// Removes a member. Whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let was_there = self.contains(member);
        if was_there {
            self.change(|_| SetInverse::Insert(member.into()))
                .take(member);
        }
        was_there
    }
}

impl Collection for Set {
    type Inverse = SetInverse;

    fn of(object: &Object) -> Option<&Self> {
        match object {
            Object::Set(set) => Some(set),
            _ => None,
        }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::Set(set) => Some(set),
            _ => None,
        }
    }

    fn len(&self) -> usize {
        match &self.0 {
            Encoding::Packed(pack) => pack.len(),
            Encoding::Table(table) => table.len(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match &self.0 {
            Encoding::Packed(pack) => pack.heap_bytes(),
            Encoding::Table(table) => size_of::<FieldMap<MemberHasher>>() + table.heap_bytes(),
        }
    }

    fn is_packed(&self) -> bool {
        matches!(self.0, Encoding::Packed(_))
    }

    fn undo(&mut self, inverse: SetInverse) {
        match inverse {
            SetInverse::Remove(member) => self.take(&member),
            SetInverse::Insert(member) => self.put(&member),
        }
    }
}

impl Clone for Set {
    fn clone(&self) -> Self {
        match &self.0 {
            Encoding::Packed(pack) => Set(Encoding::Packed(pack.clone())),
            Encoding::Table(_) => self.to_table(),
        }
    }
}

impl fmt::Debug for Set {
    /// Its members in order, whatever the encoding: two sets that are the same show the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = Vec::with_capacity(self.len());
        self.for_each(|member| members.push(member.to_vec()));
        members.sort();
        f.debug_set()
            .entries(members.iter().map(|member| String::from_utf8_lossy(member)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Journal;

    /// Keeps everything, as an undo log does.
    #[derive(Default)]
    struct Log(Vec<Inverse>);

    impl Journal for Log {
        fn record(&mut self, inverse: Inverse) {
            self.0.push(inverse);
        }
    }

    fn numbers(limits: &Limits, count: usize) -> Set {
        let mut set = Set::default();
        let mut edit = Edit::new(&mut set, None, limits);
        for i in 0..count {
            assert!(edit.insert(format!("member:{i}").as_bytes()));
        }
        assert_eq!(edit.changes(), count as u64);
        set
    }

    #[test]
    fn a_set_leaves_the_packed_encoding_at_its_limits() {
        let limits = Limits::default();
        assert_eq!(numbers(&limits, 128).encoding_name(), "listpack");
        assert_eq!(numbers(&limits, 129).encoding_name(), "hashtable");
        let mut set = numbers(&limits, 1);
        Edit::new(&mut set, None, &limits).insert(&[b'x'; 64]);
        assert_eq!(set.encoding_name(), "listpack");
        Edit::new(&mut set, None, &limits).insert(&[b'x'; 65]);
        assert_eq!(set.encoding_name(), "hashtable");
        assert_eq!(set.len(), 3);
    }

    #[test]
    fn changes_of_a_big_set_are_taken_back_in_reverse() {
        let limits = Limits::default();
        let mut set = numbers(&limits, 200);
        let before = format!("{set:?}");
        let mut log = Log::default();
        let mut edit = Edit::new(&mut set, Some(&mut log), &limits);
        assert!(edit.remove(b"member:7") && !edit.remove(b"member:7"));
        assert!(edit.insert(b"new") && !edit.insert(b"new"));
        assert!(edit.remove(b"new") && edit.insert(b"member:7"));
        assert!(edit.remove(b"member:8"));
        assert_eq!((edit.changes(), log.0.len()), (5, 5));
        let mut object = Object::from(set);
        for inverse in log.0.into_iter().rev() {
            object.undo(inverse);
        }
        assert_eq!(format!("{:?}", Set::of(&object).unwrap()), before);
    }
}
