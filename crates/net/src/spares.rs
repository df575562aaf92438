//! Threads without a loop, waiting for one.
//!
//! A thread is born for a job ("take that loop, which lies there since then"), and after it has lost its loop or the loop has
//! ended it waits here for the next. A few always wait, so that a hand-over does not have to build a thread and its
//! virtual machine first; those beyond that end after a while.
//!
//! The number of threads is bounded. Past the bound a loop whose thread is busy stays where it is: its other
//! connections wait until a spare is free or the command ends. That takes as many never-ending commands at once as
//! there are spares.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::slot::Lying;

/// How long a thread waits for a job before it ends, if there are enough others.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// A loop to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) loop_index: usize,
    pub(crate) lying: Lying,
}

/// What became of an offer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// A waiting thread will take it.
    Accepted,
    /// A thread must be started, and is already counted.
    NeedsThread,
    /// There are as many threads as there may be, and all are busy.
    Exhausted,
}

pub(crate) struct Spares {
    state: Mutex<State>,
    /// A job has come, a loop has ended, or all is over.
    changed: Condvar,
    idle_min: usize,
    threads_max: usize,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: usize,
    threads: usize,
    stopping: bool,
}

impl Spares {
    /// Keeps `idle_min` threads waiting and starts at most `threads_max`, those with a loop included.
    pub(crate) fn new(idle_min: usize, threads_max: usize) -> Self {
        Spares {
            state: Mutex::default(),
            changed: Condvar::new(),
            idle_min,
            threads_max,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Looks for a thread to take a loop.
    pub(crate) fn offer(&self, job: Job) -> Offer {
        let mut state = self.state();
        if state.idle > state.jobs.len() {
            state.jobs.push_back(job);
            drop(state);
            self.changed.notify_all();
            return Offer::Accepted;
        }
        if state.threads >= self.threads_max {
            return Offer::Exhausted;
        }
        state.threads += 1;
        state.jobs.push_back(job);
        Offer::NeedsThread
    }

    /// Counts a thread that will wait for a job; false if there are enough.
    pub(crate) fn wants_another(&self) -> bool {
        let mut state = self.state();
        let wants = !state.stopping
            && state.idle < self.idle_min.max(state.jobs.len())
            && state.threads < self.threads_max;
        state.threads += usize::from(wants);
        wants
    }

    /// The thread that was counted could not be started: its job, if one was meant for it, will be offered again.
    pub(crate) fn not_started(&self, job: Option<Job>) {
        let mut state = self.state();
        state.threads -= 1;
        if let Some(job) = job {
            state
                .jobs
                .retain(|other| other.lying != job.lying || other.loop_index != job.loop_index);
        }
    }

    /// Waits for a job. `None`: the thread is to end, and is not counted any more.
    pub(crate) fn next_job(&self) -> Option<Job> {
        let mut state = self.state();
        state.idle += 1;
        let deadline = Instant::now() + IDLE_TIME_MAX;
        let job = loop {
            if let Some(job) = state.jobs.pop_front() {
                break Some(job);
            }
            if state.stopping {
                break None;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && state.idle > self.idle_min {
                break None;
            }
            let left = if left.is_zero() { IDLE_TIME_MAX } else { left };
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        };
        state.idle -= 1;
        if job.is_none() {
            state.threads -= 1;
            drop(state);
            self.changed.notify_all();
        }
        job
    }

    /// Tells the threads that wait to end.
    pub(crate) fn stop(&self) {
        self.state().stopping = true;
        self.changed.notify_all();
    }

    /// Wakes who waits in [`Spares::wait_until`].
    pub(crate) fn loop_ended(&self) {
        // The lock makes sure that the waiter either has not looked yet or is asleep.
        drop(self.state());
        self.changed.notify_all();
    }

    /// Waits until it is `done`, given the number of threads; false if the time is over first.
    pub(crate) fn wait_until(&self, deadline: Instant, done: impl Fn(usize) -> bool) -> bool {
        let mut state = self.state();
        while !done(state.threads) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }

    /// How many threads there are, and how many of them wait.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.threads, state.idle)
    }
}
