//! `FUNCTION RESTORE serialized-value [FLUSH | APPEND | REPLACE]` adds the libraries of a payload that FUNCTION DUMP has answered.
//!
//! * APPEND, which is what happens without a word: none of them may be there.
//! * REPLACE: those that are there are replaced.
//! * FLUSH: all that are there go.
//!
//! All of that or nothing.

use perilune_command::{Arg, Command, CommandError, Flags, Outcome, PlanKind, Spec, is_token};
use perilune_keyspace::{ReadTxn, Txn};
use perilune_resp::Reply;
use perilune_value::rdb::{Libraries, LibraryError};

use crate::call::Call;
use crate::functions::{self, Policy};
use crate::table::{Handler, ServerCommand};

/// FUNCTION RESTORE.
pub const RESTORE: ServerCommand = Command::new(
    Spec {
        name: "restore",
        summary: "Restores all libraries from a payload.",
        complexity: "O(N) where N is the number of functions on the payload",
        arity: -3,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::NOSCRIPT),
        plan: PlanKind::Walk,
        arguments: &[
            Arg::string("serialized-value"),
            Arg::one_of(
                "policy",
                &[
                    Arg::word("flush", "FLUSH"),
                    Arg::word("append", "APPEND"),
                    Arg::word("replace", "REPLACE"),
                ],
            )
            .optional(),
        ],
        tips: super::CHANGE_TIPS,
        cannot_be_undone: true,
        ..super::COMMON
    },
    Handler::Long(restore),
);

fn restore(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let policy = match &arguments[3..] {
        [] => Policy::Append,
        [word] if is_token(word, "APPEND") => Policy::Append,
        [word] if is_token(word, "REPLACE") => Policy::Replace,
        [word] if is_token(word, "FLUSH") => Policy::Flush,
        [_] => {
            return Err(CommandError::new(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            )
            .into());
        }
        _ => return Err(super::wrong_syntax(arguments).into()),
    };
    let view = ReadTxn::new(txn);
    let (len_max, versions) = (view.string_len_max(), view.version_check());
    let sources = Libraries::of(arguments[2], len_max, versions).map_err(error_of)?;
    let sources = sources.map(|source| source.map_err(error_of));
    functions::restore(call, txn, sources, policy)?;
    functions::note_change(txn, arguments);
    reply.ok();
    Ok(())
}

fn error_of(error: LibraryError) -> CommandError {
    CommandError::new(match error {
        LibraryError::Footer => "ERR DUMP payload version or checksum are wrong",
        LibraryError::OldFormat => "ERR Pre-GA function format not supported",
        LibraryError::NotALibrary => "ERR given type is not a function",
        LibraryError::Source => "ERR Failed loading library payload",
    })
}
