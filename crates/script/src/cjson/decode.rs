//! `cjson.decode`: JSON text as a Lua value.
//!
//! A loop over bytes that makes values as they come. A small stack says which tables are being filled. The text is read
//! with the zero byte that Lua keeps behind every string, so a look ahead needs no bounds of its own; a zero byte
//! inside ends the text, as in the reference. What is not as expected is looked at once more, by a scanner of tokens that
//! knows what the error is called.
//!
//! **Shapes.** Objects in an array mostly have the same keys in the same order. So the last object of each depth is
//! remembered with its keys: the next one begins as its copy, and while its keys are those, their values are stored
//! where they belong without a string being made or looked up. An object that is written as programs write them (no more
//! white space than one blank behind a colon or a comma) and holds strings and integers is read by one loop
//! ([`Decoder::follow`]). Where things differ it goes on in the plain way.
//!
//! The elements of an array are gathered first, so that its table is made in the size to which it would have grown.

use std::ffi::c_int;

use perilune_luajit_sys::inside::{self, GCstr, GCtab, Value};
use perilune_luajit_sys::*;

use super::numbers::{is_invalid_number, parse_number};
use super::settings::{check_one_argument, raise};
use super::{DEPTH_MAX, Settings, settings_of};
use crate::scan;
use crate::state::{self, raise_error, raise_stop};

/// A table that is being filled.
#[derive(Debug, Clone, Copy)]
enum Open {
    /// Its elements are in `values` from there on.
    Array { values_from: usize },
    /// So many of its keys are those of the shape; beyond them, if it no longer follows that, its keys are in `keys`
    /// from `keys_from` on. The slot is for the value that comes next.
    Object {
        table: *mut GCtab,
        follows: bool,
        matched: usize,
        keys_from: usize,
        slot: *mut Value,
    },
}

/// What has begun where a value does.
enum Begun {
    /// All of a value.
    Value(Value),
    /// The innermost table: a value is next.
    Element,
    /// The innermost table is an object, and one of its keys is next.
    Key,
}

/// A key of a shape.
#[derive(Debug)]
struct Key {
    string: *mut GCstr,
    /// Its place in the object's hash.
    place: u32,
    /// The key as it is written, with quotes and colon, if that fits: so many bytes of these.
    len: u32,
    written: u128,
    /// The bits that count.
    mask: u128,
}

/// An object with its keys.
#[derive(Debug, Default)]
struct Shape {
    /// Null while nothing is known.
    table: Option<*mut GCtab>,
    keys: Vec<Key>,
}

/// What decoding keeps from call to call: the memory, not the content.
#[derive(Debug, Default)]
pub(super) struct Reading {
    opens: Vec<Open>,
    /// Keys of the objects that follow no shape.
    keys: Vec<*mut GCstr>,
    /// Elements of the arrays that are open. The collector does not see them, nor does it run meanwhile.
    values: Vec<Value>,
    /// By depth.
    shapes: [Shape; SHAPES],
}

impl Reading {
    /// Elements that there is room for.
    pub(super) fn capacity(&self) -> usize {
        let lists = self.keys.capacity().max(self.values.capacity());
        self.opens.capacity().max(lists)
    }

    fn clear(&mut self) {
        self.opens.clear();
        self.keys.clear();
        self.values.clear();
        for shape in &mut self.shapes {
            shape.table = None;
        }
    }
}

/// Shapes are remembered for objects that are not nested deeper, with at most so many keys.
const SHAPES: usize = 8;
const SHAPE_KEYS_MAX: usize = 16;

/// Two quotes and a colon.
const KEY_MARKS: usize = 3;

/// Elements that there is room for at first.
const VALUES_MIN: usize = 64;

/// Values between two looks for an order to stop.
const VALUES_PER_CHECK: u32 = 512;

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
        // What `null` becomes.
        lua_pushlightuserdata(lua, std::ptr::null_mut());
        let null = inside::top_value(lua);
        lua_settop(lua, -2);
        let mut decoder = Decoder {
            lua,
            settings: *settings_of(lua),
            null,
            text,
            at: 0,
            token_at: 0,
            values: 0,
            reading: &raw mut state.json.reading,
            unescaped: &raw mut state.output,
        };
        let value = decoder.run();
        inside::push(lua, value);
        inside::collect_if_due(lua);
        1
    }
}

struct Decoder<'a> {
    lua: *mut lua_State,
    settings: Settings,
    null: Value,
    text: &'a [u8],
    at: usize,
    /// Where the last token began, or where in it an error is.
    token_at: usize,
    values: u32,
    /// The state's buffers. Nothing else uses them meanwhile: no Lua code runs.
    reading: *mut Reading,
    unescaped: *mut Vec<u8>,
}

