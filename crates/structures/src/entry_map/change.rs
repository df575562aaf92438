//! Changes of an entry: in place where the slot allows, else by moving it into another slot.
//!
//! A change is thought of as a new [`Shape`] for the same entry:
//!
//! ```text
//!  old  | tag access lengths |        | key | payload |             in place: the key is shifted where the header
//!  new  | tag access lengths | expiry | key | payload ..... |       grows or shrinks; else all is copied
//! ```
//!
//! An entry keeps its slot as long as the slot is big enough and not wasteful, so a counter or a value that
//! changes by a few bytes stays where it is.

use super::entry::{self, HEADER_BYTES, Kind, Shape};
use super::handle::Handle;
use super::map::{EntryMap, KeyHash, NewPayload, payload_form, write_payload};
use super::slab::{Sizes, StripeSizes};

/// Whether an entry of `len` bytes may stay in a slot of `slot` bytes: at most 16 of them or an eighth are unused.
fn may_stay(len: usize, slot: usize) -> bool {
    len <= slot && (slot - len <= (slot / 8).max(16) || StripeSizes::slot_bytes(len) == slot)
}

impl<H, S: KeyHash> EntryMap<H, S> {
    /// Sets an entry's access clock (24 bits).
    #[inline]
    pub fn set_access(&mut self, handle: Handle, access: u32) {
        entry::set_access(self.slab.slot_mut(handle), access);
    }

    /// Sets an entry's encoding (0 to 15) and nothing else.
    pub fn set_encoding(&mut self, handle: Handle, encoding: u8) {
        entry::set_encoding(self.slab.slot_mut(handle), encoding);
    }

    /// The inline bytes of an entry, for changes that keep their length; none for other payloads.
    pub fn bytes_mut(&mut self, handle: Handle) -> Option<&mut [u8]> {
        let slot = self.slab.slot_mut(handle);
        let shape = Shape::read(slot);
        (shape.kind == Kind::Bytes).then(|| entry::payload_mut(slot, shape))
    }

    /// The object of an entry, if that is its payload.
    #[inline]
    pub fn heap_mut(&mut self, handle: Handle) -> Option<&mut H> {
        let number = self.object_number(handle)?;
        Some(self.heap.get_mut(number))
    }

    /// Changes an integer in place. False, and nothing changed, if the payload is no integer or the slot has no
    /// room for the new one; then [`replace_payload`](Self::replace_payload) does it.
    #[inline]
    pub fn set_int(&mut self, handle: Handle, value: i64) -> bool {
        let slot = self.slab.slot_mut(handle);
        // a counter mostly stays as long as it is
        if let Some(place) = entry::int_place(slot)
            && place.len() == entry::int_bytes(value)
        {
            let len = place.len();
            slot[place].copy_from_slice(&value.to_le_bytes()[..len]);
            return true;
        }
        self.resize_int(handle, value)
    }

    fn resize_int(&mut self, handle: Handle, value: i64) -> bool {
        let slot = self.slab.slot_mut(handle);
        let old = Shape::read(slot);
        let new = Shape {
            payload_len: entry::int_bytes(value),
            ..old
        };
        if old.kind != Kind::Int || new.len() > slot.len() {
            return false;
        }
        new.write(slot);
        entry::payload_mut(slot, new).copy_from_slice(&value.to_le_bytes()[..new.payload_len]);
        true
    }

    /// Gives an entry another value and encoding; key, expiry and access stay. The entry may move. An object that
    /// it had is handed over, to be dropped where that is convenient.
    ///
    /// # Panics
    /// When inline bytes are longer than `u32::MAX`, or the stripe is full.
    pub fn replace_payload(
        &mut self,
        db: usize,
        hash: u64,
        handle: Handle,
        payload: NewPayload<'_, H>,
        encoding: u8,
    ) -> (Handle, Option<H>) {
        let (kind, payload_len) = payload_form(&payload);
        let (slot, old) = self.read(handle);
        let object = (old.kind == Kind::Heap).then(|| entry::number(entry::payload(slot, old)));
        let object = object.map(|number| self.heap.remove(number));
        let new = Shape {
            kind,
            payload_len,
            ..old
        };
        let handle = self.reshape(db, hash, handle, old, 0, new);
        let slot = self.slab.slot_mut(handle);
        entry::set_encoding(slot, encoding);
        write_payload(slot, new, payload, &mut self.heap);
        (handle, object)
    }

