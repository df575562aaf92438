//! What runs for long: scripts and EXEC, where everybody can see them.
//!
//! Each thread has a [`RunSlot`] and is in at most one long transaction at a time. Starting one costs a few stores and no
//! look at a clock: when it began is known, as the command is timed. The watchdog thread passes by every few milliseconds
//! and says which runs have become busy. Where all have to hear of that, nobody relies on its having come in time. A run's
//! [number](RunSlot::begin) is never used again, so what hangs on it (a stripe's holder, an order to stop)
//! can never hit the next one.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use perilune_script::{Function, Interrupt, KillReason, RunId, Script};

use crate::scripting::Program;

/// Bits of a run's number that hold the slot.
const SLOT_BITS: u32 = 16;

/// Set in [`Running::busy`] while every command is to look for itself.
const LOOK: u64 = 1 << 63;

/// How often the watchdog passes by while something runs or ran lately.
const WATCH_INTERVAL: Duration = Duration::from_millis(5);

/// How often it does when nothing has run for a while.
const IDLE_INTERVAL: Duration = Duration::from_millis(40);

/// Passes without a run after which the watchdog slows down.
const PASSES_UNTIL_IDLE: u32 = 200;

/// SCRIPT KILL ends every script that has run for longer than this, or than the busy threshold if that is shorter.
pub const KILLABLE_AFTER: Duration = Duration::from_millis(100);

/// A function that has run for longer than this is asked for its call, for FUNCTION STATS.
const ASKED_AFTER: Duration = Duration::from_millis(50);

/// One thread's place.
#[derive(Debug)]
pub struct RunSlot {
    index: u64,
    /// The number of the run in progress; 0 between runs.
    current: AtomicU64,
    /// The last number, whether in progress or not. Only the thread itself counts it up.
    last: AtomicU64,
    /// When the last run began, in nanoseconds since `base`.
    began_ns: AtomicU64,
    base: Instant,
    /// The script or function that runs or ran last. Only the thread itself changes it.
    program: Mutex<Option<Shown>>,
    /// Where that lies, for the thread itself: where it is the same again, nothing is locked and no counter is moved.
    shown: AtomicPtr<()>,
    /// What runs is that program. If not, it is EXEC, which ends by itself.
    is_program: AtomicBool,
    /// When the script that runs, or the library that is being loaded, is to be stopped.
    deadline: Mutex<Option<Deadline>>,
    /// The client whose run it is.
    client: AtomicU64,
    wrote: AtomicBool,
    /// The record of what it wrote has been given up: it cannot be taken back any more.
    past_undo: AtomicBool,
    busy: AtomicBool,
    /// The run that is to stop, and why.
    order: Mutex<Option<(u64, KillReason)>>,
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

    /// Starts a run for a client, which began just now, and gives it a number.
    pub fn begin(&self, client: u64, began: Instant) -> u64 {
        let generation = self.last.load(Ordering::Relaxed) + 1;
        self.last.store(generation, Ordering::Relaxed);
        let run = generation << SLOT_BITS | self.index;
        self.is_program.store(false, Ordering::Relaxed);
        self.wrote.store(false, Ordering::Relaxed);
        self.past_undo.store(false, Ordering::Relaxed);
        self.client.store(client, Ordering::Relaxed);
        let began_ns = began.saturating_duration_since(self.base).as_nanos() as u64;
        self.began_ns.store(began_ns, Ordering::Relaxed);
        self.current.store(run, Ordering::Release);
        run
    }

    /// Says that the run is a script or a function, or comes to another one (inside EXEC).
    pub fn set_program(&self, program: Program<'_>) {
        let address: *const () = match program {
            Program::Script(script) | Program::NewScript(script) => Arc::as_ptr(script).cast(),
            Program::Function(function) => Arc::as_ptr(function).cast(),
        };
        if self.shown.load(Ordering::Relaxed).cast_const() != address {
            *self.program.lock().unwrap_or_else(|e| e.into_inner()) = Some(match program {
                Program::Script(script) | Program::NewScript(script) => {
                    Shown::Script(script.clone())
                }
                Program::Function(function) => Shown::Function(function.clone()),
            });
            self.shown.store(address.cast_mut(), Ordering::Relaxed);
        }
        self.wrote.store(false, Ordering::Relaxed);
        self.is_program.store(true, Ordering::Release);
    }

