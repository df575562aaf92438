//! Starting and ending it all.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::alarm::Alarm;
use crate::core::Core;
use crate::listener::Listener;
use crate::mailbox::Mailbox;
use crate::net::{Clock, Hub, Mail, Net, Settings, Shared};
use crate::registry::Registry;
use crate::service::Service;
use crate::slot::Slot;
use crate::spares::{Job, Spares};
use crate::watchdog::{start_thread, watch};

/// What is fixed when the network starts.
#[derive(Debug)]
pub struct Config {
    /// How many loops, and so how many threads work when nothing takes long; at least one.
    pub loops: usize,
    /// Where to listen; see also [`Net::listen`].
    pub listeners: Vec<Listener>,
    /// How many threads wait for loops that need one.
    pub spares_min: usize,
    /// How many threads there may be beyond one for each loop.
    pub spares_max: usize,
    /// What threads are called.
    pub thread_name: String,
    /// The id of the first connection.
    pub first_conn_id: u64,
    /// What may change later.
    pub settings: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            loops: 1,
            listeners: Vec::new(),
            spares_min: 1,
            spares_max: 64,
            thread_name: "net".into(),
            first_conn_id: 1,
            settings: Settings::default(),
        }
    }
}

/// The threads of a network.
pub struct Runtime<S: Service> {
    net: Net<S>,
    watchdog: JoinHandle<()>,
}

impl<S: Service> Runtime<S> {
    /// Starts the loops, each with a thread, and the watchdog.
    pub fn start(service: S, config: Config) -> io::Result<Runtime<S>> {
        let loops = config.loops.max(1);
        let mut hubs = Vec::with_capacity(loops);
        let mut jobs = Vec::with_capacity(loops);
        let mut listeners = Some(config.listeners);
        for loop_index in 0..loops {
            let (mut core, waker) = Core::new()?;
            core.listen(listeners.take().unwrap_or_default())?;
            let (slot, lying) = Slot::new(core);
            jobs.push(Job { loop_index, lying });
            hubs.push(Hub {
                slot,
                mailbox: Mailbox::new(waker),
                load: AtomicUsize::new(0),
                tick_pending: AtomicBool::new(false),
            });
        }
        let shared = Arc::new(Shared {
            service,
            settings: config.settings,
            hubs,
            alarm: Alarm::new(),
            clock: Clock::new(),
            registry: Registry::default(),
            spares: Spares::new(
                config.spares_min,
                loops + config.spares_max.max(config.spares_min),
            ),
            next_conn_id: AtomicU64::new(config.first_conn_id),
            stopping: AtomicBool::new(false),
            live_loops: AtomicUsize::new(loops),
            threads: Mutex::new(Vec::new()),
            thread_name: config.thread_name,
        });
        let net = Net { shared };
        let started = jobs.iter().all(|&job| {
            net.shared.spares.offer(job);
            start_thread(&net, Some(job))
        });
        let watched = net.clone();
        let name = format!("{}-watchdog", net.shared.thread_name);
        let watchdog = std::thread::Builder::new()
            .name(name)
            .spawn(move || watch(&watched, &jobs));
        match watchdog {
            Ok(watchdog) if started => Ok(Runtime { net, watchdog }),
            result => {
                stop(&net, Instant::now());
                net.shared.spares.stop();
                Err(result
                    .err()
                    .unwrap_or_else(|| io::ErrorKind::OutOfMemory.into()))
            }
        }
    }

    /// The handle that reaches connections.
    pub fn net(&self) -> &Net<S> {
        &self.net
    }

    /// Stops listening, closes all connections and ends all threads. A command that still runs is not interrupted:
    /// that is the service's to do, before. False if threads were still busy when the time was over; they end when they can.
    pub fn shutdown(self, patience: Duration) -> bool {
        let shared = &self.net.shared;
        let deadline = Instant::now() + patience;
        stop(&self.net, deadline);
        let loops_ended = shared
            .spares
            .wait_until(deadline, |_| shared.live_loops.load(Ordering::Acquire) == 0);
        shared.spares.stop();
        shared.alarm.ring();
        let ended = shared.spares.wait_until(deadline, |threads| threads == 0);
        if loops_ended {
            join(self.watchdog);
        }
        if ended {
            let threads = std::mem::take(&mut *shared.threads());
            threads.into_iter().for_each(join);
        }
        loops_ended && ended
    }

    /// How many threads there are, and how many of them wait for a loop.
    pub fn thread_counts(&self) -> (usize, usize) {
        self.net.shared.spares.counts()
    }
}

/// Tells all loops to end, the one that listens before the others: who sees a connection closed and connects again is refused.
fn stop<S: Service>(net: &Net<S>, deadline: Instant) {
    let shared = &net.shared;
    shared.stopping.store(true, Ordering::Release);
    let live = shared.live_loops.load(Ordering::Acquire);
    for (loop_index, hub) in shared.hubs.iter().enumerate() {
        // One that has ended already needs no telling.
        let _ = hub.mailbox.post(Mail::Shutdown);
        shared.alarm.ring();
        if loop_index == 0 {
            shared.spares.wait_until(deadline, |_| {
                shared.live_loops.load(Ordering::Acquire) < live
            });
        }
    }
}

fn join(thread: JoinHandle<()>) {
    // A panic of a thread was shown when it happened.
    let _ = thread.join();
}
