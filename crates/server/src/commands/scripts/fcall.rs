//! `FCALL function numkeys [key ...] [arg ...]` runs a function of a library; `FCALL_RO` one that only reads.
//!
//! ```text
//! > FUNCTION LOAD "#!lua name=mylib\nredis.register_function('hello', function(keys, args) return args[1] end)"
//! "mylib"
//! > FCALL hello 0 world
//! "world"
//! ```

use crate::functions::fcall;
use crate::table::{Handler, ServerCommand};
use perilune_command::{Arg, Command, Flags, Group, KeyFlags, KeySpec, Spec};

/// FCALL.
pub const FCALL: ServerCommand = Command::new(
    Spec {
        name: "fcall",
        summary: "Invokes a function.",
        flags: FLAGS,
        keys: &[KeySpec::counted(
            2,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
        )
        .noted("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")],
        ..COMMON
    },
    Handler::Script(fcall),
);

/// FCALL_RO.
pub const FCALL_RO: ServerCommand = Command::new(
    Spec {
        name: "fcall_ro",
        summary: "Invokes a read-only function.",
        flags: FLAGS.with(Flags::READONLY),
        keys: &[
            KeySpec::counted(2, KeyFlags::RO.with(KeyFlags::ACCESS)).noted(
                "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS",
            ),
        ],
        ..COMMON
    },
    Handler::Script(fcall),
);

const FLAGS: Flags = Flags::NOSCRIPT
    .with(Flags::STALE)
    .with(Flags::SKIP_MONITOR)
    .with(Flags::NO_MANDATORY_KEYS);

const COMMON: Spec = Spec {
    group: Group::Scripting,
    since: "7.0.0",
    complexity: "Depends on the function that is executed.",
    arity: -3,
    arguments: &[
        Arg::string("function"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).optional().multiple(),
        Arg::string("arg").optional().multiple(),
    ],
    ..Spec::DEFAULT
};