    /// Has what the thread's machine runs stopped when so much time has passed, until this is dropped.
    pub fn limit_time(&self, limit: Duration, spares: Spares) -> TimeLimit<'_> {
        *self.deadline() = Some(Deadline {
            left: limit,
            looked_at: Instant::now(),
            spares,
        });
        TimeLimit(self)
    }

    fn deadline(&self) -> MutexGuard<'_, Option<Deadline>> {
        self.deadline.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Says that the script has written.
    #[inline]
    pub fn set_wrote(&self) {
        if !self.wrote.load(Ordering::Relaxed) {
            self.wrote.store(true, Ordering::Relaxed);
        }
    }

    /// Says that what the run has written cannot be taken back. So nothing stops it in its middle from here on but the end of
    /// the server; an order that has come just before, and has not been followed yet, is not followed any more.
    pub fn set_past_undo(&self) {
        if self.past_undo.swap(true, Ordering::SeqCst) {
            return;
        }
        // who orders asks after it has found the script: so it sees the mark, or is seen here
        if let Some((interrupt, run)) = self.script_run() {
            interrupt.spare(run);
        }
    }

    /// Ends the run. Whether others were told that it is busy.
    pub fn end(&self) -> bool {
        self.current.store(0, Ordering::Release);
        self.busy.load(Ordering::Relaxed) && self.busy.swap(false, Ordering::Relaxed)
    }

    /// The name of the script or function that the run is, or came to last, as INFO shows it.
    pub fn program_name(&self) -> Option<Vec<u8>> {
        Some(match self.program()? {
            Shown::Script(script) => [b"script_", &script.sha1()[..]].concat(),
            Shown::Function(function) => [b"function_", function.name()].concat(),
        })
    }

    fn program(&self) -> Option<Shown> {
        if !self.is_program.load(Ordering::Acquire) {
            return None;
        }
        self.program
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .clone()
    }

    /// The current run, and for how long it has run.
    fn age(&self) -> Option<(u64, Duration)> {
        let run = self.current.load(Ordering::Acquire);
        if run == 0 {
            return None;
        }
        // if this is the time of a later run, it shows as younger than it is, once
        let began = Duration::from_nanos(self.began_ns.load(Ordering::Relaxed));
        Some((run, self.base.elapsed().saturating_sub(began)))
    }
}

/// A script or a function that others can see.
#[derive(Debug, Clone)]
enum Shown {
    Script(Arc<Script>),
    Function(Arc<Function>),
}

/// When something is to be stopped.
#[derive(Debug)]
struct Deadline {
    left: Duration,
    looked_at: Instant,
    spares: Spares,
}

impl Deadline {
    /// Whether its time is up, now that somebody looks. Of what has passed since the last look no more counts than passes
    /// between two when all is well: a machine that stands still for a second stands still for the script as well.
    fn is_over(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.looked_at);
        self.looked_at = now;
        self.left = self.left.saturating_sub(passed.min(IDLE_INTERVAL));
        self.left.is_zero()
    }
}

/// What is not stopped although its time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spares {
    /// Nothing.
    Nothing,
    /// What cannot be taken back any more.
    PastUndo,
}

/// Ends the time limit of a [`RunSlot`].
#[derive(Debug)]
pub struct TimeLimit<'a>(&'a RunSlot);

impl Drop for TimeLimit<'_> {
    fn drop(&mut self) {
        *self.0.deadline() = None;
    }
}

/// Which programs are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// Scripts, or the one with this name.
    Scripts(Option<&'a [u8]>),
    /// Functions.
    Functions,
}

impl Target<'_> {
    fn is(self, program: &Shown) -> bool {
        match (self, program) {
            (Target::Scripts(None), Shown::Script(_)) => true,
            (Target::Scripts(Some(sha1)), Shown::Script(script)) => {
                script.sha1().eq_ignore_ascii_case(sha1)
            }
            (Target::Functions, Shown::Function(_)) => true,
            _ => false,
        }
    }

    fn is_of_this_kind(self, program: &Shown) -> bool {
        matches!(self, Target::Functions) == matches!(program, Shown::Function(_))
    }
}

/// A function that runs.
#[derive(Debug, Clone)]
pub struct RunningFunction {
    /// Which.
    pub function: Arc<Function>,
    /// For how long.
    pub age: Duration,
    /// The call that a client has made, if the thread has come to tell.
    pub call: Option<Vec<Vec<u8>>>,
}

