//! Taking elements from lists and moving them: what LPOP, LMPOP and LMOVE share with the commands that wait.
//!
//! All of it answers and announces as the command without waiting does. What answers the key as well says how it is to
//! be repeated, because who repeats it must not search.

use perilune_command::Outcome;
use perilune_keyspace::{EventClass, Slot, WriteTxn};
use perilune_resp::Reply;
use perilune_value::{Collection, Edit, List, Side};

use super::{pop_event, push_event};
use crate::items::reply_item;

/// Removes an element from a list that is there, and answers it.
#[inline]
pub fn one(slot: &mut Slot<'_, '_>, side: Side, reply: &mut dyn Reply) -> Outcome {
    slot.edit(|list: &mut Edit<'_, List>| {
        list.pop_one(side, |element, _| reply_item(element, reply))
    })?;
    announce_pop(slot, side);
    Ok(())
}

/// Removes up to `count` elements, which is not 0, from a list that is there, and answers them as an array; how many.
pub fn many(
    slot: &mut Slot<'_, '_>,
    side: Side,
    count: usize,
    reply: &mut dyn Reply,
) -> Outcome<usize> {
    let popped = slot.edit(|list: &mut Edit<'_, List>| {
        reply.array(count.min(list.len()));
        list.pop(side, count, |element| reply_item(element, reply))
    })?;
    announce_pop(slot, side);
    Ok(popped)
}

/// Removes up to `count` elements, which is not 0, from the list that `key` holds, and answers the key and them: what
/// LMPOP and BLMPOP do.
pub fn many_with_key(
    txn: &mut WriteTxn<'_, '_>,
    key: &[u8],
    side: Side,
    count: usize,
    reply: &mut dyn Reply,
) -> Outcome {
    reply.array(2);
    reply.bulk(key);
    let popped = many(&mut txn.slot(key)?, side, count, reply)?;
    let mut digits = itoa::Buffer::new();
    txn.propagate(&[pop_name(side), key, digits.format(popped).as_bytes()]);
    Ok(())
}

/// Moves an element from an end of one list to an end of another, or of the same one, and answers it. False if there is
/// no list to take it from; then nothing was answered.
pub fn move_one(
    txn: &mut WriteTxn<'_, '_>,
    (source, from): (&[u8], Side),
    (destination, to): (&[u8], Side),
    reply: &mut dyn Reply,
) -> Outcome<bool> {
    let mut slot = txn.slot(source)?;
    if slot.collection::<List>()?.is_none() {
        return Ok(false);
    }
    if source == destination {
        slot.edit(|list: &mut Edit<'_, List>| {
            list.rotate(from, to, |element| reply.bulk(element));
        })?;
        slot.notify(EventClass::LIST, push_event(to));
        announce_pop(&mut slot, from);
        return Ok(true);
    }
    txn.slot(destination)?.collection::<List>()?;

    let popped = txn.slot(source)?.edit(|list: &mut Edit<'_, List>| {
        let mut digits = itoa::Buffer::new();
        list.pop_one(from, |element, estimated_len| {
            (element.bytes(&mut digits).to_vec(), estimated_len)
        })
    })?;
    let Some((element, estimated_len)) = popped else {
        unreachable!("a list that is there has an element");
    };
    let mut slot = txn.slot(destination)?;
    slot.edit(|list: &mut Edit<'_, List>| list.push_moved(to, &element, estimated_len))?;
    slot.notify(EventClass::LIST, push_event(to));
    announce_pop(&mut txn.slot(source)?, from);
    reply.bulk(&element);
    Ok(true)
}

fn announce_pop(slot: &mut Slot<'_, '_>, side: Side) {
    slot.notify(EventClass::LIST, pop_event(side));
    if !slot.exists() {
        slot.notify(EventClass::GENERIC, "del");
    }
}

/// What the log gets of a pop from this side.
pub fn pop_name(side: Side) -> &'static [u8] {
    match side {
        Side::Left => b"LPOP",
        Side::Right => b"RPOP",
    }
}
