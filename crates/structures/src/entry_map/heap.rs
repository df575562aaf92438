//! Heap: the objects of the layer above that do not fit into an entry (big strings, lists, hashes ...).
//!
//! An entry holds the number of its object here. Slots of removed objects form a free list, so a number is valid
//! as long as its entry.

use super::reserve_tight;
use crate::cpu::prefetch;

enum Slot<H> {
    Free { next: u32 },
    Full(H),
}

const NO_SLOT: u32 = u32::MAX;

/// See the module.
pub(crate) struct Heap<H> {
    slots: Vec<Slot<H>>,
    free: u32,
    live: u32,
}

impl<H> Heap<H> {
    pub(crate) fn new() -> Heap<H> {
        Heap {
            slots: Vec::new(),
            free: NO_SLOT,
            live: 0,
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<H>>()
    }

    /// Objects there are.
    pub(crate) fn len(&self) -> usize {
        self.live as usize
    }

    pub(crate) fn insert(&mut self, object: H) -> u32 {
        self.live += 1;
        if let Some(slot) = self.slots.get_mut(self.free as usize) {
            let number = self.free;
            if let Slot::Free { next } = *slot {
                self.free = next;
            }
            *slot = Slot::Full(object);
            return number;
        }
        reserve_tight(&mut self.slots);
        self.slots.push(Slot::Full(object));
        (self.slots.len() - 1) as u32
    }

    /// Asks for the cache line where an object begins.
    #[inline]
    pub(crate) fn prefetch(&self, number: u32) {
        if let Some(slot) = self.slots.get(number as usize) {
            prefetch(slot);
        }
    }

    /// The object with this number.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> &H {
        match &self.slots[number as usize] {
            Slot::Full(object) => object,
            Slot::Free { .. } => panic!("heap slot {number} is free"),
        }
    }

    /// The object with this number, for changes.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> &mut H {
        match &mut self.slots[number as usize] {
            Slot::Full(object) => object,
            Slot::Free { .. } => panic!("heap slot {number} is free"),
        }
    }

    /// Moves the object out.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn remove(&mut self, number: u32) -> H {
        let slot = std::mem::replace(
            &mut self.slots[number as usize],
            Slot::Free { next: self.free },
        );
        let Slot::Full(object) = slot else {
            panic!("heap slot {number} is free")
        };
        self.free = number;
        self.live -= 1;
        if self.live == 0 {
            *self = Heap::new();
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again() {
        let mut heap = Heap::new();
        let [a, b, c] = ["a", "b", "c"].map(|s| heap.insert(s.to_string()));
        assert_eq!(heap.remove(b), "b");
        assert_eq!(heap.insert("d".to_string()), b);
        heap.get_mut(a).push('!');
        assert_eq!([heap.get(a), heap.get(b), heap.get(c)], ["a!", "d", "c"]);
        for number in [a, b, c] {
            heap.remove(number);
        }
        assert_eq!(heap.memory_bytes(), 0);
    }
}
