//! The packed encodings: pairs of field and value, or triples of field, value and expiry, in one listpack.
//!
//! ```text
//!   listpack     field value   field value   ...                  in order of arrival
//!   listpackex   field value 1700000000000   field value 0  ...   in order of expiry; 0: none, at the end
//! ```
//!
//! Of equal expiries the one that was set last stands first. All this is as the reference has it, as DUMP shows it.

use perilune_structures::{At, FieldExpiry, Item, Listpack, listpack};

use super::Field;

/// The expiry of a field that has none.
const NO_EXPIRY: i64 = 0;

/// A hash in one listpack.
#[derive(Clone)]
pub(super) struct Pack {
    items: Listpack,
    /// Items of a field: 2, or 3 with an expiry.
    width: u8,
}

impl Pack {
    /// Asks for the memory where it begins.
    #[inline]
    pub(super) fn prefetch(&self) {
        self.items.prefetch();
    }
}

/// All fields of a pack.
pub(super) struct PackFields<'a> {
    items: listpack::Iter<'a>,
    has_expiries: bool,
}

impl<'a> Iterator for PackFields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let (name, value) = (self.items.next()?, self.items.next()?);
        let expire_at_ms = match self.has_expiries {
            true => expiry_of(self.items.next()?),
            false => None,
        };
        Some(Field {
            name,
            value,
            expire_at_ms,
        })
    }

    /// Pairs come out of one loop over the items.
    #[inline]
    fn fold<B, F: FnMut(B, Field<'a>) -> B>(mut self, init: B, mut f: F) -> B {
        if self.has_expiries {
            let mut folded = init;
            for field in self.by_ref() {
                folded = f(folded, field);
            }
            return folded;
        }
        let mut name = None;
        self.items.fold(init, |folded, item| match name.take() {
            None => {
                name = Some(item);
                folded
            }
            Some(name) => {
                let (value, expire_at_ms) = (item, None);
                f(
                    folded,
                    Field {
                        name,
                        value,
                        expire_at_ms,
                    },
                )
            }
        })
    }
}

/// Where a field's name stands.
pub(super) type PackPlace = At;

impl Pack {
    /// An empty pack of pairs.
    pub(super) fn pairs() -> Pack {
        Pack {
            items: Listpack::new(),
            width: 2,
        }
    }

    /// The fields that stand in a listpack, each with `width` items: 2, or 3 with an expiry, and then in their order.
    pub(super) fn from_listpack(items: Listpack, width: u8) -> Pack {
        Pack { items, width }
    }

    /// The listpack.
    pub(super) fn listpack(&self) -> &Listpack {
        &self.items
    }

    /// The same fields, as triples.
    pub(super) fn to_triples(&self) -> Pack {
        let mut triples = Pack {
            items: Listpack::new(),
            width: 3,
        };
        for field in self.iter() {
            triples.insert(field.name, field.value, field.expire_at_ms);
        }
        triples
    }

    #[inline]
    fn has_expiries(&self) -> bool {
        self.width == 3
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        let items = self.items.len();
        if self.has_expiries() {
            items / 3
        } else {
            items / 2
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.items.heap_bytes()
    }

    /// Whether items of so many bytes, all together, fit besides those that are there.
    #[inline]
    pub(super) fn would_fit(&self, bytes: usize) -> bool {
        self.items.would_fit(bytes)
    }

    #[inline]
    pub(super) fn find(&self, field: &[u8]) -> Option<PackPlace> {
        self.items.find(None, field, usize::from(self.width) - 1)
    }

    #[inline]
    pub(super) fn get(&self, place: PackPlace) -> Field<'_> {
        let value = self.items.next(place);
        let expiry = value
            .filter(|_| self.has_expiries())
            .and_then(|at| self.items.next(at));
        let item = |at| self.items.get(at);
        Field {
            name: item(place),
            value: value.map_or(Item::Bytes(b""), item),
            expire_at_ms: expiry.and_then(|at| expiry_of(item(at))),
        }
    }

    /// The integer behind a field's name, and where it stands.
    #[inline]
    pub(super) fn int_of(&self, place: PackPlace) -> Option<(PackPlace, i64)> {
        let at = self.items.next(place)?;
        Some((at, self.items.get_int(at)?))
    }

