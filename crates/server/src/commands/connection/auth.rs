//! `AUTH [username] password` opens what `requirepass` has locked.
//!
//! There is one user yet, `default`; its password is the setting `requirepass`.

use std::sync::atomic::Ordering;

use perilune_command::{Arg, Command, CommandError, Flags, Group, Outcome, Spec, errors};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// AUTH.
pub const AUTH: ServerCommand = Command::new(
    Spec {
        name: "auth",
        summary: "Authenticates the connection.",
        group: Group::Connection,
        since: "1.0.0",
        complexity: "O(N) where N is the number of passwords defined for the user",
        arity: -2,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::NO_AUTH)
            .with(Flags::ALLOW_BUSY),
        arguments: &[
            Arg::string("username").optional().since("6.0.0"),
            Arg::string("password"),
        ],
        history: &[("6.0.0", "Added ACL style (username and password).")],
        cannot_be_undone: true,
        ..Spec::DEFAULT
    },
    Handler::Server(auth),
);

const WRONG: CommandError =
    CommandError::new("WRONGPASS invalid username-password pair or user is disabled.");

const NO_PASSWORD: CommandError = CommandError::new(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
);

fn auth(call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    match arguments {
        [_, password] => {
            if call.server.settings.security.requirepass.is_empty() {
                return Err(NO_PASSWORD.into());
            }
            authenticate(call, b"default", password)?;
        }
        [_, user, password] => authenticate(call, user, password)?,
        _ => return Err(errors::SYNTAX.into()),
    }
    reply.ok();
    Ok(())
}

/// Lets the connection in if name and password fit.
pub fn authenticate(call: &mut Call<'_>, user: &[u8], password: &[u8]) -> Result<(), CommandError> {
    let wanted = call.server.settings.security.requirepass.get();
    // without a password the user `default` takes any
    if user != b"default" || !(wanted.is_empty() || same(&wanted, password)) {
        call.server
            .connections
            .denied
            .fetch_add(1, Ordering::Relaxed);
        return Err(WRONG);
    }
    call.session.authenticated = true;
    Ok(())
}

/// Compares in a time that does not tell where the difference is.
fn same(wanted: &[u8], given: &[u8]) -> bool {
    let mut difference = wanted.len() ^ given.len();
    for (at, byte) in given.iter().enumerate() {
        difference |= usize::from(byte ^ wanted.get(at).unwrap_or(&!byte));
    }
    difference == 0
}
