//! Sorted sets: members with scores, in order: leaderboards, windows of time, indexes.

mod bzmpop;
mod bzpop;
mod combine;
pub mod pop;
mod range;
mod zadd;
mod zcard;
mod zcount;
mod zdiff;
mod zinter;
mod zmpop;
mod zpop;
mod zrandmember;
mod zrange;
mod zrangestore;
mod zrank;
mod zrem;
mod zremrange;
mod zscan;
mod zscore;
mod zunion;

use perilune_command::{Command, CommandError, Outcome, Stop};
use perilune_keyspace::{EventClass, Expiry, ReadTxn, Slot, WriteTxn};
use perilune_resp::{Protocol, Reply};
use perilune_value::{Collection, Item, SortedSet};

use crate::items::reply_item;

/// The commands of this family.
pub const COMMANDS: &[Command] = &[
    bzmpop::BZMPOP,
    bzpop::BZPOPMAX,
    bzpop::BZPOPMIN,
    zadd::ZADD,
    zadd::ZINCRBY,
    zcard::ZCARD,
    zcount::ZCOUNT,
    zcount::ZLEXCOUNT,
    zdiff::ZDIFF,
    zdiff::ZDIFFSTORE,
    zinter::ZINTER,
    zinter::ZINTERCARD,
    zinter::ZINTERSTORE,
    zmpop::ZMPOP,
    zpop::ZPOPMAX,
    zpop::ZPOPMIN,
    zrandmember::ZRANDMEMBER,
    zrange::ZRANGE,
    zrange::ZRANGEBYLEX,
    zrange::ZRANGEBYSCORE,
    zrange::ZREVRANGE,
    zrange::ZREVRANGEBYLEX,
    zrange::ZREVRANGEBYSCORE,
    zrangestore::ZRANGESTORE,
    zrank::ZRANK,
    zrank::ZREVRANK,
    zrem::ZREM,
    zremrange::ZREMRANGEBYLEX,
    zremrange::ZREMRANGEBYRANK,
    zremrange::ZREMRANGEBYSCORE,
    zscan::ZSCAN,
    zscore::ZMSCORE,
    zscore::ZSCORE,
    zunion::ZUNION,
    zunion::ZUNIONSTORE,
];

/// A sorted set holds some hundred million members; what would be more is refused.
const FULL: CommandError = CommandError::new("ERR the sorted set has no room for this");

/// The sorted set that a key holds, if there is one.
fn find<'t>(txn: &'t mut ReadTxn<'_, '_>, key: &[u8]) -> Result<Option<&'t SortedSet>, Stop> {
    match txn.find(key)? {
        Some(found) => Ok(Some(found.collection()?)),
        None => Ok(None),
    }
}

/// Answers `len` elements: members alone, or with their scores, flat in RESP2 and in pairs in RESP3.
fn reply_elements<'a, R: Reply + ?Sized>(
    elements: impl Iterator<Item = (Item<'a>, f64)>,
    len: usize,
    with_scores: bool,
    reply: &mut R,
) {
    let in_pairs = with_scores && reply.protocol() == Protocol::Resp3;
    let is_flat = with_scores && !in_pairs;
    reply.array(if is_flat { len * 2 } else { len });
    elements.for_each(|(member, score)| {
        if in_pairs {
            reply.array(2);
        }
        reply_item(member, reply);
        if with_scores {
            reply.double(score);
        }
    });
}

/// Makes a key hold a sorted set, whatever it held; an empty one leaves no key. Announces it, and returns its length.
fn store(
    txn: &mut WriteTxn<'_, '_>,
    key: &[u8],
    set: SortedSet,
    event: &'static str,
) -> Outcome<usize> {
    let len = set.len();
    let mut slot = txn.slot(key)?;
    if len > 0 {
        slot.set_collection(set, Expiry::Clear)?;
        slot.notify(EventClass::SORTED_SET, event);
    } else if slot.delete()? {
        slot.notify(EventClass::GENERIC, "del");
    }
    Ok(len)
}

/// Announces that elements were removed, and with the last of them the key.
fn notify_removal(slot: &mut Slot<'_, '_>, event: &'static str) {
    slot.notify(EventClass::SORTED_SET, event);
    if !slot.exists() {
        slot.notify(EventClass::GENERIC, "del");
    }
}
