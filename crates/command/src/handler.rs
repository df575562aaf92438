//! What runs a command. The type of a handler says what it may do.

use perilune_keyspace::{ReadTxn, WriteTxn};
use perilune_resp::Reply;

use crate::error::Outcome;
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
}

impl HasAccess for DataHandler {
    fn access(&self) -> Access {
        match self {
            DataHandler::Read(_) => Access::Read,
            DataHandler::Write(_) => Access::Write,
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
        Self { spec, handler: Some(handler), subcommands: &[] }
    }

    /// A command that is nothing but its subcommands.
    pub const fn container(spec: Spec, subcommands: &'static [Command<H>]) -> Self {
        Self { spec, handler: None, subcommands }
    }
}
