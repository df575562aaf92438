//! What a script returns becomes a reply.
//!
//! Tables are read raw: no metamethod runs. They are walked with a stack of our own, because a script can nest
//! them 8,000 deep (Lua's own bound, past which the reply says so), and a thread's stack cannot. An aggregate is
//! counted before it is announced. Most are plain arrays: a table without pairs has none of the names that a reply may go
//! by, so they are not looked for, and its elements are read where they lie. A rate limiter's `{1, 9}` took 2,300
//! instructions of 12,800 for the whole call before that, most of them for making strings of seven names.
//!
//! Nothing in here raises a Lua error: memory is disarmed, keys are iterated in an unchanged table. It may take
//! long, though (a table that contains itself twice is a tree of any size), so it looks for an order to stop.

use std::borrow::Cow;
use std::ffi::c_int;

use perilune_luajit_sys::inside::GCtab;
use perilune_luajit_sys::*;
use perilune_resp::{Protocol, Reply};
use smallvec::SmallVec;

use crate::number;
use crate::state::{bytes_at, push_bytes, until_nul};
use crate::vm::Completion;

/// Slots that one value needs at most.
const STACK_SLOTS: u16 = 12;

/// Aggregates inside each other, beyond which the list of those that are open goes to the heap.
const DEPTH_INLINE: usize = 4;

/// Values between two looks for an order to stop.
const VALUES_PER_CHECK: u32 = 1024;

/// An aggregate that is being written; its table is on the Lua stack.
enum Open {
    /// Elements from 1 to `len`; `next` is the one to write.
    Array { next: c_int, len: c_int },
    /// The same, of a table without pairs.
    Plain {
        table: *mut GCtab,
        next: usize,
        len: usize,
    },
    /// Above the table: the key that was written. If `value_next`, its value is to be written.
    Map { value_next: bool },
    /// Above the table: the key that was written.
    Set,
}

/// What happened to a value.
enum Written {
    /// It was written and taken off the stack.
    Scalar,
    /// It is an aggregate: its table is on top of the stack, and it was announced.
    Opened(Open),
}

/// The conversion of one value.
pub(crate) struct Writer<'a> {
    lua: *mut lua_State,
    reply: &'a mut dyn Reply,
    /// What the script asked for: it decides what false becomes.
    script_protocol: Protocol,
    /// The errors that it holds.
    completion: Completion,
}

impl<'a> Writer<'a> {
    /// # Safety
    /// The interpreter is alive and disarmed while this is used.
    pub(crate) unsafe fn new(
        lua: *mut lua_State,
        reply: &'a mut dyn Reply,
        script_protocol: Protocol,
    ) -> Self {
        Self {
            lua,
            reply,
            script_protocol,
            completion: Completion::default(),
        }
    }

    /// Writes the value on top of the stack and takes it off. `Err` if `must_stop` said so.
    pub(crate) fn write(mut self, must_stop: impl Fn() -> bool) -> Result<Completion, ()> {
        let mut opens: SmallVec<[Open; DEPTH_INLINE]> = SmallVec::new();
        let mut written = 0_u32;
        let mut is_aggregate = false;
        // SAFETY: as promised to `new`; the stack holds what `opens` says, then the value.
        unsafe {
            loop {
                written = written.wrapping_add(1);
                if written.is_multiple_of(VALUES_PER_CHECK) && must_stop() {
                    return Err(());
                }
                if let Written::Opened(open) = self.value() {
                    is_aggregate = true;
                    opens.push(open);
                }
                loop {
                    if let Some(Open::Plain { table, next, len }) = opens.last_mut()
                        && *next <= *len
                    {
                        inside::push(self.lua, inside::table_array(*table)[*next]);
                        *next += 1;
                        break;
                    }
                    let Some(open) = opens.last_mut() else {
                        let Completion {
                            counted_errors,
                            new_errors,
                            ..
                        } = &self.completion;
                        let any = *counted_errors > 0 || !new_errors.is_empty();
                        self.completion.is_error = any && !is_aggregate;
                        return Ok(self.completion);
                    };
                    if self.advance(open) {
                        break;
                    }
                    opens.pop();
                    inside::pop(self.lua);
                }
            }
        }
    }

