//! New connections: taken from the listeners by the first loop, each given to the loop with the fewest.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::conn::{Conn, ConnInfo};
use crate::core::Ready;
use crate::drive::{Driver, guarded};
use crate::listener::set_keepalive;
use crate::net::Mail;
use crate::registry::ConnStats;
use crate::service::{CloseReason, Report, Service};
use crate::stream::{Address, Stream};

/// How many are accepted before those who are in have their turn.
const ACCEPTS_PER_TURN: usize = 1000;

impl<S: Service> Driver<'_, S> {
    /// Accepts whoever waits at this listener.
    pub(crate) fn accept(&mut self, listener: usize) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(socket) = self.turn.core().listeners.get(listener) else {
                return;
            };
            match socket.accept() {
                Ok((stream, peer, local)) => self.greet(stream, peer, local),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    // They left before they came in.
                    io::ErrorKind::Interrupted
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::NotConnected
                    | io::ErrorKind::InvalidInput => {}
                    // Out of descriptors or memory: those who wait keep waiting, and so does this loop, but not by
                    // spinning.
                    _ => {
                        self.turn.core().accept_failed = true;
                        return self.turn.service().report(Report::AcceptFailed(&error));
                    }
                },
            }
        }
        self.turn.core().ready.push_back(Ready::Listener(listener));
    }

    fn greet(&mut self, stream: Stream, peer: Address, local: Address) {
        let shared = &self.turn.net().shared;
        let loads = shared
            .hubs
            .iter()
            .map(|hub| hub.load.load(Ordering::Relaxed))
            .enumerate();
        let loop_index = loads
            .min_by_key(|&(_, load)| load)
            .map_or(0, |(index, _)| index);
        let info = ConnInfo {
            id: shared.next_conn_id.fetch_add(1, Ordering::Relaxed),
            loop_index,
            peer,
            local,
            fd: stream.fd(),
            live: shared.registry.live(),
        };
        let id = info.id;
        let session = match guarded(|| shared.service.accept(&info)) {
            Ok(Ok(session)) => session,
            Ok(Err(refusal)) => {
                // A socket that was just accepted takes a line of text; if not, the client sees a closed connection.
                let _ = stream.write(&refusal.0);
                return;
            }
            Err(panic) => return self.on_panic(Some(id), &mut None, &*panic),
        };
        set_keepalive(
            &stream,
            shared
                .settings
                .tcp_keepalive_seconds
                .load(Ordering::Relaxed),
        );
        let stats = Arc::new(ConnStats::new(info, shared.clock.now_ms()));
        shared.registry.enter(&stats);
        let hub = &shared.hubs[loop_index];
        hub.load.fetch_add(1, Ordering::Relaxed);
        let conn = Box::new(Conn::new(session, stream, stats));
        if loop_index == self.turn.loop_index() {
            if let Err((conn, error)) = self.turn.core().adopt(conn) {
                self.bury(conn, CloseReason::Error(error.kind()));
            }
        } else if let Err(Mail::Adopt(mut conn)) = hub.mailbox.post(Mail::Adopt(conn)) {
            hub.load.fetch_sub(1, Ordering::Relaxed);
            shared.registry.leave(id);
            shared.service.on_close(&mut conn, CloseReason::Shutdown);
        }
    }
}
