//! `string.find`, `match`, `gmatch` and `gsub` on our own matcher, and `string.format` with Lua 5.1's checks.
//!
//! A plain search uses a linear-time searcher. What `gsub` builds grows in a buffer of the VM, not of a frame,
//! because its callbacks may raise; nested calls stack up in that buffer, each knowing where its part ends.

use std::ffi::c_int;

use perilune_luajit_sys::inside::{self, Value};
use perilune_luajit_sys::*;

use crate::byte_set::ByteSet;
use crate::number;
use crate::pattern::{
    CAPTURES_MAX, Capture, Matcher, PatternError, Runs, RunsOf, effective, is_plain,
};
use crate::state::{self, ShortText, bytes_at, push_bytes, raise_error, raise_stop};

/// The functions of `string.*` that are ours.
pub(crate) const FUNCTIONS: &[(&str, lua_CFunction)] = &[
    ("find", find),
    ("gmatch", gmatch),
    ("gsub", gsub),
    ("match", match_),
];

/// So many captures have room on the stack of a C function, whatever else is there.
const STACK_SLOTS: usize = 10;

/// A plain search looks for an order to stop after this many bytes.
const PLAIN_PIECE_BYTES: usize = 1 << 24;

/// The argument as a string; a number is converted in place.
unsafe fn checked_bytes<'a>(lua: *mut lua_State, arg: c_int) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: called from a C function that owns nothing; the string stays on the stack until it returns.
    unsafe {
        let start = luaL_checklstring(lua, arg, &mut len);
        std::slice::from_raw_parts(start.cast(), len)
    }
}

/// Raises what a match ended with.
#[cold]
unsafe fn raise_pattern_error(lua: *mut lua_State, error: PatternError) -> ! {
    // SAFETY: the caller owns nothing.
    unsafe {
        match error {
            PatternError::Malformed(text) => raise_error(lua, text.as_bytes()),
            PatternError::Stopped => raise_stop(lua),
        }
    }
}

/// Unwraps, or raises.
#[inline]
unsafe fn or_raise<T>(lua: *mut lua_State, result: Result<T, PatternError>) -> T {
    match result {
        Ok(value) => value,
        // SAFETY: the caller owns nothing.
        Err(error) => unsafe { raise_pattern_error(lua, error) },
    }
}

unsafe fn push_capture(lua: *mut lua_State, subject: &[u8], capture: Capture) {
    // SAFETY: the caller has checked the stack.
    unsafe {
        match capture {
            Capture::Text(start, end) => push_bytes(lua, &subject[start..end]),
            Capture::Position(at) | Capture::Open(at) => lua_pushnumber(lua, at as f64 + 1.0),
        }
    }
}

/// Pushes all captures of a match; the whole match if there are none and `whole` is set. Their number.
unsafe fn push_captures<F: Fn() -> bool>(
    lua: *mut lua_State,
    matcher: &Matcher<'_, F>,
    subject: &[u8],
    (start, end): (usize, usize),
    whole: bool,
) -> c_int {
    // SAFETY: the caller's; the matcher owns nothing.
    unsafe {
        let count = if matcher.level() == 0 && whole {
            1
        } else {
            matcher.level()
        };
        if count > STACK_SLOTS {
            lua_checkstack(lua, CAPTURES_MAX as c_int + 2);
        }
        for index in 0..count {
            let capture = or_raise(lua, matcher.capture(index, start, end));
            push_capture(lua, subject, capture);
        }
        count as c_int
    }
}

unsafe extern "C-unwind" fn find(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { search(lua, true) }
}

unsafe extern "C-unwind" fn match_(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { search(lua, false) }
}

