//! What runs for long: scripts and EXEC, where everybody can see them.
//!
//! Each thread has a [`RunSlot`] and is in at most one long transaction at a time. Starting one costs a store and no look
//! at a clock: the watchdog thread, which passes by every few milliseconds, notes when it first saw a run. A run's
//! [number](RunSlot::begin) is never used again, so what hangs on it (a stripe's holder, an order to stop)
//! can never hit the next one.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use perilune_script::{Interrupt, KillReason, Script};

/// Bits of a run's number that hold the slot.
const SLOT_BITS: u32 = 16;

/// How often the watchdog passes by while something runs or ran lately.
const WATCH_INTERVAL: Duration = Duration::from_millis(5);

/// How often it does when nothing has run for a while.
const IDLE_INTERVAL: Duration = Duration::from_millis(40);

/// Passes without a run after which the watchdog slows down.
const PASSES_UNTIL_IDLE: u32 = 200;

/// SCRIPT KILL ends every script that has run for longer than this, or than the busy threshold if that is shorter.
pub const KILLABLE_AFTER: Duration = Duration::from_millis(100);

/// One thread's place.
#[derive(Debug)]
pub struct RunSlot {
    index: u64,
    /// The number of the run in progress; 0 between runs.
    current: AtomicU64,
    /// The last number, whether in progress or not. Only the thread itself counts it up.
    last: AtomicU64,
    /// When the watchdog first saw the current run, in milliseconds of the registry's clock, and which run that was.
    seen: Mutex<Option<(u64, Instant)>>,
    /// The script that runs or ran last. Only the thread itself changes it.
    script: Mutex<Option<Arc<Script>>>,
    /// Which that is, for the thread itself: where it is the same again, nothing is locked and no counter is moved.
    shown_script: AtomicPtr<Script>,
    /// What runs is that script. If not, it is EXEC, which ends by itself.
    is_script: AtomicBool,
    wrote: AtomicBool,
    /// The record of what it wrote has been given up: it cannot be taken back any more.
    past_undo: AtomicBool,
    busy: AtomicBool,
    /// The run that is to stop; 0 for none.
    kill: AtomicU64,
    kill_reason: AtomicU8,
    /// Stops the thread's scripts, once it has a virtual machine.
    interrupt: Mutex<Option<Interrupt>>,
    /// Memory of the thread's virtual machine after its last run.
    vm_bytes: AtomicU64,
}

impl RunSlot {
    /// Says how the thread's scripts are stopped.
    pub fn set_interrupt(&self, interrupt: Interrupt) {
        *self.interrupt.lock().unwrap_or_else(|e| e.into_inner()) = Some(interrupt);
    }

    /// Shows how much memory the thread's virtual machine holds.
    pub fn show_vm_memory(&self, bytes: usize) {
        self.vm_bytes.store(bytes as u64, Ordering::Relaxed);
    }

    /// The thread ends, and its virtual machine with it.
    pub fn thread_ends(&self) {
        self.vm_bytes.store(0, Ordering::Relaxed);
        *self.interrupt.lock().unwrap_or_else(|e| e.into_inner()) = None;
    }

    /// Starts a run and gives it a number.
    pub fn begin(&self) -> u64 {
        let generation = self.last.load(Ordering::Relaxed) + 1;
        self.last.store(generation, Ordering::Relaxed);
        let run = generation << SLOT_BITS | self.index;
        self.is_script.store(false, Ordering::Relaxed);
        self.wrote.store(false, Ordering::Relaxed);
        self.past_undo.store(false, Ordering::Relaxed);
        self.current.store(run, Ordering::Release);
        run
    }

    /// Says that the run is a script, or comes to another one (a script inside EXEC).
    pub fn set_script(&self, script: &Arc<Script>) {
        let shown = Arc::as_ptr(script).cast_mut();
        if self.shown_script.load(Ordering::Relaxed) != shown {
            *self.script.lock().unwrap_or_else(|e| e.into_inner()) = Some(script.clone());
            self.shown_script.store(shown, Ordering::Relaxed);
        }
        self.wrote.store(false, Ordering::Relaxed);
        self.is_script.store(true, Ordering::Release);
    }

    /// Says that the script has written.
    #[inline]
    pub fn set_wrote(&self) {
        if !self.wrote.load(Ordering::Relaxed) {
            self.wrote.store(true, Ordering::Relaxed);
        }
    }

