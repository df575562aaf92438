//! The requests of one connection that have come together: read ahead, then run.
//!
//! A client that pipelines sends many requests at once. Up to [`LOOKAHEAD`] of them are parsed before the first runs, and
//! the memory that they will touch is asked for in steps (stripe, bucket, entry), each for all of them: so their cache
//! misses overlap. A request that comes alone is run at once.

use std::ops::Range;
use std::time::Instant;

use perilune_command::{Access, Group, KeyShape};
use perilune_keyspace::KeyAhead;
use perilune_net::{Conn, Flow, Input, Turn};
use perilune_resp::{Parsed, ProtocolError, RequestLimits, RequestParser, RespWriter, read_usual};
use smallvec::SmallVec;

use crate::blocking;
use crate::call::{Local, TableEntry};
use crate::clients::flag;
use crate::dispatch::Verdict;
use crate::pubsub::ROOM_TICKET;
use crate::scripting::only_script_key;
use crate::server::Server;
use crate::session::{ReplyMode, Session};

/// Requests that are parsed before the first of them runs: as many misses as a core can have under way, about.
const LOOKAHEAD: usize = 16;

/// Requests run in one go before other connections have their turn.
const BATCH_MAX: usize = 1024;

/// Words that fit on the stack: those of a batch of small requests.
const WORDS_INLINE: usize = 64;

/// Requests that have been read ahead.
#[derive(Default)]
struct Ahead<'a> {
    /// The words of all, one request's behind the other's.
    words: SmallVec<[&'a [u8]; WORDS_INLINE]>,
    parcels: SmallVec<[Parcel; LOOKAHEAD]>,
    /// The keys of those that have just one.
    keys: SmallVec<[KeyAhead<'a>; LOOKAHEAD]>,
}

/// One of them.
struct Parcel {
    /// Which of the words are its arguments, its name the first.
    words: Range<usize>,
    /// How many bytes of the input it took.
    consumed: usize,
    /// Its command, if the name is that of a single command.
    entry: Option<&'static TableEntry>,
    /// The hash of its key, if it has just one.
    hash: Option<u64>,
}

/// What stands behind the parcels of a batch.
enum Behind {
    /// More requests, perhaps.
    More,
    /// Part of a request; its parser knows the rest.
    Part { consumed: usize, parser: usize },
    /// Nothing that could be read.
    Garbage { error: ProtocolError, parser: usize },
}

/// Parsers for what is read ahead. Each lends its list of arguments while its request waits to be run.
#[derive(Default)]
pub struct Parsers {
    parsers: Vec<RequestParser>,
}

impl Parsers {
    /// Makes the parser that stopped in the middle of something as good as new: what it has seen of one connection
    /// must not be part of another's.
    fn forget(&mut self, behind: &Behind) {
        if let Behind::Part { parser, .. } | Behind::Garbage { parser, .. } = *behind {
            self.parsers[parser] = RequestParser::new();
        }
    }
}

impl Ahead<'_> {
    /// Adds a request with the words from `first` on, and asks for the stripe that it will touch.
    #[inline]
    fn push(&mut self, server: &Server, first: usize, consumed: usize) {
        let arguments = &self.words[first..];
        let entry = match self.parcels.last() {
            // who pipelines mostly says the same again
            Some(last) if self.words[last.words.start] == arguments[0] => last.entry,
            // nobody may call a subcommand by its full name
            _ => server
                .registry
                .get(arguments[0])
                .filter(|entry| entry.subcommands.is_empty() && entry.container.is_none()),
        };
        let index = entry.and_then(|entry| match entry.keys {
            KeyShape::One(index)
                if matches!(entry.access(), Some(Access::Read | Access::Write)) =>
            {
                Some(index)
            }
            _ => only_script_key(entry, arguments),
        });
        let hash = index.and_then(|index| arguments.get(index)).map(|key| {
            let hash = server.keyspace.hash(key);
            server.keyspace.prefetch_stripe(hash);
            self.keys.push(KeyAhead {
                hash,
                may_be_object: entry.is_some_and(may_meet_objects),
                member: entry
                    .and_then(|entry| entry.member)
                    .and_then(|index| arguments.get(index))
                    .copied(),
                side: entry.and_then(|entry| entry.spec.side),
            });
            hash
        });
        self.parcels.push(Parcel {
            words: first..self.words.len(),
            consumed,
            entry,
            hash,
        });
    }
}