unsafe fn search(lua: *mut lua_State, find: bool) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        let subject = checked_bytes(lua, 1);
        let pattern = checked_bytes(lua, 2);
        let init = start_position(luaL_optinteger(lua, 3, 1), subject.len());
        if find && (lua_toboolean(lua, 4) != 0 || is_plain(pattern)) {
            return match find_plain(lua, &subject[init..], pattern) {
                None => {
                    lua_pushnil(lua);
                    1
                }
                Some(at) => push_range(lua, init + at, init + at + pattern.len()),
            };
        }
        let must_stop = || state::must_stop(lua);
        if !find && let Some(runs) = Runs::new(pattern) {
            match or_raise(lua, runs.next(subject, init, must_stop)) {
                None => lua_pushnil(lua),
                Some((start, end)) => push_bytes(lua, &subject[start..end]),
            }
            return 1;
        }
        let anchored = effective(pattern).first() == Some(&b'^');
        let mut matcher = Matcher::new(subject, pattern, must_stop);
        let found = match anchored {
            true => matcher.match_at(init, 1).map(|end| Some((init, end?))),
            false => matcher.find(init),
        };
        match or_raise(lua, found) {
            None => {
                lua_pushnil(lua);
                1
            }
            Some(range) if find => {
                push_range(lua, range.0, range.1);
                2 + push_captures(lua, &matcher, subject, range, false)
            }
            Some(range) => push_captures(lua, &matcher, subject, range, true),
        }
    }
}

/// Pushes a range of positions as Lua counts them.
unsafe fn push_range(lua: *mut lua_State, start: usize, end: usize) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        lua_pushnumber(lua, start as f64 + 1.0);
        lua_pushnumber(lua, end as f64);
    }
    2
}

/// Where a search begins: from 0, inside the subject.
fn start_position(init: isize, len: usize) -> usize {
    let init = if init < 0 {
        init + len as isize + 1
    } else {
        init
    };
    usize::try_from(init - 1).unwrap_or(0).min(len)
}

/// The first place of a plain text. Takes linear time, and hears an order to stop.
unsafe fn find_plain(lua: *mut lua_State, subject: &[u8], text: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let end = subject
            .len()
            .min(start + PLAIN_PIECE_BYTES.max(2 * text.len()));
        if let Some(at) = memchr::memmem::find(&subject[start..end], text) {
            return Some(start + at);
        }
        if end == subject.len() {
            return None;
        }
        // SAFETY: the caller owns nothing.
        unsafe { state::check(lua) };
        start = end + 1 - text.len().min(end);
    }
}

/// Makes an iterator: of runs one that takes them from a batch, else a closure of the subject, the pattern, and where to go on.
unsafe extern "C-unwind" fn gmatch(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        checked_bytes(lua, 1);
        let pattern = checked_bytes(lua, 2);
        if let Some(runs) = Runs::new(pattern) {
            let iterator = batch::iterator(lua, &runs);
            inside::push(lua, iterator);
            inside::collect_if_due(lua);
            return 1;
        }
        lua_settop(lua, 2);
        lua_pushnumber(lua, 0.0);
        lua_pushcclosure(lua, gmatch_next, 3);
        inside::mark_gmatch_iterator(lua);
        1
    }
}

unsafe extern "C-unwind" fn gmatch_next(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua, with the upvalues that `gmatch` gave; nothing is owned.
    unsafe {
        let [subject, pattern, position] = inside::upvalues(lua);
        let (Some(subject), Some(pattern), Some(first)) = (
            subject.as_string(),
            pattern.as_string(),
            position.as_number(),
        ) else {
            unreachable!("what `gmatch` gave it");
        };
        let (subject, first) = (inside::string_bytes(subject), first as usize);
        let pattern = inside::string_bytes(pattern);
        let mut matcher = Matcher::new(subject, pattern, || state::must_stop(lua));
        let Some((start, end)) = or_raise(lua, matcher.find(first)) else {
            return 0;
        };
        // An empty match goes at least one further.
        let next = if end == start { end + 1 } else { end };
        *position = Value::number(next as f64);
        push_captures(lua, &matcher, subject, (start, end), true)
    }
}

/// Keeps the function that iterators over batches are closures of, and what fetches more for them.
pub(crate) unsafe extern "C-unwind" fn keep_match_iterator(lua: *mut lua_State) -> c_int {
    // SAFETY: called while the sandbox opens; nothing is owned.
    unsafe {
        lua_settop(lua, 1);
        state::of(lua).match_iterator = inside::top_value(lua);
        luaL_ref(lua, LUA_REGISTRYINDEX);
        lua_pushcclosure(lua, batch::refill, 0);
        state::of(lua).match_refill = inside::top_value(lua);
        luaL_ref(lua, LUA_REGISTRYINDEX);
        0
    }
}

