//! What a compiled script does with the globals, read from its instructions.
//!
//! The proxies that make globals read-only cost a script two detours for each `redis.call`. Nearly all scripts could do
//! without: they only ever read globals, and of `redis`, `cjson` and the like only ever a field. Such a script may have
//! an environment with the real tables in it (`direct` in `sandbox.lua`), because no instruction of it can change them or carry
//! them to where they could be changed. The same holds for `KEYS` and `ARGV`: a script that only ever takes an
//! element or the length leaves nothing behind in which they could be seen, so the next run may fill the same two
//! tables.
//!
//! And for the two tables that a function of a library gets as parameters.
//!
//! An element that goes nowhere but into arguments of `redis.call` need not even become a string of Lua's: a mark in its place
//! says which one it is, and the call finds it among what the client has sent. Looking a string up among all others, making it
//! and collecting it took 450 instructions, for each key that a script is called with.
//!
//! It is the instructions that are looked at, not the text. A table that a global holds is harmless if the very next
//! instruction takes a field of it into the same slot: then no other instruction ever sees it.
//!
//! ```text
//!   redis.call('get', KEYS[1])       GGET  0 "redis"    GGET  2 "KEYS"          local r = redis    GGET  0 "redis"
//!                                    TGETS 0 0 "call"   TGETB 2 2 1                                (and who knows)
//! ```

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use perilune_luajit_sys::inside::{Constant, Instruction, Proto};

use crate::arguments::ARGUMENT_NAMES;

/// Functions are not looked into deeper than this.
const DEPTH_MAX: usize = 16;

/// Tables of which scripts have proxies.
const LIBRARIES: &[&[u8]] = &[
    b"bit",
    b"cjson",
    b"cmsgpack",
    b"coroutine",
    b"math",
    b"os",
    b"redis",
    b"server",
    b"string",
    b"struct",
    b"table",
];

/// What gets hold of the environment itself, or compiles what does.
const WAYS_OUT: &[&[u8]] = &[b"_G", b"getfenv", b"load", b"loadstring", b"setfenv"];

/// The tables of which `call` and `pcall` run commands.
const CALLERS: &[&[u8]] = &[b"redis", b"server"];

/// Some of the elements of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elements(u64);

impl Elements {
    /// None of them.
    pub(crate) const NONE: Elements = Elements(0);
    /// All for which there are numbers here.
    const ALL: Elements = Elements(u64::MAX);

    /// Whether the element with this index is among them.
    #[inline]
    pub(crate) fn has(self, index: usize) -> bool {
        index < u64::BITS as usize && self.0 >> index & 1 != 0
    }

    fn remove(&mut self, index: u8) {
        if u32::from(index) < u64::BITS {
            self.0 &= !(1 << index);
        }
    }
}

/// What a script may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Survey {
    /// The environment with the real tables.
    pub(crate) direct: bool,
    /// The tables for `KEYS` and `ARGV` that the last run had.
    pub(crate) reuses: [bool; 2],
    /// Marks in the place of these elements of them: it only hands them over to commands.
    pub(crate) marks: [Elements; 2],
}

/// What a function does with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Nothing but take elements and the length.
    pub(crate) is_hidden: bool,
    /// And of these it only takes each to hand it over to a command.
    pub(crate) marks: Elements,
}

impl Survey {
    /// Nothing.
    pub(crate) const NONE: Survey = Survey {
        direct: false,
        reuses: [false; 2],
        marks: [Elements::NONE; 2],
    };

    /// # Safety
    /// The function is alive and has not run yet.
    pub(crate) unsafe fn of(proto: Proto) -> Survey {
        let mut survey = Survey {
            direct: true,
            reuses: [true; 2],
            marks: [Elements::ALL; 2],
        };
        // SAFETY: the caller's promise.
        unsafe { survey.look(proto, 0) };
        if survey.direct { survey } else { Survey::NONE }
    }

    /// Of all functions that are made in this one, what they do with their first two parameters. What is said of commands is right
    /// in a direct environment.
    ///
    /// # Safety
    /// As [`Survey::of`].
    pub(crate) unsafe fn parameters(proto: Proto) -> HashMap<Proto, [Parameter; 2]> {
        let mut found = HashMap::new();
        let mut left = vec![proto];
        while let Some(proto) = left.pop() {
            // SAFETY: the caller's promise; inner functions live as long as outer ones.
            let (code, objects, count) =
                unsafe { (proto.code(), proto.object_count(), proto.parameter_count()) };
            let is_fixed = code
                .first()
                .is_some_and(|head| head.operation() == Instruction::FUNCTION);
            let is_hidden =
                |slot: u8| is_fixed && (slot >= count || !code.iter().any(|it| it.exposes(slot)));
            let parameter = |slot: u8| {
                let mut marks = Elements::ALL;
                let mut targets = None;
                for (at, instruction) in code.iter().enumerate() {
                    let takes_element = matches!(
                        instruction.operation(),
                        Instruction::FIELD_BY_NUMBER | Instruction::FIELD_BY_SLOT
                    );
                    if takes_element && instruction.b() == slot {
                        // SAFETY: the caller's promise.
                        unsafe { take_element(proto, code, at, &mut targets, &mut marks) };
                    }
                }
                Parameter {
                    is_hidden: is_hidden(slot),
                    marks,
                }
            };
            found.insert(proto, [parameter(0), parameter(1)]);
            for index in 0..objects {
                // SAFETY: there are so many.
                if let Constant::Proto(inner) = unsafe { proto.object(index) } {
                    left.push(inner);
                }
            }
        }
        found
    }

