//! Walking over keys that nobody named: SCAN, KEYS, RANDOMKEY.
//!
//! A plain command walks stripe by stripe, holding one at a time: it sees each stripe at one moment, and
//! nobody waits for the whole walk. A recording transaction (a script, EXEC) keeps every stripe that it has
//! walked over, as it must to be serializable.

use std::ops::ControlFlow;

use perilune_structures::Handle;

use crate::gate::Turn;
use crate::plan::{STRIPE_COUNT, StripeIndex};
use crate::txn::{Abort, Found, Held, ReadTxn, Txn};

/// A SCAN cursor: the stripe in the low bits, the place in its table above.
///
/// Stays below 2^53 (42 bits of table cursor at most), as there are clients that keep it in a double.
const CURSOR_STRIPE_BITS: u32 = STRIPE_COUNT.trailing_zeros();

impl<'k> Txn<'k> {
    /// Enters a stripe for a walk: for the rest of the transaction, or, where it need not be kept, until [`Txn::leave_walk`].
    fn enter_walk(&mut self, stripe: StripeIndex) -> Result<(usize, bool), Abort> {
        if self.undo.is_some() || self.held.iter().any(|h| h.stripe == stripe) {
            return Ok((self.hold(stripe)?, false));
        }
        match self.try_enter(stripe, Turn::New) {
            Some(guard) => {
                // a walk is no single moment: its time moves on with what it meets
                self.now_us = self.now_us.map(|now| now.max(guard.now_floor_us));
                let at = self.held.partition_point(|h| h.stripe < stripe);
                self.held.insert(at, Held::new(stripe, guard));
                Ok((at, true))
            }
            None => {
                self.set_blocked_on(stripe);
                Err(Abort)
            }
        }
    }

    /// Removes the expired among those of these that `selects` wants, and calls `visit` with the live ones.
    fn visit_live(
        &mut self,
        at: usize,
        database: usize,
        handles: &[Handle],
        selects: &dyn Fn(Found<'_>) -> bool,
        visit: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for &handle in handles {
            let map = &self.held[at].guard.map;
            if !selects(Found { map, handle }) {
                continue;
            }
            if let Some(expire_at_ms) = map.expire_at(handle)
                && expire_at_ms <= self.now_ms()
                && !self.sees_expired
            {
                let key: Box<[u8]> = self.held[at].guard.map.key(handle).into();
                let hash = self.keyspace.hash(&key);
                if !self.keyspace.expiry_paused() {
                    self.expire(at, database, hash, &key, handle);
                }
                continue;
            }
            visit(Found {
                map: &self.held[at].guard.map,
                handle,
            })?;
        }
        ControlFlow::Continue(())
    }
}

impl ReadTxn<'_, '_> {
    /// Calls `visit` with every live entry of the selected database, until it breaks.
    pub fn for_each(
        &mut self,
        visit: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> Result<(), Abort> {
        let database = self.database();
        let mut handles = Vec::new();
        for index in 0..STRIPE_COUNT {
            let (at, leave) = self.txn.enter_walk(StripeIndex::new(index))?;
            handles.clear();
            self.txn.held[at]
                .guard
                .map
                .iterate(database, |handle| handles.push(handle));
            let flow = self
                .txn
                .visit_live(at, database, &handles, &|_| true, visit);
            if leave {
                self.txn.leave(at);
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Goes on with a scan: calls `visit` with the live entries of some buckets that `selects` wants, and returns the next
    /// cursor, 0 at the end. Looks at about `count` entries; what is there during the whole scan is visited at least once.
    pub fn scan(
        &mut self,
        cursor: u64,
        count: usize,
        selects: &dyn Fn(Found<'_>) -> bool,
        visit: &mut dyn FnMut(Found<'_>),
    ) -> Result<u64, Abort> {
        let database = self.database();
        let mut stripe = (cursor & (STRIPE_COUNT as u64 - 1)) as usize;
        let mut place = cursor >> CURSOR_STRIPE_BITS;
        let mut seen = 0;
        let mut handles = Vec::new();
        // an empty stripe costs a fraction of an entry
        let mut idle_steps = count.saturating_mul(10).max(STRIPE_COUNT);
        while stripe < STRIPE_COUNT {
            let (at, leave) = self.txn.enter_walk(StripeIndex::new(stripe))?;
            loop {
                handles.clear();
                place = self.txn.held[at]
                    .guard
                    .map
                    .scan(database, place, |handle| handles.push(handle));
                seen += handles.len();
                let _ = self
                    .txn
                    .visit_live(at, database, &handles, selects, &mut |found| {
                        visit(found);
                        ControlFlow::Continue(())
                    });
                idle_steps = idle_steps.saturating_sub(1);
                if place == 0 || seen >= count || idle_steps == 0 {
                    break;
                }
            }
            if leave {
                self.txn.leave(at);
            }
            if place == 0 {
                stripe += 1;
            }
            if seen >= count || idle_steps == 0 {
                break;
            }
        }
        if stripe == STRIPE_COUNT {
            return Ok(0);
        }
        Ok(place << CURSOR_STRIPE_BITS | stripe as u64)
    }

    /// A live key of the selected database, each with about the same probability; none if there is none.
    pub fn random_key(&mut self) -> Result<Option<Vec<u8>>, Abort> {
        let database = self.database();
        if self.txn.keyspace.database(database).keys() == 0 && self.is_empty() {
            return Ok(None);
        }
        // Stripes hold about the same number of keys each, so any stripe that has one will do. A database with
        // few keys is found by trying more stripes at random: going on to the next would favour some keys.
        for _ in 0..8 * STRIPE_COUNT {
            let stripe = StripeIndex::new((self.random() % STRIPE_COUNT as u64) as usize);
            if let Some(key) = self.random_in(stripe)? {
                return Ok(Some(key));
            }
        }
        for index in 0..STRIPE_COUNT {
            if let Some(key) = self.random_in(StripeIndex::new(index))? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    fn random_in(&mut self, stripe: StripeIndex) -> Result<Option<Vec<u8>>, Abort> {
        let database = self.database();
        let random = self.random();
        let (at, leave) = self.txn.enter_walk(stripe)?;
        let mut key = None;
        if let Some(handle) = self.txn.held[at].guard.map.random(database, random) {
            let _ = self
                .txn
                .visit_live(at, database, &[handle], &|_| true, &mut |found| {
                    key = Some(found.key().to_vec());
                    ControlFlow::Break(())
                });
        }
        if leave {
            self.txn.leave(at);
        }
        Ok(key)
    }
}
