//! The table of all commands.

use crate::error::{CommandError, errors, until_nul};
use crate::handler::{Access, Command, HasAccess};
use crate::keys::{KeyError, KeyPosition, KeyShape, LegacyRange, find_exactly};
use crate::spec::{ArgFlags, Category, Flags, Group, KeyFlags, Spec};

/// Where the first member or field stands, if calls without their options have one behind their only key.
fn member_index(spec: &Spec) -> Option<usize> {
    let KeyShape::One(key) = KeyShape::of(spec) else {
        return None;
    };
    let behind_key = spec.arguments.iter().skip(key);
    let required = behind_key.filter(|argument| !argument.flags.has(ArgFlags::OPTIONAL));
    required
        .flat_map(|argument| match argument.arguments {
            [] => std::slice::from_ref(argument),
            parts => parts,
        })
        .position(|argument| matches!(argument.name, "member" | "field"))
        .map(|at| key + 1 + at)
}

/// A command in the table, with what is derived from its spec.
pub struct Entry<H: 'static> {
    /// Its name; of a subcommand with its container's: `config|get`.
    pub full_name: String,
    /// What it is.
    pub spec: &'static Spec,
    /// What runs it.
    pub handler: Option<H>,
    /// All flags, the derived ones included.
    pub flags: Flags,
    /// All ACL categories, the derived ones included.
    pub categories: Category,
    /// Where its keys are.
    pub keys: KeyShape,
    /// Where the first member or field stands that it looks up in the collection under its key.
    pub member: Option<usize>,
    /// The numbers of its subcommands in the table.
    pub subcommands: Vec<usize>,
    /// The number of the container, of a subcommand.
    pub container: Option<usize>,
    /// Its own number: commands are counted and timed by it.
    pub id: usize,
}

impl<H: HasAccess> Entry<H> {
    /// What it may do; a container may nothing.
    pub fn access(&self) -> Option<Access> {
        self.handler.as_ref().map(HasAccess::access)
    }
}

impl<H> Entry<H> {
    /// Whether it is refused where nothing may be written: it writes, or is told to replicas all the same.
    #[inline]
    pub fn counts_as_write(&self) -> bool {
        self.flags.has(Flags::WRITE) || self.spec.may_replicate
    }

    /// Whether calls have keys, channels that are routed like keys not counted.
    pub fn has_keys(&self) -> bool {
        self.spec
            .keys
            .iter()
            .any(|key| !key.flags.has(KeyFlags::NOT_KEY))
    }

    /// All keys of a call that resolves to this command, each with what is done with it there.
    ///
    /// # Errors
    /// If the arguments contradict themselves, or lack keys that must be there.
    pub fn find_keys(&self, arguments: &[&[u8]]) -> Result<Vec<KeyPosition>, KeyError> {
        find_exactly(self.spec, arguments)
    }
}

/// Finds the number of a command by its name. Every request comes here, so: no copy, no lower-casing, and no hash of strangers'
/// making is needed, because the names are ours. (A hash map cost 110 instructions a look, this 30.)
///
/// Names lie by length and last bytes, in lists that are short because there are more of them than commands. A list is
/// a chain through the numbers of commands, so that all of this is a few lines of a cache.
struct Names {
    /// For each list the number of its first command, or `NONE`.
    first: Vec<u16>,
    /// For each command the number of the next one in its list, or `NONE`.
    next: Vec<u16>,
}

/// The end of a list.
const NONE: u16 = u16::MAX;

/// Lists of names: several times the number of commands.
const NAME_PLACES: usize = 2048;

impl Names {
    fn new() -> Self {
        Self {
            first: vec![NONE; NAME_PLACES],
            next: Vec::with_capacity(COMMANDS_EXPECTED),
        }
    }

    fn place(name: &[u8]) -> usize {
        // letters that differ only in case have the same low five bits
        let low = |from_end: usize| match name.len().checked_sub(from_end) {
            Some(at) if from_end > 0 => usize::from(name[at] & 0x1f),
            _ => 0,
        };
        let first = usize::from(name.first().copied().unwrap_or_default() & 0x1f);
        let mixed = name.len() ^ (first << 3) ^ (low(1) << 6) ^ (low(2) << 2) ^ (low(3) << 5);
        mixed % NAME_PLACES
    }