    unsafe fn look(&mut self, proto: Proto, depth: usize) {
        if depth > DEPTH_MAX {
            self.direct = false;
            return;
        }
        // SAFETY: the caller's, `of`.
        let (code, objects) = unsafe { (proto.code(), proto.object_count()) };
        let mut targets = None;
        for (at, instruction) in code.iter().enumerate() {
            match instruction.operation() {
                Instruction::SET_GLOBAL => self.direct = false,
                Instruction::GLOBAL => {
                    // SAFETY: the operand of this instruction is such a constant.
                    let name = unsafe { proto.object(u32::from(instruction.d())) };
                    if let Constant::String(name) = name {
                        self.global(name, *instruction, code.get(at + 1).copied());
                        if let Some(which) = ARGUMENT_NAMES.iter().position(|it| *it == name) {
                            let marks = &mut self.marks[which];
                            // SAFETY: the caller's.
                            unsafe { take_element(proto, code, at + 1, &mut targets, marks) };
                        }
                    }
                }
                _ => {}
            }
        }
        for index in 0..objects {
            // SAFETY: there are so many.
            if let Constant::Proto(inner) = unsafe { proto.object(index) } {
                // SAFETY: alive as long as the outer one.
                unsafe { self.look(inner, depth + 1) };
            }
        }
    }

    /// The global `name` is read, and `next` follows.
    fn global(&mut self, name: &[u8], instruction: Instruction, next: Option<Instruction>) {
        let slot = instruction.a();
        let field = |next: Instruction| next.a() == slot && next.b() == slot;
        let is_consumed = |next: Instruction| match next.operation() {
            Instruction::FIELD_BY_NAME | Instruction::FIELD_BY_NUMBER => field(next),
            Instruction::FIELD_BY_SLOT => field(next) && next.c() != slot,
            Instruction::LEN => next.a() == slot && next.d() == u16::from(slot),
            _ => false,
        };
        let is_safe = next.is_some_and(is_consumed);
        match name {
            b"KEYS" => self.reuses[0] &= is_safe,
            b"ARGV" => self.reuses[1] &= is_safe,
            _ if LIBRARIES.contains(&name) => self.direct &= is_safe,
            _ if WAYS_OUT.contains(&name) => self.direct = false,
            _ => {}
        }
    }
}

/// Where a function jumps to, once somebody has asked.
type Targets = Option<HashSet<usize>>;

/// An element of a table is taken by instruction `at`: none that may do something else with it than hand it over to a command
/// stays among `marks`.
///
/// # Safety
/// As [`Survey::of`].
unsafe fn take_element(
    proto: Proto,
    code: &[Instruction],
    at: usize,
    targets: &mut Targets,
    marks: &mut Elements,
) {
    let Some(instruction) = code.get(at) else {
        return;
    };
    // SAFETY: the caller's promise.
    let mut is_handed_over = || unsafe { is_handed_over(proto, code, at, targets) };
    match instruction.operation() {
        Instruction::FIELD_BY_NUMBER if marks.has(instruction.c().into()) && !is_handed_over() => {
            marks.remove(instruction.c());
        }
        Instruction::FIELD_BY_SLOT if !is_handed_over() => *marks = Elements::NONE,
        _ => {}
    }
}

/// Whether what instruction `at` sets is an argument of `redis.call` or `redis.pcall`, and nothing else.
///
/// ```text
///   GGET  A   "redis"     `begin`
///   TGETS A A "call"
///   ...                   steps of which none touches A: first arguments
///   TGETB B KEYS 1        `at`
///   ...                   steps of which none touches B: the other arguments
///   CALL  A               `end`, with B among its arguments
/// ```
///
/// Nothing from beginning to end jumps, and nothing from elsewhere jumps in there.
///
/// # Safety
/// As [`Survey::of`].
unsafe fn is_handed_over(
    proto: Proto,
    code: &[Instruction],
    at: usize,
    targets: &mut Targets,
) -> bool {
    let slot = code[at].a();
    let rest = &code[at + 1..];
    let Some(steps) = rest.iter().position(|it| !it.is_step_above(slot)) else {
        return false;
    };
    let end = at + 1 + steps;
    let call = code[end];
    let is_argument = |arguments: Range<u16>| arguments.contains(&u16::from(slot));
    if !call.arguments().is_some_and(is_argument) {
        return false;
    }
    let function = call.a();
    let is_field = |index: &usize| {
        code[*index].operation() == Instruction::FIELD_BY_NAME && code[*index].a() == function
    };
    let is_step = |index: &usize| code[*index].is_step_above(function);
    let Some(field) = (1..at).rev().find(|index| !is_step(index)).filter(is_field) else {
        return false;
    };
    let begin = field - 1;
    let table = code[begin];
    let reads_table = table.operation() == Instruction::GLOBAL
        && table.a() == function
        && code[field].b() == function;
    if !reads_table {
        return false;
    }
    // SAFETY: the operands of these instructions are such constants.
    let (table, field) = unsafe {
        (
            proto.object(u32::from(table.d())),
            proto.object(u32::from(code[field].c())),
        )
    };
    let is_call = matches!(
        (table, field),
        (Constant::String(table), Constant::String(b"call" | b"pcall")) if CALLERS.contains(&table)
    );
    let jumps = |(at, it): (usize, &Instruction)| it.jumps_to(at);
    let targets =
        targets.get_or_insert_with(|| code.iter().enumerate().filter_map(jumps).collect());
    is_call && !(begin + 1..=end).any(|index| targets.contains(&index))
}
