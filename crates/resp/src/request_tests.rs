//! Tables for the request parser, observed on the reference server, and the law that cuts do not matter.

use super::*;

/// What a whole stream amounts to: its requests, and how it ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Waiting,
    Failed(ProtocolError),
}

/// Feeds the pieces one after the other, as a connection would.
fn read(pieces: &[&[u8]], limits: &RequestLimits) -> (Vec<Vec<Vec<u8>>>, End) {
    let mut parser = RequestParser::new();
    let mut buffer = Vec::new();
    let mut requests = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let mut words = Vec::new();
            let usual = parser
                .is_idle()
                .then(|| read_usual(&buffer, |word| words.push(word)))
                .flatten();
            match parser.parse(&buffer, limits) {
                Ok(Parsed::Request(request)) => {
                    if let Some(consumed) = usual {
                        assert_eq!(consumed, request.consumed);
                        assert!(words.iter().copied().eq(request.args.iter()));
                    }
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
                    assert!(usual.is_none() || *limits != RequestLimits::default());
                    return (requests, End::Failed(error));
                }
            }
        }
    }
    (requests, End::Waiting)
}

#[track_caller]
fn check(stream: &[u8], requests: &[&[&[u8]]], end: End) {
    check_with(stream, &RequestLimits::default(), requests, end);
}

#[track_caller]
fn check_with(stream: &[u8], limits: &RequestLimits, requests: &[&[&[u8]]], end: End) {
    let expected: Vec<Vec<Vec<u8>>> = requests
        .iter()
        .map(|request| request.iter().map(|arg| arg.to_vec()).collect())
        .collect();
    let bytewise: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(
        read(&[stream], limits),
        (expected, end),
        "{:?}",
        String::from_utf8_lossy(stream)
    );
    assert_eq!(read(&[stream], limits), read(&bytewise, limits));
}

#[test]
fn usual_requests_need_no_parser() {
    let words_of = |input: &[u8]| {
        let mut words = 0;
        read_usual(input, |_| words += 1).map(|consumed| (words, consumed))
    };
    assert_eq!(words_of(b"*1\r\n$4\r\nPING\r\n*1"), Some((1, 14)));
    let long = [b"*2\r\n$4\r\nECHO\r\n$123\r\n", &[b'x'; 123][..], b"\r\n"].concat();
    assert_eq!(words_of(&long), Some((2, long.len())));
    assert_eq!(words_of(&long[..long.len() - 1]), None);
    for other in [
        &b""[..],
        b"PING\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*01\r\n$4\r\nPING\r\n",
        b"*100\r\n$4\r\nPING\r\n",
        b"*1\r\n:4\r\nPING\r\n",
        b"*1\r\n$0\r\n\r\n",
        b"*1\r\n$1000\r\n",
    ] {
        assert_eq!(words_of(other), None);
    }
}

#[test]
fn requests() {
    let ping: &[&[u8]] = &[b"PING"];
    check(b"", &[], End::Waiting);
    check(b"*1\r\n$4\r\nPING\r\n", &[ping], End::Waiting);
    check(
        b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI",
        &[ping, ping],
        End::Waiting,
    );
    check(
        b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\na\r\nb\r\nc\r\nd\r\nxx",
        &[&[b"SET", b"", b"a\r\nb\r\nc\r\nd\r\n"]],
        End::Waiting,
    );
    check(
        b"*0\r\n*-1\r\n*-5\r\n\r\n\n   \r\n*1\r\n$4\r\nPING\r\n",
        &[ping],
        End::Waiting,
    );
    check(
        b"*1\rX$4\rXPINGab*1\r\n$4\r\nPINGcd",
        &[ping, ping],
        End::Waiting,
    );
    check(
        b"PING\nPING\r\nPING\r\r\n",
        &[ping, ping, ping],
        End::Waiting,
    );
    check(
        b"ECHO \"a b\\n\" 'c'\r\nPING\r\n",
        &[&[b"ECHO", b"a b\n", b"c"], ping],
        End::Waiting,
    );
    check(b"EC\0HO a\r\nPING\r\n", &[], End::Waiting);
}

