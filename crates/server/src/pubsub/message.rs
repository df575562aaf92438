//! What is sent.
//!
//! ```text
//!   *3 | 3  $7 message           | $4 news $2 hi        '*' in RESP2, '>' in RESP3
//!   *4 | 4  $8 pmessage $2 n*    | $4 news $2 hi
//!           by kind and pattern    built once, shared by all who get it
//! ```

use perilune_resp::{Protocol, Reply, RespWriter};

use super::Scope;
use super::patterns::Pattern;

/// A message that was published.
#[derive(Debug)]
pub struct Message {
    scope: Scope,
    /// Channel and payload as bulk strings, the same in both protocols.
    text: Box<[u8]>,
    /// Where the payload's bulk string begins.
    payload_at: usize,
}

impl Message {
    /// Builds the part that all get.
    pub fn new(scope: Scope, channel: &[u8], payload: &[u8]) -> Self {
        // two headers of up to 20 digits
        let mut text = Vec::with_capacity(channel.len() + payload.len() + 50);
        let mut writer = RespWriter::new(&mut text, Protocol::Resp2);
        writer.bulk(channel);
        let payload_at = writer.buf.len();
        writer.bulk(payload);
        Self {
            scope,
            text: text.into(),
            payload_at,
        }
    }

    /// Memory that it takes.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.text.len()
    }

    /// The channel.
    pub fn channel(&self) -> &[u8] {
        content(&self.text[..self.payload_at])
    }

    fn payload(&self) -> &[u8] {
        content(&self.text[self.payload_at..])
    }
}

/// What a bulk string holds.
fn content(bulk: &[u8]) -> &[u8] {
    let header = bulk.iter().position(|byte| *byte == b'\n').unwrap_or(0) + 1;
    &bulk[header..bulk.len() - 2]
}

/// A message and why somebody gets it.
#[derive(Clone, Copy)]
pub struct Letterhead<'a> {
    pub(super) message: &'a Message,
    /// The pattern that matched; none for those who listen to the channel itself.
    pub(super) pattern: Option<&'a Pattern>,
}

impl Letterhead<'_> {
    /// Appends the message as a client gets it.
    pub fn write(&self, protocol: Protocol, out: &mut Vec<u8>) {
        let mut writer = RespWriter::new(out, protocol);
        self.write_head(&mut writer);
        writer.raw(&self.message.text);
    }

    /// Writes the message in the midst of a reply.
    pub fn write_to(&self, reply: &mut dyn Reply) {
        self.write_head(reply);
        reply.bulk(self.message.channel());
        reply.bulk(self.message.payload());
    }

    fn write_head(&self, reply: &mut dyn Reply) {
        match (self.pattern, self.message.scope) {
            (Some(pattern), _) => {
                reply.push(4);
                reply.bulk(b"pmessage");
                reply.bulk(&pattern.text);
            }
            (None, Scope::Global) => {
                reply.push(3);
                reply.bulk(b"message");
            }
            (None, Scope::Shard) => {
                reply.push(3);
                reply.bulk(b"smessage");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_both_protocols() {
        let message = Message::new(Scope::Shard, b"c\n", b"");
        assert_eq!(message.channel(), b"c\n");
        let letterhead = Letterhead {
            message: &message,
            pattern: None,
        };
        let mut out = Vec::new();
        letterhead.write(Protocol::Resp2, &mut out);
        assert_eq!(out, b"*3\r\n$8\r\nsmessage\r\n$2\r\nc\n\r\n$0\r\n\r\n");
        let mut pieces = Vec::new();
        letterhead.write_to(&mut RespWriter::new(&mut pieces, Protocol::Resp3));
        assert_eq!(pieces, [b">".as_slice(), &out[1..]].concat());
    }
}