/// Matches of `gmatch` that are made some at a time, for an iterator in Lua (`sandbox.lua`) that takes them from a table.
///
/// A function in C costs a loop that is compiled more than its work: compiled code is left for it, each time, and entered anew
/// behind it, so that there is no loop for the compiler. The 20 words of a text, made capitals and put together, took 29,900
/// instructions so, 4,800 of them for any script, and 24,400 with batches.
///
/// That matches are made before they are asked for is not to be seen: nothing changes a subject, and runs have no errors. What is
/// made in vain is bounded.
///
/// ```text
///   batch: [0] taken  [1..=26] matches  [27] nil  [28] refill  [29] subject  [30] where to go on  [31] the set
///                      \-- behind the last of all: false
/// ```
mod batch {
    use super::*;

    /// Matches of a batch, at most.
    const MATCHES_MAX: usize = 26;

    /// There are no more in a batch than make so many bytes, and one.
    const BYTES_MAX: usize = 4096;

    const TAKEN: usize = 0;
    /// `sandbox.lua` knows this one.
    const REFILL: usize = 28;
    const SUBJECT: usize = 29;
    const POSITION: usize = 30;
    const SET: usize = 31;
    const SLOTS: usize = 32;

    /// An iterator over the runs in the string that is the first argument.
    pub(super) unsafe fn iterator(lua: *mut lua_State, runs: &Runs) -> Value {
        // SAFETY: called by `gmatch`; nothing collects.
        unsafe {
            let subject = inside::value_at(lua, 1);
            let table = inside::lj_tab_new(lua, SLOTS as u32, 0);
            let slots = inside::table_array(table);
            slots[SUBJECT] = subject;
            if fill(lua, slots, runs, 0) == Filled::InPart {
                let set = &runs.of.0;
                slots[SET] = Value::string(inside::lj_str_new(lua, set.as_ptr().cast(), set.len()));
                slots[REFILL] = state::of(lua).match_refill;
            }
            inside::close_over(lua, state::of(lua).match_iterator, Value::table(table))
        }
    }

    #[derive(PartialEq)]
    enum Filled {
        /// There may be more.
        InPart,
        WithTheLast,
    }

    /// Fills a batch with the matches from `position` on.
    unsafe fn fill(
        lua: *mut lua_State,
        slots: &mut [Value],
        runs: &Runs,
        mut position: usize,
    ) -> Filled {
        // SAFETY: the caller owns nothing; the subject is in the table.
        unsafe {
            let subject = slots[SUBJECT].as_string();
            let subject = subject.map_or(&b""[..], |subject| inside::string_bytes(subject));
            let must_stop = || state::must_stop(lua);
            let mut runs = RunsOf::new(runs, subject, position);
            let (mut count, mut bytes) = (0, 0);
            slots[TAKEN] = Value::number(0.0);
            let filled = loop {
                if count == MATCHES_MAX || bytes >= BYTES_MAX {
                    break Filled::InPart;
                }
                let Some((start, end)) = or_raise(lua, runs.next(must_stop)) else {
                    break Filled::WithTheLast;
                };
                let found = &subject[start..end];
                let found = inside::lj_str_new(lua, found.as_ptr().cast(), found.len());
                count += 1;
                slots[count] = Value::string(found);
                bytes += end - start;
                position = end;
            };
            slots[count + 1] = match filled {
                Filled::InPart => Value::NIL,
                Filled::WithTheLast => Value::FALSE,
            };
            slots[POSITION] = Value::number(position as f64);
            filled
        }
    }

