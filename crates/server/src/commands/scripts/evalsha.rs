//! `EVALSHA sha1 numkeys [key ...] [arg ...]` runs a script that the server knows; `EVALSHA_RO` one that only reads.

use crate::scripting;
use crate::table::{Handler, ServerCommand};
use perilune_command::{Arg, Command, Flags, Group, KeyFlags, KeySpec, Spec};

/// EVALSHA.
pub const EVALSHA: ServerCommand = Command::new(
    Spec {
        name: "evalsha",
        summary: "Executes a server-side Lua script by SHA1 digest.",
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
        )],
        arguments: &[
            Arg::string("sha1"),
            Arg::integer("numkeys"),
            Arg::key("key", 0).optional().multiple(),
            Arg::string("arg").optional().multiple(),
        ],
        ..Spec::DEFAULT
    },
    Handler::Script(scripting::evalsha),
);

/// EVALSHA_RO.
pub const EVALSHA_RO: ServerCommand = Command::new(
    Spec {
        name: "evalsha_ro",
        summary: "Executes a read-only server-side Lua script by SHA1 digest.",
        group: Group::Scripting,
        since: "7.0.0",
        complexity: "Depends on the script that is executed.",
        arity: -3,
        flags: Flags::READONLY
            .with(Flags::NOSCRIPT)
            .with(Flags::STALE)
            .with(Flags::SKIP_MONITOR)
            .with(Flags::NO_MANDATORY_KEYS),
        keys: &[KeySpec::counted(2, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::string("sha1"),
            Arg::integer("numkeys"),
            Arg::key("key", 0).optional().multiple(),
            Arg::string("arg").optional().multiple(),
        ],
        ..Spec::DEFAULT
    },
    Handler::Script(scripting::evalsha),
);
