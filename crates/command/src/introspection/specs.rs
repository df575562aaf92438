//! COMMAND and its subcommands as entries of the table: the server adds the handlers.

use crate::spec::{Arg, Category, Flags, Group, Spec};

/// COMMAND.
pub const COMMAND: Spec = Spec {
    name: "command",
    summary: "Returns detailed information about all commands.",
    group: Group::Server,
    since: "2.8.13",
    complexity: "O(N) where N is the total number of commands",
    arity: -1,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Category::CONNECTION,
    tips: &["nondeterministic_output_order"],
    ..Spec::DEFAULT
};

/// COMMAND COUNT.
pub const COUNT: Spec = Spec {
    name: "count",
    summary: "Returns a count of commands.",
    group: Group::Server,
    since: "2.8.13",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Category::CONNECTION,
    ..Spec::DEFAULT
};

/// COMMAND DOCS.
pub const DOCS: Spec = Spec {
    name: "docs",
    summary: "Returns documentary information about one, multiple or all commands.",
    group: Group::Server,
    since: "7.0.0",
    complexity: "O(N) where N is the number of commands to look up",
    arity: -2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Category::CONNECTION,
    arguments: &[Arg::string("command-name").multiple().optional()],
    tips: &["nondeterministic_output_order"],
    ..Spec::DEFAULT
};

/// COMMAND GETKEYS.
pub const GETKEYS: Spec = Spec {
    name: "getkeys",
    summary: "Extracts the key names from an arbitrary command.",
    group: Group::Server,
    since: "2.8.13",
    complexity: "O(N) where N is the number of arguments to the command",
    arity: -3,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Category::CONNECTION,
    arguments: &[
        Arg::string("command"),
        Arg::string("arg").multiple().optional(),
    ],
    ..Spec::DEFAULT
};

/// COMMAND GETKEYSANDFLAGS.
pub const GETKEYSANDFLAGS: Spec = Spec {
    name: "getkeysandflags",
    summary: "Extracts the key names and access flags for an arbitrary command.",
    group: Group::Server,
    since: "7.0.0",
    complexity: "O(N) where N is the number of arguments to the command",
    arity: -3,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Category::CONNECTION,
    arguments: &[
        Arg::string("command"),
        Arg::string("arg").multiple().optional(),
    ],
    ..Spec::DEFAULT
};

/// COMMAND HELP.
pub const HELP: Spec = Spec {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    group: Group::Server,
    since: "5.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Category::CONNECTION,
    ..Spec::DEFAULT
};

/// COMMAND INFO.
pub const INFO: Spec = Spec {
    name: "info",
    summary: "Returns information about one, multiple or all commands.",
    group: Group::Server,
    since: "2.8.13",
    complexity: "O(N) where N is the number of commands to look up",
    arity: -2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Category::CONNECTION,
    arguments: &[Arg::string("command-name").multiple().optional()],
    tips: &["nondeterministic_output_order"],
    history: &[(
        "7.0.0",
        "Allowed to be called with no argument to get info on all commands.",
    )],
    ..Spec::DEFAULT
};

/// COMMAND LIST.
pub const LIST: Spec = Spec {
    name: "list",
    summary: "Returns a list of command names.",
    group: Group::Server,
    since: "7.0.0",
    complexity: "O(N) where N is the total number of commands",
    arity: -2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Category::CONNECTION,
    arguments: &[Arg::one_of(
        "filterby",
        &[
            Arg::string("module-name").after("MODULE"),
            Arg::string("category").after("ACLCAT"),
            Arg::pattern("pattern").after("PATTERN"),
        ],
    )
    .after("FILTERBY")
    .optional()],
    tips: &["nondeterministic_output_order"],
    ..Spec::DEFAULT
};

/// What COMMAND HELP answers between opening and closing, see [`crate::help`].
pub const HELP_LINES: &[&str] = &[
    "(no subcommand)",
    "    Return details about all commands.",
    "COUNT",
    "    Return the total number of commands in this server.",
    "LIST",
    "    Return a list of all commands in this server.",
    "INFO [<command-name> ...]",
    "    Return details about multiple commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "DOCS [<command-name> ...]",
    "    Return documentation details about multiple commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "GETKEYS <full-command>",
    "    Return the keys from a full command.",
    "GETKEYSANDFLAGS <full-command>",
    "    Return the keys and the access flags from a full command.",
];
