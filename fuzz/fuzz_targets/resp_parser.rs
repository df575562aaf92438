//! The request parser under hostile bytes: it never panics, and where the bytes are cut does not matter.
//!
//! The first byte picks where to cut, the rest is the stream.

#![no_main]

use libfuzzer_sys::fuzz_target;
use perilune_resp::{Parsed, ProtocolError, RequestLimits, RequestParser, read_usual};

type Requests = Vec<Vec<Vec<u8>>>;

fn read(
    stream: &[u8],
    piece_len: usize,
    limits: &RequestLimits,
) -> (Requests, Option<ProtocolError>) {
    let mut parser = RequestParser::new();
    let mut buffer = Vec::new();
    let mut requests = Vec::new();
    for piece in stream.chunks(piece_len.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            let mut words = Vec::new();
            let usual = if parser.is_idle() {
                read_usual(&buffer, |word| words.push(word))
            } else {
                None
            };
            match parser.parse(&buffer, limits) {
                Ok(Parsed::Request(request)) => {
                    if let Some(consumed) = usual {
                        assert_eq!(consumed, request.consumed);
                        assert!(words.iter().copied().eq(request.args.iter()));
                    }
                    assert!(!request.args.is_empty());
                    requests.push(request.args.iter().map(<[u8]>::to_vec).collect());
                    let consumed = request.consumed;
                    buffer.drain(..consumed);
                }
                Ok(Parsed::Incomplete { consumed }) => {
                    assert_eq!(usual, None);
                    buffer.drain(..consumed);
                    break;
                }
                Err(error) => {
                    assert!(usual.is_none() || !limits.authenticated);
                    return (requests, Some(error));
                }
            }
        }
    }
    (requests, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((&cut, stream)) = data.split_first() else {
        return;
    };
    let limits = RequestLimits {
        bulk_len_max: 1 << 20,
        authenticated: cut & 1 == 0,
    };
    let whole = read(stream, stream.len(), &limits);
    assert_eq!(read(stream, usize::from(cut >> 1), &limits), whole);
});
