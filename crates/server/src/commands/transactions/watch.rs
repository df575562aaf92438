//! `WATCH key [key ...]` makes the next EXEC run only if none of these keys has changed by then.

use std::sync::Arc;

use perilune_command::{Arg, Command, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::Txn;
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// WATCH.
pub const WATCH: ServerCommand = Command::new(
    Spec {
        name: "watch",
        summary: "Monitors changes to keys to determine the execution of a transaction.",
        group: Group::Transactions,
        since: "2.2.0",
        complexity: "O(1) for every key.",
        arity: -2,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::NO_MULTI)
            .with(Flags::ALLOW_BUSY),
        keys: &[KeySpec::range(1, -1, 1, KeyFlags::RO)],
        arguments: &[Arg::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    Handler::Transaction(watch),
);

fn watch(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let set = call.session.watch.get_or_insert_default();
    // once something has changed EXEC will not run, whatever is watched besides
    if !set.changed() {
        for key in &arguments[1..] {
            txn.watch(set, key)?;
        }
    }
    let (keys, state) = (set.keys().len(), Arc::downgrade(set.state()));
    call.session.client.show_watch(keys, state);
    reply.ok();
    Ok(())
}
