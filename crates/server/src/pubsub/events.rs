//! What transactions tell as they commit: keyspace events, and what scripts and EXEC publish.
//!
//! This runs under the stripes of what was changed. It puts letters into queues and does no more: no connection is touched
//! and no loop is woken here.

use std::io::Write as _;
use std::sync::atomic::Ordering;

use perilune_keyspace::{Announcement, Announcements, Announcer, EventClass};

use super::{PubSub, Scope};

/// `K`: events go to `__keyspace@db__:key`.
const KEYSPACE: u8 = 1;
/// `E`: events go to `__keyevent@db__:event`.
const KEYEVENT: u8 = 2;

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
        let is_heard = self.channel_count(Scope::Global) > 0 || self.pattern_count() > 0;
        let mut channel = Vec::new();
        for announcement in announcements.iter() {
            match announcement {
                Announcement::Event {
                    database,
                    event,
                    key,
                    ..
                } => {
                    if is_heard {
                        self.publish_event(database, event, key, &mut channel);
                    }
                }
                Announcement::Message { kind, topic, body } => {
                    self.publish(Scope::from_code(kind), topic, body);
                }
            }
        }
    }
}
