//! The interpreter's allocator: Rust's own, with a count and a cap.
//!
//! The cap is armed only while Lua code runs inside a protected call, because LuaJIT raises an error where an
//! allocation fails, and such an error outside of any protected call ends the process. It has two steps:
//!
//! ```text
//!   0 ............ held before ............ soft ........ hard
//!                  |<------ the limit ------->|<- headroom ->|
//! ```
//!
//! Past `soft` the script is told to stop (its hook is set, see `interrupt.rs`), but what it asked for is still
//! granted. So it is unwound at its next instruction, and the collector, the compiler and the unwinding itself
//! find the memory they need on the way. Only past `hard` is an allocation refused. A shrink never is.

use std::alloc::Layout;
use std::ffi::c_void;
use std::ptr;

/// What LuaJIT's objects need; machine code and stacks of C have memory of their own. (Asked for 16 bytes, mimalloc
/// took a detour for every size that is no multiple of it: a tenth of the time of a script that makes tables.)
const ALIGN_BYTES: usize = 8;

/// The headroom, as a part of the limit; at least `HEADROOM_BYTES_MIN`.
const HEADROOM_PART: usize = 8;
const HEADROOM_BYTES_MIN: usize = 1 << 20;

/// The account of one interpreter.
#[derive(Debug)]
pub(crate) struct Memory {
    used_bytes: usize,
    soft_bytes: usize,
    hard_bytes: usize,
    /// The caps of the run, for `disarm` and `rearm`.
    soft_bytes_armed: usize,
    hard_bytes_armed: usize,
    exceeded: bool,
    /// The run is being unwound: it gets nothing any more.
    refusing: bool,
    on_exceeded: fn(*mut c_void),
}

impl Memory {
    /// An empty account. `on_exceeded` is told, once per run, with the pointer that LuaJIT passes along.
    pub(crate) fn new(on_exceeded: fn(*mut c_void)) -> Self {
        Self {
            used_bytes: 0,
            soft_bytes: usize::MAX,
            hard_bytes: usize::MAX,
            soft_bytes_armed: usize::MAX,
            hard_bytes_armed: usize::MAX,
            exceeded: false,
            refusing: false,
            on_exceeded,
        }
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Whether the run has asked for more than its limit.
    pub(crate) fn exceeded(&self) -> bool {
        self.exceeded
    }

    /// Bytes that the run may still take, for buffers outside the interpreter.
    pub(crate) fn left_bytes(&self) -> usize {
        self.soft_bytes_armed.saturating_sub(self.used_bytes)
    }

    /// Whether the run has taken all of its headroom, which it can while disarmed.
    #[inline]
    pub(crate) fn is_far_over(&self) -> bool {
        self.used_bytes > self.hard_bytes_armed
    }

    /// Notes that the run asked for more than its limit outside the interpreter.
    pub(crate) fn exceed(&mut self) {
        self.exceeded = true;
    }

    /// Every allocation fails from here on, until `disarm`: how a run is unwound (see `state::raise_stop`).
    pub(crate) fn refuse(&mut self) {
        self.refusing = true;
        self.soft_bytes = 0;
    }

    /// Starts a run that may take `limit_bytes` on top of what is held now.
    pub(crate) fn begin(&mut self, limit_bytes: usize) {
        self.exceeded = false;
        self.soft_bytes_armed = self.used_bytes.saturating_add(limit_bytes);
        let headroom_bytes = (limit_bytes / HEADROOM_PART).max(HEADROOM_BYTES_MIN);
        self.hard_bytes_armed = self.soft_bytes_armed.saturating_add(headroom_bytes);
        self.rearm();
    }

    /// No allocation fails from here on, for frames that a Lua error must not pass.
    pub(crate) fn disarm(&mut self) {
        self.refusing = false;
        self.soft_bytes = usize::MAX;
        self.hard_bytes = usize::MAX;
    }

    /// The caps of the run hold again. What was taken meanwhile counts.
    pub(crate) fn rearm(&mut self) {
        self.soft_bytes = self.soft_bytes_armed;
        self.hard_bytes = self.hard_bytes_armed;
        self.exceeded |= self.used_bytes > self.soft_bytes;
    }

    #[cold]
    fn grow_past_soft(&mut self, used_bytes: usize, ud: *mut c_void) -> bool {
        if self.refusing {
            return false;
        }
        if !self.exceeded {
            self.exceeded = true;
            (self.on_exceeded)(ud);
        }
        used_bytes <= self.hard_bytes
    }
}

/// The allocator that LuaJIT calls.
///
/// # Safety
/// `ud` points to a value whose first field is the [`Memory`] of this interpreter; the rest is LuaJIT's promise:
/// `block` is null or came from here with `old_bytes`.
pub(crate) unsafe extern "C" fn allocate(
    ud: *mut c_void,
    block: *mut c_void,
    old_bytes: usize,
    new_bytes: usize,
) -> *mut c_void {
    // SAFETY: the interpreter is used by one thread at a time, and nobody else holds the account meanwhile.
    let memory = unsafe { &mut *ud.cast::<Memory>() };
    let old_bytes = if block.is_null() { 0 } else { old_bytes };
    let used_bytes = memory.used_bytes - old_bytes + new_bytes;
    if new_bytes > old_bytes
        && used_bytes > memory.soft_bytes
        && !memory.grow_past_soft(used_bytes, ud)
    {
        return ptr::null_mut();
    }
    // SAFETY: LuaJIT never asks for anything near `isize::MAX`; the alignment is a power of two.
    let layout = |bytes| unsafe { Layout::from_size_align_unchecked(bytes, ALIGN_BYTES) };
    // SAFETY: the sizes are not zero where a block is made, and a block goes back with the layout it came with.
    let new_block = unsafe {
        match (block.is_null(), new_bytes) {
            (true, 0) => ptr::null_mut(),
            (true, _) => std::alloc::alloc(layout(new_bytes)),
            (false, 0) => {
                std::alloc::dealloc(block.cast(), layout(old_bytes));
                ptr::null_mut()
            }
            (false, _) => std::alloc::realloc(block.cast(), layout(old_bytes), new_bytes),
        }
    };
    if new_bytes == 0 || !new_block.is_null() {
        memory.used_bytes = used_bytes;
    }
    new_block.cast()
}
