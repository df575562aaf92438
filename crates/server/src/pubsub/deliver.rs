//! The loop's side: letters out of its queue into its connections.

use std::sync::Arc;

use perilune_net::{Conn, ConnRef, Turn};

use super::PubSub;
use super::message::{Letterhead, Message as Published};
use super::patterns::Pattern;
use crate::server::Server;
use crate::service::Message;
use crate::session::Session;

/// Messages handed out in one go before the loop's connections have their turn.
const DELIVERIES_MAX: usize = 4096;

/// The ticket of those who wait for room in a queue. Tickets of parked transactions count from 1, that of a pause is the highest bit.
pub const ROOM_TICKET: u64 = 1 << 62;

/// A message for a connection that another thread had when it was delivered.
pub struct Held {
    message: Arc<Published>,
    pattern: Option<Arc<Pattern>>,
}

impl PubSub {
    /// Whether some queue is so long that those who publish are to wait, and notes that this one does.
    fn wait_for_room(&self, at: ConnRef) -> bool {
        self.queues
            .iter()
            .any(|queue| queue.is_crowded() && queue.wait_for_room(at))
    }
}

impl Server {
    /// Hands out what has been published for this loop up to now. `own` is the connection that is being served. True if there
    /// is more, because this took long or something came meanwhile.
    fn deliver(
        &self,
        turn: &mut Turn<'_, Self>,
        mut own: Option<&mut Conn<Session>>,
        deliveries_max: usize,
    ) -> bool {
        let queue = &self.pubsub.queues[turn.loop_index()];
        let last = queue.posted();
        let (mut ids, mut woken) = (Vec::new(), Vec::new());
        let mut delivered = 0;
        while delivered < deliveries_max && turn.take_back() {
            let Some((number, letter)) = queue.pop(last, &mut woken) else {
                break;
            };
            for at in woken.drain(..) {
                turn.net().wake(at, ROOM_TICKET);
            }
            for target in &letter.targets {
                let letterhead = Letterhead {
                    message: &letter.message,
                    pattern: target.pattern.as_deref(),
                };
                let write = |conn: &mut Conn<Session>| {
                    letterhead.write(conn.session.protocol, &mut conn.out);
                };
                target.listeners.collect(number, &mut ids);
                delivered += ids.len();
                for id in ids.drain(..) {
                    if let Some(conn) = own.as_deref_mut().filter(|conn| conn.id() == id) {
                        write(conn);
                        continue;
                    }
                    // gone: then it has left or will
                    turn.reach(id, write, || {
                        Message::Deliver(Held {
                            message: letter.message.clone(),
                            pattern: target.pattern.clone(),
                        })
                    });
                }
            }
        }
        queue.has_letters()
    }

    /// The bell has rung.
    pub fn answer_bell(&self, turn: &mut Turn<'_, Self>) {
        if self.deliver(turn, None, DELIVERIES_MAX) {
            turn.net().post_loop(turn.loop_index(), Message::Ring);
        }
    }

    /// Before a subscribed connection's next command: what has been published by now comes before its reply. False if
    /// the loop is lost, so that this has to wait until the connection is home.
    pub fn catch_up(&self, turn: &mut Turn<'_, Self>, conn: &mut Conn<Session>) -> bool {
        let in_hand = turn.take_back();
        if in_hand {
            self.deliver(turn, Some(conn), usize::MAX);
        }
        in_hand
    }

    /// A message comes that was held back while another thread had the connection. It was published while the connection
    /// was subscribed: an EXEC that has ended that since did so later, and other commands run only behind this.
    pub fn deliver_held(&self, conn: &mut Conn<Session>, held: &Held) {
        let letterhead = Letterhead {
            message: &held.message,
            pattern: held.pattern.as_deref(),
        };
        letterhead.write(conn.session.protocol, &mut conn.out);
    }

    /// Tells the loops for which something has been published. At the end of a batch, and before anything that takes long.
    pub fn ring(&self) {
        let Some(net) = self.net() else { return };
        for (loop_index, queue) in self.pubsub.queues.iter().enumerate() {
            if queue.take_bell() {
                net.post_loop(loop_index, Message::Ring);
            }
        }
    }

    /// Whether a connection that has published is to wait because some loop is behind; it is woken with [`ROOM_TICKET`].
    pub fn must_wait_for_room(&self, session: &Session) -> bool {
        self.pubsub.wait_for_room(ConnRef {
            id: session.id,
            loop_index: session.client.info.loop_index,
        })
    }
}
