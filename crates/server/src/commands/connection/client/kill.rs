//! `CLIENT KILL address`, or `CLIENT KILL filter ...`: closes connections, and what they had sent and was not begun is dropped.
//!
//! The old form answers OK or an error, the new one how many were closed. Whoever kills itself gets its answer first.

use perilune_command::{Arg, Arguments, Command, CommandError, Flags, Group, Outcome, Spec};
use perilune_resp::Reply;

use super::filter::Filter;
use super::view::{Caller, View};
use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// CLIENT KILL.
pub const KILL: ServerCommand = Command::new(
    Spec {
        name: "kill",
        summary: "Terminates open connections.",
        group: Group::Connection,
        since: "2.4.0",
        complexity: "O(N) where N is the number of client connections",
        arity: -3,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        arguments: &[Arg::one_of(
            "filter",
            &[
                Arg::string("old-format")
                    .deprecated("2.8.12")
                    .shown_as("ip:port"),
                Arg::one_of(
                    "new-format",
                    &[
                        Arg::integer("client-id")
                            .after("ID")
                            .optional()
                            .multiple()
                            .since("2.8.12"),
                        Arg::one_of(
                            "client-type",
                            &[
                                Arg::word("normal", "NORMAL"),
                                Arg::word("master", "MASTER").since("3.2.0"),
                                Arg::word("primary", "PRIMARY").since("8.0.0"),
                                Arg::word("slave", "SLAVE"),
                                Arg::word("replica", "REPLICA").since("5.0.0"),
                                Arg::word("pubsub", "PUBSUB"),
                            ],
                        )
                        .after("TYPE")
                        .optional()
                        .since("2.8.12"),
                        Arg::string("username").after("USER").optional(),
                        Arg::string("addr")
                            .after("ADDR")
                            .optional()
                            .shown_as("ip:port"),
                        Arg::string("laddr")
                            .after("LADDR")
                            .optional()
                            .since("6.2.0")
                            .shown_as("ip:port"),
                        Arg::one_of("skipme", &[Arg::word("yes", "YES"), Arg::word("no", "NO")])
                            .after("SKIPME")
                            .optional(),
                        Arg::integer("maxage")
                            .after("MAXAGE")
                            .optional()
                            .since("8.0.0"),
                    ],
                )
                .multiple(),
            ],
        )],
        history: &[
            ("2.8.12", "Added new filter format."),
            ("2.8.12", "`ID` option."),
            ("3.2.0", "Added `master` type in for `TYPE` option."),
            (
                "5.0.0",
                "Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward compatibility.",
            ),
            ("6.2.0", "`LADDR` option."),
            ("8.0.0", "`MAXAGE` option."),
            (
                "8.0.0",
                "Replaced `master` `TYPE` with `primary`. `master` still supported for backward compatibility.",
            ),
            ("8.1.0", "`ID` option accepts multiple IDs."),
        ],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(kill),
);

fn kill(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let filter = match arguments {
        [_, _, address] => Filter::of_address(address),
        _ => Filter::parse(Arguments::from(arguments, 2), true)?,
    };
    let caller = Caller::of(call, arguments);
    let mut killed = 0;
    for client in call.server.clients.all() {
        if !filter.selects(&View::of(call.server, &client), &caller) {
            continue;
        }
        killed += 1;
        if client.id == caller.id {
            call.session.close_after_reply = true;
        } else {
            call.server.kill_client(client.id);
        }
    }
    match (arguments.len(), killed) {
        (3, 0) => return Err(CommandError::new("ERR No such client").into()),
        (3, _) => reply.ok(),
        _ => reply.integer(killed),
    }
    Ok(())
}
