//! `FUNCTION LOAD [REPLACE] function-code` runs a library once and keeps the functions that it registers.
//!
//! Its text begins with `#!lua name=<name>`. Where anything is wrong nothing is changed: a library that was to be replaced stays.
//! It may take half a second.

use perilune_command::{Arg, Command, CommandError, Flags, Outcome, PlanKind, Spec, is_token};
use perilune_keyspace::Txn;
use perilune_resp::Reply;

use crate::call::Call;
use crate::functions;
use crate::table::{Handler, ServerCommand};

/// FUNCTION LOAD.
pub const LOAD: ServerCommand = Command::new(
    Spec {
        name: "load",
        summary: "Creates a library.",
        complexity: "O(1) (considering compilation time is redundant)",
        arity: -3,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::NOSCRIPT),
        plan: PlanKind::Walk,
        arguments: &[
            Arg::word("replace", "REPLACE").optional(),
            Arg::string("function-code"),
        ],
        tips: super::CHANGE_TIPS,
        cannot_be_undone: true,
        ..super::COMMON
    },
    Handler::Long(load),
);

fn load(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let Some((source, options)) = arguments[2..].split_last() else {
        return Err(CommandError::new("ERR Function code is missing").into());
    };
    for option in options {
        if !is_token(option, "REPLACE") {
            return Err(CommandError::quoting(&[b"ERR Unknown option given: ", option]).into());
        }
    }
    functions::load(call, txn, source, !options.is_empty(), arguments, reply)
}
