//! One connection: its socket, its session, and what is on the way in either direction.
//!
//! A `Conn` is a box that whoever serves it has in hand. Between two batches it lies in its loop; while a thread works on it
//! it is out of the loop, so that the loop may go on without it. An idle connection holds no buffers: bytes are read
//! into a buffer of the thread, replies are written into another, and only what could not be finished (an incomplete request, output that
//! the client does not take) moves into the connection's own. Whoever needed an input buffer of its own probably will
//! again, so that is kept until the connection has been idle for a while, at the size that it needed lately.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

use crate::registry::ConnStats;
use crate::service::{CloseReason, OutputLimits};
use crate::stream::{Address, Stream};

/// How much is read at once.
pub(crate) const READ_LEN: usize = 64 * 1024;
/// How much is sent to one client before others have their turn.
const FLUSH_BYTES_MAX: usize = 1024 * 1024;
/// An output buffer that became bigger than this is given back when it is empty.
const OUT_KEPT_MAX: usize = 256 * 1024;
/// Of the others so many are kept, up to this size.
const OUT_SPARES_MAX: usize = 64;
const OUT_SPARE_BYTES_MAX: usize = 4 * 1024;
/// The smallest input buffer of a connection's own.
const INPUT_ROOM_MIN: usize = 16 * 1024;
/// Room for an announced request is made at once up to this size, and beyond it as bytes arrive. Memory that nothing was
/// written to costs addresses, not memory.
const INPUT_ROOM_AHEAD_MAX: usize = 1024 * 1024;
/// An input buffer below this size is only given up when its connection is idle.
const INPUT_ROOM_TRIM_MIN: usize = 32 * 1024;
/// So much room is not worth trimming.
const INPUT_ROOM_WASTE_MAX: usize = 4 * 1024;
/// For how long a connection must be idle before it loses the room that it does not use.
const INPUT_IDLE_MS: u64 = 2000;
/// An input buffer whose room exceeds its content by this factor is replaced.
const INPUT_SLACK_FACTOR: usize = 4;

/// Who has come.
#[derive(Debug, Clone)]
pub struct ConnInfo {
    /// Never used again.
    pub id: u64,
    /// The loop it belongs to for its whole life.
    pub loop_index: usize,
    /// The client's end.
    pub peer: Address,
    /// The server's end.
    pub local: Address,
    /// The socket, for showing only.
    pub fd: RawFd,
    /// How many connections were live when it came, itself not counted.
    pub live: usize,
}

/// Where messages for a connection go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnRef {
    /// The connection.
    pub id: u64,
    /// Its loop.
    pub loop_index: usize,
}

/// What a connection waits for, besides bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parking {
    /// Nothing.
    None,
    /// For the ticket; the client going away does not matter.
    Park(u64),
    /// For the ticket, for the client going away, or for the deadline.
    Wait(u64, Option<Instant>),
}

impl Parking {
    /// What ends it.
    pub(crate) fn ticket(self) -> Option<u64> {
        match self {
            Parking::None => None,
            Parking::Park(ticket) | Parking::Wait(ticket, _) => Some(ticket),
        }
    }

    /// When it is over at the latest.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Parking::Wait(_, deadline) => deadline,
            _ => None,
        }
    }
}

/// A connection with the server's session `T`.
pub struct Conn<T> {
    /// What the service keeps for it.
    pub session: T,
    /// Output: append to it. It is sent when the service returns.
    pub out: Vec<u8>,
    /// True for those whom the idle timeout spares, such as subscribers.
    pub never_idle: bool,
    /// A limit for unparsed input below the general one, in bytes; zero means only the general one.
    pub input_limit_bytes: usize,
    pub(crate) stats: Arc<ConnStats>,
    pub(crate) stream: Stream,
    /// Bytes that were read and not consumed.
    pub(crate) input: Vec<u8>,
    /// How many bytes of `input` are wanted before anything can be done; 0 if not known.
    pub(crate) expected: usize,
    /// The most that `input` has held since it was last looked at for room to give back.
    pub(crate) input_peak: usize,
    /// The loop counts it among those with an input buffer.
    pub(crate) input_counted: bool,
    /// How much of `out` has been sent.
    pub(crate) sent: usize,
    pub(crate) parking: Parking,
    /// The deadline that the loop's timers have for it.
    pub(crate) timer: Option<Instant>,
    /// The socket may have bytes: an event said so, and no read has come back short since.
    pub(crate) readable: bool,
    /// The client has closed its end; what it sent before may still be unread.
    pub(crate) peer_closed: bool,
    /// Input was offered and not finished: offer it again without reading.
    pub(crate) unfinished: bool,
    /// The poller watches for room to write.
    pub(crate) watches_writable: bool,
    /// To be closed, as soon as the output is sent or at once.
    pub(crate) ending: Option<Ending>,
    /// Since when the output has been above its soft limit.
    pub(crate) over_soft_since_ms: Option<u64>,
    /// It is in the list of those whose output has to be sent.
    pub(crate) flush_listed: bool,
    /// Its output is held back until the end of the round.
    pub(crate) held_back: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    AfterOutput(CloseReason),
    Now(CloseReason),
}