#[test]
fn protocol_errors() {
    use ProtocolError::*;
    let table: &[(&[u8], ProtocolError)] = &[
        (b"*x\r\n", InvalidMultibulkLength),
        (b"*\r\n", InvalidMultibulkLength),
        (b"*+1\r\n", InvalidMultibulkLength),
        (b"*01\r\n", InvalidMultibulkLength),
        (b"*2147483648\r\n", InvalidMultibulkLength),
        (b"*1\r\n+PING\r\n", ExpectedBulk(b'+')),
        (b"*1\r\n5\r\n", ExpectedBulk(b'5')),
        (b"*1\r\n\r\n$", ExpectedBulk(b'\r')),
        (b"*1\r\n$\r\n", InvalidBulkLength),
        (b"*1\r\n$x\r\n", InvalidBulkLength),
        (b"*1\r\n$-1\r\n", InvalidBulkLength),
        (b"*1\r\n$536870913\r\n", InvalidBulkLength),
        (b"PING \"a\r\n", UnbalancedQuotes),
    ];
    for &(stream, error) in table {
        check(stream, &[], End::Failed(error));
    }
    let long = vec![b'1'; INLINE_LEN_MAX];
    let table: &[(&[u8], ProtocolError)] = &[
        (b"1", TooBigInlineRequest),
        (b"*", TooBigMultibulkCount),
        (b"*1\r\n$", TooBigBulkCount),
    ];
    for &(start, error) in table {
        let stream = [start, &long].concat();
        check(&stream, &[], End::Failed(error));
        // One byte less may still become a request.
        let waiting = &stream[..stream.len() - 1];
        assert_eq!(read(&[waiting], &RequestLimits::default()).1, End::Waiting);
    }
}

#[test]
fn before_authentication_requests_are_short() {
    let limits = RequestLimits {
        authenticated: false,
        ..RequestLimits::default()
    };
    check_with(
        b"*11\r\n",
        &limits,
        &[],
        End::Failed(ProtocolError::UnauthenticatedMultibulkLength),
    );
    check_with(
        b"*1\r\n$16385\r\n",
        &limits,
        &[],
        End::Failed(ProtocolError::UnauthenticatedBulkLength),
    );
    check_with(b"*10\r\n$16384\r\n", &limits, &[], End::Waiting);
}

#[test]
fn messages_are_the_reference_servers() {
    use ProtocolError::*;
    let table: &[(ProtocolError, &[u8])] = &[
        (
            InvalidMultibulkLength,
            b"-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (
            ExpectedBulk(b'+'),
            b"-ERR Protocol error: expected '$', got '+'\r\n",
        ),
        (
            ExpectedBulk(b'\r'),
            b"-ERR Protocol error: expected '$', got ' '\r\n",
        ),
        (
            ExpectedBulk(0xff),
            b"-ERR Protocol error: expected '$', got '\xff'\r\n",
        ),
        (
            UnbalancedQuotes,
            b"-ERR Protocol error: unbalanced quotes in request\r\n",
        ),
    ];
    for (error, expected) in table {
        let mut buf = Vec::new();
        error.write(&mut crate::RespWriter::new(
            &mut buf,
            crate::Protocol::Resp2,
        ));
        assert_eq!(buf, *expected);
    }
}

#[test]
fn an_unfinished_bulk_tells_how_much_it_wants() {
    let mut parser = RequestParser::new();
    let limits = RequestLimits::default();
    let stream = b"*2\r\n$3\r\nGET\r\n$100000\r\nabc";
    assert!(matches!(
        parser.parse(stream, &limits),
        Ok(Parsed::Incomplete { consumed: 0 })
    ));
    assert_eq!(parser.bytes_wanted(), 22 + 100_000 + 2);
    assert!(!parser.is_idle());
}

#[test]
fn a_request_can_be_seen_again() {
    let mut parser = RequestParser::new();
    let limits = RequestLimits::default();
    for _ in 0..2 {
        let Ok(Parsed::Request(request)) = parser.parse(b"*1\r\n$4\r\nPING\r\nrest", &limits)
        else {
            panic!("a whole request");
        };
        assert_eq!(
            (&request.args[0], request.consumed),
            (b"PING".as_slice(), 14)
        );
    }
}

mod cuts {
    use super::*;
    use proptest::prelude::*;

    /// Streams that are nearly right, so that every path is walked.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"*1\r\n$4\r\nPING\r\n".to_vec()),
            Just(b"*2\r\n$4\r\nECHO\r\n$3\r\na\rb\r\n".to_vec()),
            Just(b"*0\r\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"  \n".to_vec()),
            Just(b"ECHO \"x y\" z\r\n".to_vec()),
            Just(b"ECHO 'x\n".to_vec()),
            Just(b"*3\r\n".to_vec()),
            Just(b"$1\r\nx\r\n".to_vec()),
            Just(b"$-1\r\n".to_vec()),
            Just(b"*1".to_vec()),
            Just(b"\r".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
            (0usize..300).prop_map(|len| {
                [
                    format!("*1\r\n${len}\r\n").as_bytes(),
                    &vec![b'v'; len],
                    b"\r\n",
                ]
                .concat()
            }),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn do_not_matter(stream in stream(), mut cuts in proptest::collection::vec(0usize..2000, 0..8)) {
            cuts.iter_mut().for_each(|cut| *cut %= stream.len() + 1);
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for cut in cuts {
                pieces.push(&stream[start..cut]);
                start = cut;
            }
            pieces.push(&stream[start..]);
            let limits = RequestLimits::default();
            prop_assert_eq!(read(&pieces, &limits), read(&[&stream], &limits));
        }
    }
}
