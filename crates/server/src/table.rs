//! The table of all commands: the data commands of `families` and the server's own.

use perilune_command::{Access, Command, DataHandler, HasAccess, Outcome, Registry};
use perilune_keyspace::Txn;
use perilune_resp::Reply;

use crate::call::Call;

/// Runs a command that works on its connection or on the server, and on no key.
pub type ServerHandler = fn(&mut Call<'_>, arguments: &[&[u8]], &mut dyn Reply) -> Outcome;

/// Runs a command on a transaction that holds its keys, and through which it may call others.
pub type TransactionHandler =
    fn(&mut Call<'_>, &mut Txn<'_>, arguments: &[&[u8]], &mut dyn Reply) -> Outcome;

/// What runs a command.
#[derive(Clone, Copy)]
pub enum Handler {
    /// A command on keys.
    Data(DataHandler),
    /// A command on the connection or the server.
    Server(ServerHandler),
    /// A command under the locks of its keys that needs its session or the server as well, soon done: WATCH, TIME.
    Transaction(TransactionHandler),
    /// The same, but it may last: DEBUG.
    Long(TransactionHandler),
    /// A script: under the locks of its keys, recorded, for as long as it takes.
    Script(TransactionHandler),
    /// EXEC.
    Exec,
}

impl HasAccess for Handler {
    fn access(&self) -> Access {
        match self {
            Handler::Data(handler) => handler.access(),
            Handler::Server(_) => Access::Server,
            Handler::Transaction(_) | Handler::Long(_) | Handler::Script(_) | Handler::Exec => {
                Access::Session
            }
        }
    }
}

/// A command of the server's own.
pub type ServerCommand = Command<Handler>;

/// Puts the table together.
pub fn registry() -> Registry<Handler> {
    let mut registry = Registry::new();
    for family in perilune_families::FAMILIES {
        registry.add(family, &Handler::Data);
    }
    for family in crate::commands::FAMILIES {
        registry.add(family, &|handler| handler);
    }
    registry.add_subcommands(
        "memory",
        crate::commands::server::memory::SUBCOMMANDS,
        &|handler| handler,
    );
    registry
}

#[cfg(test)]
mod tests {
    /// What is asked for ahead is what commands look up: their arguments say where it stands.
    #[test]
    fn members_stand_where_the_arguments_say() {
        let registry = super::registry();
        for (name, member) in [
            ("sadd", Some(2)),
            ("sismember", Some(2)),
            ("hget", Some(2)),
            ("hset", Some(2)),
            ("zadd", Some(3)),
            ("zincrby", Some(3)),
            ("zrank", Some(2)),
            ("zrangebyscore", None),
            ("get", None),
            ("smove", None),
        ] {
            let entry = registry.get(name.as_bytes()).expect(name);
            assert_eq!(entry.member, member, "{name}");
        }
    }
}
