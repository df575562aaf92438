//! The filters of CLIENT LIST and CLIENT KILL: `ID id ...`, `MAXAGE s`, `TYPE kind`, `ADDR a`, `LADDR a`, `USER name`,
//! `SKIPME YES|NO`. A connection is meant if it fits all of them.

use perilune_command::{Arguments, CommandError, errors, integer, is_token};
use perilune_value::parse_i64;

use super::view::{Caller, View};
use crate::clients::flag;

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Replica,
    Primary,
    Pubsub,
}

impl Kind {
    fn parse(name: &[u8]) -> Result<Self, CommandError> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Kind::Normal),
            b"slave" | b"replica" => Ok(Kind::Replica),
            b"master" | b"primary" => Ok(Kind::Primary),
            b"pubsub" => Ok(Kind::Pubsub),
            _ => Err(CommandError::quoting(&[
                b"ERR Unknown client type '",
                name,
                b"'",
            ])),
        }
    }

    /// There is no replication yet.
    fn of(view: &View<'_>) -> Self {
        if view.client.flags.has(flag::PUBSUB) {
            Kind::Pubsub
        } else {
            Kind::Normal
        }
    }
}

/// Which connections are meant.
#[derive(Debug, Default)]
pub struct Filter<'a> {
    ids: Option<Vec<i64>>,
    age_min_s: Option<i64>,
    kind: Option<Kind>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    skip_me: bool,
}

impl<'a> Filter<'a> {
    /// The connection from this address.
    pub fn of_address(address: &'a [u8]) -> Self {
        Self {
            address: Some(address),
            ..Self::default()
        }
    }

    /// Reads a list of filters. `skip_me` is what SKIPME is when it is not among them.
    pub fn parse(mut arguments: Arguments<'a>, skip_me: bool) -> Result<Self, CommandError> {
        let mut filter = Self {
            skip_me,
            ..Self::default()
        };
        while let Some(name) = arguments.next() {
            if is_token(name, "id") {
                filter.add_ids(&mut arguments)?;
                continue;
            }
            let value = arguments.required()?;
            match name.to_ascii_lowercase().as_slice() {
                b"maxage" => filter.age_min_s = Some(age(value)?),
                b"type" => filter.kind = Some(Kind::parse(value)?),
                b"addr" => filter.address = Some(value),
                b"laddr" => filter.local_address = Some(value),
                // there is one user yet, and all are it
                b"user" if value == b"default" => {}
                b"user" => {
                    return Err(CommandError::quoting(&[b"ERR No such user '", value, b"'"]));
                }
                b"skipme" if is_token(value, "yes") => filter.skip_me = true,
                b"skipme" if is_token(value, "no") => filter.skip_me = false,
                _ => return Err(errors::SYNTAX),
            }
        }
        Ok(filter)
    }

    /// Adds all numbers that follow: the first word that is none is the next filter.
    fn add_ids(&mut self, arguments: &mut Arguments<'a>) -> Result<(), CommandError> {
        let ids = self.ids.get_or_insert_default();
        while let Some(id) = arguments.peek().and_then(parse_i64) {
            if id < 1 {
                return Err(CommandError::new("ERR client-id should be greater than 0"));
            }
            ids.push(id);
            arguments.next();
        }
        Ok(())
    }

    /// Whether a connection is meant.
    pub fn selects(&self, view: &View<'_>, caller: &Caller) -> bool {
        let is_at = |wanted: Option<&[u8]>, address: &perilune_net::Address| {
            wanted.is_none_or(|wanted| address.to_string().as_bytes() == wanted)
        };
        let client = view.client;
        !(self.skip_me && client.id == caller.id)
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&(client.id as i64)))
            && self.kind.is_none_or(|kind| kind == Kind::of(view))
            && self
                .age_min_s
                .is_none_or(|age_s| view.age_s() as i64 >= age_s)
            && is_at(self.address, &client.info.peer)
            && is_at(self.local_address, &client.info.local)
    }
}

fn age(value: &[u8]) -> Result<i64, CommandError> {
    match integer(value) {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        Ok(_) => Err(CommandError::new("ERR maxage should be greater than 0")),
        Err(_) => Err(CommandError::new(
            "ERR maxage is not an integer or out of range",
        )),
    }
}
