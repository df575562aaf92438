//! What a setting *is*: one row per setting.
//!
//! A row says its name and aliases, the kind of value with its range, the default as one would write it in a file,
//! who may change it, what it means to this server so far, its documentation, and where its cell is. Rows are
//! constants, written with the small builders below next to the field that they describe (`tables/`). Everything
//! else works on any row: parsing, CONFIG GET and SET, REWRITE, the warning about what is not there yet, and the
//! tests over the table.

use super::Settings;
use super::cell::{Slot, Value};
use super::choices::kept::Names;

/// One setting.
#[derive(Debug)]
pub struct Row {
    /// The name in files and commands.
    pub name: &'static str,
    /// The older name, if it has one.
    pub alias: Option<&'static str>,
    /// What its value looks like.
    pub kind: Kind,
    /// The default, as in a file.
    pub default: &'static str,
    /// What this server does with it so far.
    pub meaning: Meaning,
    /// CONFIG SET refuses it.
    pub immutable: bool,
    /// CONFIG GET shows it only when asked by its full name.
    pub hidden: bool,
    /// CONFIG SET needs `enable-protected-configs`.
    pub protected: bool,
    /// Its value must not appear in logs.
    pub sensitive: bool,
    /// A number outside of these is taken for the nearer one, rather than refused.
    pub(super) clamp: Option<(i64, i64)>,
    /// A rule of its own, on top of its kind.
    pub(super) check: Option<Check>,
    /// What it is for.
    pub doc: &'static [&'static str],
    pub(super) slot: for<'a> fn(&'a Settings) -> Slot<'a>,
}

/// A rule for values that parse; what is wrong, if anything.
type Check = fn(&Value) -> Result<(), &'static str>;

/// What the server does with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It does what its documentation says.
    Full,
    /// It speaks of the inside of the reference server. Nothing is missing where it is ignored, so it is accepted in silence.
    Moot,
    /// Accepted and kept, without effect so far: a file that sets it to anything but its default gets a warning.
    NotYet,
    /// The same, except that this value asks for nothing either.
    NotYetUnless(&'static str),
}

/// What the value of a setting looks like.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`.
    Switch,
    /// A number.
    Number {
        /// The least.
        min: i64,
        /// The greatest. Above `i64::MAX` the number is unsigned.
        max: u64,
        /// How it is written.
        unit: Unit,
    },
    /// One of a list of names, or several if they are flags.
    Choice {
        /// The names.
        names: Names,
        /// Whether several may be given.
        many: bool,
    },
    /// Any text.
    Text {
        /// Whether no text is the same as no setting: REWRITE then leaves the line out.
        optional: bool,
    },
    /// `bind`: up to 16 addresses.
    Addresses,
    /// `save`: pairs of seconds and changes.
    SavePoints,
    /// `client-output-buffer-limit`: class, hard, soft, seconds; again and again.
    OutputLimits,
    /// `oom-score-adj-values`: three numbers.
    OomScores,
    /// `notify-keyspace-events`: a letter per class.
    Events,
    /// `latency-tracking-info-percentiles`.
    Percentiles,
    /// `replicaof`: host and port, or `no one`.
    Primary,
    /// `dir`: a directory that exists.
    Directory,
}

impl Kind {
    /// Whether the value is made of several words in a file.
    pub fn takes_several(self) -> bool {
        match self {
            Kind::Choice { many, .. } => many,
            Kind::Addresses
            | Kind::SavePoints
            | Kind::OutputLimits
            | Kind::OomScores
            | Kind::Percentiles
            | Kind::Primary => true,
            Kind::Switch
            | Kind::Number { .. }
            | Kind::Text { .. }
            | Kind::Events
            | Kind::Directory => false,
        }
    }
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Digits.
    Plain,
    /// Bytes, with `k`, `kb`, `m`, `mb`, `g`, `gb` if one likes.
    Memory,
    /// Bytes, or percent of `maxmemory`, which the cell holds as a negative number.
    MemoryOrPercent,
    /// Octal digits.
    Octal,
}

const fn row(name: &'static str, kind: Kind, default: &'static str) -> Row {
    Row {
        name,
        alias: None,
        kind,
        default,
        meaning: Meaning::Full,
        immutable: false,
        hidden: false,
        protected: false,
        sensitive: false,
        clamp: None,
        check: None,
        doc: &[],
        slot: |_| unreachable!("a row without a cell"),
    }
}

