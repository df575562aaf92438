//! A place where a thread puts a thing down, and whence it or another thread takes it.
//!
//! This is what lets an event loop change threads. Before it runs something of unknown length, a thread puts its loop
//! down; normally it takes it back right afterwards, at the price of an uncontended unlock and lock. A watchdog
//! that sees the same [`Lying`] for too long tells a spare thread, which takes the loop instead.
//!
//! ```text
//!          put_down                    take (the same thread, or a spare)
//!   held ----------> lying, 2n + 1 ----------------------------------> held, 2n + 2
//! ```
//!
//! Why it is right: the generation is odd while the thing lies, changes only under the lock, and never comes back. A
//! `take` names the generation it is about, so of all threads that want the same putting-down exactly one gets it,
//! and a spare that comes late cannot take the loop away in the middle of something else. Nobody waits for the
//! lock longer than another's `take` needs to look: who holds the thing changed the generation first, and a taker looks
//! at that before each try.

use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, pause};

/// One thing, held by at most one thread.
pub(crate) struct Slot<T> {
    generation: AtomicU64,
    value: Mutex<T>,
}

/// One particular time that the thing was put down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lying(u64);

/// The thing, in hand.
pub(crate) struct Held<'s, T> {
    slot: &'s Slot<T>,
    generation: u64,
    guard: MutexGuard<'s, T>,
}

impl<T> Slot<T> {
    /// A slot in which `value` lies, and the token to take it.
    pub(crate) fn new(value: T) -> (Slot<T>, Lying) {
        (
            Slot {
                generation: AtomicU64::new(1),
                value: Mutex::new(value),
            },
            Lying(1),
        )
    }

    /// Which putting-down the thing lies there from; `None` while a thread has it. Takes no lock.
    pub(crate) fn lying(&self) -> Option<Lying> {
        let generation = self.generation.load(Ordering::Acquire);
        (generation % 2 == 1).then_some(Lying(generation))
    }

    /// Takes the thing, if it still lies there from that time.
    pub(crate) fn take(&self, lying: Lying) -> Option<Held<'_, T>> {
        let mut round = 0;
        loop {
            if self.generation.load(Ordering::Acquire) != lying.0 {
                return None;
            }
            if let Ok(guard) = self.value.try_lock() {
                if self.generation.load(Ordering::Relaxed) != lying.0 {
                    return None;
                }
                let generation = lying.0 + 1;
                self.generation.store(generation, Ordering::Release);
                return Some(Held {
                    slot: self,
                    generation,
                    guard,
                });
            }
            pause(round);
            round += 1;
        }
    }
}

impl<T> Held<'_, T> {
    /// Lets go of the thing; whoever takes it first has it.
    pub(crate) fn put_down(self) -> Lying {
        let generation = self.generation + 1;
        self.slot.generation.store(generation, Ordering::Release);
        Lying(generation)
    }
}

impl<T> std::ops::Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> std::ops::DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Slot;

    #[test]
    fn only_the_latest_putting_down_can_be_taken_and_only_once() {
        let (slot, first) = Slot::new(1);
        let mut held = slot.take(first).unwrap();
        assert!(slot.lying().is_none() && slot.take(first).is_none());
        *held += 1;
        let second = held.put_down();
        assert_ne!(first, second);
        assert_eq!(slot.lying(), Some(second));
        assert!(slot.take(first).is_none());
        assert_eq!(*slot.take(second).unwrap(), 2);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::Slot;
    use crate::sync::Ordering;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;

    /// The owner puts down and takes back twice while a spare, told of the first time, tries to take it.
    #[test]
    fn exactly_one_thread_takes_each_putting_down() {
        loom::model(|| {
            let (slot, first) = Slot::new(0u32);
            let slot = Arc::new(slot);
            let taken = Arc::new(AtomicUsize::new(0));
            let spare = {
                let (slot, taken) = (slot.clone(), taken.clone());
                loom::thread::spawn(move || {
                    if let Some(mut held) = slot.take(first) {
                        *held += 10;
                        taken.fetch_add(1, Ordering::Relaxed);
                        held.put_down();
                    }
                })
            };
            let mut own = 0;
            if let Some(mut held) = slot.take(first) {
                *held += 1;
                own += 1;
                let second = held.put_down();
                let mut again = slot.take(second).expect("nobody was told of it");
                *again += 1;
                again.put_down();
            }
            spare.join().unwrap();
            let spares = taken.load(Ordering::Relaxed);
            assert_eq!(own + spares, 1);
            let lying = slot.lying().expect("it lies there in the end");
            assert_eq!(*slot.take(lying).unwrap(), if own == 1 { 2 } else { 10 });
        });
    }
}
