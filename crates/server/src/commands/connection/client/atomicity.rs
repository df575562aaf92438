//! `CLIENT ATOMICITY SCRIPTS|TRANSACTIONS REDIS|ALL-OR-NOTHING|DEFAULT`: what becomes of what this connection's scripts,
//! or its transactions, have written when they fail. Without arguments it tells what is chosen.
//!
//! A client library calls MULTI by itself; this way a program that uses it gets all or nothing without a word from the library.
//!
//! ```text
//! > CLIENT ATOMICITY TRANSACTIONS ALL-OR-NOTHING
//! OK
//! > CLIENT ATOMICITY
//! 1) "scripts"
//! 2) "redis"
//! 3) "transactions"
//! 4) "all-or-nothing"
//! ```

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec, errors, is_token};
use perilune_resp::Reply;

use crate::call::Call;
use crate::config::Atomicity;
use crate::table::{Handler, ServerCommand};

/// CLIENT ATOMICITY.
pub const ATOMICITY: ServerCommand = Command::new(
    Spec {
        name: "atomicity",
        summary: "Chooses whether failed scripts or transactions of the connection are rolled back.",
        group: Group::Connection,
        since: "0.1.0",
        complexity: "O(1)",
        arity: -2,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST),
        cannot_be_undone: true,
        arguments: &[Arg::block(
            "choice",
            &[
                Arg::one_of(
                    "what",
                    &[
                        Arg::word("scripts", "SCRIPTS"),
                        Arg::word("transactions", "TRANSACTIONS"),
                    ],
                ),
                Arg::one_of(
                    "mode",
                    &[
                        Arg::word("redis", "REDIS"),
                        Arg::word("all-or-nothing", "ALL-OR-NOTHING"),
                        Arg::word("default", "DEFAULT"),
                    ],
                ),
            ],
        )
        .optional()],
        ..Spec::DEFAULT
    },
    Handler::Server(atomicity),
);

fn atomicity(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (what, mode) = match arguments {
        [_, _] => {
            tell(call, reply);
            return Ok(());
        }
        [_, _, what, mode] => (what, mode),
        _ => return Err(errors::SYNTAX.into()),
    };
    let mode = match () {
        () if is_token(mode, "redis") => Some(Atomicity::Redis),
        () if is_token(mode, "all-or-nothing") => Some(Atomicity::AllOrNothing),
        () if is_token(mode, "default") => None,
        () => return Err(errors::SYNTAX.into()),
    };
    let wishes = &mut call.session.atomicity;
    match () {
        () if is_token(what, "scripts") => wishes.scripts = mode,
        () if is_token(what, "transactions") => wishes.transactions = mode,
        () => return Err(errors::SYNTAX.into()),
    }
    reply.ok();
    Ok(())
}

/// What holds for the connection now.
fn tell(call: &Call<'_>, reply: &mut dyn Reply) {
    let (server, session) = (call.server, &call.session);
    reply.map(2);
    for (what, is_atomic) in [
        ("scripts", server.scripts_are_atomic(session)),
        ("transactions", server.transactions_are_atomic(session)),
    ] {
        reply.bulk(what.as_bytes());
        let mode: &[u8] = if is_atomic {
            b"all-or-nothing"
        } else {
            b"redis"
        };
        reply.bulk(mode);
    }
}