    /// Says that what the run has written cannot be taken back.
    pub fn set_past_undo(&self) {
        self.past_undo.store(true, Ordering::Relaxed);
    }

    /// Ends the run. Whether others were told that it is busy.
    pub fn end(&self) -> bool {
        self.current.store(0, Ordering::Release);
        self.busy.load(Ordering::Relaxed) && self.busy.swap(false, Ordering::Relaxed)
    }

    fn script(&self) -> Option<Arc<Script>> {
        if !self.is_script.load(Ordering::Acquire) {
            return None;
        }
        self.script
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .clone()
    }

    /// For how long the current run is known to have run.
    fn age(&self) -> Option<(u64, Duration)> {
        let current = self.current.load(Ordering::Acquire);
        match *self.seen.lock().unwrap_or_else(|e| e.into_inner()) {
            Some((run, since)) if run == current && current != 0 => Some((run, since.elapsed())),
            _ => None,
        }
    }
}

/// What SCRIPT KILL came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// So many scripts have been told to stop.
    Told(usize),
    /// No script runs, or none that has run long enough to be meant.
    NoneRunning,
    /// The one that runs has written, and may not be stopped in this mode, or cannot be taken back.
    Unkillable,
}

/// The value that a thread which has ended has left behind. Looking for it this way also makes visible all that the thread has
/// done to it.
pub fn clone_if_alone<T>(value: &mut Arc<T>) -> Option<Arc<T>> {
    Arc::get_mut(value).is_some().then(|| value.clone())
}

/// All slots.
#[derive(Debug, Default)]
pub struct Running {
    slots: Mutex<Vec<Arc<RunSlot>>>,
    /// A run that has passed the busy threshold; 0 if there is none.
    busy: AtomicU64,
}

impl Running {
    /// A place for a new thread: that of one that has ended, if there is one. It goes on counting its runs, so their numbers
    /// stay unique.
    pub fn register(&self) -> Arc<RunSlot> {
        let mut slots = self.slots.lock().unwrap_or_else(|e| e.into_inner());
        let mut left = slots.iter_mut().filter_map(clone_if_alone);
        if let Some(slot) = left.next() {
            return slot;
        }
        let slot = Arc::new(RunSlot {
            index: slots.len() as u64,
            current: AtomicU64::new(0),
            last: AtomicU64::new(0),
            seen: Mutex::new(None),
            script: Mutex::new(None),
            shown_script: AtomicPtr::new(std::ptr::null_mut()),
            is_script: AtomicBool::new(false),
            wrote: AtomicBool::new(false),
            past_undo: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            kill: AtomicU64::new(0),
            kill_reason: AtomicU8::new(0),
            interrupt: Mutex::new(None),
            vm_bytes: AtomicU64::new(0),
        });
        slots.push(slot.clone());
        slot
    }

    /// Memory of the threads' virtual machines, one by one; 0 for a thread that has none.
    pub fn vm_memory(&self) -> Vec<usize> {
        self.all()
            .iter()
            .map(|slot| slot.vm_bytes.load(Ordering::Relaxed) as usize)
            .collect()
    }

