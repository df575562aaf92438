//! The text that a function of ours builds: in a buffer of the VM, as an error may be raised at any element, and never
//! longer than the run has memory for.
//!
//! There is one buffer. That is enough for functions below which no Lua code runs, so that one has ended before the next
//! begins, however it has ended. (`string.gsub`, which calls back, has another.)

use perilune_luajit_sys::lua_State;

use crate::state::{self, push_bytes, raise_stop};

/// LuaJIT has no longer strings.
const BYTES_MAX: usize = (1 << 31) - 4096;

/// The VM's buffer, while it is written to.
pub(crate) struct Output {
    lua: *mut lua_State,
    bytes: *mut Vec<u8>,
    bytes_max: usize,
}

impl Output {
    /// The buffer, empty.
    ///
    /// # Safety
    /// Called from a C function below which no Lua code runs.
    pub(crate) unsafe fn begin(lua: *mut lua_State) -> Output {
        // SAFETY: the caller's.
        let state = unsafe { state::of(lua) };
        state.output.clear();
        Output {
            lua,
            bytes: &raw mut state.output,
            bytes_max: state.memory.left_bytes().min(BYTES_MAX),
        }
    }

    /// What has been written. What is added here must have been asked for ([`Output::check_room`]), unless it is a few
    /// bytes.
    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        // SAFETY: nothing else uses the buffer while there is an `Output`.
        unsafe { &mut *self.bytes }
    }

    /// Ends the run if it has no memory for `more` bytes.
    ///
    /// # Safety
    /// No frame up to the protected call owns anything.
    #[inline]
    pub(crate) unsafe fn check_room(&mut self, more: usize) {
        if self.bytes().len() + more > self.bytes_max {
            // SAFETY: the caller's.
            unsafe {
                state::of(self.lua).stop_for_memory();
                raise_stop(self.lua);
            }
        }
    }

    /// Appends, or ends the run.
    ///
    /// # Safety
    /// As [`Output::check_room`].
    #[inline]
    pub(crate) unsafe fn push(&mut self, bytes: &[u8]) {
        // SAFETY: the caller's.
        unsafe { self.check_room(bytes.len()) };
        self.bytes().extend_from_slice(bytes);
    }

    /// Pushes what has been written as a Lua string.
    ///
    /// # Safety
    /// As [`Output::check_room`], and there is room on the stack.
    pub(crate) unsafe fn push_string(&mut self) {
        // SAFETY: the caller's.
        unsafe { push_bytes(self.lua, &*self.bytes) };
    }
}
