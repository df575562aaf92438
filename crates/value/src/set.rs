//! Sets of byte strings.
//!
//! | encoding    | what                                                                           |
//! |-------------|--------------------------------------------------------------------------------|
//! | `intset`    | up to `set-max-intset-entries` members, all of them integers                   |
//! | `listpack`  | up to `set-max-listpack-entries` members, none longer than `set-max-listpack-value` |
//! | `hashtable` | all others                                                                     |
//!
//! A set that has left an encoding does not come back to it by losing members; what a command makes anew may.

use std::fmt;

use perilune_structures::{FieldExpiry, FieldMap, Intset, Item, Listpack, prefetch};

use crate::edit::{Collection, Edit, Inverse, Limits};
use crate::hasher::MemberHasher;
use crate::number::parse_i64;
use crate::object::Object;

/// More integers than this are no intset, whatever the setting says: the reference's limit.
const INTSET_LEN_MAX: usize = 1 << 30;

/// A set. Read through these methods, changed through [`Edit`].
pub struct Set(Encoding);

enum Encoding {
    Ints(Intset),
    Packed(Listpack),
    Table(Box<FieldMap<MemberHasher>>),
}

impl Set {
    /// Asks for the memory where it begins.
    #[inline]
    pub(crate) fn prefetch(&self) {
        match &self.0 {
            Encoding::Ints(ints) => ints.as_bytes().first().map_or((), prefetch),
            Encoding::Packed(pack) => pack.prefetch(),
            Encoding::Table(table) => prefetch(&**table),
        }
    }

    /// Asks for the memory of a member of a big set: see [`Object::prefetch_member`](crate::Object::prefetch_member).
    #[inline]
    pub(crate) fn prefetch_member(&self, member: &[u8], itself: bool) {
        match &self.0 {
            Encoding::Table(table) if itself => table.prefetch_field(member),
            Encoding::Table(table) => table.prefetch(member),
            _ => {}
        }
    }
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
    /// An empty set, in the encoding that is left last.
    fn default() -> Self {
        Set(Encoding::Ints(Intset::new()))
    }
}

/// An iterator over one of three kinds.
enum OneOf<A, B, C> {
    Ints(A),
    Packed(B),
    Table(C),
}

impl<'a, A, B, C> Iterator for OneOf<A, B, C>
where
    A: Iterator<Item = Item<'a>>,
    B: Iterator<Item = Item<'a>>,
    C: Iterator<Item = Item<'a>>,
{
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            OneOf::Ints(ints) => ints.next(),
            OneOf::Packed(pack) => pack.next(),
            OneOf::Table(table) => table.next(),
        }
    }

    /// Asks once which kind it is, not for each member.
    #[inline]
    fn fold<Acc, F: FnMut(Acc, Item<'a>) -> Acc>(self, init: Acc, f: F) -> Acc {
        match self {
            OneOf::Ints(ints) => ints.fold(init, f),
            OneOf::Packed(pack) => pack.fold(init, f),
            OneOf::Table(table) => table.fold(init, f),
        }
    }
}

impl Set {
    /// An empty set that can hold `first` and is going to get `count` members.
    pub fn for_members(first: &[u8], count: usize, limits: &Limits) -> Set {
        if count <= limits.set_max_intset_entries && parse_i64(first).is_some() {
            Set::default()
        } else if count <= limits.set_max_listpack_entries {
            Set::packed()
        } else {
            Set::table()
        }
    }

    /// An empty set that is a listpack, even where its first member is an integer.
    pub fn packed() -> Set {
        Set(Encoding::Packed(Listpack::new()))
    }

    /// The set whose members stand in this block.
    pub fn from_intset(ints: Intset) -> Set {
        Set(Encoding::Ints(ints))
    }

    /// The set whose members stand in this listpack, each once.
    pub fn from_listpack(pack: Listpack) -> Set {
        Set(Encoding::Packed(pack))
    }

    /// An empty set that is a table.
    pub(crate) fn table() -> Set {
        Set(Encoding::Table(Box::new(FieldMap::new(MemberHasher))))
    }

    /// The integers, if it is encoded as such.
    pub fn as_intset(&self) -> Option<&Intset> {
        match &self.0 {
            Encoding::Ints(ints) => Some(ints),
            _ => None,
        }
    }

