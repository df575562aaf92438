//! `cjson.decode`: JSON text as a Lua value.
//!
//! A scanner of tokens and a loop that pushes values as they come. Tables being filled stay on the Lua stack; a
//! small stack says which kind each is. The text is read with the zero byte that Lua keeps behind every string,
//! so a look ahead needs no bounds of its own; a zero byte inside ends the text, as in the reference.

use std::ffi::c_int;

use perilune_luajit_sys::*;

use super::numbers::{is_invalid_number, parse_number};
use super::settings::{check_one_argument, raise};
use super::{Settings, settings_of};
use crate::state::{self, push_bytes, raise_error};

/// A table that is being filled; it is on the Lua stack (and an object's key above it).
#[derive(Debug, Clone, Copy)]
pub(super) enum Open {
    /// The index of the next element.
    Array(c_int),
    Object,
}

/// Tokens between two looks for an order to stop.
const TOKENS_PER_CHECK: u32 = 1024;

#[derive(Clone, Copy, PartialEq)]
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// Between these bytes of the text; `true` if it has escapes.
    String(usize, usize, bool),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Token {
    /// The name in error texts.
    fn name(self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::String(..) => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Error(text) => text,
        }
    }
}

pub(super) unsafe extern "C-unwind" fn decode(lua: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; the buffers belong to the state, this frame owns nothing.
    unsafe {
        check_one_argument(lua);
        state::check(lua);
        let mut len = 0;
        let start = luaL_checklstring(lua, 1, &mut len);
        // With the zero byte behind it.
        let text: &[u8] = std::slice::from_raw_parts(start.cast(), len + 1);
        if len >= 2 && (text[0] == 0 || text[1] == 0) {
            raise_error(lua, b"JSON parser does not support UTF-16 or UTF-32");
        }
        let state = state::of(lua);
        state.json.reading.clear();
        let mut decoder = Decoder {
            lua,
            settings: *settings_of(lua),
            text,
            at: 0,
            token_at: 0,
            tokens: 0,
            opens: &raw mut state.json.reading,
            unescaped: &raw mut state.json.text,
        };
        decoder.run();
        1
    }
}

struct Decoder<'a> {
    lua: *mut lua_State,
    settings: Settings,
    text: &'a [u8],
    at: usize,
    /// Where the last token began, or where in it an error is.
    token_at: usize,
    tokens: u32,
    /// The state's buffers. Nothing else uses them meanwhile: no Lua code runs.
    opens: *mut Vec<Open>,
    unescaped: *mut Vec<u8>,
}

