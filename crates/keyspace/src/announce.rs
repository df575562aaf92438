//! What a transaction tells others when it commits: keyspace events, and messages that it was asked to pass on.
//!
//! Both are kept in the transaction's side record and handed to the [`Announcer`] by the commit, under the locks of all
//! that the transaction touched, in the order in which they came up. So two transactions on one key announce in
//! the order of their commits, and one that is taken back announces nothing. While no class of events is
//! listened to, a command that announces one costs one relaxed load.
//!
//! The removal of an expired key is no part of the transaction that met it, nor is its event: it goes out whatever
//! becomes of the transaction, ahead of what that announces itself.

/// Classes of keyspace events, as a set. The bits are those of Redis's `notify-keyspace-events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventClass(u16);

impl EventClass {
    /// `g`: commands for any type (DEL, EXPIRE, RENAME ...).
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`: commands on strings.
    pub const STRING: Self = Self(1 << 3);
    /// `l`: commands on lists.
    pub const LIST: Self = Self(1 << 4);
    /// `s`: commands on sets.
    pub const SET: Self = Self(1 << 5);
    /// `h`: commands on hashes.
    pub const HASH: Self = Self(1 << 6);
    /// `z`: commands on sorted sets.
    pub const SORTED_SET: Self = Self(1 << 7);
    /// `x`: a key was removed because its time had come.
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`: a key was removed for want of memory.
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`: commands on streams.
    pub const STREAM: Self = Self(1 << 10);
    /// `m`: a key was to be read that does not exist.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `n`: a key was created.
    pub const NEW: Self = Self(1 << 14);

    /// No class.
    pub const NONE: Self = Self(0);
    /// Every class.
    pub const ALL: Self = Self(0b0100_1111_1111_1100);

    /// The classes among these bits; others are left out.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// One bit for each class.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether the two sets have a class in common.
    #[inline]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// One thing that a transaction tells others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announcement<'a> {
    /// Something happened to a key.
    Event {
        /// The key's database.
        database: usize,
        /// The event's class: exactly one.
        class: EventClass,
        /// What happened, as Redis names it: `set`, `rename_from`.
        event: &'static str,
        /// The key.
        key: &'a [u8],
    },
    /// Somebody asked to pass this on; what it means is between them and the [`Announcer`].
    Message {
        /// What kind of message it is.
        kind: u8,
        /// Whom or what it concerns.
        topic: &'a [u8],
        /// What it says.
        body: &'a [u8],
    },
}

/// What one transaction has to tell, in order.
#[derive(Debug, Clone, Default)]
pub struct Announcements {
    /// The keys, topics and bodies, one behind the other.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
enum Entry {
    Event {
        database: u32,
        class: EventClass,
        event: &'static str,
        key_end: usize,
    },
    Message {
        kind: u8,
        topic_end: usize,
        body_end: usize,
    },
}

impl Entry {
    fn end(&self) -> usize {
        match *self {
            Entry::Event { key_end, .. } => key_end,
            Entry::Message { body_end, .. } => body_end,
        }
    }
}

impl Announcements {
    /// Nothing to tell.
    pub const NONE: Announcements = Announcements {
        bytes: Vec::new(),
        entries: Vec::new(),
    };

    /// Adds what is to be told next.
    pub fn push(&mut self, announcement: Announcement<'_>) {
        self.entries.push(match announcement {
            Announcement::Event {
                database,
                class,
                event,
                key,
            } => {
                self.bytes.extend_from_slice(key);
                Entry::Event {
                    database: database as u32,
                    class,
                    event,
                    key_end: self.bytes.len(),
                }
            }
            Announcement::Message { kind, topic, body } => {
                self.bytes.extend_from_slice(topic);
                let topic_end = self.bytes.len();
                self.bytes.extend_from_slice(body);
                Entry::Message {
                    kind,
                    topic_end,
                    body_end: self.bytes.len(),
                }
            }
        });
    }

    /// All of it, in order.
    pub fn iter(&self) -> impl Iterator<Item = Announcement<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let from = std::mem::replace(&mut start, entry.end());
            match *entry {
                Entry::Event {
                    database,
                    class,
                    event,
                    key_end,
                } => Announcement::Event {
                    database: database as usize,
                    class,
                    event,
                    key: &self.bytes[from..key_end],
                },
                Entry::Message {
                    kind,
                    topic_end,
                    body_end,
                } => Announcement::Message {
                    kind,
                    topic: &self.bytes[from..topic_end],
                    body: &self.bytes[topic_end..body_end],
                },
            }
        })
    }

    /// The number of announcements.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory that it holds: counted towards the undo limit.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + size_of::<Entry>() * self.entries.capacity()
    }

    /// Forgets all from number `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
        self.bytes
            .truncate(self.entries.last().map_or(0, Entry::end));
    }
}

/// Takes what transactions have to tell.
pub trait Announcer: Send + Sync {
    /// What one transaction tells as it commits. Under the locks of what it changed: so this must not block, make a
    /// system call, or touch the keyspace.
    fn announce(&self, announcements: &Announcements);
}
