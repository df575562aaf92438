//! What can be said of a command without running it.
//!
//! The fields follow what COMMAND INFO and COMMAND DOCS answer (see the command reference of Redis 7); what
//! can be derived is not written down: `write`/`readonly` come from the handler's type, `movablekeys` from the
//! key specs, most ACL categories from flags and group.

use perilune_value::Side;

use crate::keys::KeyFinder;

/// A set of flags of one kind, written `A.with(B)` in constants.
macro_rules! flag_set {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($(#[$flag_doc:meta])* $flag:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name($repr);

        #[allow(non_upper_case_globals, reason = "the counter of the macro")]
        impl $name {
            /// No flag.
            pub const NONE: Self = Self(0);
            flag_set!(@flags $repr, 0, $($(#[$flag_doc])* $flag,)*);

            /// All flags with the names that clients see, in the order in which they are listed.
            pub const NAMES: &'static [(Self, &'static str)] = &[$((Self::$flag, $text),)*];

            /// These flags and those.
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// These flags without those.
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Whether all of `other` are among these.
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether none is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The names of these flags.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::NAMES.iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| *name)
            }
        }
    };
    (@flags $repr:ty, $bit:expr, ) => {};
    (@flags $repr:ty, $bit:expr, $(#[$flag_doc:meta])* $flag:ident, $($rest:tt)*) => {
        $(#[$flag_doc])*
        pub const $flag: Self = Self(1 << ($bit));
        flag_set!(@flags $repr, $bit + 1, $($rest)*);
    };
}

flag_set! {
    /// Where and how a command may be called.
    Flags: u32 {
        /// Changes keys. Derived from the handler.
        WRITE = "write",
        /// Reads keys. Derived from the handler.
        READONLY = "readonly",
        /// May use more memory: refused when `maxmemory` is reached.
        DENYOOM = "denyoom",
        /// For administrators.
        ADMIN = "admin",
        /// Part of publish and subscribe.
        PUBSUB = "pubsub",
        /// Not in scripts.
        NOSCRIPT = "noscript",
        /// May block the connection.
        BLOCKING = "blocking",
        /// Allowed while data is loaded.
        LOADING = "loading",
        /// Allowed on a replica with stale data.
        STALE = "stale",
        /// Not shown to MONITOR.
        SKIP_MONITOR = "skip_monitor",
        /// Not in the logs of slow and large commands.
        SKIP_COMMANDLOG = "skip_commandlog",
        /// Allowed during an import of slots.
        ASKING = "asking",
        /// Constant or logarithmic time.
        FAST = "fast",
        /// Allowed before AUTH.
        NO_AUTH = "no_auth",
        /// May be called with no key at all.
        NO_MANDATORY_KEYS = "no_mandatory_keys",
        /// Refused while a replica loads data next to those that it serves.
        NO_ASYNC_LOADING = "no_async_loading",
        /// Not inside MULTI.
        NO_MULTI = "no_multi",
        /// Keys cannot be found by first, last and step alone. Derived from the key specs.
        MOVABLE_KEYS = "movablekeys",
        /// Allowed while a script keeps the server busy.
        ALLOW_BUSY = "allow_busy",
    }
}

flag_set! {
    /// What a command does with a key.
    KeyFlags: u16 {
        /// Reads and writes.
        RW = "RW",
        /// Reads.
        RO = "RO",
        /// Overwrites.
        OW = "OW",
        /// Removes.
        RM = "RM",
        /// Returns or copies what the value holds.
        ACCESS = "access",
        /// Changes the value depending on what it was.
        UPDATE = "update",
        /// Adds to the value.
        INSERT = "insert",
        /// Deletes from the value.
        DELETE = "delete",
        /// Is no key, but routed like one (a channel).
        NOT_KEY = "not_key",
        /// Not all keys are found by this spec.
        INCOMPLETE = "incomplete",
        /// The flags depend on other arguments.
        VARIABLE_FLAGS = "variable_flags",
    }
}

flag_set! {
    /// ACL categories beyond those that are derived.
    Category: u32 {
        /// About keys, whatever they hold.
        KEYSPACE = "@keyspace",
        /// Reads. Derived.
        READ = "@read",
        /// Writes. Derived.
        WRITE = "@write",
        /// About sets.
        SET = "@set",
        /// About sorted sets.
        SORTEDSET = "@sortedset",
        /// About lists.
        LIST = "@list",
        /// About hashes.
        HASH = "@hash",
        /// About strings.
        STRING = "@string",
        /// About bitmaps.
        BITMAP = "@bitmap",
        /// About HyperLogLogs.
        HYPERLOGLOG = "@hyperloglog",
        /// About geographic sets.
        GEO = "@geo",
        /// About streams.
        STREAM = "@stream",
        /// Publish and subscribe.
        PUBSUB = "@pubsub",
        /// For administrators. Derived from the flag.
        ADMIN = "@admin",
        /// Constant or logarithmic time. Derived.
        FAST = "@fast",
        /// Anything else. Derived.
        SLOW = "@slow",
        /// May block. Derived.
        BLOCKING = "@blocking",
        /// Can do harm. Derived for administrators' commands, else written down.
        DANGEROUS = "@dangerous",
        /// About the connection.
        CONNECTION = "@connection",
        /// MULTI and its kin.
        TRANSACTION = "@transaction",
        /// Scripts and functions.
        SCRIPTING = "@scripting",
    }
}

flag_set! {
    /// How an argument may occur.
    ArgFlags: u8 {
        /// May be missing.
        OPTIONAL = "optional",
        /// May be repeated.
        MULTIPLE = "multiple",
        /// Each repetition has its token.
        MULTIPLE_TOKEN = "multiple_token",
    }
}

/// The chapter of the command reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is its name")]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    PubSub,
    Transactions,
    Connection,
    Server,
    Scripting,
    HyperLogLog,
    Cluster,
    Sentinel,
    Geo,
    Stream,
    Bitmap,
}

impl Group {
    /// The name that COMMAND DOCS answers.
    pub fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::HyperLogLog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Sentinel => "sentinel",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }
}