    /// Puts the next element of an aggregate on top of the stack; false if there is none.
    unsafe fn advance(&mut self, open: &mut Open) -> bool {
        let lua = self.lua;
        // SAFETY: the caller's, `write`.
        unsafe {
            match open {
                Open::Array { next, len } => {
                    if *next > *len {
                        return false;
                    }
                    lua_rawgeti(lua, -1, *next);
                    *next += 1;
                    true
                }
                // `write` goes on with it as long as there is an element
                Open::Plain { .. } => false,
                Open::Map { value_next: true } => {
                    // The key on top is kept for the iteration.
                    *open = Open::Map { value_next: false };
                    lua_pushvalue(lua, -1);
                    lua_rawget(lua, -3);
                    true
                }
                Open::Map { value_next } => {
                    if lua_next(lua, -2) == 0 {
                        return false;
                    }
                    *value_next = true;
                    lua_settop(lua, -2);
                    lua_pushvalue(lua, -1);
                    true
                }
                Open::Set => {
                    if lua_next(lua, -2) == 0 {
                        return false;
                    }
                    lua_settop(lua, -2);
                    lua_pushvalue(lua, -1);
                    true
                }
            }
        }
    }

    /// Writes or opens the value on top of the stack.
    unsafe fn value(&mut self) -> Written {
        let lua = self.lua;
        // SAFETY: the caller's, `write`.
        unsafe {
            if !inside::has_room(lua, STACK_SLOTS)
                && lua_checkstack(lua, c_int::from(STACK_SLOTS)) == 0
            {
                self.reply.error(b"ERR reached lua stack limit");
                inside::pop(lua);
                return Written::Scalar;
            }
            let value = inside::top_value(lua);
            if let Some(number) = value.as_number() {
                self.reply.integer(number::as_c_long(number));
            } else if let Some(string) = value.as_string() {
                self.reply.bulk(inside::string_bytes(string));
            } else if let Some(table) = value.as_table() {
                return self.table(table);
            } else if let Some(boolean) = value.as_boolean() {
                self.boolean(boolean);
            } else {
                self.reply.null();
            }
            inside::pop(lua);
            Written::Scalar
        }
    }

    fn boolean(&mut self, value: bool) {
        match (self.script_protocol, value) {
            (Protocol::Resp3, _) => self.reply.boolean(value),
            (Protocol::Resp2, true) => self.reply.integer(1),
            (Protocol::Resp2, false) => self.reply.null(),
        }
    }

    /// Writes or opens the table on top of the stack, which is this one.
    unsafe fn table(&mut self, table: *mut GCtab) -> Written {
        let lua = self.lua;
        // SAFETY: the caller's, `value`.
        unsafe {
            if inside::table_is_plain(table) {
                let slots = inside::table_array(table);
                let elements = slots.get(1..).unwrap_or_default();
                let len = elements.iter().position(|element| element.is_nil());
                let len = len.unwrap_or(elements.len());
                self.reply.array(len);
                return Written::Opened(Open::Plain {
                    table,
                    next: 1,
                    len,
                });
            }
            let top = lua_gettop(lua);
            let simple = self.simple_table();
            if simple {
                lua_settop(lua, top - 1);
                return Written::Scalar;
            }
            lua_settop(lua, top);
            for (name, is_map) in [(&b"map"[..], true), (b"set", false)] {
                if field(lua, top, name) == LUA_TTABLE {
                    // The field's table takes the place of the one that held it.
                    lua_replace(lua, top);
                    let count = count_pairs(lua);
                    lua_pushnil(lua);
                    return Written::Opened(match is_map {
                        true => {
                            self.reply.map(count);
                            Open::Map { value_next: false }
                        }
                        false => {
                            self.reply.set(count);
                            Open::Set
                        }
                    });
                }
                lua_settop(lua, top);
            }
            let len = count_elements(lua);
            self.reply.array(len as usize);
            Written::Opened(Open::Array { next: 1, len })
        }
    }

