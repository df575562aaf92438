//! A command's answer becomes Lua values as it is written, in place, on the interpreter's stack.
//!
//! No tree is built in between. An aggregate is created with its size and stays on the stack while its elements
//! come; a small stack of open aggregates in Rust knows where the next element goes.
//!
//! ```text
//!   *2 :1 *1 $a   ->   {1, {"a"}}
//!   Lua's stack:   [table]  [table][1]  [table]  [table][table]  [table][table]["a"]  [table][table]  [table]
//! ```
//!
//! None of this may raise: the frames of the command's handler are above it. So memory is disarmed while a sink is
//! in use (see `memory.rs`), the stack is checked before each aggregate, and what Lua cannot hold at all turns the
//! answer into a failure that is raised later.

use std::ffi::c_int;

use perilune_luajit_sys::inside::Value;
use perilune_luajit_sys::*;
use perilune_resp::{Protocol, Reply};
use smallvec::SmallVec;

use crate::state::{self, push_bytes, until_nul};

/// Slots that a value and the aggregate around it need at most.
const STACK_SLOTS: c_int = 8;

/// A string or a table longer than this is refused: LuaJIT would raise an error of its own at about twice that.
const LENGTH_MAX: usize = 1 << 26;
const STRING_BYTES_MAX: usize = (1 << 31) - 4096;

/// Tables are made for at most this many elements at once, whatever was announced.
const PREALLOCATED_MAX: usize = 1 << 20;

/// Receives one answer and leaves it on top of the Lua stack.
pub(crate) struct LuaReply {
    lua: *mut lua_State,
    protocol: Protocol,
    /// The size of the Lua stack before the answer.
    base: c_int,
    open: SmallVec<[Open; 4]>,
    complete: bool,
    failed: bool,
    /// The answer is an error (and not just one of its elements).
    is_error: bool,
}

/// An aggregate whose elements are still coming.
struct Open {
    kind: Kind,
    /// Elements to come; a map's keys and values count one each.
    left: usize,
    /// Elements seen.
    seen: c_int,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `{..}`
    Array,
    /// `{map={..}}`: the outer table, the field's name and the inner table are on the stack.
    Map,
    /// `{set={..}}`: likewise.
    Set,
}

impl LuaReply {
    /// # Safety
    /// The interpreter is alive and, while this value is used, disarmed; there are `STACK_SLOTS` free slots.
    pub(crate) unsafe fn new(lua: *mut lua_State, protocol: Protocol) -> Self {
        Self {
            lua,
            protocol,
            // SAFETY: the caller's promise.
            base: unsafe { inside::stack_len(lua) },
            open: SmallVec::new(),
            complete: false,
            failed: false,
            is_error: false,
        }
    }

    /// Pushes an answer that is a single value which needs no memory.
    #[inline]
    fn plain(&mut self, value: Value) {
        if self.complete || self.failed {
            return;
        }
        // SAFETY: there is room, as promised to `new`.
        unsafe { inside::push(self.lua, value) };
        if self.open.is_empty() {
            self.complete = true;
        } else {
            self.settle();
        }
    }

    /// Leaves exactly one value above the stack as it was. `Err` if Lua could not hold the answer.
    pub(crate) fn finish(&mut self) -> Result<Answer, ()> {
        if self.complete && !self.failed {
            return Ok(if self.is_error {
                Answer::Error
            } else {
                Answer::Value
            });
        }
        // SAFETY: as promised to `new`.
        unsafe {
            lua_settop(self.lua, self.base);
            lua_pushnil(self.lua);
        }
        if self.failed {
            Err(())
        } else {
            Ok(Answer::Value)
        }
    }

    /// Whether the value that comes next is to be pushed. Not when the run has taken far more memory than it may:
    /// nothing refuses an allocation here, so this does.
    fn wanted(&mut self) -> bool {
        // SAFETY: as promised to `new`; the state is not borrowed while an answer is written.
        self.failed |= unsafe { state::of(self.lua).memory.is_far_over() };
        !self.complete && !self.failed
    }