/// Where the search for keys begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeginSearch {
    /// At this argument.
    Index(usize),
    /// Behind this word, looked for from an argument on (from the end backwards where negative).
    Keyword(&'static str, i32),
    /// Nobody knows.
    Unknown,
}

/// How keys lie from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindKeys {
    /// Up to `last` (relative to the first; negative: from the end), every `step`-th; with `last` -1 and `limit` n only the first n-th part.
    Range {
        /// The last one.
        last: i32,
        /// The distance from one to the next.
        step: usize,
        /// The divisor of what follows, where not 0 or 1.
        limit: usize,
    },
    /// Their number stands at `number`, the first at `first`, both relative to the begin, every `step`-th.
    KeyNum {
        /// Where the number is.
        number: usize,
        /// Where the first is.
        first: usize,
        /// The distance from one to the next.
        step: usize,
    },
    /// Nobody knows.
    Unknown,
}

/// Where a command's keys are among its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// What is done with them.
    pub flags: KeyFlags,
    /// Where the search begins.
    pub begin: BeginSearch,
    /// How they lie.
    pub find: FindKeys,
    /// A remark of COMMAND DOCS.
    pub notes: Option<&'static str>,
}

impl KeySpec {
    /// One key, at this argument.
    pub const fn one(index: usize, flags: KeyFlags) -> Self {
        Self::range(index, 0, 1, flags)
    }

    /// Keys from this argument to `last` (relative, or negative from the end), every `step`-th.
    pub const fn range(index: usize, last: i32, step: usize, flags: KeyFlags) -> Self {
        Self {
            flags,
            begin: BeginSearch::Index(index),
            find: FindKeys::Range {
                last,
                step,
                limit: 0,
            },
            notes: None,
        }
    }