impl<'a> Decoder<'a> {
    fn reading<'r>(&mut self) -> &'r mut Reading {
        // SAFETY: see the field; no two of these are used at a time.
        unsafe { &mut *self.reading }
    }

    /// The value of the whole text.
    unsafe fn run(&mut self) -> Value {
        // SAFETY: called by `decode`; nothing collects, so what is made here stays.
        unsafe {
            let value = loop {
                // A value begins here.
                let value = match self.value() {
                    Begun::Value(value) => value,
                    Begun::Element => continue,
                    Begun::Key => {
                        self.key();
                        continue;
                    }
                };
                if let Some(value) = self.settle(value) {
                    break value;
                }
            };
            match self.next() {
                Token::End => value,
                token => self.refuse("the end", token),
            }
        }
    }

    /// What begins here.
    #[inline]
    unsafe fn value(&mut self) -> Begun {
        // SAFETY: as `run`.
        unsafe {
            self.values = self.values.wrapping_add(1);
            if self.values.is_multiple_of(VALUES_PER_CHECK) {
                state::check(self.lua);
            }
            self.skip_space();
            match self.text[self.at] {
                b'"' => {
                    if let Some(bytes) = self.plain_string() {
                        return Begun::Value(self.string(bytes));
                    }
                }
                b'0'..=b'9' | b'-' => {
                    if let Some(number) = self.plain_integer() {
                        return Begun::Value(Value::number(number));
                    }
                }
                b'{' => return self.open_object(),
                b'[' => return self.open_array(),
                _ => {}
            }
            Begun::Value(self.other_value())
        }
    }

    /// The value that begins here, whatever it is.
    #[inline(never)]
    unsafe fn other_value(&mut self) -> Value {
        // SAFETY: as `run`.
        unsafe {
            match self.next() {
                Token::String(start, end, _) => self.escaped_string(start, end),
                Token::Number(number) => Value::number(number),
                Token::Boolean(true) => Value::TRUE,
                Token::Boolean(false) => Value::FALSE,
                Token::Null => self.null,
                other => self.refuse("value", other),
            }
        }
    }

    /// Steps over the bracket that opens a table. True if it is closed at once.
    unsafe fn is_empty_table(&mut self, close: u8) -> bool {
        let depth = self.reading().opens.len() + 1;
        self.at += 1;
        if depth as i64 > i64::from(self.settings.decode_depth_max) || depth > DEPTH_MAX {
            let (mut depth_text, mut at_text) = (itoa::Buffer::new(), itoa::Buffer::new());
            let depth_text = depth_text.format(depth).as_bytes();
            let at_text = at_text.format(self.at).as_bytes();
            // SAFETY: as `run`; this frame owns nothing.
            unsafe {
                raise(
                    self.lua,
                    &[
                        b"Found too many nested data structures (",
                        depth_text,
                        b") at character ",
                        at_text,
                    ],
                );
            }
        }
        self.skip_space();
        let is_empty = self.text[self.at] == close;
        self.at += usize::from(is_empty);
        is_empty
    }

    unsafe fn open_array(&mut self) -> Begun {
        // SAFETY: as `run`.
        unsafe {
            if self.is_empty_table(b']') {
                return Begun::Value(Value::table(inside::lj_tab_new(self.lua, 0, 0)));
            }
            let reading = self.reading();
            let values_from = reading.values.len();
            reading.opens.push(Open::Array { values_from });
            Begun::Element
        }
    }

    /// Remembers an element of the innermost table, which is an array.
    #[inline]
    unsafe fn add_element(&mut self, value: Value) {
        let values = &mut self.reading().values;
        if values.len() == values.capacity() {
            // SAFETY: as `run`.
            unsafe { self.make_room() };
        }
        self.reading().values.push(value);
    }

    /// Makes room for as many elements as there are, or ends the run that has no memory for them: a text of a few bytes for each
    /// is not to take more than a table would.
    #[cold]
    unsafe fn make_room(&mut self) {
        let values = &mut self.reading().values;
        let more = values.len().max(VALUES_MIN);
        // SAFETY: as `run`; this frame owns nothing.
        unsafe {
            let state = state::of(self.lua);
            if (values.len() + more) * size_of::<Value>() > state.memory.left_bytes() {
                state.stop_for_memory();
                raise_stop(self.lua);
            }
        }
        values.reserve(more);
    }

