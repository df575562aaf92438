//! Publish and subscribe.
//!
//! ```text
//!   PUBLISH, or the commit of a transaction that has something to tell
//!      |  finds out who listens: the channel's shard, then the patterns
//!      v
//!   registry ---- one letter per loop that has listeners, the text shared ----> the loops' queues
//!                                                                                 |  one bell per loop and batch
//!                                                                                 v
//!                                                     the loop hands it to each of its connections that listens
//! ```
//!
//! **Order.** Letters of one channel are put into all queues under the lock of the channel's shard, and each loop works its
//! queue off from the front: so all who listen to a channel see its messages in one order. Transactions publish under
//! the locks of their keys, so that order is the order of their commits.
//!
//! **Who gets a message** is who is subscribed when it is published. A subscription notes how far the queue of its loop
//! was: what was in it by then is not for it. One that ends takes with it what is in the queue for it (at the commit of
//! an EXEC it leaves it there, and goes on being given it). And a subscribed
//! connection gets all that has been published so far before any later reply, as its loop's queue is worked off before each of
//! its commands. (One moment is left open: of a pattern that is left while a message for it is being published, the
//! publisher may count a client that does not get it any more.)
//!
//! **No lock that all want.** A channel nobody listens to costs its shard's lock and a lookup. Publishing waits for no loop, and makes
//! no system call: loops are woken at the end of the publisher's batch.
//!
//! **Bounded.** A queue that has grown past [`queue::CROWDED_BYTES`] makes the connections that publish wait until it is
//! short again; what a subscriber leaves unread is bounded by its output limits.
//!
//! Locks, from the outermost: a client's subscriptions, a shard, the table of patterns, a pattern's audience, listeners,
//! a queue. (Under all of them nothing else is locked but the next.)
//!
//! | file | holds |
//! |---|---|
//! | `audience` | who listens to one channel or pattern, loop by loop |
//! | `patterns` | the patterns, and a snapshot of them that is read without their lock |
//! | `message` | what is sent |
//! | `queue` | what waits for one loop |
//! | `deliver` | the loop's side; ringing, waiting for room |
//! | `events` | what transactions tell as they commit: keyspace events, messages, subscriptions |
//! | `uncommitted` | subscriptions that an EXEC changes, until it commits |

mod audience;
mod deliver;
mod events;
mod message;
mod patterns;
mod queue;
mod uncommitted;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use perilune_net::ConnRef;
use perilune_value::{Case, glob_match};
use smallvec::SmallVec;

use crate::clients::{Client, flag};
use audience::{Audience, Listeners};
use message::Message;
use patterns::{Pattern, Patterns};
use queue::{Letter, Queue, Target};

pub use deliver::{Held, ROOM_TICKET};
pub use events::Told;
pub use message::Letterhead;
pub use uncommitted::Uncommitted;

/// Shards of the registry of channels: a power of two, many more than there are loops.
const SHARDS: usize = 256;

/// What one subscribes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A channel.
    Channel,
    /// All channels that match a pattern.
    Pattern,
    /// A channel of a shard of a cluster: apart from the others, and not matched by patterns.
    ShardChannel,
}

/// Which channels are meant: there are two worlds of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// PUBLISH.
    Global = 0,
    /// SPUBLISH.
    Shard = 1,
}

/// What a client is subscribed to.
#[derive(Debug, Default, Clone)]
pub struct Subscriptions {
    channels: HashSet<Arc<[u8]>>,
    patterns: HashSet<Arc<[u8]>>,
    shard_channels: HashSet<Arc<[u8]>>,
}

impl Subscriptions {
    fn of(&mut self, kind: Kind) -> &mut HashSet<Arc<[u8]>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::ShardChannel => &mut self.shard_channels,
        }
    }

    fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shard_channels.is_empty()
    }

    /// How many there are of each kind: channels, patterns, shard channels.
    pub fn counts(&self) -> [usize; 3] {
        [
            self.channels.len(),
            self.patterns.len(),
            self.shard_channels.len(),
        ]
    }

    /// The number that goes with a notice of SUBSCRIBE and its kin: shard channels are counted apart.
    fn shown_count(&self, kind: Kind) -> usize {
        match kind {
            Kind::ShardChannel => self.shard_channels.len(),
            Kind::Channel | Kind::Pattern => self.channels.len() + self.patterns.len(),
        }
    }
}

/// The channels whose names have hashes of one kind.
#[derive(Debug, Default)]
struct Shard {
    /// By [`Scope`].
    channels: [HashMap<Arc<[u8]>, Audience>; 2],
    patterns: patterns::Snapshot,
}

/// All channels and patterns, and what is on its way to loops.
#[derive(Debug)]
pub struct PubSub {
    shards: Box<[Mutex<Shard>]>,
    patterns: Patterns,
    /// One for each loop.
    queues: Box<[Queue]>,
    hasher: RandomState,
    /// By [`Scope`].
    channel_counts: [AtomicUsize; 2],
    /// Connections with a subscription.
    clients: AtomicUsize,
    /// The channels to which keyspace events go: see `events`.
    event_channels: AtomicU8,
}