/// A yes/no setting.
pub(super) const fn switch(name: &'static str, default: &'static str) -> Row {
    row(name, Kind::Switch, default)
}

/// A plain number.
pub(super) const fn number(name: &'static str, default: &'static str, min: i64, max: u64) -> Row {
    row(
        name,
        Kind::Number {
            min,
            max,
            unit: Unit::Plain,
        },
        default,
    )
}

/// An amount of memory.
pub(super) const fn memory(name: &'static str, default: &'static str, min: i64, max: u64) -> Row {
    row(
        name,
        Kind::Number {
            min,
            max,
            unit: Unit::Memory,
        },
        default,
    )
}

/// A number of any other unit.
pub(super) const fn number_in(
    unit: Unit,
    name: &'static str,
    default: &'static str,
    min: i64,
    max: u64,
) -> Row {
    row(name, Kind::Number { min, max, unit }, default)
}

/// One of a list of names.
pub(super) const fn choice(name: &'static str, default: &'static str, names: Names) -> Row {
    row(name, Kind::Choice { names, many: false }, default)
}

/// A set of flags.
pub(super) const fn flags(name: &'static str, default: &'static str, names: Names) -> Row {
    row(name, Kind::Choice { names, many: true }, default)
}

/// A text that may be empty.
pub(super) const fn text(name: &'static str, default: &'static str) -> Row {
    row(name, Kind::Text { optional: false }, default)
}

/// A text that is not set by default, and not set when it is empty.
pub(super) const fn optional(name: &'static str) -> Row {
    row(name, Kind::Text { optional: true }, "")
}

/// A setting with a grammar of its own.
pub(super) const fn special(name: &'static str, kind: Kind, default: &'static str) -> Row {
    row(name, kind, default)
}

impl Row {
    pub(super) const fn alias(mut self, alias: &'static str) -> Row {
        self.alias = Some(alias);
        self
    }

    pub(super) const fn immutable(mut self) -> Row {
        self.immutable = true;
        self
    }

    pub(super) const fn hidden(mut self) -> Row {
        self.hidden = true;
        self
    }

    pub(super) const fn protected(mut self) -> Row {
        self.protected = true;
        self
    }

    pub(super) const fn sensitive(mut self) -> Row {
        self.sensitive = true;
        self
    }

    pub(super) const fn moot(mut self) -> Row {
        self.meaning = Meaning::Moot;
        self
    }

    pub(super) const fn not_yet(mut self) -> Row {
        self.meaning = Meaning::NotYet;
        self
    }

    pub(super) const fn not_yet_unless(mut self, value: &'static str) -> Row {
        self.meaning = Meaning::NotYetUnless(value);
        self
    }

    pub(super) const fn clamped(mut self, least: i64, greatest: i64) -> Row {
        self.clamp = Some((least, greatest));
        self
    }

    pub(super) const fn check(mut self, check: Check) -> Row {
        self.check = Some(check);
        self
    }

    pub(super) const fn place(
        mut self,
        doc: &'static [&'static str],
        slot: for<'a> fn(&'a Settings) -> Slot<'a>,
    ) -> Row {
        self.doc = doc;
        self.slot = slot;
        self
    }

    /// What the setting holds now.
    pub(super) fn load(&self, settings: &Settings) -> Value {
        (self.slot)(settings).load()
    }

    /// Puts a value in that this row has parsed.
    pub(super) fn store(&self, settings: &Settings, value: &Value) {
        (self.slot)(settings).store(value);
    }
}

/// Writes down a section of the settings: a struct with a cell per setting, and beside each cell its row.
///
/// ```text
/// section! {
///     /// What the sockets are.
///     network: Network {
///         /// The TCP port; 0 is none.
///         port: Count = number("port", "6379", 0, 65535);
///     }
/// }
/// ```
macro_rules! section {
    ($(#[$outer:meta])* $section:ident: $name:ident {
        $($(#[doc = $doc:literal])+ $field:ident: $cell:ty = $row:expr;)*
    }) => {
        $(#[$outer])*
        #[derive(Debug, Default)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $cell,)*
        }

        /// A row per setting of this section, in the order of its fields.
        pub(in crate::config) static ROWS: &[$crate::config::Row] = &[
            $($row.place(&[$($doc),+], |settings| settings.$section.$field.slot()),)*
        ];
    };
}

pub(super) use section;