/// What SCRIPT KILL or FUNCTION KILL came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// So many scripts have been told to stop.
    Told(usize),
    /// No script runs, or none that has run long enough to be meant.
    NoneRunning,
    /// The one that runs has written, and may not be stopped in this mode, or cannot be taken back.
    Unkillable,
    /// What runs is for the other one of the two to stop.
    OtherKind,
}

/// The value that a thread which has ended has left behind. Looking for it this way also makes visible all that the thread has
/// done to it.
pub fn clone_if_alone<T>(value: &mut Arc<T>) -> Option<Arc<T>> {
    Arc::get_mut(value).is_some().then(|| value.clone())
}

/// All slots.
#[derive(Debug)]
pub struct Running {
    slots: Mutex<Vec<Arc<RunSlot>>>,
    /// A run that has passed the busy threshold, 0 if none is known; and [`LOOK`]. Changed with the slots locked.
    busy: AtomicU64,
    /// What times are counted from.
    base: Instant,
}

impl Default for Running {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
            busy: AtomicU64::new(0),
            base: Instant::now(),
        }
    }
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
            began_ns: AtomicU64::new(0),
            base: self.base,
            program: Mutex::new(None),
            shown: AtomicPtr::new(std::ptr::null_mut()),
            is_program: AtomicBool::new(false),
            deadline: Mutex::new(None),
            client: AtomicU64::new(0),
            wrote: AtomicBool::new(false),
            past_undo: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            order: Mutex::default(),
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

    /// Whether a script may be past the busy threshold: if so, [`Running::find_busy`] knows.
    #[inline]
    pub fn may_be_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) != 0
    }

    /// Whether a script is past the busy threshold. Where the watchdog has not been there yet, it is declared busy here, and
    /// `on_busy` hears of it.
    pub fn find_busy(&self, threshold: Option<Duration>, on_busy: &dyn Fn()) -> bool {
        let is_known = || self.busy.load(Ordering::Relaxed) & !LOOK != 0;
        if is_known() {
            return true;
        }
        for slot in self.all() {
            if let Some((run, age)) = slot.age() {
                self.declare_busy(&slot, run, age, threshold, on_busy);
            }
        }
        is_known()
    }

    /// Whether every command is to look for busy scripts, as it must not be run beside one. (Else the watchdog's word is
    /// early enough.)
    pub fn look_always(&self, always: bool) {
        let _slots = self.slots.lock().unwrap_or_else(|e| e.into_inner());
        let run = self.busy.load(Ordering::Relaxed) & !LOOK;
        let look = if always { LOOK } else { 0 };
        self.busy.store(run | look, Ordering::Relaxed);
    }

    /// A busy run has begun or ended.
    pub fn recount_busy(&self) {
        // one after the other: who comes last has seen what all before have said
        let slots = self.slots.lock().unwrap_or_else(|e| e.into_inner());
        let busy = slots.iter().find(|slot| slot.busy.load(Ordering::Relaxed));
        let run = busy.map_or(0, |slot| slot.current.load(Ordering::Relaxed));
        let look = self.busy.load(Ordering::Relaxed) & LOOK;
        self.busy.store(run | look, Ordering::Relaxed);
    }

    /// Tells what is meant and runs for long to stop.
    pub fn kill(&self, target: Target<'_>, min_age: Duration, spare_writers: bool) -> Killed {
        let mut told = 0;
        let mut spared = false;
        let mut others = false;
        for slot in self.all() {
            let Some((run, age)) = slot.age() else {
                continue;
            };
            let Some(program) = slot.program() else {
                continue;
            };
            if age < min_age {
                continue;
            }
            let is_other = !target.is_of_this_kind(&program);
            if !is_other && !target.is(&program) {
                continue;
            }
            let is_spared_writer = spare_writers && slot.wrote.load(Ordering::Relaxed);
            if is_spared_writer || slot.past_undo.load(Ordering::Relaxed) {
                spared = true;
                continue;
            }
            if is_other {
                others = true;
                continue;
            }
            slot.order(
                run,
                match program {
                    Shown::Script(_) => KillReason::ScriptKill,
                    Shown::Function(_) => KillReason::FunctionKill,
                },
            );
            told += 1;
        }
        match (told, spared, others) {
            (0, true, _) => Killed::Unkillable,
            (0, false, true) => Killed::OtherKind,
            (0, false, false) => Killed::NoneRunning,
            (told, ..) => Killed::Told(told),
        }
    }

    /// Whether the run that is said to be busy (of several the first, in the order of threads) is a function.
    pub fn busy_is_function(&self) -> bool {
        let run = self.busy.load(Ordering::Relaxed);
        let slots = self.slots.lock().unwrap_or_else(|e| e.into_inner());
        let slot = slots.get((run & ((1 << SLOT_BITS) - 1)) as usize);
        slot.is_some_and(|slot| matches!(slot.program(), Some(Shown::Function(_))))
    }

    /// The function that has run for the longest time, if that is at least `min_age`.
    pub fn longest_function(&self, min_age: Duration) -> Option<RunningFunction> {
        let running = |slot: Arc<RunSlot>| {
            let (_, age) = slot.age()?;
            match slot.program()? {
                Shown::Function(function) if age >= min_age => Some(RunningFunction {
                    function,
                    age,
                    call: slot.call(),
                }),
                _ => None,
            }
        };
        self.all()
            .into_iter()
            .filter_map(running)
            .max_by_key(|running| running.age)
    }

    /// Tells the scripts of a client to stop that is gone: nobody waits for what they answer. One that cannot be taken back any
    /// more runs to its end.
    pub fn kill_client(&self, client: u64) {
        for slot in self.all() {
            let run = slot.current.load(Ordering::Acquire);
            // (If the client's run has just begun, the order names the one before it, which is over.)
            if run != 0
                && slot.client.load(Ordering::Relaxed) == client
                && !slot.past_undo.load(Ordering::Relaxed)
            {
                slot.order(run, KillReason::ClientKill);
            }
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

    /// The watchdog: declares runs busy past `threshold`, and repeats orders to stop
    /// until they are followed. `on_busy` hears of each run that becomes busy. `meanwhile` is short work that is to be done off
    /// the loops, and says whether there is more of it. Returns when `stop` says so.
    pub fn watch(
        &self,
        threshold: &dyn Fn() -> Option<Duration>,
        on_busy: &dyn Fn(),
        meanwhile: &dyn Fn() -> bool,
        stop: &AtomicBool,
    ) {
        let mut passes_without_run = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut any = false;
            for slot in self.all() {
                any |= self.look_at(&slot, threshold(), on_busy);
            }
            any |= meanwhile();
            passes_without_run = if any { 0 } else { passes_without_run + 1 };
            std::thread::sleep(if passes_without_run > PASSES_UNTIL_IDLE {
                IDLE_INTERVAL
            } else {
                WATCH_INTERVAL
            });
        }
    }

    fn look_at(&self, slot: &RunSlot, threshold: Option<Duration>, on_busy: &dyn Fn()) -> bool {
        let Some((run, age)) = slot.age() else {
            return false;
        };
        slot.stop_in_time();
        if age >= ASKED_AFTER && matches!(slot.program(), Some(Shown::Function(_))) {
            slot.ask();
        }
        self.declare_busy(slot, run, age, threshold, on_busy);
        slot.press();
        true
    }

    /// Declares a run busy if it is a script or a function and past `threshold`.
    fn declare_busy(
        &self,
        slot: &RunSlot,
        run: u64,
        age: Duration,
        threshold: Option<Duration>,
        on_busy: &dyn Fn(),
    ) {
        let is_due = threshold.is_some_and(|threshold| age >= threshold);
        if !is_due || slot.program().is_none() || slot.busy.load(Ordering::Relaxed) {
            return;
        }
        slot.busy.store(true, Ordering::Relaxed);
        self.recount_busy();
        if slot.current.load(Ordering::Acquire) == run {
            on_busy();
        } else {
            // it ended just now and did not see the flag
            slot.busy.store(false, Ordering::Relaxed);
            self.recount_busy();
        }
    }
}

