//! Lists of byte strings.
//!
//! | encoding    | what                                                                            |
//! |-------------|---------------------------------------------------------------------------------|
//! | `listpack`  | what fits into one node of `list-max-listpack-size`                             |
//! | `quicklist` | all others: many nodes; one that shrinks turns back at half of the limit        |
//!
//! When a list turns is decided exactly as in the reference (`t_list.c`): before elements are added it is estimated,
//! without the bytes that their encoding takes, whether the listpack would outgrow a node; after elements were removed
//! it is looked whether one node is left that is half empty. A list that is being changed the other way is not looked
//! at, so that one at the limit does not turn to and fro.
//!
//! | file        | holds                                                     |
//! |-------------|-----------------------------------------------------------|
//! | `change.rs` | the changes of a list, by [`Edit`](crate::edit::Edit)     |
//! | `undo.rs`   | what takes them back: [`ListInverse`]                     |

mod change;
#[cfg(test)]
mod tests;
mod undo;

use std::fmt;
use std::ops::{ControlFlow, Range};

use perilune_structures::quicklist::Node;
use perilune_structures::{Fill, Item, Listpack, QuickList, prefetch_bytes};

use crate::edit::{Collection, Limits};
use crate::object::Object;

pub use undo::ListInverse;

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The head: where the element of index 0 is.
    Left,
    /// The tail.
    Right,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

/// Where beside an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nearer to the head.
    Before,
    /// Nearer to the tail.
    After,
}

/// A list. Read through these methods, changed through [`Edit`](crate::edit::Edit).
#[derive(Clone)]
pub struct List(Encoding);

#[derive(Clone)]
enum Encoding {
    Packed(Listpack),
    Quick(Box<Quick>),
}

/// A list of many nodes, which stay as large as was allowed when it became one.
#[derive(Clone)]
struct Quick {
    list: QuickList,
    fill: Fill,
}

impl List {
    /// Asks for the memory where its ends are: see [`Object::prefetch`].
    #[inline]
    pub(crate) fn prefetch(&self, step: usize, side: Option<Side>) -> bool {
        match (&self.0, step) {
            (Encoding::Packed(pack), _) => {
                pack.prefetch();
                false
            }
            (Encoding::Quick(quick), 0) => {
                prefetch_bytes(&**quick, size_of::<Quick>());
                true
            }
            (Encoding::Quick(quick), step) => quick.list.prefetch_ends(
                step - 1,
                side != Some(Side::Right),
                side != Some(Side::Left),
            ),
        }
    }
}

impl Default for List {
    /// An empty list, packed.
    fn default() -> Self {
        List(Encoding::Packed(Listpack::new()))
    }
}

impl List {
    /// The list of these nodes, which is not empty: a listpack if it fits one.
    pub(crate) fn from_quicklist(list: QuickList, limits: &Limits) -> List {
        let fill = Fill::new(limits.list_max_listpack_size.into());
        if !list.fits_listpack(fill, false) {
            return List::long(list, limits);
        }
        match list.into_listpack() {
            Ok(pack) => List(Encoding::Packed(pack)),
            Err(list) => List::long(list, limits),
        }
    }

    /// The list of these nodes, however few elements they are.
    pub(crate) fn long(list: QuickList, limits: &Limits) -> List {
        let fill = Fill::new(limits.list_max_listpack_size.into());
        List(Encoding::Quick(Box::new(Quick { list, fill })))
    }

