//! Stopping a script from outside.
//!
//! LuaJIT does not compile while a hook is set, so none is set in normal running. To stop a script, its hook is
//! set to raise at every instruction, and compiled loops look at the hook mask (`LUAJIT_ENABLE_CHECKHOOK`).
//! Setting a hook from another thread would race with the interpreter, so a watchdog *signals the thread* that
//! runs the script, and the signal's handler sets the hook there; LuaJIT's own program does the same on Ctrl-C.
//!
//! The pieces, and why they do not race:
//!
//! * A run has a **generation**, unique per VM. `running` holds it while the run lasts. An order to stop names
//!   the generation it means, so a late one never hits the next script.
//! * The handler finds what to stop through a **thread-local pointer**, set for the time of the run by the thread
//!   that runs it. A signal that arrives after the run, or on a thread that has taken up other work, or a VM that
//!   has moved to another thread, finds nothing, or another run whose generation does not match.
//! * Whoever stops a run has seen it published (thread-local, then `running`), places the order, and then signals. So the
//!   handler, on the runner's thread, finds both: to begin, the runner need not look for an order.
//! * At the end the runner takes back `running` and then looks for an order; whoever stops places the order and
//!   then looks at `running`. So "told to stop" and "ended as if nothing had been" exclude each other.
//! * LuaJIT may lose a hook that is set in the middle of its own change of modes (a few instructions).
//!   The order stays readable for all that time, every C function of ours looks at it, and whoever stops should
//!   repeat the order every few milliseconds until the run has ended.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once};

use perilune_luajit_sys::{
    LUA_MASKCALL, LUA_MASKCOUNT, LUA_MASKRET, lua_Debug, lua_State, lua_sethook,
};

use crate::state;

/// The signal: ignored by default, used by nobody else here, harmless if it comes late.
const SIGNAL: libc::c_int = libc::SIGURG;

/// Bits of an order that hold the reason; the generation is above them.
const REASON_BITS: u32 = 8;

/// In the place of a reason: the run is not to be stopped any more.
const SPARED: u64 = (1 << REASON_BITS) - 1;

/// So much of a call is told.
const TOLD_BYTES_MAX: usize = 1 << 20;

/// Why a script was stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KillReason {
    /// SCRIPT KILL.
    ScriptKill = 1,
    /// FUNCTION KILL.
    FunctionKill = 2,
    /// It ran longer than it may.
    Timeout = 3,
    /// The server is shutting down.
    Shutdown = 4,
    /// Nobody waits for its answer: CLIENT KILL.
    ClientKill = 5,
}

impl KillReason {
    fn from_bits(bits: u64) -> Option<Self> {
        [
            Self::ScriptKill,
            Self::FunctionKill,
            Self::Timeout,
            Self::Shutdown,
            Self::ClientKill,
        ]
        .into_iter()
        .find(|&reason| reason as u64 == bits & ((1 << REASON_BITS) - 1))
    }
}

/// One run of a script on one VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunId(u64);

/// Stops the scripts of one VM, from any thread. It outlives the VM harmlessly.
#[derive(Debug, Clone)]
pub struct Interrupt {
    control: Arc<Control>,
}

impl Interrupt {
    pub(crate) fn new(control: Arc<Control>) -> Self {
        Self { control }
    }

    /// The run in progress, if any.
    pub fn running(&self) -> Option<RunId> {
        match self.control.running.load(Ordering::SeqCst) {
            0 => None,
            generation => Some(RunId(generation)),
        }
    }

    /// Stops this run. True if it was still running: then it ends with [`ScriptStop::Killed`], unless it is
    /// ended by its port first. The first reason stays. Repeat the call every few milliseconds until the run is
    /// over; it costs a system call.
    ///
    /// [`ScriptStop::Killed`]: crate::ScriptStop::Killed
    pub fn stop(&self, run: RunId, reason: KillReason) -> bool {
        let control = &*self.control;
        let order = run.0 << REASON_BITS | reason as u64;
        let spared = run.0 << REASON_BITS | SPARED;
        // An order for this run or a later one stays.
        let _ = control
            .order
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |standing| {
                let is_first = standing >> REASON_BITS < run.0;
                let is_above = standing == spared && reason == KillReason::Shutdown;
                (is_first || is_above).then_some(order)
            });
        control.signal(run)
    }

    /// Nobody but the end of the server stops this run any more, whatever was ordered before. To be called by the runner, from
    /// its port: there no order has been followed yet.
    pub fn spare(&self, run: RunId) {
        let spared = run.0 << REASON_BITS | SPARED;
        let shutdown = run.0 << REASON_BITS | KillReason::Shutdown as u64;
        let _ = self
            .control
            .order
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |standing| {
                (standing != shutdown && standing >> REASON_BITS <= run.0).then_some(spared)
            });
    }

    /// Asks the runner of this run for the call that it serves, to be had from [`Interrupt::call_of`] as soon as it has come to its
    /// next instruction. So a run that nobody asks about pays nothing. To be repeated as [`Interrupt::stop`].
    pub fn ask_call(&self, run: RunId) {
        if !self.control.has_told.load(Ordering::Relaxed) {
            self.control.asked.store(run.0, Ordering::SeqCst);
            self.control.signal(run);
        }
    }

    /// The call that this run serves, if it was asked for and has been told; of one that is longer than a mebibyte the beginning.
    pub fn call_of(&self, run: RunId) -> Option<Vec<Vec<u8>>> {
        match &*self.control.told() {
            Some((told, call)) if *told == run.0 => Some(call.clone()),
            _ => None,
        }
    }
}