    /// Sets or removes the time when an entry expires, in Unix milliseconds. The entry may move.
    pub fn set_expiry(
        &mut self,
        db: usize,
        hash: u64,
        handle: Handle,
        expire_at: Option<i64>,
    ) -> Handle {
        let (_, old) = self.read(handle);
        let new = Shape {
            expiring: expire_at.is_some(),
            ..old
        };
        let handle = if new == old {
            handle
        } else {
            self.reshape(db, hash, handle, old, old.payload_len, new)
        };
        if let Some(at_ms) = expire_at {
            entry::set_expiry(self.slab.slot_mut(handle), new, at_ms);
        }
        handle
    }

    /// Adds bytes behind the inline bytes of an entry. The entry may move.
    ///
    /// # Panics
    /// When the payload is not inline bytes, or gets longer than `u32::MAX`.
    pub fn append(&mut self, db: usize, hash: u64, handle: Handle, bytes: &[u8]) -> Handle {
        let (_, old) = self.read(handle);
        let handle = self.resize_bytes(db, hash, handle, old.payload_len + bytes.len());
        let slot = self.slab.slot_mut(handle);
        let shape = Shape::read(slot);
        entry::payload_mut(slot, shape)[old.payload_len..].copy_from_slice(bytes);
        handle
    }

    /// Cuts the inline bytes of an entry, or adds zeros behind them. The entry may move.
    ///
    /// # Panics
    /// When the payload is not inline bytes, or gets longer than `u32::MAX`.
    pub fn resize_bytes(&mut self, db: usize, hash: u64, handle: Handle, len: usize) -> Handle {
        let (_, old) = self.read(handle);
        assert_eq!(old.kind, Kind::Bytes, "only inline bytes can be resized");
        assert!(u32::try_from(len).is_ok(), "a value of over 4 GiB");
        let new = Shape {
            payload_len: len,
            ..old
        };
        let kept = len.min(old.payload_len);
        let handle = self.reshape(db, hash, handle, old, kept, new);
        entry::payload_mut(self.slab.slot_mut(handle), new)[kept..].fill(0);
        handle
    }

    /// Gives an entry another shape with the same key, keeping the first `kept` bytes of its payload, and finds a
    /// slot for it. A new expiry and the rest of the payload are left to the caller.
    fn reshape(
        &mut self,
        db: usize,
        hash: u64,
        handle: Handle,
        old: Shape,
        kept: usize,
        new: Shape,
    ) -> Handle {
        let slot = self.slab.slot_mut(handle);
        let (from, to, len) = (old.key_at(), new.key_at(), old.key_len + kept);
        let expiry = entry::expiry(slot, old);
        let target = if may_stay(new.len(), slot.len()) {
            if from != to {
                slot.copy_within(from..from + len, to);
            }
            handle
        } else {
            let target = self.slab.allocate(new.len());
            self.slab.with_two(handle, target, |source, target| {
                target[..HEADER_BYTES].copy_from_slice(&source[..HEADER_BYTES]);
                target[to..to + len].copy_from_slice(&source[from..from + len]);
            });
            self.forget_last();
            self.slab.free(handle);
            target
        };
        let slot = self.slab.slot_mut(target);
        new.write(slot);
        if let (true, Some(at_ms)) = (new.expiring, expiry) {
            entry::set_expiry(slot, new, at_ms);
        }
        if target != handle || old.expiring != new.expiring {
            let table = self.tables.get_mut(db);
            table.relink(hash, (handle, old.expiring), (target, new.expiring));
        }
        target
    }
}
