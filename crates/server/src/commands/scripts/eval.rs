//! `EVAL script numkeys [key ...] [arg ...]` runs a script; `EVAL_RO` one that only reads.
//!
//! ```text
//! > EVAL "return {KEYS[1], ARGV[1]}" 1 k v
//! 1) "k"
//! 2) "v"
//! ```

use crate::scripting;
use crate::table::{Handler, ServerCommand};
use perilune_command::{Arg, Command, Flags, Group, KeyFlags, KeySpec, Spec};

/// EVAL.
pub const EVAL: ServerCommand = Command::new(
    Spec {
        name: "eval",
        summary: "Executes a server-side Lua script.",
        group: Group::Scripting,
        since: "2.6.0",
        complexity: "Depends on the script that is executed.",
        arity: -3,
        flags: Flags::NOSCRIPT
            .with(Flags::STALE)
            .with(Flags::SKIP_MONITOR)
            .with(Flags::NO_MANDATORY_KEYS),
        keys: &[KeySpec::counted(
            2,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )
        .noted("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")],
        arguments: &[
            Arg::string("script"),
            Arg::integer("numkeys"),
            Arg::key("key", 0).optional().multiple(),
            Arg::string("arg").optional().multiple(),
        ],
        ..Spec::DEFAULT
    },
    Handler::Script(scripting::eval),
);

/// EVAL_RO.
pub const EVAL_RO: ServerCommand = Command::new(
    Spec {
        name: "eval_ro",
        summary: "Executes a read-only server-side Lua script.",
        group: Group::Scripting,
        since: "7.0.0",
        complexity: "Depends on the script that is executed.",
        arity: -3,
        flags: Flags::READONLY
            .with(Flags::NOSCRIPT)
            .with(Flags::STALE)
            .with(Flags::SKIP_MONITOR)
            .with(Flags::NO_MANDATORY_KEYS),
        keys: &[
            KeySpec::counted(2, KeyFlags::RO.with(KeyFlags::ACCESS)).noted(
                "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS",
            ),
        ],
        arguments: &[
            Arg::string("script"),
            Arg::integer("numkeys"),
            Arg::key("key", 0).optional().multiple(),
            Arg::string("arg").optional().multiple(),
        ],
        ..Spec::DEFAULT
    },
    Handler::Script(scripting::eval),
);
