//! `FUNCTION DUMP` answers all libraries as one payload, which FUNCTION RESTORE takes, here and on the reference servers.

use perilune_command::{Command, Flags, Outcome, Spec};
use perilune_resp::Reply;
use perilune_value::rdb::dump_libraries;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// FUNCTION DUMP.
pub const DUMP: ServerCommand = Command::new(
    Spec {
        name: "dump",
        summary: "Dumps all libraries into a serialized binary payload.",
        complexity: "O(N) where N is the number of functions",
        arity: 2,
        flags: Flags::NOSCRIPT,
        ..super::COMMON
    },
    Handler::Server(dump),
);

fn dump(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let table = call.server.functions.table_for(call.session);
    reply.bulk(&dump_libraries(
        table.libraries().map(|known| known.library.source()),
    ));
    Ok(())
}