    /// Adds the command with the next number.
    fn add(&mut self, name: &[u8]) {
        let id = self.next.len() as u16;
        assert_ne!(id, NONE, "more commands than numbers");
        let first = &mut self.first[Self::place(name)];
        self.next.push(std::mem::replace(first, id));
    }

    /// The commands that may have this name, in any case.
    #[inline]
    fn candidates(&self, name: &[u8]) -> impl Iterator<Item = usize> {
        let existing = |id: u16| (id != NONE).then_some(usize::from(id));
        let first = existing(self.first[Self::place(name)]);
        std::iter::successors(first, move |id| existing(self.next[*id]))
    }
}

/// Room for about as many commands as there are: a table that grows leaves behind blocks of several sizes, for each of
/// which the allocator has set half a megabyte aside.
const COMMANDS_EXPECTED: usize = 320;

/// All commands.
pub struct Registry<H: 'static> {
    entries: Vec<Entry<H>>,
    names: Names,
}

impl<H: HasAccess + Copy + 'static> Registry<H> {
    /// An empty table.
    pub fn new() -> Self {
        Self {
            entries: Vec::with_capacity(COMMANDS_EXPECTED),
            names: Names::new(),
        }
    }

    /// Adds commands with handlers of another kind.
    ///
    /// # Panics
    /// If a name is taken: the table is fixed when the program is written.
    pub fn add<T: Copy>(&mut self, commands: &'static [Command<T>], lift: &dyn Fn(T) -> H) {
        for command in commands {
            self.push(command.spec.name.to_owned(), command, None, lift);
            self.add_subcommands(command.spec.name, command.subcommands, lift);
        }
    }

    /// Adds subcommands to a container that is in the table already: those of MEMORY that are about the process, not about data.
    ///
    /// # Panics
    /// If there is no such container, or a name is taken.
    pub fn add_subcommands<T: Copy>(
        &mut self,
        container: &str,
        subcommands: &'static [Command<T>],
        lift: &dyn Fn(T) -> H,
    ) {
        let id = self.get(container.as_bytes()).map(|entry| entry.id);
        let id = id.unwrap_or_else(|| {
            panic!("{container}: subcommands for a command that does not exist")
        });
        for subcommand in subcommands {
            let full_name = format!("{container}|{}", subcommand.spec.name);
            let sub_id = self.push(full_name, subcommand, Some(id), lift);
            self.entries[id].subcommands.push(sub_id);
        }
    }

    fn push<T: Copy>(
        &mut self,
        full_name: String,
        command: &'static Command<T>,
        container: Option<usize>,
        lift: &dyn Fn(T) -> H,
    ) -> usize {
        let id = self.entries.len();
        let spec = &command.spec;
        let handler = command.handler.map(lift);
        let access = handler.as_ref().map(HasAccess::access);
        let flags = derived_flags(spec, access);
        assert!(
            self.get(full_name.as_bytes()).is_none(),
            "{full_name}: two commands have this name"
        );
        self.names.add(full_name.as_bytes());
        self.entries.push(Entry {
            full_name,
            spec,
            handler,
            flags,
            categories: derived_categories(spec, flags, handler.is_none()),
            keys: KeyShape::of(spec),
            member: member_index(spec),
            subcommands: Vec::new(),
            container,
            id,
        });
        id
    }

    /// All commands and subcommands, by number.
    pub fn entries(&self) -> &[Entry<H>] {
        &self.entries
    }

    /// The command of this name, in any case; of a subcommand `container|name`.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<&Entry<H>> {
        let candidates = self.names.candidates(name);
        candidates
            .map(|id| &self.entries[id])
            .find(|entry| entry.full_name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The command that a call means: the subcommand, where its first argument names one. The number of arguments fits it.
    ///
    /// # Errors
    /// The error reply for an unknown command or subcommand, or a wrong number of arguments.
    #[inline]
    pub fn resolve(&self, arguments: &[&[u8]]) -> Result<&Entry<H>, CommandError> {
        let entry = self
            .command(arguments[0])
            .ok_or_else(|| unknown_command(arguments))?;
        let entry = if entry.subcommands.is_empty() || arguments.len() < 2 {
            entry
        } else {
            self.subcommand(entry, arguments[1])
                .ok_or_else(|| unknown_subcommand(&entry.full_name, arguments[1]))?
        };
        if !entry.spec.accepts(arguments.len()) || entry.handler.is_none() {
            return Err(errors::wrong_arity(&entry.full_name));
        }
        Ok(entry)
    }

    /// The command that a call means, whether its number of arguments fits or not. None where its first argument is no subcommand.
    pub fn lookup(&self, arguments: &[&[u8]]) -> Option<&Entry<H>> {
        let entry = self.command(arguments.first()?)?;
        match arguments.get(1) {
            Some(name) if !entry.subcommands.is_empty() => self.subcommand(entry, name),
            _ => Some(entry),
        }
    }

    /// The command that a call names: `container|name` is none.
    #[inline]
    fn command(&self, name: &[u8]) -> Option<&Entry<H>> {
        self.get(name).filter(|entry| entry.container.is_none())
    }

    /// The subcommand of this name, in any case.
    pub fn subcommand(&self, container: &Entry<H>, name: &[u8]) -> Option<&Entry<H>> {
        container
            .subcommands
            .iter()
            .map(|&id| &self.entries[id])
            .find(|entry| entry.spec.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

impl<H: HasAccess + Copy + 'static> Default for Registry<H> {
    fn default() -> Self {
        Self::new()
    }
}

fn derived_flags(spec: &Spec, access: Option<Access>) -> Flags {
    let flags = match access {
        Some(Access::Write) => spec.flags.with(Flags::WRITE),
        Some(Access::Read) => spec.flags.with(Flags::READONLY),
        _ => spec.flags,
    };
    if LegacyRange::of(spec.keys).is_partial {
        flags.with(Flags::MOVABLE_KEYS)
    } else {
        flags
    }
}

fn derived_categories(spec: &Spec, flags: Flags, is_container: bool) -> Category {
    let mut categories = spec.categories;
    if is_container {
        // what there is to say is said by the subcommands
        return categories.with(Category::SLOW);
    }
    let mut add = |condition: bool, category: Category| {
        if condition {
            categories = categories.with(category);
        }
    };
    add(flags.has(Flags::WRITE), Category::WRITE);
    add(
        flags.has(Flags::READONLY) && spec.group != Group::Scripting,
        Category::READ,
    );
    add(
        flags.has(Flags::ADMIN),
        Category::ADMIN.with(Category::DANGEROUS),
    );
    add(flags.has(Flags::FAST), Category::FAST);
    add(!flags.has(Flags::FAST), Category::SLOW);
    add(flags.has(Flags::BLOCKING), Category::BLOCKING);
    add(flags.has(Flags::PUBSUB), Category::PUBSUB);
    let of_group = match spec.group {
        Group::String => Category::STRING,
        Group::List => Category::LIST,
        Group::Set => Category::SET,
        Group::SortedSet => Category::SORTEDSET,
        Group::Hash => Category::HASH,
        Group::Transactions => Category::TRANSACTION,
        Group::Connection => Category::CONNECTION,
        Group::Scripting => Category::SCRIPTING,
        Group::HyperLogLog => Category::HYPERLOGLOG,
        Group::Geo => Category::GEO,
        Group::Stream => Category::STREAM,
        Group::Bitmap => Category::BITMAP,
        Group::Generic | Group::Server | Group::PubSub | Group::Cluster | Group::Sentinel => {
            Category::NONE
        }
    };
    categories.with(of_group)
}

/// How much of what the client sent an error reply quotes.
const QUOTED_MAX: usize = 128;

/// The beginning of the arguments, as error replies show them.
fn quoted(arguments: &[&[u8]]) -> Vec<u8> {
    let mut shown = Vec::new();
    for argument in arguments {
        let before = shown.len();
        if before >= QUOTED_MAX {
            break;
        }
        shown.push(b'\'');
        let argument = until_nul(argument);
        shown.extend_from_slice(&argument[..argument.len().min(QUOTED_MAX - before)]);
        shown.extend_from_slice(b"' ");
    }
    shown
}

fn unknown_command(arguments: &[&[u8]]) -> CommandError {
    CommandError::quoting(&[
        b"ERR unknown command '",
        &arguments[0][..arguments[0].len().min(QUOTED_MAX)],
        b"', with args beginning with: ",
        &quoted(&arguments[1..]),
    ])
}

fn unknown_subcommand(container: &str, name: &[u8]) -> CommandError {
    CommandError::quoting(&[
        b"ERR unknown subcommand '",
        &name[..name.len().min(QUOTED_MAX)],
        format!("'. Try {} HELP.", container.to_ascii_uppercase()).as_bytes(),
    ])
}