    /// Pushes one scalar with `push` and puts it where it belongs.
    fn scalar(&mut self, push: impl FnOnce(*mut lua_State)) {
        if self.wanted() {
            push(self.lua);
            self.settle();
        }
    }

    /// A value is complete on top of the stack: it goes into the innermost open aggregate, which may complete
    /// that, and so on.
    fn settle(&mut self) {
        let lua = self.lua;
        while let Some(open) = self.open.last_mut() {
            open.seen += 1;
            open.left -= 1;
            // SAFETY: the stack holds what `Kind` says, then the value.
            unsafe {
                match open.kind {
                    Kind::Array => lua_rawseti(lua, -2, open.seen),
                    Kind::Map if open.seen % 2 == 1 => {}
                    Kind::Map => set_pair(lua),
                    Kind::Set => {
                        lua_pushboolean(lua, 1);
                        set_pair(lua);
                    }
                }
            }
            if open.left > 0 {
                return;
            }
            let kind = open.kind;
            self.open.pop();
            self.close(kind);
        }
        self.complete = true;
    }

    /// Makes a finished aggregate the one value on top.
    fn close(&mut self, kind: Kind) {
        if kind != Kind::Array {
            // SAFETY: outer table, name, inner table.
            unsafe { lua_rawset(self.lua, -3) };
        }
    }

    fn aggregate(&mut self, kind: Kind, len: usize, elements: usize) {
        if !self.wanted() {
            return;
        }
        // SAFETY: the stack is checked; nothing raises while memory is disarmed and lengths are bounded.
        unsafe {
            if elements > LENGTH_MAX || lua_checkstack(self.lua, STACK_SLOTS) == 0 {
                self.failed = true;
                return;
            }
            let len = len.min(PREALLOCATED_MAX) as c_int;
            match kind {
                Kind::Array => lua_createtable(self.lua, len, 0),
                Kind::Map | Kind::Set => {
                    lua_createtable(self.lua, 0, 1);
                    push_bytes(self.lua, if kind == Kind::Map { b"map" } else { b"set" });
                    lua_createtable(self.lua, 0, len);
                }
            }
        }
        if elements == 0 {
            self.close(kind);
            self.settle();
        } else {
            self.open.push(Open {
                kind,
                left: elements,
                seen: 0,
            });
        }
    }

    /// A string, if Lua can hold it.
    fn string(&mut self, bytes: &[u8]) {
        if bytes.len() > STRING_BYTES_MAX {
            self.failed = true;
        }
        // SAFETY: there is room; disarmed.
        self.scalar(|lua| unsafe { push_bytes(lua, bytes) });
    }

    /// `{name=value}`.
    fn field(&mut self, name: &[u8], push: impl FnOnce(*mut lua_State)) {
        // SAFETY: there is room; disarmed.
        self.scalar(|lua| unsafe {
            lua_createtable(lua, 0, 1);
            push_bytes(lua, name);
            push(lua);
            lua_rawset(lua, -3);
        });
    }
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Value,
    Error,
}

/// Sets the key and value on top of the stack in the table below them. What cannot be a key is dropped.
unsafe fn set_pair(lua: *mut lua_State) {
    // SAFETY: called by `settle` only.
    unsafe {
        let is_key = match lua_type(lua, -2) {
            LUA_TNIL => false,
            LUA_TNUMBER => !lua_tonumber(lua, -2).is_nan(),
            _ => true,
        };
        if is_key {
            lua_rawset(lua, -3)
        } else {
            lua_settop(lua, -3)
        }
    }
}

/// Pushes the table that stands for an error: `{err='CODE text'}`. A text of one word gets the code ERR in front. As in
/// the reference the text behind the code loses line breaks at both ends, and what is behind a NUL is lost.
///
/// # Safety
/// Three free slots. May raise for want of memory where it is armed.
pub(crate) unsafe fn push_error(lua: *mut lua_State, message: &[u8], counted: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        lua_createtable(lua, 0, 2);
        push_bytes(lua, b"err");
        let message = until_nul(message);
        let (code, text) = match memchr::memchr(b' ', message) {
            Some(space) => message.split_at(space + 1),
            None => (&b"ERR "[..], message),
        };
        let trimmed = trim_line_breaks(text);
        if code.len() + trimmed.len() == message.len() {
            push_bytes(lua, message);
        } else {
            push_bytes(lua, code);
            push_bytes(lua, trimmed);
            lua_concat(lua, 2);
        }
        lua_rawset(lua, -3);
        if counted {
            push_bytes(lua, b"ignore_error_stats_update");
            lua_pushboolean(lua, 1);
            lua_rawset(lua, -3);
        }
    }
}

