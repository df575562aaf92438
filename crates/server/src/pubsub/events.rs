//! What transactions tell as they commit: keyspace events, what scripts and EXEC publish, and the subscriptions that an
//! EXEC changes. In the order in which it came up, so that an EXEC hears of itself what it would have heard
//! command by command.
//!
//! This runs under the stripes of what was changed. It puts letters into queues and does no more: no connection is touched
//! and no loop is woken here.

use std::io::Write as _;
use std::sync::atomic::Ordering;

use perilune_keyspace::{Announcement, Announcements, Announcer, EventClass};

use perilune_net::ConnRef;

use super::{Kind, PubSub, Scope};

/// `K`: events go to `__keyspace@db__:key`.
const KEYSPACE: u8 = 1;
/// `E`: events go to `__keyevent@db__:event`.
const KEYEVENT: u8 = 2;

/// What a transaction tells, beside events. Its announcement has the name of the channel or pattern as topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The body is published.
    Message(Scope),
    /// The connection in the body is subscribed.
    Subscribed(Kind),
    /// The connection in the body is not subscribed any more.
    Unsubscribed(Kind),
}

impl Told {
    const ALL: [Told; 8] = [
        Told::Message(Scope::Global),
        Told::Message(Scope::Shard),
        Told::Subscribed(Kind::Channel),
        Told::Subscribed(Kind::Pattern),
        Told::Subscribed(Kind::ShardChannel),
        Told::Unsubscribed(Kind::Channel),
        Told::Unsubscribed(Kind::Pattern),
        Told::Unsubscribed(Kind::ShardChannel),
    ];

    /// The kind of the announcement.
    pub fn code(self) -> u8 {
        Self::ALL.iter().position(|told| *told == self).unwrap_or(0) as u8
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// A connection as the body of an announcement.
pub fn body_of(at: ConnRef) -> [u8; 16] {
    let mut body = [0; 16];
    body[..8].copy_from_slice(&at.id.to_le_bytes());
    body[8..].copy_from_slice(&(at.loop_index as u64).to_le_bytes());
    body
}

fn conn_of(body: &[u8]) -> ConnRef {
    let number = |part: &[u8]| {
        part.iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u64::from(*byte))
    };
    let (id, loop_index) = body.split_at(8);
    ConnRef {
        id: number(id),
        loop_index: number(loop_index) as usize,
    }
}

impl PubSub {
    /// Takes `notify-keyspace-events` over, whose bits are those of the reference; the classes to be announced.
    pub fn set_events(&self, bits: u64) -> EventClass {
        let channels = bits as u8 & (KEYSPACE | KEYEVENT);
        self.event_channels.store(channels, Ordering::Relaxed);
        if channels == 0 {
            EventClass::NONE
        } else {
            EventClass::from_bits(bits as u16)
        }
    }

    /// Publishes an event. `channel` is room for the names of channels.
    fn publish_event(&self, database: usize, event: &str, key: &[u8], channel: &mut Vec<u8>) {
        let channels = self.event_channels.load(Ordering::Relaxed);
        let mut publish = |kind: &str, about: &[u8], payload: &[u8]| {
            channel.clear();
            // a Vec takes all that is written to it
            let _ = write!(channel, "__{kind}@{database}__:");
            channel.extend_from_slice(about);
            self.publish(Scope::Global, channel, payload);
        };
        if channels & KEYSPACE != 0 {
            publish("keyspace", key, event.as_bytes());
        }
        if channels & KEYEVENT != 0 {
            publish("keyevent", event.as_bytes(), key);
        }
    }
}

impl Announcer for PubSub {
    fn announce(&self, announcements: &Announcements) {
        let mut channel = Vec::new();
        for announcement in announcements.iter() {
            match announcement {
                Announcement::Event {
                    database,
                    event,
                    key,
                    ..
                } => {
                    if self.channel_count(Scope::Global) > 0 || self.pattern_count() > 0 {
                        self.publish_event(database, event, key, &mut channel);
                    }
                }
                Announcement::Message { kind, topic, body } => match Told::from_code(kind) {
                    Some(Told::Message(scope)) => {
                        self.publish(scope, topic, body);
                    }
                    Some(Told::Subscribed(kind)) => {
                        self.enter(conn_of(body), kind, topic);
                    }
                    Some(Told::Unsubscribed(kind)) => {
                        let at = conn_of(body);
                        self.leave(at, kind, topic, self.queues.get(at.loop_index));
                    }
                    None => debug_assert!(false, "nobody tells {kind}"),
                },
            }
        }
    }
}
