//! Values too big to stand in their entries.

use perilune_structures::prefetch;

use crate::edit::{Collection, Inverse};
use crate::hash::Hash;
use crate::list::{List, Side};
use crate::set::Set;
use crate::sorted_set::SortedSet;

/// A value too big to stand in its entry: a long string, or a collection.
#[derive(Debug, Clone)]
pub enum Object {
    /// A long string.
    Raw(Vec<u8>),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A hash.
    Hash(Hash),
    /// A sorted set.
    SortedSet(SortedSet),
}

/// The encoding bits of an entry with a collection: what encoding it has, the collection knows.
pub const COLLECTION_CODE: u8 = 3;

/// A block of so many bytes takes about as long to give back as a small one does: the pages of a big one go back to the
/// kernel one by one.
const BYTES_PER_COST: usize = 64 << 10;

/// What is packed into so many bytes is copied in about the time in which the inverses of two changes are made.
const COPIED_BYTES_MAX: usize = 256;

impl Object {
    /// Bytes on the heap that this object holds, for the memory figures.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Object::Raw(bytes) => bytes.capacity(),
            Object::List(list) => list.heap_bytes(),
            Object::Set(set) => set.heap_bytes(),
            Object::Hash(hash) => hash.heap_bytes(),
            Object::SortedSet(set) => set.heap_bytes(),
        }
    }

    /// How long dropping it takes, in the time of giving back one allocation, about. Asking costs next to nothing.
    pub fn cost_of_dropping(&self) -> usize {
        let allocations = match self {
            Object::Raw(_) => 1,
            Object::List(list) => list.allocations(),
            Object::Set(set) => set.allocations(),
            Object::Hash(hash) => hash.allocations(),
            Object::SortedSet(set) => set.allocations(),
        };
        allocations + self.heap_bytes() / BYTES_PER_COST
    }

    /// Asks for the memory where commands on this object begin, as a hint, step after step: each step reads what the one
    /// before has asked for. Whether there is another step. `side`: the end of a list that they begin at, if that is known.
    #[inline]
    pub fn prefetch(&self, step: usize, side: Option<Side>) -> bool {
        match self {
            Object::Raw(bytes) => bytes.first().map_or((), prefetch),
            Object::List(list) => return list.prefetch(step, side),
            Object::Set(set) => set.prefetch(),
            Object::Hash(hash) => hash.prefetch(),
            Object::SortedSet(set) => set.prefetch(),
        }
        false
    }

    /// Asks for the memory of a member or field of a big collection, as a hint: first for where the search for it begins,
    /// then for the member itself, which reads that.
    #[inline]
    pub fn prefetch_member(&self, member: &[u8], itself: bool) {
        match self {
            Object::Raw(_) | Object::List(_) => {}
            Object::Set(set) => set.prefetch_member(member, itself),
            Object::Hash(hash) => hash.prefetch_field(member, itself),
            Object::SortedSet(set) => set.prefetch_member(member, itself),
        }
    }

    /// The type's name, as TYPE answers it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Object::Raw(_) => "string",
            Object::List(_) => "list",
            Object::Set(_) => "set",
            Object::Hash(_) => "hash",
            Object::SortedSet(_) => "zset",
        }
    }

    /// The encoding's name, as OBJECT ENCODING answers it.
    pub fn encoding_name(&self) -> &'static str {
        match self {
            Object::Raw(_) => "raw",
            Object::List(list) => list.encoding_name(),
            Object::Set(set) => set.encoding_name(),
            Object::Hash(hash) => hash.encoding_name(),
            Object::SortedSet(set) => set.encoding_name(),
        }
    }

    /// Whether undo may copy it once instead of keeping an inverse of each change.
    pub fn is_packed(&self) -> bool {
        match self {
            Object::Raw(_) => true,
            Object::List(list) => list.is_packed(),
            Object::Set(set) => set.is_packed(),
            Object::Hash(hash) => hash.is_packed(),
            Object::SortedSet(set) => set.is_packed(),
        }
    }

    /// Whether a few changes of it take less to keep inverses of than a copy of all that is packed.
    #[inline]
    pub fn is_long_to_copy(&self) -> bool {
        match self {
            Object::SortedSet(set) => set.heap_bytes() > COPIED_BYTES_MAX,
            _ => false,
        }
    }

    /// Whether elements of it expire, or have a place in a queue of those that do.
    pub fn has_expiries(&self) -> bool {
        match self {
            Object::Hash(hash) => hash.has_expiries(),
            _ => false,
        }
    }

    /// Takes one change back. What is left over is to be dropped when no stripe is held.
    pub fn undo(&mut self, inverse: Inverse) -> Option<Object> {
        match (self, inverse) {
            (object, Inverse::Whole(old)) => return Some(std::mem::replace(object, old)),
            (Object::List(list), Inverse::List(inverse)) => list.undo(inverse),
            (Object::Set(set), Inverse::Set(inverse)) => set.undo(inverse),
            (Object::Hash(hash), Inverse::Hash(inverse)) => hash.undo(inverse),
            (Object::SortedSet(set), Inverse::SortedSet(inverse)) => set.undo(inverse),
            (object, inverse) => {
                unreachable!("{inverse:?} is no change of a {}", object.type_name())
            }
        }
        None
    }
}