    /// Called by the iterator when a batch has been taken: the next match, with those behind it in the batch.
    pub(super) unsafe extern "C-unwind" fn refill(lua: *mut lua_State) -> c_int {
        // SAFETY: called by the iterator with its batch, which nobody else can get at; nothing is owned.
        unsafe {
            let batch = inside::value_at(lua, 1);
            let Some(table) = batch.as_table() else {
                unreachable!("what the iterator gives it");
            };
            let slots = inside::table_array(table);
            let (Some(position), Some(set)) = (slots[POSITION].as_number(), slots[SET].as_string())
            else {
                unreachable!("what `iterator` put there");
            };
            let mut of = ByteSet::EMPTY;
            of.0.copy_from_slice(inside::string_bytes(set));
            fill(lua, slots, &Runs { of }, position as usize);
            if inside::table_is_black(table) {
                // The collector has been here and would miss what has come: storing it by its rules makes it look at the whole
                // table again, if it has to.
                for index in 1..=MATCHES_MAX as c_int {
                    lua_rawgeti(lua, 1, index);
                    lua_rawseti(lua, 1, index);
                }
            }
            let first = slots[1];
            let found = first.as_string().is_some();
            if found {
                slots[TAKEN] = Value::number(1.0);
                inside::push(lua, first);
            }
            inside::collect_if_due(lua);
            c_int::from(found)
        }
    }
}

/// What `gsub` puts in the place of a match.
#[derive(Clone, Copy)]
enum Replacement<'a> {
    Text(&'a [u8]),
    Table,
    Function,
}

unsafe extern "C-unwind" fn gsub(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; what it builds is owned by the state.
    unsafe {
        let subject = checked_bytes(lua, 1);
        let pattern = checked_bytes(lua, 2);
        let replacement = match lua_type(lua, 3) {
            LUA_TNUMBER | LUA_TSTRING => Replacement::Text(checked_bytes(lua, 3)),
            LUA_TTABLE => Replacement::Table,
            LUA_TFUNCTION => Replacement::Function,
            _ => luaL_argerror(lua, 3, c"string/function/table expected".as_ptr()),
        };
        let count_max = luaL_optinteger(lua, 4, subject.len() as isize + 1);
        let anchored = effective(pattern).first() == Some(&b'^');
        let mut matcher = Matcher::new(subject, pattern, || state::must_stop(lua));
        let begin = state::of(lua).text.len();
        let mut built = Built { lua, len: begin };
        // What is before `copied` is in the buffer, as it is or replaced.
        let (mut at, mut copied, mut count) = (0, 0, 0);
        while count < count_max {
            let matched = or_raise(lua, matcher.match_at(at, usize::from(anchored)));
            if let Some(end) = matched {
                count += 1;
                built.push(&subject[copied..at]);
                add_replacement(&mut built, &matcher, subject, (at, end), replacement);
                copied = end;
            }
            match matched {
                Some(end) if end > at => at = end,
                _ if at < subject.len() => at += 1,
                _ => break,
            }
            if anchored {
                break;
            }
        }
        built.push(&subject[copied..]);
        let text = &raw const state::of(lua).text;
        push_bytes(lua, &(&(*text))[begin..]);
        state::of(lua).text.truncate(begin);
        lua_pushnumber(lua, count as f64);
        2
    }
}

/// The end of the state's buffer, as this call of `gsub` knows it: what a callback that failed has left behind it
/// is cut off.
struct Built {
    lua: *mut lua_State,
    len: usize,
}

impl Built {
    /// Appends, or raises if the run has no memory for it.
    unsafe fn push(&mut self, bytes: &[u8]) {
        // SAFETY: called by `gsub`, which owns nothing.
        unsafe {
            let state = state::of(self.lua);
            state.text.truncate(self.len);
            if state.text.len() + bytes.len() > state.memory.left_bytes() {
                state.stop_for_memory();
                raise_stop(self.lua);
            }
            state.text.extend_from_slice(bytes);
            self.len = state.text.len();
        }
    }
}

unsafe fn add_replacement<F: Fn() -> bool>(
    built: &mut Built,
    matcher: &Matcher<'_, F>,
    subject: &[u8],
    (start, end): (usize, usize),
    replacement: Replacement<'_>,
) {
    let lua = built.lua;
    // SAFETY: called by `gsub`, whose third argument is the replacement.
    unsafe {
        match replacement {
            Replacement::Text(text) => {
                return add_text(built, matcher, subject, (start, end), text);
            }
            Replacement::Table => {
                let key = or_raise(lua, matcher.capture(0, start, end));
                push_capture(lua, subject, key);
                lua_gettable(lua, 3);
            }
            Replacement::Function => {
                lua_pushvalue(lua, 3);
                let count = push_captures(lua, matcher, subject, (start, end), true);
                lua_call(lua, count, 1);
            }
        }
        match lua_type(lua, -1) {
            LUA_TNIL => built.push(&subject[start..end]),
            LUA_TBOOLEAN if lua_toboolean(lua, -1) == 0 => built.push(&subject[start..end]),
            LUA_TSTRING | LUA_TNUMBER => built.push(bytes_at(lua, -1)),
            _ => {
                let mut text = ShortText::new();
                text.push(b"invalid replacement value (a ");
                text.push(state::type_name(lua, -1));
                text.push(b")");
                raise_error(lua, text.as_bytes());
            }
        }
        lua_settop(lua, -2);
    }
}

