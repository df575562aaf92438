//! What waits for one loop.
//!
//! Letters are numbered in the order in which they come. Publishers put them in; the thread that has the loop takes them out. The bell
//! is apart (see [`Queue::take_bell`]): it is a system call, and publishers have locks in hand.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use perilune_net::ConnRef;
use smallvec::SmallVec;

use super::audience::Listeners;
use super::lock;
use super::message::{Letterhead, Message};
use super::patterns::Pattern;

/// Past this size of a queue those who publish wait.
pub const CROWDED_BYTES: usize = 32 << 20;

/// They go on when it is down to this.
const ROOMY_BYTES: usize = CROWDED_BYTES / 2;

const _: () = assert!(ROOMY_BYTES < CROWDED_BYTES);

/// A message for those of one loop who listen.
#[derive(Debug)]
pub struct Letter {
    /// The message.
    pub message: Arc<Message>,
    /// To whom it goes, in this order.
    pub targets: SmallVec<[Target; 1]>,
}

/// Some of those who get a letter.
#[derive(Debug)]
pub struct Target {
    /// The pattern by which they get it.
    pub pattern: Option<Arc<Pattern>>,
    /// They.
    pub listeners: Arc<Listeners>,
}

impl Letter {
    /// What it keeps alive, at most: the message is shared with the letters to other loops.
    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.message.memory_bytes() + self.targets.len() * size_of::<Target>()
    }
}

/// The letters for one loop.
#[derive(Debug, Default)]
pub struct Queue {
    letters: Mutex<Letters>,
    /// There are letters for which no bell has been rung.
    wants_bell: AtomicBool,
    /// Those who publish are to wait.
    crowded: AtomicBool,
}

#[derive(Debug, Default)]
struct Letters {
    waiting: VecDeque<Letter>,
    /// How many have ever been put in: the number of the last.
    posted: u64,
    bytes: usize,
    /// Who waits for room.
    publishers: Vec<ConnRef>,
}

impl Letters {
    /// The number of the first that waits.
    fn first(&self) -> u64 {
        self.posted + 1 - self.waiting.len() as u64
    }
}

impl Queue {
    /// Adds a letter. Somebody has to ring, later.
    pub fn push(&self, letter: Letter) {
        let mut letters = lock(&self.letters);
        letters.posted += 1;
        letters.bytes += letter.memory_bytes();
        letters.waiting.push_back(letter);
        if letters.bytes > CROWDED_BYTES {
            self.crowded.store(true, Ordering::Relaxed);
        }
        drop(letters);
        if !self.wants_bell.load(Ordering::Relaxed) {
            self.wants_bell.store(true, Ordering::Release);
        }
    }

    /// Takes the oldest letter out, with its number, unless it is newer than number `last`.
    /// `woken` gets those who have waited for the room that there is now.
    pub fn pop(&self, last: u64, woken: &mut Vec<ConnRef>) -> Option<(u64, Letter)> {
        let mut letters = lock(&self.letters);
        let number = letters.first();
        if number > last {
            return None;
        }
        let letter = letters.waiting.pop_front()?;
        letters.bytes -= letter.memory_bytes();
        if letters.bytes <= ROOMY_BYTES && self.crowded.load(Ordering::Relaxed) {
            self.crowded.store(false, Ordering::Relaxed);
            woken.append(&mut letters.publishers);
        }
        if letters.waiting.is_empty() {
            // after a flood its room would stay for ever
            letters.waiting.shrink_to(1024);
        }
        Some((number, letter))
    }

    /// The numbers of the letters that wait. Where there are none, the empty range in front of the next one's.
    pub fn numbers(&self) -> Range<u64> {
        let letters = lock(&self.letters);
        letters.first()..letters.posted + 1
    }

    /// The number of the last letter that was put in.
    pub fn posted(&self) -> u64 {
        lock(&self.letters).posted
    }

