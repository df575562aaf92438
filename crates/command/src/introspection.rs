//! What COMMAND answers: pure functions over the table.
//!
//! | call                                   | function                      | answers                               |
//! |----------------------------------------|-------------------------------|---------------------------------------|
//! | `COMMAND`, `COMMAND INFO [name ...]`   | [`command_info`]              | what clients need to route a call     |
//! | `COMMAND COUNT`                        | [`command_count`]             | how many commands there are           |
//! | `COMMAND DOCS [name ...]`              | [`command_docs`]              | what people want to read              |
//! | `COMMAND LIST [FILTERBY kind value]`   | [`command_list`]              | names, subcommands among them         |
//! | `COMMAND GETKEYS call`                 | [`command_getkeys`]           | the keys of a call                    |
//! | `COMMAND GETKEYSANDFLAGS call`         | [`command_getkeys_and_flags`] | the keys, and what is done with them  |
//!
//! The server has the session commands, with the specs that stand in [`specs`]; they only call these functions.

mod docs;
mod info;
pub mod specs;

use perilune_resp::Reply;
use perilune_value::{Case, glob_match};

use crate::argument::{Arguments, is_token};
use crate::error::{CommandError, errors};
use crate::handler::HasAccess;
use crate::keys::KeyPosition;
use crate::registry::{Entry, Registry};
use crate::spec::{Category, Flags};

/// Answers how many commands there are, subcommands not counted.
pub fn command_count<H: HasAccess + Copy>(registry: &Registry<H>, reply: &mut dyn Reply) {
    reply.integer(commands(registry).count() as i64);
}

/// Answers an array with one entry per name, null for those that there are not; without names all commands.
pub fn command_info<H: HasAccess + Copy>(
    registry: &Registry<H>,
    names: &[&[u8]],
    reply: &mut dyn Reply,
) {
    if names.is_empty() {
        reply.array(commands(registry).count());
        return commands(registry).for_each(|entry| info::entry(registry, entry, reply));
    }
    reply.array(names.len());
    for name in names {
        match registry.get(name) {
            Some(entry) => info::entry(registry, entry, reply),
            None => reply.null(),
        }
    }
}

/// Answers a map from names to documentation, without those that there are not; without names of all commands.
pub fn command_docs<H: HasAccess + Copy>(
    registry: &Registry<H>,
    names: &[&[u8]],
    reply: &mut dyn Reply,
) {
    let entries: Vec<&Entry<H>> = match names {
        [] => commands(registry).collect(),
        names => names.iter().filter_map(|name| registry.get(name)).collect(),
    };
    reply.map(entries.len());
    for entry in entries {
        reply.bulk(entry.full_name.as_bytes());
        docs::entry(registry, entry, reply);
    }
}

/// Which commands COMMAND LIST names.
enum Filter<'a> {
    /// All.
    None,
    /// Those of a module: there are none.
    Module,
    /// Those of an ACL category, named without `@`.
    Category(&'a [u8]),
    /// Those whose full name matches a glob pattern, in any case.
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(mut arguments: Arguments<'a>) -> Result<Self, CommandError> {
        if arguments.remaining() == 0 {
            return Ok(Filter::None);
        }
        if arguments.remaining() != 3 || !arguments.take_token("FILTERBY") {
            return Err(errors::SYNTAX);
        }
        let (kind, value) = (arguments.required()?, arguments.required()?);
        match () {
            () if is_token(kind, "MODULE") => Ok(Filter::Module),
            () if is_token(kind, "ACLCAT") => Ok(Filter::Category(value)),
            () if is_token(kind, "PATTERN") => Ok(Filter::Pattern(value)),
            () => Err(errors::SYNTAX),
        }
    }

    fn selects<H: 'static>(&self, entry: &Entry<H>) -> bool {
        match self {
            Filter::None => true,
            Filter::Module => false,
            Filter::Category(name) => Category::NAMES.iter().any(|(category, listed)| {
                listed.as_bytes()[1..].eq_ignore_ascii_case(name) && entry.categories.has(*category)
            }),
            Filter::Pattern(pattern) => {
                glob_match(pattern, entry.full_name.as_bytes(), Case::Ignored)
            }
        }
    }
}

/// Answers an array of full names. `arguments` are those behind LIST.
pub fn command_list<H: HasAccess + Copy>(
    registry: &Registry<H>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Result<(), CommandError> {
    let filter = Filter::parse(Arguments::from(arguments, 0))?;
    let selected: Vec<&Entry<H>> = registry
        .entries()
        .iter()
        .filter(|entry| filter.selects(entry))
        .collect();
    reply.array(selected.len());
    for entry in selected {
        reply.bulk(entry.full_name.as_bytes());
    }
    Ok(())
}

/// Answers an array of the keys of `call`: a command's name and its arguments.
pub fn command_getkeys<H: HasAccess + Copy>(
    registry: &Registry<H>,
    call: &[&[u8]],
    reply: &mut dyn Reply,
) -> Result<(), CommandError> {
    let keys = keys_of(registry, call)?;
    reply.array(keys.len());
    for key in keys {
        reply.bulk(call[key.index]);
    }
    Ok(())
}

/// Answers an array of pairs: a key of `call`, and a set of what is done with it.
pub fn command_getkeys_and_flags<H: HasAccess + Copy>(
    registry: &Registry<H>,
    call: &[&[u8]],
    reply: &mut dyn Reply,
) -> Result<(), CommandError> {
    let keys = keys_of(registry, call)?;
    reply.array(keys.len());
    for key in keys {
        reply.array(2);
        reply.bulk(call[key.index]);
        info::names(key.flags.names(), reply);
    }
    Ok(())
}

fn keys_of<H: HasAccess + Copy>(
    registry: &Registry<H>,
    call: &[&[u8]],
) -> Result<Vec<KeyPosition>, CommandError> {
    let entry = registry
        .lookup(call)
        .ok_or(CommandError::new("ERR Invalid command specified"))?;
    if !entry.has_keys() {
        return Err(CommandError::new("ERR The command has no key arguments"));
    }
    if !entry.spec.accepts(call.len()) {
        return Err(CommandError::new(
            "ERR Invalid number of arguments specified for command",
        ));
    }
    match entry.find_keys(call) {
        Ok(keys) if !keys.is_empty() => Ok(keys),
        _ if entry.flags.has(Flags::NO_MANDATORY_KEYS) => Ok(Vec::new()),
        _ => Err(CommandError::new(
            "ERR Invalid arguments specified for command",
        )),
    }
}

/// All commands that are not subcommands.
fn commands<H: HasAccess + Copy>(registry: &Registry<H>) -> impl Iterator<Item = &Entry<H>> {
    registry
        .entries()
        .iter()
        .filter(|entry| entry.container.is_none())
}
