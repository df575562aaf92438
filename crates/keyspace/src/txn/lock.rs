//! Taking stripes: planned ones in ascending order before the transaction starts, others as it grows.
//!
//! Every attempt only tries. A refusal while planning lets go of everything; a refusal while growing aborts, and
//! what is held by then, with the stripe that was refused, is the plan of the next run.

use std::time::{Duration, Instant};

use perilune_structures::same_key;

use super::{Abort, Held, Txn};
use crate::gate::Turn;
use crate::plan::{LockPlan, STRIPE_COUNT, StripeIndex};
use crate::stripe::StripeData;
use crate::sync::MutexGuard;

/// How long one that waits while it holds does so at one stripe: longer than most scripts take, and short for those
/// who wait for what it holds.
const HOLD_WAIT_MAX: Duration = Duration::from_millis(20);

/// How often it looks.
const HOLD_WAIT_STEP: Duration = Duration::from_micros(100);

/// How often a try is repeated before a stripe counts as taken: about as long as a plain command holds it.
const SPIN_TRIES: u32 = 64;

impl<'k> Txn<'k> {
    /// Takes all stripes of a plan, or none and says which could not be had.
    ///
    /// `queued`: the stripe on which this transaction was parked, with its ticket. It is used up where the stripe is
    /// entered, and stays in the queue where that very stripe still cannot be had; the caller gives it up where
    /// it goes to wait for another.
    #[inline]
    pub fn lock(
        &mut self,
        plan: &LockPlan,
        queued: &mut Option<(StripeIndex, u64)>,
    ) -> Result<(), StripeIndex> {
        debug_assert!(self.held.is_empty());
        match plan {
            LockPlan::Some(stripes) => {
                if let Some((at, _)) = *queued
                    && !stripes.contains(&at)
                {
                    // it waited for what those need who are to be served first
                    let with_it = LockPlan::one(at).union(plan.clone());
                    return self.lock(&with_it, queued);
                }
                for &stripe in stripes {
                    self.take_planned(stripe, queued)?;
                }
            }
            LockPlan::All => {
                self.held.reserve_exact(STRIPE_COUNT);
                for index in 0..STRIPE_COUNT {
                    self.take_planned(StripeIndex::new(index), queued)?;
                }
            }
        }
        self.serve_first()
    }

    /// Serves those who are to be served before anything else is done in the stripes that have been taken.
    #[inline]
    fn serve_first(&mut self) -> Result<(), StripeIndex> {
        if self.held.iter().all(|held| held.guard.pending.is_empty()) {
            return Ok(());
        }
        let served = self.serve_pending();
        if served.is_err() {
            self.release();
        }
        served
    }

    /// [`Txn::lock`] for a transaction that consists of one command on one key, which must stay where it is until the end.
    #[inline]
    pub fn lock_key(
        &mut self,
        key: &'k [u8],
        hash: u64,
        queued: &mut Option<(StripeIndex, u64)>,
    ) -> Result<(), StripeIndex> {
        self.hint_key(key, hash);
        let stripe = StripeIndex::of_hash(hash);
        if queued.is_some_and(|(at, _)| at != stripe) {
            return self.lock(&LockPlan::one(stripe), queued);
        }
        self.take_planned(stripe, queued)?;
        self.serve_first()
    }

    /// Tells the hash of a key that will be asked for often.
    #[inline]
    pub fn hint_key(&mut self, key: &'k [u8], hash: u64) {
        debug_assert_eq!(hash, self.keyspace.hash(key));
        self.hinted_key = Some(key);
        self.hinted_hash = hash;
    }

    /// The hash of a key.
    #[inline]
    pub(crate) fn hash_of(&self, key: &[u8]) -> u64 {
        // mostly it is the very same bytes; a script has them in a string of its own
        match self.hinted_key {
            Some(hinted) if std::ptr::eq(hinted, key) || same_key(hinted, key) => self.hinted_hash,
            _ => self.keyspace.hash(key),
        }
    }

    #[inline]
    pub(super) fn take_planned(
        &mut self,
        stripe: StripeIndex,
        queued: &mut Option<(StripeIndex, u64)>,
    ) -> Result<(), StripeIndex> {
        let turn = match *queued {
            Some((at, ticket)) if at == stripe => Turn::Queued(ticket),
            _ => Turn::New,
        };
        let entered = match self.try_enter(stripe, turn) {
            None => self.wait_to_enter(stripe, queued),
            entered => entered,
        };
        let Some(guard) = entered else {
            self.release();
            return Err(stripe);
        };
        if matches!(*queued, Some((at, _)) if at == stripe) {
            *queued = None;
        }
        self.held.push(Held::new(stripe, guard));
        Ok(())
    }