    /// Makes the table of an array from its elements, of which there are some.
    #[inline]
    unsafe fn close_array(&mut self, values_from: usize) -> Value {
        let values = &mut self.reading().values;
        let elements = &values[values_from..];
        // The array of a table that has grown; index 0 is not used.
        let slots = elements.len().next_power_of_two() + 1;
        // SAFETY: as `run`; what is stored can be reached from the table from here on.
        unsafe {
            let table = inside::lj_tab_new(self.lua, slots as u32, 0);
            inside::table_array(table)[1..=elements.len()].copy_from_slice(elements);
            values.truncate(values_from);
            Value::table(table)
        }
    }

    unsafe fn open_object(&mut self) -> Begun {
        // SAFETY: as `run`; a shape's table has been made in this call.
        unsafe {
            if self.is_empty_table(b'}') {
                return Begun::Value(Value::table(inside::lj_tab_new(self.lua, 0, 0)));
            }
            let reading = self.reading();
            let shape = reading.shapes.get(reading.opens.len());
            if let Some(shape) = shape
                && let Some(template) = shape.table
            {
                let table = inside::lj_tab_dup(self.lua, template);
                return self.follow(table, shape);
            }
            reading.opens.push(Open::Object {
                table: inside::lj_tab_new(self.lua, 0, 2),
                follows: false,
                matched: 0,
                keys_from: reading.keys.len(),
                slot: std::ptr::null_mut(),
            });
            Begun::Key
        }
    }

    /// Reads an object whose table is a copy of the shape's, while it is one like that and written plainly.
    unsafe fn follow(&mut self, table: *mut GCtab, shape: &Shape) -> Begun {
        // SAFETY: as `run`; the table has the nodes of the shape's.
        unsafe {
            let nodes = inside::table_nodes(table);
            let (text, mut at) = (self.text, self.at);
            let mut matched = 0;
            let mut slot = std::ptr::null_mut();
            let goes_on = loop {
                let Some(key) = shape.keys.get(matched) else {
                    break Begun::Key;
                };
                if !key.begins(&text[at..]) {
                    break Begun::Key;
                }
                at += key.len as usize;
                at += usize::from(text[at] == b' ');
                matched += 1;
                slot = &raw mut nodes[key.place as usize].value;
                let value = match text[at] {
                    b'"' => match plain_string(text, at) {
                        Some((bytes, end)) => {
                            at = end;
                            self.string(bytes)
                        }
                        None => break Begun::Element,
                    },
                    b'0'..=b'9' | b'-' => match plain_integer(text, at) {
                        Some((number, end)) => {
                            at = end;
                            Value::number(number)
                        }
                        None => break Begun::Element,
                    },
                    _ => break Begun::Element,
                };
                match text[at] {
                    b',' => {
                        *slot = value;
                        at += 1;
                        at += usize::from(text[at] == b' ');
                    }
                    b'}' => {
                        *slot = value;
                        self.at = at + 1;
                        shape.clear_rest(table, matched);
                        return Begun::Value(Value::table(table));
                    }
                    _ => break Begun::Value(value),
                }
            };
            self.at = at;
            let reading = self.reading();
            reading.opens.push(Open::Object {
                table,
                follows: true,
                matched,
                keys_from: reading.keys.len(),
                slot,
            });
            goes_on
        }
    }

    /// Reads an object's key and the colon, and finds the place for its value.
    unsafe fn key(&mut self) {
        // SAFETY: as `run`; an object is open.
        unsafe {
            self.skip_space();
            let bytes = match self.text[self.at] {
                b'"' => self.plain_string(),
                _ => None,
            };
            let reading = self.reading();
            let depth = reading.opens.len() - 1;
            let Some(Open::Object {
                table,
                follows,
                matched,
                slot,
                ..
            }) = reading.opens.last_mut()
            else {
                unreachable!("called for objects");
            };
            let expected = match *follows {
                true => reading.shapes[depth].keys.get(*matched),
                false => None,
            };
            match (expected, bytes) {
                (Some(key), Some(bytes)) if inside::string_bytes(key.string) == bytes => {
                    *slot = &raw mut inside::table_nodes(*table)[key.place as usize].value;
                    *matched += 1;
                }
                _ => {
                    let key = match bytes {
                        Some(bytes) => self.new_string(bytes),
                        None => self.other_key(),
                    };
                    if std::mem::take(follows) {
                        let shape = &reading.shapes[depth];
                        shape.clear_rest(*table, *matched);
                        let shared = &shape.keys[..*matched];
                        reading.keys.extend(shared.iter().map(|key| key.string));
                    }
                    reading.keys.push(key);
                    *slot = inside::lj_tab_setstr(self.lua, *table, key);
                }
            }
            self.skip_space();
            if self.text[self.at] == b':' {
                self.at += 1;
            } else {
                let token = self.next();
                self.refuse("colon", token);
            }
        }
    }

