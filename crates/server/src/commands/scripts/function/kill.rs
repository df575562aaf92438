//! `FUNCTION KILL` ends the functions that have run for long.

use perilune_command::{Command, Flags, Outcome, Spec};
use perilune_resp::Reply;

use crate::call::Call;
use crate::running::Target;
use crate::scripting;
use crate::table::{Handler, ServerCommand};

/// FUNCTION KILL.
pub const KILL: ServerCommand = Command::new(
    Spec {
        name: "kill",
        summary: "Terminates a function during execution.",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::NOSCRIPT.with(Flags::ALLOW_BUSY),
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        cannot_be_undone: true,
        ..super::COMMON
    },
    Handler::Server(kill),
);

fn kill(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    scripting::kill(call.server, Target::Functions, reply)
}