    /// The listpack, if it is encoded as one.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Encoding::Packed(pack) => Some(pack),
            _ => None,
        }
    }

    /// Whether `member` is one.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Encoding::Ints(ints) => parse_i64(member).is_some_and(|int| ints.contains(int)),
            Encoding::Packed(pack) => pack.find(None, member, 0).is_some(),
            Encoding::Table(table) => table.contains(member),
        }
    }

    /// As [`Set::contains`], for a member of another set.
    pub fn contains_item(&self, member: Item<'_>) -> bool {
        match (&self.0, member) {
            (Encoding::Ints(ints), Item::Int(int)) => ints.contains(int),
            _ => self.contains(member.bytes(&mut itoa::Buffer::new())),
        }
    }

    /// All members; integers in ascending order, others in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        match &self.0 {
            Encoding::Ints(ints) => OneOf::Ints(ints.iter().map(Item::Int)),
            Encoding::Packed(pack) => OneOf::Packed(pack.iter()),
            Encoding::Table(table) => {
                OneOf::Table(table.iter().map(|found| Item::Bytes(found.field)))
            }
        }
    }

    /// Shows some members from `cursor` on, which starts at 0; the cursor to go on with, 0 at the end. A member that is
    /// there all the time is shown at least once. What is no table is shown as a whole.
    pub fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(Item<'a>)) -> u64 {
        match &self.0 {
            Encoding::Table(table) => table.scan(cursor, |found| visit(Item::Bytes(found.field))),
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// A member chosen by random bits, each about as probable as any other; none if there is none.
    pub fn random(&self, bits: u64) -> Option<Item<'_>> {
        // the high half of the product is below the length, and as uniform as the bits are
        let index = |len: usize| ((u128::from(bits) * len as u128) >> 64) as usize;
        match &self.0 {
            Encoding::Ints(ints) => ints.get(index(ints.len())).map(Item::Int),
            Encoding::Packed(pack) => {
                let at = pack.seek(index(pack.len()) as i64)?;
                Some(pack.get(at))
            }
            Encoding::Table(table) => table.random(bits).map(|found| Item::Bytes(found.field)),
        }
    }

    /// Whether these members find room. What is not a table becomes one before it is full.
    pub fn has_room(&self, members: &[&[u8]]) -> bool {
        match &self.0 {
            Encoding::Table(table) => {
                let bytes = members.iter().map(|member| member.len()).sum();
                table.has_room(members.len(), bytes)
            }
            _ => true,
        }
    }

    /// Whether so many members would not stay packed, whatever they are and whatever is there.
    #[inline]
    pub fn is_outgrown_by(&self, count: usize, limits: &Limits) -> bool {
        match self.0 {
            Encoding::Ints(_) => count > limits.set_max_intset_entries,
            Encoding::Packed(_) => count > limits.set_max_listpack_entries,
            Encoding::Table(_) => false,
        }
    }

    /// Whether a set can have `members` members, of so many bytes in all.
    pub fn can_hold(members: usize, bytes: usize) -> bool {
        FieldMap::new(MemberHasher).has_room(members, bytes)
    }

    /// The encoding's name, as OBJECT ENCODING answers it.
    pub fn encoding_name(&self) -> &'static str {
        match &self.0 {
            Encoding::Ints(_) => "intset",
            Encoding::Packed(_) => "listpack",
            Encoding::Table(_) => "hashtable",
        }
    }

    /// The set as an intset, if all its members are integers and there are not too many: for what has been made anew.
    pub fn into_intset_if_possible(self, limits: &Limits) -> Set {
        if matches!(self.0, Encoding::Ints(_)) || self.len() > intset_len_max(limits) {
            return self;
        }
        let ints = self.iter().try_fold(Intset::new(), |mut ints, member| {
            ints.insert(match member {
                Item::Int(int) => int,
                Item::Bytes(bytes) => parse_i64(bytes)?,
            });
            Some(ints)
        });
        ints.map_or(self, Set::from_intset)
    }

    /// Adds a member to a set that is being made and that nobody has seen. Whether it is new.
    pub fn add(&mut self, member: Item<'_>, limits: &Limits) -> bool {
        if let (Encoding::Ints(ints), Item::Int(int)) = (&mut self.0, member)
            && ints.len() < intset_len_max(limits)
        {
            return ints.insert(int);
        }
        let mut digits = itoa::Buffer::new();
        Edit::new(self, None, limits).insert(member.bytes(&mut digits))
    }

    fn to_packed(&self) -> Set {
        let mut pack = Listpack::new();
        self.iter().for_each(|member| pack.push_back(member));
        Set(Encoding::Packed(pack))
    }

    /// The same members in a table.
    pub(crate) fn to_table(&self) -> Set {
        let mut table = Box::new(FieldMap::new(MemberHasher));
        let mut digits = itoa::Buffer::new();
        for member in self.iter() {
            table.insert(member.bytes(&mut digits));
        }
        Set(Encoding::Table(table))
    }

    /// Adds a member that is not there, in the encoding that there is, which can hold it.
    fn put(&mut self, member: &[u8]) {
        match &mut self.0 {
            Encoding::Ints(ints) => {
                if let Some(int) = parse_i64(member) {
                    ints.insert(int);
                }
            }
            Encoding::Packed(pack) => pack.push_back(Item::of(member)),
            Encoding::Table(table) => {
                table.insert(member);
            }
        }
    }

    /// Removes a member that is there.
    fn take(&mut self, member: &[u8]) {
        match &mut self.0 {
            Encoding::Ints(ints) => {
                if let Some(int) = parse_i64(member) {
                    ints.remove(int);
                }
            }
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

fn intset_len_max(limits: &Limits) -> usize {
    limits.set_max_intset_entries.min(INTSET_LEN_MAX)
}

/// Digits of an integer, sign included.
fn text_len(int: i64) -> usize {
    itoa::Buffer::new().format(int).len()
}

impl Edit<'_, Set> {
    /// Says that `count` members are to come, to a set that is there: one that will not stay packed is converted at once.
    pub fn expect(&mut self, count: usize) {
        if self.is_outgrown_by(count, self.limits()) {
            self.convert(Set::to_table);
        }
    }

    /// Adds a member. Whether it is new.
    #[inline]
    pub fn insert(&mut self, member: &[u8]) -> bool {
        if let Encoding::Table(table) = &self.0 {
            let place = table.locate(member);
            if table.at(place).is_some() {
                return false;
            }
            let set = self.change(|_| SetInverse::Remove(member.into()));
            if let Encoding::Table(table) = &mut set.0 {
                table.set_at(place, member, Item::Bytes(b""), FieldExpiry::Keep);
            }
            return true;
        }
        if self.contains(member) {
            return false;
        }
        self.make_room_for(member);
        self.change(|_| SetInverse::Remove(member.into()))
            .put(member);
        true
    }

    /// Removes a member. Whether it was there.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let was_there = self.contains(member);
        if was_there {
            self.change(|_| SetInverse::Insert(member.into()))
                .take(member);
        }
        was_there
    }

    /// Gives the set an encoding that can hold one more member, this one.
    fn make_room_for(&mut self, member: &[u8]) {
        let limits = self.limits();
        let may_be_packed = |len: usize, bytes: usize| {
            len < limits.set_max_listpack_entries && bytes <= limits.set_max_listpack_value
        };
        match &self.0 {
            Encoding::Ints(ints) if parse_i64(member).is_some() => {
                if ints.len() >= intset_len_max(limits) {
                    self.convert(Set::to_table);
                }
            }
            Encoding::Ints(ints) => {
                let ends = [ints.min(), ints.max()].into_iter().flatten();
                let longest = ends.map(text_len).max().unwrap_or(0);
                if may_be_packed(ints.len(), member.len().max(longest)) {
                    self.convert(Set::to_packed);
                } else {
                    self.convert(Set::to_table);
                }
            }
            Encoding::Packed(pack) => {
                if !may_be_packed(pack.len(), member.len()) || !pack.would_fit(member.len()) {
                    self.convert(Set::to_table);
                }
            }
            Encoding::Table(_) => {}
        }
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
            Encoding::Ints(ints) => ints.len(),
            Encoding::Packed(pack) => pack.len(),
            Encoding::Table(table) => table.len(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match &self.0 {
            Encoding::Ints(ints) => ints.heap_bytes(),
            Encoding::Packed(pack) => pack.heap_bytes(),
            Encoding::Table(table) => size_of::<FieldMap<MemberHasher>>() + table.heap_bytes(),
        }
    }

    fn allocations(&self) -> usize {
        match &self.0 {
            Encoding::Table(table) => table.allocations(),
            _ => 1,
        }
    }

    fn is_packed(&self) -> bool {
        !matches!(self.0, Encoding::Table(_))
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
            Encoding::Ints(ints) => Set(Encoding::Ints(ints.clone())),
            Encoding::Packed(pack) => Set(Encoding::Packed(pack.clone())),
            Encoding::Table(_) => self.to_table(),
        }
    }
}

