//! Blocking commands: who waits for a key, in order of arrival, and how they are served.
//!
//! ```text
//!   BLPOP, nothing there:   under its locks it enters itself under each of its keys -> Waiting
//!   LPUSH:                  change -> the key has waiters: noted as ready
//!                           commit -> effects go out -> for each ready key, waiter after waiter:
//!                                     a transaction of its own on the stripes that are held -> Waiting::serve
//!                           stripes are released -> those served are told: Waiting::deliver
//! ```
//!
//! So whoever waited longest is served first, before anybody else can touch the key, exactly once, and what it
//! takes is a unit of its own in the log.
//!
//! **A waiter that needs another stripe** (BLMOVE's destination) tries for it. Where that cannot be had, the key stays
//! *pending* in its stripe: whoever locks that stripe next first does what is owed, or waits for the missing stripe
//! itself. [`Service::serve_later`] makes sure that somebody does, even if nobody else comes.
//!
//! **Leaving** (a timeout, a client that goes away) takes no stripe's lock: the queues have a lock of their own, below
//! the stripe's. That a waiter is served or leaves is decided by the waiter itself, see [`Waiting`].

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::keyspace::Keyspace;
use crate::plan::{LockPlan, StripeIndex};
use crate::txn::{Found, Held, Tally, Txn, aside};

/// What a blocking command waits for, having found nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Which of its arguments are the keys that it waits for, in the order in which it prefers them.
    pub keys: Range<usize>,
    /// The type of value that it waits for, as TYPE names it.
    pub type_name: &'static str,
    /// For how long; none is for ever.
    pub timeout: Option<Duration>,
}

/// One who waits for keys.
pub trait Waiting: Send + Sync {
    /// Takes what it waits for, if that is there: one run on a transaction that holds the stripe of a key which has
    /// changed. Where it is served it is not waiting any more from then on; two threads cannot both have it served, and
    /// it cannot leave meanwhile.
    fn serve(&self, txn: &mut Txn<'_>) -> Served;

    /// Brings the answer home, with no stripe held.
    fn deliver(&self);

    /// The database in which it waits.
    fn database(&self) -> usize;

    /// The type of value that it waits for, as TYPE names it. Others make nothing ready for it.
    fn type_name(&self) -> &'static str;
}

/// What came of an attempt to serve somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// It has what it waited for.
    Done,
    /// It has an error for an answer, and is to be told. What it has changed, if anything, is taken back.
    Failed,
    /// It was not waiting any more.
    Gone,
    /// What it waits for is not there, or not of the type that it waits for.
    NotYet,
    /// It needs another stripe, which could not be had. Nothing is changed.
    Refused,
}

/// Sees to it that what is owed to waiters is done.
pub trait Service: Send + Sync {
    /// A waiter of a key of `stripe` could not be served, for want of the stripe `needs`: [`serve_pending`] is to be called
    /// when that can be had.
    ///
    /// [`serve_pending`]: crate::Keyspace::serve_pending
    fn serve_later(&self, stripe: StripeIndex, needs: StripeIndex);
}

/// Names a key.
pub(crate) type KeyId = (usize, Box<[u8]>);

type Queue = VecDeque<Arc<dyn Waiting>>;

/// The waiters of one stripe, by key.
#[derive(Default)]
pub(crate) struct Waiters {
    queues: Mutex<HashMap<KeyId, Queue>>,
}

impl Waiters {
    fn queues(&self) -> MutexGuard<'_, HashMap<KeyId, Queue>> {
        self.queues.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Enters a waiter behind those that are there. The stripe is held.
    pub fn enter(&self, database: usize, key: &[u8], waiter: Arc<dyn Waiting>) {
        self.queues()
            .entry((database, key.into()))
            .or_default()
            .push_back(waiter);
    }

    /// Takes a waiter out, wherever it stands. The stripe need not be held.
    pub fn leave(&self, database: usize, key: &[u8], waiter: &Arc<dyn Waiting>) {
        let mut queues = self.queues();
        let id = (database, Box::from(key));
        if let Some(queue) = queues.get_mut(&id) {
            queue.retain(|other| !Arc::ptr_eq(other, waiter));
            if queue.is_empty() {
                queues.remove(&id);
            }
        }
    }

    /// Whether somebody waits for this key. If nobody waits for any key of the stripe: none.
    pub fn waits_for(&self, database: usize, key: &[u8]) -> Option<bool> {
        let queues = self.queues();
        // a set of keys is seldom so small that the key's copy would matter
        (!queues.is_empty()).then(|| queues.contains_key(&(database, Box::from(key))))
    }

