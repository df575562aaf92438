//! Rules that single settings have on top of their kind.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::cell::Value;
use super::choices::on_signal;

type Checked = Result<(), &'static str>;

/// Shutting down cannot both save and not save.
pub(super) fn shutdown(flags: &Value) -> Checked {
    let both = on_signal::SAVE | on_signal::NOSAVE;
    match flags.number() & both == both {
        true => Err("shutdown options SAVE and NOSAVE can't be used simultaneously"),
        false => Ok(()),
    }
}

fn plain_name(name: &Value, empty: &'static str, path: &'static str) -> Checked {
    match name.bytes() {
        b"" => Err(empty),
        name if name.contains(&b'/') || name.contains(&b'\\') => Err(path),
        _ => Ok(()),
    }
}

/// The snapshot is a name in `dir`.
pub(super) fn dbfilename(name: &Value) -> Checked {
    plain_name(
        name,
        "dbfilename can't be empty",
        "dbfilename can't be a path, just a filename",
    )
}

/// The append-only files have names in their directory.
pub(super) fn appendfilename(name: &Value) -> Checked {
    plain_name(
        name,
        "appendfilename can't be empty",
        "appendfilename can't be a path, just a filename",
    )
}

/// Their directory is a name in `dir`.
pub(super) fn appenddirname(name: &Value) -> Checked {
    plain_name(
        name,
        "appenddirname can't be empty",
        "appenddirname can't be a path, just a dirname",
    )
}

/// The cluster's state needs a file.
pub(super) fn cluster_config_file(name: &Value) -> Checked {
    match name.bytes().is_empty() {
        true => Err("cluster-config-file can't be empty"),
        false => Ok(()),
    }
}

const HOSTNAME_LEN_MAX: usize = 255;

/// A host name is made of letters, digits, hyphens and dots.
pub(super) fn hostname(name: &Value) -> Checked {
    let name = name.bytes();
    if name.len() > HOSTNAME_LEN_MAX {
        return Err("Hostnames must be less than 256 characters");
    }
    match name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    {
        true => Ok(()),
        false => Err("Hostnames may only contain alphanumeric characters, hyphens or dots"),
    }
}

/// The name of a node must not contain what separates fields in its file.
pub(super) fn nodename(name: &Value) -> Checked {
    match name
        .bytes()
        .iter()
        .any(|byte| b"!#$%&()*+;<>?@[]^{|}~".contains(byte))
    {
        true => Err("Announced human node name contained invalid character"),
        false => Ok(()),
    }
}

fn address<T: std::str::FromStr>(text: &Value, error: &'static str) -> Checked {
    let text = std::str::from_utf8(text.bytes()).map_err(|_| error)?;
    match text.is_empty() || text.parse::<T>().is_ok() {
        true => Ok(()),
        false => Err(error),
    }
}

/// An IPv4 address or none.
pub(super) fn ipv4(text: &Value) -> Checked {
    address::<Ipv4Addr>(text, "Invalid IPv4 address")
}

/// An IPv6 address or none.
pub(super) fn ipv6(text: &Value) -> Checked {
    address::<Ipv6Addr>(text, "Invalid IPv6 address")
}

const TITLE_VARIABLES: [&str; 7] = [
    "title",
    "listen-addr",
    "server-mode",
    "config-file",
    "port",
    "tls-port",
    "unixsocket",
];

/// Variables that stand for nothing, or may.
const TITLE_VARIABLES_EMPTY: [&str; 3] = ["title", "server-mode", "unixsocket"];

/// A title is text with `{variables}` that exist; `{{` is a brace. Something must be in it whatever the variables are.
pub(super) fn title(template: &Value) -> Checked {
    const INVALID: &str = "template format is invalid or contains unknown variables";
    let mut rest = std::str::from_utf8(template.bytes()).map_err(|_| INVALID)?;
    let mut shows_something = false;
    while let Some((text, behind)) = rest.split_once('{') {
        shows_something |= !text.trim_matches(' ').is_empty();
        rest = match behind.strip_prefix('{') {
            Some(behind) => {
                shows_something = true;
                behind
            }
            None => {
                let (variable, behind) = behind.split_once('}').ok_or(INVALID)?;
                if !TITLE_VARIABLES.contains(&variable) {
                    return Err(INVALID);
                }
                shows_something |= !TITLE_VARIABLES_EMPTY.contains(&variable);
                behind
            }
        };
    }
    match shows_something || !rest.trim_matches(' ').is_empty() {
        true => Ok(()),
        false => Err(INVALID),
    }
}
