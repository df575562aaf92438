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
//!
//! Small blocks that are given back are kept for the next of their size, up to a bound: a script makes the same strings and
//! tables as the one before it, which a collection between them frees by the thousand. (A script that merges two JSON texts took
//! 83,600 instructions without, and 78,800 with.) What is kept is not used: it counts for nobody, and goes at the next idle moment
//! ([`Memory::release`]).

use std::alloc::Layout;
use std::ffi::c_void;
use std::ptr;

/// What LuaJIT's objects need; machine code and stacks of C have memory of their own. (Asked for 16 bytes, mimalloc
/// took a detour for every size that is no multiple of it: a tenth of the time of a script that makes tables.)
const ALIGN_BYTES: usize = 8;

/// Blocks up to this size are kept.
const KEPT_BLOCK_BYTES_MAX: usize = 256;

/// So many bytes of them: what one collection frees of the garbage of small scripts, and the next scripts take again.
const KEPT_BYTES_MAX: usize = 256 << 10;

/// Sizes of blocks that are kept, zero included.
const SIZES: usize = KEPT_BLOCK_BYTES_MAX / ALIGN_BYTES + 1;

/// A block that nobody uses, and the next of its size.
struct Kept {
    next: *mut Kept,
}

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
    /// Blocks that are kept, by their size in units of the alignment. Under a sanitizer there are none, as it looks for uses
    /// of what was given back.
    kept: [*mut Kept; SIZES],
    kept_bytes: usize,
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
            kept: [ptr::null_mut(); SIZES],
            kept_bytes: 0,
        }
    }

    /// Gives the blocks that are kept back.
    pub(crate) fn release(&mut self) {
        if self.kept_bytes == 0 {
            return;
        }
        for (size, first) in self.kept.iter_mut().enumerate() {
            let mut next = std::mem::replace(first, ptr::null_mut());
            while !next.is_null() {
                // SAFETY: a block of this size, which nobody uses.
                unsafe {
                    let block = next;
                    next = (*block).next;
                    std::alloc::dealloc(block.cast(), layout(size * ALIGN_BYTES));
                }
            }
        }
        self.kept_bytes = 0;
    }

    /// A block of `bytes` that is kept; null if there is none.
    #[inline]
    fn take_kept(&mut self, bytes: usize) -> *mut u8 {
        let size = size_of_block(bytes);
        let Some(first) = self.kept.get_mut(size) else {
            return ptr::null_mut();
        };
        let block = *first;
        if !block.is_null() {
            // SAFETY: what is kept is a block that nobody uses.
            *first = unsafe { (*block).next };
            self.kept_bytes -= size * ALIGN_BYTES;
        }
        block.cast()
    }

    /// A block of `bytes`, which are not 0; null if there is no memory.
    unsafe fn take(&mut self, bytes: usize) -> *mut u8 {
        let block = self.take_kept(bytes);
        if !block.is_null() {
            return block;
        }
        // SAFETY: the caller's.
        unsafe { std::alloc::alloc(layout(bytes)) }
    }

    /// Takes a block of `bytes` back, which are not 0.
    #[inline]
    unsafe fn put(&mut self, block: *mut u8, bytes: usize) {
        let size = size_of_block(bytes);
        // SAFETY: the caller's: nobody uses it any more; it is aligned for and not smaller than what is written.
        unsafe {
            if let Some(first) = self.kept.get_mut(size)
                && self.kept_bytes < KEPT_BYTES_MAX
                && !cfg!(fuzzing)
            {
                let block = block.cast::<Kept>();
                block.write(Kept { next: *first });
                *first = block;
                self.kept_bytes += size * ALIGN_BYTES;
                return;
            }
            std::alloc::dealloc(block, layout(bytes));
        }
    }

    /// Makes a block of `old_bytes` one of `new_bytes`, neither of them 0; null, and nothing has happened, if there is no memory.
    unsafe fn resize(&mut self, block: *mut u8, old_bytes: usize, new_bytes: usize) -> *mut u8 {
        // SAFETY: the caller's; the blocks do not overlap.
        unsafe {
            if old_bytes.max(new_bytes) > KEPT_BLOCK_BYTES_MAX {
                return std::alloc::realloc(block, layout(old_bytes), layout(new_bytes).size());
            }
            let new_block = self.take(new_bytes);
            if !new_block.is_null() {
                ptr::copy_nonoverlapping(block, new_block, old_bytes.min(new_bytes));
                self.put(block, old_bytes);
            }
            new_block
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
    if block.is_null() {
        let used_bytes = memory.used_bytes + new_bytes;
        if used_bytes <= memory.soft_bytes {
            let block = memory.take_kept(new_bytes);
            if !block.is_null() {
                memory.used_bytes = used_bytes;
                return block.cast();
            }
        }
    } else if new_bytes == 0 {
        memory.used_bytes -= old_bytes;
        // SAFETY: the caller's; a block goes back with the size it came with.
        unsafe { memory.put(block.cast(), old_bytes) };
        return ptr::null_mut();
    }
    // SAFETY: the caller's.
    unsafe { allocate_otherwise(ud, block, old_bytes, new_bytes) }
}

/// The rest of [`allocate`]: what takes more than a block that is kept.
///
/// # Safety
/// As there.
#[inline(never)]
unsafe fn allocate_otherwise(
    ud: *mut c_void,
    block: *mut c_void,
    old_bytes: usize,
    new_bytes: usize,
) -> *mut c_void {
    if new_bytes == 0 {
        // nothing for nothing
        return ptr::null_mut();
    }
    // SAFETY: as `allocate`.
    let memory = unsafe { &mut *ud.cast::<Memory>() };
    let old_bytes = if block.is_null() { 0 } else { old_bytes };
    let used_bytes = memory.used_bytes - old_bytes + new_bytes;
    if new_bytes > old_bytes
        && used_bytes > memory.soft_bytes
        && !memory.grow_past_soft(used_bytes, ud)
    {
        return ptr::null_mut();
    }
    // SAFETY: the sizes are not zero, and a block is resized with the size it came with.
    let new_block = unsafe {
        match block.is_null() {
            true => memory.take(new_bytes),
            false => memory.resize(block.cast(), old_bytes, new_bytes),
        }
    };
    if !new_block.is_null() {
        memory.used_bytes = used_bytes;
    }
    new_block.cast()
}

/// The size of a block in units of the alignment.
#[inline]
fn size_of_block(bytes: usize) -> usize {
    // (`div_ceil` asks for the remainder)
    (bytes + (ALIGN_BYTES - 1)) >> ALIGN_BYTES.trailing_zeros()
}

/// What is asked of Rust's allocator for a block: whole units of the alignment, so that blocks of one size can stand for each other.
#[inline]
fn layout(bytes: usize) -> Layout {
    // SAFETY: LuaJIT never asks for anything near `isize::MAX`; the alignment is a power of two.
    unsafe { Layout::from_size_align_unchecked(bytes.next_multiple_of(ALIGN_BYTES), ALIGN_BYTES) }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of so many bytes, all of which have this value.
    fn block(memory: &mut Memory, bytes: usize, value: u8) -> *mut c_void {
        let ud = ptr::from_mut(memory).cast();
        // SAFETY: the account is one; the block has so many bytes.
        unsafe {
            let block = allocate(ud, ptr::null_mut(), 0, bytes);
            block.cast::<u8>().write_bytes(value, bytes);
            block
        }
    }

    fn resize(memory: &mut Memory, block: *mut c_void, from: usize, to: usize) -> *mut c_void {
        // SAFETY: as `block`, which came with this size.
        unsafe { allocate(ptr::from_mut(memory).cast(), block, from, to) }
    }

    #[test]
    fn what_is_given_back_is_taken_again() {
        let mut memory = Memory::new(|_| {});
        let first = block(&mut memory, 41, 1);
        resize(&mut memory, first, 41, 0);
        assert_eq!((memory.used_bytes(), memory.kept_bytes), (0, 48));
        // the same in units of the alignment
        assert_eq!(block(&mut memory, 48, 2), first);
        assert_eq!((memory.used_bytes(), memory.kept_bytes), (48, 0));
        resize(&mut memory, first, 48, 0);
        memory.release();
        assert_eq!((memory.used_bytes(), memory.kept_bytes), (0, 0));
    }

    #[test]
    fn blocks_keep_their_bytes_from_size_to_size() {
        let mut memory = Memory::new(|_| {});
        let sizes = [1, 8, 9, 200, 256, 257, 5000, 300, 256, 64, 8, 3];
        let mut held = block(&mut memory, sizes[0], 7);
        for pair in sizes.windows(2) {
            held = resize(&mut memory, held, pair[0], pair[1]);
            assert_eq!(memory.used_bytes(), pair[1]);
            let kept = pair[0].min(pair[1]);
            // SAFETY: the block has so many bytes, all of which have been written.
            unsafe {
                let bytes = std::slice::from_raw_parts(held.cast::<u8>(), kept);
                assert!(bytes.iter().all(|&byte| byte == 7));
                held.cast::<u8>().write_bytes(7, pair[1]);
            }
        }
        resize(&mut memory, held, 3, 0);
        assert_eq!(memory.used_bytes(), 0);
    }

    #[test]
    fn no_more_is_kept_than_a_bound() {
        let mut memory = Memory::new(|_| {});
        let blocks: Vec<_> = (0..3000).map(|_| block(&mut memory, 256, 0)).collect();
        for block in blocks {
            resize(&mut memory, block, 256, 0);
        }
        assert_eq!(
            (memory.used_bytes(), memory.kept_bytes),
            (0, KEPT_BYTES_MAX)
        );
    }
}