    fn all(&self) -> Vec<Arc<RunSlot>> {
        self.slots.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Whether this run is a script past the busy threshold.
    pub fn is_busy(&self, run: u64) -> bool {
        let index = (run & ((1 << SLOT_BITS) - 1)) as usize;
        let slots = self.slots.lock().unwrap_or_else(|e| e.into_inner());
        slots.get(index).is_some_and(|slot| {
            slot.current.load(Ordering::Acquire) == run && slot.busy.load(Ordering::Relaxed)
        })
    }

    /// Whether any script is past the busy threshold.
    #[inline]
    pub fn any_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) != 0
    }

    /// A busy run has ended.
    pub fn busy_ended(&self) {
        let other = self
            .all()
            .iter()
            .find(|slot| slot.busy.load(Ordering::Relaxed))
            .map(|s| s.current.load(Ordering::Relaxed));
        self.busy.store(other.unwrap_or(0), Ordering::Relaxed);
    }

    /// Tells every long-running script to stop, or the one with this name.
    pub fn kill(&self, sha1: Option<&[u8]>, min_age: Duration, spare_writers: bool) -> Killed {
        let mut told = 0;
        let mut spared = false;
        for slot in self.all() {
            let Some((run, age)) = slot.age() else {
                continue;
            };
            let Some(script) = slot.script() else {
                continue;
            };
            if age < min_age || sha1.is_some_and(|sha1| !script.sha1().eq_ignore_ascii_case(sha1)) {
                continue;
            }
            let spares = spare_writers || slot.past_undo.load(Ordering::Relaxed);
            if spares && slot.wrote.load(Ordering::Relaxed) {
                spared = true;
                continue;
            }
            slot.order(run, KillReason::ScriptKill);
            told += 1;
        }
        match (told, spared) {
            (0, true) => Killed::Unkillable,
            (0, false) => Killed::NoneRunning,
            (told, _) => Killed::Told(told),
        }
    }

    /// Tells everything that runs to stop: the server is shutting down.
    pub fn kill_all(&self) {
        for slot in self.all() {
            let run = slot.current.load(Ordering::Acquire);
            if run != 0 {
                slot.order(run, KillReason::Shutdown);
            }
        }
    }

    /// The watchdog: notes when runs were first seen, declares them busy past `threshold`, and repeats orders to stop
    /// until they are followed. `on_busy` hears of each run that becomes busy. Returns when `stop` says so.
    pub fn watch(
        &self,
        threshold: &dyn Fn() -> Option<Duration>,
        on_busy: &dyn Fn(),
        stop: &AtomicBool,
    ) {
        let mut passes_without_run = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut any = false;
            for slot in self.all() {
                any |= self.look_at(&slot, threshold(), on_busy);
            }
            passes_without_run = if any { 0 } else { passes_without_run + 1 };
            std::thread::sleep(if passes_without_run > PASSES_UNTIL_IDLE {
                IDLE_INTERVAL
            } else {
                WATCH_INTERVAL
            });
        }
    }

    fn look_at(&self, slot: &RunSlot, threshold: Option<Duration>, on_busy: &dyn Fn()) -> bool {
        let run = slot.current.load(Ordering::Acquire);
        if run == 0 {
            return false;
        }
        let since = {
            let mut seen = slot.seen.lock().unwrap_or_else(|e| e.into_inner());
            match *seen {
                Some((known, since)) if known == run => since,
                _ => {
                    *seen = Some((run, Instant::now()));
                    return true;
                }
            }
        };
        let is_script = slot.script().is_some();
        if is_script
            && threshold.is_some_and(|t| since.elapsed() >= t)
            && !slot.busy.load(Ordering::Relaxed)
        {
            slot.busy.store(true, Ordering::Relaxed);
            self.busy.store(run, Ordering::Relaxed);
            if slot.current.load(Ordering::Acquire) == run {
                on_busy();
            } else {
                // it ended just now and did not see the flag
                slot.busy.store(false, Ordering::Relaxed);
                self.busy_ended();
            }
        }
        slot.press();
        true
    }
}

impl RunSlot {
    fn order(&self, run: u64, reason: KillReason) {
        self.kill_reason.store(reason as u8, Ordering::Relaxed);
        self.kill.store(run, Ordering::Release);
        self.press();
    }

    /// Gives the order to stop once more, if there is one for the run in progress.
    fn press(&self) {
        let run = self.kill.load(Ordering::Acquire);
        let interrupt = self
            .interrupt
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .clone();
        let Some(interrupt) = interrupt else {
            return;
        };
        let Some(script_run) = interrupt.running() else {
            return;
        };
        // what was running and still belongs to this run is meant; what has begun since has another number
        if run == 0 || self.current.load(Ordering::Acquire) != run {
            return;
        }
        let is_shutdown = self.kill_reason.load(Ordering::Relaxed) == KillReason::Shutdown as u8;
        interrupt.stop(
            script_run,
            if is_shutdown {
                KillReason::Shutdown
            } else {
                KillReason::ScriptKill
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_ends_leaves_its_place_to_the_next_and_no_memory() {
        let running = Running::default();
        let stays = running.register();
        stays.show_vm_memory(1);
        let mut runs = Vec::new();
        for _ in 0..3 {
            let ends = running.register();
            assert_eq!(running.vm_memory(), [1, 0]);
            ends.show_vm_memory(50);
            assert_eq!(running.vm_memory(), [1, 50]);
            runs.push(ends.begin());
            ends.end();
            ends.thread_ends();
        }
        assert_eq!(running.vm_memory(), [1, 0]);
        runs.dedup();
        assert_eq!(runs.len(), 3, "the numbers of runs do not come back");
    }
}