    /// The waiter with this number in a key's queue.
    fn nth(&self, id: &KeyId, index: usize) -> Option<Arc<dyn Waiting>> {
        self.queues().get(id)?.get(index).cloned()
    }

    /// The keys of a database for which somebody waits.
    pub fn keys_in(&self, database: usize) -> Vec<Box<[u8]>> {
        let queues = self.queues();
        let mut keys: Vec<_> = queues
            .keys()
            .filter(|(d, _)| *d == database)
            .map(|(_, key)| key.clone())
            .collect();
        keys.sort();
        keys
    }

    /// Keys for which somebody waits.
    pub fn key_count(&self) -> usize {
        self.queues().len()
    }
}

impl<'k> Txn<'k> {
    /// Lets a blocking command say that it waits, where it finds nothing ([`WriteTxn::wait`](crate::WriteTxn::wait)).
    pub fn allow_waiting(&mut self) {
        self.may_wait = true;
    }

    /// What the command that has just run waits for, if it does.
    #[inline]
    pub fn take_wait(&mut self) -> Option<Wait> {
        self.aside.as_mut()?.wait.take()
    }

    /// Enters a waiter under a key of the selected database, whose stripe is held. It is behind all that are there.
    pub fn wait_for(&mut self, key: &[u8], waiter: Arc<dyn Waiting>) {
        let stripe = self.keyspace.stripe_of(key);
        let at = self.held_at(stripe);
        self.held[at].guard.has_waiters = true;
        self.keyspace
            .stripe(stripe)
            .waiters
            .enter(self.database, key, waiter);
    }

    /// Whether this transaction serves a waiter. It uses the keys whose stripes it holds, see [`WriteTxn::has_at_hand`].
    pub(crate) fn is_service(&self) -> bool {
        self.is_service
    }

    /// Notes that a key has changed for which somebody may wait: they are served at commit.
    #[cold]
    pub(crate) fn note_ready(&mut self, at: usize, database: usize, key: &[u8]) {
        let held = &mut self.held[at];
        let waiters = &self.keyspace.stripe(held.stripe).waiters;
        match waiters.waits_for(database, key) {
            None => held.guard.has_waiters = false,
            Some(false) => {}
            Some(true) => {
                let ready = &mut aside(&mut self.aside).ready;
                let is_it = |(_, (d, k)): &(StripeIndex, KeyId)| *d == database && **k == *key;
                if !ready.iter().any(is_it) {
                    ready.push_back((held.stripe, (database, key.into())));
                }
            }
        }
    }

    /// Notes all keys of a database in a stripe as ready for which somebody waits: it got other contents.
    #[cold]
    pub(crate) fn note_all_ready(&mut self, at: usize, database: usize) {
        let stripe = self.held[at].stripe;
        for key in self.keyspace.stripe(stripe).waiters.keys_in(database) {
            self.note_ready(at, database, &key);
        }
    }

    /// Serves those who wait for the keys that this transaction has made ready. Its own effects are out.
    #[cold]
    pub(crate) fn serve_ready(&mut self) {
        // serving one may make another key ready: BLMOVE pushes
        while let Some((stripe, id)) = self.aside.as_mut().and_then(|a| a.ready.pop_front()) {
            if let Err(needs) = self.serve_key(stripe, &id) {
                let at = self.held_at(stripe);
                self.held[at].guard.pending.push(id);
                aside(&mut self.aside).unserved.push((stripe, needs));
            }
        }
    }

    /// Does what is owed to waiters in the stripes that are held, before anything else is done there.
    ///
    /// # Errors
    /// The stripe that is missing, if one is. It is for the caller to release what is held and to come again with it.
    #[cold]
    pub(crate) fn serve_pending(&mut self) -> Result<(), StripeIndex> {
        for Held { stripe, guard, .. } in &mut self.held {
            let pending = std::mem::take(&mut guard.pending);
            let ready = pending.into_iter().map(|id| (*stripe, id));
            aside(&mut self.aside).ready.extend(ready);
        }
        self.serve_ready();
        let missing = self.aside.as_mut().and_then(|aside| {
            let missing = aside.unserved.first().map(|(_, needs)| *needs);
            // who was the first to find it missing sees to it already
            aside.unserved.clear();
            missing
        });
        missing.map_or(Ok(()), Err)
    }

