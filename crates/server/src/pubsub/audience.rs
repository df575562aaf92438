//! Who listens to one channel or pattern.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use smallvec::SmallVec;

use super::lock;
use super::queue::Queue;

/// Those who listen, loop by loop. A loop without listeners is not in it.
#[derive(Debug, Default)]
pub struct Audience {
    len: usize,
    parts: SmallVec<[(usize, Arc<Listeners>); 1]>,
}

impl Audience {
    /// Adds a connection that is not in it. `since`: what its loop's queue has held so far is not for it.
    pub fn enter(&mut self, loop_index: usize, id: u64, since: u64) {
        let part = match self.parts.iter().position(|(at, _)| *at == loop_index) {
            Some(part) => part,
            None => {
                self.parts.push((loop_index, Arc::default()));
                self.parts.len() - 1
            }
        };
        lock(&self.parts[part].1.members).since.insert(id, since);
        self.len += 1;
    }

    /// Takes a connection out; among whom it was, and since when. With the loop's `queue`, what that holds so far still
    /// goes to the connection.
    pub fn leave(
        &mut self,
        loop_index: usize,
        id: u64,
        queue: Option<&Queue>,
    ) -> Option<(Arc<Listeners>, u64)> {
        let part = self.parts.iter().position(|(at, _)| *at == loop_index)?;
        let listeners = self.parts[part].1.clone();
        let mut members = lock(&listeners.members);
        let since = members.since.remove(&id)?;
        if let Some(queue) = queue {
            members.keep_past(id, since, queue);
        }
        self.len -= 1;
        if members.since.is_empty() {
            self.parts.swap_remove(part);
        }
        drop(members);
        Some((listeners, since))
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The loops that have some, with those of each.
    pub fn parts(&self) -> impl Iterator<Item = &(usize, Arc<Listeners>)> {
        self.parts.iter()
    }
}

/// Those of one loop. Shared with the letters that are on the way to them.
#[derive(Debug, Default)]
pub struct Listeners {
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    /// By the connection's number: the number of the last letter in its loop's queue when it came.
    since: HashMap<u64, u64>,
    /// Those who have left and still get what was in the queue by then.
    past: Vec<Past>,
}

/// Somebody who listened to the letters after number `since`, up to number `until`.
#[derive(Debug, Clone, Copy)]
struct Past {
    id: u64,
    since: u64,
    until: u64,
}

impl Members {
    /// Remembers somebody who leaves now, if there may be letters for it.
    fn keep_past(&mut self, id: u64, since: u64, queue: &Queue) {
        let numbers = queue.numbers();
        // The last that was taken out may be in the midst of being handed out. There are no more of these entries than letters.
        let oldest = numbers.start.saturating_sub(1);
        self.past.retain(|past| past.until >= oldest);
        let until = numbers.end - 1;
        if since < until {
            self.past.push(Past { id, since, until });
        }
    }
}

impl Listeners {
    /// Appends those for whom the letter of this number is. Letters are handed out in the order of their numbers.
    pub fn collect(&self, number: u64, into: &mut Vec<u64>) {
        let mut members = lock(&self.members);
        let is_meant = |(id, since): (&u64, &u64)| (*since < number).then_some(*id);
        into.extend(members.since.iter().filter_map(is_meant));
        if !members.past.is_empty() {
            members.past.retain(|past| past.until >= number);
            let past = members.past.iter();
            into.extend(past.filter(|past| past.since < number).map(|past| past.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::super::message::Message;
    use super::super::queue::Letter;
    use super::*;

    fn post(queue: &Queue) {
        queue.push(Letter {
            message: Arc::new(Message::new(Scope::Global, b"c", b"")),
            targets: SmallVec::new(),
        });
    }

    fn who_gets(listeners: &Listeners, number: u64) -> Vec<u64> {
        let mut ids = Vec::new();
        listeners.collect(number, &mut ids);
        ids
    }

    #[test]
    fn who_leaves_gets_what_was_in_the_queue_by_then() {
        let (mut audience, queue) = (Audience::default(), Queue::default());
        audience.enter(0, 7, 0);
        post(&queue);
        let (listeners, since) = audience.leave(0, 7, Some(&queue)).expect("it was there");
        assert_eq!((since, audience.len()), (0, 0));
        post(&queue);
        audience.enter(0, 8, queue.posted());
        post(&queue);
        assert_eq!(who_gets(&listeners, 1), [7]);
        assert_eq!(who_gets(&listeners, 2), []);
        assert!(lock(&listeners.members).past.is_empty(), "it got all");
    }

    #[test]
    fn coming_and_going_leaves_nothing_behind() {
        let (mut audience, queue) = (Audience::default(), Queue::default());
        audience.enter(0, 1, 0);
        let listeners = audience.parts[0].1.clone();
        for _ in 0..100 {
            audience.enter(0, 7, queue.posted());
            audience.leave(0, 7, Some(&queue));
            audience.enter(0, 7, queue.posted());
            post(&queue);
            audience.leave(0, 7, Some(&queue));
            let number = queue.posted();
            queue.pop(number, &mut Vec::new());
            assert!(lock(&listeners.members).past.len() <= 2);
        }
    }
}
