//! Subscriptions that an EXEC changes.
//!
//! They take effect when it commits, at their places among what it tells ([`super::events`]): so it hears what it publishes behind
//! its SUBSCRIBE and not what it publishes before, and what is taken back or run again has changed nothing.
//! Until then only the client's own list shows them, which is what notices count and CLIENT LIST shows, and what has to be
//! added to the figures that the same EXEC asks for.

use std::sync::Arc;

use perilune_keyspace::{Announcement, Txn};
use perilune_value::{Case, glob_match};

use super::events::{Told, body_of};
use super::{Kind, PubSub, Scope, Subscriptions, at};
use crate::clients::Client;
use crate::session::Session;

/// What a client was subscribed to before the EXEC that runs has changed it.
#[derive(Debug)]
pub struct Uncommitted {
    before: Box<Subscriptions>,
}

/// Names that begin or cease to have listeners.
#[derive(Debug, Default)]
struct Turnover {
    come: Vec<Arc<[u8]>>,
    gone: Vec<Arc<[u8]>>,
}

impl Subscriptions {
    /// How often it gets what is published to a channel.
    fn receives(&mut self, scope: Scope, channel: &[u8]) -> usize {
        let by_name = usize::from(self.of(scope.kind()).contains(channel));
        let patterns = match scope {
            Scope::Global => self.patterns.iter(),
            Scope::Shard => return by_name,
        };
        let matches = |pattern: &&Arc<[u8]>| glob_match(pattern, channel, Case::Heeded);
        by_name + patterns.filter(matches).count()
    }
}

impl Scope {
    /// How one subscribes to its channels by name.
    fn kind(self) -> Kind {
        match self {
            Scope::Global => Kind::Channel,
            Scope::Shard => Kind::ShardChannel,
        }
    }
}

impl Uncommitted {
    /// Remembers what a client is subscribed to, unless this EXEC has changed it before.
    fn note(session: &mut Session) {
        let client = &session.client;
        session.uncommitted.get_or_insert_with(|| Uncommitted {
            before: client.subscriptions().clone().unwrap_or_default(),
        });
    }

    /// By how much `count` differs from what it was before.
    fn difference(
        &mut self,
        client: &Client,
        count: impl Fn(&mut Subscriptions) -> usize,
    ) -> isize {
        let now = client.subscriptions().as_deref_mut().map_or(0, &count);
        now.cast_signed() - count(&mut self.before).cast_signed()
    }
}

/// Gives a change of the client's subscriptions its place among what the transaction tells.
fn tell(txn: &mut Txn<'_>, client: &Client, change: Told, name: &[u8]) {
    txn.announce(Announcement::Message {
        kind: change.code(),
        topic: name,
        body: &body_of(at(client)),
    });
}

impl PubSub {
    /// Subscribes a client when the EXEC that runs commits; the number of its subscriptions for the notice.
    pub fn subscribe_at_commit(
        &self,
        session: &mut Session,
        txn: &mut Txn<'_>,
        kind: Kind,
        name: &[u8],
    ) -> usize {
        Uncommitted::note(session);
        let client = &session.client;
        self.add_own(client, kind, name, || {
            tell(txn, client, Told::Subscribed(kind), name);
            name.into()
        })
    }

    /// Ends a subscription when the EXEC that runs commits; the number of those that are left for the notice.
    pub fn unsubscribe_at_commit(
        &self,
        session: &mut Session,
        txn: &mut Txn<'_>,
        kind: Kind,
        name: &[u8],
    ) -> usize {
        Uncommitted::note(session);
        let client = &session.client;
        self.remove_own(client, kind, name, || {
            tell(txn, client, Told::Unsubscribed(kind), name);
        })
    }

    /// The EXEC has been taken back, and with it what it has changed of its client's subscriptions.
    pub fn take_back(&self, session: &mut Session) {
        let Some(Uncommitted { before }) = session.uncommitted.take() else {
            return;
        };
        let mut own = session.client.subscriptions();
        let (was, is) = (!before.is_empty(), own.is_some());
        *own = was.then_some(before);
        if was != is {
            self.note_subscriber(&session.client, was);
        }
    }

    /// How many would get a message, if the session's EXEC were committed now.
    pub fn receivers_for(&self, session: &mut Session, scope: Scope, channel: &[u8]) -> usize {
        let difference = session.uncommitted.as_mut().map_or(0, |uncommitted| {
            uncommitted.difference(&session.client, |own| own.receives(scope, channel))
        });
        self.receivers(scope, channel)
            .saturating_add_signed(difference)
    }

    /// The number of subscribers of a channel as its session sees it, those through patterns not counted.
    pub fn subscribers_for(&self, session: &mut Session, scope: Scope, channel: &[u8]) -> usize {
        let difference = session.uncommitted.as_mut().map_or(0, |uncommitted| {
            uncommitted.difference(&session.client, |own| {
                usize::from(own.of(scope.kind()).contains(channel))
            })
        });
        self.subscribers(scope, channel)
            .saturating_add_signed(difference)
    }

    /// The channels with subscribers as a session sees them whose names match a pattern.
    pub fn channels_for(
        &self,
        session: &mut Session,
        scope: Scope,
        pattern: Option<&[u8]>,
    ) -> Vec<Arc<[u8]>> {
        let mut channels = self.channels(scope, pattern);
        let turnover = self.turnover(session, scope.kind());
        channels.retain(|name| !turnover.gone.contains(name));
        let matches = |name: &Arc<[u8]>| {
            pattern.is_none_or(|pattern| glob_match(pattern, name, Case::Heeded))
        };
        channels.extend(turnover.come.into_iter().filter(matches));
        channels
    }

    /// The number of patterns with subscribers as a session sees it.
    pub fn pattern_count_for(&self, session: &mut Session) -> usize {
        let turnover = self.turnover(session, Kind::Pattern);
        (self.pattern_count() + turnover.come.len()).saturating_sub(turnover.gone.len())
    }

    /// What begins and ceases to have listeners when the session's EXEC commits.
    fn turnover(&self, session: &mut Session, kind: Kind) -> Turnover {
        let mut turnover = Turnover::default();
        let Some(Uncommitted { before }) = &mut session.uncommitted else {
            return turnover;
        };
        let mut now = session.client.subscriptions();
        let none = &mut Subscriptions::default();
        let (before, now) = (before.of(kind), now.as_deref_mut().unwrap_or(none).of(kind));
        let listeners = |name: &[u8]| match kind {
            Kind::Channel => self.subscribers(Scope::Global, name),
            Kind::ShardChannel => self.subscribers(Scope::Shard, name),
            Kind::Pattern => self.patterns.listeners(name),
        };
        let come = now.difference(before).filter(|name| listeners(name) == 0);
        turnover.come.extend(come.cloned());
        let gone = before.difference(now).filter(|name| listeners(name) == 1);
        turnover.gone.extend(gone.cloned());
        turnover
    }
}
