//! Libraries of functions, as FUNCTION DUMP answers and FUNCTION RESTORE takes them, and as they stand in files.
//!
//! ```text
//!   payload   (245:u8  source, a string)*  version:u16 LE  CRC-64 of all before:u64 LE
//! ```

use std::borrow::Cow;

use super::{Reader, VERSION, VersionCheck, Writer, body, seal};

/// What stands before a library.
const LIBRARY: u8 = 245;
/// The same in the release candidates of Redis 7.0, in another format.
const LIBRARY_OF_CANDIDATES: u8 = 246;

/// Why a payload of libraries is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LibraryError {
    /// It is none of a version that is known, or its checksum is wrong.
    Footer,
    /// A library is in a format that was given up.
    OldFormat,
    /// There is something else than a library.
    NotALibrary,
    /// A library's source cannot be read.
    Source,
}

/// The payload of libraries with these sources.
pub fn dump_libraries<'a>(sources: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut writer = Writer::new();
    for source in sources {
        writer.put_byte(LIBRARY);
        writer.put_string(source);
    }
    let mut payload = writer.into_bytes();
    payload.extend(VERSION.to_le_bytes());
    seal(&mut payload);
    payload
}

/// The sources of the libraries in a payload from outside, one after the other. None is longer than strings may be.
pub struct Libraries<'a> {
    reader: Reader<'a>,
}

impl<'a> Libraries<'a> {
    /// Looks at version and checksum.
    ///
    /// # Errors
    /// If they are wrong.
    pub fn of(
        payload: &'a [u8],
        string_len_max: usize,
        versions: VersionCheck,
    ) -> Result<Self, LibraryError> {
        let body = body(payload, versions).ok_or(LibraryError::Footer)?;
        Ok(Self {
            reader: Reader::new(body, string_len_max),
        })
    }

    fn read(&mut self) -> Result<Cow<'a, [u8]>, LibraryError> {
        match self.reader.byte() {
            Ok(LIBRARY) => self.reader.string().map_err(|_| LibraryError::Source),
            Ok(LIBRARY_OF_CANDIDATES) => Err(LibraryError::OldFormat),
            _ => Err(LibraryError::NotALibrary),
        }
    }
}

impl<'a> Iterator for Libraries<'a> {
    /// What stands behind an error is not to be read.
    type Item = Result<Cow<'a, [u8]>, LibraryError>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.reader.is_at_end()).then(|| self.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(payload: &[u8]) -> Result<Vec<Vec<u8>>, LibraryError> {
        Libraries::of(payload, 1 << 20, VersionCheck::Strict)?
            .map(|source| source.map(Cow::into_owned))
            .collect()
    }

    /// A payload with this body.
    fn sealed(body: &[u8]) -> Vec<u8> {
        let mut payload = [body, &VERSION.to_le_bytes()[..]].concat();
        seal(&mut payload);
        payload
    }

    #[test]
    fn a_payload_is_the_references() {
        // FUNCTION DUMP of Valkey 8.1
        assert_eq!(dump_libraries([]), b"\x0b\x004D\xe13\xf2\xe0KS"[..]);
        let source = b"#!lua name=mylib\nredis.register_function('hello', function(keys, args) return args[1] end)";
        assert_eq!(
            dump_libraries([&source[..]]),
            b"\xf5\xc3@U@Z\x1f#!lua name=mylib\nredis.register_\x11function('hello', \xe0\x00\x11\x11keys, args) return`\x0c\x07[1] end)\x0b\x00\x02\xf8\x7f\xbfp\x86K["[..]
        );
    }

    #[test]
    fn what_is_dumped_is_restored() {
        let long = b"abcdefgh".repeat(1000);
        for texts in [
            vec![],
            vec![&b"x"[..]],
            vec![&b""[..], &b"12"[..], &long[..]],
        ] {
            let payload = dump_libraries(texts.iter().copied());
            assert_eq!(
                sources(&payload),
                Ok(texts.iter().map(|text| text.to_vec()).collect())
            );
            for at in 0..payload.len() {
                let mut damaged = payload.clone();
                damaged[at] ^= 1;
                assert_eq!(sources(&damaged), Err(LibraryError::Footer), "{at}");
                assert_eq!(sources(&payload[..at]), Err(LibraryError::Footer), "{at}");
            }
        }
    }

    #[test]
    fn what_is_no_library_is_refused() {
        let cases: &[(&[u8], LibraryError)] = &[
            (b"\xf6\x01x", LibraryError::OldFormat),
            (b"\x00\x01x", LibraryError::NotALibrary),
            (b"\xf5\x01x\x00", LibraryError::NotALibrary),
            (b"\xf5", LibraryError::Source),
            (b"\xf5\x02x", LibraryError::Source),
            (
                b"\xf5\x81\xff\xff\xff\xff\xff\xff\xff\xffx",
                LibraryError::Source,
            ),
            (
                b"\xf5\xc3\x02\x81\x00\x00\x00\x00\xff\xff\xff\xffxx",
                LibraryError::Source,
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(sources(&sealed(body)), Err(*expected), "{body:?}");
        }
    }
}