impl fmt::Debug for Set {
    /// Its members in order, whatever the encoding: two sets that are the same show the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members: Vec<Vec<u8>> = self.iter().map(Item::to_vec).collect();
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

    #[test]
    fn there_is_an_end_to_what_a_set_can_hold() {
        assert!(Set::can_hold(10_000_000, 160_000_000));
        assert!(!Set::can_hold(300_000_000, 4_800_000_000));
    }

    /// Keeps everything, as an undo log does.
    #[derive(Default)]
    struct Log(Vec<Inverse>);

    impl Journal for Log {
        fn record(&mut self, inverse: Inverse) {
            self.0.push(inverse);
        }
    }

    fn of_words(limits: &Limits, count: usize) -> Set {
        let mut set = Set::default();
        let mut edit = Edit::new(&mut set, None, limits);
        for i in 0..count {
            assert!(edit.insert(format!("member:{i}").as_bytes()));
        }
        assert_eq!(edit.changes(), count as u64);
        set
    }

    fn of_integers(limits: &Limits, count: i64) -> Set {
        let mut set = Set::default();
        (0..count).for_each(|i| assert!(set.add(Item::Int(i), limits)));
        set
    }

    #[test]
    fn a_set_leaves_an_encoding_at_its_limits() {
        let limits = Limits::default();
        assert_eq!(of_integers(&limits, 512).encoding_name(), "intset");
        assert_eq!(of_integers(&limits, 513).encoding_name(), "hashtable");
        assert_eq!(of_words(&limits, 128).encoding_name(), "listpack");
        assert_eq!(of_words(&limits, 129).encoding_name(), "hashtable");
        let mut set = of_words(&limits, 1);
        Edit::new(&mut set, None, &limits).insert(&[b'x'; 64]);
        assert_eq!(set.encoding_name(), "listpack");
        Edit::new(&mut set, None, &limits).insert(&[b'x'; 65]);
        assert_eq!((set.encoding_name(), set.len()), ("hashtable", 3));
        for (count, encoding) in [(127, "listpack"), (128, "hashtable")] {
            let mut set = of_integers(&limits, count);
            assert!(set.add(Item::Bytes(b"word"), &limits));
            assert_eq!(set.encoding_name(), encoding);
            assert!((0..count).all(|i| set.contains_item(Item::Int(i))));
            assert!(set.contains(b"word") && !set.contains(b"01"));
        }
    }

