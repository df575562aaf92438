//! Values in the RDB format: what DUMP answers and RESTORE takes, and what files are made of.
//!
//! ```text
//!   payload   kind:u8  value  version:u16 LE  CRC-64 of all before:u64 LE
//! ```
//!
//! Written is what Valkey 8.1 writes, to the byte (version 11); hashes with fields that expire are written as Redis 8.0
//! does (version 12), since nothing older knows them. Read is all that came before, too.
//!
//! | kind                          | written for                    | value                                          |
//! |-------------------------------|--------------------------------|------------------------------------------------|
//! | 0                             | a string                       | a string                                       |
//! | 18                            | a list                         | count; for each node its container and a string |
//! | 11, 20                        | an intset, a packed set        | its block as a string                          |
//! | 2                             | any other set                  | count; the members                             |
//! | 17, 16                        | a packed sorted set, hash      | its block as a string                          |
//! | 5                             | any other sorted set           | count; member and score, an f64, the greatest first |
//! | 4                             | any other hash                 | count; field and value                         |
//! | 25                            | a packed hash with expiries    | the first expiry, its block as a string        |
//! | 24                            | any other hash with expiries   | the first expiry, count; expiry, field, value  |
//! | 1, 3, 9, 10, 12, 13, 14, 22, 23 | never: older versions        |                                                |
//!
//! | file         | holds                                            |
//! |--------------|--------------------------------------------------|
//! | `functions.rs` | libraries of functions                         |
//! | `write.rs`   | [`Writer`]                                       |
//! | `read.rs`    | [`Reader`]: lengths and strings                  |
//! | `object.rs`  | how it reads values, and what it looks at in them |
//! | `ziplist.rs` | the packed forms of older versions               |
//! | `lzf.rs`     | compressed strings                               |

mod functions;
mod lzf;
mod object;
mod read;
#[cfg(test)]
mod tests;
mod write;
mod ziplist;

use std::fmt;
use std::ops::RangeInclusive;

use crc::{CRC_64_REDIS, Crc, Table};
use perilune_structures::Corrupt;

use crate::edit::Limits;
use crate::object::Object;
use crate::string::Text;

pub use functions::{Libraries, LibraryError, dump_libraries};
pub use read::Reader;
pub use write::Writer;

/// The version that payloads say they have.
const VERSION: u16 = 11;
/// The first version that knows fields that expire, and the last one that is read.
const VERSION_OF_FIELD_EXPIRY: u16 = 12;

/// The versions that are neither Valkey's nor known: nobody's payload but of a fork's.
const VERSIONS_FOREIGN: RangeInclusive<u16> = VERSION_OF_FIELD_EXPIRY + 1..=79;

/// Whether payloads of versions that are to come are read (`rdb-version-check`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionCheck {
    /// They are refused.
    Strict,
    /// They are taken if they hold nothing that is new.
    Relaxed,
}

impl VersionCheck {
    fn takes(self, version: u16) -> bool {
        version <= VERSION_OF_FIELD_EXPIRY
            || self == VersionCheck::Relaxed && !VERSIONS_FOREIGN.contains(&version)
    }
}

/// Bytes of version and checksum.
const FOOTER_LEN: usize = 10;

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The kinds of values, by the byte that stands before them.
mod kind {
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    pub const SORTED_SET_TEXT_SCORES: u8 = 3;
    pub const HASH: u8 = 4;
    pub const SORTED_SET: u8 = 5;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const SORTED_SET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const LIST_OF_ZIPLISTS: u8 = 14;
    pub const HASH_LISTPACK: u8 = 16;
    pub const SORTED_SET_LISTPACK: u8 = 17;
    pub const LIST_OF_LISTPACKS: u8 = 18;
    pub const SET_LISTPACK: u8 = 20;
    pub const HASH_EXPIRIES_ABSOLUTE: u8 = 22;
    pub const HASH_LISTPACK_EXPIRIES_ABSOLUTE: u8 = 23;
    pub const HASH_EXPIRIES: u8 = 24;
    pub const HASH_LISTPACK_EXPIRIES: u8 = 25;
}

/// What stands at the beginning of a string that is none of plain bytes.
mod special {
    pub const INT_8: u8 = 0xC0;
    pub const INT_16: u8 = 0xC1;
    pub const INT_32: u8 = 0xC2;
    pub const LZF: u8 = 0xC3;
}

/// How a node of a list is kept.
mod container {
    /// One large element.
    pub const PLAIN: u64 = 1;
    /// Elements in a listpack.
    pub const PACKED: u64 = 2;
}

/// A value that is written.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A string.
    Text(Text<'a>),
    /// Anything, a long string included.
    Object(&'a Object),
}

/// Why a payload is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreError {
    /// It is none of a version that is known, or its checksum is wrong.
    Footer,
    /// What stands before that is no value.
    Value(Corrupt),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::Footer => f.write_str("version or checksum of a payload are wrong"),
            RestoreError::Value(corrupt) => corrupt.fmt(f),
        }
    }
}

impl std::error::Error for RestoreError {}

/// The payload of a value, which [`restore`] takes.
pub fn dump(value: Value<'_>) -> Vec<u8> {
    let mut writer = Writer::new();
    let kind = Writer::kind(value);
    writer.put_kind(value);
    writer.put_value(value);
    let mut payload = writer.into_bytes();
    let version = if kind >= kind::HASH_EXPIRIES {
        VERSION_OF_FIELD_EXPIRY
    } else {
        VERSION
    };
    payload.extend(version.to_le_bytes());
    seal(&mut payload);
    payload
}

/// Adds the checksum.
fn seal(payload: &mut Vec<u8>) {
    let checksum = CRC.checksum(payload);
    payload.extend(checksum.to_le_bytes());
}

/// What stands before version and checksum, if these are right.
fn body(payload: &[u8], versions: VersionCheck) -> Option<&[u8]> {
    let (body, footer) = payload.split_at(payload.len().checked_sub(FOOTER_LEN)?);
    let (version, checksum) = footer.split_first_chunk()?;
    let expected = CRC.checksum(&payload[..body.len() + version.len()]);
    let is_right =
        versions.takes(u16::from_le_bytes(*version)) && checksum == expected.to_le_bytes();
    is_right.then_some(body)
}

/// The value of a payload from outside, of which every byte has been looked at: it can be read and changed like any
/// other. A string comes as [`Object::Raw`], however long it is.
///
/// No string in it is longer than `string_len_max` bytes.
///
/// # Errors
/// If it is none.
pub fn restore(
    payload: &[u8],
    limits: &Limits,
    string_len_max: usize,
    versions: VersionCheck,
) -> Result<Object, RestoreError> {
    let body = body(payload, versions).ok_or(RestoreError::Footer)?;
    let mut reader = Reader::new(body, string_len_max);
    let object = reader
        .value_with_kind(limits)
        .map_err(RestoreError::Value)?;
    if reader.is_at_end() {
        Ok(object)
    } else {
        Err(RestoreError::Value(Corrupt {
            what: "a payload with something behind its value",
        }))
    }
}
