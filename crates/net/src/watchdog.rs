//! The one thread that looks at a clock.
//!
//! It has two duties. Ten times a second or as configured it sets the [`Clock`](crate::net::Clock) and posts a tick to every loop. And
//! while loops are being put down it looks every millisecond whether one lies there from the same time as before; one that has lain
//! for two milliseconds goes to a spare thread. So the hot path reads no clock: to put a loop down is to change a number.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::drive::{Buffers, Own, drive};
use crate::net::{Mail, Net};
use crate::service::{Report, Service};
use crate::slot::Lying;
use crate::spares::{Job, Offer};

/// How often slots are looked at.
const LOOK_TIME: Duration = Duration::from_millis(1);
/// So many looks after the first, a loop that still lies there is handed to a spare: over 2 ms.
const LOOKS_UNTIL_HANDED: u32 = 2;
/// So many looks at which nothing was put down, and the watchdog lies down itself.
const QUIET_LOOKS_MAX: u32 = 100;

/// What was last seen in a loop's slot.
#[derive(Clone, Copy)]
struct Seen {
    lying: Option<Lying>,
    looks: u32,
    handed: bool,
}

/// Watches until the network stops. For what lies in the slots since the `start` a thread is on its way.
pub(crate) fn watch<S: Service>(net: &Net<S>, start: &[Job]) {
    let shared = &net.shared;
    let mut seen: Vec<Seen> = start
        .iter()
        .map(|job| Seen {
            lying: Some(job.lying),
            looks: 0,
            handed: true,
        })
        .collect();
    let mut quiet_looks = 0;
    let mut next_tick = Instant::now();
    let mut exhausted = false;
    while !shared.stopping.load(Ordering::Acquire) || shared.live_loops.load(Ordering::Acquire) > 0
    {
        let now = Instant::now();
        shared.clock.set(now);
        if now >= next_tick {
            tick(net);
            let tick_ms = shared.settings.tick_ms.load(Ordering::Relaxed).max(1);
            next_tick = now + Duration::from_millis(tick_ms);
        }
        quiet_looks += 1;
        for (loop_index, seen) in seen.iter_mut().enumerate() {
            let lying = shared.hubs[loop_index].slot.lying();
            if lying != seen.lying {
                *seen = Seen {
                    lying,
                    looks: 0,
                    handed: false,
                };
                quiet_looks = 0;
            } else if let Some(lying) = lying
                && !seen.handed
            {
                quiet_looks = 0;
                seen.looks += 1;
                if seen.looks >= LOOKS_UNTIL_HANDED {
                    seen.handed = hand_over(net, Job { loop_index, lying }, &mut exhausted);
                }
            }
        }
        let until_tick = next_tick.saturating_duration_since(Instant::now());
        if quiet_looks < QUIET_LOOKS_MAX {
            shared.alarm.doze(until_tick.min(LOOK_TIME));
        } else {
            shared.alarm.sleep(until_tick, || {
                let mut hubs = shared.hubs.iter().zip(&seen);
                hubs.all(|(hub, seen)| hub.slot.lying() == seen.lying)
            });
            // A notice ended the sleep, or a tick. Either way the next look tells.
        }
    }
}

fn tick<S: Service>(net: &Net<S>) {
    for hub in &net.shared.hubs {
        if !hub.tick_pending.swap(true, Ordering::Relaxed) {
            // A loop that has ended needs no ticks.
            let _ = hub.mailbox.post(Mail::Tick);
        }
    }
    // A spare that got a loop leaves a gap in the reserve.
    if net.shared.spares.wants_another() {
        start_thread(net, None);
    }
}

/// Finds a thread for the loop. False: try again at the next look.
fn hand_over<S: Service>(net: &Net<S>, job: Job, exhausted: &mut bool) -> bool {
    let offer = net.shared.spares.offer(job);
    let was_exhausted = std::mem::replace(exhausted, offer == Offer::Exhausted);
    match offer {
        Offer::Accepted => true,
        Offer::NeedsThread => start_thread(net, Some(job)),
        Offer::Exhausted => {
            if !was_exhausted {
                net.shared.service.report(Report::SparesExhausted);
            }
            false
        }
    }
}

/// Starts a thread that has been counted. False if there can be none.
pub(crate) fn start_thread<S: Service>(net: &Net<S>, job: Option<Job>) -> bool {
    match spawn(net) {
        Ok(()) => true,
        Err(error) => {
            net.shared.spares.not_started(job);
            net.shared.service.report(Report::SpawnFailed(&error));
            false
        }
    }
}

/// What the service panics about is caught where it is called. A panic that ends a thread is a mistake of the network's, and would
/// leave a loop that nobody drives: clients that hang without an error. The panic's message has been printed by then.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

fn spawn<S: Service>(net: &Net<S>) -> io::Result<()> {
    let shared = net.shared.clone();
    let mut threads = net.shared.threads();
    threads.retain(|thread| !thread.is_finished());
    let thread = std::thread::Builder::new()
        .name(net.shared.thread_name.clone())
        .spawn(move || live(&Net { shared }))?;
    threads.push(thread);
    Ok(())
}

/// A thread's life: one loop after the other.
fn live<S: Service>(net: &Net<S>) {
    let _never_half = AbortOnPanic;
    // made for the first job: most servers have a spare that never gets one
    let mut own = None;
    while let Some(job) = net.shared.spares.next_job() {
        if let Some(held) = net.shared.hubs[job.loop_index].slot.take(job.lying) {
            let own = own.get_or_insert_with(|| Own {
                local: net.shared.service.local(),
                buffers: Buffers::new(),
            });
            drive(net, job.loop_index, held, own);
        }
    }
}