    #[inline]
    pub(crate) fn try_enter(
        &self,
        stripe: StripeIndex,
        turn: Turn,
    ) -> Option<MutexGuard<'k, StripeData>> {
        // Only of newcomers, who find out when they park that the gate is free: nobody would wake one in the queue.
        // And not for ever, as the plan of all stripes would never succeed.
        #[cfg(feature = "lock-chaos")]
        if turn == Turn::New && self.attempt < 3 && fastrand::u8(..) < 51 {
            return None;
        }
        let gate = &self.keyspace.stripe(stripe).gate;
        let mut guard = gate.try_enter(turn);
        if guard.is_none() {
            guard = self.spin_to_enter(stripe, turn);
        }
        if self.holder != 0 && guard.is_some() {
            gate.set_holder(self.holder);
        }
        guard
    }

    /// Waits at a stripe while those below it stay held, where that is allowed. Stripes are taken in ascending order and the
    /// time is short, so nobody waits for each other, and one that runs for long is not waited for.
    #[cold]
    fn wait_to_enter(
        &mut self,
        stripe: StripeIndex,
        queued: &mut Option<(StripeIndex, u64)>,
    ) -> Option<MutexGuard<'k, StripeData>> {
        let target = self.aside.as_ref()?.patient.clone()?;
        let ticket = match *queued {
            Some((at, ticket)) if at == stripe => ticket,
            other => {
                if let Some((at, ticket)) = other {
                    self.keyspace.give_up(at, ticket);
                }
                // a place in the queue, as newcomers are not let in
                let (ticket, _) = self.keyspace.park(stripe, target);
                *queued = Some((stripe, ticket));
                ticket
            }
        };
        let deadline = Instant::now() + HOLD_WAIT_MAX;
        loop {
            if let Some(guard) = self.try_enter(stripe, Turn::Queued(ticket)) {
                return Some(guard);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(HOLD_WAIT_STEP);
        }
    }

    #[cold]
    pub(super) fn spin_to_enter(
        &self,
        stripe: StripeIndex,
        turn: Turn,
    ) -> Option<MutexGuard<'k, StripeData>> {
        let gate = &self.keyspace.stripe(stripe).gate;
        // who runs long is not worth waiting for
        if gate.holder().is_some() {
            return None;
        }
        (0..SPIN_TRIES).find_map(|_| {
            std::hint::spin_loop();
            gate.try_enter(turn)
        })
    }

    /// Where in `held` a stripe is, taking it if it is not there yet.
    #[inline]
    pub(crate) fn hold(&mut self, stripe: StripeIndex) -> Result<usize, Abort> {
        if let [only] = self.held.as_slice()
            && only.stripe == stripe
        {
            return Ok(0);
        }
        if self.held.len() == STRIPE_COUNT {
            return Ok(stripe.get());
        }
        match self.held.binary_search_by_key(&stripe, |h| h.stripe) {
            Ok(at) => Ok(at),
            Err(at) => self.grow(stripe, at),
        }
    }

    pub(crate) fn held_at(&self, stripe: StripeIndex) -> usize {
        match self.held.binary_search_by_key(&stripe, |h| h.stripe) {
            Ok(at) => at,
            Err(_) => unreachable!("a record names a stripe that the transaction does not hold"),
        }
    }

    /// Takes all stripes that are not held yet.
    pub(super) fn hold_all(&mut self) -> Result<(), Abort> {
        if self.held.len() < STRIPE_COUNT {
            self.wants_all = true;
            for index in 0..STRIPE_COUNT {
                self.hold(StripeIndex::new(index))?;
            }
        }
        Ok(())
    }

    #[cold]
    pub(super) fn grow(&mut self, stripe: StripeIndex, at: usize) -> Result<usize, Abort> {
        if self.undo.is_none() {
            assert!(
                self.changes == 0,
                "a transaction that does not record grows after its first change"
            );
            self.record();
        }
        let guard = self.try_enter(stripe, Turn::New);
        let time_agrees =
            |g: &MutexGuard<'_, StripeData>| self.now_us.is_none_or(|now| g.now_floor_us <= now);
        match guard {
            Some(guard) if time_agrees(&guard) && (self.is_service || guard.pending.is_empty()) => {
                self.held.insert(at, Held::new(stripe, guard));
                self.grew = true;
                Ok(at)
            }
            taken => {
                // taken by somebody, or its past is ahead of the time that this transaction has seen already, or others
                // are to be served there first
                if let Some(guard) = taken {
                    self.keyspace.stripe(stripe).gate.set_holder(0);
                    self.keyspace.stripe(stripe).gate.leave(guard);
                }
                self.blocked_on = Some(stripe);
                Err(Abort)
            }
        }
    }

    /// Notes which stripe could not be had, for the plan of the next run.
    pub(crate) fn set_blocked_on(&mut self, stripe: StripeIndex) {
        self.blocked_on = Some(stripe);
    }

    /// The stripes held now and the one that could not be had: the plan of the next run.
    pub fn learned_plan(&self) -> LockPlan {
        if self.wants_all || self.held.len() == STRIPE_COUNT {
            return LockPlan::All;
        }
        LockPlan::of(self.held.iter().map(|h| h.stripe).chain(self.blocked_on))
    }

    /// The stripe whose refusal aborted the transaction.
    pub fn blocked_on(&self) -> Option<StripeIndex> {
        self.blocked_on
    }

    /// Lets go of all stripes, bringing their published figures up to date, and frees what was set aside.
    #[inline]
    pub(crate) fn release(&mut self) {
        while let Some(held) = self.held.pop() {
            self.let_go(held);
        }
        if let Some(aside) = &mut self.aside {
            let in_place = aside.garbage.in_place;
            self.keyspace.reclaimer.free(&mut aside.garbage);
            if in_place {
                self.keyspace.sweep_now();
            }
            if !aside.served.is_empty() || !aside.unserved.is_empty() {
                self.finish_service();
            }
        }
    }

    #[inline]
    pub(super) fn let_go(&self, held: Held<'k>) {
        let Held {
            stripe,
            changed,
            changed_in_place,
            mut guard,
        } = held;
        if let Some(now) = self.now_us {
            guard.now_floor_us = guard.now_floor_us.max(now);
        }
        if !changed.is_empty() {
            self.keyspace.publish_figures(stripe, &mut guard, changed);
        } else if changed_in_place {
            self.keyspace.publish_object_bytes(&mut guard);
        }
        let gate = &self.keyspace.stripe(stripe).gate;
        if self.holder != 0 {
            gate.set_holder(0);
        }
        gate.leave(guard);
    }

    /// Lets go of one stripe before the others: only for what need not see all of its stripes at one moment.
    pub(crate) fn leave(&mut self, at: usize) {
        self.publish_expired();
        let held = self.held.remove(at);
        self.let_go(held);
    }
}