/// A subscription that has ended: what is still in the queue for it.
pub struct Left {
    loop_index: usize,
    listeners: Arc<Listeners>,
    since: u64,
}

impl PubSub {
    /// Nobody listens yet.
    pub fn new(loops: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            patterns: Patterns::default(),
            queues: (0..loops).map(|_| Queue::default()).collect(),
            hasher: RandomState::new(),
            channel_counts: Default::default(),
            clients: AtomicUsize::new(0),
            event_channels: AtomicU8::new(0),
        }
    }

    fn shard(&self, channel: &[u8]) -> MutexGuard<'_, Shard> {
        lock(&self.shards[self.hasher.hash_one(channel) as usize % SHARDS])
    }

    /// Subscribes a client; the number of its subscriptions for the notice.
    pub fn subscribe(&self, client: &Client, kind: Kind, name: &[u8]) -> usize {
        self.add_own(client, kind, name, || self.enter(at(client), kind, name))
    }

    /// Adds what a client is subscribed to, to be kept as `enter` gives it; how many it has then, for the notice.
    fn add_own(
        &self,
        client: &Client,
        kind: Kind,
        name: &[u8],
        enter: impl FnOnce() -> Arc<[u8]>,
    ) -> usize {
        let mut own = client.subscriptions();
        let own = own.get_or_insert_default();
        if !own.of(kind).contains(name) {
            if own.is_empty() {
                self.note_subscriber(client, true);
            }
            own.of(kind).insert(enter());
        }
        own.shown_count(kind)
    }

    /// From now on a connection gets what is published; the name as it is kept.
    fn enter(&self, at: ConnRef, kind: Kind, name: &[u8]) -> Arc<[u8]> {
        match kind {
            Kind::Channel => self.enter_channel(at, Scope::Global, name),
            Kind::ShardChannel => self.enter_channel(at, Scope::Shard, name),
            Kind::Pattern => self.patterns.enter(at, name, &self.queues[at.loop_index]),
        }
    }

    fn enter_channel(&self, at: ConnRef, scope: Scope, name: &[u8]) -> Arc<[u8]> {
        let mut shard = self.shard(name);
        let channels = &mut shard.channels[scope as usize];
        let name: Arc<[u8]> = match channels.get_key_value(name) {
            Some((name, _)) => name.clone(),
            None => {
                self.channel_counts[scope as usize].fetch_add(1, Ordering::Relaxed);
                name.into()
            }
        };
        // how far the queue is, as publishers see it who come to the shard after us
        let since = self.queues[at.loop_index].posted();
        channels
            .entry(name.clone())
            .or_default()
            .enter(at.loop_index, at.id, since);
        name
    }

    /// Ends a subscription; the number of those that are left for the notice, and the subscription if there was one.
    pub fn unsubscribe(&self, client: &Client, kind: Kind, name: &[u8]) -> (usize, Option<Left>) {
        let mut left = None;
        let count = self.remove_own(client, kind, name, || {
            left = self.leave(at(client), kind, name, None);
        });
        (count, left)
    }

    /// Takes out what a client is subscribed to, and calls `leave` if it was; how many it has then, for the notice.
    fn remove_own(&self, client: &Client, kind: Kind, name: &[u8], leave: impl FnOnce()) -> usize {
        let mut place = client.subscriptions();
        let Some(own) = place.as_mut() else {
            return 0;
        };
        if own.of(kind).remove(name) {
            leave();
        }
        let count = own.shown_count(kind);
        if own.is_empty() {
            *place = None;
            self.note_subscriber(client, false);
        }
        count
    }

    /// The names of all subscriptions of a kind.
    pub fn names(&self, client: &Client, kind: Kind) -> Vec<Arc<[u8]>> {
        let mut own = client.subscriptions();
        own.as_mut()
            .map(|own| own.of(kind).iter().cloned().collect())
            .unwrap_or_default()
    }

    /// The number of subscriptions, for the notice of an UNSUBSCRIBE that had nothing to end.
    pub fn count(&self, client: &Client, kind: Kind) -> usize {
        client
            .subscriptions()
            .as_ref()
            .map_or(0, |own| own.shown_count(kind))
    }

    /// Ends all subscriptions of a client.
    pub fn unsubscribe_all(&self, client: &Client) {
        let Some(mut own) = client.subscriptions().take() else {
            return;
        };
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            for name in own.of(kind).drain() {
                self.leave(at(client), kind, &name, None);
            }
        }
        self.note_subscriber(client, false);
    }

    /// A client has its first subscription, or has lost the last.
    fn note_subscriber(&self, client: &Client, is_one: bool) {
        client.flags.set(flag::PUBSUB, is_one);
        if is_one {
            self.clients.fetch_add(1, Ordering::Relaxed);
        } else {
            self.clients.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// From now on a connection does not get what is published. With its loop's queue, it still gets what that holds.
    fn leave(&self, at: ConnRef, kind: Kind, name: &[u8], queue: Option<&Queue>) -> Option<Left> {
        let (listeners, since) = match kind {
            Kind::Channel => self.leave_channel(at, Scope::Global, name, queue),
            Kind::ShardChannel => self.leave_channel(at, Scope::Shard, name, queue),
            Kind::Pattern => self.patterns.leave(at, name, queue),
        }?;
        Some(Left {
            loop_index: at.loop_index,
            listeners,
            since,
        })
    }

    fn leave_channel(
        &self,
        at: ConnRef,
        scope: Scope,
        name: &[u8],
        queue: Option<&Queue>,
    ) -> Option<(Arc<Listeners>, u64)> {
        let mut shard = self.shard(name);
        let channels = &mut shard.channels[scope as usize];
        let audience = channels.get_mut(name)?;
        let left = audience.leave(at.loop_index, at.id, queue);
        if audience.is_empty() {
            channels.remove(name);
            self.channel_counts[scope as usize].fetch_sub(1, Ordering::Relaxed);
        }
        left
    }

    /// Hands to `visit` what has been published for a subscription before it ended and is still in the queue.
    pub fn take_rest(&self, left: &Left, visit: impl FnMut(Letterhead<'_>)) {
        if let Some(queue) = self.queues.get(left.loop_index) {
            queue.for_each_to(&left.listeners, left.since, visit);
        }
    }

    /// Publishes a message; how many get it.
    pub fn publish(&self, scope: Scope, channel: &[u8], payload: &[u8]) -> usize {
        let matching = self.matching(scope, channel);
        let shard = self.shard(channel);
        let audience = shard.channels[scope as usize].get(channel);
        let mut receivers = audience.map_or(0, Audience::len);
        let mut letters = SmallVec::<[(usize, SmallVec<[Target; 1]>); 4]>::new();
        for (loop_index, listeners) in audience.into_iter().flat_map(Audience::parts) {
            let target = Target {
                pattern: None,
                listeners: listeners.clone(),
            };
            letters.push((*loop_index, [target].into_iter().collect()));
        }
        for pattern in matching {
            let audience = pattern.audience();
            receivers += audience.len();
            for (loop_index, listeners) in audience.parts() {
                let target = Target {
                    pattern: Some(pattern.clone()),
                    listeners: listeners.clone(),
                };
                match letters.iter_mut().find(|(at, _)| at == loop_index) {
                    Some((_, targets)) => targets.push(target),
                    None => letters.push((*loop_index, [target].into_iter().collect())),
                }
            }
        }
        if !letters.is_empty() {
            let message = Arc::new(Message::new(scope, channel, payload));
            for (loop_index, targets) in letters {
                let message = message.clone();
                self.queues[loop_index].push(Letter { message, targets });
            }
        }
        // only now: until here nobody else may put something of this channel into a queue
        drop(shard);
        receivers
    }

    /// How many would get a message now.
    pub fn receivers(&self, scope: Scope, channel: &[u8]) -> usize {
        let matching = self.matching(scope, channel);
        let by_pattern: usize = matching.iter().map(|p| p.audience().len()).sum();
        by_pattern + self.subscribers(scope, channel)
    }

    /// The patterns that match a channel. Found before the shard is locked to publish, because there may be many to try.
    fn matching(&self, scope: Scope, channel: &[u8]) -> SmallVec<[Arc<Pattern>; 2]> {
        if scope == Scope::Shard || self.patterns.is_empty() {
            return SmallVec::new();
        }
        let snapshot = self.shard(channel).patterns.get(&self.patterns);
        let matches = |pattern: &&Arc<Pattern>| glob_match(&pattern.text, channel, Case::Heeded);
        snapshot.iter().filter(matches).cloned().collect()
    }

    /// The number of subscribers of a channel, those through patterns not counted.
    pub fn subscribers(&self, scope: Scope, channel: &[u8]) -> usize {
        self.shard(channel).channels[scope as usize]
            .get(channel)
            .map_or(0, Audience::len)
    }

    /// The channels with subscribers whose names match a pattern.
    pub fn channels(&self, scope: Scope, pattern: Option<&[u8]>) -> Vec<Arc<[u8]>> {
        let matches = |name: &&Arc<[u8]>| {
            pattern.is_none_or(|pattern| glob_match(pattern, name, Case::Heeded))
        };
        let mut channels = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            channels.extend(
                shard.channels[scope as usize]
                    .keys()
                    .filter(matches)
                    .cloned(),
            );
        }
        channels
    }

    /// The number of channels with subscribers.
    pub fn channel_count(&self, scope: Scope) -> usize {
        self.channel_counts[scope as usize].load(Ordering::Relaxed)
    }

    /// The number of patterns with subscribers.
    pub fn pattern_count(&self) -> usize {
        self.patterns.len()
    }

    /// The number of connections with a subscription.
    pub fn client_count(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
}

/// Where a client's connection is.
fn at(client: &Client) -> ConnRef {
    ConnRef {
        id: client.id,
        loop_index: client.info.loop_index,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
