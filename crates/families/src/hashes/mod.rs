//! Hashes: fields with values, each field with an expiry of its own if it has one.
//!
//! A field whose time has come is absent to all these commands but HLEN, which counts it, and HDEL, which deletes
//! it, until it is removed: here, where a command meets it by its name, or by the active expiry.

mod fields;
mod hdel;
mod hexists;
mod hexpire;
mod hget;
mod hgetall;
mod hgetdel;
mod hgetex;
mod hincrby;
mod hincrbyfloat;
mod hlen;
mod hmget;
mod hpersist;
mod hrandfield;
mod hscan;
mod hset;
mod hsetex;
mod hsetnx;
mod hstrlen;
mod httl;

use perilune_command::{Command, CommandError, Outcome};
use perilune_keyspace::{Fields, ReadTxn, Slot, WriteTxn};
use perilune_value::{Hash, HashAt};

/// The commands of this family.
pub const COMMANDS: &[Command] = &[
    hdel::HDEL,
    hexists::HEXISTS,
    hexpire::HEXPIRE,
    hexpire::HEXPIREAT,
    httl::HEXPIRETIME,
    hget::HGET,
    hgetall::HGETALL,
    hgetdel::HGETDEL,
    hgetex::HGETEX,
    hincrby::HINCRBY,
    hincrbyfloat::HINCRBYFLOAT,
    hgetall::HKEYS,
    hlen::HLEN,
    hmget::HMGET,
    hset::HMSET,
    hpersist::HPERSIST,
    hexpire::HPEXPIRE,
    hexpire::HPEXPIREAT,
    httl::HPEXPIRETIME,
    httl::HPTTL,
    hrandfield::HRANDFIELD,
    hscan::HSCAN,
    hset::HSET,
    hsetex::HSETEX,
    hsetnx::HSETNX,
    hstrlen::HSTRLEN,
    httl::HTTL,
    hgetall::HVALS,
];

/// One hash holds about 200 million fields; the reference has no such limit.
const FULL: CommandError = CommandError::new("ERR the hash is full");

/// Answers from a hash as it is now, or from none where the key does not exist. Those among the fields that the command
/// meets whose time has come are removed.
fn read(
    txn: &mut ReadTxn<'_, '_>,
    key: &[u8],
    met: Fields<'_>,
    answer: impl FnOnce(Option<HashAt<'_>>),
) -> Outcome {
    let Some(found) = txn.find(key)? else {
        answer(None);
        return Ok(());
    };
    let hash = found.collection::<Hash>()?;
    if hash.expire_at_ms_min().is_none() {
        answer(Some(hash.at(i64::MIN)));
        return Ok(());
    }
    let now_ms = txn.fields_now_ms();
    txn.expire_fields(key, met)?;
    match txn.peek(key)? {
        Some(found) => answer(Some(found.collection::<Hash>()?.at(now_ms))),
        None => answer(None),
    }
    Ok(())
}

/// What `look` says of a hash that is to be changed as it is now, or of none where the key does not exist. Those among
/// the fields that the command meets whose time has come are removed.
fn inspect<R>(
    slot: &mut Slot<'_, '_>,
    met: Fields<'_>,
    look: impl FnOnce(Option<HashAt<'_>>) -> R,
) -> Outcome<R> {
    let hash = slot.collection::<Hash>()?;
    if hash.is_none_or(|hash| hash.expire_at_ms_min().is_none()) {
        return Ok(look(hash.map(|hash| hash.at(i64::MIN))));
    }
    let now_ms = slot.fields_now_ms();
    slot.expire_fields(met);
    let hash = slot.collection::<Hash>()?;
    Ok(look(hash.map(|hash| hash.at(now_ms))))
}

/// The slot of a hash that is to be changed, and the time by which its fields are absent. Those among the fields that
/// the command meets whose time has come are removed.
fn open<'s, 'k>(
    txn: &'s mut WriteTxn<'_, 'k>,
    key: &'s [u8],
    met: Fields<'_>,
) -> Outcome<(Slot<'s, 'k>, i64)> {
    let mut slot = txn.slot(key)?;
    let hash = slot.collection::<Hash>()?;
    if hash.is_none_or(|hash| hash.expire_at_ms_min().is_none()) {
        return Ok((slot, i64::MIN));
    }
    let now_ms = slot.fields_now_ms();
    slot.expire_fields(met);
    Ok((slot, now_ms))
}

/// Refuses fields and values, in turn, for which a hash has no room.
fn check_room(hash: Option<&Hash>, fields_and_values: &[&[u8]]) -> Result<(), CommandError> {
    match hash {
        Some(hash) if !hash.has_room(fields_and_values) => Err(FULL),
        _ => Ok(()),
    }
}
