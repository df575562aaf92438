//! Taking changes of lists back.

use perilune_structures::QuickList;
use perilune_structures::quicklist::{Cut, EndNode, Nodes, Removed};

use super::{Encoding, List, Side};
use crate::edit::Inverse;
use crate::object::Object;

/// What takes a change of a list back.
#[derive(Debug)]
pub enum ListInverse {
    /// So many elements were pushed at this end.
    Pop(Side, usize),
    /// This element was popped from this end, and from such a node.
    Push(Side, Box<[u8]>, EndNode),
    /// The element at this index was this one.
    Set(usize, Box<[u8]>),
    /// The element at this index was inserted.
    Remove(usize),
    /// These nodes were split and merged.
    Nodes(Box<Nodes>),
    /// These elements were cut out.
    Heal(Box<Cut>),
    /// This element was removed from all these places.
    Scatter(Box<[u8]>, Box<Removed>),
    /// The list as it was: a packed one, of which more than one element was removed.
    Whole(List),
}

impl ListInverse {
    /// Bytes that it holds.
    pub fn memory_bytes(&self) -> usize {
        match self {
            ListInverse::Pop(..) | ListInverse::Remove(_) => 0,
            ListInverse::Push(_, element, _) | ListInverse::Set(_, element) => element.len(),
            ListInverse::Nodes(nodes) => size_of::<Nodes>() + nodes.heap_bytes(),
            ListInverse::Heal(cut) => size_of::<Cut>() + cut.list().heap_bytes(),
            ListInverse::Scatter(element, removed) => {
                element.len() + size_of::<Removed>() + removed.heap_bytes()
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

impl List {
    /// Takes one change back. The list is as that change left it, encoding included: changes of the encoding are taken
    /// back on their own.
    pub(super) fn take_back(&mut self, inverse: ListInverse) {
        match inverse {
            ListInverse::Pop(side, count) => self.drop_end(side, count),
            ListInverse::Push(side, element, node) => match &mut self.0 {
                Encoding::Quick(quick) => {
                    quick.list.put_back_end(side == Side::Left, &element, node);
                }
                Encoding::Packed(_) => self.put(side, &element, 0),
            },
            ListInverse::Set(index, element) => match &mut self.0 {
                Encoding::Quick(quick) => quick.list.set_back(index, &element),
                Encoding::Packed(_) => self.put_at(index, &element, 0),
            },
            ListInverse::Remove(index) => self.drop_at(index),
            ListInverse::Nodes(nodes) => self.quick().put_back_nodes(*nodes),
            ListInverse::Heal(cut) => self.quick().heal(*cut),
            ListInverse::Scatter(element, removed) => self.quick().put_back(&element, *removed),
            ListInverse::Whole(list) => *self = list,
        }
    }

    /// The nodes of one that has them.
    fn quick(&mut self) -> &mut QuickList {
        match &mut self.0 {
            Encoding::Quick(quick) => &mut quick.list,
            Encoding::Packed(_) => unreachable!("of a listpack no nodes are kept"),
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