    /// A key that is not just bytes between quotes.
    #[inline(never)]
    unsafe fn other_key(&mut self) -> *mut GCstr {
        // SAFETY: as `run`.
        unsafe {
            match self.next() {
                Token::String(start, end, _) => {
                    let value = self.escaped_string(start, end);
                    value.as_string().unwrap_or(std::ptr::null_mut())
                }
                other => self.refuse("object key string", other),
            }
        }
    }

    /// Puts a value into the innermost table, closing those that end here. The value if it is the outermost.
    #[inline]
    unsafe fn settle(&mut self, mut value: Value) -> Option<Value> {
        // SAFETY: as `run`. Tables made here are white, so that the collector need not be told of what is stored.
        unsafe {
            loop {
                match self.reading().opens.last_mut() {
                    None => return Some(value),
                    Some(&mut Open::Array { values_from }) => {
                        self.add_element(value);
                        self.skip_space();
                        match self.text[self.at] {
                            b',' => {
                                self.at += 1;
                                return None;
                            }
                            b']' => {}
                            _ => {
                                let token = self.next();
                                self.refuse("comma or array end", token);
                            }
                        }
                        value = self.close_array(values_from);
                    }
                    Some(Open::Object { table, slot, .. }) => {
                        **slot = value;
                        let table = *table;
                        self.skip_space();
                        match self.text[self.at] {
                            b',' => {
                                self.at += 1;
                                self.key();
                                return None;
                            }
                            b'}' => {}
                            _ => {
                                let token = self.next();
                                self.refuse("comma or object end", token);
                            }
                        }
                        self.close_object();
                        value = Value::table(table);
                    }
                }
                self.at += 1;
                self.reading().opens.pop();
            }
        }
    }

    /// Remembers the innermost object as the shape for the next one of its depth.
    unsafe fn close_object(&mut self) {
        let reading = self.reading();
        let depth = reading.opens.len() - 1;
        let Some(&Open::Object {
            table,
            follows,
            matched,
            keys_from,
            ..
        }) = reading.opens.last()
        else {
            unreachable!("called for objects");
        };
        // SAFETY: as `run`.
        unsafe {
            if follows {
                reading.shapes[depth].clear_rest(table, matched);
                return;
            }
            if let Some(shape) = reading.shapes.get_mut(depth) {
                shape.set(table, &reading.keys[keys_from..]);
            }
            reading.keys.truncate(keys_from);
        }
    }

