//! A connection's state, as far as commands know it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use perilune_keyspace::{LockPlan, StripeIndex, Wake, WatchSet};
use perilune_resp::{Protocol, RequestParser};

use crate::atomicity::Wishes;
use crate::blocking::Blocked;
use crate::clients::{Client, flag};
use crate::functions::Table;
use crate::pubsub::Uncommitted;
use crate::transactions::Multi;

/// What becomes of replies (CLIENT REPLY): those that are written while it is quiet are not sent.
///
/// OFF is quiet until ON. SKIP is quiet during the client's next command, of which EXEC is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplyMode(u8);

impl ReplyMode {
    const OFF: u8 = 1;
    const SKIPS: u8 = 2;
    const SKIPS_NEXT: u8 = 4;

    /// All are sent.
    pub const ON: ReplyMode = ReplyMode(0);

    /// Whether what is written now is not sent.
    pub fn is_quiet(self) -> bool {
        self.0 & (Self::OFF | Self::SKIPS) != 0
    }

    /// CLIENT REPLY ON. What SKIP has asked for in the same transaction is still to come.
    pub fn turn_on(&mut self) {
        self.0 &= Self::SKIPS_NEXT;
    }

    /// CLIENT REPLY OFF.
    pub fn turn_off(&mut self) {
        self.0 |= Self::OFF;
    }

    /// CLIENT REPLY SKIP.
    pub fn skip_next(&mut self) {
        if self.0 & Self::OFF == 0 {
            self.0 |= Self::SKIPS_NEXT;
        }
    }

    /// RESET: all are sent, but for the reply that is being skipped.
    pub fn reset(&mut self) {
        self.0 &= Self::SKIPS;
    }

    /// The client's command has been answered.
    pub fn end_command(&mut self) {
        let skips_next = self.0 & Self::SKIPS_NEXT != 0;
        self.0 &= Self::OFF;
        self.0 |= if skips_next { Self::SKIPS } else { 0 };
    }
}

/// A command that has been started and could not get its locks.
#[derive(Debug, Default)]
pub struct Retry {
    /// The stripe in whose queue it stands, and its ticket there.
    pub queued: Option<(StripeIndex, u64)>,
    /// All that its earlier runs have learned about the stripes it needs.
    pub plan: Option<LockPlan>,
    /// How often it has run, or tried to.
    pub attempt: u32,
    /// Where its random numbers start: every run draws the same.
    pub random_seed: u64,
}

/// What commands know of the connection that sent them.
pub struct Session {
    /// The connection's number.
    pub id: u64,
    /// The selected database.
    pub database: usize,
    /// What the client speaks.
    pub protocol: Protocol,
    /// Whether it has authenticated, or need not.
    pub authenticated: bool,
    /// What becomes of replies.
    pub reply_mode: ReplyMode,
    /// The reply to the command that runs is sent even if replies are not: it is a notice of SUBSCRIBE or its kin, or EXEC's, which
    /// holds only what is to be sent.
    pub reply_is_settled: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// CLIENT IMPORT-SOURCE: it sees expired keys that are not removed yet.
    pub import_source: bool,
    /// CLIENT ATOMICITY.
    pub atomicity: Wishes,
    /// The commands since MULTI.
    pub multi: Option<Box<Multi>>,
    /// The keys since WATCH.
    pub watch: Option<Box<WatchSet>>,
    /// The command that waits for its locks.
    pub retry: Retry,
    /// The blocking command that waits for its keys, and until when.
    pub blocked: Option<(Arc<Blocked>, Option<Instant>)>,
    /// What the EXEC that runs has changed of its subscriptions.
    pub uncommitted: Option<Uncommitted>,
    /// The libraries as the transaction that runs has changed them: everybody's when it commits.
    pub functions: Option<Arc<Table>>,
    /// An EXEC has changed its subscriptions: what it has published for itself comes before any later reply, even if it
    /// is not subscribed any more.
    pub catches_up: bool,
    /// The connection ends when the replies so far are sent.
    pub close_after_reply: bool,
    /// The state of its request stream.
    pub parser: RequestParser,
    /// What others may know of it.
    pub client: Arc<Client>,
    /// How it is woken when a stripe is free.
    pub waker: Arc<dyn Wake>,
}