    /// Serves those who wait for a key, from the first on, while there is something to have.
    ///
    /// # Errors
    /// The stripe that one of them needs and that cannot be had.
    fn serve_key(&mut self, stripe: StripeIndex, id: &KeyId) -> Result<(), StripeIndex> {
        let waiters = &self.keyspace.stripe(stripe).waiters;
        let hash = self.keyspace.hash(&id.1);
        let mut index = 0;
        while let Some(waiter) = waiters.nth(id, index) {
            let at = self.held_at(stripe);
            let map = &self.held[at].guard.map;
            let Some(handle) = map.find(id.0, hash, &id.1) else {
                break;
            };
            if (Found { map, handle }).type_name() != waiter.type_name() {
                index += 1;
                continue;
            }
            let mut service = self.lend_to_service(waiter.database());
            let served = waiter.serve(&mut service);
            let needs = service.blocked_on();
            self.take_back_from_service(service, served == Served::Done);
            match served {
                Served::Done | Served::Failed => {
                    waiters.leave(id.0, &id.1, &waiter);
                    aside(&mut self.aside).served.push(waiter);
                }
                Served::Gone => waiters.leave(id.0, &id.1, &waiter),
                Served::NotYet => index += 1,
                Served::Refused => {
                    debug_assert!(needs.is_some(), "refused for want of a stripe");
                    return needs.map_or(Ok(()), Err);
                }
            }
        }
        Ok(())
    }

    /// A transaction of its own on the stripes that this one holds, which is over as far as its own changes are concerned.
    fn lend_to_service(&mut self, database: usize) -> Txn<'k> {
        let mut service = Txn::begin(self.keyspace, database);
        service.held = std::mem::take(&mut self.held);
        // a time of its own: what was pushed may have expired by the end of a long transaction
        service.now_us = self
            .now_us
            .map(|now| now.max(self.keyspace.clock.unix_us()));
        service.holder = self.holder;
        service.is_service = true;
        service
    }

    fn take_back_from_service(&mut self, mut service: Txn<'k>, is_done: bool) {
        let undo = service.undo.take();
        if is_done {
            if let Some(mut undo) = undo {
                service.free_moved(&mut undo);
                aside(&mut self.aside).garbage.add_record(undo);
            }
            service.publish_effects();
            self.changes += service.changes;
        } else {
            if let Some(mut undo) = undo {
                service.restore_all(undo.take_records(), 0);
            }
            service.publish_expired();
        }
        self.held = std::mem::take(&mut service.held);
        self.now_us = service.now_us;
        self.announced |= service.announced;
        if let Some(theirs) = service.aside.take() {
            // freed when the stripes are released, and what it has made ready comes behind what was ready before
            let ours = aside(&mut self.aside);
            ours.garbage.add_all(theirs.garbage);
            ours.ready.extend(theirs.ready);
        }
    }

    /// With the stripes released: brings answers home, and sees to what is owed.
    #[cold]
    pub(crate) fn finish_service(&mut self) {
        let Some(aside) = &mut self.aside else { return };
        aside.served.drain(..).for_each(|waiter| waiter.deliver());
        for (stripe, needs) in aside.unserved.drain(..) {
            if let Some(service) = self.keyspace.service() {
                service.serve_later(stripe, needs);
            }
        }
    }
}

impl Keyspace {
    /// Says who sees to what is owed to waiters. Once.
    pub fn set_service(&self, service: Arc<dyn Service>) {
        let _ = self.service.set(service);
    }

    fn service(&self) -> Option<&Arc<dyn Service>> {
        self.service.get()
    }

    /// Does what is owed to the waiters of a stripe. `queued` is the stripe on which this was parked, with its ticket, as for
    /// [`Txn::lock`].
    ///
    /// # Errors
    /// The stripe that could not be had.
    pub fn serve_pending(
        &self,
        stripe: StripeIndex,
        queued: &mut Option<(StripeIndex, u64)>,
    ) -> Result<Tally, StripeIndex> {
        let mut txn = Txn::begin(self, 0);
        txn.lock(&LockPlan::one(stripe), queued)?;
        Ok(txn.commit())
    }

    /// Takes a waiter out of the queue of a key: it has been served elsewhere, or waits no more.
    pub fn leave(&self, database: usize, key: &[u8], waiter: &Arc<dyn Waiting>) {
        let stripe = self.stripe(self.stripe_of(key));
        stripe.waiters.leave(database, key, waiter);
    }

    /// Keys for which somebody waits. Looks at every stripe.
    pub fn awaited_keys(&self) -> usize {
        self.stripes.iter().map(|s| s.waiters.key_count()).sum()
    }
}