impl Server {
    /// Runs all complete requests of the input.
    pub fn run_batch(
        &self,
        turn: &mut Turn<'_, Self>,
        conn: &mut Conn<Session>,
        input: &mut Input<'_>,
    ) -> Flow {
        let mut parsers = std::mem::take(&mut turn.local().parsers);
        parsers.parsers.resize_with(LOOKAHEAD, RequestParser::new);
        // what has been seen of a request that was incomplete so far
        std::mem::swap(&mut parsers.parsers[0], &mut conn.session.parser);
        let mut flow = Flow::Yield;
        for _ in 0..BATCH_MAX / LOOKAHEAD {
            if let Some(end) = self.run_parcels(turn, conn, input, &mut parsers) {
                flow = end;
                break;
            }
        }
        turn.local().parsers = parsers;
        self.time_batch(turn.local());
        if turn.local().thread.published.take() {
            self.ring();
        }
        conn.never_idle = conn.session.client.flags.has(flag::PUBSUB);
        flow
    }

    /// Parses some requests and runs them; what becomes of the connection, if that ends the batch.
    fn run_parcels(
        &self,
        turn: &mut Turn<'_, Self>,
        conn: &mut Conn<Session>,
        input: &mut Input<'_>,
        parsers: &mut Parsers,
    ) -> Option<Flow> {
        let limits = RequestLimits {
            bulk_len_max: self.settings.network.proto_max_bulk_len.get(),
            authenticated: conn.session.authenticated,
        };
        // AUTH changes what may be read behind it
        let count = if limits.authenticated { LOOKAHEAD } else { 1 };
        let mut ahead = Ahead::default();
        let mut behind = Behind::More;
        let mut rest = input.bytes();
        for (number, parser) in parsers.parsers[..count].iter_mut().enumerate() {
            let first = ahead.words.len();
            // what was cut is with its parser
            let usual = if limits.authenticated && parser.is_idle() {
                read_usual(rest, |word| ahead.words.push(word))
            } else {
                None
            };
            let consumed = match usual {
                Some(consumed) => consumed,
                None => {
                    ahead.words.truncate(first);
                    match parser.parse(rest, &limits) {
                        Ok(Parsed::Request(request)) => {
                            ahead.words.extend(request.args);
                            request.consumed
                        }
                        Ok(Parsed::Incomplete { consumed }) => {
                            behind = Behind::Part {
                                consumed,
                                parser: number,
                            };
                            break;
                        }
                        Err(error) => {
                            behind = Behind::Garbage {
                                error,
                                parser: number,
                            };
                            break;
                        }
                    }
                }
            };
            rest = &rest[consumed..];
            ahead.push(self, first, consumed);
        }
        if ahead.keys.len() > 1 {
            self.keyspace.prefetch(conn.session.database, &ahead.keys);
        }
        for parcel in &ahead.parcels {
            let arguments = &ahead.words[parcel.words.clone()];
            if let Some(flow) = self.run_parcel(turn, conn, input, parcel, arguments) {
                // what was read ahead is read again, by a parser that knows nothing of it
                drop(ahead);
                conn.session.parser = RequestParser::new();
                parsers.forget(&behind);
                return Some(flow);
            }
        }
        drop(ahead);
        match behind {
            Behind::More => None,
            Behind::Part { consumed, parser } => {
                input.consume(consumed);
                std::mem::swap(&mut conn.session.parser, &mut parsers.parsers[parser]);
                conn.expect_input(conn.session.parser.bytes_wanted());
                Some(Flow::Continue)
            }
            Behind::Garbage { ref error, .. } => {
                parsers.forget(&behind);
                self.stats.errors.count(&error.message());
                crate::log::verbose(format_args!(
                    "Protocol error from client {}: {error}",
                    conn.session.id
                ));
                error.write(&mut RespWriter::new(&mut conn.out, conn.session.protocol));
                Some(Flow::CloseAfterReply)
            }
        }
    }