/// What a command that may be queued changes of its session, so that a run that is taken back has not.
#[derive(Debug, Clone, Copy)]
pub struct Choices {
    database: usize,
    protocol: Protocol,
    reply_mode: ReplyMode,
    no_touch: bool,
    import_source: bool,
    atomicity: Wishes,
}

impl Session {
    /// How things stand before a transaction.
    pub fn choices(&self) -> Choices {
        Choices {
            database: self.database,
            protocol: self.protocol,
            reply_mode: self.reply_mode,
            no_touch: self.no_touch,
            import_source: self.import_source,
            atomicity: self.atomicity,
        }
    }

    /// As it was before, for others to see as well.
    pub fn return_to(&mut self, choices: Choices) {
        let Choices {
            database,
            protocol,
            reply_mode,
            no_touch,
            import_source,
            atomicity,
        } = choices;
        self.database = database;
        self.client.database.set(database as u64);
        self.speak(protocol);
        self.reply_mode = reply_mode;
        self.no_touch = no_touch;
        self.client.flags.set(flag::NO_TOUCH, no_touch);
        self.import_source = import_source;
        self.client.flags.set(flag::IMPORT_SOURCE, import_source);
        self.atomicity = atomicity;
    }

    /// What the client speaks from here on.
    pub fn speak(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.client.protocol.set(match protocol {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        });
    }

    /// A new connection's session.
    pub fn new(client: Arc<Client>, waker: Arc<dyn Wake>, authenticated: bool) -> Self {
        Self {
            id: client.id,
            database: 0,
            protocol: Protocol::Resp2,
            authenticated,
            reply_mode: ReplyMode::ON,
            reply_is_settled: false,
            no_touch: false,
            import_source: false,
            atomicity: Wishes::default(),
            multi: None,
            watch: None,
            retry: Retry::default(),
            blocked: None,
            uncommitted: None,
            functions: None,
            catches_up: false,
            close_after_reply: false,
            parser: RequestParser::new(),
            client,
            waker,
        }
    }

    /// MULTI is over, whichever way, and nothing is watched any more.
    pub fn end_transaction(&mut self) {
        self.multi = None;
        self.watch = None;
        self.show_transaction_ended();
    }

    /// Shows others that there is no transaction.
    pub fn show_transaction_ended(&self) {
        self.client.show_transaction_ended();
    }

    /// RESET: as it was when it connected, but for its number, whether it must authenticate, and whether it imports.
    pub fn reset(&mut self, authenticated: bool) {
        self.database = 0;
        self.protocol = Protocol::Resp2;
        self.authenticated = authenticated;
        self.reply_mode.reset();
        self.no_touch = false;
        self.atomicity = Wishes::default();
        self.multi = None;
        self.watch = None;
        self.client.reset();
    }
}

/// A number that others may read while its owner changes it.
#[derive(Debug, Default)]
pub struct Shown(AtomicU64);

impl Shown {
    /// Shows another value.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// What is shown.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Shows so much more. Only its owner may call this.
    pub fn add(&self, amount: u64) {
        self.set(self.get() + amount);
    }
}

/// A set of flags that others may read while its owner changes it.
#[derive(Debug, Default)]
pub struct ShownFlags(AtomicU32);

impl ShownFlags {
    /// Sets or clears some.
    pub fn set(&self, flags: u32, on: bool) {
        if on {
            self.0.fetch_or(flags, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!flags, Ordering::Relaxed);
        }
    }

    /// Whether any of these is set.
    pub fn has_any(&self, flags: u32) -> bool {
        self.0.load(Ordering::Relaxed) & flags != 0
    }

    /// Whether all of these are set.
    pub fn has(&self, flags: u32) -> bool {
        self.0.load(Ordering::Relaxed) & flags == flags
    }
}
