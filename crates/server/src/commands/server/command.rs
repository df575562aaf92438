//! `COMMAND` and its subcommands: the table of all commands, told to clients. What they answer is in
//! `perilune_command::introspection`.
//!
//! ```text
//! > COMMAND GETKEYS MSET a 1 b 2
//! 1) "a"
//! 2) "b"
//! ```

use perilune_command::introspection::{self, specs};
use perilune_command::{Command, Outcome};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// COMMAND.
pub const COMMAND: ServerCommand = Command {
    spec: specs::COMMAND,
    handler: Some(Handler::Server(all)),
    subcommands: &[
        Command::new(specs::COUNT, Handler::Server(count)),
        Command::new(specs::DOCS, Handler::Server(docs)),
        Command::new(specs::GETKEYS, Handler::Server(getkeys)),
        Command::new(specs::GETKEYSANDFLAGS, Handler::Server(getkeys_and_flags)),
        Command::new(specs::HELP, Handler::Server(help)),
        Command::new(specs::INFO, Handler::Server(info)),
        Command::new(specs::LIST, Handler::Server(list)),
    ],
};

fn all(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    introspection::command_info(call.server.registry, &[], reply);
    Ok(())
}

fn count(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    introspection::command_count(call.server.registry, reply);
    Ok(())
}

fn docs(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    introspection::command_docs(call.server.registry, &arguments[2..], reply);
    Ok(())
}

fn getkeys(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    Ok(introspection::command_getkeys(
        call.server.registry,
        &arguments[2..],
        reply,
    )?)
}

fn getkeys_and_flags(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    Ok(introspection::command_getkeys_and_flags(
        call.server.registry,
        &arguments[2..],
        reply,
    )?)
}

fn help(_call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    perilune_command::help("command|help", specs::HELP_LINES, reply);
    Ok(())
}

fn info(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    introspection::command_info(call.server.registry, &arguments[2..], reply);
    Ok(())
}

fn list(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    Ok(introspection::command_list(
        call.server.registry,
        &arguments[2..],
        reply,
    )?)
}
