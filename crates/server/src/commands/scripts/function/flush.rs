//! `FUNCTION FLUSH [ASYNC | SYNC]` deletes all libraries. Both words do the same: each thread frees what its machine holds of them
//! when it next comes to look.

use perilune_command::{Arg, Command, CommandError, Flags, Outcome, PlanKind, Spec, is_token};
use perilune_keyspace::Txn;
use perilune_resp::Reply;

use crate::call::Call;
use crate::functions::{self, Table};
use crate::table::{Handler, ServerCommand};

/// FUNCTION FLUSH.
pub const FLUSH: ServerCommand = Command::new(
    Spec {
        name: "flush",
        summary: "Deletes all libraries and functions.",
        complexity: "O(N) where N is the number of functions deleted",
        arity: -2,
        flags: Flags::WRITE.with(Flags::NOSCRIPT),
        plan: PlanKind::Walk,
        arguments: &[Arg::one_of(
            "flush-type",
            &[Arg::word("async", "ASYNC"), Arg::word("sync", "SYNC")],
        )
        .optional()],
        tips: super::CHANGE_TIPS,
        cannot_be_undone: true,
        ..super::COMMON
    },
    Handler::Long(flush),
);

fn flush(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    match &arguments[2..] {
        [] => {}
        [mode] if is_token(mode, "SYNC") || is_token(mode, "ASYNC") => {}
        [_] => {
            return Err(
                CommandError::new("ERR FUNCTION FLUSH only supports SYNC|ASYNC option").into(),
            );
        }
        _ => return Err(super::wrong_syntax(arguments).into()),
    }
    functions::hold_table(txn)?;
    call.server.functions.change(call.session, |table| {
        *table = Table::default();
        Ok(())
    })?;
    functions::note_change(txn, arguments);
    reply.ok();
    Ok(())
}
