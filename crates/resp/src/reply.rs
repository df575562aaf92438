//! The shapes that an answer can have.
//!
//! A handler describes its answer once, in the richest terms (a map is a map, a double a double), and
//! whoever asked decides what becomes of it: a RESP2 or RESP3 client gets bytes in its output buffer, a
//! script gets Lua values. Nothing is built in between.
//!
//! Aggregates are announced with their length and followed by exactly that many elements (a map by twice
//! as many). A handler therefore knows its answer before it starts to write it: validate first, answer last.

use crate::writer::RespWriter;

/// Which version of the protocol the receiver speaks. It decides shapes that a handler cannot leave to the
/// receiver (a few commands answer flat in RESP2 and nested in RESP3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// RESP2: what a connection speaks until it says HELLO 3.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

/// Receives one answer, piece by piece.
pub trait Reply {
    /// The protocol whose shapes the receiver expects.
    fn protocol(&self) -> Protocol;

    /// The writer of bytes that the receiver is, if it is one. What answers many values says them to it directly, which
    /// spares a call through the table of methods for each: with that, and a loop over the elements that keeps its place in a
    /// register, LRANGE of 100 takes 8,800 instructions instead of 14,800.
    fn as_writer(&mut self) -> Option<RespWriter<'_>> {
        None
    }

    /// From here on the receiver speaks this: HELLO answers in the protocol that it chooses. Who is no client has nothing to switch.
    fn switch_protocol(&mut self, protocol: Protocol) {
        let _ = protocol;
    }

    /// A status such as `OK`: no CR or LF in it.
    fn status(&mut self, text: &str) {
        self.status_bytes(text.as_bytes());
    }

    /// As [`Reply::status`], of any bytes but CR and LF.
    fn status_bytes(&mut self, text: &[u8]);

    /// An error with its code in front and without the leading `-`: `ERR syntax error`. CR and LF in it
    /// become spaces.
    fn error(&mut self, message: &[u8]);

    /// A signed integer.
    fn integer(&mut self, value: i64);

    /// A string of bytes.
    fn bulk(&mut self, bytes: &[u8]);

    /// No value: `$-1` in RESP2, `_` in RESP3.
    fn null(&mut self);

    /// No list of values: `*-1` in RESP2, `_` in RESP3.
    fn null_array(&mut self);

    /// `len` elements follow.
    fn array(&mut self, len: usize);

    /// `pairs` keys and values follow, in turn: a flat array in RESP2.
    fn map(&mut self, pairs: usize);

    /// `len` distinct elements follow: an array in RESP2.
    fn set(&mut self, len: usize);

    /// A floating-point number: a string in RESP2.
    fn double(&mut self, value: f64);

    /// True or false: 1 or 0 in RESP2.
    fn boolean(&mut self, value: bool);

    /// An integer of any size, as decimal digits: a string in RESP2. Scripts may take any bytes for digits, but no CR
    /// or LF.
    fn big_number(&mut self, digits: &[u8]);

    /// Text with a three-letter format (`txt`, `mkd`): a plain string in RESP2. A shorter format is filled up with
    /// spaces, of a longer one three bytes are taken.
    fn verbatim(&mut self, format: &[u8], text: &[u8]);

    /// An out-of-band message of `len` elements follows: an array in RESP2.
    fn push(&mut self, len: usize);

    /// `pairs` keys and values with remarks on the reply that follows them. False where the receiver has no place for remarks: then none may follow.
    fn attribute(&mut self, pairs: usize) -> bool {
        let _ = pairs;
        false
    }

    /// The answer `OK`.
    fn ok(&mut self) {
        self.status("OK");
    }

    /// An integer as a string of bytes.
    fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }
}
