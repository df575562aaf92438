//! Strings: bytes, integers and counters.

mod append;
mod expiry;
mod get;
mod getdel;
mod getex;
mod getrange;
mod getset;
mod incr;
mod incrbyfloat;
mod lcs;
mod mget;
mod mset;
mod set;
mod setex;
mod setnx;
mod setrange;
mod strlen;

use perilune_command::{Command, CommandError, errors};
use perilune_resp::Reply;
use perilune_value::Text;

pub use expiry::Clocking;

/// The commands of this family.
pub const COMMANDS: &[Command] = &[
    append::APPEND,
    get::GET,
    getdel::GETDEL,
    getex::GETEX,
    getrange::GETRANGE,
    getrange::SUBSTR,
    getset::GETSET,
    incr::DECR,
    incr::DECRBY,
    incr::INCR,
    incr::INCRBY,
    incrbyfloat::INCRBYFLOAT,
    lcs::LCS,
    mget::MGET,
    mset::MSET,
    mset::MSETNX,
    set::SET,
    setex::PSETEX,
    setex::SETEX,
    setnx::SETNX,
    setrange::SETRANGE,
    strlen::STRLEN,
];

/// Answers a string, or null.
fn reply_text(text: Option<Text<'_>>, reply: &mut dyn Reply) {
    match text {
        Some(Text::Bytes(bytes)) => reply.bulk(bytes),
        Some(Text::Int(integer)) => reply.bulk_integer(integer),
        None => reply.null(),
    }
}

/// Refuses a string of `len` and `more` bytes if it is longer than strings may be.
pub fn check_string_len(len: usize, more: usize, len_max: usize) -> Result<(), CommandError> {
    match len.checked_add(more) {
        Some(total) if total <= len_max => Ok(()),
        _ => Err(errors::STRING_TOO_LONG),
    }
}
