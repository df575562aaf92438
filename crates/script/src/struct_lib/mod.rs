//! `struct`: numbers and strings as the bytes of C structures, with the results and error texts of the reference
//! (lua_struct.c 1.7).
//!
//! A format says what the bytes are (`format.rs`). What is not covered by the bytes that are there is refused before it
//! is looked at, and no size that a format names is reserved: what is written is made of zeros, numbers and strings that
//! exist already.

mod format;
mod pack;
mod unpack;

use std::ffi::c_int;

use perilune_luajit_sys::*;

use self::format::{Format, FormatError};
use crate::state::{self, ShortText, bytes_at, raise_error};

/// Functions of the module.
pub(crate) const FUNCTIONS: &[(&str, lua_CFunction)] = &[
    ("pack", pack::pack),
    ("unpack", unpack::unpack),
    ("size", size),
];

/// Options between two looks for an order to stop.
const OPTIONS_PER_CHECK: u32 = 1024;

/// The first argument as a format that is read with [`Reader::next`].
struct Reader<'a> {
    lua: *mut lua_State,
    format: Format<'a>,
    options: u32,
}

impl Reader<'_> {
    /// # Safety
    /// Called from a function of [`FUNCTIONS`]; may raise, as may all below.
    unsafe fn begin(lua: *mut lua_State) -> Self {
        // SAFETY: the caller's; the argument stays on the stack.
        unsafe {
            luaL_checklstring(lua, 1, std::ptr::null_mut());
            Reader {
                lua,
                format: Format::new(bytes_at(lua, 1)),
                options: 0,
            }
        }
    }

    unsafe fn next(&mut self) -> Option<(u8, usize)> {
        self.options = self.options.wrapping_add(1);
        // SAFETY: as `begin`.
        unsafe {
            if self.options.is_multiple_of(OPTIONS_PER_CHECK) {
                state::check(self.lua);
            }
            match self.format.next() {
                Ok(option) => option,
                Err(error) => self.refuse(error),
            }
        }
    }

    unsafe fn control(&mut self, option: u8) {
        if let Err(error) = self.format.control(option) {
            // SAFETY: as `begin`.
            unsafe { self.refuse(error) }
        }
    }

    unsafe fn refuse(&self, error: FormatError) -> ! {
        let mut text = ShortText::new();
        let mut digits = itoa::Buffer::new();
        match error {
            FormatError::SizeOverflow => text.push(b"integral size overflow"),
            FormatError::SizeLimit(size) => {
                text.push(b"integral size ");
                text.push(digits.format(size).as_bytes());
                text.push(b" is larger than limit of 32");
            }
            FormatError::Alignment(alignment) => {
                text.push(b"alignment ");
                text.push(digits.format(alignment).as_bytes());
                text.push(b" is not a power of 2");
            }
            FormatError::Option(option) => {
                text.push(b"invalid format option '");
                text.push(&[option]);
                text.push(b"'\0");
                // SAFETY: as `begin`; this frame owns nothing.
                unsafe { luaL_argerror(self.lua, 1, text.as_bytes().as_ptr().cast()) }
            }
        }
        // SAFETY: as above.
        unsafe { raise_error(self.lua, text.as_bytes()) }
    }
}

/// `struct.size(format)`.
unsafe extern "C-unwind" fn size(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        let mut reader = Reader::begin(lua);
        let mut position = 0_usize;
        while let Some((option, size)) = reader.next() {
            position = position.wrapping_add(reader.format.padding(position, option, size));
            if option == b's' {
                luaL_argerror(lua, 1, c"option 's' has no fixed size".as_ptr());
            }
            if option == b'c' && size == 0 {
                luaL_argerror(lua, 1, c"option 'c0' has no fixed size".as_ptr());
            }
            // letters that are no options take nothing
            if !option.is_ascii_alphanumeric() {
                reader.control(option);
            }
            position = position.wrapping_add(size);
        }
        lua_pushnumber(lua, position as i64 as f64);
        1
    }
}