    /// Sets the integer at a place, if that moves nothing.
    #[inline]
    pub(super) fn set_int(&mut self, at: PackPlace, int: i64) -> bool {
        self.items.replace_int(at, int)
    }

    pub(super) fn iter(&self) -> PackFields<'_> {
        PackFields {
            items: self.items.iter(),
            has_expiries: self.has_expiries(),
        }
    }

    /// Sets a field that is at a place, or is not there. Triples only take an expiry.
    #[inline]
    pub(super) fn set(
        &mut self,
        place: Option<PackPlace>,
        name: &[u8],
        value: Item<'_>,
        expiry: FieldExpiry,
    ) {
        let Some(place) = place else {
            let expire_at_ms = match expiry {
                FieldExpiry::At(at_ms) => Some(at_ms),
                FieldExpiry::Keep | FieldExpiry::Clear => None,
            };
            self.insert(Item::of(name), value, expire_at_ms);
            return;
        };
        if let Some(at) = self.items.next(place) {
            self.items.replace(at, value);
        }
        match expiry {
            _ if !self.has_expiries() => {}
            FieldExpiry::Keep => {}
            FieldExpiry::Clear => self.set_expiry(place, None),
            FieldExpiry::At(at_ms) => self.set_expiry(place, Some(at_ms)),
        }
    }

    /// Sets or removes a field's expiry, and puts the field where that belongs. Triples only take an expiry.
    pub(super) fn set_expiry(&mut self, place: PackPlace, expire_at_ms: Option<i64>) {
        if !self.has_expiries() {
            return;
        }
        let field = self.get(place);
        if expire_at_ms.is_none() && field.expire_at_ms.is_none() {
            return;
        }
        let (name, value) = (field.name.to_vec(), field.value.to_vec());
        self.remove(place);
        self.insert(Item::of(&name), Item::of(&value), expire_at_ms);
    }

    #[inline]
    pub(super) fn remove(&mut self, place: PackPlace) {
        self.items.remove_many(place, usize::from(self.width));
    }

    /// Adds a field that is not there.
    #[inline]
    fn insert(&mut self, name: Item<'_>, value: Item<'_>, expire_at_ms: Option<i64>) {
        let behind = expire_at_ms.and_then(|at_ms| self.first_not_before(at_ms));
        match behind {
            None => {
                self.items.push_back(name);
                self.items.push_back(value);
                if self.has_expiries() {
                    self.items
                        .push_back(Item::Int(expire_at_ms.unwrap_or(NO_EXPIRY)));
                }
            }
            Some(behind) => {
                let at = self.items.insert_before(behind, name);
                let at = self.items.insert_after(at, value);
                self.items
                    .insert_after(at, Item::Int(expire_at_ms.unwrap_or(NO_EXPIRY)));
            }
        }
    }

    /// The first field that does not expire before this time; none if all do.
    fn first_not_before(&self, at_ms: i64) -> Option<PackPlace> {
        let mut next = self.items.first();
        while let Some(place) = next {
            match self.get(place).expire_at_ms {
                Some(expire_at_ms) if expire_at_ms < at_ms => {}
                _ => break,
            }
            next = (0..self.width).try_fold(place, |at, _| self.items.next(at));
        }
        next
    }

    #[inline]
    pub(super) fn expire_at_ms_min(&self) -> Option<i64> {
        self.items
            .first()
            .and_then(|first| self.get(first).expire_at_ms)
    }

    /// See [`super::Hash::remove_expired`].
    pub(super) fn remove_expired(
        &mut self,
        now_ms: i64,
        limit: usize,
        mut visit: impl FnMut(&[u8]),
    ) {
        let mut digits = itoa::Buffer::new();
        let expired = self
            .iter()
            .take(limit)
            .take_while(|field| field.is_expired(now_ms))
            .inspect(|field| visit(field.name.bytes(&mut digits)))
            .count();
        if let Some(first) = self.items.first().filter(|_| expired > 0) {
            self.items
                .remove_many(first, expired * usize::from(self.width));
        }
    }
}

#[inline]
fn expiry_of(item: Item<'_>) -> Option<i64> {
    item.int().filter(|&at_ms| at_ms != NO_EXPIRY)
}
