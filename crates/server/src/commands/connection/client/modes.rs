//! `CLIENT NO-EVICT | NO-TOUCH | IMPORT-SOURCE ON|OFF`: modes of the connection.
//!
//! NO-EVICT keeps it from being closed where clients together take too much memory; NO-TOUCH leaves the keys' ages as they are;
//! IMPORT-SOURCE, allowed while `import-mode` is on, lets it see keys that have expired and are not removed yet.

use perilune_command::{Arg, Command, CommandError, Flags, Group, Outcome, Spec, errors, is_token};
use perilune_resp::Reply;

use crate::call::Call;
use crate::clients::flag;
use crate::table::{Handler, ServerCommand};

/// CLIENT NO-EVICT.
pub const NO_EVICT: ServerCommand = Command::new(
    Spec {
        name: "no-evict",
        summary: "Sets the client eviction mode of the connection.",
        group: Group::Connection,
        since: "7.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        arguments: &[Arg::one_of(
            "enabled",
            &[Arg::word("on", "ON"), Arg::word("off", "OFF")],
        )],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(no_evict),
);

/// CLIENT NO-TOUCH.
pub const NO_TOUCH: ServerCommand = Command::new(
    Spec {
        name: "no-touch",
        summary: "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
        group: Group::Connection,
        since: "7.2.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        arguments: &[Arg::one_of(
            "enabled",
            &[Arg::word("on", "ON"), Arg::word("off", "OFF")],
        )],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(no_touch),
);

/// CLIENT IMPORT-SOURCE.
pub const IMPORT_SOURCE: ServerCommand = Command::new(
    Spec {
        name: "import-source",
        summary: "Mark this client as an import source when server is in import mode.",
        group: Group::Connection,
        since: "8.1.0",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        arguments: &[Arg::one_of(
            "enabled",
            &[Arg::word("on", "ON"), Arg::word("off", "OFF")],
        )],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(import_source),
);

fn no_evict(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let on = on_or_off(arguments[2])?;
    call.session.client.flags.set(flag::NO_EVICT, on);
    reply.ok();
    Ok(())
}

fn no_touch(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let on = on_or_off(arguments[2])?;
    call.session.no_touch = on;
    call.session.client.flags.set(flag::NO_TOUCH, on);
    reply.ok();
    Ok(())
}

fn import_source(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    if !call.server.settings.memory.import_mode.get() && !is_token(arguments[2], "off") {
        return Err(CommandError::new("ERR Server is not in import mode").into());
    }
    let on = on_or_off(arguments[2])?;
    call.session.import_source = on;
    call.session.client.flags.set(flag::IMPORT_SOURCE, on);
    reply.ok();
    Ok(())
}

fn on_or_off(argument: &[u8]) -> Result<bool, CommandError> {
    match () {
        () if is_token(argument, "on") => Ok(true),
        () if is_token(argument, "off") => Ok(false),
        () => Err(errors::SYNTAX),
    }
}