    /// Whether there is a letter.
    pub fn has_letters(&self) -> bool {
        !lock(&self.letters).waiting.is_empty()
    }

    /// Whether the bell is to be rung: true for one of those who ask.
    pub fn take_bell(&self) -> bool {
        self.wants_bell.load(Ordering::Relaxed) && self.wants_bell.swap(false, Ordering::AcqRel)
    }

    /// Whether those who publish are to wait.
    pub fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    /// Notes that a connection waits for room. False if there is some by now.
    pub fn wait_for_room(&self, at: ConnRef) -> bool {
        let mut letters = lock(&self.letters);
        let crowded = self.is_crowded();
        if crowded {
            letters.publishers.push(at);
        }
        crowded
    }

    /// Visits the waiting letters to some listeners, for one of them that has been there since number `since`.
    pub fn for_each_to(
        &self,
        listeners: &Arc<Listeners>,
        since: u64,
        mut visit: impl FnMut(Letterhead<'_>),
    ) {
        let letters = lock(&self.letters);
        for (number, letter) in (letters.first()..).zip(&letters.waiting) {
            for target in &letter.targets {
                if number > since && Arc::ptr_eq(&target.listeners, listeners) {
                    visit(Letterhead {
                        message: &letter.message,
                        pattern: target.pattern.as_deref(),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::*;

    fn letter(listeners: &Arc<Listeners>, payload: &[u8]) -> Letter {
        let target = Target {
            pattern: None,
            listeners: listeners.clone(),
        };
        Letter {
            message: Arc::new(Message::new(Scope::Global, b"c", payload)),
            targets: [target].into_iter().collect(),
        }
    }

    #[test]
    fn letters_come_out_in_order_with_their_numbers() {
        let (queue, listeners) = (Queue::default(), Arc::default());
        let mut woken = Vec::new();
        assert!(!queue.take_bell());
        for payload in [b"a", b"b", b"c"] {
            queue.push(letter(&listeners, payload));
        }
        assert_eq!((queue.take_bell(), queue.take_bell()), (true, false));
        let mut numbers = Vec::new();
        while let Some((number, _)) = queue.pop(2, &mut woken) {
            numbers.push(number);
        }
        assert_eq!(
            (numbers, queue.posted(), queue.has_letters()),
            (vec![1, 2], 3, true)
        );
        let number = queue.pop(u64::MAX, &mut woken).map(|(number, _)| number);
        assert_eq!((number, queue.has_letters()), (Some(3), false));
    }

    #[test]
    fn what_is_left_is_for_those_who_were_there() {
        let (queue, listeners, others) = (Queue::default(), Arc::default(), Arc::default());
        queue.push(letter(&listeners, b"1"));
        queue.push(letter(&others, b"2"));
        queue.push(letter(&listeners, b"3"));
        queue.pop(1, &mut Vec::new());
        let left = |since| {
            let mut count = 0;
            queue.for_each_to(&listeners, since, |_| count += 1);
            count
        };
        assert_eq!((left(0), left(2), left(3)), (1, 1, 0));
    }

    #[test]
    fn publishers_wait_from_crowded_to_roomy() {
        let (queue, listeners) = (Queue::default(), Arc::default());
        let at = ConnRef {
            id: 7,
            loop_index: 0,
        };
        let payload = vec![b'x'; 1 << 20];
        assert!(!queue.wait_for_room(at), "there is room");
        while !queue.is_crowded() {
            queue.push(letter(&listeners, &payload));
        }
        assert!(queue.wait_for_room(at));
        let (mut woken, mut left) = (Vec::new(), queue.posted());
        assert_eq!(left, 32, "a MiB each, and a little");
        while woken.is_empty() {
            assert!(queue.is_crowded());
            queue.pop(u64::MAX, &mut woken);
            left -= 1;
        }
        assert_eq!((woken, left), (vec![at], 15));
        assert!(!queue.is_crowded() && !queue.wait_for_room(at));
    }
}
