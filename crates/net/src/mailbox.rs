//! What other threads have to say to a loop.
//!
//! Posting is a push under a lock. Waking the loop costs a system call, so it is done only when the loop has said that
//! it is about to sleep.
//!
//! Why no wake-up is lost: the loop says so (`sleeping`) *inside* the lock, in the moment that it finds no mail. A poster's push
//! under the same lock comes before that moment, and is found; or after it, and then the poster sees the flag.

use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// Ends the sleep of a mailbox's owner, or its next one.
pub(crate) trait Wake {
    /// Wakes; may be called too often.
    fn wake(&self);
}

impl Wake for mio::Waker {
    fn wake(&self) {
        // Fails only when the loop's poller is gone, and then nobody reads the mail either.
        let _ = mio::Waker::wake(self);
    }
}

/// Many write, one reads.
pub(crate) struct Mailbox<M, W> {
    inbox: Mutex<Inbox<M>>,
    sleeping: AtomicBool,
    waker: W,
}

struct Inbox<M> {
    mails: Vec<M>,
    closed: bool,
}

impl<M, W: Wake> Mailbox<M, W> {
    /// An empty mailbox of an owner who is awake.
    pub(crate) fn new(waker: W) -> Self {
        let inbox = Inbox {
            mails: Vec::new(),
            closed: false,
        };
        Mailbox {
            inbox: Mutex::new(inbox),
            sleeping: AtomicBool::new(false),
            waker,
        }
    }

    /// Adds a mail, waking the owner if it sleeps. A closed mailbox gives it back.
    pub(crate) fn post(&self, mail: M) -> Result<(), M> {
        {
            let mut inbox = lock(&self.inbox);
            if inbox.closed {
                return Err(mail);
            }
            inbox.mails.push(mail);
        }
        if self.sleeping.load(Ordering::Acquire) && self.sleeping.swap(false, Ordering::AcqRel) {
            self.waker.wake();
        }
        Ok(())
    }

    /// Moves all mail behind what is in `into`.
    pub(crate) fn collect(&self, into: &mut Vec<M>) {
        let mut inbox = lock(&self.inbox);
        if into.is_empty() {
            std::mem::swap(&mut inbox.mails, into);
        } else {
            into.append(&mut inbox.mails);
        }
    }

    /// Collects like [`Mailbox::collect`]. If there is nothing, the owner may sleep until it is woken: then this answers
    /// `true`, and [`Mailbox::awake`] must be called after the sleep.
    pub(crate) fn collect_or_sleep(&self, into: &mut Vec<M>) -> bool {
        let mut inbox = lock(&self.inbox);
        if inbox.mails.is_empty() {
            self.sleeping.store(true, Ordering::Release);
            return true;
        }
        std::mem::swap(&mut inbox.mails, into);
        false
    }

    /// The owner is up: posting need not wake it.
    pub(crate) fn awake(&self) {
        self.sleeping.store(false, Ordering::Relaxed);
    }

    /// Refuses further mail and returns what is there.
    pub(crate) fn close(&self) -> Vec<M> {
        let mut inbox = lock(&self.inbox);
        inbox.closed = true;
        std::mem::take(&mut inbox.mails)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Mailbox, Wake};
    use std::cell::Cell;

    struct Count(Cell<u32>);

    impl Wake for Count {
        fn wake(&self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn only_a_sleeper_is_woken_and_only_once() {
        let mailbox = Mailbox::new(Count(Cell::new(0)));
        let mut mails = Vec::new();
        mailbox.post(1).unwrap();
        assert!(!mailbox.collect_or_sleep(&mut mails));
        assert_eq!(std::mem::take(&mut mails), [1]);
        assert!(mailbox.collect_or_sleep(&mut mails));
        assert_eq!(mailbox.waker.0.get(), 0);
        mailbox.post(2).unwrap();
        mailbox.post(3).unwrap();
        assert_eq!(mailbox.waker.0.get(), 1);
        mailbox.awake();
        mailbox.collect(&mut mails);
        assert_eq!(mails, [2, 3]);
        mailbox.post(4).unwrap();
        assert_eq!(mailbox.close(), [4]);
        assert_eq!(mailbox.post(5), Err(5));
        assert_eq!(mailbox.waker.0.get(), 1);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::{Mailbox, Wake};
    use loom::sync::{Arc, Condvar, Mutex};

    /// Like an eventfd: a wake before the sleep ends it at once.
    #[derive(Default)]
    struct Bell {
        rung: Mutex<bool>,
        condvar: Condvar,
    }

    impl Wake for Arc<Bell> {
        fn wake(&self) {
            *self.rung.lock().unwrap() = true;
            self.condvar.notify_one();
        }
    }

    /// Two posters, one reader that sleeps whenever it may. A lost wake-up would be a deadlock, which loom reports.
    #[test]
    fn no_wake_up_is_lost() {
        loom::model(|| {
            let bell = Arc::new(Bell::default());
            let mailbox = Arc::new(Mailbox::new(bell.clone()));
            let posters: Vec<_> = (0..2)
                .map(|mail| {
                    let mailbox = mailbox.clone();
                    loom::thread::spawn(move || mailbox.post(mail).unwrap())
                })
                .collect();
            let mut seen = 0;
            while seen < 2 {
                let mut mails = Vec::new();
                if mailbox.collect_or_sleep(&mut mails) {
                    let mut rung = bell.rung.lock().unwrap();
                    while !*rung {
                        rung = bell.condvar.wait(rung).unwrap();
                    }
                    *rung = false;
                    drop(rung);
                    mailbox.awake();
                    mailbox.collect(&mut mails);
                }
                seen += mails.len();
            }
            for poster in posters {
                poster.join().unwrap();
            }
        });
    }
}
