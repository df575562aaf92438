//! `HELLO [protover [AUTH user password] [SETNAME name]]` chooses the protocol, and tells what the server is.
//!
//! Clients branch on the answer: `server` is `redis`, and `version` the one whose behaviour they get.

use perilune_command::{
    Arg, Arguments, Command, CommandError, Flags, Group, Outcome, Spec, integer, is_token,
};
use perilune_resp::{Protocol, Reply};

use super::auth::authenticate;
use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// HELLO.
pub const HELLO: ServerCommand = Command::new(
    Spec {
        name: "hello",
        summary: "Handshakes with the server.",
        group: Group::Connection,
        since: "6.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::NO_AUTH)
            .with(Flags::ALLOW_BUSY),
        arguments: &[Arg::block(
            "arguments",
            &[
                Arg::integer("protover"),
                Arg::block("auth", &[Arg::string("username"), Arg::string("password")])
                    .after("AUTH")
                    .optional(),
                Arg::string("clientname").after("SETNAME").optional(),
            ],
        )
        .optional()],
        history: &[
            (
                "8.1.0",
                "A new `availability_zone` field is added to the response if the `availability-zone` config is set.",
            ),
            (
                "6.2.0",
                "`protover` made optional; when called without arguments the command reports the current connection's context.",
            ),
        ],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(hello),
);

fn hello(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let mut protocol = None;
    if let Some(version) = arguments.get(1) {
        let version = integer(version).map_err(|_| {
            CommandError::new("ERR Protocol version is not an integer or out of range")
        })?;
        protocol = Some(match version {
            2 => Protocol::Resp2,
            3 => Protocol::Resp3,
            _ => return Err(CommandError::new("NOPROTO unsupported protocol version").into()),
        });
    }
    let mut name = None;
    let mut credentials = None;
    let mut options = Arguments::from(arguments, 2);
    while let Some(option) = options.next() {
        if is_token(option, "auth") && options.remaining() >= 2 {
            credentials = Some((options.required()?, options.required()?));
        } else if is_token(option, "setname") && options.remaining() >= 1 {
            let wanted = options.required()?;
            super::check_name(wanted)?;
            name = Some(wanted);
        } else {
            return Err(CommandError::quoting(&[
                b"ERR Syntax error in HELLO option '",
                option,
                b"'",
            ])
            .into());
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(call, user, password)?;
    }
    if !call.session.authenticated {
        return Err(CommandError::new(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        )
        .into());
    }
    if let Some(name) = name {
        call.session.client.description().name = name.to_vec();
    }
    if let Some(protocol) = protocol {
        call.session.speak(protocol);
        reply.switch_protocol(protocol);
    }
    let zone = call.server.settings.network.availability_zone.get();
    reply.map(if zone.is_empty() { 7 } else { 8 });
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(crate::REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(if call.session.protocol == Protocol::Resp3 {
        3
    } else {
        2
    });
    reply.bulk(b"id");
    reply.integer(call.session.id as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    if !zone.is_empty() {
        reply.bulk(b"availability_zone");
        reply.bulk(&zone);
    }
    Ok(())
}