/// A replacement text: `%0` is the whole match, `%1` to `%9` are captures, `%` makes others plain.
unsafe fn add_text<F: Fn() -> bool>(
    built: &mut Built,
    matcher: &Matcher<'_, F>,
    subject: &[u8],
    (start, end): (usize, usize),
    text: &[u8],
) {
    let mut rest = text;
    // SAFETY: called by `gsub`.
    unsafe {
        while let Some(percent) = memchr::memchr(b'%', rest) {
            built.push(&rest[..percent]);
            let escaped = rest.get(percent + 1).copied().unwrap_or(0);
            match escaped {
                b'0' => built.push(&subject[start..end]),
                b'1'..=b'9' => {
                    let index = usize::from(escaped - b'1');
                    match or_raise(built.lua, matcher.capture(index, start, end)) {
                        Capture::Text(start, end) => built.push(&subject[start..end]),
                        Capture::Position(at) | Capture::Open(at) => {
                            built.push(itoa::Buffer::new().format(at + 1).as_bytes());
                        }
                    }
                }
                other => built.push(&[other]),
            }
            rest = rest.get(percent + 2..).unwrap_or_default();
        }
        built.push(rest);
    }
}

/// Sets `format` in the table on top of the stack: LuaJIT's own, with a check before it.
///
/// # Safety
/// Called while the sandbox opens; LuaJIT's string library is.
pub(crate) unsafe fn set_format(lua: *mut lua_State) {
    // SAFETY: the caller's.
    unsafe {
        lua_getfield(lua, LUA_GLOBALSINDEX, c"string".as_ptr());
        lua_getfield(lua, -1, c"format".as_ptr());
        lua_remove(lua, -2);
        lua_pushcclosure(lua, format, 1);
        lua_setfield(lua, -2, c"format".as_ptr());
    }
}

/// `string.format`: all that can be wrong is found here, in the order and the words of Lua 5.1, whose `%s` and `%q` take
/// strings and numbers only. (LuaJIT's call `tostring`.) What LuaJIT is then called with it does not refuse.
unsafe extern "C-unwind" fn format(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned.
    unsafe {
        let format = checked_bytes(lua, 1);
        let count = lua_gettop(lua);
        let mut is_odd = false;
        for (conversion, arg) in conversions(format).zip(2..) {
            if arg > count {
                luaL_argerror(lua, arg, c"no value".as_ptr());
            }
            is_odd |= check_conversion(lua, conversion.modifiers, format.get(conversion.end), arg);
        }
        if is_odd {
            adapt_arguments(lua);
        }
        lua_pushvalue(lua, lua_upvalueindex(1));
        lua_insert(lua, 1);
        lua_call(lua, count, 1);
        1
    }
}