impl<T> Conn<T> {
    pub(crate) fn new(session: T, stream: Stream, stats: Arc<ConnStats>) -> Self {
        Conn {
            session,
            out: Vec::new(),
            never_idle: false,
            input_limit_bytes: 0,
            stats,
            stream,
            input: Vec::new(),
            expected: 0,
            input_peak: 0,
            input_counted: false,
            sent: 0,
            parking: Parking::None,
            timer: None,
            readable: false,
            peer_closed: false,
            unfinished: false,
            watches_writable: false,
            ending: None,
            over_soft_since_ms: None,
            flush_listed: false,
            held_back: false,
        }
    }

    /// Its id, never used again.
    pub fn id(&self) -> u64 {
        self.stats.info().id
    }

    /// Where messages for it go.
    pub fn at(&self) -> ConnRef {
        self.stats.at()
    }

    /// What was known when it came.
    pub fn info(&self) -> &ConnInfo {
        self.stats.info()
    }

    /// Its counters; the `Arc` may be kept.
    pub fn stats(&self) -> &Arc<ConnStats> {
        &self.stats
    }

    /// Output not yet sent, in bytes.
    pub fn unsent(&self) -> usize {
        self.out.len() - self.sent
    }

    /// True between [`Flow::Park`](crate::Flow::Park) or `Wait` and its end.
    pub fn is_parked(&self) -> bool {
        self.parking != Parking::None
    }

    /// True when so much output has gathered that a service in the middle of a batch does well to return
    /// [`Flow::Yield`](crate::Flow::Yield).
    pub fn wants_flush(&self) -> bool {
        self.unsent() >= OUT_KEPT_MAX
    }

    /// Announces that nothing can be done before so many bytes, counted from the first not consumed, are there. The buffer
    /// grows towards that as bytes arrive; the announcement alone takes no memory. Holds until input is offered again.
    pub fn expect_input(&mut self, bytes: usize) {
        self.expected = bytes;
    }

    /// Closes it when the service returns, without sending what is unsent.
    pub fn close(&mut self, reason: CloseReason) {
        self.ending = Some(Ending::Now(reason));
    }

