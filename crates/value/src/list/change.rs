//! The changes of a list.

use perilune_structures::quicklist::{Cut, EndNode, Removed};
use perilune_structures::{Fill, Item, QuickList};

use super::{Beside, Encoding, List, ListInverse, Quick, Side};
use crate::edit::{Collection, Edit};

impl Edit<'_, List> {
    /// Adds elements at one end, one after the other: the last of them becomes the first or the last of the list.
    #[inline]
    pub fn push(&mut self, side: Side, elements: &[&[u8]]) {
        self.grow(
            elements.iter().map(|element| element.len()).sum(),
            elements.len(),
        );
        let changes = self.changes();
        let threshold = self.limits().list_packed_threshold;
        let list = self.change(|_| ListInverse::Pop(side, elements.len()));
        for element in elements {
            list.put(side, element, threshold);
        }
        self.count_as(changes + elements.len() as u64);
    }

    /// Adds an element that comes from another list: half of a move, whose other half counts. `estimated_len` is what
    /// [`Edit::pop_one`] has said of it.
    pub fn push_moved(&mut self, side: Side, element: &[u8], estimated_len: usize) {
        self.grow(estimated_len, 1);
        let changes = self.changes();
        let threshold = self.limits().list_packed_threshold;
        self.change(|_| ListInverse::Pop(side, 1))
            .put(side, element, threshold);
        self.count_as(changes);
    }

    /// Removes the element at one end, and hands it to `read` before; also, how long it counts where a listpack to which
    /// it is moved might outgrow its limit (an integer out of a quicklist counts nothing, as in the reference).
    #[inline]
    pub fn pop_one<R>(&mut self, side: Side, read: impl FnOnce(Item<'_>, usize) -> R) -> Option<R> {
        let result = self.take_one(side, read)?;
        self.shrink();
        Some(result)
    }

    /// As [`Edit::pop_one`], but leaves the encoding as it is.
    #[inline]
    fn take_one<R>(&mut self, side: Side, read: impl FnOnce(Item<'_>, usize) -> R) -> Option<R> {
        if self.is_empty() {
            return None;
        }
        self.change(|list| {
            let element = list.end(side).map_or(Vec::new(), Item::to_vec);
            let node = match &list.0 {
                Encoding::Quick(quick) => quick.list.end_node(side == Side::Left),
                Encoding::Packed(_) => EndNode::Shared,
            };
            ListInverse::Push(side, element.into(), node)
        })
        .take_end(side, read)
    }

    /// Removes up to `count` elements from one end, and shows them in this order before; how many.
    pub fn pop(&mut self, side: Side, count: usize, mut visit: impl FnMut(Item<'_>)) -> usize {
        let len = self.len();
        let count = count.min(len);
        if count == 1 {
            self.pop_one(side, |element, _| visit(element));
        } else if count > 0 {
            let (first, start) = match side {
                Side::Left => (0, 0),
                Side::Right => (len - 1, len - count),
            };
            self.show(first, count, side.other(), visit);
            self.cut(start, count);
            self.shrink();
        }
        count
    }

    /// Moves the element at one end to the other, or takes it away and puts it back; hands it to `read`. Counts as one
    /// change.
    pub fn rotate<R>(&mut self, from: Side, to: Side, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let (element, estimated_len) =
            self.take_one(from, |element, len| (element.to_vec(), len))?;
        self.push_moved(to, &element, estimated_len);
        self.shrink();
        Some(read(&element))
    }

    /// Puts an element in the place of the one at `index`, a negative one counting from the tail. False if there is
    /// none; the encoding may have changed even so.
    pub fn set(&mut self, index: i64, element: &[u8]) -> bool {
        self.grow(element.len(), 1);
        let len = self.len() as i64;
        let index = if index < 0 {
            len.saturating_add(index)
        } else {
            index
        };
        if !(0..len).contains(&index) {
            return false;
        }
        let threshold = self.limits().list_packed_threshold;
        self.change(|list| match &list.0 {
            Encoding::Quick(quick)
                if (quick.list).set_moves(index as usize, element.len(), quick.fill(threshold)) =>
            {
                ListInverse::Nodes(Box::new(quick.list.nodes_around(index as usize)))
            }
            _ => {
                let old = list.get(index).map_or(Vec::new(), Item::to_vec);
                ListInverse::Set(index as usize, old.into())
            }
        })
        .put_at(index as usize, element, threshold);
        self.shrink();
        true
    }

    /// Adds an element beside the first one that has the text `pivot`. False if there is none; the encoding may have
    /// changed even so.
    pub fn insert(&mut self, place: Beside, pivot: &[u8], element: &[u8]) -> bool {
        self.grow(element.len(), 1);
        let Some(index) = self.position(pivot) else {
            return false;
        };
        let threshold = self.limits().list_packed_threshold;
        let becomes = match place {
            Beside::Before => index,
            Beside::After => index + 1,
        };
        let after = place == Beside::After;
        let list = self.change(|list| match &list.0 {
            Encoding::Quick(quick)
                if (quick.list).insert_parts(
                    index,
                    after,
                    element.len(),
                    quick.fill(threshold),
                ) =>
            {
                ListInverse::Nodes(Box::new(quick.list.nodes_around(index)))
            }
            _ => ListInverse::Remove(becomes),
        });
        match &mut list.0 {
            Encoding::Packed(pack) => match pack.seek(becomes as i64) {
                Some(at) => drop(pack.insert_before(at, Item::of(element))),
                None => pack.push_back(Item::of(element)),
            },
            Encoding::Quick(quick) => {
                let fill = quick.fill(threshold);
                match place {
                    Beside::Before => quick.list.insert_before(index, element, fill),
                    Beside::After => quick.list.insert_after(index, element, fill),
                }
            }
        }
        true
    }

    /// Removes the first `count` elements with this text, or where negative so many of the last, or where 0 all of
    /// them; how many.
    pub fn remove(&mut self, count: i64, element: &[u8]) -> usize {
        let from = if count < 0 { Side::Right } else { Side::Left };
        let limit = match count.unsigned_abs() as usize {
            0 => usize::MAX,
            limit => limit,
        };
        let changes = self.changes();
        let removed = if !self.is_packed() {
            self.remove_of_many(from, limit, element)
        } else if self.position(element).is_some() {
            self.change(|list| ListInverse::Whole(list.clone()))
                .remove_packed(from, limit, element)
        } else {
            0
        };
        if removed > 0 {
            self.count_as(changes + removed as u64);
            self.shrink();
        }
        removed
    }

    fn remove_of_many(&mut self, from: Side, limit: usize, element: &[u8]) -> usize {
        let is_recorded = self.is_recorded();
        let mut removed = 0;
        self.change_then(
            |list| {
                let mut places = Removed::default();
                if let Encoding::Quick(quick) = &mut list.0 {
                    let from_back = from == Side::Right;
                    let recorded = is_recorded.then_some(&mut places);
                    removed = (quick.list).remove_matching(element, from_back, limit, recorded);
                }
                (removed > 0).then_some(places)
            },
            |places| ListInverse::Scatter(element.into(), Box::new(places)),
        );
        removed
    }

    /// Removes all elements but those at these indexes; how many.
    pub fn keep(&mut self, range: std::ops::Range<usize>) -> usize {
        let len = self.len();
        if range.is_empty() {
            self.cut(0, len);
        } else {
            self.cut(range.end, len.saturating_sub(range.end));
            self.cut(0, range.start);
        }
        if !self.is_empty() {
            self.shrink();
        }
        len - self.len()
    }

    /// Removes a stretch that lies inside of the list. Counts a change for each element.
    fn cut(&mut self, start: usize, count: usize) {
        if count == 0 {
            return;
        }
        let changes = self.changes();
        if self.is_packed() {
            self.change(|list| ListInverse::Whole(list.clone()))
                .cut_packed(start, count);
        } else {
            let taken = self.change_then(
                |list| match &mut list.0 {
                    Encoding::Quick(quick) => Some(quick.list.cut(start, count)),
                    Encoding::Packed(_) => None,
                },
                |cut| ListInverse::Heal(Box::new(cut)),
            );
            if let Some(list) = taken.map(Cut::into_list)
                && list.nodes().len() > 1
            {
                let fill = Fill::new(self.limits().list_max_listpack_size.into());
                self.discard(List(Encoding::Quick(Box::new(Quick { list, fill }))));
            }
        }
        self.count_as(changes + count as u64);
    }

    /// Turns a listpack into a quicklist if these elements might make it too large for a node.
    #[inline]
    fn grow(&mut self, bytes: usize, count: usize) {
        let Encoding::Packed(pack) = &self.0 else {
            return;
        };
        let fill = Fill::new(self.limits().list_max_listpack_size.into());
        if fill.exceeded(pack.byte_len().saturating_add(bytes), pack.len() + count) {
            self.convert(|list| list.to_quick(fill));
        }
    }

    /// Turns a quicklist into a listpack if it has but one node, which is at most half full.
    #[inline]
    fn shrink(&mut self) {
        let Encoding::Quick(quick) = &self.0 else {
            return;
        };
        let fill = Fill::new(self.limits().list_max_listpack_size.into());
        if quick.list.fits_listpack(fill, true) {
            self.convert(List::to_packed);
        }
    }
}

impl Quick {
    /// The limits of nodes, where `threshold` is that of DEBUG QUICKLIST-PACKED-THRESHOLD.
    #[inline]
    fn fill(&self, threshold: u32) -> Fill {
        self.fill.with_packed_threshold(threshold)
    }
}

/// Changes that say nothing of how they are taken back.
impl List {
    /// Adds an element at one end.
    #[inline]
    pub(super) fn put(&mut self, side: Side, element: &[u8], threshold: u32) {
        match (&mut self.0, side) {
            (Encoding::Packed(pack), Side::Left) => pack.push_front(Item::of(element)),
            (Encoding::Packed(pack), Side::Right) => pack.push_back(Item::of(element)),
            (Encoding::Quick(quick), side) => {
                let fill = quick.fill(threshold);
                match side {
                    Side::Left => quick.list.push_front(element, fill),
                    Side::Right => quick.list.push_back(element, fill),
                }
            }
        }
    }

    /// Puts an element in the place of another, which is there.
    pub(super) fn put_at(&mut self, index: usize, element: &[u8], threshold: u32) {
        match &mut self.0 {
            Encoding::Packed(pack) => {
                if let Some(at) = pack.seek(index as i64) {
                    pack.replace(at, Item::of(element));
                }
            }
            Encoding::Quick(quick) => {
                let fill = quick.fill(threshold);
                quick.list.set(index as i64, element, fill);
            }
        }
    }

    /// As [`Edit::pop_one`].
    #[inline]
    fn take_end<R>(&mut self, side: Side, read: impl FnOnce(Item<'_>, usize) -> R) -> Option<R> {
        match &mut self.0 {
            Encoding::Packed(pack) => {
                let at = match side {
                    Side::Left => pack.first(),
                    Side::Right => pack.last(),
                };
                let element = pack.get(at?);
                let result = read(element, element.len());
                match side {
                    Side::Left => pack.pop_front(),
                    Side::Right => pack.pop_back(),
                }
                Some(result)
            }
            Encoding::Quick(quick) => {
                let read = |element: Item<'_>| match element {
                    Item::Int(_) => read(element, 0),
                    Item::Bytes(bytes) => read(element, bytes.len()),
                };
                match side {
                    Side::Left => quick.list.pop_front(read),
                    Side::Right => quick.list.pop_back(read),
                }
            }
        }
    }

    /// Removes a stretch of a listpack.
    fn cut_packed(&mut self, start: usize, count: usize) {
        if let Encoding::Packed(pack) = &mut self.0
            && let Some(at) = pack.seek(start as i64)
        {
            pack.remove_many(at, count);
        }
    }

    /// Removes up to `limit` elements with this text from a listpack; how many.
    fn remove_packed(&mut self, from: Side, limit: usize, element: &[u8]) -> usize {
        let Encoding::Packed(pack) = &mut self.0 else {
            return 0;
        };
        let needle = Item::of(element);
        let mut removed = 0;
        let mut place = match from {
            Side::Left => pack.find(None, element, 0),
            Side::Right => pack.last(),
        };
        while let Some(at) = place
            && removed < limit
        {
            let is_it = pack.get(at).is(needle);
            place = match from {
                Side::Left => pack
                    .remove(at)
                    .and_then(|next| pack.find(Some(next), element, 0)),
                Side::Right => {
                    let before = pack.prev(at);
                    if is_it {
                        pack.remove(at);
                    }
                    before
                }
            };
            removed += usize::from(is_it);
        }
        removed
    }

    fn to_quick(&self, fill: Fill) -> List {
        match &self.0 {
            Encoding::Packed(pack) => List(Encoding::Quick(Box::new(Quick {
                list: QuickList::from_listpack(pack.clone()),
                fill,
            }))),
            Encoding::Quick(_) => self.clone(),
        }
    }

    fn to_packed(&self) -> List {
        match &self.0 {
            Encoding::Packed(_) => self.clone(),
            Encoding::Quick(quick) => match quick.list.clone().into_listpack() {
                Ok(pack) => List(Encoding::Packed(pack)),
                Err(_) => self.clone(),
            },
        }
    }
}
