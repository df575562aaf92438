//! Answering what collections hold.

use perilune_resp::Reply;
use perilune_value::Item;

/// Answers an element, a member, a field or its value: as a string, whatever it is stored as.
#[inline]
pub(crate) fn reply_item<R: Reply + ?Sized>(item: Item<'_>, reply: &mut R) {
    match item {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Int(integer) => reply.bulk_integer(integer),
    }
}
