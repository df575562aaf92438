//! `CONFIG GET | SET | RESETSTAT | REWRITE | HELP`: the settings while the server runs.
//!
//! ```text
//! > CONFIG SET maxmemory 100mb
//! OK
//! > CONFIG GET maxmemory
//! 1) "maxmemory"
//! 2) "104857600"
//! ```

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec, errors};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// CONFIG.
pub const CONFIG: ServerCommand = Command::container(
    Spec {
        name: "config",
        summary: "A container for server configuration commands.",
        group: Group::Server,
        since: "2.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        ..Spec::DEFAULT
    },
    &[GET, HELP, RESETSTAT, REWRITE, SET],
);

/// CONFIG GET.
pub const GET: ServerCommand = Command::new(
    Spec {
        name: "get",
        summary: "Returns the effective values of configuration parameters.",
        group: Group::Server,
        since: "2.0.0",
        complexity: "O(N) when N is the number of configuration parameters provided",
        arity: -3,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        arguments: &[Arg::string("parameter").multiple()],
        history: &[(
            "7.0.0",
            "Added the ability to pass multiple pattern parameters in one call",
        )],
        ..Spec::DEFAULT
    },
    Handler::Server(get),
);

/// CONFIG HELP.
pub const HELP: ServerCommand = Command::new(
    Spec {
        name: "help",
        summary: "Returns helpful text about the different subcommands.",
        group: Group::Server,
        since: "5.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE),
        ..Spec::DEFAULT
    },
    Handler::Server(help),
);

/// CONFIG RESETSTAT.
pub const RESETSTAT: ServerCommand = Command::new(
    Spec {
        name: "resetstat",
        summary: "Resets the server's statistics.",
        group: Group::Server,
        since: "2.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(resetstat),
);

/// CONFIG REWRITE.
pub const REWRITE: ServerCommand = Command::new(
    Spec {
        name: "rewrite",
        summary: "Persists the effective configuration to file.",
        group: Group::Server,
        since: "2.8.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(rewrite),
);

/// CONFIG SET.
pub const SET: ServerCommand = Command::new(
    Spec {
        name: "set",
        summary: "Sets configuration parameters in-flight.",
        group: Group::Server,
        since: "2.0.0",
        complexity: "O(N) when N is the number of configuration parameters provided",
        arity: -4,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        arguments: &[
            Arg::block("data", &[Arg::string("parameter"), Arg::string("value")]).multiple(),
        ],
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        history: &[(
            "7.0.0",
            "Added the ability to set multiple parameters in one call.",
        )],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(set),
);

fn get(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let found = call.server.settings.get(&arguments[2..]);
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(&name);
        reply.bulk(&value);
    }
    Ok(())
}

fn set(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let server = call.server;
    if !arguments.len().is_multiple_of(2) {
        return Err(errors::SYNTAX.into());
    }
    let pairs: Vec<(&[u8], &[u8])> = arguments[2..]
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    server.set_settings(&pairs)?;
    reply.ok();
    Ok(())
}

fn resetstat(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    call.server.reset_stats();
    call.thread.forget_counts();
    reply.ok();
    Ok(())
}

fn rewrite(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    call.server.rewrite_settings()?;
    reply.ok();
    Ok(())
}

fn help(_call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    perilune_command::help("config|help", HELP_LINES, reply);
    Ok(())
}

const HELP_LINES: &[&str] = &[
    "GET <pattern>",
    "    Return parameters matching the glob-like <pattern> and their values.",
    "SET <directive> <value>",
    "    Set the configuration <directive> to <value>.",
    "RESETSTAT",
    "    Reset statistics reported by the INFO command.",
    "REWRITE",
    "    Rewrite the configuration file.",
];
