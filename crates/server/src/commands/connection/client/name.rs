//! `CLIENT SETNAME name`, `CLIENT GETNAME`, `CLIENT SETINFO LIB-NAME | LIB-VER value`: what the client says of itself, for people who
//! read CLIENT LIST.
//!
//! ```text
//! > CLIENT SETNAME worker-1
//! OK
//! > CLIENT GETNAME
//! "worker-1"
//! ```

use perilune_command::{Arg, Command, CommandError, Flags, Group, Outcome, Spec, is_token};
use perilune_resp::Reply;

use super::super::{can_be_listed, check_name};
use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// CLIENT GETNAME.
pub const GETNAME: ServerCommand = Command::new(
    Spec {
        name: "getname",
        summary: "Returns the name of the connection.",
        group: Group::Connection,
        since: "2.6.9",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        ..Spec::DEFAULT
    },
    Handler::Server(getname),
);

/// CLIENT SETNAME.
pub const SETNAME: ServerCommand = Command::new(
    Spec {
        name: "setname",
        summary: "Sets the connection name.",
        group: Group::Connection,
        since: "2.6.9",
        complexity: "O(1)",
        arity: 3,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        arguments: &[Arg::string("connection-name")],
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(setname),
);

/// CLIENT SETINFO.
pub const SETINFO: ServerCommand = Command::new(
    Spec {
        name: "setinfo",
        summary: "Sets information specific to the client or connection.",
        group: Group::Connection,
        since: "7.2.0",
        complexity: "O(1)",
        arity: 4,
        flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
        arguments: &[Arg::one_of(
            "attr",
            &[
                Arg::string("libname").after("LIB-NAME"),
                Arg::string("libver").after("LIB-VER"),
            ],
        )],
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(setinfo),
);

fn getname(call: &mut Call<'_>, _arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    match &call.session.client.description().name {
        name if name.is_empty() => reply.null(),
        name => reply.bulk(name),
    }
    Ok(())
}

fn setname(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    check_name(arguments[2])?;
    call.session.client.description().name = arguments[2].to_vec();
    reply.ok();
    Ok(())
}

fn setinfo(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let (attribute, value) = (arguments[2], arguments[3]);
    let mut description = call.session.client.description();
    let destination = match () {
        () if is_token(attribute, "lib-name") => &mut description.library_name,
        () if is_token(attribute, "lib-ver") => &mut description.library_version,
        () => {
            return Err(
                CommandError::quoting(&[b"ERR Unrecognized option '", attribute, b"'"]).into(),
            );
        }
    };
    if !can_be_listed(value) {
        return Err(CommandError::quoting(&[
            b"ERR ",
            attribute,
            b" cannot contain spaces, newlines or special characters.",
        ])
        .into());
    }
    *destination = value.to_vec();
    reply.ok();
    Ok(())
}
