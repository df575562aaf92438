//! `SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]` ends the server. There is no snapshot to be saved yet.

use perilune_command::{Arg, Command, CommandError, Flags, Group, Outcome, Spec, errors};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// SHUTDOWN.
pub const SHUTDOWN: ServerCommand = Command::new(
    Spec {
        name: "shutdown",
        summary: "Synchronously saves the database(s) to disk and shuts down the server.",
        group: Group::Server,
        since: "1.0.0",
        complexity: "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
        arity: -1,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::NO_MULTI)
            .with(Flags::ALLOW_BUSY),
        arguments: &[Arg::one_of(
            "abort-selector",
            &[
                Arg::block(
                    "save-selector-block",
                    &[
                        Arg::one_of(
                            "save-selector",
                            &[Arg::word("nosave", "NOSAVE"), Arg::word("save", "SAVE")],
                        )
                        .optional(),
                        Arg::word("now", "NOW").optional().since("7.0.0"),
                        Arg::word("force", "FORCE").optional().since("7.0.0"),
                    ],
                ),
                Arg::word("abort", "ABORT").since("7.0.0"),
            ],
        )
        .optional()],
        history: &[("7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers.")],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(shutdown),
);

fn shutdown(call: &mut Call<'_>, arguments: &[&[u8]], _reply: &mut dyn Reply) -> Outcome {
    let (mut save, mut nosave, mut abort, mut others) = (false, false, false, false);
    for option in &arguments[1..] {
        match option.to_ascii_lowercase().as_slice() {
            b"save" => save = true,
            b"nosave" => nosave = true,
            b"abort" => abort = true,
            b"now" | b"force" => others = true,
            _ => return Err(errors::SYNTAX.into()),
        }
    }
    if (save && nosave) || (abort && (save || nosave || others)) {
        return Err(errors::SYNTAX.into());
    }
    if abort {
        // the server ends at once, so there is never one on its way
        return Err(CommandError::new("ERR No shutdown in progress.").into());
    }
    if !nosave && call.server.running.may_be_busy() && call.server.busy_for_all() {
        // where Redis's rules hold, what a script has done so far cannot be saved, nor taken back
        return Err(call.server.busy_error().into());
    }
    crate::log::warning(format_args!("User requested shutdown..."));
    call.server.request_shutdown();
    // No answer: the connection closes with the server, after its listening sockets, so that who sees it closed and
    // connects again is refused.
    Ok(())
}