    /// Reads once: into `scratch`, or where a request has begun, behind its bytes.
    pub(crate) fn read(&mut self, scratch: &mut [u8]) -> io::Result<Got> {
        if self.input.is_empty() && self.expected <= scratch.len() {
            let len = self.stream.read(scratch)?;
            return Ok(Got {
                len,
                in_scratch: true,
                full: len == scratch.len(),
            });
        }
        let missing = self.expected.saturating_sub(self.input.len());
        if missing <= scratch.len() {
            let len = self.stream.read(scratch)?;
            self.keep_input(&scratch[..len]);
            return Ok(Got {
                len,
                in_scratch: false,
                full: len == scratch.len(),
            });
        }
        let (len, room) = (self.input.len(), self.input.capacity());
        if room == len || room < INPUT_ROOM_AHEAD_MAX {
            // At most as much again as has arrived, and exactly what is missing once that is less.
            let ahead = INPUT_ROOM_AHEAD_MAX.saturating_sub(len);
            self.input.reserve_exact(missing.min(len.max(ahead)));
        }
        let room = missing.min(self.input.capacity() - self.input.len());
        let before = self.input.len();
        let result = self.stream.append_to(&mut self.input, room);
        let len = self.input.len() - before;
        match result {
            // Fewer than asked for without an error: the stream has ended, and the next read will say so again.
            Ok(_) => Ok(Got {
                len,
                in_scratch: false,
                full: true,
            }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && len > 0 => Ok(Got {
                len,
                in_scratch: false,
                full: false,
            }),
            Err(error) => Err(error),
        }
    }

    /// Appends bytes to the input.
    pub(crate) fn keep_input(&mut self, bytes: &[u8]) {
        if self.input.capacity() == 0 {
            self.input.reserve_exact(bytes.len().max(INPUT_ROOM_MIN));
        }
        self.input.extend_from_slice(bytes);
    }

    /// Forgets the first `consumed` bytes of the input, and room for what is left that is out of proportion.
    pub(crate) fn drop_input(&mut self, consumed: usize) {
        self.input_peak = self.input_peak.max(self.input.len());
        if consumed == self.input.len() {
            self.input.clear();
            return;
        }
        self.input.drain(..consumed);
        let room_max = (self.input.len() * INPUT_SLACK_FACTOR).max(READ_LEN);
        if self.input.capacity() > room_max && self.expected < self.input.capacity() {
            self.input.shrink_to_fit();
        }
    }

    /// Gives back room for input that was not needed lately. True if there was any.
    pub(crate) fn trim_input(&mut self, now_ms: u64) -> bool {
        let (len, room) = (self.input.len(), self.input.capacity());
        let wanted = self.expected.min(room).max(len);
        let peak = std::mem::replace(&mut self.input_peak, wanted).max(wanted);
        if room - len <= INPUT_ROOM_WASTE_MAX {
            return false;
        }
        if now_ms.saturating_sub(self.stats.last_active_ms()) > INPUT_IDLE_MS {
            self.input.shrink_to_fit();
        } else if room > INPUT_ROOM_TRIM_MIN && room / 2 > peak {
            self.input.shrink_to(peak.max(INPUT_ROOM_MIN));
        }
        self.input.capacity() < room
    }

    /// Sends output until all is sent (`true`), or the socket takes no more, or it is the others' turn.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let mut budget = FLUSH_BYTES_MAX;
        while self.sent < self.out.len() {
            if budget == 0 {
                return Ok(false);
            }
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => {
                    self.sent += len;
                    self.stats.add_out(len);
                    budget = budget.saturating_sub(len);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.compact_output();
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Where much output has gathered: sends what the socket takes, and closes the connection if it is over its limits.
    /// A socket that is known to be full is not tried.
    pub(crate) fn relieve(&mut self, now_ms: u64, limits: impl FnOnce(&Self) -> OutputLimits) {
        if !self.wants_flush() {
            return;
        }
        if !self.watches_writable {
            match self.flush() {
                Ok(true) => {
                    self.over_soft_since_ms = None;
                    return;
                }
                Ok(false) => {}
                Err(error) => return self.close(CloseReason::Error(error.kind())),
            }
        }
        let limits = limits(self);
        if self.over_output_limit(limits, now_ms) {
            self.close(CloseReason::OutputLimit);
        }
    }

    /// Moves the unsent rest to the front once more has been sent than is left, so that each byte moves at most once.
    fn compact_output(&mut self) {
        if self.sent > self.unsent() {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Lends one of the thread's output buffers to a connection that has none.
    pub(crate) fn lend_output(&mut self, spares: &mut Vec<Vec<u8>>) {
        if self.out.capacity() == 0 {
            self.out = spares.pop().unwrap_or_default();
        }
    }

    /// Gives an empty output buffer back to the thread, or to the allocator if it became too big or the thread has
    /// enough.
    pub(crate) fn return_output(&mut self, spares: &mut Vec<Vec<u8>>) {
        if self.out.is_empty() {
            let out = std::mem::take(&mut self.out);
            let kept_max = match spares.len() {
                0 => OUT_KEPT_MAX,
                1..OUT_SPARES_MAX => OUT_SPARE_BYTES_MAX,
                _ => 0,
            };
            if (1..=kept_max).contains(&out.capacity()) {
                spares.push(out);
            }
        }
    }

    /// Whether the client leaves too much output unread, by these limits and at this time.
    pub(crate) fn over_output_limit(&mut self, limits: OutputLimits, now_ms: u64) -> bool {
        let unsent = self.unsent() as u64;
        if limits.hard_bytes > 0 && unsent >= limits.hard_bytes {
            return true;
        }
        if limits.soft_bytes == 0 || unsent < limits.soft_bytes {
            self.over_soft_since_ms = None;
            return false;
        }
        let since = *self.over_soft_since_ms.get_or_insert(now_ms);
        now_ms.saturating_sub(since) > limits.soft_seconds * 1000
    }

    pub(crate) fn publish_lens(&self) {
        let output_room = if self.unsent() == 0 {
            0
        } else {
            self.out.capacity()
        };
        self.stats.set_buffers(
            (self.input.len(), self.input.capacity()),
            (self.unsent(), output_room),
        );
    }
}

/// What a read brought.
pub(crate) struct Got {
    pub(crate) len: usize,
    /// The bytes are in the thread's buffer; otherwise behind the connection's input.
    pub(crate) in_scratch: bool,
    /// There may be more.
    pub(crate) full: bool,
}

/// The bytes of a connection that the service has not consumed yet.
#[derive(Debug)]
pub struct Input<'a> {
    bytes: &'a [u8],
    consumed: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Input { bytes, consumed: 0 }
    }

    /// The bytes not consumed. They stay where they are until the service returns, even if the loop goes its own way.
    pub fn bytes(&self) -> &'a [u8] {
        &self.bytes[self.consumed..]
    }

    /// Marks the first `len` of them as done with.
    pub fn consume(&mut self, len: usize) {
        assert!(
            len <= self.bytes.len() - self.consumed,
            "consumed more than there was"
        );
        self.consumed += len;
    }

    pub(crate) fn consumed(&self) -> usize {
        self.consumed
    }
}
