//! Structured arguments into every function that a script has.
//!
//! An input is a list of calls. A script finds the functions by itself, in `_G` and in all tables there, so that a new one
//! is called without anybody's doing. Results are arguments of later calls. Whatever happens, the script ends, its reply
//! is well-formed, and the VM runs the next one.

#![no_main]

use std::fmt::Write;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use perilune_fuzz::{eval, with_vm};

/// Calls of one input, arguments of one call.
const CALLS_MAX: usize = 8;
const ARGUMENTS_MAX: usize = 6;

/// Tables are nested no deeper in the text of a script.
const DEPTH_MAX: usize = 6;

/// An argument.
#[derive(Debug, Arbitrary)]
enum Value {
    Nil,
    Boolean(bool),
    Small(i8),
    Power(bool, u8),
    Number(f64),
    Text(Vec<u8>),
    Format(Vec<FormatItem>),
    Repeated(u8, u16),
    Array(Vec<Value>),
    Table(Vec<(Value, Value)>),
    /// A value in so many tables.
    Nested(u16, bool, Box<Value>),
    /// An array of itself.
    Circular(u8),
    /// A table with methods.
    Object(Box<Value>),
    Null,
    Function(Option<Box<Value>>),
    Coroutine,
    /// The function with this number.
    Library(u8),
    /// A result of an earlier call.
    Result(u8, u8),
}

/// A piece of a format of struct, of a pattern or of a message.
#[derive(Debug, Arbitrary)]
enum FormatItem {
    Option(u8),
    Sized(u8, u8),
    Byte(u8),
}

/// A call of the function with this number.
#[derive(Debug, Arbitrary)]
struct Call {
    function: u8,
    arguments: Vec<Value>,
}

/// Finds the functions: those of the libraries by their names, so that a number always means the same one.
const PRELUDE: &str = "\
local names, functions = {}, {}
for name, value in pairs(_G) do
  if type(value) == 'function' then functions[name] = value names[#names + 1] = name end
  if type(value) == 'table' and value ~= _G and name ~= 'server' then
    for field, f in pairs(value) do
      if type(f) == 'function' then
        functions[name .. '.' .. field] = f
        names[#names + 1] = name .. '.' .. field
      end
    end
  end
end
table.sort(names)
local function library(number) return functions[names[number % #names + 1]] end
local results = {}
local function result(call, at) return (results[call % (#results + 1)] or {})[at % 4] end
";

fn quote(source: &mut String, bytes: &[u8]) {
    source.push('\'');
    for byte in bytes {
        let _ = write!(source, "\\{byte:03}");
    }
    source.push('\'');
}

fn write_value(source: &mut String, value: &Value, depth: usize) {
    if depth > DEPTH_MAX {
        source.push_str("nil");
        return;
    }
    let _ = match value {
        Value::Nil => write!(source, "nil"),
        Value::Boolean(value) => write!(source, "{value}"),
        Value::Small(value) => write!(source, "({value})"),
        Value::Power(negative, exponent) => {
            write!(source, "({}2^{exponent})", if *negative { "-" } else { "" })
        }
        Value::Number(value) if value.is_nan() => write!(source, "(0/0)"),
        Value::Number(value) if value.is_infinite() => write!(source, "({}/0)", value.signum()),
        Value::Number(value) => write!(source, "({value:e})"),
        Value::Text(bytes) => {
            quote(source, bytes);
            Ok(())
        }
        Value::Format(items) => {
            const OPTIONS: &[u8] = b"<>! bBhHlLTiIfdxcs%.*+-?^$[]()\x80\x90\xa0\xc0\xc1\xca\xcb\xcf\xd3\xd9\xdc\xdd\xde\xdf";
            let option = |at: u8| OPTIONS[usize::from(at) % OPTIONS.len()];
            let mut bytes = Vec::new();
            for item in items {
                match *item {
                    FormatItem::Option(at) => bytes.push(option(at)),
                    FormatItem::Sized(at, size) => {
                        bytes.push(option(at));
                        bytes.extend_from_slice(size.to_string().as_bytes());
                    }
                    FormatItem::Byte(byte) => bytes.push(byte),
                }
            }
            quote(source, &bytes);
            Ok(())
        }
        Value::Repeated(byte, count) => write!(source, "('\\{byte:03}'):rep({count})"),
        Value::Array(values) => {
            source.push('{');
            for value in values {
                write_value(source, value, depth + 1);
                source.push(',');
            }
            write!(source, "}}")
        }
        Value::Table(pairs) => {
            source.push_str("(function() local t = {}");
            for (key, value) in pairs {
                source.push_str(" pcall(function() t[");
                write_value(source, key, depth + 1);
                source.push_str("] = ");
                write_value(source, value, depth + 1);
                source.push_str(" end)");
            }
            write!(source, " return t end)()")
        }
        Value::Nested(levels, by_key, value) => {
            let around = if *by_key { "{a = v}" } else { "{v}" };
            source.push_str("(function() local v = ");
            write_value(source, value, depth + 1);
            write!(
                source,
                " for _ = 1, {levels} do v = {around} end return v end)()"
            )
        }
        Value::Circular(count) => write!(
            source,
            "(function() local t = {{}} for i = 1, {count} do t[i] = t end return t end)()"
        ),
        Value::Object(value) => {
            source.push_str("(function() local function f() return ");
            write_value(source, value, depth + 1);
            write!(
                source,
                " end return setmetatable({{}}, {{__index = f, __newindex = f, __call = f, __len = f, __lt = f, \
                 __eq = f, __tostring = f, __concat = f, __gc = f}}) end)()"
            )
        }
        Value::Null => write!(source, "cjson.null"),
        Value::Function(None) => write!(source, "function(...) return ... end"),
        Value::Function(Some(value)) => {
            source.push_str("function() return ");
            write_value(source, value, depth + 1);
            write!(source, " end")
        }
        Value::Coroutine => write!(
            source,
            "coroutine.create(function(...) coroutine.yield(...) end)"
        ),
        Value::Library(number) => write!(source, "library({number})"),
        Value::Result(call, at) => write!(source, "result({call}, {at})"),
    };
}

fuzz_target!(|calls: Vec<Call>| {
    let mut source = String::from(PRELUDE);
    for call in calls.iter().take(CALLS_MAX) {
        let _ = write!(
            source,
            "results[#results + 1] = {{pcall(library({})",
            call.function
        );
        for value in call.arguments.iter().take(ARGUMENTS_MAX) {
            source.push_str(", ");
            write_value(&mut source, value, 0);
        }
        source.push_str(")}\n");
    }
    source.push_str("return results");
    with_vm(|vm| drop(eval(vm, source.as_bytes(), &[b"argument"])));
});
