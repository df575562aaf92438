//! The server's own commands: connection, transactions, scripts, server.

mod connection;
mod scripts;
pub mod server;
mod transactions;

use perilune_resp::Reply;

use crate::table::ServerCommand;

/// All families of the server.
pub const FAMILIES: &[&[ServerCommand]] = &[
    connection::COMMANDS,
    scripts::COMMANDS,
    server::COMMANDS,
    transactions::COMMANDS,
];

/// The answer of a container's HELP: what it is, its subcommands line by line, and itself.
pub fn help(reply: &mut dyn Reply, container: &str, lines: &[&str]) {
    reply.array(lines.len() + 3);
    reply.status(&format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    for line in lines {
        reply.status(line);
    }
    reply.status("HELP");
    reply.status("    Print this help.");
}
