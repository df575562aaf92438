//! What runs a command. The type of a handler says what it may do.

use perilune_keyspace::{ReadTxn, Txn, WriteTxn};
use perilune_resp::Reply;

use crate::error::Outcome;
use crate::registry::Entry;
use crate::spec::Spec;

/// Runs a command that only reads. `arguments[0]` is its name as the client wrote it.
pub type ReadHandler = fn(&mut ReadTxn<'_, '_>, arguments: &[&[u8]], &mut dyn Reply) -> Outcome;

/// Runs a command that may write. It validates first, changes then, answers last: when it returns an error, it has changed nothing.
pub type WriteHandler = fn(&mut WriteTxn<'_, '_>, arguments: &[&[u8]], &mut dyn Reply) -> Outcome;

/// What a command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads keys.
    Read,
    /// Writes keys.
    Write,
    /// Works on the connection it came from.
    Session,
    /// Works on the server.
    Server,
}

/// Handlers that say what they may do.
pub trait HasAccess {
    /// What this handler may do.
    fn access(&self) -> Access;
}

/// The handler of a data command.
#[derive(Debug, Clone, Copy)]
pub enum DataHandler {
    /// It reads.
    Read(ReadHandler),
    /// It writes.
    Write(WriteHandler),
    /// It tells what the subcommands of a data command do: pairs of syntax and indented explanation, line by line.
    Help(&'static [&'static str]),
}

impl DataHandler {
    /// Runs a call on a transaction that holds its keys.
    ///
    /// `entry` is the command, whose container a help text is about.
    #[inline]
    pub fn run<H>(
        self,
        txn: &mut Txn<'_>,
        entry: &Entry<H>,
        arguments: &[&[u8]],
        reply: &mut dyn Reply,
    ) -> Outcome {
        match self {
            DataHandler::Read(run) => run(&mut ReadTxn::new(txn), arguments, reply),
            DataHandler::Write(run) => run(&mut WriteTxn::new(txn), arguments, reply),
            DataHandler::Help(lines) => {
                help(&entry.full_name, lines, reply);
                Ok(())
            }
        }
    }
}

/// Answers the help of a container: `lines` between the opening and the closing that all have. `full_name` is that of
/// the subcommand (`object|help`) or of the container.
pub fn help(full_name: &str, lines: &[&str], reply: &mut dyn Reply) {
    let container = full_name
        .split('|')
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
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

impl HasAccess for DataHandler {
    fn access(&self) -> Access {
        match self {
            DataHandler::Read(_) => Access::Read,
            DataHandler::Write(_) => Access::Write,
            DataHandler::Help(_) => Access::Session,
        }
    }
}

/// A command: what it is, and what runs it.
///
/// `H` is [`DataHandler`] for the data commands; the server adds kinds of its own and puts all in one table.
#[derive(Debug, Clone, Copy)]
pub struct Command<H: 'static = DataHandler> {
    /// What it is.
    pub spec: Spec,
    /// What runs it. None for a container whose subcommands do the work (CONFIG).
    pub handler: Option<H>,
    /// Its subcommands, named `get`, not `config|get`.
    pub subcommands: &'static [Command<H>],
}

impl<H> Command<H> {
    /// A command without subcommands.
    pub const fn new(spec: Spec, handler: H) -> Self {
        Self {
            spec,
            handler: Some(handler),
            subcommands: &[],
        }
    }

    /// A command that is nothing but its subcommands.
    pub const fn container(spec: Spec, subcommands: &'static [Command<H>]) -> Self {
        Self {
            spec,
            handler: None,
            subcommands,
        }
    }
}