    /// The bytes of the string that begins here, and what follows is next; `None`, and nothing has happened, if there
    /// are escapes in it or it does not end.
    fn plain_string(&mut self) -> Option<&'a [u8]> {
        let (bytes, end) = plain_string(self.text, self.at)?;
        self.at = end;
        Some(bytes)
    }

    /// The integer that begins here, and what follows is next; `None`, and nothing has happened, if it is not plain.
    fn plain_integer(&mut self) -> Option<f64> {
        let (number, end) = plain_integer(self.text, self.at)?;
        self.at = end;
        Some(number)
    }

    #[inline]
    unsafe fn new_string(&mut self, bytes: &[u8]) -> *mut GCstr {
        // SAFETY: as `run`.
        unsafe { inside::lj_str_new(self.lua, bytes.as_ptr().cast(), bytes.len()) }
    }

    #[inline]
    unsafe fn string(&mut self, bytes: &[u8]) -> Value {
        // SAFETY: as `run`.
        Value::string(unsafe { self.new_string(bytes) })
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.text[self.at], b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// The token that begins here.
    #[inline(never)]
    unsafe fn next(&mut self) -> Token {
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

    /// A string of the text that has escapes.
    unsafe fn escaped_string(&mut self, start: usize, end: usize) -> Value {
        let text = self.text;
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
        unsafe { self.string(out) }
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

impl Shape {
    /// A copy of the object has only its first `matched` keys: the others go.
    #[inline]
    unsafe fn clear_rest(&self, table: *mut GCtab, matched: usize) {
        // SAFETY: the table is a copy of the shape's, so it has its nodes.
        let nodes = unsafe { inside::table_nodes(table) };
        for key in &self.keys[matched..] {
            nodes[key.place as usize].value = Value::NIL;
        }
    }

    /// Remembers an object that has just been filled with these keys, unless it is one of those that do not come again.
    unsafe fn set(&mut self, table: *mut GCtab, keys: &[*mut GCstr]) {
        self.table = None;
        self.keys.clear();
        if keys.len() > SHAPE_KEYS_MAX {
            return;
        }
        // SAFETY: the table has at least one pair, so its nodes are its own.
        let nodes = unsafe { inside::table_nodes(table) };
        for (number, &key) in keys.iter().enumerate() {
            let is_it = |node: &inside::Node| node.key == Value::string(key);
            let Some(place) = nodes.iter().position(is_it) else {
                return;
            };
            if keys[..number].contains(&key) {
                // which value counts is a question of order
                return;
            }
            // SAFETY: the table holds it.
            self.keys.push(unsafe { Key::new(key, place as u32) });
        }
        self.table = Some(table);
    }
}

impl Key {
    /// # Safety
    /// The string is alive.
    unsafe fn new(string: *mut GCstr, place: u32) -> Key {
        // SAFETY: the caller's.
        let bytes = unsafe { inside::string_bytes(string) };
        let mut written = [0; size_of::<u128>()];
        let len = bytes.len() + KEY_MARKS;
        // What needs an escape is never written like this.
        let fits = len <= written.len() && scan::until_quote(bytes) == bytes.len();
        if fits {
            written[0] = b'"';
            written[1..=bytes.len()].copy_from_slice(bytes);
            written[len - 2..len].copy_from_slice(b"\":");
        }
        let len = if fits { len } else { 0 };
        let written = u128::from_le_bytes(written);
        let mask = u128::MAX.checked_shr(u128::BITS - 8 * len as u32);
        Key {
            string,
            place,
            len: len as u32,
            written,
            mask: mask.unwrap_or(0),
        }
    }

    /// Whether the text begins with the key, quotes and colon. Not seen where the text ends soon, or the key is long.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        let Some(begin) = text.first_chunk() else {
            return false;
        };
        (u128::from_le_bytes(*begin) ^ self.written) & self.mask == 0 && self.len > 0
    }
}

/// The bytes of the string that begins at `at`, and where it ends; `None` if there are escapes in it or it does not end.
#[inline(always)] // what it returns would go through memory
fn plain_string(text: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let start = at + 1;
    let at = start + scan::until_quote(&text[start..]);
    (text[at] == b'"').then(|| (&text[start..at], at + 1))
}

/// The integer that begins at `at`, and where it ends, if it is one that a double holds, written as JSON has it, and ends clearly.
#[inline(always)] // what it returns would go through memory
fn plain_integer(text: &[u8], at: usize) -> Option<(f64, usize)> {
    const DIGITS_MAX: usize = 15;
    let negative = text[at] == b'-';
    let start = at + usize::from(negative);
    let mut value = 0_i64;
    let mut at = start;
    if let Some(digits) = text[at..].first_chunk()
        && let Some(eight) = eight_digits(*digits)
    {
        value = eight;
        at += digits.len();
    }
    while let digit @ b'0'..=b'9' = text[at] {
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        at += 1;
    }
    let ends = matches!(
        text[at],
        b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t' | 0
    );
    // a leading zero is not JSON, and minus zero is no integer
    let zero_leads = text[start] == b'0' && (negative || at - start > 1);
    if at == start || at - start > DIGITS_MAX || zero_leads || !ends {
        return None;
    }
    let value = if negative { -value } else { value };
    Some((value as f64, at))
}

/// The number that eight digits are; `None` if they are not all that.
#[inline]
fn eight_digits(digits: [u8; 8]) -> Option<i64> {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_le_bytes(digits);
    // a digit is 0x30 to 0x39: it has this upper half, and so has six more
    let upper = |word: u64| word & (ONES * 0xf0);
    if upper(word) != ONES * 0x30 || upper(word.wrapping_add(ONES * 6)) != ONES * 0x30 {
        return None;
    }
    let word = word & (ONES * 0x0f);
    // neighbours together: tens and ones, then hundreds, then the two halves
    let pairs = (word * 10 + (word >> 8)) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some(((quads * 10_000 + (quads >> 32)) & 0xffff_ffff) as i64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_digits_are_read_at_once() {
        for number in (0..100_000_000).step_by(12_347).chain([99_999_999]) {
            let text = format!("{number:08}");
            let digits = text.as_bytes().try_into().expect("eight");
            assert_eq!(eight_digits(digits), Some(number));
        }
        for at in 0..8 {
            for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
                let mut digits = *b"90909090";
                digits[at] = byte;
                assert_eq!(eight_digits(digits), None, "{byte} {at}");
            }
        }
    }
}
