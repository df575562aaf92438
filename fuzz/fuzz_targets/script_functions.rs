//! Libraries of functions, made of pieces: loaded, replaced, deleted, called.
//!
//! An input is a list of steps over one table of libraries, as FUNCTION LOAD, DELETE and FCALL take them. Whatever a
//! library does while it is loaded or called, all of it ends, replies are well-formed, one that was refused leaves nothing,
//! and a library that was there before all of it keeps its functions and its variables, which nobody else has seen.

#![no_main]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use perilune_fuzz::{call, load, unwatched, with_vm};
use perilune_script::{Function, Vm};

/// Steps of one input, pieces of one library or body, blocks in blocks.
const STEPS_MAX: usize = 12;
const PIECES_MAX: usize = 10;
const DEPTH_MAX: usize = 3;

#[derive(Debug, Arbitrary)]
enum Step {
    Load {
        replace: bool,
        library: Text,
    },
    Delete(u8),
    /// Every machine drops what is in the table no more: here sooner or later.
    Follow,
    /// The function with this number, called so often.
    Call {
        function: u8,
        times: u8,
        argument: Vec<u8>,
    },
}

#[derive(Debug, Arbitrary)]
struct Text {
    header: Header,
    name: Name,
    pieces: Vec<Piece>,
}

#[derive(Debug, Arbitrary)]
enum Header {
    Right,
    Twice,
    Engine(Vec<u8>),
    Raw(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
enum Name {
    Short(u8),
    /// The same in capitals.
    Shouted(u8),
    Odd(Vec<u8>),
    Long(u16),
}

/// Something that a library does, or one of its functions.
#[derive(Debug, Arbitrary)]
enum Piece {
    Register(Name, Vec<Piece>),
    RegisterNamed(Vec<Named>),
    /// What `register_function` gets otherwise.
    RegisterWrong(Vec<Value>),
    RegisterMany(u16),
    /// `redis.register_function` under another name, to be called later.
    Keep,
    UseKept,
    Call(Vec<Value>),
    Log(i8, Value),
    Count,
    Collect(Value),
    Repeat(u8, Vec<Piece>),
    Forever,
    Recurse,
    Error(Value),
    Protected(Vec<Piece>),
    InCoroutine(Vec<Piece>),
    Global(Name, Value),
    /// A field of one of the tables that all share.
    Field(u8, Value),
    Return(Value),
    Code(Vec<u8>),
}

/// An argument of `register_function` by its name.
#[derive(Debug, Arbitrary)]
enum Named {
    FunctionName(Name),
    Description(Value),
    Callback(Vec<Piece>),
    Flags(Vec<u8>),
    WrongFlags(Value),
    Other(Value, Value),
}

#[derive(Debug, Arbitrary)]
enum Value {
    Nil,
    Boolean(bool),
    Number(f64),
    Bytes(Vec<u8>),
    Repeated(u8, u16),
    List(Vec<Value>),
    Argument,
    Counter,
    Collected,
    Function,
    Shared(u8),
    Proxy,
}

const FLAGS: &[&str] = &[
    "no-writes",
    "allow-oom",
    "allow-stale",
    "no-cluster",
    "allow-cross-slot-keys",
    "NO-WRITES",
    "nosuch",
    "",
];
const SHARED: &[&str] = &[
    "_G",
    "redis",
    "server",
    "string",
    "table",
    "math",
    "cjson",
    "cmsgpack",
    "struct",
    "bit",
    "os",
    "coroutine",
];

fn quote(source: &mut String, bytes: &[u8]) {
    source.push('\'');
    for byte in bytes {
        let _ = write!(source, "\\{byte:03}");
    }
    source.push('\'');
}

/// A name as a value in Lua.
fn write_name(source: &mut String, name: &Name) {
    let _ = match name {
        Name::Short(number) => write!(source, "'f{}'", number % 16),
        Name::Shouted(number) => write!(source, "'F{}'", number % 16),
        Name::Odd(bytes) => {
            quote(source, bytes);
            Ok(())
        }
        Name::Long(len) => write!(source, "('n'):rep({len})"),
    };
}

fn write_value(source: &mut String, value: &Value, depth: usize) {
    let _ = match value {
        Value::Nil => write!(source, "nil"),
        Value::Boolean(value) => write!(source, "{value}"),
        Value::Number(value) if value.is_finite() => write!(source, "({value:e})"),
        Value::Number(_) => write!(source, "(1/0)"),
        Value::Bytes(bytes) => {
            quote(source, bytes);
            Ok(())
        }
        Value::Repeated(byte, count) => write!(source, "('\\{byte:03}'):rep({count})"),
        Value::List(values) if depth < DEPTH_MAX => {
            source.push('{');
            for value in values.iter().take(PIECES_MAX) {
                write_value(source, value, depth + 1);
                source.push(',');
            }
            write!(source, "}}")
        }
        Value::List(_) => write!(source, "{{}}"),
        Value::Argument => write!(source, "(args and args[1])"),
        Value::Counter => write!(source, "counter"),
        Value::Collected => write!(source, "collected"),
        Value::Function => write!(source, "function(...) return ... end"),
        Value::Shared(number) => write!(source, "{}", SHARED[usize::from(*number) % SHARED.len()]),
        Value::Proxy => write!(
            source,
            "setmetatable({{}}, {{__index = function(_, i) if i == 1 then error('x') end return i end}})"
        ),
    };
}

fn write_function(source: &mut String, pieces: &[Piece], depth: usize) {
    source.push_str("function(keys, args)\n");
    write_pieces(source, pieces, depth + 1);
    source.push_str(" end");
}

/// A function body or a chunk may end in the middle, so each piece is a block.
fn write_pieces(source: &mut String, pieces: &[Piece], depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    for piece in pieces.iter().take(PIECES_MAX) {
        source.push_str("do ");
        write_piece(source, piece, depth);
        source.push_str(" end\n");
    }
}

fn write_piece(source: &mut String, piece: &Piece, depth: usize) {
    let mut block = |before: &str, pieces: &[Piece], after: &str| {
        source.push_str(before);
        write_pieces(source, pieces, depth + 1);
        source.push_str(after);
    };
    match piece {
        Piece::Repeat(times, pieces) => {
            return block(&format!("for i = 1, {times} do "), pieces, " end");
        }
        Piece::Protected(pieces) => return block("pcall(function() ", pieces, " end)"),
        Piece::InCoroutine(pieces) => {
            return block(
                "local c = coroutine.wrap(function() coroutine.yield(1) ",
                pieces,
                " end) c() c()",
            );
        }
        _ => {}
    }
    match piece {
        Piece::Register(name, pieces) => {
            source.push_str("redis.register_function(");
            write_name(source, name);
            source.push_str(", ");
            write_function(source, pieces, depth);
            source.push(')');
        }
        Piece::RegisterNamed(arguments) => {
            source.push_str("server.register_function{");
            for argument in arguments.iter().take(PIECES_MAX) {
                write_named(source, argument, depth);
                source.push(',');
            }
            source.push('}');
        }
        Piece::RegisterWrong(values) => write_call(source, "redis.register_function", values),
        Piece::RegisterMany(count) => {
            let _ = write!(
                source,
                "for i = 1, {count} do redis.register_function('many' .. i, function() counter = counter + i return counter end) end"
            );
        }
        Piece::Keep => source.push_str("kept = redis.register_function"),
        Piece::UseKept => source.push_str("kept('late', function() return 1 end)"),
        Piece::Call(values) => {
            source.push_str("collected = ");
            write_call(source, "redis.pcall", values);
        }
        Piece::Log(level, value) => {
            let _ = write!(source, "redis.log({level}, ");
            write_value(source, value, depth);
            source.push(')');
        }
        Piece::Count => source.push_str("counter = counter + 1"),
        Piece::Collect(value) => {
            source.push_str("collected = {collected, ");
            write_value(source, value, depth);
            source.push('}');
        }
        Piece::Forever => source.push_str("while true do counter = counter + 1 end"),
        Piece::Recurse => source.push_str("local function f(n) return 1 + f(n + 1) end f(1)"),
        Piece::Error(value) => {
            source.push_str("error(");
            write_value(source, value, depth);
            source.push(')');
        }
        Piece::Global(name, value) => {
            source.push_str("_G[");
            write_name(source, name);
            source.push_str("] = ");
            write_value(source, value, depth);
        }
        Piece::Field(table, value) => {
            let table = SHARED[usize::from(*table) % SHARED.len()];
            let _ = write!(source, "pcall(rawset, {table}, 'x', 1) {table}.x = ");
            write_value(source, value, depth);
        }
        Piece::Return(value) => {
            source.push_str("return ");
            write_value(source, value, depth);
        }
        Piece::Code(bytes) => source.push_str(&String::from_utf8_lossy(bytes)),
        Piece::Repeat(..) | Piece::Protected(_) | Piece::InCoroutine(_) => {}
    }
}

fn write_call(source: &mut String, function: &str, values: &[Value]) {
    source.push_str(function);
    source.push('(');
    for (place, value) in values.iter().take(PIECES_MAX).enumerate() {
        source.push_str(if place > 0 { ", " } else { "" });
        write_value(source, value, 0);
    }
    source.push(')');
}

fn write_named(source: &mut String, argument: &Named, depth: usize) {
    match argument {
        Named::FunctionName(name) => {
            source.push_str("function_name = ");
            write_name(source, name);
        }
        Named::Description(value) => {
            source.push_str("description = ");
            write_value(source, value, depth);
        }
        Named::Callback(pieces) => {
            source.push_str("callback = ");
            write_function(source, pieces, depth);
        }
        Named::Flags(flags) => {
            source.push_str("flags = {");
            for flag in flags.iter().take(PIECES_MAX) {
                let _ = write!(source, "'{}',", FLAGS[usize::from(*flag) % FLAGS.len()]);
            }
            source.push('}');
        }
        Named::WrongFlags(value) => {
            source.push_str("flags = ");
            write_value(source, value, depth);
        }
        Named::Other(key, value) => {
            // a key that is nil or no number raises, as it should
            source.push('[');
            write_value(source, key, depth);
            source.push_str("] = ");
            write_value(source, value, depth);
        }
    }
}

impl Text {
    fn source(&self) -> Vec<u8> {
        let mut name = match &self.name {
            Name::Short(number) => format!("l{}", number % 4).into_bytes(),
            Name::Shouted(number) => format!("L{}", number % 4).into_bytes(),
            Name::Odd(bytes) => bytes.clone(),
            Name::Long(len) => vec![b'n'; usize::from(*len)],
        };
        let mut source = match &self.header {
            Header::Right => b"#!lua name=".to_vec(),
            Header::Twice => b"#!lua name=a name=".to_vec(),
            Header::Engine(engine) => [b"#!", engine.as_slice(), b" name="].concat(),
            Header::Raw(bytes) => bytes.clone(),
        };
        source.append(&mut name);
        let mut code = String::from("\nlocal counter, collected, kept = 0\n");
        write_pieces(&mut code, &self.pieces, 0);
        source.extend_from_slice(code.as_bytes());
        source
    }
}

/// What FUNCTION LIST would show: functions by their library.
type Table = BTreeMap<Vec<u8>, Vec<Arc<Function>>>;

fn run(vm: &mut Vm, table: &mut Table, witness: &Arc<Function>, step: Step) {
    match step {
        Step::Load { replace, library } => {
            let Ok(functions) = load(vm, &library.source()) else {
                return;
            };
            let name = functions[0].library().name().to_vec();
            if replace || !table.contains_key(&name) {
                table.insert(name, functions);
            }
        }
        Step::Delete(number) => {
            let name = table.keys().nth(usize::from(number) % table.len().max(1));
            if let Some(name) = name.cloned() {
                table.remove(&name);
            }
        }
        Step::Follow => {
            let all = || table.values().flatten().chain([witness]);
            vm.keep_libraries(|id| all().any(|function| function.library().id() == id));
            vm.maybe_collect();
        }
        Step::Call {
            function,
            times,
            argument,
        } => {
            let count = table.values().flatten().count();
            let place = usize::from(function) % count.max(1);
            if let Some(function) = table.values().flatten().nth(place) {
                for _ in 0..=times % 4 {
                    let _ = call(vm, function, &[&argument, b"2"]);
                }
            }
        }
    }
}

/// Keeps count of its calls. Its function is wrong where somebody has changed what is its own, or what all share.
const WITNESS: &[u8] = b"#!lua name=witness
local counter = 0
redis.register_function{function_name = 'f0', flags = {'no-writes'}, callback = function(keys, args)
  counter = counter + 1
  assert(counter == tonumber(args[1]), 'the count')
  for _, name in ipairs{'string', 'table', 'math', 'redis', 'cjson'} do
    assert(rawget(_G[name], 'x') == nil and _G[name].x == nil, name)
  end
  return #keys
end}";

fuzz_target!(|steps: Vec<Step>| {
    with_vm(|vm| {
        let functions = unwatched(|| load(vm, WITNESS)).expect("the witness is right");
        let (witness, mut table) = (&functions[0], Table::new());
        for (number, step) in steps.into_iter().take(STEPS_MAX).enumerate() {
            run(vm, &mut table, witness, step);
            let count = (number + 1).to_string();
            let seen = unwatched(|| call(vm, witness, &[count.as_bytes()]));
            assert!(
                seen.is_ok(),
                "after step {number} the witness says {seen:?}"
            );
        }
        vm.keep_libraries(|_| false);
    });
});