    /// Runs one request; what becomes of the connection, if that ends the batch.
    fn run_parcel(
        &self,
        turn: &mut Turn<'_, Self>,
        conn: &mut Conn<Session>,
        input: &mut Input<'_>,
        parcel: &Parcel,
        arguments: &[&[u8]],
    ) -> Option<Flow> {
        if conn.session.client.flags.has(flag::PUBSUB) || conn.session.catches_up {
            if !self.catch_up(turn, conn) {
                // at home it gets what has been held back for it, and goes on
                return Some(Flow::Yield);
            }
            conn.session.catches_up = false;
        }
        let start = conn.out.len();
        let found = parcel.entry.zip(parcel.hash);
        match self.dispatch(turn, &mut conn.session, &mut conn.out, arguments, found) {
            Verdict::Done => {}
            Verdict::Park(ticket) => {
                // those of stripes are the lowest
                let waits = if ticket < ROOM_TICKET {
                    flag::PARKED
                } else {
                    flag::WAITS
                };
                conn.session.client.flags.set(waits, true);
                return Some(Flow::Park(ticket));
            }
            Verdict::Block => {
                input.consume(parcel.consumed);
                let deadline = conn.session.blocked.as_ref().and_then(|(_, until)| *until);
                return Some(Flow::Wait(blocking::TICKET, deadline));
            }
        }
        input.consume(parcel.consumed);
        let session = &mut conn.session;
        if session.reply_mode != ReplyMode::ON {
            if session.reply_mode.is_quiet() && !session.reply_is_settled {
                conn.out.truncate(start);
            }
            session.reply_mode.end_command();
        }
        session.reply_is_settled = false;
        if session.close_after_reply {
            session.client.flags.set(flag::CLOSE_AFTER_REPLY, true);
            return Some(Flow::CloseAfterReply);
        }
        if turn.local().thread.published.get() && self.must_wait_for_room(session) {
            session.client.flags.set(flag::WAITS, true);
            return Some(Flow::Park(ROOM_TICKET));
        }
        conn.wants_flush().then_some(Flow::Yield)
    }

    /// Appends the answer of a command that has waited.
    pub(crate) fn answer_late(&self, conn: &mut Conn<Session>, answer: &[u8]) {
        let start = conn.out.len();
        conn.out.extend_from_slice(answer);
        let session = &mut conn.session;
        session.client.commands.add(1);
        if session.reply_mode.is_quiet() {
            conn.out.truncate(start);
        }
        session.reply_mode.end_command();
    }

    /// Attributes the time of a batch to its commands, in equal parts: looking at the clock around each would cost a
    /// plain command a tenth of its time. What may run for long is timed by itself.
    fn time_batch(&self, local: &mut Local) {
        local.script_ended = None;
        let Some(began) = local.batch_began.take() else {
            return;
        };
        let share = began.elapsed().as_nanos() as u64 / local.batch.len().max(1) as u64;
        for id in local.batch.drain(..) {
            local.thread.shard.commands[usize::from(id)]
                .nanoseconds
                .add(share);
        }
    }
}

/// Whether a command may meet objects that do not stand in their entries: short strings do.
fn may_meet_objects(entry: &TableEntry) -> bool {
    matches!(
        entry.spec.group,
        Group::List | Group::Set | Group::SortedSet | Group::Hash | Group::Scripting
    )
}

impl Local {
    /// Counts a plain command, to be timed with its batch.
    #[inline]
    pub fn count_in_batch(&mut self, id: usize) {
        self.script_ended = None;
        if self.batch.is_empty() {
            self.batch_began = Some(Instant::now());
        }
        self.batch.push(id as u16);
        self.thread.shard.commands[id].calls.add(1);
    }
}
