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
//! It is the instructions that are looked at, not the text. A table that a global holds is harmless if the very next
//! instruction takes a field of it into the same slot: then no other instruction ever sees it.
//!
//! ```text
//!   redis.call('get', KEYS[1])       GGET  0 "redis"    GGET  2 "KEYS"          local r = redis    GGET  0 "redis"
//!                                    TGETS 0 0 "call"   TGETB 2 2 1                                (and who knows)
//! ```

use std::collections::HashMap;

use perilune_luajit_sys::inside::{Constant, Instruction, Proto};

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

/// What a script may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Survey {
    /// The environment with the real tables.
    pub(crate) direct: bool,
    /// The tables for `KEYS` and `ARGV` that the last run had.
    pub(crate) reuses: [bool; 2],
}

impl Survey {
    /// Nothing.
    pub(crate) const NONE: Survey = Survey {
        direct: false,
        reuses: [false; 2],
    };

    /// # Safety
    /// The function is alive and has not run yet.
    pub(crate) unsafe fn of(proto: Proto) -> Survey {
        let mut survey = Survey {
            direct: true,
            reuses: [true; 2],
        };
        // SAFETY: the caller's promise.
        unsafe { survey.look(proto, 0) };
        if survey.direct { survey } else { Survey::NONE }
    }

    /// Of all functions that are made in this one, which of their first two parameters they do nothing with but take elements
    /// and the length.
    ///
    /// # Safety
    /// As [`Survey::of`].
    pub(crate) unsafe fn parameters(proto: Proto) -> HashMap<Proto, [bool; 2]> {
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
            found.insert(proto, [is_hidden(0), is_hidden(1)]);
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
        for (at, instruction) in code.iter().enumerate() {
            match instruction.operation() {
                Instruction::SET_GLOBAL => self.direct = false,
                Instruction::GLOBAL => {
                    // SAFETY: the operand of this instruction is such a constant.
                    let name = unsafe { proto.object(u32::from(instruction.d())) };
                    if let Constant::String(name) = name {
                        self.global(name, *instruction, code.get(at + 1).copied());
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