impl RunSlot {
    fn order(&self, run: u64, reason: KillReason) {
        {
            let mut order = self.order.lock().unwrap_or_else(|e| e.into_inner());
            // Asked while it is held: what comes too late for its run must not take the place of an order for the next one.
            if self.current.load(Ordering::Acquire) != run {
                return;
            }
            *order = Some((run, reason));
        }
        self.press();
    }

    /// What the thread's machine runs, and how to reach it.
    fn script_run(&self) -> Option<(Interrupt, RunId)> {
        let interrupt = self
            .interrupt
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .clone()?;
        let run = interrupt.running()?;
        Some((interrupt, run))
    }

    /// Stops the library that is being loaded, or the script, if its time is up.
    fn stop_in_time(&self) {
        // held meanwhile, so that what comes after the library is never meant
        let mut deadline = self.deadline();
        let Some(deadline) = deadline.as_mut() else {
            return;
        };
        if deadline.is_over(Instant::now())
            && let Some((interrupt, run)) = self.script_run()
            && !(deadline.spares == Spares::PastUndo && self.past_undo.load(Ordering::SeqCst))
        {
            interrupt.stop(run, KillReason::Timeout);
        }
    }

    /// Asks for the call that the thread serves.
    fn ask(&self) {
        if let Some((interrupt, run)) = self.script_run() {
            interrupt.ask_call(run);
        }
    }