    /// A number of keys at this argument and the keys behind it.
    pub const fn counted(index: usize, flags: KeyFlags) -> Self {
        Self {
            flags,
            begin: BeginSearch::Index(index),
            find: FindKeys::KeyNum {
                number: 0,
                first: 1,
                step: 1,
            },
            notes: None,
        }
    }

    /// The same, with a remark.
    pub const fn noted(mut self, notes: &'static str) -> Self {
        self.notes = Some(notes);
        self
    }
}

/// Which stripes a call takes before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanKind {
    /// Those of the keys that its key specs find.
    Keys,
    /// None: it walks over keys that nobody named, stripe by stripe. Inside a transaction that must see all of them
    /// at one moment it keeps them all, so there the plan is every stripe.
    Walk,
    /// Every one: it changes whole databases.
    AllStripes,
}

/// The kind of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is its name")]
pub enum ArgKind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl ArgKind {
    /// The name that COMMAND DOCS answers.
    pub fn name(self) -> &'static str {
        match self {
            ArgKind::String => "string",
            ArgKind::Integer => "integer",
            ArgKind::Double => "double",
            ArgKind::Key => "key",
            ArgKind::Pattern => "pattern",
            ArgKind::UnixTime => "unix-time",
            ArgKind::PureToken => "pure-token",
            ArgKind::OneOf => "oneof",
            ArgKind::Block => "block",
        }
    }
}

/// An argument in a command's grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: ArgKind,
    /// What documentation shows instead of the name, where that differs.
    pub display: Option<&'static str>,
    /// The word that stands before it, or that it is.
    pub token: Option<&'static str>,
    /// A remark.
    pub summary: Option<&'static str>,
    /// Since which version there is this argument.
    pub since: Option<&'static str>,
    /// Since which version it should not be used.
    pub deprecated_since: Option<&'static str>,
    /// How it may occur.
    pub flags: ArgFlags,
    /// Which key spec it belongs to, for keys and for patterns that name keys.
    pub key_spec: Option<usize>,
    /// What a block consists of, or what one is chosen of.
    pub arguments: &'static [Arg],
}

impl Arg {
    const fn of(name: &'static str, kind: ArgKind) -> Self {
        Self {
            name,
            kind,
            display: None,
            token: None,
            summary: None,
            since: None,
            deprecated_since: None,
            flags: ArgFlags::NONE,
            key_spec: None,
            arguments: &[],
        }
    }

    /// A string.
    pub const fn string(name: &'static str) -> Self {
        Self::of(name, ArgKind::String)
    }

    /// An integer.
    pub const fn integer(name: &'static str) -> Self {
        Self::of(name, ArgKind::Integer)
    }

    /// A floating-point number.
    pub const fn double(name: &'static str) -> Self {
        Self::of(name, ArgKind::Double)
    }

    /// A key, found by the key spec of this number.
    pub const fn key(name: &'static str, key_spec: usize) -> Self {
        let mut arg = Self::of(name, ArgKind::Key);
        arg.key_spec = Some(key_spec);
        arg
    }

    /// The same, belonging to the key spec of this number (a pattern that names keys).
    pub const fn in_key_spec(mut self, key_spec: usize) -> Self {
        self.key_spec = Some(key_spec);
        self
    }

    /// A glob pattern.
    pub const fn pattern(name: &'static str) -> Self {
        Self::of(name, ArgKind::Pattern)
    }

    /// A point in time.
    pub const fn unix_time(name: &'static str) -> Self {
        Self::of(name, ArgKind::UnixTime)
    }

    /// A word.
    pub const fn word(name: &'static str, token: &'static str) -> Self {
        let mut arg = Self::of(name, ArgKind::PureToken);
        arg.token = Some(token);
        arg
    }

    /// One of several.
    pub const fn one_of(name: &'static str, arguments: &'static [Arg]) -> Self {
        let mut arg = Self::of(name, ArgKind::OneOf);
        arg.arguments = arguments;
        arg
    }

    /// Several in a row.
    pub const fn block(name: &'static str, arguments: &'static [Arg]) -> Self {
        let mut arg = Self::of(name, ArgKind::Block);
        arg.arguments = arguments;
        arg
    }

