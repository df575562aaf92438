//! `FUNCTION DELETE library-name` deletes a library with its functions.

use perilune_command::{Arg, Command, CommandError, Flags, Outcome, PlanKind, Spec};
use perilune_keyspace::Txn;
use perilune_resp::Reply;

use crate::call::Call;
use crate::functions;
use crate::table::{Handler, ServerCommand};

/// FUNCTION DELETE.
pub const DELETE: ServerCommand = Command::new(
    Spec {
        name: "delete",
        summary: "Deletes a library and its functions.",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::WRITE.with(Flags::NOSCRIPT),
        plan: PlanKind::Walk,
        arguments: &[Arg::string("library-name")],
        tips: super::CHANGE_TIPS,
        cannot_be_undone: true,
        ..super::COMMON
    },
    Handler::Long(delete),
);

fn delete(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    functions::hold_table(txn)?;
    let functions = &call.server.functions;
    functions.change(call.session, |table| match table.remove(arguments[2]) {
        true => Ok(()),
        false => Err(CommandError::new("ERR Library not found")),
    })?;
    functions::note_change(txn, arguments);
    reply.ok();
    Ok(())
}
