//! The settings that choose between names: each list of names once, as a Rust type where the server branches on it,
//! as a plain list where the value is only kept for now.

/// A type whose values are the names of a setting.
pub trait Choose: Copy {
    /// The names and what stands in the cell for each.
    const VALUES: &'static [(&'static str, i64)];

    /// The choice behind a cell's value; the first one for a value that no parser makes.
    fn from_value(value: i64) -> Self;

    /// Its name, as CONFIG GET answers it.
    fn name(self) -> &'static str;
}

/// Writes down a choice: variants, their names in the order in which an error lists them.
macro_rules! choice {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl Choose for $name {
            const VALUES: &'static [(&'static str, i64)] =
                &[$(($text, $name::$variant as i64),)*];

            fn from_value(value: i64) -> Self {
                const ALL: &[$name] = &[$($name::$variant,)*];
                ALL.iter().copied().find(|&each| each as i64 == value).unwrap_or(ALL[0])
            }

            fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }
    };
}

choice! {
    /// Who may use a dangerous command or change a protected setting.
    ProtectedAction {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Connections from this machine.
        Local = "local",
    }
}

choice! {
    /// Whether RESTORE takes payloads of versions that are to come.
    RdbVersionCheck {
        /// It refuses them.
        Strict = "strict",
        /// It takes them if they hold nothing that is new.
        Relaxed = "relaxed",
    }
}

choice! {
    /// What happens when `maxmemory` is reached. As yet nothing is evicted; the policies of frequency count the uses of keys.
    EvictionPolicy {
        /// The least recently used key that has a TTL goes.
        VolatileLru = "volatile-lru",
        /// The least frequently used key that has a TTL goes.
        VolatileLfu = "volatile-lfu",
        /// A random key that has a TTL goes.
        VolatileRandom = "volatile-random",
        /// The key that expires first goes.
        VolatileTtl = "volatile-ttl",
        /// The least recently used key goes.
        AllKeysLru = "allkeys-lru",
        /// The least frequently used key goes.
        AllKeysLfu = "allkeys-lfu",
        /// A random key goes.
        AllKeysRandom = "allkeys-random",
        /// Commands that need memory fail.
        NoEviction = "noeviction",
    }
}

impl EvictionPolicy {
    /// Does it choose by how often keys are used?
    pub fn is_of_frequency(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllKeysLfu)
    }
}

choice! {
    /// What becomes of what a script or a transaction has written when it fails.
    Atomicity {
        /// It stays, as in Redis.
        Redis = "redis",
        /// It is taken back: nothing has happened.
        AllOrNothing = "all-or-nothing",
    }
}

choice! {
    /// Whom a script that runs too long keeps waiting.
    ScriptBusyScope {
        /// Those who need its keys.
        Keys = "keys",
        /// Everybody, with BUSY for an answer, as in Redis.
        Server = "server",
    }
}

choice! {
    /// The least important messages that the log keeps.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// What happens to connections and the like.
        Verbose = "verbose",
        /// What an operator wants to know.
        Notice = "notice",
        /// Only what is wrong.
        Warning = "warning",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

choice! {
    /// The shape of a log line.
    LogFormat {
        /// `pid:role date level message`.
        Legacy = "legacy",
        /// `key=value` pairs.
        Logfmt = "logfmt",
    }
}

choice! {
    /// How a log line tells the time.
    LogTimestampFormat {
        /// `22 Nov 2026 06:20:00.123`.
        Legacy = "legacy",
        /// `2026-11-22T06:20:00.123+01:00`.
        Iso8601 = "iso8601",
        /// Milliseconds since 1970.
        Milliseconds = "milliseconds",
    }
}

/// `shutdown-on-sigint` and `-sigterm`: flags that combine.
pub mod on_signal {
    /// The same as SHUTDOWN SAVE.
    pub const SAVE: i64 = 1;
    /// The same as SHUTDOWN NOSAVE.
    pub const NOSAVE: i64 = 2;
    /// The same as SHUTDOWN NOW: without waiting for replicas.
    pub const NOW: i64 = 4;
    /// The same as SHUTDOWN FORCE: even if saving fails.
    pub const FORCE: i64 = 8;

    pub(in crate::config) const VALUES: &[(&str, i64)] = &[
        ("default", 0),
        ("save", SAVE),
        ("nosave", NOSAVE),
        ("now", NOW),
        ("force", FORCE),
    ];
}

/// Names of settings whose value is only kept, in the reference's order.
pub(super) mod kept {
    /// A list of names; several may share a value, and then the first is the one that CONFIG GET answers.
    pub type Names = &'static [(&'static str, i64)];

    pub const SUPERVISED: Names = &[("upstart", 0), ("systemd", 1), ("auto", 2), ("no", 3)];
    pub const SYSLOG_FACILITY: Names = &[
        ("user", 0),
        ("local0", 1),
        ("local1", 2),
        ("local2", 3),
        ("local3", 4),
        ("local4", 5),
        ("local5", 6),
        ("local6", 7),
        ("local7", 8),
    ];
    pub const APPENDFSYNC: Names = &[("everysec", 0), ("always", 1), ("no", 2)];
    pub const DISKLESS_LOAD: Names = &[
        ("disabled", 0),
        ("on-empty-db", 1),
        ("swapdb", 2),
        ("flush-before-load", 3),
    ];
    pub const TLS_AUTH_CLIENTS: Names = &[("no", 0), ("yes", 1), ("optional", 2)];
    pub const OOM_SCORE_ADJ: Names = &[("no", 0), ("yes", 1), ("relative", 1), ("absolute", 2)];
    pub const PUBSUB_DEFAULT: Names = &[("allchannels", 1), ("resetchannels", 0)];
    pub const SANITIZE_DUMP: Names = &[("no", 0), ("yes", 1), ("clients", 2)];
    pub const ENDPOINT_TYPE: Names = &[("ip", 0), ("hostname", 1), ("unknown-endpoint", 2)];
    pub const PROPAGATION_ERROR: Names = &[("ignore", 0), ("panic", 1), ("panic-on-replicas", 2)];
}