fn trim_line_breaks(text: &[u8]) -> &[u8] {
    let is_kept = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let start = text.iter().position(is_kept).unwrap_or(text.len());
    let end = text.iter().rposition(is_kept).map_or(start, |at| at + 1);
    &text[start..end]
}

impl Reply for LuaReply {
    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn status_bytes(&mut self, text: &[u8]) {
        // SAFETY: a function that Lua has called is running.
        if self.open.is_empty() && unsafe { inside::caller_drops_results(self.lua) } {
            // `redis.call('set', ..)` as a statement: nobody would see the table
            return self.plain(Value::NIL);
        }
        // SAFETY: `field` left room.
        self.field(b"ok", |lua| unsafe { push_bytes(lua, text) });
    }

    fn error(&mut self, message: &[u8]) {
        self.is_error |= self.open.is_empty() && !self.complete;
        // SAFETY: there is room; disarmed.
        self.scalar(|lua| unsafe { push_error(lua, message, true) });
    }

    fn integer(&mut self, value: i64) {
        self.plain(Value::number(value as f64));
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.string(bytes);
    }

    fn null(&mut self) {
        self.plain(match self.protocol {
            Protocol::Resp2 => Value::FALSE,
            Protocol::Resp3 => Value::NIL,
        });
    }

    fn null_array(&mut self) {
        self.null();
    }

    fn array(&mut self, len: usize) {
        self.aggregate(Kind::Array, len, len);
    }

    fn map(&mut self, pairs: usize) {
        let elements = pairs.saturating_mul(2);
        match self.protocol {
            Protocol::Resp2 => self.aggregate(Kind::Array, elements, elements),
            Protocol::Resp3 => self.aggregate(Kind::Map, pairs, elements),
        }
    }

    fn set(&mut self, len: usize) {
        let kind = if self.protocol == Protocol::Resp3 {
            Kind::Set
        } else {
            Kind::Array
        };
        self.aggregate(kind, len, len);
    }

    fn double(&mut self, value: f64) {
        match self.protocol {
            Protocol::Resp2 => self.string(perilune_digits::Buffer::new().format(value)),
            // SAFETY: `field` left room.
            Protocol::Resp3 => self.field(b"double", |lua| unsafe { lua_pushnumber(lua, value) }),
        }
    }

    fn boolean(&mut self, value: bool) {
        let protocol = self.protocol;
        // SAFETY: there is room.
        self.scalar(|lua| unsafe {
            match protocol {
                Protocol::Resp2 => lua_pushnumber(lua, f64::from(u8::from(value))),
                Protocol::Resp3 => lua_pushboolean(lua, c_int::from(value)),
            }
        });
    }

    fn big_number(&mut self, digits: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.string(digits),
            // SAFETY: `field` left room.
            Protocol::Resp3 => self.field(b"big_number", |lua| unsafe { push_bytes(lua, digits) }),
        }
    }

    fn verbatim(&mut self, format: &[u8], text: &[u8]) {
        if self.protocol == Protocol::Resp2 || text.len() > STRING_BYTES_MAX {
            return self.string(text);
        }
        // SAFETY: `field` left room for two, and there are more.
        self.field(b"verbatim_string", |lua| unsafe {
            lua_createtable(lua, 0, 2);
            push_bytes(lua, b"string");
            push_bytes(lua, text);
            lua_rawset(lua, -3);
            push_bytes(lua, b"format");
            push_bytes(lua, format);
            lua_rawset(lua, -3);
        });
    }

    fn push(&mut self, len: usize) {
        self.array(len);
    }
}
