//! Connections by small numbers.
//!
//! A [`Key`] is what the kernel hands back with an event. It carries the turn of its place, so that an event that was
//! already on its way when its connection closed does not reach the next one in the same place.

/// `turn << 32 | index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) usize);

impl Key {
    fn new(index: usize, turn: u32) -> Key {
        Key((turn as usize) << 32 | index)
    }

    fn index(self) -> usize {
        self.0 & 0xffff_ffff
    }

    fn turn(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Turns stay below this, so that keys with all upper bits set are free for other uses.
const TURN_MAX: u32 = u32::MAX - 1;

struct Place<T> {
    turn: u32,
    value: Option<T>,
}

/// A growing array whose places are used again.
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Slab {
            places: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place {
                turn: 0,
                value: None,
            });
            self.places.len() - 1
        });
        let place = &mut self.places[index];
        place.value = Some(value);
        Key::new(index, place.turn)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.places.get_mut(key.index())?;
        if place.turn != key.turn() {
            return None;
        }
        place.value.as_mut()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.index())?;
        if place.turn != key.turn() {
            return None;
        }
        let value = place.value.take()?;
        place.turn = if place.turn == TURN_MAX {
            0
        } else {
            place.turn + 1
        };
        self.free.push(key.index());
        Some(value)
    }

    /// How many places there are, used or not.
    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    /// What is in the place with this index, and its key.
    pub(crate) fn at(&mut self, index: usize) -> Option<(Key, &mut T)> {
        let place = self.places.get_mut(index)?;
        let key = Key::new(index, place.turn);
        place.value.as_mut().map(|value| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::Slab;

    #[test]
    fn a_place_used_again_has_another_key() {
        let mut slab = Slab::new();
        let a = slab.insert('a');
        let b = slab.insert('b');
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        let c = slab.insert('c');
        assert_ne!(a, c);
        assert_eq!(slab.places(), 2);
        assert_eq!(slab.get_mut(a), None);
        assert_eq!(slab.get_mut(b), Some(&mut 'b'));
        assert_eq!(slab.at(0), Some((c, &mut 'c')));
    }
}
