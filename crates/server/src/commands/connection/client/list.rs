//! `CLIENT LIST [filter ...]` and `CLIENT INFO`: one line per connection, in order of their numbers; see [`super::view`].

use perilune_command::{Arg, Arguments, Command, Flags, Group, Outcome, Spec, errors};
use perilune_resp::Reply;

use super::filter::Filter;
use super::view::{Caller, View};
use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// CLIENT LIST.
pub const LIST: ServerCommand = Command::new(
    Spec {
        name: "list",
        summary: "Lists open connections.",
        group: Group::Connection,
        since: "2.4.0",
        complexity: "O(N) where N is the number of client connections",
        arity: -2,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        arguments: &[
            Arg::one_of(
                "client-type",
                &[
                    Arg::word("normal", "NORMAL"),
                    Arg::word("master", "MASTER"),
                    Arg::word("replica", "REPLICA"),
                    Arg::word("pubsub", "PUBSUB"),
                ],
            )
            .after("TYPE")
            .optional()
            .since("5.0.0"),
            Arg::integer("client-id")
                .after("ID")
                .optional()
                .multiple()
                .since("6.2.0"),
            Arg::string("username")
                .after("USER")
                .optional()
                .since("8.1.0"),
            Arg::string("addr")
                .after("ADDR")
                .optional()
                .since("8.1.0")
                .shown_as("ip:port"),
            Arg::string("laddr")
                .after("LADDR")
                .optional()
                .since("8.1.0")
                .shown_as("ip:port"),
            Arg::one_of("skipme", &[Arg::word("yes", "YES"), Arg::word("no", "NO")])
                .after("SKIPME")
                .optional()
                .since("8.1.0"),
            Arg::integer("maxage")
                .after("MAXAGE")
                .optional()
                .since("8.1.0"),
        ],
        tips: &["nondeterministic_output"],
        history: &[
            ("2.8.12", "Added unique client `id` field."),
            ("5.0.0", "Added optional `TYPE` filter."),
            ("6.0.0", "Added `user` field."),
            (
                "6.2.0",
                "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter.",
            ),
            (
                "7.0.0",
                "Added `resp`, `multi-mem`, `rbs` and `rbp` fields.",
            ),
            ("7.0.3", "Added `ssub` field."),
            (
                "8.0.0",
                "Replaced `master` `TYPE` with `primary`. `master` still supported for backward compatibility.",
            ),
            (
                "8.1.0",
                "Added filters USER, ADDR, LADDR, SKIPME, and MAXAGE",
            ),
        ],
        ..Spec::DEFAULT
    },
    Handler::Server(list),
);

/// CLIENT INFO.
pub const INFO: ServerCommand = Command::new(
    Spec {
        name: "info",
        summary: "Returns information about the connection.",
        group: Group::Connection,
        since: "6.2.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        tips: &["nondeterministic_output"],
        ..Spec::DEFAULT
    },
    Handler::Server(info),
);

fn list(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    if arguments.len() == 3 {
        return Err(errors::SYNTAX.into());
    }
    let filter = Filter::parse(Arguments::from(arguments, 2), false)?;
    let caller = Caller::of(call, arguments);
    let mut text = Vec::new();
    for client in call.server.clients.all() {
        let view = View::of(call.server, &client);
        if filter.selects(&view, &caller) {
            view.write_line(&caller, &mut text);
        }
    }
    reply.verbatim(b"txt", &text);
    Ok(())
}

fn info(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut text = Vec::new();
    let view = View::of(call.server, &call.session.client);
    view.write_line(&Caller::of(call, arguments), &mut text);
    reply.verbatim(b"txt", &text);
    Ok(())
}