impl Decoder<'_> {
    fn opens(&mut self) -> &mut Vec<Open> {
        // SAFETY: see the field.
        unsafe { &mut *self.opens }
    }

    /// Leaves the value of the whole text on top of the stack.
    unsafe fn run(&mut self) {
        // SAFETY: called by `decode`; the stack holds what `opens` says.
        unsafe {
            let mut token = self.next();
            loop {
                // `token` begins a value.
                if self.value(token) {
                    // A table was opened, and is not empty.
                    token = match self.opens().last() {
                        Some(Open::Object) => self.key(),
                        _ => self.next(),
                    };
                    continue;
                }
                // A value is complete on top of the stack.
                match self.settle() {
                    Some(next) => token = next,
                    None => break,
                }
            }
            match self.next() {
                Token::End => {}
                token => self.refuse("the end", token),
            }
        }
    }

    /// Pushes the value that `token` begins. True if it is a table that has elements.
    unsafe fn value(&mut self, token: Token) -> bool {
        let lua = self.lua;
        // SAFETY: as `run`.
        unsafe {
            match token {
                Token::String(start, end, escaped) => self.string(start, end, escaped),
                Token::Number(value) => lua_pushnumber(lua, value),
                Token::Boolean(value) => lua_pushboolean(lua, c_int::from(value)),
                Token::Null => lua_pushlightuserdata(lua, std::ptr::null_mut()),
                Token::ObjectBegin => return self.open(Open::Object, b'}'),
                Token::ArrayBegin => return self.open(Open::Array(1), b']'),
                other => self.refuse("value", other),
            }
            false
        }
    }

    /// Pushes a new table. True if elements follow, false if it is closed at once.
    unsafe fn open(&mut self, open: Open, close: u8) -> bool {
        let lua = self.lua;
        // SAFETY: as `run`.
        unsafe {
            let depth = self.opens().len() as c_int + 1;
            if depth > self.settings.decode_depth_max || lua_checkstack(lua, 5) == 0 {
                let (mut depth_text, mut at_text) = (itoa::Buffer::new(), itoa::Buffer::new());
                let depth_text = depth_text.format(depth).as_bytes();
                let at_text = at_text.format(self.at).as_bytes();
                raise(
                    lua,
                    &[
                        b"Found too many nested data structures (",
                        depth_text,
                        b") at character ",
                        at_text,
                    ],
                );
            }
            self.skip_space();
            if self.text[self.at] == close {
                self.at += 1;
                lua_createtable(lua, 0, 0);
                return false;
            }
            match open {
                Open::Array(_) => lua_createtable(lua, 4, 0),
                Open::Object => lua_createtable(lua, 0, 4),
            }
            self.opens().push(open);
            true
        }
    }

    /// Reads an object's key and the colon and pushes the key; the token after them.
    unsafe fn key(&mut self) -> Token {
        // SAFETY: as `run`.
        unsafe {
            match self.next() {
                Token::String(start, end, escaped) => self.string(start, end, escaped),
                other => self.refuse("object key string", other),
            }
            match self.next() {
                Token::Colon => self.next(),
                other => self.refuse("colon", other),
            }
        }
    }

    /// Puts the value on top of the stack into the innermost table, closing those that end here. The token that
    /// begins the next value, or `None` if the outermost value is complete.
    unsafe fn settle(&mut self) -> Option<Token> {
        let lua = self.lua;
        // SAFETY: as `run`.
        unsafe {
            loop {
                match self.opens().last_mut() {
                    None => return None,
                    Some(Open::Array(index)) => {
                        lua_rawseti(lua, -2, *index);
                        *index += 1;
                        match self.next() {
                            Token::ArrayEnd => {}
                            Token::Comma => return Some(self.next()),
                            other => self.refuse("comma or array end", other),
                        }
                    }
                    Some(Open::Object) => {
                        lua_rawset(lua, -3);
                        match self.next() {
                            Token::ObjectEnd => {}
                            Token::Comma => return Some(self.key()),
                            other => self.refuse("comma or object end", other),
                        }
                    }
                }
                self.opens().pop();
            }
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.text[self.at], b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    unsafe fn next(&mut self) -> Token {
        self.tokens = self.tokens.wrapping_add(1);
        if self.tokens.is_multiple_of(TOKENS_PER_CHECK) {
            // SAFETY: as `run`.
            unsafe { state::check(self.lua) };
        }
        self.skip_space();
        self.token_at = self.at;
        let token = match self.text[self.at] {
            b'"' => return self.scan_string(),
            b'-' | b'0'..=b'9' => return self.scan_number(),
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            0 => return Token::End,
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' => return self.scan_word(),
            _ => return Token::Error("invalid token"),
        };
        self.at += 1;
        token
    }

    fn scan_word(&mut self) -> Token {
        let rest = &self.text[self.at..];
        let words: [(&[u8], Token); 3] = [
            (b"true", Token::Boolean(true)),
            (b"false", Token::Boolean(false)),
            (b"null", Token::Null),
        ];
        for (word, token) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return token;
            }
        }
        if self.settings.decode_invalid_numbers && is_invalid_number(rest) {
            return self.convert_number();
        }
        Token::Error("invalid token")
    }

    fn scan_number(&mut self) -> Token {
        if !self.settings.decode_invalid_numbers && is_invalid_number(&self.text[self.at..]) {
            return Token::Error("invalid number");
        }
        self.convert_number()
    }

    fn convert_number(&mut self) -> Token {
        match parse_number(&self.text[self.at..]) {
            Some((value, len)) => {
                self.at += len;
                Token::Number(value)
            }
            None => Token::Error("invalid number"),
        }
    }

    /// Finds the end of a string and checks its escapes.
    fn scan_string(&mut self) -> Token {
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            match self.text[at] {
                b'"' => {
                    self.at = at + 1;
                    return Token::String(start, at, escaped);
                }
                0 => return self.string_error(at, "unexpected end of string"),
                b'\\' => {
                    escaped = true;
                    match self.text[at + 1] {
                        b'u' => match unicode_escape(&self.text[at..]) {
                            Some((_, len)) => at += len,
                            None => return self.string_error(at, "invalid unicode escape code"),
                        },
                        b'"' | b'\\' | b'/' | b'b' | b't' | b'n' | b'f' | b'r' => at += 2,
                        _ => return self.string_error(at, "invalid escape code"),
                    }
                }
                _ => at += 1,
            }
        }
    }

    fn string_error(&mut self, at: usize, text: &'static str) -> Token {
        self.token_at = at;
        Token::Error(text)
    }

    /// Pushes a string of the text.
    unsafe fn string(&mut self, start: usize, end: usize, escaped: bool) {
        let text = self.text;
        if !escaped {
            // SAFETY: as `run`.
            return unsafe { push_bytes(self.lua, &text[start..end]) };
        }
        // SAFETY: see the field.
        let out = unsafe { &mut *self.unescaped };
        out.clear();
        let mut rest = &text[start..end];
        while let Some(backslash) = memchr::memchr(b'\\', rest) {
            out.extend_from_slice(&rest[..backslash]);
            rest = &rest[backslash..];
            let len = match rest[1] {
                b'u' => {
                    let (code, len) = unicode_escape(rest).unwrap_or((0, rest.len()));
                    push_utf8(out, code);
                    len
                }
                plain => {
                    out.push(match plain {
                        b'b' => 8,
                        b't' => b'\t',
                        b'n' => b'\n',
                        b'f' => 12,
                        b'r' => b'\r',
                        other => other,
                    });
                    2
                }
            };
            rest = &rest[len..];
        }
        out.extend_from_slice(rest);
        // SAFETY: as `run`.
        unsafe { push_bytes(self.lua, out) }
    }

    unsafe fn refuse(&mut self, expected: &str, found: Token) -> ! {
        let mut place = itoa::Buffer::new();
        let place = place.format(self.token_at + 1).as_bytes();
        let (expected, found) = (expected.as_bytes(), found.name().as_bytes());
        // SAFETY: as `run`; this frame owns nothing.
        unsafe {
            raise(
                self.lua,
                &[
                    b"Expected ",
                    expected,
                    b" but found ",
                    found,
                    b" at character ",
                    place,
                ],
            )
        }
    }
}

/// Reads `\uXXXX`, or two of them for a surrogate pair: the code point and the length.
fn unicode_escape(text: &[u8]) -> Option<(u32, usize)> {
    let unit = |at: usize| -> Option<u32> {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, &digit| {
            Some(unit << 4 | (digit as char).to_digit(16)?)
        })
    };
    let high = unit(0)?;
    if high & 0xF800 != 0xD800 {
        return Some((high, 6));
    }
    let low = unit(6)?;
    if high & 0x400 != 0 || low & 0xFC00 != 0xDC00 {
        return None;
    }
    Some((((high & 0x3FF) << 10 | (low & 0x3FF)) + 0x1_0000, 12))
}

fn push_utf8(out: &mut Vec<u8>, code: u32) {
    let mut buffer = [0; 4];
    let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
}
