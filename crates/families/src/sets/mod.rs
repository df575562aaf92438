//! Sets: tags, members, who has seen what.

mod sadd;
mod scard;
mod sinter;
mod sismember;
mod smembers;
mod smove;
mod spop;
mod srandmember;
mod srem;
mod sscan;
mod sunion;

use std::collections::BTreeSet;

use fastrand::Rng;
use perilune_command::{Command, CommandError, Outcome, Stop};
use perilune_keyspace::{EventClass, Expiry, Found, ReadTxn, Slot, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Item, Set};

/// The commands of this family.
pub const COMMANDS: &[Command] = &[
    sadd::SADD,
    scard::SCARD,
    sunion::SDIFF,
    sunion::SDIFFSTORE,
    sinter::SINTER,
    sinter::SINTERCARD,
    sinter::SINTERSTORE,
    sismember::SISMEMBER,
    smembers::SMEMBERS,
    sismember::SMISMEMBER,
    smove::SMOVE,
    spop::SPOP,
    srandmember::SRANDMEMBER,
    srem::SREM,
    sscan::SSCAN,
    sunion::SUNION,
    sunion::SUNIONSTORE,
];

/// The set has no room: its table ends at 2 GiB.
const FULL: CommandError = CommandError::new("ERR the set has no room for this");

/// Where more than this part of a table is wanted, going over all of it is cheaper than drawing until there are enough
/// different ones.
const WHOLE_PART: usize = 3;

/// The set that a key holds, if there is one.
fn find<'t>(txn: &'t mut ReadTxn<'_, '_>, key: &[u8]) -> Result<Option<&'t Set>, Stop> {
    match txn.find(key)? {
        Some(found) => Ok(Some(found.collection()?)),
        None => Ok(None),
    }
}

/// Announces that members were removed, and with the last of them the key.
fn notify_removal(slot: &mut Slot<'_, '_>, event: &'static str) {
    slot.notify(EventClass::SET, event);
    if !slot.exists() {
        slot.notify(EventClass::GENERIC, "del");
    }
}

/// `count` different members, fewer than there are, each as probable as any other.
fn sample(set: &Set, count: usize, random: &mut Rng) -> Vec<Vec<u8>> {
    if set.is_packed() || count.saturating_mul(WHOLE_PART) > set.len() {
        let (mut left, mut wanted) = (set.len(), count);
        let chosen = set.iter().filter(|_| {
            let takes = random.usize(..left) < wanted;
            left -= 1;
            wanted -= usize::from(takes);
            takes
        });
        return chosen.map(Item::to_vec).collect();
    }
    let mut chosen = BTreeSet::new();
    while chosen.len() < count
        && let Some(member) = set.random(random.u64(..))
    {
        chosen.insert(member.to_vec());
    }
    chosen.into_iter().collect()
}

/// The sets of several keys, in their order; none for a key that does not exist.
struct Sources<'t>(Vec<Option<&'t Set>>);

impl<'t> Sources<'t> {
    fn find(txn: &'t mut ReadTxn<'_, '_>, keys: &[&[u8]]) -> Result<Self, Stop> {
        let is_wrong = |found: Found<'_>| found.collection::<Set>().is_err();
        let found = txn.find_all_until(keys, is_wrong)?;
        let sets = found
            .into_iter()
            .map(|found| found.map(|found| found.collection()).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Self(sets))
    }

    fn some_are_missing(&self) -> bool {
        self.0.iter().any(Option::is_none)
    }

    fn present(&self) -> impl Iterator<Item = &'t Set> {
        self.0.iter().flatten().copied()
    }

    /// The sets, the smallest first.
    fn by_len(&self) -> impl Iterator<Item = &'t Set> {
        let mut sets: Vec<&Set> = self.present().collect();
        sets.sort_by_key(|set| set.len());
        sets.into_iter()
    }

    /// The first set, and those of the others that there are.
    fn split_first(&self) -> Option<(Option<&'t Set>, impl Iterator<Item = &'t Set>)> {
        let (first, others) = self.0.split_first()?;
        Some((*first, others.iter().flatten().copied()))
    }
}

/// Makes a key hold a set, whatever it held; an empty one leaves no key. Announces it, and answers its length.
fn store(
    txn: &mut WriteTxn<'_, '_>,
    key: &[u8],
    set: Set,
    event: &'static str,
    reply: &mut dyn Reply,
) -> Outcome {
    let len = set.len();
    let mut slot = txn.slot(key)?;
    if len > 0 {
        slot.set_collection(set, Expiry::Clear)?;
        slot.notify(EventClass::SET, event);
    } else if slot.delete()? {
        slot.notify(EventClass::GENERIC, "del");
    }
    reply.integer(len as i64);
    Ok(())
}