/// Raises what is wrong with a conversion or its argument; tells whether LuaJIT might print it otherwise than Lua 5.1.
unsafe fn check_conversion(
    lua: *mut lua_State,
    modifiers: &[u8],
    letter: Option<&u8>,
    arg: c_int,
) -> bool {
    // SAFETY: called by `format`, which owns nothing.
    unsafe {
        if !modifiers.is_empty() {
            let flags = modifiers.iter().take_while(|byte| FLAGS.contains(byte));
            if flags.count() > FLAGS.len() {
                raise_error(lua, b"invalid format (repeated flags)");
            }
            match behind_modifiers(modifiers).first() {
                Some(byte) if byte.is_ascii_digit() => {
                    raise_error(lua, b"invalid format (width or precision too long)")
                }
                Some(other) => raise_invalid_option(lua, *other),
                None => {}
            }
        }
        let kind = lua_type(lua, arg);
        match letter {
            Some(b's' | b'q') => {
                if !matches!(kind, LUA_TSTRING | LUA_TNUMBER) {
                    raise_expected(lua, "string", arg);
                }
                letter == Some(&b'q')
                    || kind == LUA_TSTRING && memchr::memchr(0, bytes_at(lua, arg)).is_some()
            }
            Some(
                b'c' | b'd' | b'i' | b'o' | b'u' | b'x' | b'X' | b'e' | b'E' | b'f' | b'g' | b'G',
            ) => {
                if lua_isnumber(lua, arg) == 0 {
                    raise_expected(lua, "number", arg);
                }
                kind == LUA_TSTRING
                    || matches!(letter, Some(b'f' | b'c'))
                    || lua_tonumber(lua, arg) >= INTEGER_END
            }
            other => raise_invalid_option(lua, *other.unwrap_or(&0)),
        }
    }
}

#[cold]
unsafe fn raise_invalid_option(lua: *mut lua_State, letter: u8) -> ! {
    let mut text = ShortText::new();
    text.push(b"invalid option '%");
    // there is none at the end of the format, which is what a NUL looks like in C
    text.push(state::until_nul(&[letter]));
    text.push(b"' to 'format'");
    // SAFETY: the caller owns nothing.
    unsafe { raise_error(lua, text.as_bytes()) }
}

#[cold]
unsafe fn raise_expected(lua: *mut lua_State, expected: &str, arg: c_int) -> ! {
    // SAFETY: the caller owns nothing.
    unsafe {
        let mut text = ShortText::new();
        text.push(expected.as_bytes());
        text.push(b" expected, got ");
        text.push(state::type_name(lua, arg));
        text.push(b"\0");
        luaL_argerror(lua, arg, text.as_bytes().as_ptr().cast())
    }
}

/// Numbers nearer to zero than this are zero to `%f`, which has 99 digits at most: LuaJIT's `%f` prints much smaller
/// ones wrongly (5e-324 as 906459071.86).
const ZERO_TO_F: f64 = 1e-110;

/// From here on a number is none of 64 bits. What `%x` and its kin make of it is 0, as the processor has it that the reference
/// runs on.
const INTEGER_END: f64 = 18_446_744_073_709_551_616.0;

/// What may stand in front of a width, so many of them at most.
const FLAGS: &[u8] = b"-+ #0";

/// `%s` takes texts from this length on as they are, where no precision is given.
const WHOLE_TEXT_BYTES: usize = 100;

/// A conversion of a format, which takes an argument: `%5.2f`.
struct Conversion<'a> {
    /// Where its `%` is.
    start: usize,
    modifiers: &'a [u8],
    /// Where its letter is: the end of the format, if that is missing.
    end: usize,
}

/// The conversions of a format, one for each argument from the second on; `%%` is none.
fn conversions(format: &[u8]) -> impl Iterator<Item = Conversion<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + memchr::memchr(b'%', &format[at..])?;
            at = start + 1;
            if format.get(at) == Some(&b'%') {
                at += 1;
                continue;
            }
            let is_modifier = |byte: &&u8| b"-+ #0123456789.".contains(byte);
            at += format[at..].iter().take_while(is_modifier).count();
            return Some(Conversion {
                start,
                modifiers: &format[start + 1..at],
                end: at,
            });
        }
    })
}

