//! Commands about the connection itself.

mod auth;
mod echo;
mod hello;
mod ping;
mod quit;
mod reset;
mod select;

use perilune_command::CommandError;

use crate::table::ServerCommand;

/// The commands of this family.
pub const COMMANDS: &[ServerCommand] = &[
    auth::AUTH,
    echo::ECHO,
    hello::HELLO,
    ping::PING,
    quit::QUIT,
    reset::RESET,
    select::SELECT,
];

/// Names are shown in lists, one client a line, so they have no blanks in them.
pub fn check_name(name: &[u8]) -> Result<(), CommandError> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        Ok(())
    } else {
        Err(CommandError::new(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ))
    }
}
