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
    use super::Handler;

    /// Commands of the server that leave nothing behind which a rollback would have to undo: they only tell, they are undone with
    /// their transaction (what is published, subscriptions, the selected database, CLIENT REPLY), or they are never queued.
    /// DEBUG refuses by itself, as it depends on what it is to do.
    const LEAVE_NOTHING: &[&str] = &[
        "client|getname",
        "client|getredir",
        "client|help",
        "client|id",
        "client|info",
        "client|list",
        "client|reply",
        "command",
        "command|count",
        "command|docs",
        "command|getkeys",
        "command|getkeysandflags",
        "command|help",
        "command|info",
        "command|list",
        "config|get",
        "config|help",
        "debug",
        "discard",
        "echo",
        "eval",
        "eval_ro",
        "evalsha",
        "evalsha_ro",
        "exec",
        "fcall",
        "fcall_ro",
        "function|dump",
        "function|help",
        "function|list",
        "function|stats",
        "info",
        "lolwut",
        "memory|doctor",
        "memory|malloc-stats",
        "memory|purge",
        "memory|stats",
        "multi",
        "ping",
        "psubscribe",
        "publish",
        "pubsub|channels",
        "pubsub|help",
        "pubsub|numpat",
        "pubsub|numsub",
        "pubsub|shardchannels",
        "pubsub|shardnumsub",
        "punsubscribe",
        "quit",
        "readonly",
        "readwrite",
        "reset",
        "script|exists",
        "script|help",
        "script|show",
        "select",
        "spublish",
        "ssubscribe",
        "subscribe",
        "sunsubscribe",
        "time",
        "unsubscribe",
        "unwatch",
        "watch",
    ];

    /// Whoever adds a command of the server has to say whether it can be undone.
    #[test]
    fn what_a_command_of_the_server_does_is_refused_or_leaves_nothing() {
        let registry = super::registry();
        let mut left: Vec<&str> = registry
            .entries()
            .iter()
            .filter(|entry| !matches!(entry.handler, None | Some(Handler::Data(_))))
            .filter(|entry| !entry.spec.cannot_be_undone)
            .map(|entry| entry.full_name.as_str())
            .collect();
        left.sort_unstable();
        assert_eq!(left, LEAVE_NOTHING);
    }

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