/// What the runner, the stopper and the signal's handler share.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// The interpreter, for the handler. Only followed by the thread that runs it, during a run.
    lua: AtomicPtr<lua_State>,
    /// The generation of the run in progress; 0 between runs.
    running: AtomicU64,
    /// The last order: generation and reason.
    order: AtomicU64,
    /// The kernel's number of the thread that runs or ran last.
    thread: AtomicI32,
    /// The run whose call is asked for.
    asked: AtomicU64,
    /// The call that was told, and of which run. Only the runner changes it.
    told: Mutex<Option<(u64, Vec<Vec<u8>>)>>,
    /// There is one.
    has_told: AtomicBool,
}

thread_local! {
    /// The control block of the VM that runs on this thread right now. Const and without a destructor, so that a
    /// signal's handler may read it.
    static RUNNING_HERE: Cell<*const Control> = const { Cell::new(ptr::null()) };
    /// The kernel's number of this thread.
    static THREAD: Cell<i32> = const { Cell::new(0) };
}

impl Control {
    pub(crate) fn new() -> Arc<Self> {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(install_handler);
        Arc::default()
    }

    /// Signals the thread of this run; false if the run is over.
    fn signal(&self, run: RunId) -> bool {
        if self.running.load(Ordering::SeqCst) != run.0 {
            return false;
        }
        let thread = self.thread.load(Ordering::SeqCst);
        // SAFETY: a system call with three numbers. A thread that has ended meanwhile is an error it reports; the
        // run it had is over then.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, SIGNAL) };
        true
    }

    pub(crate) fn attach(&self, lua: *mut lua_State) {
        self.lua.store(lua, Ordering::SeqCst);
    }

    /// Starts run `generation` on this thread.
    pub(crate) fn begin(&self, generation: u64) {
        let thread = THREAD.with(|thread| {
            if thread.get() == 0 {
                // SAFETY: no arguments, cannot fail.
                thread.set(unsafe { libc::gettid() });
            }
            thread.get()
        });
        self.thread.store(thread, Ordering::Relaxed);
        RUNNING_HERE.with(|here| here.set(self));
        // It also publishes the thread. Nobody can have ordered this run to stop before he has seen this.
        self.running.store(generation, Ordering::Release);
    }

    /// Ends run `generation`; tells whether it was ordered to stop.
    pub(crate) fn end(&self, generation: u64) -> Option<KillReason> {
        RUNNING_HERE.with(|here| here.set(ptr::null()));
        self.running.store(0, Ordering::SeqCst);
        if self.has_told.load(Ordering::Relaxed) {
            self.has_told.store(false, Ordering::Relaxed);
            *self.told() = None;
        }
        self.ordered(generation)
    }

    fn told(&self) -> MutexGuard<'_, Option<(u64, Vec<Vec<u8>>)>> {
        self.told.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Tells the call of this run, if somebody has asked.
    fn tell(&self, generation: u64, call: &[&[u8]]) {
        if self.asked.load(Ordering::SeqCst) != generation {
            return;
        }
        self.asked.store(0, Ordering::SeqCst);
        let mut bytes = 0;
        let fits = |argument: &&&[u8]| {
            bytes += argument.len();
            bytes <= TOLD_BYTES_MAX
        };
        let call = call
            .iter()
            .take_while(fits)
            .map(|argument| argument.to_vec())
            .collect();
        self.has_told.store(true, Ordering::Relaxed);
        *self.told() = Some((generation, call));
    }

    /// The order to stop this run, if there is one.
    #[inline]
    pub(crate) fn ordered(&self, generation: u64) -> Option<KillReason> {
        let order = self.order.load(Ordering::SeqCst);
        if order >> REASON_BITS == generation {
            KillReason::from_bits(order)
        } else {
            None
        }
    }

    /// Makes the interpreter raise at every instruction. Called on the thread that runs it only.
    pub(crate) fn set_hook(&self) {
        let lua = self.lua.load(Ordering::Relaxed);
        // SAFETY: the interpreter lives as long as the run; LuaJIT allows this call at any moment on this thread.
        // Clearing first makes it write its dispatch table anew in any case.
        unsafe {
            lua_sethook(lua, None, 0, 0);
            lua_sethook(
                lua,
                Some(raise),
                LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT,
                1,
            );
        }
    }
}

/// The hook: raises while the run is to stop, and tells its call if somebody has asked.
unsafe extern "C-unwind" fn raise(lua: *mut lua_State, _: *mut lua_Debug) {
    // SAFETY: LuaJIT calls this with a live interpreter of ours; nothing on this frame needs dropping.
    unsafe {
        if state::must_stop(lua) {
            state::raise_stop(lua);
        }
        let state = state::of(lua);
        if !state.run.is_null() {
            let call = state.run().arguments.call;
            state.control.tell(state.generation, call);
        }
        lua_sethook(lua, None, 0, 0);
    }
}

extern "C" fn on_signal(_: libc::c_int) {
    let control = RUNNING_HERE.with(Cell::get);
    if control.is_null() {
        return;
    }
    // SAFETY: set by this thread for the time of a run, during which its owner is alive.
    let control = unsafe { &*control };
    let running = control.running.load(Ordering::SeqCst);
    if control.ordered(running).is_some() || control.asked.load(Ordering::SeqCst) == running {
        control.set_hook();
    }
}

fn install_handler() {
    // SAFETY: a zeroed `sigaction` is a valid one, filled in before use. The handler touches atomics, a
    // thread-local without destructor, and `lua_sethook`, all of which a handler may.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(SIGNAL, &action, ptr::null_mut());
    }
}
