//! `MULTI` starts a transaction: commands are queued from now on.
//!
//! ```text
//! > MULTI
//! OK
//! > SET k v
//! QUEUED
//! > EXEC
//! 1) OK
//! ```
//!
//! `MULTI ATOMIC` starts one that is all or nothing: the first command that fails ends EXEC, and what those before it did is
//! taken back. What cannot be undone is not queued. Without the word it depends on CLIENT ATOMICITY and
//! `transaction-atomicity`.

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec, errors, is_token};
use perilune_resp::Reply;

use crate::call::Call;
use crate::clients::flag;
use crate::table::{Handler, ServerCommand};
use crate::transactions::Multi;

/// MULTI.
pub const MULTI: ServerCommand = Command::new(
    Spec {
        name: "multi",
        summary: "Starts a transaction.",
        group: Group::Transactions,
        since: "1.2.0",
        complexity: "O(1)",
        arity: -1,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::NO_MULTI)
            .with(Flags::ALLOW_BUSY),
        arguments: &[Arg::word("atomic", "ATOMIC").optional()],
        ..Spec::DEFAULT
    },
    Handler::Server(multi),
);

fn multi(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let all_or_nothing = match arguments {
        [_] => call.server.transactions_are_atomic(call.session),
        [_, word] if is_token(word, "atomic") => true,
        _ => return Err(errors::wrong_arity(&call.entry.full_name).into()),
    };
    call.session.multi = Some(Box::new(Multi {
        all_or_nothing,
        ..Multi::default()
    }));
    call.session.client.flags.set(flag::MULTI, true);
    call.session.client.show_transaction();
    reply.ok();
    Ok(())
}