    /// The call that the thread serves, if it was asked for and told.
    fn call(&self) -> Option<Vec<Vec<u8>>> {
        let (interrupt, run) = self.script_run()?;
        interrupt.call_of(run)
    }

    /// Gives the order to stop once more, if there is one for the run in progress.
    fn press(&self) {
        let order = *self.order.lock().unwrap_or_else(|e| e.into_inner());
        let (Some((run, reason)), Some((interrupt, script_run))) = (order, self.script_run())
        else {
            return;
        };
        let is_spared = self.past_undo.load(Ordering::SeqCst) && reason != KillReason::Shutdown;
        // what was running and still belongs to this run is meant; what has begun since has another number
        if !is_spared && self.current.load(Ordering::Acquire) == run {
            interrupt.stop(script_run, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_is_late_does_not_displace_the_next_one() {
        let running = Running::default();
        let slot = running.register();
        let over = slot.begin(1, Instant::now());
        slot.end();
        let run = slot.begin(2, Instant::now());
        slot.order(run, KillReason::ScriptKill);
        slot.order(over, KillReason::ClientKill);
        let order = *slot.order.lock().expect("nobody panics");
        assert_eq!(order, Some((run, KillReason::ScriptKill)));
    }

    #[test]
    fn time_in_which_nobody_could_look_does_not_count() {
        let began = Instant::now();
        let mut deadline = Deadline {
            left: Duration::from_millis(100),
            looked_at: began,
            spares: Spares::Nothing,
        };
        let at = |ms| began + Duration::from_millis(ms);
        // the machine stands still from 10 to 5000
        let over = [10, 5000, 5030, 5049, 5050, 5060].map(|ms| deadline.is_over(at(ms)));
        assert_eq!(over, [false, false, false, false, true, true]);
        assert!(IDLE_INTERVAL >= WATCH_INTERVAL);
        assert_eq!(
            IDLE_INTERVAL,
            Duration::from_millis(40),
            "the figures above"
        );
    }

    /// A watchdog that does not get a processor in time must not decide what everybody hears.
    #[test]
    fn who_looks_finds_a_busy_script_that_the_watchdog_has_not_seen() {
        let running = Running::default();
        let slot = running.register();
        let threshold = Some(Duration::from_millis(10));
        let heard = AtomicU64::new(0);
        let on_busy = || {
            heard.fetch_add(1, Ordering::Relaxed);
        };
        let long_ago = Instant::now();
        std::thread::sleep(Duration::from_millis(11));
        assert!(!running.may_be_busy());
        running.look_always(true);
        assert!(running.may_be_busy());

        let script = Arc::new(Script::new(*b"return 1").expect("a script"));
        slot.begin(1, long_ago);
        assert!(
            !running.find_busy(threshold, &on_busy),
            "an EXEC ends by itself"
        );
        slot.set_program(Program::Script(&script));
        assert!(!running.find_busy(None, &on_busy));
        assert!(running.find_busy(threshold, &on_busy));
        assert!(running.find_busy(threshold, &on_busy));
        assert_eq!(heard.load(Ordering::Relaxed), 1);
        assert!(slot.end());
        running.recount_busy();
        assert!(!running.find_busy(threshold, &on_busy));

        slot.begin(1, Instant::now());
        slot.set_program(Program::Script(&script));
        let young = Some(Duration::from_secs(3600));
        assert!(!running.find_busy(young, &on_busy));
        assert!(!slot.end());
        running.look_always(false);
        assert!(!running.may_be_busy());
    }

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
            runs.push(ends.begin(1, Instant::now()));
            ends.end();
            ends.thread_ends();
        }
        assert_eq!(running.vm_memory(), [1, 0]);
        runs.dedup();
        assert_eq!(runs.len(), 3, "the numbers of runs do not come back");
    }
}
