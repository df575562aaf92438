//! A connection as others see it, and its line in CLIENT LIST.
//!
//! The fields and their order are the reference server's. What they mean here, where that is not plain:
//!
//! | field          | shows                                                                                    |
//! |----------------|------------------------------------------------------------------------------------------|
//! | `flags`        | `P` subscribed, `x` in MULTI, `d` watched key changed, `b` its command waits, `c` ends after its reply, `U` Unix socket, `e` `T` `I` NO-EVICT, NO-TOUCH, IMPORT-SOURCE; `N` for none |
//! | `qbuf`         | bytes of requests that are not complete; `qbuf-free` is what its buffer has room for besides |
//! | `argv-mem`     | the arguments of the running command, known of the caller only                            |
//! | `rbs`, `rbp`   | room for replies: a connection has some only while it leaves replies unread                |
//! | `obl`          | unread replies, as long as they are few; from then on they count as one block (`oll`) of `omem` bytes |
//! | `redir`        | there is no tracking yet                                                                  |

use std::io::Write as _;
use std::sync::Arc;

use perilune_command::until_nul;
use perilune_net::{Conn, ConnStats};

use crate::call::Call;
use crate::clients::{Client, flag};
use crate::server::Server;
use crate::session::Session;

/// Up to so many bytes unread replies are what every client has now and then.
const USUAL_OUTPUT_BYTES: usize = 16 * 1024;

/// Who asks.
pub struct Caller {
    /// Its number.
    pub id: u64,
    /// The length of its arguments.
    argument_bytes: usize,
}

impl Caller {
    /// The connection of a call.
    pub fn of(call: &Call<'_>, arguments: &[&[u8]]) -> Self {
        Self {
            id: call.session.id,
            argument_bytes: arguments.iter().map(|argument| argument.len()).sum(),
        }
    }
}

/// A connection, looked at.
pub struct View<'a> {
    /// What it shows of itself.
    pub client: &'a Client,
    server: &'a Server,
    /// What the network knows of it; nothing while it is on its way in or out.
    stats: Option<Arc<ConnStats>>,
    now_ms: u64,
}

impl<'a> View<'a> {
    /// Looks at a connection.
    pub fn of(server: &'a Server, client: &'a Client) -> Self {
        let net = server.net();
        let stats = net.and_then(|net| net.conn(client.id));
        Self {
            client,
            server,
            stats,
            now_ms: net.map_or(0, |net| net.now_ms()),
        }
    }

    fn stat<T: Default>(&self, read: impl FnOnce(&ConnStats) -> T) -> T {
        self.stats.as_deref().map(read).unwrap_or_default()
    }

    /// For how long it has been there.
    pub fn age_s(&self) -> u64 {
        self.stat(|stats| self.now_ms.saturating_sub(stats.created_ms()) / 1000)
    }

    fn idle_s(&self) -> u64 {
        self.stat(|stats| self.now_ms.saturating_sub(stats.last_active_ms()) / 1000)
    }

    fn flags(&self) -> String {
        let has = |flags: u32| self.client.flags.has(flags);
        let flags: String = [
            ('P', has(flag::PUBSUB)),
            ('x', has(flag::MULTI)),
            ('b', has(flag::WAITS) || has(flag::BLOCKED)),
            ('d', self.client.is_dirty()),
            ('c', has(flag::CLOSE_AFTER_REPLY)),
            ('U', has(flag::UNIX_SOCKET)),
            ('e', has(flag::NO_EVICT)),
            ('T', has(flag::NO_TOUCH)),
            ('I', has(flag::IMPORT_SOURCE)),
        ]
        .into_iter()
        .filter_map(|(letter, on)| on.then_some(letter))
        .collect();
        if flags.is_empty() { "N".into() } else { flags }
    }

    /// The full name of its last command.
    fn command(&self) -> &str {
        match self.client.last_command.get() {
            0 => "NULL",
            number => &self.server.registry.entries()[number as usize - 1].full_name,
        }
    }

    /// Appends its line.
    pub fn write_line(&self, caller: &Caller, to: &mut Vec<u8>) {
        let client = self.client;
        let is_caller = client.id == caller.id;
        let description = client.description().clone();
        let argument_bytes = if is_caller { caller.argument_bytes } else { 0 };
        let (input, input_room) = self.stat(|stats| (stats.input_len(), stats.input_room()));
        let (output, output_room) = self.stat(|stats| (stats.output_len(), stats.output_room()));
        let is_usual = output <= USUAL_OUTPUT_BYTES;
        let memory_bytes = size_of::<Conn<Session>>()
            + size_of::<Client>()
            + size_of::<ConnStats>()
            + input_room
            + output_room
            + argument_bytes
            + client.multi_bytes.get() as usize;
        let events = if output > 0 { "rw" } else { "r" };
        let mut field = |name: &str, value: &dyn std::fmt::Display| {
            // a Vec takes all that is written to it
            let _ = write!(to, "{name}={value} ");
        };
        field("id", &client.id);
        field("addr", &client.info.peer);
        field("laddr", &client.info.local);
        field("fd", &client.info.fd);
        field("name", &lossy(&description.name));
        field("age", &self.age_s());
        field("idle", &self.idle_s());
        field("flags", &self.flags());
        field(
            "capa",
            &if client.flags.has(flag::CAN_REDIRECT) {
                "r"
            } else {
                ""
            },
        );
        field("db", &client.database.get());
        let subscriptions = client.subscriptions();
        let [channels, patterns, shard_channels] =
            subscriptions.as_ref().map_or([0; 3], |own| own.counts());
        drop(subscriptions);
        field("sub", &channels);
        field("psub", &patterns);
        field("ssub", &shard_channels);
        // once a watched key has changed nothing is queued or watched any more
        let (multi, watching) = if client.is_dirty() {
            (1, 0)
        } else {
            (client.multi.get(), client.watching.get())
        };
        field("multi", &(multi as i64 - 1));
        field("watch", &watching);
        field("qbuf", &input);
        field("qbuf-free", &input_room.saturating_sub(input));
        field("argv-mem", &argument_bytes);
        field("multi-mem", &client.multi_bytes.get());
        field("rbs", &output_room);
        field("rbp", &output_room);
        field("obl", &if is_usual { output } else { 0 });
        field("oll", &u8::from(!is_usual));
        field("omem", &if is_usual { 0 } else { output_room });
        field("tot-mem", &memory_bytes);
        field("events", &events);
        field("cmd", &self.command());
        field("user", &"default");
        field("redir", &-1);
        field("resp", &client.protocol.get());
        field("lib-name", &lossy(&description.library_name));
        field("lib-ver", &lossy(&description.library_version));
        field("tot-net-in", &self.stat(ConnStats::bytes_in));
        field("tot-net-out", &self.stat(ConnStats::bytes_out));
        let _ = writeln!(to, "tot-cmds={}", client.commands.get());
    }
}

/// Names consist of printable ASCII characters, see `check_name`.
fn lossy(name: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(until_nul(name))
}
