//! The server as the network sees it: bytes in, commands run, bytes out.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use perilune_keyspace::Wake;
use perilune_net::{
    After, CloseReason, Conn, ConnInfo, ConnRef, Flow, Input, Net, OutputLimits, Refusal, Report,
    Service, Turn,
};

use crate::blocking::Debt;
use crate::call::Local;
use crate::clients::{Client, flag};
use crate::config::ClientClass;
use crate::pubsub::Held;
use crate::server::Server;
use crate::session::Session;

/// What threads tell loops and connections.
pub enum Message {
    /// To a loop: something has been published for it.
    Ring,
    /// To a connection: what was published while another thread had it.
    Deliver(Held),
    /// To a connection: its blocking command has its answer.
    Unblocked,
    /// To a loop, whichever: something is owed to waiters.
    Owed(Arc<Debt>),
}

/// Wakes a connection whose stripe is free.
struct ConnWaker {
    net: Net<Server>,
    at: ConnRef,
}

impl Wake for ConnWaker {
    fn wake(&self, ticket: u64) {
        self.net.wake(self.at, ticket);
    }
}

impl Service for Server {
    type Session = Session;
    type Local = Local;
    type Message = Message;

    fn local(&self) -> Local {
        self.new_local()
    }

    fn accept(&self, info: &ConnInfo) -> Result<Session, Refusal> {
        self.connections.received.fetch_add(1, Ordering::Relaxed);
        let refuse = |text: &[u8]| {
            self.connections.rejected.fetch_add(1, Ordering::Relaxed);
            self.stats.errors.count(&text[1..]);
            Err(Refusal(text.to_vec()))
        };
        if info.live as u64 >= self.settings.network.maxclients.get() {
            return refuse(b"-ERR max number of clients reached\r\n");
        }
        let needs_password = !self.settings.security.requirepass.is_empty();
        if self.settings.network.protected_mode.get() && !needs_password && !is_local(info) {
            return refuse(PROTECTED_MODE);
        }
        let Some(net) = self.net() else {
            return Err(Refusal(Vec::new()));
        };
        let client = Arc::new(Client::new(info));
        self.clients.add(client.clone());
        let at = ConnRef {
            id: info.id,
            loop_index: info.loop_index,
        };
        let waker = Arc::new(ConnWaker {
            net: net.clone(),
            at,
        });
        Ok(Session::new(client, waker, !needs_password))
    }

    fn on_input(
        &self,
        turn: &mut Turn<'_, Self>,
        conn: &mut Conn<Session>,
        input: &mut Input<'_>,
    ) -> Flow {
        if conn.stats().is_closing() {
            // killed: what it has sent does not count any more
            return Flow::Close;
        }
        let waits = flag::WAITS | flag::PARKED;
        if conn.session.client.flags.has_any(waits) {
            conn.session.client.flags.set(waits, false);
            self.note_resumed(&conn.session);
        }
        self.run_batch(turn, conn, input)
    }

    fn on_message(
        &self,
        turn: &mut Turn<'_, Self>,
        conn: &mut Conn<Session>,
        message: Message,
    ) -> After {
        match message {
            Message::Deliver(held) => {
                self.deliver_held(conn, &held);
                After::Stay
            }
            Message::Unblocked => self.on_unblocked(conn, &turn.local().thread),
            Message::Ring | Message::Owed(_) => After::Stay,
        }
    }

    fn on_loop_message(&self, turn: &mut Turn<'_, Self>, message: Message) {
        match message {
            Message::Ring => self.answer_bell(turn),
            Message::Owed(debt) => {
                debt.pay(self, &turn.local().thread);
                if turn.local().thread.published.take() {
                    self.ring();
                }
            }
            Message::Deliver(_) | Message::Unblocked => {}
        }
    }

    fn on_timeout(&self, turn: &mut Turn<'_, Self>, conn: &mut Conn<Session>) -> After {
        self.on_wait_timeout(conn, &turn.local().thread)
    }

    fn on_close(&self, conn: &mut Conn<Session>, reason: CloseReason) {
        self.forget_wait(&mut conn.session);
        self.note_resumed(&conn.session);
        self.forget_retry(&mut conn.session);
        self.pubsub.unsubscribe_all(&conn.session.client);
        self.clients.remove(conn.session.id);
        self.pause.forget(conn.session.id);
        self.connections.note_gone(conn.stats(), reason);
    }

    fn on_tick(&self, turn: &mut Turn<'_, Self>) {
        let Local {
            vm,
            scripts,
            thread,
            ..
        } = turn.local();
        scripts.follow(&self.scripts, vm);
        scripts.functions.follow(&self.functions, vm);
        thread.slot.show_vm_memory(vm.tidy());
        if turn.loop_index() == 0 {
            self.cron();
            self.check_pause();
        }
        // keys may have expired, and what a transaction told that was taken back has not been rung for
        self.ring();
    }

    fn output_limits(&self, conn: &Conn<Session>) -> OutputLimits {
        let class = if conn.session.client.flags.has(flag::PUBSUB) {
            ClientClass::PubSub
        } else {
            ClientClass::Normal
        };
        let limit = self.settings.network.client_output_buffer_limit.get(class);
        OutputLimits {
            hard_bytes: limit.hard,
            soft_bytes: limit.soft,
            soft_seconds: limit.soft_seconds,
        }
    }

    fn report(&self, report: Report<'_>) {
        crate::log::warning(format_args!("{report:?}"));
    }
}

const PROTECTED_MODE: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";

/// Whether a connection comes from this machine.
pub fn is_local(info: &ConnInfo) -> bool {
    match &info.peer {
        perilune_net::Address::Tcp(address) => address.ip().to_canonical().is_loopback(),
        perilune_net::Address::Unix(_) => true,
    }
}
