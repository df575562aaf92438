//! `SELECT index` makes another database the one that the connection works on. In a script it holds until the script ends.
//!
//! ```text
//! > SELECT 1
//! OK
//! ```

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec, errors, integer_between};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// SELECT.
pub const SELECT: ServerCommand = Command::new(
    Spec {
        name: "select",
        summary: "Changes the selected database.",
        group: Group::Connection,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE).with(Flags::FAST),
        arguments: &[Arg::integer("index")],
        ..Spec::DEFAULT
    },
    Handler::Server(select),
);

fn select(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let index = integer_between(arguments[1], i32::MIN.into(), i32::MAX.into())?;
    let count = call.server.keyspace.database_count();
    let index = usize::try_from(index)
        .ok()
        .filter(|index| *index < count)
        .ok_or(errors::DATABASE_OUT_OF_RANGE)?;
    call.session.database = index;
    if !matches!(call.origin, crate::call::Origin::Script { .. }) {
        call.session.client.database.set(index as u64);
    }
    reply.ok();
    Ok(())
}
