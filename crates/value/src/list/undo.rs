//! Taking changes of lists back.

use perilune_structures::{Item, QuickList};

use super::{Encoding, List, Quick, Side};
use crate::edit::Inverse;
use crate::object::Object;

/// What takes a change of a list back.
#[derive(Debug)]
pub enum ListInverse {
    /// So many elements were pushed at this end.
    Pop(Side, usize),
    /// This element was popped from this end.
    Push(Side, Box<[u8]>),
    /// The element at this index was this one.
    Set(usize, Box<[u8]>),
    /// The element at this index was inserted.
    Remove(usize),
    /// These elements were taken out, the first of them from this index.
    Insert(usize, Box<QuickList>),
    /// This element was removed from all these indexes, which count what else was removed.
    Scatter(Box<[u8]>, Vec<usize>),
    /// The list as it was: a packed one, of which more than one element was removed.
    Whole(List),
}

impl ListInverse {
    /// Bytes that it holds.
    pub fn memory_bytes(&self) -> usize {
        match self {
            ListInverse::Pop(..) | ListInverse::Remove(_) => 0,
            ListInverse::Push(_, element) | ListInverse::Set(_, element) => element.len(),
            ListInverse::Insert(_, list) => size_of::<QuickList>() + list.heap_bytes(),
            ListInverse::Scatter(element, indexes) => {
                element.len() + size_of_val(indexes.as_slice())
            }
            ListInverse::Whole(list) => crate::edit::Collection::heap_bytes(list),
        }
    }
}

impl From<ListInverse> for Inverse {
    fn from(inverse: ListInverse) -> Inverse {
        match inverse {
            ListInverse::Whole(list) => Inverse::Whole(Object::List(list)),
            inverse => Inverse::List(inverse),
        }
    }
}

/// So many scattered elements are put back one by one; for more the list is written anew, because finding each index
/// costs a walk over the nodes.
const PUT_BACK_ONE_BY_ONE_MAX: usize = 16;

impl List {
    /// Takes one change back. The list is as that change left it, encoding included: changes of the encoding are taken
    /// back on their own.
    pub(super) fn take_back(&mut self, inverse: ListInverse) {
        match inverse {
            ListInverse::Pop(side, count) => self.drop_end(side, count),
            ListInverse::Push(side, element) => self.put(side, &element, 0),
            ListInverse::Set(index, element) => {
                self.put_at(index, &element, 0);
            }
            ListInverse::Remove(index) => self.drop_at(index),
            ListInverse::Insert(index, taken) => match &mut self.0 {
                Encoding::Quick(quick) => quick.list.insert_list(index, *taken, quick.fill),
                Encoding::Packed(_) => unreachable!("what is cut out of a listpack is not moved"),
            },
            ListInverse::Scatter(element, indexes) => match &mut self.0 {
                Encoding::Quick(quick) => quick.put_back(&element, indexes),
                Encoding::Packed(_) => unreachable!("a listpack is saved as a whole"),
            },
            ListInverse::Whole(list) => *self = list,
        }
    }

    /// Removes elements from one end.
    fn drop_end(&mut self, side: Side, count: usize) {
        match &mut self.0 {
            Encoding::Packed(pack) => {
                for _ in 0..count {
                    match side {
                        Side::Left => pack.pop_front(),
                        Side::Right => pack.pop_back(),
                    }
                }
            }
            Encoding::Quick(quick) => {
                let start = match side {
                    Side::Left => 0,
                    Side::Right => quick.list.len().saturating_sub(count),
                };
                quick.list.remove_range(start, count);
            }
        }
    }

    /// Removes one element.
    fn drop_at(&mut self, index: usize) {
        match &mut self.0 {
            Encoding::Packed(pack) => {
                if let Some(at) = pack.seek(index as i64) {
                    pack.remove(at);
                }
            }
            Encoding::Quick(quick) => quick.list.remove_range(index, 1),
        }
    }
}

impl Quick {
    /// Puts an element back to all these indexes.
    fn put_back(&mut self, element: &[u8], mut indexes: Vec<usize>) {
        indexes.sort_unstable();
        if indexes.len() <= PUT_BACK_ONE_BY_ONE_MAX {
            for index in indexes {
                self.list.insert(index, element, self.fill);
            }
            return;
        }
        let mut whole = QuickList::new();
        let mut indexes = indexes.into_iter().peekable();
        let mut others = self.list.iter();
        let mut digits = itoa::Buffer::new();
        loop {
            let next = match indexes.next_if_eq(&whole.len()) {
                Some(_) => Item::Bytes(element),
                None => match others.next() {
                    Some(other) => other,
                    None => break,
                },
            };
            whole.push_back(next.bytes(&mut digits), self.fill);
        }
        self.list = whole;
    }
}