    #[test]
    fn an_encoding_is_chosen_by_the_first_member_and_their_number() {
        let limits = Limits::default();
        for (first, count, encoding) in [
            ("1", 512, "intset"),
            ("1", 513, "hashtable"),
            ("a", 128, "listpack"),
            ("a", 129, "hashtable"),
        ] {
            let set = Set::for_members(first.as_bytes(), count, &limits);
            assert_eq!(set.encoding_name(), encoding, "{first} {count}");
        }
        let set = of_words(&limits, 3).into_intset_if_possible(&limits);
        assert_eq!(set.encoding_name(), "listpack");
        let mut set = Set::packed();
        for member in ["3", "1", "2"] {
            assert!(set.add(Item::Bytes(member.as_bytes()), &limits));
        }
        assert_eq!(set.encoding_name(), "listpack");
        let set = set.into_intset_if_possible(&limits);
        assert_eq!(set.encoding_name(), "intset");
        assert!(set.iter().eq([1, 2, 3].map(Item::Int)));
    }

    #[test]
    fn every_member_can_be_chosen() {
        let limits = Limits::default();
        for set in [
            of_integers(&limits, 20),
            of_words(&limits, 20),
            of_words(&limits, 200),
        ] {
            let mut seen = std::collections::BTreeSet::new();
            for i in 0..20_000_u64 {
                let bits = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                seen.extend(set.random(bits).map(Item::to_vec));
            }
            assert_eq!(seen.len(), set.len(), "{}", set.encoding_name());
        }
        assert_eq!(Set::default().random(7), None);
    }

    #[test]
    fn changes_of_a_big_set_are_taken_back_in_reverse() {
        let limits = Limits::default();
        let mut set = of_words(&limits, 200);
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