    /// The same, behind a word.
    pub const fn after(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// The same, which may be missing.
    pub const fn optional(mut self) -> Self {
        self.flags = self.flags.with(ArgFlags::OPTIONAL);
        self
    }

    /// The same, which may be repeated.
    pub const fn multiple(mut self) -> Self {
        self.flags = self.flags.with(ArgFlags::MULTIPLE);
        self
    }

    /// The same, which may be repeated with its token.
    pub const fn multiple_token(mut self) -> Self {
        self.flags = self
            .flags
            .with(ArgFlags::MULTIPLE)
            .with(ArgFlags::MULTIPLE_TOKEN);
        self
    }

    /// The same, since this version.
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    /// The same, deprecated since this version.
    pub const fn deprecated(mut self, version: &'static str) -> Self {
        self.deprecated_since = Some(version);
        self
    }

    /// The same, shown under another name.
    pub const fn shown_as(mut self, display: &'static str) -> Self {
        self.display = Some(display);
        self
    }

    /// The same, with a remark.
    pub const fn summary(mut self, text: &'static str) -> Self {
        self.summary = Some(text);
        self
    }
}

/// A call and its answer, run by a test: lines as one would type them, answers in the notation of the command line client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// The call.
    pub call: &'static str,
    /// Its answer.
    pub answer: &'static str,
}

/// What a command is. Written with `..Spec::DEFAULT`.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its name in lower case; of a subcommand without the container's.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Its chapter.
    pub group: Group,
    /// The version of Redis (or of Valkey, or of Perilune) that first had it.
    pub since: &'static str,
    /// Its cost; empty where there is nothing to say.
    pub complexity: &'static str,
    /// The number of arguments, its name included; negative: at least so many.
    pub arity: i32,
    /// Where and how it may be called, beyond what is derived.
    pub flags: Flags,
    /// ACL categories beyond those that are derived.
    pub categories: Category,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// Finds its keys where the key specs cannot say where they are, or what is done with them.
    pub key_finder: Option<KeyFinder>,
    /// Which stripes it takes.
    pub plan: PlanKind,
    /// Goes to replicas although it writes no key: counts as a write where none is allowed (pauses, read-only scripts).
    pub may_replicate: bool,
    /// What it does stays done, so it is refused where everything must be able to be taken back. Data commands can always
    /// be undone; this is about those of the server.
    pub cannot_be_undone: bool,
    /// The end of a list that it works at, if that is always the same: what to prefetch.
    pub side: Option<Side>,
    /// Its grammar.
    pub arguments: &'static [Arg],
    /// Hints to clients.
    pub tips: &'static [&'static str],
    /// What changed in which version.
    pub history: &'static [(&'static str, &'static str)],
    /// Since when it should not be used, and what instead.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Servers use it among themselves.
    pub is_internal: bool,
    /// Calls that a test runs.
    pub examples: &'static [Example],
}

impl Spec {
    /// What most specs leave as it is.
    pub const DEFAULT: Spec = Spec {
        name: "",
        summary: "",
        group: Group::Generic,
        since: "1.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: Flags::NONE,
        categories: Category::NONE,
        keys: &[],
        key_finder: None,
        plan: PlanKind::Keys,
        may_replicate: false,
        cannot_be_undone: false,
        side: None,
        arguments: &[],
        tips: &[],
        history: &[],
        deprecated: None,
        is_internal: false,
        examples: &[],
    };

    /// Whether this number of arguments (the name included) fits.
    #[inline]
    pub fn accepts(&self, arguments: usize) -> bool {
        accepts(self.arity, arguments)
    }
}

/// Whether this number of arguments (the name included) fits a command of this arity.
#[inline]
pub fn accepts(arity: i32, arguments: usize) -> bool {
    if arity >= 0 {
        arguments == arity as usize
    } else {
        arguments >= arity.unsigned_abs() as usize
    }
}
