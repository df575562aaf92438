//! Commands about the connection itself.

mod auth;
mod client;
mod echo;
mod hello;
mod ping;
mod quit;
mod readonly;
mod reset;
mod select;

use perilune_command::{CommandError, until_nul};

use crate::table::ServerCommand;

/// The commands of this family.
pub const COMMANDS: &[ServerCommand] = &[
    auth::AUTH,
    client::CLIENT,
    echo::ECHO,
    hello::HELLO,
    ping::PING,
    quit::QUIT,
    readonly::READONLY,
    readonly::READWRITE,
    reset::RESET,
    select::SELECT,
];

/// What clients say of themselves is shown in lists, one client a line, up to its first NUL, so it has no blanks there.
fn can_be_listed(text: &[u8]) -> bool {
    until_nul(text).iter().all(u8::is_ascii_graphic)
}

/// Refuses names that cannot be shown in lists.
pub fn check_name(name: &[u8]) -> Result<(), CommandError> {
    if can_be_listed(name) {
        Ok(())
    } else {
        Err(CommandError::new(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ))
    }
}