    /// The listpack, if it is one.
    pub(crate) fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Encoding::Packed(pack) => Some(pack),
            Encoding::Quick(_) => None,
        }
    }

    /// The nodes, if there are several.
    pub(crate) fn as_quicklist(&self) -> Option<&QuickList> {
        match &self.0 {
            Encoding::Packed(_) => None,
            Encoding::Quick(quick) => Some(&quick.list),
        }
    }

    /// How many nodes there are and how many bytes they have together, if there are several.
    pub fn node_figures(&self) -> Option<(usize, usize)> {
        let nodes = self.as_quicklist()?.nodes();
        let count = nodes.len();
        let bytes = nodes.map(|node| match node {
            Node::Packed(pack) => pack.as_bytes().len(),
            Node::Plain(element) => element.len(),
        });
        Some((count, bytes.sum()))
    }

    /// The encoding's name, as OBJECT ENCODING answers it.
    pub fn encoding_name(&self) -> &'static str {
        match &self.0 {
            Encoding::Packed(_) => "listpack",
            Encoding::Quick(_) => "quicklist",
        }
    }

    /// The element at `index`, a negative one counting from the tail (-1 is the last).
    pub fn get(&self, index: i64) -> Option<Item<'_>> {
        match &self.0 {
            Encoding::Packed(pack) => pack.seek(index).map(|at| pack.get(at)),
            Encoding::Quick(quick) => quick.list.get(index),
        }
    }

    /// The element at one end.
    #[inline]
    pub fn end(&self, side: Side) -> Option<Item<'_>> {
        match (&self.0, side) {
            (Encoding::Packed(pack), Side::Left) => pack.first().map(|at| pack.get(at)),
            (Encoding::Packed(pack), Side::Right) => pack.last().map(|at| pack.get(at)),
            (Encoding::Quick(quick), Side::Left) => quick.list.front(),
            (Encoding::Quick(quick), Side::Right) => quick.list.back(),
        }
    }

    /// Shows elements from the one at index `first` on, towards an end, until `visit` breaks or that end is reached.
    /// Nothing is shown if there is no such index.
    #[inline]
    pub fn walk<B>(
        &self,
        first: usize,
        towards: Side,
        visit: impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let len = self.len();
        if first >= len {
            return ControlFlow::Continue(());
        }
        match (&self.0, towards) {
            (Encoding::Packed(pack), Side::Right) => {
                pack.iter_range(first, len, len).try_for_each(visit)
            }
            (Encoding::Packed(pack), Side::Left) => {
                pack.iter_range(0, first + 1, len).rev().try_for_each(visit)
            }
            (Encoding::Quick(quick), Side::Right) => {
                quick.list.iter_from(first).try_for_each(visit)
            }
            (Encoding::Quick(quick), Side::Left) => {
                quick.list.iter_back_from(first).try_for_each(visit)
            }
        }
    }

    /// Shows up to `count` elements from index `first` on, towards an end.
    #[inline]
    pub fn show(&self, first: usize, count: usize, towards: Side, mut visit: impl FnMut(Item<'_>)) {
        match (&self.0, towards) {
            (Encoding::Packed(pack), Side::Right) => return pack.show(first, count, visit),
            (Encoding::Quick(quick), Side::Right) => return quick.list.show(first, count, visit),
            (_, Side::Left) => {}
        }
        let mut left = count;
        let _: ControlFlow<()> = self.walk(first, towards, |element| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            left -= 1;
            visit(element);
            ControlFlow::Continue(())
        });
    }

    /// The index of the first element with this text.
    pub fn position(&self, text: &[u8]) -> Option<usize> {
        let needle = Item::of(text);
        let mut index = 0;
        let found = self.walk(0, Side::Right, |element| {
            if element.is(needle) {
                return ControlFlow::Break(index);
            }
            index += 1;
            ControlFlow::Continue(())
        });
        found.break_value()
    }
}

/// The indexes from `start` to `stop`, both included and negative ones counting from the end, of a list of `len`
/// elements: what LRANGE and LTRIM mean.
pub fn range_of(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_start = |index: i64| match index {
        ..0 => (len as i64).saturating_add(index),
        _ => index,
    };
    let start = from_start(start).max(0) as usize;
    let end = from_start(stop).saturating_add(1).clamp(0, len as i64) as usize;
    if start < end { start..end } else { 0..0 }
}

impl Collection for List {
    type Inverse = ListInverse;

    fn of(object: &Object) -> Option<&Self> {
        match object {
            Object::List(list) => Some(list),
            _ => None,
        }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::List(list) => Some(list),
            _ => None,
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match &self.0 {
            Encoding::Packed(pack) => pack.len(),
            Encoding::Quick(quick) => quick.list.len(),
        }
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        match &self.0 {
            Encoding::Packed(pack) => pack.heap_bytes(),
            Encoding::Quick(quick) => size_of::<Quick>() + quick.list.heap_bytes(),
        }
    }

    fn allocations(&self) -> usize {
        match &self.0 {
            Encoding::Quick(quick) => quick.list.allocations(),
            _ => 1,
        }
    }

    #[inline]
    fn is_packed(&self) -> bool {
        matches!(self.0, Encoding::Packed(_))
    }

    fn undo(&mut self, inverse: ListInverse) {
        self.take_back(inverse);
    }
}

impl From<List> for Object {
    fn from(list: List) -> Object {
        Object::List(list)
    }
}

impl fmt::Debug for List {
    /// Its elements, whatever the encoding: two lists that are the same show the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_list();
        self.show(0, self.len(), Side::Right, |element| {
            shown.entry(&String::from_utf8_lossy(&element.to_vec()));
        });
        shown.finish()
    }
}