/// Makes LuaJIT's `format` answer as that of Lua 5.1 where it would not: `%q` escapes the quote, the backslash, the
/// line break, `\r` and NUL and leaves other bytes as they are, so its argument is quoted here and the conversion made a `%s`;
/// what goes through C's `sprintf` ends at a NUL; and see [`ZERO_TO_F`], [`INTEGER_END`]. All of it has been checked.
unsafe fn adapt_arguments(lua: *mut lua_State) {
    // SAFETY: called by `format`, with a string as the first argument; the string stays on the stack while it is read.
    unsafe {
        let format = bytes_at(lua, 1);
        let mut adapted = Built {
            lua,
            len: state::of(lua).text.len(),
        };
        let begin = adapted.len;
        let mut copied = 0;
        for (conversion, arg) in conversions(format).zip(2..) {
            let Conversion {
                start,
                modifiers,
                end: at,
            } = conversion;
            let letter = format.get(at);
            if lua_type(lua, arg) == LUA_TSTRING && !matches!(letter, Some(b's' | b'q')) {
                lua_pushnumber(lua, lua_tonumber(lua, arg));
                lua_replace(lua, arg);
            }
            match letter {
                Some(b's') if lua_type(lua, arg) == LUA_TSTRING => {
                    let text = bytes_at(lua, arg);
                    let is_printed = modifiers.contains(&b'.') || text.len() < WHOLE_TEXT_BYTES;
                    if is_printed && memchr::memchr(0, text).is_some() {
                        push_bytes(lua, state::until_nul(text));
                        lua_replace(lua, arg);
                    }
                }
                Some(b'c') if number::as_c_int(lua_tonumber(lua, arg)) as u8 == 0 => {
                    // of the NUL and what fills it up stays what is in front of it
                    let flags = modifiers.iter().take_while(|byte| FLAGS.contains(byte));
                    let digits = modifiers[flags.count()..].iter();
                    let width = digits
                        .take_while(|byte| byte.is_ascii_digit())
                        .fold(0, |width, digit| 10 * width + usize::from(digit - b'0'));
                    let spaces = match modifiers.contains(&b'-') {
                        true => 0,
                        false => width.saturating_sub(1),
                    };
                    push_bytes(lua, &[b' '; 99][..spaces]);
                    lua_replace(lua, arg);
                    adapted.push(&format[copied..start]);
                    adapted.push(b"%s");
                    copied = at + 1;
                }
                Some(b'q') => {
                    quote(lua, arg, adapted.len);
                    adapted.push(&format[copied..start]);
                    adapted.push(b"%s");
                    copied = at + 1;
                }
                Some(b'f') => {
                    let number = lua_tonumber(lua, arg);
                    if number.abs() < ZERO_TO_F {
                        lua_pushnumber(lua, 0.0_f64.copysign(number));
                        lua_replace(lua, arg);
                    }
                }
                Some(b'o' | b'u' | b'x' | b'X') if lua_tonumber(lua, arg) >= INTEGER_END => {
                    lua_pushnumber(lua, 0.0);
                    lua_replace(lua, arg);
                }
                _ => {}
            }
        }
        if copied > 0 {
            adapted.push(&format[copied..]);
            push_bytes(lua, &state::of(lua).text[begin..adapted.len]);
            lua_replace(lua, 1);
        }
        state::of(lua).text.truncate(begin);
    }
}

/// Puts an argument between quotes. The state's buffer is used from `begin` on.
unsafe fn quote(lua: *mut lua_State, arg: c_int, begin: usize) {
    // SAFETY: called by `adapt_arguments`; a number becomes a string in its place, which stays while it is read.
    unsafe {
        let text = checked_bytes(lua, arg);
        let mut quoted = Built { lua, len: begin };
        quoted.push(b"\"");
        let mut rest = text;
        while let Some(special) = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | 0))
        {
            quoted.push(&rest[..special]);
            match rest[special] {
                b'\r' => quoted.push(b"\\r"),
                0 => quoted.push(b"\\000"),
                other => quoted.push(&[b'\\', other]),
            }
            rest = &rest[special + 1..];
        }
        quoted.push(rest);
        quoted.push(b"\"");
        push_bytes(lua, &state::of(lua).text[begin..quoted.len]);
        lua_replace(lua, arg);
    }
}

/// What follows flags, two digits of width, and two of precision.
fn behind_modifiers(option: &[u8]) -> &[u8] {
    let flags = option.iter().take_while(|byte| FLAGS.contains(byte));
    let mut rest = &option[flags.count()..];
    let skip_digits = |text: &mut &[u8]| {
        let digits = text.iter().take(2).take_while(|byte| byte.is_ascii_digit());
        *text = &text[digits.count()..];
    };
    skip_digits(&mut rest);
    if let Some(precision) = rest.strip_prefix(b".") {
        rest = precision;
        skip_digits(&mut rest);
    }
    rest
}
