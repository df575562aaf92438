//! Reading values: each in the encoding that it gets in the reference, after a look at all of it.

use perilune_structures::quicklist::NodeBuf;
use perilune_structures::{
    Corrupt, FieldExpiry, FieldMap, Fill, Intset, Item, Listpack, Previous, QuickList,
};

use super::read::Reader;
use super::{container, kind, ziplist};
use crate::edit::{Collection, Edit, Limits};
use crate::hash::Hash;
use crate::hasher::MemberHasher;
use crate::list::List;
use crate::object::Object;
use crate::set::Set;
use crate::sorted_set::{Added, Adding, SortedSet};

/// Later no field expires, in Unix milliseconds.
const FIELD_EXPIRE_AT_MS_MAX: u64 = (1 << 48) - 1;

const EMPTY: Corrupt = Corrupt {
    what: "a collection without elements",
};
const TWICE: Corrupt = Corrupt {
    what: "an element that is there twice",
};
const TOO_MANY: Corrupt = Corrupt {
    what: "a collection of more than there is room for",
};
const EXPIRY: Corrupt = Corrupt {
    what: "when a field expires",
};

impl Reader<'_> {
    /// A value with its kind before it. A string comes as [`Object::Raw`], however long it is.
    ///
    /// # Errors
    /// If there is none.
    pub fn value_with_kind(&mut self, limits: &Limits) -> Result<Object, Corrupt> {
        let kind = self.byte()?;
        self.value(kind, limits)
    }

    /// A value of this kind, as [`Reader::value_with_kind`] reads it.
    ///
    /// # Errors
    /// If there is none.
    pub fn value(&mut self, kind: u8, limits: &Limits) -> Result<Object, Corrupt> {
        Ok(match kind {
            kind::STRING => Object::Raw(self.string()?.into_owned()),
            kind::LIST => self.list(limits)?.into(),
            kind::LIST_ZIPLIST => self.list_of_ziplist(limits)?.into(),
            kind::LIST_OF_ZIPLISTS | kind::LIST_OF_LISTPACKS => {
                self.list_of_nodes(kind, limits)?.into()
            }
            kind::SET => self.set(limits)?.into(),
            kind::SET_INTSET => self.set_of_ints(limits)?.into(),
            kind::SET_LISTPACK => self.set_of_pack(limits)?.into(),
            kind::SORTED_SET | kind::SORTED_SET_TEXT_SCORES => {
                self.sorted_set(kind, limits)?.into()
            }
            kind::SORTED_SET_LISTPACK | kind::SORTED_SET_ZIPLIST => {
                self.sorted_set_of_pack(kind, limits)?.into()
            }
            kind::HASH => self.hash(limits)?.into(),
            kind::HASH_EXPIRIES | kind::HASH_EXPIRIES_ABSOLUTE => {
                self.hash_with_expiries(kind, limits)?.into()
            }
            kind::HASH_LISTPACK | kind::HASH_ZIPLIST => self.hash_of_pack(kind, limits)?.into(),
            kind::HASH_LISTPACK_EXPIRIES | kind::HASH_LISTPACK_EXPIRIES_ABSOLUTE => {
                self.hash_of_triples(kind, limits)?.into()
            }
            kind::HASH_ZIPMAP => self.hash_of_zipmap(limits)?.into(),
            _ => {
                return Err(Corrupt {
                    what: "a value of unknown kind",
                });
            }
        })
    }

    /// The number of elements, of which there are some.
    fn count(&mut self) -> Result<u64, Corrupt> {
        match self.length()? {
            0 => Err(EMPTY),
            count => Ok(count),
        }
    }

    fn pack(&mut self) -> Result<Listpack, Corrupt> {
        Listpack::from_bytes(self.string()?.into_owned())
    }

    /// A listpack of what stands in a ziplist.
    fn pack_of_ziplist(&mut self) -> Result<Listpack, Corrupt> {
        let block = self.string()?;
        let mut pack = Listpack::new();
        for item in ziplist::items(&block)? {
            if !pack.would_fit(item.len()) {
                return Err(TOO_MANY);
            }
            pack.push_back(item);
        }
        pack.shrink_to_fit();
        Ok(pack)
    }

    fn list(&mut self, limits: &Limits) -> Result<List, Corrupt> {
        let fill = fill(limits);
        let mut list = QuickList::new();
        for _ in 0..self.count()? {
            list.push_back(&self.string()?, fill);
        }
        Ok(List::from_quicklist(list, limits))
    }

    fn list_of_ziplist(&mut self, limits: &Limits) -> Result<List, Corrupt> {
        let block = self.string()?;
        let fill = fill(limits);
        let mut list = QuickList::new();
        let mut digits = itoa::Buffer::new();
        for item in ziplist::items(&block)? {
            list.push_back(item.bytes(&mut digits), fill);
        }
        if list.is_empty() {
            return Err(EMPTY);
        }
        // the reference leaves this one as it is, however short
        Ok(List::long(list, limits))
    }

    fn list_of_nodes(&mut self, kind: u8, limits: &Limits) -> Result<List, Corrupt> {
        let mut list = QuickList::new();
        for _ in 0..self.count()? {
            let container = match kind {
                kind::LIST_OF_ZIPLISTS => container::PACKED,
                _ => self.length()?,
            };
            list.append_node(match container {
                container::PACKED if kind == kind::LIST_OF_ZIPLISTS => {
                    NodeBuf::Packed(self.pack_of_ziplist()?)
                }
                container::PACKED => NodeBuf::Packed(self.pack()?),
                container::PLAIN => match self.string()? {
                    element if element.is_empty() => return Err(EMPTY),
                    element => NodeBuf::Plain(element.into_owned().into()),
                },
                _ => {
                    return Err(Corrupt {
                        what: "a node of a list",
                    });
                }
            });
        }
        if list.is_empty() {
            return Err(EMPTY);
        }
        Ok(List::from_quicklist(list, limits))
    }

    fn set(&mut self, limits: &Limits) -> Result<Set, Corrupt> {
        let count = self.count()?;
        let mut set = if count > limits.set_max_intset_entries as u64 {
            Set::table()
        } else {
            Set::default()
        };
        for _ in 0..count {
            let member = self.string()?;
            if !set.has_room(&[&member]) {
                return Err(TOO_MANY);
            }
            if !Edit::new(&mut set, None, limits).insert(&member) {
                return Err(TWICE);
            }
        }
        Ok(set)
    }

    fn set_of_ints(&mut self, limits: &Limits) -> Result<Set, Corrupt> {
        let set = Set::from_intset(Intset::from_bytes(self.string()?.into_owned())?);
        Ok(if set.len() > limits.set_max_intset_entries {
            set.to_table()
        } else {
            set
        })
    }

    fn set_of_pack(&mut self, limits: &Limits) -> Result<Set, Corrupt> {
        let pack = self.pack()?;
        check_names(&pack, 1)?;
        let set = Set::from_listpack(pack);
        Ok(if set.len() > limits.set_max_listpack_entries {
            set.to_table()
        } else {
            set
        })
    }

    fn sorted_set(&mut self, kind: u8, limits: &Limits) -> Result<SortedSet, Corrupt> {
        let mut set = SortedSet::ranked(std::iter::empty());
        for _ in 0..self.count()? {
            let member = self.string()?;
            let score = match kind {
                kind::SORTED_SET => f64::from_le_bytes(self.chunk()?),
                _ => self.text_number()?,
            };
            if score.is_nan() {
                return Err(Corrupt { what: "a score" });
            }
            if !set.has_room(1, member.len()) {
                return Err(TOO_MANY);
            }
            let added = Edit::new(&mut set, None, limits).add(&member, score, Adding::default());
            if !matches!(added, Added::New(_)) {
                return Err(TWICE);
            }
        }
        let len = set.len();
        Ok(if len > limits.zset_max_listpack_entries {
            set
        } else {
            SortedSet::of_ordered(set.iter(), len, limits)
        })
    }

    fn sorted_set_of_pack(&mut self, kind: u8, limits: &Limits) -> Result<SortedSet, Corrupt> {
        let pack = match kind {
            kind::SORTED_SET_ZIPLIST => self.pack_of_ziplist()?,
            _ => self.pack()?,
        };
        let set = SortedSet::from_listpack(pack)?;
        Ok(if set.len() > limits.zset_max_listpack_entries {
            SortedSet::ranked(set.iter())
        } else {
            set
        })
    }

    fn hash(&mut self, limits: &Limits) -> Result<Hash, Corrupt> {
        let count = self.count()?;
        let mut hash = Hash::default();
        if count > limits.hash_max_listpack_entries as u64 {
            hash = hash.to_table();
        }
        for _ in 0..count {
            self.field(&mut hash, None, limits)?;
        }
        Ok(hash)
    }

    fn hash_with_expiries(&mut self, kind: u8, limits: &Limits) -> Result<Hash, Corrupt> {
        let first_ms = match kind {
            kind::HASH_EXPIRIES => u64::from_le_bytes(self.chunk()?),
            _ => 0,
        };
        let count = self.count()?;
        let mut hash = Hash::from_triples(Listpack::new());
        if count > limits.hash_max_listpack_entries as u64 {
            hash = hash.to_table();
        }
        for _ in 0..count {
            let expire_at_ms = match (self.length()?, kind) {
                (0, _) => 0,
                (behind, kind::HASH_EXPIRIES) => first_ms.checked_add(behind - 1).ok_or(EXPIRY)?,
                (at_ms, _) => at_ms,
            };
            if expire_at_ms > FIELD_EXPIRE_AT_MS_MAX {
                return Err(EXPIRY);
            }
            let expiry = (expire_at_ms != 0).then_some(expire_at_ms as i64);
            self.field(&mut hash, expiry, limits)?;
        }
        Ok(hash)
    }

    /// Reads a field and its value into a hash, in which no other has its name.
    fn field(
        &mut self,
        hash: &mut Hash,
        expire_at_ms: Option<i64>,
        limits: &Limits,
    ) -> Result<(), Corrupt> {
        let (name, value) = (self.string()?, self.string()?);
        if !hash.has_room(&[&name, &value]) {
            return Err(TOO_MANY);
        }
        let expiry = expire_at_ms.map_or(FieldExpiry::Clear, FieldExpiry::At);
        match Edit::new(hash, None, limits).set(&name, Item::of(&value), expiry) {
            Previous::New => Ok(()),
            Previous::Replaced => Err(TWICE),
        }
    }

    fn hash_of_pack(&mut self, kind: u8, limits: &Limits) -> Result<Hash, Corrupt> {
        let pack = match kind {
            kind::HASH_ZIPLIST => self.pack_of_ziplist()?,
            _ => self.pack()?,
        };
        check_names(&pack, 2)?;
        Ok(packed_or_table(Hash::from_pairs(pack), limits))
    }

    fn hash_of_triples(&mut self, kind: u8, limits: &Limits) -> Result<Hash, Corrupt> {
        if kind == kind::HASH_LISTPACK_EXPIRIES {
            // the first expiry: the listpack knows it better
            self.chunk::<8>()?;
        }
        let pack = self.pack()?;
        check_names(&pack, 3)?;
        let mut last_ms = 1;
        for expiry in pack.iter().skip(2).step_by(3) {
            let at_ms = expiry
                .int()
                .and_then(|at_ms| u64::try_from(at_ms).ok())
                .filter(|&at_ms| at_ms <= FIELD_EXPIRE_AT_MS_MAX)
                .ok_or(EXPIRY)?;
            // in order, those without one at the end
            if at_ms != 0 && (last_ms == 0 || at_ms < last_ms) {
                return Err(EXPIRY);
            }
            last_ms = at_ms;
        }
        Ok(packed_or_table(Hash::from_triples(pack), limits))
    }

    fn hash_of_zipmap(&mut self, limits: &Limits) -> Result<Hash, Corrupt> {
        let block = self.string()?;
        let mut hash = Hash::default();
        for pair in ziplist::zipmap_items(&block)?.chunks_exact(2) {
            if !hash.has_room(pair) {
                return Err(TOO_MANY);
            }
            let mut edit = Edit::new(&mut hash, None, limits);
            if edit.set(pair[0], Item::of(pair[1]), FieldExpiry::Clear) == Previous::Replaced {
                return Err(TWICE);
            }
        }
        if hash.is_empty() {
            Err(EMPTY)
        } else {
            Ok(hash)
        }
    }
}

fn fill(limits: &Limits) -> Fill {
    Fill::new(limits.list_max_listpack_size.into())
        .with_packed_threshold(limits.list_packed_threshold)
}

/// A hash of a listpack, unless it has too many fields for one.
fn packed_or_table(hash: Hash, limits: &Limits) -> Hash {
    if hash.len() > limits.hash_max_listpack_entries {
        hash.to_table()
    } else {
        hash
    }
}

/// Looks whether a listpack holds whole elements of `width` items each, at least one, and the first item of each only
/// once: as text, for the same text can stand there in several ways.
fn check_names(pack: &Listpack, width: usize) -> Result<(), Corrupt> {
    if pack.is_empty() {
        return Err(EMPTY);
    }
    if !pack.len().is_multiple_of(width) {
        return Err(Corrupt {
            what: "half an element",
        });
    }
    let mut names = FieldMap::new(MemberHasher);
    let mut digits = itoa::Buffer::new();
    for name in pack.iter().step_by(width) {
        let name = name.bytes(&mut digits);
        if !names.has_room(1, name.len()) {
            return Err(TOO_MANY);
        }
        if !names.insert(name) {
            return Err(TWICE);
        }
    }
    Ok(())
}