    /// Writes a table that stands for a single value, in the reference's order of looking. False if it does not.
    unsafe fn simple_table(&mut self) -> bool {
        let lua = self.lua;
        // SAFETY: the caller's, `table`.
        unsafe {
            let table = lua_gettop(lua);
            if field(lua, table, b"err") == LUA_TSTRING {
                self.reply.error(&error_line(bytes_at(lua, -1)));
                let message = lua_gettop(lua);
                if field(lua, table, b"ignore_error_stats_update") == LUA_TBOOLEAN
                    && lua_toboolean(lua, -1) != 0
                {
                    self.completion.counted_errors += 1;
                } else {
                    let message = error_line(bytes_at(lua, message));
                    self.completion.new_errors.push(message.into());
                }
                return true;
            }
            if field(lua, table, b"ok") == LUA_TSTRING {
                self.reply
                    .status_bytes(&one_line(until_nul(bytes_at(lua, -1))));
                return true;
            }
            if field(lua, table, b"double") == LUA_TNUMBER {
                self.reply.double(lua_tonumber(lua, -1));
                return true;
            }
            if field(lua, table, b"big_number") == LUA_TSTRING {
                self.reply.big_number(&one_line(bytes_at(lua, -1)));
                return true;
            }
            if field(lua, table, b"verbatim_string") == LUA_TTABLE {
                let verbatim = lua_gettop(lua);
                if field(lua, verbatim, b"format") == LUA_TSTRING {
                    let format = until_nul(bytes_at(lua, -1));
                    if field(lua, verbatim, b"string") == LUA_TSTRING {
                        self.reply.verbatim(format, bytes_at(lua, -1));
                        return true;
                    }
                }
            }
            false
        }
    }
}

/// Bytes that cannot end the reply that carries them.
fn one_line(bytes: &[u8]) -> Cow<'_, [u8]> {
    let is_break = |byte: u8| matches!(byte, b'\r' | b'\n');
    match memchr::memchr2(b'\r', b'\n', bytes) {
        Some(_) => bytes
            .iter()
            .map(|&byte| if is_break(byte) { b' ' } else { byte })
            .collect(),
        None => Cow::Borrowed(bytes),
    }
}

/// The text of an error that is returned: it loses line breaks at its end, and what is behind a NUL.
fn error_line(text: &[u8]) -> Cow<'_, [u8]> {
    let text = until_nul(text);
    let is_kept = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let end = text.iter().rposition(is_kept).map_or(0, |at| at + 1);
    one_line(&text[..end])
}

/// Pushes a field of the table at `index`, read raw; its type.
unsafe fn field(lua: *mut lua_State, index: c_int, name: &[u8]) -> c_int {
    // SAFETY: the caller's; disarmed.
    unsafe {
        push_bytes(lua, name);
        lua_rawget(lua, index);
        lua_type(lua, -1)
    }
}

/// The elements of the table on top, up to the first nil.
unsafe fn count_elements(lua: *mut lua_State) -> c_int {
    let mut count = 0;
    loop {
        // SAFETY: the caller's.
        let present = unsafe {
            lua_rawgeti(lua, -1, count + 1);
            let present = lua_type(lua, -1) != LUA_TNIL;
            lua_settop(lua, -2);
            present
        };
        if !present || count == c_int::MAX - 1 {
            return count;
        }
        count += 1;
    }
}

/// The pairs of the table on top.
unsafe fn count_pairs(lua: *mut lua_State) -> usize {
    let mut count = 0;
    // SAFETY: the caller's.
    unsafe {
        lua_pushnil(lua);
        while lua_next(lua, -2) != 0 {
            count += 1;
            lua_settop(lua, -2);
        }
    }
    count
}
